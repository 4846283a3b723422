"""What a solver changes: the point, its history and the best point seen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..objective.point import Evaluation
from .result import StopReason

STALLED = 3


FINAL = ("converged", "diverged", "separable")  # reasons that more iterations do not undo


_NUMBERS = (
    "b",
    "iteration",
    "cost",
    "gradient_norm",
    "previous_norm",
    "stalls",
    "measure",
    "best_cost",
    "best_b",
)


class Stopped(Exception):
    """Raised by `Objective.watch` in the middle of an iteration, which is then dropped; its text is
    a stop reason. A solver therefore changes its state only when all the passes of an iteration
    have been made."""


@dataclass
class State:
    """A run between two updates: the point (w (n_x,), b), the history, and the best point seen."""

    w: NDArray[np.float64]
    b: float
    iteration: int = 0
    costs: list[float] = field(default_factory=list)
    cost: float = np.inf
    gradient_norm: float = np.inf
    previous_norm: float = np.inf
    stalls: int = 0  # see `stalls_after`
    measure: float = np.inf  # `Objective.measure` at the last point evaluated
    best_cost: float = np.inf
    best_w: NDArray[np.float64] | None = None
    best_b: float = 0.0
    stop: StopReason | None = None
    evaluation: Any = (
        None  # of `Objective.evaluate` at (w, b), where that is where the last one was
    )
    history: list[tuple[float, float, float, float]] = field(
        default_factory=list
    )  # as in `TrainingResult`

    def record(self, objective: Any) -> None:
        """Add the point last evaluated to the history; seconds on the clock's own scale."""
        bound = self.measure if objective.decay > 0.0 else np.inf
        self.history.append((objective.passes, time.perf_counter(), self.cost, bound))

    def judge(self, objective: Any, evaluation: Any, tol: float) -> None:
        """Take over J, gradient and measure at (w, b), remember the best point, and stop where the
        measure is within tol."""
        self.cost, gradient, self.evaluation = evaluation.J, evaluation.gradient, evaluation
        self.previous_norm = min(self.previous_norm, self.gradient_norm)
        self.gradient_norm = float(np.abs(gradient).max())
        if tol >= 0.0:
            self.measure = objective.measure(gradient, evaluation.curvature, self.w, self.b)
        if self.best_cost > self.cost:
            self.best_cost, self.best_w, self.best_b = self.cost, self.w, self.b
        self.record(objective)
        if self.measure <= tol:
            self.stop = "converged"

    def stalls_after(self, slope: float) -> int:
        """Steps in a row, with one of this slope, that bring nothing: half of -slope is what it can
        gain, less than the last bit of J, and the gradient, which is exact for longer and on which
        the bound is, is not half of the least before. `STALLED` of them are the end."""
        if not slope < 0.0:
            return STALLED
        halved = 0.0 < self.gradient_norm <= 0.5 * self.previous_norm
        return 0 if halved or -slope > 2.0**-52 * abs(self.cost) else self.stalls + 1

    def take(self, objective: Any, point: Any, tol: float) -> None:
        """Move to a `Point` and judge it; with lambda = 0 a point that separates the classes ends
        the run."""
        self.w, self.b = point.theta[:-1], float(point.theta[-1])
        self.judge(objective, point.evaluation, tol)
        if self.stop is None and objective.separates(point.z):
            self.stop = "separable"

    def state_arrays(self, start: float) -> dict[str, Any]:
        """All of it, as numbers and arrays; start: the reading of the clock that is second 0."""
        saved: dict[str, Any] = {name: getattr(self, name) for name in _NUMBERS}
        saved.update(
            w=self.w, costs=np.array(self.costs), history=np.array(self.history).reshape(-1, 4)
        )
        saved["history"][:, 1] -= start
        saved["stop"] = self.stop if self.stop in FINAL else None
        if self.best_w is not None:
            saved["best_w"] = self.best_w
        if self.evaluation is not None:
            saved.update(gradient=self.evaluation.gradient, curvature=self.evaluation.curvature)
        return saved

    def restore(self, saved: dict[str, Any], start: float) -> None:
        """Take over what `state_arrays` gave."""
        for name in _NUMBERS:
            setattr(self, name, saved[name])
        self.w, self.best_w, self.stop = saved["w"], saved.get("best_w"), saved["stop"]
        self.costs = saved["costs"].tolist()
        self.history = [
            (int(reads), second + start, J, bound)
            for reads, second, J, bound in saved["history"].tolist()
        ]
        if "gradient" in saved:
            self.evaluation = Evaluation(self.cost, saved["gradient"], saved["curvature"])
