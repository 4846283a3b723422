"""Splits of the examples, as groups: those that are in the same parts of every split.

A column of `objective.columns` has a weight for each group. So any splits will do, overlapping ones
too, and examples that are drawn more than once.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    that part of a split. label (G,): of the examples of a group, 0 or 1. tests: the
    test parts as they were given.
    """

    group: NDArray[np.int32]
    train: Vector
    test: Vector
    label: NDArray[np.int32]
    tests: list[Indices]


def require_parts(number: int, train: Indices, test: Indices) -> None:
    """ValueError where a part of a split is empty, naming it."""
    for part, name in ((train, "training"), (test, "test")):
        if len(part) == 0:
            raise ValueError(
                f"cv must give splits without empty parts; the {name} set of split {number}, "
                "counted from 0, is empty. Use fewer splits, or leave this one out"
            )


def grouped(splits: Iterable[tuple[Indices, Indices]], labels: NDArray[np.int32]) -> Splits:
    """Return the groups of examples that no split and no label tells apart.

    Raises
    ------
    ValueError
        Where a part of a split is empty, naming it, or there are too many splits.
    """
    m, number = len(labels), -1
    group = labels.astype(np.int32)
    patterns: list[tuple[int, ...]] = [(0,), (1,)]
    tests: list[Indices] = []
    for number, (train, test) in enumerate(splits):
        require_parts(number, train, test)
        tests.append(test)
        group, patterns = _told_apart(group, patterns, train, test)
        if len(patterns) * (number + 1) > MOST_WEIGHTS:
            raise ValueError(
                f"cv must give fewer splits: so many of {m} examples are too many columns to "
                'advance together. cv="alo" approximates leaving one out in one more read'
            )
    if number < 0:
        raise ValueError("cv must give one split at least; got none")
    table = np.array(patterns)
    return Splits(
        group,
        np.ascontiguousarray(table[:, 1::2].T, np.float64),
        np.ascontiguousarray(table[:, 2::2].T, np.float64),
        table[:, 0].astype(np.int32),
        tests,
    )


def _told_apart(
    group: NDArray[np.int32], patterns: list[tuple[int, ...]], train: Indices, test: Indices
) -> tuple[NDArray[np.int32], list[tuple[int, ...]]]:
    """Return the groups and their patterns with one more split; few vectors of m at a time."""
    m = len(group)
    codes = group.astype(np.int64)
    sizes = []
    for part in (train, test):
        counts = np.bincount(part, minlength=m)
        sizes.append(int(counts.max()) + 1)
        codes *= sizes[-1]
        codes += counts
        del counts
    there = np.bincount(codes, minlength=len(patterns) * sizes[0] * sizes[1]) > 0
    places = np.cumsum(there) - 1
    found = []
    for code in np.flatnonzero(there).tolist():
        before, in_test = divmod(code, sizes[1])
        old, in_train = divmod(before, sizes[0])
        found.append((*patterns[old], in_train, in_test))
    return places.astype(np.int32)[codes], found


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
