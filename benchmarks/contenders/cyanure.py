"""cyanure: it chooses its solver itself."""

from __future__ import annotations

from typing import Any

from .base import FitContender, coefficients, is_binary, powers


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by its own choice of solver; tol is on the duality gap."""
    from cyanure.estimators import Classifier

    def fit(tol: float) -> tuple[Any, Any]:
        model = Classifier(
            loss="logistic" if is_binary(y) else "multiclass-logistic",
            penalty="l2",
            lambda_1=lambda_ / len(y),
            fit_intercept=True,
            tol=tol,
            max_iter=2000,
            verbose=False,
            duality_gap_interval=1,
        )
        return coefficients(model.fit(X, y))

    return {"cyanure": FitContender(fit, powers(1, 12))}
