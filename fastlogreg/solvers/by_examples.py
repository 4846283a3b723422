"""Newton's step for wide X (m < n_x, lambda > 0), in the m-by-m domain of K = X.T X.

The step from (w, b) to (w', b') lies in the span of the examples: with decay = lambda / S, c =
-decay c' where w' = X c', and q the change of z, the equations of the step are

    (K + lambda diag(1/s)) p - decay r 1 = -G        sum(p) = -g_b        G = X.T g_w = K dz / S +
                                                     decay (z - b)
    w' = -X (p + dz / S) / decay                     b' = b + r           p = s q / S

(s: a (1 - a) of each example, weighted, as dz is; r: the change of b). K is formed once, and an
iteration reads X twice: for w' and at the new point. In B = lambda I + s^1/2 K s^1/2 an s of 0 does
no harm, and B has a Cholesky factor always.
"""

from __future__ import annotations

import numpy as np

from ..maths.arrays import Vector, flat
from ..objective.objective import Objective
from ..objective.point import Point
from .linear import with_ridge


def newton_step(objective: Objective, start: Point, K: Vector) -> Vector:
    """Compute the whole step d (n_x + 1,), by the equations above: one read of X."""
    _, dz, s = objective.backend.terms(start.z, objective.y, objective.weight)
    b, decay, total = float(start.theta[-1]), objective.decay, objective.total
    root = np.sqrt(s)
    B = root[:, None] * K
    B *= root
    flat(B)[:: objective.m + 1] += objective.lambda_
    G = K @ dz / total + decay * (start.z - b)
    right = np.column_stack([-root * G, root])
    try:
        solved = np.linalg.solve(B, right)
    except np.linalg.LinAlgError:  # lambda is lost beside K
        solved = with_ridge(B, lambda B: np.linalg.solve(B, right))
    v, u = (root * solved.T).reshape(2, -1)
    r, share = 0.0, decay * float(u.sum())
    if objective.intercept and share != 0.0:
        r = -(float(start.evaluation.gradient[-1]) + float(v.sum())) / share
    w = objective.combine(-(v + decay * r * u + dz / total) / decay)
    return np.append(w, b + r) - start.theta
