"""Training: from X and Y to w and b."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, cast, overload

from numpy.typing import ArrayLike

from ..checks.arguments import Backend, check_number
from ..checks.bias_reduction import check_bias_reduction, require_two_classes
from ..checks.classes import check_classes
from ..checks.penalties import asked_for, check_offset, require_solver
from ..data.matrix_like import MatrixLike
from ..inference.bias_reduced_run import run_reduced
from ..maths.arrays import NONE
from ..objective.prepared import Extras, Settings, prepare_to_train, with_elastic_net
from ..solvers.base import SolverName
from ..solvers.result import Progress, SoftmaxProgress, SoftmaxResult, TrainingResult
from ..solvers.state import State
from ..training import run
from ..training.checkpoint import Checkpoint
from ..training.options import Options
from .passes import Biases

Reduction = Literal["firth", "flic", "flac", "median"]


@overload
def train(  # type: ignore[overload-overlap]
    X: MatrixLike,
    Y: ArrayLike,
    *,
    classes: Literal[2] | None = ...,
    alpha: float | Literal["auto"] = ...,
    iterations: int = ...,
    lambda_: float = ...,
    l1_ratio: float = ...,
    penalty_weights: ArrayLike | None = ...,
    bounds: tuple[Any, Any] | None = ...,
    feature_groups: Any = ...,
    bias_reduction: Reduction | None = ...,
    offset: ArrayLike | None = ...,
    weights: ArrayLike | None = ...,
    scale: Any = ...,
    shift: Any = ...,
    solver: SolverName = ...,
    tol: float | None = ...,
    w: ArrayLike | None = ...,
    b: float = ...,
    backend: Backend = ...,
    n_threads: int | None = ...,
    max_seconds: float | None = ...,
    callback: Callable[[Progress], Any] | None = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    checkpoint_every: float = ...,
    resume: bool = ...,
) -> TrainingResult: ...
@overload
def train(
    X: MatrixLike,
    Y: ArrayLike,
    *,
    classes: int,
    alpha: float | Literal["auto"] = ...,
    iterations: int = ...,
    lambda_: float = ...,
    l1_ratio: float = ...,
    penalty_weights: ArrayLike | None = ...,
    bounds: tuple[Any, Any] | None = ...,
    feature_groups: Any = ...,
    offset: ArrayLike | None = ...,
    weights: ArrayLike | None = ...,
    scale: Any = ...,
    shift: Any = ...,
    solver: SolverName = ...,
    tol: float | None = ...,
    w: ArrayLike | None = ...,
    b: float | Biases = ...,
    backend: Backend = ...,
    n_threads: int | None = ...,
    max_seconds: float | None = ...,
    callback: Callable[[SoftmaxProgress], Any] | None = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    checkpoint_every: float = ...,
    resume: bool = ...,
) -> SoftmaxResult: ...
def train(
    X: MatrixLike,
    Y: ArrayLike,
    *,
    classes: int | None = None,
    alpha: float | Literal["auto"] = "auto",
    iterations: int = 1000,
    lambda_: float = 0.0,
    l1_ratio: float = 0.0,
    penalty_weights: ArrayLike | None = None,
    bounds: tuple[Any, Any] | None = None,
    feature_groups: Any = None,
    bias_reduction: Reduction | None = None,
    offset: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    scale: Any = 1.0,
    shift: Any = 0.0,
    solver: SolverName = "gd",
    tol: float | None = None,
    w: ArrayLike | None = None,
    b: float | Biases = 0.0,
    backend: Backend = "fused",
    n_threads: int | None = None,
    max_seconds: float | None = None,
    callback: Callable[[Any], Any] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 30.0,
    resume: bool = False,
) -> TrainingResult | SoftmaxResult:
    """Train from w and b; by default by gradient descent: w := w - alpha dw, b := b - alpha db.

    Parameters
    ----------
    X, Y, lambda_, scale, shift, backend, n_threads
        As in `propagate`. Of two classes Y may hold probabilities from 0 to 1.
    classes : int or None, default=None
        How many classes there are. None and 2 are the lectures' sigmoid, with labels 0 and 1. From
        3 on it is softmax, with labels 0 to classes - 1, each of which needs an example.
    alpha : float or "auto", default="auto"
        The learning rate of "gd" and "nesterov". "auto" is 1/L with
        L = lambda_max(X1 X1.T) / (4m) + lambda_/m, where X1 is scale * X + shift with a row of
        ones: J decreases in every iteration for any alpha below 2/L. Of several classes 4m is 2m.
    l1_ratio : float, default=0.0
        The share of L1 in the penalty lambda_/m (l1_ratio ||w||_1 + (1 - l1_ratio)/2 ||w||^2), from
        0 to 1. It is scikit-learn's with C = 1/lambda_. glmnet's lambda is lambda_/m, its alpha is
        l1_ratio. With L1 some weights are exactly 0. It needs solver="auto" or "prox_newton"; so do
        the next four.
    penalty_weights : float, array of shape (n_x, 1) or None, default=None
        What the penalty of a feature is multiplied by: 0 leaves it free, infinity leaves it out.
        They are taken as they are; glmnet makes them sum to n_x.
    bounds : pair (lower, upper) or None, default=None
        What w may be: each a number, an array (n_x, 1), or None for no bound. (0, None) keeps every
        weight from being negative.
    feature_groups : dict, list, "classes" or None, default=None
        Features that are in or out together: groups of columns, by number. The L1 of a group is
        the length of its weights times the root of its size, the group lasso. "classes" is for
        several classes: the weights of a feature for all of them are a group.
    bias_reduction : {"firth", "flic", "flac", "median"} or None, default=None
        "firth" maximises l + 1/2 log|I|: finite also where labels are separated. "flic" corrects b,
        "flac" all, so that the probabilities add up. "median" makes each weight as often too large
        as too small. It is for two classes, lambda_ 0 and solver="auto", with backend "fused". J is
        then -(l + 1/2 log|I|) over the sum of the weights, of "median" -l, tol is of the score that
        is 0 at the end, and there is no bound. Give it to `summary` too.
    offset : array of shape (1, m) or None, default=None
        A part of z that is known: z = w.T x + b + offset. It is for two classes.
    weights : array of shape (1, m) or None, default=None
        A weight of k counts an example k times. Of successes among trials Y is successes / trials,
        and the trials are the weights.
    iterations : int, default=1000
        Updates at most.
    solver : {"gd", "nesterov", "lbfgs", "newton", "prox_newton", "auto"}, default="gd"
        "gd" is the lectures' gradient descent. "auto" is chosen from the shape, and goes to the
        optimum in a few reads of X.
    tol : float or None, default=None
        Stop when the proved bound on J - J* is at most tol. With lambda_ = 0, where there is none:
        the largest absolute component of (dw, db). It means the same for every solver.
    w : array of shape (n_x, 1) or (n_x, K), or None, default=None
        Where to begin; None for zeros. Of several classes it begins at w and b less their means
        over the classes, which are the same probabilities. "auto", "newton" and "prox_newton" come
        back from a start far away; "prox_newton" leaves one whose J is above that of zeros.
    b : float or array of shape (K, 1), default=0.0
        Where to begin. A number stands for the same one for each class.
    max_seconds : float or None, default=None
        Stop after so much wall time, half a second or a read of X later at most.
    callback : callable or None, default=None
        Called with a `Progress`, or a `SoftmaxProgress`, between stretches of about 0.1 s and at
        the end. Returning True stops the run.
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
    TrainingResult or SoftmaxResult
        w (n_x, 1), b, costs (costs[k] is J before update k), and why the run ended. Of several
        classes w (n_x, K) and b (K, 1), which add up to 0 over the classes.

    Raises
    ------
    ValueError or TypeError
        As `propagate`; where a class has no example in Y; and where checkpoint names a file that is
        no checkpoint or, with resume=True, one of other data or settings, which is left alone.

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
    >>> flr.train(X, [[0, 0, 1, 1, 2, 2]], classes=3, iterations=10).w.shape
    (1, 3)
    >>> apart = flr.train(X, [[0, 0, 0, 1, 1, 1]], solver="auto", bias_reduction="firth")
    >>> round(float(apart.w[0, 0]), 4), round(apart.b, 4)
    (1.1289, -2.8223)
    """
    K = None if classes is None else check_classes(classes)
    of_several = K is not None and K > 2
    if of_several and callable(callback):
        callback = _shown_as_softmax(callback)
    extras = Extras(l1_ratio, penalty_weights, bounds, feature_groups, offset)
    asked, why = solver, asked_for(*extras)
    if why:
        solver = cast(SolverName, require_solver(solver, why))
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
    if bias_reduction is not None:
        strength, why = check_number("lambda_", lambda_, low=0), asked_for(*extras[:4], None)
        controls = {
            "backend": (backend, "fused"),
            "alpha": (alpha, "auto"),
            "w": (w, None),
            "b": (b, 0.0),
            "max_seconds": (max_seconds, None),
            "callback": (callback, None),
            "checkpoint": (checkpoint, None),
        }
        kind = check_bias_reduction(bias_reduction, strength, asked, why, controls)
        require_two_classes(kind, K or 2)
        objective = prepare_to_train(settings, None, 0.0, X, Y, K, weights).objective
        moved = NONE if offset is None else check_offset(offset, objective.m)
        return run_reduced(objective, moved, kind, options.tol or 0.0, options.iterations, None)
    if solver == "prox_newton":
        objective, theta, _ = with_elastic_net(settings, extras, w, b, X, Y, K, weights)
    else:
        objective, theta, _ = prepare_to_train(settings, w, b, X, Y, K, weights)
    result = run.run(objective, State(theta), options)
    return SoftmaxResult.of(result) if of_several else result


def _shown_as_softmax(callback: Callable[[SoftmaxProgress], Any]) -> Callable[[Progress], Any]:
    def shown(progress: Any) -> Any:
        return callback(SoftmaxProgress(*progress))

    return shown
