"""Penalties and the loss: what they say of themselves agrees with their values, by differences."""

from __future__ import annotations

import numpy as np
import pytest

from fastlogreg.backends import fused
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.derivatives import derivative, partial
from fastlogreg.maths.logistic import LOGISTIC
from fastlogreg.maths.penalties import L2

rng = np.random.default_rng(0)
N = 4
PENALTIES = {"none": L2(0.0, 50.0), "L2": L2(2.5, 50.0)}


@pytest.fixture(params=PENALTIES)
def penalty(request):
    return PENALTIES[request.param]


def gradient_of(penalty, w):
    gradient = np.zeros(w.size)
    penalty.add_gradient(w, gradient)
    return gradient


def test_the_gradient_and_the_curvature_are_derivatives(penalty):
    w, v = rng.normal(size=(2, N))
    gradient, diagonal, product = gradient_of(penalty, w), np.zeros(N), np.zeros(N)
    penalty.add_curvature(diagonal)
    penalty.add_product(v, product)
    for j in range(N):
        assert gradient[j] == pytest.approx(partial(penalty.value, w, j), rel=1e-9, abs=1e-13)
        second = partial(lambda at, j=j: gradient_of(penalty, at)[j], w, j)
        assert diagonal[j] == pytest.approx(second, rel=1e-9, abs=1e-13)
    np.testing.assert_allclose(product, diagonal * v)
    assert penalty.modulus <= diagonal.min()
    assert diagonal.max() <= penalty.largest_curvature


def test_what_is_added_is_added(penalty):
    w, given = rng.normal(size=(2, N))
    kept = given.copy()
    penalty.add_gradient(w, given)
    np.testing.assert_allclose(given, kept + gradient_of(penalty, w))


def test_along_a_line(penalty):
    w, d = rng.normal(size=(2, N))
    for t in (0.0, 0.3, -2.0):
        value, first, second = penalty.along_line(w, d, t)
        assert value == pytest.approx(penalty.value(w + t * d))
        slope = derivative(lambda t: penalty.value(w + t * d), t)
        assert first == pytest.approx(slope, rel=1e-9, abs=1e-13)
        curvature = derivative(lambda t: penalty.along_line(w, d, t).first, t)
        assert second == pytest.approx(curvature, rel=1e-9, abs=1e-13)


def test_the_prox_is_where_the_sum_is_least(penalty):
    v, step = rng.normal(size=N), 3.0

    def total(w):
        return 0.5 * float((w - v) @ (w - v)) + step * penalty.value(w)

    best = penalty.prox(v, step)
    for move in 1e-3 * rng.normal(size=(20, N)):
        assert total(best) <= total(best + move)


def test_a_sample_has_the_penalty_in_proportion(penalty):
    w = rng.normal(size=N)
    sampled = penalty.for_total(7.0)
    assert sampled.value(w) == pytest.approx(penalty.value(w))
    assert sampled.lambda_ == pytest.approx(penalty.lambda_ * 7.0 / 50.0)


def test_a_run_is_told_apart_by_its_strength():
    assert L2(2.5, 50.0).settings() == L2(2.5, 60.0).settings() != L2(2.6, 50.0).settings()


def test_the_terms_of_the_loss_are_its_derivatives():
    z = np.concatenate([rng.normal(size=20) * 3.0, [0.0, 40.0, -40.0]])
    for label in (0, 1):
        y = np.full(z.size, label, np.uint8)
        losses, dz, slopes = LOGISTIC.terms(z, y)
        np.testing.assert_array_equal(losses, LOGISTIC.value(z, y))
        np.testing.assert_array_equal(dz, LOGISTIC.derivative(z, y))
        for k in range(20):
            first = derivative(lambda at, label=label: LOGISTIC.value(at, label), z[k])
            second = derivative(lambda at, label=label: LOGISTIC.derivative(at, label), z[k])
            assert dz[k] == pytest.approx(first, rel=1e-8)
            assert slopes[k] == pytest.approx(second, rel=1e-8)
        np.testing.assert_allclose(dz, LOGISTIC.mean(z) - y, atol=1e-15)
        assert slopes.max() == LOGISTIC.largest_slope


def test_the_kernels_have_the_same_terms():
    z, y = rng.normal(size=100) * 5.0, (rng.random(100) < 0.5).astype(np.uint8)
    losses, dz, slopes = LOGISTIC.terms(z, y)
    found = fused.link(z, y, NONE)
    assert found.loss == pytest.approx(losses.sum(), rel=1e-13)
    np.testing.assert_allclose(found.dz, dz, rtol=1e-13)
    np.testing.assert_allclose(found.slopes, slopes, rtol=1e-13)
