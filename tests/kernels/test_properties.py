"""What must hold of cost, gradient and descent whatever the data: no second implementation is
needed to check it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from tests.helpers.comparison import WITHOUT_JIT, Comparison, arrays, problems

BACKENDS = ("fused", "loops", "numpy")
FEW = settings(max_examples=15 if WITHOUT_JIT else 40)
SMALL = Comparison(400, ("float64", "uint8"), ("example-major", "feature-major"))


@st.composite
def well_scaled(draw, labels=("zeros", "ones", "both")):
    """(w, b, X, Y, lambda_) with |z| up to about 30: curved enough for differences, small enough in
    rounding."""
    problem = draw(problems(SMALL).filter(lambda p: p.labels in labels))
    problem = problem._replace(magnitude=draw(st.sampled_from((0.0, 1.0, 5.0))), folded="none")
    w, b, X, Y, _ = arrays(problem)
    X = X / (1.0 + np.abs(X).max())
    w = problem.magnitude * np.random.default_rng(problem.seed).normal(size=w.shape) / len(w) ** 0.5
    return w, b, X, Y, problem.lambda_


def difference(f, h):
    """f'(0) to fourth order: error h^4 f^(5) / 30, and rounding of about 1.5 ulp of f over h."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


@pytest.mark.parametrize("backend", BACKENDS)
@given(case=well_scaled(), direction=st.integers(0, 2**32 - 1))
@FEW
def test_gradient_against_fourth_order_differences(backend, case, direction):
    w, b, X, Y, lambda_ = case
    result = flr.propagate(w, b, X, Y, lambda_=lambda_, backend=backend)
    rng = np.random.default_rng(direction)
    u, u_b = rng.normal(size=w.shape) / len(w) ** 0.5, float(rng.normal())

    def J(s):
        return flr.cost(w + s * u, b + s * u_b, X, Y, lambda_=lambda_, backend=backend)

    slope = float((result.dw * u).sum()) + result.db * u_b
    assert difference(J, 1e-2) == pytest.approx(slope, rel=1e-7, abs=1e-7 * (1 + result.cost))


@given(case=well_scaled())
@settings(max_examples=10)
def test_check_gradient_agrees(case):
    w, b, X, Y, lambda_ = case
    check = flr.check_gradient(w[:3], b, X[:3], Y, lambda_=lambda_)
    size = max(np.abs(check.analytic).max(), np.abs(check.numerical).max())
    assert check.error * size < 1e-9 * (1 + np.abs(check.analytic).sum())


def test_check_gradient_names_the_worst_coordinate(monkeypatch):
    from fastlogreg.objective.objective import Objective

    honest = Objective.point
    w, X, Y = np.zeros((3, 1)), np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 1.0]]), np.array([[0, 1]])
    assert flr.check_gradient(w, 0.1, X, Y).error < 1e-9

    def wrong(which):
        error = 1e-3 * (np.arange(4) == (3 if which == "b" else which))

        def point(self, theta, scores=True):
            found = honest(self, theta, scores)
            gradient = found.evaluation.gradient + error
            return found._replace(evaluation=found.evaluation._replace(gradient=gradient))

        return point

    for which in (0, 2, "b"):
        monkeypatch.setattr(Objective, "point", wrong(which))
        check = flr.check_gradient(w, 0.1, X, Y)
        assert (check.coordinate, check.error > 1e-4) == (which, True)


@pytest.mark.parametrize("backend", ["fused", "numpy"])
@given(case=well_scaled(labels=("both",)), opposed=st.booleans())
@FEW
def test_descent_at_one_over_L_is_monotone(backend, case, opposed):
    """Opposed: every feature beside its negative, so that the leading direction of X is orthogonal
    to all ones."""
    w, b, X, Y, lambda_ = case
    if Y.min() == Y.max():
        return
    if opposed:
        X, w = 30.0 * np.vstack([X - X.mean(), X.mean() - X]), np.vstack([w, w])
    result = flr.train(X, Y, w=w, b=b, lambda_=lambda_, iterations=30, backend=backend)
    costs = np.append(result.costs, result.cost)
    assert np.all(np.diff(costs) <= 1e-15 * costs[0])
    assert result.stop_reason == "iterations"


@pytest.mark.parametrize("backend", BACKENDS)
@given(case=well_scaled())
@FEW
def test_flipping_the_labels_mirrors_w_and_b(backend, case):
    w, b, X, Y, lambda_ = case
    one = flr.propagate(w, b, X, Y, lambda_=lambda_, backend=backend)
    other = flr.propagate(-w, -b, X, 1 - Y, lambda_=lambda_, backend=backend)
    assert other.cost == pytest.approx(one.cost, rel=1e-14)
    np.testing.assert_allclose(other.dw, -one.dw, rtol=1e-13, atol=1e-14)
    assert other.db == pytest.approx(-one.db, rel=1e-13, abs=1e-14)


