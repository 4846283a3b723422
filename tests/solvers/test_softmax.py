"""Solvers with several classes: golden values, the same optimum, the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from fastlogreg.data.inputs import design_of
from fastlogreg.maths.arrays import Vector
from fastlogreg.objective.softmax import SoftmaxObjective
from fastlogreg.solvers import registry
from fastlogreg.solvers.result import TrainingResult
from fastlogreg.solvers.state import State
from fastlogreg.training import run
from fastlogreg.training.options import Options

SOLVERS = registry.names()


def fit(
    x: Any, labels: Any, classes: int, lambda_: float = 1.0, **options: Any
) -> tuple[SoftmaxObjective, TrainingResult]:
    """Train on x (m, n_x), from zeros."""
    keys = ("n_threads", "weight", "intercept")
    given = {key: options.pop(key) for key in keys if key in options}
    y = np.asarray(labels, dtype=np.int32)
    X = x.T if hasattr(x, "tocsr") else np.ascontiguousarray(np.asarray(x).T)
    objective = SoftmaxObjective(design_of(X, 1.0, 0.0), y, classes, lambda_, "fused", **given)
    start = State(np.zeros(objective.size))
    options = {"solver": "auto", "iterations": 3000, "tol": 1e-12, **options}
    return objective, run.run(objective, start, Options(**options))


def standardised(x: Any) -> Vector:
    x = np.asarray(x, dtype=np.float64)
    return np.asarray((x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0.0, x.std(axis=0), 1.0))


def iris() -> tuple[Vector, Any]:
    x, y = datasets.load_iris(return_X_y=True)
    return standardised(x), y


@pytest.mark.parametrize("solver", SOLVERS)
def test_iris_has_its_golden_cost(solver: str) -> None:
    tol = 1e-14 if solver in ("newton", "auto") else 1e-9
    if solver == "gd":
        tol = 1e-5
    objective, result = fit(*iris(), 3, solver=solver, tol=tol)
    assert result.stop_reason == "converged"
    assert result.suboptimality_bound <= tol
    J = result.cost * objective.total
    assert 31.378768260796 - 5e-13 <= J <= 31.378768260796 + 5e-13 + 150.0 * tol
    assert abs(result.w.sum(axis=1)).max() < 1e-8
    assert abs(result.b.sum()) < 1e-12


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "auto"])
def test_digits_have_their_golden_cost(solver: str) -> None:
    x, y = datasets.load_digits(return_X_y=True)
    objective, result = fit(x / 16.0, y, 10, solver=solver, tol=1e-11)
    assert result.stop_reason == "converged"
    J = result.cost * objective.total
    assert 358.548947733962 - 5e-12 <= J <= 358.548947733962 + 2e-8
