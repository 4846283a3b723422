"""Feature-major X in strips of 64 examples: cost and gradient from one read.

Layout. A row of X is a feature, m numbers long. A strip is 64 numbers of each row, eight vectors.

                    examples  0 .......... 63 | 64 ........ 127 | ...
    feature 0                 [   strip 0    ] [   strip 1     ]
    feature 1                 [              ] [               ]
    ...
    acc, 8 numbers for each feature: sums over lanes come at the end of a chunk

Loop order: strips outside; all features for z, the losses, all features for dw.

    z, 64 numbers in registers, += w_j x_j        for each feature j; 32, twice, of AVX2
    loss, dz = a - y                              for the 64
    acc_j, eight numbers, += dz x_j               for each feature j

The second use comes from the cache: a strip of 500 features of float64 is 250 KiB. The last strip
of a chunk is the one that ends where it ends; what was counted before has weight 0. X must have 64
examples. A run of 64 numbers is too short for the CPU to look ahead in, so what lies 128 examples
ahead is asked for, 64 with AVX2, half by each phase.

Rounding: EXACT, since the loss is computed here. Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bundles import Examples, Places, Point
from ..decorators import exact, inner
from ..lanes import fma, line_elements, load, prefetch_into, splat, store, sums
from ..layout import LANES, STRIP
from ..loss import losses_and_dz
from ..rows import (
    add_row_axpys,
    add_row_dots,
    eight_rows,
    fitting_rows,
    for_each,
    load_rows,
    store_rows,
)
from .groups import add_sums, not_counted


@inner(exact)
def strip_chunk(
    near: Any,
    examples: Examples,
    point: Point,
    span: tuple[int, int],
    places: Places,
    row: Any,
) -> None:
    """Add the examples of a span to row = [J, db, sum of da/dz, five unused, dw].

    near: True to ask for lines in the first-level cache, else None.
    """
    x, n_x, y, weight, linear = examples
    lo, hi = span
    w, zs = point.w, places.zs
    dw, line, m = row[LANES:], line_elements(x), y.size
    lanes, acc = np.empty(STRIP), np.zeros((n_x + 7) // 8 * 8 * LANES)
    one, zero, half, bias = splat(1.0), splat(0.0), splat(0.5), splat(point.b)
    J = db = curvature = zero
    eights, fitting = eight_rows(0, LANES), fitting_rows(0, LANES)
    many = LANES * len(fitting)
    ahead = 2 * many
    for i in range(lo, hi, STRIP):
        at = min(i, hi - STRIP)
        for r in range(0, STRIP, many):
            z = for_each(bias, fitting)
            k, asked = at + r, at + ahead + r // 2
            for j in range(n_x):
                for p in range(asked, asked + many // 2, line):
                    prefetch_into(x, p, near)
                z = add_row_dots(x, fitting, k, splat(w[j]), z)
                k, asked = k + m, asked + m
            store_rows(lanes, fitting, r, z)
        if zs.size:
            for r in range(i - at, STRIP):
                zs[at + r] = lanes[r]
        for r in range(0, STRIP, 2 * LANES):
            z0, z1, u0, u1 = load(lanes, r), load(lanes, r + LANES), one, one
            if at < i:
                u0, u1 = not_counted(i - at - r), not_counted(i - at - r - LANES)
            if weight.size:
                u0 = fma(load(weight, at + r), u0, zero)
                u1 = fma(load(weight, at + r + LANES), u1, zero)
            if linear:
                dz0, dz1 = fma(u0, z0, zero), fma(u1, z1, zero)
                J = fma(fma(dz1, half, zero), z1, fma(fma(dz0, half, zero), z0, J))
            else:
                y0, y1 = load(y, at + r), load(y, at + r + LANES)
                loss0, dz0, slope0, loss1, dz1, slope1 = losses_and_dz(z0, y0, z1, y1)
                J, curvature = fma(u0, loss0, J), fma(u0, slope0, curvature)
                J, curvature = fma(u1, loss1, J), fma(u1, slope1, curvature)
                dz0, dz1 = fma(u0, dz0, zero), fma(u1, dz1, zero)
            db = fma(dz1, one, fma(dz0, one, db))
            store(lanes, r, dz0)
            store(lanes, r + LANES, dz1)
        dz = load_rows(lanes, eights, 0)
        k, asked = at, at + ahead + STRIP // 2
        for j in range(n_x):
            for p in range(asked, asked + STRIP // 2, line):
                prefetch_into(x, p, near)
            even = add_row_axpys(x, eights[::2], k, dz[::2], load(acc, LANES * j))
            odd = add_row_axpys(x, eights[1::2], k, dz[1::2], zero)
            store(acc, LANES * j, fma(odd, one, even))
            k, asked = k + m, asked + m
    for j in range(0, n_x, LANES):
        of_eight = load_rows(acc, eight_rows(LANES * j, LANES), 0)
        store(dw, j, fma(sums(of_eight), one, load(dw, j)))
    add_sums(J, db, curvature, lanes, row)
