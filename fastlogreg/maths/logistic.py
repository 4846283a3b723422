"""The sigmoid and the loss, stable for every z.

    a = 1 / (1 + exp(-z)),  L(a, y) = -(y log a + (1 - y) log(1 - a))

NumPy alone; the kernels have compiled forms of the same in `kernels.loss`.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def sigmoid(z: Any) -> Any:
    """1 / (1 + exp(-z)), elementwise and stable for every z: 0 at -inf, 1 at +inf, NaN at NaN."""
    z = np.asarray(z, dtype=np.float64)
    e = np.exp(-np.abs(z))  # in [0, 1]: never overflows
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


def loss(z: Any, y: Any) -> Any:
    """L(a, y) = -(y log a + (1 - y) log(1 - a)) with a = sigmoid(z), for y in {0, 1},
    elementwise."""
    t = (1.0 - 2.0 * np.asarray(y, dtype=np.float64)) * z
    return np.maximum(t, 0.0) + np.log1p(np.exp(-np.abs(t)))
