"""J minimised on a few columns, called by itself: it runs without compilation too."""

from __future__ import annotations

import numpy as np
import pytest

from fastlogreg.kernels.second_order import columns as kernel
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.elastic_net import ElasticNet
from fastlogreg.maths.logistic import loss, sigmoid


class Case:
    """A few columns among others, and a penalty."""

    def __init__(
        self,
        seed,
        m=12,
        n=5,
        lambda_=0.05,
        ratio=1.0,
        weight=NONE,
        intercept=True,
        bounds=None,
        equal=False,
        labels=None,
    ):
        rng = np.random.default_rng(seed)
        self.room = rng.normal(size=(n + 3, m))
        self.rows = rng.permutation(n + 3)[:n]
        if equal:
            self.room[self.rows[1]] = self.room[self.rows[0]]
        self.x = self.room[self.rows]
        noise = rng.logistic(size=m)
        self.y = (self.x[0] + noise > 0).astype(np.uint8) if labels is None else labels(self.x)
        total = float(weight.sum()) if weight.size else float(m)
        lower, upper = (NONE, NONE) if bounds is None else (np.full(n, b) for b in bounds)
        self.penalty = ElasticNet(lambda_ * total, ratio, total, np.ones(n), lower, upper)
        p = self.penalty
        self.net = kernel.Net(p.l1, p.l2, p.lower, p.upper)
        self.data = kernel.Examples(self.y, weight, NONE, total, intercept)
        self.own = weight if weight.size else np.ones(m)

    def J(self, w, b):
        z = w @ self.x + b
        return float(self.own @ loss(z, self.y)) / self.data.total + self.penalty.value(w)

    def slopes(self, w, b):
        error = self.own * (sigmoid(w @ self.x + b) - self.y) / self.data.total
        return self.x @ error, float(error.sum())

    def descend(self, goal, times):
        """Call the kernel again and again from where it ended."""
        w, b, z, fall = np.zeros(len(self.rows)), 0.0, np.zeros(self.y.size), 0.0
        for _ in range(times):
            moved, fell, steps, _ = kernel.descend_on_columns(
                self.room, self.rows, self.data, self.net, w, z, goal
            )
            b, fall = b + moved, fall + fell
            if steps == 0:
                break
        return w, b, z, fall


HOW = {
    "lasso": {},
    "no intercept": {"intercept": False},
    "elastic net": {"ratio": 0.4},
    "ridge": {"ratio": 0.0},
    "bounds": {"bounds": (-0.1, 0.3)},
    "not negative": {"bounds": (0.0, np.inf), "ratio": 0.5},
    "weights": {"weight": np.arange(12.0)},
    "more features": {"n": 20, "lambda_": 0.01},
    "two alike": {"equal": True, "lambda_": 0.01},
    "separable": {"labels": lambda x: (x[0] > 0.0).astype(np.uint8), "lambda_": 0.01},
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("seed", [1, 2])
def test_it_ends_at_the_optimum(how, seed):
    case = Case(seed, **HOW[how])
    w, b, z, fall = case.descend(1e-13, 30)
    slopes, slope_b = case.slopes(w, b)
    assert np.abs(case.penalty.least_slopes(w, slopes)).max() < 1e-6
    assert abs(slope_b) < 1e-12 or not case.data.intercept
    assert (b == 0.0) == (not case.data.intercept)
    assert z == pytest.approx(w @ case.x + b, abs=1e-12)
    assert fall == pytest.approx(case.J(np.zeros(w.size), 0.0) - case.J(w, b), abs=1e-12)
    assert ((w >= case.penalty.lower) & (w <= case.penalty.upper)).all()


def test_the_gap_is_an_upper_bound_and_is_reached():
    case = Case(3, n=8, lambda_=0.02)
    best, b, _, _ = case.descend(1e-14, 30)
    J = case.J(best, b)
    w, b, z, _ = case.descend(1e-3, 1)
    distance = case.J(w, b) - J
    assert -1e-15 < distance <= max(1e-3, kernel.LEFT_OF_GAP * case.J(np.zeros(8), 0.0))
    gap = kernel.gap_of(case.data, case.net, z, w, case.slopes(w, b)[0], case.J(w, b))
    assert gap >= distance


def test_where_nothing_moves_nothing_changes():
    case = Case(4, lambda_=10.0)
    w, _, _, fall = case.descend(0.0, 3)
    assert not w.any()
    assert fall >= 0.0


def test_a_column_without_values_stays_out():
    case = Case(5)
    case.room[case.rows[2]] = 0.0
    w, _, _, _ = case.descend(1e-12, 20)
    assert w[2] == 0.0
