"""Coordinate and group descent on a small Hessian: the optimality conditions in exact arithmetic,
exact zeros and bounds, correlated and duplicated columns, and what has no curvature."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from fastlogreg.kernels.second_order.coordinates import descend_coordinates, solve_on_support
from fastlogreg.kernels.second_order.groups import descend_groups, find_length
from tests.helpers.comparison import WITHOUT_JIT

BOUND = 2e-15
exact = np.vectorize(Fraction, otypes=[object])


class Model(NamedTuple):
    """q.d + d.H d / 2 + sum of l1 |w| + l2 w^2 / 2, d = w - w0, within bounds."""

    H: np.ndarray
    q: np.ndarray
    w0: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, H, q, l1, **others):
        n = q.size
        zero, inf = np.zeros(n), np.full(n, np.inf)
        given = {"w0": zero, "l2": zero, "lower": -inf, "upper": inf, **others}
        return cls(H, q, l1=np.broadcast_to(l1, n).astype(float), **given)

    def minimised(self, start=None, tolerance=None, most_epochs=20_000):
        w = np.zeros(self.q.size) if start is None else start.copy()
        if tolerance is None:  # steps of a few roundings of the largest w there can be
            tolerance = 1e-28 * (self.q @ self.q + 1e-300) / max(1e-300, np.diag(self.H).max())
        epochs = descend_coordinates(self.H, self.q, self.w0, w, *self[3:], tolerance, most_epochs)
        return w, epochs

    def slopes(self, w):
        """q + H d + l2 w in exact arithmetic, and the size of what is added up."""
        d = exact(w) - exact(self.w0)
        slopes = exact(self.q) + exact(self.H) @ d + exact(self.l2) * exact(w)
        size = np.abs(self.q) + np.abs(self.H) @ (np.abs(w) + np.abs(self.w0)) + self.l2 * abs(w)
        return slopes, size + np.where(np.isfinite(self.l1), self.l1, 0.0)

    def wrong(self, w):
        """By how much the conditions are missed, in units of the size."""
        assert (self.lower <= w).all()
        assert (w <= self.upper).all()
        slopes, size = self.slopes(w)
        worst = 0.0
        for j, slope in enumerate(slopes):
            if np.isinf(self.l1[j]):
                assert w[j] == 0.0
                continue
            sign, own = int(np.sign(w[j])), Fraction(self.l1[j])
            left, right = float(slope + own * (sign or -1)), float(slope + own * (sign or 1))
            missed = max(left if w[j] > self.lower[j] else 0.0, 0.0)
            missed = max(missed, -right if w[j] < self.upper[j] else 0.0)
            worst = max(worst, missed / (size[j] + 1e-300))
        return worst


def correlated(rng, n, m, rho=0.0, duplicated=False):
    """A Hessian and a gradient of columns that are an AR(1) process."""
    X = rng.normal(size=(m, n))
    for j in range(1, n):
        X[:, j] = rho * X[:, j - 1] + math.sqrt(1.0 - rho * rho) * X[:, j]
    if duplicated:
        X[:, n // 2 :] = X[:, : n - n // 2]
    s = 0.25 * rng.random(m)
    H = (X * np.sqrt(s)[:, None]).T @ (X * np.sqrt(s)[:, None])
    y = X @ (rng.normal(size=n) * (rng.random(n) < 0.3)) + rng.normal(size=m)
    return H, -X.T @ (s * y)


def any_model(rng):
    """Penalties, bounds and curvature of every kind."""
    n, m = int(rng.integers(1, 9 if WITHOUT_JIT else 25)), int(rng.integers(3, 60))
    H, q = correlated(rng, n, m, rng.choice([0.0, 0.95]), bool(rng.random() < 0.3 and n > 1))
    H, q = H / m, q / m
    flat = rng.random(n) < 0.1
    H[flat], H[:, flat] = 0.0, 0.0
    scale = np.abs(q).max() or 1.0
    l1 = scale * rng.random(n) * (rng.random(n) < 0.8)
    l1[flat] = np.abs(q[flat]) * 1.5
    l1[rng.random(n) < 0.1] = np.inf
    l2 = rng.random(n) * (rng.random() < 0.5)
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    if rng.random() < 0.5:
        lower = np.where(rng.random(n) < 0.5, -0.3 * rng.random(n), lower)
        upper = np.where(rng.random(n) < 0.5, 0.3 * rng.random(n), upper)
    if rng.random() < 0.3:
        lower = np.maximum(lower, 0.0)
    fixed = rng.random(n) < 0.1
    lower, upper = np.where(fixed, 0.0, lower), np.where(fixed, 0.0, upper)
    w0 = rng.normal(size=n) * (rng.random(n) < 0.5)
    return Model(H, q, w0, l1, l2, lower, upper)


@pytest.mark.parametrize("seed", range(10 if WITHOUT_JIT else 200))
def test_random_models_meet_the_conditions(seed):
    rng = np.random.default_rng(seed)
    model = any_model(rng)
    w, epochs = model.minimised()
    assert model.wrong(w) <= BOUND
    assert 0 < epochs < 20_000
    other, _ = model.minimised(rng.normal(size=w.size))
    assert model.wrong(other) <= BOUND
    again, epochs = model.minimised(w)
    assert epochs == 1
    np.testing.assert_allclose(again, w, rtol=0.0, atol=1e-13 * (1.0 + np.abs(w).max()))


@pytest.mark.parametrize("duplicated", [False, True])
@pytest.mark.parametrize("rho", [0.0, 0.95, 0.999])
def test_strongly_correlated_columns(rho, duplicated):
    n, m = (8, 40) if WITHOUT_JIT else (60, 500)
    rng = np.random.default_rng(n)
    for share in (0.5, 0.1, 0.01):
        H, q = correlated(rng, n, m, rho, duplicated)
        model = Model.of(H, q, share * np.abs(q).max())
        w, _ = model.minimised()
        assert model.wrong(w) <= BOUND


def test_more_columns_than_examples():
    n, m = (10, 5) if WITHOUT_JIT else (80, 40)
    H, q = correlated(np.random.default_rng(0), n, m, 0.5)
    model = Model.of(H, q, 0.01 * np.abs(q).max())
    w, _ = model.minimised()
    assert model.wrong(w) <= BOUND
    assert np.count_nonzero(w) <= m


def test_without_correlation_it_is_the_soft_threshold():
    q = np.array([3.0, -3.0, 0.5, -1.0, 0.0])
    model = Model.of(np.diag([2.0, 1.0, 1.0, 1.0, 1.0]), q, 1.0)
    w, epochs = model.minimised()
    np.testing.assert_array_equal(w, [-1.0, 2.0, 0.0, 0.0, 0.0])
    assert epochs <= 3


def test_a_large_penalty_leaves_exact_zeros_after_two_sweeps():
    rng = np.random.default_rng(1)
    H, q = correlated(rng, 6, 30, 0.9)
    model = Model.of(H, q, np.abs(q).max() * (1.0 + 1e-12))
    w, epochs = model.minimised()
    assert not w.any()
    assert epochs == 1
    model = model._replace(w0=rng.normal(size=6))
    model = model._replace(l1=np.full(6, np.inf))
    w, _ = model.minimised(model.w0)
    assert not w.any()


def test_a_zero_and_a_bound_are_exact_wherever_w0_is():
    """w = w0 + d would be off by a rounding."""
    H, q = correlated(np.random.default_rng(2), 7, 50, 0.5)
    for shift in (1.0, 1e8):
        model = Model.of(H, q, 0.3 * np.abs(q).max(), w0=np.linspace(-shift, shift, 7) / 3.0)
        model = model._replace(lower=np.full(7, -0.1), upper=np.full(7, 1.0 / 3.0))
        w, _ = model.minimised()
        assert set(w[(w <= -0.1) | (w >= 1.0 / 3.0)]) <= {-0.1, 1.0 / 3.0}
        assert model.wrong(w) <= BOUND


@pytest.mark.parametrize(
    ("slope", "l1", "lower", "upper", "start", "expected"),
    [
        (2.0, 1.0, -3.0, 3.0, 1.0, -3.0),
        (-2.0, 1.0, -3.0, 3.0, 1.0, 3.0),
        (0.5, 1.0, -3.0, 3.0, 1.0, 0.0),
        (0.5, 1.0, 2.0, 3.0, 2.5, 2.0),
        (0.5, 1.0, -3.0, -2.0, -2.5, -2.0),
        (1.0, 1.0, -3.0, 3.0, -2.0, -2.0),  # the same everywhere below 0
        (0.0, 0.0, -3.0, 3.0, 1.5, 1.5),
        (2.0, 1.0, -np.inf, 3.0, 1.0, 1.0),  # nothing bounds it
        (-2.0, 1.0, -3.0, np.inf, 1.0, 1.0),
        (5.0, np.inf, -np.inf, np.inf, 1.0, 0.0),
    ],
)
def test_a_coordinate_without_curvature(slope, l1, lower, upper, start, expected):
    model = Model.of(np.zeros((1, 1)), np.array([slope]), l1)
    model = model._replace(lower=np.array([lower]), upper=np.array([upper]))
    w, _ = model.minimised(np.array([start]), 0.0)
    assert w[0] == expected


def test_it_stops_after_as_many_sweeps_as_are_allowed():
    H, q = correlated(np.random.default_rng(3), 8, 40, 0.99)
    model = Model.of(H, q, 1e-3 * np.abs(q).max())
    for most in (0, 1, 2, 3):
        assert model.minimised(most_epochs=most)[1] == most


def test_the_tolerance_is_on_the_step():
    H, q = correlated(np.random.default_rng(4), 8, 40, 0.9)
    model = Model.of(H, q, 0.01 * np.abs(q).max())
    epochs = [model.minimised(tolerance=t)[1] for t in (1e3, 1e-1, 1e-3, 1e-6)]
    assert epochs == sorted(epochs)
    assert epochs[0] == 1


def solved(model, w):
    r = np.empty(w.size)
    done = solve_on_support(model.H, model.q, model.w0, w, *model[3:], r)
    if done:
        expected = model.q + model.H @ (w - model.w0)
        np.testing.assert_allclose(r, expected, atol=1e-12 * np.abs(model.q).max())
    return done


def test_on_the_support_the_system_is_solved():
    H, q = correlated(np.random.default_rng(5), 6, 50, 0.9)
    model = Model.of(H, q, 1e-6, l2=np.full(6, 0.1))
    model = model._replace(w0=np.full(6, 0.25))
    w, _ = model.minimised()
    rough = w * 1.001
    assert solved(model, rough)
    np.testing.assert_allclose(rough, w, rtol=1e-12)


def test_a_sign_that_would_change_becomes_an_exact_zero():
    model = Model.of(np.eye(3), np.array([1.0, -3.0, -5.0]), 0.5)
    model = model._replace(upper=np.array([np.inf, np.inf, 2.0]))
    w = np.array([0.5, 1.0, 1.0])
    assert solved(model, w)
    assert w[0] == 0.0
    assert (w[1:] > 1.0).all()
    w[0] = 0.0
    assert solved(model, w)
    assert w[2] == 2.0


@pytest.mark.filterwarnings("ignore:invalid value")
def test_without_a_factor_nothing_is_moved():
    w = np.ones(2)
    model = Model.of(np.full((2, 2), np.nan), np.ones(2), 0.1)
    assert not solved(model, w)
    np.testing.assert_array_equal(w, 1.0)


# ---------------------------------------------------------------- groups


def grouped(model, starts, l1, start=None, most_epochs=20_000):
    w = np.zeros(model.q.size) if start is None else start.copy()
    tolerance = 1e-28 * (model.q @ model.q + 1e-300) / max(1e-300, np.diag(model.H).max())
    epochs = descend_groups(
        model.H, model.q, model.w0, w, starts, l1, model.l2, tolerance, most_epochs
    )
    return w, epochs


def wrong_in_groups(model, w, starts, l1):
    slopes, size = model.slopes(w)
    worst = 0.0
    for lo, hi, of_group in zip(starts[:-1], starts[1:], l1):
        slope, own = slopes[lo:hi], w[lo:hi]
        if not own.any():
            missed = max(float(np.linalg.norm(slope.astype(float))) - of_group, 0.0)
        else:
            # The length by its square in exact arithmetic, so that no digit is lost beside it.
            length = Fraction(math.sqrt(sum(exact(own) ** 2)))
            slope = slope + exact(own) / length * Fraction(float(of_group))
            missed = float(np.linalg.norm(slope.astype(float)))
        finite = of_group if np.isfinite(of_group) else 0.0
        worst = max(worst, missed / (np.linalg.norm(size[lo:hi]) + finite + 1e-300))
    return worst


@pytest.mark.parametrize("seed", range(8 if WITHOUT_JIT else 100))
def test_random_groups_meet_the_conditions(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 4 if WITHOUT_JIT else 8))
    starts = np.append(0, np.cumsum(rng.integers(1, 5, count)))
    n = int(starts[-1])
    duplicated = bool(rng.random() < 0.3 and n > 1)
    H, q = correlated(rng, n, 60, rng.choice([0.0, 0.95]), duplicated)
    model = Model.of(H, q, 0.0, l2=rng.random(n) * (rng.random() < 0.5))
    model = model._replace(w0=rng.normal(size=n) * (rng.random(n) < 0.5))
    largest = max(np.linalg.norm(q[a:b]) for a, b in itertools.pairwise(starts))
    l1 = largest * rng.random(count) * rng.choice([0.05, 0.5, 2.0])
    l1[rng.random(count) < 0.15] = np.inf
    if not duplicated:
        l1[rng.random(count) < 0.15] = 0.0
    w, epochs = grouped(model, starts, l1)
    assert wrong_in_groups(model, w, starts, l1) <= BOUND
    assert 0 < epochs < 20_000
    assert not w[np.repeat(np.isinf(l1), np.diff(starts))].any()
    other, _ = grouped(model, starts, l1, rng.normal(size=n))
    assert wrong_in_groups(model, other, starts, l1) <= BOUND


@pytest.mark.parametrize("seed", range(4 if WITHOUT_JIT else 60))
def test_a_start_far_away_leaves_nothing_in_the_answer(seed):
    """Neither the rounding of its steps, nor a group that Newton's steps have carried through 0."""
    rng = np.random.default_rng([19, seed])
    n = int(rng.integers(1, 4 if WITHOUT_JIT else 7))
    H, q = correlated(rng, n, 60, rng.choice([0.0, 0.95]), False)
    model = Model.of(H, q, 0.3 * np.abs(q).max() * rng.random(), l2=rng.random(n))
    start = rng.normal(size=n) * 10.0 ** rng.uniform(0.0, 3.0)
    w, epochs = model.minimised(start)
    assert model.wrong(w) <= BOUND
    assert epochs < 20_000
    starts = np.arange(n + 1) if seed % 2 else np.array([0, n])
    l1 = 0.3 * np.abs(q).max() * rng.random(starts.size - 1)
    model = model._replace(l1=np.zeros(n))
    w, epochs = grouped(model, starts, l1, start)
    assert wrong_in_groups(model, w, starts, l1) <= BOUND
    assert epochs < 20_000


