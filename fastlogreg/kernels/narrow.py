"""The kernel for narrow example-major X, 8 <= n_x <= `design_matrix.NARROW`: sixteen examples at a time, never out of
registers and the first-level cache.

    z = w.T X + b -> loss, dz = a - y -> dw += X dz.T        for sixteen examples, then for the next sixteen

There is no z of a block in memory, no call for a block, and no rest of a row: a row of n_x is read in vectors of eight of
which the last one ends where the row ends and overlaps the one before. w holds zeros in its overlapping lanes; those of
dw collect what is thrown away. So w and dw are laid out as `vectors` eights, the last `n_x % 8` features moved to
the end: feature j is at j + gap for j >= n_x - n_x % 8, gap = 8 * vectors - n_x.

From dots to axpys is one chain of some 150 cycles, and the CPU looks ahead about as far as eight examples: two chains side by
side take 5.9 ns an example at n_x = 10 where one takes 6.9 to 8, and blocks 9.0. From 64 features on nothing is gained.
"""

from __future__ import annotations

from typing import Any

from .flags import exact
from .intrinsics import LANES, first, fma, line_elements, load, load_part, prefetch, splat, store, sums
from .link import losses_and_dz

AHEAD = 16 << 10  # bytes between what is read and what is asked for: 8 to 64 KiB make no difference


@exact
def narrow_chunk(
    x: Any, n_x: int, y: Any, weight: Any, linear: bool, w: Any, b: float, lo: int, hi: int, zs: Any, row: Any, lanes: Any
) -> None:
    """Adds examples lo to hi to row = [J, db, sum of da/dz, five unused, dw as above]; zs: (m,) or empty, takes every z;
    lanes: scratch of 16. Otherwise as `dense.block_chunk`."""
    dw, line = row[LANES:], line_elements(x)
    ahead, of_eight = AHEAD // 64 * line, LANES * n_x
    one, zero, half, bias = splat(1.0), splat(0.0), splat(0.5), splat(b)
    J = db = curvature = zero
    last = (hi - 1) * n_x
    for i in range(lo, hi, 2 * LANES):
        count = min(2 * LANES, hi - i)
        # Half of what is asked for now, half before the axpys: all at once took 2.3 for 1.6 ms at 200,000 x 30.
        next_rows = i * n_x + ahead
        for k in range(next_rows, next_rows + of_eight, line):
            prefetch(x, k)
        for r in range(0, 2 * LANES, LANES):
            k0 = min((i + r) * n_x, last)  # of a group that is not whole the last row is repeated, with weight 0
            k1, k2, k3 = min(k0 + n_x, last), min(k0 + 2 * n_x, last), min(k0 + 3 * n_x, last)
            k4, k5 = min(k0 + 4 * n_x, last), min(k0 + 5 * n_x, last)
            k6, k7 = min(k0 + 6 * n_x, last), min(k0 + 7 * n_x, last)
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
            for v in range(0, n_x, LANES):
                j, vj = min(v, n_x - LANES), load(w, v)
                s0, s1 = fma(load(x, k0 + j), vj, s0), fma(load(x, k1 + j), vj, s1)
                s2, s3 = fma(load(x, k2 + j), vj, s2), fma(load(x, k3 + j), vj, s3)
                s4, s5 = fma(load(x, k4 + j), vj, s4), fma(load(x, k5 + j), vj, s5)
                s6, s7 = fma(load(x, k6 + j), vj, s6), fma(load(x, k7 + j), vj, s7)
            store(lanes, r, fma(sums(s0, s1, s2, s3, s4, s5, s6, s7), one, bias))
        if zs.size:
            for r in range(count):
                zs[i + r] = lanes[r]
        z0, z1 = load(lanes, 0), load(lanes, LANES)
        of0, of1 = min(count, LANES), max(count - LANES, 0)
        s0, s1 = first(of0), first(of1)
        if weight.size:
            s0 = load(weight, i) if of0 == LANES else load_part(weight, i, of0)
            s1 = load(weight, i + LANES) if of1 == LANES else load_part(weight, i + LANES, of1)
        if linear:
            dz0, dz1 = fma(s0, z0, zero), fma(s1, z1, zero)
            J = fma(fma(dz1, half, zero), z1, fma(fma(dz0, half, zero), z0, J))
        else:
            y0 = load(y, i) if of0 == LANES else load_part(y, i, of0)
            y1 = load(y, i + LANES) if of1 == LANES else load_part(y, i + LANES, of1)
            loss0, dz0, slope0, loss1, dz1, slope1 = losses_and_dz(z0, y0, z1, y1)
            J, curvature = fma(s1, loss1, fma(s0, loss0, J)), fma(s1, slope1, fma(s0, slope0, curvature))
            dz0, dz1 = fma(s0, dz0, zero), fma(s1, dz1, zero)
        db = fma(dz1, one, fma(dz0, one, db))
        store(lanes, 0, dz0)
        store(lanes, LANES, dz1)
        for k in range(next_rows + of_eight, next_rows + 2 * of_eight, line):
            prefetch(x, k)
        for r in range(0, 2 * LANES, LANES):
            k0 = min((i + r) * n_x, last)
            k1, k2, k3 = min(k0 + n_x, last), min(k0 + 2 * n_x, last), min(k0 + 3 * n_x, last)
            k4, k5 = min(k0 + 4 * n_x, last), min(k0 + 5 * n_x, last)
            k6, k7 = min(k0 + 6 * n_x, last), min(k0 + 7 * n_x, last)
            v0, v1, v2, v3 = splat(lanes[r]), splat(lanes[r + 1]), splat(lanes[r + 2]), splat(lanes[r + 3])
            v4, v5, v6, v7 = splat(lanes[r + 4]), splat(lanes[r + 5]), splat(lanes[r + 6]), splat(lanes[r + 7])
            for v in range(0, n_x, LANES):
                j = min(v, n_x - LANES)
                low = fma(load(x, k1 + j), v1, fma(load(x, k0 + j), v0, load(dw, v)))
                low = fma(load(x, k3 + j), v3, fma(load(x, k2 + j), v2, low))
                high = fma(load(x, k5 + j), v5, fma(load(x, k4 + j), v4, zero))
                high = fma(load(x, k7 + j), v7, fma(load(x, k6 + j), v6, high))
                store(dw, v, fma(high, one, low))
    store(lanes, 0, sums(J, db, curvature, zero, zero, zero, zero, zero))
    row[0] += lanes[0]
    row[1] += lanes[1]
    row[2] += lanes[2]
