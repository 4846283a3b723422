"""X of bytes (uint8, bool) in integer arithmetic, sixty-four elements an instruction: AVX-512 VNNI.

Widening eight bytes to float64 takes two instructions before the one that multiplies, and each
element is needed twice. This CPU adds up products of bytes, unsigned by signed, four to each of
sixteen int32, in one instruction. So the vector that X is multiplied with, w or the dz of a block,
is split into seven digits to the base 256, -128 <= d_k <= 127 (see `parts`). The integer sums are
exact, and put together in float64. K = X.T X of bytes is the same with examples for digits.

Layout. Of each 64 numbers the digits lie by place, and 64 columns of X meet them:

    d    64 x digit 0 | 64 x digit 1 | ... | 64 x digit 6 | the next 64 numbers: 64 x digit 0 | ...
    x    row k0:  64 bytes | 64 bytes | ...
         row k1:  64 bytes | 64 bytes | ...

Loop order: `byte_dots`: strips of columns, two rows against all digits of a strip. Seven digits of
each number are more than X itself: those of a strip stay in the first-level cache. Two rows, not
four: fourteen sums, two rows and a digit stay in registers. The axpys are in `avx512_axpys`.

Rounding: integers are exact; FAST where they are put together. The NumPy twin of each operation
stands beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..atomics import fetch_and_increment
from ..decorators import by_name, kernel
from ..lanes import (
    DOUBLE,
    INT64,
    call,
    emit_sums,
    float64x8,
    fma,
    load,
    operation,
    splat,
    store,
    sums,
    vector,
)
from ..layout import LANES
from ..rows import add_each, eight_rows, for_each, load_rows
from .parts import INT8, INT32, byte_sums, plan_of_units, prefetch_line, spread

__all__ = ["byte_dots", "byte_gram", "byte_sums", "split"]

DIGITS = 7
REGISTER_BYTES = 64
# Columns whose products of two bytes can be added in an int32: 65,793 of 255 * 128.
SEGMENT = 32768
NEAR = 2048  # columns whose digits stay in the first-level cache
AHEAD = 16 << 10  # bytes that example-major X is asked for ahead
# Columns of K at a time, and features: both operands stay in the first-level cache.
GRAM, GRAM_SLAB = 28, 1024
BIAS = sum(128 << 8 * k for k in range(DIGITS))
_BYTES, INTS = ir.VectorType(INT8, REGISTER_BYTES), ir.VectorType(INT32, 16)
_FLIP = _BYTES([0x80] * REGISTER_BYTES)


def load_bytes(builder: Any, pointer: Any, count: Any, flipped: bool = False) -> Any:
    """Emit a load of `count` (None: all 64) bytes at pointer, zeros after them.

    flipped: unsigned ones less 128, as signed ones.
    """
    pointer = builder.bitcast(pointer, _BYTES.as_pointer())
    if count is None:
        lanes = builder.load(pointer, align=1)
    else:
        counts = spread(builder, builder.trunc(count, INT8), REGISTER_BYTES)
        mask = builder.icmp_unsigned("<", _BYTES(list(range(REGISTER_BYTES))), counts)
        nothing = _FLIP if flipped else ir.Constant(_BYTES, None)
        arguments = [pointer, INT32(1), mask, nothing]
        lanes = call(builder, f"llvm.masked.load.v{REGISTER_BYTES}i8.p0", _BYTES, arguments)
    return builder.xor(lanes, _FLIP) if flipped else lanes


def multiply_add(builder: Any, sums: Any, unsigned: Any, signed: Any) -> Any:
    """Emit sums plus the products of bytes, four to an int32."""
    arguments = [sums, builder.bitcast(unsigned, INTS), builder.bitcast(signed, INTS)]
    return call(builder, "llvm.x86.avx512.vpdpbusd.512", INTS, arguments)


def _plain_products(
    x: Any, k0: int, k1: int, d: Any, places: Any, length: int, ahead: int, out: Any, r: int
) -> None:
    d0, width, advance = places
    for row, start in ((r, k0), (r + 1, k1)):
        for k in range(DIGITS):
            total = 0
            for j in range(0, length, REGISTER_BYTES):
                count = min(REGISTER_BYTES, length - j)
                at = d0 + j // REGISTER_BYTES * advance + k * width
                of_place = d[at : at + count].astype(np.int64) - (0 if d.dtype == np.int8 else 128)
                total += int(x[start + j : start + j + count] @ of_place)
            out[row * LANES + k] += total


@operation(_plain_products)
def byte_products(
    typingctx: Any,
    x: Any,
    k0: Any,
    k1: Any,
    d: Any,
    places: Any,
    length: Any,
    ahead: Any,
    out: Any,
    r: Any,
) -> Any:
    """Add the sum over j < length of x[k0 + j] * digit k of j to out[8 r + k], for seven k.

    To out[8 (r + 1) + k] the same from k1. places = (d0, width, advance): digit k of j is d[d0 + k
    * width + j // 64 * advance + j % 64], int8, or uint8, of which 128 are taken off. out: int32.
    What lies `ahead` of both rows is prefetched. The array d stands outside the tuple: references
    would be counted wherever the tuple is made.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flipped = not d.dtype.signed
        x_at, d_at, out_at = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 3, 7)
        )
        _, k0, k1, _, packed, length, ahead, _, r = args
        d0, width, advance = cgutils.unpack_tuple(builder, packed)
        cells = [[cgutils.alloca_once(builder, INTS) for _ in range(DIGITS)] for _ in range(2)]
        for cell in cells[0] + cells[1]:
            builder.store(ir.Constant(INTS, None), cell)

        def step(index: Any, count: Any) -> None:
            j = builder.shl(index, INT64(6))
            places = [builder.gep(x_at, [builder.add(start, j)]) for start in (k0, k1)]
            for place in places:
                prefetch_line(builder, builder.gep(place, [ahead]))
            rows = [load_bytes(builder, place, count) for place in places]
            digit_at = builder.gep(d_at, [builder.add(d0, builder.mul(index, advance))])
            for k in range(DIGITS):
                digit = load_bytes(
                    builder, builder.gep(digit_at, [builder.mul(width, INT64(k))]), count, flipped
                )
                for cell, row in zip((cells[0][k], cells[1][k]), rows):
                    builder.store(multiply_add(builder, builder.load(cell), row, digit), cell)

        with cgutils.for_range(builder, builder.lshr(length, INT64(6))) as loop:
            step(loop.index, None)
        rest = builder.and_(length, INT64(REGISTER_BYTES - 1))
        with builder.if_then(builder.icmp_signed(">", rest, INT64(0))):
            step(builder.lshr(length, INT64(6)), rest)
        vectors = [
            value for row in cells for value in (*map(builder.load, row), ir.Constant(INTS, None))
        ]
        at = builder.gep(out_at, [builder.mul(r, INT64(LANES))])
        at = builder.bitcast(at, INTS.as_pointer())
        total = builder.add(emit_sums(builder, vectors), builder.load(at, align=4))
        builder.store(total, at, align=4)
        return context.get_dummy_value()

    long = types.int64
    of_places = types.UniTuple(long, 3)
    return types.void(x, long, long, d, of_places, long, long, out, long), codegen


