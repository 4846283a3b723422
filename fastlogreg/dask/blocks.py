"""What a worker holds, and what it computes from it: rows of X with their labels and weights, and
sums over them.

Every function here takes one block first and returns something small: [J, db, sum of da/dz, ...,
dw] by the serial fused kernel on X itself (scale and shift are folded into w and b by the client,
and out of the sums). A block keeps the z of the last points that were asked for, so that a line
search reads no X; where they are gone, because the block was moved, spilled or made anew after a
worker was lost, they are computed again, to the same bits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.choice import backend_of
from ..backends.hessians import Products, flat
from ..checks.arguments import find_non_finite
from ..checks.labels import is_label
from ..data.dense import DesignMatrix
from ..machine.blas import inner
from ..machine.once import once
from ..maths.arrays import NONE, Vector
from ..objective import proof, separation
from .raw import Raw

# J, db, sum of da/dz, examples on the wrong side, blocks whose z is beyond all bounds; then dw
HEAD = 5
KEPT = 3  # z's that a block keeps: the two ends of a line search, and what came of it
BACKEND = backend_of("fused", 1)  # blocks run side by side already


class Place(NamedTuple):
    """Hold a point on X itself, w (n_x,) and b, and the name under which blocks keep its z; ""
    where none is kept."""

    w: Vector
    b: float
    name: str = ""


class Block:
    """Hold rows x (m, n_x) with their labels (m,), and weights (m,) or none.

    Labels are uint8 of 0 and 1, or int32 of 0 .. K - 1. y is uint8 always, for passes that look at
    no label; of several classes it is 0.
    """

    def __init__(self, x: NDArray[Any], labels: NDArray[Any], weight: Vector) -> None:
        self.x, self.labels, self.weight = x, labels, weight
        self.y = labels if labels.dtype == np.uint8 else np.zeros(len(labels), np.uint8)
        self._zs: OrderedDict[str, Vector] = OrderedDict()

    def __reduce__(self) -> Any:
        return Block, (self.x, self.labels, self.weight)

    def __sizeof__(self) -> int:
        return int(self.x.nbytes + self.labels.nbytes + self.weight.nbytes)

    @once
    def design(self) -> DesignMatrix:
        n_x = self.x.shape[1]
        return DesignMatrix(self.x.T, np.ones(n_x), np.zeros(n_x))

    def keep(self, name: str, z: Vector) -> None:
        self._zs[name] = z
        while len(self._zs) > KEPT:
            self._zs.popitem(last=False)

    def kept(self, name: str) -> Vector | None:
        """Return the z that is kept under a name, if it still is."""
        z = self._zs.get(name)
        if z is not None:
            self._zs.move_to_end(name)
        return z

    def z(self, place: Place) -> Vector:
        """Return z (m,) at a place: the one that is kept, or a read of X."""
        kept = self.kept(place.name)
        if kept is not None:
            return kept
        z = np.empty(len(self.y))
        none = np.zeros(len(z))
        BACKEND.sums(self.design, self.y, place.w, place.b, weight=none, linear=True, zs=z)
        if place.name:
            self.keep(place.name, z)
        return z


# ---------------------------------------------------------------- making blocks


def encoded(
    raw: Raw, code: Mapping[Any, int], classes: int, factors: tuple[float, ...] | None
) -> Block:
    """Turn labels into their codes, 0 where they have none; weights times factors of the class."""
    labels = np.zeros(len(raw.y), np.uint8 if classes == 2 else np.int32)
    for label, k in code.items():
        labels[is_label(raw.y, label)] = k
    weight = raw.weight
    if factors is not None:
        weight = (weight if weight.size else np.ones(len(labels))) * np.array(factors)[labels]
    return Block(raw.x, labels, weight)


def class_counts(block: Block, classes: int) -> NDArray[np.intp]:
    """Count the examples of each class, (K,)."""
    return np.bincount(block.labels, minlength=classes)


# ---------------------------------------------------------------- sums that a tree adds up


def cost_sums(block: Block, place: Place, watch: bool) -> Vector:
    """Return [J, db, sum of da/dz, wrong, unbounded, dw]; wrong is counted where `watch` asks for
    it."""
    z = np.empty(len(block.y)) if place.name else NONE
    J, dw, db, curvature = BACKEND.sums(
        block.design, block.y, place.w, place.b, weight=block.weight, zs=z
    )
    wrong = unbounded = 0.0
    if place.name:
        block.keep(place.name, z)
        with np.errstate(over="ignore", invalid="ignore"):
            unbounded = float(not inner(z, z) < np.inf)
        wrong = on_wrong_side(block, place) if watch else 0.0
    return np.concatenate([[J, db, curvature, wrong, unbounded], dw])


def on_wrong_side(block: Block, place: Place) -> float:
    """Examples of positive weight that z does not put on their own side."""
    return float(separation.outside(block.z(place), block.y, block.weight))


def linear_sums(block: Block, place: Place, at: Place | None) -> Vector:
    """Return such sums with dz = c z, where c is da/dz at another place, or the weights."""
    if at is not None:
        c = BACKEND.terms(block.z(at), block.y, block.weight).slopes
    else:
        c = block.weight if block.weight.size else np.ones(len(block.y))
    half, dw, db, _ = BACKEND.sums(block.design, block.y, place.w, place.b, weight=c, linear=True)
    return np.concatenate([[half, db, 0.0, 0.0, 0.0], dw])


def hessian_sums(block: Block, place: Place, watch: bool, scale: Vector, shift: Vector) -> Vector:
    """`cost_sums`, and after them X1 diag(s da/dz) X1.T (n_x + 1, n_x + 1), X1 being scale * X +
    shift and a row of ones."""
    head = cost_sums(block, place, watch)
    z = block.z(place)
    H = Products(block.design.n_x, 1)
    for lo, hi, x in block.design.rescaled(scale, shift).float_blocks():
        slopes = BACKEND.terms(z[lo:hi], block.y[lo:hi], block.weight[lo:hi]).slopes
        H.add(flat(x), slopes)
    return np.concatenate([head, H.whole().reshape(-1)])


def line_sums(block: Block, start: Place, trial: Place, t: float) -> Vector:
    """Return J and its first two derivatives by t at start + t (trial - start), from the z of
    both."""
    z = block.z(start)
    return np.array(BACKEND.along_line(z, block.z(trial) - z, block.y, block.weight, t))


def largest_leverage(
    block: Block, scale: Vector, shift: Vector, inverse: Vector, intercept: bool
) -> float:
    """Return the largest x H^-1 x; inverse: of H's Cholesky factor."""
    return proof.largest_leverage(block.design.rescaled(scale, shift), inverse, intercept)


