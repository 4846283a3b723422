"""Newton's method compiled whole, for small X of few features, where Python would take most of the
time.

    theta -> J, g, H in one read of X -> d = -H^-1 g -> theta + d,
    where J has not risen and the slope has fallen to half

Only plain steps are made here: whole ones, with a positive definite H and lambda > 0. Whatever else
comes is left to `solvers.newton`, which evaluates by the same kernel: a step too long, a singular
H, a slope that is rounding, a J that is not finite.

Layout: as `second_order.few_features`; a point is [w, b] in `width` numbers, as scale and shift
are. Loop order: iterations, then chunks in order. Rounding: FAST here, the loss EXACT on its own.
Twin: `fastlogreg.solvers.newton`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...maths.certificate import ROUNDING
from ...maths.certificate import bound_by_hessian as _bound_by_hessian
from ..bundles import Path, Problem, Stopping
from ..decorators import by_name, exact, kernel
from ..layout import HEAD, LANES
from ..partials import add_partials
from ..second_order.cholesky import descend_by_cholesky
from ..second_order.few_features import GROUP_EXAMPLES, hessian_chunk

bound_by_hessian = exact(_bound_by_hessian)


@by_name(kernel)
def evaluate(
    feature_major: Any, problem: Problem, theta: Any, z: Any, gradient: Any, H: Any
) -> Any:
    """Return J and its curvature along b at theta (width,), serially.

    z (m,), gradient (n_x + 1,) and H (n_x + 1, n_x + 1) are filled.
    """
    examples, scaling, (total, decay, intercept), chunk, partials = problem
    m, n_x, width = examples.y.size, examples.n_x, theta.size
    sums = np.empty(partials.shape[1])
    scratch = np.zeros(GROUP_EXAMPLES * width + LANES)
    for c in range(partials.shape[0]):
        span = c * chunk, min(m, (c + 1) * chunk)
        hessian_chunk(feature_major, examples, scaling, theta, span, z, scratch, partials[c])
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
def newton_steps(feature_major: Any, problem: Problem, stopping: Stopping, path: Path) -> Any:
    """Make up to len(path.thetas) - 1 iterations from point 0, which is given but for its z.

    Returns how many were made, and how many times X was read.
    """
    tol, least = stopping
    thetas, numbers, zs, gradients, H = path
    n_x, decay = problem.examples.n_x, problem.regularized.decay
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
        found, curvature = evaluate(feature_major, problem, trial, zs[other], end, H[other])
        for j in range(n_x + 1):
            after += end[j] * d[j]
        if not J + 1e-14 * abs(J) >= found or not abs(after) <= 0.5 * abs(before):
            return k, k + 1
        db, squares = end[n_x], 0.0
        t = db / curvature if curvature > 0.0 else 0.0
        for j in range(n_x):
            rest = end[j] - t * H[other][n_x, j]
            squares += rest * rest
        bound = bound_by_hessian(squares, db, curvature, decay) + ROUNDING * found
        numbers[k + 1, 0], numbers[k + 1, 1], numbers[k + 1, 2] = found, curvature, bound
        if bound <= tol:
            return k + 1, k + 1
    return thetas.shape[0] - 1, thetas.shape[0] - 1
