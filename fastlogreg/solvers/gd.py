"""Gradient descent, the lectures': w := w - alpha dw, b := b - alpha db, with a fixed alpha.

The same iterates are made in one of three ways, whichever costs least: a pass an iteration on all
threads; for small X whole stretches compiled, without a return to Python; for wide X on the m-by-m
Gram matrix (`kernels.whole_runs.gram`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..maths.arrays import Vector
from ..objective.objective import Objective
from . import compiled
from .state import State

# A cost above this many times 1 + J of the start is growing without end.
GROWTH = 1e3


class GradientDescent:
    """Advances a `State` by whole iterations. K: the Gram matrix of X where that is the way, else
    None; saved: what `state_arrays` gave, to go on from there."""

    def __init__(
        self,
        objective: Objective,
        state: State,
        tol: float,
        alpha: float,
        K: Vector | None,
        saved: dict[str, Any] | None = None,
    ) -> None:
        self.objective, self.state, self.tol, self.alpha, self.K = objective, state, tol, alpha, K
        if K is not None:
            self.w0 = state.w if saved is None else saved["start"]
            self.z0 = objective.scores(self.w0, 0.0)
            self.point = np.concatenate([np.zeros(objective.m), [1.0, state.b, np.inf]])
            self.best = self.point.copy()
            if saved is not None:
                self.point, self.best = saved["gram_point"], saved["gram_best"]

    def state_arrays(self) -> dict[str, Any]:
        if self.K is None:
            return {"method": "gd"}
        return {
            "method": "gd gram",
            "start": self.w0,
            "gram_point": self.point,
            "gram_best": self.best,
        }

    def advance(self, count: int) -> None:
        """Up to `count` iterations; state.stop is set where they end for a reason."""
        if self.K is not None:
            self._advance_gram(self.K, self.alpha, count)
        elif compiled.is_compiled(self.objective):
            self._advance_compiled(self.alpha, count)
        else:
            self._advance_by_passes(self.alpha, count)

    def _advance_by_passes(self, alpha: float, count: int) -> None:
        state = self.state
        for _ in range(count):
            J, gradient, curvature = self.objective.evaluate(state.w, state.b)
            self.objective.check_finite(J)
            state.cost, state.gradient_norm = J, float(np.abs(gradient).max())
            if state.best_cost > J:
                state.best_cost, state.best_w, state.best_b = J, state.w, state.b
            if self.tol >= 0.0:
                state.measure = self.objective.measure(gradient, curvature, state.w, state.b)
            limit = GROWTH * (1.0 + (state.costs[0] if state.costs else J))
            if state.measure <= self.tol or not limit > J:
                state.stop = "converged" if state.measure <= self.tol else "diverged"
                return
            state.costs.append(J)
            state.w, state.b = (
                state.w - alpha * gradient[:-1],
                state.b - alpha * float(gradient[-1]),
            )
            state.iteration += 1

    def _advance_compiled(self, alpha: float, count: int) -> None:
        state, objective = self.state, self.objective
        best_w = state.w if state.best_w is None else state.best_w
        point = np.concatenate([state.w, [state.b, state.cost, state.gradient_norm, state.measure]])
        best = np.concatenate([best_w, [state.best_b, state.best_cost, np.inf, np.inf]])
        costs = np.empty(count)
        made = self._descend(
            lambda limit, part: compiled.by_kernel(
                objective, point, best, alpha, self.tol, limit, part
            ),
            costs,
        )
        objective.check_finite(float(point[-3]))
        state.w, state.best_w = point[:-4].copy(), best[:-4].copy()
        state.b, state.cost, state.gradient_norm, state.measure = point[-4:].tolist()
        state.best_b, state.best_cost = best[-4:-2].tolist()
        self._record(costs, made)

    def _advance_gram(self, K: Vector, alpha: float, count: int) -> None:
        state, objective, costs = self.state, self.objective, np.empty(count)
        z0, w0 = self.z0, self.w0
        point, best = self.point.copy(), self.best.copy()
        made = self._descend(
            lambda limit, part: compiled.by_gram(
                objective, K, z0, w0, alpha, limit, point, best, part
            ),
            costs,
        )
        ended = best if made < count else point  # fewer than asked for: the cost grew without end
        w, b = ended[-3] * w0 + objective.combine(ended[:-3]), float(ended[-2])
        J, dw, db = objective.cost_and_gradient(w, b)
        self.point, self.best, state.w, state.b, state.cost = point, best, w, b, J
        state.gradient_norm = max(float(np.abs(dw).max()), abs(db))
        self._record(costs, made)

    def _descend(self, way: Callable[[float, Vector], int], costs: Vector) -> int:
        """Iterations made by way(limit, costs). The first cost of all sets the limit, in stretches
        of any length."""
        before, made = self.state.costs, 0
        if not before:
            made = way(np.inf, costs[:1])
            if made == 0:
                return 0
        return made + way(GROWTH * (1.0 + (before[0] if before else float(costs[0]))), costs[made:])

    def _record(self, costs: Vector, made: int) -> None:
        state = self.state
        state.costs.extend(costs[:made].tolist())
        state.iteration += made
        if made < costs.size:
            state.stop = "converged" if state.measure <= self.tol else "diverged"
