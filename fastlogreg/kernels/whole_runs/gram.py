"""Gradient descent for wide X (m < n_x) on the m-by-m Gram matrix: the same iterates, at m^2 an
iteration for m n_x.

Every dw is a combination of the examples, so w = rho w0 + X c at all times, and with K = X.T X

    z = rho z0 + K c + b        c := (1 - alpha lambda / m) c - (alpha / m) dz        rho := (1 -
                                alpha lambda / m) rho
    ||w||^2 = rho^2 ||w0||^2 + 2 rho c.z0 + c.(K c)        with z0 = X.T w0

Nothing is factored, so that duplicated examples and a singular K do no harm.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..decorators import kernel
from ..dense.blocks import axpys, dots
from ..lanes import LANES, fma, load, splat, store, sums
from ..loss import link
from ..partials import copy


@kernel
def add_symmetric_product(K: Any, m: int, c: Any, out: Any) -> None:
    """out += K c for a symmetric K (m, m), flat; only what is left of the diagonal's blocks of
    eight is read: half the traffic of the second-level cache, 2.8 for 4.8 microseconds at m = 209.
    c, out: rounded up to eights, c with zeros."""
    whole = m - m % LANES
    one, zero = splat(1.0), splat(0.0)
    for i in range(0, whole, LANES):
        k0, k1, k2, k3 = i * m, (i + 1) * m, (i + 2) * m, (i + 3) * m
        k4, k5, k6, k7 = (i + 4) * m, (i + 5) * m, (i + 6) * m, (i + 7) * m
        v0, v1, v2, v3 = splat(c[i]), splat(c[i + 1]), splat(c[i + 2]), splat(c[i + 3])
        v4, v5, v6, v7 = splat(c[i + 4]), splat(c[i + 5]), splat(c[i + 6]), splat(c[i + 7])
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
        for j in range(0, i, LANES):
            cj, low, high = load(c, j), load(out, j), zero
            x0, x1, x2, x3 = load(K, k0 + j), load(K, k1 + j), load(K, k2 + j), load(K, k3 + j)
            x4, x5, x6, x7 = load(K, k4 + j), load(K, k5 + j), load(K, k6 + j), load(K, k7 + j)
            s0, s1, s2, s3 = fma(x0, cj, s0), fma(x1, cj, s1), fma(x2, cj, s2), fma(x3, cj, s3)
            s4, s5, s6, s7 = fma(x4, cj, s4), fma(x5, cj, s5), fma(x6, cj, s6), fma(x7, cj, s7)
            low = fma(x3, v3, fma(x2, v2, fma(x1, v1, fma(x0, v0, low))))
            high = fma(x7, v7, fma(x6, v6, fma(x5, v5, fma(x4, v4, high))))
            store(out, j, fma(high, one, low))
        ci = load(c, i)
        s0, s1 = fma(load(K, k0 + i), ci, s0), fma(load(K, k1 + i), ci, s1)
        s2, s3 = fma(load(K, k2 + i), ci, s2), fma(load(K, k3 + i), ci, s3)
        s4, s5 = fma(load(K, k4 + i), ci, s4), fma(load(K, k5 + i), ci, s5)
        s6, s7 = fma(load(K, k6 + i), ci, s6), fma(load(K, k7 + i), ci, s7)
        store(out, i, fma(sums(s0, s1, s2, s3, s4, s5, s6, s7), one, load(out, i)))
    if whole < m:
        axpys(K, whole * m, m, m - whole, whole, c[whole:], out, 0)
        dots(K, whole * m, m, m - whole, m, c, out[whole:], 0)


@kernel
def descend_gram(
    K: Any,
    y: Any,
    z0: Any,
    w0_squared: float,
    decay: float,
    alpha: float,
    limit: float,
    point: Any,
    best: Any,
    costs: Any,
) -> int:
    """Up to costs.size iterations; the iterations made, fewer where J is not below limit.

    K: (m, m) flat; point and best: [c (m), rho, b, J], best holding the point of least J seen;
    decay is lambda / m.
    """
    m, none = y.size, np.empty(0)
    padded = (m + 7) // 8 * 8
    Kc, z, dz, c = np.empty(padded), np.empty(m), np.empty(m), np.zeros(padded)
    copy(point[:m], c[:m])
    shrink = 1.0 - alpha * decay
    linear = m < 0  # False, see `dense.descend`
    for k in range(costs.size):
        rho, b = point[m], point[m + 1]
        Kc[:] = 0.0
        add_symmetric_product(K, m, c, Kc)
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
            c[i] = point[i] = shrink * c[i] - (alpha / m) * dz[i]
        point[m] = shrink * rho
        point[m + 1] = b - alpha * db / m
    return int(costs.size)
