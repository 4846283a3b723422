"""Whether a point, or a direction, separates the classes; on arrays of examples.

An example's margin is z for y = 1 and -z for y = 0: positive where it is on its own side. Of
several classes it is the z of its own less the largest other one. Examples of weight 0 are none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..maths.arrays import Labels, Vector
from ..maths.softmax import ClassLabels

MOVED = 1e-3  # of the largest change: an example whose margin changes by less does not move
FIRST = 4096  # examples that are looked at before all others


class MarginChange(NamedTuple):
    """Hold how the margins change when theta moves along a direction.

    largest, smallest: of the changes. moved: examples that change by more than a thousandth of the
    largest one. counted: examples of positive weight. nearest: the least |z| of those that moved.
    """

    largest: float
    smallest: float
    moved: int
    counted: int
    nearest: float


def margins(z: Vector, y: Labels, weight: Vector) -> Vector:
    """Return the margin of each example of positive weight; weight (m,) or none."""
    z = np.asarray(z)
    margin = np.where(y == 1, z, -z)
    return margin[weight > 0.0] if weight.size else margin


def separates(z: Vector, y: Labels, weight: Vector, least: float = 0.0) -> bool:
    """Return whether every example is on its own side, by more than `least`.

    The first examples nearly always say no, and then no more are looked at.
    """
    z = np.asarray(z)
    return all(
        (margins(z[part], y[part], weight[part]) > least).all()
        for part in (slice(0, FIRST), slice(FIRST, None))
    )


def class_separates(z: Vector, labels: ClassLabels, weight: Vector, least: float = 0.0) -> bool:
    """Return the same for several classes; z (K, m)."""
    z = np.asarray(z)
    return all(
        (class_margins(z[:, part], labels[part], weight[part]) > least).all()
        for part in (slice(0, FIRST), slice(FIRST, None))
    )


def outside(z: Vector, y: Labels, weight: Vector) -> int:
    """Count the examples that are not on their own side."""
    return int(np.sum(~(margins(z, y, weight) > 0.0)))


def margin_changes(z: Vector, move: Vector, y: Labels, weight: Vector) -> MarginChange:
    """Measure how far each example moves to its own side; z and its change `move`, (m,) both."""
    change = margins(move, y, weight)
    largest = float(change.max())
    moved, counted, nearest = moved_beyond(MOVED * largest, z, change, weight)
    return MarginChange(largest, float(change.min()), moved, counted, nearest)


def moved_beyond(least: float, z: Vector, change: Vector, weight: Vector) -> tuple[int, int, float]:
    """Return how many margins change by more than `least`, of how many, and their least |z|."""
    z = np.asarray(z)
    counted = z[weight > 0.0] if weight.size else z
    moved = change > least
    return int(moved.sum()), len(change), float(np.abs(counted[moved]).min(initial=np.inf))


def class_margins(z: Vector, labels: ClassLabels, weight: Vector) -> Vector:
    """Return the margin of each example of positive weight; z (K, m)."""
    z, largest = np.asarray(z), np.full(labels.size, -np.inf)
    for k, z_k in enumerate(z):
        np.maximum(largest, z_k, out=largest, where=labels != k)
    margin = _own(z, labels) - largest
    return np.asarray(margin[weight > 0.0] if weight.size else margin)


def _own(z: Vector, labels: ClassLabels) -> Vector:
    return np.asarray(z[labels, np.arange(labels.size)])


def class_margin_changes(
    z: Vector, move: Vector, labels: ClassLabels, weight: Vector
) -> MarginChange:
    """Measure how far each example moves away from every other class, and towards its own."""
    z, move = np.asarray(z), np.asarray(move)
    own, most, least = _own(move, labels), np.full(labels.size, -np.inf), np.inf
    counted = weight > 0.0 if weight.size else np.ones(labels.size, np.bool_)
    for k, move_k in enumerate(move):
        change, others = own - move_k, labels != k
        np.maximum(most, change, out=most, where=others)
        least = min(least, float(change[others & counted].min(initial=np.inf)))
    most, margin = most[counted], class_margins(z, labels, weight)
    largest = float(most.max())
    moved = most > MOVED * largest
    nearest = float(np.abs(margin[moved]).min(initial=np.inf))
    return MarginChange(largest, least, int(moved.sum()), moved.size, nearest)
