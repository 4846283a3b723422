"""The cost of a softmax model with an elastic net, bounds, or groups of weights.

    J = (1/S) sum s L(a, y) + P(W)      P acts on the K n_x weights, class after class

What `objective.penalised` is for two classes. A coordinate is a weight w_kj, k n_x + j. The gap to
the dual problem takes a read more: with u = H_bb^+ db the point q = a - (diag(a) - a a.T) u adds up
to the labels in every class, and G = dW - H_Wb u. It is asked for where the gap without that is
within the goal. With weights that nothing holds u is a step along these, too, and takes three reads
(`objective.free_features`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Backend
from ..data.design import Design
from ..maths import certificate, duality, softmax
from ..maths.arrays import NONE, Vector
from ..maths.elastic_net import ElasticNet
from ..maths.softmax import ClassLabels
from . import coordinates, free_features, softmax_proof, spreads
from .penalised import Features
from .penalised_proof import Proof
from .point import Evaluation, Point
from .softmax import SoftmaxObjective

MOST_FREE = 2000  # weights that nothing holds, up to which a proof takes their Hessian
# Of da_k/dz_l of all examples at once, and reads of X for those of all pairs of classes: above,
# Boehning's bound stands for them. With it steps are many, and rounding ends them sooner.
MOST_PAIRS_BYTES, MOST_READS = 64 << 20, 8


class ClassSides(NamedTuple):
    """Hold what a read tells of a point beside J; a `Point` has it in the place of z.

    z (K, m); of a Dask collection its place. loss: the mean, without the penalty. dW (K n_x,) and
    db (K,): its gradient.
    """

    z: Any
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
        self._proved: tuple[ClassSides, ElasticNet, Proof] | None = None  # of the last point

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
        """Return theta with b centred over the classes; the penalty holds W where it is.

        Features that nothing holds in any class are centred, too.
        """
        penalty, rows = self.elastic_net, theta.reshape(self.classes, self.n_x + 1).copy()
        if self.intercept:
            rows[:, -1] -= rows[:, -1].mean()
        held = ~penalty.free() | np.isfinite(penalty.lower) | np.isfinite(penalty.upper)
        loose = np.flatnonzero(~held.reshape(self.classes, -1).any(axis=0))
        rows[:, loose] -= rows[:, loose].mean(axis=0)
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
        return self.prove(Point(theta, evaluation, sides)).bound

    def prove(self, point: Point, goal: float = np.inf) -> Proof:
        """Return a bound on J - J*, where an estimate of it is within the goal; G is (K n_x,)."""
        J, sides, penalty = point.evaluation.J, point.z, self.elastic_net
        known = self._proved
        if known is not None and known[0] is sides and known[1] is penalty:
            return known[2]
        if not np.isfinite(J):
            return Proof(np.inf, np.inf, sides.dW)
        free = penalty.unpenalised(self.split(point.theta)[0].reshape(-1))
        moves, G = np.zeros(self.classes), np.where(free, 0.0, sides.dW)
        value = self._value(sides, moves, G)
        if not J - value <= goal:
            return Proof(J - value, np.inf, G)
        if free.any() or sides.db.any():
            found = self._along_free(point, free) if free.any() else self._along_b(sides)
            if found is None:
                return Proof(np.inf, np.inf, G)
            moves, G = found
            value = self._value(sides, moves, G)
        bound = max(J - value, 0.0) + certificate.ROUNDING * J
        proof = Proof(bound, bound, penalty.largest_scale(G) * G)
        self._proved = sides, penalty, proof
        return proof

    def _along_b(self, sides: ClassSides) -> tuple[Vector, Vector] | None:
        """Return the step u (K,) of every b, and G after it; None where it is too long."""
        u = softmax_proof.solved(self.bias_moments(sides.z).curvature, sides.db)
        if u is None or not u.max() - u.min() < 1.0:
            return None
        change = self.split(self.bias_product(sides.z, u))[0].reshape(-1)
        return u, sides.dW - change

    def _along_free(self, point: Point, free: NDArray[np.bool_]) -> tuple[Any, Vector] | None:
        """Return how a step along free weights and every b changes z, and G after it."""
        sides, places = point.z, np.flatnonzero(free)
        if places.size > MOST_FREE:
            return None
        H = self.working_hessian(point, places, exact=True)
        if not self.intercept:
            H[-self.classes :], H[:, -self.classes :] = 0.0, 0.0
        u = free_features.newton_step(H, np.append(sides.dW[places], sides.db))
        if u is None:
            return None
        V = np.zeros(free.size)
        V[places] = u[: places.size]
        v = self.joined(V.reshape(self.classes, -1), u[places.size :])
        moves = self.scores_at(v)
        if not self.largest_spread(moves) < 1.0:
            return None
        G = sides.dW - self.split(self.hessian_product(v, sides.z))[0].reshape(-1)
        G[places] = 0.0
        return moves, G

    def largest_spread(self, moves: Any) -> float:
        """Return how much further one class of an example moves than another, at most."""
        return float((moves.max(axis=0) - moves.min(axis=0)).max())

    def _value(self, sides: ClassSides, moves: Any, G: Vector) -> float:
        """Return what the dual problem gives where z moves so: (K,), or (K, m) as `scores_at`."""
        penalty = self.elastic_net
        t = penalty.largest_scale(G)
        return self.entropy(sides.z, moves, t) / self.total - penalty.conjugate(t * G)

    def entropy(self, z: Any, moves: Any, t: float) -> float:
        """Sum the entropies of the dual point: `duality.entropy_of_classes`."""
        return duality.entropy_of_classes(z, self.labels, self.weight, moves, t)

    # ------------------------------------------------------------ steps

    def candidates(self, point: Point, ahead: float, most: int) -> Features:
        """Return the coordinates that a step should look at: see `PenalisedColumns.candidates`."""
        penalty, W = self.elastic_net, self.split(point.theta)[0].reshape(-1)
        return coordinates.candidates(penalty, W, point.z.dW, ahead, most)

    def largest_strength(self, point: Point) -> float:
        """Return where, over the penalty's strength, the first weight moves from W = 0."""
        W = self.split(point.theta)[0].reshape(-1)
        return coordinates.largest_strength(self.elastic_net, W, point.z.dW)

    def working_hessian(self, point: Point, features: Features, exact: bool = False) -> Vector:
        """Return the Hessian of the mean loss by some weights and every b.

        It takes one read of X, or several where the slopes of all examples would take too much
        memory. Of too many classes it is what no Hessian exceeds, unless it is to be exact:
        (I - 11.T / K) / 2 (x) G, with G = X1 X1.T / S (Boehning, 1992).
        """
        K, n_x = self.classes, self.n_x
        own = np.unique(features % n_x)
        pairs = [(k, j) for k in range(K) for j in range(k, K)]
        width = own.size + 1
        H = np.empty((K, width, K, width))
        at_once = self.pairs_at_once()
        if exact or MOST_READS * at_once >= len(pairs):
            for lo in range(0, len(pairs), at_once):
                some = pairs[lo : lo + at_once]
                self.begin_pass()
                for (k, j), block in zip(some, self.pair_products(point.z.z, own, some)):
                    H[k, :, j] = block if k == j else -block
                    H[j, :, k] = H[k, :, j].T
        else:
            self.begin_pass()
            G = self.weighted_products(own) / self.total
            for k, j in pairs:
                H[k, :, j] = H[j, :, k] = (0.5 * (k == j) - 0.5 / K) * G
        places = (features // n_x) * width + np.searchsorted(own, features % n_x)
        at = np.append(places, np.arange(K) * width + width - 1)
        return H.reshape(K * width, K * width)[at[:, None], at]

    def pairs_at_once(self) -> int:
        """Return of how many pairs of classes there is room for the slopes of the examples."""
        return max(1, MOST_PAIRS_BYTES // (8 * self.m))

    def pair_products(self, z: Any, own: Features, pairs: Sequence[tuple[int, int]]) -> Vector:
        """Return the mean of |da_k/dz_j| x1 x1.T of some features, for each pair k, j.

        (P, n + 1, n + 1): one read of X, which the caller counts.
        """
        a, weight = softmax.softmax(z), self.weight_of_each
        slopes = np.array([weight * a[k] * (1.0 - a[k] if k == j else a[j]) for k, j in pairs])
        return self.backend.working_products(self.design, own, slopes) / self.total

    def weighted_products(self, own: Features) -> Vector:
        """Sum the weight times x1 x1.T of some features; the caller counts the read of X."""
        return self.backend.working_products(self.design, own, self.weight_of_each)

    def step(
        self,
        point: Point,
        features: Features,
        H: Vector,
        share: float,
        left: float = 0.0,
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
            left,
        )
        return self.joined(found.w.reshape(self.classes, -1), found.b), found.fall

    def along(self, start: Point, trial: Point, t: float, share: float) -> float:
        """Return J at start + t (trial - start), the penalty `share` times as strong: no read."""
        ends = [self.split(each.theta)[0].reshape(-1) for each in (start, trial)]
        W = ends[0] + t * (ends[1] - ends[0])
        if t in (0.0, 1.0):
            loss = (trial if t else start).z.loss
        else:
            loss = self.loss_between(start.z.z, trial.z.z, t) / self.total
        return float(loss) + share * self.elastic_net.value(W)

    def loss_between(self, z0: Any, z1: Any, t: float) -> float:
        """Sum the losses at z0 + t (z1 - z0)."""
        sums = self.backend.class_along_line(z0, z1 - z0, self.labels, self.weight, t)
        return float(sums.loss)

    # ------------------------------------------------------------ certain zeros

    def proved_zero(self, theta: Vector, z: Any = None) -> NDArray[np.bool_] | None:
        """Return which weights are 0 at the optimum, proved (n_x, K): one read of X.

        As of two classes: H is so strongly concave that no q_k is further than sqrt(bound / 2) from
        that of the optimum. Reads that bring back the point of a run that had ended are not
        counted.
        """
        before, known = self.passes, isinstance(z, ClassSides)
        sides = z if known else self.point(theta).z
        J = sides.loss + self.elastic_net.value(self.split(theta)[0].reshape(-1))
        proof = self.prove(Point(theta, Evaluation(J, NONE, np.nan), sides))
        if not known:
            self.passes = before
        reach = np.full(self.classes * self.n_x, np.inf)
        if np.isfinite(proof.bound):
            reach = np.tile(np.sqrt(0.5 * proof.bound) * self.spread(), self.classes)
        zero = self.elastic_net.held_at_zero(proof.G, reach)
        return np.ascontiguousarray(zero.reshape(self.classes, -1).T)

    def spread(self) -> Vector:
        """Return what no standard deviation of a feature exceeds (n_x,): one read of X."""
        self.begin_pass()
        how = self.weight_of_each, self.total, self.intercept
        return spreads.of_features(self.design, self.backend, *how)
