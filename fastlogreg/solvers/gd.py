"""Gradient descent, the lectures': w := w - alpha dw, b := b - alpha db, with a fixed alpha."""

from __future__ import annotations

import numpy as np

from ..objective import Objective
from .result import State

# A cost above this many times 1 + J of the start is growing without end.
GROWTH = 1e3


def advance(objective: Objective, state: State, alpha: float, tol: float, count: int) -> None:
    """Up to `count` iterations; state.stop is set where they end for a reason. Updates state as a whole."""
    limit = GROWTH * (1.0 + state.costs[0]) if state.costs else np.inf
    if objective.descends_compiled():
        _advance_compiled(objective, state, alpha, tol, limit, count)
        return
    for _ in range(count):
        J, dw, db = objective.cost_and_gradient(state.w, state.b)
        objective.check_finite(J)
        state.cost, state.gradient_norm = J, max(float(np.abs(dw).max()), abs(db))
        if state.best_cost > J:
            state.best_cost, state.best_w, state.best_b = J, state.w, state.b
        if state.gradient_norm <= tol or not limit > J:
            state.stop = "converged" if state.gradient_norm <= tol else "diverged"
            return
        state.costs.append(J)
        state.w, state.b, state.iteration = state.w - alpha * dw, state.b - alpha * db, state.iteration + 1


def _advance_compiled(
    objective: Objective, state: State, alpha: float, tol: float, limit: float, count: int
) -> None:
    best_w = state.w if state.best_w is None else state.best_w
    point = np.concatenate([state.w, [state.b, state.cost, state.gradient_norm]])
    best = np.concatenate([best_w, [state.best_b, state.best_cost, np.inf]])
    costs = np.empty(count)
    made = objective.descend(point, best, alpha, tol, limit, costs)
    state.b, state.cost, state.gradient_norm = point[-3:].tolist()
    objective.check_finite(state.cost)
    state.w, state.best_w = point[:-3].copy(), best[:-3].copy()
    state.best_b, state.best_cost = best[-3:-1].tolist()
    state.costs.extend(costs[:made].tolist())
    state.iteration += made
    if made < count:
        state.stop = "converged" if state.gradient_norm <= tol else "diverged"
