"""Whether a point, or a direction, separates the classes; on arrays of examples.

An example's margin is z for y = 1 and -z for y = 0: positive where it is on its own side. Examples
of weight 0 are none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..maths.arrays import Labels, Vector

MOVED = 1e-3  # of the largest change: an example whose margin changes by less does not move


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
    margin = np.where(y == 1, z, -z)
    return margin[weight > 0.0] if weight.size else margin


def separates(z: Vector, y: Labels, weight: Vector, least: float = 0.0) -> bool:
    """Return whether every example is on its own side, by more than `least`."""
    return bool((margins(z, y, weight) > least).all())


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
    counted = z[weight > 0.0] if weight.size else z
    moved = change > least
    return int(moved.sum()), len(change), float(np.abs(counted[moved]).min(initial=np.inf))
