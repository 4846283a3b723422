"""Named arrays: .h5, .npz and .npy. X is the dataset of rank >= 2, y the one of rank 1 and the same
length."""

from __future__ import annotations

import math
import os
import zipfile
from io import BytesIO
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import unpack_from
from typing import IO, Any

import numpy as np

from ..checks.extras import require
from .common import Array, Data, UnknownName, as_data, as_text, check_fits, checked_text, reading

NAMES_OF_LABELS, _MOST_NAMES = "list_classes", 10_000
_DEEPEST = 100  # groups of a .h5 within each other
_MOST_HEADER = 10_000  # of a .npy, in bytes; NumPy's own default


def _choose(
    path: Path, shapes: dict[str, tuple[int, ...]], x: str | None, y: str | None
) -> tuple[str, str | None]:
    """Choose X and y: as named, else the only pair (rank >= 2, rank 1) of the same length."""
    few = ", ".join(f"{name} {shape}" for name, shape in islice(shapes.items(), 20)) or "none"
    listing = few + (f", ... ({len(shapes)} in all)" if len(shapes) > 20 else "")
    for name in (x, y):
        if name is not None and name not in shapes:
            raise UnknownName(f"{path} has no dataset {name!r}; it has {listing}")
    if x is not None and y is not None:
        return x, y
    images = [
        name
        for name, shape in shapes.items()
        if (name == x if x else len(shape) >= 2 and name != y)
    ]
    columns: dict[tuple[int, ...], list[str]] = {}  # the datasets of rank 1, by length
    for name, shape in shapes.items():
        if len(shape) == 1:
            columns.setdefault(shape, []).append(name)
    pairs = [
        (name, label)
        for name in images
        for label in ([y] if y else columns.get(shapes[name][:1], ())[:3])
    ]
    pairs = [(name, label) for name, label in pairs if label != name]
    if len(pairs) == 1:
        return pairs[0]
    if not pairs and len(images) == 1:
        return images[0], None
    raise ValueError(
        f"{path}: name the datasets of examples and labels with --x and --y; it has {listing}"
    )


def read_hdf5(path: Path, x: str | None, y: str | None) -> Data:
    """Read datasets; they may lie in groups, and x and y are then paths as "group/name"."""
    h5py = require("h5py", "cli", f"reading {path}")
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, node: Any) -> None:
        if name.count("/") >= _DEEPEST:  # each is opened by its whole path: 2000 levels take 7 s
            raise ValueError(f"it has more than {_DEEPEST} groups within each other")
        if isinstance(node, h5py.Dataset):
            shapes[name] = node.shape or ()

    with open_hdf5(path) as file:
        with reading(path, "HDF5"):
            file.visititems(note)
        x_name, y_name = _choose(path, shapes, x.strip("/") if x else x, y.strip("/") if y else y)
        data = as_data(
            path,
            read_dataset(path, file, x_name),
            None if y_name is None else read_dataset(path, file, y_name),
        )
        return data._replace(label_names=_names_of_labels(path, file, shapes, data.y))


def _names_of_labels(
    path: Path, file: Any, shapes: dict[str, tuple[int, ...]], y: Array | None
) -> tuple[str, ...] | None:
    """Read the names of the labels 0, 1, ..., as the lectures' cats have them."""
    shape = shapes.get(NAMES_OF_LABELS, ())
    if y is None or y.dtype.kind not in "iu" or not y.size or len(shape) != 1:
        return None
    if not 2 <= shape[0] <= _MOST_NAMES or int(y.min()) < 0 or int(y.max()) >= shape[0]:
        return None
    words = read_dataset(path, file, NAMES_OF_LABELS)
    if words.dtype.kind not in "US":
        return None
    text = np.char.decode(words, "utf-8") if words.dtype.kind == "S" else words
    names = tuple(map(str, text.tolist()))
    return names if len(set(names)) == len(names) else None


