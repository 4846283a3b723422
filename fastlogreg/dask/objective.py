"""J and its derivatives where the examples lie with workers: `Objective` with every m-vector left
there.

Solvers, training loop and diagnosis are those of one machine. A z is here a `Scores`: the point it
belongs to, and what was counted in the pass; the numbers stay with the blocks. Sums come back
through a tree over the blocks in their order.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.base import LineSums, Sums
from ..data.dense import DesignMatrix
from ..data.design import Design
from ..maths.arrays import NONE, Vector
from ..maths.penalties import L2
from ..maths.sampling import places
from ..objective.objective import Objective
from ..objective.point import Evaluation, Point
from ..objective.separation import MOVED, MarginChange
from . import blocks
from .blocks import HEAD, Place
from .collections import Held


class DistributedDesign(Design):
    """Show X as blocks that workers hold; what is asked for by row is brought to the client."""

    def __init__(self, held: Held, scale: Vector, shift: Vector) -> None:
        self.held, self.scale, self.shift = held, scale, shift
        self.n_x, self.m = held.n_x, int(held.bounds[-1])

    @property
    def nbytes(self) -> int:
        return self.held.nbytes

    def parts(self) -> Iterator[tuple[int, int, DesignMatrix]]:
        bounds, ones, zeros = self.held.bounds, np.ones(self.n_x), np.zeros(self.n_x)
        for k in range(self.held.n_blocks):
            [x] = self.held.some(blocks.whole, {k: ()})
            yield int(bounds[k]), int(bounds[k + 1]), DesignMatrix(x.T, ones, zeros)

    def rescaled(self, scale: Vector, shift: Vector) -> DistributedDesign:
        return self.with_moments(DistributedDesign(self.held, scale, shift))

    def rows(self, indices: NDArray[np.intp]) -> DesignMatrix:
        bounds = self.held.bounds
        cuts = np.searchsorted(indices, bounds)
        local = {
            k: (indices[cuts[k] : cuts[k + 1]] - bounds[k],)
            for k in range(self.held.n_blocks)
            if cuts[k] < cuts[k + 1]
        }
        return DesignMatrix(
            np.concatenate(self.held.some(blocks.rows, local)).T, self.scale, self.shift
        )

    def every(self, step: int) -> NDArray[Any]:
        return self.rows(np.arange(0, self.m, step)).X.T

    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        for first, _, part in self.parts():
            for lo, hi, x in part.rescaled(self.scale, self.shift).float_blocks(least):
                yield first + lo, first + hi, x

    def find_non_finite(self) -> tuple[int, int, float] | None:
        for k, found in enumerate(self.held.each(blocks.non_finite)):
            if found is not None:
                row, column, value = found
                return int(self.held.bounds[k]) + row, column, value
        return None

    def require_finite(self, names: Sequence[str] | None = None) -> None:
        self.held.require_finite(names)


class Scores:
    """Stand for z of every example at (w, b), kept by the blocks under a name.

    wrong: examples on the wrong side, None where they were not counted; unbounded: blocks whose z
    is beyond 1e150 or NaN.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.place = Place(NONE, 0.0, name)
        self.wrong: float | None = None
        self.unbounded = 0.0


class OnWorkers(Objective):
    """Hold what two classes and several have in common, of what workers compute.

    Passes that look at no label are those of two classes: w (n_x,) and b.
    """

    design: DistributedDesign

    def distribute(self, design: DistributedDesign, lambda_: float) -> None:
        """Take weights from the blocks of a design, and name what they keep."""
        self.held = design.held
        self.total = float(self.held.sums.sum())
        self.penalty = L2(lambda_, self.total)
        self._name, self._count = uuid.uuid4().hex, itertools.count()

    def new_name(self) -> str:
        """Return a name for the z of a point."""
        return f"{self._name}-{next(self._count)}"

    def _sums(self, w: Vector, b: float, zs: Any = NONE, linear_weight: Any = None) -> Sums:
        """Make a pass. zs: a `Scores` to be filled in, or nothing; linear_weight: a `Scores` for
        da/dz there, or "weights"."""
        self.begin_pass()
        named = isinstance(zs, Scores)
        place = Place(*self.design.fold(w, b), zs.name if named else "")
        if linear_weight is None:
            sums = self.held.sum(blocks.cost_sums, place, self.decay == 0.0)
        else:
            at = linear_weight.place if isinstance(linear_weight, Scores) else None
            sums = self.held.sum(blocks.linear_sums, place, at)
        return self._taken(sums, zs, place)

    def _taken(self, sums: Vector, zs: Any, place: Place) -> Sums:
        J, db, curvature, wrong, unbounded = sums[:HEAD].tolist()
        if isinstance(zs, Scores):
            zs.place, zs.unbounded = place, unbounded
            zs.wrong = wrong if self.decay == 0.0 else None
        return Sums(J, self.design.unfold(sums[HEAD : HEAD + self.n_x], db), db, curvature)

    @property
    def weight_of_each(self) -> Any:
        return "weights"

    def weights_at_hand(self) -> Vector:
        return np.concatenate([weight for _, weight in self.held.each(blocks.labels_and_weight)])

    def variance(self, mean: Vector) -> Vector:
        """Return the weighted variance of each column of X itself (n_x,) about its mean: one read
        of X."""
        self.begin_pass()
        total: Vector = self.held.sum(blocks.squares, mean)
        return total / self.total

    def seconds_of_pass(self) -> float | None:
        return None  # it depends on the cluster


