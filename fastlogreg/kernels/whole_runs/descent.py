"""Gradient descent compiled whole, for small X: no return to Python between iterations.

Layout: as `dense.chunks`; a point is [w (n_x), b, J, largest gradient component, measure]. Loop
order: iterations outside, then the chunks, one after the other; their rows are added in order, so
the bits are those of a pass on any number of threads. Rounding: FAST here, the kernels of `dense`
as they are. Twin: `fastlogreg.solvers.gd`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...maths.certificate import suboptimality_bound as _suboptimality_bound
from ..bundles import Descent, Examples, Places, Point, Scaling, Way, Work
from ..decorators import exact, inner, kernel
from ..dense.chunks import add_chunk, split_point
from ..layout import HEAD
from ..partials import add_partials

suboptimality_bound = inner(exact)(_suboptimality_bound)


@kernel
def descend(
    way: Way,
    examples: Examples,
    scaling: Scaling,
    gap: int,
    work: Work,
    rules: Descent,
    point: Any,
    best: Any,
    costs: Any,
) -> int:
    """Make up to costs.size iterations of gradient descent, serially.

    best holds the point of least J seen. gap: how far the last n_x % 8 features are moved (see
    `dense.groups`). Where a rule stops it, fewer iterations are made; their number is returned, and
    point holds what was found. examples: without weights.
    """
    scale, shift = scaling
    chunk, block, partials, _ = work
    decay, radius, alpha, tol, limit = rules
    m, n_x = examples.y.size, scale.size
    padded, total = np.empty((n_x + 7) // 8 * 8), np.empty(partials.shape[1])
    padded[:] = 0.0
    scratch = (block + 7) // 8 * 8
    places = Places(block, np.empty(scratch), np.empty(scratch), np.empty(0))
    dw, w = np.empty(n_x), point[:n_x]
    moved = n_x - n_x % 8
    for k in range(costs.size):
        b = point[n_x]
        squares = 0.0
        for j in range(n_x):
            padded[j if j < moved else j + gap] = scale[j] * w[j]
            b += shift[j] * w[j]
            squares += w[j] * w[j]
        split_point(way.digits, padded, n_x)
        for c in range(partials.shape[0]):
            lo = c * chunk
            hi = min(m, lo + chunk)
            partials[c, :] = 0.0
            add_chunk(way, (examples, Point(padded, b), (lo, hi), places), partials[c])
        add_partials(partials, total)
        J = total[0] / m + 0.5 * decay * squares
        db = total[1] / m
        largest, squares = abs(db), 0.0
        for j in range(n_x):
            place = HEAD + (j if j < moved else j + gap)
            dw[j] = scale[j] * (total[place] / m) + shift[j] * db + decay * w[j]
            largest = max(largest, abs(dw[j]))
            squares += dw[j] * dw[j]
        measure = largest
        if decay > 0.0:
            measure = suboptimality_bound(math.sqrt(squares), abs(db), total[2] / m, radius, decay)
        point[n_x + 1], point[n_x + 2], point[n_x + 3] = J, largest, measure
        if best[n_x + 1] > J:
            for j in range(n_x + 4):
                best[j] = point[j]
        if measure <= tol or not limit > J:
            return k
        costs[k] = J
        for j in range(n_x):
            w[j] -= alpha * dw[j]
        point[n_x] -= alpha * db
    return costs.size