def test_two_groups_that_newtons_steps_once_carried_to_and_fro():
    H = np.array([[1.0, 0.9], [0.9, 1.0]])
    model = Model.of(H, np.array([-0.3, -0.6]), 0.0)
    for start in ([2.0, -13.0], [-3.0, 4.0], [1.0, -0.8], [-1.0, 1.1]):
        w, epochs = grouped(model, np.arange(3), np.full(2, 0.2), np.array(start))
        assert wrong_in_groups(model, w, np.arange(3), np.full(2, 0.2)) <= BOUND
        assert epochs < 1000


def test_groups_of_one_are_coordinates():
    n = 6 if WITHOUT_JIT else 30
    H, q = correlated(np.random.default_rng(6), n, 100, 0.8)
    model = Model.of(H, q, 0.1 * np.abs(q).max(), l2=np.full(n, 0.3))
    expected, _ = model.minimised()
    w, _ = grouped(model, np.arange(n + 1), model.l1)
    np.testing.assert_allclose(w, expected, rtol=1e-11)
    assert np.array_equal(w == 0.0, expected == 0.0)


def test_whole_groups_are_exact_zeros_and_an_empty_group_is_nothing():
    H, q = correlated(np.random.default_rng(7), 7, 60, 0.5)
    starts = np.array([0, 3, 3, 7])
    model = Model.of(H, q, 0.0)
    lengths = [np.linalg.norm(q[a:b]) for a, b in itertools.pairwise(starts)]
    w, epochs = grouped(model, starts, np.full(3, max(lengths) * (1.0 + 1e-12)))
    assert not w.any()
    assert epochs == 1
    w, _ = grouped(model, starts, np.array([0.1 * lengths[0], 1.0, np.inf]))
    assert w[:3].all()
    assert not w[3:].any()


