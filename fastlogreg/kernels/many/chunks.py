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
from .ahead import plan_block
from .blocks import columns_block, products_block, softmax_block
from .bundles import (
    COLUMNS,
    MODELS,
    MODELS_PRODUCTS,
    PRODUCTS,
    SIDES,
    SOFTMAX,
    Form,
    Places,
    Product,
    Rows,
    Scores,
    Shape,
    Span,
    Tables,
    Targets,
    Work,
)
from .emit import PLAN
from .moves import copy_rows, fill, in_lines, take_targets
from .packing import pack
from .products import multiply, packed_by_tiles


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
    own, block, models = span[1] - span[0], shape.block, tables.rooms.size
    count, C, of_db = (own + 7) & -8, K // models, 2 * ((K + 7) & -8)
    for f in range(models):
        first, here = f * C * block, scores.first + span[0]
        there = tables.rooms[f] * C * scores.m + here
        if link in (MODELS, MODELS_PRODUCTS):
            of_row = tables.positive[f] * scores.m + here
            copy_rows(tables.train, (of_row, scores.m), places.s, (0, block, count), 1, own)
        if link in (PRODUCTS, MODELS_PRODUCTS):
            copy_rows(scores.z, (there, scores.m), places.extra, (first, block, count), C, own)
            products_block(C, block, first, count, places, row, of_db + f * C)
        elif scores.z.size:
            copy_rows(places.z, (first, block), scores.z, (there, scores.m, own), C, own)
        if link in (SOFTMAX, MODELS):
            softmax_block(C, block, first, count, places, row, (f, of_db + f * C))
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

    link: SOFTMAX and PRODUCTS read of `tables` the rooms alone, the others all. x: the bytes of X.
    scores: takes every Z; where the link is PRODUCTS, or that of models, gives it.
    """
    (m, n_x, chunk, block, slab), (total, counters), (W, b) = shape, work, rows
    K = b.size
    of_dz = 2 * K if link == SIDES else K
    slabs, size = (n_x + slab - 1) // slab, of_dz * block
    row, ahead = in_lines(np.empty(total.size + 7)), np.empty(PLAN, np.int64)
    labels, s, group = np.empty(block), np.empty(block), np.empty(block, np.int64)
    extra = np.empty(size if link in (PRODUCTS, MODELS_PRODUCTS) else 0)
    a, z = in_lines(np.empty(slab * block + 7)), in_lines(np.empty(size + 7))
    places = Places(a, z, extra, labels, s, group, ahead)
    c = fetch_and_increment(counters[0], 0)
    while c * chunk < m:
        following = fetch_and_increment(counters[0], 0)
        end = min(m, (c + 1) * chunk)
        fill(row, 0, row.size, 0.0)
        for lo in range(c * chunk, end, block):
            span = lo, min(end, lo + block)
            begin = span[1] if span[1] < end else following * chunk
            plan_block(ahead, x, form, shape, begin, K)
            take_targets(targets, span, places)
            for k in range(K):
                fill(places.z, k * block, block, b[k])
                for i in range(span[1] - lo if targets.offset.size else 0):
                    places.z[k * block + i] += targets.offset[lo + i]
            for t in range(2 * slabs):
                if t == slabs:
                    link_block(link, tables, K, scores, shape, span, places, row)
                first = slab * min(t, 2 * slabs - 1 - t)
                part = span, (first, min(n_x, first + slab))
                own, left = (K, packed_by_tiles(form, part, K)) if t < slabs else (of_dz, 0)
                if t != slabs:
                    pack(x, form, shape, part, places.a, left)
                product = Product(t < slabs, left, own)
                multiply(x, form, product, shape, W, part, places, row)
        wait_for(counters[1], c)
        for j in range(total.size):
            total[j] += row[j]
        fetch_and_increment(counters[1], 0)
        c = following
