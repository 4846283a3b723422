"""Solvers with several classes: golden values, the same optimum, the same bits."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from fastlogreg.data.inputs import design_of
from fastlogreg.maths.arrays import Vector
from fastlogreg.objective.objective import Objective
from fastlogreg.objective.softmax import SoftmaxObjective
from fastlogreg.solvers import auto, factors, newton, registry
from fastlogreg.solvers.answers import Answers, describe
from fastlogreg.solvers.requests import EstimateFactors
from fastlogreg.solvers.result import TrainingResult, TrainingWarning
from fastlogreg.solvers.state import State
from fastlogreg.training import run
from fastlogreg.training.options import Options

# prox_newton has an objective of its own, and tests of its own: test_prox_newton.py.
SOLVERS = tuple(name for name in registry.names() if name != "prox_newton")


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


def test_the_multinomial_table_has_its_golden_coefficients(shared_data: Path) -> None:
    rows = np.genfromtxt(
        shared_data / "tables" / "openintro_hsb2.csv", delimiter=",", names=True, dtype=None
    )
    ses, prog = rows["ses"], rows["prog"]
    x = np.column_stack([ses == "middle", ses == "high", rows["write"]]).astype(float)
    labels = np.select([prog == "academic", prog == "general"], [0, 1], 2)
    general = np.array([2.85218624, -0.53329101, -1.16283200, -0.05792841])
    vocational = np.array([5.21820016, 0.29139312, -0.98267033, -0.11360264])
    for solver in ("newton", "auto", "lbfgs"):
        objective, result = fit(x, labels, 3, 0.0, solver=solver, tol=1e-9)
        assert result.stop_reason == "converged"
        assert result.suboptimality_bound < 1e-10
        b, w = result.b - result.b[0], (result.w - result.w[:, :1]).T
        got = np.append(b, w, axis=1)
        assert 2.0 * objective.total * result.cost == pytest.approx(359.963452430185, abs=1e-9)
        if solver == "newton":
            np.testing.assert_allclose(got[1], general, atol=6e-9)
            np.testing.assert_allclose(got[2], vocational, atol=6e-9)
        assert abs(result.w.sum(axis=1)).max() < 1e-12
        assert abs(result.b.sum()) < 1e-12


def several_classes(name: str) -> tuple[Any, Any]:
    """Return one of ten further data sets, standardised."""
    if name == "wine":
        x, y = datasets.load_wine(return_X_y=True)
    elif name == "digits of few pixels":
        x, y = datasets.load_digits(return_X_y=True)
        x = x[::3, 10:40:2] + 0.0
        y = y[::3]
    elif name == "blobs":
        x, y = datasets.make_blobs(300, 5, centers=6, cluster_std=6.0, random_state=0)
    elif name == "quantiles":
        x, y = datasets.make_gaussian_quantiles(
            n_samples=300, n_features=4, n_classes=4, random_state=1
        )
    else:
        classes, n_x, m, seed = (int(part) for part in name.split())
        x, y = datasets.make_classification(
            m, n_x, n_informative=n_x // 2 + 1, n_classes=classes, random_state=seed, flip_y=0.1
        )
    return standardised(x), y


@pytest.mark.parametrize(
    "name",
    [
        "wine",
        "digits of few pixels",
        "blobs",
        "quantiles",
        "3 6 120 0",
        "4 10 400 1",
        "5 20 300 2",
        "8 30 900 3",
        "3 40 60 4",
        "12 24 2000 5",
    ],
)
def test_scikit_learn_finds_the_same_optimum(name: str) -> None:
    x, y = several_classes(name)
    classes = int(y.max()) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=200)
        peer.fit(x, y)
    for solver in ("newton", "auto"):
        objective, result = fit(x, y, classes, solver=solver, tol=1e-15)
        theirs = objective.evaluate_at(objective.joined(peer.coef_, peer.intercept_)).J
        assert result.cost <= theirs * (1.0 + 1e-12)
        assert result.cost == pytest.approx(theirs, rel=1e-8)
        if solver == "newton":
            np.testing.assert_allclose(result.w.T, peer.coef_, atol=1e-6)
            b = peer.intercept_ - peer.intercept_.mean()
            np.testing.assert_allclose(result.b.reshape(-1), b, atol=1e-6)


def correlated(m: int = 600, n_x: int = 8, classes: int = 4, seed: int = 0) -> tuple[Vector, Any]:
    """Return columns that are correlated, of different scales, and not centred."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, n_x)) @ (np.eye(n_x) + 0.3 * rng.standard_normal((n_x, n_x)))
    y = np.argmax(x @ rng.standard_normal((n_x, classes)) + rng.gumbel(size=(m, classes)), axis=1)
    return x * np.logspace(-2, 2, n_x) + np.linspace(-1.0, 1.0, n_x), y


