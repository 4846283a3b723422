"""J, its gradient and its Hessian in one read, on X of few features: at most
`kernels.layout.NARROW`.

    x1 = [scale * x + shift, 1] -> z = theta.x1 -> loss, dz, s = a (1 - a)
    g += x1 dz        H += x1 s x1.T

Layout. A row of sums is [J, seven unused, g (width), H (width, width)], width = n_x + 1 rounded up
to 16. theta, scale and shift have `width` numbers, zeros last. theta[n_x] = b, scale[n_x] = 0 and
shift[n_x] = 1, which makes the 1 for b.

    scratch    row 0    x1 of example 0, float64, zeros behind      | width |
               row 1    x1 of example 1
               ...      up to 32 examples

    H          tiles of 4 x 16, from the diagonal's on; `fill_in` copies the lower triangle

Loop order: groups of up to 32 examples outside; in each, eight at a time: `bring`, z, the loss, g.
Then each x1 is multiplied by sqrt(s), in place, so that H is a sum of products of a row with
itself. Then tiles outside and examples inside, a tile in registers. Above NARROW features H leaves
the first-level cache, and `many_features` is the better one.

Rounding: EXACT, since the loss is computed here. Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment
from ..bundles import Examples, Scaling, Work
from ..decorators import exact, inlined, inner, kernel
from ..lanes import first, fma, load, load_part, root, splat, store, sums
from ..layout import LANES, LINE_NUMBERS
from ..loss import loss_and_dz
from ..rows import (
    add_each,
    add_row_axpys,
    add_row_dots,
    eight_rows,
    for_each,
    four_rows,
    load_rows,
    splats,
    store_rows,
)

GROUP_EXAMPLES = 32  # of n_x + 1 numbers each, that the first-level cache holds
TILE = 2 * LANES  # columns of H that are summed at a time; `width` is a multiple


@exact
def bring(
    feature_major: Any,
    examples: Examples,
    scaling: Scaling,
    i: int,
    count: int,
    rows: Any,
    lanes: Any,
) -> None:
    """Set rows[r * width + j] to x1 of example i + r, feature j, for r < 8.

    From `count` on it is the last one again. rows has zeros behind feature n_x, or what is written
    there is zero.
    """
    scale, shift = scaling
    x, n_x, m, width = examples.x, examples.n_x, examples.y.size, scale.size
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
    """Add the sum over r < 8 of dz[r] * rows[r * width + v] to g[v] for v < width."""
    one, zero, k = splat(1.0), splat(0.0), eight_rows(0, width)
    d = splats(dz, 0, k)
    for v in range(0, width, LANES):
        low = add_row_axpys(rows, k[:4], v, d[:4], load(g, v))
        high = add_row_axpys(rows, k[4:], v, d[4:], zero)
        store(g, v, fma(high, one, low))


@inlined
def add_tile(rows: Any, size: int, width: int, j: int, v: int, H: Any) -> None:
    """Add rows[:, j : j + 4].T rows[:, v : v + 16] to H[j : j + 4, v : v + 16], in registers; rows:
    (size // width, width)."""
    h = four_rows(j * width + v, width)
    a, b = load_rows(H, h, 0), load_rows(H, h, LANES)
    for k in range(0, size, width):
        r = splats(rows, k + j, h)
        a = add_each(r, load(rows, k + v), a)
        b = add_each(r, load(rows, k + v + LANES), b)
    store_rows(H, h, 0, a)
    store_rows(H, h, LANES, b)


@inner(exact)
def hessian_chunk(
    feature_major: Any,
    examples: Examples,
    scaling: Scaling,
    theta: Any,
    span: tuple[int, int],
    zs: Any,
    scratch: Any,
    row: Any,
) -> None:
    """Sum the examples of a span in one row of sums.

    feature_major: True for such an X, else None. zs: (m,), takes the z of each. scratch: zeros,
    GROUP_EXAMPLES * width + 8.
    """
    _, n_x, y, weight, _ = examples
    (lo, hi), width = span, theta.size
    row[:] = 0.0
    g, H = row[LANES : LANES + width], row[LANES + width :]
    lanes = scratch[GROUP_EXAMPLES * width :]
    zero, J, k = splat(0.0), splat(0.0), eight_rows(0, width)
    for group in range(lo, hi, GROUP_EXAMPLES):
        end = min(hi, group + GROUP_EXAMPLES)
        size = 0
        for i in range(group, end, LANES):
            rows, count = scratch[size:], min(LANES, end - i)
            size += LANES * width
            bring(feature_major, examples, scaling, i, count, rows, lanes)
            dots = for_each(zero, k)
            for v in range(0, width, LANES):
                dots = add_row_dots(rows, k, v, load(theta, v), dots)
            z, s = sums(dots), first(count)
            store(lanes, 0, z)
            for r in range(count):
                zs[i + r] = lanes[r]
            if weight.size:
                s = load(weight, i) if count == LANES else load_part(weight, i, count)
            y8 = load(y, i) if count == LANES else load_part(y, i, count)
            loss, dz, slope = loss_and_dz(z, y8)
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
    store(lanes, 0, sums((J,)))
    row[0] = lanes[0]


@kernel
def run_hessian_chunks(
    feature_major: Any, examples: Examples, scaling: Scaling, theta: Any, zs: Any, work: Work
) -> None:
    """Sum chunks until none is left, as `dense.chunks.run_chunks` does."""
    chunk, _, partials, counters = work
    m, chunks, runs = examples.y.size, partials.shape[0], counters.size // LINE_NUMBERS
    scratch = np.zeros(GROUP_EXAMPLES * theta.size + LANES)
    own = fetch_and_increment(counters, 1)
    for r in range(own, own + runs):
        run = r % runs
        first_chunk, end = run * chunks // runs, (run + 1) * chunks // runs
        c = first_chunk + fetch_and_increment(counters, run * LINE_NUMBERS)
        while c < end:
            span = c * chunk, min(m, (c + 1) * chunk)
            hessian_chunk(feature_major, examples, scaling, theta, span, zs, scratch, partials[c])
            c = first_chunk + fetch_and_increment(counters, run * LINE_NUMBERS)


@kernel
def fill_in(rows: Any, H: Any) -> None:
    """Make the symmetric H (n, n) from the upper triangle of rows (n, width)."""
    for i in range(H.shape[0]):
        for j in range(i, H.shape[0]):
            H[i, j] = H[j, i] = rows[i, j]
