"""The cost of a softmax model with an elastic net, bounds, or groups of weights.

    J = (1/S) sum s L(a, y) + P(W)      P acts on the K n_x weights, class after class

What `objective.penalised` is for two classes. A coordinate is a weight w_kj, k n_x + j. The gap to
the dual problem takes a read more: with u = H_bb^+ db the point q = a - (diag(a) - a a.T) u adds up
to the labels in every class, and G = dW - H_Wb u. It is asked for where the gap without that is
within the goal.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Backend
from ..data.design import Design
from ..maths import certificate, softmax
from ..maths.arrays import NONE, Vector
from ..maths.elastic_net import ElasticNet
from ..maths.softmax import ClassLabels
from . import coordinates, softmax_proof
from .penalised import Features
from .point import Evaluation, Point
from .softmax import SoftmaxObjective

BLOCK = 1 << 14  # examples at a time
MOST_PAIRS_BYTES = 64 << 20  # of da_k/dz_l of all examples: above, Boehning's bound stands for them
TINY = 1e-300


class ClassSides(NamedTuple):
    """Hold what a read tells of a point beside J; a `Point` has it in the place of z.

    z (K, m). loss: the mean, without the penalty. dW (K n_x,) and db (K,): its gradient.
    """

    z: Vector
    loss: float
    dW: Vector
    db: Vector


class PenalisedSoftmaxObjective(SoftmaxObjective):
    """Compute J, the steps and the proofs; the penalty has K n_x weights."""

    def __init__(
        self,
        design: Design,
        labels: ClassLabels,
        classes: int,
        penalty: ElasticNet,
        backend: str | Backend = "fused",
        n_threads: int | None = None,
        weight: Vector = NONE,
        intercept: bool = True,
    ) -> None:
        super().__init__(
            design, labels, classes, 0.0, backend, n_threads, weight, intercept, penalty
        )
        self.elastic_net = penalty

    @property
    def has_bound(self) -> bool:
        return True

    def on(self, design: Design) -> PenalisedSoftmaxObjective:
        new = PenalisedSoftmaxObjective(
            design,
            self.labels,
            self.classes,
            self.elastic_net,
            self.backend,
            self.n_threads,
            self.weight,
            self.intercept,
        )
        new.passes, new.watch = self.passes, self.watch
        return new

    def like(
        self, design: Design, y: NDArray[Any], weight: Vector, n_threads: int
    ) -> PenalisedSoftmaxObjective:
        return PenalisedSoftmaxObjective(
            design,
            y,
            self.classes,
            self.elastic_net.for_total(float(weight.sum())),
            self.backend.with_threads(n_threads),
            n_threads,
            weight,
            self.intercept,
        )

    def centred(self, theta: Vector) -> Vector:
        """Return theta with b centred over the classes; the penalty holds W where it is."""
        rows = theta.reshape(self.classes, self.n_x + 1).copy()
        if self.intercept:
            rows[:, -1] -= rows[:, -1].mean()
        return rows.reshape(-1)

    def point(self, theta: Vector, scores: bool = True) -> Point:
        W, b = self.split(theta)
        z = self.room()
        self.begin_pass()
        loss, dw, db = self.backend.class_sums(
            self.design, self.labels, W, b, weight=self.weight, zs=z
        )
        with np.errstate(over="ignore", invalid="ignore"):
            mean, dW = loss / self.total, (dw / self.total).reshape(-1)
        of_b = db / self.total * self.intercept
        return self.under(
            Point(theta, Evaluation(np.nan, NONE, np.nan), ClassSides(z, mean, dW, of_b))
        )

    def under(self, point: Point) -> Point:
        """Return a point as it is with the penalty of this objective: no read of X."""
        W, sides = self.split(point.theta)[0].reshape(-1), point.z
        gradient = self.joined(
            self.elastic_net.least_slopes(W, sides.dW).reshape(self.classes, -1), sides.db
        )
        J = sides.loss + self.elastic_net.value(W)
        return Point(point.theta, Evaluation(J, gradient, np.nan), sides)

    def certify(self, theta: Vector, evaluation: Evaluation, z: Any = None) -> float:
        sides = z if isinstance(z, ClassSides) else self.point(theta).z
        return self.prove(Point(theta, evaluation, sides), np.inf)[1]

    def prove(self, point: Point, goal: float) -> tuple[float, float]:
        """Return a measure and a bound on J - J*; infinite where an estimate is above the goal."""
        J, sides = point.evaluation.J, point.z
        if not np.isfinite(J):
            return np.inf, np.inf
        first = J - self._value(sides.z, np.zeros(self.classes), sides.dW)
        if not first <= goal:
            return first, np.inf
        bound = first
        if sides.db.any():
            u = softmax_proof.solved(self.bias_moments(sides.z).curvature, sides.db)
            if u is None or not u.max() - u.min() < 1.0:
                return np.inf, np.inf
            change = self.split(self.bias_product(sides.z, u))[0].reshape(-1)
            bound = J - self._value(sides.z, u, sides.dW - change)
        bound = max(bound, 0.0) + certificate.ROUNDING * J
        return bound, bound

    def _value(self, z: Vector, u: Vector, G: Vector) -> float:
        """Return what the dual problem gives at q = y + t (a - (diag(a) - a a.T) u - y)."""
        penalty, total = self.elastic_net, 0.0
        t = penalty.largest_scale(G)
        for lo in range(0, self.m, BLOCK):
            part = slice(lo, min(lo + BLOCK, self.m))
            a = softmax.softmax(z[:, part])
            q = a * (1.0 - u[:, None] + u @ a)
            y = self.labels[part] == np.arange(self.classes)[:, None]
            q = np.clip(y + t * (q - y), 0.0, 1.0)
            H = -(q * np.log(np.maximum(q, TINY))).sum(axis=0)
            total += float(self.weight[part] @ H) if self.weight.size else float(H.sum())
        return total / self.total - penalty.conjugate(t * G)

    # ------------------------------------------------------------ steps

    def candidates(self, point: Point, ahead: float, most: int) -> Features:
        """Return the coordinates that a step should look at: see `PenalisedColumns.candidates`."""
        penalty, W = self.elastic_net, self.split(point.theta)[0].reshape(-1)
        return coordinates.candidates(penalty, W, point.z.dW, ahead, most)

    def largest_strength(self, point: Point) -> float:
        """Return where, over the penalty's strength, the first weight moves from W = 0."""
        W = self.split(point.theta)[0].reshape(-1)
        return coordinates.largest_strength(self.elastic_net, W, point.z.dW)

    def working_hessian(self, point: Point, features: Features) -> Vector:
        """Return the Hessian of the mean loss by some weights and every b: one read of X.

        Where the slopes of all examples would take too much memory it is what no Hessian exceeds,
        (I - 11.T / K) / 2 (x) X1 X1.T / S (Boehning, 1992).
        """
        K, n_x = self.classes, self.n_x
        own = np.unique(features % n_x)
        self.begin_pass()
        pairs = [(k, j) for k in range(K) for j in range(k, K)]
        width = own.size + 1
        H = np.empty((K, width, K, width))
        if 8 * len(pairs) * self.m <= MOST_PAIRS_BYTES:
            a = softmax.softmax(point.z.z)
            weight = self.weight_of_each
            slopes = np.array([weight * a[k] * (1.0 - a[k] if k == j else a[j]) for k, j in pairs])
            blocks = self.backend.working_products(self.design, own, slopes) / self.total
            for (k, j), block in zip(pairs, blocks):
                H[k, :, j] = block if k == j else -block
                H[j, :, k] = H[k, :, j].T
        else:
            G = self.backend.working_products(self.design, own, self.weight_of_each) / self.total
            for k, j in pairs:
                H[k, :, j] = H[j, :, k] = (0.5 * (k == j) - 0.5 / K) * G
        places = (features // n_x) * width + np.searchsorted(own, features % n_x)
        at = np.append(places, np.arange(K) * width + width - 1)
        return H.reshape(K * width, K * width)[at[:, None], at]

    def step(
        self, point: Point, features: Features, H: Vector, share: float
    ) -> tuple[Vector, float]:
        """Return the theta where the quadratic model of J is least, and how far J falls in it."""
        W, b = self.split(point.theta)
        found = coordinates.step(
            self.elastic_net,
            self.intercept,
            (W.reshape(-1), b),
            (point.z.dW, point.z.db),
            features,
            H,
            share,
        )
        return self.joined(found.w.reshape(self.classes, -1), found.b), found.fall

    def along(self, start: Point, trial: Point, t: float, share: float) -> float:
        """Return J at start + t (trial - start), the penalty `share` times as strong: no read."""
        ends = [self.split(each.theta)[0].reshape(-1) for each in (start, trial)]
        W = ends[0] + t * (ends[1] - ends[0])
        if t in (0.0, 1.0):
            loss = (trial if t else start).z.loss
        else:
            slope = trial.z.z - start.z.z
            sums = self.backend.class_along_line(start.z.z, slope, self.labels, self.weight, t)
            loss = sums.loss / self.total
        return float(loss) + share * self.elastic_net.value(W)

    def proved_zero(self, theta: Vector, z: Any = None) -> NDArray[np.bool_] | None:
        """Return None: which weights are 0 for certain is not looked for."""
        return None
