"""What a contender is: one pass of cost and gradient, or whole fits at a choice of tolerances.

A pass is prepared once, on X in the dtype and layout that its package likes best, converted
beforehand; that is told in the table's notes. A fit gets X in its own dtype: what a package
converts in every fit is part of its time, what it keeps (torch, jax) is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastlogreg.maths.arrays import Vector

Pass = tuple[float, Vector, float]  # J, dw (n_x,), db
ClassPass = tuple[float, Vector, Vector]  # J, dw (K, n_x), db (K,)
Run = Callable[[Any, Any], tuple[float, Any, Any]]
# of iterations, where tol does not end a run
COUNTS = (3, 5, 8, 12, 18, 27, 40, 60, 90, 135, 200, 300, 450, 700, 1000)


class PassContender(NamedTuple):
    """Holds one pass of cost and gradient, (w, b) -> (J, dw, db), and the memory order of its X.

    Of several classes w and dw are (K, n_x), b and db (K,).
    Its tolerance is how far it may be from the reference: float32 rounds.
    """

    name: str
    order: str
    run: Run
    tolerance: float


class FitContender(NamedTuple):
    """Holds whole fits: fit(tol) -> w (n_x,), b; of several classes w (K, n_x), b (K,).

    `tols` go from loose to tight, whatever the package calls them. `penalised` tells that b is
    penalised too.
    """

    fit: Callable[[Any], tuple[Any, Any]]
    tols: tuple[float, ...]
    penalised: bool = False


def tolerance(dtype: Any) -> float:
    """Tell what computing in this dtype may cost, in the worst element of the gradient."""
    return 1e-3 if np.dtype(dtype) == np.float32 else 1e-10


def powers(first: int, last: int) -> tuple[float, ...]:
    """List 10^-first, ..., 10^-last."""
    return tuple(10.0**-k for k in range(first, last + 1))


def is_binary(y: Any) -> bool:
    """Tell whether there are two classes."""
    return bool(y.max() < 2)


def coefficients(model: Any) -> tuple[Any, Any]:
    """Take w and b from a fitted estimator of scikit-learn's kind."""
    if len(model.coef_) > 1:
        return np.asarray(model.coef_), np.ravel(model.intercept_)
    return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])
