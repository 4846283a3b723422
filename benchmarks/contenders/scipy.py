"""SciPy's two products of a sparse X, with the link by NumPy between them.

z = X @ w + b, loss and dz by NumPy (the exponential once, in place), dw = X.T @ dz: what
scikit-learn does for each gradient. SciPy's products run on one thread, whatever the machine has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .base import Pass


def one_pass(X: Any, y: Any) -> Callable[[Any, float], Pass]:
    """Prepare cost and gradient by SciPy's two products; X (n_x, m) sparse, y (m,)."""
    sign, XT = 1.0 - 2.0 * y, X.T

    def one(w: Any, b: float) -> Pass:
        t = XT @ w
        t += b
        t *= sign
        e = np.exp(-np.abs(t))
        J = float((np.maximum(t, 0.0) + np.log1p(e)).mean())
        dz = sign * np.where(t >= 0.0, 1.0, e) / (1.0 + e)
        return J, X @ dz / y.size, float(dz.mean())

    return one
