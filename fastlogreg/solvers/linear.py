"""Linear systems with a Hessian: by a Cholesky factor of our own, or LAPACK's with a ridge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..maths.arrays import Vector
from .requests import Problem

SMALL_SYSTEM = 1024  # unknowns up to which a factor of our own takes less than LAPACK's
ROUNDING = 2e-16  # times the size of H: the share of its diagonal below which a pivot is rounding


def by_factor(H: Vector, problem: Problem) -> Callable[[Vector], Vector] | None:
    """Return g -> H^-1 g by `kernels.second_order.cholesky`.

    None where there are no kernels, H is large, or singular to rounding.
    """
    if len(H) > SMALL_SYSTEM or not problem.has_kernels:
        return None
    from ..kernels.second_order.cholesky import factor, solve

    L = np.empty(H.shape)
    if not factor(H, ROUNDING * len(H), L):
        return None

    def solved(g: Vector) -> Vector:
        d = np.empty(g.size)
        solve(L, g, d)
        return d

    return solved


def with_ridge(H: Vector, use: Callable[[Vector], Any]) -> Vector:
    """Return use(H), or use(H with a ridge): the least one, in steps of 100, that will do.

    That is where H has a Cholesky factor whose pivots are not rounding, and `use` finds a finite
    answer: elimination in another order than Cholesky's can meet a zero pivot all the same.
    """
    size = np.diag(H).copy()
    size[size <= 0.0] = max(float(np.mean(size)), np.finfo(float).tiny)
    ridge, ridged = 1e-12, H
    for _ in range(8):
        try:
            pivots = np.diag(np.linalg.cholesky(ridged)) ** 2
            if (pivots > ROUNDING * len(H) * size).all():
                found = np.asarray(use(ridged), dtype=np.float64)
                if np.isfinite(found).all():
                    return found
        except np.linalg.LinAlgError:
            pass
        ridged = H + np.diag(ridge * size)
        ridge *= 100.0
    return np.asarray(use(np.eye(len(H))), dtype=np.float64)
