"""What a solver can do in larger steps than a pass at a time: whole stretches compiled, on X or,
gradient descent, on its Gram matrix.

The choice follows from the shape alone: n_threads must not change a bit of the result.
"""

from __future__ import annotations

import numpy as np

from ..backends import fused, gram
from ..backends.base import dense_in_memory
from ..backends.fused import SECONDS_PER_ELEMENT
from ..data.dense import DesignMatrix
from ..kernels.bundles import (
    Descent,
    Examples,
    Path,
    Problem,
    Regularized,
    Scaling,
    Stopping,
    Work,
)
from ..kernels.layout import HEAD
from ..machine.blas import inner
from ..maths.arrays import NONE, Vector
from ..objective.objective import Objective
from ..objective.point import Evaluation, Point
from . import compiled_classes

# The Gram matrix: one element of X as float64 and its m products by BLAS, or as bytes; kept up to
# 64 MiB or 5 % of X.
_SECONDS_PER_CONVERSION, _SECONDS_PER_PRODUCT, _GRAM_BYTES = 1e-9, 0.02e-9, 64 << 20
_SECONDS_PER_PRODUCT_OF_BYTES = 0.007e-9
_ANY_THREADS, _FEW_THREADS = 1 << 30, 2


def is_compiled(objective: Objective) -> bool:
    """Tell whether whole stretches of gradient descent run compiled, on one thread."""
    return objective.intercept and not objective.weight.size and _is_small(objective)


def newton_is_compiled(objective: Objective) -> bool:
    """Tell whether whole stretches of Newton's method run compiled."""
    if objective.columns > 1:
        return compiled_classes.is_small(objective)
    return objective.decay > 0.0 and objective.design.few_features and _is_small(objective)


def _is_small(objective: Objective) -> bool:
    """Tell whether a pass is too short for two threads, and the kernels know all that is in J."""
    design = objective.design.dense
    if not objective.backend.whole_runs or not objective.penalty.plain:
        return False
    if objective.columns > 1 or not objective.hard_labels:
        return False
    if design is None or not design.in_place or design.slab:
        return False
    return fused.threads_for(design, _ANY_THREADS) == 1


def by_kernel(
    objective: Objective,
    point: Vector,
    best: Vector,
    alpha: float,
    tol: float,
    limit: float,
    costs: Vector,
) -> int:
    """Gradient descent from point for up to costs.size iterations, compiled: see
    `kernels.whole_runs.descent.descend`."""
    from ..kernels.whole_runs.descent import descend

    design = dense_in_memory(objective.design)
    [(_, _, x)] = design.flat_blocks()
    radius = _radius(design) if objective.decay > 0.0 and tol >= 0.0 else 0.0
    made: int = descend(
        design.way(fused.digits_for(design)),
        Examples(x, design.n_x, objective.y, NONE, False),
        Scaling(design.scale, design.shift),
        design.gap,
        Work(design.chunk, design.block, design.partials, np.zeros(0, np.int64)),
        Descent(objective.decay, radius, alpha, tol, limit),
        point,
        best,
        costs,
    )
    objective.passes += made
    return made


def _radius(design: DesignMatrix) -> float:
    """Return the largest ||x|| of a small X, for the bound that the kernel looks at."""
    squares = [float(np.einsum("ij,ij->i", x, x).max()) for _, _, x in design.float_blocks()]
    return float(np.sqrt(max(squares)))


def by_gram(
    objective: Objective,
    K: Vector,
    z0: Vector,
    w0: Vector,
    alpha: float,
    limit: float,
    point: Vector,
    best: Vector,
    costs: Vector,
) -> int:
    """Make those iterations on the Gram matrix: see `kernels.whole_runs.gram.descend_gram`."""
    from ..kernels.whole_runs.gram import descend_gram

    w0_squared = inner(w0, w0)
    return int(
        descend_gram(
            K.reshape(-1),
            objective.y,
            z0,
            w0_squared,
            objective.decay,
            alpha,
            limit,
            point,
            best,
            costs,
        )
    )


