"""Which parameters the data tell, and which they do not.

Three things leave a parameter without an estimate where there is no penalty:

    dependent columns    H0 v = 0, H0 being the largest that the information can be: no z changes
    separation           every example is on its own side: the likelihood rises along theta
    quasi-separation     along v some examples move to their own side, and no other example moves

`training.diagnosis` has the same for a run, in words. Here the columns are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector
from .factor import FLAT, INVOLVED

VANISHED = 1e-4  # of v' H0 v: the curvature that is left where examples have gone to their sides
STAYS = 1e-3  # of the largest change of a margin: an example that does not move
PART = 0.02  # of the largest component of a direction of growth: a column that has part in it
LISTED = 8  # columns in a note

DEPENDENT = (
    "not identified: {columns} are linearly dependent (constant, duplicated, or sums of each "
    "other). Drop columns until none depends on others"
)
SEPARABLE = (
    "the classes are completely separable: the likelihood has no maximum, and nothing is "
    "identified. Take a penalty, or Firth's bias reduction"
)
QUASI = (
    "quasi-separable: the likelihood rises for ever along these columns, which have no estimate: "
    "{columns}. A category in which all labels are equal does this. Take a penalty, or Firth's "
    "bias reduction"
)


class Identified(NamedTuple):
    """Hold the places of theta that are not identified (p,), how many directions, and a note.

    directions: those in which no z changes. They do not count as degrees of freedom.
    """

    lost: NDArray[np.bool_]
    directions: int = 0
    note: str = ""


class Vanished(NamedTuple):
    """Hold directions in which no z changes (p, k), and what of theta lies where the curvature has
    vanished (p,)."""

    null: Vector
    growth: Vector


def vanished(largest: Vector, information: Vector, theta: Vector) -> Vanished:
    """Compare the information (p, p) at theta with the largest that it can be."""
    size = np.sqrt(np.diag(largest))
    size[~(size > 0.0)] = 1.0
    scaled = largest / np.outer(size, size)
    values, vectors = np.linalg.eigh(scaled)
    null = values <= FLAT * len(values)
    root = vectors[:, ~null] / np.sqrt(values[~null])
    shrunk, directions = np.linalg.eigh(root.T @ (information / np.outer(size, size)) @ root)
    flat = root @ directions[:, shrunk < VANISHED]
    growth = flat @ (flat.T @ (scaled @ (theta * size))) / size
    return Vanished(vectors[:, null] / size[:, None], growth)


def separated(margins: Vector) -> bool:
    """Return whether every example is on its own side, from their margins."""
    return bool((margins > 0.0).all())


def only_to_their_sides(change: Vector) -> bool:
    """Return whether margins (m,) grow along a direction, or stay."""
    largest = float(change.max(initial=0.0))
    return largest > 0.0 and float(change.min()) >= -STAYS * largest


def involved(directions: Vector, outward: Vector, part: float) -> NDArray[np.bool_]:
    """Return the places of theta as given that have part in directions (p, k) of the rescaled one.

    A component counts where it is more than `part` of its terms, and of the largest component.
    outward (p, p) leads from one to the other.
    """
    size = np.abs(directions)
    relative = np.abs(outward @ directions) / np.maximum(np.abs(outward) @ size, 1e-300)
    there = size > part * size.max(axis=0)
    # The last of each block of theta, b, takes up what moves with the means of the features.
    takes_up = (np.abs(outward) > 0.0).sum(axis=1) > 1
    there[takes_up] = True
    return np.asarray((there & (relative > part)).any(axis=1))


def find(
    found: Vanished,
    outward: Vector,
    names: Sequence[str],
    margin_changes: Callable[[Vector], Vector],
) -> Identified:
    """Name the parameters that are not identified; margin_changes (v) reads X."""
    lost, notes = np.zeros(len(outward), np.bool_), []
    if found.null.shape[1]:
        dependent = involved(found.null, outward, INVOLVED)
        lost |= dependent
        notes.append(DEPENDENT.format(columns=listed(names, dependent)))
    if found.growth.any() and only_to_their_sides(margin_changes(found.growth)):
        growing = involved(found.growth[:, None], outward, PART)
        lost |= growing
        notes.append(QUASI.format(columns=listed(names, growing)))
    return Identified(lost, found.null.shape[1], ". ".join(notes))


def listed(names: Sequence[str], chosen: NDArray[np.bool_]) -> str:
    """List the chosen names, the first eight of them."""
    places = np.flatnonzero(chosen)
    text = ", ".join(str(names[j]) for j in places[:LISTED])
    return text + (f" and {places.size - LISTED} more" if places.size > LISTED else "")
