"""What follows from Z in a block of examples: the losses, and dZ in the place of Z.

Layout: z (K, stride), flat, a row a class or column; of the examples, 8 at a time in lanes.
labels, s and group (block,) are 0 behind the last example, and so is dZ.

    sums    [loss | held | db | slopes], each K rounded up to eights

With the two sides apart, dZ has 2K rows: those of y = 0, then those of y = 1. An example is 0 in
the row of the other side. db has a number for each of these rows, so K is 2K in `sums`.

Of several softmax models each begins at a row of its own (`start`), and has its own places in
`sums`, the rows of all being counted there.

Loop order: softmax takes all classes of eight examples, then the next eight; columns, which know
nothing of each other, take all examples of one, then the next one. Each of these is compiled once,
for all the kernels that call it. Rounding: EXACT. Twins:
`fastlogreg.maths.softmax`, `fastlogreg.maths.logistic`.
"""

from __future__ import annotations

from typing import Any

from ..decorators import exact, inlined, inner
from ..lanes import add_sums, fma, load, splat, store
from ..layout import LANES
from ..loss import loss_and_dz
from .bundles import Places, Tables
from .links import class_loss, decay, is_class, larger, pick, ratio, where_class


@inlined
def add_row_sums(z: Any, K: int, stride: int, start: int, count: int, out: Any, at: int) -> None:
    """Add the sum of each row of z, from z[start] on, to out[at + k]."""
    for k in range(K):
        s = splat(0.0)
        for i in range(start + k * stride, start + k * stride + count, LANES):
            s = fma(load(z, i), splat(1.0), s)
        add_sums(out, at + k, 0, (s,))


@inner(exact)
def softmax_block(
    K: int, stride: int, start: int, count: int, places: Places, row: Any, to: tuple[int, int]
) -> None:
    """Put dZ in the place of Z, K rows from z[start] on; add the loss and the sums of dZ to row.

    to: where these are in it.
    """
    _, z, _, labels, s, _, _ = places
    zero, one = splat(0.0), splat(1.0)
    J = zero
    for i in range(0, count, LANES):
        y, s8 = load(labels, i), load(s, i)
        top = load(z, start + i)
        for k in range(1, K):
            top = larger(top, load(z, start + k * stride + i))
        total = others = of_label = hidden = zero
        for k in range(K):
            z8 = load(z, start + k * stride + i)
            e = decay(top, z8)
            store(z, start + k * stride + i, e)
            total = fma(e, one, total)
            others = fma(where_class(y, k, zero, e), one, others)
            of_label = where_class(y, k, z8, of_label)
            hidden = fma(z8, zero, hidden)
        J = fma(s8, fma(hidden, one, class_loss(total, others, top, of_label)), J)
        inverse = ratio(s8, total)
        negative = fma(others, splat(-1.0), zero)
        for k in range(K):
            e = load(z, start + k * stride + i)
            store(z, start + k * stride + i, fma(where_class(y, k, negative, e), inverse, zero))
    add_sums(row, to[0], 0, (J,))
    add_row_sums(z, K, stride, start, count, row, to[1])


@inner(exact)
def probabilities_block(K: int, stride: int, start: int, count: int, z: Any) -> None:
    """Put A in the place of Z."""
    zero, one = splat(0.0), splat(1.0)
    for i in range(start, start + count, LANES):
        top = load(z, i)
        for k in range(1, K):
            top = larger(top, load(z, k * stride + i))
        total = zero
        for k in range(K):
            e = decay(top, load(z, k * stride + i))
            store(z, k * stride + i, e)
            total = fma(e, one, total)
        inverse = ratio(one, total)
        for k in range(K):
            store(z, k * stride + i, fma(load(z, k * stride + i), inverse, zero))


