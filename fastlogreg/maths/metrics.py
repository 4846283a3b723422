"""How good probabilities are: ranks, calibration, and where to put a threshold.

y (m,) is 0 or 1, a (m,) = P(y = 1). Examples of equal a are taken together: none of these numbers
depends on their order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
_NEWTON_STEPS, _SMALLEST = 50, 1e-12


class Steps(NamedTuple):
    """Examples that are said to be 1 from each distinct threshold on, the highest first.

    threshold: a >= threshold is said to be 1. right, wrong: how many of them are 1, and 0.
    """

    threshold: Vector
    right: Vector
    wrong: Vector


def steps(y: Vector, a: Vector) -> Steps:
    """Count at every threshold that makes a difference."""
    order = np.argsort(-a, kind="stable")
    ordered = a[order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(a) - 1)
    right = np.cumsum(y[order])[last].astype(np.float64)
    return Steps(ordered[last], right, last + 1.0 - right)


def area_under_roc(y: Vector, a: Vector) -> float:
    """Return the chance that an example of 1 has a larger a than one of 0; a tie counts half."""
    _, right, wrong = steps(y, a)
    if not right[-1] or not wrong[-1]:
        return float("nan")
    rise, run = np.append(0.0, right), np.append(0.0, wrong)
    area = 0.5 * float(np.sum(np.diff(run) * (rise[1:] + rise[:-1])))
    return area / float(right[-1] * wrong[-1])


def average_precision(y: Vector, a: Vector) -> float:
    """Return the mean of the precision over the recall, without interpolation."""
    _, right, wrong = steps(y, a)
    if not right[-1]:
        return float("nan")
    gained = np.diff(np.append(0.0, right)) / right[-1]
    return float(np.sum(gained * right / (right + wrong)))


def brier_score(y: Vector, a: Vector) -> float:
    """Return the mean of (a - y)^2. Of several classes: y and a (K, m), summed over the classes."""
    squares = np.square(a - y)
    return float(squares.mean() if squares.ndim == 1 else squares.sum(axis=0).mean())


def calibration_slope(y: Vector, a: Vector) -> float:
    """Return the slope of log-odds of y on those of a: 1 is right, below it a is too sure.

    It is the maximum of the likelihood, by Newton's method; NaN where there is none.
    """
    a = np.clip(a, _SMALLEST, 1.0 - _SMALLEST)
    z = np.log(a) - np.log1p(-a)
    spread = float(z.std())
    if not 0.0 < y.mean() < 1.0 or not spread > 1e-9:
        return float("nan")
    x = np.stack([(z - z.mean()) / spread, np.ones(len(z))])
    theta = np.array([spread, float(z.mean())])
    for _ in range(_NEWTON_STEPS):
        p = 0.5 * (1.0 + np.tanh(0.5 * (theta @ x)))
        H = (x * (p * (1.0 - p))) @ x.T
        if not np.linalg.det(H) > 1e-12 * len(z) ** 2:
            return float("nan")
        step = np.linalg.solve(H, x @ (y - p))
        theta += step * min(1.0, 2.0 / float(np.abs(step).max() + 1e-300))
        if float(np.abs(step).max()) < 1e-10:
            return float(theta[0] / spread)
    return float("nan")


def best_threshold(y: Vector, a: Vector, costs: tuple[float, float] | None = None) -> float:
    """Return the threshold of the largest F1, or of the least cost; a > threshold is said to be 1.

    costs: of a 0 that is said to be 1, and of a 1 that is said to be 0. The threshold lies in the
    middle between two values of a.
    """
    at, right, wrong = steps(y, a)
    ones = right[-1]
    if costs is None:
        best = int(np.argmax(2.0 * right / (right + wrong + ones)))
    else:
        spent = np.append(costs[1] * ones, costs[0] * wrong + costs[1] * (ones - right))
        best = int(np.argmin(spent)) - 1
        if best < 0:
            return float(at[0])
    below = at[best + 1] if best + 1 < len(at) else 0.0
    return float(0.5 * (at[best] + below))
