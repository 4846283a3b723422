"""prox-Newton for small X, by `kernels.whole_runs.elastic_net`: one call for all lambdas."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..backends.base import are_compiled
from ..maths.arrays import Vector
from ..maths.elastic_net import ElasticNet
from ..objective.columns import Column
from ..objective.penalised import PenalisedColumns

MOST_NUMBERS, MOST_FEATURES = 1 << 18, 128  # of X, which is copied
WEAKEN, LOOSE = 0.2, 1e-2  # of the strengths on the way, and the gap that these are left with
MOST_STEPS = 200


class Followed(NamedTuple):
    """Hold what was found at each strength: thetas (L, n_x + 1); J, loss, gap, steps and reads
    (L, 5); and J before each step."""

    thetas: Vector
    numbers: Vector
    costs: Vector


def is_small(shared: PenalisedColumns, column: Column) -> bool:
    """Tell whether all of it can be left to one compiled call."""
    penalty: Any = column.penalty
    small = shared.m * shared.n_x <= MOST_NUMBERS and shared.n_x <= MOST_FEATURES
    compiled = shared.backend.whole_runs and shared.backend.any_form and are_compiled()
    if not (small and compiled and shared.design.dense is not None):
        return False
    bare = (penalty.l1 == 0.0) & (penalty.l2 == 0.0)
    held = np.isfinite(penalty.lower) & np.isfinite(penalty.upper)
    return penalty.group is None and not bool((bare & ~held).any())


def follow(
    shared: PenalisedColumns,
    column: Column,
    start: Vector,
    lambdas: Vector,
    goals: Vector,
    most: int = 0,
) -> Followed:
    """Follow one column from start (n_x + 1,) along lambdas (L,), to gaps of `goals` (L,).

    most: steps in all, 0 for no limit but that of each lambda.
    """
    from ..kernels.second_order.columns import Net
    from ..kernels.whole_runs import elastic_net as kernel
    from ..kernels.whole_runs.elastic_net_proof import Data

    penalty: Any = column.penalty
    unit: ElasticNet = penalty.with_lambda(1.0)
    [(_, _, x)] = shared.design.float_blocks(shared.m)
    if column.scale.size:
        x = x * column.scale + column.shift
    data = Data(
        np.ascontiguousarray(x),
        shared.y_of(column),
        shared.weight_of(column),
        shared.offset,
        float(column.total),
        bool(shared.intercept),
    )
    net = Net(unit.l1, unit.l2, unit.lower, unit.upper)
    thetas = np.zeros((len(lambdas) + 1, start.size))
    thetas[0] = start
    numbers, costs = np.zeros((len(lambdas), kernel.NUMBERS)), np.empty(most)
    with np.errstate(over="ignore", invalid="ignore"):
        made = kernel.follow(data, net, lambdas, goals, MOST_STEPS, thetas, numbers, costs)
    if not np.isfinite(numbers[:, 0]).all():
        shared.design.require_finite()
    shared.begin_pass()
    shared.passes += int(numbers[:, 4].sum()) - 1
    return Followed(thetas[1:], numbers, costs[: min(made, most)])


def on_the_way(largest: float, lambda_: float) -> Vector:
    """Return the strengths from where the first weight moves to lambda, which is the last."""
    found: list[float] = []
    while lambda_ > 0.0 and WEAKEN * largest > lambda_:
        largest *= WEAKEN
        found.append(largest)
    return np.array([*found, lambda_])


def goals_for(count: int, tol: float) -> Vector:
    """Return the gaps to end at: loose ones on the way."""
    goals = np.full(count, LOOSE)
    goals[-1] = tol
    return goals
