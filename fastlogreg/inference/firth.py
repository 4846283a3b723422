"""Firth's penalised likelihood: maximum likelihood without its first-order bias, always finite.

    l* = l + 1/2 log|I|      U* = X1 [s (y - a) + h (1/2 - a)]      h = s a (1 - a) x1' I^-1 x1

References: Firth, "Bias reduction of maximum likelihood estimates", Biometrika 80 (1993); Heinze
and Schemper, "A solution to the problem of separation in logistic regression", Statistics in
Medicine 21 (2002).

A small X is climbed whole by a kernel, `kernels.whole_runs.firth`. Of any other X a step takes two
reads: one for l and I, one for the leverages. Before them l is climbed for some steps alone, where
it has far to go.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.base import are_compiled
from ..machine.blas import inner
from ..machine.once import once
from ..machine.threads import run_on
from ..maths.arrays import Vector
from ..maths.logistic import sigmoid
from .constrained import MOST_READS, STEP, Begun, Ended
from .factor import factor_of
from .likelihood import Likelihood
from .profile import informations_at, with_ones

SMALL_NUMBERS = 1 << 20  # of X that are worth a copy, for a kernel that climbs alone
MOST_HALVINGS = 40
RISE = 0.1  # of what the slope promises
FAR = 1.0  # times p: l has more than that to gain, and is climbed alone
MOST_PLAIN_STEPS = 4


class Reduced(NamedTuple):
    """Hold theta (p,) of the rescaled features, l*, the largest |U*|, I (p, p); -l* before each
    step, and whether the largest |U*| fell to tol."""

    theta: Vector
    value: float
    largest: float
    information: Vector
    costs: Vector
    reached: bool


class Place(NamedTuple):
    """Hold l*, U* (p,) and I (p, p) at theta."""

    value: float
    score: Vector
    information: Vector


class FirthCurve:
    """Tell l* at several theta: `constrained.Curve`; U* where that says score."""

    def __init__(self, likelihood: Likelihood) -> None:
        self.likelihood = likelihood
        self._begun = likelihood.passes
        small = likelihood.design.elements <= SMALL_NUMBERS
        self.by_kernel = small and are_compiled()

    @property
    def reads(self) -> int:
        """Return the reads of X since this was made; a copy counts once."""
        return self.likelihood.passes - self._begun

    @once
    def table(self) -> Any:
        """Return the examples as the kernel has them."""
        from ..kernels.whole_runs.firth import PITCH, Table

        likelihood = self.likelihood
        likelihood.objective.begin_pass()
        m, n_x = likelihood.objective.m, likelihood.objective.n_x
        pitch = -(-m // PITCH) * PITCH
        x, xt = np.empty((m, n_x)), np.zeros((n_x + 1, pitch))
        for lo, hi, block in likelihood.design.float_blocks():
            x[lo:hi] = block
        xt[:n_x, :m] = x.T
        xt[n_x, :m] = float(likelihood.intercept)
        weight = likelihood.objective.weight
        targets = likelihood.hard, likelihood.soft, weight, likelihood.offset
        return Table(x.reshape(-1), xt.reshape(-1), n_x, pitch, *targets, likelihood.intercept)

    def scores(self, thetas: Vector) -> tuple[Vector, Vector]:
        """Return l* (K,) and U* (K, p)."""
        if self.by_kernel:
            return self._columns(thetas, np.empty((0, 1, 1)))
        return self.informations(thetas)[:2]

    def informations(self, thetas: Vector) -> tuple[Vector, Vector, Vector]:
        """Return l* (K,), U* (K, p) and I (K, p, p)."""
        if self.by_kernel:
            H = np.empty((*thetas.shape, thetas.shape[1]))
            return (*self._columns(thetas, H), H)
        return self._by_blocks(thetas)

    def _columns(self, thetas: Vector, H: Vector) -> tuple[Vector, Vector]:
        from ..kernels.layout import LINE_NUMBERS
        from ..kernels.whole_runs.firth import evaluate_columns

        K = len(thetas)
        values, scores = np.empty(K), np.empty(thetas.shape)
        counter = np.zeros(LINE_NUMBERS, np.int64)
        given = self.table, np.ascontiguousarray(thetas), values, scores, H, counter
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            run_on(min(K, self.likelihood.objective.n_threads), partial(evaluate_columns, *given))
        return values, scores

    def alone(self, begun: Begun) -> Ended | None:
        """Follow the columns by a kernel, where there is one for this X."""
        if not self.by_kernel:
            return None
        from ..kernels.layout import LINE_NUMBERS
        from ..kernels.whole_runs.firth_profile import Profile, follow_columns

        c, side = begun.tasks
        K = len(side)
        found, counter = np.empty((K, 3)), np.zeros(LINE_NUMBERS, np.int64)
        matrices = np.ascontiguousarray(begun.inverse), np.ascontiguousarray(begun.information)
        profile = Profile(*matrices, begun.target, MOST_READS, STEP)
        given = self.table, profile, c, side, begun.theta, begun.reach, found, counter
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            run_on(min(K, self.likelihood.objective.n_threads), partial(follow_columns, *given))
        return Ended(found[:, 0], found[:, 1], found[:, 2] == 1.0)

    def _by_blocks(self, thetas: Vector) -> tuple[Vector, Vector, Vector]:
        """Read X twice: for l and I, then for the leverages."""
        likelihood, (K, p) = self.likelihood, thetas.shape
        value, score, H = informations_at(likelihood, thetas)
        roots = np.zeros((K, p, p))
        for k in range(K):
            roots[k], half_log = root_of(H[k])
            value[k] += half_log
        likelihood.objective.begin_pass()
        for lo, hi, x in likelihood.design.float_blocks():
            x1, s = with_ones(x, likelihood.intercept), likelihood.weights_of(slice(lo, hi))
            offset = likelihood.offset[lo:hi] if likelihood.offset.size else 0.0
            for k, theta in enumerate(thetas):
                z = x1 @ theta + offset
                rooted = x1 @ roots[k].T
                h = s * likelihood.curvatures(z) * np.einsum("ij,ij->i", rooted, rooted)
                score[k] += (h * (0.5 - sigmoid(z))) @ x1
        return value, score, H

    def never_falls(self, directions: Vector) -> NDArray[np.bool_]:
        """Return False: log|I| falls without end along every direction."""
        return np.zeros(len(directions), np.bool_)


def root_of(information: Vector) -> tuple[Vector, float]:
    """Return R (p, p) with R' R = I^-1, and 1/2 log|I|; -infinity where I is singular."""
    try:
        L = np.linalg.cholesky(information)
    except np.linalg.LinAlgError:
        return np.zeros(information.shape), -math.inf
    return np.linalg.inv(L), float(np.sum(np.log(np.diag(L))))


