"""Newton's method: d = -H^-1 g, H and g from one read of X; by Cholesky where n_x or, for lambda >
0, m is small enough, else by conjugate gradients.

Wide X (m < n_x, lambda > 0). The step from (w, b) to (w', b') lies in the span of the examples:
with decay = lambda / S, c = -decay c' where w' = X c', and q the change of z, the equations of the
step are, in the m-by-m domain of K = X.T X,

    (K + lambda diag(1/s)) p - decay r 1 = -G        sum(p) = -g_b        G = X.T g_w = K dz / S +
                                                     decay (z - b)
    w' = -X (p + dz / S) / decay                     b' = b + r           p = s q / S

(s: a (1 - a) of each example, weighted, as dz is; r: the change of b). K is formed once, and an
iteration reads X twice: for w' and at the new point. In B = lambda I + s^1/2 K s^1/2 an s of 0 does
no harm, and B has a Cholesky factor always.

A Hessian that is singular to working precision (lambda = 0 with a constant or duplicated column)
gets a ridge, from 1e-12 of its diagonal on: of many equally good steps nearly the shortest is
taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..machine.blas import inner, norm
from ..maths.arrays import Vector
from ..objective.objective import Objective
from ..objective.point import Point
from . import compiled
from .line_search import good, step
from .state import STALLED, State

LARGEST_CHOLESKY = 3000  # n_x or m: H or K of 72 MB, a third of a second to factor on two cores
SMALL_SYSTEM = (
    1024  # unknowns up to which a factor of our own takes less than LAPACK, 9 for 10 ms at 785
)
ROUNDING = (
    2e-16  # times the size of H: a pivot below that share of its place on the diagonal is rounding
)


def by_examples(objective: Objective) -> bool:
    """Whether the m-by-m domain is the way."""
    wide = objective.m < objective.n_x and objective.m <= LARGEST_CHOLESKY
    penalised = objective.decay > 0.0 and objective.penalty.plain
    return wide and penalised and objective.has_gram


class Newton:
    """Advances a `State` by whole iterations; saved: what `state_arrays` gave, to go on from
    there."""

    def __init__(
        self, objective: Objective, state: State, tol: float, saved: dict[str, Any] | None = None
    ) -> None:
        self.objective, self.state, self.tol = objective, state, tol
        self.products = objective.gram() if by_examples(objective) else None
        self.by_cholesky = self.products is None and objective.n_x <= LARGEST_CHOLESKY
        small = self.by_cholesky and compiled.newton_is_compiled(objective)
        self.compiled = compiled.CompiledNewton(objective, tol) if small else None
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
        end = self.state.iteration + count
        while self.state.stop is None and self.state.iteration < end:
            if self.compiled is None or not self._iterate_compiled(
                self.point, self.compiled, end - self.state.iteration
            ):
                self._iterate(self.point)

    def _evaluate(self, theta: Vector) -> Point:
        if not self.by_cholesky:
            return self.objective.point(theta)
        if self.compiled is not None:
            point, self.H = self.compiled.evaluate(theta)
            return point
        point, self.H = self.objective.point_with_hessian(theta)
        return point

    def _iterate_compiled(self, point: Point, kernel: compiled.CompiledNewton, count: int) -> int:
        """Up to `count` iterations, as long as there is nothing to decide; how many there were.
        Their times are estimates."""
        state, objective, begun = self.state, self.objective, time.perf_counter()
        if objective.watch is not None:
            objective.watch()
        points, self.H, reads = kernel.steps(point, self.H, count, ROUNDING * len(point.theta))
        took = (time.perf_counter() - begun) / max(1, len(points))
        for k, found in enumerate(points):
            state.costs.append(point.evaluation.J)
            state.iteration, state.stalls, point = state.iteration + 1, 0, found
            objective.passes += 1
            state.take(objective, found, self.tol)
            state.history[-1] = (objective.passes, begun + (k + 1) * took, *state.history[-1][2:])
        objective.passes += reads - len(points)
        self.point = point
        return len(points)

    def _iterate(self, start: Point) -> None:
        gradient = start.evaluation.gradient
        d: Vector
        if self.by_cholesky:
            d = self._by_cholesky(gradient)
        elif self.products is not None:
            d = self._in_the_domain_of_examples(start, self.products)
        else:
            d = self._conjugate_gradients(start)
        slope = inner(gradient, d)
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

    def _by_cholesky(self, gradient: Vector) -> Vector:
        solve = by_factor(self.H, self.objective)
        if solve is not None:
            return -solve(gradient)
        return -np.asarray(np.linalg.solve(positive_definite(self.H), gradient), dtype=np.float64)

    def _in_the_domain_of_examples(self, start: Point, K: Vector) -> Vector:
        """The whole step, by the equations above."""
        objective = self.objective
        _, dz, s = objective.link(start.z, objective.y, objective.weight)
        b, decay, total = float(start.theta[-1]), objective.decay, objective.total
        root = np.sqrt(s)
        B = root[:, None] * K
        B *= root
        B.reshape(-1)[:: objective.m + 1] += objective.lambda_
        G = K @ dz / total + decay * (start.z - b)
        v, u = (root * np.linalg.solve(B, np.column_stack([-root * G, root])).T).reshape(2, -1)
        r = 0.0
        if objective.intercept:
            r = -(float(start.evaluation.gradient[-1]) + float(v.sum())) / (decay * float(u.sum()))
        w = objective.combine(-(v + decay * r * u + dz / total) / decay)
        return np.append(w, b + r) - start.theta

    def _conjugate_gradients(self, start: Point) -> Vector:
        """d with ||H d + g|| <= min(1/2, sqrt(||g||)) ||g|| (Nocedal & Wright, algorithm 7.1): a
        read of X each step."""
        gradient = start.evaluation.gradient
        slopes = self.objective.slopes(start.z)
        size = norm(gradient)
        target = min(0.5, np.sqrt(size)) * size
        d, r = np.zeros_like(gradient), gradient.copy()
        p, rr = -r, inner(r, r)
        for _ in range(200):
            Hp = self.objective.hessian_product(p, slopes)
            curvature = inner(p, Hp)
            if not curvature > 0.0:
                break
            a = rr / curvature
            d += a * p
            r += a * Hp
            previous, rr = rr, inner(r, r)
            if rr <= target * target:
                break
            p = -r + (rr / previous) * p
        return d if d.any() else -gradient


def by_factor(H: Vector, objective: Objective) -> Callable[[Vector], Vector] | None:
    """g -> H^-1 g by `kernels.second_order.cholesky`; None where there are no kernels, H is large,
    or singular to rounding."""
    if len(H) > SMALL_SYSTEM or not objective.backend.has_kernels_for(objective.design):
        return None
    from ..kernels.second_order.cholesky import factor, solve

    L = np.empty(H.shape)
    if not factor(H, ROUNDING * len(H), L):
        return None

    def solved(g: Vector) -> Vector:
        d = np.empty(g.size)
        solve(L, g, d)
        return d

    return solved


def positive_definite(H: Vector) -> Vector:
    """H, or H with the least ridge, in steps of 100, with which it has a Cholesky factor whose
    pivots are not rounding."""
    size = np.diag(H).copy()
    size[size <= 0.0] = max(float(np.mean(size)), np.finfo(float).tiny)
    ridge, ridged = 1e-12, H
    for _ in range(8):
        try:
            pivots = np.diag(np.linalg.cholesky(ridged)) ** 2
            if (pivots > ROUNDING * len(H) * size).all():
                return ridged
        except np.linalg.LinAlgError:
            pass
        ridged = H + np.diag(ridge * size)
        ridge *= 100.0
    return np.eye(len(H))
