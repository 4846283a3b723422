"""Where float64 ends a run: what is claimed is true, and what can be reached is reached."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.solvers.result import STOP_REASONS
from tests.helpers.comparison import WITHOUT_JIT
from tests.solvers.test_numeric_faults import trained
from tests.solvers.test_solvers import optimum

X6, Y6 = np.arange(6.0)[:, None], np.array([0, 1, 0, 1, 1, 1])
SECOND_ORDER = ("newton", "auto", "lbfgs")


def fitted(X, y, weight=None, **options):
    """The estimator and the texts of the warnings; X (m, n_x)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = flr.LogisticRegression(**options).fit(X, y, weight)
    return model, [str(warning.message) for warning in caught]


def test_the_reasons_tell_rounding_from_tol():
    assert "tol" in STOP_REASONS["converged"]
    assert "rounding" in STOP_REASONS["precision"]


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_nothing_above_tol_is_called_converged(solver):
    """One-hot columns without a penalty worth the name ended "converged" at 9e-6 for 1e-8."""
    rng = np.random.default_rng(13)
    reasons = set()
    for _ in range(60):
        m, n_x = int(rng.integers(5, 60)), int(rng.integers(1, 8))
        X = rng.normal(size=(n_x, m)) * 10.0 ** rng.uniform(-2, 6, (n_x, 1))
        y = np.append([0, 1], rng.integers(0, 2, m - 2))
        lambda_, tol = float(rng.choice([0.0, 1e-12, 1e-6, 1.0])), 10.0 ** rng.uniform(-16, -6)
        result, texts = trained(X, y, solver=solver, lambda_=lambda_, tol=tol, iterations=300)
        reached = result.suboptimality_bound if lambda_ else result.gradient_norm
        reasons.add(result.stop_reason)
        assert (result.stop_reason == "converged") == (reached <= tol) or result.stop_reason in (
            "iterations",
            "separable",
        )
        if result.stop_reason == "precision" and lambda_ and reached > max(tol, result.cost):
            assert len(texts) == 1
    assert {"converged", "precision"} <= reasons


@pytest.mark.parametrize("tol", [None, 1e-8])
@pytest.mark.parametrize("solver", SECOND_ORDER)
@pytest.mark.parametrize(
    ("X", "lambda_", "best"),
    [
        (1e6 + np.random.default_rng(0).normal(size=(5, 4)), 1e-4, 0.0027422567269),
        (1e8 + np.random.default_rng(1).normal(size=(4, 3)), 1e-2, 0.106546459939),
        (1e6 + np.random.default_rng(22).normal(size=(4, 3)), 1e-8, 3.5979379e-7),
    ],
)
def test_wide_tables_far_from_zero(X, lambda_, best, tol, solver):
    """J stayed at .6931, or LinAlgError and ZeroDivisionError came: K was not centred."""
    y = np.array([0, 1, 0, 1])[: X.shape[1]]
    X1 = X - X.mean(axis=1, keepdims=True)  # the optimum of the same problem, about the mean
    assert optimum(X1.T, y, lambda_)[0] == pytest.approx(best, abs=2e-9)
    result, texts = trained(X, y, solver=solver, lambda_=lambda_, tol=tol)
    assert result.cost == pytest.approx(best, abs=2e-8)
    assert texts == []


