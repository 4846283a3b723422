"""Gradient descent for wide X (m < n_x) on the m-by-m Gram matrix: the same iterates, at m^2 an
iteration instead of m n_x.

Every dw is a combination of the examples, so w = rho w0 + X c at all times, and with K = X.T X

    z = rho z0 + K c + b        z0 = X.T w0
    c := (1 - alpha lambda / m) c - (alpha / m) dz
    rho := (1 - alpha lambda / m) rho
    ||w||^2 = rho^2 ||w0||^2 + 2 rho c.z0 + c.(K c)

Nothing is factored, so that duplicated examples and a singular K do no harm.

Layout: K (m, m), flat. Only what is left of the diagonal's blocks of eight is read, which halves
what the second-level cache has to give.

    rows 8 .. 15    | 0 .. 7 | diagonal block |              K[i, j] serves out[i] and out[j]
    rows 16 .. 23   | 0 .. 7 | 8 .. 15 | diagonal block |

Loop order: eight rows outside, their columns inside. Rounding: FAST; `link` is EXACT on its own.
Twin: `fastlogreg.solvers.gd` on X.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..decorators import inner, kernel
from ..lanes import fma, load, splat, store, sums
from ..layout import LANES
from ..loss import link
from ..partials import copy
from ..rows import (
    add_all,
    add_each,
    add_row_dots,
    add_row_dots_part,
    eight_rows_up_to,
    for_each,
    load_rows,
    splats,
)


@inner(kernel)
def add_symmetric_product(K: Any, m: int, c: Any, out: Any) -> None:
    """Add K c to out for a symmetric K; c, out: rounded up to eights, c with zeros.

    The last group of eight repeats the last row, times a zero of c.
    """
    part = m % LANES
    one, zero = splat(1.0), splat(0.0)
    for i in range(0, m, LANES):
        k = eight_rows_up_to(i * m, m, (m - 1) * m)
        v, s = splats(c, i, k), for_each(zero, k)
        for j in range(0, i, LANES):
            x = load_rows(K, k, j)
            s = add_each(x, load(c, j), s)
            low, high = add_all(x[:4], v[:4], load(out, j)), add_all(x[4:], v[4:], zero)
            store(out, j, fma(high, one, low))
        if i + part < m:
            s = add_row_dots(K, k, i, load(c, i), s)
        else:
            s = add_row_dots_part(K, k, i, part, load(c, i), s)
        store(out, i, fma(sums(s), one, load(out, i)))


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
    """Make up to costs.size iterations; return how many, fewer where J is not below limit.

    K: (m, m) flat; point and best: [c (m), rho, b, J], best holding the point of least J seen;
    decay is lambda / m.
    """
    m, none = y.size, np.empty(0)
    padded = (m + 7) // 8 * 8
    Kc, z, dz, c = np.empty(padded), np.empty(m), np.empty(m), np.zeros(padded)
    copy(point[:m], c[:m])
    shrink = 1.0 - alpha * decay
    linear = m < 0  # False, but no literal: with one, Numba would compile `link` a second time
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
