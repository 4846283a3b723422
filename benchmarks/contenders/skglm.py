"""skglm: L-BFGS without an intercept, which a column of ones stands for."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import FitContender, powers


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by its L-BFGS on X and a column of ones, which is penalised with the rest."""
    from skglm.datafits import Logistic
    from skglm.penalties import L2
    from skglm.solvers import LBFGS

    ones = np.ones((len(y), 1), X.dtype)
    with_ones: Any
    if isinstance(X, np.ndarray):
        with_ones = np.asfortranarray(np.hstack([X, ones]))
    else:
        from scipy.sparse import csc_matrix, hstack

        with_ones = csc_matrix(hstack([X, ones]))
    signs = (2.0 * y - 1.0).astype(X.dtype if X.dtype.kind == "f" else np.float64)
    if with_ones.dtype.kind != "f":
        with_ones = with_ones.astype(np.float64)

    def fit(tol: float) -> tuple[Any, float]:
        theta = LBFGS(max_iter=5000, tol=tol).solve(
            with_ones, signs, Logistic(), L2(lambda_ / len(y))
        )[0]
        return theta[:-1], float(theta[-1])

    return {"skglm": FitContender(fit, powers(2, 12), True)}
