"""The numbers of some features: gathered from a dense X, or multiplied in pairs in a sparse one.

Layout. A dense X comes as its bytes, with the number of its dtype in `many.bundles.DTYPES`, so that
what calls is compiled once for all of them. Feature k of example i is x[i * step + places[k]]:

    by example   step = n_x   places = the features
    by feature   step = 1     places = the features times m

    out    (count, width), flat, float64: scale * x + shift of eight features at a time

`places`, scale and shift are rounded up to eights; scale and shift are 0 there.

A sparse X is `kernels.bundles.Compressed`; H is (n + 1, n + 1), n features, flat: its upper or its
lower triangle alone (`add_hits`: one of each pair), with the sums of s x in the last column.

    place  (n_x,) int64: where a feature stands among the n, or -1

Loop order. By example: examples, then features, as each example is on lines of its own. By feature:
eight features, then examples: eight lines at a time, whatever m is. Sparse by example: examples,
then pairs of what was hit. By feature: features, then the features behind them.

Rounding: FAST; each number of H is a sum in the order of the examples (`add_columns`: in lanes).
Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numba import from_dtype, types

from ..atomics import fetch_and_increment
from ..bundles import Compressed
from ..decorators import kernel
from ..lanes import _INT32, INT64, _element, _widen, emit_fma, operation, vector
from ..layout import HALF, LANES
from ..many.bundles import DTYPES
from ..many.emit import Emit

ROWS = 64  # examples that a thread takes at a time


def _plain_gather(
    x: Any, dtype: int, rows: Any, places: Any, scale: Any, shift: Any, out: Any, to: Any
) -> None:
    (start, step, count), (first, stride) = rows, to
    numbers = x.view(np.float16 if DTYPES[dtype] == HALF else DTYPES[dtype])
    for r in range(count):
        at = slice(first + r * stride, first + r * stride + places.size)
        out[at] = numbers[start + r * step + places].astype(np.float64) * scale + shift


def _gather(by_example: bool) -> Any:
    """Return the operation for one of the two orders of the loops."""

    @operation(_plain_gather)
    def gather(
        typingctx: Any,
        x: Any,
        dtype: Any,
        rows: Any,
        places: Any,
        scale: Any,
        shift: Any,
        out: Any,
        to: Any,
    ) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e, b = Emit(context, builder), builder
            x_data, at_data, scales, shifts, out_data = (
                e.data(signature.args[i], args[i]) for i in (0, 3, 4, 5, 6)
            )
            start, step, count = (b.extract_value(args[2], i) for i in range(3))
            to, stride = (b.extract_value(args[7], i) for i in range(2))
            size = context.make_array(signature.args[3])(context, builder, args[3]).nitems
            eights = b.sdiv(size, INT64(LANES))

            def emit(dtype: Any) -> None:
                element, _, size = _element(dtype)
                numbers = b.bitcast(x_data, element.as_pointer())

                def of_features(k: Any) -> tuple[Any, ...]:
                    own = [b.load(b.gep(at_data, [b.add(k, INT64(i))])) for i in range(LANES)]
                    return own, e.load(b.gep(scales, [k])), e.load(b.gep(shifts, [k]))

                def eight(known: tuple[Any, ...], base: Any, place: Any) -> None:
                    own, scale, shift = known
                    lanes = vector(element)(None)
                    for i, at in enumerate(own):
                        one = b.load(b.gep(numbers, [b.add(base, at)]), align=size)
                        lanes = b.insert_element(lanes, one, _INT32(i))
                    seen = emit_fma(b, _widen(b, dtype, lanes), scale, shift)
                    e.store(seen, b.gep(out_data, [place]))

                def one_example(state: list[Any]) -> list[Any]:
                    base, place = state

                    def features(state: list[Any]) -> list[Any]:
                        (k,) = state
                        eight(of_features(k), base, b.add(place, k))
                        return [b.add(k, INT64(LANES))]

                    e.loop(eights, [INT64(0)], features)
                    return [b.add(base, step), b.add(place, stride)]

                def eight_features(state: list[Any]) -> list[Any]:
                    (k,) = state
                    known = of_features(k)

                    def example(state: list[Any]) -> list[Any]:
                        base, place = state
                        eight(known, base, place)
                        return [b.add(base, step), b.add(place, stride)]

                    e.loop(count, [start, b.add(to, k)], example)
                    return [b.add(k, INT64(LANES))]

                if by_example:
                    e.loop(count, [start, to], one_example)
                else:
                    e.loop(eights, [INT64(0)], eight_features)

            cases = [(i, partial(emit, from_dtype(dtype))) for i, dtype in enumerate(DTYPES)]
            e.choose(cases, args[1])
            return context.get_dummy_value()

        two, three = (types.UniTuple(types.int64, n) for n in (2, 3))
        return types.void(x, types.int64, three, places, scale, shift, out, two), codegen

    return gather


_by_example, _by_feature = _gather(True), _gather(False)


@kernel
def gather_examples(
    x: Any,
    dtype: int,
    by_example: bool,
    span: tuple[int, int],
    step: int,
    places: Any,
    scale: Any,
    shift: Any,
    out: Any,
    counter: Any,
) -> None:
    """Fill out with the examples of the span; any number of threads at once.

    counter: int64, 0 at first.
    """
    (lo, hi), width = span, places.size
    i = lo + fetch_and_increment(counter, 0) * ROWS
    while i < hi:
        rows, to = (i * step, step, min(ROWS, hi - i)), ((i - lo) * width, width)
        if by_example:
            _by_example(x, dtype, rows, places, scale, shift, out, to)
        else:
            _by_feature(x, dtype, rows, places, scale, shift, out, to)
        i = lo + fetch_and_increment(counter, 0) * ROWS


@kernel
def add_hits(x: Compressed, place: Any, lo: int, hi: int, slopes: Any, H: Any) -> None:
    """Add s [x, 1] [x, 1].T over the rows (examples) lo to hi, of the features with a place.

    Of the pairs (j, k) and (k, j) one only; the diagonal in full.
    """
    data, indices, starts = x
    width = np.int64(round(np.sqrt(H.size)))
    longest = 0
    for i in range(lo, hi):
        longest = max(longest, np.int64(starts[i + 1]) - np.int64(starts[i]))
    where, values = np.empty(longest + 1, np.int64), np.empty(longest + 1)
    for i in range(lo, hi):
        count = 0
        for k in range(starts[i], starts[i + 1]):
            at = place[indices[k]]
            where[count], values[count] = at, data[k]
            count += at >= 0  # without a branch, which would often be guessed wrong
        s = slopes[i]
        for a in range(count):
            f, row = s * values[a], where[a] * width
            for c in range(a, count):
                H[row + where[c]] += f * values[c]
            H[row + width - 1] += f
        H[H.size - 1] += s


@kernel
def add_columns(x: Compressed, features: Any, slopes: Any, H: Any, counter: Any) -> None:
    """Set H from the rows (features) of X, on and above the diagonal, but for the last number.

    Any number of threads at once; each number is made by one of them. counter: int64, 0 at first.
    """
    data, indices, starts = x
    n, column = features.size, np.zeros(slopes.size)
    a = fetch_and_increment(counter, 0)
    while a < n:
        first, end = starts[features[a]], starts[features[a] + 1]
        total = 0.0
        for k in range(first, end):
            f = slopes[indices[k]] * data[k]
            column[indices[k]] = f
            total += f
        for c in range(a, n):
            s = 0.0
            for k in range(starts[features[c]], starts[features[c] + 1]):
                s += data[k] * column[indices[k]]
            H[a * (n + 1) + c] = s
        H[a * (n + 1) + n] = total
        for k in range(first, end):
            column[indices[k]] = 0.0
        a = fetch_and_increment(counter, 0)
