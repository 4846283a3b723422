"""scikit-learn-intelex: Intel's replacement of scikit-learn's estimator."""

from __future__ import annotations

from typing import Any

from .base import FitContender, coefficients, powers


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by two of its solvers."""
    from sklearnex.linear_model import LogisticRegression as Make

    def by(solver: str) -> FitContender:
        def fit(tol: float) -> tuple[Any, float]:
            return coefficients(
                Make(C=1 / lambda_, solver=solver, tol=tol, max_iter=5000).fit(X, y)
            )

        return FitContender(fit, powers(0, 12))

    return {f"scikit-learn-intelex {name}": by(name) for name in ("lbfgs", "newton-cg")}
