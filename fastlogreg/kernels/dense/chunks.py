"""Chunks of a dense X: each thread takes the next chunk and reads it by the kernel that suits X.

Layout. X is cut into chunks of examples; each has a row of partials of its own.

    chunk 0 -> partials[0] = [J, db, sum of da/dz, five unused, dw, up to seven unused]
    chunk 1 -> partials[1]                                       dw starts a cache line
    ...

Loop order: threads take chunks by shared counters; `partials.add_partials` adds the rows in order.
Chunks follow from the shape of X alone, so the bits are the same for any number of threads.

The choice of a kernel stands here alone, in `chunk_by_way`, by arguments that are None or not. None
is a type of its own, and Numba leaves out what follows from an argument that is None before it
compiles. So each kernel is compiled alone, when an X that needs it is first met. A field of a tuple
does not do: Numba looks at arguments only. A function as an argument, or a closure over it, does
not do either: such a kernel is never found in the disk cache.

    sixteen  `groups.sixteen_chunk`    example-major, 8 to `layout.NARROW` features
    groups   `groups.group_chunk`      example-major, more features
    strips   `strips.strip_chunk`      feature-major
    digits   `uint8.choice.byte_chunk` bytes, in either order, multiplied as integers
    blocks   `blocks.block_chunk`      what is left

Kernels check nothing; arrays come prepared from `fastlogreg.objective`. Rounding: none here. Twin:
`fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment
from ..bundles import Examples, Places, Point, Way, Work
from ..decorators import kernel
from ..layout import LINE_NUMBERS
from ..uint8.choice import byte_chunk, split
from .blocks import block_chunk
from .groups import group_chunk, sixteen_chunk
from .strips import strip_chunk

Span = tuple[int, int]  # first example, one past the last


@kernel
def chunk_by_way(
    sixteen: Any,
    groups: Any,
    strips: Any,
    digits: Any,
    blocks: Any,
    feature_major: Any,
    of_chunk: tuple[Examples, Point, Span, Places],
    row: Any,
) -> None:
    """Add a chunk to a row of partials by the one way that is given."""
    examples, point, span, places = of_chunk
    if sixteen is not None:
        sixteen_chunk(sixteen[0], examples, point, span, places, row)
    if groups is not None:
        group_chunk(groups[0], examples, point, span, places, row)
    if strips is not None:
        strip_chunk(examples, point, span, places, row)
    if digits is not None:
        byte_chunk(feature_major, examples, Point(digits, point.b), span, places, row)
    if blocks is not None:
        block_chunk(feature_major, examples, point, span, places, row)


@kernel
def one_chunk(
    way: Way, examples: Examples, point: Point, span: Span, places: Places, row: Any
) -> None:
    """Sum the examples of a span in one row of partials."""
    row[:] = 0.0
    sixteen, groups, strips, digits, blocks, feature_major = way
    of_chunk = examples, point, span, places
    chunk_by_way(sixteen, groups, strips, digits, blocks, feature_major, of_chunk, row)


@kernel
def run_chunks(way: Way, examples: Examples, point: Point, zs: Any, work: Work) -> None:
    """Work on chunks until none is left; any number of threads at once, one for each line of
    counters.

    zs: (m,) or empty, takes every z. Each thread has a run of chunks of its own, so that what it
    asks for ahead is its own next chunk; in the end it helps with the runs of others. With one
    counter for all, what is read ahead at the end of a chunk is the other thread's.
    """
    chunk, block, partials, counters = work
    m, chunks, runs = examples.y.size, partials.shape[0], counters.size // LINE_NUMBERS
    scratch = (block + 7) // 8 * 8
    places = Places(block, np.empty(scratch), np.empty(scratch), zs)
    own = fetch_and_increment(counters, 1)
    for r in range(own, own + runs):
        run = r % runs
        first, end = run * chunks // runs, (run + 1) * chunks // runs
        c = first + fetch_and_increment(counters, run * LINE_NUMBERS)
        while c < end:
            lo = c * chunk
            hi = min(m, lo + chunk)
            one_chunk(way, examples, point, (lo, hi), places, partials[c])
            c = first + fetch_and_increment(counters, run * LINE_NUMBERS)


@kernel
def split_point(digits: Any, w: Any, n_x: int) -> None:
    """Split w into digits, where bytes are multiplied as integers."""
    if digits is not None:
        digits[1][0] = split(w, n_x, digits[0])
