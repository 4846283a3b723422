"""X of bytes (uint8, bool) in integer arithmetic: the blocks of `dense`, by the widest products
that the CPU has.

    digits    AVX-512 VNNI: 64 products of bytes in an instruction, 7 digits of 8 bits
    words     AVX2: 16 products of int16, 4 digits of 14 bits

Other CPUs widen bytes to float64, in `dense`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import config

from ..decorators import cpu_features, kernel
from ..lanes import LANES
from ..loss import link
from . import avx2, avx512


def byte_products(features: str | None = None) -> str | None:
    """ "digits", "words" or None: what serves on the CPU that Numba compiles for, with LLVM
    features such as "+avx2,-avx512f"; without compilation a plain twin does."""
    if config.DISABLE_JIT:
        return "digits"
    there = cpu_features() if features is None else set(features.split(","))
    if {"+avx512vnni", "+avx512bw"} <= there:
        return "digits"
    return "words" if "+avx2" in there else None


WAY = byte_products()
DIGIT: Any
if WAY == "digits":
    DIGITS, GROUP, DIGIT = avx512.DIGITS, avx512.BYTES, np.int8
    split, dots, axpys = avx512.split, avx512.byte_dots, avx512.byte_axpys
    GRAM, gram, LEAST_GRAM = avx512.GRAM, avx512.byte_gram, avx512.DIGITS
else:
    DIGITS, GROUP, DIGIT = avx2.DIGITS, avx2.GROUP, np.int16
    split, dots, axpys = avx2.split_words, avx2.word_dots, avx2.word_axpys
    GRAM, gram, LEAST_GRAM = avx2.GRAM, avx2.word_gram, 1


def room(count: int) -> Any:
    """Where `split` puts the digits of `count` numbers."""
    return np.zeros(DIGITS * (-(-count // GROUP) * GROUP), DIGIT)


@kernel
def byte_chunk(
    x: Any,
    feature_major: Any,
    n_x: int,
    y: Any,
    weight: Any,
    linear: bool,
    w: Any,
    b: float,
    lo: int,
    hi: int,
    block: int,
    z: Any,
    dz: Any,
    zs: Any,
    row: Any,
) -> None:
    """`dense.one_chunk` with w as (digits, [unit])."""
    m, dw, d, unit = y.size, row[LANES:], w[0], w[1][0]
    d_block = np.empty(DIGITS * ((z.size + GROUP - 1) // GROUP * GROUP), DIGIT)
    ahead = (
        block * n_x if feature_major is None else block
    )  # the next block, of this chunk or the next
    for i in range(lo, hi, block):
        end = min(hi, i + block)
        count = end - i
        z[:] = b
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
