"""Proofs for `objective.penalised`: a bound on J - J* by the dual problem, `maths.duality`.

A dual point needs b's slope to be 0. There are two ways to make it so:

    labels apart     the errors of either label times a share of their own: a read more
    a mixture        q = (1 - t) a + t q2, where q2 has a slope by b of the other sign: no read

What is needed of q2 is its entropy and its slopes, both of which are means over the examples. So
every point that has been read serves for those behind it, whatever the penalty was. H is concave:
the mean entropy of a mixture is at least the mixture of the entropies, and t is small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..machine.blas import inner
from ..maths import certificate, duality
from ..maths.arrays import Vector
from ..maths.duality import Shares
from . import free_features
from .columns import Column
from .point import Point

if TYPE_CHECKING:
    from .penalised import PenalisedColumns

# Of a dual point that is made to balance others: b's slope, over that of the point at hand, and
# over the errors of a label.
LARGE_LOSS = 10.0
SETTLED = 2.0**-46  # of the curvature along b: a slope of b that rounding may have made
WEIGHTIER, LEAST_SHARE, MOST_SHARE = 8.0, 0.1, 0.5


class Sides(NamedTuple):
    """Hold what a read tells of a point beside J; a `Point` has it in the place of z.

    z (m,): with the offset; of a Dask collection its place. slopes (n_x + 1,): the gradient of the
    mean loss. of_labels (2, n_x + 1): what the examples of either label bring to it, or none where
    that was not asked. loss: the mean, without the penalty. held: the mean held-out loss.
    """

    z: Any
    loss: float
    slopes: Vector
    of_labels: Vector
    held: float


class DualPoint(NamedTuple):
    """Hold a q in [0, 1] by its mean entropy and the gradient of the mean loss there (n_x + 1,).

    made: to balance others, not of a point on the way.
    """

    entropy: float
    slopes: Vector
    made: bool = False

    @classmethod
    def of(cls, point: Point) -> DualPoint:
        """Return q = a of a point: max over q of (q - y) z + H(q) is the loss."""
        sides = point.z
        return cls(sides.loss - inner(point.theta, sides.slopes), sides.slopes)

    @property
    def kind(self) -> tuple[bool, bool]:
        """Tell the sign of b's slope, and whether it was made."""
        return bool(self.slopes[-1] > 0.0), self.made


class Proof(NamedTuple):
    """Hold a bound on J - J*, and the slopes G (n_x,) of the dual point that proves it.

    measure: the bound, or an estimate of it where that is above the goal; then bound is infinite.
    others: the dual points to keep, the last one of each kind.
    """

    measure: float
    bound: float
    G: Vector
    others: tuple[DualPoint, ...] = ()