@inner(exact)
def products_block(
    K: int, stride: int, start: int, count: int, places: Places, row: Any, to: int
) -> None:
    """Put s (A * U - A * sum of A * U) in the place of U, A being the softmax of `extra`: K rows
    from z[start] on. Its sums are added to row[to]."""
    _, u, a, _, s, _, _ = places
    zero, one = splat(0.0), splat(1.0)
    probabilities_block(K, stride, start, count, a)
    for i in range(0, count, LANES):
        mean, s8 = zero, load(s, i)
        for k in range(K):
            mean = fma(load(a, start + k * stride + i), load(u, start + k * stride + i), mean)
        negative = fma(mean, splat(-1.0), zero)
        for k in range(K):
            at = start + k * stride + i
            away = fma(load(u, at), one, negative)
            store(u, at, fma(fma(load(a, at), s8, zero), away, zero))
    add_row_sums(u, K, stride, start, count, row, to)


@inner(exact)
def line_block(K: int, stride: int, count: int, places: Places, row: Any) -> None:
    """Add loss, first and second derivative along u (`extra`) to row[0], row[1] and row[2].

    With v_k = u_k - u of the label: first = sum of a_k v_k, second = sum of a_k (v_k - first)^2.
    """
    _, z, u, labels, s, _, _ = places
    zero, one, minus = splat(0.0), splat(1.0), splat(-1.0)
    J = first = second = zero
    for i in range(0, count, LANES):
        y, s8, top = load(labels, i), load(s, i), load(z, i)
        of_label = base = zero
        for k in range(K):
            z8 = load(z, k * stride + i)
            top = larger(top, z8)
            of_label = where_class(y, k, z8, of_label)
            base = where_class(y, k, load(u, k * stride + i), base)
        base = fma(base, minus, zero)
        total = others = hidden = mean = zero
        for k in range(K):
            z8 = load(z, k * stride + i)
            e = decay(top, z8)
            store(z, k * stride + i, e)
            total = fma(e, one, total)
            others = fma(where_class(y, k, zero, e), one, others)
            mean = fma(e, fma(load(u, k * stride + i), one, base), mean)
            hidden = fma(z8, zero, hidden)
        mean = ratio(mean, total)
        middle = fma(mean, minus, base)
        bend = zero
        for k in range(K):
            away = fma(load(u, k * stride + i), one, middle)
            bend = fma(fma(load(z, k * stride + i), away, zero), away, bend)
        J = fma(s8, fma(hidden, one, class_loss(total, others, top, of_label)), J)
        first = fma(s8, mean, first)
        second = fma(s8, ratio(bend, total), second)
    add_sums(row, 0, 1, (J, first, second))


@inner(exact)
def columns_block(
    tables: Tables, K: int, apart: bool, stride: int, count: int, places: Places, row: Any
) -> None:
    """Put dZ in the place of Z for K binary models, and add up their four sums.

    apart: whether y = 0 and y = 1 have a row of dZ each.
    """
    _, z, _, labels, s, group, _ = places
    positive, train, held, groups, _ = tables
    zero, one, minus = splat(0.0), splat(1.0), splat(-1.0)
    padded = ((2 * K if apart else K) + 7) & -8
    for k in range(K):
        J = outside = db = of_ones = slopes = zero
        for i in range(0, count, LANES):
            s8, y = load(s, i), is_class(load(labels, i), positive[k])
            t8 = fma(pick(train, k * groups, group, i), s8, zero)
            h8 = fma(pick(held, k * groups, group, i), s8, zero)
            loss, d, slope = loss_and_dz(load(z, k * stride + i), y)
            d = fma(t8, d, zero)
            if apart:
                of_one = fma(d, y, zero)
                store(z, (K + k) * stride + i, of_one)
                of_ones = fma(of_one, one, of_ones)
                d = fma(of_one, minus, d)
            store(z, k * stride + i, d)
            J, outside = fma(t8, loss, J), fma(h8, loss, outside)
            db, slopes = fma(d, one, db), fma(t8, slope, slopes)
        add_sums(row, k, padded, (J, outside, db, slopes))
        if apart:
            add_sums(row, 2 * padded + K + k, 0, (of_ones,))
