"""Softmax models along lambda, from the strongest penalty to the weakest: one fit after the other.

A fold is a weight for each example: 0 for what is held out. So X is never copied, and one vector of
weights is there at a time. Each fit follows its own path. It starts from the last lambda's optimum:
there the gradient for the next one is known without a read. What it knows of the curvature moves
along (`solvers.auto`). The held-out loss is made of the z of the last read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Backend
from ..data.design import Design
from ..machine.blas import inner
from ..maths import softmax
from ..maths.arrays import Vector
from ..maths.penalties import L2
from ..maths.softmax import ClassLabels
from ..objective.column_moments import rescalings
from ..objective.columns import SharedColumns
from ..objective.point import Evaluation, Point
from ..objective.softmax import SoftmaxObjective
from ..solvers.answers import Answers, drive
from ..solvers.auto import Auto
from ..solvers.base import Settings
from ..solvers.state import State
from .folds import Indices, require_parts

BLOCK = 1 << 17  # numbers of Z at a time, in the held-out loss


class ClassFit(NamedTuple):
    """Hold what was found for one fit of several classes at one lambda.

    w (K, n_x) and b (K,) are for the design. held: the mean held-out loss, NaN where nothing is
    held out. reached: whether the bound, without a penalty the gradient, is within tol. loss: the
    mean loss, the cost without the penalty.
    """

    w: Vector
    b: Vector
    cost: float
    bound: float
    gradient_norm: float
    held: float
    iterations: int
    reached: bool
    loss: float


class ClassWays(NamedTuple):
    """Hold what all fits share: X, labels (m,) of 0 .. classes - 1, and how to go about it.

    weight (m,) or none: of the examples themselves. factors (K,): the weights of the classes, which
    count in J and not in what is held out.
    """

    design: Design
    labels: ClassLabels
    classes: int
    weight: Vector
    factors: Vector
    backend: str | Backend = "fused"
    n_threads: int | None = None
    intercept: bool = True
    standardize: bool = False

    def weight_of(self, counts: NDArray[Any] | None) -> Vector:
        """Return the weight of each example in J (m,), or none; counts: how often it is there."""
        weight = self.weight
        if (self.factors != 1.0).any():
            own = self.factors[self.labels]
            weight = weight * own if weight.size else own
        if counts is None:
            return weight
        return weight * counts if weight.size else counts.astype(np.float64)


class ClassFold(NamedTuple):
    """Hold how often each example is trained on (m,), in few bytes, and which are held out."""

    counts: NDArray[Any]
    test: Indices


def folds_of_classes(
    ways: ClassWays, splits: Iterable[tuple[Indices, Indices]], names: Sequence[Any]
) -> list[ClassFold]:
    """Check the splits, all of them before any fit, and keep a byte an example of each.

    names (K,): of the classes, for errors.

    Raises
    ------
    ValueError
        Where a part is empty, a class has no examples to train on, or what is held out weighs
        nothing; naming the split.
    """
    found: list[ClassFold] = []
    m, weight = len(ways.labels), ways.weight
    for number, (train, test) in enumerate(splits):
        require_parts(number, train, test)
        counts = np.bincount(train, minlength=m)
        mass = counts * weight if weight.size else counts
        left = np.bincount(ways.labels, mass, ways.classes)
        if not left.all():
            raise ValueError(
                "cv must leave every class to train on; the training set of split "
                f"{number}, counted from 0, has no example of {names[int(np.argmin(left))]!r}. Use "
                "fewer splits, or stratified ones"
            )
        if weight.size and not weight[test].any():
            raise ValueError(
                f"cv must hold out examples of positive weight; those of split {number}, counted "
                "from 0, weigh 0. Leave it out"
            )
        small = np.min_scalar_type(int(counts.max()))
        found.append(ClassFold(counts.astype(small), test))
    if not found:
        raise ValueError("cv must give one split at least; got none")
    return found


class FollowedClasses(NamedTuple):
    """Hold the fits of each lambda, the full one first, and the reads of X in all."""

    fits: list[list[ClassFit]]
    reads: int


def follow_classes(
    ways: ClassWays,
    folds: Sequence[ClassFold],
    lambdas: Vector,
    tol: float,
    iterations: int,
    said: Callable[[int], object] | None = None,
) -> FollowedClasses:
    """Follow the full fit and each fold's along the lambdas, the strongest first.

    said: called with the number of fits that are done.
    """
    order = np.argsort(-lambdas, kind="stable").tolist()
    fits: list[list[ClassFit]] = [[] for _ in order]
    reads, done = 0, itertools.count(1)
    for fold in (None, *folds):
        follower = ClassFollower(ways, fold, tol, iterations)
        for place in order:
            fits[place].append(follower.at(float(lambdas[place])))
            if said is not None:
                said(next(done))
        reads += follower.objective.passes
    return FollowedClasses(fits, reads)


class ClassFollower:
    """Follows one fit of several classes along lambda, which is to fall. fold: None for all."""

    def __init__(
        self, ways: ClassWays, fold: ClassFold | None, tol: float, iterations: int
    ) -> None:
        self.ways, self.fold, self.settings = ways, fold, Settings(tol)
        self.iterations = iterations
        weight = ways.weight_of(None if fold is None else fold.counts)
        self.objective = self._objective(weight)
        self.method: Auto | None = None

    def _objective(self, weight: Vector) -> SoftmaxObjective:
        """Return J on X less the mean of its columns, over their spread where it is so wanted."""
        ways, design, reads = self.ways, self.ways.design, 0
        if ways.standardize:
            shared = SharedColumns(
                design,
                ways.labels,
                weight=weight,
                backend=ways.backend,
                n_threads=ways.n_threads,
                intercept=ways.intercept,
            )
            (found,) = rescalings(shared, [np.ones(1)])
            shift = design.shift * found.scale + found.shift
            design, reads = design.rescaled(design.scale * found.scale, shift), shared.passes
        objective = SoftmaxObjective(
            design,
            ways.labels,
            ways.classes,
            backend=ways.backend,
            n_threads=ways.n_threads,
            weight=weight,
            intercept=ways.intercept,
        )
        objective.passes = reads
        if not ways.intercept or ways.standardize:
            return objective
        sampled = objective.sample_mean()
        mean = objective.mean() if sampled is None else sampled
        return objective.on(design.rescaled(design.scale, design.shift - mean))

    def at(self, lambda_: float) -> ClassFit:
        """Find the optimum at one lambda, from that at the last one."""
        objective, last = self.objective, self.method
        before, objective.penalty = objective.penalty, L2(lambda_, objective.total)
        answers = Answers(objective)
        if last is None:
            state = State(np.zeros(objective.size))
            method = Auto(answers.problem, state, self.settings)
            drive((answers, method.prepare()))
        else:
            assert last.solver.point is not None
            point = _under(objective, last.solver.point, before.modulus)
            state = State(point.theta)
            method = Auto(answers.problem, state, self.settings)
            drive((answers, method.begin_at(point, last)))
        # At the last optimum the goal may be reached already.
        if state.stop is None:
            drive((answers, method.advance(self.iterations)))
        self.method = method
        assert method.solver.point is not None
        return self._fit(state, method.solver.point)

    def _fit(self, state: State, point: Point) -> ClassFit:
        """Return what was found, for the design as it was given."""
        objective, ways = self.objective, self.ways
        bound, tol = state.bound, self.settings.tol
        if not np.isfinite(bound):
            bound = objective.certify(point.theta, point.evaluation, point.z)
        size = float(np.abs(point.evaluation.gradient).max())
        own = objective.penalty.value(objective.split(point.theta)[0].reshape(-1))
        W, b = objective.split(objective.centred(point.theta))
        # scale and shift of the objective's X, in terms of those of the design as it was given.
        ratio = objective.design.scale / ways.design.scale
        away = objective.design.shift - ratio * ways.design.shift
        b = b + np.array([inner(w, away) for w in W])
        if ways.intercept:
            b -= b.mean()
        return ClassFit(
            W * ratio,
            b,
            point.evaluation.J,
            bound,
            size,
            self._held(self._scores(point)),
            state.iteration,
            (size if objective.decay == 0.0 else bound) <= tol,
            point.evaluation.J - own,
        )

    def _scores(self, point: Point) -> Vector:
        """Return z (K, m) of a point."""
        return np.asarray(point.z)

    def _held(self, z: Vector) -> float:
        """Return the mean loss of what is held out, by z (K, m) of all examples."""
        if self.fold is None:
            return np.nan
        ways, test, total, mass = self.ways, self.fold.test, 0.0, 0.0
        step = max(1, BLOCK // ways.classes)
        for lo in range(0, len(test), step):
            rows = test[lo : lo + step]
            with np.errstate(over="ignore", invalid="ignore"):
                loss = softmax.losses(z[:, rows], ways.labels[rows])
            own = ways.weight[rows] if ways.weight.size else np.ones(len(rows))
            total, mass = total + inner(own, loss), mass + float(own.sum())
        return total / mass


def _under(objective: SoftmaxObjective, point: Point, decay: float) -> Point:
    """Return a point that was found under another penalty as it is now: no read of X.

    decay: lambda / S of that other one.
    """
    more = objective.decay - decay
    W = objective.split(point.theta)[0]
    gradient = point.evaluation.gradient.copy()
    gradient.reshape(objective.classes, -1)[:, :-1] += more * W
    J = point.evaluation.J + 0.5 * more * inner(W.reshape(-1), W.reshape(-1))
    return Point(point.theta, Evaluation(J, gradient, np.nan), point.z)
