"""Firth's penalised likelihood at one point, at many, and climbed whole, for small X.

    l* = l + 1/2 log|I|      U* = X1 [s (y - a) + h (1/2 - a)]      h = s a (1 - a) x1' I^-1 x1

Layout. x flat, an example after the other, as `second_order.many_features` multiplies it. xt flat,
a feature after the other, `pitch` numbers each, the ones last:

    xt    feature 0: examples 0 .. m - 1, zeros up to pitch | feature 1 ... | ones (b) or zeros

I = L L.T; A = L^-1, kept by columns, `rows` numbers each: A[j * rows + i] is L^-1 at (i, j).

Loop order: of leverages: 16 examples (without AVX-512: 8), 8 (4) rows of A, features; so each
number of X that is loaded serves 8 rows. Rounding: FAST here, the loss EXACT on its own. Twin:
`fastlogreg.inference.firth`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..atomics import fetch_and_increment
from ..decorators import by_name, cpu_features, inlined, kernel
from ..lanes import load, splat, store
from ..layout import LANES, LINE_NUMBERS
from ..loss import link_with_slopes
from ..rows import add_all, add_each, eight_rows, for_each, four_rows, splats
from ..second_order.cholesky import factor, solve
from ..second_order.many_features import PANEL, add_products

PITCH = 2 * LANES  # examples that a tile has
TOGETHER_NUMBERS = 1 << 15  # of rows that are multiplied at a time
LEAST = 1e-14  # of a place on I's diagonal: a smaller pivot is none
MOST_PAIRS, NEAR, MOST_HALVINGS = 8, 0.3, 40
BENT = 0.1  # of what I says: a difference of scores that is less tells nothing
RISE = 0.1  # of what the slope promises: a step over the top and as far down is halved
NUMBERS = 4  # of what is kept of a run: l*, largest |U*|, the last step, points looked at


class Table(NamedTuple):
    """The examples: x and xt as above, y (m,) uint8, soft, weight and offset (m,) or none."""

    x: Any
    xt: Any
    n_x: int
    pitch: int
    y: Any
    soft: Any
    weight: Any
    offset: Any
    intercept: bool


class Room(NamedTuple):
    """What a point is computed in: z, dz, slopes, t (pitch,), H (p, p), L (p, p), A flat and by
    rows (p, p), and the products as `add_products` leaves them."""

    z: Any
    dz: Any
    slopes: Any
    t: Any
    H: Any
    L: Any
    A: Any
    rows: Any
    products: Any


@inlined
def eight_rows_of_squares(
    A: Any, i: int, rows: int, xt: Any, at: int, pitch: int, count: int, t: Any, to: int
) -> None:
    """Add to t, for 16 examples, the squares of rows i to i + 8 of A times x1."""
    h = eight_rows(0, 1)
    c, d = for_each(splat(0.0), h), for_each(splat(0.0), h)
    for j in range(count):
        s, k = splats(A, j * rows + i, h), j * pitch + at
        c = add_each(s, load(xt, k), c)
        d = add_each(s, load(xt, k + LANES), d)
    store(t, to, add_all(c, c, load(t, to)))
    store(t, to + LANES, add_all(d, d, load(t, to + LANES)))


@inlined
def four_rows_of_squares(
    A: Any, i: int, rows: int, xt: Any, at: int, pitch: int, count: int, t: Any, to: int
) -> None:
    """Add to t, for 8 examples, the squares of rows i to i + 4 of A times x1."""
    h = four_rows(0, 1)
    c = for_each(splat(0.0), h)
    for j in range(count):
        c = add_each(splats(A, j * rows + i, h), load(xt, j * pitch + at), c)
    store(t, to, add_all(c, c, load(t, to)))


add_squares, TILE_ROWS, TILE_EXAMPLES = (
    (eight_rows_of_squares, 8, 16) if "+avx512f" in cpu_features() else (four_rows_of_squares, 4, 8)
)


@by_name(kernel)
def room_for(table: Table) -> Room:
    """Return arrays for a point."""
    pitch, p = table.pitch, table.n_x + 1
    width = -(-p // PANEL) * PANEL
    vectors = np.zeros((4, pitch))
    return Room(
        vectors[0],
        vectors[1],
        vectors[2],
        vectors[3],
        np.empty((p, p)),
        np.zeros((p, p)),
        np.zeros(p * (-(-p // 8) * 8)),
        np.empty((p, p)),
        np.empty(width * width),
    )


@by_name(kernel)
def information(table: Table, room: Room) -> None:
    """Fill H with the sum of slope x1 x1'."""
    n_x, m, H = table.n_x, table.y.size, room.H
    p = n_x + 1
    width = -(-p // PANEL) * PANEL
    bounds, counter = np.empty(2, np.int64), np.zeros(LINE_NUMBERS, np.int64)
    bounds[0], bounds[1] = 0, width // PANEL
    room.products[:] = 0.0
    together = max(8, min(m, TOGETHER_NUMBERS // width))
    add_products(table.x, n_x, room.slopes[:m], together, bounds, width, room.products, counter)
    for i in range(p):
        for j in range(i, p):
            H[i, j] = H[j, i] = room.products[i * width + j]
    if not table.intercept:
        for j in range(p):
            H[n_x, j] = H[j, n_x] = 0.0
        H[n_x, n_x] = 1.0


@by_name(kernel)
def leverages(table: Table, room: Room) -> None:
    """Fill t with x1' I^-1 x1 of each example, from L."""
    p, pitch, L, A, t = table.n_x + 1, table.pitch, room.L, room.A, room.t
    rows = -(-p // 8) * 8
    for i in range(p):  # row i of L^-1 from the rows above it
        own = room.rows[i]
        own[:i] = 0.0
        own[i] = 1.0
        for k in range(i):
            f, above = L[i, k], room.rows[k]
            for j in range(k + 1):
                own[j] -= f * above[j]
        f = 1.0 / L[i, i]
        for j in range(i + 1):
            own[j] *= f
            A[j * rows + i] = own[j]
    t[:] = 0.0
    for at in range(0, pitch, TILE_EXAMPLES):
        for i in range(0, p, TILE_ROWS):
            count = min(i + TILE_ROWS, p)
            add_squares(A, i, rows, table.xt, at, pitch, count, t, at)


@by_name(kernel)
def evaluate(table: Table, theta: Any, room: Room, g: Any) -> float:
    """Return l* at theta (p,), and fill g with U*, H with I; -infinity where I is singular."""
    m, p, pitch, xt = table.y.size, table.n_x + 1, table.pitch, table.xt
    z, dz, slopes, t = room.z, room.dz, room.slopes, room.t
    z[:] = 0.0
    if table.offset.size:
        z[:m] = table.offset
    for j in range(p):
        f, own = theta[j], xt[j * pitch : (j + 1) * pitch]
        for i in range(pitch):
            z[i] += f * own[i]
    value = -link_with_slopes(z[:m], table.y, table.weight, dz[:m], slopes[:m])
    information(table, room)
    if not factor(room.H, LEAST, room.L):
        return -math.inf
    for j in range(p):
        value += math.log(room.L[j, j])
    leverages(table, room)
    weighted = table.weight.size > 0
    for i in range(m):
        s = table.weight[i] if weighted else 1.0
        a = dz[i] / s + table.y[i] if s > 0.0 else 0.5
        dz[i] = slopes[i] * t[i] * (0.5 - a) - dz[i]
    if table.soft.size:
        for i in range(m):
            more = table.soft[i] * (table.weight[i] if weighted else 1.0)
            value += more * z[i]
            dz[i] += more
    for j in range(p):
        own, s = xt[j * pitch : (j + 1) * pitch], 0.0
        for i in range(m):
            s += own[i] * dz[i]
        g[j] = s
    return float(value)


@kernel
def evaluate_columns(
    table: Table, thetas: Any, values: Any, scores: Any, Hs: Any, counter: Any
) -> None:
    """Fill l* (K,), U* (K, p) and, where there is room, I (K, p, p) at thetas (K, p).

    Any number of threads at once; they take columns from the counter.
    """
    room = room_for(table)
    k = fetch_and_increment(counter, 0)
    while k < values.size:
        values[k] = evaluate(table, thetas[k], room, scores[k])
        if Hs.size:
            Hs[k] = room.H
        k = fetch_and_increment(counter, 0)


@by_name(kernel)
def take_out(pairs: Any, count: int, q: Any, shares: Any) -> None:
    """Make the first loop of BFGS on q (p,), from the last pair to the first.

    pairs (most, 3, p): s, y and 1 / s.y of each. shares (count,) is filled for `put_back`.
    """
    for k in range(count - 1, -1, -1):
        share = 0.0
        for j in range(q.size):
            share += pairs[k, 0, j] * q[j]
        shares[k] = share * pairs[k, 2, 0]
        for j in range(q.size):
            q[j] -= shares[k] * pairs[k, 1, j]


@by_name(kernel)
def put_back(pairs: Any, count: int, shares: Any, d: Any) -> None:
    """Make the second loop of BFGS on d (p,), from the first pair to the last."""
    for k in range(count):
        share = 0.0
        for j in range(d.size):
            share += pairs[k, 1, j] * d[j]
        share = shares[k] - share * pairs[k, 2, 0]
        for j in range(d.size):
            d[j] += share * pairs[k, 0, j]


@by_name(kernel)
def improve(pairs: Any, count: int, L: Any, g: Any, d: Any) -> None:
    """Set d (p,) to B g: I^-1, of the factor L, improved by the last scores' differences."""
    q, shares = g.copy(), np.zeros(count)
    take_out(pairs, count, q, shares)
    solve(L, q, d)
    put_back(pairs, count, shares, d)


@kernel
def climb(table: Table, theta: Any, tol: float, most: int, costs: Any, numbers: Any, H: Any) -> int:
    """Climb l* from theta (p,), which is moved; return the steps made.

    It ends where the largest |U*| is at most tol, or a step brings nothing to float64. costs
    (most,) takes -l* before each step, numbers what `NUMBERS` says, H (p, p) the information.
    """
    p, room = theta.size, room_for(table)
    g, old, d, trial = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    pairs, count = np.zeros((MOST_PAIRS, 3, p)), 0
    value, looks, steps, size = evaluate(table, theta, room, g), 1, 0, math.inf
    while steps < most and value > -math.inf:
        largest = 0.0
        for j in range(p):
            largest = max(largest, abs(g[j]))
        if largest <= tol or size <= 1e-13:
            break
        improve(pairs, count, room.L, g, d)
        size, rise = 0.0, 0.0  # the step in standard errors; the slope of l* along it
        for i in range(p):
            s = 0.0
            for j in range(p):
                s += room.H[i, j] * d[j]
            size += d[i] * s
            rise += g[i] * d[i]
        size = math.sqrt(max(size, 0.0))
        costs[steps] = -value
        old[:] = g
        share, found = 1.0, -math.inf
        for _ in range(MOST_HALVINGS):
            for j in range(p):
                trial[j] = theta[j] + share * d[j]
            found = evaluate(table, trial, room, g)
            looks += 1
            if found >= value + RISE * share * rise - 1e-13 * abs(value):
                break
            share *= 0.5
        if not found >= value - 1e-13 * abs(value):
            evaluate(table, theta, room, g)
            break
        if size < NEAR and share == 1.0:
            product = 0.0
            for j in range(p):
                product += d[j] * (old[j] - g[j])
            if product > BENT * size * size:
                if count == MOST_PAIRS:
                    for k in range(count - 1):
                        pairs[k] = pairs[k + 1]
                    count -= 1
                for j in range(p):
                    pairs[count, 0, j], pairs[count, 1, j] = d[j], old[j] - g[j]
                pairs[count, 2, 0] = 1.0 / product
                count += 1
        else:
            count = 0
        theta[:] = trial
        value = found
        steps += 1
    largest = 0.0
    for j in range(p):
        largest = max(largest, abs(g[j]))
    numbers[0], numbers[1], numbers[2], numbers[3] = value, largest, size, looks
    H[:, :] = room.H
    return steps
