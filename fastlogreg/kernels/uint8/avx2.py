"""X of bytes in integer arithmetic on CPUs with AVX2 but without the instruction that `digits` is
written for.

AVX2 multiplies sixteen int16 by sixteen others and adds the products by twos, `vpmaddwd`: half as
wide as bytes, but a digit may have 14 bits, so that four make a number where bytes take seven:

    v = unit * sum over k of 2^14k d_k + error,    -8192 <= d_k <= 8192,    |error| <= unit / 2 <=
                                                   2^-54 max |v|,

and the products of 255 and a digit, two of them to an int32, can be added 514 times. Sums are exact
up to there, and put together in float64, lane by lane. The idea and the promises are those of
`digits`; only the split is another.
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
from .avx512 import plan_of_units, prefetch_line

DIGITS, BITS = 4, 14
GROUP = 16  # numbers whose digits of one place lie side by side
LINE = 64  # bytes of a line of the cache
SEGMENT = 2048  # columns whose digits stay in the first-level cache; 8224 can be added in an int32
GRAM, GRAM_SLAB = 32, 512  # columns of K at a time, and features: 16 KiB of the first-level cache
HALF = 1 << BITS - 1
_INT8, _INT16, _INT32 = ir.IntType(8), ir.IntType(16), ir.IntType(32)
_BYTES, _WORDS, _INTS = (
    ir.VectorType(_INT8, GROUP),
    ir.VectorType(_INT16, GROUP),
    ir.VectorType(_INT32, 8),
)


def _shuffle(builder: Any, a: Any, b: Any, mask: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.VectorType(_INT32, len(mask))(mask))


def _splat(builder: Any, value: Any, count: int) -> Any:
    one = builder.insert_element(
        ir.Constant(ir.VectorType(value.type, count), ir.Undefined), value, _INT32(0)
    )
    return _shuffle(builder, one, one, [0] * count)


def _sixteen(builder: Any, x: Any, k: Any, careful: bool = False) -> Any:
    """x[k : k + 16]; careful: those of them that x has, where it ends, and zeros; x has sixteen."""
    at = k
    if careful:
        last = builder.sub(x.nitems, INT64(GROUP))
        at = builder.select(builder.icmp_signed("<", k, last), k, last)
    pointer = builder.bitcast(builder.gep(x.data, [at]), _BYTES.as_pointer())
    lanes = builder.load(pointer, align=1)
    if not careful:
        return lanes
    # A place of 128 and more gives a zero; the first four of eight bits count otherwise.
    by = _splat(builder, builder.trunc(builder.sub(k, at), _INT8), GROUP)
    places = builder.add(_BYTES([0x70 + i for i in range(GROUP)]), by)
    return call(builder, "llvm.x86.ssse3.pshuf.b.128", _BYTES, [lanes, places])


def _multiply_add(builder: Any, cell: Any, a: Any, b: Any) -> None:
    """cell += a b, by twos."""
    products = call(builder, "llvm.x86.avx2.pmadd.wd", _INTS, [a, b])
    builder.store(builder.add(builder.load(cell), products), cell)


def _cells(builder: Any, count: int) -> list[Any]:
    cells = [cgutils.alloca_once(builder, _INTS) for _ in range(count)]
    for cell in cells:
        builder.store(ir.Constant(_INTS, None), cell)
    return cells


def _put_together(builder: Any, cells: list[Any]) -> Any:
    """The sum over k of 2^14k times the lanes of cell k, as float64."""
    lanes = [builder.sitofp(builder.load(cell), vector(DOUBLE)) for cell in cells]
    base, total = vector(DOUBLE)([2.0**BITS] * LANES), lanes[-1]
    for lane in lanes[-2::-1]:
        total = call(builder, f"llvm.fmuladd.v{LANES}f64", vector(DOUBLE), [total, base, lane])
    return total


def _plain_products(
    x: Any, k0: int, k1: int, d: Any, d0: int, length: int, ahead: int, out: Any, first: int
) -> None:
    numbers = _plain_numbers(d[d0:], length)
    for row, start in enumerate((k0, k1)):
        out[first + row * LANES : first + (row + 1) * LANES] = 0.0
        out[first + row * LANES] = sum(
            int(a) * b for a, b in zip(x[start : start + length], numbers)
        )


def _plain_numbers(d: Any, count: int) -> list[int]:
    """What digits stand for."""
    by_digit = (
        d[: -(-count // GROUP) * GROUP * DIGITS]
        .reshape(-1, DIGITS, GROUP)
        .transpose(1, 0, 2)
        .reshape(DIGITS, -1)
    )
    return [sum(int(by_digit[k, i]) << BITS * k for k in range(DIGITS)) for i in range(count)]


@operation(_plain_products)
def word_products(
    typingctx: Any,
    x: Any,
    k0: Any,
    k1: Any,
    d: Any,
    d0: Any,
    length: Any,
    ahead: Any,
    out: Any,
    first: Any,
) -> Any:
    """The lanes out[first : first + 8] add up to the sum over j < length of x[k0 + j] times the
    number of which d has the digits from d0 on, as `split` makes them; the eight lanes after them
    likewise from k1. out: float64.

    Digits of what is behind `length` are zero, so that x may be read beyond it. What lies `ahead`
    of both rows is prefetched. Two rows: eight sums, two rows and a digit stay in the sixteen
    registers.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_array, d_array, out_array = (
            context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 3, 7)
        )
        _, k0, k1, _, d0, length, ahead, _, first = args
        cells = [_cells(builder, DIGITS) for _ in range(2)]

        def step(j: Any, careful: bool = False) -> None:
            rows = [_sixteen(builder, x_array, builder.add(k, j), careful) for k in (k0, k1)]
            rows = [builder.zext(row, _WORDS) for row in rows]
            digits_at = builder.gep(d_array.data, [builder.add(d0, builder.mul(j, INT64(DIGITS)))])
            for k in range(DIGITS):
                at = builder.bitcast(
                    builder.gep(digits_at, [INT64(k * GROUP)]), _WORDS.as_pointer()
                )
                digit = builder.load(at, align=2)
                for row, lanes in zip(cells, rows):
                    _multiply_add(builder, row[k], lanes, digit)

        with cgutils.for_range(
            builder, builder.lshr(length, INT64(6))
        ) as loop:  # by lines of the cache
            j = builder.shl(loop.index, INT64(6))
            for k in (k0, k1):
                prefetch_line(
                    builder, builder.gep(x_array.data, [builder.add(builder.add(k, j), ahead)])
                )
            for part in range(4):
                step(builder.add(j, INT64(part * GROUP)))
        done = builder.and_(length, INT64(-64))
        with cgutils.for_range(
            builder, builder.lshr(builder.and_(length, INT64(63)), INT64(4))
        ) as loop:
            step(builder.add(done, builder.shl(loop.index, INT64(4))))
        with builder.if_then(
            builder.icmp_signed("!=", builder.and_(length, INT64(GROUP - 1)), INT64(0))
        ):
            step(builder.and_(length, INT64(-GROUP)), careful=True)
        for row, of_row in enumerate(cells):
            at = builder.gep(out_array.data, [builder.add(first, INT64(row * LANES))])
            builder.store(
                _put_together(builder, of_row),
                builder.bitcast(at, vector(DOUBLE).as_pointer()),
                align=8,
            )
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, d, long, long, long, out, long), codegen


