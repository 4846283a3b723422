"""Checks of what users ask for beside a bias reduction: it stands alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import check_choice

KINDS = ("firth", "flic", "flac", "median")


def check_bias_reduction(
    kind: Any, lambda_: float, solver: Any, why: str, controls: dict[str, tuple[Any, Any]]
) -> str:
    """Return the kind; ValueError where something else that was asked for does not go with it.

    why: which arguments ask for another penalty, in words. controls: of a run, as they were given
    and as they must be.
    """
    found: str = check_choice("bias_reduction", kind, KINDS)
    if lambda_ > 0.0:
        raise ValueError(
            f"bias_reduction={found!r} needs a fit without another penalty, lambda 0 (C = "
            f"infinity); got lambda {lambda_:g}. Pass C=np.inf to an estimator, lambda_=0 to train"
        )
    if why:
        raise ValueError(f"bias_reduction={found!r} does not go with {why}: leave one of them out")
    if solver != "auto":
        raise ValueError(
            f"solver must be 'auto' with bias_reduction={found!r}; got {solver!r}. Pass "
            'solver="auto"'
        )
    for name, (given, needed) in controls.items():
        if given is not needed and (np.ndim(given) or given != needed):
            raise ValueError(
                f"{name} must be {needed!r} with bias_reduction={found!r}, whose steps are its "
                "own. Leave it out"
            )
    return found


def require_two_classes(kind: str, count: int) -> None:
    """ValueError for more classes than two."""
    if count > 2:
        raise ValueError(
            f"bias_reduction={kind!r} is for two classes; got {count}. Fit each class against a "
            "reference class, or leave it out"
        )
