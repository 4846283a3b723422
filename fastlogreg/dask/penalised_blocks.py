"""What a worker computes from its block for penalties with corners: see `blocks`, `class_blocks`.

Of what one machine takes from a vector of all examples, a block takes its part: the Hessian of a
working set, the entropies of a dual point, how far z moves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..maths import duality, softmax
from ..maths.arrays import NONE, Vector
from ..maths.duality import Shares
from .blocks import BACKEND, Block, Place
from .class_blocks import ClassPlace, scores

Features = NDArray[np.intp]


def sums_of_ones(block: Block, place: Place) -> Vector:
    """Return the sums of dz and of dz x over the examples with y = 1, [db, dw]."""
    y = block.y.astype(np.float64)
    ones = block.weight * y if block.weight.size else y
    _, dw, db, _ = BACKEND.sums(block.design, block.y, place.w, place.b, weight=ones)
    return np.append(db, dw)


def working_sums(
    block: Block, place: Place, features: Features, scale: Vector, shift: Vector
) -> Vector:
    """Return the sum of da/dz x1 x1.T of some features of scale * X + shift, and a 1 behind."""
    slopes = BACKEND.terms(block.z(place), block.y, block.weight).slopes
    return BACKEND.working_products(block.design.rescaled(scale, shift), features, slopes)


def entropy_sum(block: Block, place: Place, kappa: Shares) -> Vector:
    """Return the entropies of a dual point in shares of the errors, their sum (1,)."""
    return np.array([BACKEND.entropy(block.z(place), block.y, block.weight, NONE, kappa)])


def entropy_along_sum(block: Block, place: Place, moves: Place, t: float) -> Vector:
    """Return the entropies of the dual point that moves lead to, their sum (1,)."""
    z, along = block.z(place), block.z(moves)
    return np.array([duality.entropy_along(z, block.y, block.weight, NONE, along, t)])


def largest_move(block: Block, moves: Place) -> float:
    """Return how far z moves, at most."""
    return float(np.abs(block.z(moves)).max())


# ---------------------------------------------------------------- several classes


def pair_sums(
    block: Block,
    place: ClassPlace,
    features: Features,
    pairs: Sequence[tuple[int, int]],
    of_x: tuple[Vector, Vector],
) -> Vector:
    """Return the sums of |da_k/dz_j| x1 x1.T of some features, of pairs k, j: (P, n + 1, n + 1).

    of_x: scale and shift.
    """
    a, weight = softmax.softmax(scores(block, place)), weights(block)
    slopes = np.array([weight * a[k] * (1.0 - a[k] if k == j else a[j]) for k, j in pairs])
    return BACKEND.working_products(block.design.rescaled(*of_x), features, slopes)


def weighted_sums(block: Block, features: Features, of_x: tuple[Vector, Vector]) -> Vector:
    """Return the weighted sum of x1 x1.T of some features; of_x: scale and shift."""
    return BACKEND.working_products(block.design.rescaled(*of_x), features, weights(block))


def class_entropy_sum(
    block: Block, place: ClassPlace, moves: Vector | ClassPlace, t: float
) -> Vector:
    """Return the entropies of a dual point, their sum (1,); moves: (K,), or where z moves along."""
    along = scores(block, moves) if isinstance(moves, ClassPlace) else moves
    z = scores(block, place)
    return np.array([duality.entropy_of_classes(z, block.labels, block.weight, along, t)])


def largest_spread(block: Block, moves: ClassPlace) -> float:
    """Return how much further one class of an example moves than another, at most."""
    z = scores(block, moves)
    return float((z.max(axis=0) - z.min(axis=0)).max())


def weights(block: Block) -> Vector:
    """Return the weights of the examples (m,), ones where there are none."""
    return block.weight if block.weight.size else np.ones(len(block.labels))
