"""A sample of the examples, without random numbers, in which each example stands for those left
out. It follows the golden ratio, not a stride: no period in the rows can hide from it.

    stratified    for J: both classes in their own proportion, at least a quarter of the sample from
                  the rarer one; of several classes at least a quarter of an equal share from each
    by_mass       for H: examples in proportion to their s a (1 - a), and those that have most of it
                  whole
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arrays import Vector

GOLDEN = 0.6180339887498949


def stratified(y: NDArray[np.uint8], weight: Vector, rows: int) -> tuple[NDArray[np.intp], Vector]:
    """Indices of about `rows` examples, in order, and the weight with which each stands for its
    class."""
    ones = y.view(np.bool_)  # of bytes NumPy finds those that are not 0 ten times as slowly
    positive, negative = np.flatnonzero(ones), np.flatnonzero(~ones)
    taken_of_each = places(len(negative), len(positive), rows)
    parts = [positive[taken_of_each[1]], negative[taken_of_each[0]]]
    weights = []
    for part, whole in zip(parts, (positive, negative)):
        if weight.size:
            taken = float(weight[part].sum())
            weights.append(
                weight[part] * (float(weight[whole].sum()) / taken if taken > 0.0 else 0.0)
            )
        else:
            weights.append(np.full(len(part), len(whole) / max(1, len(part))))
    chosen, weights_ = np.concatenate(parts), np.concatenate(weights)
    order = np.argsort(chosen)
    return chosen[order], weights_[order]


def stratified_classes(
    labels: NDArray[np.int32], classes: int, weight: Vector, rows: int
) -> tuple[NDArray[np.intp], Vector]:
    """Indices of about `rows` examples of several classes, in order, and the weight with which each
    stands for its class. Examples of weight 0 are left out; of every other class there is one."""
    counted = np.flatnonzero(weight > 0.0) if weight.size else np.arange(labels.size)
    order = counted[np.argsort(labels[counted], kind="stable")]
    counts = np.bincount(labels[counted], minlength=classes)
    chosen, weights = [], []
    for count, end, these in zip(counts, np.cumsum(counts), class_places(counts, rows)):
        if count == 0:
            continue
        whole = order[end - count : end]
        part = whole[these]
        if weight.size:
            weights.append(weight[part] * (float(weight[whole].sum()) / float(weight[part].sum())))
        else:
            weights.append(np.full(len(part), count / len(part)))
        chosen.append(part)
    found, weights_ = np.concatenate(chosen), np.concatenate(weights)
    by_place = np.argsort(found)
    return found[by_place], weights_[by_place]


def class_places(counts: NDArray[np.intp], rows: int) -> list[NDArray[np.intp]]:
    """Places of a sample of about `rows` among the examples of each class; counts (K,)."""
    share = np.maximum(counts / max(1, counts.sum()), 0.25 / len(counts))
    wanted = np.maximum(1, (rows * share / share.sum()).astype(np.intp))
    return [_spread(int(count), int(many)) for count, many in zip(counts, wanted)]


def by_mass(mass: Vector, rows: int) -> tuple[NDArray[np.intp], Vector]:
    """Indices of at most `rows` examples, in order, and the mass of each: its own if that is large,
    else an equal share of what the others have together. mass: (m,), not negative; sums over the
    sample weighted so are near those over all.

    What is chosen follows from the masses rounded to 24 bits: examples that are alike, of which
    there are many in a9a, must not be told apart by the last bits, which differ between forms of
    the same X."""
    if len(mass) <= rows:
        return np.arange(len(mass), dtype=np.intp), mass
    own, mass = mass, ((mass.view(np.int64) + (1 << 28)) & -(1 << 29)).view(np.float64)
    largest = np.sort(np.partition(mass, len(mass) - rows)[len(mass) - rows :])[::-1]
    others = float(mass.sum()) - np.append(
        0.0, np.cumsum(largest)[:-1]
    )  # what is left when so many are taken whole
    few_left = np.flatnonzero(largest * np.arange(rows, 0, -1) <= others)
    threshold = largest[few_left[0]] if len(few_left) else largest[-1]
    whole, rest = np.flatnonzero(mass > threshold), np.flatnonzero(mass <= threshold)
    filled = np.cumsum(mass[rest])
    count = rows - len(whole)
    at = np.searchsorted(filled, np.arange(count) * GOLDEN % 1.0 * filled[-1], side="right")
    times = np.bincount(np.minimum(at, len(rest) - 1))
    taken = np.flatnonzero(times)
    chosen = np.concatenate([whole, rest[taken]])
    masses = np.concatenate([own[whole], times[taken] * (float(own[rest].sum()) / count)])
    order = np.argsort(chosen)
    return chosen[order], masses[order]


def places(
    n_negative: int, n_positive: int, rows: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of the negative and which of the positive examples, each counted from 0, a sample of
    about `rows` takes."""
    share = n_positive / (n_positive + n_negative)
    of_positive = int(rows * min(max(share, 0.25), 0.75))
    return _spread(n_negative, rows - of_positive), _spread(n_positive, of_positive)


def _spread(size: int, count: int) -> NDArray[np.intp]:
    """About `count` of the numbers below size, at the multiples of the golden ratio modulo 1."""
    if size <= count:
        return np.arange(size, dtype=np.intp)
    fractions = np.arange(count) * GOLDEN % 1.0
    return np.unique((fractions * size).astype(np.intp))
