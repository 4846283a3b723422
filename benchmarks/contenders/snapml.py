"""snapml: a dual solver in float32, which penalises b."""

from __future__ import annotations

from typing import Any

from .base import FitContender, coefficients, powers


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by the dual solver, with one thread and with two."""
    from snapml import LogisticRegression as Make

    def by(threads: int) -> FitContender:
        def fit(tol: float) -> tuple[Any, float]:
            model = Make(
                regularizer=lambda_,
                tol=tol,
                max_iter=2000,
                fit_intercept=True,
                n_jobs=threads,
                dual=True,
                random_state=0,
            )
            return coefficients(model.fit(X, y))

        return FitContender(fit, powers(1, 8), True)

    return {f"snapml, {n} thread{'s' * (n > 1)}": by(n) for n in (1, 2)}
