"""A second look at the largest eigenvalue of X1 X1.T, from a few examples and several starts.

Power iterations from one start can stop at a smaller eigenvalue: where the start is nearly
orthogonal to the leading vector, two quotients agree before that vector shows. Here four starts
are iterated together, as a subspace. That all of them miss the leading vector is next to
impossible. The examples are a sample in memory, or all of a small X: no read of X is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..data.design import Design
from ..maths.arrays import Vector

STARTS, STEPS = 4, 6
WHOLE_ELEMENTS, SAMPLE_ELEMENTS, LEAST_ROWS = 1 << 18, 1 << 16, 64


def leading_vector(apply: Callable[[Vector], Vector], size: int) -> tuple[float, Vector]:
    """Return the largest Rayleigh quotient that `STARTS` power iterations find, and its vector.

    apply: V -> A V for a symmetric A (size, size) and V (size, k).
    """
    image = np.random.default_rng(1).standard_normal((size, STARTS))
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(STEPS):
            length = np.sqrt(np.einsum("ij,ij->j", image, image))
            if not (length > 0.0).all() or not np.isfinite(length).all():
                break
            V = image / length
            image = apply(V)
        else:
            values = np.einsum("ij,ij->j", V, image)
            best = int(np.argmax(values))
            if np.isfinite(values).all():
                return float(values[best]), image[:, best]
    return 0.0, np.zeros(size)  # X is zero, or overflows: there is nothing to compare with


def of_sample(design: Design, weight: Vector, intercept: bool) -> tuple[float, Vector] | None:
    """Return the same for the sum of s x1 x1.T over all examples, estimated from a sample.

    None where a sample is not at hand without a read of X.
    """
    if not design.has_examples_at_hand:
        return None
    rows = max(LEAST_ROWS, SAMPLE_ELEMENTS // design.n_x)
    step = 1 if design.m * design.n_x <= WHOLE_ELEMENTS else max(1, design.m // rows)
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.asarray(design.every(step) * design.scale, np.float64)
        x += design.shift
        s = (weight if weight.size else np.ones(design.m))[::step]
        bias = float(intercept)

        def apply(V: Vector, x: Vector = x, s: Vector = s) -> Vector:
            z = s[:, None] * (x @ V[:-1] + V[-1] * bias)
            return np.vstack([x.T @ z, z.sum(axis=0) * bias])

        if step == 1:
            return leading_vector(apply, design.n_x + 1)
        # Of few examples the largest eigenvalue is too large: what one half leads to, the other
        # half judges.
        _, v = leading_vector(partial(apply, x=x[::2], s=s[::2]), design.n_x + 1)
        size, seen = float(np.sqrt(v @ v)), float(s[1::2].sum())
        if not 0.0 < size < np.inf or not seen > 0.0:
            return None
        z = x[1::2] @ (v[:-1] / size) + bias * v[-1] / size
        total = float(weight.sum()) if weight.size else float(design.m)
        return float(s[1::2] @ (z * z)) * (total / seen), v
