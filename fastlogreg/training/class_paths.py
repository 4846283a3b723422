"""Softmax models along lambda, from the strongest penalty to the weakest: a fit and its folds.

A fold is a weight for each example: 0 for what is held out. So X is never copied. Each fit follows
its own path, and finds what it would find alone, to the last bit. It starts from the last lambda's
optimum: there the gradient for the next one is known without a read. What it knows of the curvature
moves along (`solvers.auto`). The held-out loss is made of the z of the last read.

The fits go side by side, each at its own lambda, and share their reads of X (`solvers.in_step`).
Each keeps up to three z of K numbers an example, and a weight. So as many go together as take at
most a quarter of X, or `ROOM` where X is small, and as have their w in a cache; the others follow.
A small X is fitted in compiled calls that no others could share: there one fit follows the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
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
from ..objective.shared_models import ROOMS_OF_MODEL, Model, SharedModels
from ..objective.softmax import SoftmaxObjective
from ..solvers import compiled_classes
from ..solvers.answers import Answers, drive
from ..solvers.auto import Auto
from ..solvers.base import Settings
from ..solvers.in_step import drive_in_step
from ..solvers.model_answers import ModelAnswers, ModelGatherings
from ..solvers.requests import Asking
from ..solvers.state import State, Stopped
from .folds import Indices, require_parts
from .watch import ctrl_c_ends_reads

BLOCK = 1 << 17  # numbers of Z at a time, in the held-out loss
ROOM, SHARE = 256 << 20, 0.25  # bytes, and of those of X, for what fits that go together keep
NEAR = 1 << 19  # numbers that one read of X in memory looks up, w or z, so that caches hold them


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
    count in J and not in what is held out. watch: as in `Objective`.
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
    watch: Callable[[], object] | None = None

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
    """Hold the fits of each lambda, the full one first, and the reads of X in all.

    A lambda has no fits where Ctrl-C came before all of them were found.
    """

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
    order = np.argsort(-lambdas, kind="stable")
    falling, reads, done = lambdas[order].tolist(), 0, itertools.count(1)
    paths: list[list[ClassFit]] = []

    def keep(path: list[ClassFit], fit: ClassFit) -> None:
        path.append(fit)
        if said is not None:
            said(next(done))

    def along(follower: ClassFollower) -> tuple[Answers, Asking[None]]:
        paths.append([])
        return follower.answers, follower.along(falling, partial(keep, paths[-1]))

    with ctrl_c_ends_reads() as watch:
        ways, stopped = ways._replace(watch=watch), False
        # What is done is let go: nothing but the batch refers to its fits and their z.
        batch = [ClassFollower(ways, None, tol, iterations)]
        at_once = fits_at_once(batch[0]) if folds else 1
        others = (ClassFollower(ways, fold, tol, iterations) for fold in folds)
        with suppress(Stopped):
            batch.extend(itertools.islice(others, at_once - 1))
            while batch and not stopped:
                more, stopped = _follow_batch(batch, along)
                reads += more
                batch.clear()
                batch.extend(itertools.islice(others, at_once))
        by_lambda: list[list[ClassFit]] = [[] for _ in order]
        for k, place in enumerate(order.tolist()):
            if len(paths) == 1 + len(folds) and all(len(path) > k for path in paths):
                by_lambda[place] = [path[k] for path in paths]
        if not any(by_lambda):
            raise Stopped("interrupted")
    return FollowedClasses(by_lambda, reads)


def _follow_batch(
    batch: Sequence[ClassFollower],
    along: Callable[[ClassFollower], tuple[Answers, Asking[None]]],
) -> tuple[int, bool]:
    """Follow some fits side by side; return the reads of X, and whether Ctrl-C ended them."""
    shared, stopped = share_reads(batch) if len(batch) > 1 else None, False
    try:
        if shared is None:
            drive(along(batch[0]))
        else:
            drive_in_step(*map(along, batch))
    except Stopped:
        stopped = True
    own = sum(follower.objective.passes for follower in batch)
    return own + (0 if shared is None else shared.passes), stopped


def fits_at_once(lead: ClassFollower) -> int:
    """Return how many fits go together, by what each of them keeps; one where none can share."""
    objective = lead.objective
    objective.penalty = L2(1.0, objective.total)  # that of a lambda comes with it
    if not objective.backend.whole_runs or compiled_classes.is_small(objective):
        return 1
    design, K, m = objective.design, objective.classes, objective.m
    count = int(max(ROOM, SHARE * design.nbytes) / (8 * m * (ROOMS_OF_MODEL * K + 1)))
    if design.dense is not None or design.sparse is not None:  # else a read is dear
        by_feature = design.sparse is not None and not design.sparse.by_example
        count = min(count, NEAR // (K * (m if by_feature else design.n_x)))
    return max(1, count)


def share_reads(followers: Sequence[ClassFollower]) -> SharedModels:
    """Let these, which are to follow their fits side by side, answer from shared reads."""
    lead = followers[0].objective
    weights = np.ones((len(followers), lead.m))
    for follower, row in zip(followers, weights):
        if follower.objective.weight.size:
            row[:] = follower.objective.weight
            follower.objective.weight = row
    shared = SharedModels(lead, weights)
    shared.watch = lead.watch
    gatherings = ModelGatherings(shared)
    for k, follower in enumerate(followers):
        follower.answers = ModelAnswers(gatherings, Model(follower.objective, k))
    return shared


class ClassFollower:
    """Follows one fit of several classes along lambda, which is to fall. fold: None for all.

    answers: those of the objective, for the solvers that `along` has.
    """

    def __init__(
        self, ways: ClassWays, fold: ClassFold | None, tol: float, iterations: int
    ) -> None:
        self.ways, self.fold, self.settings = ways, fold, Settings(tol)
        self.iterations = iterations
        weight = ways.weight_of(None if fold is None else fold.counts)
        self.objective = self._objective(weight)
        self.answers = Answers(self.objective)
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
            shared.watch = ways.watch
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
        objective.passes, objective.watch = reads, ways.watch
        if not ways.intercept or ways.standardize:
            return objective
        sampled = objective.sample_mean()
        mean = objective.mean() if sampled is None else sampled
        return objective.on(design.rescaled(design.scale, design.shift - mean))

    def at(self, lambda_: float) -> ClassFit:
        """Find the optimum at one lambda, from that at the last one."""
        found: list[ClassFit] = []
        drive((self.answers, self.along([lambda_], found.append)))
        return found[0]

    def along(self, lambdas: Iterable[float], keep: Callable[[ClassFit], object]) -> Asking[None]:
        """Find the optimum at each lambda, from that at the one before, and have it kept."""
        for lambda_ in lambdas:
            fit = yield from self._steps(lambda_)
            keep(fit)

    def _steps(self, lambda_: float) -> Asking[ClassFit]:
        method = self.method = yield from self._begun(lambda_)
        # At the last optimum the goal may be reached already.
        if method.state.stop is None:
            yield from method.advance(self.iterations)
        assert method.solver.point is not None
        return self._fit(method.state, method.solver.point)

    def _begun(self, lambda_: float) -> Asking[Auto]:
        """Begin with a lambda. What this knows of the last point ends with it, so that its z is
        kept no longer than the solver has it."""
        objective, last = self.objective, self.method
        before, objective.penalty = objective.penalty, L2(lambda_, objective.total)
        self.answers.renew()
        if last is None:
            method = Auto(self.answers.problem, State(np.zeros(objective.size)), self.settings)
            yield from method.prepare()
            return method
        assert last.solver.point is not None
        point = _under(objective, last.solver.point, before.modulus)
        method = Auto(self.answers.problem, State(point.theta), self.settings)
        yield from method.begin_at(point, last)
        return method

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
