"""Several classes, or several models, in the vectorized form: NumPy alone, block by block.

The reference for `backends.many`. Each function works on any design: blocks of it as float64, as
the model sees them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..maths import duality, softmax
from ..maths.arrays import NONE, Labels, Vector
from ..maths.duality import Shares
from ..maths.logistic import LOGISTIC
from ..maths.softmax import ClassLabels
from .base import NO_GROUP, ClassSums, Columns, ColumnSums, LineSums, Models, SidedSums


def class_sums(
    design: Design,
    labels: ClassLabels,
    W: Vector,
    b: Vector,
    *,
    weight: Vector = NONE,
    zs: Vector = NONE,
) -> ClassSums:
    """Sum the softmax loss and its gradient over the examples."""
    loss, dw, db = 0.0, np.zeros(W.shape), np.zeros(b.size)
    with np.errstate(invalid="ignore", over="ignore"):
        for lo, hi, x in design.float_blocks():
            Z = W @ x.T + b[:, None]
            if zs.size:
                zs[:, lo:hi] = Z
            of_block, dZ = softmax.terms(Z, labels[lo:hi], weight[lo:hi])
            loss += of_block
            dw += dZ @ x
            db += dZ.sum(axis=1)
    return ClassSums(loss, dw, db)


def class_products(
    design: Design, z: Vector, V: Vector, v_b: Vector, *, weight: Vector = NONE
) -> ClassSums:
    """Multiply the sum of the Hessians at z by (V, v_b)."""
    dw, db = np.zeros(V.shape), np.zeros(v_b.size)
    with np.errstate(invalid="ignore", over="ignore"):
        for lo, hi, x in design.float_blocks():
            U = V @ x.T + v_b[:, None]
            R = softmax.curvature_products(softmax.softmax(z[:, lo:hi]), U)
            if weight.size:
                R *= weight[lo:hi]
            dw += R @ x
            db += R.sum(axis=1)
    return ClassSums(0.0, dw, db)


def model_sums(
    models: Models,
    labels: ClassLabels,
    zs: Vector,
    rooms: NDArray[np.int64],
    *,
    products: bool = False,
) -> list[ClassSums]:
    """Sum for each of several models, part by part of X: see `many.model_sums`."""
    designs, loss = models.designs, np.zeros(len(models.designs))
    dw, db = np.zeros(models.W.shape), np.zeros(models.b.shape)
    for first, last, part in designs[0].parts():
        for f, (design, row, room) in enumerate(zip(designs, models.row, rooms)):
            own = part.rescaled(design.scale, design.shift)
            s = models.weights[row, first:last]
            z = zs[room, :, first:last] if len(zs) else NONE
            point = models.W[f], models.b[f]
            if products:
                sums = class_products(own, z, *point, weight=s)
            else:
                sums = class_sums(own, labels[first:last], *point, weight=s, zs=z)
            loss[f] += sums.loss
            dw[f] += sums.dw
            db[f] += sums.db
    return [ClassSums(float(J), *of_model) for J, *of_model in zip(loss, dw, db)]


def class_hessian(design: Design, z: Vector, *, weight: Vector = NONE) -> Vector:
    """Sum the Hessians at z, K (K + 1) / 2 blocks of (n_x + 1, n_x + 1)."""
    K, width = len(z), design.n_x + 1
    H = np.zeros((K, width, K, width))
    for lo, hi, x in design.float_blocks(min(design.n_x, 1024)):
        x1 = np.append(x, np.ones((len(x), 1)), axis=1)
        A = softmax.softmax(z[:, lo:hi])
        sA = A * weight[lo:hi] if weight.size else A
        for k in range(K):
            for j in range(k + 1):
                slopes = sA[k] * (float(k == j) - A[j])
                H[k, :, j] += (x1 * slopes[:, None]).T @ x1
    for k in range(K):
        for j in range(k):
            H[j, :, k] = H[k, :, j].T
    return H.reshape(K * width, K * width)


def class_along_line(
    z: Vector, z_slope: Vector, labels: ClassLabels, weight: Vector, t: float
) -> LineSums:
    """Sum the losses at z + t z_slope, and their derivatives by t."""
    with np.errstate(invalid="ignore", over="ignore"):
        Z = z + t * z_slope
        loss, dZ = softmax.terms(Z, labels, weight)
        bent = softmax.curvature_products(softmax.softmax(Z), z_slope)
        second = np.einsum("ki,ki->i", bent, z_slope)
        if weight.size:
            second *= weight
        return LineSums(loss, float(np.einsum("ki,ki->", dZ, z_slope)), float(second.sum()))


class _Block(NamedTuple):
    """Hold a block of examples: x, y, weights times dz of each column, and the sums by example."""

    x: Vector
    y: NDArray[np.bool_]
    dZ: Vector
    loss: Vector
    held: Vector
    slopes: Vector


def _blocks(
    design: Design,
    labels: ClassLabels,
    columns: Columns,
    weight: Vector,
    group: NDArray[np.int32],
    offset: Vector,
    zs: Vector,
) -> Iterator[_Block]:
    W, b, positive, train, held = columns
    for lo, hi, x in design.float_blocks():
        Z = W @ x.T + b[:, None]
        if offset.size:
            Z += offset[lo:hi]
        if zs.size:
            zs[:, lo:hi] = Z
        y = labels[lo:hi] == positive[:, None]
        losses, dZ, bent = LOGISTIC.terms(Z, y)
        own = weight[lo:hi] if weight.size else np.ones(hi - lo)
        of_group = group[lo:hi] if group.size else np.zeros(hi - lo, np.int32)
        s = own * train[:, of_group]
        yield _Block(x, y, s * dZ, s * losses, own * held[:, of_group] * losses, s * bent)


def column_sums(
    design: Design,
    labels: ClassLabels,
    columns: Columns,
    *,
    weight: Vector = NONE,
    group: NDArray[np.int32] = NO_GROUP,
    offset: Vector = NONE,
    zs: Vector = NONE,
) -> ColumnSums:
    """Sum loss, held-out loss and gradient of each column over the examples."""
    loss, held, db, slopes = np.zeros((4, columns.b.size))
    dw = np.zeros(columns.W.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        for block in _blocks(design, labels, columns, weight, group, offset, zs):
            loss += block.loss.sum(axis=1)
            held += block.held.sum(axis=1)
            dw += block.dZ @ block.x
            db += block.dZ.sum(axis=1)
            slopes += block.slopes.sum(axis=1)
    return ColumnSums(loss, held, dw, db, slopes)


def sided_sums(
    design: Design,
    labels: ClassLabels,
    columns: Columns,
    *,
    weight: Vector = NONE,
    group: NDArray[np.int32] = NO_GROUP,
    offset: Vector = NONE,
    zs: Vector = NONE,
) -> SidedSums:
    """Sum as `column_sums` does, with the derivatives of y = 0 and of y = 1 kept apart."""
    loss, held, slopes = np.zeros((3, columns.b.size))
    dw, db = np.zeros((2, *columns.W.shape)), np.zeros((2, columns.b.size))
    with np.errstate(invalid="ignore", over="ignore"):
        for block in _blocks(design, labels, columns, weight, group, offset, zs):
            loss += block.loss.sum(axis=1)
            held += block.held.sum(axis=1)
            for side, those in enumerate((~block.y, block.y)):
                dZ = np.where(those, block.dZ, 0.0)
                dw[side] += dZ @ block.x
                db[side] += dZ.sum(axis=1)
            slopes += block.slopes.sum(axis=1)
    return SidedSums(loss, held, dw, db, slopes)


class ManyByNumPy:
    """Compute the sums for several classes and for several models with NumPy alone."""

    def class_sums(
        self,
        design: Design,
        labels: ClassLabels,
        W: Vector,
        b: Vector,
        *,
        weight: Vector = NONE,
        zs: Vector = NONE,
    ) -> ClassSums:
        return class_sums(design, labels, W, b, weight=weight, zs=zs)

    def class_products(
        self, design: Design, z: Vector, V: Vector, v_b: Vector, *, weight: Vector = NONE
    ) -> ClassSums:
        return class_products(design, z, V, v_b, weight=weight)

    def class_hessian(self, design: Design, z: Vector, *, weight: Vector = NONE) -> Vector:
        return class_hessian(design, z, weight=weight)

    def class_terms(self, z: Vector, labels: ClassLabels, weight: Vector) -> softmax.ClassTerms:
        return softmax.terms(z, labels, weight)

    def class_moments(
        self, z: Vector, labels: ClassLabels, weight: Vector, shift: Vector
    ) -> softmax.BiasMoments:
        return softmax.bias_moments(z, labels, weight, shift)

    def class_along_line(
        self, z: Vector, z_slope: Vector, labels: ClassLabels, weight: Vector, t: float
    ) -> LineSums:
        return class_along_line(z, z_slope, labels, weight, t)

    def column_sums(
        self,
        design: Design,
        labels: ClassLabels,
        columns: Columns,
        *,
        weight: Vector = NONE,
        group: NDArray[np.int32] = NO_GROUP,
        offset: Vector = NONE,
        zs: Vector = NONE,
    ) -> ColumnSums:
        given: Any = {"weight": weight, "group": group, "offset": offset, "zs": zs}
        return column_sums(design, labels, columns, **given)

    def sided_sums(
        self,
        design: Design,
        labels: ClassLabels,
        columns: Columns,
        *,
        weight: Vector = NONE,
        group: NDArray[np.int32] = NO_GROUP,
        offset: Vector = NONE,
        zs: Vector = NONE,
    ) -> SidedSums:
        given: Any = {"weight": weight, "group": group, "offset": offset, "zs": zs}
        return sided_sums(design, labels, columns, **given)

    def entropy(self, z: Vector, y: Labels, weight: Vector, offset: Vector, kappa: Shares) -> float:
        return duality.entropy(z, y, weight, offset, kappa)
