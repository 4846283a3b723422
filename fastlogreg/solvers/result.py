"""What a training run is between two updates, what it returns, and the words for why it stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..objective import Evaluation

StopReason = Literal["iterations", "converged", "max_seconds", "interrupted", "callback", "diverged", "separable"]

STOP_REASONS: dict[str, str] = {
    "iterations": "all iterations asked for were made",
    "converged": "the bound on J - J* (lambda = 0: the largest gradient component) fell to tol, or to float64's precision",
    "max_seconds": "the time budget was used up",
    "interrupted": "Ctrl-C",
    "callback": "the callback returned True",
    "separable": "w and b separate the classes completely and lambda is 0: the optimum is at infinity in their direction",
    "diverged": "the cost turned NaN or infinite, or grew without end; w and b are the best seen",
}


STALLED = 3
FINAL = ("converged", "diverged", "separable")  # reasons that more iterations do not undo
_NUMBERS = ("b", "iteration", "cost", "gradient_norm", "previous_norm", "stalls", "measure", "best_cost", "best_b")


class Stopped(Exception):
    """Raised by `Objective.watch` in the middle of an iteration, which is then dropped; its text is a stop reason. A
    solver therefore changes its state only when all the passes of an iteration have been made."""


class TrainingWarning(UserWarning):
    """A training run whose result is not what was asked for; the text names the cause and the remedy."""


class Progress(NamedTuple):
    """What a callback of `train` is given: the run as it stands. w is (n_x, 1), seconds is wall time, bound is an upper
    bound on cost - optimum: infinite where lambda is 0, and without tol until the end."""

    iteration: int
    cost: float
    gradient_norm: float
    seconds: float
    w: NDArray[np.float64]
    b: float
    bound: float = np.inf


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
    evaluation: Any = None  # of `Objective.evaluate` at (w, b), where that is where the last one was
    history: list[tuple[float, float, float, float]] = field(default_factory=list)  # as in `TrainingResult`

    def record(self, objective: Any) -> None:
        """Add the point last evaluated to the history; seconds on the clock's own scale."""
        bound = self.measure if objective.decay > 0.0 else np.inf
        self.history.append((objective.passes, time.perf_counter(), self.cost, bound))

    def judge(self, objective: Any, evaluation: Any, tol: float) -> None:
        """Take over J, gradient and measure at (w, b), remember the best point, and stop where the measure is within tol."""
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
        """Steps in a row, with one of this slope, that bring nothing: half of -slope is what it can gain, less than the
        last bit of J, and the gradient, which is exact for longer and on which the bound is, is not half of the least
        before. `STALLED` of them are the end."""
        if not slope < 0.0:
            return STALLED
        halved = 0.0 < self.gradient_norm <= 0.5 * self.previous_norm
        return 0 if halved or -slope > 2.0**-52 * abs(self.cost) else self.stalls + 1

    def take(self, objective: Any, point: Any, tol: float) -> None:
        """Move to a `Point` and judge it; with lambda = 0 a point that separates the classes ends the run."""
        self.w, self.b = point.theta[:-1], float(point.theta[-1])
        self.judge(objective, point.evaluation, tol)
        if self.stop is None and objective.separates(point.z):
            self.stop = "separable"

    def state_arrays(self, start: float) -> dict[str, Any]:
        """All of it, as numbers and arrays; start: the reading of the clock that is second 0."""
        saved: dict[str, Any] = {name: getattr(self, name) for name in _NUMBERS}
        saved.update(w=self.w, costs=np.array(self.costs), history=np.array(self.history).reshape(-1, 4))
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
        self.history = [(int(reads), second + start, J, bound) for reads, second, J, bound in saved["history"].tolist()]
        if "gradient" in saved:
            self.evaluation = Evaluation(self.cost, saved["gradient"], saved["curvature"])


@dataclass(frozen=True)
class TrainingResult:
    """What `train` found, and how far it came.

    w (n_x, 1) and b: the parameters in the units of X, scale and shift as given. costs: (k,) float64, costs[k] is J
    before update k. cost, gradient_norm: J and the largest absolute component of (dw, db) at the returned (w, b).
    suboptimality_bound: an upper bound on cost - J*, proved in `fastlogreg.objective`; infinite where lambda is 0.
    iterations: updates made. stop_reason: a key of `STOP_REASONS`. alpha: the learning rate used, NaN where the solver
    has none. passes: reads of X in all. history (k, 4): passes, seconds, J and bound so far, a row for each point evaluated
    (for gradient descent: for each stretch of about 0.1 s; of a compiled stretch of Newton's method the seconds are spread
    evenly over its points), for `plots.convergence`.
    """

    w: NDArray[np.float64]
    b: float
    costs: NDArray[np.float64]
    cost: float
    gradient_norm: float
    suboptimality_bound: float
    iterations: int
    stop_reason: StopReason
    seconds: float
    alpha: float
    passes: int
    history: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))

    def __repr__(self) -> str:
        return (
            f"TrainingResult(cost={self.cost:.6g}, gradient_norm={self.gradient_norm:.3g}, "
            f"suboptimality_bound={self.suboptimality_bound:.3g}, iterations={self.iterations}, "
            f"stop_reason={self.stop_reason!r}, seconds={self.seconds:.3g}, "
            f"w=array of shape {self.w.shape}, b={self.b:.6g}, alpha={self.alpha:.4g})"
        )