def test_wide_tables_of_values_near_ten_thousand():
    """28 of 120 such tables ended more than 1e-3 above the optimum, silently."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        m = int(rng.integers(4, 12))
        X = 1e4 + rng.normal(size=(2 * m, m))
        y = np.append([0, 1], rng.integers(0, 2, m - 2))
        centred = X - X.mean(axis=1, keepdims=True)
        best, _ = trained(centred, y, solver="lbfgs", lambda_=1e-8, tol=1e-12, iterations=5000)
        for solver in ("newton", "auto"):
            result, texts = trained(X, y, solver=solver, lambda_=1e-8)
            assert result.cost <= best.cost + 1e-7 or texts, (seed, solver)


@pytest.mark.parametrize("spread", [3600.0, 600.0])
@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_a_column_of_unix_seconds(solver, spread):
    """It was called linearly dependent on the intercept, and "converged" at a gradient of .04."""
    rng = np.random.default_rng(5)
    t = rng.uniform(0.0, spread, 500)
    y = (rng.random(500) < 1.0 / (1.0 + np.exp(-(t - t.mean()) / spread * 3.0))).astype(int)
    best = optimum(t[:, None] / spread, y, 0.0)[0]
    result, texts = trained((1.7e9 + t)[None], y, solver=solver, tol=1e-8)
    assert result.cost == pytest.approx(best, abs=1e-9)  # the seconds themselves are rounded
    assert (result.stop_reason == "converged") == (result.gradient_norm <= 1e-8)
    assert not any("dependent" in text for text in texts)


def test_a_constant_column_is_still_dependent_on_the_intercept():
    X = np.column_stack([1.7e9 + np.arange(6.0), np.full(6, 7.0)])
    _, texts = trained(X.T, Y6, solver="auto", tol=1e-8)
    assert len(texts) == 1
    assert "together with the intercept" in texts[0]
    assert "column 1" in texts[0]
    assert "column 0" not in texts[0]


@pytest.mark.parametrize("factor", [1e9, 1e-9])
def test_lbfgs_on_columns_a_thousand_million_apart(factor):
    """It ended "converged" at J = .6041, for an optimum of .5153."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(2, 200))
    y = (X.sum(axis=0) + rng.logistic(size=200) > 0).astype(int)
    result, _ = trained(X * [[factor], [1.0]], y, solver="lbfgs", tol=1e-8)
    assert result.cost == pytest.approx(optimum(X.T, y, 0.0)[0], abs=1e-12)
    assert (result.stop_reason == "converged") == (result.gradient_norm <= 1e-8)


def test_lbfgs_counts_a_weight_as_so_many_rows():
    """Coefficients differed by 9e-5: the centre was the mean of rows, whatever they weighed."""
    rng = np.random.default_rng(17)
    for _ in range(10):
        m, n_x = int(rng.integers(40, 300)), int(rng.integers(1, 12))
        X = rng.normal(size=(m, n_x)) * 10.0 ** rng.uniform(-1, 1, n_x) + 3.0
        y, weight = rng.integers(0, 2, m), rng.integers(0, 4, m)
        weighted, _ = fitted(X, y, weight.astype(float), solver="lbfgs")
        repeated, _ = fitted(np.repeat(X, weight, axis=0), np.repeat(y, weight), solver="lbfgs")
        np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-8, atol=1e-9)