WAYS = {
    "newton on all": {},
    "sample": {"SMALL": 0.0, "LEAST_ROWS": 150, "ROWS_PER_FEATURE": 1, "WORTH": 1e9},
    "factors": {"SMALL": 0.0, "LARGEST_OF_CLASSES": 0},
}


@pytest.mark.parametrize("way", WAYS)
def test_auto_reaches_the_optimum_by_each_way(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = correlated()
    _, best = fit(x, y, 4, solver="newton", tol=1e-15)
    for name, value in WAYS[way].items():
        monkeypatch.setattr(auto, name, value)
    objective, result = fit(x, y, 4, tol=1e-9)
    expected = {"newton on all": "newton", "factors": "lbfgs"}.get(way, way)
    assert auto.plan(describe(objective)) == expected
    assert result.stop_reason == "converged"
    assert result.passes < 60
    assert -1e-15 <= result.cost - best.cost <= result.suboptimality_bound + 1e-15


@pytest.mark.parametrize("from_zeros", [True, False])
def test_factors_are_taken_early_where_they_are_cheap(
    from_zeros: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in WAYS["factors"].items():
        monkeypatch.setattr(auto, name, value)
    x, y = correlated()
    objective = SoftmaxObjective(design_of(np.ascontiguousarray(x.T)), y.astype(np.int32), 4, 1.0)
    start = np.zeros(objective.size)
    if not from_zeros:
        start += 1e-3 * np.linspace(-1.0, 1.0, start.size)
        start = objective.centred(start)
    asked, answer = [], Answers.answer

    def watched(self: Answers, request: Any) -> Any:
        if isinstance(request, EstimateFactors):
            asked.append(request.shared)
        return answer(self, request)

    monkeypatch.setattr(Answers, "answer", watched)
    early = run.run(objective, State(start), Options(solver="auto", tol=1e-9))
    assert asked[: 1 + from_zeros] == [True, False][-1 - from_zeros :]
    assert True not in asked[1:]
    monkeypatch.setattr(auto, "SHARED_READS", 0.0)
    objective.passes = 0
    late = run.run(objective, State(start), Options(solver="auto", tol=1e-9))
    assert early.stop_reason == late.stop_reason == "converged"
    assert early.passes < late.passes + 2 * (not from_zeros)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("way", ["newton on all", "factors"])
def test_any_number_of_threads_gives_the_same_bits(
    solver: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setattr(auto, name, value)
    x, y = correlated(3000, 6, 3)
    found = []
    for n in (1, 2, 3, 7):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            _, result = fit(x, y, 3, solver=solver, iterations=12, n_threads=n)
        found.append((result.w.tobytes(), result.b.tobytes(), result.cost, result.passes))
    assert found.count(found[0]) == 4


@pytest.mark.parametrize("size", ["dense system", "conjugate gradients"])
def test_newton_needs_few_iterations_either_way(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if size == "conjugate gradients":
        monkeypatch.setattr(newton, "LARGEST_OF_CLASSES", 0)
    x, y = correlated()
    _, result = fit(x, y, 4, solver="newton", tol=1e-12)
    assert result.stop_reason == "converged"
    assert result.iterations <= 12
    _, lbfgs = fit(x, y, 4, solver="lbfgs", tol=1e-9)
    assert result.cost <= lbfgs.cost <= result.cost + 1e-9


def test_conjugate_gradients_do_without_a_gram_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newton, "LARGEST_OF_CLASSES", 0)
    monkeypatch.setattr(factors, "LARGEST_FACTOR", 0)
    x, y = correlated()
    _, result = fit(standardised(x), y, 4, solver="newton", tol=1e-10)
    assert result.stop_reason == "converged"
    assert result.iterations <= 12


@pytest.mark.parametrize("solver", SOLVERS)
def test_separable_classes_end_the_run_and_are_named(solver: str) -> None:
    x = np.array([[-3.0, 0.1], [-2.0, 0.0], [0.0, 3.0], [0.2, 2.0], [3.0, -0.1], [2.0, 0.0]])
    with pytest.warns(TrainingWarning, match="completely separable"):
        _, result = fit(x, [0, 0, 1, 1, 2, 2], 3, 0.0, solver=solver, tol=1e-8)
    if solver not in ("gd", "nesterov"):  # these keep no z
        assert result.stop_reason in ("separable", "converged")
    assert result.suboptimality_bound == np.inf


def test_quasi_separable_classes_are_named() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 2))
    y = rng.integers(0, 3, 60)
    rare = np.zeros(60)
    rare[y == 2] = rng.integers(0, 2, int((y == 2).sum()))  # a category of class 2 alone
    with pytest.warns(TrainingWarning, match="quasi-separable") as caught:
        fit(np.column_stack([x, rare]), y, 3, 0.0, solver="newton", tol=1e-10)
    assert f"{int(rare.sum())} of 60 examples" in str(caught[0].message)


def test_dependent_columns_are_named() -> None:
    x, y = iris()
    x = np.column_stack([x, x[:, 0] + x[:, 1], np.random.default_rng(0).standard_normal(150)])
    with pytest.warns(TrainingWarning, match="linearly dependent.*column 0, column 1, column 4"):
        fit(x + 0.0, (y + np.arange(150) // 40) % 3, 3, 0.0, solver="newton", tol=1e-8)


def test_far_from_the_optimum_is_said() -> None:
    x, y = correlated()
    with pytest.warns(TrainingWarning, match="far from the optimum"):
        fit(x, y, 4, solver="gd", tol=None, iterations=150)
    with pytest.warns(TrainingWarning, match="not converged.*another scale"):
        fit(x, y, 4, solver="nesterov", tol=1e-12, iterations=20)


@pytest.mark.parametrize("solver", ["newton", "auto", "lbfgs"])
def test_weights_are_rows_repeated_and_rows_gone(solver: str) -> None:
    x, y = iris()
    weight = np.random.default_rng(0).integers(0, 3, 150).astype(float)
    rows = np.repeat(np.arange(150), weight.astype(int))
    _, weighted = fit(x, y, 3, solver=solver, weight=weight, tol=1e-11)
    _, repeated = fit(x[rows], y[rows], 3, solver=solver, tol=1e-11)
    assert weighted.cost == pytest.approx(repeated.cost, rel=1e-11)


def test_three_hundred_classes_one_of_them_with_one_example() -> None:
    rng = np.random.default_rng(0)
    y = np.append(np.arange(300), rng.integers(0, 299, 1700))
    x = rng.standard_normal((300, 6))[y] + rng.standard_normal((2000, 6))
    _objective, result = fit(x, y, 300, solver="auto", tol=1e-5)
    assert result.stop_reason == "converged"
    assert result.w.shape == (6, 300)
    assert np.isfinite(result.w).all()


def test_without_an_intercept_b_stays_where_it_was() -> None:
    x, y = correlated()
    for solver in ("newton", "auto", "lbfgs"):
        _, result = fit(x, y, 4, solver=solver, intercept=False, tol=1e-10)
        assert result.stop_reason == "converged"
        assert not result.b.any()


def test_two_classes_are_the_sigmoid_with_half_the_penalty() -> None:
    x, y = correlated(classes=2)
    _, two = fit(x, y, 2, solver="newton", tol=1e-14)
    one = Objective(design_of(np.ascontiguousarray(x.T), 1.0, 0.0), y.astype(np.uint8), 0.5)
    single = run.run(one, State(np.zeros(9)), Options("newton", 100, tol=1e-14))
    assert two.cost == pytest.approx(single.cost, rel=1e-12)
    np.testing.assert_allclose(two.w[:, 1] - two.w[:, 0], single.w[:, 0], rtol=1e-6)
