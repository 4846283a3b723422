"""The sigmoid and the loss, stable for every z.

    a = 1 / (1 + exp(-z)),  L(a, y) = -(y log a + (1 - y) log(1 - a))

With t = (1 - 2y) z the loss is log(1 + exp(t)), exact to the last digits for every z. Its
derivative dz = a - y = (1 - 2y) sigmoid(t) has no cancellation where a is close to y.

NumPy alone; the kernels have compiled forms of the same in `kernels.loss`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from .arrays import Vector


def sigmoid(z: Any) -> Any:
    """Return 1 / (1 + exp(-z)), elementwise and stable for every z: 0 at -inf, 1 at +inf, NaN at
    NaN."""
    z = np.asarray(z, dtype=np.float64)
    e = np.exp(-np.abs(z))  # in [0, 1]: never overflows
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def loss(z: Any, y: Any) -> Any:
    """L(a, y) = -(y log a + (1 - y) log(1 - a)) with a = sigmoid(z), for y in {0, 1},
    elementwise."""
    t = (1.0 - 2.0 * np.asarray(y, dtype=np.float64)) * z
    return np.maximum(t, 0.0) + np.log1p(np.exp(-np.abs(t)))


class Terms(NamedTuple):
    """Hold what a loss says of some z: the loss or losses, dL/dz, and d2L/dz2 of each example."""

    loss: Any
    dz: Vector
    slopes: Vector


class Loss(Protocol):
    """Say how wrong a score z is for a label y, and how that changes with z; elementwise.

    name: of the loss, in words. largest_slope: no d2L/dz2 is larger, whatever z is.
    """

    name: str
    largest_slope: float

    def mean(self, z: Any) -> Any:
        """Return a, what the model expects of y at z."""
        ...

    def value(self, z: Any, y: Any) -> Any:
        """Return L."""
        ...

    def derivative(self, z: Any, y: Any) -> Any:
        """Return dL/dz, the lectures' dz."""
        ...

    def terms(self, z: Any, y: Any) -> Terms:
        """Return L, dL/dz and d2L/dz2 of each example."""
        ...


class SigmoidCrossEntropy:
    """The loss of logistic regression: labels 0 or 1, a = sigmoid(z)."""

    name = "sigmoid cross-entropy"
    largest_slope = 0.25  # a (1 - a) at z = 0

    def mean(self, z: Any) -> Any:
        return sigmoid(z)

    def value(self, z: Any, y: Any) -> Any:
        return loss(z, y)

    def derivative(self, z: Any, y: Any) -> Any:
        sign = 1.0 - 2.0 * np.asarray(y, dtype=np.float64)
        return sign * sigmoid(sign * z)

    def terms(self, z: Any, y: Any) -> Terms:
        sign = 1.0 - 2.0 * np.asarray(y, dtype=np.float64)
        a = sigmoid(sign * z)
        return Terms(loss(z, y), sign * a, a * sigmoid(-sign * z))


LOGISTIC: Loss = SigmoidCrossEntropy()
