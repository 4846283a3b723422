"""Several rows of X at a time: the loads and multiply-adds of a tuple of rows, unrolled by code
generation.

A row is the index at which it begins in a flat array; rows are a tuple of indices. What belongs to
the rows, one vector each, is a tuple as long. So a kernel names a tuple where it would otherwise
name eight variables:

    rows = (k, k + stride, k + 2 stride, ...)

    x    ... | row 0 ............ | row 1 ............ | row 2 ............ | ...
                    j .. j + 7           j .. j + 7           j .. j + 7
                    one vector           one vector           one vector

Two sums are made of them, each in the order of the rows:

    add_row_dots       s_r += row_r[j : j + 8] * v     one v, a sum for each row
    add_row_axpys      s += row_r[j : j + 8] * v_r     a v for each row, one sum

A sum over even and over odd rows is `add_row_axpys` of rows[::2] and of rows[1::2]. `add_each` and
`add_all` do the same with vectors that are loaded already.

Rounding: each step is one `fma`, with the flags of the kernel that calls. Nothing is reordered
here. Each operation stands beside its NumPy twin, as in `lanes`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils

from .decorators import cpu_features
from .lanes import (
    INT64,
    _plain_load,
    _plain_store,
    emit_fma,
    emit_load,
    emit_load_part,
    emit_splat,
    emit_store,
    float64x8,
    operation,
)
from .layout import LANES

Rows = tuple[int, ...]
Vectors = tuple[Any, ...]


def _unpack(builder: Any, value: Any) -> list[Any]:
    return cgutils.unpack_tuple(builder, value)


def _emit_starts(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    found = [args[0]]
    while len(found) < signature.return_type.count:
        found.append(builder.add(found[0], builder.mul(args[1], INT64(len(found)))))
    return context.make_tuple(builder, signature.return_type, found)


def _starts(count: int) -> Any:
    """Make the operation that gives the starts of `count` rows."""

    @operation(lambda start, stride: tuple(start + r * stride for r in range(count)))
    def starts(typingctx: Any, start: Any, stride: Any) -> Any:
        return types.UniTuple(types.int64, count)(types.int64, types.int64), _emit_starts

    return starts


def _starts_up_to(count: int) -> Any:
    """Make the operation that gives the starts of `count` rows, none behind the last one."""

    @operation(
        lambda start, stride, last: tuple(min(start + r * stride, last) for r in range(count))
    )
    def starts(typingctx: Any, start: Any, stride: Any, last: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            start, stride, last = args
            found = [start]
            for r in range(1, count):
                at = builder.add(start, builder.mul(stride, INT64(r)))
                found.append(builder.select(builder.icmp_signed("<", last, at), last, at))
            return context.make_tuple(builder, signature.return_type, found)

        return types.UniTuple(types.int64, count)(*[types.int64] * 3), codegen

    return starts


# (start, stride): where the rows begin, `stride` apart.
eight_rows, four_rows = _starts(8), _starts(4)


@operation(lambda start, stride: tuple(start + r * stride for r in range(8)))
def fitting_rows(typingctx: Any, start: Any, stride: Any) -> Any:
    """Give the starts of eight rows; of four where a CPU has no registers for eight sums."""
    count = 8 if "+avx512f" in cpu_features() else 4
    return types.UniTuple(types.int64, count)(types.int64, types.int64), _emit_starts


@operation(lambda x, start, stride: tuple(start + r * stride for r in range(8)))
def fitting_rows_of(typingctx: Any, x: Any, start: Any, stride: Any) -> Any:
    """Give those of x: of four only where its numbers are widened.

    From memory eight rows of float64 are faster, and sums in memory cost nothing beside.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _emit_starts(context, builder, signature, args[1:])

    count = 8 if x.dtype == types.float64 or "+avx512f" in cpu_features() else 4
    return types.UniTuple(types.int64, count)(x, types.int64, types.int64), codegen


# (start, stride, last): likewise; a row that would begin behind `last` begins there.
eight_rows_up_to, four_rows_up_to = _starts_up_to(8), _starts_up_to(4)


@operation(lambda vector, rows: (vector,) * len(rows))
def for_each(typingctx: Any, vector: Any, rows: Any) -> Any:
    """Repeat a vector for each row."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_tuple(builder, signature.return_type, [args[0]] * rows.count)

    return types.UniTuple(float64x8, rows.count)(float64x8, rows), codegen


def _plain_splats(v: Any, i: int, rows: Rows) -> Vectors:
    return tuple(np.full(LANES, v[i + r]) for r in range(len(rows)))


@operation(_plain_splats)
def splats(typingctx: Any, v: Any, i: Any, rows: Any) -> Any:
    """Give each row one number of v, from v[i] on, in every lane of a vector; v is float64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = builder.gep(context.make_array(v)(context, builder, args[0]).data, [args[1]])
        numbers = [builder.load(builder.gep(at, [INT64(r)])) for r in range(rows.count)]
        found = [emit_splat(builder, number) for number in numbers]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(float64x8, rows.count)(v, types.int64, rows), codegen


def _row_by_row(
    context: Any, builder: Any, signature: Any, args: Any, count: Any = None
) -> list[Callable[[], Any]]:
    """Return for each row what loads its vector; the arguments begin with x, rows and j."""
    x, j = signature.args[0], args[2]

    def loader(start: Any) -> Callable[[], Any]:
        def emit() -> Any:
            at = builder.add(start, j)
            if count is None:
                return emit_load(context, builder, x, args[0], at)
            return emit_load_part(context, builder, x, args[0], at, count)

        return emit

    return [loader(start) for start in _unpack(builder, args[1])]


