"""Models along lambda, from the strongest penalty to the weakest, in shared reads of X.

At each lambda the full fit and the folds advance together, a column each. They start from the last
lambda's points: there the gradient for the next one is known without a read, so that the first step
is a prediction. What the steps are made with depends on the shape:

    newton    small X: each column's own Hessian, at every point
    groups    few features: the Hessian of the full fit, over each group of the examples in one
              read. A fold's is that of its groups. L-BFGS makes the steps, these its inner matrices
    sample    more features: a Hessian of some of the examples, for all columns
    lbfgs     wide X, and a sparse one: L-BFGS on columns of X scaled by their spread

A Hessian is taken anew, at the point of the full fit, where the steps have become so slow that it
pays. That is decided by the full fit alone: what a fold finds does not depend on the other folds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..machine.blas import inner
from ..maths.arrays import NONE, Vector, flat
from ..maths.penalties import L2
from ..objective.columns import Column, SharedColumns
from ..objective.point import Evaluation, Point
from ..solvers import auto
from ..solvers.answers import Answers, drive, together
from ..solvers.base import Settings
from ..solvers.column_answers import ColumnAnswers, Gatherings, describe
from ..solvers.lbfgs import LBFGS
from ..solvers.linear import by_factor, with_ridge
from ..solvers.newton import Newton
from ..solvers.requests import Estimate, EstimateHessian, Judge, TakeSample
from ..solvers.state import State

# Features up to which the exact Hessians over groups are taken, and the share of X that they take.
LARGEST_GROUPS, GROUPS_SHARE, GROUPS_BYTES = 256, 0.04, 1 << 21
# Of the measure: what a step with a fresh Hessian is expected to leave of it.
FRESH = {"groups": 1e-4, "sample": 2e-2}


class Pattern(NamedTuple):
    """Hold what a column trains on, as in `objective.columns.Column`, whatever lambda is."""

    train: Vector
    held: Vector
    total: float
    held_total: float
    scale: Vector = NONE
    shift: Vector = NONE


class Fit(NamedTuple):
    """Hold what was found for one column at one lambda.

    w (n_x,) and b for the design; held: the mean held-out loss, NaN where nothing is held out.
    loss: the mean loss, the cost without the penalty.
    reached: whether the bound, without a penalty the gradient, is within tol.
    """

    w: Vector
    b: float
    cost: float
    bound: float
    gradient_norm: float
    held: float
    iterations: int
    reached: bool
    loss: float


class Follower:
    """Follows the columns of `patterns`, the first of which is the full fit, along lambda.

    lambda_of: (index of lambda, column) -> lambda.
    """

    def __init__(
        self,
        shared: SharedColumns,
        patterns: Sequence[Pattern],
        lambda_of: Callable[[int, int], float],
        tol: float,
        iterations: int,
    ) -> None:
        self.patterns, self.lambda_of = patterns, lambda_of
        self.tol, self.iterations = tol, iterations
        self.shared, self.mean = shared, NONE
        self.plan = plan(shared, len(patterns))
        if self.plan == "lbfgs" and shared.intercept:
            self._centre()
        self.gatherings = Gatherings(self.shared)
        self.points: list[Point] = []
        self.columns: list[Column] = []
        self.pairs: list[list[tuple[Vector, Vector, float]]] = [[] for _ in patterns]
        self.H: list[Vector] = []
        self.by_group: Vector | None = None  # or the one Hessian of a sample
        self.rate = FRESH.get(self.plan, 1.0)  # the best seen since a Hessian was fresh

    def _centre(self) -> None:
        """Take X less the mean of its columns, by folding: for L-BFGS without an inner matrix."""
        design = self.shared.design
        lead = self.shared.alone(self._columns(0)[0])
        found = lead.sample_mean()
        self.mean = lead.mean() if found is None else found
        self.shared.passes += lead.passes
        self.shared = self.shared.on(design.rescaled(design.scale, design.shift - self.mean))

    def _columns(self, index: int) -> list[Column]:
        return [
            Column(
                1,
                p.train,
                p.held,
                p.total,
                p.held_total,
                L2(self.lambda_of(index, k), p.total),
                p.scale,
                p.shift,
            )
            for k, p in enumerate(self.patterns)
        ]

    def at(self, index: int) -> list[Fit]:
        """Find every column's optimum at one lambda, from those at the last one."""
        before, columns = self.columns, self._columns(index)
        answers = [ColumnAnswers(self.gatherings, column) for column in columns]
        if not before:
            self._begin(columns)
        else:
            self.points = [
                under(point, old, new) for point, old, new in zip(self.points, before, columns)
            ]
            for k, (old, new) in enumerate(zip(before, columns)):
                self._move_curvature(k, new.decay - old.decay)
        self.columns = columns
        states = [State(point.theta) for point in self.points]
        judged = together([(one, Judge(p, self.tol)) for one, p in zip(answers, self.points)])
        for state, point, judgement in zip(states, self.points, judged):
            state.take(point, judgement)
        solvers = self._solvers(answers, states)
        self._advance(answers, solvers, states)
        for k, solver in enumerate(solvers):
            assert solver.point is not None
            self.points[k] = solver.point
            if isinstance(solver, LBFGS):
                self.pairs[k] = solver.pairs
            else:
                self.H[k] = solver.H
        return [self._fit(k, state) for k, state in enumerate(states)]

    def _begin(self, columns: list[Column]) -> None:
        """Find where all columns start: at the optimum of a sample, or at 0; one read."""
        theta = np.zeros(self.shared.n_x + 1)
        # Where a sample's Hessians cost more than reads, the strongest penalty's start is 0.
        worth = auto.plan(describe(self.shared, columns[0].decay)) != "lbfgs"
        if self.plan in ("groups", "sample") and worth:
            theta = self._optimum_of_sample(columns[0])
        starts = [restated(theta, columns[0], column) for column in columns]
        if self.plan == "newton":
            found = self.shared.evaluate_with_hessians(columns, starts)
            self.points, self.H = [point for point, _ in found], [H for _, H in found]
            return
        self.points = self.shared.evaluate(columns, starts)
        self._take_hessian(columns[0], theta)

    def _take_hessian(self, column: Column, theta: Vector) -> None:
        """Take the Hessians anew at a point of the full fit, where they are of the plan."""
        if self.plan == "groups":
            self.by_group = self.shared.group_hessians(column, theta)
        elif self.plan == "sample":
            rows = auto.rows_of_sample(describe(self.shared, column.decay))
            # In the design's features, as the groups' are, and without a penalty.
            bare = column._replace(penalty=L2(0.0, column.total), scale=NONE, shift=NONE)
            at = Point(np.append(*column.fold(theta)), Evaluation(0.0, theta, 0.0), None)
            found: Estimate = ColumnAnswers(self.gatherings, bare).answer(EstimateHessian(at, rows))
            self.by_group = column.total * found.H[None]

    def _optimum_of_sample(self, column: Column) -> Vector:
        """Find the optimum of a sample, to the accuracy that a sample has."""
        rows = auto.rows_of_sample(describe(self.shared, column.decay))
        answers: Answers = ColumnAnswers(self.gatherings, column).answer(TakeSample(rows))
        state = State(np.zeros(self.shared.n_x + 1))
        method = Newton(answers.problem, state, Settings(tol=-1.0))
        drive((answers, method.prepare()))
        enough = 0.25 * len(state.theta) / answers.problem.m
        for _ in range(20):
            before = state.cost
            drive((answers, method.advance(1)))
            if state.stop is not None or before - state.cost <= enough:
                break
        return state.theta

    def _move_curvature(self, k: int, more: float) -> None:
        """Give what is known of a column's curvature the penalty of another lambda."""
        moved = []
        for s, y, sy in self.pairs[k]:
            y = y.copy()
            y[:-1] += more * s[:-1]
            sy += more * inner(s[:-1], s[:-1])
            if sy > 0.0:
                moved.append((s, y, sy))
        self.pairs[k] = moved
        if self.plan == "newton":
            self.H[k] = self.H[k].copy()
            flat(self.H[k])[: -1 : self.shared.n_x + 2] += more

    def _inverse(self, column: Column) -> Callable[[Vector], Vector]:
        """Return g -> H^-1 g for a column."""
        assert self.by_group is not None
        if self.plan == "groups":
            H = self.shared.hessian_of(column, self.by_group)
        else:
            share = column.total / self.patterns[0].total
            H = self.shared.finished_hessian(column, share * self.by_group[0])
        solve = by_factor(H, describe(self.shared, column.decay))
        if solve is not None:
            return solve
        inverse = with_ridge(H, np.linalg.inv)
        inverse = 0.5 * (inverse + inverse.T)
        return lambda g: np.asarray(np.einsum("ij,j->i", inverse, g))

    def _solvers(
        self, answers: Sequence[ColumnAnswers], states: Sequence[State]
    ) -> list[LBFGS | Newton]:
        settings = Settings(self.tol)
        found: list[LBFGS | Newton] = []
        for k, (one, state) in enumerate(zip(answers, states)):
            solver: LBFGS | Newton
            if self.plan == "newton":
                solver = Newton(one.problem, state, settings)
                solver.H = self.H[k]
            else:
                inner_ = self._inverse(one.column) if self.plan != "lbfgs" else None
                solver = LBFGS(one.problem, state, settings, inner=inner_)
                solver.pairs = self.pairs[k]
            drive((one, solver.prepare()))
            solver.point = self.points[k]
            found.append(solver)
        return found

    def _advance(
        self,
        answers: Sequence[ColumnAnswers],
        solvers: Sequence[LBFGS | Newton],
        states: Sequence[State],
    ) -> None:
        """Advance all columns, an iteration each at a time, until each has ended."""
        for _ in range(self.iterations):
            running = [k for k, state in enumerate(states) if state.stop is None]
            if not running:
                return
            before = states[0].measure
            drive(*((answers[k], solvers[k].advance(1)) for k in running))
            if self.by_group is not None and states[0].stop is None:
                self._refresh(before, answers, solvers, states)

    def _refresh(
        self,
        before: float,
        answers: Sequence[ColumnAnswers],
        solvers: Sequence[LBFGS | Newton],
        states: Sequence[State],
    ) -> None:
        """Take the Hessians anew where what they save is more than they take."""
        after, goal = states[0].measure, max(self.tol, 1e-16)
        if not (goal < after < math.inf and before < math.inf):
            return
        rate = min(after / before, 0.99)
        decades = math.log(goal / after)
        as_it_is, anew = decades / math.log(rate), decades / math.log(self.rate)
        if as_it_is <= anew + self._reads_of_hessian():
            return
        lead = solvers[0]
        assert lead.point is not None
        self._take_hessian(self.columns[0], lead.point.theta)
        for k, solver in enumerate(solvers):
            if states[k].stop is None and isinstance(solver, LBFGS):
                solver.begin_anew(self._inverse(answers[k].column))

    def _reads_of_hessian(self) -> float:
        """Return what the Hessians take, in passes of all columns."""
        shared, K = self.shared, len(self.patterns)
        if self.plan == "groups":
            return 1.0 + shared.n_x / (4.0 * K)
        rows = auto.rows_of_sample(describe(shared, 0.0))
        return 2.0 + rows * shared.n_x / (4.0 * K * shared.m)

    def _fit(self, k: int, state: State) -> Fit:
        column, point = self.columns[k], self.points[k]
        w, b = column.fold(point.theta)
        if self.mean.size:
            b -= inner(self.mean, w)
        gradient = point.evaluation.gradient
        size = float(np.abs(gradient).max())
        reached = state.stop == "converged"
        return Fit(
            np.array(w),
            b,
            point.evaluation.J,
            state.bound,
            size,
            point.z,
            state.iteration,
            reached,
            point.evaluation.J - column.penalty.value(point.theta[:-1]),
        )


