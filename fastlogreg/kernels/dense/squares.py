"""Squares of a dense X as the model sees it, x = scale * X + shift: the largest ||x|| of the
examples, and of each feature the weighted sum. Neither needs z: each is one read of X, in whatever
order it lies.

Kernels check nothing; x: X as a flat view, as in `dense`; scale, shift: n_x rounded up to eights,
zeros last.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment
from ..decorators import kernel
from ..lanes import LANES, fma, load, load_part, splat, store, sums


@kernel
def largest_square(
    x: Any, feature_major: Any, scale: Any, shift: Any, lo: int, hi: int, m: int
) -> float:
    """The largest ||scale * x + shift||^2 over the examples lo to hi. scale, shift: (n_x,), rounded
    up to eights with zeros."""
    n_x = x.size // m
    part = n_x & 7
    whole, largest = n_x - part, 0.0
    lanes, zero = np.empty(LANES), splat(0.0)
    if feature_major is None:
        for i in range(lo, hi):
            s = splat(0.0)
            for j in range(0, whole, LANES):
                v = fma(load(x, i * n_x + j), load(scale, j), load(shift, j))
                s = fma(v, v, s)
            if part:
                v = fma(load_part(x, i * n_x + whole, part), load(scale, whole), load(shift, whole))
                s = fma(v, v, s)
            store(lanes, 0, sums(s, zero, zero, zero, zero, zero, zero, zero))
            largest = max(largest, lanes[0])
        return largest
    for i in range(lo, hi, LANES):
        count = min(LANES, hi - i)
        s = splat(0.0)
        for j in range(n_x):
            k = j * m + i
            v = load(x, k) if count == LANES else load_part(x, k, count)
            v = fma(v, splat(scale[j]), splat(shift[j]))
            s = fma(v, v, s)
        store(lanes, 0, s)
        for r in range(count):
            largest = max(largest, lanes[r])
    return largest


@kernel
def add_squares(
    x: Any,
    feature_major: Any,
    n_x: int,
    weight: Any,
    scale: Any,
    shift: Any,
    lo: int,
    hi: int,
    row: Any,
) -> None:
    """row[j] += sum of weight * x_j^2 over the examples lo to hi; row: n_x rounded up to eights."""
    zero = splat(0.0)
    if feature_major is None:
        part = n_x & 7
        whole = n_x - part
        for i in range(lo, hi, 4):  # the last group repeats its last example, with a weight of 0
            k0, last = i * n_x, (hi - 1) * n_x
            k1, k2, k3 = min(k0 + n_x, last), min(k0 + 2 * n_x, last), min(k0 + 3 * n_x, last)
            s0 = splat(weight[i])
            s1, s2, s3 = zero, zero, zero
            if i + 1 < hi:
                s1 = splat(weight[i + 1])
            if i + 2 < hi:
                s2 = splat(weight[i + 2])
            if i + 3 < hi:
                s3 = splat(weight[i + 3])
            for j in range(0, whole, LANES):
                a, c, r = load(scale, j), load(shift, j), load(row, j)
                v0, v1 = fma(load(x, k0 + j), a, c), fma(load(x, k1 + j), a, c)
                v2, v3 = fma(load(x, k2 + j), a, c), fma(load(x, k3 + j), a, c)
                r = fma(fma(v0, s0, zero), v0, fma(fma(v1, s1, zero), v1, r))
                store(row, j, fma(fma(v2, s2, zero), v2, fma(fma(v3, s3, zero), v3, r)))
            if part:
                a, c, r = load(scale, whole), load(shift, whole), load(row, whole)
                v0, v1 = (
                    fma(load_part(x, k0 + whole, part), a, c),
                    fma(load_part(x, k1 + whole, part), a, c),
                )
                v2, v3 = (
                    fma(load_part(x, k2 + whole, part), a, c),
                    fma(load_part(x, k3 + whole, part), a, c),
                )
                r = fma(fma(v0, s0, zero), v0, fma(fma(v1, s1, zero), v1, r))
                store(row, whole, fma(fma(v2, s2, zero), v2, fma(fma(v3, s3, zero), v3, r)))
        return
    m, lanes = weight.size, np.empty(LANES)
    part = (hi - lo) & 7
    whole = hi - part
    for j in range(n_x):
        a, c, s = splat(scale[j]), splat(shift[j]), zero
        for i in range(lo, whole, LANES):
            v = fma(load(x, j * m + i), a, c)
            s = fma(fma(v, load(weight, i), zero), v, s)
        if part:
            v = fma(load_part(x, j * m + whole, part), a, c)
            s = fma(fma(v, load_part(weight, whole, part), zero), v, s)
        store(lanes, 0, sums(s, zero, zero, zero, zero, zero, zero, zero))
        row[j] += lanes[0]


@kernel
def run_square_chunks(
    x: Any,
    feature_major: Any,
    n_x: int,
    weight: Any,
    scale: Any,
    shift: Any,
    chunk: int,
    partials: Any,
    counter: Any,
) -> None:
    """Chunks of `chunk` examples, each into its own row of partials, until none is left; any number
    of threads at once."""
    c = fetch_and_increment(counter, 0)
    while c < partials.shape[0]:
        lo, row = c * chunk, partials[c]
        row[:] = 0.0
        add_squares(
            x, feature_major, n_x, weight, scale, shift, lo, min(weight.size, lo + chunk), row
        )
        c = fetch_and_increment(counter, 0)
