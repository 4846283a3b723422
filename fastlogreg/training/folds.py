"""Splits of the examples, as groups: those that are in the same parts of every split.

A column of `objective.columns` has a weight for each group. So any splits will do, overlapping ones
too, and examples that are drawn more than once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector
from .follow import Pattern

Indices = NDArray[np.intp]
MOST_WEIGHTS = 50_000_000  # columns times groups


class Splits(NamedTuple):
    """Hold F splits of m examples.

    group (m,) int32 of 0 .. G - 1; train and test (F, G): how often an example of a group is in
    that part of a split. label (G,): of the examples of a group, 0 or 1.
    """

    group: NDArray[np.int32]
    train: Vector
    test: Vector
    label: NDArray[np.int32]


def grouped(splits: Sequence[tuple[Indices, Indices]], labels: NDArray[np.int32]) -> Splits:
    """Return the groups of examples that no split and no label tells apart.

    Raises
    ------
    ValueError
        Where a part of a split is empty, naming it, or there are too many splits.
    """
    m = len(labels)
    group = labels.astype(np.int32)
    patterns: list[tuple[int, ...]] = [(0,), (1,)]
    for number, (train, test) in enumerate(splits):
        for part, name in ((train, "training"), (test, "test")):
            if len(part) == 0:
                raise ValueError(
                    f"cv must give splits without empty parts; the {name} set of split {number}, "
                    "counted from 0, is empty. Use fewer splits, or leave this one out"
                )
        in_train, in_test = (np.bincount(part, minlength=m) for part in (train, test))
        most = int(in_test.max()) + 1
        codes = (group.astype(np.int64) * (int(in_train.max()) + 1) + in_train) * most + in_test
        found, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        patterns = [
            (*patterns[group[i]], int(in_train[i]), int(in_test[i])) for i in first.tolist()
        ]
        group = inverse.reshape(-1).astype(np.int32)
        if len(found) * len(splits) > MOST_WEIGHTS:
            raise ValueError(
                f"cv must give fewer splits: {len(splits)} of {m} examples are too many columns "
                'to advance together. cv="alo" approximates leaving one out in one more read'
            )
    table = np.array(patterns)
    return Splits(
        group,
        np.ascontiguousarray(table[:, 1::2].T, np.float64),
        np.ascontiguousarray(table[:, 2::2].T, np.float64),
        table[:, 0].astype(np.int32),
    )


def patterns_of(splits: Splits, totals: Vector, factors: Vector) -> list[Pattern]:
    """Return the full fit's pattern, and one for each split.

    totals (G,): the sums of the examples' own weights. factors (2,): the weights of the classes,
    which count in J and not in what is held out.

    Raises
    ------
    ValueError
        Where one class alone is left to train on, or what is held out weighs nothing.
    """
    factor = factors[splits.label]
    nothing = np.zeros(len(totals))
    found = [Pattern(factor, nothing, float(totals @ factor), 0.0)]
    for number, (train, test) in enumerate(zip(splits.train, splits.test)):
        mass = train * totals
        left = [float(mass[splits.label == label].sum()) for label in (0, 1)]
        if not all(left):
            raise ValueError(
                f"cv must leave both classes to train on; the training set of split {number}, "
                "counted from 0, has one alone. Use fewer splits, or stratified ones"
            )
        held = float(totals @ test)
        if not held > 0.0:
            raise ValueError(
                f"cv must hold out examples of positive weight; those of split {number}, counted "
                "from 0, weigh 0. Leave it out"
            )
        own = train * factor
        found.append(Pattern(own, test, float(totals @ own), held))
    return found
