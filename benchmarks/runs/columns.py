"""One softmax pass of K classes, cost and gradient from one read of X, against NumPy's two products
with the softmax between them: the cases that `kernels` adds to its own.

Of bytes NumPy, torch and scikit-learn get a float32 copy made beforehand.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from fastlogreg.tools import bench

from ..cases.expected import expected_class_pass
from ..contenders import fastlogreg, numpy, scikit_learn, torch
from ..report.results import target
from .passes import time_passes

EXAMPLE, FEATURE = bench.ORDERS


class ClassCase(NamedTuple):
    """Holds a shape, a dtype and K classes, and the least NumPy / fused that must be reached."""

    m: int
    n_x: int
    K: int
    dtype: str
    ratio: float | None = None

    @property
    def name(self) -> str:
        return f"{self.m:,} x {self.n_x:,} {self.dtype}, {self.K} classes"


CASES = (
    ClassCase(200_000, 54, 7, "float64", 2.5),
    ClassCase(60_000, 784, 10, "float32", 1.5),
    ClassCase(60_000, 784, 10, "uint8", 2.0),
)
QUICK = (ClassCase(4_000, 54, 7, "float64"), ClassCase(1_000, 784, 10, "uint8"))


def random_classes(
    case: ClassCase, seed: int = 0
) -> tuple[Any, np.ndarray[Any, Any], tuple[Any, Any]]:
    """Return X (n_x, m) example-major, labels (m,) int32, and a point (W (K, n_x), b (K,))."""
    X, _, _ = bench.random_problem(case.m, case.n_x, case.dtype, seed=seed)
    rng = np.random.default_rng(seed + 1)
    size = 1.0 if X.dtype.kind == "f" else 100.0
    W = rng.standard_normal((case.K, case.n_x)) / (size * np.sqrt(case.n_x))
    labels = rng.integers(0, case.K, case.m).astype(np.int32)
    labels[: case.K] = np.arange(case.K)
    return X, labels, (W, rng.standard_normal(case.K) / 10.0)


def run_case(case: ClassCase, n_threads: int, rounds: int) -> list[dict[str, Any]]:
    """Measure all contenders on one shape, dtype and number of classes."""
    X, labels, point = random_classes(case)
    field = []
    for order in bench.ORDERS:
        own = X if order == EXAMPLE else np.ascontiguousarray(X)
        floats = own.astype(bench.numpy_dtype(case.dtype), copy=False)
        field.append(fastlogreg.class_pass(order, own, labels, case.K, n_threads))
        field += [
            numpy.class_pass(order, floats, labels, case.K),
            numpy.class_blocks_pass(order, floats, labels, case.K, 2048),
        ]
        if order == EXAMPLE:
            field += [
                peer
                for build in (scikit_learn.class_pass, torch.class_pass)
                if (peer := build(floats, labels, case.K, n_threads)) is not None
            ]
    expected = expected_class_pass(X, labels, *point)
    return time_passes(case.name, field, X.nbytes, point, expected, n_threads, rounds)


def judge(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Judge what must be shown by these rows; NaN where a case was not run."""

    def seconds(case: ClassCase, contender: str, order: str) -> float:
        found = [
            row["seconds"]
            for row in rows
            if (row["case"], row["contender"], row["order"]) == (case.name, contender, order)
        ]
        return float(found[0]) if found else math.nan

    targets = []
    for case in CASES:
        by_numpy = [seconds(case, "numpy", order) for order in bench.ORDERS]
        found = min(by_numpy) / seconds(case, "fused", EXAMPLE)
        what = f"{case.name}: NumPy's two products / fused"
        targets.append(target(what, found, least=case.ratio))
        found = by_numpy[1] / seconds(case, "fused", FEATURE)
        what = f"{case.name}: NumPy's two products / fused, both feature-major"
        targets.append(target(what, found, least=case.ratio))
    return targets
