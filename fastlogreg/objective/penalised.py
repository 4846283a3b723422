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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends import moments
from ..backends.base import NO_GROUP, Backend
from ..data.design import Design
from ..maths import certificate, duality
from ..maths.arrays import NONE, Vector
from ..maths.duality import Shares
from ..maths.softmax import ClassLabels
from . import coordinates
from .columns import Column, SharedColumns, held_mean
from .point import Evaluation, Point

Features = NDArray[np.intp]


class Sides(NamedTuple):
    """Hold what a read tells of a point beside J; a `Point` has it in the place of z.

    z (m,): with the offset. slopes (n_x + 1,): the gradient of the mean loss. of_labels
    (2, n_x + 1): what the examples of either label bring to it. loss: the mean, without the
    penalty. held: the mean held-out loss.
    """

    z: Vector
    loss: float
    slopes: Vector
    of_labels: Vector
    held: float


class Proof(NamedTuple):
    """Hold a bound on J - J*, and the slopes G (n_x,) of the dual point that proves it."""

    bound: float
    G: Vector
    reads: int = 0


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

    def on(self, design: Design) -> PenalisedColumns:
        new = PenalisedColumns(
            design,
            self.labels,
            self.group,
            self.weight,
            self.backend,
            self.n_threads,
            self.intercept,
            self.offset,
        )
        new.passes, new.watch = self.passes, self.watch
        return new

    def evaluate(self, columns: Sequence[Column], thetas: Sequence[Vector]) -> list[Point]:
        """Return J and what a read tells of theta (n_x + 1,) for each column: one read of X."""
        self.begin_pass()
        zs = np.empty((len(columns), self.m))
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
            of_labels = np.empty((2, self.n_x + 1))
            with np.errstate(over="ignore", invalid="ignore"):
                for side in (0, 1):
                    db = float(sums.db[side, k])
                    of_labels[side, :-1] = column.unfold(sums.dw[side, k], db)
                    of_labels[side, -1] = db
                of_labels /= column.total
                slopes = of_labels[0] + of_labels[1]
                w, gradient = theta[:-1], slopes.copy()
                if not self.intercept:
                    slopes[-1] = gradient[-1] = 0.0
                column.penalty.add_gradient(w, gradient[:-1])
                loss = float(sums.loss[k]) / column.total
                J = loss + column.penalty.value(w)
            evaluation = Evaluation(J, gradient, float(sums.slopes[k]) / column.total)
            held = held_mean(column, float(sums.held[k]))
            found.append(Point(theta, evaluation, Sides(zs[k], loss, slopes, of_labels, held)))
        return found

    def weight_of(self, column: Column) -> Vector:
        """Return the weight of each example in a column's J (m,), or none where all are 1."""
        train = column.train
        if (train == 1.0).all():
            return self.weight
        own = train[self.group] if self.group.size else np.full(self.m, train[0])
        return own * self.weight if self.weight.size else own

    def y_of(self, column: Column) -> NDArray[np.uint8]:
        """Return the labels 0 or 1 of a column (m,)."""
        return (self.labels == column.positive).view(np.uint8)

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

    def prove(self, column: Column, point: Point, goal: float = np.inf) -> Proof:
        """Return a bound on J - J*.

        Free features, without penalty or bound, take two reads more: these are made where the
        rest is within the goal.
        """
        penalty: Any = column.penalty
        J, of_labels = point.evaluation.J, point.z.of_labels
        if not np.isfinite(J):
            return Proof(np.inf, np.zeros(self.n_x))
        rounding = certificate.ROUNDING * J
        A, B = float(of_labels[0, -1]), -float(of_labels[1, -1])
        kappa = duality.shares(A, B, self.intercept)
        G = kappa.zeros * of_labels[0, :-1] + kappa.ones * of_labels[1, :-1]
        free = penalty.unpenalised(point.theta[:-1])
        if free.any():
            rest = np.where(free, 0.0, G)
            scale = penalty.largest_scale(rest)
            proof = self._value(column, point, Shares(*(scale * k for k in kappa)), scale * rest)
            if not J - proof <= goal:
                return Proof(max(J - proof, goal * (1.0 + 1e-9)) + rounding, G)
            return self._with_free(column, point, free)
        scale = penalty.largest_scale(G)
        value = self._value(column, point, Shares(*(scale * k for k in kappa)), scale * G)
        return Proof(max(J - value, 0.0) + rounding, scale * G)

    def _value(self, column: Column, point: Point, kappa: Shares, G: Vector) -> float:
        penalty: Any = column.penalty
        total = self.backend.entropy(
            point.z.z, self.y_of(column), self.weight_of(column), self.offset, kappa
        )
        return float(total) / column.total - float(penalty.conjugate(G))

    def _with_free(self, column: Column, point: Point, free: NDArray[np.bool_]) -> Proof:
        """Prove a bound by a step along the free features and b: a read for H, two for H u."""
        penalty: Any = column.penalty
        features = np.flatnonzero(free)
        H = self.working_hessian(column, self.working_hessians(column, point, features), features)
        slopes, before = point.z.slopes, self.passes
        wanted = np.append(slopes[:-1][features], slopes[-1])
        if not self.intercept:
            H[-1], H[:, -1], H[-1, -1] = 0.0, 0.0, 1.0
        nothing = Proof(np.inf, slopes[:-1])
        try:
            u_free = np.linalg.solve(H, wanted)
        except np.linalg.LinAlgError:
            return nothing
        u = np.zeros(self.n_x + 1)
        u[features], u[-1] = u_free[:-1], u_free[-1]
        alone = self.alone(column)
        w, b = column.fold(u)
        moves = alone.scores(w, b)
        if not np.abs(moves).max() <= 1.0:
            self.passes += alone.passes
            return nothing
        weight, y = self.weight_of(column), self.y_of(column)
        terms = self.backend.terms(point.z.z, y, weight)
        product = alone.combine(terms.slopes * moves)
        along_b = float(np.sum(terms.slopes * moves))
        self.passes += alone.passes
        G = slopes[:-1] - column.unfold(product, along_b) / column.total
        G[features] = 0.0
        scale = penalty.largest_scale(G)
        total = duality.entropy_along(point.z.z, y, weight, self.offset, moves, scale)
        value = total / column.total - float(penalty.conjugate(scale * G))
        bound = max(point.evaluation.J - value, 0.0) + certificate.ROUNDING * point.evaluation.J
        return Proof(bound, scale * G, self.passes - before)

    def spread(self, column: Column) -> Vector:
        """Return what no standard deviation exceeds, of a feature as a column sees it: one read.

        Of a dense X the squares are about the mean of a sample. Without b they are about 0.
        """
        weight = self.weight_of(column)
        own = weight if weight.size else np.ones(self.m)
        design, mean = self.design, None
        if self.intercept and design.dense is not None:
            mean = moments.sample_mean(design)
        if mean is not None:
            design = design.rescaled(design.scale, design.shift - mean)
        self.begin_pass()
        found = np.sqrt(self.backend.squares(design, own) / column.total)
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
        self, column: Column, point: Point, features: Features, H: Vector, share: float
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
        )
        return np.append(found.w, found.b), found.fall