@given(case=well_scaled(labels=("both",)))
@settings(max_examples=15)
def test_training_on_flipped_labels_is_mirrored(case):
    _, _, X, Y, lambda_ = case
    if Y.min() == Y.max():
        return
    one = flr.train(X, Y, lambda_=lambda_, iterations=20)
    other = flr.train(X, 1 - Y, lambda_=lambda_, iterations=20)
    np.testing.assert_allclose(other.w, -one.w, rtol=1e-12, atol=1e-13)
    assert other.b == pytest.approx(-one.b, rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(other.costs, one.costs, rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@given(case=well_scaled())
@FEW
def test_an_appended_row_of_ones_equals_b(backend, case):
    w, b, X, Y, _ = case
    X1, w1 = np.vstack([X, np.ones((1, X.shape[1]))]), np.vstack([w, [[b]]])
    one, other = (
        flr.propagate(w, b, X, Y, backend=backend),
        flr.propagate(w1, 0.0, X1, Y, backend=backend),
    )
    assert other.cost == pytest.approx(one.cost, rel=1e-13)
    np.testing.assert_allclose(other.dw, np.vstack([one.dw, [[one.db]]]), rtol=1e-12, atol=1e-14)
    assert other.db == pytest.approx(one.db, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@given(case=well_scaled(), share=st.floats(0, 1))
@FEW
def test_parts_of_X_add_up_to_the_whole(backend, case, share):
    w, b, X, Y, _ = case
    m = X.shape[1]
    k = round(share * m)
    parts = [(X[:, part], Y[:, part]) for part in (slice(0, k), slice(k, m)) if X[:, part].size]
    sums = [np.zeros(()), np.zeros(w.shape), np.zeros(())]
    for X_part, Y_part in parts:
        result = flr.propagate(w, b, X_part, Y_part, backend=backend)
        sums = [total + X_part.shape[1] * value for total, value in zip(sums, result)]
    whole = flr.propagate(w, b, X, Y, backend=backend)
    for total, value in zip(sums, whole):
        np.testing.assert_allclose(total / m, value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@given(case=well_scaled())
@FEW
def test_cost_at_zero_is_ln_2(backend, case):
    w, _, X, Y, lambda_ = case
    result = flr.propagate(0 * w, 0.0, X, Y, lambda_=lambda_, backend=backend)
    assert result.cost == pytest.approx(math.log(2), rel=1e-14)
    np.testing.assert_allclose(result.dw, X @ (0.5 - Y).T / X.shape[1], rtol=1e-12, atol=1e-14)
    assert result.db == pytest.approx(float((0.5 - Y).mean()), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
@given(case=well_scaled(), seed=st.integers(0, 2**32 - 1))
@FEW
def test_scale_and_shift_are_those_of_a_scaled_X(backend, case, seed):
    w, b, X, Y, lambda_ = case
    rng = np.random.default_rng(seed)
    scale, shift = rng.normal(size=w.shape), rng.normal(size=w.shape)
    one = flr.propagate(w, b, X, Y, lambda_=lambda_, scale=scale, shift=shift, backend=backend)
    other = flr.propagate(w, b, scale * X + shift, Y, lambda_=lambda_, backend=backend)
    assert one.cost == pytest.approx(other.cost, rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(one.dw, other.dw, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(
        flr.predict_proba(w, b, X, scale=scale, shift=shift),
        flr.predict_proba(w, b, scale * X + shift),
        rtol=1e-11,
    )


def test_the_generator_spreads():
    """Both classes and single ones, one example, one feature, wide and tall X, a w of zero and a
    curved J."""
    drawn = []

    @given(well_scaled())
    @settings(max_examples=300, phases=[Phase.generate], derandomize=True, database=None)
    def draw(case):
        w, b, X, Y, lambda_ = case
        z = w.T @ X + b
        drawn.append(
            (*X.shape, float(np.abs(z).max()), Y.min(), Y.max(), lambda_, w.any(), X.dtype.name)
        )

    draw()
    n_x, m, size, low, high, lambda_, any_w, dtype = zip(*drawn)
    assert {0, 1} == set(low) == set(high)
    assert sum(a < b for a, b in zip(low, high)) > 30
    assert min(n_x) == min(m) == 1
    assert sum(a > b for a, b in zip(n_x, m)) > 20
    assert sum(a < b for a, b in zip(n_x, m)) > 20
    assert max(m) > 192
    assert 2 < max(size) < 40
    assert len(set(lambda_)) == 3
    assert {True, False} == set(any_w)
    assert set(dtype) == {"float64"}
