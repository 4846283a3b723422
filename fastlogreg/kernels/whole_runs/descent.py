"""Gradient descent compiled whole, for small X: no return to Python between iterations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...maths.certificate import suboptimality_bound as _suboptimality_bound
from ..decorators import exact, kernel
from ..dense.chunks import one_chunk, split_point
from ..partials import HEAD, add_partials, copy

suboptimality_bound = exact(_suboptimality_bound)


@kernel
def descend(
    x: Any,
    way: Any,
    y: Any,
    scale: Any,
    shift: Any,
    gap: int,
    chunk: int,
    block: int,
    partials: Any,
    decay: float,
    radius: float,
    alpha: float,
    tol: float,
    limit: float,
    point: Any,
    best: Any,
    costs: Any,
) -> int:
    """Up to costs.size iterations of gradient descent, serially over the same chunks, without a
    return to Python.

    point and best: [w (n_x), b, J, largest gradient component, measure], best holding the point of
    least J seen. decay is lambda / m, radius the largest ||x||, gap how far the last n_x % 8
    features are moved (`examples`). The measure is `Objective.measure`: where it is at most tol, or
    J is not below limit, fewer than costs.size iterations are made (their number is returned) and
    point holds what was found.
    """
    m, n_x, none = y.size, scale.size, np.empty(0)
    padded, total = np.zeros((n_x + 7) // 8 * 8), np.empty(partials.shape[1])
    scratch = (block + 7) // 8 * 8
    z, dz, dw = np.empty(scratch), np.empty(scratch), np.empty(n_x)
    w = point[:n_x]
    moved = n_x - n_x % 8
    linear = m < 0  # False, but no literal: with one, Numba would compile one_chunk a second time
    for k in range(costs.size):
        b = point[n_x]
        squares = 0.0
        for j in range(n_x):
            padded[j if j < moved else j + gap] = scale[j] * w[j]
            b += shift[j] * w[j]
            squares += w[j] * w[j]
        split_point(way[5], padded, n_x)
        for c in range(partials.shape[0]):
            lo = c * chunk
            hi = min(m, lo + chunk)
            one_chunk(
                x, way, n_x, y, none, linear, padded, b, lo, hi, block, z, dz, none, partials[c]
            )
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
            copy(point, best)
        if measure <= tol or not limit > J:
            return k
        costs[k] = J
        for j in range(n_x):
            w[j] -= alpha * dw[j]
        point[n_x] -= alpha * db
    return int(costs.size)
