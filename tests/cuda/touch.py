"""Run every kernel once on a few hundred examples, for compute-sanitizer: no check of a number.

compute-sanitizer --tool racecheck python -m tests.cuda.touch
"""

from __future__ import annotations

import numpy as np

import fastlogreg as flr
from fastlogreg.backends.base import Columns
from fastlogreg.backends.on_gpu import Cuda
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.duality import Shares


def touch(m: int = 700) -> None:
    """Make each sum of the backend on X of several types and orders."""
    rng = np.random.default_rng(0)
    y, labels = (rng.integers(0, k, m) for k in (2, 3))
    y, labels = y.astype(np.uint8), labels.astype(np.int32)
    for n_x, dtype, order in (
        (8, "uint8", "F"),
        (33, "float32", "F"),
        (33, "float16", "C"),
        (600, "float64", "F"),
    ):
        X = np.asarray(rng.integers(0, 9, (n_x, m)), dtype, order=order)
        design = DesignMatrix(X, np.full(n_x, 0.1), np.zeros(n_x))
        backend, w = Cuda(1), rng.standard_normal(n_x) / n_x
        z, other = backend.room(m), backend.room(m)
        backend.sums(design, y, w, 0.1, zs=z)
        backend.sums(design, y, 2 * w, 0.1, zs=other)
        move = other - z
        backend.all_finite(move)
        backend.along_line(z, move, y, NONE, 0.5)
        backend.products(design, backend.terms(z, y, NONE).slopes)
        backend.squares(design, np.ones(m))
        backend.entropy(z, y, NONE, NONE, Shares(1.0, 0.5))
        W, b, Z = rng.standard_normal((3, n_x)) / n_x, np.zeros(3), backend.room(3, m)
        backend.class_sums(design, labels, W, b, zs=Z)
        backend.class_products(design, Z, W, b)
        backend.class_moments(Z, labels, NONE, b)
        backend.class_along_line(Z, Z, labels, NONE, 0.5)
        backend.class_hessian(design, Z)
        ones = np.ones((3, 1))
        backend.sided_sums(design, labels, Columns(W, b, np.arange(3, dtype=np.int32), ones, ones))
    flr.train(X, y[None], backend="cuda", solver="lbfgs", lambda_=1.0, iterations=3)


if __name__ == "__main__":
    touch()
