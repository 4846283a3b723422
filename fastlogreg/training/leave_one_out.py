"""Approximate leave-one-out of a penalised fit, from one Hessian at the optimum.

    z_-i = z_i + s_i (p_i - y_i) t_i / (1 - s_i w_i t_i)      t_i = x1_i' H^-1 x1_i, w = p (1 - p)

H is the sum of s w x1 x1' and the penalty's. This is a Newton step from the optimum without
example i. K. R. Rad and A. Maleki, "A scalable estimate of the out-of-sample prediction error via
approximate leave-one-out cross-validation", 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..backends.group_hessians import leverages_of_columns
from ..maths.arrays import Vector
from ..maths.logistic import LOGISTIC
from ..maths.penalties import L2
from ..objective.columns import Column, SharedColumns
from ..solvers.linear import with_ridge
from .follow import Fit, Pattern

HESSIANS_BYTES, HESSIANS_SHARE = 1 << 22, 0.04  # of the Hessians of several lambdas side by side


class LeftOut(NamedTuple):
    """Hold what leaving one out says of each lambda: the mean loss (L,), and its standard error."""

    loss: Vector
    error: Vector


def leave_one_out(
    shared: SharedColumns, pattern: Pattern, lambdas: Vector, fits: Sequence[Fit]
) -> LeftOut:
    """Return the mean loss of the examples, each left out once, for each lambda.

    The mean is weighted by the examples' own weights, without those of the classes. It takes two
    reads of X, one for the Hessians and one for the leverages; more where Hessians of all lambdas
    at once would take too much memory.
    """
    found = np.zeros((3, len(lambdas)))
    for lo, hi, first, z in _each_block(shared, pattern, lambdas, fits):
        y = (shared.labels[lo:hi] == 1).astype(np.uint8)
        own = shared.weight[lo:hi] if shared.weight.size else np.ones(hi - lo)
        for k, of_one in enumerate(z, first):
            losses = LOGISTIC.value(of_one, y)
            found[:, k] += own.sum(), own @ losses, own @ (losses * losses)
    total, sums, squares = found
    mean = sums / total
    spread = np.sqrt(np.maximum(squares / total - mean * mean, 0.0))
    counted = shared.m if not shared.weight.size else int((shared.weight > 0.0).sum())
    return LeftOut(mean, spread / np.sqrt(max(1, counted - 1)))


def scores_without_each(
    shared: SharedColumns, pattern: Pattern, lambda_: float, fit: Fit
) -> Vector:
    """Return z_-i (m,) of every example, in two reads of X."""
    z = np.empty(shared.m)
    for lo, hi, _, found in _each_block(shared, pattern, np.array([lambda_]), [fit]):
        z[lo:hi] = found[0]
    return z


def _each_block(
    shared: SharedColumns, pattern: Pattern, lambdas: Vector, fits: Sequence[Fit]
) -> Iterator[tuple[int, int, int, Vector]]:
    """Yield (first example, one past the last, first lambda, z_-i (lambdas, examples))."""
    size = 8 * (shared.n_x + 1) ** 2
    room = max(HESSIANS_BYTES, HESSIANS_SHARE * shared.design.nbytes)
    at_once = max(1, int(room // size))
    for first in range(0, len(lambdas), at_once):
        part = slice(first, first + at_once)
        columns = [_column(pattern, float(lambda_)) for lambda_ in lambdas[part]]
        thetas = [_theta(column, fit) for column, fit in zip(columns, fits[part])]
        hessians = shared.evaluate_with_hessians(columns, thetas)
        inverses = [_root(shared, column, H) for column, (_, H) in zip(columns, hessians)]
        shared.begin_pass()
        weights = [(fit.w, fit.b) for fit in fits[part]]
        for lo, hi, z, t in leverages_of_columns(shared.design, weights, inverses):
            yield lo, hi, first, _without(shared, pattern, (lo, hi), z, t)


def _without(
    shared: SharedColumns, pattern: Pattern, rows: tuple[int, int], z: Vector, t: Vector
) -> Vector:
    """Return z_-i of a block, from z and t (lambdas, examples)."""
    lo, hi = rows
    s = np.full(hi - lo, pattern.train[0])
    if shared.group.size:
        s = pattern.train[shared.group[lo:hi]]
    if shared.weight.size:
        s = s * shared.weight[lo:hi]
    y = (shared.labels[lo:hi] == 1).astype(np.uint8)
    _, dz, slopes = LOGISTIC.terms(z, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved: Vector = z + s * dz * t / np.maximum(1.0 - s * slopes * t, 1e-12)
    return moved


def _column(pattern: Pattern, lambda_: float) -> Column:
    p = pattern
    penalty = L2(lambda_, p.total)
    return Column(1, p.train, p.held, p.total, p.held_total, penalty, p.scale, p.shift)


def _theta(column: Column, fit: Fit) -> Vector:
    """Return the fit, which is for the design, as theta for X as the column sees it."""
    if not column.scale.size:
        return np.append(fit.w, fit.b)
    w = fit.w / column.scale
    return np.append(w, fit.b - float(np.einsum("j,j->", column.shift, w)))


def _root(shared: SharedColumns, column: Column, H: Vector) -> Vector:
    """Return R with ||R x1||^2 = x1' (S H)^-1 x1, x1 of the design."""

    def inverted(H: Vector) -> Vector:
        return np.asarray(np.linalg.inv(np.linalg.cholesky(H)))

    R = with_ridge(column.total * H, inverted)
    if not shared.intercept:
        R[:, -1] = 0.0
    if column.scale.size:  # x1 as the column sees it is made from that of the design
        R[:, -1] += R[:, :-1] @ column.shift
        R[:, :-1] *= column.scale
    return R
