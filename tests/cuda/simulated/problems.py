"""Problems for the checks of the GPU's kernels, and the reference they are held against."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastlogreg.backends.choice import backend_of
from fastlogreg.backends.on_gpu import Cuda
from fastlogreg.data.dense import DesignMatrix

NUMPY: Any = backend_of("numpy", 1)
DTYPES = ("float64", "float32", "float16", "uint8", "bool", "int8", "uint16", "int16", "int32")
CONVERTED = ("int64", "longdouble", ">f4", ">f8")


class Problem(NamedTuple):
    """Hold a design with labels, weights and a point on scale * X + shift."""

    design: DesignMatrix
    y: np.ndarray
    weight: np.ndarray
    w: np.ndarray
    b: float


def made(m, n_x, dtype="float64", order="F", seed=0, plain=False) -> Problem:
    rng = np.random.default_rng((seed, m, n_x))
    kind = np.dtype(dtype).kind
    values = rng.standard_normal((n_x, m)) if kind == "f" else rng.integers(0, 100, (n_x, m))
    X = np.asarray(values.astype(dtype), order=order)
    scale = np.ones(n_x) if plain else rng.uniform(0.5, 2.0, n_x)
    scale = scale / (1.0 if kind in "fb" else 50.0)
    shift = np.zeros(n_x) if plain else rng.standard_normal(n_x)
    w = rng.standard_normal(n_x) / np.sqrt(n_x)
    y = (rng.random(m) < 0.5).astype(np.uint8)
    return Problem(DesignMatrix(X, scale, shift), y, rng.uniform(0.5, 2.0, m), w, 0.3)


def sizes_of_sums(problem: Problem, weight) -> Any:
    """The sums of the sizes of what is added up: what 1e-12 of agreement is measured by."""
    design, y, _, w, b = problem
    x = np.abs(np.concatenate([x for _, _, x in design.float_blocks()]))
    raw = design.X.T.astype(np.float64)
    z = np.abs(raw * (design.scale * w)).sum(axis=1) + abs(b) + np.abs(design.shift * w).sum()
    s = weight if weight.size else np.ones(len(y))
    bent = s * (1.0 + z)  # an error of z moves dz by at most a quarter of it, the loss by all of it
    return float(bent @ (1.0 + z)), bent @ (x + np.abs(design.shift)), float(bent.sum())


def assert_agree(problem: Problem, found, wanted, weight, within=1e-12):
    loss, dw, db = sizes_of_sums(problem, weight)
    assert abs(found.loss - wanted.loss) <= within * loss
    assert np.all(np.abs(found.dw - wanted.dw) <= within * dw)
    assert abs(found.db - wanted.db) <= within * db
    assert abs(found.slopes - wanted.slopes) <= within * db


def one_pass(backend, problem: Problem, weight, **options):
    design, y, _, w, b = problem
    return backend.sums(design, y, w, b, weight=weight, **options)


def gpu(grid=None) -> Any:
    return Cuda(1, grid)
