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
    share = len(positive) / len(y)
    of_positive = int(rows * min(max(share, 0.25), 0.75))
    parts = [_spread(positive, of_positive), _spread(negative, rows - of_positive)]
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


def _spread(indices: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """About `count` of the indices, at the multiples of the golden ratio modulo 1."""
    if len(indices) <= count:
        return indices
    places = np.arange(count) * 0.6180339887498949 % 1.0
    return indices[np.unique((places * len(indices)).astype(np.intp))]
