"""The sums that a Newton step needs, in one read of X: the loss, its gradient and its Hessian by
[w, b].

    of_few_features    n_x <= `kernels.layout.NARROW`: a kernel of their own, on all threads
    of_many_features   any: blocks of float64, and a kernel of their own, on all threads
    by_numpy           without compilation: blocks of float64, of as many examples as features, by
                       BLAS

X stored sparse has a third way, in `data.sparse`. A pass is told the point on X as the model sees
it.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..kernels.bundles import Examples, Scaling, Work
from ..kernels.layout import HEAD, LINE_NUMBERS, read_only
from ..machine.threads import run_on
from ..maths.arrays import Vector
from .base import HessianSums
from .fused import SECONDS_PER_THREAD, threads_for

MIRRORED = 256  # rows of a Hessian whose lower half is filled in at a time
BLOCK_BYTES = 4 << 20  # of float64 that X is converted to at a time
PACKED_BYTES = (
    256 << 10
)  # of rows that are multiplied at a time: a quarter of the second-level cache
SECONDS_PER_PRODUCT = (
    0.01e-9  # of one of the width^2 products of an example, half of which are made
)


def of_few_features(
    design: Design,
    y: NDArray[np.uint8],
    w: Vector,
    b: float,
    *,
    n_threads: int,
    weight: Vector,
    zs: Vector,
) -> HessianSums:
    """Sum the loss, its gradient and its Hessian over the examples; zs (m,) takes every z."""
    from ..kernels.partials import add_partials
    from ..kernels.second_order.few_features import TILE, fill_in, run_hessian_chunks

    n_x = design.n_x
    width = -(-(n_x + 1) // TILE) * TILE
    scale, shift, theta = np.zeros((3, width))
    scale[:n_x], shift[:n_x], shift[n_x], theta[:n_x], theta[n_x] = (
        design.scale,
        design.shift,
        1.0,
        w,
        b,
    )
    total = np.zeros(HEAD + (width + 1) * width)
    for first, _, part in design.parts():
        threads = threads_for(part, n_threads)
        partials = np.empty((part.n_chunks, total.size))
        for lo, hi, x in part.flat_blocks():
            rows, low, high = (
                partials[lo // part.chunk : -(-hi // part.chunk)],
                first + lo,
                first + hi,
            )
            runs = min(threads, len(rows))
            counters = np.zeros(runs * LINE_NUMBERS, np.int64)
            work = partial(
                run_hessian_chunks,
                part.feature_major,
                Examples(x, n_x, y[low:high], weight[low:high], False),
                Scaling(scale, shift),
                theta,
                zs[low:high],
                Work(part.chunk, part.block, rows, counters),
            )
            with np.errstate(over="ignore", invalid="ignore"):
                run_on(runs, work)
        sums = np.empty(total.size)
        add_partials(partials, sums)
        total += sums
    H = np.empty((n_x + 1, n_x + 1))
    fill_in(total[HEAD + width :].reshape(width, width), H)
    gradient = total[HEAD : HEAD + n_x + 1].copy()
    return HessianSums(float(total[0]), gradient, H, float(H[-1, -1]))


def of_many_features(
    design: Design,
    y: NDArray[np.uint8],
    w: Vector,
    b: float,
    *,
    n_threads: int,
    weight: Vector,
    zs: Vector,
) -> HessianSums:
    """Sum loss, gradient and Hessian by [w, b] for any n_x and X."""
    from ..kernels.second_order.many_features import block_sums

    n_x, J, db, H = design.n_x, 0.0, 0.0, Products(design.n_x, n_threads)
    padded, g = np.zeros((2, -(-n_x // 8) * 8))
    padded[:n_x] = w
    for lo, hi, block in design.float_blocks(max(1, BLOCK_BYTES // (8 * n_x))):
        x, slopes, (z, dz) = flat(block), np.empty(hi - lo), np.empty((2, -(-(hi - lo) // 8) * 8))
        J += block_sums(x, n_x, padded, b, y[lo:hi], weight[lo:hi], z, dz, slopes, g)
        zs[lo:hi] = z[: hi - lo]
        db += float(dz.sum())
        H.add(x, slopes)
    whole = H.whole()
    return HessianSums(J, np.append(g[:n_x], db), whole, float(whole[-1, -1]))


def products(design: Design, slopes: Vector, n_threads: int) -> Vector:
    """Return the sum of slope * x1 x1.T over the examples, (n_x + 1, n_x + 1), x1 being x and a 1
    behind it; slopes: (m,)."""
    H = Products(design.n_x, n_threads)
    for lo, hi, block in design.float_blocks(max(1, BLOCK_BYTES // (8 * design.n_x))):
        H.add(flat(block), slopes[lo:hi])
    return H.whole()


def products_of_each(design: Design, slopes: Vector, n_threads: int) -> Vector:
    """Return `products` of each row of slopes (K, m), from one read: (K, n_x + 1, n_x + 1)."""
    found = [Products(design.n_x, n_threads) for _ in slopes]
    for lo, hi, block in design.float_blocks(max(1, BLOCK_BYTES // (8 * design.n_x))):
        x = flat(block)
        for of_row, H in zip(slopes[:, lo:hi], found):
            H.add(x, of_row)
    n = design.n_x + 1
    if n > MIRRORED:
        return np.array([H.whole() for H in found])
    return _mirrored(np.array([H.upper for H in found]))


class Products:
    """Add up that sum while it grows, by `kernels.second_order.many_features`; the same bits for
    any number of threads."""

    def __init__(self, n_x: int, n_threads: int) -> None:
        from ..kernels.second_order.many_features import PANEL

        self.n_x, self.n_threads = n_x, n_threads
        self.panels = n_x // PANEL + 1
        self.width = self.panels * PANEL
        self.H = np.zeros(self.width**2)

    def add(self, x: Vector, slopes: Vector) -> None:
        """Add some examples: x (count, n_x), `flat`; slopes (count,)."""
        from ..kernels.second_order.many_features import add_products

        slopes = np.ascontiguousarray(slopes)  # with strides the kernel would be compiled once more
        worth = int(len(slopes) * self.width**2 * SECONDS_PER_PRODUCT / SECONDS_PER_THREAD)
        threads = max(1, min(self.n_threads, worth, self.panels))
        bounds = np.array([0, self.panels])
        if threads > 1:
            work = np.arange(
                self.panels, 0, -1.0
            ).cumsum()  # down to each row of panels: the upper ones are longer
            shares = np.searchsorted(work, work[-1] * np.arange(1, threads) / threads) + 1
            bounds = np.unique([0, *shares, self.panels])
        together = max(32, PACKED_BYTES // (8 * self.width))
        task = partial(
            add_products,
            x,
            self.n_x,
            slopes,
            together,
            bounds,
            self.width,
            self.H,
            np.zeros(1, np.int64),
        )
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # uncompiled, the kernel is NumPy arithmetic
            run_on(threads, task)

    @property
    def upper(self) -> Vector:
        """Return the sum (n_x + 1, n_x + 1), whose lower half is not filled in."""
        return self.H.reshape(self.width, self.width)[: self.n_x + 1, : self.n_x + 1]

    def whole(self) -> Vector:
        """Return the sum (n_x + 1, n_x + 1)."""
        n = self.n_x + 1
        if n <= MIRRORED:
            return _mirrored(self.upper)
        H, found = self.upper, np.empty((n, n))
        for lo in range(0, n, MIRRORED):  # a block and its mirror image stay in the cache
            hi = min(n, lo + MIRRORED)
            upper = np.triu(H[lo:hi, lo:hi])
            found[lo:hi, lo:hi] = upper + np.triu(upper, 1).T
            found[lo:hi, hi:] = H[lo:hi, hi:]
            found[hi:, lo:hi] = H[lo:hi, hi:].T
        return found


def _mirrored(H: Vector) -> Vector:
    """Return matrices (..., n, n) with the upper halves of H in both halves."""
    upper = np.triu(H)
    return np.asarray(upper + np.swapaxes(np.triu(upper, 1), -1, -2))


def flat(block: Vector) -> Vector:
    """Examples (count, n_x) as the kernels read them: one after the other, read-only."""
    return read_only(np.ascontiguousarray(block, np.float64).reshape(-1))
