"""Squares of a dense X as the model sees it, v = scale * x + shift, in one read of X.

`add_squares` sums weight * v^2 of each feature, for its variance.

Layout. scale and shift are rounded up to eights, zeros last.

    example-major   rows of n_x: vectors along the features, the end of a row in part
    feature-major   rows of m: vectors along the examples

Loop order: rows outside, vectors inside. `add_squares` takes four examples at a time.

Rounding: FAST; the vectors say already how sums are made. Kernels check nothing; x: X as a flat
view, as in `chunks`. Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment
from ..bundles import Scaling, Work
from ..decorators import inlined, inner, kernel
from ..lanes import fma, load, load_part, splat, store, sums
from ..layout import LANES
from ..rows import add_each, for_each, four_rows_up_to, load_rows, load_rows_part


@inlined
def add_weighted_squares(v: Any, s: Any, total: Any) -> Any:
    """Add s_r v_r^2 of four rows to the vector total."""
    zero = splat(0.0)
    total = fma(fma(v[0], s[0], zero), v[0], fma(fma(v[1], s[1], zero), v[1], total))
    return fma(fma(v[2], s[2], zero), v[2], fma(fma(v[3], s[3], zero), v[3], total))


@inner(kernel)
def add_squares(
    feature_major: Any,
    x: Any,
    n_x: int,
    weight: Any,
    scaling: Scaling,
    lo: int,
    hi: int,
    row: Any,
) -> None:
    """Add the sum of weight * v_j^2 over the examples lo to hi to row[j], n_x rounded up to
    eights."""
    scale, shift = scaling
    zero = splat(0.0)
    if feature_major is None:
        part = n_x & 7
        whole = n_x - part
        for i in range(lo, hi, 4):  # the last group repeats its last example, with a weight of 0
            k = four_rows_up_to(i * n_x, n_x, (hi - 1) * n_x)
            s0 = splat(weight[i])
            s1, s2, s3 = zero, zero, zero
            if i + 1 < hi:
                s1 = splat(weight[i + 1])
            if i + 2 < hi:
                s2 = splat(weight[i + 2])
            if i + 3 < hi:
                s3 = splat(weight[i + 3])
            s = s0, s1, s2, s3
            for j in range(0, whole, LANES):
                shifts = for_each(load(shift, j), k)
                v = add_each(load_rows(x, k, j), load(scale, j), shifts)
                store(row, j, add_weighted_squares(v, s, load(row, j)))
            if part:
                shifts = for_each(load(shift, whole), k)
                v = add_each(load_rows_part(x, k, whole, part), load(scale, whole), shifts)
                store(row, whole, add_weighted_squares(v, s, load(row, whole)))
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
        store(lanes, 0, sums((s,)))
        row[j] += lanes[0]


@kernel
def run_square_chunks(
    feature_major: Any, x: Any, n_x: int, weight: Any, scaling: Scaling, work: Work
) -> None:
    """Sum chunks, each into its own row of partials, until none is left; any number of threads."""
    chunk, _, partials, counters = work
    c = fetch_and_increment(counters, 0)
    while c < partials.shape[0]:
        lo, row = c * chunk, partials[c]
        hi = min(weight.size, lo + chunk)
        row[:] = 0.0
        add_squares(feature_major, x, n_x, weight, scaling, lo, hi, row)
        c = fetch_and_increment(counters, 0)
