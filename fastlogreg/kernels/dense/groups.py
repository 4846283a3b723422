"""Example-major X, eight or sixteen examples at a time: the second use of a row comes from the
first-level cache.

    z = w.T X + b -> loss, dz = a - y -> dw += X dz.T        for a few examples, then for the next
        ones

There is no z of a block in memory, no call for a block, and no rest of anything. A row of n_x is
read in vectors of eight of which the last one ends where the row ends and overlaps the one before.
w holds zeros in its overlapping lanes; those of dw collect what is thrown away. So w and dw are
laid out as eights, the last `n_x % 8` features moved to the end: feature j is at j + gap for j >=
n_x - n_x % 8, gap = 8 * ceil(n_x / 8) - n_x. Likewise the last examples of a chunk are those that
end where it ends, and what was counted before has weight 0; they may reach into the chunk before.
So X must have as many examples as are taken at a time.

    sixteen_chunk  up to `kernels.layout.NARROW` features; of 9 to 16, w and dw stay in registers,
                   2.9 for 3.7 ns an example
    group_chunk    more; four at a time of long rows of float64: 8.6 for 9.1 ms at 4,000 x 12,288 on
                   two threads

Sixteen at a time, because from dots to axpys is one chain of some 150 cycles, and the CPU looks
ahead about as far as eight examples. More features: eight at a time, and the next eight are asked
for meanwhile. The axpys then read at the rate of the first-level cache: 40,000 x 500 float32 takes
2.1 ms on one thread where blocks of 256 KiB (`dense.block_chunk`) take 3.1, and 100,000 x 64 1.0
for 2.3 (Zen 5).

Arrays are not handed to inlined functions that branch: Numba then counts their references anew for
every example.
"""

from __future__ import annotations

from typing import Any

from ...machine.caches import is_roomy
from ..decorators import exact, inlined
from ..lanes import (
    LANES,
    first,
    fma,
    line_elements,
    load,
    load_part,
    prefetch_near,
    splat,
    store,
    sums,
)
from ..loss import loss_and_dz, losses_and_dz

NEAR = (
    16 << 10
    # bytes between what is read and what is asked for, of few features: 8 to 64 KiB make no
    # difference
)
# At least and at most so many of more features: into the first-level cache where it is roomy, else
# the second-level cache, where 64 KiB were too late on Zen 4 (9.1 for 7.8 ms at 40,000 x 500).
LEAST, MOST = (16 if is_roomy() else 256) << 10, 384 << 10


@inlined
def eight_rows(k: int, n_x: int) -> Any:
    """Where eight rows of n_x begin, the first one at k."""
    return k, k + n_x, k + 2 * n_x, k + 3 * n_x, k + 4 * n_x, k + 5 * n_x, k + 6 * n_x, k + 7 * n_x


@inlined
def add_dots(x: Any, k: Any, j: int, w: Any, s: Any) -> Any:
    """s, eight vectors, plus columns j to j + 8 of the rows at k times w."""
    return (
        fma(load(x, k[0] + j), w, s[0]),
        fma(load(x, k[1] + j), w, s[1]),
        fma(load(x, k[2] + j), w, s[2]),
        fma(load(x, k[3] + j), w, s[3]),
        fma(load(x, k[4] + j), w, s[4]),
        fma(load(x, k[5] + j), w, s[5]),
        fma(load(x, k[6] + j), w, s[6]),
        fma(load(x, k[7] + j), w, s[7]),
    )


@inlined
def add_four_dots(x: Any, k: Any, j: int, w: Any, s: Any) -> Any:
    """The same of the first four rows."""
    return (
        fma(load(x, k[0] + j), w, s[0]),
        fma(load(x, k[1] + j), w, s[1]),
        fma(load(x, k[2] + j), w, s[2]),
        fma(load(x, k[3] + j), w, s[3]),
        s[4],
        s[5],
        s[6],
        s[7],
    )


