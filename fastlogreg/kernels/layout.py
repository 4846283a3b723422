"""The shape of the work: which kernel reads X, in chunks and blocks of how many examples.

All of it follows from the shape, the dtype and the order of X alone, never from the number of
threads. Needs no Numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF = np.dtype([("half", "<u2")])  # kernels.lanes.HALF, without importing Numba here


HEAD, LANES, STRIP = 8, 8, 64  # of kernels.dense, kernels.lanes and kernels.dense.strips, likewise


IN_PLACE = {np.dtype(code) for code in ("u1", "i1", "u2", "i2", "i4", "f4", "f8")}


VIEWS = {np.dtype(np.bool_): np.dtype(np.uint8), np.dtype(np.float16): HALF}


# Features above which a feature-major X is read by slabs of features, twice; the second of 64 MiB
# and more in 4 or 8 bytes a number (slabs and strips: 10,000 x 3,000 float64 12.1 and 7.3 ms, 4,000
# x 12,288 17.8 and 21.6 on Zen 5).
WIDE, WIDE_LARGE = 2048, 8192


LONG = 4096  # features from which an example-major float64 X is read four examples at a time


BYTES = (
    96,
    16,
    # features from which bytes are multiplied as integers (`kernels.uint8.choice`): example-major,
    # feature-major
)


NARROW = 40  # features up to which an example-major X has a kernel of its own; from 8 on


BYTE_BLOCK_BYTES = {"digits": 600 << 10, "words": 384 << 10}


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view, of the same shape, so that arrays and memory maps share one compiled
    kernel."""
    view = np.asarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


def is_wide(m: int, n_x: int, itemsize: int) -> bool:
    return n_x > (WIDE_LARGE if itemsize >= 4 and m * n_x * itemsize >= 64 << 20 else WIDE)


def chunk_and_block(
    m: int, n_x: int, itemsize: int, by_example: bool, byte_way: str | None
) -> tuple[int, int]:
    """Examples in a chunk, a multiple of 8, and in a block of it.

    A chunk has its own partial gradient of 8 n_x bytes: with at least 192 examples that is at most
    4.2 % of a uint8 X. At most 128 chunks, so that the sum over them stays small. A block and the
    next one share the second-level cache: 256 KiB each; 1024 examples are enough for the longest
    rows of z.
    """
    chunk = -(-max(192, -(-m // 128)) // 8) * 8
    if byte_way is not None:
        # Sums of integers are put together for every block: it should be large. Next to none is
        # asked for far ahead.
        block = min(1024, BYTE_BLOCK_BYTES[byte_way] // n_x)
        if not by_example:
            chunk = max(chunk, block // 8 * 8)
        return chunk, min(chunk, max(8, block // 8 * 8))
    block = min(1024, (256 << 10) // (n_x * itemsize))
    if not by_example:
        chunk = -(-chunk // STRIP) * STRIP
        if is_wide(
            m, n_x, itemsize
        ):  # rows of a block are m elements apart, each on pages of its own: they must be long
            block = 4096
            chunk = max(chunk, min(block, -(-m // 8) * 8))
    return chunk, min(chunk, max(8, block // 8 * 8))
