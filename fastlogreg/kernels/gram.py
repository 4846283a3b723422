"""Gradient descent for wide X (m < n_x) on the m-by-m Gram matrix: the same iterates, at m^2 an iteration for m n_x.

Every dw is a combination of the examples, so w = rho w0 + X c at all times, and with K = X.T X

    z = rho z0 + K c + b        c := (1 - alpha lambda / m) c - (alpha / m) dz        rho := (1 - alpha lambda / m) rho
    ||w||^2 = rho^2 ||w0||^2 + 2 rho c.z0 + c.(K c)        with z0 = X.T w0

Nothing is factored, so that duplicated examples and a singular K do no harm.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .dense import copy, dots
from .flags import kernel
from .link import link


@kernel
def descend_gram(
    K: Any, y: Any, z0: Any, w0_squared: float, decay: float, alpha: float, limit: float,
    point: Any, best: Any, costs: Any,
) -> int:  # fmt: skip
    """Up to costs.size iterations; the iterations made, fewer where J is not below limit.

    K: (m, m) flat; point and best: [c (m), rho, b, J], best holding the point of least J seen; decay is lambda / m.
    """
    m, none = y.size, np.empty(0)
    padded = (m + 7) // 8 * 8
    Kc, z, dz = np.empty(padded), np.empty(m), np.empty(m)
    c = point[:m]
    shrink = 1.0 - alpha * decay
    linear = m < 0  # False, see `dense.descend`
    for k in range(costs.size):
        rho, b = point[m], point[m + 1]
        Kc[:] = 0.0
        dots(K, 0, m, m, m, c, Kc, 0)
        squares = rho * rho * w0_squared
        for i in range(m):
            z[i] = Kc[i] + rho * z0[i] + b
            squares += c[i] * (Kc[i] + 2.0 * rho * z0[i])
        loss, db, _ = link(z, y, none, linear, dz)
        J = loss / m + 0.5 * decay * squares
        point[m + 2] = J
        if best[m + 2] > J:
            copy(point, best)
        if not limit > J:
            return k
        costs[k] = J
        for i in range(m):
            c[i] = shrink * c[i] - (alpha / m) * dz[i]
        point[m] = shrink * rho
        point[m + 1] = b - alpha * db / m
    return int(costs.size)
