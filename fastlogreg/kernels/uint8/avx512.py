"""X of bytes (uint8, bool) in integer arithmetic: the blocks of `dense`, sixty-four elements an
instruction.

Widening eight bytes to float64 takes two instructions before the one that multiplies, and each
element is needed twice. CPUs with AVX-512 VNNI add up products of bytes, unsigned by signed, four
to each of sixteen int32, in one. So the vector that X is multiplied with, w or the dz of a block,
is split into seven signed digits to the base 256,

    v = unit * sum over k of 256^k d_k + error,    -128 <= d_k <= 127,    |error| <= unit / 2 <=
                                                   2^-54 max |v|,

a sum of products x_j v_j is seven integer sums, exact, and these are put together in float64. The
error is what rounding the largest of the products would bring: no digit that float64 has is lost. A
v that is not finite makes `unit` NaN, and so all sums. K = X.T X of bytes is the same with examples
for digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..atomics import fetch_and_increment
from ..decorators import kernel
from ..lanes import (
    DOUBLE,
    INT64,
    LANES,
    call,
    float64x8,
    fma,
    load,
    operation,
    splat,
    store,
    sums,
    vector,
)

DIGITS = 7
BYTES = 64  # of a register
SEGMENT = 32768  # columns whose products of two bytes can be added in an int32: 65,793 of 255 * 128
_INT8, _INT32 = ir.IntType(8), ir.IntType(32)
GRAM, GRAM_SLAB = (
    28,
    1024,
)  # columns of K at a time, and features: both operands stay in the first-level cache
BIAS = sum(128 << 8 * k for k in range(DIGITS))
_BYTES, _INTS = ir.VectorType(_INT8, BYTES), ir.VectorType(_INT32, 16)
_FLIP = _BYTES([0x80] * BYTES)


def _load_bytes(builder: Any, pointer: Any, count: Any, flipped: bool = False) -> Any:
    """The `count` (None: all 64) bytes at pointer, zeros after them; flipped: unsigned ones less
    128, as signed ones."""
    pointer = builder.bitcast(pointer, _BYTES.as_pointer())
    if count is None:
        lanes = builder.load(pointer, align=1)
    else:
        one = builder.insert_element(
            ir.Constant(_BYTES, ir.Undefined), builder.trunc(count, _INT8), _INT32(0)
        )
        counts = builder.shuffle_vector(one, one, ir.VectorType(_INT32, BYTES)([0] * BYTES))
        mask = builder.icmp_unsigned("<", _BYTES(list(range(BYTES))), counts)
        nothing = _FLIP if flipped else ir.Constant(_BYTES, None)
        arguments = [pointer, _INT32(1), mask, nothing]
        lanes = call(builder, f"llvm.masked.load.v{BYTES}i8.p0", _BYTES, arguments)
    return builder.xor(lanes, _FLIP) if flipped else lanes


def _multiply_add(builder: Any, sums: Any, unsigned: Any, signed: Any) -> Any:
    arguments = [sums, builder.bitcast(unsigned, _INTS), builder.bitcast(signed, _INTS)]
    return call(builder, "llvm.x86.avx512.vpdpbusd.512", _INTS, arguments)


def prefetch_line(builder: Any, pointer: Any) -> None:
    pointer = builder.bitcast(pointer, _INT8.as_pointer())
    call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, _INT32(0), _INT32(2), _INT32(1)])


def _shuffle(builder: Any, a: Any, b: Any, mask: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.VectorType(_INT32, len(mask))(mask))


def _interleaved(size: int, half: int) -> list[int]:
    """The mask that takes `size` bytes of one and of the other vector in turn, from byte `half` on
    of each sixteen."""
    turns = [(i // (2 * size) * size + i % size, i // size % 2) for i in range(16)]
    return [16 * group + half + byte + BYTES * which for group in range(4) for byte, which in turns]


def _sums(builder: Any, vectors: list[Any]) -> Any:
    """The sums over lanes of sixteen vectors of int32, one in each lane, as `intrinsics.sums`."""
    for width in (1, 2, 4, 8):
        low = [i - width + 16 if i & width else i for i in range(16)]
        high = [i + 16 if i & width else i + width for i in range(16)]
        pairs = zip(vectors[::2], vectors[1::2])
        vectors = [
            builder.add(_shuffle(builder, *pair, low), _shuffle(builder, *pair, high))
            for pair in pairs
        ]
    return vectors[0]


def _plain_products(
    x: Any,
    k0: int,
    k1: int,
    d: Any,
    d0: int,
    width: int,
    advance: int,
    length: int,
    ahead: int,
    out: Any,
    r: int,
) -> None:
    for row, start in ((r, k0), (r + 1, k1)):
        out[row * LANES + DIGITS] = 0
        for k in range(DIGITS):
            total = 0
            for j in range(0, length, BYTES):
                count, at = min(BYTES, length - j), d0 + j // BYTES * advance + k * width
                digits = d[at : at + count].astype(np.int64) - (0 if d.dtype == np.int8 else 128)
                total += int(x[start + j : start + j + count] @ digits)
            out[row * LANES + k] = total


@operation(_plain_products)
def byte_products(
    typingctx: Any,
    x: Any,
    k0: Any,
    k1: Any,
    d: Any,
    d0: Any,
    width: Any,
    advance: Any,
    length: Any,
    ahead: Any,
    out: Any,
    r: Any,
) -> Any:
    """out[8 r + k] = the sum over j < length of x[k0 + j] * d[d0 + k * width + j // 64 * advance +
    j % 64] for seven k, and out[8 (r + 1) + k] likewise from k1.

    d: int8, or uint8, of which 128 are taken off; out: int32. What lies `ahead` of both rows is
    prefetched. Two rows: fourteen sums, two rows and a digit stay in registers; with four rows they
    do not, and it took twice as long.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flipped = not signature.args[3].dtype.signed
        x_at, d_at, out_at = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 3, 9)
        )
        _, k0, k1, _, d0, width, advance, length, ahead, _, r = args
        cells = [[cgutils.alloca_once(builder, _INTS) for _ in range(DIGITS)] for _ in range(2)]
        for cell in cells[0] + cells[1]:
            builder.store(ir.Constant(_INTS, None), cell)

        def step(index: Any, count: Any) -> None:
            j = builder.shl(index, INT64(6))
            places = [builder.gep(x_at, [builder.add(start, j)]) for start in (k0, k1)]
            for place in places:
                prefetch_line(builder, builder.gep(place, [ahead]))
            rows = [_load_bytes(builder, place, count) for place in places]
            digit_at = builder.gep(d_at, [builder.add(d0, builder.mul(index, advance))])
            for k in range(DIGITS):
                digit = _load_bytes(
                    builder, builder.gep(digit_at, [builder.mul(width, INT64(k))]), count, flipped
                )
                for cell, row in zip((cells[0][k], cells[1][k]), rows):
                    builder.store(_multiply_add(builder, builder.load(cell), row, digit), cell)

        with cgutils.for_range(builder, builder.lshr(length, INT64(6))) as loop:
            step(loop.index, None)
        rest = builder.and_(length, INT64(BYTES - 1))
        with builder.if_then(builder.icmp_signed(">", rest, INT64(0))):
            step(builder.lshr(length, INT64(6)), rest)
        vectors = [
            value for row in cells for value in (*map(builder.load, row), ir.Constant(_INTS, None))
        ]
        at = builder.gep(out_at, [builder.mul(r, INT64(LANES))])
        builder.store(_sums(builder, vectors), builder.bitcast(at, _INTS.as_pointer()), align=4)
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, d, long, long, long, long, long, out, long), codegen


