"""The data of its fit, which an estimator remembers for its summary."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

HELD_BYTES = 64 << 20  # of an X that is kept alive; a larger one is the caller's to keep
DATA = "_data_of_fit"


def keep_data(
    estimator: Any, X: Any, y: Any, sample_weight: Any, offset: Any, trials: Any = None
) -> None:
    """Remember the data of a fit, without a copy: large ones weakly.

    So those of Dask, whose size is not known before they are computed.
    """
    held = not hasattr(X, "to_delayed") and _bytes(X) <= HELD_BYTES
    data = X, y, sample_weight, offset, trials
    setattr(estimator, DATA, tuple(_reference(each, held) for each in data))


def data_of(estimator: Any) -> tuple[Any, ...] | None:
    """Return X, y, sample_weight, offset and trials of the last fit; None where they are gone."""
    kept = getattr(estimator, DATA, None)
    data = None if kept is None else tuple(each() for each in kept)
    return None if data is None or data[0] is None or data[1] is None else data


def kept_data(estimator: Any) -> tuple[Any, ...]:
    """Return what `data_of` returns; ValueError where it is gone."""
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    data = data_of(estimator)
    if data is None:
        raise ValueError(
            "the data of the fit are gone, or the estimator was loaded or copied: give X and y "
            "(and sample_weight and offset, or trials) of the fit to summary"
        )
    return data


def _bytes(X: Any) -> int:
    parts = [getattr(X, name, None) for name in ("data", "indices", "indptr")]
    if not hasattr(X, "nbytes") and all(isinstance(part, np.ndarray) for part in parts):
        return sum(int(part.nbytes) for part in parts if part is not None)
    nbytes = getattr(X, "nbytes", None)
    if nbytes is None and hasattr(X, "memory_usage"):  # a data frame
        nbytes = np.sum(X.memory_usage(index=False))
    return 0 if nbytes is None else int(nbytes)


def _reference(value: Any, held: bool) -> Any:
    if not held:
        try:
            return weakref.ref(value)
        except TypeError:
            pass  # None, and lists
    return lambda: value
