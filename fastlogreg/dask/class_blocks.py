"""What a worker computes from its block for several classes: sums by softmax.

As in `blocks`, every function takes one block first and returns something small. A place is
W (K, n_x) and b (K,) on X itself; z is (K, m), kept by the block under the place's name.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import NONE, Vector
from ..objective import separation
from ..objective.softmax import SoftmaxObjective
from .blocks import BACKEND, Block

CLASS_HEAD = 3  # the loss, examples on the wrong side, blocks whose z is beyond all bounds; db; dW


class ClassPlace(NamedTuple):
    """Hold a point on X itself, and the name under which blocks keep its z; "" where none is kept.

    W (K, n_x), b (K,). shift (K,), if there is one, is added to the z that is kept.
    """

    W: Vector
    b: Vector
    name: str = ""
    shift: Vector = NONE


def scores(block: Block, place: ClassPlace) -> Vector:
    """Return z (K, m) at a place: the one that is kept, or a read of X."""
    z = block.kept(place.name)
    if z is None:
        z = np.empty((len(place.b), len(block.labels)))
        BACKEND.class_sums(block.design, block.labels, place.W, place.b, zs=z)
        if place.name:
            block.keep(place.name, z)
    return z + place.shift[:, None] if place.shift.size else z


def cost_sums(block: Block, place: ClassPlace, watch: bool) -> Vector:
    """Return [J, wrong, unbounded, db, dW]; wrong is counted where `watch` asks for it."""
    z = np.empty((len(place.b), len(block.labels))) if place.name else NONE
    loss, dW, db = BACKEND.class_sums(
        block.design, block.labels, place.W, place.b, weight=block.weight, zs=z
    )
    wrong = unbounded = 0.0
    if place.name:
        block.keep(place.name, z)
        unbounded = float(not np.abs(z).max(initial=0.0) < 1e150)
        wrong = on_wrong_side(block, place) if watch else 0.0
    return np.concatenate([[loss, wrong, unbounded], db, dW.reshape(-1)])


def on_wrong_side(block: Block, place: ClassPlace) -> float:
    """Examples of positive weight whose own z is not the largest."""
    margin = separation.class_margins(scores(block, place), block.labels, block.weight)
    return float(np.count_nonzero(~(margin > 0.0)))


def product_sums(block: Block, at: ClassPlace, direction: ClassPlace) -> Vector:
    """Return [0, 0, 0, db, dW] of the Hessians at a place times a direction."""
    V, v_b = direction.W, direction.b
    _, dW, db = BACKEND.class_products(block.design, scores(block, at), V, v_b, weight=block.weight)
    return np.concatenate([np.zeros(CLASS_HEAD), db, dW.reshape(-1)])


def hessian_sums(block: Block, at: ClassPlace, scale: Vector, shift: Vector) -> Vector:
    """Return the sum of the Hessians at a place, of scale * X + shift and a row of ones."""
    design = block.design.rescaled(scale, shift)
    return BACKEND.class_hessian(design, scores(block, at), weight=block.weight)


def line_sums(block: Block, start: ClassPlace, trial: ClassPlace, t: float) -> Vector:
    """Return J and its first two derivatives by t at start + t (trial - start), from both z."""
    z = scores(block, start)
    slope = scores(block, trial) - z
    return np.array(BACKEND.class_along_line(z, slope, block.labels, block.weight, t))


def moment_sums(block: Block, place: ClassPlace, shift: Vector) -> Vector:
    """Return [J, db, the curvature by b] where every z_k is shift_k larger."""
    loss, db, curvature = BACKEND.class_moments(
        scores(block, place), block.labels, block.weight, shift
    )
    return np.concatenate([[loss], db, curvature.reshape(-1)])


def feature_products(block: Block, scale: Vector, shift: Vector) -> Vector:
    """Return the weighted sum of x1 x1.T, of scale * X + shift and a row of ones."""
    weight = block.weight if block.weight.size else np.ones(len(block.labels))
    return BACKEND.products(block.design.rescaled(scale, shift), weight)


def largest_leverage(
    block: Block, scale: Vector, shift: Vector, inverse: Vector, how: tuple[int, bool]
) -> float:
    """Return the largest leverage of the examples; how: classes, and whether there is a b."""
    classes, intercept = how
    design = block.design.rescaled(scale, shift)
    local = SoftmaxObjective(design, block.labels, classes, n_threads=1, intercept=intercept)
    return local.largest_leverage(inverse)


def _away(block: Block, v: ClassPlace) -> tuple[Vector, Vector]:
    """Return how far each counted example moves along v from the classes that are not its own: from
    the one it moves away from most, and least; (m,) both."""
    move, counted = scores(block, v), block.weight > 0.0 if block.weight.size else slice(None)
    every = np.arange(len(block.labels))
    own = move[block.labels, every]
    others = move.copy()
    others[block.labels, every] = np.inf
    most = own - others.min(axis=0)
    others[block.labels, every] = -np.inf
    return most[counted], (own - others.max(axis=0))[counted]


def changes(block: Block, v: ClassPlace) -> tuple[float, float]:
    """Return the largest and the smallest change of a margin when z goes by v."""
    most, least = _away(block, v)
    return float(most.max(initial=-np.inf)), float(least.min(initial=np.inf))


def moved(block: Block, z: ClassPlace, v: ClassPlace, beyond: float) -> tuple[int, int, float]:
    """Return how many margins change by more than that, of how many, and their least size."""
    most, _ = _away(block, v)
    margin = separation.class_margins(scores(block, z), block.labels, block.weight)
    far = most > beyond
    return int(far.sum()), len(most), float(np.abs(margin[far]).min(initial=np.inf))


def confusion(block: Block, place: ClassPlace) -> NDArray[np.int64]:
    """Count examples by class and prediction, (K * K,); weights do not count here."""
    K = len(place.b)
    said = scores(block, place).argmax(axis=0)
    return np.bincount(K * block.labels + said, minlength=K * K).astype(np.int64)
