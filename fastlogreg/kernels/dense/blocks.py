"""The production kernels: cost and gradient of a dense X, read once, whatever its dtype and memory
order.

    z  = w.T X + b -> J += loss, dz = a - y -> dw += X dz.T

for so few examples that their numbers, read for z, are in the cache when they are read for dw, and
then for the next ones. What comes next is asked for meanwhile, so that memory works while the core
computes: without it the two take turns and a pass reaches half of the read bandwidth. There are
four ways:

    `examples`   example-major, 4, 8 or 16 examples at a time
    `strips`     feature-major, 64 examples at a time
    `integers`   X of bytes, in either order, multiplied as integers
    blocks       here: what is left, X of fewer examples, or of fewer than 8 features,
                 example-major. A block of examples fits the second-level cache: `dots` over
                 examples or `axpys` over features, `link`, and then the other

Feature-major X of more than `kernels.layout.WIDE` features is another matter: a block of examples
is then scattered over thousands of pages. It is read twice, at the full rate, by slabs of features:
z of all examples, then dw.

Same bits for any number of threads: the chunks follow from the shape of X alone, each has a row of
`partials` of its own, threads take chunks by a shared counter, and `add_partials` adds the rows in
order.

Layout of a row of partials: [J, db, sum of da/dz, five unused, dw, up to 7 unused]: HEAD = 8, so
that dw starts a line. The way to read X is a tuple of what is None or not: `sixteen` and `groups`
(True) are the kernels of `examples`, `strips` (True) is `strips.strip_chunk`, `digits` (w as
digits) is `integers.byte_chunk`, `blocks` (True) is `block_chunk`, and one of the five is given;
`short` (True) tells `sixteen` that two vectors hold a row, `four` (True) tells `groups` to take
four rows, `feature_major` is True for such an X. None is a type of its own, and what follows from
an argument that is None is left out before it is compiled: each way is compiled alone, when it is
first met. Kernels check nothing; arrays come prepared from `fastlogreg.objective.objective`. x: X
as a flat view, of a dtype that Numba has or `intrinsics.HALF`; y: (m,) uint8; weight: (m,) float64
or empty; w: n_x rounded up to eights, zeros last.
"""

from __future__ import annotations

from typing import Any

from ..decorators import inlined, kernel
from ..lanes import LANES, fma, line_elements, load, load_part, prefetch, splat, store, sums
from ..loss import link
from ..partials import HEAD, copy


