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
columns inside. What is no multiple of a tile is shared out evenly: 7 columns are 4 and 3. The loops
are emitted here, over a tile for every size of it, and one `switch` chooses: Numba sees one call.

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

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import types
from numba.core import cgutils

from ..decorators import cpu_features
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
from .bundles import HEADS, Block, Form, Places, Shape
from .emit import Emit

WIDE_REGISTERS = "+avx512f" in cpu_features()
DOT_ROWS, DOT_COLUMNS = (8, 3) if WIDE_REGISTERS else (2, 3)
AXPY_COLUMNS, AXPY_VECTORS = (4, 6) if WIDE_REGISTERS else (3, 2)


def _up(count: int) -> int:
    return (count + LANES - 1) & -LANES


def _shares(e: Emit, total: Any, most: int, use: Callable[[Any, Any], None]) -> None:
    """Emit use(first, how many) for each part of `total`, none of them more than `most`."""
    b, one = e.builder, INT64(1)
    parts = b.sdiv(b.add(total, INT64(most - 1)), INT64(most))

    def share(state: list[Any]) -> list[Any]:
        (p,) = state
        following = b.add(p, one)
        first = b.sdiv(b.mul(p, total), parts)
        use(first, b.sub(b.sdiv(b.mul(following, total), parts), first))
        return [following]

    e.loop(parts, [INT64(0)], share)


