"""Where a fit begins: at zeros, or at the coefficients of the fit before."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..machine.blas import inner
from ..maths.arrays import NONE
from ..solvers.state import State
from .multiclass import on_design


def start_of(estimator: Any, objective: Any, classes: int) -> State:
    """Begin at zeros, or at what gives coef_ and intercept_ once scale and shift are folded in.

    Without an intercept b is 0 and no solver moves it, whatever the fit before had.
    """
    design, columns = objective.design, 1 if classes == 2 else classes
    if not estimator.warm_start or getattr(estimator, "coef_", NONE).shape != (columns, design.n_x):
        return State(np.zeros(objective.size))
    if not (np.isfinite(estimator.coef_).all() and np.isfinite(estimator.intercept_).all()):
        raise ValueError(
            "warm_start begins from coef_ and intercept_, which must be finite; got NaN or "
            "infinity there. Set warm_start=False, or fit a new estimator"
        )
    if classes > 2:
        W, b = on_design(estimator.coef_, estimator.intercept_, design)
        return State(objective.joined(W, b * bool(estimator.fit_intercept)))
    w = estimator.coef_[0] / design.scale
    if not estimator.fit_intercept:
        return State.at(objective.penalty.prox(w, 0.0), 0.0)  # the nearest that is allowed
    return State.at(
        objective.penalty.prox(w, 0.0), float(estimator.intercept_[0]) - inner(design.shift, w)
    )
