"""This package: a pass by each backend, and fits by `train` and by the estimator."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastlogreg as flr
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.objective.softmax import SoftmaxObjective
from fastlogreg.tools import bench

from .base import ClassPass, FitContender, PassContender, Vector, coefficients, is_binary, powers


def one_pass(backend: str, order: str, X: Any, y: Any, n_threads: int) -> PassContender:
    """Prepare a backend of this package, on X as it is."""
    return PassContender(
        backend, order, bench.objective(X, y, backend, n_threads).cost_and_gradient, 1e-10
    )


def class_pass(order: str, X: Any, labels: Any, K: int, n_threads: int) -> PassContender:
    """Prepare the fused kernels of several classes, on X as it is."""
    n_x = len(X)
    design = DesignMatrix(X, np.ones(n_x), np.zeros(n_x))
    objective = SoftmaxObjective(design, labels, K, n_threads=n_threads)

    def run(W: Vector, b: Vector) -> ClassPass:
        J, gradient, _ = objective.evaluate_at(objective.joined(W, b))
        return J, *objective.split(gradient)

    return PassContender("fused", order, run, 1e-10)


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by `train` and, where scikit-learn is there, the estimator; tol bounds J - J*."""

    classes = None if is_binary(y) else int(y.max()) + 1

    def train(tol: float) -> tuple[Any, Any]:
        result = flr.train(
            X.T,
            y[None, :],
            classes=classes,
            solver="auto",
            lambda_=lambda_,
            tol=tol,
            iterations=1000,
        )
        return (result.w[:, 0], result.b) if classes is None else (result.w.T, result.b[:, 0])

    found = {"fastlogreg train": FitContender(train, powers(1, 14))}
    if hasattr(flr, "LogisticRegression"):
        make = flr.LogisticRegression
        found["fastlogreg"] = FitContender(
            lambda tol: coefficients(make(C=1 / lambda_, tol=tol, max_iter=1000).fit(X, y)),
            powers(1, 14),
        )
    return found
