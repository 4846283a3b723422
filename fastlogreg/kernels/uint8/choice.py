"""X of bytes (uint8, bool) in integer arithmetic: cost and gradient of a block of examples, by the
widest products that the CPU has.

    digits    `avx512`: 64 products of bytes in an instruction, 7 digits of 8 bits
    words     `avx2`: 16 products of int16, 4 digits of 14 bits

Other CPUs widen bytes to float64, in `dense`. Layout, loop order and rounding are those of
`dense.blocks`, with w and the dz of each block as digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config

from ..bundles import Examples, Places, Point
from ..decorators import cpu_features, inner, kernel
from ..layout import LANES
from ..loss import link
from . import avx2, avx2_gram, avx512, avx512_axpys


def byte_products(features: str | None = None) -> str | None:
    """Return "digits", "words" or None: what serves on the CPU that Numba compiles for.

    features: in LLVM's words, such as "+avx2,-avx512f". Without compilation a plain twin serves.
    """
    if config.DISABLE_JIT:
        return "digits"
    there = cpu_features() if features is None else set(features.split(","))
    if {"+avx512vnni", "+avx512bw"} <= there:
        return "digits"
    return "words" if "+avx2" in there else None


WAY = byte_products()
DIGIT: Any
if WAY == "digits":
    DIGITS, RUN, DIGIT = avx512.DIGITS, avx512.REGISTER_BYTES, np.int8
    split, dots, axpys = avx512.split, avx512.byte_dots, avx512_axpys.byte_axpys
    GRAM, gram, LEAST_GRAM = avx512.GRAM, avx512.byte_gram, avx512.DIGITS
    AHEAD = avx512.AHEAD
else:
    DIGITS, RUN, DIGIT = avx2.DIGITS, avx2.RUN, np.int16
    split, dots, axpys = avx2.split_words, avx2.word_dots, avx2.word_axpys
    GRAM, gram, LEAST_GRAM = avx2_gram.GRAM, avx2_gram.word_gram, 1
    AHEAD = 0


def room(count: int) -> Any:
    """Make room for the digits that `split` makes of `count` numbers."""
    return np.zeros(DIGITS * (-(-count // RUN) * RUN), DIGIT)


@inner(kernel)
def byte_chunk(
    feature_major: Any,
    examples: Examples,
    point: Point,
    span: tuple[int, int],
    places: Places,
    row: Any,
) -> None:
    """Add the examples of a span to a row of partials; point.w is (digits, [unit])."""
    x, n_x, y, weight, linear = examples
    lo, hi = span
    block, z, dz, zs = places
    m, dw, d, unit = y.size, row[LANES:], point.w[0], point.w[1][0]
    d_block = np.empty(DIGITS * ((z.size + RUN - 1) // RUN * RUN), DIGIT)
    # By example AHEAD, or the next block, of this chunk or the next; by feature that one.
    ahead = block if feature_major is not None else AHEAD if AHEAD > 0 else block * n_x
    for i in range(lo, hi, block):
        end = min(hi, i + block)
        count = end - i
        z[:] = point.b
        dz[:] = 0.0
        if feature_major is None:
            dots(x, i * n_x, n_x, count, n_x, d, unit, z, ahead)
        else:
            axpys(x, i, m, n_x, count, d, unit, z)
        J, db, curvature = link(z[:count], y[i:end], weight[i:end], linear, dz)
        row[0] += J
        row[1] += db
        row[2] += curvature
        for j in range(min(count, zs.size)):
            zs[i + j] = z[j]
        unit_block = split(dz, count, d_block)
        if feature_major is None:
            axpys(x, i * n_x, n_x, count, n_x, d_block, unit_block, dw)
        else:
            dots(x, i, m, n_x, count, d_block, unit_block, dw, ahead)
