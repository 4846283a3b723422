"""Nesterov's accelerated gradient with restart: O(1/k^2) instead of gradient descent's O(1/k), at
the same pass an iteration.

    theta_{k+1} = v_k - alpha grad J(v_k)      v_{k+1} = theta_{k+1} + (t_k - 1) / t_{k+1}
                                               (theta_{k+1} - theta_k)

with t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2; t goes back to 1 where J rose or the step points uphill
(O'Donoghue & Candes, Adaptive restart for accelerated gradient schemes, 2015). The gradient is
known at v, so v is the point that is judged and returned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..machine.blas import inner
from ..objective.point import Point
from .base import Field, Saved, Schema, Settings
from .gd import GROWTH, is_proving
from .requests import Asking, Evaluate, Judge, Judgement, Problem
from .state import State

SCHEMA: Schema = {
    "nesterov": (
        Field("last", "T"),
        Field("v", "T"),
        Field("rate"),
        Field("t"),
        Field("promised"),
    )
}


class Nesterov:
    """Advances a `State` by whole iterations. saved: what `state_arrays` gave, to go on from
    there.

    promised: J at the end of a plain step, where alpha is at most 1/L.
    """

    def __init__(
        self, problem: Problem, state: State, settings: Settings, saved: Saved | None = None
    ) -> None:
        self.state, self.tol, self.alpha = state, settings.tol, settings.alpha
        self.t, self.promised = 1.0, np.inf
        self.theta = self.v = state.theta
        if saved is not None:
            self.alpha, self.t, self.promised = saved["rate"], saved["t"], saved["promised"]
            self.theta, self.v = saved["last"], saved["v"]

    def state_arrays(self) -> dict[str, Any]:
        """Return what to go on from."""
        numbers = {"rate": self.alpha, "t": float(self.t), "promised": self.promised}
        return {"method": "nesterov", **numbers, "last": self.theta, "v": self.v}

    def prepare(self) -> Asking[None]:
        """Ask nothing: the first iteration needs nothing beforehand."""
        yield from ()

    def advance(self, count: int) -> Asking[None]:
        """Make up to `count` iterations; state.stop is set where they end for a reason."""
        state = self.state
        for _ in range(count):
            point: Point = yield Evaluate(self.v, scores=False)
            J, gradient = point.evaluation.J, point.evaluation.gradient
            judgement: Judgement = yield Judge(point, self.tol, prove=is_proving(state.iteration))
            state.take(point, judgement)
            if state.stop is None and state.costs and not GROWTH * (1.0 + state.costs[0]) > J:
                state.stop = "diverged"
            if state.stop is not None:
                return
            if self.promised < J:
                # alpha is above 1/L: gradient descent would bear it, momentum does not
                self.alpha *= 0.5
            rose = bool(state.costs) and state.costs[-1] < J
            state.costs.append(J)
            promised = J * (1.0 + 1e-14) - 0.5 * self.alpha * inner(gradient, gradient)
            following = self.v - self.alpha * gradient
            move = following - self.theta
            if rose or inner(gradient, move) > 0.0:
                self.t, move = 1.0, np.zeros_like(move)
            t = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * self.t * self.t))
            self.promised = promised if self.t == 1.0 else np.inf
            self.v = following + ((self.t - 1.0) / t) * move
            self.theta, self.t = following, t
            state.theta, state.evaluation = self.v, None
            state.iteration += 1