def open_hdf5(path: Path) -> Any:
    """Open a file with h5py."""
    h5py = require("h5py", "cli", f"reading {path}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with reading(path, "HDF5"):
        return h5py.File(path, "r")


def checked_dataset(path: Path, file: Any, name: str) -> Any:
    """Find a dataset of numbers or text, none of which lie in another file; it is not read yet."""
    h5py = require("h5py", "cli", f"reading {path}")
    parts = name.strip("/").split("/")
    with reading(path, "HDF5"):
        for k in range(len(parts)):
            link = file.get("/".join(parts[: k + 1]), getlink=True)
            if isinstance(link, (h5py.ExternalLink, h5py.SoftLink)):
                raise ValueError(
                    f"{path}: {name} is reached by a link to {link.path}, which is not followed"
                )
        node = file.get(name)
        if not isinstance(node, h5py.Dataset):
            few = ", ".join(islice(file, 20)) or "none"
            raise UnknownName(f"{path}: there is no dataset {name!r}; it has {few}")
        text = h5py.check_string_dtype(node.dtype)
        elsewhere = node.is_virtual or node.external
    if node.dtype.kind not in "biufS" and text is None:
        raise TypeError(f"{path}: {name} must be numbers or text, and has the type {node.dtype}")
    if elsewhere:
        raise ValueError(
            f"{path}: {name} lies in other files, which are not followed; copy it into this one"
        )
    _check_chunks(path, name, node)
    return node


def read_dataset(path: Path, file: Any, name: str) -> Array:
    """Read all of a dataset; text as str."""
    h5py = require("h5py", "cli", f"reading {path}")
    node = checked_dataset(path, file, name)
    check_fits(path, name, math.prod(node.shape or ()) * node.dtype.itemsize)
    text = h5py.check_string_dtype(node.dtype)
    if (
        text is not None
        and text.length is None
        and file.id.get_create_plist().get_sizes() == (8, 8)
    ):
        _check_heaps(path)
    with reading(path, "HDF5"):
        values: Array = node.asstr()[()] if text else np.asarray(node[()])
    return as_text(path, name, values) if text else values


def _check_heaps(path: Path) -> None:
    """Refuse a damaged heap of texts: HDF5 2.0 reads some of them for ever.

    Text of any length lies in heaps, "GCOL" of objects one after the other. The reader does not
    end where an object does not end after it begins.
    """
    with open(path, "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        heap = content.find(b"GCOL\1")
        while heap >= 0:
            (size,) = unpack_from("<Q", content, heap + 8) if heap + 16 <= len(content) else (0,)
            at, end = heap + 16, min(heap + size, len(content))
            while at + 16 <= end:
                index, _, _, length = unpack_from("<HHIQ", content, at)
                step = (
                    16 + -(-length // 8) * 8 if index else length
                )  # the last, of index 0, counts its own header
                if not 0 < step <= end - at:
                    raise ValueError(
                        f"{path} is damaged: the heap of texts at byte {heap} does not add up"
                    )
                at += step
            heap = content.find(b"GCOL\1", heap + 5)


def _check_chunks(path: Path, name: str, node: Any) -> None:
    """Refuse chunks that are stored longer than declared: HDF5 inflates each to its end.

    What is stored no longer than it should be inflated can still be a thousand times as long, the
    most of deflate.
    """
    if not node.chunks:
        return
    declared = math.prod(node.chunks) * node.dtype.itemsize
    check_fits(path, f"a chunk of {name}", declared)
    stored: list[int] = []
    if hasattr(node.id, "chunk_iter"):  # of HDF5 1.12.3 and later
        with reading(path, "HDF5"):
            node.id.chunk_iter(lambda chunk: stored.append(chunk.size))
    if (
        max(stored, default=0) > declared + declared // 8 + 1024
    ):  # checksums and what cannot be compressed
        raise ValueError(
            f"{path} is damaged: a chunk of {name} declares {declared} bytes and stores "
            f"{max(stored)}"
        )


def npz_headers(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the shapes of the arrays in a .npz, and check them; nothing is loaded.

    They must agree with what it holds, and fit into memory.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    with reading(path, ".npz"), zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        headers = [_member_header(archive, info) for info in members]
    for info, (shape, dtype, start) in zip(members, headers):
        declared, stored = math.prod(shape) * dtype.itemsize, info.file_size - start
        if declared != stored:
            raise ValueError(
                f"{path} is damaged: {info.filename} declares {declared} bytes and holds {stored}"
            )
        check_fits(path, info.filename, declared)
        name = info.filename.removesuffix(".npy")
        if name in shapes:
            raise ValueError(f"{path} is damaged: it holds more than one {info.filename}")
        shapes[name] = shape
    return shapes


def _member_header(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    if info.compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):  # others are inflated without a bound
        raise ValueError(f"{info.filename} is compressed in a way that NumPy does not write")
    with archive.open(info) as file:
        return _npy_header(file)


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Read shape, dtype, and where the data start.

    NumPy itself reads a header to its declared end, up to 4 GiB.
    """
    start = file.read(12)
    first = np.lib.format.read_magic(BytesIO(start))
    size, length = (2, start[8:10]) if first == (1, 0) else (4, start[8:12])
    end = 8 + size + int.from_bytes(length, "little")
    if end > _MOST_HEADER:
        raise ValueError(f"its header of {end} bytes is longer than {_MOST_HEADER}")
    header = BytesIO(start + file.read(max(0, end - 12)))
    header.seek(8)
    read = (
        np.lib.format.read_array_header_1_0
        if first == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    try:
        shape, _, dtype = read(header)
    except (MemoryError, RecursionError):  # of Python's parser, and no matter of memory
        raise ValueError("its header is nested too deeply") from None
    if dtype.hasobject:
        raise ValueError("Python objects")
    if any(n < 0 or type(n) is not int for n in shape):
        raise ValueError(f"it declares the shape {shape}")
    return shape, dtype, end


def load_npz_array(path: Path, name: str) -> Array:
    """Load one array of a .npz whose headers have been checked."""
    with (
        reading(path, ".npz"),
        zipfile.ZipFile(path) as archive,
        archive.open(f"{name}.npy") as file,
    ):
        values = np.asarray(np.lib.format.read_array(file, allow_pickle=False))
        return checked_text(values)


_SPARSE = {"data", "indices", "indptr", "shape", "format"}


def read_npz(path: Path, x: str | None, y: str | None) -> Data:
    """Read named arrays, or the sparse matrix that scipy's save_npz wrote; its y is a .npy file."""
    shapes = npz_headers(path)
    if set(shapes) - {"_is_array"} == _SPARSE and x is None:
        return _read_sparse(path, y)
    x_name, y_name = _choose(path, shapes, x, y)
    return as_data(
        path, load_npz_array(path, x_name), None if y_name is None else load_npz_array(path, y_name)
    )


def _read_sparse(path: Path, y: str | None) -> Data:
    """Read a CSR or CSC matrix with a row for each example; X is its transpose."""
    sparse = require("scipy.sparse", "cli", f"reading {path}")
    values = {name: load_npz_array(path, name) for name in _SPARSE}
    with reading(path, ".npz of scipy.sparse"):
        kind = values["format"].item()
        kind = kind.decode("ascii") if isinstance(kind, bytes) else str(kind)
        if kind not in ("csr", "csc"):
            raise ValueError(f"its format is {kind}, not csr or csc; save X.tocsr()")
        make = sparse.csr_array if kind == "csr" else sparse.csc_array
        m, n_x = (int(n) for n in values["shape"].tolist())
        rows = make((values["data"], values["indices"], values["indptr"]), shape=(m, n_x))
        rows.check_format(full_check=True)
    labels = None if y is None else map_npy(Path(y))
    if labels is not None and labels.shape != (m,):
        raise ValueError(
            f"{path}: X has {m} examples, and the labels have shape {labels.shape}; expected ({m},)"
        )
    return Data(rows.T, labels, None, None, str(path))


def map_npy(path: Path) -> Array:
    """Map the array, which is read from the file page by page as it is used."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with reading(path, ".npy"):
        with open(path, "rb") as file:
            shape, dtype, start = _npy_header(file)
            declared, stored = (
                math.prod(shape) * dtype.itemsize,
                os.fstat(file.fileno()).st_size - start,
            )
        if declared > stored:
            raise ValueError(f"it declares {declared} bytes and holds {stored}")
        mapped: Array = np.lib.format.open_memmap(path, mode="r")
        return mapped


def save_npz(file: IO[bytes], **arrays: Array) -> None:
    """Write what np.savez writes. NumPy 1.26 leaves its archive open where a write fails, which
    complains later."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
