"""NumPy: the fastest form that we could write, the lectures' formula, and blocks of integers.

Integers come as float32, converted beforehand, or on the fly and block by block.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlogreg.tools import bench

from .base import ClassPass, PassContender, Vector, tolerance

LECTURES = "numpy, lectures' formula"


def one_pass(order: str, X: Any, y: Any) -> PassContender:
    """Prepare NumPy's fastest form on X as float32 or float64."""
    return PassContender("numpy", order, bench.NumPyPass(X, y), tolerance(X.dtype))


class LecturesNumPy:
    """Computes the lectures' vectorized formula as they write it, in the dtype of X, a float.

    X is (n_x, m), y is (m,).
    """

    def __init__(self, X: Any, y: Any) -> None:
        self.X, self.Y, self.m = X, y[None, :].astype(X.dtype), X.shape[1]

    def __call__(self, w: bench.Vector, b: float) -> bench.Pass:
        X, Y, m = self.X, self.Y, self.m
        Z = np.dot(w[:, None].T.astype(X.dtype), X) + X.dtype.type(b)
        A = 1 / (1 + np.exp(-Z))
        J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
        dZ = A - Y
        dw, db = np.dot(X, dZ.T) / m, np.sum(dZ) / m
        return float(J), dw[:, 0].astype(np.float64), float(db)


def lectures_pass(order: str, X: Any, y: Any) -> PassContender:
    """Prepare LecturesNumPy, under the name that the table gives it."""
    return PassContender(LECTURES, order, LecturesNumPy(X, y), tolerance(X.dtype))


class NumPyClassPass:
    """Computes the softmax cost and its gradient by two products, in place on work arrays that are
    made once, in the dtype of X, a float.

    X (n_x, m) in either order; labels (m,) of 0 .. K - 1.
    """

    def __init__(self, X: Any, labels: Any, K: int) -> None:
        self.X, self.m = X, X.shape[1]
        self.place = labels.astype(np.intp) * self.m + np.arange(self.m)
        self.Z, self.row = np.empty((K, self.m), X.dtype), np.empty(self.m, X.dtype)

    def __call__(self, W: Vector, b: Vector) -> ClassPass:
        X, Z, row, flat = self.X, self.Z, self.row, self.Z.reshape(-1)
        np.dot(W.astype(X.dtype), X, out=Z)
        Z += b.astype(X.dtype)[:, None]
        np.max(Z, axis=0, out=row)
        Z -= row
        of_label = float(np.sum(flat[self.place], dtype=np.float64))
        np.exp(Z, out=Z)
        np.sum(Z, axis=0, out=row)
        J = float(np.sum(np.log(row), dtype=np.float64)) - of_label
        np.divide(1, row, out=row)
        Z *= row
        flat[self.place] -= 1
        dw, db = np.dot(Z, X.T).astype(np.float64), Z.sum(axis=1, dtype=np.float64)
        return J / self.m, dw / self.m, db / self.m


def class_pass(order: str, X: Any, labels: Any, K: int) -> PassContender:
    """Prepare NumPyClassPass on X as float32 or float64."""
    return PassContender("numpy", order, NumPyClassPass(X, labels, K), tolerance(X.dtype))


def class_blocks_pass(order: str, X: Any, labels: Any, K: int, block: int) -> PassContender:
    """Prepare the same block by block: what follows from Z is then in the cache."""
    m = X.shape[1]
    parts = [
        NumPyClassPass(X[:, lo : lo + block], labels[lo : lo + block], K)
        for lo in range(0, m, block)
    ]

    def run(W: Vector, b: Vector) -> ClassPass:
        J, dw, db = 0.0, np.zeros(W.shape), np.zeros(K)
        for part in parts:
            found = part(W, b)
            J, dw, db = J + part.m * found[0], dw + part.m * found[1], db + part.m * found[2]
        return J / m, dw / m, db / m

    return PassContender(f"numpy, blocks of {block}", order, run, tolerance(X.dtype))


class NumPyBlocks:
    """Computes with NumPy on an integer X, block by block.

    A block is converted to float32 into one buffer, and used while it is in the cache.
    """

    def __init__(self, X: Any, y: Any, block: int) -> None:
        n_x, self.m = X.shape
        self.X, self.y = X, y
        buffer = np.empty((block, n_x), np.float32)
        self.blocks = [(lo, buffer[: min(block, self.m - lo)]) for lo in range(0, self.m, block)]

    def __call__(self, w: bench.Vector, b: float) -> bench.Pass:
        J, dw, db = 0.0, np.zeros(w.size), 0.0
        for lo, buffer in self.blocks:
            k = len(buffer)
            np.copyto(buffer, self.X[:, lo : lo + k].T)
            part = bench.NumPyPass(buffer.T, self.y[lo : lo + k])(w, b)
            J, dw, db = J + k * part[0], dw + k * part[1], db + k * part[2]
        return J / self.m, dw / self.m, db / self.m


def blocks_pass(X: Any, y: Any, block: int) -> PassContender:
    """Prepare NumPyBlocks, with its block in its name."""
    blocks = NumPyBlocks(X, y, block)
    return PassContender(f"numpy, blocks of {block}", "example-major", blocks, 1e-3)
