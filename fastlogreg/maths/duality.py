"""The dual problem: a bound on J - J* that holds for every convex penalty.

    L(a, y) = max over 0 <= q <= 1 of (q - y) z + H(q)      H(q) = -(q log q + (1 - q) log(1 - q))

So for any q that adds up to the labels, sum v (q - y) = 0, which an unpenalised b asks for,

    J* >= sum v [H(q) + (q - y) o] - P*(G)     G = sum v (q - y) x     o: the offset, part of z

P* is `conjugate` of the penalty. At a point with a = sigmoid(z) the errors e = |a - y| give such a
q: those of one label times kappa. With A = sum of v e over y = 0, and B over y = 1,

    kappa_0 = t min(1, B / A)      kappa_1 = t min(1, A / B)      t <= 1 makes P* finite

G follows from the sums of v (a - y) x over either label, which one read of X gives. Without b both
are t. Pushed to the labels, q stays a probability: so the bound holds at every point, and needs no
radius, no modulus and no second derivative.

With features that no penalty and no bound holds, G must be 0 there. Newton's step u along them and
b makes it so, to first order and exactly: q = a - a (1 - a) x.u has G less H u. It is a probability
where every |x.u| <= 1.

Several classes: q = a - (diag(a) - a a.T) u adds up to 1 for any u (K,) of an example, and is a
probability where max u - min u <= 1. With one u for all examples, u = H_bb^+ db, it adds up to the
labels in every class; with u = v.x for Newton's step v along the free weights and every b, G is 0
there too.

Twin of the sums: `fastlogreg.kernels.loss.entropy`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import logistic, softmax
from .arrays import Labels, Vector
from .softmax import ClassLabels

BLOCK = 1 << 14  # examples at a time
TINY = 1e-300


class Shares(NamedTuple):
    """Hold kappa of the examples of either label."""

    zeros: float
    ones: float


def shares(A: float, B: float, intercept: bool) -> Shares:
    """Return the largest shares of the errors that add up to 0; A, B: the sums of v e."""
    if not intercept:
        return Shares(1.0, 1.0)
    if not (A > 0.0 and B > 0.0):
        return Shares(0.0, 0.0)
    return Shares(min(1.0, B / A), min(1.0, A / B))


def entropy(z: Vector, y: Labels, weight: Vector, offset: Vector, kappa: Shares) -> float:
    """Sum weight * [H(q) + (q - y) o] over the examples; weight and offset (m,) or none."""
    total = 0.0
    for lo in range(0, z.size, BLOCK):
        part = slice(lo, lo + BLOCK)
        sign = 1.0 - 2.0 * y[part].astype(np.float64)
        t = sign * z[part]
        share = np.where(y[part] == 1, kappa.ones, kappa.zeros)
        error = share * logistic.sigmoid(t)
        found = entropy_of_errors(error)
        if offset.size:
            found += sign * error * offset[part]
        total += float(np.sum(weight[part] * found)) if weight.size else float(np.sum(found))
    return total


def entropy_of_errors(error: Vector) -> Vector:
    """Return H(q), elementwise, where |q - y| is the error."""
    rest = np.maximum(1.0 - error, TINY)
    return -error * np.log(np.maximum(error, TINY)) + rest * np.log1p(error / rest)


def entropy_along(
    z: Vector, y: Labels, weight: Vector, offset: Vector, moves: Vector, t: float
) -> float:
    """Sum weight * [H(q) + (q - y) o] with q = y + t (a - a (1 - a) moves - y); |moves| <= 1."""
    total = 0.0
    for lo in range(0, z.size, BLOCK):
        part = slice(lo, lo + BLOCK)
        sign = 1.0 - 2.0 * y[part].astype(np.float64)
        error = logistic.sigmoid(sign * z[part])
        own = 1.0 - error
        error = t * np.clip(error - sign * error * own * moves[part], 0.0, 1.0)
        found = entropy_of_errors(error)
        if offset.size:
            found += sign * error * offset[part]
        total += float(np.sum(weight[part] * found)) if weight.size else float(np.sum(found))
    return total


def entropy_of_classes(
    z: Vector, labels: ClassLabels, weight: Vector, moves: Vector, t: float
) -> float:
    """Sum weight * H(q) with q = y + t (a - (diag(a) - a a.T) u - y) over z (K, m).

    moves: u, (K,) for all examples or (K, m).
    """
    K, m = z.shape
    total = 0.0
    for lo in range(0, m, BLOCK):
        part = slice(lo, min(lo + BLOCK, m))
        a = softmax.softmax(z[:, part])
        if moves.ndim == 1:
            q = a * (1.0 - moves[:, None] + moves @ a)
        else:
            own = moves[:, part]
            q = a * (1.0 - own + np.einsum("ki,ki->i", own, a))
        y = labels[part] == np.arange(K)[:, None]
        q = np.clip(y + t * (q - y), 0.0, 1.0)
        H = -(q * np.log(np.maximum(q, TINY))).sum(axis=0)
        total += float(weight[part] @ H) if weight.size else float(H.sum())
    return total
