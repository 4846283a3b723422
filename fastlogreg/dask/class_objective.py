"""J of several classes where the examples lie with workers: `SoftmaxObjective` with every z there.

It is to `objective.softmax` what `dask.objective` is to two classes. A z is here a `ClassScores`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.dense import DesignMatrix
from ..maths.arrays import NONE, Vector
from ..maths.sampling import class_places
from ..maths.softmax import BiasMoments
from ..objective import softmax_sampled
from ..objective.point import Evaluation, Point
from ..objective.separation import MOVED, MarginChange
from ..objective.softmax import SoftmaxObjective
from . import class_blocks
from .class_blocks import CLASS_HEAD, ClassPlace
from .objective import DistributedDesign, OnWorkers, sample


class ClassScores:
    """Stand for z (K, m) at a point, kept by the blocks under a name.

    wrong: examples on the wrong side, None where they were not counted; unbounded: blocks whose z
    is beyond 1e150 or NaN.
    """

    def __init__(self, place: ClassPlace) -> None:
        self.place = place
        self.wrong: float | None = None
        self.unbounded = 0.0

    def __add__(self, shift: Vector) -> ClassScores:
        """Return z with shift (K, 1) added."""
        place = self.place
        before = place.shift if place.shift.size else 0.0
        return ClassScores(place._replace(shift=before + shift[:, 0]))


class DistributedSoftmax(OnWorkers, SoftmaxObjective):
    """Compute J of several classes on a `DistributedDesign`, whose blocks have labels and
    weights."""

    def __init__(
        self, design: DistributedDesign, classes: int, lambda_: float = 0.0, intercept: bool = True
    ) -> None:
        none = np.empty(0, np.int32)
        SoftmaxObjective.__init__(
            self, design, none, classes, lambda_, n_threads=1, intercept=intercept
        )
        self.distribute(design, lambda_)

    def room(self) -> ClassScores:
        return ClassScores(ClassPlace(NONE, NONE, self.new_name()))

    def _place(self, theta: Vector, name: str = "") -> ClassPlace:
        """Return the point on X itself, scale and shift being folded into W and b."""
        W, b = self.split(theta)
        design = self.design
        return ClassPlace(W * design.scale, b + np.einsum("kj,j->k", W, design.shift), name)

    def _unfolded(self, sums: Vector) -> tuple[Vector, Vector]:
        """Return dW (K, n_x) and db (K,) of scale * X + shift, from sums over X itself."""
        K, n_x = self.classes, self.n_x
        db = sums[CLASS_HEAD : CLASS_HEAD + K]
        dW = sums[CLASS_HEAD + K :].reshape(K, n_x)
        return dW * self.design.scale + np.outer(db, self.design.shift), db

    def evaluate_at(self, theta: Vector, zs: Any = NONE) -> Evaluation:
        self.begin_pass()
        named = isinstance(zs, ClassScores)
        place = self._place(theta, zs.place.name if named else "")
        sums = self.held.sum(class_blocks.cost_sums, place, self.decay == 0.0)
        if named:
            zs.place, zs.unbounded = place, float(sums[2])
            zs.wrong = float(sums[1]) if self.decay == 0.0 else None
        W, _ = self.split(theta)
        with np.errstate(over="ignore", invalid="ignore"):
            dW, db = self._unfolded(sums)
            J = float(sums[0]) / self.total + self.penalty.value(W.reshape(-1))
            gradient = self._gradient(W, dW, db, self.penalty.add_gradient)
        return Evaluation(J, gradient, np.nan)

    def hessian_product(self, v: Vector, slopes: Any) -> Vector:
        V, v_b = self.split(v)
        dW, db = self._product(slopes, self.joined(V, v_b * self.intercept))
        return self._gradient(V, dW, db, self.penalty.add_product)

    def bias_product(self, z: Any, u: Vector) -> Vector:
        none = np.zeros((self.classes, self.n_x))
        return self.joined(*self._product(z, self.joined(none, u))) / self.total

    def _product(self, z: Any, v: Vector) -> tuple[Vector, Vector]:
        self.begin_pass()
        sums = self.held.sum(class_blocks.product_sums, z.place, self._place(v))
        return self._unfolded(sums)

    def hessian_at(self, point: Point) -> Vector:
        self.begin_pass()
        design = self.design
        found = self.held.sum(class_blocks.hessian_sums, point.z.place, design.scale, design.shift)
        H: Vector = found.copy()
        self.finish_hessian(H)
        return H

    def second_moments(self) -> Vector:
        self.begin_pass()
        design = self.design
        found: Vector = self.held.sum(class_blocks.feature_products, design.scale, design.shift)
        return found / self.total

    def line(
        self, start: Point, d: Vector, trial: Point
    ) -> Callable[[float], tuple[float, float, float]] | None:
        if start.z.unbounded or trial.z.unbounded:
            return None
        w, w_slope = (self.split(each)[0].reshape(-1) for each in (start.theta, d))

        def along(t: float) -> tuple[float, float, float]:
            sums = self.held.sum(class_blocks.line_sums, start.z.place, trial.z.place, t)
            J, first, second = (float(value) / self.total for value in sums)
            penalty = self.penalty.along_line(w, w_slope, t)
            return J + penalty.value, first + penalty.first, second + penalty.second

        return along

    def bias_moments(self, z: Any, shift: Vector = NONE) -> BiasMoments:
        K = self.classes
        shift = shift if shift.size else np.zeros(K)
        sums = self.held.sum(class_blocks.moment_sums, z.place, shift) / self.total
        return BiasMoments(float(sums[0]), sums[1 : K + 1], sums[K + 1 :].reshape(K, K))

    def largest_leverage(self, inverse: Vector, z: Any = NONE, enough: float = 0.0) -> float:
        self.begin_pass()
        design, how = self.design, (self.classes, self.intercept)
        return max(
            self.held.each(class_blocks.largest_leverage, design.scale, design.shift, inverse, how)
        )

    def scores_at(self, theta: Vector) -> Any:
        return ClassScores(self._place(theta, self.new_name()))  # computed where first used

    def separates_at(self, point: Point) -> bool:
        z = point.z
        if self.decay > 0.0 or z is None:
            return False
        if z.wrong is None:
            z.wrong = sum(self.held.each(class_blocks.on_wrong_side, z.place))
        return bool(z.wrong == 0.0)

    def margin_changes(self, z: Any, v: Vector) -> MarginChange:
        move = self.scores_at(v).place
        ends = self.held.each(class_blocks.changes, move)
        most, least = max(most for most, _ in ends), min(least for _, least in ends)
        moved, of, nearest = zip(*self.held.each(class_blocks.moved, z.place, move, MOVED * most))
        return MarginChange(most, least, sum(moved), sum(of), min(nearest))

    def on(self, design: Any) -> DistributedSoftmax:
        new = DistributedSoftmax(design, self.classes, self.lambda_, self.intercept)
        new.passes, new.watch = self.passes, self.watch
        return new

    def sampled(self, rows: int) -> SoftmaxObjective:
        """Return it of some examples, every class in its proportion; they come to the client."""
        x, labels, weight = sample(self.held, class_places(self.held.counts.sum(axis=0), rows))
        design = DesignMatrix(x.T, self.design.scale, self.design.shift)
        return self.like(design, labels, weight, n_threads=1)

    def estimated_hessian(self, point: Point, rows: int) -> Vector:
        small = self.sampled(rows)
        return small.hessian_at(small.point(point.theta))

    def estimated_factors(self, point: Point, rows: int, shared: bool) -> Vector:
        small = self.sampled(rows)
        return softmax_sampled.estimated_factors(small, small.point(point.theta), rows, shared)

    def confusion(self, theta: Vector) -> Vector:
        """Count examples, by their class (rows) and by what is predicted (columns): (K, K)."""
        place = self.scores_at(theta).place
        counts: Vector = self.held.sum(class_blocks.confusion, place)
        return counts.reshape(self.classes, self.classes)