def climb_firth(
    likelihood: Likelihood, tol: float, most: int, start: Vector | None = None
) -> Reduced:
    """Climb l* until no component of U* is larger than tol, or float64 has no better theta."""
    theta = np.zeros(likelihood.size) if start is None else start.copy()
    curve = FirthCurve(likelihood)
    if curve.by_kernel:
        from ..kernels.whole_runs.firth import NUMBERS, climb

        costs, numbers, H = np.empty(most), np.empty(NUMBERS), np.empty((theta.size, theta.size))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            steps = climb(curve.table, theta, tol, most, costs, numbers, H)
        value, largest = float(numbers[0]), float(numbers[1])
        return Reduced(theta, value, largest, H, costs[:steps], largest <= tol)
    return _climb_by_reads(likelihood, tol, most, theta, start is None)


def _climb_by_reads(
    likelihood: Likelihood, tol: float, most: int, theta: Vector, far: bool
) -> Reduced:
    costs: list[float] = []
    at = likelihood.at(theta)
    for _ in range(MOST_PLAIN_STEPS if far else 0):
        R, _ = root_of(at.information)
        step = R.T @ (R @ at.score)
        if not inner(at.score, step) > FAR * theta.size or len(costs) >= most:
            break
        trial = likelihood.at(theta + step)
        if not trial.value > at.value:
            break
        costs.append(-at.value - root_of(at.information)[1])
        theta, at = theta + step, trial
    R, half_log = root_of(at.information)
    value, score = at.value + half_log, at.score + pull(likelihood, theta, R)
    largest = float(np.abs(score).max())
    while len(costs) < most and largest > tol and value > -math.inf:
        step = R.T @ (R @ score)
        size = math.sqrt(max(inner(step, at.information @ step), 0.0))
        share = 1.0
        for _ in range(MOST_HALVINGS):
            trial = likelihood.at(theta + share * step)
            R_trial, half_log = root_of(trial.information)
            found = trial.value + half_log
            if found >= value + RISE * share * inner(step, score) - 1e-13 * abs(value):
                break
            share *= 0.5
        else:
            break
        costs.append(-value)
        theta, at, R, value = theta + share * step, trial, R_trial, found
        score = at.score + pull(likelihood, theta, R)
        largest = float(np.abs(score).max())
        if size <= 1e-13:
            break
    return Reduced(theta, value, largest, at.information, np.array(costs), largest <= tol)


