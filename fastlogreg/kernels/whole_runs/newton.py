"""Newton's method on small X of few features, compiled whole: around kernels of 30 microseconds
Python's part takes 70.

    theta -> J, g, H in one read of X -> d = -H^-1 g -> theta + d, where J has not risen and the
    slope has fallen to half

Only plain steps are made here: whole ones, with a positive definite H and lambda > 0. Whatever else
comes (a step too long, a singular H, a slope that is rounding, a J that is not finite) is left to
`solvers.newton`, which evaluates by the same kernel. A point is [w, b] in `width` numbers, the
layout of `kernels.second_order.few_features`, as scale and shift are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..decorators import kernel
from ..lanes import LANES
from ..partials import HEAD, add_partials
from ..second_order.cholesky import descend_by_cholesky
from ..second_order.few_features import GROUP, hessian_chunk
from .descent import suboptimality_bound


@kernel
def evaluate(
    x: Any,
    feature_major: Any,
    n_x: int,
    y: Any,
    weight: Any,
    scale: Any,
    shift: Any,
    chunk: int,
    total: float,
    decay: float,
    intercept: bool,
    partials: Any,
    theta: Any,
    z: Any,
    gradient: Any,
    H: Any,
) -> Any:
    """J and its curvature along b at theta (width,); z (m,), gradient (n_x + 1,) and H (n_x + 1,
    n_x + 1) are filled. Serial.

    total: the sum of the weights, m where there are none; decay = lambda / total. partials: a row
    for each chunk."""
    m, width, sums = y.size, theta.size, np.empty(partials.shape[1])
    scratch = np.zeros(GROUP * width + LANES)
    for c in range(partials.shape[0]):
        lo = c * chunk
        hessian_chunk(
            x,
            feature_major,
            n_x,
            y,
            weight,
            scale,
            shift,
            theta,
            lo,
            min(m, lo + chunk),
            z,
            scratch,
            partials[c],
        )
    add_partials(partials, sums)
    squares = 0.0
    for i in range(n_x + 1):
        gradient[i] = sums[HEAD + i] / total
        row = sums[HEAD + width + i * width :]
        for j in range(i, n_x + 1):
            H[i, j] = H[j, i] = row[j] / total
    curvature = H[n_x, n_x]
    for j in range(n_x):
        squares += theta[j] * theta[j]
        gradient[j] += decay * theta[j]
        H[j, j] += decay
    if not intercept:
        gradient[n_x] = 0.0
        H[n_x], H[:, n_x] = 0.0, 0.0
        H[n_x, n_x] = 1.0
    return sums[0] / total + 0.5 * decay * squares, curvature


@kernel
def newton_steps(
    x: Any,
    feature_major: Any,
    n_x: int,
    y: Any,
    weight: Any,
    scale: Any,
    shift: Any,
    chunk: int,
    total: float,
    decay: float,
    intercept: bool,
    partials: Any,
    radius: float,
    tol: float,
    least: float,
    thetas: Any,
    numbers: Any,
    zs: Any,
    gradients: Any,
    H: Any,
) -> Any:
    """Up to thetas.shape[0] - 1 iterations from thetas[0]; how many were made, and how many times X
    was read.

    Of point k: thetas[k] (width,), numbers[k] = [J, curvature along b], gradients[k] (n_x + 1,),
    zs[k % 2] (m,) and H[k % 2]; of point 0 all are given, z apart. radius: the largest ||x||; tol:
    on `reference.suboptimality_bound`. least: as in `cholesky.descend_by_cholesky`.
    """
    d = np.empty(n_x + 1)
    for k in range(thetas.shape[0] - 1):
        J, start, end, trial = numbers[k, 0], gradients[k], gradients[k + 1], thetas[k + 1]
        if not descend_by_cholesky(H[k & 1], start, least, d):
            return k, k
        before = after = 0.0
        moved = False
        for j in range(n_x + 1):
            before += start[j] * d[j]
            trial[j] = thetas[k, j] + d[j]
            moved = moved or trial[j] != thetas[k, j]
        if not -before > 2.0**-52 * abs(J) or not moved:
            return k, k
        other = (k + 1) & 1
        found, curvature = evaluate(
            x,
            feature_major,
            n_x,
            y,
            weight,
            scale,
            shift,
            chunk,
            total,
            decay,
            intercept,
            partials,
            trial,
            zs[other],
            end,
            H[other],
        )
        squares = 0.0
        for j in range(n_x + 1):
            after += end[j] * d[j]
            squares += end[j] * end[j]
        if not J + 1e-14 * abs(J) >= found or not abs(after) <= 0.5 * abs(before):
            return k, k + 1
        numbers[k + 1, 0], numbers[k + 1, 1] = found, curvature
        db = abs(end[n_x])
        if (
            suboptimality_bound(
                math.sqrt(max(0.0, squares - db * db)), db, curvature, radius, decay
            )
            <= tol
        ):
            return k + 1, k + 1
    return thetas.shape[0] - 1, thetas.shape[0] - 1
