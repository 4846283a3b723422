"""The functions of the lectures: X (n_x, m), Y (1, m), w (n_x, 1), b a number; arguments are
checked here, once.

Each takes scale and shift, a number or one per feature as (n_x, 1): the model sees scale * X +
shift, which is never formed. `backend` names the same mathematics written in different ways:

    "fused"   the production kernel: the loops, blocked, X read once, on all threads
    "loops"   the lectures' explicit loops, compiled in parallel by Numba
    "numpy"   the vectorized form; needs NumPy alone
    "python"  the source of "loops", interpreted
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .backends.choice import BY_NAME
from .checks.arguments import (
    BACKENDS,
    check_choice,
    check_number,
    check_w,
    check_Y,
    require_dense,
    require_finite,
)
from .data.inputs import design_of
from .maths import logistic, reference
from .maths.reference import Propagation
from .objective.objective import Objective
from .solvers.base import SolverName
from .solvers.result import Progress, TrainingResult
from .solvers.state import State
from .training.checkpoint import Checkpoint
from .training.options import Options

Backend = Literal["fused", "loops", "numpy", "python"]


def sigmoid(z: Any) -> Any:
    """1 / (1 + exp(-z)), elementwise: a float for a number, an array for an array; stable for every
    z, NaN stays NaN.

    An object with a method `sigmoid`, such as `Variable`, answers for itself.
    """
    own = getattr(z, "sigmoid", None)
    if callable(own):
        return own()
    result = logistic.sigmoid(z)
    return result if result.ndim else float(result)


def cost(
    w: ArrayLike,
    b: float,
    X: NDArray[Any],
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    backend: Backend = "fused",
) -> float:
    """J(w, b) = (1/m) sum of L(a, y) + (lambda_ / 2m) ||w||^2.

    Shapes, errors and `backend` as in `propagate`.
    """
    return propagate(w, b, X, Y, lambda_=lambda_, scale=scale, shift=shift, backend=backend).cost


def propagate(
    w: ArrayLike,
    b: float,
    X: NDArray[Any],
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    backend: Backend = "fused",
    n_threads: int | None = None,
) -> Propagation:
    """One forward and one backward pass: cost J, dw (n_x, 1) and db, in one read of X.

    X (n_x, m): bool, integers or floats, in any memory order, memory-mapped or not; or `RowBlocks`;
    or a scipy.sparse CSC (an example after the other) or CSR, these two by "fused" alone; not
    copied. Y (1, m): 0 or 1. n_threads: threads to use, by default every CPU that the process may
    use; it does not change a bit of the result.

    Raises ValueError or TypeError for shapes that do not match, labels other than 0 and 1, NaN or
    infinity in X (naming the first row and column), and empty X. Lecture: "Gradient descent on m
    examples" and "Vectorizing logistic regression's gradient computation".
    """
    objective, w_, b_ = _prepare(w, b, X, Y, lambda_, scale, shift, backend, n_threads)
    J, dw, db = objective.cost_and_gradient(w_, b_)
    objective.check_finite(J, db, float(np.abs(dw).max()))
    return Propagation(J, dw.reshape(-1, 1), db)


def train(
    X: NDArray[Any],
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
    """Train from w (zeros by default) and b; by default gradient descent: w := w - alpha dw, b := b
    - alpha db.

    solver: "gd", the lectures' gradient descent; "nesterov"; "lbfgs"; "newton"; or "auto", chosen
    from the shape, which goes to the optimum in a few reads of X. iterations: updates at most.
    alpha (of "gd" and "nesterov"): the learning rate, or "auto" for 1/L with L = lambda_max(X1
    X1.T) / (4m) + lambda_/m, where X1 is scale * X + shift with a row of ones: J decreases in every
    iteration for any alpha below 2/L.

    tol means the same for every solver: stop when the proved bound on J - J* is at most tol, or
    with lambda_ = 0, where there is none, the largest absolute component of (dw, db). max_seconds:
    stop after so much wall time, half a second or a read of X later at most. callback: called with
    a `Progress` between stretches of about 0.1 s and at the end; returning True stops the run.
    Ctrl-C stops the run and returns what it has found; a second one stops at once.

    checkpoint: a file to which the state of the run is written every checkpoint_every seconds, and
    at its end, for whatever reason it ends. With resume=True the run goes on from there, also with
    more iterations, to the bits that it would have reached without interruption; where there is no
    such file yet it begins. max_seconds counts anew. A checkpoint that cannot be written, the disk
    being full for instance, is warned of, and training goes on.

    Returns a `TrainingResult`: costs[k] is J before update k, stop_reason says why the run ended.
    Raises as `propagate` does, and ValueError where Y has one class only, and where checkpoint
    names a file that is no checkpoint or, with resume=True, one of other data or settings, which is
    left alone. Warns with `TrainingWarning`, naming cause and remedy, where alpha is above 2/L, the
    classes are separable, columns depend on each other, or tol was not reached.
    """
    from .training import run

    options = Options.checked(
        solver,
        iterations,
        alpha=alpha,
        tol=tol,
        max_seconds=max_seconds,
        callback=callback,
        checkpoint=Checkpoint.of(checkpoint, checkpoint_every, resume),
    )
    objective, w_, b_ = _prepare(
        w, b, X, Y, lambda_, scale, shift, backend, n_threads, both_classes=True
    )
    return run.run(objective, State(w_, b_), options)


def predict_proba(
    w: ArrayLike, b: float, X: NDArray[Any], *, scale: Any = 1.0, shift: Any = 0.0
) -> NDArray[np.float64]:
    """A = sigmoid(w.T (scale * X + shift) + b), (1, m): the estimated P(y = 1 given x) of each
    example of X (n_x, m).

    Computed block by block: an X of another dtype than float64 is not copied as a whole. Raises as
    `propagate`.
    """
    design = design_of(X, scale, shift)
    w_, b_ = check_w(w, design.n_x), check_number("b", b)
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
    X: NDArray[Any],
    *,
    scale: Any = 1.0,
    shift: Any = 0.0,
    threshold: float = 0.5,
) -> NDArray[np.uint8]:
    """1 where the estimated P(y = 1 given x) is above threshold, else 0: (1, m) of uint8. Raises as
    `propagate`."""
    threshold = check_number("threshold", threshold)
    return (predict_proba(w, b, X, scale=scale, shift=shift) > threshold).astype(np.uint8)


class GradientCheck(NamedTuple):
    """The analytic gradient beside the numerical one, (n_x + 1,): the partials of w, then that of
    b.

    error: the largest absolute difference over the largest component of either; coordinate: where
    it is, j for w[j, 0] and "b" for b.
    """

    analytic: NDArray[np.float64]
    numerical: NDArray[np.float64]
    error: float
    coordinate: int | str


def check_gradient(
    w: ArrayLike,
    b: float,
    X: NDArray[Any],
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    backend: Backend = "fused",
) -> GradientCheck:
    """dw and db of `propagate` against derivatives of `cost` by nudging each coordinate
    (`fastlogreg.maths.derivatives`).

    Costs ten to a hundred passes for each coordinate. Shapes and errors as in `propagate`. Lecture:
    "Derivatives".
    """
    from .maths.derivatives import partial

    objective, w_, b_ = _prepare(w, b, X, Y, lambda_, scale, shift, backend, None)
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


def _prepare(
    w: ArrayLike | None,
    b: Any,
    X: Any,
    Y: Any,
    lambda_: Any,
    scale: Any,
    shift: Any,
    backend: str,
    n_threads: int | None,
    both_classes: bool = False,
) -> tuple[Objective, NDArray[np.float64], float]:
    check_choice("backend", backend, BACKENDS)
    any_form = BY_NAME[backend].any_form
    if not any_form:
        require_dense(X, backend)
    design = design_of(X, scale, shift)
    if design.dense is None and not any_form:
        raise ValueError(
            f"backend must be 'fused' for a {type(X).__name__}, the others need X in memory; got "
            f"{backend!r}"
        )
    y = check_Y(Y, design.m, both_classes=both_classes)
    w_, b_ = np.zeros(design.n_x) if w is None else check_w(w, design.n_x), check_number("b", b)
    if n_threads is not None:
        n_threads = int(check_number("n_threads", n_threads, low=1, integer=True))
    return Objective(design, y, check_number("lambda_", lambda_, low=0), backend, n_threads), w_, b_
