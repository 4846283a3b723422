"""The two products of a pass of K columns, with a block of X: which tiles, and of what.

By example Z is dots and dW is axpys, by feature the other way round: `tiles`.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from ..lanes import INT64, operation
from ..layout import LANES
from .bundles import HEADS, Block, Form, Places, Product, Shape
from .emit import Emit
from .packing import _plain_pack
from .tiles import (
    AXPY_COLUMNS,
    AXPY_VECTORS,
    DOTS,
    LONG_DOTS,
    PACKED_BY_AXPYS,
    PACKED_BY_DOTS,
    PACKED_VECTORS,
    Raw,
    _plain_axpys,
    _plain_dots,
    emit_axpys,
    emit_dots,
)

LONG_ROW = 384  # numbers from which eight rows of dots are too much for the first-level cache


def _plain_packed(form: Form, block: Block, K: int) -> int:
    count, features = (last - first for first, last in block)
    if form.by_example:
        rest = K - LONG_DOTS.columns
        shared = rest == 0 or rest >= LONG_DOTS.least
        long = features % LANES == 0 and features >= LONG_ROW and shared
        return count & -LONG_DOTS.rows if long and form.dtype in PACKED_BY_DOTS else 0
    vectors = count // LANES
    whole = count % LANES == 0 and -(-vectors // AXPY_VECTORS) * PACKED_VECTORS == vectors
    return features if whole and form.dtype in PACKED_BY_AXPYS and K >= AXPY_COLUMNS else 0


@operation(_plain_packed)
def packed_by_tiles(typingctx: Any, form: Any, block: Any, K: Any) -> Any:
    """Return how many rows of a block the first product packs: all or none by feature, by example
    the whole tiles."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        b = builder
        by_example, dtype, _ = cgutils.unpack_tuple(b, args[0])
        (lo, hi), (first, last) = (
            cgutils.unpack_tuple(b, pair) for pair in cgutils.unpack_tuple(b, args[1])
        )
        count, features, K = b.sub(hi, lo), b.sub(last, first), args[2]

        def same(p: Any, q: Any) -> Any:
            return b.icmp_signed("==", p, q)

        def least(p: Any, q: int) -> Any:
            return b.icmp_signed(">=", p, INT64(q))

        def all_of(first: Any, *others: Any) -> Any:
            for other in others:
                first = b.and_(first, other)
            return first

        def one_of(numbers: tuple[int, ...]) -> Any:
            found = same(dtype, INT64(numbers[0]))
            for number in numbers[1:]:
                found = b.or_(found, same(dtype, INT64(number)))
            return found

        def whole(size: Any) -> Any:
            return same(b.and_(size, INT64(LANES - 1)), INT64(0))

        rest = b.sub(K, INT64(LONG_DOTS.columns))
        shared = b.or_(same(rest, INT64(0)), least(rest, LONG_DOTS.least))
        long = all_of(whole(features), least(features, LONG_ROW), shared, one_of(PACKED_BY_DOTS))
        vectors = b.sdiv(count, INT64(LANES))
        parts = b.sdiv(b.add(vectors, INT64(AXPY_VECTORS - 1)), INT64(AXPY_VECTORS))
        full = same(b.mul(parts, INT64(PACKED_VECTORS)), vectors)
        short = all_of(whole(count), full, one_of(PACKED_BY_AXPYS), least(K, AXPY_COLUMNS))
        of_dots = b.select(long, b.and_(count, INT64(-LONG_DOTS.rows)), INT64(0))
        return b.select(by_example, of_dots, b.select(short, features, INT64(0)))

    return types.int64(form, block, types.int64), codegen


def _up(count: int) -> int:
    return (count + LANES - 1) & -LANES


def _plain_multiply(
    x: Any,
    form: Form,
    product: Product,
    shape: Shape,
    W: Any,
    block: Block,
    places: Places,
    row: Any,
) -> None:
    forward, packs, K = product
    if packs:
        _plain_pack(x, form, shape, block, places.a)
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
    x: Any,
    form: Any,
    product: Any,
    shape: Any,
    W: Any,
    block: Any,
    places: Any,
    row: Any,
) -> Any:
    """Add W X to Z (forward), or dZ X.T to dW, of some packed features: by dots or by axpys.

    x: the bytes of X. block: the examples and the features, each (first, one past the last).
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        by_example, dtype, _ = cgutils.unpack_tuple(b, args[1])
        forward, packs, K = cgutils.unpack_tuple(b, args[2])
        m, n_x, stride = (b.extract_value(args[3], i) for i in (0, 1, 3))
        (lo, hi), (first, last) = (
            cgutils.unpack_tuple(b, pair) for pair in cgutils.unpack_tuple(b, args[5])
        )
        own = places.types
        a, z, plan = (e.data(own[i], b.extract_value(args[6], i)) for i in (0, 1, 6))
        w, sums = e.data(signature.args[4], args[4]), e.data(signature.args[7], args[7])
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
        start = b.select(by_example, b.add(b.mul(lo, n_x), first), b.add(b.mul(first, m), lo))
        x_data = e.data(signature.args[0], args[0])
        raw = Raw(x_data, dtype, start, b.select(by_example, n_x, m), packs)
        more, rows = (columns, to, vectors), [zero, length, up(count)]
        long = b.and_(
            b.icmp_signed(">=", length, INT64(LONG_ROW)), b.icmp_signed(">", K, INT64(DOTS.columns))
        )
        way = b.add(by_dots, b.and_(by_dots, b.zext(long, INT64)))
        e.choose(
            [
                (2, lambda: emit_dots(e, *data, rows, *more, LONG_DOTS._replace(raw=raw))),
                (1, lambda: emit_dots(e, *data, rows, *more)),
                (0, lambda: emit_axpys(e, *data, [zero, length, count], *more, raw)),
            ],
            way,
        )
        return context.get_dummy_value()

    given = x, form, product, shape, W, block, places, row
    return types.void(*given), codegen
