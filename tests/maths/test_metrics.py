"""Ranks, calibration and thresholds against their definitions, with ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlogreg.inference.scores import slope_of
from fastlogreg.maths import metrics


def by_pairs(y, a):
    """The share of pairs of a 1 and a 0 that are in order; a tie counts half."""
    pairs = [(p > q) + 0.5 * (p == q) for p in a[y == 1] for q in a[y == 0]]
    return float(np.mean(pairs))


few = st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=40)


@given(few)
def test_the_area_is_the_share_of_pairs_in_order(rows):
    y = np.array([float(one) for one, _ in rows])
    a = np.array([k / 4 for _, k in rows])
    found = metrics.area_under_roc(metrics.steps(y, a))
    if y.min() == y.max():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(by_pairs(y, a), abs=1e-12)


@given(few)
def test_average_precision_is_a_sum_over_thresholds(rows):
    y = np.array([float(one) for one, _ in rows])
    a = np.array([k / 4 for _, k in rows])
    found = metrics.average_precision(metrics.steps(y, a))
    if not y.any():
        assert np.isnan(found)
        return
    total, recall = 0.0, 0.0
    for threshold in sorted(set(a), reverse=True):
        said = a >= threshold
        now = y[said].sum() / y.sum()
        total += (now - recall) * y[said].mean()
        recall = now
    assert found == pytest.approx(total, abs=1e-12)


@given(few, st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_no_threshold_is_better_than_the_best(rows, costs):
    y = np.array([float(one) for one, _ in rows])
    a = np.array([(k + 1) / 6 for _, k in rows])

    def cost(t):
        return costs[0] * ((a > t) & (y == 0)).sum() + costs[1] * ((a <= t) & (y == 1)).sum()

    def f1(t):
        right = ((a > t) & (y == 1)).sum()
        return 2 * right / max(1, (a > t).sum() + y.sum())

    tried = [k / 12 for k in range(1, 13)]
    assert cost(metrics.best_threshold(metrics.steps(y, a), costs)) <= min(map(cost, tried))
    if y.any():
        assert f1(metrics.best_threshold(metrics.steps(y, a))) >= max(map(f1, tried)) - 1e-12


def test_the_slope_of_probabilities_that_are_right_is_one():
    z = np.sort(np.random.default_rng(2).normal(size=4000))
    a = 1 / (1 + np.exp(-z))
    y = np.diff(np.floor(np.cumsum(a)), prepend=0.0)  # labels as near to a as labels can be
    assert slope_of(y, a) == pytest.approx(1.0, abs=0.03)
    sure = 1 / (1 + np.exp(-2 * z))
    assert slope_of(y, sure) == pytest.approx(0.5, abs=0.02)


def test_a_slope_that_does_not_exist_is_nan():
    assert np.isnan(slope_of(np.ones(4), np.full(4, 0.5)))
    assert np.isnan(slope_of(np.array([0.0, 1.0]), np.full(2, 0.5)))
    apart = np.array([0.1, 0.2, 0.8, 0.9])
    assert np.isnan(slope_of((apart > 0.5) * 1.0, apart))


def test_brier_scores():
    assert metrics.brier_score(np.array([1.0, 0.0]), np.array([0.5, 0.1])) == pytest.approx(0.13)
    y, a = np.eye(3), np.full((3, 3), 1 / 3)
    assert metrics.brier_score(y, a) == pytest.approx(2 / 3)
