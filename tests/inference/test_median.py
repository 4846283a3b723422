"""Fits without median bias: the modified score by mpmath, closed forms, what changes nothing."""

import mpmath
import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.inference import firth, median
from fastlogreg.inference.likelihood import Likelihood
from fastlogreg.maths.arrays import NONE


@pytest.fixture(params=["kernel", "reads"])
def way(request, monkeypatch):
    if request.param == "reads":
        monkeypatch.setattr(firth, "SMALL_NUMBERS", 0)
    return request.param


def problem(seed, m=16, p=2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p)) * [1.0, 7.0][:p] + [5.0, 0.0][:p]
    y = (rng.random(m) < 0.4).astype(float)
    y[:2] = 0.0, 1.0
    return X, y, rng.random(m) + 0.5, rng.normal(size=m)


def theta_of(X, y, s=NONE, o=NONE, intercept=True):
    found = Likelihood(design_of(X.T), y, s, o, intercept)
    climbed = median.climb_median(found, 1e-11, 300)
    assert climbed.reached
    return found.outward(climbed.theta)


def modified_score(theta, X, y, s, o, intercept):
    """Return U~ by third cumulants T_rst of the score, as the paper has it: no cubes of x' v."""
    rows = [[*map(mpmath.mpf, x), *([mpmath.mpf(1)] * intercept)] for x in X.tolist()]
    p = len(rows[0])
    U, H, T = mpmath.zeros(p, 1), mpmath.zeros(p), {}
    for x, label, weight, shift in zip(rows, y, s, o):
        a = 1 / (1 + mpmath.exp(-mpmath.fdot(x, theta) - mpmath.mpf(shift)))
        w = mpmath.mpf(weight) * a * (1 - a)
        for r in range(p):
            U[r] += mpmath.mpf(weight) * (mpmath.mpf(label) - a) * x[r]
            for t in range(p):
                H[r, t] += w * x[r] * x[t]
                for k in range(p):
                    T[r, t, k] = T.get((r, t, k), 0) + w * (1 - 2 * a) * x[r] * x[t] * x[k]
    V, places = H**-1, range(p)
    u = mpmath.zeros(p, 1)
    for j in places:
        for r in places:
            spread = sum(T[r, t, k] * V[t, j] * V[k, j] for t in places for k in places)
            u[j] -= V[j, r] * spread / V[j, j] / 3
    mean = [sum(T[r, t, k] * V[t, k] for t in places for k in places) / 2 for r in places]
    return [U[r] + mean[r] + mpmath.fdot(H[r, :], u) for r in places]


@pytest.mark.parametrize("seed", range(8))
def test_estimates_are_those_of_mpmath(seed, way):
    """With weights, an offset, without an intercept, and quasi-separated, in turn."""
    X, y, s, o = problem(seed)
    intercept = seed != 5
    if seed in (2, 6):
        X[:, 1], y[:4] = np.arange(16) < 4, 1.0
    s, o = s if seed & 1 else np.ones(16), o if seed & 2 else np.zeros(16)
    theta = theta_of(X, y, s if seed & 1 else NONE, o if seed & 2 else NONE, intercept)
    free = theta if intercept else theta[:-1]
    with mpmath.workdps(30):
        root = mpmath.findroot(
            lambda *t: modified_score(t, X, y, s, o, intercept), free.tolist(), tol=1e-40
        )
        wanted = np.array([float(value) for value in root])
    assert free == pytest.approx(wanted, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(("ones", "of"), [(0, 5), (1, 7), (4, 8), (9, 9)])
def test_a_single_probability_has_the_closed_form(ones, of):
    """(k + 1/6) / (n + 1/3): of the paper; it is finite for no and for all successes."""
    X, y = np.array([[1.0], [1.0]]), np.array([0.0, 1.0])
    s = np.array([of - ones, ones], float)
    theta = theta_of(X[s > 0], y[s > 0], s[s > 0], intercept=False)
    a = 1.0 / (1.0 + np.exp(-theta[0]))
    assert a == pytest.approx((ones + 1 / 6) / (of + 1 / 3), rel=1e-10)


def test_units_change_nothing_and_a_weight_of_k_is_a_row_k_times(way):
    X, y, *_ = problem(11)
    units, k = np.array([1e-3, 50.0]), np.arange(16) % 3 + 1
    plain = theta_of(X, y)
    assert theta_of(X * units, y)[:-1] * units == pytest.approx(plain[:-1], rel=1e-8)
    repeated = theta_of(np.repeat(X, k, axis=0), np.repeat(y, k))
    assert theta_of(X, y, k.astype(float)) == pytest.approx(repeated, rel=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_separated_labels_have_finite_estimates_beyond_firths(seed):
    X, _, *_ = problem(20 + seed)
    y = (X[:, 0] > np.median(X[:, 0])).astype(float)
    found = Likelihood(design_of(X.T), y)
    plain = found.outward(firth.climb_firth(found, 1e-11, 300).theta)
    theta = theta_of(X, y)
    assert np.isfinite(theta).all()
    assert theta[0] > plain[0] > 0.0  # Firth shrinks more


def test_the_estimator_the_function_and_their_summary():
    pytest.importorskip("sklearn")
    X, y, s, _ = problem(30, m=60)
    model = flr.LogisticRegression(np.inf, bias_reduction="median", tol=1e-12).fit(X, y, s)
    how = {"weights": s[None], "bias_reduction": "median"}
    result = flr.train(X.T, y[None], solver="auto", tol=1e-12, **how)
    assert result.w[:, 0].tolist() == model.coef_[0].tolist()
    assert result.stop_reason == model.stop_reason_ == "converged"
    found = model.summary()
    assert flr.summary(result, X.T, y[None], **how).standard_errors == pytest.approx(
        found.standard_errors
    )
    X1 = np.column_stack([np.ones(60), X])
    a = 1.0 / (1.0 + np.exp(-X1 @ found.coefficients))
    wanted = np.linalg.inv((X1 * (s * a * (1 - a))[:, None]).T @ X1)
    assert found.covariance == pytest.approx(wanted, rel=1e-8)
    assert model.cost_ == pytest.approx(-found.log_likelihood / s.sum(), rel=1e-12)
    assert found.bias_reduction == "median"
    with pytest.raises(ValueError, match='interval must be "wald"'):
        model.summary(interval="profile")
    with pytest.raises(ValueError, match='covariance must be "hessian"'):
        model.summary(covariance="logistf")
    with pytest.raises(ValueError, match="X and y must be those of the fit"):
        model.summary(X, y)
    with pytest.raises(ValueError, match="standardize must be False"):
        flr.LogisticRegression(np.inf, bias_reduction="median", standardize=True).fit(X, y)


def test_dependent_columns_are_named():
    pytest.importorskip("sklearn")
    X, y, *_ = problem(31)
    with pytest.raises(ValueError, match="column 0, column 1"):
        flr.LogisticRegression(np.inf, bias_reduction="median").fit(X[:, [0, 0, 1]], y)
