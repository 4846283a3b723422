"""One row at a time, as a service has them: what NumPy needs for it, and next to nothing more.

A pass of the kernels, and the checks before it, cost more than 30 products do. Here only what is
seen in a glance is looked at: a plain array of one row, as wide as the fit, of finite numbers.
Everything else takes the ordinary way, which has the errors too.
"""

from __future__ import annotations

from math import exp, isfinite
from typing import Any

import numpy as np

from ..maths.arrays import Vector

LONGEST = 10_000  # products, for which BLAS stays on one thread
FEW_CLASSES = 32  # for which Python's numbers are quicker than arrays


def scores_of_one(coef: Any, intercept: Any, X: Any, n_threads: Any = None) -> Any:
    """Return z of the one row of X, a float, or (K,) of K classes; None where it is no such X.

    coef: (1, n_x) or (K, n_x), any other coefficients are left to the ordinary way. intercept: (1,)
    or (K,).
    """
    if type(X) is not np.ndarray or X.ndim != 2 or len(X) != 1 or type(coef) is not np.ndarray:
        return None
    kind = X.dtype.kind
    if kind not in "fiub" or X.dtype.itemsize > 8 or coef.shape[1] != X.shape[1]:
        return None
    if coef.size > LONGEST or not (n_threads is None or (type(n_threads) is int and n_threads > 0)):
        return None
    # `dot` says nothing of NaN and infinity, which the ordinary way explains.
    if len(coef) == 1:
        z = float(X.dot(coef[0])[0]) + float(intercept[0])
        return z if isfinite(z) else None
    x = X[0]
    if kind == "f" and not isfinite(x.dot(x)):
        return None
    Z = coef.dot(x)
    Z += intercept
    return Z


def probabilities_of_one(z: Any) -> Vector:
    """Return the probabilities (1, K) of what `scores_of_one` gave."""
    if type(z) is float:
        e = exp(-abs(z))
        least, most = e / (1.0 + e), 1.0 / (1.0 + e)
        return np.array([[least, most] if z >= 0.0 else [most, least]])
    if len(z) <= FEW_CLASSES:
        scores = z.tolist()
        largest = max(scores)
        parts = [exp(score - largest) for score in scores]
        total = sum(parts)
        return np.array([[part / total for part in parts]])
    shares: Vector = np.exp(z - z.max())
    shares /= shares.sum()
    return shares[None, :]
