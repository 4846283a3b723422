"""Blocks of a dense X that fit the second-level cache: cost and gradient of what `groups`, `strips`
and `uint8` do not read.

That is X of few examples, and example-major X of fewer than 8 features. `dots` and `axpys` also
read X for `slabs`, `second_order` and `whole_runs`.

Layout. Rows of `length` numbers, `stride` apart, eight at a time; a row is an example or a feature.
The last group of eight repeats the last row. The end of a row is a vector in part.

    row k0  |  8  |  8  | part |
    row k1  |  8  |  8  | part |       dots: eight sums, a vector each
    ...                                axpys: one vector of out, added to by eight rows
    row k7  |  8  |  8  | part |

Loop order: blocks outside; in each `dots` over examples (`axpys` over features), `link`, then
`axpys` (`dots`). The next block is asked for meanwhile, so that memory works while the core
computes: without it the two take turns.

Rounding: FAST; the vectors say already how sums are made, so there is little left to reorder.
`link` is EXACT on its own. Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from numba import types

from ..bundles import Examples, Places, Point
from ..decorators import by_name, inner, kernel
from ..lanes import (
    INT64,
    element_bytes,
    emit_prefetch,
    fma,
    load,
    load_part,
    operation,
    splat,
    store,
    sums,
)
from ..layout import HEAD, LANES, LINE_BYTES
from ..loss import link
from ..partials import copy
from ..rows import (
    add_row_axpys,
    add_row_axpys_part,
    add_row_dots,
    add_row_dots_part,
    eight_rows_up_to,
    for_each,
    splats,
)


@operation(lambda x, start, stride, step, contiguous, ahead, first: None)
def prefetch_rows(
    typingctx: Any,
    x: Any,
    start: Any,
    stride: Any,
    step: Any,
    contiguous: Any,
    ahead: Any,
    first: Any,
) -> Any:
    """Ask for a share of what lies `ahead` of the eight rows from `start`, at column `step`.

    Of one run: four rows from row `first` on. Else row by row: the dots (first = 0) ask for all
    eight, the axpys only for the next eight features, in their own phase.
    """
    line = LINE_BYTES // element_bytes(x.dtype)
    rows = max(1, 4 * LANES // line)  # a line of bytes holds 64 columns: a row in turn will do

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array, start, stride, step, contiguous, ahead, first = args
        base = builder.add(start, ahead)

        def ask(*terms: Any) -> None:
            emit_prefetch(context, builder, x, array, reduce(builder.add, terms, base))

        def times(row: Any) -> Any:
            return builder.mul(row, stride)

        with builder.if_else(contiguous) as (of_one_run, row_by_row):
            with of_one_run:
                columns = builder.shl(step, INT64(2))
                for p in range(0, 4 * LANES, line):
                    ask(times(first), columns, INT64(p))
            with row_by_row:
                of_dots = builder.icmp_signed("==", first, INT64(0))
                far = builder.icmp_signed(">=", ahead, times(INT64(LANES)))
                with builder.if_then(builder.or_(of_dots, far)):
                    turn = builder.mul(builder.lshr(step, INT64(3)), INT64(rows))
                    turn = builder.and_(turn, INT64(3))
                    for r in range(rows):
                        ask(times(builder.add(turn, INT64(r))), step)
                        ask(times(builder.add(turn, INT64(4 + r))), step)
        return context.get_dummy_value()

    long = types.int64
    return types.void(x, long, long, long, types.boolean, long, long), codegen


@by_name(kernel)
def dots(
    x: Any, start: int, stride: int, rows: int, length: int, v: Any, out: Any, ahead: int
) -> None:
    """Compute out[i] += sum over j < length of x[start + i * stride + j] * v[j] for i < rows.

    out is rounded up to eights. What the last group repeats lands behind the end of out's used
    part. `ahead` is the distance in elements to the block to be prefetched.
    """
    part = length & 7
    whole = length - part
    one, zero, contiguous = splat(1.0), splat(0.0), stride == length
    for i in range(0, rows, LANES):
        k0 = start + i * stride
        k = eight_rows_up_to(k0, stride, start + (rows - 1) * stride)
        s = for_each(zero, k)
        for j in range(0, whole, LANES):
            prefetch_rows(x, k0, stride, j, contiguous, ahead, 0)
            s = add_row_dots(x, k, j, load(v, j), s)
        if part:
            prefetch_rows(x, k0, stride, whole, contiguous, ahead, 0)
            s = add_row_dots_part(x, k, whole, part, load_part(v, whole, part), s)
        store(out, i, fma(sums(s), one, load(out, i)))


@by_name(kernel)
def axpys(
    x: Any, start: int, stride: int, rows: int, length: int, v: Any, out: Any, ahead: int
) -> None:
    """Compute out[j] += sum over i < rows of v[i] * x[start + i * stride + j] for j < length.

    out is rounded up to eights; v too, with zeros for the rows that the last group repeats.
    """
    part = length & 7
    whole = length - part
    one, zero, contiguous = splat(1.0), splat(0.0), stride == length
    for i in range(0, rows, LANES):
        k0 = start + i * stride
        k = eight_rows_up_to(k0, stride, start + (rows - 1) * stride)
        f = splats(v, i, k)
        for j in range(0, whole, LANES):
            prefetch_rows(x, k0, stride, j, contiguous, ahead, 4)
            low = add_row_axpys(x, k[:4], j, f[:4], load(out, j))
            high = add_row_axpys(x, k[4:], j, f[4:], zero)
            store(out, j, fma(high, one, low))
        if part:
            prefetch_rows(x, k0, stride, whole, contiguous, ahead, 4)
            low = add_row_axpys_part(x, k[:4], whole, part, f[:4], load(out, whole))
            high = add_row_axpys_part(x, k[4:], whole, part, f[4:], zero)
            store(out, whole, fma(high, one, low))


@inner(kernel)
def block_chunk(
    feature_major: Any,
    examples: Examples,
    point: Point,
    span: tuple[int, int],
    places: Places,
    row: Any,
) -> None:
    """Add the examples of a span, block after block, to a row of partials.

    feature_major: True for such an X, else None.
    """
    x, n_x, y, weight, linear = examples
    lo, hi = span
    block, z, dz, zs = places
    w, m, dw = point.w, y.size, row[HEAD:]
    ahead = block * n_x if feature_major is None else LANES * m  # the next block; the next features
    for i in range(lo, hi, block):
        end = min(hi, i + block)
        count = end - i
        z[:] = point.b
        dz[:] = 0.0
        if feature_major is None:
            dots(x, i * n_x, n_x, count, n_x, w, z, ahead)
        else:
            axpys(x, i, m, n_x, count, w, z, ahead)
        J, db, curvature = link(z[:count], y[i:end], weight[i:end], linear, dz)
        row[0] += J
        row[1] += db
        row[2] += curvature
        if zs.size:
            copy(z, zs[i:end])
        if feature_major is None:
            axpys(x, i * n_x, n_x, count, n_x, dz, dw, ahead)
        else:
            dots(x, i, m, n_x, count, dz, dw, ahead)
