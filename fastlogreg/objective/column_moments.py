"""Scale and shift to mean 0 and variance 1 over each column's own examples, in shared reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..backends import sparse
from ..backends.base import Columns
from ..maths.arrays import Vector
from .columns import SharedColumns

NO_LABEL = -1  # of no example: every y is 0


class Rescaling(NamedTuple):
    """Hold scale and shift (n_x,) of X as a column sees it."""

    scale: Vector
    shift: Vector


def rescalings(shared: SharedColumns, trains: Sequence[Vector]) -> list[Rescaling]:
    """Return scale and shift for each column, whose examples weigh train (G,) by their group.

    Features that are constant there keep scale 1. Without an intercept nothing is shifted. Two
    reads of X; of a sparse one, one for the means and one for each column.
    """
    means, totals = _means(shared, trains)
    variances = _variances(shared, trains, means, totals)
    found = []
    for mean, variance in zip(means, variances):
        deviation = np.sqrt(np.maximum(variance, 0.0))
        if not (np.isfinite(deviation).all() and np.isfinite(mean).all()):
            shared.design.require_finite()
            j = int(np.argmin(np.isfinite(deviation) & np.isfinite(mean)))
            raise ValueError(
                f"X is too large to standardise: the mean or the standard deviation of column {j}, "
                "counted from 0, overflows float64. Give it in other units"
            )
        tiny = (deviation < np.finfo(float).tiny) | ~(deviation > 1e-12 * np.abs(mean))
        deviation[tiny] = 1.0
        shift = -mean / deviation if shared.intercept else np.zeros(shared.n_x)
        found.append(Rescaling(1.0 / deviation, shift))
    return found


def _means(shared: SharedColumns, trains: Sequence[Vector]) -> tuple[Vector, Vector]:
    """Return the mean of each feature for each column (K, n_x), and the weights' sums (K,)."""
    K = len(trains)
    train = np.array(trains)
    nothing = np.zeros((K, shared.n_x))
    columns = Columns(
        nothing, np.zeros(K), np.full(K, NO_LABEL, np.int32), train, np.zeros(train.shape)
    )
    shared.begin_pass()
    # Where every z and y is 0, dz is 1/2.
    sums = shared.backend.column_sums(
        shared.design, shared.labels, columns, weight=shared.weight, group=shared.group
    )
    totals = train @ shared.group_totals()
    with np.errstate(over="ignore", invalid="ignore"):
        return 2.0 * sums.dw / totals[:, None], totals


def _variances(
    shared: SharedColumns, trains: Sequence[Vector], means: Vector, totals: Vector
) -> list[Vector]:
    design, weight = shared.design, shared.weight
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        if design.sparse is not None:
            for train, mean, total in zip(trains, means, totals):
                s = train[shared.group] if shared.group.size else np.full(shared.m, train[0])
                own = s * weight if weight.size else s
                shared.begin_pass()
                scale, shift = design.scale, design.shift - mean
                found.append(sparse.squares(design.sparse, scale, shift, own) / total)
            return found
        squares = _squares_by_group(shared, means[0])
        for train, mean, total in zip(trains, means, totals):
            away = mean - means[0]
            found.append(np.einsum("g,gj->j", train, squares) / total - away * away)
    return found


def _squares_by_group(shared: SharedColumns, mean: Vector) -> Vector:
    """Return the sums of s (x - mean)^2 over each group (G, n_x), in one read."""
    shared.begin_pass()
    G, group, weight = shared.groups, shared.group, shared.weight
    sums = np.zeros((G, shared.n_x))
    for lo, hi, x in shared.design.float_blocks():
        s = weight[lo:hi] if weight.size else np.ones(hi - lo)
        away = x - mean
        away *= away
        for g in range(G):
            own = s * (group[lo:hi] == g) if group.size else s
            if own.any():
                sums[g] += np.einsum("i,ij->j", own, away)
    return sums