def emit_dots(
    e: Emit,
    plan: Any,
    a_data: Any,
    b_data: Any,
    out_data: Any,
    rows: list[Any],
    columns: list[Any],
    to: list[Any],
    vectors: Any,
) -> None:
    """Emit `dots`; the arrays as pointers to their numbers."""
    b = e.builder
    (start, stride, how_many), (from_b, b_stride, K), (out_start, out_stride) = rows, columns, to
    zero = vector(DOUBLE)([0.0] * LANES)

    def tile(r: Any, c: Any, width: int) -> None:
        a_first = b.add(start, b.mul(r, stride))
        a_rows = [e.at(a_data, a_first, stride, i) for i in range(DOT_ROWS)]
        b_first = b.add(from_b, b.mul(c, b_stride))
        b_rows = [e.at(b_data, b_first, b_stride, i) for i in range(width)]

        def step(state: list[Any]) -> list[Any]:
            at, asked, sums = state[0], state[1:4], state[4:]
            vs = [e.load(b.gep(row, [at])) for row in b_rows]
            found = []
            for i, row in enumerate(a_rows):
                if i in (DOT_ROWS // 4, DOT_ROWS * 5 // 8):
                    asked = e.ask(asked)
                lanes = e.load(b.gep(row, [at]))
                of_row = sums[i * width :]
                found += [emit_fma(b, lanes, v, s) for v, s in zip(vs, of_row)]
            return [b.add(at, INT64(LANES)), *asked, *found]

        start_state = [INT64(0), *e.begin_asking(plan), *[zero] * (DOT_ROWS * width)]
        state = e.loop(vectors, start_state, step)
        e.end_asking(plan, state[1:4])
        out_first = b.add(b.add(out_start, b.mul(c, out_stride)), r)
        for i in range(width):
            add_sums(state[4 + i :: width], e.at(out_data, out_first, out_stride, i))

    def add_sums(of_column: list[Any], place: Any) -> None:
        given = emit_sums(b, of_column + [zero] * (LANES - DOT_ROWS))
        if DOT_ROWS == LANES:
            e.store(b.fadd(e.load(place), given), place)
            return
        for i in range(DOT_ROWS):
            number = b.gep(place, [INT64(i)])
            more = b.extract_element(given, _INT32(i))
            b.store(b.fadd(b.load(number), more), number)

    def group(state: list[Any]) -> list[Any]:
        (r,) = state

        def part(c: Any, width: Any) -> None:
            sizes = range(1, DOT_COLUMNS + 1)
            e.choose([(size, partial(tile, r, c, size)) for size in sizes], width)

        _shares(e, K, DOT_COLUMNS, part)
        return [b.add(r, INT64(DOT_ROWS))]

    e.loop(b.sdiv(how_many, INT64(DOT_ROWS)), [INT64(0)], group)


def emit_axpys(
    e: Emit,
    plan: Any,
    a_data: Any,
    f_data: Any,
    out_data: Any,
    rows: list[Any],
    columns: list[Any],
    to: list[Any],
    vectors: Any,
) -> None:
    """Emit `axpys`; the arrays as pointers to their numbers."""
    b = e.builder
    (start, stride, count), (from_f, f_stride, K), (out_start, out_stride) = rows, columns, to

    def tile(v: Any, c: Any, width: int, size: int) -> None:
        along = b.mul(v, INT64(LANES))
        first = b.gep(a_data, [b.add(start, along)])
        f_first = b.add(from_f, b.mul(c, f_stride))
        f_rows = [e.at(f_data, f_first, f_stride, i) for i in range(width)]
        out_first = b.add(b.add(out_start, b.mul(c, out_stride)), along)
        places = [
            b.gep(e.at(out_data, out_first, out_stride, i), [INT64(k * LANES)])
            for i in range(width)
            for k in range(size)
        ]

        def step(state: list[Any]) -> list[Any]:
            row, r, asked, sums = state[0], state[1], state[2:5], state[5:]
            splats = [emit_splat(b, b.load(b.gep(f, [r]))) for f in f_rows]
            found = list(sums)
            for k in range(size):
                if k in (0, (size + 1) // 2):
                    asked = e.ask(asked)
                lanes = e.load(b.gep(row, [INT64(k * LANES)]))
                for i, factor in enumerate(splats):
                    at = i * size + k
                    found[at] = emit_fma(b, lanes, factor, sums[at])
            return [b.gep(row, [stride]), b.add(r, INT64(1)), *asked, *found]

        start_state = [first, INT64(0), *e.begin_asking(plan), *map(e.load, places)]
        state = e.loop(count, start_state, step)
        e.end_asking(plan, state[2:5])
        for lanes, place in zip(state[5:], places):
            e.store(lanes, place)

    def strip(v: Any, size: Any) -> None:
        def part(c: Any, width: Any) -> None:
            number = b.add(b.mul(width, INT64(16)), size)
            sizes = [(i, k) for i in range(1, AXPY_COLUMNS + 1) for k in range(1, AXPY_VECTORS + 1)]
            e.choose([(i * 16 + k, partial(tile, v, c, i, k)) for i, k in sizes], number)

        _shares(e, K, AXPY_COLUMNS, part)

    _shares(e, vectors, AXPY_VECTORS, strip)


def _plain_dots(
    ahead: Any, a: Any, rows: Any, b: Any, columns: Any, count: int, out: Any, to: Any
) -> None:
    size = count * LANES
    for r in range(rows[2]):
        row = a[rows[0] + r * rows[1] :][:size].reshape(-1, LANES)
        for c in range(columns[2]):
            column = b[columns[0] + c * columns[1] :][:size].reshape(-1, LANES)
            out[to[0] + c * to[1] + r] += (row * column).sum()


@operation(_plain_dots)
def dots(
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
    """Add the sums of rows of a times rows of b to out[c, r].

    rows: (start, stride, how many, a multiple of 8) in a. columns: (start, stride, how many) in b.
    count: vectors in a row. to: (start, stride) in out.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emit(context, builder)
        plan, a_data, b_data, out_data = (e.data(signature.args[i], args[i]) for i in (0, 1, 3, 6))
        rows, columns, to = (cgutils.unpack_tuple(builder, args[i]) for i in (2, 4, 7))
        emit_dots(e, plan, a_data, b_data, out_data, rows, columns, to, args[5])
        return context.get_dummy_value()

    two, three = types.UniTuple(types.int64, 2), types.UniTuple(types.int64, 3)
    return types.void(ahead, a, three, b, three, types.int64, out, two), codegen


def _plain_axpys(
    ahead: Any, a: Any, rows: Any, factors: Any, columns: Any, vectors: int, out: Any, to: Any
) -> None:
    size = vectors * LANES
    for c in range(columns[2]):
        place = out[to[0] + c * to[1] :][:size]
        for r in range(rows[2]):
            place += a[rows[0] + r * rows[1] :][:size] * factors[columns[0] + c * columns[1] + r]


@operation(_plain_axpys)
def axpys(
    typingctx: Any,
    ahead: Any,
    a: Any,
    rows: Any,
    factors: Any,
    columns: Any,
    vectors: Any,
    out: Any,
    to: Any,
) -> Any:
    """Add the sums over rows of a, times a factor each, to out[c, v].

    rows: (start, stride, how many) in a. columns: likewise, in factors. vectors: in a row of a.
    to: (start, stride) in out.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emit(context, builder)
        plan, a_data, b_data, out_data = (e.data(signature.args[i], args[i]) for i in (0, 1, 3, 6))
        rows, columns, to = (cgutils.unpack_tuple(builder, args[i]) for i in (2, 4, 7))
        emit_axpys(e, plan, a_data, b_data, out_data, rows, columns, to, args[5])
        return context.get_dummy_value()

    two, three = types.UniTuple(types.int64, 2), types.UniTuple(types.int64, 3)
    return types.void(ahead, a, three, factors, three, types.int64, out, two), codegen


def _plain_multiply(
    form: Form, forward: bool, shape: Shape, W: Any, K: int, block: Block, places: Places, row: Any
) -> None:
    n_x, stride, ((lo, hi), (first, last)) = shape.n_x, shape.block, block
    factors, columns, out, to = W, (first, _up(n_x), K), places.z, (0, stride)
    if not forward:
        factors, columns = places.z, (0, stride, K)
        out, to = row, (HEADS * _up(K) + first, _up(n_x))
    length, count = _up(hi - lo), last - first
    if form.by_example:
        length, count = _up(last - first), hi - lo
    use, rows = (_plain_dots, _up(count)) if forward == form.by_example else (_plain_axpys, count)
    use(None, places.a, (0, length, rows), factors, columns, length // LANES, out, to)


@operation(_plain_multiply)
def multiply(
    typingctx: Any,
    form: Any,
    forward: Any,
    shape: Any,
    W: Any,
    K: Any,
    block: Any,
    places: Any,
    row: Any,
) -> Any:
    """Add W X to Z (forward), or dZ X.T to dW, of some packed features: by dots or by axpys.

    K: the rows of W, or of dZ. block: the examples and the features, each (first, one past the
    last).
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        by_example, forward = b.extract_value(args[0], 0), args[1]
        n_x, stride = (b.extract_value(args[2], i) for i in (1, 3))
        K, (span, slab) = args[4], cgutils.unpack_tuple(builder, args[5])
        (lo, hi), (first, last) = (cgutils.unpack_tuple(builder, pair) for pair in (span, slab))
        own = places.types
        a, z, plan = (e.data(own[i], b.extract_value(args[6], i)) for i in (0, 1, 6))
        w, sums = e.data(signature.args[3], args[3]), e.data(signature.args[7], args[7])
        up = e.up
        examples, features, zero = b.sub(hi, lo), b.sub(last, first), INT64(0)
        padded, heads = up(n_x), b.mul(INT64(HEADS), up(K))
        factors, out = b.select(forward, w, z), b.select(forward, z, sums)
        columns = [b.select(forward, first, zero), b.select(forward, padded, stride), K]
        to = [b.select(forward, zero, b.add(heads, first)), b.select(forward, stride, padded)]
        length = b.select(by_example, up(features), up(examples))
        count, vectors = (
            b.select(by_example, examples, features),
            b.sdiv(length, INT64(LANES)),
        )
        by_dots = b.zext(b.icmp_unsigned("==", forward, by_example), INT64)
        data = plan, a, factors, out
        e.choose(
            [
                (1, lambda: emit_dots(e, *data, [zero, length, up(count)], columns, to, vectors)),
                (0, lambda: emit_axpys(e, *data, [zero, length, count], columns, to, vectors)),
            ],
            by_dots,
        )
        return context.get_dummy_value()

    given = form, types.boolean, shape, W, types.int64, block, places, row
    return types.void(*given), codegen


def _no_plan(ahead: Any, x: Any, form: Form, shape: Shape, lo: int) -> None:
    """Ask for nothing."""


@operation(_no_plan)
def plan_block(typingctx: Any, ahead: Any, x: Any, form: Any, shape: Any, lo: Any) -> Any:
    """Plan to ask for the block that begins with example lo; of no more examples than there are.

    x: the bytes of X.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        plan, data = (e.data(signature.args[i], args[i]) for i in (0, 1))
        by_example, _, size = cgutils.unpack_tuple(builder, args[2])
        m, n_x, _, block, _ = cgutils.unpack_tuple(builder, args[3])
        line, one = INT64(LINE_BYTES), INT64(1)

        def least(p: Any, q: Any) -> Any:
            return b.select(b.icmp_signed("<", p, q), p, q)

        left = least(block, b.sub(m, args[4]))
        count = b.select(b.icmp_signed("<", left, one), one, left)
        first = least(args[4], b.sub(m, one))
        start = b.select(by_example, b.mul(first, n_x), first)
        stride = b.select(by_example, INT64(0), b.mul(m, size))
        rows = b.select(by_example, one, n_x)
        length = b.select(by_example, b.mul(count, n_x), count)
        address = b.ptrtoint(b.gep(data, [b.mul(start, size)]), INT64)
        lines = b.sdiv(b.add(b.mul(length, size), INT64(2 * LINE_BYTES - 1)), line)
        jump = b.sub(stride, b.mul(b.sub(lines, one), line))
        for i, number in enumerate((address, lines, jump, lines, b.mul(lines, rows))):
            b.store(number, b.gep(plan, [INT64(i)]))
        return context.get_dummy_value()

    return types.void(ahead, x, form, shape, types.int64), codegen
