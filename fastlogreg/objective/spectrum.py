"""A second look at the largest eigenvalue of X1 X1.T, from a few examples and several starts.

Power iterations from one start can stop at a smaller eigenvalue: where the start is nearly
orthogonal to the leading vector, two quotients agree before that vector shows. Here four starts
are iterated together, as a subspace. That all of them miss the leading vector is next to
impossible. The examples are a sample, or all of a small X: no read of X is counted. Of few
features the matrix itself is at hand, and is squared a few times instead: then nothing is left to
chance.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..backends import moments
from ..data.design import Design
from ..machine.blas import inner, one_thread
from ..maths.arrays import Vector

if TYPE_CHECKING:
    from .objective import Objective

# A second look must find so many times the estimate of the largest eigenvalue before it is
# believed: power iterations that stop early are off by less, and 1/L is safe up to twice its size.
MISSED = 1.25
STARTS, STEPS = 4, 6
WHOLE_ELEMENTS, SAMPLE_ELEMENTS, LEAST_ROWS = 1 << 18, 1 << 16, 64
# Up to so many features the matrix takes fewer products than the iterations do.
FEW_FEATURES, SQUARINGS = 2 * STARTS * STEPS, 9
FEATURES_A_PASS = 6  # whose products in X1 X1.T take as long as a pass


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


def by_squaring(A: Vector) -> tuple[float, Vector]:
    """Return the same from the 512th power of a positive semidefinite A (size, size).

    In its longest column the leading vector outweighs all others. So the quotient is the largest
    eigenvalue within half a per cent, whatever A is.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        power = A
        for _ in range(SQUARINGS):
            size = float(power.trace())
            if not 0.0 < size < np.inf:
                return 0.0, np.zeros(len(A))
            power = power / size
            power = power @ power
        v = power[:, int(np.argmax(power.diagonal()))]
        v = v / np.abs(v).max()
        image = A @ v
        return inner(v, image) / inner(v, v), image


def is_small(design: Design) -> bool:
    """Tell whether X is small and has few features, so that `of_small` is for it."""
    return design.m * design.n_x <= WHOLE_ELEMENTS and design.n_x < FEW_FEATURES


def of_small(objective: Objective) -> tuple[float, Vector]:
    """Return the same for the sum of s x1 x1.T over all examples, from the matrix itself: a read of
    a small X."""
    design, weight = objective.design, objective.weights_at_hand()
    with np.errstate(over="ignore", invalid="ignore"), one_thread():
        x1 = np.full((design.m, design.n_x + 1), float(objective.intercept))
        for lo, hi, x in design.float_blocks():
            x1[lo:hi, :-1] = x
        return by_squaring(x1.T @ (weight[:, None] * x1 if weight.size else x1))


def of_sample(objective: Objective) -> tuple[float, Vector] | None:
    """Return the same, estimated from a sample where X is not small.

    None where a sample is not at hand without a read of X.
    """
    design, weight = objective.design, objective.weight
    if not design.has_examples_at_hand:
        return None
    if is_small(design):
        return of_small(objective)
    rows = max(LEAST_ROWS, SAMPLE_ELEMENTS // design.n_x)
    step = 1 if design.m * design.n_x <= WHOLE_ELEMENTS else max(1, design.m // rows)
    with np.errstate(over="ignore", invalid="ignore"):
        bias = float(objective.intercept)
        x = np.empty((-(-design.m // step), design.n_x))
        np.multiply(design.every(step), design.scale, out=x, casting="unsafe")
        x += design.shift
        s = (weight if weight.size else np.ones(design.m))[::step]

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


def is_surely_safe(objective: Objective, alpha: float) -> bool:
    """Tell whether alpha is at most 2/L by the trace of X1 X1.T, without a read of X."""
    design = objective.design
    # Only where the sample is all of X.
    if objective.weight.size or design.dense is None or design.m >= 2 * design.sample_size:
        return False
    found = moments.moments(design)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = design.scale * found.mean + design.shift, design.scale * found.deviation
        squares = inner(mean, mean) + inner(spread, spread) + objective.intercept
    return alpha * (squares / 4 + objective.penalty.largest_curvature) <= 2.0


def largest_eigenvalue(
    objective: Objective, limit: int = 100, K: Vector | None = None, alpha: float | None = None
) -> float:
    """Return L = lambda_max(X1 X1.T) / (4m) + lambda / m by power iterations, X1 being X with a
    row of ones.

    The Rayleigh quotients grow towards L from below; they stop when two differ by less than a
    thousandth, or after `limit` passes. There is a second look at a sample, unless a given alpha
    is small enough whatever it finds. The curvature of J is at most L, so gradient descent
    decreases J for every alpha < 2/L. With the Gram matrix K at hand the same eigenvalue is found
    from K + 1; where X is small and has few features, from X1 X1.T, which takes one read and less
    time than `limit` passes.
    """
    enough = limit >= 2 + objective.n_x // FEATURES_A_PASS
    if K is None and enough and is_small(objective.design):
        objective.begin_pass()
        value, _ = of_small(objective)
        if value > 0.0:  # else X is zero, or its squares are too large
            return value / (4 * objective.total) + objective.penalty.largest_curvature
    # From a random start: all ones are orthogonal to the leading vector where features, or
    # examples, sum to zero.
    start = np.random.default_rng(0).standard_normal(
        (objective.n_x if K is None else objective.m) + 1
    )
    value, made = _quotient(objective, start, limit, K)
    design, second = objective.design, None
    if alpha is None or not is_surely_safe(objective, alpha):
        second = (
            of_sample(objective)
            if K is None
            else leading_vector(lambda V: K @ V + V.sum(axis=0), objective.m)
        )
    sampled = K is None and second is not None and design.m * design.n_x > WHOLE_ELEMENTS
    if second is not None and sampled and made == 2 < limit:
        # All of the spectrum looks alike. What a few examples have in one column alone, the start
        # and the sample can both miss: a read for the columns' own squares.
        squares = objective.squares(objective.weight_of_each)
        j, made = int(np.argmax(squares)), made + 1
        if squares[j] > MISSED * max(value, second[0]):
            second = float(squares[j]), np.eye(1, design.n_x + 1, j)[0]
    if second is not None and second[0] > MISSED * value:
        # The start was nearly orthogonal to the leading vector: begin again from that one.
        start = second[1] if K is None else np.append(second[1], 0.0)
        found, _ = _quotient(objective, start, max(2, limit - made), K)
        value = found if found > MISSED * value else value
    return value / (4 * objective.total) + objective.penalty.largest_curvature


def _quotient(
    objective: Objective, start: Vector, limit: int, K: Vector | None
) -> tuple[float, int]:
    """Return the largest Rayleigh quotient of power iterations from start, and the passes made."""
    v, v_b = start[:-1], float(start[-1]) if K is None and objective.intercept else 0.0
    estimate = previous = 0.0
    made = 0
    for _ in range(limit):
        norm = float(np.sqrt(inner(v, v) + v_b * v_b))
        if not norm > 0.0:
            break
        v, v_b = v / norm, v_b / norm
        previous, made = estimate, made + 1
        if K is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                image = K @ v + v.sum()
                estimate, v = inner(v, image), image
        else:
            total, v, v_b, _ = objective.linear_sums(v, v_b)
            estimate, v_b = 2.0 * total, v_b * objective.intercept  # the pass sums s z^2 / 2
        if not previous * (1.0 + 1e-3) < estimate < np.inf:
            break
    objective.check_finite(estimate)
    return max(estimate, previous), made
