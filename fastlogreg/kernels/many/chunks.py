"""K columns of any dense X: each thread takes the next chunk of examples and adds up its sums.

    pack a block -> Z = W X + b -> losses, dZ in the place of Z -> dW += dZ X.T

Where the link is SIDES, Z has K rows, and dZ and dW have 2K: see `blocks`.

Layout: `bundles` and `packing`. A block of all features stays in the second-level cache from the
first product to the second. Where even a few examples have too many features for that, a block is
packed twice, some features (a slab) at a time; the last slab is still there.

Loop order: chunks; blocks of a chunk; slabs of a block. Threads take chunks in order, each sums its
own in a row of its own, and adds it to the total when that of the chunk before is in. So neither
threads nor K change a bit, and a thread takes no more memory than one row. A thread takes its next
chunk before it works on one, so as to ask for it in time. The thread with the earliest chunk never
waits.

Rounding: EXACT. Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment, wait_for
from ..decorators import exact, inlined
from ..layout import LANES
from .blocks import columns_block, products_block, softmax_block
from .bundles import (
    COLUMNS,
    PRODUCTS,
    SIDES,
    SOFTMAX,
    Form,
    Places,
    Rows,
    Scores,
    Shape,
    Tables,
    Targets,
    Work,
)
from .emit import PLAN
from .packing import clear_rows, pack_rows
from .tiles import axpys, dots, plan_ahead

Span = tuple[int, int]  # first, one past the last
HEADS = 4  # sums of K numbers before dW


@inlined
def pack(x: Any, form: Form, shape: Shape, span: Span, slab: Span, a: Any) -> None:
    """Pack some features of a block."""
    (m, n_x, _, _, _), (lo, hi), (first, last) = shape, span, slab
    count, features = hi - lo, last - first
    rows, length, start, stride = count, features, lo * n_x + first, n_x
    if not form.by_example:
        rows, length, start, stride = features, count, first * m + lo, m
    padded = (length + 7) & -8
    pack_rows(x, form.dtype, (start, stride, rows), length, a, 0, padded)
    clear_rows(a, rows * padded, -rows & 7, padded)


@inlined
def plan_block(x: Any, form: Form, shape: Shape, lo: int, ahead: Any) -> None:
    """Plan to ask for the block that begins with example lo; of no more examples than there are."""
    (m, n_x, _, block, _), size = shape, form.itemsize
    count, first = max(1, min(block, m - lo)), min(lo, m - 1)
    if form.by_example:
        plan_ahead(ahead, x, first * n_x * size, 0, 1, count * n_x * size)
    else:
        plan_ahead(ahead, x, first * size, m * size, n_x, count * size)


@inlined
def multiply(
    by_dots: bool,
    forward: bool,
    shape: Shape,
    W: Any,
    K: int,
    span: Span,
    slab: Span,
    places: Places,
    row: Any,
) -> None:
    """Add W X to Z (forward), or dZ X.T to dW, of some packed features: by dots or by axpys.

    K: the rows of W, or of dZ.
    """
    (_, n_x, _, block, _), (lo, hi), (first, last) = shape, span, slab
    width, padded, examples = (last - first + 7) & -8, (n_x + 7) & -8, (hi - lo + 7) & -8
    own, factors, columns = places.z, W, (first, padded, K)
    out, to = places.z, (0, block)
    if not forward:
        factors, columns = own, (0, block, K)
        out, to = row, (HEADS * ((K + 7) & -8) + first, padded)
    length, count = examples, last - first
    if by_dots == forward:
        length, count = width, hi - lo
    if by_dots:
        of_a = 0, length, (count + 7) & -8
        dots(places.ahead, places.a, of_a, factors, columns, length // LANES, out, to)
    else:
        of_a = 0, length, count
        axpys(places.ahead, places.a, of_a, factors, columns, length // LANES, out, to)


@inlined
def take_targets(targets: Targets, span: Span, places: Places) -> None:
    """Copy what is known of the examples of a block; 0 behind them."""
    (own_labels, weight, own_group, _), (lo, hi) = targets, span
    labels, s, group = places.labels, places.s, places.group
    for i in range((hi - lo + 7) & -8):
        there = lo + i < hi
        labels[i] = own_labels[lo + i] if there and own_labels.size else 0
        s[i] = 0.0
        if there:
            s[i] = weight[lo + i] if weight.size else 1.0
        group[i] = own_group[lo + i] if there and own_group.size else 0


@inlined
def begin_scores(b: Any, offset: Any, span: Span, block: int, z: Any) -> None:
    """Set each row of z (K, block) to its b and the offsets of the examples."""
    lo, hi = span
    for k in range(b.size):
        z[k * block : (k + 1) * block] = b[k]
        if offset.size:
            for i in range(hi - lo):
                z[k * block + i] += offset[lo + i]


@inlined
def move_scores(scores: Scores, span: Span, K: int, block: int, scratch: Any, out: bool) -> None:
    """Copy z of a block from scratch (K, block) to its place, or from there to scratch."""
    (z, m, first), (lo, hi) = scores, span
    for k in range(K):
        there, here = k * m + first + lo, k * block
        for i in range(hi - lo):
            if out:
                z[there + i] = scratch[here + i]
            else:
                scratch[here + i] = z[there + i]
        if not out:
            for i in range(hi - lo, (hi - lo + 7) & -8):
                scratch[here + i] = 0.0


@inlined
def link_block(
    link: int,
    tables: Tables,
    K: int,
    scores: Scores,
    shape: Shape,
    span: Span,
    places: Places,
    row: Any,
) -> None:
    """Put dZ in the place of Z, and add up what else is asked for."""
    count, block = (span[1] - span[0] + 7) & -8, shape.block
    if link == PRODUCTS:
        move_scores(scores, span, K, block, places.extra, False)
        products_block(K, block, count, places, row)
    elif scores.z.size:
        move_scores(scores, span, K, block, places.z, True)
    if link == SOFTMAX:
        softmax_block(K, block, count, places, row)
    if link in (COLUMNS, SIDES):
        columns_block(tables, K, link == SIDES, block, count, places, row)


@exact
def run_columns(
    form: Form,
    link: int,
    tables: Tables,
    x: Any,
    shape: Shape,
    targets: Targets,
    rows: Rows,
    scores: Scores,
    work: Work,
) -> None:
    """Work on chunks until none is left; any number of threads at once.

    link: SOFTMAX, PRODUCTS, COLUMNS or SIDES; the last two read `tables`. x: the bytes of X.
    scores: takes every Z; where the link is PRODUCTS, gives it.
    """
    (m, n_x, chunk, block, slab), (total, counters), (W, b) = shape, work, rows
    K = b.size
    of_dz = 2 * K if link == SIDES else K
    slabs, size = (n_x + slab - 1) // slab, of_dz * block
    row, ahead = np.empty(total.size), np.zeros(PLAN, np.int64)
    labels, s, group = np.empty(block), np.empty(block), np.empty(block, np.int64)
    extra = np.empty(size if link == PRODUCTS else 0)
    places = Places(np.empty(slab * block), np.empty(size), extra, labels, s, group, ahead)
    c = fetch_and_increment(counters[0], 0)
    while c * chunk < m:
        following = fetch_and_increment(counters[0], 0)
        end = min(m, (c + 1) * chunk)
        row[:] = 0.0
        for lo in range(c * chunk, end, block):
            span = lo, min(end, lo + block)
            plan_block(x, form, shape, span[1] if span[1] < end else following * chunk, ahead)
            take_targets(targets, span, places)
            begin_scores(b, targets.offset, span, block, places.z)
            for t in range(2 * slabs):
                if t == slabs:
                    link_block(link, tables, K, scores, shape, span, places, row)
                first = slab * min(t, 2 * slabs - 1 - t)
                part = first, min(n_x, first + slab)
                if t != slabs:
                    pack(x, form, shape, span, part, places.a)
                forward = t < slabs
                by_dots, count = forward == form.by_example, K if forward else of_dz
                multiply(by_dots, forward, shape, W, count, span, part, places, row)
        wait_for(counters[1], c)
        for j in range(total.size):
            total[j] += row[j]
        fetch_and_increment(counters[1], 0)
        c = following
