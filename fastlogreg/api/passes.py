"""One pass over X: the cost J, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks.arguments import Backend
from ..data.matrix_like import MatrixLike
from ..machine.blas import inner
from ..maths.reference import Propagation
from ..maths.softmax import SoftmaxPropagation
from ..objective.prepared import Examples, Settings, prepare

Biases = NDArray[Any] | Sequence[Sequence[float]]  # b (K, 1) of several classes


def cost(
    w: ArrayLike,
    b: float | Biases,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    backend: Backend = "fused",
) -> float:
    """Compute the cost J(w, b) = (1/m) sum of L(a, y) + (lambda_ / 2m) ||w||^2.

    Of several classes L(a, y) is -log a_y.

    Parameters
    ----------
    w, b, X, Y, lambda_, scale, shift, weights, offset, backend
        As in `propagate`.

    Returns
    -------
    float
        J. Raises as `propagate` does.

    References
    ----------
    Lecture "Logistic regression cost function".

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.array([[1.0, 2.0, -1.0]]), np.array([[1, 1, 0]])
    >>> round(flr.cost([[1.0]], 0.0, X, Y), 6)
    0.25115
    """
    how: dict[str, Any] = {"scale": scale, "shift": shift, "backend": backend}
    how |= {"weights": weights, "offset": offset}
    return propagate(w, b, X, Y, lambda_=lambda_, **how).cost


@overload
def propagate(
    w: ArrayLike,
    b: float,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = ...,
    scale: Any = ...,
    shift: Any = ...,
    weights: ArrayLike | None = ...,
    offset: ArrayLike | None = ...,
    backend: Backend = ...,
    n_threads: int | None = ...,
) -> Propagation: ...
@overload
def propagate(
    w: ArrayLike,
    b: Biases,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = ...,
    scale: Any = ...,
    shift: Any = ...,
    weights: ArrayLike | None = ...,
    offset: ArrayLike | None = ...,
    backend: Backend = ...,
    n_threads: int | None = ...,
) -> SoftmaxPropagation: ...
def propagate(
    w: ArrayLike,
    b: float | Biases,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    backend: Backend = "fused",
    n_threads: int | None = None,
) -> Propagation | SoftmaxPropagation:
    """Make one forward and one backward pass, in one read of X.

    Parameters
    ----------
    w : array of shape (n_x, 1) or (n_x, K)
        The weights; of K classes a column for each, and softmax takes the sigmoid's place.
    b : float or array of shape (K, 1)
        The bias; of K classes one for each.
    X : array, RowBlocks or sparse matrix of shape (n_x, m)
        One example per column; of bool, integers or floats, in any memory order, memory-mapped or
        not. It is not copied. `RowBlocks`, scipy.sparse CSC (an example after the other) and CSR
        are read by "fused" alone.
    Y : array of shape (1, m)
        Labels, 0 or 1, or probabilities between them; of K classes 0 to K - 1. Between them one
        more read of X is made.
    lambda_ : float, default=0.0
        The strength of the L2 penalty; b is never penalised.
    scale, shift : float or array of shape (n_x, 1), default=1.0 and 0.0
        The model sees scale * X + shift, which is never formed.
    weights : array of shape (1, m) or None, default=None
        A weight of k counts an example k times. m is then the sum of the weights.
    offset : array of shape (1, m) or None, default=None
        A part of z that is known: z = w.T x + b + offset. It is for two classes.
    backend : {"fused", "loops", "numpy", "python", "cuda"}, default="fused"
        The way in which the mathematics is written; all agree. "cuda" computes on a GPU, with the
        extra `cuda`; X may lie there already, as an array of CuPy, PyTorch, JAX or Numba.
    n_threads : int or None, default=None
        Threads to use; None for every CPU that the process may use. It changes no bit of the
        result.

    Returns
    -------
    Propagation or SoftmaxPropagation
        The cost J, dw (n_x, 1) and db; of K classes dw (n_x, K) and db (K, 1).

    Raises
    ------
    ImportError, RuntimeError or MemoryError
        For "cuda" without the extra, without a GPU, and where its memory is too small.
    ValueError or TypeError
        For shapes that do not match, labels other than 0 and 1 (or 0 to K - 1), missing labels,
        masked entries, NaN or infinity in X (naming the first row and column), and empty X.

    References
    ----------
    Lectures "Gradient descent on m examples" and "Vectorizing logistic regression's gradient
    computation".

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.array([[1.0, 2.0, -1.0]]), np.array([[1, 1, 0]])
    >>> J, dw, db = flr.propagate([[0.0]], 0.0, X, Y)
    >>> round(J, 6), dw.shape, round(db, 6)
    (0.693147, (1, 1), -0.166667)
    >>> flr.propagate(np.zeros((1, 3)), np.zeros((3, 1)), X, np.array([[0, 1, 2]])).db.shape
    (3, 1)
    """
    objective, theta, classes = prepare(
        Settings(lambda_, scale, shift, backend, n_threads), w, b, X, Y, Examples(weights, offset)
    )
    J, gradient, _ = objective.point(theta, scores=False).evaluation
    with np.errstate(over="ignore", invalid="ignore"):  # a large gradient is no fault
        size = inner(gradient, gradient)
    objective.check_finite(J, size)
    if classes is None:
        return Propagation(J, gradient[:-1].reshape(-1, 1).copy(), float(gradient[-1]))
    rows = gradient.reshape(classes, -1)  # [dw, db] of each class
    return SoftmaxPropagation(J, np.ascontiguousarray(rows[:, :-1].T), rows[:, -1:].copy())
