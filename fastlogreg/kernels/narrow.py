"""The kernel for narrow example-major X, 8 <= n_x <= `design_matrix.NARROW`: eight examples at a time, never out of registers
and the first-level cache.

    z = w.T X + b -> loss, dz = a - y -> dw += X dz.T        for eight examples, then for the next eight

There is no z of a block in memory, no call for a block, and no rest of a row: a row of n_x is read in vectors of eight of
which the last one ends where the row ends and overlaps the one before. w holds zeros in its overlapping lanes; those of
dw collect what is thrown away. So w and dw are laid out as `vectors` eights, the last `n_x % 8` features moved to
the end: feature j is at j + gap for j >= n_x - n_x % 8, gap = 8 * vectors - n_x.

In the cache 6.2 ns an example at n_x = 10, where blocks take 9.0, and 8.2 for 10.1 at 30; from 64 on nothing is gained.
"""

from __future__ import annotations

from typing import Any

from .flags import exact
from .intrinsics import LANES, first, fma, line_elements, load, load_part, prefetch, splat, store, sums
from .link import loss_and_dz

AHEAD = 16 << 10  # bytes between what is read and what is asked for: 8 to 64 KiB make no difference


@exact
def narrow_chunk(
    x: Any, n_x: int, y: Any, weight: Any, linear: bool, w: Any, b: float, lo: int, hi: int, zs: Any, row: Any, lanes: Any
) -> None:
    """Adds examples lo to hi to row = [J, db, sum of da/dz, five unused, dw as above]; zs: (m,) or empty, takes every z;
    lanes: scratch of 8. Otherwise as `dense.one_chunk`."""
    dw = row[LANES:]
    line = line_elements(x)
    ahead = AHEAD // 64 * line
    one, zero, half, bias = splat(1.0), splat(0.0), splat(0.5), splat(b)
    J = db = curvature = zero
    last = (hi - 1) * n_x
    for i in range(lo, hi, LANES):
        count = min(LANES, hi - i)
        whole = count == LANES
        k0 = i * n_x  # of a last group that is not whole the last row is repeated, with weight 0
        k1, k2, k3 = min(k0 + n_x, last), min(k0 + 2 * n_x, last), min(k0 + 3 * n_x, last)
        k4, k5 = min(k0 + 4 * n_x, last), min(k0 + 5 * n_x, last)
        k6, k7 = min(k0 + 6 * n_x, last), min(k0 + 7 * n_x, last)
        for k in range(k0 + ahead, k0 + ahead + LANES * n_x, line):
            prefetch(x, k)
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
        for v in range(0, n_x, LANES):
            j, vj = min(v, n_x - LANES), load(w, v)
            s0, s1 = fma(load(x, k0 + j), vj, s0), fma(load(x, k1 + j), vj, s1)
            s2, s3 = fma(load(x, k2 + j), vj, s2), fma(load(x, k3 + j), vj, s3)
            s4, s5 = fma(load(x, k4 + j), vj, s4), fma(load(x, k5 + j), vj, s5)
            s6, s7 = fma(load(x, k6 + j), vj, s6), fma(load(x, k7 + j), vj, s7)
        z = fma(sums(s0, s1, s2, s3, s4, s5, s6, s7), one, bias)
        s = first(count)
        if weight.size:
            s = load(weight, i) if whole else load_part(weight, i, count)
        if linear:
            dz = fma(s, z, zero)
            J = fma(fma(dz, half, zero), z, J)
        else:
            loss, dz, slope = loss_and_dz(z, load(y, i) if whole else load_part(y, i, count))
            J, dz, curvature = fma(s, loss, J), fma(s, dz, zero), fma(s, slope, curvature)
        db = fma(dz, one, db)
        if zs.size:
            store(lanes, 0, z)
            for r in range(count):
                zs[i + r] = lanes[r]
        store(lanes, 0, dz)
        v0, v1, v2, v3 = splat(lanes[0]), splat(lanes[1]), splat(lanes[2]), splat(lanes[3])
        v4, v5, v6, v7 = splat(lanes[4]), splat(lanes[5]), splat(lanes[6]), splat(lanes[7])
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
