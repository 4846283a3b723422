"""Data files are read into X (n_x, m), labels and names: every format gives the same `Data`.

    .h5 .hdf5    datasets x (m, ...) and y (m,), named, or guessed when only one pair can be meant
    .npz .npy    named or guessed likewise; the labels of a .npy lie in another .npy file, named by
                 y. A .npy is mapped, not read. What scipy's save_npz wrote is a sparse X, its
                 labels in another .npy
    .csv .data   with or without a header; columns by name or position; features must be numbers,
                 labels may be text
    .parquet     columns by name or position, likewise
    LIBSVM text  `label index:value ...`, indices from 1; any other extension, recognised by its
                 first lines; a sparse X

Files hold one example per row, the lectures one per column: X is the transposed view of what was
read, with no copy, and examples of rank >= 2 (images) are flattened, their shape remembered.
Element types that the kernels do not know (64-bit integers, big-endian numbers) become float64.
A label is never rounded: whole numbers stay integers, and one too large for them is text.
Nothing is ever unpickled, no other file is followed, and a file that declares more than this
process can get of memory is refused before anything is allocated: docs/inside/robustness.md.
Errors, of one line that names the file: FileNotFoundError, ValueError, TypeError, and
ModuleNotFoundError naming the extra to install; PermissionError where the system refuses. The
remedies are spelt as the command line spells them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..checks.extras import require
from .arrays import map_npy, read_hdf5, read_npz
from .common import Data, UnknownName, as_data
from .libsvm import read_libsvm
from .tables import read_table
from .writing import atomic_open

__all__ = ["Data", "UnknownName", "atomic_open", "read_data", "require"]


def read_data(
    path: str | os.PathLike[str],
    *,
    x: str | Sequence[str] | None = None,
    y: str | None = None,
    target: str | int | None = None,
    n_features: int | None = None,
    header: bool | None = None,
    spelt: bool = False,
    zero_based: bool = False,
) -> Data:
    """Read one data set.

    x: the dataset of examples (.h5, .npz), or the feature columns of a table. A list has their
    names; "a,b,c" is what a user types, names or positions. The default is all but the target and
    the index of a data frame. y: the dataset of labels, for .npy another .npy file. target: the
    label column of a table, by name or position (-1 is the last). n_features: the n_x of a LIBSVM
    file (default: the largest index in it). header: whether a CSV starts with column names; None
    tells by its first two rows. spelt: labels that a table has as text stay words, so that several
    files can agree on what they are. zero_based: whether LIBSVM text counts features from 0.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    before = path.stat()
    if before.st_size == 0:
        raise ValueError(f"{path} is empty")
    try:
        data = _read(path, x, y, target, n_features, header, spelt, zero_based)
        after = path.stat()
    except FileNotFoundError as error:
        raise (FileNotFoundError(f"{path}: no such file") if error.filename else error) from error
    except MemoryError as error:
        raise ValueError(
            f"{path} needs more memory than there is ({error}); store it as .npy, which is mapped"
        ) from error
    if (before.st_size, before.st_mtime_ns, before.st_ino) != (
        after.st_size,
        after.st_mtime_ns,
        after.st_ino,
    ):
        raise ValueError(f"{path} was changed while it was read: read it again when it is complete")
    return data


def _read(
    path: Path,
    x: str | Sequence[str] | None,
    y: str | None,
    target: str | int | None,
    n_features: int | None,
    header: bool | None,
    spelt: bool,
    zero_based: bool,
) -> Data:
    """Read a file that exists and is not empty."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".data", ".parquet"):
        if y is not None:
            raise ValueError(
                f"--y names a dataset, and {path} is a table: name its label column with --target"
            )
        return read_table(path, x, target, header, spelt)
    if target is not None:
        raise ValueError(
            f"--target names a column of a table (.csv, .parquet); name the datasets of {path} "
            "with --x and --y"
        )
    if x is not None and not isinstance(x, str):
        x = None  # names of columns, which a file without columns does not have
    if suffix in (".h5", ".hdf5"):
        return read_hdf5(path, x, y)
    if suffix == ".npz":
        return read_npz(path, x, y)
    if x is not None or (y is not None and suffix != ".npy"):
        raise ValueError(
            f"{path} has no named datasets: leave out {'--x' if x is not None else '--y'}"
        )
    if suffix == ".npy":
        return as_data(path, map_npy(path), None if y is None else map_npy(Path(y)))
    return read_libsvm(path, n_features, 0 if zero_based else 1)
