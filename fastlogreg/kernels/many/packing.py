"""A block of X as float64, packed for `tiles`: the only code that knows the dtype of X.

Layout of a block of `count` examples and some features, rows rounded up to eights with zeros:

    by example   a[i, j]   row i is an example; stride: the features rounded up to eights
    by feature   a[j, i]   row j is a feature; stride: the examples rounded up to eights

X comes as its bytes, with the number of its dtype in `bundles.DTYPES`. So what calls is compiled
once for all of them: the choice is one `switch` a block. float16 stands there as `layout.HALF`.

Loop order: rows, then numbers. Rounding: none but an integer's beyond 2^53. Twin: a copy.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numba import from_dtype, types
from numba.core import cgutils

from ..lanes import (
    _INT32,
    DOUBLE,
    INT64,
    _below,
    _element,
    _widen,
    call,
    operation,
    vector,
)
from ..layout import HALF, LANES
from .bundles import DTYPES, Block, Form, Shape
from .emit import Emit


def _plain_pack(x: Any, form: Form, shape: Shape, block: Block, a: Any, done: int = 0) -> None:
    (m, n_x, _, _, _), ((lo, hi), (first, last)), dtype = shape, block, DTYPES[form.dtype]
    numbers = x.view(np.float16 if dtype == HALF else dtype)
    own = numbers.reshape(m, n_x)[lo:hi, first:last]
    if not form.by_example:
        own = numbers.reshape(n_x, m)[first:last, lo:hi]
    rows, length = (-(-size // LANES) * LANES for size in own.shape)
    packed = a[: rows * length].reshape(rows, length)
    packed[done:] = 0.0
    packed[done : own.shape[0], : own.shape[1]] = own[done:]


@operation(_plain_pack)
def pack(typingctx: Any, x: Any, form: Any, shape: Any, block: Any, a: Any, done: Any) -> Any:
    """Pack a block but for its first rows, `done` of them; x: the bytes of X."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        x_data, a_data = e.data(signature.args[0], args[0]), e.data(signature.args[4], args[4])
        by_example, number, _ = cgutils.unpack_tuple(builder, args[1])
        m, n_x, _, _, _ = cgutils.unpack_tuple(builder, args[2])
        (lo, hi), (first, last) = (
            cgutils.unpack_tuple(builder, pair) for pair in cgutils.unpack_tuple(builder, args[3])
        )
        examples, features = b.sub(hi, lo), b.sub(last, first)
        count = b.select(by_example, examples, features)
        length = b.select(by_example, features, examples)
        of_examples, of_features = b.add(b.mul(lo, n_x), first), b.add(b.mul(first, m), lo)
        start = b.select(by_example, of_examples, of_features)
        stride = b.select(by_example, n_x, m)
        part = b.and_(length, INT64(LANES - 1))
        whole = b.sub(length, part)
        padded = e.up(length)
        first_number = b.add(start, b.mul(args[5], stride))

        def emit(dtype: Any) -> None:
            element, name, size = _element(dtype)
            numbers, lanes = b.bitcast(x_data, element.as_pointer()), vector(element)

            def pointer(k: Any) -> Any:
                return b.bitcast(b.gep(numbers, [k]), lanes.as_pointer())

            def put(there: Any, place: Any) -> None:
                e.store(_widen(b, dtype, there), b.gep(a_data, [place]))

            def row(state: list[Any]) -> list[Any]:
                k, to = state

                def eight(state: list[Any]) -> list[Any]:
                    (j,) = state
                    put(b.load(pointer(b.add(k, j)), align=size), b.add(to, j))
                    return [b.add(j, INT64(LANES))]

                e.loop(b.sdiv(whole, INT64(LANES)), [INT64(0)], eight, unrolled=True)

                def rest(_: list[Any]) -> list[Any]:
                    zeros = lanes(None)
                    given = [pointer(b.add(k, whole)), _INT32(size), _below(b, part), zeros]
                    masked = f"llvm.masked.load.v{LANES}{name}.p0"
                    put(call(b, masked, lanes, given), b.add(to, whole))
                    return []

                there = b.icmp_signed(">", part, INT64(0))
                e.loop(b.zext(there, INT64), [], rest)
                return [b.add(k, stride), b.add(to, padded)]

            e.loop(b.sub(count, args[5]), [first_number, b.mul(args[5], padded)], row)

        cases = [(i, partial(emit, from_dtype(dtype))) for i, dtype in enumerate(DTYPES)]
        e.choose(cases, number)

        def clear(state: list[Any]) -> list[Any]:
            (at,) = state
            e.store(vector(DOUBLE)([0.0] * LANES), b.gep(a_data, [at]))
            return [b.add(at, INT64(LANES))]

        behind = b.and_(b.neg(count), INT64(LANES - 1))
        vectors = b.sdiv(b.mul(behind, padded), INT64(LANES))
        e.loop(vectors, [b.mul(count, padded)], clear)
        return context.get_dummy_value()

    return types.void(x, form, shape, block, a, types.int64), codegen
