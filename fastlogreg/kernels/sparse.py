"""The kernels of a sparse X: cost and gradient from one read of the non-zeros.

Layout. X is compressed: `data` and `indices` of one major row after the other.

    starts    0        3     5             row i is data[starts[i] : starts[i + 1]]
    data      a b c  | d e | f g h ...
    indices   1 4 9  | 0 7 | 2 3 8 ...     none twice in a row

    major rows are examples (CSR of (m, n_x))    z = dots over a block of examples, loss and dz; dw
                                                 by scattering the same block, which is then in the
                                                 cache: one read
    major rows are features                      z by scattering all features, loss and dz, dw by
                                                 dots: two reads

Loop order: threads take blocks of rows; in each, rows outside, non-zeros inside. Scattering is what
threads could collide in. So there are a few accumulators of the length of the gradient. Their
number follows from the shape alone, so few that together they are small beside X; in the extreme
one. Each belongs to a chunk, a run of blocks, and takes the blocks of its chunk in order: a thread
computes the dots of its block at any time, then waits for its turn to scatter. As long as there are
chunks that nobody has begun, a thread has a chunk for itself and never waits; after that threads
help each other. What is added to an accumulator, and in what order, depends on no thread: same
bits.

No thread waits for a block that nobody has taken, and blocks are taken in order. The earliest one
that is not done never waits, so there is always progress, even where helpers never start.

Rounding: EXACT in the dots, where FAST would make LLVM gather vectors, which is slower. FAST in
what only moves numbers. Twin: SciPy's products, in the tests.

data: any integer or float type of Numba. indices: uint32 or uint64 (SciPy's int32 and int64, seen
so: an unsigned index needs no test for a negative one). starts: uint64, likewise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .atomics import fetch_and_increment, wait_for
from .bundles import Examples, Places, Point, Work
from .decorators import by_name, exact, inlined, inner, kernel
from .lanes import line_elements, prefetch
from .layout import HEAD
from .loss import link
from .partials import copy

OUT_OF_RANGE, REPEATED = 1, 2
ONE, TWO, THREE, FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)


@inlined
def ask(array: Any, start: int, end: int, ahead: int) -> None:
    """Ask for what lies `ahead` elements behind array[start:end]."""
    for k in range(np.int64(start) + ahead, np.int64(end) + ahead, line_elements(array)):
        prefetch(array, k)


@inner(exact)
def row_dots(
    data: Any, indices: Any, starts: Any, lo: int, hi: int, v: Any, out: Any, ahead: int
) -> None:
    """Add row i times v to out[i - lo], for rows lo to hi; ask for the indices `ahead` of them."""
    rows, ends, sums = starts[lo:hi], starts[lo + 1 : hi + 1], out[: hi - lo]
    for i in range(sums.size):
        k, end = rows[i], ends[i]
        ask(indices, k, end, ahead)
        s0 = s1 = s2 = s3 = 0.0
        while k + FOUR <= end:
            s0 += data[k] * v[indices[k]]
            s1 += data[k + ONE] * v[indices[k + ONE]]
            s2 += data[k + TWO] * v[indices[k + TWO]]
            s3 += data[k + THREE] * v[indices[k + THREE]]
            k += FOUR
        while k < end:
            s0 += data[k] * v[indices[k]]
            k += ONE
        sums[i] += (s0 + s1) + (s2 + s3)


@by_name(exact)
def scatter(
    data: Any, indices: Any, starts: Any, lo: int, hi: int, v: Any, out: Any, ahead: int
) -> None:
    """Add v[i - lo] times row i to out, for rows lo to hi; ask for the data `ahead` of them.

    No index is twice in a row: four sums are read, then four written, which spares waits for the
    store before.
    """
    rows, ends, factors = starts[lo:hi], starts[lo + 1 : hi + 1], v[: hi - lo]
    for i in range(factors.size):
        f, k, end = factors[i], rows[i], ends[i]
        ask(data, k, end, ahead)
        while k + FOUR <= end:
            j0, j1, j2, j3 = indices[k], indices[k + ONE], indices[k + TWO], indices[k + THREE]
            s0, s1 = out[j0] + f * data[k], out[j1] + f * data[k + ONE]
            s2, s3 = out[j2] + f * data[k + TWO], out[j3] + f * data[k + THREE]
            out[j0], out[j1], out[j2], out[j3] = s0, s1, s2, s3
            k += FOUR
        while k < end:
            out[indices[k]] += f * data[k]
            k += ONE


@inner(kernel)
def one_block(
    examples: Examples,
    point: Point,
    span: tuple[int, int],
    places: Places,
    turn: Any,
    number: int,
    row: Any,
) -> None:
    """Add the examples of a span to an accumulator, as its block `number`, when its turn has
    come."""
    x, _, y, weight, linear = examples
    (data, indices, starts), (w, b), (lo, hi), (_, z, dz, zs) = x, point, span, places
    part, ahead = z[: hi - lo], np.int64(starts[hi] - starts[lo])
    part[:] = b
    row_dots(data, indices, starts, lo, hi, w, part, ahead)
    J, db, curvature = link(part, y[lo:hi], weight[lo:hi], linear, dz)
    if zs.size:
        copy(part, zs[lo:hi])
    wait_for(turn, number)
    row[0] += J
    row[1] += db
    row[2] += curvature
    scatter(data, indices, starts, lo, hi, dz, row[HEAD:], ahead)
    fetch_and_increment(turn, 0)


@kernel
def run_blocks(examples: Examples, given: Any, point: Point, zs: Any, work: Work) -> None:
    """Take blocks until none is left; any number of threads at once.

    partials (chunks, HEAD + length) and counters (2 chunks + 1, LINE_NUMBERS) are zeros on entry:
    the next chunk; then for each chunk its next block, and whose turn it is. given: empty, or what
    rows are to be multiplied by in place of a dz that is computed: then they are scattered, no
    more.
    """
    data, indices, starts = examples.x
    chunk, block, partials, counters = work
    rows, chunks = starts.size - 1, partials.shape[0]
    places = Places(block, np.empty(block), np.empty(block), zs)
    first = fetch_and_increment(counters[0], 0)
    visits, c = 0, first
    none = first - first  # a literal 0 would have `scatter` compiled a second time
    while visits < chunks:
        if c >= chunks:  # all are begun: help where something is left
            c = (first + visits) % chunks
            visits += 1
        lo, end = c * chunk, min(rows, (c + 1) * chunk)
        turn, row = counters[2 + 2 * c], partials[c]
        number = fetch_and_increment(counters[1 + 2 * c], 0)
        while lo + number * block < end:
            i = lo + number * block
            hi = min(end, i + block)
            if given.size:
                wait_for(turn, number)
                scatter(data, indices, starts, i, hi, given[i:hi], row[HEAD:], none)
                fetch_and_increment(turn, 0)
            else:
                one_block(examples, point, (i, hi), places, turn, number, row)
            number = fetch_and_increment(counters[1 + 2 * c], 0)
        c = chunks if visits else fetch_and_increment(counters[0], 0)


@kernel
def run_dots(
    data: Any, indices: Any, starts: Any, v: Any, block: int, out: Any, counter: Any
) -> None:
    """Add row i times v to out[i], by blocks until none is left; any number of threads at once."""
    i = fetch_and_increment(counter, 0) * block
    none = i - i  # no literal, as above
    while i < out.size:
        hi = min(out.size, i + block)
        row_dots(data, indices, starts, i, hi, v, out[i:hi], none)
        i = fetch_and_increment(counter, 0) * block


@kernel
def check_rows(indices: Any, starts: Any, length: int, seen: Any) -> Any:
    """Return (0, 0), or what is wrong and the major row where it is.

    OUT_OF_RANGE: an index not below length. REPEATED: one twice in its row. seen: (length,) zeros
    where rows may be unsorted, else empty: then REPEATED only says "not rising".
    """
    for i in range(starts.size - 1):
        wrong = order = 0
        before = length  # of no index
        for k in range(starts[i], starts[i + 1]):
            j = np.int64(indices[k])
            wrong |= (j < 0) | (j >= length)
            order |= (j <= before) & (before < length)
            before = j
        if wrong:
            return OUT_OF_RANGE, i
        if order and not seen.size:
            return REPEATED, i
        if order:
            for k in range(starts[i], starts[i + 1]):
                if seen[indices[k]] == i + 1:
                    return REPEATED, i
                seen[indices[k]] = i + 1
    return 0, 0


@kernel
def first_non_finite(data: Any, start: int) -> int:
    """Find the first k >= start with data[k] NaN or infinite; -1 where there is none."""
    part = data[start:]
    for k in range(part.size):
        if not np.isfinite(part[k]):
            return start + k
    return -1


@kernel
def add_deviations(
    data: Any,
    indices: Any,
    starts: Any,
    by_example: bool,
    weight: Any,
    mean: Any,
    squares: Any,
    stored: Any,
) -> None:
    """Add s (x - mean)^2 to squares and s to stored, feature by feature, over the stored x.

    s: weight (m,), or 1 where it is empty.
    """
    for i in range(starts.size - 1):
        for k in range(starts[i], starts[i + 1]):
            other = np.int64(indices[k])
            j, example = (other, i) if by_example else (i, other)
            s = weight[example] if weight.size else 1.0
            off = data[k] - mean[j]
            squares[j] += s * off * off
            stored[j] += s


@kernel
def add_outer(data: Any, indices: Any, starts: Any, lo: int, hi: int, slopes: Any, H: Any) -> None:
    """Add s [x, 1] [x, 1].T over the rows (examples) lo to hi to H (n + 1, n + 1), flat.

    Of the pairs (j, k) and (k, j) one only; the diagonal in full.
    """
    last = np.uint64(H.size)
    width = np.uint64(round(np.sqrt(H.size)))
    for i in range(lo, hi):
        s = slopes[i]
        end = starts[i + 1]
        for a in range(starts[i], end):
            f = s * data[a]
            row = indices[a] * width
            for c in range(a, end):
                H[row + indices[c]] += f * data[c]
            H[row + width - ONE] += f
        H[last - ONE] += s


@kernel
def fill(
    data: Any, indices: Any, starts: Any, by_example: bool, lo: int, hi: int, out: Any
) -> None:
    """Add the stored x of the examples lo to hi to out[example - lo, feature]."""
    first, last = (lo, hi) if by_example else (0, starts.size - 1)
    for i in range(first, last):
        for k in range(starts[i], starts[i + 1]):
            other = np.int64(indices[k])
            if by_example:
                out[i - lo, other] += data[k]
            elif lo <= other < hi:
                out[other - lo, i] += data[k]


@kernel
def take_minor(
    data: Any,
    indices: Any,
    starts: Any,
    place: Any,
    new_starts: Any,
    new_data: Any,
    new_indices: Any,
) -> None:
    """Copy the entries whose index has a place >= 0, with that place as index.

    First called with no room in new_data: then they are counted alone.
    """
    count = np.uint64(0)
    for i in range(starts.size - 1):
        for k in range(starts[i], starts[i + 1]):
            if place[indices[k]] >= 0:
                if new_data.size:
                    new_data[count] = data[k]
                    new_indices[count] = place[indices[k]]
                count += ONE
        new_starts[i + 1] = count
