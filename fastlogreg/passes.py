"""One pass over X, by each backend: the sums over the examples of the loss, of dz x, of dz and of da/dz = a (1 - a).

    fused    the production kernel, on as many threads as the work is worth; every X, weights, other links
    numpy    the vectorized form, NumPy alone
    loops    the lectures' loops, compiled; python: interpreted

A pass is told the point (w (n_x,), b) on scale * X + shift and folds both into X itself and back.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import reference
from .design_matrix import HEAD, Design, DesignMatrix
from .sparse_matrix import SparseMatrix
from .threads import run_on

Vector = NDArray[np.float64]
Sums = tuple[float, Vector, float, float]
NONE: Vector = np.empty(0)

# What one core needs: for an element of X, read twice from its cache, and for an example's exp and log1p. Launching a
# thread costs about 30 microseconds: below 50 of work each it brings nothing.
SECONDS_PER_ELEMENT, SECONDS_PER_EXAMPLE, SECONDS_PER_THREAD = 0.15e-9, 2.5e-9, 50e-6

_loops_lock = threading.Lock()
_loops_process = 0


def seconds_on_one_core(design: Design) -> float:
    """An estimate, within a factor of about two, of a fused pass."""
    return design.elements * design.seconds_per_element + design.m * SECONDS_PER_EXAMPLE


def threads_for(design: DesignMatrix | SparseMatrix, n_threads: int) -> int:
    """Threads worth launching for a pass."""
    shares = design.n_chunks if isinstance(design, DesignMatrix) else n_threads
    return max(1, min(n_threads, shares, int(seconds_on_one_core(design) / SECONDS_PER_THREAD)))


def digits_for(part: DesignMatrix) -> tuple[NDArray[Any], Vector] | None:
    """Room for w as the digits and unit that `kernels.integers` reads, where it is the way; else None."""
    if not part.of_bytes:
        return None
    from .kernels.integers import room

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
    """One read of X, part after part; see `kernels.link.link` for weight and linear; zs (m,) takes every z."""
    w, b = design.fold(w, b)
    total: Vector | None = None
    for lo, hi, part in design.parts():
        of_part = y[lo:hi], weight[lo:hi], linear, w, b, zs[lo:hi]
        if isinstance(part, SparseMatrix):
            sums = part.sums(*of_part, threads_for(part, n_threads))
        else:
            sums = (_by_slabs if part.slab else _dense)(part, *of_part, n_threads)
        total = sums if total is None else total + sums
    assert total is not None  # a design has at least one example
    db = float(total[1])
    return float(total[0]), design.unfold(total[HEAD : HEAD + design.n_x], db), db, float(total[2])


def _dense(
    part: DesignMatrix, y: NDArray[np.uint8], weight: Vector, linear: bool, w: Vector, b: float, zs: Vector, n_threads: int
) -> Vector:
    """[J, db, sum of da/dz, five unused, dw] (8 + n_x,) of a dense X, by `kernels.dense.run_chunks`."""
    from .kernels.dense import LINE, add_partials, run_chunks

    chunk, partials, n_x = part.chunk, part.partials, part.n_x
    padded, (most, rest) = np.zeros(-(-n_x // 8) * 8), part.places
    padded[most], padded[rest] = w[: most.stop], w[most.stop :]
    threads, digits = threads_for(part, n_threads), digits_for(part)
    if digits is not None:
        from .kernels.integers import split

        digits[1][0] = split(padded, n_x, digits[0])
    for lo, hi, x in part.flat_blocks():
        rows = partials[lo // chunk : -(-hi // chunk)]
        runs = min(threads, len(rows))
        work = partial(
            run_chunks, x, part.way(digits), n_x, y[lo:hi], weight[lo:hi], linear, padded, b, chunk, part.block, zs[lo:hi],
            rows, np.zeros(runs * LINE, np.int64),
        )  # fmt: skip
        with np.errstate(over="ignore", invalid="ignore"):  # uncompiled, the kernel is NumPy arithmetic
            run_on(runs, work)
    total = np.empty(HEAD + padded.size)
    add_partials(partials, total)
    total[HEAD + most.stop : HEAD + n_x] = total[HEAD:][rest].copy()
    return total[: HEAD + n_x]


def _by_slabs(
    part: DesignMatrix, y: NDArray[np.uint8], weight: Vector, linear: bool, w: Vector, b: float, zs: Vector, n_threads: int
) -> Vector:
    """The same of a wide feature-major X: two reads, by `kernels.dense.add_slab_scores` and `slab_gradients`."""
    from .kernels.dense import add_partials, add_slab_scores, slab_gradients
    from .kernels.link import link

    n_x, m, partials = part.n_x, part.m, part.partials
    [(_, _, x)] = part.flat_blocks()
    padded, z, dz = np.zeros(-(-n_x // 8) * 8), np.empty(partials.shape[1]), np.zeros(partials.shape[1])
    padded[:n_x] = w
    total, threads = np.zeros(HEAD + padded.size), threads_for(part, n_threads)
    with np.errstate(over="ignore", invalid="ignore"):  # uncompiled, the kernels are NumPy arithmetic
        counter = np.zeros(1, np.int64)
        run_on(threads, partial(add_slab_scores, x, m, padded, part.slab, part.block, partials, counter))
        add_partials(partials, z)
        z += b
        total[:3] = link(z[:m], y, weight, linear, dz[:m])
        counter = np.zeros(1, np.int64)
        run_on(threads, partial(slab_gradients, x, m, dz, part.slab, part.block, total[HEAD:], counter))
    if zs.size:
        zs[:] = z[:m]
    return total[: HEAD + n_x]


def numpy(
    design: DesignMatrix,
    X: NDArray[Any],
    y: NDArray[np.uint8],
    w: Vector,
    b: float,
    *,
    weight: Vector = NONE,
    linear: bool = False,
    zs: Vector = NONE,
) -> Sums:
    """The same by the vectorized reference; X: design.X as float64."""
    w, b = design.fold(w, b)
    Z = reference.forward(w[:, None], b, X)
    if zs.size:
        zs[:] = Z[0]
    if linear:
        dZ = weight * Z
        losses, slopes = 0.5 * dZ * Z, np.zeros(1)
    else:
        sign = 1.0 - 2.0 * y
        dZ, losses = sign * reference.sigmoid(sign * Z), reference.loss(Z, y)
        slopes = np.abs(dZ) * reference.sigmoid(-sign * Z)
        if weight.size:
            dZ, losses, slopes = weight * dZ, weight * losses, weight * slopes
    db = float(np.sum(dZ))
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.sum(losses)), design.unfold((X @ dZ.T)[:, 0], db), db, float(np.sum(slopes))


def loops(
    design: DesignMatrix, X: NDArray[Any], y: NDArray[np.uint8], w: Vector, b: float, *, n_threads: int, compiled: bool
) -> Sums:
    """The same by the lectures' loops, compiled or interpreted; X: design.X in a dtype that Numba has. The lectures do
    not sum da/dz: it is NaN here."""
    m = design.m
    w, b = design.fold(w, b)
    shares = max(1, min(32, m // 8))
    J, dw, db = np.zeros(shares), np.zeros((shares, design.n_x)), np.zeros(shares)
    arguments = (w[:, None], b, X, y[None, :], J, dw, db)
    if compiled:
        _run_compiled_loops(arguments, n_threads)
    else:
        from .kernels.loops import cost_and_gradient

        with np.errstate(invalid="ignore", over="ignore"):
            cost_and_gradient(*arguments)
    total_db = float(db[0]) * m
    return float(J[0]) * m, design.unfold(dw[0] * m, total_db), total_db, np.nan


def _run_compiled_loops(arguments: tuple[Any, ...], n_threads: int) -> None:
    """In parallel where Numba's threading layer can bear it: its OpenMP layer kills a child forked after its first use,
    its workqueue aborts when two Python threads enter. So a forked child goes in serially and others one by one; the
    serial loops give the same bits."""
    global _loops_process
    import numba

    from .kernels.loops import compiled

    if n_threads <= 1 or numba.config.DISABLE_JIT or _loops_process not in (0, os.getpid()):
        compiled(parallel=False)(*arguments)
        return
    _loops_process = os.getpid()
    with _loops_lock:
        before = numba.get_num_threads()
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))
        try:
            compiled(parallel=True)(*arguments)
        finally:
            numba.set_num_threads(before)


def radius(design: Design, n_threads: int) -> float:
    """The largest ||scale * x + shift|| over the examples: one read of X."""
    scale, shift = _padded(design)
    return float(np.sqrt(max(_square(part, scale, shift, n_threads) for _, _, part in design.parts())))


def _padded(design: Design) -> tuple[Vector, Vector]:
    """scale and shift, rounded up to eights with zeros."""
    padded = np.zeros((2, -(-design.n_x // 8) * 8))
    padded[:, : design.n_x] = design.scale, design.shift
    return padded[0], padded[1]


def _square(part: DesignMatrix | SparseMatrix, scale: Vector, shift: Vector, n_threads: int) -> float:
    if isinstance(part, SparseMatrix):
        return part.largest_square(scale[: part.n_x], shift[: part.n_x])
    return _dense_square(part, scale, shift, n_threads)


def _dense_square(part: DesignMatrix, scale: Vector, shift: Vector, n_threads: int) -> float:
    """The largest ||scale * x + shift||^2; scale, shift: n_x rounded up to eights."""
    from .kernels.squares import largest_square

    found = [0.0]
    for first, last, x in part.flat_blocks():
        size = last - first
        bounds = iter(range(0, size, part.chunk))

        def work(x: Any = x, size: int = size, bounds: Any = bounds) -> None:
            for lo in bounds:  # the threads draw from one iterator, under the GIL
                hi = min(size, lo + part.chunk)
                found.append(largest_square(x, part.feature_major, scale, shift, lo, hi, size))

        run_on(threads_for(part, n_threads), work)
    return max(found)


def squares(design: Design, weight: Vector, n_threads: int) -> Vector:
    """The sum of weight * (scale * x + shift)^2 over the examples, for each feature (n_x,): one read of X."""
    scale, shift = _padded(design)
    total = np.zeros(design.n_x)
    for lo, hi, part in design.parts():
        if isinstance(part, SparseMatrix):
            total += part.squares(scale[: design.n_x], shift[: design.n_x], weight[lo:hi])
        else:
            total += _dense_squares(part, weight[lo:hi], scale, shift, n_threads)
    return total


def _dense_squares(part: DesignMatrix, weight: Vector, scale: Vector, shift: Vector, n_threads: int) -> Vector:
    from .kernels.dense import add_partials
    from .kernels.squares import run_square_chunks

    chunk = part.chunk
    partials, total = np.empty((-(-part.m // chunk), scale.size)), np.empty(scale.size)
    for lo, hi, x in part.flat_blocks():
        rows, counter = partials[lo // chunk : -(-hi // chunk)], np.zeros(1, np.int64)
        work = partial(
            run_square_chunks, x, part.feature_major, part.n_x, weight[lo:hi], scale, shift, chunk, rows, counter
        )
        with np.errstate(over="ignore", invalid="ignore"):
            run_on(min(len(rows), threads_for(part, n_threads)), work)
    add_partials(partials, total)
    return total[: part.n_x]


def numpy_squares(design: Design, weight: Vector) -> Vector:
    """The same with NumPy alone, block by block."""
    total = np.zeros(design.n_x)
    for lo, hi, x in design.float_blocks():
        total += weight[lo:hi] @ (x * x)
    return total


def numpy_radius(design: DesignMatrix) -> float:
    """The same with NumPy alone, block by block."""
    squares = [0.0]
    step = max(1, (1 << 20) // design.n_x)
    for lo in range(0, design.m, step):
        x = design.X[:, lo : lo + step] * design.scale[:, None] + design.shift[:, None]
        squares.append(float(np.max(np.sum(x * x, axis=0))))
    return float(np.sqrt(max(squares)))


def link(z: Vector, y: NDArray[np.uint8], weight: Vector) -> tuple[float, Vector, Vector]:
    """Sum of the losses, and dz and da/dz of each example (m,), weighted; from z."""
    from .kernels.link import link_with_slopes

    dz, slopes = np.empty(z.size), np.empty(z.size)
    return float(link_with_slopes(z, y, weight, dz, slopes)), dz, slopes


def numpy_link(z: Vector, y: NDArray[np.uint8], weight: Vector) -> tuple[float, Vector, Vector]:
    """The same with NumPy alone."""
    sign = 1.0 - 2.0 * y
    a = reference.sigmoid(sign * z)
    dz, slopes, losses = sign * a, a * reference.sigmoid(-sign * z), reference.loss(z, y)
    if weight.size:
        return float(weight @ losses), weight * dz, weight * slopes
    return float(losses.sum()), dz, slopes


def numpy_along_line(
    z: Vector, z_slope: Vector, y: NDArray[np.uint8], weight: Vector, t: float
) -> tuple[float, float, float]:
    """`kernels.link.along_line` with NumPy alone."""
    J, dz, slopes = numpy_link(z + t * z_slope, y, weight)
    return J, float(dz @ z_slope), float(slopes @ (z_slope * z_slope))
