"""Binary models with an elastic net, bounds or an offset, on one X, in shared reads.

    J_k = (1/S_k) sum s t_k L(a_k, y_k) + P_k(w_k)      z_k = w_k.x + b_k + o

P is a `maths.elastic_net`, which has no derivative where a weight is 0 or at a bound. The gradient
of an evaluation is the derivative nearest to 0 there: it vanishes at the optimum and nowhere else.
A read keeps the sums over either label apart: they prove a bound at any point, `maths.duality`.

A step takes the working set: features that are not 0, or want to move. Its Hessian is a small
matrix, from which coordinate descent finds the next w without a read of X.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.base import NO_GROUP, Backend
from ..data.design import Design
from ..maths import duality
from ..maths.arrays import NONE, Vector
from ..maths.duality import Shares
from ..maths.logistic import LOGISTIC
from ..maths.softmax import ClassLabels
from . import coordinates, spreads
from .columns import Column, SharedColumns, held_mean
from .penalised_proof import DualPoint, Proof, Prover, Sides
from .point import Evaluation, Point

Features = NDArray[np.intp]
BIAS_STEPS = 100  # of Newton's method for b alone, at most


class PenalisedColumns(SharedColumns):
    """Compute such costs; offset (m,) or none is part of every z."""

    def __init__(
        self,
        design: Design,
        labels: ClassLabels,
        group: NDArray[np.int32] = NO_GROUP,
        weight: Vector = NONE,
        backend: str | Backend = "fused",
        n_threads: int | None = None,
        intercept: bool = True,
        offset: Vector = NONE,
    ) -> None:
        super().__init__(design, labels, group, weight, backend, n_threads, intercept)
        self.offset = offset
        self._prover = Prover(self)
        self._y: tuple[int, NDArray[np.uint8]] | None = None

    def on(self, design: Design) -> PenalisedColumns:
        own = (self.labels, self.group, self.weight, self.backend, self.n_threads, self.intercept)
        new = PenalisedColumns(design, *own, self.offset)
        new.passes, new.watch = self.passes, self.watch
        return new

    def evaluate(self, columns: Sequence[Column], thetas: Sequence[Vector]) -> list[Point]:
        """Return J and what a read tells of theta (n_x + 1,) for each column: one read of X.

        A model alone is told what both labels bring together: that is the lectures' pass, which
        takes half the time of one that keeps them apart.
        """
        self.begin_pass()
        zs = np.empty((len(columns), self.m))
        if len(columns) == 1 and self._is_plain(columns[0]):
            (w, b), y = columns[0].fold(thetas[0]), self.y_of(columns[0])
            plain = self.backend.sums(self.design, y, w, b, weight=self.weight, zs=zs[0])
            slopes = self.slopes(columns[0], plain.dw, plain.db)
            parts = slopes, NONE, plain.loss, plain.slopes, np.nan
            return [self._point(columns[0], thetas[0], zs[0], parts)]
        sums = self.backend.sided_sums(
            self.design,
            self.labels,
            self._bundle(columns, thetas),
            weight=self.weight,
            group=self.group,
            offset=self.offset,
            zs=zs,
        )
        found = []
        for k, (column, theta) in enumerate(zip(columns, thetas)):
            of_labels = np.array(
                [self.slopes(column, sums.dw[side, k], float(sums.db[side, k])) for side in (0, 1)]
            )
            held = held_mean(column, float(sums.held[k]))
            slopes = of_labels[0] + of_labels[1]
            parts = slopes, of_labels, float(sums.loss[k]), float(sums.slopes[k]), held
            found.append(self._point(column, theta, zs[k], parts))
        return found

    def _is_plain(self, column: Column) -> bool:
        """Tell whether a column is what a pass of one model is for."""
        apart = self.offset.size or column.held.any()
        return not apart and bool((column.train == 1.0).all())

    def slopes(self, column: Column, dw: Vector, db: float) -> Vector:
        """Return the gradient (n_x + 1,) of a mean from sums over examples, as a column sees it."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.append(column.unfold(dw, db), db) / column.total

    def _point(
        self,
        column: Column,
        theta: Vector,
        z: Any,
        parts: tuple[Vector, Vector, float, float, float],
    ) -> Point:
        slopes, of_labels, loss, curvature, held = parts
        if not self.intercept:
            slopes[-1] = 0.0
        gradient = slopes.copy()
        with np.errstate(over="ignore", invalid="ignore"):
            column.penalty.add_gradient(theta[:-1], gradient[:-1])
            J = loss / column.total + column.penalty.value(theta[:-1])
        evaluation = Evaluation(J, gradient, curvature / column.total)
        return Point(theta, evaluation, Sides(z, loss / column.total, slopes, of_labels, held))

    def of_labels(self, column: Column, point: Point) -> Vector:
        """Return what the examples of either label bring to the gradient of the mean loss: a read,
        where the point does not tell."""
        return self._prover.of_labels(column, point)

    def sums_of_ones(self, column: Column, point: Point) -> tuple[Vector, float]:
        """Sum dz x (n_x,) and dz over the examples with y = 1, in a read of X."""
        y, weight = self.y_of(column), self.weight_of(column)
        ones = weight * y if weight.size else y.astype(np.float64)
        w, b = column.fold(point.theta)
        sums = self.backend.sums(self.design, y, w, b, weight=ones)
        return sums.dw, sums.db

    def weight_of(self, column: Column) -> Vector:
        """Return the weight of each example in a column's J (m,), or none where all are 1."""
        train = column.train
        if (train == 1.0).all():
            return self.weight
        own = train[self.group] if self.group.size else np.full(self.m, train[0])
        return own * self.weight if self.weight.size else own

    def best_bias(self, column: Column) -> float:
        """Find b where no feature is in: no read of X, since z is the offset and b."""
        y, weight = self.y_of(column), self.weight_of(column)
        z = self.offset if self.offset.size else np.zeros(self.m)
        own = weight if weight.size else np.ones(self.m)
        ones = float(own @ y)
        b = float(np.log(ones) - np.log(column.total - ones)) if 0.0 < ones < column.total else 0.0
        if not self.offset.size:
            return b
        for _ in range(BIAS_STEPS):
            _, slope, curvature = self.backend.along_line(z, np.ones(self.m), y, weight, b)
            step = slope / curvature if curvature > 0.0 else 0.0
            step = float(np.clip(step, -4.0, 4.0))
            b -= step
            if abs(step) <= 1e-15 * max(1.0, abs(b)):
                break
        return b

    def held_losses(self, column: Column, points: Sequence[tuple[Vector, float]]) -> Vector:
        """Return the mean held-out loss at each (w, b) for the design; NaN without: a read."""
        found = np.full(len(points), np.nan)
        if not column.held.any():
            return found
        self.begin_pass()
        W, b = np.array([w for w, _ in points]), np.array([b for _, b in points])
        found[:] = 0.0
        for lo, hi, x in self.design.float_blocks():
            own = column.held[self.group[lo:hi]] if self.group.size else np.full(hi - lo, 1.0)
            rows = np.flatnonzero(own)
            weight = own[rows] * (self.weight[lo:hi][rows] if self.weight.size else 1.0)
            z = x[rows] @ W.T + b
            if self.offset.size:
                z += self.offset[lo:hi][rows][:, None]
            y = (self.labels[lo:hi][rows] == column.positive)[:, None]
            found += weight @ LOGISTIC.value(z, y)
        return found / column.held_total

    def y_of(self, column: Column) -> NDArray[np.uint8]:
        """Return the labels 0 or 1 of a column (m,); those asked for last are kept."""
        if self._y is None or self._y[0] != column.positive:
            self._y = column.positive, (self.labels == column.positive).view(np.uint8)
        return self._y[1]

    def working_hessians(self, column: Column, point: Point, features: Features) -> Vector:
        """Sum a (1 - a) x1 x1.T of a working set over each group, for one column's a: one read.

        (G, n + 1, n + 1), in the design's features. `working_hessian` makes a column's of it.
        """
        self.begin_pass()
        slopes = self.backend.terms(point.z.z, self.y_of(column), self.weight).slopes
        if self.groups > 1:
            slopes = np.where(self.group == np.arange(self.groups)[:, None], slopes, 0.0)
        else:
            slopes = slopes[None]
        return self.backend.working_products(self.design, features, slopes)

    def working_hessian(self, column: Column, by_group: Vector, features: Features) -> Vector:
        """Return the Hessian of a column's mean loss by a working set and b; a new array."""
        if len(by_group) == 1 and not column.scale.size:
            return np.asarray(by_group[0] * (column.train[0] / column.total))
        H = np.einsum("g,gij->ij", column.train, by_group)
        if column.scale.size:
            scale, shift = column.scale[features], column.shift[features]
            u, total = H[-1, :-1].copy(), float(H[-1, -1])
            scaled = scale * u
            H[:-1, :-1] *= scale[:, None]
            H[:-1, :-1] *= scale
            H[:-1, :-1] += np.outer(shift, scaled + total * shift)
            H[:-1, :-1] += np.outer(scaled, shift)
            H[-1, :-1] = H[:-1, -1] = scaled + total * shift
        return H / column.total

    def along(
        self, column: Column, start: Point, trial: Point, t: float, share: float = 1.0
    ) -> float:
        """Return J at start + t (trial - start), the penalty `share` times as strong: no read."""
        if t in (0.0, 1.0):
            point = trial if t else start
            more = (share - 1.0) * column.penalty.value(point.theta[:-1]) if share != 1.0 else 0.0
            return point.evaluation.J + more
        weight = self.weight_of(column)
        slope = trial.z.z - start.z.z
        loss = self.backend.along_line(start.z.z, slope, self.y_of(column), weight, t).loss
        w = start.theta[:-1] + t * (trial.theta[:-1] - start.theta[:-1])
        return float(loss) / column.total + share * column.penalty.value(w)

    def prove(
        self,
        column: Column,
        point: Point,
        goal: float = np.inf,
        others: tuple[DualPoint, ...] | None = None,
    ) -> Proof:
        """Return a bound on J - J*, where an estimate of it is within the goal.

        Without others of the dual problem that serve, it takes a read where the point does not tell
        the labels apart. Free features, without penalty or bound, take three.
        """
        return self._prover.prove(column, point, goal, others)

    def entropy(self, column: Column, point: Point, kappa: Shares) -> float:
        """Sum the entropies of the dual point, in the shares kappa of the errors."""
        y, weight = self.y_of(column), self.weight_of(column)
        return self.backend.entropy(point.z.z, y, weight, self.offset, kappa)

    def moved(self, column: Column, point: Point, u: Vector) -> tuple[Any, Vector, float] | None:
        """Return the change of z along u (n_x + 1,), and H u as sums; two reads of X.

        None where some z changes by more than 1.
        """
        alone = self.alone(column)
        w, b = column.fold(u)
        moves = alone.scores(w, b)
        found = None
        if np.abs(moves).max() <= 1.0:
            slopes = self.backend.terms(point.z.z, self.y_of(column), self.weight_of(column)).slopes
            found = moves, alone.combine(slopes * moves), float(np.sum(slopes * moves))
        self.passes += alone.passes
        return found

    def entropy_along(self, column: Column, point: Point, moves: Any, scale: float) -> float:
        """Sum the entropies of the dual point that `moves` lead to."""
        y, weight = self.y_of(column), self.weight_of(column)
        return duality.entropy_along(point.z.z, y, weight, self.offset, moves, scale)

    def spread(self, column: Column) -> Vector:
        """Return what no standard deviation exceeds, of a feature as a column sees it: one read.

        Of a dense X the squares are about the mean of a sample. Without b they are about 0.
        """
        weight = self.weight_of(column)
        own = weight if weight.size else np.ones(self.m)
        self.begin_pass()
        found = spreads.of_features(self.design, self.backend, own, column.total, self.intercept)
        if column.scale.size:
            found = np.abs(column.scale) * found
            if not self.intercept:
                found += np.abs(column.shift)
        return np.asarray(found)

    def proved_zero(self, column: Column, proof: Proof) -> NDArray[np.bool_]:
        """Tell which features are 0 at the optimum, proved (n_x,): one read of X.

        The q of the proof is within sqrt(bound / 2) of the optimum's, so G_j is within that times
        the spread of feature j; below l1_j the weight is 0. Source: the gap-safe rule of Fercoq,
        Gramfort & Salmon, "Mind the duality gap" (2015).
        """
        penalty: Any = column.penalty
        reach = np.full(self.n_x, np.inf)
        if np.isfinite(proof.bound):
            reach = np.sqrt(0.5 * proof.bound) * self.spread(column)
        return np.asarray(penalty.held_at_zero(proof.G, reach))

    def candidates(self, column: Column, point: Point, ahead: float, most: int) -> Features:
        """Return the features that a step should look at: `coordinates.candidates`."""
        slopes = point.z.slopes[:-1]
        return coordinates.candidates(column.penalty, point.theta[:-1], slopes, ahead, most)

    def largest_strength(self, column: Column, point: Point) -> float:
        """Return where, over the penalty's strength, the first feature moves from w = 0."""
        slopes = point.z.slopes[:-1]
        return coordinates.largest_strength(column.penalty, point.theta[:-1], slopes)

    def step(
        self,
        column: Column,
        point: Point,
        features: Features,
        H: Vector,
        share: float,
        left: float = 0.0,
    ) -> tuple[Vector, float]:
        """Return the theta where the quadratic model of J is least, and how far J falls in it."""
        theta, slopes = point.theta, point.z.slopes
        found = coordinates.step(
            column.penalty,
            self.intercept,
            (theta[:-1], theta[-1:]),
            (slopes[:-1], slopes[-1:]),
            features,
            H,
            share,
            left,
        )
        return np.append(found.w, found.b), found.fall
