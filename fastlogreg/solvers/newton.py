"""Newton's method: d = -H^-1 g, H and g from one read of X; by Cholesky, or by conjugate gradients where H is too large.

A Hessian that is singular to working precision (lambda = 0 with a constant or duplicated column) gets a ridge, from
1e-12 of its diagonal on: of many equally good steps nearly the shortest is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..objective import Objective, Point
from ..passes import Vector
from .line_search import good, step
from .result import STALLED, State

LARGEST_CHOLESKY = 3000  # H of 72 MB, a third of a second to factor on two cores


class Newton:
    """Advances a `State` by whole iterations; saved: what `state_arrays` gave, to go on from there."""

    def __init__(
        self, objective: Objective, state: State, tol: float, saved: dict[str, Any] | None = None
    ) -> None:
        self.objective, self.state, self.tol = objective, state, tol
        self.by_cholesky = objective.n_x <= LARGEST_CHOLESKY
        self.point: Point | None = None
        self.H: Vector = np.empty((0, 0))
        if saved is not None and saved["evaluated"]:
            self.point = self._evaluate(np.append(state.w, state.b))

    def state_arrays(self) -> dict[str, Any]:
        return {"method": "newton", "evaluated": self.point is not None}

    def advance(self, count: int) -> None:
        """Up to `count` iterations; state.stop is set where they end for a reason."""
        if self.point is None:
            self.point = self._evaluate(np.append(self.state.w, self.state.b))
            self.objective.check_finite(self.point.evaluation.J)
            self.state.take(self.objective, self.point, self.tol)
        for _ in range(count):
            if self.state.stop is not None:
                return
            self._iterate(self.point)

    def _evaluate(self, theta: Vector) -> Point:
        if not self.by_cholesky:
            return self.objective.point(theta)
        point, self.H = self.objective.point_with_hessian(theta)
        return point

    def _iterate(self, start: Point) -> None:
        gradient = start.evaluation.gradient
        d: Vector
        if self.by_cholesky:
            d = -np.asarray(np.linalg.solve(positive_definite(self.H), gradient), dtype=np.float64)
        else:
            d = self._conjugate_gradients(start)
        slope = float(gradient @ d)
        stalls = self.state.stalls_after(slope)
        if stalls >= STALLED:
            self.state.stop = "converged"
            return
        found = self._evaluate(start.theta + d)
        if not good(start, d, found):
            found = step(self.objective, start, d)
            if self.by_cholesky:
                found = self._evaluate(found.theta)
        if np.array_equal(found.theta, start.theta):
            self.state.stop = "converged"
            return
        self.state.costs.append(start.evaluation.J)
        self.state.iteration, self.state.stalls = self.state.iteration + 1, stalls
        self.point = found
        self.state.take(self.objective, found, self.tol)

    def _conjugate_gradients(self, start: Point) -> Vector:
        """d with ||H d + g|| <= min(1/2, sqrt(||g||)) ||g|| (Nocedal & Wright, algorithm 7.1): a read of X each step."""
        gradient = start.evaluation.gradient
        slopes = self.objective.slopes(start.z)
        norm = float(np.linalg.norm(gradient))
        target = min(0.5, np.sqrt(norm)) * norm
        d, r = np.zeros_like(gradient), gradient.copy()
        p, rr = -r, float(r @ r)
        for _ in range(200):
            Hp = self.objective.hessian_product(p, slopes)
            curvature = float(p @ Hp)
            if not curvature > 0.0:
                break
            a = rr / curvature
            d += a * p
            r += a * Hp
            previous, rr = rr, float(r @ r)
            if rr <= target * target:
                break
            p = -r + (rr / previous) * p
        return d if d.any() else -gradient


def positive_definite(H: Vector) -> Vector:
    """H, or H with the least ridge, in steps of 100, with which it has a Cholesky factor whose pivots are not rounding."""
    size = np.diag(H).copy()
    size[size <= 0.0] = max(float(np.mean(size)), np.finfo(float).tiny)
    ridge, ridged = 1e-12, H
    for _ in range(8):
        try:
            pivots = np.diag(np.linalg.cholesky(ridged)) ** 2
            if (pivots > 2e-16 * len(H) * size).all():
                return ridged
        except np.linalg.LinAlgError:
            pass
        ridged = H + np.diag(ridge * size)
        ridge *= 100.0
    return np.eye(len(H))
