"""Penalties with corners where the examples lie with workers: L1, bounds, groups, free features.

To `objective.penalised`, `elastic_net` and `penalised_softmax` it is what `dask.objective` is to
`objective.objective`: every m-vector stays with the blocks. A z is here the place that it belongs
to, and the blocks keep it under the place's name. An offset is not to be had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..checks.penalties import Penalties
from ..maths.arrays import NONE, Vector
from ..maths.duality import Shares
from ..maths.elastic_net import ElasticNet
from ..maths.penalty_choice import penalty_from
from ..objective.columns import Column
from ..objective.elastic_net import ElasticNetObjective
from ..objective.objective import Objective
from ..objective.penalised import Features, PenalisedColumns
from ..objective.penalised_softmax import MOST_PAIRS_BYTES, ClassSides, PenalisedSoftmaxObjective
from ..objective.point import Evaluation, Point
from . import blocks, class_blocks, penalised_blocks
from .blocks import HEAD, Place
from .class_blocks import ClassPlace
from .class_objective import ClassScores, DistributedSoftmax
from .objective import DistributedDesign, DistributedObjective


class PenalisedOnWorkers(PenalisedColumns):
    """Compute the cost of one model; spreads: the standard deviations of X itself (n_x,)."""

    design: DistributedDesign

    def __init__(
        self,
        design: DistributedDesign,
        intercept: bool,
        new_name: Callable[[], str],
        spreads: Callable[[], Vector],
    ) -> None:
        none = np.empty(0, np.int32)
        super().__init__(design, none, n_threads=1, intercept=intercept)
        self.held, self.new_name, self.spreads = design.held, new_name, spreads

    def _place(self, column: Column, theta: Vector) -> Place:
        return Place(*self.design.fold(*column.fold(theta)), self.new_name())

    def evaluate(self, columns: Sequence[Column], thetas: Sequence[Vector]) -> list[Point]:
        [column], [theta] = columns, thetas
        self.begin_pass()
        place = self._place(column, theta)
        sums = self.held.sum(blocks.cost_sums, place, False)
        J, db, curvature = sums[:3].tolist()
        slopes = self.slopes(column, self.design.unfold(sums[HEAD:], db), db)
        return [self._point(column, theta, place, (slopes, NONE, J, curvature, np.nan))]

    def sums_of_ones(self, column: Column, point: Point) -> tuple[Vector, float]:
        sums = self.held.sum(penalised_blocks.sums_of_ones, point.z.z)
        db = float(sums[0])
        return self.design.unfold(sums[1:], db), db

    def working_hessians(self, column: Column, point: Point, features: Features) -> Vector:
        self.begin_pass()
        of_x = self.design.scale, self.design.shift
        found = self.held.sum(penalised_blocks.working_sums, point.z.z, features, *of_x)
        return np.asarray(found)[None]

    def along(
        self, column: Column, start: Point, trial: Point, t: float, share: float = 1.0
    ) -> float:
        if t in (0.0, 1.0):
            return super().along(column, start, trial, t, share)
        loss = self.held.sum(blocks.line_sums, start.z.z, trial.z.z, t)[0]
        w = start.theta[:-1] + t * (trial.theta[:-1] - start.theta[:-1])
        return float(loss) / column.total + share * column.penalty.value(w)

    def entropy(self, column: Column, point: Point, kappa: Shares) -> float:
        return float(self.held.sum(penalised_blocks.entropy_sum, point.z.z, kappa)[0])

    def moved(self, column: Column, point: Point, u: Vector) -> tuple[Any, Vector, float] | None:
        self.begin_pass()
        moves = self._place(column, u)
        if not max(self.held.each(penalised_blocks.largest_move, moves)) <= 1.0:
            return None
        self.begin_pass()
        sums = self.held.sum(blocks.linear_sums, moves, point.z.z)
        db = float(sums[1])
        return moves, self.design.unfold(sums[HEAD:], db), db

    def entropy_along(self, column: Column, point: Point, moves: Any, scale: float) -> float:
        where = point.z.z, moves, scale
        return float(self.held.sum(penalised_blocks.entropy_along_sum, *where)[0])

    def spread(self, column: Column) -> Vector:
        return self.spreads()


class DistributedElasticNet(ElasticNetObjective, DistributedObjective):
    """Compute J of two classes on a `DistributedDesign`, with a penalty that may have corners."""

    def __init__(
        self, design: DistributedDesign, penalty: ElasticNet, intercept: bool = True
    ) -> None:
        self.shared = PenalisedOnWorkers(design, intercept, self.new_name, self._spreads)
        DistributedObjective.__init__(self, design, 0.0, intercept)
        self.penalty = self.elastic_net = penalty
        self.offset = NONE
        one, nothing = np.ones(1), np.zeros(1)
        self.column = Column(1, one, nothing, self.total, 0.0, penalty)

    def _spreads(self) -> Vector:
        return spreads(self, np.abs(self.design.scale))

    def on(self, design: Any) -> DistributedElasticNet:
        new = DistributedElasticNet(design, self.elastic_net, self.intercept)
        new.passes, new.watch = self.passes, self.watch
        return new


class DistributedPenalisedSoftmax(PenalisedSoftmaxObjective, DistributedSoftmax):
    """Compute J of several classes there, with a penalty that may have corners."""

    def __init__(
        self,
        design: DistributedDesign,
        classes: int,
        penalty: ElasticNet,
        intercept: bool = True,
    ) -> None:
        DistributedSoftmax.__init__(self, design, classes, 0.0, intercept)
        self.penalty = self.elastic_net = penalty
        self._proved = None

    def point(self, theta: Vector, scores: bool = True) -> Point:
        self.begin_pass()
        place = self._place(theta, self.new_name())
        sums = self.held.sum(class_blocks.cost_sums, place, False)
        with np.errstate(over="ignore", invalid="ignore"):
            dW, db = self._unfolded(sums)
            slopes = (dW / self.total).reshape(-1), db / self.total * self.intercept
            sides = ClassSides(ClassScores(place), float(sums[0]) / self.total, *slopes)
        return self.under(Point(theta, Evaluation(np.nan, NONE, np.nan), sides))

    def pairs_at_once(self) -> int:
        longest = int(np.diff(self.held.bounds).max())
        return max(1, MOST_PAIRS_BYTES // (8 * longest))

    def pair_products(self, z: Any, own: Features, pairs: Sequence[tuple[int, int]]) -> Vector:
        found = self.held.sum(penalised_blocks.pair_sums, z.place, own, pairs, self._of_x)
        return np.asarray(found) / self.total

    def weighted_products(self, own: Features) -> Vector:
        return np.asarray(self.held.sum(penalised_blocks.weighted_sums, own, self._of_x))

    @property
    def _of_x(self) -> tuple[Vector, Vector]:
        return self.design.scale, self.design.shift

    def loss_between(self, z0: Any, z1: Any, t: float) -> float:
        return float(self.held.sum(class_blocks.line_sums, z0.place, z1.place, t)[0])

    def entropy(self, z: Any, moves: Any, t: float) -> float:
        along: Vector | ClassPlace = moves.place if isinstance(moves, ClassScores) else moves
        return float(self.held.sum(penalised_blocks.class_entropy_sum, z.place, along, t)[0])

    def largest_spread(self, moves: Any) -> float:
        self.begin_pass()  # `scores_at` has made none
        return max(self.held.each(penalised_blocks.largest_spread, moves.place))

    def spread(self) -> Vector:
        return spreads(self, np.abs(self.design.scale))

    def on(self, design: Any) -> DistributedPenalisedSoftmax:
        new = DistributedPenalisedSoftmax(design, self.classes, self.elastic_net, self.intercept)
        new.passes, new.watch = self.passes, self.watch
        return new


def spreads(objective: DistributedObjective | DistributedSoftmax, scale: Vector) -> Vector:
    """Return what no standard deviation of a feature exceeds, scale being that of X: two reads."""
    design, intercept = objective.design, objective.intercept
    mean = objective.mean()
    there = np.divide(mean - design.shift, design.scale, where=design.scale != 0.0, out=mean.copy())
    found = scale * np.sqrt(objective.variance(there))
    return np.asarray(found) if intercept else np.sqrt(found * found + mean * mean)


def with_penalty(
    objective: DistributedObjective | DistributedSoftmax,
    checked: Penalties,
    lambda_: float,
    scale: Vector = NONE,
) -> Objective:
    """Return an objective with such a penalty on the same design; scale: as `penalised` has it."""
    design, K = objective.design, objective.columns
    penalty = penalty_from(checked, lambda_, objective.total, K, scale)
    new: Objective
    if K == 1:
        new = DistributedElasticNet(design, penalty, objective.intercept)
    else:
        new = DistributedPenalisedSoftmax(design, K, penalty, objective.intercept)
    new.passes = objective.passes
    return new
