"""What a training run is between two updates, what it returns, and the words for why it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

StopReason = Literal[
    "iterations",
    "converged",
    "precision",
    "max_seconds",
    "interrupted",
    "callback",
    "diverged",
    "separable",
]

STOP_REASONS: dict[str, str] = {
    "iterations": "all iterations asked for were made",
    "converged": "the bound on J - J* (lambda = 0: the largest gradient component) fell to tol",
    "precision": "rounding: float64 cannot tell a better point from this one. Without tol this is "
    "where a run that reaches the optimum ends",
    "max_seconds": "the time budget was used up",
    "interrupted": "Ctrl-C",
    "callback": "the callback returned True",
    "separable": "w and b separate the classes completely and lambda is 0: the optimum is at "
    "infinity in their direction",
    "diverged": "the cost turned NaN or infinite, or grew without end; w and b are the best seen",
}


class _Warning(UserWarning):
    """Stand between `TrainingWarning` and UserWarning.

    Python lets only a class whose base is one of ours have another base beside it.
    """


class TrainingWarning(_Warning):
    """Warn that a training run's result is not what was asked for; the text names cause and remedy.

    Where `fastlogreg.LogisticRegression` was imported it is a
    `sklearn.exceptions.ConvergenceWarning`.

    Examples
    --------
    >>> import warnings
    >>> import fastlogreg as flr
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     result = flr.train([[1.0, 2.0, 3.0]], [[0, 1, 0]], iterations=1, tol=0.0)
    >>> caught[0].category is flr.TrainingWarning
    True
    """


class Progress(NamedTuple):
    """Tell a callback of `train` how the run stands.

    Attributes
    ----------
    iteration : int
        Updates made.
    cost : float
        J.
    gradient_norm : float
        The largest absolute component of (dw, db).
    seconds : float
        Wall time since the run began.
    w : ndarray of shape (n_x, 1)
        The weights, a copy.
    b : float
        The bias.
    bound : float
        An upper bound on cost - optimum. Infinite where lambda is 0, and without tol until the
        end.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> def enough(progress: flr.Progress) -> bool:
    ...     return progress.cost < 0.5
    >>> flr.train([[1.0, -1.0]], [[1, 0]], callback=enough).stop_reason
    'callback'
    """

    iteration: int
    cost: float
    gradient_norm: float
    seconds: float
    w: NDArray[np.float64]
    b: float
    bound: float = np.inf


class SoftmaxProgress(NamedTuple):
    """Tell a callback of `train(classes=K)` how the run stands.

    Attributes
    ----------
    iteration, cost, gradient_norm, seconds, bound
        As in `Progress`.
    w : ndarray of shape (n_x, K)
        The weights, a copy.
    b : ndarray of shape (K, 1)
        The biases, a copy.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> shapes = []
    >>> def look(progress: flr.SoftmaxProgress) -> None:
    ...     shapes.append(progress.b.shape)
    >>> X, Y = [[1.0, 0.0, -1.0]], [[0, 1, 2]]
    >>> result = flr.train(X, Y, classes=3, solver="lbfgs", lambda_=1.0, callback=look)
    >>> shapes[-1]
    (3, 1)
    """

    iteration: int
    cost: float
    gradient_norm: float
    seconds: float
    w: NDArray[np.float64]
    b: NDArray[np.float64]
    bound: float = np.inf


@dataclass(frozen=True)
class TrainingResult:
    """Hold what `train` found, and how far it came.

    Attributes
    ----------
    w : ndarray of shape (n_x, 1)
        The weights, in the units of X; scale and shift as given.
    b : float
        The bias.
    costs : ndarray of shape (k,)
        costs[k] is J before update k.
    cost, gradient_norm : float
        J and the largest absolute component of (dw, db) at the returned (w, b).
    suboptimality_bound : float
        A proved upper bound on cost - J*: see `fastlogreg.maths.certificate`. It is infinite where
        nothing is proved: with lambda = 0 where the classes are separable, where columns depend on
        each other, or far from the optimum.
    iterations : int
        Updates made.
    stop_reason : str
        A key of `STOP_REASONS`.
    seconds : float
        Wall time.
    alpha : float
        The learning rate used; NaN where the solver has none.
    passes : int
        Reads of X in all.
    history : ndarray of shape (k, 4)
        Passes, seconds, J and bound so far, a row for each point evaluated, for
        `fastlogreg.figures.training.convergence`. For gradient descent: for each stretch of about
        0.1 s. Seconds are without those of compiling, or of loading compiled code. Of a compiled
        stretch of Newton's method they are spread evenly over its points.
    proved_zero : ndarray of shape (n_x,), or (n_x, K) for K classes, or None
        Which weights are 0 at the optimum, proved by the bound; None without `prox_newton`.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> result = flr.train([[1.0, -1.0, 0.5]], [[1, 0, 0]], iterations=10)
    >>> result.w.shape, len(result.costs), result.stop_reason
    ((1, 1), 10, 'iterations')
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
    proved_zero: NDArray[np.bool_] | None = None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(cost={self.cost:.6g}, gradient_norm={self.gradient_norm:.3g}, "
            f"suboptimality_bound={self.suboptimality_bound:.3g}, iterations={self.iterations}, "
            f"stop_reason={self.stop_reason!r}, seconds={self.seconds:.3g}, "
            f"w=array of shape {self.w.shape}, b={self._shown_b()}, alpha={self.alpha:.4g})"
        )

    def _shown_b(self) -> str:
        return f"{self.b:.6g}"


@dataclass(frozen=True, repr=False)
class SoftmaxResult(TrainingResult):
    """Hold what `train` found for several classes, and how far it came.

    Attributes
    ----------
    w : ndarray of shape (n_x, K)
        The weights of each class, in the units of X; scale and shift as given. Each row adds up
        to 0, but for L1, bounds and groups.
    b : ndarray of shape (K, 1)
        The biases, which add up to 0.
    costs, cost, gradient_norm, suboptimality_bound, iterations, stop_reason, seconds, alpha, \
passes, history, proved_zero
        As in `TrainingResult`.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> X, Y = [[1.0, 0.0, -1.0]], [[0, 1, 2]]
    >>> result = flr.train(X, Y, classes=3, lambda_=1.0, solver="lbfgs")
    >>> result.w.shape, result.b.shape
    ((1, 3), (3, 1))
    """

    b: NDArray[np.float64]  # type: ignore[assignment]  # a float of two classes

    @classmethod
    def of(cls, result: TrainingResult) -> SoftmaxResult:
        """Return the result of a run for several classes as such.

        Parameters
        ----------
        result : TrainingResult
            What the run gave.

        Returns
        -------
        SoftmaxResult
            The same.
        """
        return cls(**{each.name: getattr(result, each.name) for each in fields(result)})

    def _shown_b(self) -> str:
        return f"array of shape {self.b.shape}"
