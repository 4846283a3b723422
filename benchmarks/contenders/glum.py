"""glum: iteratively reweighted least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import FitContender, coefficients, powers


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit unless X has too many features for its Hessian."""
    from glum import GeneralizedLinearRegressor as Make

    labels = y.astype(X.dtype if X.dtype.kind == "f" else np.float64)

    def fit(tol: float) -> tuple[Any, float]:
        model = Make(
            family="binomial",
            alpha=lambda_ / len(y),
            l1_ratio=0,
            solver="irls-ls",
            gradient_tol=tol,
            max_iter=300,
        )
        return coefficients(model.fit(X, labels))

    return {} if X.shape[1] > 3000 else {"glum": FitContender(fit, powers(1, 12))}
