"""Example-major X, eight or sixteen examples at a time: cost and gradient from one read.

    z = w.T X + b -> loss, dz = a - y -> dw += X dz.T        for a few examples, then the next ones

Layout. A row of X is an example. Every vector is full: the last one of a row ends where the row
ends and overlaps the one before.

    row of n_x = 19    0 .. 7 | 8 .. 15 |
                                   11 .. 18        overlaps by 5 features

w and dw are laid out as eights, the last n_x % 8 features moved to the end. Feature j is at j + gap
for j >= n_x - n_x % 8, with gap = 8 * ceil(n_x / 8) - n_x. w holds zeros in the overlapping lanes;
those of dw collect what is thrown away.

    w of n_x = 19      0 .. 7 | 8 .. 15 | 0 0 0 0 0 16 17 18

The last examples of a chunk are those that end where it ends. They may reach into the chunk before;
what was counted before has weight 0. So X must have as many examples as are taken at a time.

Loop order: examples outside, features inside; all dots of a group, its losses, all its axpys. The
second use of a row comes from the first-level cache. No z of a block is in memory.

    sixteen_chunk  up to `kernels.layout.NARROW` features; of 9 to 16, w and dw stay in registers
    group_chunk    more: eight at a time, their dots by four where AVX2 widens numbers, since it
                   has registers for so many; or four at a time, of long rows of float64

From dots to axpys is one long chain, and the CPU looks ahead about as far as eight short examples.
So these are taken by sixteen, and of longer ones the next eight are asked for meanwhile.

Rounding: EXACT, since the loss is computed here. An example's dot is eight sums over lanes, then
`sums`; dw adds the even rows, the odd rows, then both.

Do not pass arrays to an inlined helper that branches: Numba then counts references for every
example. Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bundles import Examples, Places, Point
from ..decorators import exact, inlined, inner
from ..lanes import first, fma, line_elements, load, load_part, prefetch_into, splat, store, sums
from ..layout import LANES, LINE_BYTES
from ..loss import loss_and_dz, losses_and_dz
from ..rows import (
    add_row_axpys,
    add_row_dots,
    eight_rows,
    fitting_rows_of,
    for_each,
    load_rows,
    splats,
    store_rows,
)

# Bytes between what is read and what is asked for, of few features; half or twice as many is as
# good.
NEAR_BYTES = 16 << 10


@inlined
def add_sums(J: Any, db: Any, curvature: Any, lanes: Any, row: Any) -> None:
    """Add the sums over lanes to the head of a row of partials."""
    store(lanes, 0, sums((J, db, curvature)))
    row[0] += lanes[0]
    row[1] += lanes[1]
    row[2] += lanes[2]


@inlined
def not_counted(counted: int) -> Any:
    """Give 1 in all lanes but the first `counted`, which may be below 0 or above 8."""
    return fma(first(min(max(counted, 0), LANES)), splat(-1.0), splat(1.0))


@inner(exact)
def sixteen_chunk(
    short: Any,
    near: Any,
    examples: Examples,
    point: Point,
    span: tuple[int, int],
    places: Places,
    row: Any,
) -> None:
    """Add the examples of a span to row = [J, db, sum of da/dz, five unused, dw as above].

    short: True for 9 <= n_x <= 16, else None; n_x >= 8. near: True to ask for lines in the
    first-level cache, else None. places.z: scratch of 16.
    """
    x, n_x, y, weight, linear = examples
    lo, hi = span
    w, lanes, zs = point.w, places.z, places.zs
    dw, line, j = row[LANES:], line_elements(x), n_x - LANES
    one, zero, half, bias = splat(1.0), splat(0.0), splat(0.5), splat(point.b)
    J = db = curvature = even0 = even1 = odd0 = odd1 = w0 = w1 = zero
    if short is not None:
        w0, w1 = load(w, 0), load(w, LANES)
    for i in range(lo, hi, 2 * LANES):
        at = min(i, hi - 2 * LANES)
        # Half of what is asked for now, half before the axpys: all at once comes too thick.
        next_rows, of_eight = at * n_x + NEAR_BYTES // LINE_BYTES * line, LANES * n_x
        for p in range(next_rows, next_rows + of_eight, line):
            prefetch_into(x, p, near)
        for r in range(0, 2 * LANES, LANES):
            k = eight_rows((at + r) * n_x, n_x)
            s = for_each(zero, k)
            if short is not None:
                s = add_row_dots(x, k, j, w1, add_row_dots(x, k, 0, w0, s))
            else:
                for v in range(0, n_x, LANES):
                    s = add_row_dots(x, k, min(v, j), load(w, v), s)
            store(lanes, r, fma(sums(s), one, bias))
        z0, z1 = load(lanes, 0), load(lanes, LANES)
        if zs.size:
            for r in range(i - at, 2 * LANES):
                zs[at + r] = lanes[r]
        u0 = u1 = one
        if at < i:
            u0, u1 = not_counted(i - at), not_counted(i - at - LANES)
        if weight.size:
            u0, u1 = fma(load(weight, at), u0, zero), fma(load(weight, at + LANES), u1, zero)
        if linear:
            dz0, dz1 = fma(u0, z0, zero), fma(u1, z1, zero)
            J = fma(fma(dz1, half, zero), z1, fma(fma(dz0, half, zero), z0, J))
        else:
            y0, y1 = load(y, at), load(y, at + LANES)
            loss0, dz0, slope0, loss1, dz1, slope1 = losses_and_dz(z0, y0, z1, y1)
            J, curvature = fma(u0, loss0, J), fma(u0, slope0, curvature)
            J, curvature = fma(u1, loss1, J), fma(u1, slope1, curvature)
            dz0, dz1 = fma(u0, dz0, zero), fma(u1, dz1, zero)
        db = fma(dz1, one, fma(dz0, one, db))
        store(lanes, 0, dz0)
        store(lanes, LANES, dz1)
        for p in range(next_rows + of_eight, next_rows + 2 * of_eight, line):
            prefetch_into(x, p, near)
        for r in range(0, 2 * LANES, LANES):
            k = eight_rows((at + r) * n_x, n_x)
            d = splats(lanes, r, k)
            if short is not None:
                even0 = add_row_axpys(x, k[::2], 0, d[::2], even0)
                odd0 = add_row_axpys(x, k[1::2], 0, d[1::2], odd0)
                even1 = add_row_axpys(x, k[::2], j, d[::2], even1)
                odd1 = add_row_axpys(x, k[1::2], j, d[1::2], odd1)
            else:
                for v in range(0, n_x, LANES):
                    even = add_row_axpys(x, k[::2], min(v, j), d[::2], load(dw, v))
                    odd = add_row_axpys(x, k[1::2], min(v, j), d[1::2], zero)
                    store(dw, v, fma(odd, one, even))
    if short is not None:
        store(dw, 0, fma(fma(even0, one, odd0), one, load(dw, 0)))
        store(dw, LANES, fma(fma(even1, one, odd1), one, load(dw, LANES)))
    add_sums(J, db, curvature, lanes, row)


@inner(exact)
def group_chunk(
    four: Any,
    near: Any,
    ahead: int,
    examples: Examples,
    point: Point,
    span: tuple[int, int],
    places: Places,
    row: Any,
) -> None:
    """Add the examples of a span to a row as `sixteen_chunk` does, eight at a time.

    What lies `ahead` elements on is asked for, half by the dots, half by the axpys; near as above.
    four: True for four rows at a time, else None; then half is asked for, by the axpys alone.
    """
    x, n_x, y, weight, linear = examples
    lo, hi = span
    w, lanes, zs = point.w, places.z, places.zs
    dw, line, size, share = row[LANES:], line_elements(x), LANES, LANES * LANES // 2
    one, zero, half, bias, mask = splat(1.0), splat(0.0), splat(0.5), splat(point.b), splat(1.0)
    J = db = curvature = zero
    of_rows, eights = np.empty(LANES * LANES), eight_rows(0, LANES)
    fitting = fitting_rows_of(x, 0, LANES)
    few = LANES * len(fitting)
    if four is not None:
        size, share, mask = 4, 2 * LANES, first(4)
    for i in range(lo, hi, size):
        at = min(i, hi - size)
        k = eight_rows(at * n_x, n_x)
        s, asked = for_each(zero, k), at * n_x + ahead
        if four is not None:
            for v in range(0, n_x, LANES):
                j = min(v, n_x - LANES)
                s = add_row_dots(x, k[:4], j, load(w, v), s[:4]) + s[4:]
        else:
            for r in range(0, LANES, len(fitting)):
                some = fitting_rows_of(x, (at + r) * n_x, n_x)
                t = for_each(zero, some)
                for v in range(0, n_x, LANES):
                    for p in range(asked, asked + few // 2, line):
                        prefetch_into(x, p, near)
                    asked += few // 2
                    t = add_row_dots(x, some, min(v, n_x - LANES), load(w, v), t)
                store_rows(of_rows, fitting, r * LANES, t)
            s = load_rows(of_rows, eights, 0)
        z = fma(sums(s), one, bias)
        if zs.size:
            store(lanes, 0, z)
            for r in range(i - at, size):
                zs[at + r] = lanes[r]
        u = mask
        if at < i:
            u = fma(not_counted(i - at), mask, zero)
        if weight.size:
            u = fma(load(weight, at) if four is None else load_part(weight, at, size), u, zero)
        if linear:
            dz = fma(u, z, zero)
            J = fma(fma(dz, half, zero), z, J)
        else:
            y8 = load(y, at) if four is None else load_part(y, at, size)
            loss, dz, slope = loss_and_dz(z, y8)
            J, dz, curvature = fma(u, loss, J), fma(u, dz, zero), fma(u, slope, curvature)
        db = fma(dz, one, db)
        store(lanes, 0, dz)
        d = splats(lanes, 0, k)
        for v in range(0, n_x, LANES):
            for p in range(asked, asked + share, line):
                prefetch_into(x, p, near)
            asked += share
            j = min(v, n_x - LANES)
            if four is not None:
                even = add_row_axpys(x, k[:4:2], j, d[:4:2], load(dw, v))
                odd = add_row_axpys(x, k[1:4:2], j, d[1:4:2], zero)
            else:
                even = add_row_axpys(x, k[::2], j, d[::2], load(dw, v))
                odd = add_row_axpys(x, k[1::2], j, d[1::2], zero)
            store(dw, v, fma(odd, one, even))
    add_sums(J, db, curvature, lanes, row)
