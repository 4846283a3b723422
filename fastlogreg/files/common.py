"""What the readers share: `Data`, how a damaged file is reported, and the way into the (n_x, m) form."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FORMATS = ".h5, .hdf5, .npz, .npy, .csv, .data (CSV), .parquet, or LIBSVM text"
KERNEL_DTYPES = tuple(map(np.dtype, ("?", "u1", "i1", "u2", "i2", "i4", "f2", "f4", "f8")))


class Data(NamedTuple):
    """X (n_x, m); y (m,) as in the file, or None; names of the n_x features; shape of one image; the file."""

    X: Array
    y: Array | None
    feature_names: tuple[str, ...] | None
    image_shape: tuple[int, ...] | None
    path: str


class UnknownName(ValueError):
    """A dataset or column that the file does not have."""


def require(module: str, extra: str, purpose: str) -> Any:
    """The imported module, or a ModuleNotFoundError that says how to install it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise ModuleNotFoundError(
            f'{purpose} needs {package}, which is not installed: pip install "fastlogreg[{extra}]"', name=package
        ) from error


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """What a library says of a damaged file, as one ValueError.

    For calls of libraries alone: on hostile bytes these raise anything, as OverflowError, TokenError and IndexError,
    and MemoryError where a length in the file is a lie.
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


def available_memory() -> int:
    """Bytes that this process can still get: what the machine has free or can free, its own limits counted in.

    Linux is asked for MemAvailable, RLIMIT_DATA and RLIMIT_AS; elsewhere it is the physical memory. A container's
    limit (cgroup) is not looked up.
    """
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            free = next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable"))
        with open("/proc/self/statm", encoding="ascii") as file:
            used = [int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in file.read().split()]
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    import resource

    for which, held in ((resource.RLIMIT_DATA, used[5]), (resource.RLIMIT_AS, used[0])):
        soft, _ = resource.getrlimit(which)
        if soft != resource.RLIM_INFINITY:
            free = min(free, max(0, soft - held))
    return free


def check_fits(path: Path, name: str, nbytes: int) -> None:
    """Refuse before allocating: a header may declare anything."""
    available = available_memory()
    if nbytes > available:
        raise ValueError(
            f"{path}: {name} declares {nbytes / 2**30:.3g} GiB, and this process can get {available / 2**30:.3g} GiB of "
            "memory; store it as .npy, which is mapped and not read, or read it in blocks (--max-memory, RowBlocks)"
        )


def as_data(path: Path, values: Array, y: Array | None, names: Sequence[str] | None = None) -> Data:
    """Check the shapes, flatten each example, transpose: all views."""
    if values.dtype.kind not in "biuf":
        raise TypeError(f"X must be numbers, {path} has the type {values.dtype}; encode it as numbers first")
    if values.ndim < 2:
        raise ValueError(
            f"X must have one row per example, {path} has shape {values.shape}; for one feature store X.reshape(-1, 1)"
        )
    if values.size == 0:
        raise ValueError(
            f"X is empty: {path} has shape {values.shape}; at least one example and one feature are needed"
        )
    m = values.shape[0]
    if y is not None:
        if y.size != m or (y.ndim > 1 and m not in y.shape):
            raise ValueError(f"{path}: X has {m} examples, and the labels have shape {y.shape}; expected ({m},)")
        y = y.reshape(-1)
    if values.dtype not in KERNEL_DTYPES or not values.dtype.isnative:
        check_fits(path, "X as float64", 8 * values.size)
        values = values.astype(np.float64)
    image_shape = values.shape[1:] if values.ndim > 2 else None
    return Data(values.reshape(m, -1).T, y, None if names is None else tuple(names), image_shape, str(path))


def as_text(path: Path, name: str, words: Any) -> Array:
    """Text labels as an array of str, which gives each the room of the longest: 4 bytes a character."""
    flat = np.asarray(words, dtype=object)
    check_fits(path, name, 4 * flat.size * max(map(len, flat.flat), default=0))
    return flat.astype(str)


def checked_text(values: Array) -> Array:
    """The array; ValueError where it is of text and holds what is no character, on which Python would fail later."""
    if values.dtype.kind == "U" and values.dtype.itemsize:
        codes = (
            np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False)).reshape(-1).view(np.uint32)
        )
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise ValueError("its text holds what is no character")
    return values


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@contextmanager
def atomic_open(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write that appears under its name only when it is complete and on the disk; OSError if that fails, and
    then what was there is as it was. A process killed meanwhile leaves a file path.PID.XXXXXXXX.tmp, in nobody's way."""
    target = os.path.realpath(path)  # a link keeps pointing where it did
    if os.path.exists(target) and not os.path.isfile(target):
        raise ValueError(f"{path} is not a regular file, and would be replaced by one")  # /dev/null, say, by root
    temporary = f"{target}.{os.getpid()}.{secrets.token_hex(4)}.tmp"  # in containers every process may have the id 1
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = os.fspath(path)  # a full disk is reported without a name, or with the temporary one
        raise
    _sync_folder(os.path.dirname(target))


def _sync_folder(folder: str) -> None:
    """Put the new name on the disk too: a rename is in the folder, not in the file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot, and say so
            raise
    finally:
        os.close(descriptor)
