"""Proofs where some features have neither penalty nor bound: G of the dual point must be 0 there.

Newton's step u along these features and b makes it so: see `maths.duality`. A read is for the
Hessian, two are for the changes of z along u and for H u.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..maths import certificate
from ..maths.arrays import Vector
from .columns import Column
from .point import Point

if TYPE_CHECKING:
    from .penalised import PenalisedColumns

FLAT = 1e-12  # of the largest curvature, every feature in units of its own: below it u stays 0
# Of a slope that u leaves: of the slopes before, or of the rounding of a sum. More is no proof.
LEFT, ROUNDING = 1e-6, 1e-13


def proof(
    shared: PenalisedColumns, column: Column, point: Point, free: NDArray[np.bool_]
) -> tuple[float, float, Vector]:
    """Return the bound twice and G (n_x,), or infinities where the step is too long for a proof."""
    penalty: Any = column.penalty
    features = np.flatnonzero(free)
    by_group = shared.working_hessians(column, point, features)
    H = shared.working_hessian(column, by_group, features)
    slopes = point.z.slopes
    wanted = np.append(slopes[:-1][features], slopes[-1])
    if not shared.intercept:
        H[-1], H[:, -1], H[-1, -1] = 0.0, 0.0, 1.0
    nothing = np.inf, np.inf, slopes[:-1]
    try:
        u_free = np.linalg.solve(H, wanted)
    except np.linalg.LinAlgError:
        return nothing
    u = np.zeros(shared.n_x + 1)
    u[features], u[-1] = u_free[:-1], u_free[-1]
    moved = shared.moved(column, point, u)
    if moved is None:
        return nothing
    moves, product, along_b = moved
    G = slopes[:-1] - column.unfold(product, along_b) / column.total
    G[features] = 0.0
    scale = penalty.largest_scale(G)
    total = shared.entropy_along(column, point, moves, scale)
    value = total / column.total - float(penalty.conjugate(scale * G))
    J = point.evaluation.J
    bound = max(J - value, 0.0) + certificate.ROUNDING * J
    return bound, bound, scale * G


def newton_step(H: Vector, slopes: Vector) -> Vector | None:
    """Return u with H u = slopes (n,), 0 along what does not bend J; None where that is not enough.

    What several classes have in common, of a feature that is free in all of them, bends nothing.
    """
    size = np.sqrt(np.diag(H))
    size[size == 0.0] = 1.0
    scaled = H / np.outer(size, size)
    if not np.isfinite(scaled).all():
        return None
    values, vectors = np.linalg.eigh(scaled)
    bent = values > FLAT * values[-1]
    own = vectors[:, bent]
    u = own @ ((own.T @ (slopes / size)) / values[bent])
    left, before = np.abs(slopes / size - scaled @ u), np.abs(slopes / size)
    return u / size if (left <= LEFT * before.max(initial=0.0) + ROUNDING).all() else None
