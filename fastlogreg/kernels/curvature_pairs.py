"""The pairs (s, y) of L-BFGS where they are long: two reads of all of them an iteration.

The two-loop recursion reads each pair twice and writes a vector as long between one and the next.
But what it needs of the pairs are their inner products. Those with the new y and the new gradient
are summed in one read (`pair_products`), the numbers of the recursion follow from them, and H g is
put together in another (`combine_pairs`).

Layout: pairs (2 slots, stride), flat; row 2 i is s of slot i, row 2 i + 1 its y; stride is the size
rounded up to eights, zeros last. sums (chunks, width), flat: a row of a chunk of `CHUNK` numbers.

    pair_products    s.y | s.s | y.y | s.D s | y.D^-1 y | s.g | y.D^-1 g | - |
                     then for each older pair: s_j.y | s_j.g | y_j.D^-1 y | y_j.D^-1 g

Threads take chunks, and each fills the rows of its own: the sum of the rows, in order, has the same
bits on any number of threads. Loop order: chunks; pairs; numbers.

Rounding: EXACT. Twin: NumPy's products, in the tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .atomics import fetch_and_increment
from .decorators import exact, inlined
from .lanes import add_sums, first, fma, load, load_part, splat, store, store_part
from .layout import LANES
from .many.links import ratio

CHUNK = 2048  # numbers: what a chunk has beside the pairs stays in the first-level cache
HEAD = 8  # sums before those of older pairs


@inlined
def copied(v: Any, lo: int, count: int, own: Any) -> None:
    """Copy v[lo : lo + count] to own; 0 up to a whole vector."""
    whole = count & -8
    for i in range(0, whole, LANES):
        store(own, i, load(v, lo + i))
    if whole < count:
        store(own, whole, load_part(v, lo + whole, count - whole))


@inlined
def difference(end: Any, start: Any, lo: int, count: int, pairs: Any, to: int, own: Any) -> None:
    """Put end - start, from lo on, in pairs[to:] and in own; 0 up to a whole vector."""
    whole, minus = count & -8, splat(-1.0)
    for i in range(0, whole, LANES):
        lanes = fma(load(start, lo + i), minus, load(end, lo + i))
        store(pairs, to + i, lanes)
        store(own, i, lanes)
    if whole < count:
        rest = count - whole
        lanes = fma(load_part(start, lo + whole, rest), minus, load_part(end, lo + whole, rest))
        store(pairs, to + whole, lanes)
        store(own, whole, lanes)


@exact
def pair_products(
    pairs: Any,
    order: Any,
    slot: int,
    points: Any,
    gradients: Any,
    diagonal: Any,
    sums: Any,
    counter: Any,
) -> None:
    """Sum the products of a pair and of a gradient with the pairs of `order`, chunk by chunk.

    points: (from, to), of which the pair's s is the difference; gradients likewise. Where `from` is
    empty the pair is there already. diagonal: D, or empty where it is 1. sums: zeros on entry.
    """
    (start, end), (before, gradient) = points, gradients
    size = gradient.size
    stride, width = (size + 7) & -8, HEAD + 4 * order.size
    y, g, s, D = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    scaled = diagonal.size > 0
    y_scaled, g_scaled = (np.empty(CHUNK), np.empty(CHUNK)) if scaled else (y, g)
    zero = splat(0.0)
    c = fetch_and_increment(counter, 0)
    while c * CHUNK < size:
        lo, at = c * CHUNK, c * width
        count = min(CHUNK, size - lo)
        full = (count + 7) & -8
        own = 2 * slot * stride + lo
        if start.size:
            difference(end, start, lo, count, pairs, own, s)
            difference(gradient, before, lo, count, pairs, own + stride, y)
        else:
            copied(pairs, own, full, s)
            copied(pairs, own + stride, full, y)
        copied(gradient, lo, count, g)
        sds = ydy = zero
        if scaled:
            copied(diagonal, lo, count, D)
            for i in range(count, full):
                D[i] = 1.0
            for i in range(0, full, LANES):
                D8, s8, y8 = load(D, i), load(s, i), load(y, i)
                store(y_scaled, i, ratio(y8, D8))
                store(g_scaled, i, ratio(load(g, i), D8))
                sds = fma(fma(s8, D8, zero), s8, sds)
        sy = ss = yy = sg = ydg = zero
        for i in range(0, full, LANES):
            s8, y8 = load(s, i), load(y, i)
            sy, ss, yy = fma(s8, y8, sy), fma(s8, s8, ss), fma(y8, y8, yy)
            ydy, sg = fma(y8, load(y_scaled, i), ydy), fma(s8, load(g, i), sg)
            ydg = fma(y8, load(g_scaled, i), ydg)
        if not scaled:
            sds = ss
        add_sums(sums, at, 1, (sy, ss, yy, sds, ydy, sg, ydg))
        for j in range(order.size):
            s_row = 2 * order[j] * stride + lo
            y_row = s_row + stride
            with_y = with_g = y_with_y = y_with_g = splat(0.0)
            for i in range(0, full, LANES):
                s8, y8 = load(pairs, s_row + i), load(pairs, y_row + i)
                with_y, with_g = fma(s8, load(y, i), with_y), fma(s8, load(g, i), with_g)
                y_with_y = fma(y8, load(y_scaled, i), y_with_y)
                y_with_g = fma(y8, load(g_scaled, i), y_with_g)
            add_sums(sums, at + HEAD + 4 * j, 1, (with_y, with_g, y_with_y, y_with_g))
        c = fetch_and_increment(counter, 0)


@exact
def combine_pairs(
    pairs: Any,
    order: Any,
    factors: Any,
    gradient: Any,
    diagonal: Any,
    d: Any,
    sums: Any,
    counter: Any,
) -> None:
    """Put -(gamma D^-1 (g + sum of e_j y_j) + sum of c_j s_j) in d, and g.d in sums (chunks,).

    factors: gamma, then c_j and e_j of each pair. sums: zeros on entry.
    """
    size = gradient.size
    stride = (size + 7) & -8
    of_s, of_y = np.empty(CHUNK), np.empty(CHUNK)
    zero, one, minus = splat(0.0), splat(1.0), splat(-1.0)
    c = fetch_and_increment(counter, 0)
    while c * CHUNK < size:
        lo = c * CHUNK
        count = min(CHUNK, size - lo)
        full = (count + 7) & -8
        copied(gradient, lo, count, of_y)
        for i in range(0, full, LANES):
            store(of_s, i, zero)
        for j in range(order.size):
            s_row = 2 * order[j] * stride + lo
            y_row = s_row + stride
            c8, e8 = splat(factors[1 + 2 * j]), splat(factors[2 + 2 * j])
            for i in range(0, full, LANES):
                store(of_s, i, fma(load(pairs, s_row + i), c8, load(of_s, i)))
                store(of_y, i, fma(load(pairs, y_row + i), e8, load(of_y, i)))
        slope, gamma = zero, splat(factors[0])
        for i in range(0, count, LANES):
            there = min(LANES, count - i)
            lanes = load(of_y, i)
            if diagonal.size:
                outside = fma(first(there), minus, one)
                lanes = ratio(lanes, fma(load_part(diagonal, lo + i, there), one, outside))
            lanes = fma(fma(gamma, lanes, load(of_s, i)), minus, zero)
            store_part(d, lo + i, lanes, there)
            slope = fma(lanes, load_part(gradient, lo + i, there), slope)
        add_sums(sums, c, 1, (slope,))
        c = fetch_and_increment(counter, 0)
