"""scikit-learn: its own loss and gradient for a pass, its solvers for fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import (
    ClassPass,
    FitContender,
    Pass,
    PassContender,
    Vector,
    coefficients,
    is_binary,
    powers,
    tolerance,
)


def one_pass(X: Any, y: Any, n_threads: int) -> PassContender | None:
    """Prepare the loss and gradient that its L-BFGS calls; X (n_x, m) float, example-major.

    None where it is not installed.
    """
    try:
        from sklearn._loss.loss import HalfBinomialLoss
        from sklearn.linear_model._linear_loss import LinearModelLoss
    except ImportError:
        return None
    model, rows = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=True), X.T
    labels = y.astype(X.dtype)

    def run(w: Vector, b: float) -> Pass:
        J, gradient = model.loss_gradient(
            np.append(w, b).astype(X.dtype), rows, labels, None, 0.0, n_threads
        )
        return float(J), gradient[:-1].astype(np.float64), float(gradient[-1])

    return PassContender("scikit-learn", "example-major", run, tolerance(X.dtype))


def class_pass(X: Any, labels: Any, K: int, n_threads: int) -> PassContender | None:
    """Prepare its loss and gradient of K classes; X (n_x, m) float, example-major.

    None where it is not installed.
    """
    try:
        from sklearn._loss.loss import HalfMultinomialLoss
        from sklearn.linear_model._linear_loss import LinearModelLoss
    except ImportError:
        return None
    model = LinearModelLoss(base_loss=HalfMultinomialLoss(n_classes=K), fit_intercept=True)
    rows, targets = X.T, labels.astype(X.dtype)

    def run(W: Vector, b: Vector) -> ClassPass:
        theta = np.append(W, b[:, None], axis=1).astype(X.dtype)
        J, gradient = model.loss_gradient(theta, rows, targets, None, 0.0, n_threads)
        found = gradient.astype(np.float64)
        return float(J), found[:, :-1], found[:, -1]

    return PassContender("scikit-learn", "example-major", run, tolerance(X.dtype))


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by each of its solvers; liblinear penalises b."""
    from sklearn.linear_model import LogisticRegression as Make

    def by(solver: str) -> FitContender:
        def fit(tol: float) -> tuple[Any, Any]:
            return coefficients(
                Make(C=1 / lambda_, solver=solver, tol=tol, max_iter=5000).fit(X, y)
            )

        return FitContender(fit, powers(0, 12), solver == "liblinear")

    unknowns = X.shape[1] * (1 if is_binary(y) else int(y.max()) + 1)
    names = ["lbfgs", "newton-cg"] + ["liblinear"] * is_binary(y)
    names += ["newton-cholesky"] * (unknowns <= 3000)
    return {f"scikit-learn {name}": by(name) for name in names}
