"""Standard errors for a report, where they can be had in a time that a report may take."""

from __future__ import annotations

from typing import Any

from ..inference.class_summarise import summarise_classes
from ..inference.fitted import Fitted, How
from ..inference.summarise import summarise

MOST_PARAMETERS, MOST_WORK = 1000, 3e11  # of the information matrix, and parameters^2 examples


def estimated(fitted: Fitted) -> tuple[Any, str]:
    """Return the summary of a fit, or None and why there is none."""
    K = len(fitted.labels)
    count = len(fitted.parameters) * max(1, K - 1)
    if count > MOST_PARAMETERS or count**2 * float(fitted.design.m) > MOST_WORK:
        return None, (
            f"they are computed for up to {MOST_PARAMETERS} coefficients, and on fewer examples "
            f"the more there are; here there are {count} on {fitted.design.m:,} examples."
        )
    try:
        if K > 2:
            return summarise_classes(fitted, How(), None), ""
        return summarise(fitted, How()), ""
    except ValueError as error:
        return None, f"{error}."
