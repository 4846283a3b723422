"""The cost J(w, b), its gradient, its curvature, and how far from the optimum a point can be.

    J = (1/S) sum s L(a, y) + P(w)      dw = X (s dz).T / S + P'(w)      db = sum(s dz) / S

s are the weights of the examples and S is their sum: without weights s = 1, S = m, and this is the
lectures' J. A weight of k is the row k times, a weight of 0 the row gone. The sums over the
examples are a backend's (`backends.base`), P is a penalty (`maths.penalties`), with L2 it is
(lambda / 2S) ||w||^2. Here is how they make J. The point is w (n_x,) and b, or one vector theta =
[w, b]; the (n_x, 1) of the lectures is put on in `fastlogreg.api`. How far a point is from the
optimum: `objective.proof`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends import moments
from ..backends.base import Backend, LineSums, Sums
from ..backends.choice import backend_of
from ..data.design import Design, Moments
from ..machine.blas import inner
from ..machine.once import once
from ..machine.threads import available_threads
from ..maths.arrays import NONE, Vector, flat
from ..maths.penalties import L2, Penalty
from . import part, proof, sampled, separation, spectrum
from .part import Part
from .point import Evaluation, Point
from .separation import MarginChange

ROUNDING = 1e-14  # of the terms of z, in units of their size


class Objective:
    """Compute J and its derivatives on a design, labels y (m,) uint8 and weights (m,) or none.

    The penalty is L2 of strength lambda_, or the one given. The backend is given by name, or as
    such. passes: reads of X so far. watch, if set, is called before each, and may raise.
    """

    watch: Callable[[], object] | None = None
    columns = 1  # of w: of several classes there is one for each
    hessian_in_one_read = True  # J and its gradient with it; of a sparse X in two
    hard_labels = True  # every y is 0 or 1: all that kernels of whole runs know
    chosen: NDArray[np.intp] | None = None  # of a sample: which examples they are

    def __init__(
        self,
        design: Design,
        y: NDArray[np.uint8],
        lambda_: float = 0.0,
        backend: str | Backend = "fused",
        n_threads: int | None = None,
        weight: Vector = NONE,
        intercept: bool = True,
        penalty: Penalty | None = None,
    ) -> None:
        self.design, self.y = design, y
        self.weight, self.intercept = weight, intercept
        self.m, self.n_x = int(design.m), int(design.n_x)
        self.total = float(weight.sum()) if weight.size else float(self.m)
        self.penalty: Penalty = L2(lambda_, self.total) if penalty is None else penalty
        self.n_threads = available_threads() if n_threads is None else n_threads
        self.backend = backend_of(backend, self.n_threads)
        self.passes = 0

    @property
    def size(self) -> int:
        """Return the length of theta."""
        return self.n_x + 1

    @property
    def lambda_(self) -> float:
        """Return the strength of the penalty, as users give it."""
        return self.penalty.lambda_

    @property
    def decay(self) -> float:
        """Return the modulus of the penalty: lambda / S, of L2."""
        return self.penalty.modulus

    @property
    def has_bound(self) -> bool:
        """Return whether a bound on J - J* can be proved: the penalty is strongly convex."""
        return self.decay > 0.0

    def begin_pass(self) -> None:
        """Count a read of X; to be called before each."""
        if self.watch is not None:
            self.watch()
        self.passes += 1

    def evaluate(self, w: Vector, b: float, zs: Vector = NONE) -> Evaluation:
        """Return J and its gradient at (w, b), in a read of X; zs (m,), if given, takes every z."""
        return self._evaluation(w, *self._sums(w, b, zs))

    def _evaluation(
        self, w: Vector, J: float, dw: Vector, db: float, curvature: float
    ) -> Evaluation:
        """Make an evaluation of the sums of a pass."""
        gradient = np.empty(self.n_x + 1)
        # `check_finite` says more than a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            np.divide(dw, self.total, out=gradient[:-1])
            self.penalty.add_gradient(w, gradient[:-1])
            gradient[-1] = db / self.total if self.intercept else 0.0
            J = J / self.total + self.penalty.value(w)
        return Evaluation(J, gradient, curvature / self.total)

    def point(self, theta: Vector, scores: bool = True) -> Point:
        """Return what one read of X tells of theta; J may overflow there. Without scores no z."""
        if not scores:
            return Point(theta, self.evaluate(theta[:-1], float(theta[-1])), None)
        z = self.room()
        return Point(theta, self.evaluate(theta[:-1], float(theta[-1]), z), z)

    def shown(self, theta: Vector) -> tuple[Vector, Any]:
        """Return theta as users see it: w (n_x, 1), a copy, and b, a float."""
        return theta[:-1].reshape(-1, 1).copy(), float(theta[-1])

    def taken(self, w: Vector, b: Any) -> Vector:
        """Return theta of what `shown` gave."""
        return np.append(w, b)

    def moved(self, theta: Vector, mean: Vector) -> Vector:
        """Return theta for X - mean, at which every z is what it is at theta for X."""
        moved = theta.copy()
        moved[-1] += inner(mean, theta[:-1])
        return moved

    def moved_gradient(self, gradient: Vector, mean: Vector) -> Vector:
        """Return the gradient for X, from that for X - mean."""
        return gradient + np.append(mean * gradient[-1], 0.0)

    def point_with_hessian(self, theta: Vector) -> tuple[Point, Vector]:
        """Return such a point and the Hessian there."""
        z = self.room()
        evaluation, H = self.hessian(theta[:-1], float(theta[-1]), z)
        return Point(theta, evaluation, z), H

    def room(self) -> Any:
        """Return where a pass puts the z of every example."""
        return self.backend.room(self.m)

    def cost_and_gradient(self, w: Vector, b: float) -> tuple[float, Vector, float]:
        """Return J, dw and db at (w, b), in one read of X."""
        J, gradient, _ = self.evaluate(w, b)
        return J, gradient[:-1], float(gradient[-1])

    @property
    def targets(self) -> NDArray[Any]:
        """Return the labels (m,), which tell these data from others."""
        return self.y

    def check_finite(self, *results: float) -> None:
        """Look, where one is not finite, for the NaN or infinity in X that caused it."""
        if not all(map(math.isfinite, results)):
            self.design.require_finite()

    def measure(self, evaluation: Evaluation) -> float:
        """Return `proof.estimate`; with lambda = 0 the largest gradient component."""
        if self.decay == 0.0:
            return float(np.abs(evaluation.gradient).max())
        return proof.estimate(self, evaluation)

    @once
    def reach(self) -> float:
        """Return the length of the mean of the examples, where it costs no read: `proof.reach`."""
        return proof.reach(self)

    def bound_by_hessian(self, evaluation: Evaluation, H: Vector) -> float:
        """Return `proof.by_hessian`, a bound on J - J*; infinite for lambda = 0."""
        return proof.by_hessian(self, evaluation, H) if self.decay > 0.0 else np.inf

    def certify(self, theta: Vector, evaluation: Evaluation, z: Any = None) -> float:
        """Return `proof.certify`, a bound by one read or two; infinite for lambda = 0."""
        return proof.certify(self, theta, evaluation, z) if self.decay > 0.0 else np.inf

    def proved_zero(self, theta: Vector, z: Any = None) -> NDArray[np.bool_] | None:
        """Return which weights are 0 at the optimum; None where the penalty has no corners."""
        return None

    def largest_leverage(self, inverse: Vector, z: Any = NONE, enough: float = 0.0) -> float:
        """Return the largest x H^-1 x, by a read; or what z tells, if that is at most `enough`."""
        known = proof.leverage_by_slopes(self, z) if enough > 0.0 and len(z) else np.inf
        if known <= enough:
            return known
        self.begin_pass()
        return proof.largest_leverage(self.design, inverse, self.intercept, self.n_threads)

    def shifted_sums(self, z: Any, t: float) -> LineSums:
        """Sum the losses, dz and da/dz where z is t larger: no read of X."""
        return self.backend.along_line(z, self.backend.ones(self.m), self.y, self.weight, t)

    def largest_eigenvalue(
        self, limit: int = 100, K: Vector | None = None, alpha: float | None = None
    ) -> float:
        """Return L, the largest curvature that J can have: `objective.spectrum`."""
        return spectrum.largest_eigenvalue(self, limit, K, alpha)

    def linear_sums(self, v: Vector, v_b: float) -> Sums:
        """Return the sums of a pass in which every dz is the weight times z at (v, v_b)."""
        return self._sums(v, v_b, linear_weight=self.weight_of_each)

    def separates_at(self, point: Point) -> bool:
        """Return `separates` of a point; False where it has no z."""
        theta, _, z = point
        return z is not None and self.separates(z, theta[:-1], float(theta[-1]))

    def separates(self, z: Vector, w: Vector = NONE, b: float = 0.0) -> bool:
        """Return whether lambda is 0 and z, that of (w, b), puts every example on its own side.

        Then J falls to 0 along w, b, without end. A z within its terms' rounding is on no side.
        """
        if self.decay > 0.0 or not separation.separates(z, self.y, self.weight):
            return False
        size = float(np.abs(z).max())
        if w.size:
            size += abs(self.design.fold(w, b)[1])
        return separation.separates(z, self.y, self.weight, ROUNDING * size)

    def scores(self, w: Vector, b: float) -> Vector:
        """Return z (m,) of every example."""
        zs: Vector = self.room()
        self._sums(w, b, zs, linear_weight=np.zeros(self.m))
        return zs

    def scores_at(self, theta: Vector) -> Any:
        """Return z of every example at theta: one read of X."""
        return self.scores(theta[:-1], float(theta[-1]))

    def squares(self, weight: Vector) -> Vector:
        """Return the sum of weight * x^2 for each feature, x as the model sees it: one read."""
        self.begin_pass()
        return self.backend.squares(self.design, weight)

    def combine(self, c: Vector) -> Vector:
        """Return (scale * X + shift) c, (n_x,), the examples with coefficients c (m,)."""
        return self._sums(np.zeros(self.n_x), 1.0, linear_weight=c)[1]  # z = 1, dz = c

    def hessian_product(self, v: Vector, slopes: Vector) -> Vector:
        """Return H v (n_x + 1,) for v (n_x + 1,), with slopes (m,) = s da/dz there: one read."""
        _, dw, db, _ = self._sums(v[:-1], float(v[-1]) * self.intercept, linear_weight=slopes)
        product = np.append(dw, db * self.intercept) / self.total
        self.penalty.add_product(v[:-1], product[:-1])
        return product

    def line(
        self, start: Point, d: Vector, trial: Point
    ) -> Callable[[float], tuple[float, float, float]] | None:
        """t -> J and its first two derivatives by t at start + t d, without a read of X.

        trial is the point at t = 1; None where that overflowed.
        """
        slope = trial.z - start.z
        if not self.backend.all_finite(slope):
            return None
        return lambda t: self.along_line(start.theta[:-1], d, start.z, slope, t)

    def slopes(self, z: Vector) -> Vector:
        """Return s da/dz (m,) of every example, from z: what `hessian_product` takes."""
        return self.backend.terms(z, self.y, self.weight).slopes

    def mean(self) -> Vector:
        """Return the mean of the examples, weighted (n_x,): one read of X."""
        mean = self.combine(self.weight_of_each) / self.total
        with np.errstate(over="ignore", invalid="ignore"):
            size = inner(mean, mean)
        self.check_finite(size)
        return mean

    def on(self, design: Design) -> Objective:
        """Return the objective on another form of the same examples; its reads count on."""
        own = self.backend, self.n_threads, self.weight, self.intercept, self.penalty
        new = self._kind(design, self.targets, 0.0, *own)
        new.passes, new.watch = self.passes + new.passes, self.watch
        return new

    def like(self, design: Design, y: NDArray[Any], weight: Vector, n_threads: int) -> Objective:
        """Return the same objective on other examples, with the penalty in proportion."""
        penalty, backend = self.penalty.for_total(float(weight.sum())), self.backend
        own = backend.with_threads(n_threads), n_threads, weight, self.intercept, penalty
        return self._kind(design, y, 0.0, *own)

    @property
    def _kind(self) -> type[Objective]:
        """Return what computes J of such targets in memory."""
        return Objective

    def margin_changes(self, z: Any, v: Vector) -> MarginChange:
        """Measure how far each example moves to its own side when theta moves along v; z: here."""
        move = self.scores(v[:-1], float(v[-1]))
        return separation.margin_changes(z, move, self.y, self.weight)

    def sampled(self, rows: int) -> Objective:
        """Return J of about `rows` examples, in memory: `objective.sampled`."""
        return sampled.sampled(self, rows)

    def estimated_hessian(self, point: Point, rows: int) -> Vector:
        """Return the Hessian at a point, from about `rows` examples: `objective.sampled`."""
        return self.hessian_of_part(point, rows)[0]

    def hessian_of_part(self, point: Point, rows: int) -> tuple[Vector, Part | None]:
        """Return it, and its examples, where `bound_by_part` can prove a bound from them."""
        return sampled.estimated_hessian(self, point, rows)

    def bound_by_part(
        self, point: Point, taken: Part, solve: Callable[[Vector], Vector], goal: float
    ) -> float:
        """Return `part.bound`; infinite for lambda = 0."""
        return part.bound(self, point, taken, solve, goal) if self.decay > 0.0 else np.inf

    def estimated_factors(self, point: Point, rows: int, shared: bool) -> Vector:
        """Return its diagonal blocks (F, n_x + 1, n_x + 1): one for each column of w, or one."""
        return self.estimated_hessian(point, rows)[None]

    def hessian_at(self, point: Point) -> Vector:
        """Return the Hessian at a point with z: one read of X."""
        self.begin_pass()
        H = self.backend.products(self.design, self.slopes(point.z))
        self.finish_hessian(H)
        return H

    def sample_mean(self) -> Vector | None:
        """Return the mean of each feature in a sample, to centre X by: `objective.sampled`."""
        return sampled.mean(self)

    def sample_moments(self) -> Moments:
        """Return mean and deviation of each feature, as the model sees it, in a sample."""
        return sampled.weighted_moments(self)

    def sample_spread(self) -> Vector:
        """Return the standard deviation of each feature in a sample: `backends.moments`."""
        return moments.sample_spread(self.design)

    def along_line(
        self, w: Vector, d: Vector, z: Vector, z_slope: Vector, t: float
    ) -> tuple[float, float, float]:
        """Return J and its first two derivatives by t at (w, b) + t d, d (n_x + 1,), from z and
        dz/dt (m,): no read of X."""
        J, first, second = (value / self.total for value in self._line_sums(z, z_slope, t))
        penalty = self.penalty.along_line(w, d[:-1], t)
        return J + penalty.value, first + penalty.first, second + penalty.second

    def _line_sums(self, z: Vector, z_slope: Vector, t: float) -> tuple[float, float, float]:
        return self.backend.along_line(z, z_slope, self.y, self.weight, t)

    def hessian(self, w: Vector, b: float, zs: Vector = NONE) -> tuple[Evaluation, Vector]:
        """Return J, its gradient and its Hessian H: one read of X, of a sparse one two."""
        zs = zs if zs.size else self.room()
        loss, gradient, H, slopes = self.backend.sums_with_hessian(
            self.design, self.y, w, b, weight=self.weight, zs=zs, begin_read=self.begin_pass
        )
        evaluation = self._evaluation(w, loss, gradient[:-1], float(gradient[-1]), slopes)
        self.finish_hessian(H)
        return evaluation, H

    def finish_hessian(self, H: Vector) -> None:
        """Make of the sums in H the Hessian of J, in place."""
        H /= self.total
        self.penalty.add_curvature(flat(H)[: -1 : self.n_x + 2])
        if not self.intercept:
            H[-1], H[:, -1], H[-1, -1] = 0.0, 0.0, 1.0

    def _sums(
        self, w: Vector, b: float, zs: Vector = NONE, linear_weight: Vector | None = None
    ) -> Sums:
        """Make a pass; linear_weight: the weights of a pass with dz = weight * z."""
        self.begin_pass()
        linear = linear_weight is not None
        weight = self.weight if linear_weight is None else linear_weight
        return self.backend.sums(self.design, self.y, w, b, weight=weight, linear=linear, zs=zs)

    @property
    def weight_of_each(self) -> Vector:
        """Return the weights (m,), ones where there are none."""
        return self.weight if self.weight.size else np.ones(self.m)

    def weights_at_hand(self) -> Vector:
        """Return the weights (m,), empty where there are none, wherever X is."""
        return self.weight

    @property
    def has_gram(self) -> bool:
        """Return whether `gram` can be had: X is dense and in memory."""
        return self.backend.has_gram(self.design)

    def gram(self) -> Vector:
        """Return K = X.T X (m, m) of the examples, as the model sees them: a read of X."""
        self.begin_pass()
        return self.backend.gram(self.design, self.watch or (lambda: None))

    def seconds_of_pass(self) -> float | None:
        """Return what a pass should take on one core; None where nobody knows beforehand."""
        return self.backend.seconds(self.design)
