"""Where a fit begins: at zeros, or at the coefficients of the fit before."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..machine.blas import inner
from ..maths.arrays import NONE
from ..solvers.state import State
from .multiclass import on_design
from .sparse_coefficients import dense_coef


def start_of(estimator: Any, objective: Any, classes: int) -> State:
    """Begin at zeros, or at what gives coef_ and intercept_ once scale and shift are folded in.

    Without an intercept b is 0 and no solver moves it, whatever the fit before had.
    """
    design, columns = objective.design, 1 if classes == 2 else classes
    if not estimator.warm_start or getattr(estimator, "coef_", NONE).shape != (columns, design.n_x):
        return State(np.zeros(objective.size))
    coef = dense_coef(estimator)
    if not (np.isfinite(coef).all() and np.isfinite(estimator.intercept_).all()):
        raise ValueError(
            "warm_start begins from coef_ and intercept_, which must be finite; got NaN or "
            "infinity there. Set warm_start=False, or fit a new estimator"
        )
    if classes > 2:
        plain = objective.penalty.plain  # else each weight has its own place
        W, b = on_design(coef, estimator.intercept_, design, centre=plain)
        if not plain:
            W = objective.penalty.prox(W.reshape(-1), 0.0).reshape(W.shape)
        return State(objective.joined(W, b * bool(estimator.fit_intercept)))
    w = coef[0] / design.scale
    if not estimator.fit_intercept:
        return State.at(objective.penalty.prox(w, 0.0), 0.0)  # the nearest that is allowed
    return State.at(
        objective.penalty.prox(w, 0.0), float(estimator.intercept_[0]) - inner(design.shift, w)
    )
