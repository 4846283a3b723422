"""The solver that is chosen from the shape; deterministic.

    newton   small X: Newton on all of it, m n_x^2 is little work; and wide X of few examples, in
             the m-by-m domain
    sample   tall X: Newton on a sample of the examples, then L-BFGS on all of X with the sample's
             Hessian as inner matrix: two to four reads of X to 1e-6, and affine invariant, so that
             unscaled columns cost nothing
    lbfgs    where a sample's Hessians would cost more than 25 reads of X: L-BFGS on X centred by
             folding (z = w.(x - mean) + b' has the same optimum and the same penalty), each column
             by its own spread. Where one Hessian of a smaller sample pays, it goes on with that
             (`early`)

If the inner matrix misleads all the same, the passes on X tell: after every eight iterations that
have not brought the measure down a thousandfold (a hundredfold with spreads alone) it is taken anew
at the point reached, from examples chosen by their share in it: where most are classified well, as
in images, few of them have nearly all of a (1 - a). Twice as many are taken where it was not even
tenfold, in the end all: Newton's method.

Several classes go the same ways. A Hessian couples them, and grows with their square. Where it is
too large, the inner matrix is made of factors (`factors`). At zeros all a are alike, and one factor
for all classes is the whole Hessian: it is taken at once. After two iterations there is one for
each class, and anew where the next eight bring less than a tenth. Where factors take longer than 25
reads, they are first taken after eight iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..machine.blas import inner
from ..maths.arrays import Vector, flat
from ..objective.point import Point
from . import early, factors, newton
from .base import Field, Saved, Schema, Settings
from .lbfgs import LBFGS
from .linear import by_factor, with_ridge
from .newton import Newton
from .requests import (
    Asking,
    Estimate,
    EstimateFactors,
    EstimateHessian,
    Evaluate,
    HessianAt,
    Judge,
    Judgement,
    Problem,
    ProveBySample,
    Sample,
    TakeSample,
    on_sample,
)
from .state import State

FEW_EXAMPLES = 400  # of a wide X, for which K costs less than a dozen reads of X
SMALL = 2e7  # m n_x^2 up to which Newton on all of X is taken
LARGEST_INNER = 1500  # n_x up to which a Hessian of a sample is worth its n_x^3
ROWS_PER_FEATURE, LEAST_ROWS = 10, 4000
# Products of four sampled Hessians, for each number of X, that take as long as 25 reads: for a
# dense X rows n_x <= 70 m. Of a sparse X its non-zeros count, in both.
WORTH = 70
LARGEST_OF_CLASSES = 1000  # size of theta, of several classes, up to which a Hessian is worth it
# Iterations between two looks at the measure, and the factors by which it should have fallen.
PATIENCE, PROGRESS, SPREAD_PROGRESS, SLOW_PROGRESS = 8, 1e-3, 1e-2, 0.1
# One factor for all classes: of so many times the rows, for so many iterations; and the reads that
# factors may take so early.
SHARED_ROWS, SHARED_PATIENCE, SHARED_READS = 4, 2, 25.0
HELD = 1e-6  # of the curvature of J: a smaller penalty is not trusted to hold a moved Hessian

SCHEMA: Schema = {
    "auto": (Field("rows", kind=int), Field("judged", kind=int), Field("judged_measure")),
    "sample": (Field("inner_theta", "T"),),
    "anew": (),
}


def rows_of_sample(problem: Problem) -> int:
    """Return how many examples the first sample takes."""
    return max(LEAST_ROWS, ROWS_PER_FEATURE * problem.n_x)


def plan(problem: Problem) -> str:
    """Choose "newton", "sample" or "lbfgs" from the shape alone."""
    if problem.columns > 1:
        return _plan_of_classes(problem)
    m, n_x, rows = problem.m, problem.n_x, rows_of_sample(problem)
    small = problem.hessian_work <= SMALL
    if (
        float(m) * n_x**2 <= SMALL
        or (small and n_x <= LARGEST_INNER)
        or (m <= FEW_EXAMPLES and newton.by_examples(problem))
    ):
        return "newton"
    passes = WORTH * problem.elements * problem.element_seconds / problem.dense_seconds
    worth = problem.hessian_work * rows / m <= passes
    return "sample" if n_x <= LARGEST_INNER and m >= 2 * rows and worth else "lbfgs"


def _plan_of_classes(problem: Problem) -> str:
    """Choose for several classes; a read takes as many products for each of them."""
    m, size, rows = problem.m, problem.size, rows_of_sample(problem)
    if problem.hessian_work <= SMALL and size <= LARGEST_OF_CLASSES:
        return "newton"
    numbers = problem.elements * problem.element_seconds / problem.dense_seconds
    worth = problem.hessian_work * rows / m <= WORTH * problem.columns * numbers
    return "sample" if size <= LARGEST_OF_CLASSES and m >= 2 * rows and worth else "lbfgs"


def takes_factors(problem: Problem) -> bool:
    """Tell whether the inner matrix, taken anew, is one factor for each of several classes."""
    return problem.columns > 1 and plan(problem) == "lbfgs"


class Auto:
    """Advances a `State` by whole iterations of the solver that suits the shape. saved: what
    `state_arrays` gave, to go on from there.

    rows: of the sample in use. inner_theta: where its Hessian was taken; anew: whether by
    `EstimateHessian`. judged, measure: the iteration of the last look at the measure, and what it
    was.
    """

    solver: Newton | LBFGS

    def __init__(
        self, problem: Problem, state: State, settings: Settings, saved: Saved | None = None
    ) -> None:
        self.problem, self.state, self.settings, self.saved = problem, state, settings, saved
        self.rows, self.anew = 0, False
        self.inner_theta: Vector | None = None
        self.judged, self.measure = 0, np.inf

    def state_arrays(self) -> dict[str, Any]:
        """Return what to go on from."""
        saved = self.solver.state_arrays()
        saved.update(
            method=f"auto {saved['method']}",
            rows=self.rows,
            judged=self.judged,
            judged_measure=self.measure,
        )
        if self.inner_theta is not None:
            words = " sample anew" if self.anew else " sample"
            saved.update(method=saved["method"] + words, inner_theta=self.inner_theta)
        return saved

    def prepare(self) -> Asking[None]:
        """Choose a solver, and make its inner matrix."""
        if self.saved is None:
            yield from self._begin()
        else:
            yield from self._go_on(self.saved)
        self.saved = None
        yield from self.solver.prepare()

    def begin_at(self, point: Point, last: Auto) -> Asking[None]:
        """Begin where `last` ended, instead of `prepare`: on the same X, under another penalty.

        point: its last one, with this penalty. What `last` knew of the curvature moves along. Where
        a sample is the way, its own optimum is the start: a Hessian at `point` would be far off.
        """
        problem, state, settings = self.problem, self.state, self.settings
        more, before = problem.decay - last.problem.decay, last.solver
        H: Vector | None = None
        if plan(problem) == "sample":
            state.theta = point.theta
            yield from self._begin()
            yield from self.solver.prepare()
            return
        if isinstance(before, Newton):
            self.solver = newton_ = Newton(problem, state, settings)
            yield from newton_.prepare()
            if newton_.by_cholesky:
                H = newton_.H = _moved(before.H, problem, more)
                # What holds H together may be lost with the penalty: the objective knows.
                if problem.decay <= HELD * float(np.diag(H).max()):
                    H = newton_.H = yield HessianAt(point)
        else:
            inverse: Callable[[Vector], Vector] | None = None
            if last.rows:  # `rows` stays 0: they are taken again, nearer to the optimum
                _, inverse = yield from _taken_anew(problem, point, last.rows)
            self.solver = LBFGS(problem, state, settings, inner=inverse)
            yield from self.solver.prepare()
            self.solver.pairs = _moved_pairs(before.pairs, problem, more)
        judgement: Judgement = yield Judge(point, settings.tol, H)
        self.solver.point = point
        state.take(point, judgement)

    def _begin(self) -> Asking[None]:
        problem, state, settings = self.problem, self.state, self.settings
        chosen = plan(problem)
        if chosen == "newton":
            self.solver = Newton(problem, state, settings)
        elif chosen == "sample":
            self.rows = rows_of_sample(problem)
            sample: Sample = yield TakeSample(self.rows)
            method = yield from _optimum_of_sample(sample, state.theta)
            state.theta = self.inner_theta = method.state.theta
            inner = yield from _inner_of_sample(sample, method, problem)
            self.solver = LBFGS(problem, state, settings, inner=inner)
        else:
            self.solver = LBFGS(problem, state, settings)

    def _go_on(self, saved: Saved) -> Asking[None]:
        """Go on from `saved`. The inner matrix is taken again, at the same point from the same
        sample: it has the same bits."""
        problem, state, settings = self.problem, self.state, self.settings
        self.rows, self.judged = saved["rows"], saved["judged"]
        self.measure, self.anew = saved["judged_measure"], "anew" in saved["method"]
        theta = self.inner_theta = saved.get("inner_theta")
        if "newton" in saved["method"]:
            self.solver = Newton(problem, state, settings, saved)
            return
        if theta is None:
            self.solver = LBFGS(problem, state, settings, saved)
            return
        if self.anew:
            point: Point = yield Evaluate(theta)
            _, inner = yield from _taken_anew(problem, point, self.rows)
        else:
            sample: Sample = yield TakeSample(self.rows)
            method = yield from _newton_on(sample, theta)
            inner = yield from _inner_of_sample(sample, method, problem)
        self.solver = LBFGS(problem, state, settings, saved, inner=inner)

    def advance(self, count: int) -> Asking[None]:
        """Make up to `count` iterations; state.stop is set where they end for a reason."""
        for left in range(count, 0, -1):
            if isinstance(self.solver, LBFGS) and self.problem.n_x <= LARGEST_INNER:
                yield from self._judge(self.solver)
            if isinstance(self.solver, Newton):
                yield from self.solver.advance(left)
                return
            yield from self.solver.advance(1)
            if self.state.stop is not None:
                return

    def _judge(self, solver: LBFGS) -> Asking[None]:
        """Look at the measure now and then, and take the inner matrix anew where it misleads."""
        state, by_class = self.state, takes_factors(self.problem)
        if self._begins(solver):
            pays = yield from early.pays(self.problem, WORTH * 4.0 / 25.0)
            if pays:
                yield from self._take_anew(solver, early.rows(self.problem))
                self.judged, self.measure = state.iteration, state.measure
        reads = factors.reads_of(self.problem) if by_class else np.inf
        if by_class and not (self.rows or state.iteration) and solver.inner is None:
            yield from self._begin_with_factors(solver, reads)
        first = by_class and (not self.rows or self._shared())
        soon = first and self.rows and reads <= SHARED_READS
        if state.iteration - self.judged < (SHARED_PATIENCE if soon else PATIENCE):
            return
        enough = SLOW_PROGRESS if by_class else PROGRESS if self.rows else SPREAD_PROGRESS
        if first or (state.measure > enough * self.measure and self.measure < np.inf):
            if by_class:
                rows = self.rows or factors.rows_of_class(self.problem)
            else:  # the few of an early one have misled
                rows = max(self.rows, rows_of_sample(self.problem))
            if rows == self.rows and not first and state.measure > SLOW_PROGRESS * self.measure:
                rows *= 2
            if by_class:
                rows = min(rows, self.problem.m)
            elif rows >= self.problem.m:
                whole = Newton(self.problem, state, self.settings)
                yield from whole.prepare()
                self.solver, self.rows, self.inner_theta = whole, rows, None
                return
            yield from self._take_anew(solver, rows)
        self.judged, self.measure = state.iteration, state.measure

    def _begins(self, solver: LBFGS) -> bool:
        """Tell whether the run has come to where an early Hessian may be taken."""
        at = self.state.iteration == early.AFTER and not self.rows and solver.inner is None
        return at and self.settings.alone and self.settings.tol >= 0.0

    def _begin_with_factors(self, solver: LBFGS, reads: float) -> Asking[None]:
        """Evaluate the first point and take factors there, if they take few reads' time.

        reads: so many, for one factor each class.
        """
        yield from solver.advance(0)
        shared = not self.state.theta.any()
        few = reads / self.problem.columns if shared else reads
        if self.state.stop is None and few <= SHARED_READS:
            yield from self._take_anew(solver, factors.rows_of_class(self.problem))

    def _shared(self) -> bool:
        """Tell whether the inner matrix is one factor for all classes: taken at zeros."""
        return self.inner_theta is not None and not self.inner_theta.any()

    def _take_anew(self, solver: LBFGS, rows: int) -> Asking[None]:
        assert solver.point is not None
        reads, inner = yield from _taken_anew(self.problem, solver.point, rows)
        solver.begin_anew(inner)
        self.rows, self.inner_theta, self.anew = rows, solver.point.theta.copy(), True
        # The read that it took: what is saved from here on has it.
        self.state.record(reads, self.state.bound)


def _taken_anew(
    problem: Problem, point: Point, rows: int
) -> Asking[tuple[int, Callable[[Vector], Vector]]]:
    """Have a Hessian estimated at a point; return the reads so far, and v -> H^-1 v."""
    estimate: Estimate
    if takes_factors(problem):
        shared = not point.theta.any()  # one factor for all classes is the whole Hessian there
        taken = min(problem.m, SHARED_ROWS * rows) if shared else rows
        estimate = yield EstimateFactors(point, taken, shared)
        return estimate.reads, factors.inverse(estimate.H, problem)
    estimate = yield EstimateHessian(point, rows)
    return estimate.reads, _inverse(estimate.H, problem)


def _weights_alone(problem: Problem) -> Vector:
    """Return 1 at the weights in theta, and 0 at b: of each class, where there are several."""
    alone = np.ones((problem.size // (problem.n_x + 1), problem.n_x + 1))
    alone[:, -1] = 0.0
    return alone.reshape(-1)


def _moved(H: Vector, problem: Problem, more: float) -> Vector:
    """Return a Hessian with so much more of the penalty's curvature."""
    H = H.copy()
    flat(H)[:: len(H) + 1] += more * _weights_alone(problem)
    return H


