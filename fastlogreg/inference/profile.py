"""Intervals and tests by the profile likelihood: where l, at its best over the rest, has fallen.

    2 (l* - l(c.theta = t)) <= chi2(level)      for t between the ends of an interval
    p-value of a coefficient: the chi-square tail of 2 (l* - l(c.theta = 0))

All 2 p ends and all p tests are columns that share reads of X: `constrained`. Wald's interval is
the parabola through the maximum; this one follows l itself, and so does not need a parabola.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Columns
from ..maths.arrays import NONE, Vector
from ..maths.distributions import chi2_quantile, chi2_tail
from ..maths.logistic import sigmoid
from .constrained import Begun, Curve, Ended, Tasks, Top, solve
from .factor import factor_of
from .likelihood import Likelihood, Maximum

ILL = 1e8  # of the information: from here on l may grow without end
BLOCK_BYTES = 1 << 20
TIED = 1e-9  # of the largest change of a z: a smaller one is rounding


class ProfileIntervals(NamedTuple):
    """Hold intervals and tests of theta = [w, b], w in the units of X as it was given.

    lower, upper, p_values (p,): NaN where not asked for, and for a b that is not in the model.
    Where nothing tells a coefficient from others its interval is infinite, its p-value NaN.
    reads: of X.
    """

    lower: Vector
    upper: Vector
    p_values: Vector
    reads: int


def profile_intervals(
    likelihood: Likelihood,
    maximum: Maximum,
    level: float = 0.95,
    which: Iterable[int] | None = None,
) -> ProfileIntervals:
    """Return the profile-likelihood intervals and likelihood-ratio tests of coefficients.

    which: places in [w, b]; None for all. An end along which l never falls, as where a feature
    separates the labels, is infinite.
    """
    before = likelihood.passes
    top = top_of(likelihood, maximum)
    curve = LikelihoodCurve(likelihood)
    free = likelihood.free
    places = free if which is None else np.intersect1d(free, np.array(list(which), np.intp))
    flat = np.zeros(likelihood.size, np.bool_)
    if not top.plain:
        flat = factor_of(likelihood.products(likelihood.weight)).flat
    T = likelihood.outward_matrix()
    if flat.any():
        flat = np.abs(T) @ flat > 0.0
    found = intervals(curve, top, T, places[~flat[places]], level)
    for array, value in zip(found[:3], (-np.inf, np.inf, np.nan)):
        array[places[flat[places]]] = value
    return found._replace(reads=likelihood.passes - before)


def top_of(likelihood: Likelihood, maximum: Maximum) -> Top:
    """Return the maximum with the inverse of its information, and whether that is of use."""
    at, free = maximum.at, likelihood.free
    factor = factor_of(at.information)
    plain = maximum.reached and factor.condition < ILL and not factor.flat[free].any()
    return Top(at.theta, at.value, factor.inverse, plain)


def intervals(
    curve: Curve, top: Top, T: Vector, places: NDArray[np.intp], level: float
) -> ProfileIntervals:
    """Return intervals and tests of T theta at some places; NaN elsewhere."""
    p, n = len(T), len(places)
    lower, upper, p_values = np.full((3, p), np.nan)
    if n:
        drop = 0.5 * chi2_quantile(level, 1.0)
        c = np.concatenate([T[places]] * 3)
        side = np.repeat([-1.0, 1.0, 0.0], n)
        place, value = solve(curve, top, Tasks(c, side), drop)
        lower[places], upper[places] = place[:n], place[n : 2 * n]
        ratios = np.maximum(2.0 * (top.value - value[2 * n :]), 0.0)
        p_values[places] = [chi2_tail(float(ratio), 1.0) for ratio in ratios]
    return ProfileIntervals(lower, upper, p_values, curve.reads)


class LikelihoodCurve:
    """Tell l at several theta in one read of X: `constrained.Curve`."""

    def __init__(self, likelihood: Likelihood) -> None:
        self.likelihood = likelihood
        self.labels = likelihood.hard.astype(np.int32)
        self._begun = likelihood.passes
        self._pull = np.zeros(likelihood.size)  # of what y is more than 0 or 1: l is linear in it
        self._more = 0.0
        if likelihood.soft.size:
            terms = likelihood.weighted(likelihood.soft)
            total = float(terms.sum()) * likelihood.intercept
            self._pull = np.append(likelihood.objective.combine(terms), total)
            if likelihood.offset.size:
                self._more = float(np.sum(terms * likelihood.offset))

    @property
    def reads(self) -> int:
        """Return the reads of X since this was made."""
        return self.likelihood.passes - self._begun

    def scores(self, thetas: Vector) -> tuple[Vector, Vector]:
        """Return l (K,) and its score (K, p), by the pass of K columns."""
        likelihood, K = self.likelihood, len(thetas)
        likelihood.objective.begin_pass()
        columns = Columns(
            np.ascontiguousarray(thetas[:, :-1]),
            np.ascontiguousarray(thetas[:, -1]),
            np.ones(K, np.int32),
            np.ones((K, 1)),
            np.zeros((K, 1)),
        )
        sums = likelihood.objective.backend.column_sums(
            likelihood.design,
            self.labels,
            columns,
            weight=likelihood.objective.weight,
            offset=likelihood.offset if likelihood.offset.size else NONE,
        )
        score = -np.append(sums.dw, sums.db[:, None] * likelihood.intercept, axis=1)
        value = thetas @ self._pull + self._more - sums.loss
        return value, score + self._pull

    def informations(self, thetas: Vector) -> tuple[Vector, Vector, Vector]:
        """Return l (K,), its score (K, p) and the information (K, p, p), block by block."""
        return informations_at(self.likelihood, thetas)

    def alone(self, begun: Begun) -> Ended | None:
        """Return None: a read of X serves all columns."""
        return None

    def never_falls(self, directions: Vector) -> NDArray[np.bool_]:
        """Return for each direction whether no example moves to its wrong side along it."""
        likelihood = self.likelihood
        likelihood.objective.begin_pass()
        largest, wrong = np.zeros((2, len(directions)))
        for lo, hi, x in likelihood.design.float_blocks():
            rows = slice(lo, hi)
            counted = likelihood.weights_of(rows) > 0.0
            moves = directions @ with_ones(x, likelihood.intercept)[counted].T
            own = likelihood.targets_of(rows)[counted]
            against = np.where(own == 0.0, moves, np.where(own == 1.0, -moves, np.abs(moves)))
            largest = np.maximum(largest, np.abs(moves).max(axis=1, initial=0.0))
            wrong = np.maximum(wrong, against.max(axis=1, initial=0.0))
        return np.asarray((wrong <= TIED * largest) & (largest > 0.0))


def informations_at(likelihood: Likelihood, thetas: Vector) -> tuple[Vector, Vector, Vector]:
    """Return l (K,), its score (K, p) and the information (K, p, p): one read, block by block."""
    K, p = thetas.shape
    likelihood.objective.begin_pass()
    value, score, H = np.zeros(K), np.zeros((K, p)), np.zeros((K, p, p))
    for lo, hi, x in likelihood.design.float_blocks():
        x1, rows = with_ones(x, likelihood.intercept), slice(lo, hi)
        s, y = likelihood.weights_of(rows), likelihood.targets_of(rows)
        offset = likelihood.offset[rows] if likelihood.offset.size else 0.0
        for k, theta in enumerate(thetas):
            z = x1 @ theta + offset
            value[k] += float(np.sum(s * (y * z - np.logaddexp(0.0, z))))
            score[k] += (s * (y - sigmoid(z))) @ x1
            H[k] += (x1 * (s * likelihood.curvatures(z))[:, None]).T @ x1
    if not likelihood.intercept:
        H[:, -1, -1] = 1.0
    return value, score, H


def with_ones(x: Vector, intercept: bool) -> Vector:
    """Return rows of x with a 1 behind each; a 0 where there is no b."""
    return np.append(x, np.full((len(x), 1), float(intercept)), axis=1)
