"""The kernel for J, its gradient and its Hessian on X of few features, n_x <=
`kernels.layout.NARROW`, in one read of X.

Eight examples at a time are brought into the first-level cache as the model sees them, float64 with
a 1 for b behind:

    x1 =[scale * x + shift, 1] -> z = theta.x1 -> loss, dz, s = a (1 - a) -> g += x1 dz    H += x1 s
        x1.T

For H the x1 of up to 32 examples are multiplied by sqrt(s), in place, so that H is a sum of
products of a row with itself: tiles of 4 x 16 in registers, from the diagonal's on; the lower
triangle is filled in at the end. 569 x 30: 29 microseconds, of which H takes 16, one fused
multiply-add a cycle; row by row it took 24. Blocks of NumPy and BLAS calls took 137; above 40
features BLAS is the better one, since H leaves the first-level cache.

Layout of a row of sums: [J, seven unused, g (width), H (width, width)], width = n_x + 1 rounded up
to 16. theta, scale and shift have `width` numbers, zeros last; theta[n_x] = b, scale[n_x] = 0 and
shift[n_x] = 1, which makes the 1 for b.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment
from ..decorators import exact, inlined, kernel
from ..lanes import LANES, first, fma, load, load_part, root, splat, store, sums
from ..loss import loss_and_dz
from ..partials import LINE

GROUP = 32  # examples, n_x + 1 numbers each, that the first-level cache holds
TILE = 2 * LANES  # columns of H that are summed at a time; `width` is a multiple


@exact
def bring(
    x: Any,
    feature_major: Any,
    n_x: int,
    m: int,
    i: int,
    count: int,
    scale: Any,
    shift: Any,
    rows: Any,
    lanes: Any,
    width: int,
) -> None:
    """rows[r * width + j] = x1 of example i + r, feature j, for r < 8; of those from `count` on the
    last one again. rows has zeros behind feature n_x, or what is written there is zero."""
    part = n_x & 7
    whole = n_x - part
    if feature_major is None:
        last_scale, last_shift = load(scale, whole), load(shift, whole)
        for r in range(LANES):
            k, to = (i + min(r, count - 1)) * n_x, r * width
            for v in range(0, whole, LANES):
                store(rows, to + v, fma(load(x, k + v), load(scale, v), load(shift, v)))
            store(rows, to + whole, fma(load_part(x, k + whole, part), last_scale, last_shift))
        return
    for j in range(n_x):
        k = j * m + i
        x8 = load(x, k) if count == LANES else load_part(x, k, count)
        store(lanes, 0, fma(x8, splat(scale[j]), splat(shift[j])))
        for r in range(LANES):
            rows[r * width + j] = lanes[min(r, count - 1)]
    for r in range(LANES):
        rows[r * width + n_x] = 1.0


@inlined
def add_gradient(rows: Any, width: int, dz: Any, g: Any) -> None:
    """g[v] += sum over r < 8 of dz[r] * rows[r * width + v] for v < width."""
    d0, d1, d2, d3 = splat(dz[0]), splat(dz[1]), splat(dz[2]), splat(dz[3])
    d4, d5, d6, d7 = splat(dz[4]), splat(dz[5]), splat(dz[6]), splat(dz[7])
    one, zero, k = splat(1.0), splat(0.0), 4 * width
    for v in range(0, width, LANES):
        low = fma(load(rows, width + v), d1, fma(load(rows, v), d0, load(g, v)))
        low = fma(load(rows, 3 * width + v), d3, fma(load(rows, 2 * width + v), d2, low))
        high = fma(load(rows, k + width + v), d5, fma(load(rows, k + v), d4, zero))
        high = fma(load(rows, k + 3 * width + v), d7, fma(load(rows, k + 2 * width + v), d6, high))
        store(g, v, fma(high, one, low))


@inlined
def add_tile(rows: Any, size: int, width: int, j: int, v: int, H: Any) -> None:
    """H[j : j + 4, v : v + 16] += rows[:, j : j + 4].T rows[:, v : v + 16], rows (size // width,
    width), in registers."""
    h0, h1, h2, h3 = j * width + v, (j + 1) * width + v, (j + 2) * width + v, (j + 3) * width + v
    a0, a1, a2, a3 = load(H, h0), load(H, h1), load(H, h2), load(H, h3)
    b0, b1, b2, b3 = (
        load(H, h0 + LANES),
        load(H, h1 + LANES),
        load(H, h2 + LANES),
        load(H, h3 + LANES),
    )
    for k in range(0, size, width):
        a, b = load(rows, k + v), load(rows, k + v + LANES)
        r0, r1, r2, r3 = (
            splat(rows[k + j]),
            splat(rows[k + j + 1]),
            splat(rows[k + j + 2]),
            splat(rows[k + j + 3]),
        )
        a0, a1, a2, a3 = fma(r0, a, a0), fma(r1, a, a1), fma(r2, a, a2), fma(r3, a, a3)
        b0, b1, b2, b3 = fma(r0, b, b0), fma(r1, b, b1), fma(r2, b, b2), fma(r3, b, b3)
    store(H, h0, a0)
    store(H, h1, a1)
    store(H, h2, a2)
    store(H, h3, a3)
    store(H, h0 + LANES, b0)
    store(H, h1 + LANES, b1)
    store(H, h2 + LANES, b2)
    store(H, h3 + LANES, b3)


@exact
def hessian_chunk(
    x: Any,
    feature_major: Any,
    n_x: int,
    y: Any,
    weight: Any,
    scale: Any,
    shift: Any,
    theta: Any,
    lo: int,
    hi: int,
    zs: Any,
    scratch: Any,
    row: Any,
) -> None:
    """Examples lo to hi into one row of sums; zs: (m,), takes the z of each; scratch: GROUP * width
    + 8 zeros."""
    width = theta.size
    row[:] = 0.0
    g, H, lanes = row[LANES : LANES + width], row[LANES + width :], scratch[GROUP * width :]
    zero, J = splat(0.0), splat(0.0)
    for group in range(lo, hi, GROUP):
        end = min(hi, group + GROUP)
        size = 0
        for i in range(group, end, LANES):
            rows, count = scratch[size:], min(LANES, end - i)
            size += LANES * width
            bring(x, feature_major, n_x, y.size, i, count, scale, shift, rows, lanes, width)
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
            for v in range(0, width, LANES):
                t = load(theta, v)
                s0, s1 = fma(load(rows, v), t, s0), fma(load(rows, width + v), t, s1)
                s2, s3 = (
                    fma(load(rows, 2 * width + v), t, s2),
                    fma(load(rows, 3 * width + v), t, s3),
                )
                s4, s5 = (
                    fma(load(rows, 4 * width + v), t, s4),
                    fma(load(rows, 5 * width + v), t, s5),
                )
                s6, s7 = (
                    fma(load(rows, 6 * width + v), t, s6),
                    fma(load(rows, 7 * width + v), t, s7),
                )
            z, s = sums(s0, s1, s2, s3, s4, s5, s6, s7), first(count)
            store(lanes, 0, z)
            for r in range(count):
                zs[i + r] = lanes[r]
            if weight.size:
                s = load(weight, i) if count == LANES else load_part(weight, i, count)
            loss, dz, slope = loss_and_dz(
                z, load(y, i) if count == LANES else load_part(y, i, count)
            )
            J = fma(s, loss, J)
            store(lanes, 0, fma(s, dz, zero))
            add_gradient(rows, width, lanes, g)
            store(lanes, 0, root(fma(s, slope, zero)))
            for r in range(LANES):
                sr = splat(lanes[r])
                for v in range(r * width, (r + 1) * width, LANES):
                    store(rows, v, fma(sr, load(rows, v), zero))
        for j in range(0, n_x + 1, 4):
            for v in range(j // TILE * TILE, width, TILE):
                add_tile(scratch, size, width, j, v, H)
    store(lanes, 0, sums(J, zero, zero, zero, zero, zero, zero, zero))
    row[0] = lanes[0]


@kernel
def run_hessian_chunks(
    x: Any,
    feature_major: Any,
    n_x: int,
    y: Any,
    weight: Any,
    scale: Any,
    shift: Any,
    theta: Any,
    chunk: int,
    zs: Any,
    partials: Any,
    counters: Any,
) -> None:
    """Chunks of `chunk` examples until none is left, as `dense.run_chunks`."""
    m, chunks, runs = y.size, partials.shape[0], counters.size // LINE
    scratch = np.zeros(GROUP * theta.size + LANES)
    own = fetch_and_increment(counters, 1)
    for r in range(own, own + runs):
        run = r % runs
        first_chunk, end = run * chunks // runs, (run + 1) * chunks // runs
        c = first_chunk + fetch_and_increment(counters, run * LINE)
        while c < end:
            lo = c * chunk
            hi = min(m, lo + chunk)
            hessian_chunk(
                x,
                feature_major,
                n_x,
                y,
                weight,
                scale,
                shift,
                theta,
                lo,
                hi,
                zs,
                scratch,
                partials[c],
            )
            c = first_chunk + fetch_and_increment(counters, run * LINE)


@kernel
def fill_in(rows: Any, H: Any) -> None:
    """The symmetric H (n, n) from the upper triangle of rows (n, width)."""
    for i in range(H.shape[0]):
        for j in range(i, H.shape[0]):
            H[i, j] = H[j, i] = rows[i, j]
