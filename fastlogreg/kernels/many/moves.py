"""Numbers that are moved into a block, or out of it; each is one operation, a loop emitted here.

A block's rows are full vectors: what is behind the last example is set to 0. As text for Numba
these loops took longer to compile than the tiles.

Loop order: rows, then numbers. Rounding: none. Twins: NumPy's slices, beside each operation.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed

from ..lanes import DOUBLE, INT64, emit_splat, operation
from ..layout import LANES, LINE_NUMBERS
from .bundles import Places, Span, Targets
from .emit import Emit


def _full(count: Any) -> Any:
    return (count + LANES - 1) & -LANES


def _plain_lines(room: Any) -> Any:
    skipped = -(room.ctypes.data // LINE_NUMBERS) % LINE_NUMBERS
    return room[skipped : skipped + room.size - 7]


@operation(_plain_lines)
def in_lines(typingctx: Any, room: Any) -> Any:
    """Return all numbers of room but seven, from where a cache line begins.

    A vector of eight that lies across two lines takes twice the time of one that does not.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(room)
        given, made = (array(context, builder, args[0]) for _ in range(2))
        number = builder.lshr(builder.ptrtoint(given.data, INT64), INT64(3))
        made.data = builder.gep(given.data, [builder.and_(builder.neg(number), INT64(7))])
        made.nitems = builder.sub(given.nitems, INT64(7))
        made.shape = cgutils.pack_array(builder, [made.nitems])
        return impl_ret_borrowed(context, builder, room, made._getvalue())

    return room(room), codegen


def _plain_fill(out: Any, at: int, count: int, value: float) -> None:
    out[at : at + count] = value


@operation(_plain_fill)
def fill(typingctx: Any, out: Any, at: Any, count: Any, value: Any) -> Any:
    """Set `count` numbers of out, a multiple of 8, from out[at] on, to a value."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e = Emit(context, builder)
        first = builder.gep(e.data(out, args[0]), [args[1]])
        lanes = emit_splat(builder, args[3])

        def eight(state: list[Any]) -> list[Any]:
            e.store(lanes, builder.gep(first, state))
            return [builder.add(state[0], INT64(LANES))]

        e.loop(builder.sdiv(args[2], INT64(LANES)), [INT64(0)], eight)
        return context.get_dummy_value()

    return types.void(out, types.int64, types.int64, types.float64), codegen


def _plain_take(targets: Targets, span: Span, places: Places) -> None:
    (lo, hi), count = span, span[1] - span[0]
    for given, otherwise, own in (
        (targets.labels, 0, places.labels),
        (targets.weight, 1, places.s),
        (targets.group, 0, places.group),
    ):
        own[:count] = given[lo:hi] if given.size else otherwise
        own[count : _full(count)] = 0


@operation(_plain_take)
def take_targets(typingctx: Any, targets: Any, span: Any, places: Any) -> Any:
    """Copy what is known of the examples of a block; 0 behind them.

    Where nothing is given, labels and groups are 0, and weights 1.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        lo, hi = cgutils.unpack_tuple(builder, args[1])
        count = b.sub(hi, lo)

        def one(given: int, otherwise: float, own: int) -> None:
            source, out = targets.types[given], places.types[own]
            array = context.make_array(source)(context, builder, b.extract_value(args[0], given))
            first = b.gep(array.data, [lo])
            to = e.data(out, b.extract_value(args[2], own))

            def cast(value: Any, dtype: Any) -> Any:
                return context.cast(builder, value, dtype, out.dtype)

            def copy(state: list[Any]) -> list[Any]:
                b.store(cast(b.load(b.gep(first, state)), source.dtype), b.gep(to, state))
                return [b.add(state[0], INT64(1))]

            def fill(value: float) -> Any:
                number = cast(DOUBLE(value), types.float64)

                def put(state: list[Any]) -> list[Any]:
                    b.store(number, b.gep(to, state))
                    return [b.add(state[0], INT64(1))]

                return put

            there = b.icmp_signed(">", array.nitems, INT64(0))
            e.loop(b.select(there, count, INT64(0)), [INT64(0)], copy)
            e.loop(b.select(there, INT64(0), count), [INT64(0)], fill(otherwise))
            e.loop(b.sub(e.up(count), count), [count], fill(0.0))

        for given, otherwise, own in ((0, 0.0, 3), (1, 1.0, 4), (2, 0.0, 5)):
            one(given, otherwise, own)
        return context.get_dummy_value()

    return types.void(targets, span, places), codegen


def _plain_copy(source: Any, of_source: Any, out: Any, of_out: Any, rows: int, count: int) -> None:
    (start, stride), (to, out_stride, full) = of_source, of_out
    for r in range(rows):
        row = out[to + r * out_stride :][:full]
        row[:count] = source[start + r * stride :][:count]
        row[count:] = 0.0


@operation(_plain_copy)
def copy_rows(
    typingctx: Any, source: Any, of_source: Any, out: Any, of_out: Any, rows: Any, count: Any
) -> Any:
    """Copy rows of `count` numbers of source to out, 0 behind them.

    of_source: (start, stride). of_out: (start, stride, numbers that are set in a row).
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        first, to, nothing = e.data(source, args[0]), e.data(out, args[2]), DOUBLE(0.0)
        start, stride = (b.extract_value(args[1], i) for i in range(2))
        out_start, out_stride, full = (b.extract_value(args[3], i) for i in range(3))

        def row(state: list[Any]) -> list[Any]:
            there, here = b.gep(first, [state[0]]), b.gep(to, [state[1]])

            def one(state: list[Any]) -> list[Any]:
                b.store(b.load(b.gep(there, state)), b.gep(here, state))
                return [b.add(state[0], INT64(1))]

            def zero(state: list[Any]) -> list[Any]:
                b.store(nothing, b.gep(here, state))
                return [b.add(state[0], INT64(1))]

            def eight(state: list[Any]) -> list[Any]:
                e.store(e.load(b.gep(there, state)), b.gep(here, state))
                return [b.add(state[0], INT64(LANES))]

            at = e.loop(b.sdiv(args[5], INT64(LANES)), [INT64(0)], eight)
            e.loop(b.sub(args[5], at[0]), at, one)
            e.loop(b.sub(full, args[5]), [args[5]], zero)
            return [b.add(state[0], stride), b.add(state[1], out_stride)]

        e.loop(args[4], [start, out_start], row)
        return context.get_dummy_value()

    whole = types.int64
    two, three = types.UniTuple(whole, 2), types.UniTuple(whole, 3)
    return types.void(source, two, out, three, whole, whole), codegen
