"""Softmax and its loss for several classes, stable for every z; NumPy alone.

    A = exp(Z) / sum over classes of exp(Z)      L(a, y) = -log a_y = log(sum exp(z)) - z_y
    dZ = A - [Y == k]                            H_kl = s (a_k [k == l] - a_k a_l) x1 x1.T

Shapes: Z, A, dZ (K, m), a row for each class; labels (m,), of 0 .. K - 1. For two classes this is
the sigmoid of z_1 - z_0. Adding a number to all z of an example changes nothing: the largest one
is taken from each, so that nothing overflows.

The kernels have compiled forms of the same in `kernels.many`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import Vector

ClassLabels = NDArray[np.int32]  # (m,), of 0 .. K - 1


def softmax(Z: Any) -> Vector:
    """Return A = exp(Z) / sum exp(Z) over the classes, which are the rows of Z (K, m)."""
    e, total, _ = _exponentials(np.asarray(Z, dtype=np.float64))
    return np.asarray(e / total)


def _exponentials(Z: Vector) -> tuple[Vector, Vector, Vector]:
    """Return exp(Z - largest), its sum over the classes, and the largest z of each example."""
    largest = Z.max(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite z give NaN, as they should
        e = np.exp(Z - largest)
        return e, e.sum(axis=0), largest


def losses(Z: Vector, labels: ClassLabels) -> Vector:
    """Return L of each example (m,)."""
    _, total, largest = _exponentials(Z)
    with np.errstate(invalid="ignore", over="ignore"):
        of_label = np.take_along_axis(Z, labels[None, :].astype(np.intp), axis=0)[0]
        return np.asarray(np.log(total) + (largest - of_label))


class ClassTerms(NamedTuple):
    """Hold the sum of the losses, and dZ (K, m), weighted."""

    loss: float
    dZ: Vector


def terms(Z: Vector, labels: ClassLabels, weight: Vector) -> ClassTerms:
    """Return the sum of the losses and dZ of each example; weight (m,) or none."""
    A = softmax(Z)
    A[labels, np.arange(labels.size)] -= 1.0
    loss = losses(Z, labels)
    if weight.size:
        return ClassTerms(float(weight @ loss), weight * A)
    return ClassTerms(float(loss.sum()), A)


def curvature_products(A: Vector, U: Vector) -> Vector:
    """Return (diag(a) - a a.T) u of each example; U (K, m)."""
    AU = A * U
    return AU - A * AU.sum(axis=0)


class BiasMoments(NamedTuple):
    """Hold the sum of the losses, and its first two derivatives by b: (K,) and (K, K)."""

    loss: float
    db: Vector
    curvature: Vector


def bias_moments(Z: Vector, labels: ClassLabels, weight: Vector, shift: Vector) -> BiasMoments:
    """Return them where each z_k is shift_k larger; shift (K,). No X is needed."""
    Z = Z + shift[:, None]
    loss, dZ = terms(Z, labels, weight)
    A = softmax(Z)
    sA = weight * A if weight.size else A
    return BiasMoments(loss, dZ.sum(axis=1), np.diag(sA.sum(axis=1)) - sA @ A.T)


def centred(W: Vector, b: Vector) -> tuple[Vector, Vector]:
    """Return W (K, n_x) and b (K,) less their means over the classes: the same A."""
    return W - W.mean(axis=0), b - b.mean()
