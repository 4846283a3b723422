"""The lectures' explicit loops, literal: over the m examples, and inside over the n_x features.

`cost_and_gradient` below is backend "python" as it stands, and backend "loops" compiled with
`@njit(parallel=True, fastmath=...)`: the very same source. The one thing added to the slides is the
outermost loop, which deals the examples out in shares: each share has its own J, dw and db, so that
no two threads add to the same number, and the shares are added in order, so that the bits do not
depend on the number of threads.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

try:
    from numba import prange
except ImportError:  # the loops can still be run uncompiled
    prange = range


def cost_and_gradient(w: Any, b: Any, X: Any, Y: Any, J: Any, dw: Any, db: Any) -> None:
    """Lecture "Gradient descent on m examples": J[0], dw[0, :] and db[0], from w (n_x, 1), b, X
    (n_x, m), Y (1, m).

    J (shares,), dw (shares, n_x), db (shares,): zeros on entry; row 0 holds the result.
    """
    n_x, m = X.shape
    shares = J.size
    for s in prange(shares):
        for i in range(s * m // shares, (s + 1) * m // shares):
            z = b
            for j in range(n_x):
                z += w[j, 0] * X[j, i]
            e = math.exp(-abs(z))  # a = 1 / (1 + exp(-z)), without overflow
            a = (1.0 if z >= 0 else e) / (1.0 + e)
            t = -z if Y[0, i] == 1 else z  # L = -(y log a + (1 - y) log(1 - a)) = log(1 + exp(t))
            J[s] += max(t, 0.0) + math.log1p(e)
            dz = a - Y[0, i]
            for j in range(n_x):
                dw[s, j] += X[j, i] * dz
            db[s] += dz
    for s in range(1, shares):
        J[0] += J[s]
        db[0] += db[s]
        for j in range(n_x):
            dw[0, j] += dw[s, j]
    J[0] /= m
    db[0] /= m
    for j in range(n_x):
        dw[0, j] /= m


@cache
def compiled(parallel: bool) -> Any:
    """Return the loops under @njit, compiled on first call for each dtype and order; the same bits,
    parallel or not."""
    from ..kernels.decorators import lecture

    return lecture(cost_and_gradient, parallel)
