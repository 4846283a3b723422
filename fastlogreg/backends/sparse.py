"""Passes over a sparse X, by `kernels.sparse`, on X itself: scale and shift are the caller's.

X stored example by example is read once for the loss and its gradient. Stored feature by feature it
is read twice: all of z must be there before the first derivative is.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..data.design import Moments
from ..data.sparse import SparseMatrix
from ..kernels.bundles import Compressed, Examples, Point, Work
from ..kernels.layout import HEAD, LINE_NUMBERS
from ..machine.threads import available_threads, run_on
from ..maths.arrays import NONE, Labels, Vector

_MOST_HESSIANS_BYTES, _MOST_HESSIANS = 4 << 20, 8  # that grow side by side
_LEAST_EXAMPLES = 64  # for each of them


def sums(
    x: SparseMatrix,
    y: Labels,
    weight: Vector,
    linear: bool,
    w: Vector,
    b: float,
    zs: Vector,
    n_threads: int,
) -> Vector:
    """Return [J, db, sum of da/dz, five unused, dw] (8 + n_x,).

    See `fused.fused` for the arguments. The result is good until the next call.
    """
    if x.by_example:
        return _accumulate(x, NONE, y, weight, linear, w, b, zs, n_threads)
    from ..kernels.loss import link
    from ..kernels.sparse import run_dots

    z = _accumulate(x, w[: x.n_x], y, weight, linear, w, b, NONE, n_threads)[HEAD:]
    z += b
    if zs.size:
        zs[:] = z
    total, dz = np.zeros(HEAD + x.n_x), np.empty(x.m)
    with np.errstate(over="ignore", invalid="ignore"):
        total[:3] = link(z, y, weight, linear, dz)
        work = partial(run_dots, *x.arrays, dz, x.block, total[HEAD:], np.zeros(1, np.int64))
        run_on(min(n_threads, -(-x.n_x // x.block)), work)
    return total


def _accumulate(
    x: SparseMatrix,
    given: Vector,
    y: Labels,
    weight: Vector,
    linear: bool,
    w: Vector,
    b: float,
    zs: Vector,
    n_threads: int,
) -> Vector:
    """Run `kernels.sparse.run_blocks`, and sum the accumulators."""
    from ..kernels.partials import add_partials
    from ..kernels.sparse import run_blocks

    partials = x.partials
    partials.fill(0.0)
    counters = np.zeros((1 + 2 * x.n_chunks, LINE_NUMBERS), np.int64)
    work = partial(
        run_blocks,
        Examples(Compressed(*x.arrays), x.n_x, y, weight, linear),
        np.ascontiguousarray(given),
        Point(w, b),
        zs,
        Work(x.chunk, x.block, partials, counters),
    )
    with np.errstate(over="ignore", invalid="ignore"):
        run_on(n_threads, work)
        if len(partials) > 1:
            total = np.empty(partials.shape[1])
            add_partials(partials, total)
            return total
    total = partials[0]
    return total


def moments(x: SparseMatrix) -> Moments:
    """Return mean and deviation of each feature over all examples, in two reads."""
    ones, w, y = np.ones(x.m), np.zeros(x.n_x), np.zeros(x.m, np.uint8)
    mean = sums(x, y, ones, True, w, 1.0, NONE, available_threads())[HEAD:] / x.m
    return Moments(mean, np.sqrt(squares_about(x, mean, NONE) / x.m))


def squares_about(x: SparseMatrix, mean: Vector, weight: Vector) -> Vector:
    """Sum s (x - mean)^2 over the examples, for each feature (n_x,).

    One read of X, in which the zeros are counted and not read.
    """
    from ..kernels.sparse import add_deviations

    found, stored = np.zeros(x.n_x), np.zeros(x.n_x)
    with np.errstate(over="ignore", invalid="ignore"):
        add_deviations(*x.arrays, x.by_example, weight, mean, found, stored)
        total = float(weight.sum()) if weight.size else float(x.m)
        return found + np.maximum(total - stored, 0.0) * mean * mean


def squares(x: SparseMatrix, scale: Vector, shift: Vector, weight: Vector) -> Vector:
    """Sum s (scale * x + shift)^2 over the examples, for each feature (n_x,), in one read."""
    there = scale != 0.0
    about = np.divide(-shift, scale, out=np.zeros(x.n_x), where=there)
    with np.errstate(over="ignore", invalid="ignore"):
        constant = shift * shift * float(weight.sum())
        return np.where(there, scale * scale * squares_about(x, about, weight), constant)


def products(x: SparseMatrix, slopes: Vector, n_threads: int) -> Vector:
    """Sum s [x, 1] [x, 1].T over the examples, (n_x + 1, n_x + 1), x as the model sees it.

    One read of X by example, one for every feature by feature.
    """
    H = _outer_by_example(x, slopes, n_threads) if x.by_example else _outer_by_feature(x, slopes)
    C, u, total = H[:-1, :-1], H[-1, :-1].copy(), float(H[-1, -1])
    scaled = x.scale * u
    C *= x.scale[:, None]
    C *= x.scale
    if x.shift.any():
        C += np.outer(x.shift, scaled + total * x.shift)
        C += np.outer(scaled, x.shift)
    H[-1, :-1] = H[:-1, -1] = scaled + total * x.shift
    return H


def _outer_by_example(x: SparseMatrix, slopes: Vector, n_threads: int) -> Vector:
    from ..kernels.sparse import add_outer

    width = x.n_x + 1
    fitting = _MOST_HESSIANS_BYTES // (8 * width * width)
    chunks = max(1, min(_MOST_HESSIANS, fitting, x.m // _LEAST_EXAMPLES))
    partials = np.zeros((chunks, width * width))
    left = iter(range(chunks))

    def work() -> None:
        for c in left:  # the threads draw from one iterator, under the GIL
            add_outer(*x.arrays, c * x.m // chunks, (c + 1) * x.m // chunks, slopes, partials[c])

    run_on(min(n_threads, chunks), work)
    H = partials[0]
    for c in range(1, chunks):
        H += partials[c]
    H = H.reshape(width, width)
    diagonal = np.diag(H).copy()
    H = H + H.T
    np.fill_diagonal(H, diagonal)
    return H


def _outer_by_feature(x: SparseMatrix, slopes: Vector) -> Vector:
    """Make column after column: X applied to the slopes times one feature."""
    from ..kernels.sparse import run_dots

    H, column = np.zeros((x.n_x + 1, x.n_x + 1)), np.zeros(x.m)
    for j in range(x.n_x + 1):
        if j < x.n_x:
            own = slice(int(x.starts[j]), int(x.starts[j + 1]))
            examples = x.indices[own]
            column[examples] = slopes[examples] * x.data[own]
        else:
            column = slopes
        run_dots(*x.arrays, column, x.block, H[j, :-1], np.zeros(1, np.int64))
        H[j, -1] = column.sum()
        if j < x.n_x:
            column[examples] = 0.0
    return H
