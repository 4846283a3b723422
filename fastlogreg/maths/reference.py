"""The vectorized reference, in NumPy alone: the lectures' formulas, line by line.

    Z = w.T X + b       A = sigmoid(Z)       J = sum(L(A, Y)) / m + lambda / (2 m) ||w||^2
    dZ = A - Y          dw = X dZ.T / m + (lambda / m) w            db = sum(dZ) / m

Shapes: X (n_x, m), Y (1, m), w (n_x, 1), b a float. Works where Numba is not installed and checks
nothing: it is the oracle that the compiled kernels are held against, and computes in float64
whatever the dtype of X. NumPy reads X twice here (w.T X, then X dZ.T) and makes a float64 copy of
an X of another dtype; the fused kernel does neither.

The loss and dz are computed from z, never from a rounded a: see `maths.logistic`. The penalty is
that of `maths.penalties`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .logistic import LOGISTIC
from .penalties import L2

Array = NDArray[Any]
Float64Array = NDArray[np.float64]


class Propagation(NamedTuple):
    """Hold the cost and the gradient at (w, b).

    Attributes
    ----------
    cost : float
        J.
    dw : ndarray of shape (n_x, 1)
        dJ/dw.
    db : float
        dJ/db.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.propagate([[0.0]], 0.0, [[1.0, -1.0]], [[1, 0]]).dw
    array([[-0.5]])
    """

    cost: float
    dw: Float64Array
    db: float


def forward(
    w: Float64Array, b: float, X: Array, scale: Any = 1.0, shift: Any = 0.0
) -> Float64Array:
    """Z = w.T (scale * X + shift) + b, of shape (1, m); scale and shift are scalars or (n_x, 1)."""
    # np.dot gives inf and NaN where the lectures' formula does; its warnings say nothing that the
    # result does not.
    with np.errstate(invalid="ignore", over="ignore"):
        Z: Float64Array = (scale * w).T @ np.asarray(X, dtype=np.float64) + (b + np.sum(shift * w))
    return Z


def cost(
    w: Float64Array,
    b: float,
    X: Array,
    Y: Array,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
) -> float:
    """J(w, b) = (1/m) sum of L + (lambda / 2m) ||w||^2; b is not penalised."""
    m = X.shape[1]
    Z = forward(w, b, X, scale, shift)
    return float(np.sum(LOGISTIC.value(Z, Y)) / m + L2(lambda_, m).value(w[:, 0]))


def propagate(
    w: Float64Array,
    b: float,
    X: Array,
    Y: Array,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
) -> Propagation:
    """Return J, dw and db: one forward and one backward pass over all m examples."""
    m, penalty = X.shape[1], L2(lambda_, X.shape[1])
    Z = forward(w, b, X, scale, shift)
    dZ = LOGISTIC.derivative(Z, Y)  # = A - Y
    db = float(np.sum(dZ) / m)
    with np.errstate(invalid="ignore", over="ignore"):
        dw = scale * (np.asarray(X, dtype=np.float64) @ dZ.T) / m + shift * db
        penalty.add_gradient(w, dw)
    J = float(np.sum(LOGISTIC.value(Z, Y)) / m + penalty.value(w[:, 0]))
    return Propagation(J, dw, db)


def gradient_descent_step(
    w: Float64Array, b: float, dw: Float64Array, db: float, alpha: float
) -> tuple[Float64Array, float]:
    """w := w - alpha dw, b := b - alpha db."""
    return w - alpha * dw, b - alpha * db


def predict_proba(
    w: Float64Array, b: float, X: Array, scale: Any = 1.0, shift: Any = 0.0
) -> Float64Array:
    """Return A = sigmoid(Z), of shape (1, m): the estimated P(y = 1 given x) of each example."""
    A: Float64Array = LOGISTIC.mean(forward(w, b, X, scale, shift))
    return A


def predict(
    w: Float64Array, b: float, X: Array, scale: Any = 1.0, shift: Any = 0.0, threshold: float = 0.5
) -> NDArray[np.uint8]:
    """Return 1 where a > threshold, else 0, of shape (1, m)."""
    return (predict_proba(w, b, X, scale, shift) > threshold).astype(np.uint8)
