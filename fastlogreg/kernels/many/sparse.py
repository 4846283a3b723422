"""K columns of a sparse X, from its non-zeros: `kernels.sparse` for eight columns at once, or one.

Layout. Row i of X is data[starts[i] : starts[i + 1]], as there. What it is multiplied with has a
row of `width` numbers, K rounded up to eights, for each index: a non-zero touches neighbours.

    W.T    (n_x, width)     index j: w_j of column 0, 1, ..., K - 1, zeros
    Z.T    (block, width)   likewise; turned to (K, block) for the losses, and back

Where the link is SIDES, dZ has 2K rows: then what is turned back, and dW.T, are wider. One column
alone has rows of 1, or of 2: each step is the same as in a lane, so that no bit changes.

    rows are examples    gather Z.T[i] += x W.T[j]; losses; scatter dW.T[j] += x dZ.T[i]: one read
    rows are features    scatter Z.T[i] += x W.T[j]; losses; gather dW.T[j] += x dZ.T[i]: two reads

Loop order: blocks of rows, rows, eights of columns, non-zeros. Threads take chunks, blocks of them
and turns as in `kernels.sparse`, so that the order of additions is fixed. The number of chunks
follows from the shape of X, not from K: a column has the same bits alone and beside others.

Rounding: EXACT. A gathered sum is two, of the even and the odd non-zeros. Twin: SciPy's products,
in the tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment, wait_for
from ..bundles import Compressed
from ..decorators import exact, inlined
from ..lanes import fma, load, prefetch, splat, store
from ..layout import LANES
from .bundles import (
    HEADS,
    MODELS_PRODUCTS,
    PRODUCTS,
    SIDES,
    Places,
    Rows,
    Scores,
    Shape,
    Tables,
    Targets,
    Work,
)
from .chunks import link_block
from .emit import PLAN
from .moves import take_targets

NEAR = 1 << 15  # numbers that the second-level cache holds beside others: rows of them are near
ONE, TWO = np.uint64(1), np.uint64(2)


@inlined
def row_width(K: int, rows: int) -> int:
    """Return the numbers in a row of K columns' Z.T, W.T, dZ.T or dW.T, which have `rows` each."""
    return rows if K == 1 else (rows + 7) & -8


@inlined
def ask_rows(indices: Any, first: Any, end: Any, v: Any, width: int, at: int) -> None:
    """Ask for the rows in v[at:] of the non-zeros behind end, as many as lie between first and end.

    They are those of the next row of X, if all are of one length.
    """
    for k in range(end, min(end + (end - first), np.uint64(indices.size))):
        for q in range(0, width, LANES):
            prefetch(v, at + np.int64(indices[k]) * width + q)


@inlined
def gather(x: Compressed, lo: int, hi: int, v: Any, width: int, out: Any, at: int) -> None:
    """Add the sum of x v[index] over row i to row i - lo of out[at:]."""
    far = v.size > NEAR
    data, indices, starts = x
    one = splat(1.0)
    for i in range(lo, hi):
        first, end = starts[i], starts[i + 1]
        for q in range(width if width < LANES else 0):
            s = t = 0.0
            k = first
            while k + TWO <= end:
                s += np.float64(data[k]) * v[np.int64(indices[k]) * width + q]
                t += np.float64(data[k + ONE]) * v[np.int64(indices[k + ONE]) * width + q]
                k += TWO
            if k < end:
                s += np.float64(data[k]) * v[np.int64(indices[k]) * width + q]
            out[at + (i - lo) * width + q] += s + t
        for q in range(0, width if width >= LANES else 0, LANES):
            even = odd = splat(0.0)
            k = first
            if far and q == 0:
                ask_rows(indices, first, end, v, width, 0)
            while k + TWO <= end:
                j0, j1 = np.int64(indices[k]) * width + q, np.int64(indices[k + ONE]) * width + q
                even = fma(splat(np.float64(data[k])), load(v, j0), even)
                odd = fma(splat(np.float64(data[k + ONE])), load(v, j1), odd)
                k += TWO
            if k < end:
                j = np.int64(indices[k]) * width + q
                even = fma(splat(np.float64(data[k])), load(v, j), even)
            to = at + (i - lo) * width + q
            store(out, to, fma(fma(even, one, odd), one, load(out, to)))


