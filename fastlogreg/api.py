"""The functions of the lectures: X (n_x, m), Y (1, m), w (n_x, 1), b a number.

Arguments are checked here, once. Each function takes scale and shift, a number or one per feature
as (n_x, 1): the model sees scale * X + shift, which is never formed. `backend` names the same
mathematics written in different ways:

    "fused"   the production kernel: the loops, blocked, X read once, on all threads
    "loops"   the lectures' explicit loops, compiled in parallel by Numba
    "numpy"   the vectorized form; needs NumPy alone
    "python"  the source of "loops", interpreted
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks.arguments import (
    Backend,
    check_number,
    check_w,
    require_finite,
)
from .checks.missing import unmasked
from .data.inputs import design_of
from .data.matrix_like import MatrixLike
from .machine.blas import inner
from .maths import logistic, reference
from .maths.reference import Propagation
from .objective.objective import Objective
from .objective.prepared import Settings, prepare
from .solvers.base import SolverName
from .solvers.result import Progress, TrainingResult
from .solvers.state import State
from .training import run
from .training.checkpoint import Checkpoint
from .training.options import Options


@overload
def sigmoid(z: float) -> float: ...
@overload
def sigmoid(z: NDArray[Any]) -> NDArray[np.float64]: ...
@overload
def sigmoid(z: Any) -> Any: ...
def sigmoid(z: Any) -> Any:
    """Compute 1 / (1 + exp(-z)), elementwise and stable for every z.

    Parameters
    ----------
    z : float, array or object with a method `sigmoid`
        Such an object, `Variable` for instance, answers for itself.

    Returns
    -------
    float or ndarray
        A float for a number, an array of float64 of the shape of z for an array. NaN stays NaN.

    References
    ----------
    Lecture "Logistic regression".

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.sigmoid(0.0)
    0.5
    >>> flr.sigmoid([-1000.0, 1000.0])
    array([0., 1.])
    """
    own = getattr(z, "sigmoid", None)
    if callable(own):
        return own()
    result = logistic.sigmoid(unmasked("z", z))
    return result if result.ndim else float(result)


def cost(
    w: ArrayLike,
    b: float,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    backend: Backend = "fused",
) -> float:
    """Compute the cost J(w, b) = (1/m) sum of L(a, y) + (lambda_ / 2m) ||w||^2.

    Parameters
    ----------
    w, b, X, Y, lambda_, scale, shift, backend
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
    return propagate(w, b, X, Y, lambda_=lambda_, scale=scale, shift=shift, backend=backend).cost


def propagate(
    w: ArrayLike,
    b: float,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    backend: Backend = "fused",
    n_threads: int | None = None,
) -> Propagation:
    """Make one forward and one backward pass, in one read of X.

    Parameters
    ----------
    w : array of shape (n_x, 1)
        The weights.
    b : float
        The bias.
    X : array, RowBlocks or sparse matrix of shape (n_x, m)
        One example per column; of bool, integers or floats, in any memory order, memory-mapped or
        not. It is not copied. `RowBlocks`, scipy.sparse CSC (an example after the other) and CSR
        are read by "fused" alone.
    Y : array of shape (1, m)
        Labels, 0 or 1.
    lambda_ : float, default=0.0
        The strength of the L2 penalty; b is never penalised.
    scale, shift : float or array of shape (n_x, 1), default=1.0 and 0.0
        The model sees scale * X + shift, which is never formed.
    backend : {"fused", "loops", "numpy", "python"}, default="fused"
        The way in which the mathematics is written; all agree.
    n_threads : int or None, default=None
        Threads to use; None for every CPU that the process may use. It changes no bit of the
        result.

    Returns
    -------
    Propagation
        The cost J, dw (n_x, 1) and db.

    Raises
    ------
    ValueError or TypeError
        For shapes that do not match, labels other than 0 and 1, missing labels, masked entries,
        NaN or infinity in X (naming the first row and column), and empty X.

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
    """
    objective, w_, b_ = prepare(Settings(lambda_, scale, shift, backend, n_threads), w, b, X, Y)
    J, dw, db = objective.cost_and_gradient(w_, b_)
    with np.errstate(over="ignore", invalid="ignore"):  # a large dw is no fault
        size = inner(dw, dw)
    objective.check_finite(J, db, size)
    return Propagation(J, dw.reshape(-1, 1), db)


