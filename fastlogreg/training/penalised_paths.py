"""Models with an elastic net along lambda, from the strongest penalty to the weakest.

The full fit and the folds advance together, a column each, in shared reads of X. At each lambda a
column begins from its last point: the gradient for the new penalty is known there without a read,
and so is the Hessian of the working set. Its first step is then a prediction, and the read that
judges it often proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..backends.base import NO_GROUP
from ..checks.arguments import check_number
from ..checks.penalties import Penalties, check_offset, check_penalties
from ..machine.blas import inner
from ..maths.arrays import NONE, Vector
from ..maths.elastic_net import ElasticNet
from ..maths.penalty_choice import penalty_from
from ..objective.column_moments import rescalings
from ..objective.columns import Column
from ..objective.objective import Objective
from ..objective.penalised import PenalisedColumns
from ..objective.point import Evaluation, Point
from ..objective.prepared import Extras
from ..solvers import compiled_penalised
from ..solvers.answers import drive, together
from ..solvers.base import Settings
from ..solvers.penalised_answers import PenalisedAnswers, PenalisedGatherings
from ..solvers.prox_newton import ProxNewton
from ..solvers.requests import Evaluate, Judge
from ..solvers.state import State, Stopped
from .class_paths import ClassFit
from .follow import Fit, Pattern
from .watch import ctrl_c_ends_reads

One = TypeVar("One", Fit, ClassFit)
NULL_STEPS = 100  # of Newton's method for b alone, at most
# Where a path ends early: lambdas at least, of the deviance explained, and gained by one lambda.
EARLIEST, EXPLAINED, LEAST_GAIN = 5, 0.999, 1e-5


class Null(NamedTuple):
    """Hold the model without the features that are penalised, and the lambda that leads to it.

    theta (n_x + 1,); J: the mean loss there; strength: the largest lambda with a feature in.
    """

    theta: Vector
    J: float
    strength: float


class PenalisedFollower:
    """Follows the columns of `patterns`, the first of which is the full fit, along lambda.

    penalties: of each column, in the units of X as it sees it, all of one lambda.
    """

    def __init__(
        self,
        shared: PenalisedColumns,
        patterns: Sequence[Pattern],
        penalties: Sequence[ElasticNet],
        tol: float,
        iterations: int,
    ) -> None:
        self.shared, self.patterns, self.penalties = shared, patterns, penalties
        self.tol, self.iterations = tol, iterations
        self.gatherings = PenalisedGatherings(shared)
        self.columns = [
            Column(1, p.train, p.held, p.total, p.held_total, penalty, p.scale, p.shift)
            for p, penalty in zip(patterns, penalties)
        ]
        self.answers = [PenalisedAnswers(self.gatherings, column) for column in self.columns]
        self.points = self._null_points()
        self.solvers: list[ProxNewton | None] = [None] * len(patterns)
        lead = self.points[0]
        self.null = Null(
            lead.theta,
            lead.evaluation.J - penalties[0].value(lead.theta[:-1]),
            penalties[0].lambda_ * shared.largest_strength(self.columns[0], lead),
        )

    def _null_points(self) -> list[Point]:
        """Find the models in which no penalised feature is in: b and the free features alone."""
        thetas = []
        for column, penalty in zip(self.columns, self.penalties):
            theta = np.zeros(self.shared.n_x + 1)
            theta[:-1] = penalty.clipped(theta[:-1])
            if self.shared.intercept and not theta.any():
                theta[-1] = self.shared.best_bias(column)
            thetas.append(theta)
        asked = [(one, Evaluate(theta)) for one, theta in zip(self.answers, thetas)]
        points: list[Point] = together(asked)
        free = [penalty.free() for penalty in self.penalties]
        if not any(each.any() for each in free):
            return points
        states = [State(point.theta) for point in points]
        held = [
            PenalisedAnswers(self.gatherings, column._replace(penalty=penalty.with_alone(own)))
            for column, penalty, own in zip(self.columns, self.penalties, free)
        ]
        solvers = [
            ProxNewton(one.problem, state, Settings(1e-14)) for one, state in zip(held, states)
        ]
        drive(*((one, solver.advance(NULL_STEPS)) for one, solver in zip(held, solvers)))
        return [under(state_point(solver), column) for solver, column in zip(solvers, self.columns)]

    def along(self, lambdas: Vector) -> Iterator[list[Fit]]:
        """Yield every column's optimum at each of these lambdas of the full fit, in their order."""
        if all(compiled_penalised.is_small(self.shared, column) for column in self.columns):
            yield from self._whole(lambdas)
            return
        for lambda_ in lambdas.tolist():
            yield self.at(lambda_)

    def _whole(self, lambdas: Vector) -> list[list[Fit]]:
        """Find the optima of a small X, a column in one compiled call."""
        fits = []
        for column, point in zip(self.columns, self.points):
            strengths = lambdas * (column.penalty.lambda_ / self.penalties[0].lambda_)
            goals = np.full(len(lambdas), self.tol)
            found = compiled_penalised.follow(self.shared, column, point.theta, strengths, goals)
            folded = [column.fold(theta) for theta in found.thetas]
            held = self.shared.held_losses(column, folded)
            fits.append(
                [
                    Fit(np.array(w), b, J, gap, np.nan, at, int(steps), gap <= self.tol, loss)
                    for (w, b), (J, loss, gap, steps, _), at in zip(
                        folded, found.numbers.tolist(), held.tolist()
                    )
                ]
            )
        return [[*at] for at in zip(*fits)]

    def at(self, lambda_: float) -> list[Fit]:
        """Find every column's optimum at one lambda, from those at the last one."""
        share = lambda_ / self.penalties[0].lambda_ if self.penalties[0].lambda_ else 1.0
        self.columns = [
            column._replace(penalty=penalty.with_lambda(penalty.lambda_ * share))
            for column, penalty in zip(self.columns, self.penalties)
        ]
        points = [under(point, column) for point, column in zip(self.points, self.columns)]
        states = [State(point.theta) for point in points]
        solvers = []
        for one, column, state, point, last in zip(
            self.answers, self.columns, states, points, self.solvers
        ):
            one.column = column
            solver = ProxNewton(one.problem, state, Settings(self.tol))
            solver.begin_at(point, last)
            solvers.append(solver)
        asked = [
            (one, Judge(point, self.tol, others=solver.known_others))
            for one, point, solver in zip(self.answers, points, solvers)
        ]
        for solver, judgement in zip(solvers, together(asked)):
            solver.begin_judged(judgement)
        drive(*((a, s.advance(self.iterations)) for a, s in zip(self.answers, solvers)))
        self.points = [state_point(solver) for solver in solvers]
        self.solvers = list(solvers)
        return [self._fit(k, state) for k, state in enumerate(states)]

    def _fit(self, k: int, state: State) -> Fit:
        column, point = self.columns[k], self.points[k]
        w, b = column.fold(point.theta)
        bound = state.bound
        if not np.isfinite(bound):  # it was not asked for, short of the goal
            bound = self.shared.prove(column, point).bound
        return Fit(
            np.array(w),
            b,
            point.evaluation.J,
            bound,
            float(np.abs(point.evaluation.gradient).max()),
            point.z.held,
            state.iteration,
            state.stop == "converged",
            point.z.loss,
        )