@inlined
def scatter(
    x: Compressed, span: tuple[int, int, int], v: Any, width: int, out: Any, at: int
) -> None:
    """Add x times row i - lo of v to out[at:][index], for each non-zero of the rows lo to hi.

    span: lo, hi, and how many indices there are.
    """
    lo, hi, length = span
    far = length * width > NEAR
    data, indices, starts = x
    for i in range(lo, hi):
        first, end = starts[i], starts[i + 1]
        for q in range(width if width < LANES else 0):
            factor = v[(i - lo) * width + q]
            k = first if factor != 0.0 else end  # one of the two sides is always 0
            while k < end:
                out[at + np.int64(indices[k]) * width + q] += np.float64(data[k]) * factor
                k += ONE
        for q in range(0, width if width >= LANES else 0, LANES):
            factors = load(v, (i - lo) * width + q)
            k = first
            if far and q == 0:
                ask_rows(indices, first, end, out, width, at)
            while k < end:
                to = at + np.int64(indices[k]) * width + q
                store(out, to, fma(splat(np.float64(data[k])), factors, load(out, to)))
                k += ONE


@inlined
def turn(by_example: Any, start: int, count: int, K: int, width: int, z: Any, block: int) -> None:
    """Turn `count` rows of `width` from by_example[start:] into z (K, block); 0 behind them."""
    for k in range(K):
        for i in range(count):
            z[k * block + i] = by_example[start + i * width + k]
        for i in range(count, (count + 7) & -8):
            z[k * block + i] = 0.0


@inlined
def turn_back(
    z: Any, block: int, K: int, count: int, by_example: Any, start: int, width: int
) -> None:
    """Turn z (K, block) back into rows of `width`, zeros last."""
    for i in range(count):
        for k in range(width):
            by_example[start + i * width + k] = z[k * block + i] if k < K else 0.0


@inlined
def room(link: int, block: int, K: int) -> Places:
    """Make what the losses of a block are computed in."""
    return Places(
        np.empty(0),
        np.empty(K * block),
        np.empty(K * block if link in (PRODUCTS, MODELS_PRODUCTS) else 0),
        np.empty(block),
        np.empty(block),
        np.empty(block, np.int64),
        np.empty(PLAN, np.int64),
    )


@exact
def run_examples(
    link: int,
    tables: Tables,
    x: Compressed,
    shape: Shape,
    targets: Targets,
    rows: Rows,
    scores: Scores,
    work: Work,
) -> None:
    """Take blocks of examples until none is left; any number of threads at once.

    rows: W.T (n_x, width), flat, and b (K,). total: for each chunk HEADS rows of sums, rounded up
    to eights, and dW.T. counters (1 + 2 chunks, LINE_NUMBERS), zeros on entry: the next chunk; then
    for each chunk its next block, and whose turn it is.
    """
    (m, n_x, chunk, block, _), (total, counters), (W, b) = shape, work, rows
    K, chunks = b.size, (m + chunk - 1) // chunk
    of_dz = 2 * K if link == SIDES else K
    of_z, width, head = row_width(K, K), row_width(K, of_dz), HEADS * ((of_dz + 7) & -8)
    size = head + n_x * width
    places, heads, by_example = (
        room(link, block, of_dz),
        np.empty(head),
        np.empty(block * width),
    )
    first = fetch_and_increment(counters[0], 0)
    visits, c = 0, first
    while visits < chunks:
        if c >= chunks:  # all are begun: help where something is left
            c = (first + visits) % chunks
            visits += 1
        start, end = c * chunk, min(m, (c + 1) * chunk)
        number = fetch_and_increment(counters[1 + 2 * c], 0)
        while start + number * block < end:
            lo = start + number * block
            hi = min(end, lo + block)
            for i in range(hi - lo):
                for k in range(of_z):
                    by_example[i * of_z + k] = b[k] if k < K else 0.0
                    if k < K and targets.offset.size:
                        by_example[i * of_z + k] += targets.offset[lo + i]
            gather(x, lo, hi, W, of_z, by_example, 0)
            turn(by_example, 0, hi - lo, K, of_z, places.z, block)
            take_targets(targets, (lo, hi), places)
            heads[:] = 0.0
            link_block(link, tables, K, scores, shape, (lo, hi), places, heads)
            turn_back(places.z, block, of_dz, hi - lo, by_example, 0, width)
            wait_for(counters[2 + 2 * c], number)
            for j in range(head):
                total[c * size + j] += heads[j]
            scatter(x, (lo, hi, n_x), by_example, width, total, c * size + head)
            fetch_and_increment(counters[2 + 2 * c], 0)
            number = fetch_and_increment(counters[1 + 2 * c], 0)
        c = chunks if visits else fetch_and_increment(counters[0], 0)