def shifted_sums(block: Block, place: Place, t: float) -> Vector:
    """Return the sums of the loss, of dz and of da/dz where z is t larger."""
    z = block.z(place)
    return np.array(BACKEND.along_line(z, np.ones(len(z)), block.y, block.weight, t))


def squares(block: Block, mean: Vector) -> Vector:
    """Return the weighted sum of (x - mean)^2, (n_x,)."""
    weight = block.weight if block.weight.size else np.ones(len(block.y))
    total = np.zeros(len(mean))
    for lo, hi, x in block.design.rescaled(np.ones(len(mean)), -mean).float_blocks():
        total += np.einsum("i,ij,ij->j", weight[lo:hi], x, x)
    return total


def most_and_least(block: Block, v: Place) -> tuple[float, float]:
    """Return the largest and the smallest change of a margin when z goes by v."""
    outward = _outward(block, v)
    return float(outward.max(initial=-np.inf)), float(outward.min(initial=np.inf))


def moved(block: Block, v: Place, z: Place, beyond: float) -> tuple[int, int, float]:
    """Return how many margins change by more than that, of how many, and their least |z|."""
    return separation.moved_beyond(beyond, block.z(z), _outward(block, v), block.weight)


def _outward(block: Block, v: Place) -> Vector:
    return separation.margins(block.z(v), block.y, block.weight)


def confusion(block: Block, place: Place) -> NDArray[np.int64]:
    """Examples by class, twice: [is 0, is 1] x [predicted 0, predicted 1]; weights do not count
    here."""
    return np.bincount(2 * block.y + (block.z(place) > 0.0), minlength=4).astype(np.int64)


# ---------------------------------------------------------------- rows that go to the client


def whole(block: Block) -> NDArray[Any]:
    return block.x


def labels_and_weight(block: Block) -> tuple[NDArray[Any], Vector]:
    """Return the labels and the weights, (m,) both; no weights where there are none."""
    return block.labels, block.weight


def rows(block: Block, indices: Sequence[int]) -> NDArray[Any]:
    """Return a copy of these rows of x."""
    return block.x[indices]


def examples(
    block: Block, *of_class: NDArray[np.intp]
) -> tuple[NDArray[Any], NDArray[Any], Vector]:
    """x, labels and weights of the examples that are these among those of their class, in the
    order of the rows."""
    places = [np.flatnonzero(block.labels == k)[these] for k, these in enumerate(of_class)]
    chosen = np.sort(np.concatenate(places))
    return (
        block.x[chosen],
        block.labels[chosen],
        block.weight[chosen] if block.weight.size else np.ones(len(chosen)),
    )


def non_finite(block: Block) -> tuple[int, int, float] | None:
    """Row, column and value of the first NaN or infinity in x."""
    found = find_non_finite(block.x.T)
    return None if found is None else (*found, float(block.x[found]))