@inlined
def prefetch_rows(
    x: Any, k0: int, stride: int, step: int, contiguous: bool, ahead: int, first: int
) -> None:
    """Ask for a share of what lies `ahead` of the eight rows from k0, at step `step` (eight
    columns): of one run four rows from row `first` on; else row by row, where the dots (first = 0)
    ask for all eight, 4 % faster than half each on Zen 5, and the axpys only for the next eight
    features, in their own phase."""
    line = line_elements(x)
    if contiguous:
        for p in range(0, 4 * LANES, line):
            prefetch(x, k0 + ahead + first * stride + 4 * step + p)
    else:
        rows = max(
            1, 4 * LANES // line
        )  # a line of uint8 holds 64 columns: a row in turn is enough
        turn = (step // LANES * rows) & 3
        if first == 0 or ahead >= LANES * stride:
            for r in range(turn, turn + rows):
                prefetch(x, k0 + ahead + r * stride + step)
                prefetch(x, k0 + ahead + (4 + r) * stride + step)


@kernel
def dots(
    x: Any, start: int, stride: int, rows: int, length: int, v: Any, out: Any, ahead: int
) -> None:
    """out[i] += sum over j < length of x[start + i * stride + j] * v[j] for i < rows; out is
    rounded up to eights.

    The last group repeats its last row; what that adds lands behind the end of out's used part.
    `ahead` is the distance in elements to the block to be prefetched.
    """
    part = length & 7
    whole = length - part
    one, contiguous = splat(1.0), stride == length
    for i in range(0, rows, LANES):
        k0 = start + i * stride
        last = start + (rows - 1) * stride
        k1, k2, k3 = min(k0 + stride, last), min(k0 + 2 * stride, last), min(k0 + 3 * stride, last)
        k4, k5 = min(k0 + 4 * stride, last), min(k0 + 5 * stride, last)
        k6, k7 = min(k0 + 6 * stride, last), min(k0 + 7 * stride, last)
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = splat(0.0)
        for j in range(0, whole, LANES):
            prefetch_rows(x, k0, stride, j, contiguous, ahead, 0)
            vj = load(v, j)
            s0, s1 = fma(load(x, k0 + j), vj, s0), fma(load(x, k1 + j), vj, s1)
            s2, s3 = fma(load(x, k2 + j), vj, s2), fma(load(x, k3 + j), vj, s3)
            s4, s5 = fma(load(x, k4 + j), vj, s4), fma(load(x, k5 + j), vj, s5)
            s6, s7 = fma(load(x, k6 + j), vj, s6), fma(load(x, k7 + j), vj, s7)
        if part:
            j = whole
            prefetch_rows(x, k0, stride, j, contiguous, ahead, 0)
            vj = load_part(v, j, part)
            s0, s1 = (
                fma(load_part(x, k0 + j, part), vj, s0),
                fma(load_part(x, k1 + j, part), vj, s1),
            )
            s2, s3 = (
                fma(load_part(x, k2 + j, part), vj, s2),
                fma(load_part(x, k3 + j, part), vj, s3),
            )
            s4, s5 = (
                fma(load_part(x, k4 + j, part), vj, s4),
                fma(load_part(x, k5 + j, part), vj, s5),
            )
            s6, s7 = (
                fma(load_part(x, k6 + j, part), vj, s6),
                fma(load_part(x, k7 + j, part), vj, s7),
            )
        store(out, i, fma(sums(s0, s1, s2, s3, s4, s5, s6, s7), one, load(out, i)))


@kernel
def axpys(
    x: Any, start: int, stride: int, rows: int, length: int, v: Any, out: Any, ahead: int
) -> None:
    """out[j] += sum over i < rows of v[i] * x[start + i * stride + j] for j < length; out is
    rounded up to eights.

    v is rounded up to eights too, with zeros for the rows that the last group repeats.
    """
    part = length & 7
    whole = length - part
    one, zero, contiguous = splat(1.0), splat(0.0), stride == length
    for i in range(0, rows, LANES):
        k0 = start + i * stride
        last = start + (rows - 1) * stride
        k1, k2, k3 = min(k0 + stride, last), min(k0 + 2 * stride, last), min(k0 + 3 * stride, last)
        k4, k5 = min(k0 + 4 * stride, last), min(k0 + 5 * stride, last)
        k6, k7 = min(k0 + 6 * stride, last), min(k0 + 7 * stride, last)
        v0, v1, v2, v3 = splat(v[i]), splat(v[i + 1]), splat(v[i + 2]), splat(v[i + 3])
        v4, v5, v6, v7 = splat(v[i + 4]), splat(v[i + 5]), splat(v[i + 6]), splat(v[i + 7])
        for j in range(0, whole, LANES):
            prefetch_rows(x, k0, stride, j, contiguous, ahead, 4)
            low = fma(load(x, k1 + j), v1, fma(load(x, k0 + j), v0, load(out, j)))
            low = fma(load(x, k3 + j), v3, fma(load(x, k2 + j), v2, low))
            high = fma(load(x, k5 + j), v5, fma(load(x, k4 + j), v4, zero))
            high = fma(load(x, k7 + j), v7, fma(load(x, k6 + j), v6, high))
            store(out, j, fma(high, one, low))
        if part:
            j = whole
            prefetch_rows(x, k0, stride, j, contiguous, ahead, 4)
            low = fma(
                load_part(x, k1 + j, part), v1, fma(load_part(x, k0 + j, part), v0, load(out, j))
            )
            low = fma(load_part(x, k3 + j, part), v3, fma(load_part(x, k2 + j, part), v2, low))
            high = fma(load_part(x, k5 + j, part), v5, fma(load_part(x, k4 + j, part), v4, zero))
            high = fma(load_part(x, k7 + j, part), v7, fma(load_part(x, k6 + j, part), v6, high))
            store(out, j, fma(high, one, low))


@kernel
def block_chunk(
    x: Any,
    feature_major: Any,
    n_x: int,
    y: Any,
    weight: Any,
    linear: bool,
    w: Any,
    b: float,
    lo: int,
    hi: int,
    block: int,
    z: Any,
    dz: Any,
    zs: Any,
    row: Any,
) -> None:
    """Adds examples lo to hi, block after block, to a row of partials; see `one_chunk`."""
    m, dw = y.size, row[HEAD:]
    ahead = block * n_x if feature_major is None else LANES * m  # the next block; the next features
    for i in range(lo, hi, block):
        end = min(hi, i + block)
        count = end - i
        z[:] = b
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
