"""Backpropagation beside derivatives by nudging."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks.arguments import Backend
from ..data.matrix_like import MatrixLike
from ..maths.derivatives import partial
from ..objective.prepared import Settings, prepare


class GradientCheck(NamedTuple):
    """Hold the analytic gradient beside the numerical one.

    Attributes
    ----------
    analytic, numerical : ndarray of shape (n_x + 1,)
        The partials of w, then that of b.
    error : float
        The largest absolute difference over the largest component of either.
    coordinate : int or "b"
        Where it is: j for w[j, 0], "b" for b.
    """

    analytic: NDArray[np.float64]
    numerical: NDArray[np.float64]
    error: float
    coordinate: int | str


def check_gradient(
    w: ArrayLike,
    b: float,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    backend: Backend = "fused",
) -> GradientCheck:
    """Compare dw and db of `propagate` with derivatives of `cost` by nudging each coordinate.

    It costs ten to a hundred passes for each coordinate.

    Parameters
    ----------
    w, b, X, Y, lambda_, scale, shift, backend
        As in `propagate`.

    Returns
    -------
    GradientCheck
        Both gradients, and the worst coordinate.

    Raises
    ------
    ValueError or TypeError
        As `propagate`.

    References
    ----------
    Lecture "Derivatives"; the numerical ones are by Ridders' method, `fastlogreg.derivative`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.array([[1.0, 2.0, -1.0]]), np.array([[1, 1, 0]])
    >>> flr.check_gradient([[0.5]], 0.1, X, Y).error < 1e-9
    True
    """
    objective, w_, b_ = prepare(Settings(lambda_, scale, shift, backend, None), w, b, X, Y)
    theta = np.append(w_, b_)

    def J(point: NDArray[np.float64]) -> float:
        return objective.cost_and_gradient(np.ascontiguousarray(point[:-1]), float(point[-1]))[0]

    value, dw, db = objective.cost_and_gradient(w_, b_)
    objective.check_finite(value)
    analytic = np.append(dw, db)
    numerical = np.array([partial(J, theta, j) for j in range(theta.size)])
    difference = np.abs(analytic - numerical)
    worst = int(np.argmax(difference))
    size = max(float(np.abs(analytic).max()), float(np.abs(numerical).max()), np.finfo(float).tiny)
    return GradientCheck(
        analytic, numerical, float(difference[worst] / size), "b" if worst == w_.size else worst
    )
