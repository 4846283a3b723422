"""Where real data lies: MNIST and the cat images, read from the files of their authors."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"  # where --data names no other folder


def mnist(folder: Path, digits: bool = False) -> tuple[Any, Any] | None:
    """Read MNIST's 60,000 training images: X (m, 784) uint8 and y (m,), 1 for a zero.

    digits: y is the digit itself.

    None where the files are missing.
    """
    paths = [
        folder / "mnist" / f"train-{name}.gz" for name in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]
    if not all(path.is_file() for path in paths):
        return None
    pixels, labels = (np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8) for path in paths)
    y = labels[8:].astype(np.int32) if digits else (labels[8:] == 0).astype(np.uint8)
    return pixels[16:].reshape(-1, 784), y


def cats(folder: Path) -> tuple[Any, Any] | None:
    """Read the course's 209 training images of cats and others: X (m, 12288) uint8 and y (m,).

    None where the file or h5py is missing.
    """
    path = folder / "catvnoncat" / "train_catvnoncat.h5"
    try:
        import h5py
    except ImportError:
        return None
    if not path.is_file():
        return None
    with h5py.File(path, "r") as file:
        images, labels = file["train_set_x"][:], file["train_set_y"][:]
    return images.reshape(len(images), -1), labels.astype(np.uint8)


def a9a(folder: Path, divisor: int) -> tuple[Any, Any] | None:
    """Read every divisor-th line of a9a: X (m, 123) float64 of zeros and ones, and y (m,).

    None where the file is missing.
    """
    path = folder / "libsvm" / "a9a"
    if not path.is_file():
        return None
    lines = path.read_text(encoding="ascii").splitlines()[::divisor]
    X, y = np.zeros((len(lines), 123)), np.zeros(len(lines), np.uint8)
    for i, line in enumerate(lines):
        label, *pairs = line.split()
        y[i] = float(label) > 0
        for pair in pairs:
            j, value = pair.split(":")
            X[i, int(j) - 1] = float(value)
    return X, y
