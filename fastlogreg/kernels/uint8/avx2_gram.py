"""K = X.T X of bytes on CPUs with AVX2 but without AVX-512 VNNI, exactly.

Layout. X is example-major; two rows i meet four rows j, sixteen columns at a time:

    out    i0 j0 | i0 j1 | i0 j2 | i0 j3 | i1 j0 | i1 j1 | i1 j2 | i1 j3        eight int32

Loop order: strips of GRAM columns of K, which threads take from a counter; slabs of features, so
that both operands stay in the first-level cache; pairs of rows; fours of columns. Rounding:
integers are exact. The NumPy twin of the operation stands beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..atomics import fetch_and_increment
from ..decorators import kernel
from ..lanes import INT64, emit_sums, operation
from .avx2 import BYTES_16, INTS_8, RUN, WORDS_16, empty_cells, load_sixteen, multiply_add
from .parts import INT8, spread

GRAM, GRAM_SLAB = 32, 512  # columns of K at a time, and features: 16 KiB of the first-level cache


def _plain_tile(
    x: Any, i0: int, i1: int, j: int, stride: int, j_last: int, length: int, out: Any
) -> None:
    for r, k in enumerate((i0, i1)):
        for c in range(4):
            of_j = min(j + c * stride, j_last)
            out[4 * r + c] = x[k : k + length].astype(np.int64) @ x[of_j : of_j + length].astype(
                np.int64
            )


@operation(_plain_tile)
def word_tile(
    typingctx: Any,
    x: Any,
    i0: Any,
    i1: Any,
    j: Any,
    stride: Any,
    j_last: Any,
    length: Any,
    out: Any,
) -> Any:
    """Set out[4 r + c] to the sum over p < length of x[i_r + p] * x[j_c + p], r < 2 and c < 4.

    j_c = min(j + c * stride, j_last). int32, which 1024 products of two bytes do not overflow.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_array, out_array = (
            context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 7)
        )
        _, i0, i1, j, stride, j_last, length, _ = args
        of_j = []
        for c in range(4):
            at = builder.add(j, builder.mul(stride, INT64(c)))
            of_j.append(builder.select(builder.icmp_signed("<", at, j_last), at, j_last))
        cells = empty_cells(builder, 2 * len(of_j))

        def step(p: Any, count: Any = None) -> None:
            rows = [
                load_sixteen(builder, x_array, builder.add(k, p), count is not None)
                for k in (i0, i1)
            ]
            if count is not None:  # the next example begins behind: zeros in its place
                counts = spread(builder, builder.trunc(count, INT8), RUN)
                among = builder.icmp_unsigned("<", BYTES_16(list(range(RUN))), counts)
                rows = [builder.select(among, row, ir.Constant(BYTES_16, None)) for row in rows]
            rows = [builder.zext(row, WORDS_16) for row in rows]
            for c, k in enumerate(of_j):
                column = builder.zext(
                    load_sixteen(builder, x_array, builder.add(k, p), count is not None), WORDS_16
                )
                for r, row in enumerate(rows):
                    multiply_add(builder, cells[4 * r + c], row, column)

        with cgutils.for_range(builder, builder.lshr(length, INT64(4))) as loop:
            step(builder.shl(loop.index, INT64(4)))
        rest = builder.and_(length, INT64(RUN - 1))
        with builder.if_then(builder.icmp_signed("!=", rest, INT64(0))):
            step(builder.and_(length, INT64(-RUN)), rest)
        vectors = [builder.load(cell) for cell in cells]
        builder.store(
            emit_sums(builder, vectors),
            builder.bitcast(out_array.data, INTS_8.as_pointer()),
            align=4,
        )
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, long, long, long, long, out), codegen


@kernel
def word_gram(x: Any, n_x: int, totals: Any, first: int, last: int, K: Any, counter: Any) -> None:
    """Do what `avx512.byte_gram` does, for any m; of totals only the size counts."""
    m = totals.size
    ints, found = np.empty(2 * 4, np.int32), np.empty((m, GRAM))
    strip = first + fetch_and_increment(counter, 0) * GRAM
    while strip < last:
        columns = min(GRAM, m - strip)
        found[:] = 0.0
        for s in range(0, n_x, GRAM_SLAB):
            length, j_last = min(GRAM_SLAB, n_x - s), (m - 1) * n_x + s
            for i in range(strip, m, 2):
                k0, k1 = i * n_x + s, min(i + 1, m - 1) * n_x + s
                for q in range(0, columns, 4):
                    word_tile(x, k0, k1, (strip + q) * n_x + s, n_x, j_last, length, ints)
                    for c in range(4):
                        found[i, q + c] += ints[c]
                        if i + 1 < m:
                            found[i + 1, q + c] += ints[4 + c]
        for i in range(strip, m):
            for q in range(columns):
                K[i, strip + q] = found[i, q]
        strip = first + fetch_and_increment(counter, 0) * GRAM
