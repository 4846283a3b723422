"""From `cv=` of an estimator to splits of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_number
from ..training.folds import Indices

ALO = "alo"
DEFAULT_FOLDS = 5


def splits_of(
    cv: Any, X: Any, y: NDArray[Any], groups: Any, weight: NDArray[np.float64]
) -> Iterator[tuple[Indices, Indices]]:
    """Yield the rows to train on and to test on of each split.

    cv: a number of folds, stratified as scikit-learn's; a splitter; or an iterable of pairs. X is
    handed to splitters as it is. Rows of weight 0 do not count as examples of their class.
    """
    from sklearn.model_selection import check_cv

    if isinstance(cv, str):
        raise ValueError(
            f'cv must be a number of folds, a splitter, pairs of indices or "{ALO}"; got {cv!r}'
        )
    folds = DEFAULT_FOLDS if cv is None else cv
    if isinstance(folds, (int, np.integer)) and not isinstance(folds, bool):
        folds = int(check_number("cv", int(folds), low=2, integer=True))
        _require_enough(folds, y[weight > 0.0] if weight.size else y)
    splitter = check_cv(folds, y, classifier=True)
    # One after the other: rows to train on, of all splits, would be as many vectors as folds.
    return (
        (_indices(train, len(y)), _indices(test, len(y)))
        for train, test in splitter.split(X, y, groups)
    )


def _require_enough(folds: int, y: NDArray[Any]) -> None:
    """ValueError where there are fewer examples of a class than folds."""
    labels, counts = np.unique(y, return_counts=True)
    least = int(np.argmin(counts))
    if counts[least] < folds:
        raise ValueError(
            f"cv must be at most the number of examples of the smallest class, {counts[least]} of "
            f"{labels[least].item()!r}, so that each fold holds some of it out; got cv={folds}. "
            "Use fewer folds, or a splitter of your own"
        )


def _indices(part: Any, m: int) -> Indices:
    """Return the rows of a part, from indices or a mask."""
    rows = np.asarray(part)
    if rows.dtype == np.bool_ and rows.shape == (m,):
        return np.flatnonzero(rows)
    if rows.size == 0:
        return np.empty(0, np.intp)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= m:
        raise ValueError(
            f"cv must give splits as row numbers of 0 to {m - 1}, or as masks of {m} rows; got "
            f"{part!r}"
        )
    return rows.astype(np.intp)