def train(
    X: MatrixLike,
    Y: ArrayLike,
    *,
    alpha: float | Literal["auto"] = "auto",
    iterations: int = 1000,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    solver: SolverName = "gd",
    tol: float | None = None,
    w: ArrayLike | None = None,
    b: float = 0.0,
    backend: Backend = "fused",
    n_threads: int | None = None,
    max_seconds: float | None = None,
    callback: Callable[[Progress], Any] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 30.0,
    resume: bool = False,
) -> TrainingResult:
    """Train from w and b; by default by gradient descent: w := w - alpha dw, b := b - alpha db.

    Parameters
    ----------
    X, Y, lambda_, scale, shift, backend, n_threads
        As in `propagate`.
    alpha : float or "auto", default="auto"
        The learning rate of "gd" and "nesterov". "auto" is 1/L with
        L = lambda_max(X1 X1.T) / (4m) + lambda_/m, where X1 is scale * X + shift with a row of
        ones: J decreases in every iteration for any alpha below 2/L.
    iterations : int, default=1000
        Updates at most.
    solver : {"gd", "nesterov", "lbfgs", "newton", "auto"}, default="gd"
        "gd" is the lectures' gradient descent. "auto" is chosen from the shape, and goes to the
        optimum in a few reads of X.
    tol : float or None, default=None
        Stop when the proved bound on J - J* is at most tol. With lambda_ = 0, where there is none:
        the largest absolute component of (dw, db). It means the same for every solver.
    w : array of shape (n_x, 1) or None, default=None
        Where to begin; None for zeros.
    b : float, default=0.0
        Where to begin.
    max_seconds : float or None, default=None
        Stop after so much wall time, half a second or a read of X later at most.
    callback : callable or None, default=None
        Called with a `Progress` between stretches of about 0.1 s and at the end. Returning True
        stops the run.
    checkpoint : path or None, default=None
        A file to which the state of the run is written every `checkpoint_every` seconds, and at its
        end, for whatever reason it ends. One that cannot be written, the disk being full for
        instance, is warned of, and training goes on.
    checkpoint_every : float, default=30.0
        Seconds between two writes of the checkpoint.
    resume : bool, default=False
        Go on from the checkpoint, also with more iterations, to the bits that the run would have
        reached without interruption; where there is no such file yet it begins. max_seconds counts
        anew.

    Returns
    -------
    TrainingResult
        w (n_x, 1), b, costs (costs[k] is J before update k), and why the run ended.

    Raises
    ------
    ValueError or TypeError
        As `propagate`; where Y has one class only; and where checkpoint names a file that is no
        checkpoint or, with resume=True, one of other data or settings, which is left alone.

    Warns
    -----
    TrainingWarning
        Naming cause and remedy, where alpha is above 2/L, the classes are separable, columns depend
        on each other, tol was not reached, or Ctrl-C stopped the run.

    Notes
    -----
    Ctrl-C stops the run and returns what it has found, with stop_reason "interrupted" and a
    `TrainingWarning`: raising would lose the result. A loop that calls `train` should look at
    stop_reason and end. A second Ctrl-C stops at once, with KeyboardInterrupt.

    References
    ----------
    Lectures "Gradient descent" and "Logistic regression gradient descent".

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.arange(6.0)[None, :], np.array([[0, 1, 0, 1, 1, 1]])
    >>> result = flr.train(X, Y, solver="auto", lambda_=1.0, tol=1e-10)
    >>> result.stop_reason, round(float(result.w[0, 0]), 4), round(result.b, 4)
    ('converged', 0.7102, -0.8528)
    """
    options = Options.checked(
        solver,
        iterations,
        alpha=alpha,
        tol=tol,
        max_seconds=max_seconds,
        callback=callback,
        checkpoint=Checkpoint.of(checkpoint, checkpoint_every, resume),
    )
    settings = Settings(lambda_, scale, shift, backend, n_threads)
    objective, w_, b_ = prepare(settings, w, b, X, Y, both_classes=True)
    return run.run(objective, State(w_, b_), options)


def predict_proba(
    w: ArrayLike, b: float, X: MatrixLike, *, scale: Any = 1.0, shift: Any = 0.0
) -> NDArray[np.float64]:
    """Estimate P(y = 1 given x) of each example: A = sigmoid(w.T (scale * X + shift) + b).

    Computed block by block: an X of another dtype than float64 is not copied as a whole.

    Parameters
    ----------
    w, b, X, scale, shift
        As in `propagate`.

    Returns
    -------
    ndarray of shape (1, m)
        A.

    Raises
    ------
    ValueError or TypeError
        As `propagate`.

    References
    ----------
    Lecture "Vectorizing logistic regression".

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.predict_proba([[2.0]], -1.0, [[0.5, 0.5]])
    array([[0.5, 0.5]])
    """
    design = design_of(X, scale, shift)
    w_, b_ = check_w(w, design.n_x, design.m), check_number("b", b)
    if design.dense is None:
        Z = Objective(design, np.zeros(design.m, np.uint8)).scores(w_, b_)
        if not np.isfinite(Z).all():
            design.require_finite()
        return logistic.sigmoid(Z)[None, :]
    X = design.dense.X
    A = np.empty((1, design.m))
    folded, bias = design.fold(w_, b_)
    step = max(1, (1 << 20) // design.n_x)  # blocks of 8 MiB once converted
    for lo in range(0, design.m, step):
        Z = reference.forward(folded[:, None], bias, X[:, lo : lo + step])
        if not np.isfinite(Z).all():  # an infinite z makes a fine a: it is z that tells of a bad x
            require_finite(X)
        A[:, lo : lo + step] = logistic.sigmoid(Z)
    return A


def predict(
    w: ArrayLike,
    b: float,
    X: MatrixLike,
    *,
    scale: Any = 1.0,
    shift: Any = 0.0,
    threshold: float = 0.5,
) -> NDArray[np.uint8]:
    """Predict 1 where the estimated P(y = 1 given x) is above threshold, else 0.

    Parameters
    ----------
    w, b, X, scale, shift
        As in `propagate`.
    threshold : float, default=0.5
        The probability above which the answer is 1.

    Returns
    -------
    ndarray of shape (1, m)
        0 or 1, uint8. Raises as `propagate` does.

    References
    ----------
    Lecture "Logistic regression".

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.predict([[2.0]], -1.0, [[0.0, 1.0]])
    array([[0, 1]], dtype=uint8)
    """
    threshold = check_number("threshold", threshold)
    return (predict_proba(w, b, X, scale=scale, shift=shift) > threshold).astype(np.uint8)
