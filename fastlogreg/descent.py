"""What gradient descent can do in larger steps than a pass at a time: whole stretches compiled, on X or on its Gram matrix.

The choice follows from the shape alone: n_threads must not change a bit of the result.
"""

from __future__ import annotations

from . import passes
from .design_matrix import DesignMatrix
from .objective import Objective
from .passes import SECONDS_PER_ELEMENT, Vector
from .vectors import inner

# The Gram matrix: one element of X as float64 and its m products by BLAS, or as bytes; kept up to 64 MiB or 5 % of X.
_SECONDS_PER_CONVERSION, _SECONDS_PER_PRODUCT, _GRAM_BYTES = 1e-9, 0.02e-9, 64 << 20
_SECONDS_PER_PRODUCT_OF_BYTES = 0.007e-9
_ANY_THREADS, _FEW_THREADS = 1 << 30, 2


def is_compiled(objective: Objective) -> bool:
    """Whether a pass is so short that whole stretches of descent run compiled, on one thread."""
    plain = objective.backend == "fused" and objective.intercept and not objective.weight.size
    design = objective.design
    if not plain or not isinstance(design, DesignMatrix) or not design.in_place or design.slab:
        return False
    return passes.threads_for(design, _ANY_THREADS) == 1


def by_kernel(
    objective: Objective, point: Vector, best: Vector, alpha: float, tol: float, limit: float, costs: Vector
) -> int:
    """Gradient descent from point for up to costs.size iterations, compiled: see `kernels.dense.descend`."""
    from .kernels.dense import descend

    design = objective.dense
    [(_, _, x)] = design.flat_blocks()
    radius = objective.radius if objective.decay > 0.0 else 0.0
    made: int = descend(
        x, design.feature_major, design.narrow, passes.digits_for(design), objective.y, design.scale, design.shift,
        design.chunk, design.block, design.partials, objective.decay, radius, alpha, tol, limit, point, best, costs,
    )  # fmt: skip
    objective.passes += made
    return made


def by_gram(
    objective: Objective, K: Vector, z0: Vector, w0: Vector, alpha: float, limit: float, point: Vector, best: Vector,
    costs: Vector,
) -> int:  # fmt: skip
    """The same on the Gram matrix: see `kernels.gram.descend_gram`."""
    from .kernels.gram import descend_gram

    w0_squared = inner(w0, w0)
    return int(
        descend_gram(K.reshape(-1), objective.y, z0, w0_squared, objective.decay, alpha, limit, point, best, costs)
    )


def gram_pays(objective: Objective, iterations: int) -> bool:
    """Whether K (m, m) and iterations on it cost less than iterations on X, and K is small enough to be kept."""
    m, n_x = objective.m, objective.n_x
    plain = objective.backend == "fused" and objective.intercept and not objective.weight.size
    if not plain or not isinstance(objective.design, DesignMatrix):
        return False
    if m >= n_x or 8 * m * m > max(_GRAM_BYTES, objective.design.nbytes // 20):
        return False
    direct = iterations * m * n_x * SECONDS_PER_ELEMENT / passes.threads_for(objective.design, _FEW_THREADS)
    once = m * n_x * (_SECONDS_PER_CONVERSION + m * _SECONDS_PER_PRODUCT)
    if objective.dense.gram_of_bytes:
        once = m * m * n_x * _SECONDS_PER_PRODUCT_OF_BYTES
    return once + iterations * m * m * SECONDS_PER_ELEMENT < direct
