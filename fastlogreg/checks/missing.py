"""What is not there: missing labels, and entries that a mask hides. Neither is read through."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def unmasked(name: str, array: Any) -> Any:
    """Return a masked array without masked entries as the plain array that it is; leave others be.

    ValueError where an entry is masked: its value lies in the array all the same, and NumPy's
    `asarray` reads it.
    """
    if not isinstance(array, np.ma.MaskedArray):
        return array
    mask = np.ma.getmask(array)
    if not np.any(mask):
        return np.ma.getdata(array)
    entry = tuple(int(i) for i in np.argwhere(np.atleast_1d(mask))[0])
    where = f"{name}[{', '.join(map(str, entry))}]"
    raise ValueError(
        f"{name} must have no masked entries; got {int(np.count_nonzero(mask))} of them, the first "
        f"is {where}. Leave these examples out, or put numbers in with {name}.filled(value)"
    )


def first_missing(labels: Any) -> int | None:
    """Return the place of the first label that is NaN, None, NaT, pandas' NA or masked."""
    if isinstance(labels, np.ma.MaskedArray) and np.any(np.ma.getmask(labels)):
        missing = np.broadcast_to(np.ma.getmask(labels), labels.shape)
    else:
        # As objects: among text NumPy makes a text of NaN.
        sequence = isinstance(labels, (list, tuple))
        array = np.asarray(labels, dtype=object) if sequence else np.asarray(labels)
        if array.dtype.kind == "f":
            missing = np.isnan(array)
        elif array.dtype.kind in "mM":
            missing = np.isnat(array)
        elif array.dtype.kind == "O":
            missing = np.array([is_missing(label) for label in array.reshape(-1)], dtype=bool)
        else:
            return None
    missing = missing.reshape(-1)
    return int(np.argmax(missing)) if missing.any() else None


def is_missing(label: Any) -> bool:
    """NaN and NaT differ from themselves; pandas' NA cannot say, and is known by what it is."""
    pandas = sys.modules.get("pandas")
    if label is None or (pandas is not None and (label is pandas.NA or label is pandas.NaT)):
        return True
    return isinstance(label, (float, np.floating, np.datetime64, np.timedelta64)) and label != label


def require_labels(name: str, labels: Any, prefix: str = "") -> None:
    """Raise a ValueError that names the example of the first missing label, if any is missing."""
    place = first_missing(labels)
    if place is not None:
        raise ValueError(
            f"{prefix}{name} has a missing label: example {place}, counted from 0. Leave such "
            "examples out of X and of the labels"
        )


def plain_labels(y: Any) -> Any:
    """Return y without a mask, and as numbers where it holds numbers as objects.

    ValueError where a label is missing. What is no array of labels is left to scikit-learn.
    """
    if y is None or (type(y) is np.ndarray and y.dtype.kind in "biuUS"):
        return y
    try:
        labels = y if isinstance(y, np.ma.MaskedArray) else np.asarray(y)
    except ValueError:
        return y
    if labels.ndim == 0 or labels.size == 0:
        return y
    require_labels("y", y, prefix="Input y contains NaN: ")
    labels = unmasked("y", labels)
    return as_numbers(labels) if labels.dtype.kind == "O" else labels


def as_numbers(labels: NDArray[Any]) -> NDArray[Any]:
    """Turn objects that are all bool, all whole or all real numbers into an array of those."""
    kinds = {type(label) for label in labels.reshape(-1).tolist()}
    for kinds_of_dtype, dtype in (
        ({bool, np.bool_}, np.bool_),
        ({int}, np.int64),
        ({int, float}, np.float64),
    ):
        plain = {
            kind
            for kind in kinds
            if kind in kinds_of_dtype
            or (int in kinds_of_dtype and issubclass(kind, np.integer))
            or (float in kinds_of_dtype and issubclass(kind, np.floating))
        }
        if kinds == plain:
            try:
                return labels.astype(dtype)
            except OverflowError:  # whole numbers beyond int64 stay what they are
                return labels
    return labels
