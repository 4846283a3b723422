"""`fastlogreg.path`: the optimum at each of many lambdas, each from the one before."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backends.base import NO_GROUP
from ..checks.arguments import Backend, check_number, require_shape
from ..checks.classes import check_classes
from ..checks.penalties import asked_for, check_penalties, require_no_offset
from ..data.matrix_like import MatrixLike
from ..machine.blas import inner
from ..maths.arrays import NONE, Vector
from ..objective.column_moments import rescalings
from ..objective.columns import SharedColumns
from ..objective.objective import Objective
from ..objective.prepared import Extras, Settings, prepare_to_train
from ..solvers.result import TrainingWarning
from ..solvers.state import Stopped
from .class_paths import ClassFit, ClassWays, follow_classes
from .follow import Fit, Follower, Pattern
from .path_result import PathResult
from .penalised_class_paths import penalised_class_path
from .penalised_paths import Along, FollowedPath, penalised_path
from .watch import ctrl_c_ends_reads, interruptions, warn_of_interruption

STRONGEST, WEAKEST = 1e4, 1e-4  # of the lambdas that are taken where none are given
ITERATIONS = 1000


def path(
    X: MatrixLike,
    Y: ArrayLike,
    *,
    classes: int | None = None,
    lambdas: ArrayLike | int = 20,
    tol: float = 1e-10,
    iterations: int = ITERATIONS,
    scale: Any = 1.0,
    shift: Any = 0.0,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[int, float] | Literal["balanced"] | None = None,
    standardize: bool = False,
    l1_ratio: float = 0.0,
    penalty_weights: ArrayLike | None = None,
    bounds: tuple[Any, Any] | None = None,
    feature_groups: Any = None,
    offset: ArrayLike | None = None,
    lambda_min_ratio: float | None = None,
    stop_early: bool = False,
    backend: Backend = "fused",
    n_threads: int | None = None,
) -> PathResult:
    """Find the optimum at each of many lambdas, from the strongest penalty to the weakest.

    Each starts from the one before: there the gradient for the next lambda is known without a
    read. It is deterministic, and takes a few reads of X for a lambda.

    Parameters
    ----------
    X, Y, scale, shift, backend, n_threads
        As in `propagate`.
    classes : int or None, default=None
        How many classes there are. None and 2 are the lectures' sigmoid, with labels 0 and 1. From
        3 on it is softmax, with labels 0 to classes - 1, each of which needs an example.
    lambdas : int or array of shape (L,), default=20
        The strengths of the penalty, or how many of them to take, evenly on a logarithmic scale:
        from 1e4 to 1e-4, or with L1 from the smallest at which every weight that it holds is 0.
    tol : float, default=1e-10
        Each fit ends when the proved bound on J - J* is at most tol, for lambda = 0 the largest
        component of the gradient; or where float64 cannot improve it.
    iterations : int, default=1000
        Updates at most, for each lambda.
    sample_weight : array of shape (1, m) or None, default=None
        A weight of k counts an example k times.
    class_weight : dict, "balanced" or None, default=None
        "balanced" weighs each of K classes with S / (K S of the class). A dict holds label ->
        weight, 1 for a label that is left out.
    standardize : bool, default=False
        Fit on (X - mean) / standard deviation. The penalty acts there; w and b are for X itself,
        and the costs are of the standardised problem.
    l1_ratio, penalty_weights, bounds, feature_groups, offset
        As in `train`; an offset is for two classes.
    lambda_min_ratio : float or None, default=None
        With L1 and a number of lambdas: the smallest over the largest. None for 1e-4, or 1e-2 where
        there are more features than examples.
    stop_early : bool, default=False
        End the path where it explains all but a thousandth of the deviance, or gains less than
        1e-5 of it from one lambda to the next, as glmnet does. The result has the lambdas reached.

    Returns
    -------
    PathResult
        w (n_x, L), b (1, L), costs and proved bounds; of K classes w (n_x, K, L) and b (K, 1, L).

    Raises
    ------
    ValueError or TypeError
        As `train`, and for lambdas that are negative, none, or not numbers.

    Warns
    -----
    TrainingWarning
        Where tol was not reached, naming the lambdas; and where Ctrl-C ended the path.

    Notes
    -----
    Ctrl-C ends the path before its next read of X and returns the lambdas that are done, with a
    `TrainingWarning`. Where none is, and at a second Ctrl-C, it is KeyboardInterrupt.

    References
    ----------
    J. Friedman, T. Hastie and R. Tibshirani, "Regularization Paths for Generalized Linear Models
    via Coordinate Descent", 2010: warm starts along lambda.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.arange(6.0)[None, :], np.array([[0, 1, 0, 1, 1, 1]])
    >>> found = flr.path(X, Y, lambdas=[100.0, 1.0])
    >>> np.round(found.w, 4)
    array([[0.0289, 0.7102]])
    """
    begun = time.perf_counter()
    chosen = check_lambdas(lambdas)
    tol = check_number("tol", tol, low=0)
    limit = int(check_number("iterations", iterations, low=1, integer=True))
    settings = Settings(0.0, scale, shift, backend, n_threads)
    K = 2 if classes is None else check_classes(classes)
    objective = prepare_to_train(settings, None, 0.0, X, Y, K, between=False).objective
    extras = Extras(l1_ratio, penalty_weights, bounds, feature_groups, offset)
    why = asked_for(*extras)
    if K > 2:
        require_no_offset(offset, K)
    weight = NONE
    if sample_weight is not None:
        weight = _checked_weights(sample_weight, objective.m)
    labels = objective.targets.astype(np.int32)
    totals = _class_totals(labels, weight, K)
    factors = np.ones(K) if class_weight is None else class_factors(class_weight, totals)
    null = -inner(shares := (factors * totals) / inner(factors, totals), np.log(shares))
    by_number = isinstance(lambdas, (int, np.integer))
    asked = Along(chosen, by_number, lambda_min_ratio, stop_early)
    examples = Examples(objective, labels, weight, factors, class_weight is not None, standardize)
    with interruptions() as interrupted:
        if why and K > 2:
            checked = check_penalties(*extras[:4], objective.n_x)
            found = penalised_class_path(examples.ways(), checked, asked, null, tol, limit)
        elif why:
            own = weight, factors
            found = penalised_path(objective, own, extras, asked, standardize, tol, limit)
        else:
            follow = _follow_two if K == 2 else _follow_several
            every, reads = follow(examples, chosen, tol, limit)
            there = [k for k, at in enumerate(every) if at]
            found = FollowedPath([every[k][0] for k in there], reads, null, chosen[there])
    if interrupted:
        done = f"{len(found.fits)} of {len(chosen)} lambdas"
        warn_of_interruption(done, "the result has these")
    fits, reads, null, chosen = found
    if K > 2:
        w = np.array([fit.w.T for fit in fits]).transpose(1, 2, 0)
        b = np.array([np.reshape(fit.b, (K, 1)) for fit in fits]).transpose(1, 2, 0)
    else:
        w, b = np.array([fit.w for fit in fits]).T, np.array([[fit.b for fit in fits]])
    _warn(chosen, fits, tol, limit)
    return PathResult(
        w,
        b,
        chosen,
        np.array([fit.cost for fit in fits]),
        np.array([fit.bound for fit in fits]),
        np.array([fit.reached for fit in fits]),
        np.count_nonzero(w.reshape(objective.n_x, -1, len(fits)).any(axis=1), axis=0),
        1.0 - np.array([fit.loss for fit in fits]) / null,
        np.array([fit.iterations for fit in fits]),
        reads,
        time.perf_counter() - begun,
    )


class Examples(NamedTuple):
    """Hold what a path is fitted to: the objective of X, labels (m,) and weights (m,) or none.

    factors (K,): the weights of the classes, where they are weighed.
    """

    objective: Objective
    labels: NDArray[np.int32]
    weight: Vector
    factors: Vector
    weighed: bool
    standardize: bool

    def ways(self) -> ClassWays:
        """Return what fits of several classes share."""
        objective, labels, weight, factors = self[:4]
        K, threads = len(factors), objective.n_threads
        own = labels, K, weight, factors, objective.backend, threads
        return ClassWays(objective.design, *own, standardize=bool(self.standardize))


def _follow_two(
    examples: Examples, lambdas: Vector, tol: float, iterations: int
) -> tuple[Sequence[Sequence[Fit | ClassFit]], int]:
    """Follow a model of two classes; return the fit at each lambda in a list, and the reads."""
    objective, labels, weight, factors, weighed, standardize = examples
    group = labels if weighed else NO_GROUP
    backend, threads = objective.backend, objective.n_threads
    shared = SharedColumns(objective.design, labels, group, weight, backend, threads)
    train, totals = factors if weighed else np.ones(1), _class_totals(labels, weight, 2)
    total = float(train @ (totals if weighed else [totals.sum()]))
    pattern = Pattern(train, np.zeros(train.size), total, 0.0)
    followed = follow_all(Ways(shared, [pattern], bool(standardize)), lambdas, tol, iterations)
    return followed.fits, shared.passes


def _follow_several(
    examples: Examples, lambdas: Vector, tol: float, iterations: int
) -> tuple[Sequence[Sequence[Fit | ClassFit]], int]:
    """Do the same of several classes."""
    return follow_classes(examples.ways(), [], lambdas, tol, iterations)


class Ways(NamedTuple):
    """Hold the columns to follow: on what, over which examples, and whether standardised."""

    shared: SharedColumns
    patterns: Sequence[Pattern]
    standardize: bool


class Followed(NamedTuple):
    """Hold the fits of each lambda, in the order of the lambdas, and the columns' patterns.

    These have scale and shift where they were standardised. A lambda has no fits where Ctrl-C came
    before it.
    """

    fits: list[list[Fit]]
    patterns: list[Pattern]


def follow_all(
    ways: Ways,
    lambdas: Vector,
    tol: float,
    iterations: int,
    said: Callable[[int], object] | None = None,
) -> Followed:
    """Follow every column along the lambdas, the strongest first.

    said: called with the number of lambdas that are done.
    """
    shared, patterns = ways.shared, list(ways.patterns)
    order = np.argsort(-lambdas, kind="stable")
    fits: list[list[Fit]] = [[] for _ in lambdas]
    with ctrl_c_ends_reads(shared):
        if ways.standardize:
            scales = rescalings(shared, [pattern.train for pattern in patterns])
            patterns = [p._replace(scale=s.scale, shift=s.shift) for p, s in zip(patterns, scales)]
        follower = Follower(
            shared, patterns, lambda index, _: float(lambdas[order[index]]), tol, iterations
        )
        try:
            for done, place in enumerate(order.tolist(), 1):
                fits[place] = follower.at(done - 1)
                if said is not None:
                    said(done)
        except Stopped:
            if not any(fits):
                raise
        shared.passes = follower.shared.passes
    return Followed(fits, patterns)


def check_lambdas(lambdas: Any) -> Vector:
    """Return the strengths (L,): those given, or so many on a logarithmic scale."""
    if isinstance(lambdas, (int, np.integer)) and not isinstance(lambdas, bool):
        count = int(check_number("lambdas", int(lambdas), low=1, integer=True))
        return np.logspace(np.log10(STRONGEST), np.log10(WEAKEST), count)
    given = np.asarray(lambdas)
    if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iuf":
        raise ValueError(
            "lambdas must be how many to take, or a sequence of numbers, at least one; got "
            f"{lambdas!r}"
        )
    for k, value in enumerate(given.tolist()):
        check_number(f"lambdas[{k}]", value, low=0)
    return given.astype(np.float64)


def _checked_weights(sample_weight: Any, m: int) -> Vector:
    weight = require_shape("sample_weight", sample_weight, (1, m), "one weight for each example")
    found = np.ascontiguousarray(weight[0], np.float64)
    wrong = ~(np.isfinite(found) & (found >= 0.0))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"sample_weight must be finite and not negative; got {found[i]} at example {i}"
        )
    return found


def _class_totals(labels: NDArray[np.int32], weight: Vector, classes: int) -> Vector:
    """Return the sum of the weights in each class; ValueError where one weighs nothing."""
    totals = np.bincount(labels, weights=weight if weight.size else None, minlength=classes)
    if not totals.all():
        which = "both classes" if classes == 2 else f"all {classes} classes"
        raise ValueError(
            f"sample_weight must leave {which} to train on; the examples with label "
            f"{int(np.argmin(totals))} weigh 0 together"
        )
    return totals.astype(np.float64)


def class_factors(class_weight: Any, totals: Vector) -> Vector:
    """Return the weight of each class; totals (K,): the sums of the examples' own weights."""
    K = len(totals)
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.asarray(totals.sum() / (float(K) * totals))
    if not isinstance(class_weight, Mapping) or not set(class_weight) <= set(range(K)):
        labels = "0 and 1" if K == 2 else f"0 to {K - 1}"
        raise ValueError(
            f'class_weight must be None, "balanced" or a dict of {labels} -> weight; got '
            f"{class_weight!r}"
        )
    return np.array(
        [
            check_number(f"class_weight[{label}]", class_weight.get(label, 1.0), positive=True)
            for label in range(K)
        ]
    )


def _warn(lambdas: Vector, fits: Sequence[Fit | ClassFit], tol: float, iterations: int) -> None:
    short = [f"{lambdas[k]:.3g}" for k, fit in enumerate(fits) if not fit.reached]
    if not short:
        return
    most = max(fit.iterations for fit in fits)
    remedy = (
        "give more iterations, or standardize=True"
        if most >= iterations
        else "rounding ended them: give a larger tol, or standardize=True"
    )
    warnings.warn(
        f"tol = {tol:g} was not reached at lambda = {', '.join(short[:5])}"
        f"{', ...' if len(short) > 5 else ''}: {remedy}",
        TrainingWarning,
        stacklevel=3,
    )
