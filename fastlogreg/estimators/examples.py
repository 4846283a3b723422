"""The examples of a fit, given once more: checked against the fitted estimator."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..backends.base import Backend
from ..checks.arguments import require_here
from ..checks.labels import LabelledRows, labels_and_weights
from ..checks.missing import plain_labels
from ..checks.penalties import check_offset
from ..data.design import Design
from ..maths.arrays import NONE, Vector
from .grouped import counted_rows
from .input import checked_alike, rows_design, rows_of


class Examples(NamedTuple):
    """Hold X as a design, labels or shares with weights, as the fit had them, and what sums."""

    design: Design
    rows: LabelledRows
    backend: str | Backend = "fused"

    def offset(self, given: Any) -> Vector:
        """Return a known part of z for each example, checked; none for None."""
        return NONE if given is None else check_offset(given, self.design.m, flat=True)


def examples_of(estimator: Any, X: Any, y: Any, sample_weight: Any, trials: Any) -> Examples:
    """Return the examples; y holds labels, or successes where there are trials.

    Raises ValueError for other columns, another length, or other classes than those of the fit.
    """
    require_here(X, "Fit fastlogreg.dask.LogisticRegression, and ask it")
    X = checked_alike(estimator, X)
    m = rows_of(X)
    y = np.asarray(plain_labels(y)).reshape(-1)
    if len(y) != m:
        raise ValueError(f"y must have a label for each of the {m} rows of X; got {len(y)}")
    if trials is not None:
        if sample_weight is not None:
            raise ValueError(
                "sample_weight must be None with trials, which are the weights themselves"
            )
        rows = counted_rows(y, trials, estimator.class_weight)
    else:
        rows = labels_and_weights(y, sample_weight, estimator.class_weight)
    require_classes(estimator, rows.classes)
    return Examples(rows_design(X), rows)


def require_classes(estimator: Any, classes: Any) -> None:
    """ValueError for other classes than those of the fit."""
    if not np.array_equal(classes, estimator.classes_):
        raise ValueError(
            f"y must have the classes of the fit, {estimator.classes_.tolist()}; got "
            f"{classes.tolist()}"
        )
