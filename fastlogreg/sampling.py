"""A sample of the examples, without random numbers: both classes in their own proportion, at least a quarter of it from the
rarer one, each example standing for those left out. It follows the golden ratio, not a stride: no period in the rows can
hide from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def stratified(y: NDArray[np.uint8], weight: Vector, rows: int) -> tuple[NDArray[np.intp], Vector]:
    """Indices of about `rows` examples, in order, and the weight with which each stands for its class."""
    positive = np.flatnonzero(y)
    negative = np.flatnonzero(y == 0)
    taken_of_each = places(len(negative), len(positive), rows)
    parts = [positive[taken_of_each[1]], negative[taken_of_each[0]]]
    weights = []
    for part, whole in zip(parts, (positive, negative)):
        if weight.size:
            taken = float(weight[part].sum())
            weights.append(weight[part] * (float(weight[whole].sum()) / taken if taken > 0.0 else 0.0))
        else:
            weights.append(np.full(len(part), len(whole) / max(1, len(part))))
    chosen, weights_ = np.concatenate(parts), np.concatenate(weights)
    order = np.argsort(chosen)
    return chosen[order], weights_[order]


def places(n_negative: int, n_positive: int, rows: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of the negative and which of the positive examples, each counted from 0, a sample of about `rows` takes."""
    share = n_positive / (n_positive + n_negative)
    of_positive = int(rows * min(max(share, 0.25), 0.75))
    return _spread(n_negative, rows - of_positive), _spread(n_positive, of_positive)


def _spread(size: int, count: int) -> NDArray[np.intp]:
    """About `count` of the numbers below size, at the multiples of the golden ratio modulo 1."""
    if size <= count:
        return np.arange(size, dtype=np.intp)
    fractions = np.arange(count) * 0.6180339887498949 % 1.0
    return np.unique((fractions * size).astype(np.intp))
