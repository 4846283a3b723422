"""What a training run is between two updates, what it returns, and the words for why it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

StopReason = Literal[
    "iterations", "converged", "max_seconds", "interrupted", "callback", "diverged", "separable"
]

STOP_REASONS: dict[str, str] = {
    "iterations": "all iterations asked for were made",
    "converged": "the bound on J - J* (lambda = 0: the largest gradient component) fell to tol, "
    "or to float64's precision",
    "max_seconds": "the time budget was used up",
    "interrupted": "Ctrl-C",
    "callback": "the callback returned True",
    "separable": "w and b separate the classes completely and lambda is 0: the optimum is at "
    "infinity in their direction",
    "diverged": "the cost turned NaN or infinite, or grew without end; w and b are the best seen",
}


class _Warning(UserWarning):
    """The base of `TrainingWarning`: Python lets only a class of ours have another one beside
    it."""


class TrainingWarning(_Warning):
    """A training run whose result is not what was asked for; the text names the cause and the
    remedy."""


class Progress(NamedTuple):
    """What a callback of `train` is given: the run as it stands. w is (n_x, 1), seconds is wall
    time, bound is an upper bound on cost - optimum: infinite where lambda is 0, and without tol
    until the end."""

    iteration: int
    cost: float
    gradient_norm: float
    seconds: float
    w: NDArray[np.float64]
    b: float
    bound: float = np.inf


@dataclass(frozen=True)
class TrainingResult:
    """What `train` found, and how far it came.

    w (n_x, 1) and b: the parameters in the units of X, scale and shift as given. costs: (k,)
    float64, costs[k] is J before update k. cost, gradient_norm: J and the largest absolute
    component of (dw, db) at the returned (w, b). suboptimality_bound: an upper bound on cost - J*,
    proved in `fastlogreg.objective.objective`; infinite where lambda is 0. iterations: updates
    made. stop_reason: a key of `STOP_REASONS`. alpha: the learning rate used, NaN where the solver
    has none. passes: reads of X in all. history (k, 4): passes, seconds, J and bound so far, a row
    for each point evaluated (for gradient descent: for each stretch of about 0.1 s; of a compiled
    stretch of Newton's method the seconds are spread evenly over its points), for
    `plots.convergence`.
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
