"""Gradient descent, the lectures': w := w - alpha dw, b := b - alpha db, with a fixed alpha.

The same iterates are made in one of three ways, whichever costs least: a pass an iteration on all
threads; for small X whole stretches compiled, without a return to Python; for wide X on the m-by-m
Gram matrix (`kernels.whole_runs.gram`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..maths.arrays import Vector
from ..objective.point import Point
from .base import Field, Saved, Schema, Settings
from .requests import (
    Asking,
    Combine,
    Descend,
    DescendOnGram,
    Evaluate,
    FormGram,
    Judge,
    Judgement,
    Problem,
)
from .state import State

PROVING = 16  # iterations from one proof to the next, at least
GROWTH = 1e3  # a cost above this many times 1 + J of the start is growing without end

SCHEMA: Schema = {
    "gd": (),
    "gram": (Field("start", "N"), Field("gram_point", "G"), Field("gram_best", "G")),
}


def is_proving(iteration: int) -> bool:
    """Tell whether to prove a bound at this iteration, where an estimate is small enough.

    A proof takes two reads, and near the goal these methods make many iterations.
    """
    return iteration % PROVING == 0


class GradientDescent:
    """Advances a `State` by whole iterations. saved: what `state_arrays` gave, to go on from
    there."""

    def __init__(
        self, problem: Problem, state: State, settings: Settings, saved: Saved | None = None
    ) -> None:
        self.problem, self.state = problem, state
        self.tol, self.alpha, self.on_gram = settings.tol, settings.alpha, settings.on_gram
        if self.on_gram:
            self.w0 = state.theta[:-1] if saved is None else saved["start"]
            self.point = np.concatenate([np.zeros(problem.m), [1.0, state.theta[-1], np.inf]])
            self.best = self.point.copy()
            if saved is not None:
                self.point, self.best = saved["gram_point"], saved["gram_best"]

    def state_arrays(self) -> dict[str, Any]:
        """Return what to go on from."""
        if not self.on_gram:
            return {"method": "gd"}
        return {
            "method": "gd gram",
            "start": self.w0,
            "gram_point": self.point,
            "gram_best": self.best,
        }

    def prepare(self) -> Asking[None]:
        """Have the Gram matrix formed where that is the way."""
        if self.on_gram:
            yield FormGram(self.w0)

    def advance(self, count: int) -> Asking[None]:
        """Make up to `count` iterations; state.stop is set where they end for a reason."""
        if self.on_gram:
            yield from self._advance_on_gram(count)
        elif self.problem.has_descents:
            yield from self._advance_compiled(count)
        else:
            yield from self._advance_by_passes(count)

    def _advance_by_passes(self, count: int) -> Asking[None]:
        state, theta = self.state, self.state.theta
        for _ in range(count):
            point: Point = yield Evaluate(theta, scores=False)
            J, gradient = point.evaluation.J, point.evaluation.gradient
            judgement: Judgement = yield Judge(point, self.tol, prove=is_proving(state.iteration))
            state.cost, state.gradient_norm = J, float(np.abs(gradient).max())
            if state.best_cost > J:
                state.best_cost, state.best_theta = J, theta
            state.measure, state.bound = judgement.measure, judgement.bound
            state.proof_reads = judgement.proof_reads
            limit = GROWTH * (1.0 + (state.costs[0] if state.costs else J))
            if judgement.reached or not limit > J:
                state.stop = "converged" if judgement.reached else "diverged"
                state.evaluation = point.evaluation
                return
            state.costs.append(J)
            theta = theta - self.alpha * gradient
            state.theta, state.evaluation = theta, None
            state.iteration += 1

    def _advance_compiled(self, count: int) -> Asking[None]:
        state = self.state
        best_theta = state.theta if state.best_theta is None else state.best_theta
        point = np.append(state.theta, [state.cost, state.gradient_norm, state.measure])
        best = np.append(best_theta, [state.best_cost, np.inf, np.inf])
        costs = np.empty(count)
        made = yield from self._stretch(Descend(point, best, self.alpha, self.tol, np.inf, costs))
        state.theta, state.best_theta = point[:-3].copy(), best[:-3].copy()
        state.cost, state.gradient_norm, state.measure = point[-3:].tolist()
        proved = self.problem.decay > 0.0 and self.tol >= 0.0
        state.bound = state.measure if proved else np.inf
        state.best_cost = float(best[-3])
        self._record(costs, made)

    def _advance_on_gram(self, count: int) -> Asking[None]:
        state, costs = self.state, np.empty(count)
        point, best = self.point.copy(), self.best.copy()
        made = yield from self._stretch(DescendOnGram(point, best, self.alpha, np.inf, costs))
        ended = best if made < count else point  # fewer than asked for: the cost grew without end
        combined: Vector = yield Combine(ended[:-3])
        theta = np.append(ended[-3] * self.w0 + combined, ended[-2])
        found: Point = yield Evaluate(theta, scores=False)
        self.point, self.best, state.theta = point, best, theta
        state.cost = found.evaluation.J
        state.gradient_norm = float(np.abs(found.evaluation.gradient).max())
        self._record(costs, made)

    def _stretch(self, request: Descend | DescendOnGram) -> Asking[int]:
        """Count the iterations made. The first cost of all sets the limit, in stretches of any
        length."""
        before, costs, made = self.state.costs, request.costs, 0
        if not before:
            made = yield request._replace(costs=costs[:1])
            if made == 0:
                return 0
        limit = GROWTH * (1.0 + (before[0] if before else float(costs[0])))
        more: int = yield request._replace(limit=limit, costs=costs[made:])
        return made + more

    def _record(self, costs: Vector, made: int) -> None:
        state = self.state
        state.costs.extend(costs[:made].tolist())
        state.iteration += made
        if made < costs.size:
            state.stop = "converged" if state.measure <= self.tol else "diverged"
