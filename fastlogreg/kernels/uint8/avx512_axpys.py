"""The axpys of X of bytes by AVX-512 VNNI: 64 columns, then four rows at a time.

Layout. The digits of the rows are those of `avx512.split`; four rows of a column lie in one int32
of a register, interleaved by bytes, then by pairs of bytes.

Two ways from the sums of a block to float64, with the same bits: through memory in the order of
columns, and, where a block has FEW rows, in registers. The choice follows from the shape.

Rounding: integers are exact; FAST where they are put together. The NumPy twin of each operation
stands beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..decorators import by_name, kernel
from ..lanes import (
    DOUBLE,
    INT64,
    emit_fma,
    emit_splat,
    fma,
    load,
    operation,
    splat,
    store,
    vector,
)
from ..layout import LANES
from .avx512 import DIGITS, INTS, REGISTER_BYTES, load_bytes, multiply_add
from .parts import INT32, shuffle

FEW = 64  # rows of a block (docs/performance, bytes-again)


def _interleaved(size: int, half: int) -> list[int]:
    """Return the mask that takes `size` bytes of two vectors in turn, from byte `half` on of each
    sixteen."""
    turns = [(i // (2 * size) * size + i % size, i // size % 2) for i in range(16)]
    return [
        16 * group + half + byte + REGISTER_BYTES * which
        for group in range(4)
        for byte, which in turns
    ]


def emit_combinations(builder: Any, x_at: Any, d_at: Any, numbers: Any) -> list[list[Any]]:
    """Emit the sums over rows of 64 columns times each digit: cells of sixteen int32.

    numbers: start, stride, rows and columns, as `byte_combinations` is told them. Column 16 g + 4 t
    + s is lane 4 g + s of cell [t][k].
    """
    start, stride, rows, columns = numbers
    cells = [[cgutils.alloca_once(builder, INTS) for _ in range(DIGITS)] for _ in range(4)]
    for cell in (cell for row in cells for cell in row):
        builder.store(ir.Constant(INTS, None), cell)
    last = builder.sub(rows, INT64(1))
    # Interleaved by bytes, then by pairs of bytes, within each sixteen: the four rows of a
    # column in one int32.
    bytes_, pairs = ([_interleaved(size, half) for half in (0, 8)] for size in (1, 2))

    with cgutils.for_range(builder, builder.lshr(builder.add(rows, INT64(3)), INT64(2))) as loop:
        i0 = builder.shl(loop.index, INT64(2))
        lanes = []
        for r in range(4):
            i = builder.add(i0, INT64(r))
            i = builder.select(builder.icmp_signed("<", i, last), i, last)
            at = builder.gep(x_at, [builder.add(start, builder.mul(i, stride))])
            lanes.append(load_bytes(builder, at, columns))
        a, b, c, e = lanes
        twos = [(shuffle(builder, a, b, mask), shuffle(builder, c, e, mask)) for mask in bytes_]
        quads = [shuffle(builder, ab, cd, mask) for ab, cd in twos for mask in pairs]
        of_64 = builder.mul(builder.lshr(i0, INT64(6)), INT64(DIGITS * REGISTER_BYTES))
        digits_at = builder.gep(
            d_at, [builder.add(of_64, builder.and_(i0, INT64(REGISTER_BYTES - 1)))]
        )
        for k in range(DIGITS):
            at = builder.gep(digits_at, [INT64(k * REGISTER_BYTES)])
            four = builder.load(builder.bitcast(at, INT32.as_pointer()), align=1)
            one = builder.insert_element(ir.Constant(INTS, ir.Undefined), four, INT32(0))
            digit = shuffle(builder, one, one, [0] * 16)
            for cell, quad in zip((cells[t][k] for t in range(4)), quads):
                builder.store(multiply_add(builder, builder.load(cell), quad, digit), cell)
    return cells


def _plain_combinations(
    x: Any, start: int, stride: int, rows: int, columns: int, d: Any, out: Any
) -> None:
    out[:] = 0
    x64 = np.stack(
        [x[start + i * stride : start + i * stride + columns] for i in range(rows)]
    ).astype(np.int64)
    for k in range(DIGITS):
        digits = np.concatenate(
            [
                d[i * DIGITS + k * REGISTER_BYTES :][: min(REGISTER_BYTES, rows - i)]
                for i in range(0, rows, REGISTER_BYTES)
            ]
        )
        out[k * REGISTER_BYTES : k * REGISTER_BYTES + columns] = digits.astype(np.int64) @ x64


@operation(_plain_combinations)
def byte_combinations(
    typingctx: Any, x: Any, start: Any, stride: Any, rows: Any, columns: Any, d: Any, out: Any
) -> Any:
    """Set out[64 k + j] to the sum over i < rows of x[start + i * stride + j] * digit k of row i.

    For j < columns <= 64 and seven k. d: as `split` makes it, zeros after the last row up to a
    multiple of four. out: int32 (448,).
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_at, d_at, out_at = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 5, 6)
        )
        _, start, stride, rows, columns, _, _ = args
        cells = emit_combinations(builder, x_at, d_at, (start, stride, rows, columns))
        for k in range(DIGITS):
            a, b, c, e = (builder.load(cells[t][k]) for t in range(4))
            for g in range(4):  # columns 16 g + 4 t + s are lane 4 g + s of quad t
                four = [4 * g, 4 * g + 1, 4 * g + 2, 4 * g + 3, *(16 + 4 * g + s for s in range(4))]
                both = [shuffle(builder, *pair, four) for pair in ((a, b), (c, e))]
                at = builder.gep(out_at, [INT64(REGISTER_BYTES * k + 16 * g)])
                columns_16 = shuffle(builder, both[0], both[1], list(range(16)))
                builder.store(columns_16, builder.bitcast(at, INTS.as_pointer()), align=4)
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, long, long, d, out), codegen