@inlined
def eight_splats(v: Any, i: int) -> Any:
    """v[i] to v[i + 7], each in every lane of a vector."""
    return (
        splat(v[i]),
        splat(v[i + 1]),
        splat(v[i + 2]),
        splat(v[i + 3]),
        splat(v[i + 4]),
        splat(v[i + 5]),
        splat(v[i + 6]),
        splat(v[i + 7]),
    )


@inlined
def add_axpys(x: Any, k: Any, j: int, v: Any, even: Any, odd: Any) -> Any:
    """The sum over rows of v times columns j to j + 8, of even rows added to `even`, of odd ones to
    `odd`."""
    even = fma(load(x, k[2] + j), v[2], fma(load(x, k[0] + j), v[0], even))
    even = fma(load(x, k[6] + j), v[6], fma(load(x, k[4] + j), v[4], even))
    odd = fma(load(x, k[3] + j), v[3], fma(load(x, k[1] + j), v[1], odd))
    odd = fma(load(x, k[7] + j), v[7], fma(load(x, k[5] + j), v[5], odd))
    return even, odd


@inlined
def add_four_axpys(x: Any, k: Any, j: int, v: Any, even: Any, odd: Any) -> Any:
    """The same of the first four rows."""
    even = fma(load(x, k[2] + j), v[2], fma(load(x, k[0] + j), v[0], even))
    return even, fma(load(x, k[3] + j), v[3], fma(load(x, k[1] + j), v[1], odd))


@inlined
def add_sums(J: Any, db: Any, curvature: Any, lanes: Any, row: Any) -> None:
    """The sums over lanes into the head of a row of partials."""
    zero = splat(0.0)
    store(lanes, 0, sums(J, db, curvature, zero, zero, zero, zero, zero))
    row[0] += lanes[0]
    row[1] += lanes[1]
    row[2] += lanes[2]


@inlined
def not_counted(counted: int) -> Any:
    """1 in all lanes but the first `counted`, which may be below 0 or above 8."""
    return fma(first(min(max(counted, 0), LANES)), splat(-1.0), splat(1.0))


@exact
def sixteen_chunk(
    short: Any,
    x: Any,
    n_x: int,
    y: Any,
    weight: Any,
    linear: bool,
    w: Any,
    b: float,
    lo: int,
    hi: int,
    zs: Any,
    row: Any,
    lanes: Any,
) -> None:
    """Adds examples lo to hi to row = [J, db, sum of da/dz, five unused, dw as above]; zs: (m,) or
    empty, takes every z; lanes: scratch of 16. short: True for 9 <= n_x <= 16, else None, n_x >= 8.
    Otherwise as `dense.block_chunk`."""
    dw, line, j = row[LANES:], line_elements(x), n_x - LANES
    one, zero, half, bias = splat(1.0), splat(0.0), splat(0.5), splat(b)
    J = db = curvature = even0 = even1 = odd0 = odd1 = w0 = w1 = zero
    if short is not None:
        w0, w1 = load(w, 0), load(w, LANES)
    for i in range(lo, hi, 2 * LANES):
        at = min(i, hi - 2 * LANES)
        # Half of what is asked for now, half before the axpys: all at once took 2.3 for 1.6 ms at
        # 200,000 x 30.
        next_rows, of_eight = at * n_x + NEAR // 64 * line, LANES * n_x
        for p in range(next_rows, next_rows + of_eight, line):
            prefetch_near(x, p)
        for r in range(0, 2 * LANES, LANES):
            k, s = eight_rows((at + r) * n_x, n_x), (zero, zero, zero, zero, zero, zero, zero, zero)
            if short is not None:
                s = add_dots(x, k, j, w1, add_dots(x, k, 0, w0, s))
            else:
                for v in range(0, n_x, LANES):
                    s = add_dots(x, k, min(v, j), load(w, v), s)
            store(lanes, r, fma(sums(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), one, bias))
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
            loss0, dz0, slope0, loss1, dz1, slope1 = losses_and_dz(
                z0, load(y, at), z1, load(y, at + LANES)
            )
            J, curvature = (
                fma(u1, loss1, fma(u0, loss0, J)),
                fma(u1, slope1, fma(u0, slope0, curvature)),
            )
            dz0, dz1 = fma(u0, dz0, zero), fma(u1, dz1, zero)
        db = fma(dz1, one, fma(dz0, one, db))
        store(lanes, 0, dz0)
        store(lanes, LANES, dz1)
        for p in range(next_rows + of_eight, next_rows + 2 * of_eight, line):
            prefetch_near(x, p)
        for r in range(0, 2 * LANES, LANES):
            k, d = eight_rows((at + r) * n_x, n_x), eight_splats(lanes, r)
            if short is not None:
                even0, odd0 = add_axpys(x, k, 0, d, even0, odd0)
                even1, odd1 = add_axpys(x, k, j, d, even1, odd1)
            else:
                for v in range(0, n_x, LANES):
                    even, odd = add_axpys(x, k, min(v, j), d, load(dw, v), zero)
                    store(dw, v, fma(odd, one, even))
    if short is not None:
        store(dw, 0, fma(fma(even0, one, odd0), one, load(dw, 0)))
        store(dw, LANES, fma(fma(even1, one, odd1), one, load(dw, LANES)))
    add_sums(J, db, curvature, lanes, row)