def pull(likelihood: Likelihood, theta: Vector, R: Vector) -> Vector:
    """Return U* less the score (p,): one read of X, two where X is far."""
    if likelihood.objective.backend.far:
        return _pull_by_leverages(likelihood, theta, R)
    total = np.zeros(theta.size)
    blocks = likelihood.design.float_blocks()
    likelihood.objective.begin_pass()
    w, b = theta[:-1], theta[-1]
    for lo, hi, x in blocks:
        z = x @ w + b
        if likelihood.offset.size:
            z = z + likelihood.offset[lo:hi]
        rooted = x @ R[:, :-1].T
        if likelihood.intercept:
            rooted += R[:, -1]
        h = likelihood.weights_of(slice(lo, hi)) * likelihood.curvatures(z)
        h *= np.einsum("ij,ij->i", rooted, rooted)
        terms = h * (0.5 - sigmoid(z))
        total[:-1] += terms @ x
        total[-1] += terms.sum() * likelihood.intercept
    return total


def _pull_by_leverages(likelihood: Likelihood, theta: Vector, R: Vector) -> Vector:
    terms = np.empty(likelihood.objective.m)
    for lo, hi, z, t in likelihood.leverages(theta, R):
        h = likelihood.weights_of(slice(lo, hi)) * likelihood.curvatures(z) * t
        terms[lo:hi] = h * (0.5 - sigmoid(z))
    return np.append(likelihood.objective.combine(terms), terms.sum() * likelihood.intercept)


def leverages(likelihood: Likelihood, theta: Vector) -> tuple[Vector, Vector]:
    """Return z and h (m,) at theta: two reads of X."""
    at = likelihood.at(theta)
    R, _ = root_of(at.information)
    z, h = np.empty((2, likelihood.objective.m))
    for lo, hi, own, t in likelihood.leverages(theta, R):
        z[lo:hi] = own
        h[lo:hi] = likelihood.weights_of(slice(lo, hi)) * likelihood.curvatures(own) * t
    return z, h


def flic(likelihood: Likelihood, theta: Vector) -> Vector:
    """Return theta with the b at which the estimated probabilities add up as the labels do.

    FLIC of Puhr, Heinze, Nold, Lusa and Geroldinger, "Firth's logistic regression with rare
    events", Statistics in Medicine 36 (2017).
    """
    b = likelihood.best_shift(likelihood.scores(theta))
    return theta + np.append(np.zeros(theta.size - 1), b)


def flac(likelihood: Likelihood, theta: Vector) -> tuple[Vector, Vector]:
    """Return theta and its covariance by FLAC, of the same authors.

    Firth's score is that of data with each example once more, with weight h and target 1/2. These
    get a covariate of their own, and l of all is made as large as it gets.
    """
    z, h = leverages(likelihood, theta)
    own, p = 0.0, theta.size
    s, free = likelihood.weight, np.append(likelihood.free, p)
    last = np.inf
    for _ in range(60):
        a, a_own = likelihood.curvatures(z), likelihood.curvatures(z + own)
        terms = s * likelihood.residuals(z) + h * (0.5 - sigmoid(z + own))
        score = np.append(likelihood.objective.combine(terms), terms.sum())
        score = np.append(score, float(np.sum(h * (0.5 - sigmoid(z + own)))))
        H = np.zeros((p + 1, p + 1))
        H[:p, :p] = likelihood.products(s * a + h * a_own)
        H[p, : p - 1] = H[: p - 1, p] = likelihood.objective.combine(h * a_own)
        H[p, p - 1] = H[p - 1, p] = H[p, p] = float(np.sum(h * a_own))
        step = np.zeros(p + 1)
        step[free] = np.linalg.solve(H[np.ix_(free, free)], score[free])
        gain = inner(score[free], step[free])
        theta, own = theta + step[:p], own + step[p]
        z = likelihood.scores(theta)
        if gain <= 1e-22 or (gain <= 1e-16 and not gain < last):
            break
        last = gain
    inverse = np.zeros((p + 1, p + 1))
    inverse[np.ix_(free, free)] = np.linalg.inv(H[np.ix_(free, free)])
    return theta, inverse[:p, :p]


def covariance(likelihood: Likelihood, theta: Vector, convention: str) -> Vector:
    """Return the covariance of Firth's theta, of the rescaled features.

    "brglm2": I^-1. "logistf": (X1 (s + h) a (1 - a) X1')^-1, the information of the data with each
    example once more, of weight h. So a weight of k is an example k times there, too.
    """
    z, h = leverages(likelihood, theta)
    counts = likelihood.weight + h if convention == "logistf" else likelihood.weight
    return factor_of(likelihood.products(counts * likelihood.curvatures(z))).inverse
