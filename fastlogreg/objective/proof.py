"""How far a point is from the optimum: the bounds of `maths.certificate`, for an objective.

A pass with a Hessian proves a bound by itself. Elsewhere `estimate` tells, for nothing, what
`certify` will find with a read at the best b. To what is proved the rounding of J is added, and to
what is reported at the end of a run also that of z.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..backends import moments
from ..data.design import Design
from ..machine.blas import inner, norm, one_thread
from ..machine.threads import run_on
from ..maths import certificate
from ..maths.arrays import NONE, Vector
from .point import Evaluation

if TYPE_CHECKING:
    from .objective import Objective

SMALL_RADIUS = 1e-3  # r of `maths.certificate`, below which a bound does not need it better


def estimate(objective: Objective, evaluation: Evaluation) -> float:
    """Estimate what `certify` would find; where db is 0 it is the bound itself."""
    _, gradient, curvature = evaluation
    if np.isnan(curvature):
        curvature = (
            np.inf
        )  # of the lectures' loops, which do not sum it: what b can bring is left out
    size, db = norm(gradient[:-1]), abs(float(gradient[-1]))
    decay = objective.decay
    return certificate.suboptimality_bound(size, db, curvature, objective.reach, decay)


def reach(objective: Objective) -> float:
    """Return the length of the mean of the examples, where it costs no read.

    By so much dw changes when b moves, for each unit of db.
    """
    if objective.design.dense is None or not objective.intercept:
        return 0.0
    mean = moments.sample_mean(objective.design)
    return 0.0 if mean is None else norm(mean)


class Penalised(Protocol):
    """What a bound by a Hessian is asked of: a cost with a penalty of modulus `decay`."""

    @property
    def decay(self) -> float:
        """Return the modulus of the penalty."""


def by_hessian(objective: Penalised, evaluation: Evaluation, H: Vector) -> float:
    """Return a proved bound on J - J*, lambda > 0, from the Hessian at the same point."""
    rounding = certificate.ROUNDING * evaluation.J
    dw, db = evaluation.gradient[:-1], float(evaluation.gradient[-1])
    if db == 0.0:
        return rounding + certificate.at_best_bias(inner(dw, dw), objective.decay)
    curvature = float(H[-1, -1])
    if not abs(db) < curvature:  # also where either is NaN
        return np.inf
    rest = dw - (db / curvature) * H[-1, :-1]
    squares = inner(rest, rest)
    return rounding + certificate.bound_by_hessian(squares, db, curvature, objective.decay)


def certify(objective: Objective, theta: Vector, evaluation: Evaluation, z: Any = None) -> float:
    """Return a proved bound on J - J* at theta, lambda > 0.

    One read of X, at the best b for the same w; one more for z where it is not given; none where b
    is the best already, or there is none.
    """
    rounding = certificate.ROUNDING * evaluation.J
    dw, db = evaluation.gradient[:-1], abs(float(evaluation.gradient[-1]))
    if db == 0.0:
        return rounding + certificate.at_best_bias(inner(dw, dw), objective.decay)
    w, b = theta[:-1], float(theta[-1])
    z = objective.scores(w, b) if z is None else z
    found = objective.evaluate(w, b + best_shift(objective, z))
    curvature = evaluation.curvature
    if np.isnan(curvature):  # the lectures' loops do not sum it: nearly the same at the best b
        curvature = objective.shifted_sums(z, 0.0)[2] / objective.total
        found = found._replace(curvature=curvature)
    rise = max(0.0, evaluation.J - found.J)
    if db < 0.5 * curvature:  # the difference of the two J is rounding there
        rho = db / curvature
        rise = db * rho / (1.0 - rho)
    return rounding + rise + estimate(objective, found)


def without_penalty(
    objective: Objective, evaluation: Evaluation, H: Vector, z: Any = NONE
) -> float:
    """Return a proved bound on J - J* for lambda = 0, from the Hessian there.

    It takes a read of X, or none where z of every example tells enough.

    It is infinite where nothing is proved, separable classes among them.
    """
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(H))
    except np.linalg.LinAlgError:
        return np.inf
    with np.errstate(over="ignore", invalid="ignore"):  # of an H that is nearly singular
        nu = norm(inverse @ evaluation.gradient)
    if not np.isfinite(nu):
        return np.inf
    enough = (SMALL_RADIUS / nu) ** 2 if nu > 0.0 else 0.0
    r = nu * float(np.sqrt(objective.largest_leverage(inverse, z, enough)))
    return certificate.ROUNDING * evaluation.J + certificate.bound_without_penalty(nu, r)


def rounding_of_scores(objective: Objective, theta: Vector) -> float:
    """Estimate what the rounding of z hides of J - J*, without a read of X.

    The terms of z that are long on columns far from 0 nearly cancel: b, what the shift brings, and
    w times the means, where a sample of X is at hand. Of several classes the longest z counts, and
    the curvature along an error of z is up to four times that of two classes.
    """
    design, rows = objective.design, np.abs(theta.reshape(-1, objective.n_x + 1))
    far = np.abs(design.shift)
    with np.errstate(over="ignore", invalid="ignore"):
        # Looked for here, known or not: a run that goes on reports the same.
        if design.dense is not None:
            far = far + np.abs(design.scale * moments.means(design))
        size = max(float(row[-1]) + inner(row[:-1], far) for row in rows)
        hidden = certificate.of_scores(size) * (1.0 if len(rows) == 1 else 4.0)
    return hidden if np.isfinite(hidden) else np.inf


def leverage_by_slopes(objective: Objective, z: Vector) -> float:
    """Return what no x H^-1 x exceeds, of examples that count, from z: no read of X.

    Of H = (1/S) sum s a (1 - a) x x', an example's own share s a (1 - a) / S times x H^-1 x is at
    most 1.
    """
    slopes = np.asarray(objective.slopes(z))
    if objective.weight.size:
        slopes = slopes[objective.weight > 0.0]
    least = float(slopes.min())
    return objective.total / least if least > 0.0 else np.inf


def largest_leverage(design: Design, inverse: Vector, intercept: bool, n_threads: int = 1) -> float:
    """Return the largest x H^-1 x over the examples, x having its 1; inverse: of H's factor."""
    root, last = inverse[:, :-1].T, inverse[:, -1] * intercept
    blocks, lock, found = design.float_blocks(), Lock(), [0.0]

    def work() -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # of a new thread too
            while True:
                with lock:
                    block = next(blocks, None)
                if block is None:
                    return
                y = block[2] @ root + last
                found.append(float(np.einsum("ij,ij->i", y, y).max()))

    # BLAS's threads would spin in the way of the kernels' own.
    with one_thread():
        run_on(n_threads, work)
    return max(found)


def best_shift(objective: Objective, z: Any) -> float:
    """Find the change of b at which J is least, from z of every example: no read of X.

    Newton's method, kept between the ends where the slope has either sign.
    """
    t, low, high = 0.0, -np.inf, np.inf
    for _ in range(200):
        _, slope, curvature = objective.shifted_sums(z, t)
        if not np.isfinite(slope):
            return 0.0
        low, high = (low, t) if slope > 0.0 else (t, high)
        step = slope / curvature if curvature > 1e-300 else np.inf
        following = t - step
        if not low < following < high or not abs(step) < 30.0:
            ends = np.isfinite(low) and np.isfinite(high)
            following = 0.5 * (low + high) if ends else t - np.copysign(10.0, slope)
        if abs(following - t) <= 2.0**-52 * max(1.0, abs(t)) or slope == 0.0:
            break
        t = following
    return t