class DistributedObjective(OnWorkers):
    """Compute J and its derivatives on a `DistributedDesign`, whose blocks have the labels and
    weights."""

    def __init__(
        self, design: DistributedDesign, lambda_: float = 0.0, intercept: bool = True
    ) -> None:
        super().__init__(design, np.empty(0, np.uint8), lambda_, "fused", 1, NONE, intercept)
        self.distribute(design, lambda_)

    def room(self) -> Scores:
        return Scores(self.new_name())

    def hessian(self, w: Vector, b: float, zs: Any = NONE) -> tuple[Evaluation, Vector]:
        zs = zs if isinstance(zs, Scores) else self.room()
        self.begin_pass()
        n_x, scale, shift = self.n_x, self.design.scale, self.design.shift
        place = Place(*self.design.fold(w, b), zs.name)
        sums = self.held.sum(blocks.hessian_sums, place, self.decay == 0.0, scale, shift)
        evaluation = self._evaluation(w, *self._taken(sums, zs, place))
        H = sums[HEAD + n_x :].reshape(n_x + 1, n_x + 1).copy()
        self.finish_hessian(H)
        return evaluation, H

    def slopes(self, z: Any) -> Any:
        return z  # `_sums` takes da/dz at it

    def scores(self, w: Vector, b: float) -> Any:
        zs = self.room()
        zs.place = Place(*self.design.fold(w, b), zs.name)  # computed where they are first used
        return zs

    def separates(self, z: Any, w: Vector = NONE, b: float = 0.0) -> bool:
        if self.decay > 0.0:
            return False
        if z.wrong is None:
            z.wrong = sum(self.held.each(blocks.on_wrong_side, z.place))
        return bool(z.wrong == 0.0)

    def line(
        self, start: Point, d: Vector, trial: Point
    ) -> Callable[[float], tuple[float, float, float]] | None:
        if start.z.unbounded or trial.z.unbounded:
            return None
        return lambda t: self.along_line(start.theta[:-1], d, start.z, trial.z, t)

    def _line_sums(self, z: Any, z_slope: Any, t: float) -> LineSums:
        """Sum along a line; z, z_slope: the `Scores` of both ends."""
        return LineSums(*self.held.sum(blocks.line_sums, z.place, z_slope.place, t).tolist())

    def largest_leverage(self, inverse: Vector, z: Any = NONE, enough: float = 0.0) -> float:
        self.begin_pass()
        scale, shift, intercept = self.design.scale, self.design.shift, self.intercept
        return max(self.held.each(blocks.largest_leverage, scale, shift, inverse, intercept))

    def shifted_sums(self, z: Any, t: float) -> LineSums:
        return LineSums(*self.held.sum(blocks.shifted_sums, z.place, t).tolist())

    def margin_changes(self, z: Any, v: Vector) -> MarginChange:
        place = self.scores(v[:-1], float(v[-1])).place
        ends = self.held.each(blocks.most_and_least, place)
        most, least = max(most for most, _ in ends), min(least for _, least in ends)
        moved, of, nearest = zip(*self.held.each(blocks.moved, place, z.place, MOVED * most))
        return MarginChange(most, least, sum(moved), sum(of), min(nearest))

    def on(self, design: Any) -> DistributedObjective:
        new = DistributedObjective(design, self.lambda_, self.intercept)
        new.passes, new.watch = self.passes, self.watch
        return new

    def sampled(self, rows: int) -> Objective:
        """Return it of the examples that one machine would take; they come to the client."""
        n_negative, n_positive = self.held.counts.sum(axis=0).tolist()
        x, y, weight = sample(self.held, places(n_negative, n_positive, rows))
        design = DesignMatrix(x.T, self.design.scale, self.design.shift)
        return self.like(design, y, weight, n_threads=1)

    def estimated_hessian(self, point: Point, rows: int) -> Vector:
        """Return it from a sample in which every example of a class counts the same: da/dz stays
        with the blocks."""
        return self.sampled(rows).hessian(point.theta[:-1], float(point.theta[-1]))[1]

    def hessian_of_part(self, point: Point, rows: int) -> tuple[Vector, None]:
        return self.estimated_hessian(point, rows), None

    def confusion(self, theta: Vector) -> NDArray[np.int64]:
        """Counts of examples, [is 0, is 1] x [predicted 0, predicted 1]."""
        place = self.scores(theta[:-1], float(theta[-1])).place
        counts: NDArray[np.int64] = self.held.sum(blocks.confusion, place)
        return counts.reshape(2, 2)


def sample(
    held: Held, taken: Sequence[NDArray[np.intp]]
) -> tuple[NDArray[Any], NDArray[Any], Vector]:
    """Return x, labels and weights of examples; taken: which of each class, in their order.

    The weights of a class add up to what all its examples have.
    """
    classes = len(taken)
    bounds = np.concatenate([[[0] * classes], np.cumsum(held.counts, axis=0)])
    chosen = {}
    for k in range(held.n_blocks):
        here = [t[(t >= lo) & (t < hi)] - lo for t, lo, hi in zip(taken, bounds[k], bounds[k + 1])]
        if sum(map(len, here)):
            chosen[k] = tuple(here)
    x, labels, weight = (np.concatenate(part) for part in zip(*held.some(blocks.examples, chosen)))
    of_class = held.sums.sum(axis=0)
    for c in range(classes):
        there = float(weight[labels == c].sum())
        weight[labels == c] *= of_class[c] / there if there > 0.0 else 0.0
    return x, labels, weight
