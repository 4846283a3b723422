"""Learning from a stream of batches for several classes, by softmax.

The method is that of `estimators.stream`: the last rows are kept, and all before them are a
quadratic model. theta is [w_k, b_k] for one class after the other, (K (n_x + 1),), and H is of that
size. Adding the same to every block changes no probability, so H is singular along that; the mean
over the classes is added to H there. theta stays centred, and no step has a part in it.

Until every class has been seen the sum of the losses has no minimum: b of an unseen class would go
to minus infinity. So w of such a class is 0, and b gives it half an example; the others are fitted
with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..maths import softmax
from ..maths.arrays import Vector
from .stream import LEAST_ROWS, ROWS_PER_FEATURE, Stream

LARGEST_THETA = 2000  # K (n_x + 1): H is then 32 MB, and a Newton step takes a second
UNSEEN = 0.5  # examples of a class that none has been seen of


class ClassStream(Stream):
    """theta (K (n_x + 1),) and all that is kept of the rows seen."""

    def __init__(
        self, X: NDArray[np.float64], lambda_: float, intercept: bool, classes: int
    ) -> None:
        """X (rows, n_x): the first batch, for mean and scale alone."""
        super().__init__(X, lambda_, intercept)
        self.classes, n = classes, classes * self.width
        self.theta, self.H, self.r = np.zeros(n), np.zeros((n, n)), np.zeros(n)
        n_x = X.shape[1]
        self.rows_kept = max(LEAST_ROWS, ROWS_PER_FEATURE * n_x * classes // 2)
        self.seen = np.zeros(classes)

    def _forget(self) -> None:
        super()._forget()
        self.y = np.empty(0, np.int32)

    @property
    def penalty(self) -> Vector:
        return np.tile(super().penalty, self.classes)

    def _take_counts(self) -> None:
        b = np.log(self.seen + UNSEEN)
        self._blocks()[:, -1] = b - b.mean()

    def _minimise(self) -> None:
        super()._minimise()
        unseen = self.seen == 0.0
        if unseen.any() and self.intercept:
            self._place(unseen)

    def _place(self, unseen: NDArray[np.bool_]) -> None:
        """Give every unseen class half an example of probability, where the kept rows lie."""
        Z, blocks = self._scores(self.theta)[~unseen], self._blocks().copy()
        largest = Z.max(axis=0)
        level = np.log(np.exp(Z - largest).sum(axis=0)) + largest
        blocks[unseen] = blocks[~unseen].mean(axis=0)
        blocks[unseen, -1] = np.mean(level) + np.log(UNSEEN / self.seen.sum())
        self.theta = (blocks - blocks.mean(axis=0)).reshape(-1)

    def _blocks(self) -> Vector:
        """Return theta with a row for each class, a view."""
        return self.theta.reshape(self.classes, self.width)

    def _scores(self, theta: Vector) -> Vector:
        return np.asarray(theta.reshape(self.classes, self.width) @ self.X.T)

    def _seen_scores(self, theta: Vector) -> Vector:
        """Return the scores (K, rows) without the classes that are unseen."""
        Z = self._scores(theta)
        Z[self.seen == 0.0] = -np.inf
        return Z

    def _loss(self, theta: Vector) -> float:
        return float(self.weight @ softmax.losses(self._seen_scores(theta), self.y))

    def _gradient(self, theta: Vector) -> Vector:
        dZ = softmax.terms(self._seen_scores(theta), self.y, self.weight).dZ
        return (dZ @ self.X).reshape(-1)

    def _rows(self, theta: Vector) -> tuple[float, Vector, Vector]:
        return self._at(self._seen_scores(theta))

    def _fold(self) -> None:
        _, gradient, H = self._at(self._scores(self.theta))
        self.H += H
        self.r += H @ self.theta - gradient
        self._forget()

    def _at(self, Z: Vector) -> tuple[float, Vector, Vector]:
        """Return the sum of the losses, its gradient and its Hessian where the scores are Z."""
        loss, dZ = softmax.terms(Z, self.y, self.weight)
        A, K, width = softmax.softmax(Z), self.classes, self.width
        H = np.empty((K, width, K, width))
        for k in range(K):
            for j in range(k + 1):
                slopes = self.weight * A[k] * (float(k == j) - A[j])
                H[k, :, j] = H[j, :, k] = self.X.T @ (self.X * slopes[:, None])
        return loss, (dZ @ self.X).reshape(-1), H.reshape(K * width, K * width)

    def _to_solve(self, gradient: Vector, H: Vector) -> tuple[Vector, Vector]:
        """Add the mean over the classes to H, and hold what is not to move."""
        K, width = self.classes, self.width
        size = H.diagonal().reshape(K, width).mean(axis=0)
        H = (H.reshape(K, width, K, width) + np.diag(size)[None, :, None, :] / K).reshape(H.shape)
        held = np.repeat(self.seen == 0.0, width)
        if not self.intercept:
            held[width - 1 :: width] = True
        H[held], H[:, held] = 0.0, 0.0
        H[held, held] = 1.0
        return np.where(held, 0.0, gradient), H

    def coefficients(self) -> tuple[Vector, Vector]:
        """W (K, n_x) and b (K,) for X as it comes, centred."""
        blocks = self._blocks()
        W = blocks[:, :-1] / self.scale
        return softmax.centred(W, blocks[:, -1] - W @ self.centre)