class Prover:
    """Proves bounds for the columns of `shared`."""

    def __init__(self, shared: PenalisedColumns) -> None:
        self.shared = shared
        # Of the last point that was asked for: what the labels bring, and what is proved.
        self._apart: tuple[Sides, Vector] | None = None
        self._proved: tuple[Sides, Any, Proof] | None = None

    def prove(
        self, column: Column, point: Point, goal: float, others: tuple[DualPoint, ...] | None
    ) -> Proof:
        """See `PenalisedColumns.prove`; others: to balance b's slope by, None for no such thing."""
        penalty: Any = column.penalty
        J, sides = point.evaluation.J, point.z
        known, w = self._proved, point.theta[:-1]
        if known is not None and known[0] is sides and known[1] is penalty:
            return known[2]
        if not np.isfinite(J):
            return Proof(np.inf, np.inf, np.zeros(self.shared.n_x))
        free = penalty.unpenalised(w)
        G = np.where(free, 0.0, sides.slopes[:-1])
        scale = penalty.largest_scale(G)
        # Of the entropies: their value where nothing is scaled, their slope by the scale, and their
        # curvature, e / (1 - e) = exp(loss) - 1 of an example: the mean is no less, loss for loss.
        value = sides.loss - scale * inner(w, G) - penalty.conjugate(scale * G)
        value -= 0.5 * (1.0 - scale) ** 2 * float(np.expm1(min(sides.loss, LARGE_LOSS)))
        if not J - value <= goal:
            return Proof(J - value, np.inf, G)
        if free.any():
            return Proof(*free_features.proof(self.shared, column, point, free))
        balanced: Proof | None = None
        if not self._is_settled(point) and not sides.of_labels.size:
            balanced = self._mixed(column, point, others or ())
        if balanced is None or not balanced.bound <= goal:
            balanced = self._by_labels(column, point)
        if others is not None and not sides.of_labels.size:
            new = (DualPoint.of(point), *balanced.others)
            kinds = {one.kind for one in new}
            balanced = balanced._replace(
                others=(*(one for one in others if one.kind not in kinds), *new)
            )
        self._proved = sides, penalty, balanced
        return balanced

    def _mixed(self, column: Column, point: Point, others: tuple[DualPoint, ...]) -> Proof | None:
        """Prove a bound by the best mixture with one of the others; None where none serves."""
        penalty: Any = column.penalty
        J, sides = point.evaluation.J, point.z
        slopes, own = sides.slopes, DualPoint.of(point)
        best, most = None, -np.inf
        for other in others:
            if not slopes[-1] * other.slopes[-1] < 0.0:
                continue
            t = float(slopes[-1] / (slopes[-1] - other.slopes[-1]))
            G = slopes[:-1] + t * (other.slopes[:-1] - slopes[:-1])
            scale = penalty.largest_scale(G)
            rest = float(penalty.conjugate(scale * G))
            value = scale * ((1.0 - t) * own.entropy + t * other.entropy) - rest
            if value > most:
                best, most = (t, scale * other.entropy, scale * G, scale, rest), value
        if best is None:
            return None
        t, entropy, G, scale, rest = best
        value = (1.0 - t) * self._entropy(column, point, Shares(scale, scale)) + t * entropy - rest
        bound = max(J - value, 0.0) + certificate.ROUNDING * J
        return Proof(bound, bound, G)

    def _by_labels(self, column: Column, point: Point) -> Proof:
        """Prove a bound by shares of the errors of either label; make a point for mixtures."""
        penalty: Any = column.penalty
        J, sides = point.evaluation.J, point.z
        kappa, G = Shares(1.0, 1.0), sides.slopes[:-1]
        made: tuple[DualPoint, ...] = ()
        rounding = certificate.ROUNDING * J
        if self._is_settled(point):
            # J* is at least D + b* slope: what the rounding of the slope can do to D.
            rounding += abs(float(sides.slopes[-1])) * (1.0 + abs(float(point.theta[-1])))
        else:
            zeros, ones = self.of_labels(column, point)
            A, B = float(zeros[-1]), -float(ones[-1])
            kappa = duality.shares(A, B, True)
            G = kappa.zeros * zeros[:-1] + kappa.ones * ones[:-1]
            made = self._made(column, point, (zeros, ones), (A, B))
        scale = penalty.largest_scale(G)
        value = self._entropy(column, point, Shares(*(scale * k for k in kappa)))
        value -= float(penalty.conjugate(scale * G))
        bound = max(J - value, 0.0) + rounding
        return Proof(bound, bound, scale * G, made)

    def _is_settled(self, point: Point) -> bool:
        """Tell whether b's slope is 0 but for rounding; it is where there is no b."""
        slope = abs(float(point.z.slopes[-1]))
        return bool(slope <= SETTLED * point.evaluation.curvature) or not self.shared.intercept

    def _made(
        self,
        column: Column,
        point: Point,
        of_labels: tuple[Vector, Vector],
        errors: tuple[float, float],
    ) -> tuple[DualPoint, ...]:
        """Return a dual point whose slope by b has the other sign, and more weight."""
        (A, B), (zeros, ones) = errors, of_labels
        least = min(A, B)
        if not least > 0.0 or point.z.of_labels.size:
            return ()
        slope = min(max(WEIGHTIER * abs(A - B), LEAST_SHARE * least), MOST_SHARE * least)
        kappa = Shares((B - slope) / A, 1.0) if A > B else Shares(1.0, (A - slope) / B)
        entropy = self._entropy(column, point, kappa)
        return (DualPoint(entropy, kappa.zeros * zeros + kappa.ones * ones, True),)

    def of_labels(self, column: Column, point: Point) -> Vector:
        """Return what the examples of either label bring to the gradient of the mean loss: a read,
        where the point does not tell."""
        sides, shared = point.z, self.shared
        if sides.of_labels.size:
            return np.asarray(sides.of_labels)
        if self._apart is None or self._apart[0] is not sides:
            shared.begin_pass()
            own = shared.slopes(column, *shared.sums_of_ones(column, point))
            self._apart = sides, np.array([sides.slopes - own, own])
        return self._apart[1]

    def _entropy(self, column: Column, point: Point, kappa: Shares) -> float:
        """Return the mean of H(q) + (q - y) o, q from the errors times kappa."""
        return float(self.shared.entropy(column, point, kappa)) / column.total
