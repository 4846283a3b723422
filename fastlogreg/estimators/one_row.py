"""One row at a time, as a service has them: what NumPy needs for it, and next to nothing more.

A pass of the kernels, and the checks before it, cost more than 30 products do. Here only what is
seen in a glance is looked at: a plain array of one row, as wide as the fit, whose z is finite.
Everything else takes the ordinary way, which has the errors too.
"""

from __future__ import annotations

from math import exp, isfinite
from typing import Any

import numpy as np

from ..maths.arrays import Vector

LONGEST = 10_000  # features, with which BLAS stays on one thread
_KINDS = "fiub"


def scores_of_one(estimator: Any, X: Any, n_threads: Any = None) -> Any:
    """Return z of the one row of X, a float, or (K,) of K classes; None where it is no such X."""
    if type(X) is not np.ndarray or X.ndim != 2 or len(X) != 1 or X.dtype.kind not in _KINDS:
        return None
    coef = getattr(estimator, "coef_", None)
    if type(coef) is not np.ndarray or coef.shape[1] != X.shape[1] or X.shape[1] > LONGEST:
        return None
    threads = estimator.n_threads if n_threads is None else n_threads
    if threads is not None and not (type(threads) is int and threads > 0):
        return None
    if hasattr(estimator, "feature_names_in_") or X.dtype.itemsize > 8:
        return None
    # `dot` says nothing of NaN and infinity, which the ordinary way explains.
    if len(coef) == 1:
        z = float(X.dot(coef[0])[0]) + float(estimator.intercept_[0])
        return z if isfinite(z) else None
    Z = coef.dot(X[0]) + estimator.intercept_
    return Z if np.isfinite(Z).all() else None


def probabilities_of_one(z: Any) -> Vector:
    """Return the probabilities (1, K) of what `scores_of_one` gave."""
    if type(z) is float:
        e = exp(-abs(z))
        least, most = e / (1.0 + e), 1.0 / (1.0 + e)
        return np.array([[least, most] if z >= 0.0 else [most, least]])
    shares: Vector = np.exp(z - z.max())
    shares /= shares.sum()
    return shares[None, :]
