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
from numpy.typing import NDArray

from ..backends import class_hessians
from ..backends.base import Backend, ClassSums
from ..data.design import Design
from ..maths.arrays import NONE, Vector, flat
from ..maths.penalties import Penalty
from ..maths.softmax import BiasMoments, ClassLabels
from . import separation, softmax_proof, softmax_sampled
from .objective import ROUNDING, Objective
from .point import Evaluation, Point
from .separation import MarginChange

LOST = 1e-9  # of the curvature of J: a penalty that is smaller does not keep w centred


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
        self.labels, self.classes, self.columns = labels, classes, classes
        self.hessian_in_one_read = design.dense is not None and not self.backend.on_device

    @property
    def size(self) -> int:
        return self.classes * (self.n_x + 1)

    @property
    def targets(self) -> NDArray[Any]:
        return self.labels

    def split(self, theta: Vector) -> tuple[Vector, Vector]:
        """Return W (K, n_x) and b (K,) of theta, copies that lie in order."""
        rows = theta.reshape(self.classes, self.n_x + 1)
        return np.ascontiguousarray(rows[:, :-1]), rows[:, -1].copy()

    def joined(self, W: Vector, b: Vector) -> Vector:
        """Return theta of W (K, n_x) and b (K,)."""
        return np.append(W, b[:, None], axis=1).reshape(-1)

    def room(self) -> Any:
        return self.backend.room(self.classes, self.m)

    def point(self, theta: Vector, scores: bool = True) -> Point:
        z = self.room() if scores else None
        return Point(theta, self.evaluate_at(theta, NONE if z is None else z), z)

    def evaluate_at(self, theta: Vector, zs: Vector = NONE) -> Evaluation:
        """Return J and its gradient at theta, in one read of X; zs (K, m), if given, takes z."""
        W, b = self.split(theta)
        self.begin_pass()
        sums = self.backend.class_sums(self.design, self.labels, W, b, weight=self.weight, zs=zs)
        return self.evaluation_of(W, sums)

    def evaluation_of(self, W: Vector, sums: ClassSums) -> Evaluation:
        """Make an evaluation of the sums of a pass."""
        loss, dw, db = sums
        with np.errstate(over="ignore", invalid="ignore"):
            J = loss / self.total + self.penalty.value(W.reshape(-1))
            gradient = self._gradient(W, dw, db, self.penalty.add_gradient)
        return Evaluation(J, gradient, np.nan)

    def _gradient(
        self, W: Vector, dw: Vector, db: Vector, add: Callable[[Vector, Vector], None]
    ) -> Vector:
        """Make a gradient, or a product, of sums over the examples."""
        if (
            self.n_x >= softmax_proof.LONG_ROW and self.penalty.plain
        ):  # row by row it stays in a cache
            made = np.empty((self.classes, self.n_x + 1))
            for own, w, row in zip(made, W, dw):
                np.divide(row, self.total, out=own[:-1])
                add(w, own[:-1])
            made[:, -1] = db / self.total * self.intercept
            return made.reshape(-1)
        dw = np.divide(dw, self.total, order="C")  # sums of a sparse X lie by feature
        add(W.reshape(-1), flat(dw))
        return self.joined(dw, db / self.total * self.intercept)

    def shown(self, theta: Vector) -> tuple[Vector, Any]:
        """Return theta as users see it: w (n_x, K) and b (K, 1), copies."""
        W, b = self.split(self.centred(theta))
        return np.ascontiguousarray(W.T), b[:, None]

    def taken(self, w: Vector, b: Any) -> Vector:
        """Return theta of what `shown` gave."""
        return self.joined(np.asarray(w).T, np.asarray(b).reshape(-1))

    def centred(self, theta: Vector) -> Vector:
        """Return theta with b centred over the classes and, where it costs nothing, w too: the same
        J."""
        rows = theta.reshape(self.classes, self.n_x + 1).copy()
        if self.intercept:
            rows[:, -1] -= rows[:, -1].mean()
        if self.decay == 0.0:
            rows[:, :-1] -= rows[:, :-1].mean(axis=0)
        return rows.reshape(-1)

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

    def point_with_hessian(self, theta: Vector) -> tuple[Point, Vector]:
        if not self.hessian_in_one_read:
            point = self.point(theta)
            return point, self.hessian_at(point)
        W, b = self.split(theta)
        z = self.room()
        self.begin_pass()
        sums, H = class_hessians.with_sums(
            self.backend, self.design, self.labels, (W, b), self.weight, z
        )
        self.finish_hessian(H)
        return Point(theta, self.evaluation_of(W, sums), z), H

    def hessian_at(self, point: Point) -> Vector:
        self.begin_pass()
        H = self.backend.class_hessian(self.design, point.z, weight=self.weight)
        self.finish_hessian(H)
        return H

    def finish_hessian(self, H: Vector) -> None:
        """Make of the sums in H (K (n_x + 1), K (n_x + 1)) the Hessian of J, in place.

        The projector onto what the classes have in common is added where the Hessian is 0 there,
        in the size of the diagonal. So it has a Cholesky factor, and a centred gradient gives a
        centred step, the same as without.
        """
        K, width = self.classes, self.n_x + 1
        with np.errstate(over="ignore", invalid="ignore"):
            H /= self.total
            size = np.diag(H).reshape(K, width).mean(axis=0)
            size[size == 0.0] = 1.0
            blocks = H.reshape(K, width, K, width)
            for k in range(K):
                diagonal = np.diag(H).reshape(K, width)[k, :-1].copy()
                self.penalty.add_curvature(diagonal)
                np.einsum("jj->j", blocks[k, :-1, k, :-1])[:] = diagonal
            # A penalty that is lost beside the curvature holds nothing.
            common = size / K * (self.decay <= LOST * size)
            common[-1] = size[-1] / K
            np.einsum("kjlj->klj", blocks)[:] += common
        if not self.intercept:
            blocks[:, -1], blocks[:, :, :, -1] = 0.0, 0.0
            flat(H)[:: H.shape[0] + 1].reshape(K, width)[:, -1] = 1.0

    def slopes(self, z: Vector) -> Any:
        """Return what `hessian_product` takes: z itself."""
        return z

    def line(
        self, start: Point, d: Vector, trial: Point
    ) -> Callable[[float], tuple[float, float, float]] | None:
        slope = trial.z - start.z
        if not self.backend.all_finite(slope):
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

    def like(
        self, design: Design, y: NDArray[Any], weight: Vector, n_threads: int
    ) -> SoftmaxObjective:
        return SoftmaxObjective(
            design,
            y,
            self.classes,
            backend=self.backend.with_threads(n_threads),
            n_threads=n_threads,
            weight=weight,
            intercept=self.intercept,
            penalty=self.penalty.for_total(float(weight.sum())),
        )

    # ------------------------------------------------------------ how far from the optimum

    def measure(self, evaluation: Evaluation) -> float:
        if self.decay == 0.0:
            return float(np.abs(evaluation.gradient).max())
        return softmax_proof.estimate(self, evaluation)

    def bound_by_hessian(self, evaluation: Evaluation, H: Vector) -> float:
        return softmax_proof.by_hessian(self, evaluation, H) if self.decay > 0.0 else np.inf

    def certify(self, theta: Vector, evaluation: Evaluation, z: Any = None) -> float:
        if self.decay == 0.0:
            return np.inf
        return softmax_proof.certify(self, theta, evaluation, z)

    def bias_moments(self, z: Any, shift: Vector = NONE) -> BiasMoments:
        """Return J without its penalty, and its derivatives by b, where z is shift (K,) larger."""
        shift = shift if shift.size else np.zeros(self.classes)
        loss, db, curvature = self.backend.class_moments(z, self.labels, self.weight, shift)
        return BiasMoments(loss / self.total, db / self.total, curvature / self.total)

    def class_shares(self) -> Vector:
        """Return the share of each class in the sum of the weights (K,)."""
        return np.bincount(self.labels, self.weight_of_each, self.classes) / self.total

    def bias_product(self, z: Any, u: Vector) -> Vector:
        """Return the Hessian, without the penalty's, times u (K,) for b: one read of X."""
        self.begin_pass()
        none = np.zeros((self.classes, self.n_x))
        _, dw, db = self.backend.class_products(self.design, z, none, u, weight=self.weight)
        return self.joined(dw, db) / self.total

    def second_moments(self) -> Vector:
        """Return the mean of x1 x1.T over the examples, x1 being x and a 1 behind it: one read."""
        self.begin_pass()
        return self.backend.products(self.design, self.weight_of_each) / self.total

    def largest_leverage(self, inverse: Vector, z: Any = NONE, enough: float = 0.0) -> float:
        self.begin_pass()
        return softmax_proof.largest_leverage(self, inverse)

    def largest_eigenvalue(
        self, limit: int = 100, K: Vector | None = None, alpha: float | None = None
    ) -> float:
        """Return L, the largest curvature that J can have.

        diag(a) - a a.T is at most (I - 11.T / K) / 2 (Boehning, Multinomial logistic regression
        algorithm, 1992), where two classes have 1/4.
        """
        flattest = self.penalty.largest_curvature
        steeper = None if alpha is None else 2.0 * alpha
        return 2.0 * (super().largest_eigenvalue(limit, K, steeper) - flattest) + flattest

    # ------------------------------------------------------------ separation

    def scores_at(self, theta: Vector) -> Any:
        """Return z (K, m) of every example: one read of X."""
        z = self.room()
        self.evaluate_at(theta, z)
        return z

    def separates_at(self, point: Point) -> bool:
        """Return whether lambda is 0 and z puts every example on the side of its own class.

        A difference of two z within the rounding of their terms is on no side.
        """
        if self.decay > 0.0 or point.z is None:
            return False
        if not separation.class_separates(point.z, self.labels, self.weight):
            return False
        W, b = self.split(point.theta)
        size = float(np.abs(point.z).max())
        size += max(abs(self.design.fold(w_k, b_k)[1]) for w_k, b_k in zip(W, b.tolist()))
        return separation.class_separates(point.z, self.labels, self.weight, ROUNDING * size)

    def margin_changes(self, z: Any, v: Vector) -> MarginChange:
        move = self.scores_at(v)
        return separation.class_margin_changes(z, move, self.labels, self.weight)

    # ------------------------------------------------------------ samples

    def sampled(self, rows: int) -> SoftmaxObjective:
        return softmax_sampled.sampled(self, rows)

    def estimated_hessian(self, point: Point, rows: int) -> Vector:
        return softmax_sampled.estimated_hessian(self, point, rows)

    def hessian_of_part(self, point: Point, rows: int) -> tuple[Vector, None]:
        return self.estimated_hessian(point, rows), None

    def estimated_factors(self, point: Point, rows: int, shared: bool) -> Vector:
        return softmax_sampled.estimated_factors(self, point, rows, shared)

    @property
    def has_gram(self) -> bool:
        """Return False: no solver works on the Gram matrix for several classes."""
        return False