def gram_pays(objective: Objective, iterations: int) -> bool:
    """Tell whether K (m, m) and iterations on it cost less than iterations on X, and K is small
    enough to be kept."""
    m, n_x = objective.m, objective.n_x
    design, plain = objective.design.dense, objective.backend.whole_runs and objective.penalty.plain
    if design is None or not plain or not objective.intercept or objective.weight.size:
        return False
    if objective.columns > 1 or not objective.hard_labels:
        return False
    if m >= n_x or 8 * m * m > max(_GRAM_BYTES, design.nbytes // 20):
        return False
    direct = iterations * m * n_x * SECONDS_PER_ELEMENT / fused.threads_for(design, _FEW_THREADS)
    once = m * n_x * (_SECONDS_PER_CONVERSION + m * _SECONDS_PER_PRODUCT)
    if gram.of_bytes(design):
        once = m * m * n_x * _SECONDS_PER_PRODUCT_OF_BYTES
    return once + iterations * m * m * SECONDS_PER_ELEMENT < direct


def newton_of(objective: Objective) -> CompiledNewton | compiled_classes.CompiledClasses:
    """Return what makes those stretches, where `newton_is_compiled`."""
    if objective.columns > 1:
        return compiled_classes.CompiledClasses(objective)
    return CompiledNewton(objective)


class CompiledNewton:
    """Newton's method by `kernels.whole_runs.newton`, where `newton_is_compiled`."""

    def __init__(self, objective: Objective) -> None:
        from ..kernels.second_order.few_features import TILE

        self.objective = objective
        design, n_x = dense_in_memory(objective.design), objective.n_x
        width = -(-(n_x + 1) // TILE) * TILE
        scale, shift = np.zeros((2, width))
        scale[:n_x], shift[:n_x], shift[n_x] = design.scale, design.shift, 1.0
        [(_, _, x)] = design.flat_blocks()
        self.size, self.width = n_x + 1, width
        self.feature_major = design.feature_major
        self.problem = Problem(
            Examples(x, n_x, objective.y, objective.weight, False),
            Scaling(scale, shift),
            Regularized(objective.total, objective.decay, objective.intercept),
            design.chunk,
            np.empty((design.n_chunks, HEAD + (width + 1) * width)),
        )

    def evaluate(self, theta: Vector) -> tuple[Point, Vector]:
        """`Objective.point_with_hessian`."""
        from ..kernels.whole_runs.newton import evaluate

        self.objective.begin_pass()
        padded, gradient, z, H = (
            np.zeros(self.width),
            np.empty(self.size),
            self.objective.room(),
            self._hessians(1)[0],
        )
        padded[: self.size] = theta
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # uncompiled, the kernel is NumPy arithmetic
            J, curvature = evaluate(self.feature_major, self.problem, padded, z, gradient, H)
        return Point(theta, Evaluation(J, gradient, curvature), z), H

    def steps(
        self, start: Point, H: Vector, count: int, tol: float, least: float
    ) -> tuple[list[Point], list[float], Vector, int]:
        """Return the points of up to `count` iterations, their bounds, the last Hessian, and reads.

        There are fewer points where the bound falls to tol or the next step is not a plain one.
        tol: below 0 for none. least: see `kernels.whole_runs.newton`.
        """
        from ..kernels.whole_runs.newton import newton_steps

        size, Hs = self.size, self._hessians(2)
        thetas, numbers, gradients = (
            np.zeros((count + 1, self.width)),
            np.empty((count + 1, 3)),
            np.empty((count + 1, size)),
        )
        zs = np.empty((2, self.objective.m))
        thetas[0, :size], gradients[0], Hs[0] = start.theta, start.evaluation.gradient, H
        numbers[0, :2] = start.evaluation[::2]
        with np.errstate(over="ignore", invalid="ignore"):
            made, reads = newton_steps(
                self.feature_major,
                self.problem,
                Stopping(tol, least),
                Path(thetas, numbers, zs, gradients, Hs),
            )
        points = [
            Point(
                thetas[k, :size],
                Evaluation(float(numbers[k, 0]), gradients[k], float(numbers[k, 1])),
                zs[k & 1],
            )
            for k in range(1, made + 1)
        ]
        return points, numbers[1 : made + 1, 2].tolist(), Hs[made & 1], reads

    def _hessians(self, count: int) -> Vector:
        return np.empty((count, self.size, self.size))
