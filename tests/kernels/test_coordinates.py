"""Coordinate descent on a small matrix: optimal to rounding, whatever the columns are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlogreg.kernels.second_order.coordinates import descend_coordinates, descend_groups


def gram(rng, n, kind):
    """A matrix X.T X / m of columns that are independent, correlated or repeated."""
    X = rng.normal(size=(3 * n + 5, n))
    if kind == "correlated":
        for j in range(1, n):
            X[:, j] = 0.97 * X[:, j - 1] + 0.05 * X[:, j]
    if kind == "repeated" and n > 1:
        X[:, n // 2] = X[:, 0]
    return X.T @ X / len(X)


def left(H, q, w0, w, l1, l2, lower, upper):
    """How far each coordinate is from having no way down."""
    slopes = H @ (w - w0) + q + l2 * w
    up = slopes + np.where(w >= 0.0, l1, -l1)
    down = slopes + np.where(w > 0.0, l1, -l1)
    found = np.where((w < upper) & (up < 0.0), -up, 0.0)
    return np.where((w > lower) & (down > 0.0), down, found)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.sampled_from(["independent", "correlated", "repeated"]),
    st.booleans(),
)
def test_no_coordinate_has_a_way_down(seed, n, kind, bounded):
    rng = np.random.default_rng(seed)
    H, q = gram(rng, n, kind), rng.normal(size=n)
    l1, l2 = rng.choice([0.0, 0.1, 0.8], n), rng.choice([0.0, 0.01, 1.0], n)
    if kind == "repeated":
        l1, l2, q[n // 2] = np.full(n, 0.1), np.zeros(n), q[0]
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    if bounded:
        lower, upper = -rng.choice([0.0, 0.3, np.inf], n), rng.choice([0.0, 0.3, np.inf], n)
    w0 = np.clip(rng.normal(size=n) * rng.integers(0, 2, n), lower, upper)
    w = w0.copy()
    sweeps = descend_coordinates(H, q, w0, w, (l1, l2), (lower, upper), 20_000)
    assert sweeps < 20_000
    assert ((w >= lower) & (w <= upper)).all()
    size = 1.0 + np.abs(w).max()
    limit = 1e-7 if kind == "repeated" else 1e-11
    assert left(H, q, w0, w, l1, l2, lower, upper).max() <= limit * size


def test_zeros_are_exact_and_a_warm_start_ends_at_once():
    rng = np.random.default_rng(0)
    H, q, n = gram(rng, 30, "correlated"), rng.normal(size=30), 30
    penalty, bounds = (np.full(n, 0.5), np.zeros(n)), (np.full(n, -np.inf), np.full(n, np.inf))
    w0, w = np.zeros(n), np.zeros(n)
    descend_coordinates(H, q, w0, w, penalty, bounds, 2000)
    assert 0 < np.count_nonzero(w) < n
    again = w.copy()
    assert descend_coordinates(H, q, w0, again, penalty, bounds, 2000) <= 2
    assert again == pytest.approx(w, rel=1e-10)


def test_a_flat_coordinate_stays_or_goes_to_its_bound():
    H, q = np.zeros((2, 2)), np.array([-1.0, -1.0])
    w, inf = np.zeros(2), np.inf
    penalty = np.array([2.0, 0.0]), np.zeros(2)
    descend_coordinates(H, q, w.copy(), w, penalty, (np.full(2, -inf), np.array([inf, 3.0])), 50)
    assert w.tolist() == [0.0, 3.0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["independent", "correlated"]), st.booleans())
def test_no_group_has_a_way_down(seed, kind, curved):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, rng.integers(1, 5))
    starts = np.append(0, np.cumsum(sizes))
    n = int(starts[-1])
    H, q = gram(rng, n, kind), rng.normal(size=n)
    l1, l2 = rng.choice([0.05, 0.5, 2.0], sizes.size), np.full(n, 0.1 * curved)
    w0 = rng.normal(size=n) * np.repeat(rng.integers(0, 2, sizes.size), sizes)
    w = w0.copy()
    descend_groups(H, q, w0, w, starts, (l1, l2), 20_000)
    slopes = H @ (w - w0) + q + l2 * w
    for g, (lo, hi) in enumerate(itertools.pairwise(starts)):
        size = np.linalg.norm(w[lo:hi])
        if size == 0.0:
            assert np.linalg.norm(slopes[lo:hi]) <= l1[g] * (1 + 1e-12)
        else:
            assert slopes[lo:hi] + l1[g] * w[lo:hi] / size == pytest.approx(0.0, abs=1e-7)
