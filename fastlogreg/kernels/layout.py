"""The shape of the work: which kernel reads X, in chunks and blocks of how many examples.

All of it follows from the shape, the dtype and the order of X alone, never from the number of
threads. Words: a chunk is the unit of summation, a block is what a cache holds of it, a group is
the examples in registers, a strip is 64 examples, a slab is some features. Needs no Numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LANES = 8  # float64 numbers in a vector
STRIP = 64  # examples that `dense.strips` takes at a time
HEAD = 8  # numbers before dw in a row of partials, so that dw starts a cache line
LINE_BYTES = 64  # of a cache line
# Numbers of 8 bytes in a cache line: threads that count in lines of their own do not get in each
# other's way.
LINE_NUMBERS = LINE_BYTES // 8
# How Numba, which has no float16, is shown one: a record of its bits.
HALF = np.dtype([("half", "<u2")])

IN_PLACE = {np.dtype(code) for code in ("u1", "i1", "u2", "i2", "i4", "f4", "f8")}

VIEWS = {np.dtype(np.bool_): np.dtype(np.uint8), np.dtype(np.float16): HALF}

# Features above which a feature-major X is read by slabs of features, twice; the second of 64 MiB
# and more in 4 or 8 bytes a number.
WIDE, WIDE_LARGE = 2048, 8192
LONG = 4096  # features from which an example-major float64 X is read four examples at a time
NARROW = 40  # features up to which an example-major X has a kernel of its own; from 8 on
# Features from which bytes are multiplied as integers (`uint8.choice`): example-major,
# feature-major.
BYTES = (96, 16)

# Features of a feature-major X that K columns read in one block of 64 examples and more.
FEATURES_AT_ONCE = 1024

L2_BLOCK_BYTES = 256 << 10  # of a block: it and the next one share the second-level cache
BYTE_BLOCK_BYTES = {"digits": 600 << 10, "words": 384 << 10}  # likewise, of bytes


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view: arrays and memory maps then share one compiled kernel."""
    view = np.asarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


def is_wide(m: int, n_x: int, itemsize: int) -> bool:
    """Tell whether a feature-major X is read by slabs of features."""
    return n_x > (WIDE_LARGE if itemsize >= 4 and m * n_x * itemsize >= 64 << 20 else WIDE)


def chunk_and_block(
    m: int, n_x: int, itemsize: int, by_example: bool, byte_way: str | None
) -> tuple[int, int]:
    """Return the examples in a chunk, a multiple of 8, and in a block of it.

    A chunk has its own partial gradient of 8 n_x bytes: with at least 192 examples that is at most
    4.2 % of a uint8 X. At most 128 chunks, so that the sum over them stays small. 1024 examples in
    a block are enough for the longest rows of z.
    """
    chunk = -(-max(192, -(-m // 128)) // 8) * 8
    if byte_way is not None:
        # Sums of integers are put together for every block, so it should be large.
        block = min(1024, BYTE_BLOCK_BYTES[byte_way] // n_x)
        if not by_example:
            chunk = max(chunk, block // 8 * 8)
        return chunk, min(chunk, max(8, block // 8 * 8))
    block = min(1024, L2_BLOCK_BYTES // (n_x * itemsize))
    if not by_example:
        chunk = -(-chunk // STRIP) * STRIP
        if is_wide(m, n_x, itemsize):
            # Rows of a block are m elements apart, each on pages of its own: they must be long.
            block = 4096
            chunk = max(chunk, min(block, -(-m // 8) * 8))
    return chunk, min(chunk, max(8, block // 8 * 8))


def columns_shape(m: int, n_x: int, by_example: bool) -> tuple[int, int, int]:
    """Return the shape of the work on K columns: examples in a chunk and in a block of it, and
    features that are packed at a time; all multiples of 8.

    None of it depends on K, so that a column has the same bits alone and beside others. A block is
    packed as float64 and should stay in the second-level cache. Feature-major, its rows should be
    long; where there are many of them, all features of a long block are too much: then slabs.
    """
    padded = -(-n_x // 8) * 8
    chunk = -(-max(192, -(-m // 128)) // 8) * 8
    block, slab = min(1024, L2_BLOCK_BYTES // (8 * padded)) // 8 * 8, padded
    if not by_example:
        block = max(64, block)
        if padded > FEATURES_AT_ONCE:
            block, slab = 1024, L2_BLOCK_BYTES // (8 * 1024)
        chunk = max(chunk, block)
    chunk = min(chunk, -(-m // 8) * 8)
    blocks = -(-chunk // max(8, block))
    return chunk, -(-chunk // (8 * blocks)) * 8, slab
