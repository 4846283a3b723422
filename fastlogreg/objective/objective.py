"""The cost J(w, b), its gradient and its curvature: the one place that picks a backend.

    J = (1/S) sum s L(a, y) + (lambda / 2S) ||w||^2    dw = X (s dz).T / S + (lambda / S) w    db =
                                                       sum(s dz) / S

s are the weights of the examples and S is their sum: without weights s = 1, S = m, and this is the
lectures' J. A weight of k is the row k times, a weight of 0 the row gone. Solvers see this class
and nothing below it. The point is w (n_x,) and b, or one vector theta = [w, b]; the (n_x, 1) of the
lectures is put on in `fastlogreg.api`.

Certificate. With lambda > 0, F(w) = min over b of J(w, b) is strongly convex with modulus mu =
lambda / S, so F(w) - J* <= ||grad F(w)||^2 / (2 mu). Moving b to its optimum moves every dz the
same way, by |db| in sum, hence
||grad F(w)|| <= ||dw|| + R |db| with R the largest ||x||. And since the third derivative of the
loss is at most the second, the curvature c along b shrinks at most by exp(-|move|), so with r =
|db| / c the move is at most -log(1 - r) <= r / (1 - r):

    J(w, b) - J* <= (||dw|| + R |db|)^2 / (2 mu) + |db| r / (1 - r)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends import fused, hessians, loops, vectorized
from ..backends.fused import SECONDS_PER_ELEMENT, SECONDS_PER_EXAMPLE, Sums
from ..data.dense import DesignMatrix
from ..data.design import Design
from ..data.sparse import SparseMatrix
from ..machine.blas import inner, norm
from ..machine.threads import available_threads
from ..maths import certificate, logistic
from ..maths.arrays import NONE, Vector
from ..maths.sampling import by_mass, stratified
from .point import Evaluation, Point


class Objective:
    """J and its derivatives on a design matrix, labels y (m,) uint8, weights (m,) or none, and a
    penalty lambda_.

    passes: reads of X so far. watch, if set, is called before each, and may raise to have no more
    of them.
    """

    watch: Callable[[], object] | None = None

    def __init__(
        self,
        design: Design,
        y: NDArray[np.uint8],
        lambda_: float = 0.0,
        backend: str = "fused",
        n_threads: int | None = None,
        weight: Vector = NONE,
        intercept: bool = True,
    ) -> None:
        self.design, self.y, self.lambda_, self.backend = design, y, lambda_, backend
        self.weight, self.intercept = weight, intercept
        self.m, self.n_x = int(design.m), int(design.n_x)
        self.total = float(weight.sum()) if weight.size else float(self.m)
        self.decay = lambda_ / self.total
        self.n_threads = available_threads() if n_threads is None else n_threads
        self.passes = 0

    def begin_pass(self) -> None:
        """To be called before each read of X."""
        if self.watch is not None:
            self.watch()
        self.passes += 1

    def fingerprint(self) -> dict[str, str]:
        """What tells these data from others: X by a sample of it, y, weights, scale and shift
        whole."""
        vectors = {
            "Y": self.y,
            "the weights": self.weight,
            "scale": self.design.scale,
            "shift": self.design.shift,
        }
        digests = {
            name: hashlib.sha256(np.ascontiguousarray(v).data).hexdigest()
            for name, v in vectors.items()
        }
        return {
            "the form of X": self.design.form,
            "the values in X": self.design.digest(),
            **digests,
        }

    def evaluate(self, w: Vector, b: float, zs: Vector = NONE) -> Evaluation:
        """J and its gradient at (w, b), in one read of X; zs (m,), if given, takes the z of every
        example."""
        return self._evaluation(w, *self._sums(w, b, zs))

    def _evaluation(
        self, w: Vector, J: float, dw: Vector, db: float, curvature: float
    ) -> Evaluation:
        """From the sums of a pass."""
        gradient = np.empty(self.n_x + 1)
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # `check_finite` says more than a warning
            np.divide(dw, self.total, out=gradient[:-1])
            gradient[:-1] += self.decay * w
            gradient[-1] = db / self.total if self.intercept else 0.0
            J = J / self.total + 0.5 * self.decay * inner(w, w)
        return Evaluation(J, gradient, curvature / self.total)

    def point(self, theta: Vector) -> Point:
        """Everything that one read of X tells of theta = [w, b] (n_x + 1,); J may overflow
        there."""
        z = self.room()
        return Point(theta, self.evaluate(theta[:-1], float(theta[-1]), z), z)

    def point_with_hessian(self, theta: Vector) -> tuple[Point, Vector]:
        """The same and the Hessian (n_x + 1, n_x + 1)."""
        z = self.room()
        evaluation, H = self.hessian(theta[:-1], float(theta[-1]), z)
        return Point(theta, evaluation, z), H

    def room(self) -> Any:
        """Where a pass puts the z of every example."""
        return np.empty(self.m)

    def cost_and_gradient(self, w: Vector, b: float) -> tuple[float, Vector, float]:
        """J, dw (n_x,) and db at (w, b), in one read of X."""
        J, gradient, _ = self.evaluate(w, b)
        return J, gradient[:-1], float(gradient[-1])

    def check_finite(self, *results: float) -> None:
        """Called with results of a pass: where one is not finite, look for the NaN or infinity in X
        that caused it."""
        if not np.isfinite(results).all():
            self.design.require_finite()

    def measure(self, gradient: Vector, curvature: float, w: Vector, b: float) -> float:
        """How far from the optimum: the bound on J - J* where lambda > 0, else the largest gradient
        component."""
        if self.decay == 0.0:
            return float(np.abs(gradient).max())
        return self.bound(gradient, curvature, w, b)

    def bound(self, gradient: Vector, curvature: float, w: Vector, b: float) -> float:
        """An upper bound on J(w, b) - J*: the certificate above; infinite for lambda = 0."""
        if self.decay == 0.0:
            return np.inf
        if np.isnan(curvature):
            a = logistic.sigmoid(self.scores(w, b))
            curvature = float(np.mean(a * (1.0 - a)))
        size, db = norm(gradient[:-1]), abs(float(gradient[-1]))
        return certificate.suboptimality_bound(
            size, db, curvature, self.radius if db > 0.0 else 0.0, self.decay
        )

    @cached_property
    def radius(self) -> float:
        """The largest ||x|| over the examples, x as the model sees it. One read of X, once; 0
        without an intercept."""
        if not self.intercept:
            return 0.0
        self.begin_pass()
        if self.backend == "numpy":
            return vectorized.numpy_radius(self.dense)
        return fused.radius(self.design, self.n_threads)

    @property
    def known_radius(self) -> float | None:
        """`radius`, or None where the read for it was not made yet."""
        return self.__dict__.get("radius")

    def largest_eigenvalue(self, limit: int = 100, K: Vector | None = None) -> float:
        """L = lambda_max(X1 X1.T) / (4m) + lambda / m by power iterations, X1 being X with a row of
        ones.

        The Rayleigh quotients grow towards L from below; they stop when two differ by less than a
        thousandth, or after `limit` passes. The curvature of J is at most L, so gradient descent
        decreases J for every alpha < 2/L. With the Gram matrix K at hand the same eigenvalue is
        found from K + 1.
        """
        # From a random start: all ones are orthogonal to the leading vector where features, or
        # examples, sum to zero.
        start = np.random.default_rng(0).standard_normal((self.n_x if K is None else self.m) + 1)
        v, v_b = start[:-1], float(start[-1]) if K is None and self.intercept else 0.0
        weight = self.weight_of_each
        estimate = previous = 0.0
        for _ in range(limit):
            norm = float(np.sqrt(inner(v, v) + v_b * v_b))
            if not norm > 0.0:
                break
            v, v_b = v / norm, v_b / norm
            previous = estimate
            if K is not None:
                with np.errstate(over="ignore", invalid="ignore"):
                    image = K @ v + v.sum()
                    estimate, v = inner(v, image), image
            else:
                total, v, v_b, _ = self._sums(v, v_b, linear_weight=weight)
                estimate, v_b = 2.0 * total, v_b * self.intercept  # the pass sums s z^2 / 2
            if not previous * (1.0 + 1e-3) < estimate < np.inf:
                break
        self.check_finite(estimate)
        return max(estimate, previous) / (4 * self.total) + self.decay

    def separates(self, z: Vector) -> bool:
        """Whether lambda is 0 and z puts every example on its own side: then J falls to 0 along w,
        b, without end."""
        if self.decay > 0.0:
            return False
        right = np.where(self.y == 1, z, -z) > 0.0
        return bool(right.all() if not self.weight.size else right[self.weight > 0.0].all())

    def scores(self, w: Vector, b: float) -> Vector:
        """z (m,) of every example."""
        zs = np.empty(self.m)
        self._sums(w, b, zs, linear_weight=np.zeros(self.m))
        return zs

    def squares(self, weight: Vector) -> Vector:
        """The sum of weight * x^2 over the examples, x as the model sees it, for each feature
        (n_x,); weight: (m,). One read of X."""
        self.begin_pass()
        if self.backend == "numpy":
            return vectorized.numpy_squares(self.design, weight)
        return fused.squares(self.design, weight, self.n_threads)

    def combine(self, c: Vector) -> Vector:
        """(scale * X + shift) c, (n_x,): the combination of the examples with coefficients c
        (m,)."""
        return self._sums(np.zeros(self.n_x), 1.0, linear_weight=c)[1]  # z = 1, dz = c

    def hessian_product(self, v: Vector, slopes: Vector) -> Vector:
        """H v (n_x + 1,) for v (n_x + 1,), with slopes (m,) = s da/dz at the point: one read of
        X."""
        _, dw, db, _ = self._sums(v[:-1], float(v[-1]) * self.intercept, linear_weight=slopes)
        product = np.append(dw, db * self.intercept) / self.total
        product[:-1] += self.decay * v[:-1]
        return product

    def line(
        self, start: Point, d: Vector, trial: Point
    ) -> Callable[[float], tuple[float, float, float]] | None:
        """t -> J and its first two derivatives by t at start + t d, without a read of X; trial is
        the point at t = 1. None where that overflowed."""
        slope = trial.z - start.z
        if not np.isfinite(slope).all():
            return None
        return lambda t: self.along_line(start.theta[:-1], d, start.z, slope, t)

    def slopes(self, z: Vector) -> Vector:
        """s da/dz (m,) of every example, from z: what `hessian_product` takes."""
        slopes: Vector = self.link(z, self.y, self.weight)[2]
        return slopes

    def mean(self) -> Vector:
        """The mean of the examples, weighted (n_x,): one read of X."""
        mean = self.combine(self.weight_of_each) / self.total
        self.check_finite(inner(mean, mean))
        return mean

    def on(self, design: Design) -> Objective:
        """The same on another form of the same examples; the reads made so far count on."""
        new = Objective(
            design, self.y, self.lambda_, self.backend, self.n_threads, self.weight, self.intercept
        )
        new.passes, new.watch = self.passes, self.watch
        return new

    def moves(self, z: Any, v: Vector) -> tuple[float, float, int, int, float]:
        """Of the examples of positive weight, when theta moves along v: how far z goes to the own
        side of each, at most and at least; how many go further than a thousandth of the most, of
        how many; and the least |z| of those."""
        move = self.scores(v[:-1], float(v[-1]))
        outward = np.where(self.y == 1, move, -move)
        if self.weight.size:
            outward, z = outward[self.weight > 0.0], z[self.weight > 0.0]
        most = float(outward.max())
        moved = outward > 1e-3 * most
        return (
            most,
            float(outward.min()),
            int(moved.sum()),
            len(z),
            float(np.abs(z[moved]).min(initial=np.inf)),
        )

    def sampled(self, rows: int) -> Objective:
        """J of about `rows` examples, both classes in their proportion (`sampling.stratified`), in
        memory, on one thread; the same penalty in proportion to the weights."""
        chosen, weight = stratified(self.y, self.weight, rows)
        lambda_ = self.decay * float(weight.sum())
        small = Objective(
            self.design.rows(chosen),
            self.y[chosen],
            lambda_,
            self.backend,
            1,
            weight,
            self.intercept,
        )
        small.watch = self.watch
        return small

    def along_line(
        self, w: Vector, d: Vector, z: Vector, z_slope: Vector, t: float
    ) -> tuple[float, float, float]:
        """J and its first two derivatives by t at (w, b) + t d, d (n_x + 1,), from z and dz/dt
        (m,): no read of X."""
        J, first, second = (value / self.total for value in self._line_sums(z, z_slope, t))
        w_t, d_w = w + t * d[:-1], d[:-1]
        return (
            J + 0.5 * self.decay * inner(w_t, w_t),
            first + self.decay * inner(w_t, d_w),
            second + self.decay * inner(d_w, d_w),
        )

    def _line_sums(self, z: Vector, z_slope: Vector, t: float) -> tuple[float, float, float]:
        if self.backend == "numpy":
            return vectorized.numpy_along_line(z, z_slope, self.y, self.weight, t)
        from ..kernels.loss import along_line

        sums: tuple[float, float, float] = along_line(z, z_slope, self.y, self.weight, t)
        return sums

    def hessian(self, w: Vector, b: float, zs: Vector = NONE) -> tuple[Evaluation, Vector]:
        """J, its gradient and its Hessian H (n_x + 1, n_x + 1), in one read of X."""
        if isinstance(self.design, SparseMatrix) and self.design.hessian_is_cheap():
            return self._sparse_hessian(self.design, w, b, zs)
        self.begin_pass()
        zs = zs if zs.size else np.empty(self.m)
        few, kernels = (
            self.design.few_features and self.backend != "numpy",
            self.has_compiled_kernels,
        )
        sums = (
            hessians.of_few_features
            if few
            else hessians.of_many_features
            if kernels
            else vectorized.by_numpy
        )
        J, gradient, H = sums(
            self.design, self.y, w, b, n_threads=self.n_threads, weight=self.weight, zs=zs
        )
        gradient /= self.total
        gradient[:-1] += self.decay * w
        if not self.intercept:
            gradient[-1] = 0.0
        curvature = self._finish_hessian(H)
        return Evaluation(J / self.total + 0.5 * self.decay * inner(w, w), gradient, curvature), H

    def _sparse_hessian(
        self, design: SparseMatrix, w: Vector, b: float, zs: Vector
    ) -> tuple[Evaluation, Vector]:
        """The same in two reads: a pass, and the pairs of non-zeros of each example."""
        z = zs if zs.size else np.empty(self.m)
        evaluation = self.evaluate(w, b, z)
        self.begin_pass()
        H = design.hessian_sums(self.slopes(z), self.n_threads)
        self._finish_hessian(H)
        return evaluation, H

    def estimated_hessian(self, point: Point, rows: int) -> Vector:
        """The Hessian at a point (n_x + 1, n_x + 1), from about `rows` examples
        (`sampling.by_mass`); one read of X. No entry of its diagonal is below the Hessian's own: a
        column that is zero in all of them gets no step without bounds."""
        slopes = self.slopes(point.z)
        chosen, mass = by_mass(slopes, rows)
        products = hessians.products if self.has_compiled_kernels else vectorized.products_by_numpy
        H = products(self.design.rows(chosen), mass, self.n_threads)
        diagonal = H.reshape(-1)[: -1 : self.n_x + 2]
        np.maximum(diagonal, self.squares(slopes), out=diagonal)
        self._finish_hessian(H)
        return H

    def _finish_hessian(self, H: Vector) -> float:
        """H from sums to what it is of J, in place; the curvature along b."""
        H /= self.total
        curvature = float(H[-1, -1])
        H.reshape(-1)[: -1 : self.n_x + 2] += self.decay
        if not self.intercept:
            H[-1], H[:, -1], H[-1, -1] = 0.0, 0.0, 1.0
        return curvature

    @property
    def has_compiled_kernels(self) -> bool:
        """Whether there are kernels for what takes BLAS milliseconds, and minutes interpreted:
        Hessians of many features."""
        if self.backend == "numpy":
            return False
        import numba

        return not numba.config.DISABLE_JIT

    @property
    def link(self) -> Any:
        """(z, y, weight) -> sum of the losses, dz and da/dz of each example."""
        return vectorized.numpy_link if self.backend == "numpy" else fused.link

    def _sums(
        self, w: Vector, b: float, zs: Vector = NONE, linear_weight: Vector | None = None
    ) -> Sums:
        """A pass by the backend at hand; the lectures' loops know no other link, so those go to the
        fused kernel."""
        self.begin_pass()
        linear = linear_weight is not None
        weight = self.weight if linear_weight is None else linear_weight
        if self.backend == "numpy":
            return vectorized.numpy(
                self.dense, self._lecture_X, self.y, w, b, weight=weight, linear=linear, zs=zs
            )
        if self.backend == "fused" or linear or weight.size or zs.size:
            return fused.fused(
                self.design,
                self.y,
                w,
                b,
                n_threads=self.n_threads,
                weight=weight,
                linear=linear,
                zs=zs,
            )
        compiled = self.backend == "loops"
        return loops.loops(
            self.dense, self._lecture_X, self.y, w, b, n_threads=self.n_threads, compiled=compiled
        )

    @property
    def weight_of_each(self) -> Vector:
        """The weights (m,), ones where there are none."""
        return self.weight if self.weight.size else np.ones(self.m)

    @property
    def dense(self) -> DesignMatrix:
        """The design, for what only works on a dense X in memory; callers have checked the form or
        the backend."""
        assert isinstance(self.design, DesignMatrix)
        return self.design

    @cached_property
    def _lecture_X(self) -> NDArray[Any]:
        """X for the backends of the lectures, converted once where theirs is a float64 world:
        NumPy's matrix product takes float64 alone, Numba has no float16, no long double and no
        foreign byte order."""
        X = self.dense.X
        as_it_is = (
            X.dtype == np.float64 if self.backend == "numpy" else X.dtype.char in "?bBhHiIlLqQfd"
        )
        return X if as_it_is and X.dtype.isnative else X.astype(np.float64)

    @property
    def has_gram(self) -> bool:
        """Whether `gram` can be had: X is dense and in memory."""
        return isinstance(self.design, DesignMatrix)

    def gram(self) -> Vector:
        """The Gram matrix K = X.T X (m, m) of the examples, as the model sees them: a read of X."""
        self.begin_pass()
        return self.dense.gram(self.n_threads, self.watch or (lambda: None))

    def iterations_in(self, seconds: float, on_gram: bool) -> int:
        """Iterations of descent that should fit into so much time, by the estimates above; at least
        1."""
        if on_gram:
            one = self.m * (self.m * SECONDS_PER_ELEMENT + SECONDS_PER_EXAMPLE)
        elif self.backend == "fused":
            one = fused.seconds_on_one_core(self.design)
        else:
            return 1  # the lectures' backends: from 0.5 ns to 300 ns an element
        return max(1, int(seconds / one))