def state_point(solver: ProxNewton) -> Point:
    """Return the point at which a solver stands."""
    assert solver.point is not None
    return solver.point


def under(point: Point, column: Column) -> Point:
    """Return a point as it is with the penalty of a column: no read of X."""
    w, sides = point.theta[:-1], point.z
    gradient = sides.slopes.copy()
    column.penalty.add_gradient(w, gradient[:-1])
    J = sides.loss + column.penalty.value(w)
    return Point(point.theta, Evaluation(J, gradient, point.evaluation.curvature), sides)


class Along(NamedTuple):
    """Hold the lambdas to follow, or how many to take from the largest that matters.

    given (L,): only their number counts where by_number. smallest: over the largest, None for
    what the shape suggests. stop_early: whether the path may end where it explains nothing more.
    """

    given: Vector
    by_number: bool
    smallest: Any = None
    stop_early: bool = False


def lambdas_for(along: Along, largest: float, wide: bool) -> Vector:
    """Return the lambdas (L,) in the order asked for.

    largest: the lambda at which the first feature moves; NaN where L1 holds none. wide: whether
    there are more features than examples.
    """
    if not along.by_number or np.isnan(largest):
        return along.given
    if not largest > 0.0:
        raise ValueError(
            "lambdas must be given where no feature is penalised by L1, or none moves at all; got "
            f"a number, {len(along.given)}"
        )
    ratio = 1e-2 if wide else 1e-4
    if along.smallest is not None:
        ratio = check_number("lambda_min_ratio", along.smallest, positive=True)
        if ratio >= 1.0:
            raise ValueError(f"lambda_min_ratio must be below 1; got {ratio:g}")
    steps = np.arange(len(along.given)) / max(1, len(along.given) - 1)
    return np.asarray(largest * ratio**steps)


