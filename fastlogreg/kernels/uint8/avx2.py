"""X of bytes in integer arithmetic on CPUs with AVX2 but without AVX-512 VNNI.

AVX2 multiplies sixteen int16 by sixteen others and adds the products by twos. That is half as wide
as bytes, but a digit may have 14 bits, so that four make a number where bytes take seven:
-8192 <= d_k <= 8192 (see `parts`). The products of 255 and a digit, two of them to an int32, can be
added 514 times. Sums are exact up to there, and put together in float64, lane by lane.

Layout. Of each 16 numbers the digits lie by place, and 16 columns of X meet them:

    d    16 x digit 0 | 16 x digit 1 | 16 x digit 2 | 16 x digit 3 | the next 16 numbers | ...
    x    row k0:  16 bytes | 16 bytes | ...
         row k1:  16 bytes | 16 bytes | ...

Loop order: `word_dots`: segments of columns, eight rows, two of them against all digits.
`word_axpys`: 64 columns of 1024 rows, copied side by side, sixteen of them at a time: rows 4 KiB
apart share a set of the first-level cache, which holds eight lines.

Rounding: integers are exact; FAST where they are put together. The NumPy twin of each operation
stands beside it. The Gram matrix is in `avx2_gram`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..decorators import by_name, kernel
from ..lanes import DOUBLE, INT64, call, float64x8, fma, load, operation, splat, store, sums, vector
from ..layout import LANES, LINE_BYTES
from ..rows import eight_rows, load_rows
from .parts import INT8, INT16, INT32, plan_of_units, prefetch_line, shuffle, spread

DIGITS, BITS = 4, 14
RUN = 16  # numbers whose digits of one place lie side by side
SEGMENT = 2048  # columns whose digits stay in the first-level cache; 8224 can be added in an int32
ROWS = 1024  # examples or features whose products are added in an int32; 1028 can be
LARGEST_DIGIT = 1 << BITS - 1
BYTES_16, WORDS_16 = ir.VectorType(INT8, RUN), ir.VectorType(INT16, RUN)
INTS_8 = ir.VectorType(INT32, 8)


def load_sixteen(builder: Any, x: Any, k: Any, careful: bool = False) -> Any:
    """Emit x[k : k + 16]; careful: where x ends, zeros for what it has not; x has sixteen."""
    at = k
    if careful:
        last = builder.sub(x.nitems, INT64(RUN))
        at = builder.select(builder.icmp_signed("<", k, last), k, last)
    pointer = builder.bitcast(builder.gep(x.data, [at]), BYTES_16.as_pointer())
    lanes = builder.load(pointer, align=1)
    if not careful:
        return lanes
    # A place of 128 and more gives a zero; the first four of eight bits count otherwise.
    by = spread(builder, builder.trunc(builder.sub(k, at), INT8), RUN)
    places = builder.add(BYTES_16([0x70 + i for i in range(RUN)]), by)
    return call(builder, "llvm.x86.ssse3.pshuf.b.128", BYTES_16, [lanes, places])


def multiply_add(builder: Any, cell: Any, a: Any, b: Any) -> None:
    """Emit cell += a b, by twos."""
    products = call(builder, "llvm.x86.avx2.pmadd.wd", INTS_8, [a, b])
    builder.store(builder.add(builder.load(cell), products), cell)


def empty_cells(builder: Any, count: int) -> list[Any]:
    """Emit `count` places for sums, all 0."""
    cells = [cgutils.alloca_once(builder, INTS_8) for _ in range(count)]
    for cell in cells:
        builder.store(ir.Constant(INTS_8, None), cell)
    return cells


def _put_together(builder: Any, cells: list[Any]) -> Any:
    """Emit the sum over k of 2^14k times the lanes of cell k, as float64."""
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
    """Return the numbers that digits stand for."""
    by_digit = (
        d[: -(-count // RUN) * RUN * DIGITS]
        .reshape(-1, DIGITS, RUN)
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
    """Fill out[first : first + 8] with what adds up to the sum over j < length of x[k0 + j] v_j.

    v_j has the digits from d0 on, as `split_words` makes them. The eight lanes after them are the
    same from k1. out: float64. Digits of what is behind `length` are zero, so that x may be read
    beyond it. What lies `ahead` of both rows is prefetched. Eight sums, two rows and a digit stay
    in the sixteen registers.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_array, d_array, out_array = (
            context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 3, 7)
        )
        _, k0, k1, _, d0, length, ahead, _, first = args
        cells = [empty_cells(builder, DIGITS) for _ in range(2)]

        def step(j: Any, careful: bool = False) -> None:
            rows = [load_sixteen(builder, x_array, builder.add(k, j), careful) for k in (k0, k1)]
            rows = [builder.zext(row, WORDS_16) for row in rows]
            digits_at = builder.gep(d_array.data, [builder.add(d0, builder.mul(j, INT64(DIGITS)))])
            for k in range(DIGITS):
                at = builder.bitcast(
                    builder.gep(digits_at, [INT64(k * RUN)]), WORDS_16.as_pointer()
                )
                digit = builder.load(at, align=2)
                for row, lanes in zip(cells, rows):
                    multiply_add(builder, row[k], lanes, digit)

        with cgutils.for_range(
            builder, builder.lshr(length, INT64(6))
        ) as loop:  # by lines of the cache
            j = builder.shl(loop.index, INT64(6))
            for k in (k0, k1):
                prefetch_line(
                    builder, builder.gep(x_array.data, [builder.add(builder.add(k, j), ahead)])
                )
            for part in range(4):
                step(builder.add(j, INT64(part * RUN)))
        done = builder.and_(length, INT64(-64))
        with cgutils.for_range(
            builder, builder.lshr(builder.and_(length, INT64(63)), INT64(4))
        ) as loop:
            step(builder.add(done, builder.shl(loop.index, INT64(4))))
        with builder.if_then(
            builder.icmp_signed("!=", builder.and_(length, INT64(RUN - 1)), INT64(0))
        ):
            step(builder.and_(length, INT64(-RUN)), careful=True)
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