@exact
def scatter_features(x: Compressed, shape: Shape, W: Any, width: int, work: Work) -> None:
    """Add W.T[j] times feature j to Z.T, in chunks of features as in `run_examples`.

    total: (chunks, m width), flat.
    """
    (m, n_x, chunk, _, _), (total, counters) = shape, work
    c = fetch_and_increment(counters[0], 0)
    while c * chunk < n_x:
        lo, hi = c * chunk, min(n_x, (c + 1) * chunk)
        scatter(x, (lo, hi, m), W[lo * width : hi * width], width, total, c * m * width)
        c = fetch_and_increment(counters[0], 0)


@exact
def link_scores(
    link: int,
    tables: Tables,
    shape: Shape,
    targets: Targets,
    rows: Rows,
    scores: Scores,
    work: Work,
    out: Any,
) -> None:
    """Put dZ.T in `out`, block by block; add up the heads in the order of the blocks.

    rows: Z.T (m, width), flat, without b; and b. out: (m, width of dZ.T), flat; where both widths
    are one, it may be Z.T itself. total: the heads. counters: as `chunks` has them.
    """
    (m, _, _, block, _), (total, counters), (by_example, b) = shape, work, rows
    K = b.size
    of_dz = 2 * K if link == SIDES else K
    of_z, width, head = row_width(K, K), row_width(K, of_dz), HEADS * ((of_dz + 7) & -8)
    places, heads = room(link, block, of_dz), np.empty(head)
    number = fetch_and_increment(counters[0], 0)
    while number * block < m:
        lo = number * block
        hi = min(m, lo + block)
        turn(by_example, lo * of_z, hi - lo, K, of_z, places.z, block)
        for k in range(K):
            for i in range(hi - lo):
                places.z[k * block + i] += b[k]
                if targets.offset.size:
                    places.z[k * block + i] += targets.offset[lo + i]
        take_targets(targets, (lo, hi), places)
        heads[:] = 0.0
        link_block(link, tables, K, scores, shape, (lo, hi), places, heads)
        turn_back(places.z, block, of_dz, hi - lo, out, lo * width, width)
        wait_for(counters[1], number)
        for j in range(head):
            total[j] += heads[j]
        fetch_and_increment(counters[1], 0)
        number = fetch_and_increment(counters[0], 0)


@exact
def gather_features(
    x: Compressed, block: int, by_example: Any, width: int, out: Any, at: int, counter: Any
) -> None:
    """Add feature j times dZ.T to row j of out[at:], by blocks until none is left."""
    n_x = x.starts.size - 1
    lo = fetch_and_increment(counter, 0) * block
    while lo < n_x:
        hi = min(n_x, lo + block)
        gather(x, lo, hi, by_example, width, out, at + lo * width)
        lo = fetch_and_increment(counter, 0) * block