def until_enough(
    along: Along, lambdas: Vector, null: float, fits: Iterable[One]
) -> tuple[list[One], Vector]:
    """Return the fits and their lambdas, in the order of these, up to where the path may end.

    That is also where Ctrl-C ended it; `Stopped` where that was before the first.
    fits: from the strongest lambda on. null: the loss without features.
    """
    found: dict[int, One] = {}
    explained = -np.inf
    try:
        for place, fit in zip(np.argsort(-lambdas, kind="stable").tolist(), fits):
            found[place] = fit
            before, explained = explained, 1.0 - fit.loss / null
            gained = explained - before
            ended = explained > EXPLAINED or gained < LEAST_GAIN * explained
            if along.stop_early and ended and len(found) >= EARLIEST:
                break
    except Stopped:
        if not found:
            raise
    reached = sorted(found)
    return [found[k] for k in reached], lambdas[reached]


class FollowedPath(NamedTuple):
    """Hold the fits at the lambdas that were reached, the reads, and the loss without features."""

    fits: Sequence[Fit | ClassFit]
    reads: int
    null: float
    lambdas: Vector


def penalised_path(
    objective: Objective,
    weights: tuple[Vector, Vector],
    extras: Extras,
    along: Along,
    standardize: bool,
    tol: float,
    iterations: int,
) -> FollowedPath:
    """Follow one model along lambda; weights: of the examples (m,) or none, of the classes (2,)."""
    (weight, factors), m = weights, objective.m
    labels = objective.targets.astype(np.int32)
    weighed = bool((factors != 1.0).any())
    checked = check_penalties(*extras[:4], objective.n_x)
    shared = PenalisedColumns(
        objective.design,
        labels,
        labels if weighed else NO_GROUP,
        weight,
        objective.backend,
        objective.n_threads,
        offset=NONE if extras.offset is None else check_offset(extras.offset, m),
    )
    train = factors if weighed else np.ones(1)
    pattern = Pattern(train, np.zeros(train.size), inner(train, shared.group_totals()), 0.0)
    with ctrl_c_ends_reads(shared):
        follower = follower_of(shared, [pattern], checked, standardize, tol, iterations)
        largest = follower.null.strength if checked.l1_ratio > 0.0 else np.nan
        lambdas = lambdas_for(along, largest, shared.m < shared.n_x)
        null = null_loss(shared, follower.columns[0])
        falling = lambdas[np.argsort(-lambdas, kind="stable")]
        fits = (at[0] for at in follower.along(falling))
        found, reached = until_enough(along, lambdas, null, fits)
    return FollowedPath(found, shared.passes, null, reached)


def follower_of(
    shared: PenalisedColumns,
    patterns: Sequence[Pattern],
    checked: Penalties,
    standardize: bool,
    tol: float,
    iterations: int,
) -> PenalisedFollower:
    """Return what follows columns with such penalties; each is standardised by itself.

    lambda is the same for all, as scikit-learn's C is for every fold.
    """
    patterns = list(patterns)
    if standardize:
        scales = rescalings(shared, [pattern.train for pattern in patterns])
        patterns = [p._replace(scale=s.scale, shift=s.shift) for p, s in zip(patterns, scales)]
    penalties = []
    for p in patterns:
        penalties.append(penalty_from(checked, patterns[0].total, p.total, 1, p.scale))
    return PenalisedFollower(shared, patterns, penalties, tol, iterations)


def null_loss(shared: PenalisedColumns, column: Column) -> float:
    """Return the mean loss of b alone: no read of X."""
    z = shared.offset if shared.offset.size else np.zeros(shared.m)
    b = shared.best_bias(column) if shared.intercept else 0.0
    weight = shared.weight_of(column)
    sums = shared.backend.along_line(z, np.ones(shared.m), shared.y_of(column), weight, b)
    return float(sums.loss) / column.total
