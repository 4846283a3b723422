"""The log-likelihood of a binary model, its score and its information, in few reads of X.

    l(theta) = sum s [y log a + (1 - y) log(1 - a)]      z = w.x + b + o,  a = sigmoid(z)
    score = sum s (y - a) x1                              information = sum s a (1 - a) x1 x1'

theta is [w, b], x1 is x with a 1 behind it. y may be any number from 0 to 1: a probability, or
successes over trials, with the trials as weights s. o is an offset. Without a b its places are 0,
and the information has a 1 on its diagonal there.

Inside, every feature is rescaled to a mean near 0 and a deviation near 1, from a sample. So sums
and factors keep their digits where columns are in units of their own, or far from 0. `inward` and
`outward` go to and fro.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Backend
from ..data.design import Design
from ..machine.blas import inner
from ..maths.arrays import NONE, Vector
from ..maths.logistic import LOGISTIC, sigmoid
from ..objective.objective import Objective
from .factor import Factor, factor_of

MOST_STEPS, MOST_HALVINGS = 60, 30
DECREMENT = 1e-20  # g' H^-1 g / 2, over the deviance: nothing is left to gain in float64
PROVED = 0.5  # r of `maths.certificate`: 1 would do, but for rounding

PART = 1 << 16  # examples whose vectors stay in the cache, and take no memory of m


def parts(m: int) -> Iterator[slice]:
    """Yield slices that cover m examples."""
    for lo in range(0, m, PART):
        yield slice(lo, min(m, lo + PART))


class At(NamedTuple):
    """Hold l at theta (p,), the score (p,), the information (p, p), and z (m,) with the offset.

    All are of the rescaled features. saturated: l where a is y in every example.
    """

    theta: Vector
    value: float
    score: Vector
    information: Vector
    z: Vector


class Maximum(NamedTuple):
    """Hold where Newton's method ended, its steps, and g' H^-1 g / 2 there."""

    at: At
    steps: int
    decrement: float
    reached: bool


class Likelihood:
    """Compute l on a design, targets y (m,) in [0, 1], weights s (m,) or none, offset (m,) or none.

    passes: reads of X so far.
    """

    def __init__(
        self,
        design: Design,
        y: NDArray[Any],
        weight: Vector = NONE,
        offset: Vector = NONE,
        intercept: bool = True,
        n_threads: int | None = None,
        backend: str | Backend = "fused",
    ) -> None:
        self.hard = np.round(y).astype(np.uint8)
        more = np.asarray(y, np.float64) - self.hard if np.any(np.not_equal(y, self.hard)) else NONE
        self.soft = more  # what y is more than 0 or 1; none for labels
        self.offset = offset if offset.any() else NONE
        given = Objective(design, self.hard, 0.0, backend, n_threads, weight, intercept)
        moments = given.sample_moments()
        deviation = np.where(np.isfinite(moments.deviation), moments.deviation, 1.0)
        mean = np.where(np.isfinite(moments.mean), moments.mean, 0.0)
        deviation[~(deviation > 1e-12 * np.abs(mean))] = 1.0
        self.unit, self.mean = deviation, mean if intercept else np.zeros(given.n_x)
        self.given = given
        self.objective = given.on(
            design.rescaled(design.scale / deviation, (design.shift - self.mean) / deviation)
        )
        self.intercept = intercept
        self._given = y

    @property
    def design(self) -> Design:
        """Return X as it is seen here, rescaled."""
        return self.objective.design

    @property
    def y(self) -> Vector:
        """Return the targets (m,), as float64."""
        return np.asarray(self._given, np.float64)

    @property
    def size(self) -> int:
        """Return p, the length of theta."""
        return self.objective.size

    @property
    def free(self) -> NDArray[np.intp]:
        """Return the places of theta that are estimated: all of them, or all but b."""
        return np.arange(self.size - (not self.intercept))

    @property
    def total(self) -> float:
        """Return the sum of the weights."""
        return self.objective.total

    @property
    def weight(self) -> Vector:
        """Return the weights (m,)."""
        return self.objective.weight_of_each

    def weights_of(self, rows: slice) -> Vector:
        """Return the weights of some examples: none of the others is touched."""
        weight = self.objective.weight
        return weight[rows] if weight.size else np.ones(rows.stop - rows.start)

    def targets_of(self, rows: slice) -> Vector:
        """Return the targets of some examples, as float64."""
        return np.asarray(self._given[rows], np.float64)

    def weighted(self, values: Vector) -> Vector:
        """Return s times values (m,)."""
        return self.objective.weight * values if self.objective.weight.size else values

    @property
    def passes(self) -> int:
        """Return the reads of X so far."""
        return self.objective.passes

    def inward(self, theta: Vector) -> Vector:
        """Return theta for the rescaled features, of theta for X as it was given."""
        w = theta[:-1] * self.unit
        return np.append(w, theta[-1] + inner(self.mean, theta[:-1]))

    def outward(self, theta: Vector) -> Vector:
        """Return theta for X as it was given, of theta for the rescaled features."""
        w = theta[:-1] / self.unit
        return np.append(w, theta[-1] - inner(self.mean, w) if self.intercept else 0.0)

    def outward_matrix(self) -> Vector:
        """Return T (p, p): theta as given is T theta of the rescaled features."""
        T = np.diag(np.append(1.0 / self.unit, 1.0))
        if self.intercept:
            T[-1, :-1] = -self.mean / self.unit
        return T

    def scores(self, theta: Vector) -> Vector:
        """Return z (m,) with the offset: one read of X."""
        z = self.objective.scores_at(theta)
        return np.asarray(z + self.offset if self.offset.size else z)

    def of_scores(self, z: Vector) -> float:
        """Return l from z: no read of X."""
        found = 0.0
        for part in parts(len(z)):
            losses = LOGISTIC.value(z[part], self.hard[part])
            if self.soft.size:
                losses = losses - self.soft[part] * z[part]
            own = self.objective.weight[part] if self.objective.weight.size else 1.0
            found -= float(np.sum(own * losses))
        return found

    def residuals(self, z: Vector) -> Vector:
        """Return y - a (m,)."""
        found = np.empty(len(z))
        for part in parts(len(z)):
            found[part] = -LOGISTIC.derivative(z[part], self.hard[part])
        if self.soft.size:
            found += self.soft
        return found

    def curvatures(self, z: Vector) -> Vector:
        """Return a (1 - a) (m,)."""
        found = np.empty(len(z))
        for part in parts(len(z)):
            found[part] = sigmoid(z[part]) * sigmoid(-z[part])
        return found

    def at(self, theta: Vector) -> At:
        """Return l, score and information: one read of X; three with an offset or soft targets."""
        if self.soft.size or self.offset.size:
            return self._from_scores(theta, self.scores(theta))
        z = self.objective.room()
        evaluation, H = self.objective.hessian(theta[:-1], float(theta[-1]), z)
        score = -self.total * evaluation.gradient
        return At(theta, -self.total * evaluation.J, score, self._summed(self.total * H), z)

    def _from_scores(self, theta: Vector, z: Vector) -> At:
        terms = self.weighted(self.residuals(z))
        score = np.append(self.objective.combine(terms), terms.sum() * self.intercept)
        return At(
            theta, self.of_scores(z), score, self.products(self.weighted(self.curvatures(z))), z
        )

    def products(self, c: Vector) -> Vector:
        """Return the sum of c x1 x1' (p, p), c (m,): one read of X."""
        self.objective.begin_pass()
        return self._summed(self.objective.backend.products(self.design, c))

    def _summed(self, H: Vector) -> Vector:
        if not self.intercept:
            H[-1], H[:, -1], H[-1, -1] = 0.0, 0.0, 1.0
        return H

    def leverages(self, theta: Vector, root: Vector) -> Iterator[tuple[int, int, Vector, Vector]]:
        """Yield (first example, one past the last, z, ||root x1||^2), block by block: one read.

        With root' root = information^-1 that is x1' information^-1 x1.
        """
        self.objective.begin_pass()
        R = root if self.intercept else np.append(root[:, :-1], np.zeros((len(root), 1)), axis=1)
        points = [(theta[:-1], float(theta[-1]))]
        for lo, hi, z, t in self.objective.backend.leverages(self.design, points, [R]):
            z = z[0] + self.offset[lo:hi] if self.offset.size else z[0]
            yield lo, hi, z, t[0]

    def null(self) -> float:
        """Return l with b and the offset alone; with z = offset where there is no b. No read."""
        if not self.offset.size:
            return self._null_without_offset()
        b = self.best_shift(self.offset) if self.intercept else 0.0
        return self.of_scores(self.offset + b)

    def best_shift(self, z: Vector) -> float:
        """Return the b at which l of z + b is largest: there the a add up as y does. No read."""
        b = 0.0
        for _ in range(MOST_STEPS):
            slope = float(np.sum(self.weighted(self.residuals(z + b))))
            curvature = float(np.sum(self.weighted(self.curvatures(z + b))))
            step = float(np.clip(slope / curvature, -4.0, 4.0)) if curvature > 0.0 else 0.0
            b += step
            if abs(step) <= 1e-15 * max(1.0, abs(b)):
                break
        return b

    def _null_without_offset(self) -> float:
        """Return l where every a is the mean of y, or 1/2 without b."""
        if not self.intercept:
            return -self.total * float(np.log(2.0))
        s = self.objective.weight
        ones = float(s @ self.hard if s.size else np.count_nonzero(self.hard))
        if self.soft.size:
            ones += float(s @ self.soft if s.size else self.soft.sum())
        share = np.array([ones, self.total - ones]) / self.total
        return self.total * float(np.sum(share * np.log(share, where=share > 0.0, out=np.zeros(2))))

    def saturated(self) -> float:
        """Return l where a is y in every example: 0 for labels."""
        if not self.soft.size:
            return 0.0
        given = self.y
        y, other = np.clip(given, 1e-300, 1.0), np.clip(1.0 - given, 1e-300, 1.0)
        return float(np.sum(self.weighted(given * np.log(y) + (1.0 - given) * np.log(other))))

    def distance(self, at: At, factor: Factor, score: Vector) -> tuple[float, float]:
        """Return nu and r of `maths.certificate` from a score (p,): no read of X, or one.

        There is an optimum where r is below 1. An example's leverage s w x1' H^-1 x1 is at most 1,
        so x1' H^-1 x1 is at most 1 / (s w), which costs no read. Only where that says nothing X is
        read.
        """
        nu = float(np.linalg.norm(factor.R @ score))
        if factor.flat.any():
            return nu, np.inf
        counted = self.weight > 0.0
        if self.objective.weight.size:
            least = float(self.weighted(self.curvatures(at.z))[counted].min())
        else:  # the larger |z|, the smaller a (1 - a)
            least = float(self.curvatures(np.abs(at.z).max()[None])[0])
        with np.errstate(divide="ignore", over="ignore"):
            r = float(nu / np.sqrt(least))
        if r < PROVED:
            return nu, r
        t = 0.0
        for lo, hi, _, squares in self.leverages(at.theta, factor.R):
            t = max(t, float(squares[counted[lo:hi]].max(initial=0.0)))
        return nu, nu * math.sqrt(t)

    def is_maximum(self, at: At) -> bool:
        """Return whether l has a maximum, and `at` is there but for rounding.

        A small decrement does not say so: where labels are quasi-separated, l goes to its limit by
        a factor of e a step, and the decrement falls below any bound. r stays at 1 or above there.
        """
        return self.distance(at, factor_of(at.information), at.score)[1] < PROVED

    def maximum(self, start: Vector | None = None) -> Maximum:
        """Climb l by Newton's method from `start` (p,), or from 0.

        Where the information is singular, or l grows without end, it stops and says so.
        """
        at = self.at(np.zeros(self.size) if start is None else start)
        decrement, most = np.inf, self.saturated()
        for steps in range(MOST_STEPS):
            try:
                step = np.linalg.solve(at.information, at.score)
            except np.linalg.LinAlgError:
                return Maximum(at, steps, np.inf, False)
            decrement = 0.5 * inner(at.score, step)
            if not np.isfinite(decrement) or decrement < 0.0:
                return Maximum(at, steps, np.inf, False)
            # With separated labels l comes to 0, and what is left to gain is of the size of l.
            if decrement <= DECREMENT * (most - at.value) + 1e-32 * abs(most):
                return Maximum(at, steps, decrement, self.is_maximum(at))
            trial = self.at(at.theta + step)
            t = 1.0
            while not trial.value >= at.value - 1e-13 * abs(at.value) and t > 0.5**MOST_HALVINGS:
                t *= 0.5
                trial = self.at(at.theta + t * step)
            if decrement <= 1e-12 * (1.0 + abs(at.value)) and trial.value <= at.value:
                # Rounding is what is left.
                return Maximum(trial, steps + 1, decrement, self.is_maximum(trial))
            at = trial
        return Maximum(at, MOST_STEPS, decrement, False)
