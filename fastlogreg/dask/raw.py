"""Rows as they come, before it is known what labels there are: checked by workers, described here.

A label is looked at as a Python value from here on: whole numbers are exact, and 1, 1.0 and True
are one label, while "1" is another.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import NONE, Vector

DISTINCT = 4096  # labels of a block that are reported, at most
_MISSING = ("NoneType", "NAType", "NaTType")


class Labels(NamedTuple):
    """Labels y (m,) of a block; kind: their dtype, in words; missing: the first row without one."""

    y: NDArray[Any]
    kind: str
    missing: int | None


class Raw:
    """Rows x (m, n_x) with labels of any values, and weights (m,) or none, as they came.

    name: of the block, in errors; names: of the columns, where what was loaded has them;
    left_out: columns that were no features.
    """

    def __init__(self, x: NDArray[Any], labels: Labels, weight: Vector, name: str) -> None:
        self.x, self.labels, self.weight, self.name = x, labels, weight, name
        self.names: tuple[str, ...] | None = None
        self.left_out: tuple[str, ...] = ()

    @property
    def y(self) -> NDArray[Any]:
        """Return the labels (m,)."""
        return self.labels.y

    def __sizeof__(self) -> int:  # what Dask's scheduler believes that moving it costs
        return int(self.x.nbytes + self.y.nbytes + self.weight.nbytes)


def raw_block(x: Any, y: Any, weight: Any, name: str) -> Raw:
    """Check the rows, labels and weights that Dask has for a block, and that they fit together."""
    if hasattr(x, "dtypes") and hasattr(x, "columns"):
        x = _frame_values(x, name)
    else:
        x = _real("X", x, name)
    labels = labels_of(y, name)
    weights = NONE
    if weight is not None:
        weights = np.ascontiguousarray(_real("sample_weight", weight, name), np.float64)
    for what, array, rank in (("X", x, 2), ("y", labels.y, 1), ("sample_weight", weights, 1)):
        if array.ndim != rank:
            raise ValueError(f"{what} must be {rank}-dimensional; {name} has shape {array.shape}")
        if len(array) != len(x) and array is not NONE:
            raise ValueError(
                f"{what} must have the row chunks of X; {name} has {len(array)} rows, and X "
                f"has {len(x)} there. Rechunk one like the other"
            )
    if not (weights >= 0.0).all() or not np.isfinite(weights).all():
        raise ValueError(
            f"sample_weight must be finite and not negative; {name} has {weights.min()}"
        )
    return Raw(x, labels, weights, name)


def labels_of(y: Any, name: str) -> Labels:
    """Take labels as numbers or text; TypeError where a block has neither, or both."""
    y = np.asarray(y)
    if y.dtype == object:
        return _labels_of_objects(y, name)
    if y.dtype.kind not in "biufUS":
        raise TypeError(f"y must hold numbers or text; {name} has dtype {y.dtype}")
    return Labels(y, f"dtype {y.dtype}", first_of(np.isnan(y)) if y.dtype.kind == "f" else None)


def _labels_of_objects(y: NDArray[Any], name: str) -> Labels:
    """Take Python objects as labels: all text or all numbers, but for those that are missing."""
    values = y.ravel().tolist()
    missing = np.array([_is_missing(value) for value in values], bool).reshape(y.shape)
    present = [value for value, gone in zip(values, missing.flat) if not gone]
    texts = [isinstance(value, str) for value in present]
    if all(texts):
        kind, found = "dtype object, of text", exact_array(present or [""])
    elif any(texts):
        one, other = present[texts.index(True)], present[texts.index(False)]
        raise TypeError(
            f"y must hold numbers or text; {name} has dtype object, with both: {one!r} and "
            f"{other!r}. Make text of all, for instance with y.astype(str)"
        )
    else:
        numbers = all(isinstance(v, (int, float, np.number, np.bool_)) for v in present)
        kind, found = "dtype object, of numbers", exact_array(present) if numbers else None
    if found is None or found.dtype.kind not in "biufU":
        raise TypeError(f"y must hold numbers or text; {name} has dtype {y.dtype}")
    filled = np.empty(y.shape, found.dtype)
    filled[~missing] = found[: len(present)]
    filled[missing] = found[0]  # no one reads these: a missing label is an error
    return Labels(filled, kind, first_of(missing))


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in _MISSING or (isinstance(value, float) and value != value)


def first_of(mask: NDArray[np.bool_]) -> int | None:
    """Find the first row that is marked."""
    return int(mask.argmax()) if mask.any() else None


def exact_array(values: list[Any], dtype: Any = None) -> NDArray[Any] | None:
    """Put labels into an array, of this dtype if it holds them; None where none holds them all."""
    for kind in (dtype, None, np.int64, np.uint64):
        try:
            array = np.array(values, kind)
        except (OverflowError, ValueError):
            continue
        if array.dtype != object and array.tolist() == values:
            return array
    return None


def _real(what: str, array: Any, name: str) -> NDArray[Any]:
    array = np.asarray(array)
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"{what} must hold real numbers in dense arrays (bool, integer or float dtype); "
            f"{name} has dtype {array.dtype}"
        )
    return array


def _frame_values(frame: Any, name: str) -> NDArray[Any]:
    """Make one array of a data frame's columns, in the smallest type that holds them all."""
    kinds = [getattr(kind, "numpy_dtype", kind) for kind in frame.dtypes]
    for column, kind in zip(frame.columns, kinds):
        if getattr(kind, "kind", "O") not in "buif":
            raise TypeError(
                f"column {column!r} of X must hold numbers; {name} has dtype {kind}. Encode or "
                "drop it"
            )
    return np.asarray(frame.to_numpy(dtype=np.result_type(*kinds) if kinds else np.float64))


class Summary(NamedTuple):
    """What the client knows of a block.

    labels, counts, sums: the distinct labels, how often each, and the sums of their weights, of
    DISTINCT labels at most, those with a weight first. kind: of the labels, in words; dtype:
    theirs; missing: the first row without a label.
    """

    m: int
    n_x: int
    nbytes: int
    labels: tuple[Any, ...]
    counts: NDArray[np.intp]
    sums: Vector
    kind: str
    dtype: np.dtype[Any]
    missing: int | None
    name: str
    names: tuple[str, ...] | None
    left_out: tuple[str, ...]


def summary(raw: Raw) -> Summary:
    """Describe a block.

    More labels with a weight than are told are an error. Labels without one count for nothing, and
    must not push aside those that do.
    """
    labels, which = np.unique(raw.y, return_inverse=True)
    counts = np.bincount(which, minlength=len(labels))
    weight = raw.weight if raw.weight.size else None
    sums = np.bincount(which, weights=weight, minlength=len(labels)).astype(np.float64)
    if len(labels) > DISTINCT:
        first = np.argsort(sums == 0.0, kind="stable")[:DISTINCT]
        first.sort()
        labels, counts, sums = labels[first], counts[first], sums[first]
    m, n_x = raw.x.shape
    return Summary(
        m,
        n_x,
        raw.x.nbytes,
        tuple(labels.tolist()),
        counts,
        sums,
        raw.labels.kind,
        raw.y.dtype,
        raw.labels.missing,
        raw.name,
        raw.names,
        raw.left_out,
    )
