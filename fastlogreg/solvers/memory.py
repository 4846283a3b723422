"""What L-BFGS remembers: the last pairs (s, y), and H g from them.

H g is made by the two-loop recursion (Nocedal & Wright, Numerical Optimization, algorithm 7.4).
Where theta is long, that moves far more numbers than the read of a sparse X. Then the pairs lie
side by side, and the recursion is one of numbers: of the inner products of what it is made of
(Chen, Wang & Zhou, Large-scale L-BFGS using MapReduce, 2014). See `kernels.curvature_pairs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from ..kernels.layout import read_only
from ..machine.blas import inner, norm
from ..machine.threads import run_on
from ..maths.arrays import NONE, Vector, flat
from ..objective.point import Point
from .requests import Problem

MEMORY = 10
LONG = 100_000  # numbers of several classes from which pairs lie side by side
LEAST_CURVATURE = 1e-14  # of s.y, over the lengths of s and y

Pair = tuple[Vector, Vector, float]  # s, y and s.y


class Memory(Protocol):
    """Holds pairs, oldest first."""

    def pairs(self) -> list[Pair]:
        """Return copies or the pairs themselves."""

    def put(self, pairs: Sequence[Pair]) -> None:
        """Hold these in place of those."""

    def direction(self, gradient: Vector) -> tuple[Vector, float]:
        """Return d = -H g and g.d."""

    def measure(self, start: Point, found: Point) -> bool:
        """Take the pair of a step, to be kept or not; return whether it has moved at all."""

    def keep(self) -> None:
        """Keep what was measured, where its curvature is positive."""


def memory_for(
    problem: Problem, diagonal: Vector | float, inner_: Callable[[Vector], Vector] | None
) -> Memory:
    """Choose by the size of theta, and by what the innermost matrix is."""
    long = problem.columns > 1 and problem.size >= LONG and problem.has_kernels
    if inner_ is None and long:
        return LongPairs(problem, diagonal if isinstance(diagonal, np.ndarray) else NONE)
    return Pairs(diagonal, inner_)


def _scale(sy: float, y_y: float, s_s: float) -> float:
    """Return what H_0 is times the inverse diagonal: see `lbfgs`."""
    return float((sy / y_y) ** (2 / 3) * (s_s / sy) ** (1 / 3))


class Pairs:
    """Holds pairs as they came."""

    def __init__(self, diagonal: Vector | float, inner_: Callable[[Vector], Vector] | None) -> None:
        self.diagonal, self.inner = diagonal, inner_
        self.kept: list[Pair] = []
        self.new: tuple[Vector, Vector] | None = None

    def pairs(self) -> list[Pair]:
        return self.kept

    def put(self, pairs: Sequence[Pair]) -> None:
        self.kept = list(pairs)

    def direction(self, gradient: Vector) -> tuple[Vector, float]:
        d = -self._apply(gradient)
        return d, inner(gradient, d)

    def measure(self, start: Point, found: Point) -> bool:
        s = found.theta - start.theta
        self.new = s, found.evaluation.gradient - start.evaluation.gradient
        return bool(s.any())

    def keep(self) -> None:
        assert self.new is not None
        s, y = self.new
        curvature = inner(s, y)
        if curvature > LEAST_CURVATURE * norm(s) * norm(y):
            self.kept = [*self.kept[-MEMORY + 1 :], (s, y, curvature)]

    def _apply(self, gradient: Vector) -> Vector:
        """Compute H g."""
        q, weights = gradient.copy(), []
        for s, y, curvature in reversed(self.kept):
            a = inner(s, q) / curvature
            q -= a * y
            weights.append(a)
        if self.inner is not None:
            q = self.inner(q)
        else:
            q /= self.diagonal
            if self.kept:
                s, y, curvature = self.kept[-1]
                q *= _scale(curvature, inner(y, y / self.diagonal), inner(s, s * self.diagonal))
            elif np.ndim(self.diagonal) == 0:
                q /= max(1.0, norm(q))
        for (s, y, curvature), a in zip(self.kept, reversed(weights)):
            q += (a - inner(y, q) / curvature) * s
        return q


class LongPairs:
    """Holds pairs side by side, with their inner products; diagonal: D, or empty where it is 1.

    There is a slot more than pairs are kept, for the one that is measured.
    """

    def __init__(self, problem: Problem, diagonal: Vector) -> None:
        self.size, self.n_threads, self.diagonal = problem.size, problem.n_threads, diagonal
        self.rows = NONE
        self.order: list[int] = []  # slots, oldest first
        self.spare = 0  # the slot of the pair that was measured last
        # By slots: s_i.y_j, j the younger one or i itself, and y_i.D^-1 y_j; of each s.D s.
        self.sy, self.yy = (np.zeros((MEMORY + 1, MEMORY + 1)) for _ in range(2))
        self.ss = np.zeros(MEMORY + 1)
        # With the gradient that was measured last: s_i.g and y_i.D^-1 g.
        self.with_gradient = np.zeros((MEMORY + 1, 2))
        self.gradient: Vector | None = None
        self.found = NONE  # the sums of the pair that was measured last

    def pairs(self) -> list[Pair]:
        rows = self._rows()
        return [
            (rows[2 * i, : self.size].copy(), rows[2 * i + 1, : self.size].copy(), self.sy[i, i])
            for i in self.order
        ]

    def put(self, pairs: Sequence[Pair]) -> None:
        self.order.clear()
        self.spare, self.gradient = 0, None
        for s, y, _ in pairs[-MEMORY:]:
            row = self._rows()[2 * self.spare : 2 * self.spare + 2]
            row[0, : self.size], row[1, : self.size] = s, y
            row[:, self.size :] = 0.0
            self._products((NONE, NONE), (NONE, y))
            self._take()

    def direction(self, gradient: Vector) -> tuple[Vector, float]:
        if not self.order:
            return self._first(gradient)
        if self.gradient is not gradient:
            self._remeasure(gradient)
        factors = self._factors()
        d, chunks = np.empty(self.size), self._chunks()
        sums = np.zeros(chunks)
        from ..kernels.curvature_pairs import combine_pairs

        own = read_only(gradient), read_only(self.diagonal)
        self._run(combine_pairs, factors, *own, d, sums)
        return d, float(sums.sum())

    def measure(self, start: Point, found: Point) -> bool:
        gradients = start.evaluation.gradient, found.evaluation.gradient
        self._products((start.theta, found.theta), gradients)
        moved = self.found[1] != 0.0
        return bool(moved or (start.theta != found.theta).any())

    def keep(self) -> None:
        sy, ss, yy = self.found[:3]
        if sy > LEAST_CURVATURE * np.sqrt(ss) * np.sqrt(yy):
            self._take()

    def _chunks(self) -> int:
        from ..kernels.curvature_pairs import CHUNK

        return -(-self.size // CHUNK)

    def _rows(self) -> Vector:
        if not self.rows.size:
            self.rows = np.empty((2 * (MEMORY + 1), -(-self.size // 8) * 8))
        return self.rows

    def _run(self, kernel: Callable[..., None], *given: Any) -> None:
        order, counter = np.array(self.order, np.int64), np.zeros(1, np.int64)
        threads = min(self.n_threads, self._chunks())
        run_on(threads, partial(kernel, flat(self._rows()), order, *given, counter))

    def _products(self, points: tuple[Vector, Vector], gradients: tuple[Vector, Vector]) -> None:
        """Sum what the kernel does, with the pair in the spare slot."""
        from ..kernels.curvature_pairs import HEAD, pair_products

        sums = np.zeros((self._chunks(), HEAD + 4 * len(self.order)))
        given = [(read_only(a), read_only(b)) for a, b in (points, gradients)]
        self._run(pair_products, self.spare, *given, read_only(self.diagonal), flat(sums))
        self.found, self.gradient = sums.sum(axis=0), gradients[1]
        older = self.found[HEAD:].reshape(-1, 4)
        self.with_gradient[self.order] = older[:, [1, 3]]
        self.with_gradient[self.spare] = self.found[5:7]

    def _take(self) -> None:
        """Keep the pair in the spare slot; the oldest makes room."""
        from ..kernels.curvature_pairs import HEAD

        new, older = self.spare, self.found[HEAD:].reshape(-1, 4)
        self.sy[self.order, new] = older[:, 0]
        self.yy[self.order, new] = self.yy[new, self.order] = older[:, 2]
        self.sy[new, new], self.ss[new], self.yy[new, new] = self.found[[0, 3, 4]]
        self.order.append(new)
        del self.order[:-MEMORY]
        self.spare = min(set(range(MEMORY + 1)).difference(self.order))

    def _remeasure(self, gradient: Vector) -> None:
        """Multiply the pairs with another gradient; the youngest is already where it belongs."""
        youngest = self.order.pop()
        spare, self.spare = self.spare, youngest
        self._products((NONE, NONE), (NONE, gradient))
        self.order.append(youngest)
        self.spare = spare

    def _factors(self) -> Vector:
        """Return gamma, and what each s and y is multiplied with, by the two-loop recursion."""
        order = self.order
        sy, yy = self.sy[np.ix_(order, order)], self.yy[np.ix_(order, order)]
        s_g, y_g = self.with_gradient[order].T
        k, curvature = len(order), np.diag(sy)
        a, c = np.zeros(k), np.zeros(k)
        for i in reversed(range(k)):
            a[i] = (s_g[i] - sy[i, i + 1 :] @ a[i + 1 :]) / curvature[i]
        gamma = _scale(curvature[-1], yy[-1, -1], self.ss[order[-1]])
        for i in range(k):
            of_y = gamma * (y_g[i] - yy[i] @ a) + sy[:i, i] @ c[:i]
            c[i] = a[i] - of_y / curvature[i]
        return np.append(gamma, np.column_stack((c, -a)).reshape(-1))

    def _first(self, gradient: Vector) -> tuple[Vector, float]:
        if self.diagonal.size:
            d = -gradient / self.diagonal
        else:
            d = -gradient / max(1.0, norm(gradient))
        return d, inner(gradient, d)