@operation(lambda x, k: int((x.ctypes.data + k) % LINE_BYTES))
def place_in_line(typingctx: Any, x: Any, k: Any) -> Any:
    """Tell how many bytes x[k] lies behind the start of a line of the caches."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.ptrtoint(builder.gep(data, [args[1]]), INT64)
        return builder.and_(address, INT64(LINE_BYTES - 1))

    return types.int64(x, types.int64), codegen


def _plain_copy(x: Any, k: int, room: Any, at: int) -> None:
    room[at : at + LINE_BYTES] = x[k : k + LINE_BYTES]


@operation(_plain_copy)
def copy_line(typingctx: Any, x: Any, k: Any, room: Any, at: Any) -> Any:
    """Copy 64 bytes, x[k : k + 64], to room[at : at + 64]."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_at, room_at = (
            builder.gep(context.make_array(signature.args[i])(context, builder, args[i]).data, [at])
            for i, at in ((0, args[1]), (2, args[3]))
        )
        line = ir.VectorType(INT8, LINE_BYTES).as_pointer()
        whole = builder.load(builder.bitcast(x_at, line), align=1)
        builder.store(whole, builder.bitcast(room_at, line), align=1)
        return context.get_dummy_value()

    return types.void(x, types.int64, room, types.int64), codegen


def _plain_combination(x: Any, start: int, rows: int, d: Any, d0: int) -> tuple[Any, Any]:
    total = [0] * RUN
    for r, number in enumerate(_plain_numbers(d[d0:], rows)):
        at = start + r * LINE_BYTES
        total = [t + number * int(byte) for t, byte in zip(total, x[at : at + RUN])]
    return np.array(total[:LANES], np.float64), np.array(total[LANES:], np.float64)