def _plain_rows(x: Any, rows: Rows, j: int, count: int = 8) -> Vectors:
    return tuple(_plain_load(x, k + j, count) for k in rows)


@operation(_plain_rows)
def load_rows(typingctx: Any, x: Any, rows: Any, j: Any) -> Any:
    """Load columns j to j + 8 of each row."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = [load() for load in _row_by_row(context, builder, signature, args)]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(float64x8, rows.count)(x, rows, types.int64), codegen


@operation(_plain_rows)
def load_rows_part(typingctx: Any, x: Any, rows: Any, j: Any, count: Any) -> Any:
    """Load `count` columns of each row from j on, fewer than eight; 0 in the other lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = [load() for load in _row_by_row(context, builder, signature, args, args[3])]
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(float64x8, rows.count)(x, rows, types.int64, types.int64), codegen


def _plain_store_rows(x: Any, rows: Rows, j: int, vectors: Vectors) -> None:
    for k, vector in zip(rows, vectors):
        _plain_store(x, k + j, vector)


@operation(_plain_store_rows)
def store_rows(typingctx: Any, x: Any, rows: Any, j: Any, vectors: Any) -> Any:
    """Store a vector in columns j to j + 8 of each row; x is float64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for k, vector in zip(_unpack(builder, args[1]), _unpack(builder, args[3])):
            emit_store(context, builder, x, args[0], builder.add(k, args[2]), vector)
        return context.get_dummy_value()

    return types.void(x, rows, types.int64, vectors), codegen


@operation(lambda u, v, s: tuple(a * v + c for a, c in zip(u, s)))
def add_each(typingctx: Any, u: Any, v: Any, s: Any) -> Any:
    """Add u_r v to s_r for each row; v is one vector."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pairs = zip(_unpack(builder, args[0]), _unpack(builder, args[2]))
        found = [emit_fma(builder, a, args[1], c) for a, c in pairs]
        return context.make_tuple(builder, signature.return_type, found)

    return s(u, float64x8, s), codegen


def _plain_all(u: Vectors, v: Vectors, s: Any) -> Any:
    for a, b in zip(u, v):
        s = a * b + s
    return s


@operation(_plain_all)
def add_all(typingctx: Any, u: Any, v: Any, s: Any) -> Any:
    """Add u_r v_r to the vector s for each row, in order."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = args[2]
        for a, b in zip(_unpack(builder, args[0]), _unpack(builder, args[1])):
            found = emit_fma(builder, a, b, found)
        return found

    return float64x8(u, v, float64x8), codegen


def _dots(context: Any, builder: Any, signature: Any, args: Any, count: Any = None) -> Any:
    loads, v = _row_by_row(context, builder, signature, args, count), args[-2]
    sums = _unpack(builder, args[-1])
    found = [emit_fma(builder, load(), v, s) for load, s in zip(loads, sums)]
    return context.make_tuple(builder, signature.return_type, found)


def _plain_dots(x: Any, rows: Rows, j: int, v: Any, s: Vectors) -> Vectors:
    return tuple(a * v + c for a, c in zip(_plain_rows(x, rows, j), s))


@operation(_plain_dots)
def add_row_dots(typingctx: Any, x: Any, rows: Any, j: Any, v: Any, s: Any) -> Any:
    """Add columns j to j + 8 of each row, times v, to the sum s_r of that row."""
    return s(x, rows, types.int64, float64x8, s), _dots


def _plain_dots_part(x: Any, rows: Rows, j: int, count: int, v: Any, s: Vectors) -> Vectors:
    return tuple(a * v + c for a, c in zip(_plain_rows(x, rows, j, count), s))


@operation(_plain_dots_part)
def add_row_dots_part(typingctx: Any, x: Any, rows: Any, j: Any, count: Any, v: Any, s: Any) -> Any:
    """Do `add_row_dots` with `count` columns, fewer than eight; nothing behind them is read."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _dots(context, builder, signature, args, args[3])

    return s(x, rows, types.int64, types.int64, float64x8, s), codegen


def _axpys(context: Any, builder: Any, signature: Any, args: Any, count: Any = None) -> Any:
    found = args[-1]
    loads = _row_by_row(context, builder, signature, args, count)
    for load, v in zip(loads, _unpack(builder, args[-2])):
        found = emit_fma(builder, load(), v, found)
    return found


def _plain_axpys(x: Any, rows: Rows, j: int, v: Vectors, s: Any) -> Any:
    return _plain_all(_plain_rows(x, rows, j), v, s)


@operation(_plain_axpys)
def add_row_axpys(typingctx: Any, x: Any, rows: Any, j: Any, v: Any, s: Any) -> Any:
    """Add columns j to j + 8 of each row, times v_r, to the vector s, in the order of the rows."""
    return float64x8(x, rows, types.int64, v, float64x8), _axpys


def _plain_axpys_part(x: Any, rows: Rows, j: int, count: int, v: Vectors, s: Any) -> Any:
    return _plain_all(_plain_rows(x, rows, j, count), v, s)


@operation(_plain_axpys_part)
def add_row_axpys_part(
    typingctx: Any, x: Any, rows: Any, j: Any, count: Any, v: Any, s: Any
) -> Any:
    """Do `add_row_axpys` with `count` columns, fewer than eight; nothing behind them is read."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _axpys(context, builder, signature, args, args[3])

    return float64x8(x, rows, types.int64, types.int64, v, float64x8), codegen
