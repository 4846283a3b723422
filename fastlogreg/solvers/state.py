"""What a solver changes: the point, its history and the best point seen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any

import numpy as np

from ..maths.arrays import Vector
from ..objective.point import Evaluation, Point
from .requests import Judgement
from .result import StopReason
from .schema import Field

STALLED = 3  # steps in a row that bring nothing: see `State.stalls_after`

FINAL = (
    "converged",
    "precision",
    "diverged",
    "separable",
)  # reasons that more iterations do not undo

_NUMBERS = (
    Field("iteration", kind=int),
    Field("cost"),
    Field("gradient_norm"),
    Field("previous_norm"),
    Field("stalls", kind=int),
    Field("measure"),
    Field("bound"),
    Field("proof_reads", kind=int),
    Field("best_cost"),
)
STATE_FIELDS = (  # beside "stop", which is a final reason or None
    *_NUMBERS,
    Field("theta", "T"),
    Field("best_theta", "T", optional=True),
    Field("costs", "K"),
    Field("history", "H4"),
    Field("gradient", "T", optional=True),
    Field("curvature", optional=True),
)


class Stopped(Exception):
    """Raised before a read of X when no more of them are wanted; its text is a stop reason.

    The iteration that is under way is dropped.
    """


@dataclass
class State:
    """A run between two updates: the point theta, the history, and the best point seen.

    theta is [w, b] (n_x + 1,); of several classes it is the [w, b] of one after the other. It is
    replaced, never written into. measure, bound and proof_reads are those of the `Judgement` of
    theta, or of the last point judged. evaluation is that of theta, or None where the last one was
    made elsewhere. history is as in `TrainingResult`, with the seconds on
    the clock's own scale.
    """

    theta: Vector
    iteration: int = 0
    costs: list[float] = made(default_factory=list)
    cost: float = np.inf
    gradient_norm: float = np.inf
    previous_norm: float = np.inf
    stalls: int = 0
    measure: float = np.inf
    bound: float = np.inf
    proof_reads: int = 0
    best_cost: float = np.inf
    best_theta: Vector | None = None
    stop: StopReason | None = None
    evaluation: Evaluation | None = None
    history: list[tuple[float, float, float, float]] = made(default_factory=list)

    @classmethod
    def at(cls, w: Vector, b: float) -> State:
        """Begin at w (n_x,) and b."""
        return cls(np.append(w, b))

    def record(self, reads: int, bound: float) -> None:
        """Add the point last evaluated to the history."""
        self.history.append((reads, time.perf_counter(), self.cost, bound))

    def stalls_after(self, slope: float) -> int:
        """Count the steps in a row that bring nothing, one of this slope being the last.

        Half of -slope is what a step can gain; it brings nothing where that is less than the last
        bit of J. The gradient is exact for longer, and the bound is on it: while it halves, there
        is progress. `STALLED` such steps are the end.
        """
        if not slope < 0.0:
            return STALLED
        halved = 0.0 < self.gradient_norm <= 0.5 * self.previous_norm
        return 0 if halved or -slope > 2.0**-52 * abs(self.cost) else self.stalls + 1

    def take(self, point: Point, judgement: Judgement) -> None:
        """Move to a `Point` that was judged, and remember the best one.

        The run converges where the goal is reached. With lambda = 0 a point that separates
        the classes ends it.
        """
        self.theta = point.theta
        self.evaluation, self.cost = point.evaluation, point.evaluation.J
        self.previous_norm = min(self.previous_norm, self.gradient_norm)
        # `max` of an array takes twice as long; what is long is not copied for its absolute values.
        gradient = point.evaluation.gradient
        least, most = np.minimum.reduce(gradient), np.maximum.reduce(gradient)
        self.gradient_norm = float(abs(max(most, -least)))
        self.measure, self.bound = judgement.measure, judgement.bound
        self.proof_reads = judgement.proof_reads
        if self.best_cost > self.cost:
            self.best_cost, self.best_theta = self.cost, self.theta
        self.record(judgement.reads, judgement.bound)
        if judgement.reached:
            self.stop = "converged"
        elif judgement.separates:
            self.stop = "separable"

    def withdraw_proof(self) -> int:
        """Go on as if the bound had not been asked for; return the reads that it took."""
        reads, self.bound, self.proof_reads, self.stop = self.proof_reads, np.inf, 0, None
        if reads and self.history:
            before, second, J, _ = self.history[-1]
            self.history[-1] = (before - reads, second, J, np.inf)
        return reads

    def state_arrays(self, start: float) -> dict[str, Any]:
        """Return all of it as numbers and arrays; start: the clock's reading at second 0."""
        saved: dict[str, Any] = {field.name: getattr(self, field.name) for field in _NUMBERS}
        saved.update(
            theta=self.theta,
            costs=np.array(self.costs),
            history=np.array(self.history).reshape(-1, 4),
        )
        saved["history"][:, 1] -= start
        saved["stop"] = self.stop if self.stop in FINAL else None
        if self.best_theta is not None:
            saved["best_theta"] = self.best_theta
        if self.evaluation is not None:
            saved.update(gradient=self.evaluation.gradient, curvature=self.evaluation.curvature)
        return saved

    def restore(self, saved: Mapping[str, Any], start: float) -> None:
        """Take over what `state_arrays` gave."""
        for field in _NUMBERS:
            setattr(self, field.name, saved[field.name])
        self.theta, self.best_theta = saved["theta"], saved.get("best_theta")
        self.stop = saved["stop"]
        self.costs = saved["costs"].tolist()
        self.history = [
            (int(reads), second + start, J, bound)
            for reads, second, J, bound in saved["history"].tolist()
        ]
        if "gradient" in saved:
            self.evaluation = Evaluation(self.cost, saved["gradient"], saved["curvature"])
