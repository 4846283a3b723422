"""The kernel for J, its gradient and its Hessian on X of few features, n_x <= `design_matrix.NARROW`, in one read of X.

Eight examples at a time are brought into the first-level cache as the model sees them, float64 with a 1 for b behind:

    x1 = [scale * x + shift, 1] -> z = theta.x1 -> loss, dz, s = a (1 - a) -> g += x1 dz    H += x1 s x1.T

H by rows, in vectors of eight columns from the diagonal's on; the lower triangle is filled in at the end. 569 x 30: 17
microseconds, where blocks of NumPy and BLAS calls took 137; above 40 features BLAS is the better one, since H leaves the
first-level cache.

Layout of a row of sums: [J, seven unused, g (width), H (n_x + 1, width)], width = n_x + 1 rounded up to eights. theta, scale
and shift have `width` numbers, zeros last (theta[n_x] = b; scale and shift 0 there).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .dense import LINE
from .flags import exact, inlined, kernel
from .intrinsics import LANES, fetch_and_increment, first, fma, load, load_part, splat, store, sums
from .link import loss_and_dz


@exact
def bring(
    x: Any, feature_major: Any, n_x: int, m: int, i: int, count: int, scale: Any, shift: Any, rows: Any, width: int
) -> None:
    """rows[r * width + j] = x1 of example i + r, feature j, for r < 8; of those from `count` on the last one again."""
    part = n_x & 7
    whole = n_x - part
    if feature_major is None:
        for r in range(LANES):
            k, to = (i + min(r, count - 1)) * n_x, r * width
            for v in range(0, whole, LANES):
                store(rows, to + v, fma(load(x, k + v), load(scale, v), load(shift, v)))
            if part:
                last = fma(load_part(x, k + whole, part), load(scale, whole), load(shift, whole))
                store(rows, to + whole, last)
            rows[to + n_x] = 1.0
        return
    lanes = rows[2 * LANES * width :]
    for j in range(n_x):
        k = j * m + i
        x8 = load(x, k) if count == LANES else load_part(x, k, count)
        store(lanes, 0, fma(x8, splat(scale[j]), splat(shift[j])))
        for r in range(LANES):
            rows[r * width + j] = lanes[min(r, count - 1)]
    for r in range(LANES):
        rows[r * width + n_x] = 1.0


@inlined
def add_products(c: Any, at: int, stride: int, rows: Any, width: int, start: int, out: Any) -> None:
    """out[v] += sum over r < 8 of c[at + r * stride] * rows[r * width + v] for start <= v < width, start a multiple of 8."""
    c0, c1, c2, c3 = splat(c[at]), splat(c[at + stride]), splat(c[at + 2 * stride]), splat(c[at + 3 * stride])
    at4, k = at + 4 * stride, 4 * width
    c4, c5, c6, c7 = splat(c[at4]), splat(c[at4 + stride]), splat(c[at4 + 2 * stride]), splat(c[at4 + 3 * stride])
    one, zero = splat(1.0), splat(0.0)
    for v in range(start, width, LANES):
        low = fma(load(rows, width + v), c1, fma(load(rows, v), c0, load(out, v)))
        low = fma(load(rows, 3 * width + v), c3, fma(load(rows, 2 * width + v), c2, low))
        high = fma(load(rows, k + width + v), c5, fma(load(rows, k + v), c4, zero))
        high = fma(load(rows, k + 3 * width + v), c7, fma(load(rows, k + 2 * width + v), c6, high))
        store(out, v, fma(high, one, low))


@exact
def hessian_chunk(
    x: Any, feature_major: Any, n_x: int, y: Any, weight: Any, scale: Any, shift: Any, theta: Any, lo: int, hi: int,
    zs: Any, rows: Any, row: Any,
) -> None:  # fmt: skip
    """Examples lo to hi into one row of sums; zs: (m,), takes the z of each; rows: scratch of 16 * width + 16, zeros."""
    width = theta.size
    row[:] = 0.0
    g, H = row[LANES : LANES + width], row[LANES + width :]
    lanes, weighted = rows[2 * LANES * width :], rows[LANES * width :]
    zero, J = splat(0.0), splat(0.0)
    for i in range(lo, hi, LANES):
        count = min(LANES, hi - i)
        bring(x, feature_major, n_x, y.size, i, count, scale, shift, rows, width)
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
        for v in range(0, width, LANES):
            t = load(theta, v)
            s0, s1 = fma(load(rows, v), t, s0), fma(load(rows, width + v), t, s1)
            s2, s3 = fma(load(rows, 2 * width + v), t, s2), fma(load(rows, 3 * width + v), t, s3)
            s4, s5 = fma(load(rows, 4 * width + v), t, s4), fma(load(rows, 5 * width + v), t, s5)
            s6, s7 = fma(load(rows, 6 * width + v), t, s6), fma(load(rows, 7 * width + v), t, s7)
        z, s = sums(s0, s1, s2, s3, s4, s5, s6, s7), first(count)
        store(lanes, 0, z)
        for r in range(count):
            zs[i + r] = lanes[r]
        if weight.size:
            s = load(weight, i) if count == LANES else load_part(weight, i, count)
        loss, dz, slope = loss_and_dz(z, load(y, i) if count == LANES else load_part(y, i, count))
        J = fma(s, loss, J)
        store(lanes, 0, fma(s, dz, zero))
        store(lanes, LANES, fma(s, slope, zero))
        add_products(lanes, 0, 1, rows, width, 0, g)
        for r in range(LANES):
            sr = splat(lanes[LANES + r])
            for v in range(0, width, LANES):
                store(weighted, r * width + v, fma(sr, load(rows, r * width + v), zero))
        for j in range(n_x + 1):
            add_products(weighted, j, width, rows, width, j // LANES * LANES, H[j * width :])
    store(lanes, 0, sums(J, zero, zero, zero, zero, zero, zero, zero))
    row[0] = lanes[0]


@kernel
def run_hessian_chunks(
    x: Any, feature_major: Any, n_x: int, y: Any, weight: Any, scale: Any, shift: Any, theta: Any, chunk: int,
    zs: Any, partials: Any, counters: Any,
) -> None:  # fmt: skip
    """Chunks of `chunk` examples until none is left, as `dense.run_chunks`."""
    m, chunks, runs = y.size, partials.shape[0], counters.size // LINE
    rows = np.zeros(2 * LANES * theta.size + 2 * LANES)
    own = fetch_and_increment(counters, 1)
    for r in range(own, own + runs):
        run = r % runs
        first_chunk, end = run * chunks // runs, (run + 1) * chunks // runs
        c = first_chunk + fetch_and_increment(counters, run * LINE)
        while c < end:
            lo = c * chunk
            hi = min(m, lo + chunk)
            hessian_chunk(x, feature_major, n_x, y, weight, scale, shift, theta, lo, hi, zs, rows, partials[c])
            c = first_chunk + fetch_and_increment(counters, run * LINE)


@kernel
def fill_in(rows: Any, H: Any) -> None:
    """The symmetric H (n, n) from the upper triangle of rows (n, width)."""
    for i in range(H.shape[0]):
        for j in range(i, H.shape[0]):
            H[i, j] = H[j, i] = rows[i, j]
