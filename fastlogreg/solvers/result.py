"""What a training run is between two updates, what it returns, and the words for why it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

StopReason = Literal["iterations", "converged", "max_seconds", "interrupted", "callback", "diverged"]

STOP_REASONS: dict[str, str] = {
    "iterations": "all iterations asked for were made",
    "converged": "the largest gradient component fell to tol, or no further decrease is possible in float64",
    "max_seconds": "the time budget was used up",
    "interrupted": "Ctrl-C",
    "callback": "the callback returned True",
    "diverged": "the cost turned NaN or infinite, or grew without end; w and b are the best seen",
}


class TrainingWarning(UserWarning):
    """A training run whose result is not what was asked for; the text names the cause and the remedy."""


class Progress(NamedTuple):
    """What a callback of `train` is given: the run as it stands. w is (n_x, 1), seconds is wall time."""

    iteration: int
    cost: float
    gradient_norm: float
    seconds: float
    w: NDArray[np.float64]
    b: float


@dataclass
class State:
    """A run between two updates: the point (w (n_x,), b), the history, and the best point seen."""

    w: NDArray[np.float64]
    b: float
    iteration: int = 0
    costs: list[float] = field(default_factory=list)
    cost: float = np.inf
    gradient_norm: float = np.inf
    best_cost: float = np.inf
    best_w: NDArray[np.float64] | None = None
    best_b: float = 0.0
    stop: StopReason | None = None


@dataclass(frozen=True)
class TrainingResult:
    """What `train` found, and how far it came.

    w (n_x, 1) and b: the parameters in the units of X, scale and shift as given. costs: (k,) float64, costs[k] is J
    before update k. cost, gradient_norm: J and the largest absolute component of (dw, db) at the returned (w, b).
    iterations: updates made. stop_reason: a key of `STOP_REASONS`. alpha: the learning rate used.
    """

    w: NDArray[np.float64]
    b: float
    costs: NDArray[np.float64]
    cost: float
    gradient_norm: float
    iterations: int
    stop_reason: StopReason
    seconds: float
    alpha: float

    def __repr__(self) -> str:
        return (
            f"TrainingResult(cost={self.cost:.6g}, gradient_norm={self.gradient_norm:.3g}, "
            f"iterations={self.iterations}, stop_reason={self.stop_reason!r}, seconds={self.seconds:.3g}, "
            f"w=array of shape {self.w.shape}, b={self.b:.6g}, alpha={self.alpha:.4g})"
        )
