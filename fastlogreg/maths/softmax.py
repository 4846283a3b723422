"""Softmax and its loss for several classes, stable for every z; NumPy alone.

    A = exp(Z) / sum over classes of exp(Z)      L(a, y) = -log a_y = log(sum exp(z)) - z_y
    dZ = A - [Y == k]                            H_kl = s (a_k [k == l] - a_k a_l) x1 x1.T

Shapes: Z, A, dZ (K, m), a row for each class; labels (m,), of 0 .. K - 1. For two classes this is
the sigmoid of z_1 - z_0. Adding a number to all z of an example changes nothing: the largest one
is taken from each, so that nothing overflows.

Where a_y is close to 1, neither L nor dz_y = a_y - 1 is made of it: L is log1p of the other
exponentials, and dz_y is the sum of the other a with a minus. So both keep their digits.

The kernels have compiled forms of the same in `kernels.many`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Vector

ClassLabels = NDArray[np.int32]  # (m,), of 0 .. K - 1


class SoftmaxPropagation(NamedTuple):
    """Hold the cost and the gradient at (w, b) of a softmax model of K classes.

    Attributes
    ----------
    cost : float
        J.
    dw : ndarray of shape (n_x, K)
        dJ/dw.
    db : ndarray of shape (K, 1)
        dJ/db.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.array([[1.0, -1.0, 0.0]]), np.array([[0, 1, 2]])
    >>> found = flr.propagate(np.zeros((1, 3)), np.zeros((3, 1)), X, Y)
    >>> found.dw.round(6)
    array([[-0.333333,  0.333333,  0.      ]])
    """

    cost: float
    dw: NDArray[np.float64]
    db: NDArray[np.float64]


def forward(w: Vector, b: Vector, X: Array, scale: Any = 1.0, shift: Any = 0.0) -> Vector:
    """Return Z = w.T (scale * X + shift) + b, (K, m); w (n_x, K), b (K, 1)."""
    with np.errstate(invalid="ignore", over="ignore"):
        constant = b + np.sum(shift * w, axis=0)[:, None]
        return np.asarray((scale * w).T @ np.asarray(X, dtype=np.float64) + constant)


def softmax(Z: Any) -> Vector:
    """Return A = exp(Z) / sum exp(Z) over the classes, which are the rows of Z (K, m)."""
    e, rest, _ = _exponentials(np.asarray(Z, dtype=np.float64))
    return np.asarray(e / (1.0 + rest))


class _Exponentials(NamedTuple):
    """Hold e = exp(z - the largest z), the sum over all classes but that of the largest, and it."""

    e: Vector
    rest: Vector
    largest: Vector


def _exponentials(Z: Vector) -> _Exponentials:
    place = Z.argmax(axis=0)[None, :]
    largest = np.take_along_axis(Z, place, axis=0)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite z give NaN, as they should
        e = np.exp(Z - largest)
        return _Exponentials(e, _sum_but(e, place), largest[0])


def _sum_but(e: Vector, place: NDArray[Any]) -> Vector:
    """Return the sum over the classes, without the class in place (1, m) of each example."""
    left_out = np.take_along_axis(e, place, axis=0)
    np.put_along_axis(e, place, 0.0, axis=0)
    total = e.sum(axis=0)
    np.put_along_axis(e, place, left_out, axis=0)
    return np.asarray(np.where(np.isnan(left_out[0]), np.nan, total))


def _losses(Z: Vector, place: NDArray[Any], rest: Vector, largest: Vector) -> Vector:
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(np.log1p(rest) + (largest - np.take_along_axis(Z, place, axis=0)[0]))


def losses(Z: Vector, labels: ClassLabels) -> Vector:
    """Return L of each example (m,)."""
    _, rest, largest = _exponentials(Z)
    return _losses(Z, labels[None, :].astype(np.intp), rest, largest)


class ClassTerms(NamedTuple):
    """Hold the sum of the losses, and dZ (K, m), weighted."""

    loss: float
    dZ: Vector


def terms(Z: Vector, labels: ClassLabels, weight: Vector) -> ClassTerms:
    """Return the sum of the losses and dZ of each example; weight (m,) or none."""
    place = labels[None, :].astype(np.intp)
    e, rest, largest = _exponentials(Z)
    loss = _losses(Z, place, rest, largest)
    np.put_along_axis(e, place, -_sum_but(e, place), axis=0)
    dZ = e / (1.0 + rest)
    if weight.size:
        return ClassTerms(float(weight @ loss), weight * dZ)
    return ClassTerms(float(loss.sum()), dZ)


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
    K = len(b)  # `np.mean` takes twice as long
    return W - np.add.reduce(W, axis=0) / K, b - np.add.reduce(b) / K
