"""The dual problem: entropies against mpmath, and the penalties' part against a search."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from fastlogreg.backends.choice import backend_of
from fastlogreg.maths import duality, logistic
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.duality import Shares
from fastlogreg.maths.elastic_net import ElasticNet
from fastlogreg.maths.group_lasso import GroupLasso


def exact_entropy(z, y, kappa):
    """H(q) of one example in 40 digits."""
    with mpmath.workdps(40):
        t = mpmath.mpf(float(z)) * (1 if y else -1)
        e = mpmath.mpf(float(kappa)) / (1 + mpmath.exp(t))
        if e == 0:
            return mpmath.mpf(0)
        return -e * mpmath.log(e) - (1 - e) * mpmath.log(1 - e) if e < 1 else mpmath.mpf(0)


@pytest.mark.parametrize("backend", ["numpy", "fused"])
@pytest.mark.parametrize("kappa", [Shares(1.0, 1.0), Shares(1.0, 0.25), Shares(0.999, 1e-3)])
def test_entropy_has_its_digits(backend, kappa):
    z = np.array([0.0, -0.0, 1e-8, 1.0, -1.0, 20.0, -20.0, 36.0, -36.0, 300.0, -300.0, 3.0, -3.0])
    y = (np.arange(z.size) % 2).astype(np.uint8)
    for i in range(z.size):
        own = kappa.ones if y[i] else kappa.zeros
        found = backend_of(backend, 1).entropy(z[i : i + 1], y[i : i + 1], NONE, NONE, kappa)
        expected = float(exact_entropy(z[i], y[i], own))
        assert found == pytest.approx(expected, rel=1e-13, abs=4e-16)


def test_compiled_and_vectorized_entropies_agree():
    rng = np.random.default_rng(0)
    for m in (1, 7, 8, 9, 1000):
        z, o, s = rng.normal(size=(3, m)) * 4.0
        y, s = (rng.random(m) < 0.5).astype(np.uint8), np.abs(s)
        for weight in (NONE, s):
            for offset in (NONE, o):
                a, b = (
                    backend_of(name, 1).entropy(z, y, weight, offset, Shares(0.7, 1.0))
                    for name in ("numpy", "fused")
                )
                assert a == pytest.approx(b, rel=1e-12, abs=1e-12)


def test_entropy_along_a_step_is_that_of_its_probabilities():
    rng = np.random.default_rng(1)
    z, moves = rng.normal(size=40), rng.uniform(-1, 1, 40)
    y, o = (rng.random(40) < 0.5).astype(np.uint8), rng.normal(size=40)
    a = logistic.sigmoid(z)
    q = y + 0.8 * (a - a * (1 - a) * moves - y)
    expected = np.sum(-q * np.log(q) - (1 - q) * np.log1p(-q) + (q - y) * o)
    found = duality.entropy_along(z, y, NONE, o, moves, 0.8)
    assert found == pytest.approx(expected, rel=1e-12)


def test_shares_make_the_errors_add_up_to_nothing():
    kappa = duality.shares(0.3, 0.2, True)
    assert kappa.zeros * 0.3 == pytest.approx(kappa.ones * 0.2)
    assert max(kappa) == 1.0
    assert duality.shares(0.3, 0.2, False) == (1.0, 1.0)
    assert duality.shares(0.0, 0.2, True) == (0.0, 0.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_conjugate_of_the_elastic_net_is_the_largest_value(seed):
    rng = np.random.default_rng(seed)
    lower = -rng.choice([0.0, 0.5, 3.0, np.inf])
    upper = rng.choice([0.0, 0.5, 3.0, np.inf])
    ratio, factor = rng.choice([0.0, 0.5, 1.0]), rng.choice([0.0, 0.3, 2.0])
    penalty = ElasticNet(1.0, ratio, 1.0, np.array([factor]), np.array([lower]), np.array([upper]))
    G = rng.normal(size=1) * 2.0
    t = penalty.largest_scale(G)
    assert 0.0 <= t <= 1.0
    slope = float(t * G[0])

    def negative(w):
        return slope * w + penalty.value(np.array([w]))

    low, high = max(lower, -1e3), min(upper, 1e3)
    best = minimize_scalar(negative, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    least = min([best.fun, negative(low), negative(high), negative(np.clip(0.0, low, high))])
    assert penalty.conjugate(t * G) == pytest.approx(-least, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_conjugate_of_the_group_lasso_is_the_largest_value(seed):
    rng = np.random.default_rng(seed)
    penalty = GroupLasso(1.0, 0.5, 1.0, np.ones(3), np.array([0, 0, 1]))
    G = rng.normal(size=3) * 2.0

    def negative(w):
        return float(G @ w) + penalty.value(w)

    best = minimize(negative, -G, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12})
    found = penalty.conjugate(G)
    assert found == pytest.approx(-min(best.fun, 0.0), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_prox_is_the_nearest_point_for_its_price(seed, grouped):
    rng = np.random.default_rng(seed)
    v, step = rng.normal(size=3), rng.choice([0.0, 0.3, 2.0])
    penalty = (
        GroupLasso(1.0, 0.7, 1.0, np.ones(3), np.array([0, 1, 1]))
        if grouped
        else ElasticNet(1.0, 0.7, 1.0, np.ones(3), -np.ones(3), np.full(3, 0.5))
    )
    found = penalty.prox(v, step)

    def price(w):
        return 0.5 * float((w - v) @ (w - v)) + step * penalty.value(w)

    least = price(found)
    for _ in range(50):
        other = np.clip(
            found + 0.1 * rng.normal(size=3) * 10.0 ** -rng.integers(0, 5),
            penalty.lower,
            penalty.upper,
        )
        assert price(other) >= least - 1e-12


def test_least_slopes_vanish_where_no_step_goes_down():
    penalty = ElasticNet(
        1.0, 1.0, 1.0, np.ones(6), np.full(6, -2.0), np.array([2.0, 2.0, 2.0, 2.0, 2.0, 0.0])
    )
    w = np.array([0.0, 0.0, 1.0, -1.0, 2.0, 0.0])
    slopes = np.array([0.9, 1.5, -1.0, 1.2, -3.0, -5.0])
    found = penalty.least_slopes(w, slopes)
    assert found == pytest.approx([0.0, 0.5, 0.0, 0.2, 0.0, 0.0])


def test_group_slopes_are_those_of_a_nudge():
    rng = np.random.default_rng(3)
    penalty = GroupLasso(1.0, 0.6, 1.0, np.ones(4), np.array([0, 0, 1, 1]))
    w, slopes = np.array([0.3, -0.2, 0.0, 0.0]), rng.normal(size=4) * 0.1
    found = penalty.least_slopes(w, slopes)
    for j in (0, 1):
        nudge = np.zeros(4)
        nudge[j] = 1e-6
        by_nudge = (penalty.value(w + nudge) - penalty.value(w - nudge)) / 2e-6
        assert found[j] == pytest.approx(slopes[j] + by_nudge, abs=1e-8)
    assert found[2:] == pytest.approx([0.0, 0.0])


def test_a_left_out_feature_is_fixed_at_nothing():
    penalty = ElasticNet(1.0, 1.0, 1.0, np.array([1.0, np.inf, 0.0]))
    assert penalty.lower[1] == penalty.upper[1] == 0.0
    assert penalty.free().tolist() == [False, False, True]
    assert penalty.unpenalised(np.zeros(3)).tolist() == [False, False, True]
    assert penalty.prox(np.ones(3), 0.5).tolist() == [0.5, 0.0, 1.0]
