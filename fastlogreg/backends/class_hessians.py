"""The Hessian of softmax for all classes at once, in one read of X.

    H_kl = sum s a_k ([k == l] - a_l) x1 x1.T        (K (n_x + 1), K (n_x + 1)), class by class

Off the diagonal it is minus the product of a wide matrix with itself: each example's row is
sqrt(s) [a_1 x1, a_2 x1, ...]. The blocks on the diagonal are products of their own, since the
difference of two large ones would leave little of a small a (1 - a). Both are made by
`hessians.Products`, on all threads and to the same bits for any number of them. `with_sums` finds Z
and the gradient in the same read.
"""

from __future__ import annotations

import numpy as np

from ..data.dense import DesignMatrix
from ..data.design import Design
from ..maths.arrays import Vector
from ..maths.softmax import ClassLabels, softmax
from .base import Backend, ClassSums
from .hessians import BLOCK_BYTES, Products, flat


def class_hessian(design: Design, z: Vector, weight: Vector, n_threads: int) -> Vector:
    """Sum the Hessians at z (K, m); weight (m,) or none."""
    K, width = len(z), design.n_x + 1
    size = K * width
    wide = Products(size, n_threads)
    own = [Products(design.n_x, n_threads) for _ in range(K)]
    for lo, hi, x in design.float_blocks(max(8, BLOCK_BYTES // (8 * size))):
        A = softmax(z[:, lo:hi])
        s = weight[lo:hi] if weight.size else np.ones(hi - lo)
        rows = np.empty((hi - lo, K, width))
        scaled = (A * np.sqrt(s)).T
        np.multiply(scaled[:, :, None], x[:, None, :], out=rows[:, :, :-1])
        rows[:, :, -1] = scaled
        wide.add(flat(rows.reshape(hi - lo, size)), np.ones(hi - lo))
        x_flat = flat(x)
        for a, product in zip(A, own):
            product.add(x_flat, s * a * (1.0 - a))
    H = -wide.whole()[:size, :size]
    for k, product in enumerate(own):
        here = slice(k * width, (k + 1) * width)
        H[here, here] = product.whole()
    return H


def with_sums(
    backend: Backend,
    design: Design,
    labels: ClassLabels,
    point: tuple[Vector, Vector],
    weight: Vector,
    zs: Vector,
) -> tuple[ClassSums, Vector]:
    """Sum the loss, its gradient and its Hessian at (W, b), in one read of a dense X in memory.

    Each block is taken from X once, as float64, and is a small X of its own for both. zs (K, m)
    takes every z.
    """
    W, b = point
    loss, dw, db, H = 0.0, np.zeros(W.shape), np.zeros(b.shape), np.empty((0, 0))
    plain = np.ones(design.n_x), np.zeros(design.n_x)
    for lo, hi, x in design.float_blocks(max(64, BLOCK_BYTES // (8 * design.n_x))):
        block = DesignMatrix(np.ascontiguousarray(x).T, *plain)
        z, own = np.empty((b.size, hi - lo)), weight[lo:hi]
        sums = backend.class_sums(block, labels[lo:hi], W, b, weight=own, zs=z)
        of_block = backend.class_hessian(block, z, weight=own)
        H = np.add(H, of_block, out=H) if lo else of_block
        zs[:, lo:hi] = z
        loss, dw, db = loss + sums.loss, dw + sums.dw, db + sums.db
    return ClassSums(loss, dw, db), H
