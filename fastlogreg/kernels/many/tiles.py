"""The two products of K columns with a block of X, in tiles of registers: `dots` and `axpys`.

What is computed, on flat float64 arrays; a is a block of X, packed (`packing`):

    dots     out[c, r] += sum over v of a[r, v] * b[c, v]       rows r of a times rows c of b
    axpys    out[c, v] += sum over r of a[r, v] * factor[c, r]  rows r of a, a factor for each c

    a, by example: row r is an example       Z by dots (b = W), dW by axpys (factors = dZ)
    a, by feature: row r is a feature        Z by axpys (factors = W), dW by dots (b = dZ)

A tile is the sums that registers hold while a row or a column of a goes by:

    dots     8 rows x 3 columns          a row of vectors each, added over lanes in the end
    axpys    4 columns x 6 vectors       each number of out in a lane of its own

Without AVX-512, with half as many registers of half the width: 2 rows x 3, and 3 columns x 2.

Loop order: tiles of a outside, so that what a tile reads of it stays in the first-level cache;
columns inside. What is no multiple of a tile is shared out evenly: 7 columns are 4 and 3. The loop
over a tile is emitted here for every size of it, and one `switch` chooses: Numba sees one call.

Each step of a loop also asks for two cache lines of the X that comes next, by a plan (`ahead`): the
second-level cache then fills while the CPU multiplies, and nothing waits for memory afterwards. The
compiler moves no load across such a request. One stands halfway, so that no more of a is loaded
early than there are registers for beside the sums.

    ahead    address, lines left in the row, bytes from its last line to the next row, lines in a
             row, lines to ask for

Rounding: EXACT. A sum is made in the order of v (dots: in eight lanes, then `lanes.sums`) or of r
(axpys), each step one `fma`. Neither the size of a tile nor the columns beside it change a bit.
Twin: NumPy's products, beside each operation.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from numba import types

from ..decorators import cpu_features, inlined
from ..lanes import (
    _INT32,
    DOUBLE,
    INT64,
    emit_fma,
    emit_splat,
    emit_sums,
    operation,
    vector,
)
from ..layout import LANES, LINE_BYTES
from .emit import Emit

WIDE_REGISTERS = "+avx512f" in cpu_features()
DOT_ROWS, DOT_COLUMNS = (8, 3) if WIDE_REGISTERS else (2, 3)
AXPY_COLUMNS, AXPY_VECTORS = (4, 6) if WIDE_REGISTERS else (3, 2)


def _plain_dots(
    ahead: Any, a: Any, rows: Any, b: Any, columns: Any, count: int, out: Any, to: Any
) -> None:
    for r in range(DOT_ROWS):
        row = a[rows[0] + r * rows[1] :][: count * LANES].reshape(-1, LANES)
        for c in range(columns[2]):
            column = b[columns[0] + c * columns[1] :][: count * LANES].reshape(-1, LANES)
            out[to[0] + c * to[1] + r] += (row * column).sum()


@operation(_plain_dots)
def _dot_tile(
    typingctx: Any,
    ahead: Any,
    a: Any,
    rows: Any,
    b: Any,
    columns: Any,
    count: Any,
    out: Any,
    to: Any,
) -> Any:
    """Do `dots` for DOT_ROWS rows of a and at most DOT_COLUMNS rows of b, `count` vectors long.

    rows: (start, stride) in a. columns: (start, stride, how many) in b. to: (start, stride) in out.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emit(context, builder)
        plan, a_data, b_data, out_data = (e.data(signature.args[i], args[i]) for i in (0, 1, 3, 6))
        start, stride, from_b, b_stride, how_many, out_start, out_stride = (
            builder.extract_value(args[i], j)
            for i, j in ((2, 0), (2, 1), (4, 0), (4, 1), (4, 2), (7, 0), (7, 1))
        )

        def emit(width: int) -> None:
            a_rows = [e.at(a_data, start, stride, r) for r in range(DOT_ROWS)]
            b_rows = [e.at(b_data, from_b, b_stride, c) for c in range(width)]

            def step(state: list[Any]) -> list[Any]:
                at, asked, sums = state[0], state[1:4], state[4:]
                vs = [e.load(builder.gep(row, [at])) for row in b_rows]
                found = []
                for r, row in enumerate(a_rows):
                    if r in (DOT_ROWS // 4, DOT_ROWS * 5 // 8):
                        asked = e.ask(asked)
                    lanes = e.load(builder.gep(row, [at]))
                    of_row = sums[r * width :]
                    found += [emit_fma(builder, lanes, v, s) for v, s in zip(vs, of_row)]
                return [builder.add(at, INT64(LANES)), *asked, *found]

            zero = vector(DOUBLE)([0.0] * LANES)
            start_state = [INT64(0), *e.begin_asking(plan), *[zero] * (DOT_ROWS * width)]
            state = e.loop(args[5], start_state, step)
            e.end_asking(plan, state[1:4])
            sums = state[4:]
            for c in range(width):
                place = e.at(out_data, out_start, out_stride, c)
                of_column = sums[c::width]
                given = emit_sums(builder, of_column + [zero] * (LANES - DOT_ROWS))
                if DOT_ROWS == LANES:
                    e.store(builder.fadd(e.load(place), given), place)
                    continue
                for r in range(DOT_ROWS):
                    number = builder.gep(place, [INT64(r)])
                    more = builder.extract_element(given, _INT32(r))
                    builder.store(builder.fadd(builder.load(number), more), number)

        cases = [(width, partial(emit, width)) for width in range(1, DOT_COLUMNS + 1)]
        e.choose(cases, how_many)
        return context.get_dummy_value()

    two, three = types.UniTuple(types.int64, 2), types.UniTuple(types.int64, 3)
    return types.void(ahead, a, two, b, three, types.int64, out, two), codegen


def _plain_axpys(
    ahead: Any, a: Any, rows: Any, factors: Any, columns: Any, out: Any, to: Any, vectors: int
) -> None:
    size = vectors * LANES
    for c in range(columns[2]):
        place = out[to[0] + c * to[1] :][:size]
        for r in range(rows[2]):
            place += a[rows[0] + r * rows[1] :][:size] * factors[columns[0] + c * columns[1] + r]


@operation(_plain_axpys)
def _axpy_tile(
    typingctx: Any,
    ahead: Any,
    a: Any,
    rows: Any,
    factors: Any,
    columns: Any,
    out: Any,
    to: Any,
    vectors: Any,
) -> Any:
    """Do `axpys` for at most AXPY_COLUMNS columns and AXPY_VECTORS vectors.

    rows: (start, stride, how many) in a. columns: likewise, in factors. to: (start, stride) in out.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emit(context, builder)
        plan, a_data, f_data, out_data = (e.data(signature.args[i], args[i]) for i in (0, 1, 3, 5))
        start, stride, count, from_f, f_stride, how_many, out_start, out_stride = (
            builder.extract_value(args[i], j)
            for i, j in ((2, 0), (2, 1), (2, 2), (4, 0), (4, 1), (4, 2), (6, 0), (6, 1))
        )

        def emit(width: int, size: int) -> None:
            first = builder.gep(a_data, [start])
            f_rows = [e.at(f_data, from_f, f_stride, c) for c in range(width)]
            places = [
                builder.gep(e.at(out_data, out_start, out_stride, c), [INT64(v * LANES)])
                for c in range(width)
                for v in range(size)
            ]

            def step(state: list[Any]) -> list[Any]:
                row, r, asked, sums = state[0], state[1], state[2:5], state[5:]
                splats = [emit_splat(builder, builder.load(builder.gep(f, [r]))) for f in f_rows]
                found = list(sums)
                for v in range(size):
                    if v in (0, (size + 1) // 2):
                        asked = e.ask(asked)
                    lanes = e.load(builder.gep(row, [INT64(v * LANES)]))
                    for c, factor in enumerate(splats):
                        i = c * size + v
                        found[i] = emit_fma(builder, lanes, factor, sums[i])
                return [builder.gep(row, [stride]), builder.add(r, INT64(1)), *asked, *found]

            start_state = [first, INT64(0), *e.begin_asking(plan), *map(e.load, places)]
            state = e.loop(count, start_state, step)
            e.end_asking(plan, state[2:5])
            for lanes, place in zip(state[5:], places):
                e.store(lanes, place)

        sizes = [(c, v) for c in range(1, AXPY_COLUMNS + 1) for v in range(1, AXPY_VECTORS + 1)]
        cases = [(c * 16 + v, partial(emit, c, v)) for c, v in sizes]
        e.choose(cases, builder.add(builder.mul(how_many, INT64(16)), args[7]))
        return context.get_dummy_value()

    two, three = types.UniTuple(types.int64, 2), types.UniTuple(types.int64, 3)
    return types.void(ahead, a, three, factors, three, out, two, types.int64), codegen


@operation(lambda ahead, x, start, stride, rows, length: None)
def plan_ahead(
    typingctx: Any, ahead: Any, x: Any, start: Any, stride: Any, rows: Any, length: Any
) -> Any:
    """Plan to ask for rows of the bytes x: `rows` of them, `stride` apart, `length` each."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        plan, data = (e.data(signature.args[i], args[i]) for i in (0, 1))
        address, line = b.ptrtoint(b.gep(data, [args[2]]), INT64), INT64(LINE_BYTES)
        lines = b.sdiv(b.add(args[5], INT64(2 * LINE_BYTES - 1)), line)
        jump = b.sub(args[3], b.mul(b.sub(lines, INT64(1)), line))
        for i, number in enumerate((address, lines, jump, lines, b.mul(lines, args[4]))):
            b.store(number, b.gep(plan, [INT64(i)]))
        return context.get_dummy_value()

    return types.void(ahead, x, *[types.int64] * 4), codegen


@inlined
def dots(
    ahead: Any, a: Any, rows: Any, b: Any, columns: Any, count: int, out: Any, to: Any
) -> None:
    """Add the sums of rows of a times rows of b to out[c, r].

    rows: (start, stride, how many, a multiple of 8) in a. columns: (start, stride, how many) in b.
    count: vectors in a row. to: (start, stride) in out.
    """
    start, stride, how_many = rows
    from_b, b_stride, K = columns
    parts = (K + DOT_COLUMNS - 1) // DOT_COLUMNS
    for r in range(0, how_many, DOT_ROWS):
        for p in range(parts):
            c, end = p * K // parts, (p + 1) * K // parts
            _dot_tile(
                ahead,
                a,
                (start + r * stride, stride),
                b,
                (from_b + c * b_stride, b_stride, end - c),
                count,
                out,
                (to[0] + c * to[1] + r, to[1]),
            )


@inlined
def axpys(
    ahead: Any, a: Any, rows: Any, factors: Any, columns: Any, vectors: int, out: Any, to: Any
) -> None:
    """Add the sums over rows of a, times a factor each, to out[c, v].

    rows: (start, stride, how many) in a. columns: likewise, in factors. vectors: in a row of a.
    to: (start, stride) in out.
    """
    start, stride, how_many = rows
    from_f, f_stride, K = columns
    parts = (K + AXPY_COLUMNS - 1) // AXPY_COLUMNS
    strips = (vectors + AXPY_VECTORS - 1) // AXPY_VECTORS
    for s in range(strips):
        v, last = s * vectors // strips, (s + 1) * vectors // strips
        for p in range(parts):
            c, end = p * K // parts, (p + 1) * K // parts
            _axpy_tile(
                ahead,
                a,
                (start + v * LANES, stride, how_many),
                factors,
                (from_f + c * f_stride, f_stride, end - c),
                out,
                (to[0] + c * to[1] + v * LANES, to[1]),
                last - v,
            )