def _moved_pairs(
    pairs: list[tuple[Vector, Vector, float]], problem: Problem, more: float
) -> list[tuple[Vector, Vector, float]]:
    """Return the pairs (s, y, s.y) of L-BFGS with so much more of the penalty's curvature."""
    alone, moved = _weights_alone(problem), []
    for s, y, _ in pairs:
        y = y + more * alone * s
        sy = inner(s, y)
        if sy > 0.0:
            moved.append((s, y, sy))
    return moved


def _newton_on(sample: Sample, theta: Vector) -> Asking[Newton]:
    """Set up Newton's method on a sample, at theta."""
    state = State(theta)
    method = Newton(sample.problem, state, Settings(tol=-1.0))
    yield from on_sample(sample, method.prepare())
    yield from on_sample(sample, method.advance(0))
    return method


def _optimum_of_sample(sample: Sample, theta: Vector) -> Asking[Newton]:
    """Find the optimum of a sample from theta, to the accuracy that the sample has."""
    method = yield from _newton_on(sample, theta)
    state = method.state
    # J of the sample is off by about n_x / (2 rows) at its own optimum: half of that is good
    # enough.
    enough = 0.25 * len(theta) / sample.problem.m
    for _ in range(20):
        before = state.cost
        yield from on_sample(sample, method.advance(1))
        if state.stop is not None or before - state.cost <= enough:
            break
    return method


def _inner_of_sample(
    sample: Sample, method: Newton, problem: Problem
) -> Asking[Callable[[Vector], Vector]]:
    """Return v -> H^-1 v, of the sample's Hessian where the method is, and have bounds proved by
    its examples."""
    assert method.point is not None
    if problem.columns == 1:
        yield ProveBySample(sample, method.point)
    return _inverse(method.H, problem)


def _inverse(H: Vector, problem: Problem) -> Callable[[Vector], Vector]:
    """Return v -> H^-1 v."""
    solve = by_factor(H, problem)
    if solve is not None:
        return solve
    inverse = with_ridge(H, np.linalg.inv)
    inverse = 0.5 * (inverse + inverse.T)
    # Not by BLAS, whose threads then spin: see `machine.blas`.
    return lambda v: np.asarray(np.einsum("ij,j->i", inverse, v))