def test_lbfgs_knows_the_scales_of_columns():
    """Raw columns over four decades took 100,000 iterations and had not arrived."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(600, 8)) * np.logspace(-1, 3, 8) + np.logspace(0, 4, 8)
    z = ((X - X.mean(axis=0)) / X.std(axis=0)) @ rng.normal(size=8)
    y = (z + 2.0 * rng.logistic(size=600) > 0).astype(int)
    model, _ = fitted(X, y, solver="lbfgs", C=np.inf, tol=1e-7)
    assert model.n_iter_ <= 60
    centred = (X - X.mean(axis=0)) / X.std(axis=0)
    assert model.cost_ == pytest.approx(optimum(centred, y, 0.0)[0], abs=1e-10)


@pytest.mark.skipif(WITHOUT_JIT, reason="an hour without compilation")
def test_mostly_zero_columns_do_not_mislead_auto():
    """A column that no example of the sample had got a step thirty times too long."""
    rng = np.random.default_rng(0)
    m, n_x = 6000, 1600
    X = np.zeros((m, n_x), np.float32)
    X[np.arange(m)[:, None], rng.integers(0, n_x, (m, 8))] = 1.0
    y = (X @ rng.normal(size=n_x) + rng.logistic(size=m) > 0).astype(int)
    model, _ = fitted(X, y, C=100.0, max_iter=150)
    assert model.stop_reason_ == "converged"


@pytest.mark.parametrize("factor", [1e155, 1e200, 1e300, 1e-162, 1e-200, 1e-300])
def test_standardize_in_any_units(factor):
    """The squares overflowed or vanished: coef 0 and a bound of 2e-15."""
    plain, _ = fitted(X6, Y6, standardize=True)
    model, texts = fitted(X6 * factor, Y6, standardize=True)
    assert texts == []
    assert model.coef_[0, 0] * factor == pytest.approx(plain.coef_[0, 0], rel=1e-9)
    assert model.intercept_[0] == pytest.approx(plain.intercept_[0], rel=1e-9)


@pytest.mark.parametrize("C", [5e-309, 1e-310, 5e-324])
def test_a_penalty_beyond_float64(C):
    with pytest.raises(ValueError, match=r"C must be above 5\.6e-309"):
        flr.LogisticRegression(C=C).fit(X6, Y6)


@pytest.mark.parametrize("weight", [1e-310, 5e-324])
def test_weights_beyond_float64(weight):
    with pytest.raises(ValueError, match="larger weights"):
        flr.LogisticRegression().fit(X6, Y6, np.full(6, weight))


@pytest.mark.skipif(
    np.finfo(np.longdouble).max == np.finfo(float).max, reason="long double is float64 here"
)
@pytest.mark.parametrize("standardize", [False, True])
def test_long_doubles_beyond_float64(standardize):
    X = X6.astype(np.longdouble) * np.longdouble("1e400")
    model = flr.LogisticRegression(standardize=standardize)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="infinity: in row 1, column 0"):
            model.fit(X, Y6)


@pytest.mark.parametrize("solver", ["gd", "nesterov", *SECOND_ORDER])
def test_a_start_beyond_float64_is_told_and_not_called_converged(solver):
    result, texts = trained(X6.T, Y6, solver=solver, w=[[1e308]], iterations=5)
    assert result.stop_reason == "diverged" or np.isfinite(result.cost)
    if not np.isfinite(result.cost):
        assert "w and b at the start" in texts[-1]


def test_a_warm_start_from_nan_is_named():
    model = flr.LogisticRegression(warm_start=True).fit(X6, Y6)
    model.coef_ = np.array([[np.nan]])
    with pytest.raises(ValueError, match="warm_start begins from coef_"):
        model.fit(X6, Y6)


def badly_scaled(m=600):
    """Rows (m, 6) of lengths, counts and rates, over five decades, and labels that follow them."""
    rng = np.random.default_rng(12)
    X = rng.gamma(1.0, size=(m, 6)) * np.logspace(-1.5, 3.0, 6)
    z = (X - X.mean(axis=0)) / X.std(axis=0) @ np.array([2.0, -2.0, 1.5, 1.5, 0.5, 0.2])
    return X, (z + rng.logistic(size=m) > 0).astype(int)


def test_gradient_descent_on_raw_columns_says_why_it_is_far_away():
    """44.8 % accuracy on raw spambase after all iterations, without a word."""
    X, y = badly_scaled()
    result, texts = trained(X.T, y, iterations=1000)
    assert result.cost > 1.2 * optimum(X, y, 0.0)[0]
    assert len(texts) == 1
    assert "far from the optimum" in texts[0]
    assert "column 5" in texts[0]
    assert 'solver="auto"' in texts[0]


def test_gradient_descent_on_equal_scales_is_not_nagged():
    X, y = badly_scaled(100 if WITHOUT_JIT else 600)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    for iterations in (5, 100, 1000):
        assert trained(X.T, y, iterations=iterations)[1] == []


def test_a_score_within_rounding_is_on_no_side():
    """Equal rows of both labels, a rounding apart, were "completely separable"."""
    from fastlogreg.data.inputs import design_of
    from fastlogreg.objective.objective import Objective

    objective = Objective(design_of(np.ones((1, 4))), np.array([1, 0, 1, 0], np.uint8))
    assert objective.separates(np.array([5.0, -5.0, 1e-3, -1e-3]))
    assert not objective.separates(np.array([5.0, -5.0, 1e-17, -1e-17]))
    w, b = np.array([1e9]), -1e9  # z is the rest of two terms of that size
    assert not objective.separates(np.array([5.0, -5.0, 1e-7, -1e-7]), w, b)