@exact
def group_chunk(
    four: Any,
    x: Any,
    n_x: int,
    y: Any,
    weight: Any,
    linear: bool,
    w: Any,
    b: float,
    lo: int,
    hi: int,
    zs: Any,
    row: Any,
    lanes: Any,
) -> None:
    """As `sixteen_chunk`; n_x >= 8. Half of the next eight rows is asked for by the dots, half by
    the axpys. four: True for four rows at a time, of which half of the next four is asked for, by
    the axpys alone; else None."""
    dw, line, size, share = row[LANES:], line_elements(x), LANES, LANES * LANES // 2
    one, zero, half, bias, mask = splat(1.0), splat(0.0), splat(0.5), splat(b), splat(1.0)
    J = db = curvature = zero
    ahead = min(max(LANES * n_x, LEAST // 64 * line), MOST // 64 * line)
    if four is not None:
        size, share, mask, ahead = 4, 2 * LANES, first(4), 4 * n_x
    for i in range(lo, hi, size):
        at = min(i, hi - size)
        k, s = eight_rows(at * n_x, n_x), (zero, zero, zero, zero, zero, zero, zero, zero)
        asked = at * n_x + ahead
        for v in range(0, n_x, LANES):
            if four is not None:
                s = add_four_dots(x, k, min(v, n_x - LANES), load(w, v), s)
            else:
                for p in range(asked, asked + share, line):
                    prefetch_near(x, p)
                asked += share
                s = add_dots(x, k, min(v, n_x - LANES), load(w, v), s)
        z = fma(sums(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), one, bias)
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
            loss, dz, slope = loss_and_dz(
                z, load(y, at) if four is None else load_part(y, at, size)
            )
            J, dz, curvature = fma(u, loss, J), fma(u, dz, zero), fma(u, slope, curvature)
        db = fma(dz, one, db)
        store(lanes, 0, dz)
        splats = eight_splats(lanes, 0)
        for v in range(0, n_x, LANES):
            for p in range(asked, asked + share, line):
                prefetch_near(x, p)
            asked += share
            if four is not None:
                even, odd = add_four_axpys(x, k, min(v, n_x - LANES), splats, load(dw, v), zero)
            else:
                even, odd = add_axpys(x, k, min(v, n_x - LANES), splats, load(dw, v), zero)
            store(dw, v, fma(odd, one, even))
    add_sums(J, db, curvature, lanes, row)
