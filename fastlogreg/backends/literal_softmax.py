"""The explicit loops for several classes, literal: over the m examples, the K classes, and inside
over the n_x features.

They are those of `backends.literal_loops` with softmax in the sigmoid's place, dealt out in the
same shares: backend "python" as they stand, and backend "loops" compiled.

Compiled sums may be reordered. So the largest z is taken from each z in memory before z is used: in
one sum with J it could be added first, and swallow it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

try:
    from numba import prange
except ImportError:  # the loops can still be run uncompiled
    prange = range


def cost_and_gradient(
    w: Any, b: Any, X: Any, Y: Any, J: Any, dw: Any, db: Any, z: Any, e: Any
) -> None:
    """J[0], dw[0, :, :] and db[0, :] from w (n_x, K), b (K, 1), X (n_x, m), Y (1, m) of 0 .. K - 1.

    J (shares,), dw (shares, n_x, K), db (shares, K): zeros on entry; row 0 holds the result. z and
    e (shares, K): room for one example.
    """
    n_x, m = X.shape
    K = w.shape[1]
    shares = J.size
    for s in prange(shares):
        for i in range(s * m // shares, (s + 1) * m // shares):
            largest = 0
            for k in range(K):
                z[s, k] = b[k, 0]
                for j in range(n_x):
                    z[s, k] += w[j, k] * X[j, i]
                if z[s, k] > z[s, largest]:
                    largest = k
            top = z[s, largest]  # taken from every z: no e is above 1, and a stays as it is
            rest = 0.0  # the sum of e, but for the largest one, which is 1
            for k in range(K):
                z[s, k] -= top
                e[s, k] = math.exp(z[s, k])
                if k != largest:
                    rest += e[s, k]
            y = Y[0, i]
            J[s] += math.log1p(rest) - z[s, y]  # L = -log a_y = log(sum of exp(z)) - z_y
            for k in range(K):
                a = e[s, k] / (1.0 + rest)
                dz = a - 1.0 if k == y else a
                for j in range(n_x):
                    dw[s, j, k] += X[j, i] * dz
                db[s, k] += dz
    for s in range(1, shares):
        J[0] += J[s]
        for k in range(K):
            db[0, k] += db[s, k]
            for j in range(n_x):
                dw[0, j, k] += dw[s, j, k]
    J[0] /= m
    for k in range(K):
        db[0, k] /= m
        for j in range(n_x):
            dw[0, j, k] /= m


@cache
def compiled(parallel: bool) -> Any:
    """Return the loops under @njit, compiled on first call for each dtype and order; the same bits,
    parallel or not."""
    from ..kernels.decorators import lecture

    return lecture(cost_and_gradient, parallel)