@operation(_plain_combination)
def word_combination(typingctx: Any, x: Any, start: Any, rows: Any, d: Any, d0: Any) -> Any:
    """Sum x[start + 64 r + j] * v_r over r < rows, rounded up to even: for j < 8, and 8 <= j < 16.

    v_r has the digits from d0 on, as `split_words` makes them; d0 begins sixteen of them. The
    int32 sums stay in registers: rows is at most ROWS.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x_at, d_at = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 3)
        )
        _, start, rows, _, d0 = args
        # Two rows in turn: a column's pair is what a product adds up. As the CPU unpacks them,
        # four columns of each half of a register.
        turns = [
            [j + i // 2 + RUN * (i % 2) for j in (first, first + 8) for i in range(8)]
            for first in (0, 4)
        ]
        cells = [empty_cells(builder, DIGITS) for _ in turns]
        pairs = builder.lshr(builder.add(rows, INT64(1)), INT64(1))
        with cgutils.for_range(builder, pairs) as loop:
            r = builder.shl(loop.index, INT64(1))
            two_rows = []
            for i in range(2):
                at = builder.add(start, builder.shl(builder.add(r, INT64(i)), INT64(6)))
                row = builder.bitcast(builder.gep(x_at, [at]), BYTES_16.as_pointer())
                two_rows.append(builder.zext(builder.load(row, align=1), WORDS_16))
            columns = [shuffle(builder, two_rows[0], two_rows[1], turn) for turn in turns]
            of_run = builder.mul(builder.and_(r, INT64(-RUN)), INT64(DIGITS))
            of_pair = builder.add(of_run, builder.and_(r, INT64(RUN - 1)))
            for k in range(DIGITS):
                at = builder.add(builder.add(d0, of_pair), INT64(k * RUN))
                two = builder.bitcast(builder.gep(d_at, [at]), INT32.as_pointer())
                two = builder.bitcast(spread(builder, builder.load(two, align=2), 8), WORDS_16)
                for of_turn, lanes in zip(cells, columns):
                    multiply_add(builder, of_turn[k], lanes, two)
        low, high = (_put_together(builder, of_turn) for of_turn in cells)
        in_order = [
            shuffle(builder, low, high, [j + i for j in (0, 8) for i in range(first, first + 4)])
            for first in (0, 4)
        ]
        return context.make_tuple(builder, signature.return_type, in_order)

    long = types.int64
    return types.UniTuple(float64x8, 2)(x, long, long, d, long), codegen


def _plain_words(d: Any, index: int, lanes: Any) -> None:
    high = np.rint(lanes * 2.0**-28)
    low = np.rint(lanes - high * 2.0**28)
    for k, half in ((0, low), (2, high)):
        whole = half.astype(np.int64) + LARGEST_DIGIT + (LARGEST_DIGIT << BITS)
        at = index // RUN * RUN * DIGITS + index % RUN + k * RUN
        d[at : at + LANES] = (whole & (1 << BITS) - 1) - LARGEST_DIGIT
        d[at + RUN : at + RUN + LANES] = (whole >> BITS) - LARGEST_DIGIT


@operation(_plain_words)
def store_words(typingctx: Any, d: Any, index: Any, lanes: Any) -> Any:
    """Store the digits of eight lanes, rounded, as number `index` and the seven after it.

    index is a multiple of 8; |lanes| <= 2^54. By way of two halves of 28 bits: AVX2 makes int32 of
    float64, not int64.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        d_at = context.make_array(signature.args[0])(context, builder, args[0]).data
        doubles, ints, eight = vector(DOUBLE), vector(INT32), ir.VectorType(INT16, LANES)

        def rounded(v: Any) -> Any:
            return call(builder, f"llvm.rint.v{LANES}f64", doubles, [v])

        high = rounded(builder.fmul(args[2], doubles([2.0**-28] * LANES)))
        low = rounded(
            builder.fsub(args[2], builder.fmul(high, doubles([2.0**28] * LANES)))
        )  # all of it exact
        of_group = builder.mul(builder.and_(args[1], INT64(-RUN)), INT64(DIGITS))
        first = builder.gep(d_at, [builder.add(of_group, builder.and_(args[1], INT64(RUN - 1)))])
        for k, half in ((0, low), (2, high)):
            whole = builder.add(
                builder.fptosi(half, ints), ints([LARGEST_DIGIT + (LARGEST_DIGIT << BITS)] * LANES)
            )
            of_half = (
                builder.and_(whole, ints([(1 << BITS) - 1] * LANES)),
                builder.ashr(whole, ints([BITS] * LANES)),
            )
            for i, digit in enumerate(of_half):
                digit = builder.trunc(builder.sub(digit, ints([LARGEST_DIGIT] * LANES)), eight)
                at = builder.gep(first, [INT64((k + i) * RUN)])
                builder.store(digit, builder.bitcast(at, eight.as_pointer()), align=2)
        return context.get_dummy_value()

    return types.void(d, types.int64, float64x8), codegen


