"""Backpropagation beside derivatives by nudging."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..api.passes import Biases
from ..checks.arguments import Backend
from ..data.matrix_like import MatrixLike
from ..maths.derivatives import partial
from ..objective.prepared import Settings, prepare


class GradientCheck(NamedTuple):
    """Hold the analytic gradient beside the numerical one.

    Attributes
    ----------
    analytic, numerical : ndarray of shape (n_x + 1,) or (n_x + 1, K)
        The partials of w, then that of b; of K classes a column for each.
    error : float
        The largest absolute difference over the largest component of either.
    coordinate : int, "b" or a tuple
        Where it is: j for w[j, 0], "b" for b; of several classes (j, k) for w[j, k] and ("b", k)
        for b[k, 0].
    """

    analytic: NDArray[np.float64]
    numerical: NDArray[np.float64]
    error: float
    coordinate: int | str | tuple[int | str, int]


def check_gradient(
    w: ArrayLike,
    b: float | Biases,
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
    >>> flr.check_gradient(np.zeros((1, 3)), np.zeros((3, 1)), X, [[0, 1, 2]]).error < 1e-9
    True
    """
    objective, theta, classes = prepare(Settings(lambda_, scale, shift, backend, None), w, b, X, Y)

    def J(point: NDArray[np.float64]) -> float:
        return objective.point(point, scores=False).evaluation.J

    value, analytic, _ = objective.point(theta, scores=False).evaluation
    objective.check_finite(value)
    numerical = np.array([partial(J, theta, j) for j in range(theta.size)])
    difference = np.abs(analytic - numerical)
    worst = int(np.argmax(difference))
    size = max(float(np.abs(analytic).max()), float(np.abs(numerical).max()), np.finfo(float).tiny)
    error = float(difference[worst] / size)
    n_x = objective.n_x
    k, j = divmod(worst, n_x + 1)
    row = "b" if j == n_x else j
    if classes is None:
        return GradientCheck(analytic, numerical, error, row)
    analytic, numerical = (each.reshape(classes, -1).T.copy() for each in (analytic, numerical))
    return GradientCheck(analytic, numerical, error, (row, k))
