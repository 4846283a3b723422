"""The production pass: one read of X, part after part, by compiled kernels.

A pass sums the loss, dz x, dz and da/dz = a (1 - a) over the examples. It is told the point
(w (n_x,), b) on scale * X + shift, folds both into X itself, and the gradient back.

A part is dense, and its passes are here, or sparse, and they are in `backends.sparse`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dense import DesignMatrix
from ..data.design import Design
from ..kernels.bundles import Examples, Point, Scaling, Work
from ..kernels.layout import HEAD, LINE_NUMBERS
from ..machine.threads import After, may_wait, most_fits, run_on
from ..maths.arrays import NONE, Vector, flat
from ..maths.logistic import Terms
from . import sparse
from .base import Sums, are_compiled

# What one core needs: for an element of X, read twice from its cache, and for an example's exp and
# log1p; and what a thread must have to do, or launching it costs more than it brings.
SECONDS_PER_ELEMENT, SECONDS_PER_EXAMPLE, SECONDS_PER_THREAD = 0.15e-9, 2.5e-9, 50e-6
SHORT_SECONDS = 10e-3  # of a pass on one core up to which a helper waits for the next one


def seconds_on_one_core(design: Design) -> float:
    """Return an estimate, within a factor of about two, of a fused pass."""
    return design.elements * design.seconds_per_element + design.m * SECONDS_PER_EXAMPLE


def threads_for(part: Any, n_threads: int) -> int:
    """Return the threads worth launching for a pass over a part."""
    shares = part.n_chunks if part.sparse is None else n_threads
    return max(1, min(n_threads, shares, int(seconds_on_one_core(part) / SECONDS_PER_THREAD)))


@cache
def _waiting() -> Any:
    """Return the kernel by which helpers wait, compiled by this thread and not by one of them."""
    from ..kernels.helpers import wait_for_calls

    line = np.zeros(LINE_NUMBERS, np.int64)
    wait_for_calls(line.ctypes.data, 0)
    return wait_for_calls


def _handing_over(part: DesignMatrix, runs: int, counters: NDArray[Any]) -> tuple[Any, ...]:
    """Return what tells `run_on` that helpers may wait for a pass, and for the next one."""
    short = runs > 1 and seconds_on_one_core(part) <= SHORT_SECONDS
    most = most_fits(runs) if short else 0
    if not may_wait(most) or not are_compiled() or os.name != "posix":
        return ()
    return counters, After(_waiting(), most)


def digits_for(part: DesignMatrix) -> tuple[NDArray[Any], Vector] | None:
    """Room for w as the digits and unit that `kernels.uint8.choice` reads, where it is the way;
    else None."""
    if not part.of_bytes:
        return None
    from ..kernels.uint8.choice import room

    return room(part.n_x), np.empty(1)


def fused(
    design: Design,
    y: NDArray[np.uint8],
    w: Vector,
    b: float,
    *,
    n_threads: int,
    weight: Vector = NONE,
    linear: bool = False,
    zs: Vector = NONE,
) -> Sums:
    """One read of X, part after part; see `kernels.loss.link` for weight and linear; zs (m,) takes
    every z."""
    # A dense pass copies w, and its sums are its own; those of a sparse X are good until the next.
    plain = design.dense is not None and design.plain
    if not plain:
        w, b = design.fold(w, b)
    total: Vector | None = None
    with np.errstate(over="ignore", invalid="ignore"):  # uncompiled, kernels are NumPy arithmetic
        for lo, hi, part in design.parts():
            of_part = y[lo:hi], weight[lo:hi], linear, w, b, zs[lo:hi]
            if part.sparse is not None:
                sums = sparse.sums(part, *of_part, threads_for(part, n_threads))
            else:
                sums = (_by_slabs if part.slab else _dense)(part, *of_part, n_threads)
            total = sums if total is None else total + sums
    assert total is not None  # a design has at least one example
    dw, db = total[HEAD : HEAD + design.n_x], float(total[1])
    if not plain:
        dw = design.unfold(dw, db)
    return Sums(float(total[0]), dw, db, float(total[2]))


def _dense(
    part: DesignMatrix,
    y: NDArray[np.uint8],
    weight: Vector,
    linear: bool,
    w: Vector,
    b: float,
    zs: Vector,
    n_threads: int,
) -> Vector:
    """Return [J, db, sum of da/dz, five unused, dw] (8 + n_x,) of a dense X, by
    `kernels.dense.chunks.run_chunks`."""
    from ..kernels.dense.chunks import run_chunks

    chunk, n_x = part.chunk, part.n_x
    padded, (most, rest) = np.zeros(-(-n_x // 8) * 8), part.places
    padded[most], padded[rest] = w[: most.stop], w[most.stop :]
    threads, digits = threads_for(part, n_threads), digits_for(part)
    if digits is not None:
        from ..kernels.uint8.choice import split

        digits[1][0] = split(padded, n_x, digits[0])
    total = np.empty(HEAD + padded.size)
    for lo, hi, x, rows in _windows(part, part.partials, total):
        runs = min(threads, len(rows))
        counters = np.zeros(runs * LINE_NUMBERS, np.int64)
        work = partial(
            run_chunks,
            part.way(digits),
            Examples(x, n_x, y[lo:hi], weight[lo:hi], linear),
            Point(padded, b),
            zs[lo:hi],
            Work(chunk, part.block, rows, counters),
        )
        with part.read_ahead(lo, hi, chunk, counters[::LINE_NUMBERS]):
            run_on(runs, work, *_handing_over(part, runs, counters))
    if part.gap:
        total[HEAD + most.stop : HEAD + n_x] = total[HEAD:][rest].copy()
    return total[: HEAD + n_x]


def _windows(
    part: DesignMatrix, partials: Vector, total: Vector
) -> Iterator[tuple[int, int, NDArray[Any], Vector]]:
    """Yield (first example, one past the last, X of them flat, the rows that their chunks sum to).

    In the end total is the sum of the rows of all chunks, in order. Where there are rows for some
    of the chunks at a time, the first row then holds the sum so far: the bits are the same.
    """
    from ..kernels.partials import add_partials

    chunk, window = part.chunk, part.window
    if window == part.n_chunks:
        for lo, hi, x in part.flat_blocks():
            yield lo, hi, x, partials[lo // chunk : -(-hi // chunk)]
        add_partials(partials, total)
        return
    [(_, _, x)] = part.flat_blocks()
    for lo in range(0, part.m, window * chunk):
        hi = min(part.m, lo + window * chunk)
        begin = int(lo > 0)
        end = begin - (lo - hi) // chunk
        yield lo, hi, x[lo * part.n_x : hi * part.n_x], partials[begin:end]
        add_partials(partials[:end], total)
        partials[0] = total


def _by_slabs(
    part: DesignMatrix,
    y: NDArray[np.uint8],
    weight: Vector,
    linear: bool,
    w: Vector,
    b: float,
    zs: Vector,
    n_threads: int,
) -> Vector:
    """Return such sums of a wide feature-major X, in two reads, by
    `kernels.dense.slabs.add_slab_scores` and `slab_gradients`."""
    from ..kernels.dense.slabs import add_slab_scores, slab_gradients
    from ..kernels.loss import link
    from ..kernels.partials import add_partials

    n_x, m, partials = part.n_x, part.m, part.partials
    [(_, _, x)] = part.flat_blocks()
    padded, z, dz = (
        np.zeros(-(-n_x // 8) * 8),
        np.empty(partials.shape[1]),
        np.zeros(partials.shape[1]),
    )
    padded[:n_x] = w
    total, threads = np.zeros(HEAD + padded.size), threads_for(part, n_threads)
    counter = np.zeros(1, np.int64)
    run_on(
        threads,
        partial(add_slab_scores, x, m, padded, part.slab, part.block, partials, counter),
    )
    add_partials(partials, z)
    z += b
    total[:3] = link(z[:m], y, weight, linear, dz[:m])
    counter = np.zeros(1, np.int64)
    run_on(threads, partial(slab_gradients, x, m, dz, part.slab, part.block, total[HEAD:], counter))
    if zs.size:
        zs[:] = z[:m]
    return total[: HEAD + n_x]


def _padded(design: Design) -> tuple[Vector, Vector]:
    """scale and shift, rounded up to eights with zeros."""
    padded = np.zeros((2, -(-design.n_x // 8) * 8))
    padded[:, : design.n_x] = design.scale, design.shift
    return padded[0], padded[1]


def squares(design: Design, weight: Vector, n_threads: int) -> Vector:
    """Return the sum of weight * (scale * x + shift)^2 over the examples, for each feature (n_x,):
    one read of X."""
    scale, shift = _padded(design)
    total = np.zeros(design.n_x)
    for lo, hi, part in design.parts():
        if part.sparse is not None:
            n_x = design.n_x
            total += sparse.squares(part, scale[:n_x], shift[:n_x], weight[lo:hi])
        else:
            total += _dense_squares(part, weight[lo:hi], scale, shift, n_threads)
    return total


def _dense_squares(
    part: DesignMatrix, weight: Vector, scale: Vector, shift: Vector, n_threads: int
) -> Vector:
    from ..kernels.dense.squares import run_square_chunks

    chunk = part.chunk
    shape, total = (-(-part.m // chunk), scale.size), np.empty(scale.size)
    room = flat(part.partials)  # a pass puts its sums there, and is done with them
    size = shape[0] * shape[1]
    partials = (room[:size] if room.size >= size else np.empty(size)).reshape(shape)
    for lo, hi, x, rows in _windows(part, partials, total):
        counter = np.zeros(1, np.int64)
        work = partial(
            run_square_chunks,
            part.feature_major,
            x,
            part.n_x,
            weight[lo:hi],
            Scaling(scale, shift),
            Work(chunk, part.block, rows, counter),
        )
        with np.errstate(over="ignore", invalid="ignore"):
            run_on(min(len(rows), threads_for(part, n_threads)), work)
    return total[: part.n_x]


def link(z: Vector, y: NDArray[np.uint8], weight: Vector) -> Terms:
    """Return the sum of the losses, and dz and da/dz of each example (m,), weighted; from z."""
    from ..kernels.loss import link_with_slopes

    dz, slopes = np.empty(z.size), np.empty(z.size)
    return Terms(float(link_with_slopes(z, y, weight, dz, slopes)), dz, slopes)
