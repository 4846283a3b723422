"""Learning from a stream of batches that are seen once: what `LogisticRegression.partial_fit` does.
Approximate.

The last rows are kept, all before them are a quadratic model: the sum of their losses, expanded to
second order at the point where they were let go. With theta = [w, b] each batch moves to the
minimum of

    sum over the rows kept of L(a, y)  +  theta.H theta / 2 - r.theta  +  (lambda / 2) ||w||^2

by Newton's method, which needs no step size. When `rows_kept` rows have come together they are
folded into the model at the point reached: H += X.T diag(a (1 - a)) X, r += (their H) theta -
(their gradient). Up to so many rows this is the optimum of `fit`; beyond, what is wrong is the
third order of each expansion, which is largest for the rows that came first. Rows should come in
random order: a model made while one class alone, or an untypical part of the data, had been seen
stays a part of it.

Memory: H, (n_x + 1)^2 float64, and the rows kept, about 10 n_x^2. Columns are shifted and scaled by
mean and standard deviation of the first batch, for the accuracy of H alone: the penalty is on w as
it is.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.fused import link
from ..maths.arrays import Vector
from ..solvers.linear import with_ridge

LARGEST = 2000  # n_x: H and the rows kept are then 350 MB
LEAST_ROWS, ROWS_PER_FEATURE = (
    1000,
    10,
)  # kept: the point of the first expansion is off by a tenth of the noise in it
# rows n_x^2 up to which every batch is worth a Hessian; above, a tenth of the rows kept must be new
SMALL = 1e7
ENOUGH = 1e-3  # of (n_x + 1) / 2, which is what the sum of losses is off by anyway
# Newton steps in all, and those that promise little: a few, but where a column's scale has jumped.
MOST_STEPS, MOST_SMALL = 200, 30
FAR = 1e-2  # of d: beyond so short a step the rows are saturated, and H says nothing of the way


class Stream:
    """theta (n_x + 1,) and all that is kept of the rows seen."""

    def __init__(self, X: NDArray[np.float64], lambda_: float, intercept: bool) -> None:
        """X (rows, n_x): the first batch, for mean and scale alone."""
        n_x = X.shape[1]
        self.width = n_x + 1
        self.lambda_, self.intercept = lambda_, intercept
        self.centre = X.mean(axis=0) if intercept else np.zeros(n_x)
        with np.errstate(over="ignore"):
            spread = np.sqrt(np.mean((X - self.centre) ** 2, axis=0))
        size = np.abs(X).max(axis=0)
        self.scale = np.where(spread > 1e-9 * size, spread, np.where(size > 0.0, size, 1.0))
        self.scale[~np.isfinite(self.scale)] = 1.0
        self.theta, self.H, self.r = (
            np.zeros(n_x + 1),
            np.zeros((n_x + 1, n_x + 1)),
            np.zeros(n_x + 1),
        )
        self.rows_kept = max(LEAST_ROWS, ROWS_PER_FEATURE * n_x)
        self._forget()
        self.seen = np.zeros(2)  # weight of each class
        self.new, self.iterations = 0, 0

    y: NDArray[Any]

    def _forget(self) -> None:
        self.X, self.y, self.weight = (
            np.empty((0, self.width)),
            np.empty(0, np.uint8),
            np.empty(0),
        )

    def update(self, X: NDArray[np.float64], y: NDArray[Any], weight: Vector) -> None:
        """Take in a batch: X (rows, n_x), y (rows,), weight (rows,)."""
        for lo in range(0, len(X), self.rows_kept):
            part = slice(lo, lo + self.rows_kept)
            self._take(X[part], y[part], weight[part])

    def _take(self, X: NDArray[np.float64], y: NDArray[Any], weight: Vector) -> None:
        last = np.full((len(X), 1), float(self.intercept))
        self.X = np.concatenate([self.X, np.hstack([(X - self.centre) / self.scale, last])])
        self.y, self.weight = np.concatenate([self.y, y]), np.concatenate([self.weight, weight])
        self.seen += np.bincount(y, weights=weight, minlength=len(self.seen))
        self.new += len(X)
        full = len(self.X) >= self.rows_kept
        if np.count_nonzero(self.seen) < 2:
            self._one_class(full)
            return
        small = self.rows_kept * float(len(self.theta)) ** 2 <= SMALL
        if full or small or 10 * self.new >= min(len(self.X), self.rows_kept):
            self._minimise()
            self.new = 0
        if full:
            self._fold()

    def _one_class(self, full: bool) -> None:
        """Until another class comes the sum of losses has no minimum: w = 0 and b by smoothed
        counts."""
        if full:
            self.theta = np.zeros_like(self.theta)
            self._fold()
        self.theta = np.zeros_like(self.theta)
        if self.intercept:
            self._take_counts()

    def _take_counts(self) -> None:
        """Set b to what smoothed counts of the classes say."""
        self.theta[-1] = np.log((self.seen[1] + 0.5) / (self.seen[0] + 0.5))

    def _fold(self) -> None:
        """Make a quadratic of the rows kept, at the point reached, and let them go."""
        _, gradient, H = self._rows(self.theta)
        self.H += H
        self.r += H @ self.theta - gradient
        self._forget()

    def _rows(self, theta: Vector) -> tuple[float, Vector, Vector]:
        """Sum of the losses of the rows kept, its gradient and its Hessian."""
        loss, dz, slopes = link(self.X @ theta, self.y, self.weight)
        rooted = self.X * np.sqrt(slopes)[:, None]
        return loss, dz @ self.X, rooted.T @ rooted

    def _loss(self, theta: Vector) -> float:
        """Sum of the losses of the rows kept."""
        return float(link(self.X @ theta, self.y, self.weight)[0])

    def _gradient(self, theta: Vector) -> Vector:
        """Return the gradient of that sum."""
        return np.asarray(link(self.X @ theta, self.y, self.weight)[1] @ self.X)

    def _to_solve(self, gradient: Vector, H: Vector) -> tuple[Vector, Vector]:
        """Return both as Newton's step is solved for, H being singular in no direction."""
        if not self.intercept:
            H[-1, -1] = 1.0
        return gradient, H

    def _model(self, theta: Vector) -> float:
        return float(
            0.5 * theta @ (self.H @ theta) - self.r @ theta + 0.5 * (self.penalty @ (theta * theta))
        )

    @property
    def penalty(self) -> Vector:
        """lambda for each component of theta, as it is scaled here."""
        return np.append(self.lambda_ / self.scale**2, 0.0)

    def _minimise(self) -> None:
        """Newton's method from theta, with step halving."""
        enough = ENOUGH * 0.5 * len(self.theta)
        if self._value(np.zeros_like(self.theta)) < 0.5 * self._value(self.theta):
            # Columns on another scale than before: at theta every row may be saturated, on the
            # wrong side, and no Newton step leads back from there.
            self.theta = np.zeros_like(self.theta)
        small = 0
        for _ in range(MOST_STEPS):
            loss, gradient, H = self._rows(self.theta)
            value = loss + self._model(self.theta)
            gradient = gradient + self.H @ self.theta - self.r + self.penalty * self.theta
            gradient, H = self._to_solve(gradient, H + self.H + np.diag(self.penalty))
            d = -with_ridge(H, partial(_solved, gradient))
            slope = float(gradient @ d)
            if not slope < 0.0 or not np.isfinite(d).all():
                return
            t = 1.0
            while self._value(self.theta + t * d) > value + 1e-4 * t * slope:
                t *= 0.5
                if t < FAR:
                    t = self._best_step(d, slope)
                    break
            if t == 0.0:
                return  # rounding: no step along d lowers the sum
            self.theta = self.theta + t * d
            self.iterations += 1
            # Where rows are saturated the quadratic model promises too little: it was right if it
            # took the slope away. Where classes are separable it never does.
            if t == 1.0 and -0.5 * slope <= enough:
                small += 1
                if small > MOST_SMALL or abs(self._slope(self.theta, d)) <= 0.25 * abs(slope):
                    return

    def _best_step(self, d: Vector, first_slope: float) -> float:
        """Return the t in (0, 1) where the sum is least along d, to a tenth of the slope at 0; or
        0.

        Halving alone can stop far beyond it, where every row is saturated on the other side."""
        low, high, t, value = 0.0, 1.0, 0.5 * FAR, self._value(self.theta)
        for _ in range(1100):
            slope = self._slope(self.theta + t * d, d)
            lower = self._value(self.theta + t * d) < value
            if lower and abs(slope) <= 0.1 * abs(first_slope):
                return t
            low, high = (t, high) if slope < 0.0 else (low, t)
            middle = 0.5 * (low + high) if low > 0.0 else 0.1 * high
            if middle in (low, high):
                break
            t = middle
        return t if lower else 0.0

    def _slope(self, theta: Vector, d: Vector) -> float:
        """Return the derivative of the sum along d; infinite where it overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            sums = self._gradient(theta)
            slope = float((sums + self.H @ theta - self.r + self.penalty * theta) @ d)
        return slope if np.isfinite(slope) else np.inf

    def _value(self, theta: Vector) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            value = self._loss(theta) + self._model(theta)
        return value if np.isfinite(value) else np.inf

    def coefficients(self) -> tuple[Vector, Vector]:
        """w (1, n_x) and b (1,) for X as it comes."""
        w = self.theta[:-1] / self.scale
        return w.reshape(1, -1), np.array([self.theta[-1] - self.centre @ w])


def _solved(gradient: Vector, H: Vector) -> Vector:
    """H^-1 g."""
    return np.asarray(np.linalg.solve(H, gradient))
