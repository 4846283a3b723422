"""Named arrays: .h5, .npz and .npy. X is the dataset of rank >= 2, y the one of rank 1 and the same length."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .common import Array, Data, UnknownName, as_data, check_fits, reading, require


def _choose(path: Path, shapes: dict[str, tuple[int, ...]], x: str | None, y: str | None) -> tuple[str, str | None]:
    """Which dataset is X and which y: as named, else the only pair (rank >= 2, rank 1) of the same length."""
    listing = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"
    for name in (x, y):
        if name is not None and name not in shapes:
            raise UnknownName(f"{path} has no dataset {name!r}; it has {listing}")
    if x is not None and y is not None:
        return x, y
    images = [name for name, shape in shapes.items() if (name == x if x else len(shape) >= 2 and name != y)]
    pairs = [
        (name, label)
        for name in images
        for label, shape in shapes.items()
        if label != name and (label == y if y else shape == shapes[name][:1])
    ]
    if len(pairs) == 1:
        return pairs[0]
    if not pairs and len(images) == 1:
        return images[0], None
    raise ValueError(f"{path}: name the datasets of examples and labels with --x and --y; it has {listing}")


def read_hdf5(path: Path, x: str | None, y: str | None) -> Data:
    """Datasets may lie in groups: x and y are then paths as "group/name"."""
    h5py = require("h5py", "cli", f"reading {path}")
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            shapes[name] = node.shape or ()

    def read(file: Any, name: str) -> Array:
        node = file[name]
        check_fits(path, name, math.prod(node.shape or ()) * node.dtype.itemsize)
        with reading(path, "HDF5"):
            text = h5py.check_string_dtype(node.dtype) is not None
            return np.array(node.asstr()[()], dtype=str) if text else np.asarray(node[()])

    with reading(path, "HDF5"):
        file = h5py.File(path, "r")
    with file:
        with reading(path, "HDF5"):
            file.visititems(note)
        x_name, y_name = _choose(path, shapes, x.strip("/") if x else x, y.strip("/") if y else y)
        return as_data(path, read(file, x_name), None if y_name is None else read(file, y_name))


def npz_headers(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays in a .npz, checked against what it holds and against the memory; nothing is loaded."""
    shapes: dict[str, tuple[int, ...]] = {}
    with reading(path, ".npz"), zipfile.ZipFile(path) as archive:
        members = [(info, _npy_header(archive, info)) for info in archive.infolist() if info.filename.endswith(".npy")]
    for info, (shape, dtype, stored) in members:
        declared = math.prod(shape) * dtype.itemsize
        if declared != stored and not dtype.hasobject:
            raise ValueError(f"{path} is damaged: {info.filename} declares {declared} bytes and holds {stored}")
        check_fits(path, info.filename, declared)
        shapes[info.filename.removesuffix(".npy")] = shape
    return shapes


def _npy_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[tuple[int, ...], Any, int]:
    """Shape, dtype, and number of bytes after the header."""
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        return shape, dtype, info.file_size - file.tell()


def load_npz_array(path: Path, name: str) -> Array:
    """One array of a .npz whose headers have been checked."""
    with reading(path, ".npz"), np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive[name])


def read_npz(path: Path, x: str | None, y: str | None) -> Data:
    x_name, y_name = _choose(path, npz_headers(path), x, y)
    return as_data(path, load_npz_array(path, x_name), None if y_name is None else load_npz_array(path, y_name))


def map_npy(path: Path) -> Array:
    """The array, read from the file page by page as it is used."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with reading(path, ".npy"):  # mapping checks the declared size against the file
        mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped
