"""How far a softmax model is from the optimum: `maths.certificate`, for several classes.

`proof` has the same for two. b is one number for each class, so its best value is found by Newton's
method in K unknowns, on the stored z.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..machine.blas import inner, norm
from ..maths import certificate
from ..maths.arrays import Vector
from .point import Evaluation
from .wanted import BiasProduct, EvaluationAt, Wanting, by_itself

if TYPE_CHECKING:
    from .softmax import SoftmaxObjective

LONG_SPREAD, LONGEST = 2.0, 50.0  # of Newton's step in b, and of any
LONG_ROW = 4096  # features from which rows are worked on one at a time, and nothing is copied
SMALL_SPREAD = 0.25  # of u, up to which a bound is proved where the point is, b not being moved


def estimate(objective: SoftmaxObjective, evaluation: Evaluation) -> float:
    """Estimate what `certify` would find; where every db is 0 it is the bound itself."""
    rows = evaluation.gradient.reshape(objective.classes, -1)
    dW, db = rows[:, :-1], rows[:, -1]
    if objective.n_x >= LONG_ROW:  # not copied for it
        size = math.sqrt(sum(inner(row, row) for row in dW))
    else:
        size = norm(dW.reshape(-1))
    slope = size + objective.reach * norm(db)
    return slope * slope / (2.0 * objective.decay)


def by_hessian(objective: SoftmaxObjective, evaluation: Evaluation, H: Vector) -> float:
    """Return a proved bound on J - J*, lambda > 0, from the Hessian at the same point."""
    dW, db = objective.split(evaluation.gradient)
    width = objective.n_x + 1
    u = solved(H[width - 1 :: width, width - 1 :: width], db)
    if u is None:
        return np.inf
    change = H[:, width - 1 :: width] @ u
    rest = (dW - objective.split(change)[0]).reshape(-1)
    return _bound(objective, evaluation.J, rest, db, u)


def solved(curvature: Vector, db: Vector) -> Vector | None:
    """Return u with curvature u = db, centred; None where the curvature has vanished."""
    if not db.any():
        return np.zeros(db.size)
    try:
        u = np.linalg.solve(with_gauge(curvature), db)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(u - u.mean()) if np.isfinite(u).all() else None


def with_gauge(curvature: Vector) -> Vector:
    """Return a matrix (K, K) with the projector onto (1, ..., 1) added, of its own size.

    What the classes have in common changes no z: there the Hessian is 0.
    """
    size = float(np.mean(np.diag(curvature)))
    return curvature + (size if size > 0.0 else 1.0) / len(curvature)


def _bound(objective: SoftmaxObjective, J: float, rest: Vector, db: Vector, u: Vector) -> float:
    spread = float(u.max() - u.min())
    found = certificate.bound_for_classes(inner(rest, rest), inner(db, u), spread, objective.decay)
    return certificate.ROUNDING * J + found


def certify(
    objective: SoftmaxObjective, theta: Vector, evaluation: Evaluation, z: Any = None
) -> float:
    """Return a proved bound on J - J* at theta, lambda > 0.

    One read of X, for H_Wb u; one more for z where it is not given; none where b is the best
    already, or there is none. Far from the best b it is proved there, which takes two.
    """
    return by_itself(objective, proof(objective, theta, evaluation, z))


def proof(
    objective: SoftmaxObjective, theta: Vector, evaluation: Evaluation, z: Any = None
) -> Wanting[float]:
    """Want what `certify` reads, and return what it does."""
    dW, db = objective.split(evaluation.gradient)
    if not db.any():
        return _bound(objective, evaluation.J, dW.reshape(-1), db, db)
    z = objective.scores_at(theta) if z is None else z
    u = solved(objective.bias_moments(z).curvature, db)
    rise = 0.0
    if u is None or not u.max() - u.min() < SMALL_SPREAD:
        W, b = objective.split(theta)
        shift = best_shift(objective, z)
        z = z + shift[:, None]
        found: Evaluation = yield EvaluationAt(objective.joined(W, b + shift))
        rise = max(0.0, evaluation.J - found.J) + certificate.ROUNDING * evaluation.J
        evaluation = found
        dW, db = objective.split(evaluation.gradient)
        u = solved(objective.bias_moments(z).curvature, db)
        if u is None:
            return np.inf
    product: Vector = yield BiasProduct(z, u)
    change, _ = objective.split(product)
    return rise + _bound(objective, evaluation.J, (dW - change).reshape(-1), db, u)


def best_shift(objective: SoftmaxObjective, z: Any) -> Vector:
    """Find the changes of b (K,), centred, at which J is least, from z: no read of X.

    Newton's method with halved steps. Where its step is a long one, far away, each b_k takes the
    logarithm of its class's share over the mean of a_k: that never raises J (Darroch & Ratcliff,
    Generalized iterative scaling for log-linear models, 1972).
    """
    t, share = np.zeros(objective.classes), objective.class_shares()
    at = objective.bias_moments(z, t)
    for _ in range(200):
        u = solved(at.curvature, at.db)
        if u is None or not u.max() - u.min() < LONG_SPREAD:
            u = np.log(np.maximum(at.db + share, 1e-300) / np.maximum(share, 1e-300))
            u = np.minimum(u - u.mean(), LONGEST)
        fall, rounding = inner(at.db, u), 1e-14 * abs(at.loss)
        for _ in range(40):
            found = objective.bias_moments(z, t - u)
            if found.loss <= at.loss - 1e-4 * fall or not fall > rounding:
                break
            u, fall = 0.5 * u, 0.5 * fall
        if not norm(found.db) < norm(at.db) and not found.loss < at.loss:
            break
        t, at = t - u, found
    return np.asarray(t - t.mean())


def largest_leverage(objective: SoftmaxObjective, inverse: Vector) -> float:
    """Return the largest v H^+ v, v = (e_k - e_l) (x) x over examples and pairs of classes."""
    found, K, width = 0.0, objective.classes, objective.n_x + 1
    parts = np.ascontiguousarray(inverse.reshape(-1, K, width).transpose(1, 2, 0))
    with np.errstate(over="ignore", invalid="ignore"):
        for _, _, x in objective.design.float_blocks():
            for first in range(0, len(x), 64):
                some = x[first : first + 64]
                y = np.array([some @ part[:-1] + part[-1] * objective.intercept for part in parts])
                for k in range(1, K):
                    away = y[:k] - y[k]
                    found = max(found, float(np.einsum("kij,kij->ki", away, away).max()))
    return found
