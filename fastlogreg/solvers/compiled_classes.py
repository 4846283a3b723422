"""Whole stretches of Newton's method for several classes, compiled, where X is small."""

from __future__ import annotations

import numpy as np

from ..backends.base import are_compiled, dense_in_memory
from ..kernels.bundles import ClassProblem, Path, Regularized, Stopping
from ..kernels.layout import LANES, read_only
from ..maths.arrays import Vector
from ..objective.objective import Objective
from ..objective.point import Evaluation, Point

# m times the square of the size of theta, four times the products of a Hessian: 1 ms or two on one
# thread. And the numbers of X, which is copied as float64: 512 KiB.
MOST_PRODUCTS, MOST_NUMBERS = 1e7, 1 << 16


def is_small(objective: Objective) -> bool:
    """Tell whether X is dense and so small that one thread, without Python, is the fastest; and
    kernels are compiled."""
    design, m = objective.design.dense, float(objective.m)
    if design is None or not objective.backend.whole_runs or not objective.penalty.plain:
        return False
    if not objective.decay > 0.0 or m * (objective.n_x + 1) > MOST_NUMBERS:
        return False
    return m * float(objective.size) ** 2 <= MOST_PRODUCTS and are_compiled()


class CompiledClasses:
    """Newton's method by `kernels.whole_runs.softmax_newton`, where X `is_small`.

    X is copied once, as scale * X + shift in float64. A read is one of the copy.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective, self.classes = objective, objective.columns
        m, n_x = objective.m, objective.n_x
        self.stride = -(-m // LANES) * LANES
        x, targets = np.zeros((n_x + 1, self.stride)), np.zeros((2, self.stride))
        for lo, hi, block in dense_in_memory(objective.design).float_blocks():
            x[:-1, lo:hi] = block.T
        x[-1], targets[0, :m] = 1.0, objective.targets
        targets[1, :m] = objective.weight if objective.weight.size else 1.0
        self.problem = ClassProblem(
            read_only(x.reshape(-1)),
            read_only(targets[0]),
            read_only(targets[1]),
            self.classes,
            Regularized(float(objective.total), objective.decay, bool(objective.intercept)),
        )

    def evaluate(self, theta: Vector) -> tuple[Point, Vector]:
        """`Objective.point_with_hessian`, in one read."""
        self.objective.begin_pass()
        path, _, _ = self._run(theta, 0, -1.0, 0.0, None)
        return self._point(path, 0), path.H[0]

    def steps(
        self, start: Point, H: Vector, count: int, tol: float, least: float
    ) -> tuple[list[Point], list[float], Vector, int]:
        """Return the points of up to `count` iterations, their bounds, the last Hessian, and reads:
        as `CompiledNewton.steps`."""
        path, made, reads = self._run(start.theta, count, tol, least, (start.evaluation, H))
        points = [self._point(path, k) for k in range(1, made + 1)]
        return points, path.numbers[1 : made + 1, 2].tolist(), path.H[made & 1], reads

    def begin(
        self, theta: Vector, count: int, tol: float, least: float
    ) -> tuple[list[Point], list[float], Vector, int]:
        """Return the same, the point at theta before them: it is evaluated first."""
        path, made, reads = self._run(theta, count, tol, least, None)
        points = [self._point(path, k) for k in range(made + 1)]
        return points, path.numbers[: made + 1, 2].tolist(), path.H[made & 1], reads

    def _run(
        self,
        theta: Vector,
        count: int,
        tol: float,
        least: float,
        known: tuple[Evaluation, Vector] | None,
    ) -> tuple[Path, int, int]:
        from ..kernels.whole_runs.softmax_newton import newton_steps

        size = theta.size
        path = Path(
            np.empty((count + 1, size)),
            np.empty((count + 1, 3)),
            np.empty((2, self.classes * self.stride)),
            np.empty((count + 1, size)),
            np.empty((2, size, size)),
        )
        path.thetas[0] = theta
        if known is not None:
            evaluation, path.H[0] = known
            path.gradients[0], path.numbers[0, 0] = evaluation.gradient, evaluation.J
        with np.errstate(over="ignore", invalid="ignore"):  # uncompiled, it is NumPy arithmetic
            made, reads = newton_steps(self.problem, Stopping(tol, least), path, known is not None)
        return path, made, reads

    def _point(self, path: Path, k: int) -> Point:
        """Return point k; only the last two of a path have their own z."""
        z = path.zs[k & 1].reshape(self.classes, self.stride)[:, : self.objective.m]
        evaluation = Evaluation(float(path.numbers[k, 0]), path.gradients[k], np.nan)
        return Point(path.thetas[k], evaluation, z)