def _plain_combinations(
    x: Any, start: int, stride: int, rows: int, columns: int, d: Any, out: Any
) -> None:
    out[:] = 0
    x64 = np.stack(
        [x[start + i * stride : start + i * stride + columns] for i in range(rows)]
    ).astype(np.int64)
    for k in range(DIGITS):
        digits = np.concatenate(
            [d[i * DIGITS + k * BYTES :][: min(BYTES, rows - i)] for i in range(0, rows, BYTES)]
        )
        out[k * BYTES : k * BYTES + columns] = digits.astype(np.int64) @ x64


@operation(_plain_combinations)
def byte_combinations(
    typingctx: Any, x: Any, start: Any, stride: Any, rows: Any, columns: Any, d: Any, out: Any
) -> Any:
    """out[64 k + j] = the sum over i < rows of x[start + i * stride + j] * digit k of row i, for j
    < columns <= 64, seven k.

    d: as `split` makes it, zeros after the last row up to a multiple of four; out: int32 (448,).
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_at, d_at, out_at = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 5, 6)
        )
        _, start, stride, rows, columns, _, _ = args
        cells = [[cgutils.alloca_once(builder, _INTS) for _ in range(DIGITS)] for _ in range(4)]
        for cell in (cell for row in cells for cell in row):
            builder.store(ir.Constant(_INTS, None), cell)
        last = builder.sub(rows, INT64(1))
        # Interleaved by bytes, then by pairs of bytes, within each sixteen: the four rows of a
        # column in one int32.
        bytes_, pairs = ([_interleaved(size, half) for half in (0, 8)] for size in (1, 2))

        with cgutils.for_range(
            builder, builder.lshr(builder.add(rows, INT64(3)), INT64(2))
        ) as loop:
            i0 = builder.shl(loop.index, INT64(2))
            lanes = []
            for r in range(4):
                i = builder.add(i0, INT64(r))
                i = builder.select(builder.icmp_signed("<", i, last), i, last)
                at = builder.gep(x_at, [builder.add(start, builder.mul(i, stride))])
                lanes.append(_load_bytes(builder, at, columns))
            a, b, c, e = lanes
            twos = [
                (_shuffle(builder, a, b, mask), _shuffle(builder, c, e, mask)) for mask in bytes_
            ]
            quads = [_shuffle(builder, ab, cd, mask) for ab, cd in twos for mask in pairs]
            of_64 = builder.mul(builder.lshr(i0, INT64(6)), INT64(DIGITS * BYTES))
            digits_at = builder.gep(d_at, [builder.add(of_64, builder.and_(i0, INT64(BYTES - 1)))])
            for k in range(DIGITS):
                at = builder.gep(digits_at, [INT64(k * BYTES)])
                four = builder.load(builder.bitcast(at, _INT32.as_pointer()), align=1)
                one = builder.insert_element(ir.Constant(_INTS, ir.Undefined), four, _INT32(0))
                digit = _shuffle(builder, one, one, [0] * 16)
                for cell, quad in zip((cells[t][k] for t in range(4)), quads):
                    builder.store(_multiply_add(builder, builder.load(cell), quad, digit), cell)
        for k in range(DIGITS):
            a, b, c, e = (builder.load(cells[t][k]) for t in range(4))
            for g in range(4):  # columns 16 g + 4 t + s are lane 4 g + s of quad t
                four = [4 * g, 4 * g + 1, 4 * g + 2, 4 * g + 3, *(16 + 4 * g + s for s in range(4))]
                both = [_shuffle(builder, *pair, four) for pair in ((a, b), (c, e))]
                at = builder.gep(out_at, [INT64(BYTES * k + 16 * g)])
                columns_16 = _shuffle(builder, both[0], both[1], list(range(16)))
                builder.store(columns_16, builder.bitcast(at, _INTS.as_pointer()), align=4)
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, long, long, d, out), codegen


def _plain_digits(d: Any, index: int, lanes: Any) -> None:
    whole = np.rint(lanes).astype(np.int64) + BIAS
    for k in range(DIGITS):
        at = index // BYTES * DIGITS * BYTES + k * BYTES + index % BYTES
        d[at : at + LANES] = (whole >> 8 * k & 255) - 128


@operation(_plain_digits)
def store_digits(typingctx: Any, d: Any, index: Any, lanes: Any) -> Any:
    """The digits of eight lanes, rounded, as number `index` and the seven after it; |lanes| <=
    2^54.

    With 128 added to each of them the digits are the bytes of an ordinary number."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        d_at = context.make_array(signature.args[0])(context, builder, args[0]).data
        ints, eight = vector(INT64), ir.VectorType(_INT8, LANES)
        of_64 = builder.mul(builder.lshr(args[1], INT64(6)), INT64(DIGITS * BYTES))
        first = builder.gep(d_at, [builder.add(of_64, builder.and_(args[1], INT64(BYTES - 1)))])
        whole = builder.fptosi(
            call(builder, f"llvm.rint.v{LANES}f64", vector(DOUBLE), [args[2]]), ints
        )
        whole = builder.add(whole, ints([BIAS] * LANES))
        for k in range(DIGITS):
            digit = builder.xor(
                builder.trunc(builder.lshr(whole, ints([8 * k] * LANES)), eight),
                eight([0x80] * LANES),
            )
            at = builder.gep(first, [INT64(k * BYTES)])
            builder.store(digit, builder.bitcast(at, eight.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(d, types.int64, float64x8), codegen


@kernel
def plan_of_units(v: Any, count: int) -> Any:
    """scale and unit of v[:count]: |v scale| <= 2^54 and unit = 1 / scale; 0 and NaN where v is not
    finite."""
    bits, largest = v.view(np.int64), 0
    for i in range(count):
        largest = max(largest, bits[i] & 0x7FFFFFFFFFFFFFFF)
    exponent = max(
        largest >> 52, 54
    )  # below, unit would be subnormal; max |v| < 2^(exponent - 1022)
    if exponent == 2047:
        return 0.0, np.nan
    return np.int64((2099 - exponent) << 52).view(np.float64), np.int64((exponent - 53) << 52).view(
        np.float64
    )


@kernel
def split(v: Any, count: int, d: Any) -> float:
    """The digits of v[:count] into d, and `unit`. Of each 64 numbers d has 64 times digit 0, 64
    times digit 1 and so on; it is int8, DIGITS * count rounded up to 64s. v is rounded up to eights
    with zeros."""
    scale, unit = plan_of_units(v, count)
    if scale == 0.0:
        return unit
    for i in range(0, count, LANES):
        store_digits(d, i, fma(load(v, i), splat(scale), splat(0.0)))
    return unit


@kernel
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
    """`dense.dots` with v as its digits and unit."""
    ints, powers = np.empty(LANES * LANES, np.int32), np.empty(LANES)
    for k in range(LANES):
        powers[k] = 256.0**k
    power, zero, unit8 = load(powers, 0), splat(0.0), splat(unit)
    last = start + (rows - 1) * stride
    for i in range(0, rows, LANES):
        z = load(out, i)
        for j in range(0, length, SEGMENT):
            part = min(SEGMENT, length - j)
            for r in range(0, LANES, 2):
                k0, k1 = (
                    min(start + (i + r) * stride, last) + j,
                    min(start + (i + r + 1) * stride, last) + j,
                )
                byte_products(x, k0, k1, d, j * DIGITS, BYTES, DIGITS * BYTES, part, ahead, ints, r)
            s0, s1 = fma(load(ints, 0), power, zero), fma(load(ints, 8), power, zero)
            s2, s3 = fma(load(ints, 16), power, zero), fma(load(ints, 24), power, zero)
            s4, s5 = fma(load(ints, 32), power, zero), fma(load(ints, 40), power, zero)
            s6, s7 = fma(load(ints, 48), power, zero), fma(load(ints, 56), power, zero)
            z = fma(sums(s0, s1, s2, s3, s4, s5, s6, s7), unit8, z)
        store(out, i, z)


@kernel
def byte_axpys(
    x: Any, start: int, stride: int, rows: int, length: int, d: Any, unit: float, out: Any
) -> None:
    """`dense.axpys` with v as its digits and unit; out is rounded up to eights."""
    ints, base, unit8 = np.empty(DIGITS * BYTES, np.int32), splat(256.0), splat(unit)
    for j in range(0, length, BYTES):
        columns = min(BYTES, length - j)
        byte_combinations(x, start + j, stride, rows, columns, d, ints)
        for c in range(0, columns, LANES):
            s = load(ints, (DIGITS - 1) * BYTES + c)
            for k in range(DIGITS - 2, -1, -1):
                s = fma(s, base, load(ints, k * BYTES + c))
            store(out, j + c, fma(s, unit8, load(out, j + c)))


@kernel
def byte_sums(x: Any, n_x: int, totals: Any) -> None:
    """totals[i] = the sum of example i; example-major x."""
    for i in range(totals.size):
        row, total = x[i * n_x : (i + 1) * n_x], 0
        for j in range(n_x):
            total += np.int64(row[j])
        totals[i] = total


@kernel
def byte_gram(x: Any, n_x: int, totals: Any, first: int, last: int, K: Any, counter: Any) -> None:
    """K[i, j] = sum of x_i x_j, exactly, for the columns first to last in strips of GRAM and i >=
    the strip's first; the rest of K is left alone. Any number of threads at once; m >= 7. Examples
    j less 128 are the digits."""
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
                    byte_products(x, k0, k1, x, j * n_x + s, n_x, BYTES, length, 0, ints, 0)
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