def plan(shared: SharedColumns, columns: int) -> str:
    """Choose "newton", "groups", "sample" or "lbfgs" from the shape alone."""
    design, n_x = shared.design, shared.n_x
    if design.sparse is None and float(shared.m) * n_x**2 <= auto.SMALL and n_x <= shared.m:
        return "newton"
    room = max(GROUPS_BYTES, GROUPS_SHARE * design.nbytes)
    if n_x <= LARGEST_GROUPS and 8 * shared.groups * (n_x + 1) ** 2 <= room:
        return "groups"
    # One Hessian is for all columns and, mostly, for several lambdas.
    rows = auto.rows_of_sample(describe(shared, 0.0))
    return "sample" if n_x <= auto.LARGEST_INNER and shared.m >= 2 * rows else "lbfgs"


def under(point: Point, old: Column, new: Column) -> Point:
    """Return a point as it is with the penalty of another column: no read of X."""
    theta, (J, gradient, curvature), held = point
    w, gradient = theta[:-1], gradient.copy()
    before = np.zeros(w.size)
    old.penalty.add_gradient(w, before)
    gradient[:-1] -= before
    new.penalty.add_gradient(w, gradient[:-1])
    J += new.penalty.value(w) - old.penalty.value(w)
    return Point(theta, Evaluation(J, gradient, curvature), held)


def restated(theta: Vector, old: Column, new: Column) -> Vector:
    """Return theta of one column as what gives the same z in another."""
    w, b = old.fold(theta)
    if new.scale.size:
        w = w / new.scale
        b -= inner(new.shift, w)
    return np.append(w, b)