def _plain_digits(d: Any, index: int, lanes: Any) -> None:
    whole = np.rint(lanes).astype(np.int64) + BIAS
    for k in range(DIGITS):
        at = (
            index // REGISTER_BYTES * DIGITS * REGISTER_BYTES
            + k * REGISTER_BYTES
            + index % REGISTER_BYTES
        )
        d[at : at + LANES] = (whole >> 8 * k & 255) - 128


@operation(_plain_digits)
def store_digits(typingctx: Any, d: Any, index: Any, lanes: Any) -> Any:
    """Store the digits of eight lanes, rounded, as number `index` and the seven after it.

    |lanes| <= 2^54. With 128 added to each of them the digits are the bytes of an ordinary number.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        d_at = context.make_array(signature.args[0])(context, builder, args[0]).data
        ints, eight = vector(INT64), ir.VectorType(INT8, LANES)
        of_64 = builder.mul(builder.lshr(args[1], INT64(6)), INT64(DIGITS * REGISTER_BYTES))
        first = builder.gep(
            d_at, [builder.add(of_64, builder.and_(args[1], INT64(REGISTER_BYTES - 1)))]
        )
        whole = builder.fptosi(
            call(builder, f"llvm.rint.v{LANES}f64", vector(DOUBLE), [args[2]]), ints
        )
        whole = builder.add(whole, ints([BIAS] * LANES))
        for k in range(DIGITS):
            digit = builder.xor(
                builder.trunc(builder.lshr(whole, ints([8 * k] * LANES)), eight),
                eight([0x80] * LANES),
            )
            at = builder.gep(first, [INT64(k * REGISTER_BYTES)])
            builder.store(digit, builder.bitcast(at, eight.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(d, types.int64, float64x8), codegen


@by_name(kernel)
def split(v: Any, count: int, d: Any) -> float:
    """Put the digits of v[:count] into d and return `unit`.

    d is int8, DIGITS * count rounded up to 64s. v is rounded up to eights with zeros.
    """
    scale, unit = plan_of_units(v, count)
    if scale == 0.0:
        return unit
    for i in range(0, count, LANES):
        store_digits(d, i, fma(load(v, i), splat(scale), splat(0.0)))
    return unit


@by_name(kernel)
def byte_dots(
    x: Any,
    start: int,
    stride: int,
    rows: int,
    length: int,
    d: Any,
    unit: float,
    out: Any,
    ahead: int,
) -> None:
    """Do what `dense.blocks.dots` does, with v as its digits and unit."""
    powers = np.empty(LANES)
    for k in range(LANES):
        powers[k] = 256.0**k
    power, zero, unit8 = load(powers, 0), splat(0.0), splat(unit)
    last, nothing = start + (rows - 1) * stride, for_each(zero, eight_rows(0, LANES))
    # A row of digits for each row of X: of all of them, where several strips are added up.
    tile = LANES if length <= NEAR else (rows + LANES - 1) // LANES * LANES
    ints = np.empty(LANES * tile, np.int32)
    for i0 in range(0, rows, tile):
        for j0 in range(0, length, SEGMENT):
            ints[:] = 0
            for j in range(j0, min(j0 + SEGMENT, length), NEAR):
                part = min(NEAR, length - j)
                places = j * DIGITS, REGISTER_BYTES, DIGITS * REGISTER_BYTES
                for i in range(0, tile, 2):
                    k0 = min(start + (i0 + i) * stride, last) + j
                    k1 = min(start + (i0 + i + 1) * stride, last) + j
                    byte_products(x, k0, k1, d, places, part, ahead, ints, i)
            for i in range(0, tile, LANES):
                s = add_each(load_rows(ints, eight_rows(LANES * i, LANES), 0), power, nothing)
                store(out, i0 + i, fma(sums(s), unit8, load(out, i0 + i)))


@kernel
def byte_gram(x: Any, n_x: int, totals: Any, first: int, last: int, K: Any, counter: Any) -> None:
    """Set K[i, j] to the sum of x_i x_j, exactly, for the columns first to last.

    In strips of GRAM columns, and for i >= the strip's first; the rest of K is left alone. Any
    number of threads at once; m >= 7. Examples j less 128 are the digits.
    """
    m = totals.size
    ints, found = np.empty(2 * LANES, np.int32), np.empty((m, GRAM))
    strip = first + fetch_and_increment(counter, 0) * GRAM
    while strip < last:
        found[:] = 0.0
        for s in range(0, n_x, GRAM_SLAB):
            length = min(GRAM_SLAB, n_x - s)
            for i in range(strip, m, 2):
                k0, k1 = i * n_x + s, min(i + 1, m - 1) * n_x + s
                for q in range(0, min(GRAM, m - strip), DIGITS):
                    j = min(strip + q, m - DIGITS)
                    places = j * n_x + s, n_x, REGISTER_BYTES
                    ints[:] = 0
                    byte_products(x, k0, k1, x, places, length, 0, ints, 0)
                    for k in range(DIGITS):
                        found[i, q + k] += ints[k]
                        if i + 1 < m:
                            found[i + 1, q + k] += ints[LANES + k]
        for i in range(strip, m):
            for q in range(0, min(GRAM, m - strip), DIGITS):
                j = min(strip + q, m - DIGITS)
                for k in range(DIGITS):
                    K[i, j + k] = found[i, q + k] + 128.0 * totals[i]
        strip = first + fetch_and_increment(counter, 0) * GRAM