def _plain_combinations(
    x: Any, start: int, stride: int, d: Any, d0: int, ints: Any, at: int
) -> None:
    for r in range(LANES):
        row = x[start + r * stride :][:GROUP].astype(np.int64)
        for k in range(DIGITS):
            ints[at + k * GROUP : at + (k + 1) * GROUP] += (
                int(d[d0 + k * GROUP + r]) * row
            ).astype(np.int32)


@operation(_plain_combinations)
def word_combinations(
    typingctx: Any, x: Any, start: Any, stride: Any, d: Any, d0: Any, ints: Any, at: Any
) -> Any:
    """ints[at + 16 k + j] += the sum over r < 8 of x[start + r * stride + j] * d[d0 + 16 k + r], j
    < 16, four k; int32."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_at, d_at, ints_at = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 3, 5)
        )
        _, start, stride, _, d0, _, at = args
        # Two rows in turn, eight columns each: a column's pair is what a product adds up.
        turns = [[half + i // 2 + GROUP * (i % 2) for i in range(GROUP)] for half in (0, 8)]
        places = [
            builder.bitcast(
                builder.gep(ints_at, [builder.add(at, INT64(k * GROUP + half))]), _INTS.as_pointer()
            )
            for half in (0, 8)
            for k in range(DIGITS)
        ]
        cells = _cells(builder, len(places))
        for cell, place in zip(cells, places):
            builder.store(builder.load(place, align=4), cell)
        for r in range(0, LANES, 2):
            row_at = builder.gep(x_at, [builder.add(start, builder.mul(stride, INT64(r)))])
            rows = [
                builder.bitcast(p, _BYTES.as_pointer())
                for p in (row_at, builder.gep(row_at, [stride]))
            ]
            rows = [builder.load(row, align=1) for row in rows]
            pairs = [
                builder.zext(_shuffle(builder, rows[0], rows[1], turn), _WORDS) for turn in turns
            ]
            for k in range(DIGITS):
                two = builder.gep(d_at, [builder.add(d0, INT64(k * GROUP + r))])
                two = builder.load(builder.bitcast(two, _INT32.as_pointer()), align=2)
                two = builder.bitcast(_splat(builder, two, 8), _WORDS)
                for half, pair in enumerate(pairs):
                    _multiply_add(builder, cells[half * DIGITS + k], pair, two)
        for cell, place in zip(cells, places):
            builder.store(builder.load(cell), place, align=4)
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, d, long, ints, long), codegen


def _plain_words(d: Any, index: int, lanes: Any) -> None:
    high = np.rint(lanes * 2.0**-28)
    low = np.rint(lanes - high * 2.0**28)
    for k, half in ((0, low), (2, high)):
        whole = half.astype(np.int64) + HALF + (HALF << BITS)
        at = index // GROUP * GROUP * DIGITS + index % GROUP + k * GROUP
        d[at : at + LANES] = (whole & (1 << BITS) - 1) - HALF
        d[at + GROUP : at + GROUP + LANES] = (whole >> BITS) - HALF


@operation(_plain_words)
def store_words(typingctx: Any, d: Any, index: Any, lanes: Any) -> Any:
    """The digits of eight lanes, rounded, as number `index` (a multiple of 8) and the seven after
    it; |lanes| <= 2^54.

    By way of two halves of 28 bits: AVX2 makes int32 of float64, not int64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        d_at = context.make_array(signature.args[0])(context, builder, args[0]).data
        doubles, ints, eight = vector(DOUBLE), vector(_INT32), ir.VectorType(_INT16, LANES)

        def rounded(v: Any) -> Any:
            return call(builder, f"llvm.rint.v{LANES}f64", doubles, [v])

        high = rounded(builder.fmul(args[2], doubles([2.0**-28] * LANES)))
        low = rounded(
            builder.fsub(args[2], builder.fmul(high, doubles([2.0**28] * LANES)))
        )  # all of it exact
        of_group = builder.mul(builder.and_(args[1], INT64(-GROUP)), INT64(DIGITS))
        first = builder.gep(d_at, [builder.add(of_group, builder.and_(args[1], INT64(GROUP - 1)))])
        for k, half in ((0, low), (2, high)):
            whole = builder.add(builder.fptosi(half, ints), ints([HALF + (HALF << BITS)] * LANES))
            of_half = (
                builder.and_(whole, ints([(1 << BITS) - 1] * LANES)),
                builder.ashr(whole, ints([BITS] * LANES)),
            )
            for i, digit in enumerate(of_half):
                digit = builder.trunc(builder.sub(digit, ints([HALF] * LANES)), eight)
                at = builder.gep(first, [INT64((k + i) * GROUP)])
                builder.store(digit, builder.bitcast(at, eight.as_pointer()), align=2)
        return context.get_dummy_value()

    return types.void(d, types.int64, float64x8), codegen


