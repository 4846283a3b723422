"""Nesterov's accelerated gradient with restart: O(1/k^2) for gradient descent's O(1/k), at the same
pass an iteration.

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
from ..objective.objective import Objective
from .state import State

GROWTH = 1e3  # as in gradient descent


class Nesterov:
    """Advances a `State` by whole iterations; saved: what `state_arrays` gave, to go on from
    there."""

    def __init__(
        self,
        objective: Objective,
        state: State,
        tol: float,
        alpha: float,
        saved: dict[str, Any] | None = None,
    ) -> None:
        self.objective, self.state, self.tol, self.alpha = objective, state, tol, alpha
        self.t, self.promised = (
            1.0,
            np.inf,
        )  # promised: J at the end of a plain step, if alpha <= 1/L
        self.theta = np.append(state.w, state.b)
        self.v = self.theta
        if saved is not None:
            self.alpha, self.t, self.promised = saved["rate"], saved["t"], saved["promised"]
            self.theta, self.v = saved["theta"], saved["v"]

    def state_arrays(self) -> dict[str, Any]:
        numbers = {"rate": self.alpha, "t": float(self.t), "promised": self.promised}
        return {"method": "nesterov", **numbers, "theta": self.theta, "v": self.v}

    def advance(self, count: int) -> None:
        """Up to `count` iterations; state.stop is set where they end for a reason."""
        state = self.state
        for _ in range(count):
            evaluation = self.objective.evaluate(self.v[:-1], float(self.v[-1]))
            self.objective.check_finite(evaluation.J)
            state.w, state.b = self.v[:-1], float(self.v[-1])
            state.judge(self.objective, evaluation, self.tol)
            if (
                state.stop is None
                and state.costs
                and not GROWTH * (1.0 + state.costs[0]) > evaluation.J
            ):
                state.stop = "diverged"
            if state.stop is not None:
                return
            if self.promised < evaluation.J:
                self.alpha *= (
                    0.5  # alpha is above 1/L: gradient descent would bear it, momentum does not
                )
            rose = bool(state.costs) and state.costs[-1] < evaluation.J
            state.costs.append(evaluation.J)
            squares = inner(evaluation.gradient, evaluation.gradient)
            promised = evaluation.J * (1.0 + 1e-14) - 0.5 * self.alpha * squares
            following = self.v - self.alpha * evaluation.gradient
            move = following - self.theta
            if rose or inner(evaluation.gradient, move) > 0.0:
                self.t, move = 1.0, np.zeros_like(move)
            t = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * self.t * self.t))
            self.promised = promised if self.t == 1.0 else np.inf
            self.v = following + ((self.t - 1.0) / t) * move
            self.theta, self.t = following, t
            state.w, state.b, state.evaluation = self.v[:-1], float(self.v[-1]), None
            state.iteration += 1
