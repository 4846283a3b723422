"""The contenders of the kernel benchmark: one pass of cost and gradient, (w, b) -> (J, dw, db),
each prepared once.

Each gets X in the dtype and layout it likes best, converted beforehand; that is told in the table's
notes. torch and scikit-learn take part where they are installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastlogreg.tools import bench

LECTURES = "numpy, lectures' formula"
Run = Callable[[bench.Vector, float], bench.Pass]


class Contender(NamedTuple):
    """Its name, the memory order of its X, the pass, and how far it may be from the reference
    (float32 rounds)."""

    name: str
    order: str
    run: Run
    tolerance: float


def tolerance(dtype: Any) -> float:
    """What computing in this dtype may cost, in the worst element of the gradient."""
    return 1e-3 if np.dtype(dtype) == np.float32 else 1e-10


def own(backend: str, order: str, X: Any, y: Any, n_threads: int) -> Contender:
    """A backend of this package, on X as it is."""
    return Contender(
        backend, order, bench.objective(X, y, backend, n_threads).cost_and_gradient, 1e-10
    )


def numpy(order: str, X: Any, y: Any) -> Contender:
    """NumPy on X as float32 or float64."""
    return Contender("numpy", order, bench.NumPyPass(X, y), tolerance(X.dtype))


class LecturesNumPy:
    """The lectures' vectorized formula as they write it, in the dtype of X, float32 or float64; X
    (n_x, m), y (m,)."""

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


def lectures(order: str, X: Any, y: Any) -> Contender:
    """LecturesNumPy, under the name that the table gives it."""
    return Contender(LECTURES, order, LecturesNumPy(X, y), tolerance(X.dtype))


class NumPyBlocks:
    """NumPy on an integer X, block by block: converted to float32 into one buffer, used while in
    the cache."""

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


def numpy_blocks(X: Any, y: Any, block: int) -> Contender:
    """NumPyBlocks, with its block in its name."""
    return Contender(f"numpy, blocks of {block}", "example-major", NumPyBlocks(X, y, block), 1e-3)


def scikit_learn(X: Any, y: Any, n_threads: int) -> Contender | None:
    """scikit-learn's own loss and gradient, as its L-BFGS calls it; X (n_x, m) float,
    example-major."""
    try:
        from sklearn._loss.loss import HalfBinomialLoss
        from sklearn.linear_model._linear_loss import LinearModelLoss
    except ImportError:
        return None
    model, rows = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=True), X.T
    labels = y.astype(X.dtype)

    def run(w: bench.Vector, b: float) -> bench.Pass:
        J, gradient = model.loss_gradient(
            np.append(w, b).astype(X.dtype), rows, labels, None, 0.0, n_threads
        )
        return float(J), gradient[:-1].astype(np.float64), float(gradient[-1])

    return Contender("scikit-learn", "example-major", run, tolerance(X.dtype))


def torch(X: Any, y: Any, n_threads: int) -> Contender | None:
    """torch's binary_cross_entropy_with_logits and backward(); X (n_x, m) float, example-major."""
    try:
        import torch as library
    except ImportError:
        return None
    library.set_num_threads(n_threads)
    rows, labels = library.from_numpy(X.T), library.from_numpy(y.astype(X.dtype))
    loss = library.nn.functional.binary_cross_entropy_with_logits

    def run(w: bench.Vector, b: float) -> bench.Pass:
        weights = library.from_numpy(w.astype(X.dtype)).requires_grad_()
        bias = library.tensor(b, dtype=weights.dtype, requires_grad=True)
        J = loss(rows @ weights + bias, labels)
        J.backward()
        return J.item(), weights.grad.numpy().astype(np.float64), bias.grad.item()

    return Contender("torch", "example-major", run, tolerance(X.dtype))
