"""How good probabilities are: ranks, squares, and where to put a threshold.

y (m,) is 0 or 1, a (m,) = P(y = 1). Examples of equal a are taken together: none of these numbers
depends on their order. How far probabilities are calibrated: `fastlogreg.inference.calibration`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


class Steps(NamedTuple):
    """Examples that are said to be 1 from each distinct threshold on, the highest first.

    threshold: a >= threshold is said to be 1. right, wrong: how many of them are 1, and 0, or the
    sums of their weights.
    """

    threshold: Vector
    right: Vector
    wrong: Vector


def steps(y: Vector, a: Vector, weight: Vector | None = None) -> Steps:
    """Count at every threshold that makes a difference, by one sort. A y between 0 and 1 counts
    as a part of each class."""
    order = np.argsort(-a, kind="stable")
    ordered = a[order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(a) - 1)
    one, zero = y[order], 1.0 - y[order]
    if weight is not None:
        one, zero = weight[order] * one, weight[order] * zero
    right, wrong = (np.cumsum(part, dtype=np.float64)[last] for part in (one, zero))
    return Steps(ordered[last], right, wrong)


class Ranks(NamedTuple):
    """How the classes lie to each other, at each step: the area under the ROC curve, the weight of
    ones and zeros there, and the share of the other class on their right side, ties half."""

    area: float
    ones: Vector
    zeros: Vector
    below: Vector
    above: Vector


def ranks(found: Steps) -> Ranks:
    """Compare the classes, of which there must be some of each."""
    ones, zeros = np.append(0.0, found.right), np.append(0.0, found.wrong)
    own1, own0 = np.diff(ones), np.diff(zeros)
    below = (zeros[-1] - zeros[1:] + 0.5 * own0) / zeros[-1]
    above = (ones[:-1] + 0.5 * own1) / ones[-1]
    area = min(1.0, float(np.sum(own1 * below)) / float(ones[-1]))
    return Ranks(area, own1, own0, below, above)


def area_under_roc(found: Steps) -> float:
    """Return the chance that an example of 1 has a larger a than one of 0; a tie counts half."""
    if not found.right[-1] or not found.wrong[-1]:
        return float("nan")
    return ranks(found).area


def average_precision(found: Steps) -> float:
    """Return the mean of the precision over the recall, without interpolation."""
    _, right, wrong = found
    if not right[-1]:
        return float("nan")
    gained = np.diff(np.append(0.0, right)) / right[-1]
    return float(np.sum(gained * right / (right + wrong)))


def brier_score(y: Vector, a: Vector) -> float:
    """Return the mean of (a - y)^2. Of several classes: y and a (K, m), summed over the classes."""
    squares = np.square(a - y)
    return float(squares.mean() if squares.ndim == 1 else squares.sum(axis=0).mean())


def best_threshold(found: Steps, costs: tuple[float, float] | None = None) -> float:
    """Return the threshold of the largest F1, or of the least cost; a > threshold is said to be 1.

    costs: of a 0 that is said to be 1, and of a 1 that is said to be 0. The threshold lies in the
    middle between two values of a.
    """
    at, right, wrong = found
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
