"""H d = g by the Cholesky factor of H, for up to a thousand unknowns.

For small H this takes a tenth of what NumPy needs. LAPACK's threads, which spin for milliseconds
after each call, are not in the way of the kernels' own.

Layout: H and L are (n, n); of H the lower triangle is read, of L the lower one is written.

    row i of L:  L[i, 0] ... L[i, i - 1], L[i, i]        from the rows above it

Loop order: rows, columns, then the dot of two rows. Rounding: FAST, as NumPy's own factor is no
more exact. Twin: np.linalg.cholesky and np.linalg.solve.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..decorators import by_name, kernel


@by_name(kernel)
def factor(H: Any, least: float, L: Any) -> bool:
    """Find L with H = L L.T, row by row.

    False where a pivot is not above `least` times its place on H's diagonal: H is singular, to
    rounding, or not finite.
    """
    for i in range(H.shape[0]):
        row = L[i]
        for j in range(i):
            other, s = L[j], H[i, j]
            for k in range(j):
                s -= row[k] * other[k]
            row[j] = s / other[j]
        pivot = H[i, i]
        for k in range(i):
            pivot -= row[k] * row[k]
        if not pivot > least * H[i, i] or not pivot < math.inf:
            return False
        row[i] = math.sqrt(pivot)
    return True


@by_name(kernel)
def solve(L: Any, g: Any, d: Any) -> None:
    """Set d to H^-1 g, from H's factor L."""
    n = g.size
    for i in range(n):  # L y = g
        rest = g[i]
        for k in range(i):
            rest -= L[i, k] * d[k]
        d[i] = rest / L[i, i]
    for i in range(n - 1, -1, -1):  # L.T d = y
        s = d[i] / L[i, i]
        d[i] = s
        for k in range(i):
            d[k] -= L[i, k] * s


@kernel
def solve_each(L: Any, g: Any, d: Any) -> None:
    """Set row k of d to H_k^-1 times row k of g, g and d (K, n).

    L: (K, n, n), or (1, n, n) for all rows.
    """
    own = 1 if L.shape[0] > 1 else 0
    for k in range(g.shape[0]):
        solve(L[k * own], g[k], d[k])


@by_name(kernel)
def descend_by_cholesky(H: Any, g: Any, least: float, d: Any) -> bool:
    """Set d to -H^-1 g; False, and nothing of use in d, where there is no factor."""
    L = np.empty((g.size, g.size))
    if not factor(H, least, L):
        return False
    solve(L, g, d)
    for i in range(g.size):
        d[i] = -d[i]
    return True
