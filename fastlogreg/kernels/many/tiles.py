"""The two products of K columns with a block of X, in tiles of registers: `dots` and `axpys`.

What is computed, on flat float64 arrays; a is a block of X, packed (`packing`):

    dots     out[c, r] += sum over v of a[r, v] * b[c, v]       rows r of a times rows c of b
    axpys    out[c, v] += sum over r of a[r, v] * factor[c, r]  rows r of a, a factor for each c

    a, by example: row r is an example       Z by dots (b = W), dW by axpys (factors = dZ)
    a, by feature: row r is a feature        Z by axpys (factors = W), dW by dots (b = dZ)

A tile is the sums that registers hold while a row or a column of a goes by:

    dots     8 rows x 3 columns          a row of vectors each, added over lanes in the end
             4 rows x 5 columns          of long rows, of which the first-level cache holds four
    axpys    4 columns x 6 vectors       each number of out in a lane of its own

Without AVX-512, with half as many registers of half the width: 2 rows x 3, and 3 columns x 2.

Loop order: tiles of a outside, so that what a tile reads of it stays in the first-level cache;
columns inside. What is no multiple of a tile is shared out evenly: 7 columns are 4 and 3. The loops
are emitted here, over a tile for every size of it, and one `switch` chooses: Numba sees one call.

Each step of a loop also asks for a cache line of the X that comes next or for two, by a plan
(`ahead`): the second-level cache then fills while the CPU multiplies, and nothing waits for memory
afterwards. The compiler moves no load across such a request. One stands halfway, so that no more of
a is loaded early than there are registers for beside the sums.

The first product of bytes, and of float32 by feature, packs what it multiplies: its first tile of
each row takes the numbers from X, and leaves them packed for the others. To widen and store them
then takes no time beside the multiplications. `products.packed_by_tiles` tells how many rows that
are. Each such tile takes time to compile, so there are few.

Rounding: EXACT. A sum is made in the order of v (dots: in eight lanes, then `lanes.sums`) or of r
(axpys), each step one `fma`. Neither the size of a tile nor the columns beside it change a bit.
Twin: NumPy's products, beside each operation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils

from ..decorators import cpu_features
from ..lanes import (
    _INT32,
    DOUBLE,
    INT64,
    _element,
    _widen,
    emit_fma,
    emit_splat,
    emit_sums,
    operation,
    vector,
)
from ..layout import LANES
from .bundles import DTYPES
from .emit import Emit

WIDE_REGISTERS = "+avx512f" in cpu_features()
AXPY_COLUMNS, AXPY_VECTORS = (4, 6) if WIDE_REGISTERS else (3, 2)
PACKED_VECTORS = 4 if WIDE_REGISTERS else 2  # vectors of a tile of axpys that packs
PACKED_BY_DOTS, PACKED_BY_AXPYS = (2,), (1, 2)  # numbers in DTYPES of what tiles pack


class Raw(NamedTuple):
    """X itself, as a tile that packs reads it: its bytes, the number of its dtype, the index of the
    block's first number, numbers from row to row, and how many rows of the block are not packed.
    """

    data: Any
    dtype: Any
    start: Any
    stride: Any
    rows: Any

    def emit(
        self, e: Emit, packs: Any, numbers: tuple[int, ...], tile: Callable[[Any], None]
    ) -> None:
        """Emit tile(index -> lanes) for each of the numbers in DTYPES; it runs where it `packs`."""
        cases = [(k, partial(tile, partial(self._load, e, k))) for k in numbers]
        e.choose(cases, e.builder.select(packs, self.dtype, INT64(-1)))

    def _load(self, e: Emit, number: int, index: Any) -> Any:
        dtype, b = from_dtype(DTYPES[number]), e.builder
        element, _, size = _element(dtype)
        pointer = b.gep(b.bitcast(self.data, element.as_pointer()), [index])
        return _widen(
            b, dtype, b.load(b.bitcast(pointer, vector(element).as_pointer()), align=size)
        )


class Dots(NamedTuple):
    """Tiles of dots: rows and columns of the largest, and the columns that there are at least, in
    all and in a share; raw: X, where tiles pack."""

    rows: int
    columns: int
    least: int = 1
    raw: Raw | None = None


DOTS = Dots(8, 3) if WIDE_REGISTERS else Dots(2, 3)
# For more columns than three, so that no share has fewer than three (two).
LONG_DOTS = Dots(4, 5, 3) if WIDE_REGISTERS else Dots(2, 3, 2)


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
    tiles: Dots = DOTS,
) -> None:
    """Emit `dots`; the arrays as pointers to their numbers."""
    b, (tile_rows, tile_columns, least, raw) = e.builder, tiles
    (start, stride, how_many), (from_b, b_stride, K), (out_start, out_stride) = rows, columns, to
    zero = vector(DOUBLE)([0.0] * LANES)

    def tile(r: Any, c: Any, width: int, from_x: Callable[[Any], Any] | None = None) -> None:
        a_first = b.add(start, b.mul(r, stride))
        a_rows = [e.at(a_data, a_first, stride, i) for i in range(tile_rows)]
        b_first = b.add(from_b, b.mul(c, b_stride))
        b_rows = [e.at(b_data, b_first, b_stride, i) for i in range(width)]

        def step(state: list[Any]) -> list[Any]:
            at, asked, sums = state[0], state[1:4], state[4:]
            vs = [e.load(b.gep(row, [at])) for row in b_rows]
            found = []
            for i, row in enumerate(a_rows):
                if i in (tile_rows // 4, tile_rows * 5 // 8):
                    asked = e.ask(asked, i > tile_rows // 4)
                place = b.gep(row, [at])
                if from_x is None or raw is None:
                    lanes = e.load(place)
                else:
                    own = b.add(raw.start, b.mul(b.add(r, INT64(i)), raw.stride))
                    lanes = from_x(b.add(own, at))
                    e.store(lanes, place)
                of_row = sums[i * width :]
                found += [emit_fma(b, lanes, v, s) for v, s in zip(vs, of_row)]
            return [b.add(at, INT64(LANES)), *asked, *found]

        start_state = [INT64(0), *e.begin_asking(plan), *[zero] * (tile_rows * width)]
        state = e.loop(vectors, start_state, step)
        e.end_asking(plan, state[1:4])
        out_first = b.add(b.add(out_start, b.mul(c, out_stride)), r)
        places = [e.at(out_data, out_first, out_stride, i) for i in range(width)]
        together = max(1, LANES // tile_rows)  # columns whose sums one vector holds
        for i in range(0, width, together):
            some = range(i, min(width, i + together))
            given = [v for k in some for v in state[4 + k :: width]]
            found = emit_sums(b, given + [zero] * (LANES - len(given)))
            for k in some:
                add_part(found, (k - i) * tile_rows, places[k])

    def add_part(found: Any, first: int, place: Any) -> None:
        """Add the sums of a column, which begin in lane `first`."""
        if tile_rows == LANES:
            e.store(b.fadd(e.load(place), found), place)
            return
        lanes = ir.VectorType(_INT32, tile_rows)(list(range(first, first + tile_rows)))
        part = b.shuffle_vector(found, found, lanes)
        there = b.bitcast(place, part.type.as_pointer())
        b.store(b.fadd(b.load(there, align=8), part), there, align=8)

    def group(state: list[Any]) -> list[Any]:
        (r,) = state
        done = INT64(0)
        if raw is not None:
            packs = b.icmp_signed("<", r, raw.rows)
            done = b.select(packs, INT64(tile_columns), done)
            whole = partial(tile, r, INT64(0), tile_columns)
            raw.emit(e, packs, PACKED_BY_DOTS, whole)

        def part(c: Any, width: Any) -> None:
            sizes = range(least, tile_columns + 1)
            e.choose([(size, partial(tile, r, b.add(done, c), size)) for size in sizes], width)

        _shares(e, b.sub(K, done), tile_columns, part)
        return [b.add(r, INT64(tile_rows))]

    e.loop(b.sdiv(how_many, INT64(tile_rows)), [INT64(0)], group)


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
    raw: Raw | None = None,
) -> None:
    """Emit `axpys`; the arrays as pointers to their numbers."""
    b = e.builder
    (start, stride, count), (from_f, f_stride, K), (out_start, out_stride) = rows, columns, to

    def tile(
        v: Any, c: Any, width: int, size: int, from_x: Callable[[Any], Any] | None = None
    ) -> None:
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
                    asked = e.ask(asked, k > 0)
                place = b.gep(row, [INT64(k * LANES)])
                if from_x is None or raw is None:
                    lanes = e.load(place)
                else:
                    own = b.add(raw.start, b.add(b.mul(r, raw.stride), along))
                    lanes = from_x(b.add(own, INT64(k * LANES)))
                    e.store(lanes, place)
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
        done = INT64(0)
        if raw is not None:
            packs = b.icmp_signed(">", raw.rows, INT64(0))
            done = b.select(packs, INT64(AXPY_COLUMNS), done)
            whole = partial(tile, v, INT64(0), AXPY_COLUMNS, PACKED_VECTORS)
            raw.emit(e, packs, PACKED_BY_AXPYS, whole)

        def part(c: Any, width: Any) -> None:
            c, number = b.add(done, c), b.add(b.mul(width, INT64(16)), size)
            sizes = [(i, k) for i in range(1, AXPY_COLUMNS + 1) for k in range(1, AXPY_VECTORS + 1)]
            e.choose([(i * 16 + k, partial(tile, v, c, i, k)) for i, k in sizes], number)

        _shares(e, b.sub(K, done), AXPY_COLUMNS, part)

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