def test_a_group_that_nothing_bounds_is_left():
    """No curvature at all, or a penalty that loses against a slope without curvature."""
    for H in (np.zeros((2, 2)), np.diag([1.0, 0.0])):
        model = Model.of(H, np.array([1.0, 5.0]), 0.0)
        w, _ = grouped(model, np.array([0, 2]), np.array([2.0]), np.array([0.5, 0.25]), 3)
        np.testing.assert_array_equal(w, [0.5, 0.25])


def test_groups_stop_after_as_many_sweeps_as_are_allowed():
    H, q = correlated(np.random.default_rng(8), 6, 40, 0.99)
    model = Model.of(H, q, 0.0)
    for most in (0, 1, 2):
        _, epochs = grouped(
            model, np.array([0, 2, 4, 6]), np.full(3, 1e-3 * np.abs(q).max()), most_epochs=most
        )
        assert epochs == most


def test_the_length_of_a_group_solves_its_equation():
    rng = np.random.default_rng(9)
    for _ in range(10 if WITHOUT_JIT else 300):
        p = int(rng.integers(1, 8))
        a, l1 = np.sort(rng.random(p) * 10.0 ** rng.uniform(-8, 3, p)), 10.0 ** rng.uniform(-6, 2)
        c = rng.normal(size=p)
        c *= l1 * (1.0 + 10.0 ** rng.uniform(-6, 3)) / np.linalg.norm(c)
        start = (np.linalg.norm(c) - l1) / a[-1]
        t = find_length(a, c, l1, start)
        if t < 1e300:
            assert np.linalg.norm(c / (t * a + l1)) == pytest.approx(1.0, abs=1e-13)
            assert t >= start * (1.0 - 1e-9)
    assert find_length(np.zeros(2), np.ones(2), 1.0, 0.0) == math.inf
