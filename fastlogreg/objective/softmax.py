"""The cost J of a softmax model of K classes, its gradient and its curvature.

    J = (1/S) sum s L(a, y) + P(w)      dw = X (s dZ).T / S + P'(w)      db = sum(s dZ) / S

Z = w.T X + b and dZ are (K, m): `maths.softmax`. The point is one vector theta of K (n_x + 1)
numbers, theta.reshape(K, n_x + 1) = [W | b], so that solvers need not know how many classes there
are. A z is (K, m).

What the classes have in common does not matter: adding a number to every b, or a vector to every
row of W, changes no a. The gradient has no part in that direction, and from a start that is
centred (sum over the classes 0) every solver's iterates are centred. Without a penalty, or along b,
the Hessian is singular there; `hessian` says how that is mended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends.base import Backend
from ..data.design import Design
from ..maths.arrays import NONE, Vector
from ..maths.penalties import Penalty
from ..maths.softmax import ClassLabels
from .objective import Objective
from .point import Evaluation, Point


class SoftmaxObjective(Objective):
    """Compute J and its derivatives on a design and labels (m,) int32 of 0 .. classes - 1."""

    def __init__(
        self,
        design: Design,
        labels: ClassLabels,
        classes: int,
        lambda_: float = 0.0,
        backend: str | Backend = "fused",
        n_threads: int | None = None,
        weight: Vector = NONE,
        intercept: bool = True,
        penalty: Penalty | None = None,
    ) -> None:
        none = np.zeros(design.m, np.uint8)  # labels of passes that look at none
        super().__init__(design, none, lambda_, backend, n_threads, weight, intercept, penalty)
        self.labels, self.classes = labels, classes

    @property
    def size(self) -> int:
        return self.classes * (self.n_x + 1)

    def split(self, theta: Vector) -> tuple[Vector, Vector]:
        """Return W (K, n_x) and b (K,) of theta, copies that lie in order."""
        rows = theta.reshape(self.classes, self.n_x + 1)
        return np.ascontiguousarray(rows[:, :-1]), rows[:, -1].copy()

    def joined(self, W: Vector, b: Vector) -> Vector:
        """Return theta of W (K, n_x) and b (K,)."""
        return np.append(W, b[:, None], axis=1).reshape(-1)

    def room(self) -> Any:
        return np.empty((self.classes, self.m))

    def point(self, theta: Vector, scores: bool = True) -> Point:
        z = self.room() if scores else None
        return Point(theta, self.evaluate_at(theta, NONE if z is None else z), z)

    def evaluate_at(self, theta: Vector, zs: Vector = NONE) -> Evaluation:
        """Return J and its gradient at theta, in one read of X; zs (K, m), if given, takes z."""
        W, b = self.split(theta)
        self.begin_pass()
        loss, dw, db = self.backend.class_sums(
            self.design, self.labels, W, b, weight=self.weight, zs=zs
        )
        with np.errstate(over="ignore", invalid="ignore"):
            J = loss / self.total + self.penalty.value(W.reshape(-1))
            gradient = self._gradient(W, dw, db, self.penalty.add_gradient)
        return Evaluation(J, gradient, np.nan)

    def _gradient(
        self, W: Vector, dw: Vector, db: Vector, add: Callable[[Vector, Vector], None]
    ) -> Vector:
        """Make a gradient, or a product, of sums over the examples."""
        dw = dw / self.total
        add(W.reshape(-1), dw.reshape(-1))
        return self.joined(dw, db / self.total * self.intercept)

    def shown(self, theta: Vector) -> tuple[Vector, Any]:
        """Return theta as users see it: w (n_x, K) and b (K, 1), copies."""
        W, b = self.split(theta)
        return np.ascontiguousarray(W.T), b[:, None]

    def moved(self, theta: Vector, mean: Vector) -> Vector:
        W, b = self.split(theta)
        return self.joined(W, b + np.einsum("kj,j->k", W, mean))

    def moved_gradient(self, gradient: Vector, mean: Vector) -> Vector:
        dw, db = self.split(gradient)
        return self.joined(dw + np.outer(db, mean), db)

    def hessian_product(self, v: Vector, slopes: Any) -> Vector:
        """Return H v for v of the size of theta; slopes: the z of the point, of `slopes`."""
        V, v_b = self.split(v)
        self.begin_pass()
        _, dw, db = self.backend.class_products(
            self.design, slopes, V, v_b * self.intercept, weight=self.weight
        )
        return self._gradient(V, dw, db, self.penalty.add_product)

    def slopes(self, z: Vector) -> Any:
        """Return what `hessian_product` takes: z itself."""
        return z

    def line(
        self, start: Point, d: Vector, trial: Point
    ) -> Callable[[float], tuple[float, float, float]] | None:
        slope = trial.z - start.z
        if not np.isfinite(slope).all():
            return None
        w, w_slope = (self.split(each)[0].reshape(-1) for each in (start.theta, d))

        def along(t: float) -> tuple[float, float, float]:
            sums = self.backend.class_along_line(start.z, slope, self.labels, self.weight, t)
            J, first, second = (value / self.total for value in sums)
            penalty = self.penalty.along_line(w, w_slope, t)
            return J + penalty.value, first + penalty.first, second + penalty.second

        return along

    def on(self, design: Design) -> SoftmaxObjective:
        new = SoftmaxObjective(
            design,
            self.labels,
            self.classes,
            backend=self.backend,
            n_threads=self.n_threads,
            weight=self.weight,
            intercept=self.intercept,
            penalty=self.penalty,
        )
        new.passes, new.watch = self.passes, self.watch
        return new
