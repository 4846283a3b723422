"""What the readers share: `Data`, how a damaged file is reported, and the way into the (n_x, m)
form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.memory import available_memory

Array = NDArray[Any]
FORMATS = ".h5, .hdf5, .npz, .npy, .csv, .data (CSV), .parquet, or LIBSVM text"
KERNEL_DTYPES = tuple(map(np.dtype, ("?", "u1", "i1", "u2", "i2", "i4", "f2", "f4", "f8")))


class Data(NamedTuple):
    """What a file holds: X (n_x, m), and y (m,) as in the file, or None.

    feature_names: of the n_x features; image_shape: of one example; left_out: columns that were
    not asked for and are no features, but the index of a data frame. table: how a table became X,
    as a model file keeps it, where it was not numbers alone; said: what was noticed, for people.
    columns: what was found of each column of a table; frame: its rows as they were read, where
    they are wanted. label_names: of labels 0, 1, ..., where the file has them.
    """

    X: Array
    y: Array | None
    feature_names: tuple[str, ...] | None
    image_shape: tuple[int, ...] | None
    path: str
    left_out: tuple[str, ...] = ()
    table: dict[str, Any] | None = None
    said: tuple[str, ...] = ()
    columns: tuple[Any, ...] = ()
    frame: Any = None
    label_names: tuple[str, ...] | None = None


class UnknownName(ValueError):
    """A dataset or column that the file does not have."""


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn what a library says of a damaged file into one ValueError.

    For calls of libraries alone: on hostile bytes these raise anything, as OverflowError,
    TokenError and IndexError, and MemoryError where a length in the file is a lie.
    """
    try:
        yield
    except FileNotFoundError as error:  # it was there a moment ago
        raise FileNotFoundError(f"{path}: no such file") from error
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(f"{path}: "):
            raise  # from `check_fits`
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "Python objects" in said or "Object arrays" in said:
            said = "it holds Python objects, which are never unpickled; store numbers or text"
        elif isinstance(error, MemoryError):
            said = f"it asks for more memory than there is ({said})"
        raise ValueError(f"{path} cannot be read as {kind}: {said}") from error


def check_fits(path: Path, name: str, nbytes: int) -> None:
    """Refuse before allocating: a header may declare anything."""
    available = available_memory()
    if nbytes > available:
        raise ValueError(
            f"{path}: {name} declares {nbytes / 2**30:.3g} GiB, and this process can get "
            f"{available / 2**30:.3g} GiB of "
            "memory; store it as .npy, which is mapped and not read, or read it in blocks "
            "(--max-memory, RowBlocks)"
        )


def as_data(path: Path, values: Array, y: Array | None, names: Sequence[str] | None = None) -> Data:
    """Check the shapes, flatten each example, transpose: all views."""
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"X must be numbers, {path} has the type {values.dtype}; encode it as numbers first"
        )
    if values.ndim < 2:
        raise ValueError(
            f"X must have one row per example, {path} has shape {values.shape}; for one feature "
            "store X.reshape(-1, 1)"
        )
    if values.size == 0:
        raise ValueError(
            f"X is empty: {path} has shape {values.shape}; at least one example and one feature "
            "are needed"
        )
    m = values.shape[0]
    if y is not None:
        if y.size != m or (y.ndim > 1 and m not in y.shape):
            raise ValueError(
                f"{path}: X has {m} examples, and the labels have shape {y.shape}; expected ({m},)"
            )
        y = y.reshape(-1)
    if values.dtype not in KERNEL_DTYPES or not values.dtype.isnative:
        check_fits(path, "X as float64", 8 * values.size)
        values = values.astype(np.float64)
    image_shape = values.shape[1:] if values.ndim > 2 else None
    return Data(
        values.reshape(m, -1).T, y, None if names is None else tuple(names), image_shape, str(path)
    )


def as_text(path: Path, name: str, words: Any) -> Array:
    """Make an array of str, which gives each text the room of the longest: 4 bytes a character."""
    flat = np.asarray(words, dtype=object)
    check_fits(path, name, 4 * flat.size * max(map(len, flat.flat), default=0))
    return flat.astype(str)


def checked_text(values: Array) -> Array:
    """Refuse text that holds what is no character, on which Python would fail later."""
    if values.dtype.kind == "U" and values.dtype.itemsize:
        codes = (
            np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False))
            .reshape(-1)
            .view(np.uint32)
        )
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise ValueError("its text holds what is no character")
    return values


def is_number(text: str) -> bool:
    """Tell whether a text is a number to Python."""
    try:
        float(text)
    except ValueError:
        return False
    return True
