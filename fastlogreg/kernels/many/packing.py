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

from ..decorators import inlined
from ..lanes import (
    _INT32,
    INT64,
    _below,
    _element,
    _widen,
    call,
    operation,
    splat,
    store,
    vector,
)
from ..layout import HALF, LANES
from .bundles import DTYPES
from .emit import Emit


def _plain_pack(x: Any, dtype: int, rows: Any, length: int, a: Any, at: int, padded: int) -> None:
    start, stride, count = rows
    numbers = x.view(np.float16 if DTYPES[dtype] == HALF else DTYPES[dtype])
    for r in range(count):
        row = a[at + r * padded : at + (r + 1) * padded]
        row[:length] = numbers[start + r * stride : start + r * stride + length]
        row[length:] = 0.0


@operation(_plain_pack)
def pack_rows(
    typingctx: Any, x: Any, dtype: Any, rows: Any, length: Any, a: Any, at: Any, padded: Any
) -> Any:
    """Copy rows of x, `length` numbers each, to a[at:], as rows of `length` rounded up to eights.

    x: bytes. rows: (start, stride, how many), in numbers of the dtype. padded: the length rounded
    up.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        x_data, a_data = e.data(signature.args[0], args[0]), e.data(signature.args[4], args[4])
        start, stride, count = (b.extract_value(args[2], i) for i in range(3))
        length, at, padded = args[3], args[5], args[6]
        part = b.and_(length, INT64(LANES - 1))
        whole = b.sub(length, part)

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

                e.loop(b.sdiv(whole, INT64(LANES)), [INT64(0)], eight)

                def rest(_: list[Any]) -> list[Any]:
                    zeros = lanes(None)
                    given = [pointer(b.add(k, whole)), _INT32(size), _below(b, part), zeros]
                    masked = f"llvm.masked.load.v{LANES}{name}.p0"
                    put(call(b, masked, lanes, given), b.add(to, whole))
                    return []

                there = b.icmp_signed(">", part, INT64(0))
                e.loop(b.zext(there, INT64), [], rest)
                return [b.add(k, stride), b.add(to, padded)]

            e.loop(count, [start, at], row)

        cases = [(i, partial(emit, from_dtype(dtype))) for i, dtype in enumerate(DTYPES)]
        e.choose(cases, args[1])
        return context.get_dummy_value()

    three = types.UniTuple(types.int64, 3)
    whole_number = types.int64
    return types.void(x, whole_number, three, whole_number, a, *[whole_number] * 2), codegen


@inlined
def clear_rows(a: Any, at: int, rows: int, padded: int) -> None:
    """Set `rows` rows of a to zero."""
    for k in range(at, at + rows * padded, LANES):
        store(a, k, splat(0.0))
