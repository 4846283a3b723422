"""Newton's method: d = -H^-1 g, H and g from one read of X.

By Cholesky where n_x is small enough; for wide X of few examples by equations in the m-by-m domain
(`by_examples`); else by conjugate gradients.

A Hessian that is singular to working precision (lambda = 0 with a constant or duplicated column)
gets a ridge, from 1e-12 of its diagonal on: of many equally good steps nearly the shortest is
taken.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..machine import compiling
from ..machine.blas import inner, norm
from ..maths.arrays import Vector
from ..objective.point import Point
from . import factors
from .base import Field, Saved, Schema, Settings
from .lbfgs import by_spread
from .line_search import good, step
from .linear import ROUNDING, by_factor, with_ridge
from .requests import (
    Asking,
    BeginByNewton,
    Evaluate,
    EvaluateHessian,
    FormGram,
    HessianAt,
    HessianProduct,
    Judge,
    Judgement,
    PointWithHessian,
    Problem,
    StepByExamples,
    StepByNewton,
    Stretch,
)
from .state import STALLED, State

LARGEST_CHOLESKY = 3000  # n_x or m: H or K of 72 MB
LARGEST_OF_CLASSES = 1500  # size of theta, for several classes: H takes one factor for each two
LEAST_PART = 1e-3  # of Newton's step; of one that must be shorter the direction is of no use
WORTH = 1e-6  # of J: a promise of less may be broken by rounding

SCHEMA: Schema = {"newton": (Field("evaluated", kind=bool),)}


def by_examples(problem: Problem) -> bool:
    """Tell whether the m-by-m domain is the way."""
    wide = problem.m < problem.n_x and problem.m <= LARGEST_CHOLESKY
    return wide and problem.decay > 0.0 and problem.has_gram


class Newton:
    """Advances a `State` by whole iterations. saved: what `state_arrays` gave, to go on from
    there."""

    def __init__(
        self, problem: Problem, state: State, settings: Settings, saved: Saved | None = None
    ) -> None:
        self.problem, self.state, self.tol = problem, state, settings.tol
        self.by_examples = by_examples(problem)
        self.by_cholesky = not self.by_examples and problem.n_x <= LARGEST_CHOLESKY
        if problem.columns > 1:
            self.by_cholesky = problem.size <= LARGEST_OF_CLASSES
        self.compiled = self.by_cholesky and problem.has_newton_steps
        self.point: Point | None = None
        self.H: Vector = np.empty((0, 0))
        self.evaluated = saved is not None and saved["evaluated"]

    def state_arrays(self) -> dict[str, Any]:
        """Return what to go on from."""
        return {"method": "newton", "evaluated": self.point is not None}

    def prepare(self) -> Asking[None]:
        """Have the Gram matrix formed, and bring back the point of a run that goes on."""
        if self.by_examples:
            yield FormGram()
        if self.evaluated:
            self.point = yield from self._evaluate(self.state.theta)

    def advance(self, count: int) -> Asking[None]:
        """Make up to `count` iterations; state.stop is set where they end for a reason."""
        end = self.state.iteration + count
        if self.point is None and self.compiled and self.problem.columns > 1:
            yield from self._begin_compiled(count)
        if self.point is None:
            point = yield from self._evaluate(self.state.theta)
            judgement = yield from self._judge(point)
            self.point = point
            self.state.take(point, judgement)
        while self.state.stop is None and self.state.iteration < end:
            made = 0
            if self.compiled:
                made = yield from self._iterate_compiled(self.point, end - self.state.iteration)
            if made == 0:
                yield from self._iterate(self.point)

    def _evaluate(self, theta: Vector) -> Asking[Point]:
        if not self.by_cholesky:
            point: Point = yield Evaluate(theta)
            return point
        found: PointWithHessian = yield EvaluateHessian(theta)
        self.H = found.H
        return found.point

    def _step_of_classes(self, start: Point, d: Vector) -> Asking[Point]:
        """Find the next point, and its Hessian, which takes a read of its own."""
        found = yield from self._along(start, d)
        if self.by_cholesky and not np.array_equal(found.theta, start.theta):
            self.H = yield HessianAt(found)
        return found

    def _along(self, start: Point, d: Vector) -> Asking[Point]:
        """Find the best point along d; where that is next to nowhere, one farther down from it."""
        found = yield from step(start, d)
        promised = -inner(start.evaluation.gradient, d) > WORTH * abs(start.evaluation.J)
        if promised and np.abs(found.theta - start.theta).max() < LEAST_PART * np.abs(d).max():
            down = yield from _from_afar(self.problem, found)
            found = yield from step(found, down)
        return found

    def _iterate_compiled(self, point: Point, count: int) -> Asking[int]:
        """Make up to `count` iterations, as long as there is nothing to decide; return how many.

        Their times are estimates."""
        begun, least = time.perf_counter(), ROUNDING * len(point.theta)
        stretch: Stretch = yield StepByNewton(point, self.H, count, self.tol, least)
        self._take(stretch, point, begun)
        return len(stretch.points)

    def _begin_compiled(self, count: int) -> Asking[None]:
        """Evaluate and judge the first point, and make such iterations from there."""
        theta, begun = self.state.theta, time.perf_counter()
        least = ROUNDING * len(theta)
        stretch: Stretch = yield BeginByNewton(theta, count, self.tol, least)
        self._take(stretch, None, begun)

    def _take(self, stretch: Stretch, point: Point | None, begun: float) -> None:
        """Take the points of a stretch from `point` on; None: the first of them is the start."""
        state = self.state
        now, count = time.perf_counter(), len(stretch.points)
        took = (now - begun - compiling.seconds(begun, now)) / max(1, count)
        self.H = stretch.H
        for k, (found, judgement) in enumerate(zip(stretch.points, stretch.judgements), 1):
            if point is not None:
                state.costs.append(point.evaluation.J)
                state.iteration, state.stalls = state.iteration + 1, 0
            point = found
            state.take(found, judgement)
            when = (stretch.reads_before + k, now - (count - k) * took)
            state.history[-1] = (*when, *state.history[-1][2:])
        self.point = point

    def _iterate(self, start: Point) -> Asking[None]:
        gradient = start.evaluation.gradient
        d: Vector
        if self.by_cholesky:
            d = self._by_cholesky(gradient)
        elif self.by_examples:
            d = yield StepByExamples(start)
        else:
            d = yield from self._by_conjugate_gradients(start)
        slope = inner(gradient, d)
        if not slope < 0.0 and gradient.any():  # the factor of H was rounding
            d = yield from _from_afar(self.problem, start)
            slope = inner(gradient, d)
        stalls = self.state.stalls_after(slope)
        if stalls >= STALLED:
            self.state.stop = "precision"
            return
        if not (self.by_cholesky and self.problem.hessian_in_one_read) and self.problem.columns > 1:
            found = yield from self._step_of_classes(start, d)
        else:
            found = yield from self._evaluate(start.theta + d)
            if not good(start, d, found):
                found = yield from self._along(start, d)
                if self.by_cholesky:
                    found = yield from self._evaluate(found.theta)
        if np.array_equal(found.theta, start.theta):
            self.state.stop = "precision"
            return
        judgement = yield from self._judge(found)
        self.state.costs.append(start.evaluation.J)
        self.state.iteration, self.state.stalls = self.state.iteration + 1, stalls
        self.point = found
        self.state.take(found, judgement)

    def _judge(self, point: Point) -> Asking[Judgement]:
        H = self.H if self.by_cholesky else None
        judgement: Judgement = yield Judge(point, self.tol, H)
        return judgement

    def _by_conjugate_gradients(self, start: Point) -> Asking[Vector]:
        if self.problem.columns == 1:
            d = yield from _conjugate_gradients(start)
            return d
        d = yield from factors.newton_step(self.problem, start)
        return d

    def _by_cholesky(self, gradient: Vector) -> Vector:
        solve = by_factor(self.H, self.problem)
        if solve is not None:
            return -solve(gradient)
        d: Vector = -with_ridge(self.H, lambda H: np.linalg.solve(H, gradient))
        return d


def _from_afar(problem: Problem, point: Point) -> Asking[Vector]:
    """Find a direction where H tells nothing of J: most examples are far on the wrong side.

    There a loss is |z| and has next to no curvature, so that Newton's step has no end. But a
    parabola of curvature tanh(z / 2) / (2 z), about 1 / (2 |z|), lies above it everywhere (Jaakkola
    and Jordan). So the spread of the columns times that is a diagonal of the right size; for |z|
    stands the mean loss.
    """
    evaluation, w = point.evaluation, point.theta.reshape(problem.columns, -1)[:, :-1]
    loss = evaluation.J - 0.5 * problem.decay * float(np.einsum("kj,kj->", w, w))
    of_loss = yield from by_spread(problem)
    of_loss = of_loss.reshape(problem.columns, -1)
    of_loss[:, :-1] -= problem.decay
    diagonal = of_loss / max(1.0, 0.5 * loss)
    diagonal[:, :-1] += problem.decay
    d: Vector = -evaluation.gradient / diagonal.reshape(-1)
    return d


def _conjugate_gradients(start: Point) -> Asking[Vector]:
    """Find d with ||H d + g|| <= min(1/2, sqrt(||g||)) ||g||, by a read of X each step.

    Nocedal & Wright, Numerical Optimization, algorithm 7.1.
    """
    gradient = start.evaluation.gradient
    size = norm(gradient)
    target = min(0.5, np.sqrt(size)) * size
    d, r = np.zeros_like(gradient), gradient.copy()
    p, rr = -r, inner(r, r)
    for _ in range(200):
        Hp: Vector = yield HessianProduct(start, p)
        curvature = inner(p, Hp)
        if not curvature > 0.0:
            break
        a = rr / curvature
        d += a * p
        r += a * Hp
        previous, rr = rr, inner(r, r)
        if rr <= target * target:
            break
        p = -r + (rr / previous) * p
    return d if d.any() else -gradient
