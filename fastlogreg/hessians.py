"""The sums that a Newton step needs, in one read of X: the loss, its gradient and its Hessian by [w, b].

    of_few_features    n_x <= `design_matrix.NARROW`: a kernel of their own, on all threads
    by_blocks          more: blocks of float64, of as many examples as features, H by BLAS

X stored sparse has a third way, in `sparse_matrix`. A pass is told the point on X as the model sees it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .design_matrix import HEAD, Design
from .passes import Vector, threads_for
from .threads import run_on

LONGEST = 1024  # examples in a block of as many features: enough for BLAS, and no larger than H


def of_few_features(
    design: Design, y: NDArray[np.uint8], w: Vector, b: float, *, n_threads: int, weight: Vector, zs: Vector
) -> tuple[float, Vector, Vector]:
    """Loss, gradient (n_x + 1,) and Hessian (n_x + 1, n_x + 1), summed over the examples; zs (m,) takes every z."""
    from .kernels.dense import LINE, add_partials
    from .kernels.hessian import TILE, fill_in, run_hessian_chunks

    n_x = design.n_x
    width = -(-(n_x + 1) // TILE) * TILE
    scale, shift, theta = np.zeros((3, width))
    scale[:n_x], shift[:n_x], shift[n_x], theta[:n_x], theta[n_x] = design.scale, design.shift, 1.0, w, b
    total = np.zeros(HEAD + (width + 1) * width)
    for first, _, part in design.parts():
        threads = threads_for(part, n_threads)
        partials = np.empty((part.n_chunks, total.size))
        for lo, hi, x in part.flat_blocks():
            rows, low, high = partials[lo // part.chunk : -(-hi // part.chunk)], first + lo, first + hi
            runs = min(threads, len(rows))
            work = partial(
                run_hessian_chunks, x, part.feature_major, n_x, y[low:high], weight[low:high], scale, shift, theta,
                part.chunk, zs[low:high], rows, np.zeros(runs * LINE, np.int64),
            )  # fmt: skip
            with np.errstate(over="ignore", invalid="ignore"):
                run_on(runs, work)
        sums = np.empty(total.size)
        add_partials(partials, sums)
        total += sums
    H = np.empty((n_x + 1, n_x + 1))
    fill_in(total[HEAD + width :].reshape(width, width), H)
    return float(total[0]), total[HEAD : HEAD + n_x + 1].copy(), H


def by_blocks(
    design: Design, y: NDArray[np.uint8], w: Vector, b: float, *, link: Any, weight: Vector, zs: Vector
) -> tuple[float, Vector, Vector]:
    """The same for any n_x and X; link: (z, y, weight) -> sum of the losses, dz and da/dz."""
    n_x = design.n_x
    H, gradient, J = np.zeros((n_x + 1, n_x + 1)), np.zeros(n_x + 1), 0.0
    with np.errstate(invalid="ignore", over="ignore"):  # NaN in X arrives here, and is looked for by the caller
        for lo, hi, x in design.float_blocks(min(n_x, LONGEST)):
            z = zs[lo:hi] = x @ w + b
            loss, dz, slopes = link(z, y[lo:hi], weight[lo:hi])
            J += loss
            gradient[:-1] += dz @ x
            gradient[-1] += dz.sum()
            _add_products(x, slopes, H)
    H[:-1, -1] = H[-1, :-1]
    return J, gradient, H


def products(design: Design, slopes: Vector) -> Vector:
    """The sum of slope * x1 x1.T over the examples, (n_x + 1, n_x + 1), x1 being x and a 1 behind it; slopes: (m,)."""
    H = np.zeros((design.n_x + 1, design.n_x + 1))
    for lo, hi, x in design.float_blocks(min(design.n_x, LONGEST)):
        _add_products(x, slopes[lo:hi], H)
    H[:-1, -1] = H[-1, :-1]
    return H


def _add_products(x: Vector, slopes: Vector, H: Vector) -> None:
    """H[:, :-1] += the same of a block x (examples, n_x), and the corner."""
    H[-1, :-1] += slopes @ x
    H[-1, -1] += slopes.sum()
    rooted = x * np.sqrt(slopes)[:, None]
    H[:-1, :-1] += rooted.T @ rooted