@kernel
def split_words(v: Any, count: int, d: Any) -> float:
    """The digits of v[:count] into d, and `unit`. Of each 16 numbers d has 16 times digit 0, 16
    times digit 1 and so on; it is int16, DIGITS * count rounded up to 16s, and zero behind `count`.
    v is rounded up to eights with zeros."""
    scale, unit = plan_of_units(v, count)
    if scale == 0.0:
        return unit
    by, zero = splat(scale), splat(0.0)
    for i in range(0, (count + GROUP - 1) // GROUP * GROUP, LANES):
        lanes = zero
        if i < count:
            lanes = fma(load(v, i), by, zero)
        store_words(d, i, lanes)
    return unit


@kernel
def word_dots(
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
    lanes, unit8 = np.empty(LANES * LANES), splat(unit)
    last = start + (rows - 1) * stride
    for j in range(0, length, SEGMENT):
        part = min(SEGMENT, length - j)
        for i in range(0, rows, LANES):
            for r in range(0, LANES, 2):
                k0, k1 = (
                    min(start + (i + r) * stride, last) + j,
                    min(start + (i + r + 1) * stride, last) + j,
                )
                word_products(x, k0, k1, d, j * DIGITS, part, ahead, lanes, r * LANES)
            s0, s1, s2, s3 = load(lanes, 0), load(lanes, 8), load(lanes, 16), load(lanes, 24)
            s4, s5, s6, s7 = load(lanes, 32), load(lanes, 40), load(lanes, 48), load(lanes, 56)
            store(out, i, fma(sums(s0, s1, s2, s3, s4, s5, s6, s7), unit8, load(out, i)))


@kernel
def word_axpys(
    x: Any, start: int, stride: int, rows: int, length: int, d: Any, unit: float, out: Any
) -> None:
    """`dense.axpys` with v as its digits and unit, rows at most 1028; out is rounded up to eights.
    By lines of the cache, and eight rows at a time: those 4 KiB apart share a set of the
    first-level cache, which holds eight lines."""
    ints, room = np.empty(LINE * DIGITS, np.int32), np.zeros(LANES * GROUP, np.uint8)
    base, unit8 = splat(2.0**BITS), splat(unit)
    for j in range(0, length, LINE):
        columns = min(LINE, length - j)
        ints[:] = 0
        for i in range(0, rows, LANES):
            d0 = i // GROUP * GROUP * DIGITS + i % GROUP
            for c in range(0, columns, GROUP):
                k = start + i * stride + j + c
                if i + LANES <= rows and k + (LANES - 1) * stride + GROUP <= x.size:
                    word_combinations(x, k, stride, d, d0, ints, c * DIGITS)
                else:  # fewer than eight rows, or x may end too soon
                    for r in range(LANES):
                        for p in range(GROUP):
                            room[r * GROUP + p] = (
                                x[k + r * stride + p] if i + r < rows and c + p < columns else 0
                            )
                    word_combinations(room, 0, GROUP, d, d0, ints, c * DIGITS)
        for c in range(0, columns, LANES):
            at = c // GROUP * GROUP * DIGITS + c % GROUP
            s = load(ints, at + (DIGITS - 1) * GROUP)
            for k in range(DIGITS - 2, -1, -1):
                s = fma(s, base, load(ints, at + k * GROUP))
            store(out, j + c, fma(s, unit8, load(out, j + c)))


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
    """out[4 r + c] = the sum over p < length of x[i_r + p] * x[min(j + c * stride, j_last) + p], r
    < 2, c < 4; int32, which 1024 products of two bytes do not overflow."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_array, out_array = (
            context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 7)
        )
        _, i0, i1, j, stride, j_last, length, _ = args
        of_j = []
        for c in range(4):
            at = builder.add(j, builder.mul(stride, INT64(c)))
            of_j.append(builder.select(builder.icmp_signed("<", at, j_last), at, j_last))
        cells = _cells(builder, 2 * len(of_j))

        def step(p: Any, count: Any = None) -> None:
            rows = [
                _sixteen(builder, x_array, builder.add(k, p), count is not None) for k in (i0, i1)
            ]
            if count is not None:  # the next example begins behind: zeros in its place
                counts = _splat(builder, builder.trunc(count, _INT8), GROUP)
                among = builder.icmp_unsigned("<", _BYTES(list(range(GROUP))), counts)
                rows = [builder.select(among, row, ir.Constant(_BYTES, None)) for row in rows]
            rows = [builder.zext(row, _WORDS) for row in rows]
            for c, k in enumerate(of_j):
                column = builder.zext(
                    _sixteen(builder, x_array, builder.add(k, p), count is not None), _WORDS
                )
                for r, row in enumerate(rows):
                    _multiply_add(builder, cells[4 * r + c], row, column)

        with cgutils.for_range(builder, builder.lshr(length, INT64(4))) as loop:
            step(builder.shl(loop.index, INT64(4)))
        rest = builder.and_(length, INT64(GROUP - 1))
        with builder.if_then(builder.icmp_signed("!=", rest, INT64(0))):
            step(builder.and_(length, INT64(-GROUP)), rest)
        vectors = [builder.load(cell) for cell in cells]
        for width in (1, 2, 4):  # as `intrinsics.sums`
            low = [i - width + LANES if i & width else i for i in range(LANES)]
            high = [i + LANES if i & width else i + width for i in range(LANES)]
            pairs = list(zip(vectors[::2], vectors[1::2]))
            vectors = [
                builder.add(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high))
                for a, b in pairs
            ]
        builder.store(vectors[0], builder.bitcast(out_array.data, _INTS.as_pointer()), align=4)
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, long, long, long, long, out), codegen


@kernel
def word_gram(x: Any, n_x: int, totals: Any, first: int, last: int, K: Any, counter: Any) -> None:
    """`digits.byte_gram`, for any m; of totals only the size counts."""
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