def _plain_few_combinations(
    x: Any,
    start: int,
    stride: int,
    rows: int,
    columns: int,
    d: Any,
    unit: float,
    out: Any,
    j: int,
) -> None:
    ints = np.zeros(DIGITS * REGISTER_BYTES, np.int32)
    _plain_combinations(x, start, stride, rows, columns, d, ints)
    of_digits = ints.reshape(DIGITS, REGISTER_BYTES)[:, :columns]
    total = of_digits[-1].astype(np.float64)
    for of_digit in of_digits[-2::-1]:
        total = total * 256.0 + of_digit
    out[j : j + columns] += total * unit


@operation(_plain_few_combinations)
def add_few_combinations(
    typingctx: Any,
    x: Any,
    start: Any,
    stride: Any,
    rows: Any,
    columns: Any,
    d: Any,
    unit: Any,
    out: Any,
    j: Any,
) -> Any:
    """Add to out[j:] what `byte_combinations` finds, its digits put together, times unit.

    They are put together where they are and then brought in the order of columns: fewer
    instructions after the loop, and more in it, since LLVM moves sums to other registers.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_at, d_at, out_at = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 5, 7)
        )
        _, start, stride, rows, columns, _, unit, _, j = args
        cells = emit_combinations(builder, x_at, d_at, (start, stride, rows, columns))
        floats, half = vector(DOUBLE), ir.VectorType(INT32, LANES)
        base, units = floats([256.0] * LANES), emit_splat(builder, unit)

        def together(cells: list[Any], first: int) -> Any:
            total = None
            for cell in reversed(cells):
                lanes = builder.shuffle_vector(
                    builder.load(cell),
                    ir.Constant(INTS, ir.Undefined),
                    half(list(range(first, first + LANES))),
                )
                of_digit = builder.sitofp(lanes, floats)
                total = of_digit if total is None else emit_fma(builder, total, base, of_digit)
            return total

        halves = [[together(of_quad, first) for first in (0, LANES)] for of_quad in cells]
        for c in range(0, REGISTER_BYTES, LANES):
            g, t = c // 16, c // 4 % 4
            four = [4 * (g % 2) + s for s in range(4)]
            pair = halves[t][g // 2], halves[t + 1][g // 2]
            lanes = shuffle(builder, *pair, four + [LANES + s for s in four])
            with builder.if_then(builder.icmp_signed("<", INT64(c), columns)):
                at = builder.gep(out_at, [builder.add(j, INT64(c))])
                at = builder.bitcast(at, floats.as_pointer())
                before = builder.load(at, align=8)
                builder.store(emit_fma(builder, lanes, units, before), at, align=8)
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, long, long, d, types.float64, out, long), codegen


@by_name(kernel)
def byte_axpys(
    x: Any, start: int, stride: int, rows: int, length: int, d: Any, unit: float, out: Any
) -> None:
    """Do what `dense.blocks.axpys` does, with v as its digits and unit."""
    if rows < FEW:
        for j in range(0, length, REGISTER_BYTES):
            columns = min(REGISTER_BYTES, length - j)
            add_few_combinations(x, start + j, stride, rows, columns, d, unit, out, j)
        return
    ints, base, unit8 = np.empty(DIGITS * REGISTER_BYTES, np.int32), splat(256.0), splat(unit)
    for j in range(0, length, REGISTER_BYTES):
        columns = min(REGISTER_BYTES, length - j)
        byte_combinations(x, start + j, stride, rows, columns, d, ints)
        for c in range(0, columns, LANES):
            s = load(ints, (DIGITS - 1) * REGISTER_BYTES + c)
            for k in range(DIGITS - 2, -1, -1):
                s = fma(s, base, load(ints, k * REGISTER_BYTES + c))
            store(out, j + c, fma(s, unit8, load(out, j + c)))