@by_name(kernel)
def split_words(v: Any, count: int, d: Any) -> float:
    """Put the digits of v[:count] into d and return `unit`.

    d is int16, DIGITS * count rounded up to 16s, and zero behind `count`. v is rounded up to eights
    with zeros.
    """
    scale, unit = plan_of_units(v, count)
    if scale == 0.0:
        return unit
    by, zero = splat(scale), splat(0.0)
    for i in range(0, (count + RUN - 1) // RUN * RUN, LANES):
        lanes = zero
        if i < count:
            lanes = fma(load(v, i), by, zero)
        store_words(d, i, lanes)
    return unit


@by_name(kernel)
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
    """Do what `dense.blocks.dots` does, with v as its digits and unit."""
    lanes, unit8 = np.empty(LANES * LANES), splat(unit)
    last, eights = start + (rows - 1) * stride, eight_rows(0, LANES)
    for j in range(0, length, SEGMENT):
        part = min(SEGMENT, length - j)
        for i in range(0, rows, LANES):
            for r in range(0, LANES, 2):
                k0 = min(start + (i + r) * stride, last) + j
                k1 = min(start + (i + r + 1) * stride, last) + j
                word_products(x, k0, k1, d, j * DIGITS, part, ahead, lanes, r * LANES)
            s = load_rows(lanes, eights, 0)
            store(out, i, fma(sums(s), unit8, load(out, i)))


@by_name(kernel)
def word_axpys(
    x: Any, start: int, stride: int, rows: int, length: int, d: Any, unit: float, out: Any
) -> None:
    """Do what `dense.blocks.axpys` does, with v as its digits and unit."""
    # A last row without a partner meets a digit of 0.
    room, unit8 = np.zeros(min(ROWS, rows + 1) * LINE_BYTES, np.uint8), splat(unit)
    for i in range(0, rows, ROWS):
        some = min(ROWS, rows - i)
        j = 0
        while j < length:
            # Whole lines, where all rows begin at the same place in one; sixteens in any case.
            k, columns = start + i * stride + j, LINE_BYTES
            if stride % LINE_BYTES == 0:
                columns -= place_in_line(x, k) // RUN * RUN
            columns = min(columns, length - j)
            # Where X ends, a line may have fewer bytes.
            lines = min(some, max(0, (x.size - LINE_BYTES - k) // stride + 1))
            for r in range(lines):
                copy_line(x, k + r * stride, room, r * LINE_BYTES)
            for r in range(lines, some):
                for p in range(columns):
                    room[r * LINE_BYTES + p] = x[k + r * stride + p]
            for c in range(0, columns, RUN):
                low, high = word_combination(room, c, some, d, i * DIGITS)
                store(out, j + c, fma(low, unit8, load(out, j + c)))
                if c + LANES < columns:
                    store(out, j + c + LANES, fma(high, unit8, load(out, j + c + LANES)))
            j += columns
