"""The cost of targets between 0 and 1: probabilities, or successes over trials.

    L(a, y) = L(a, h) - (y - h) z        h: y rounded to 0 or 1,  z = w.x + b

So J is that of the labels h less c.[w, b], where c = (1/S) sum s (y - h) [x, 1]. One read finds c.
A pass over X is then that of labels, with the same kernels. A term that is linear in [w, b] changes
no second derivative. The bounds of `objective.proof` ask for no more than convexity, the modulus of
the penalty, and that the third derivative of the loss is at most its second: they hold here too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Backend, LineSums
from ..data.design import Design
from ..machine.blas import inner
from ..maths.arrays import NONE, Vector
from ..maths.penalties import Penalty
from . import separation
from .objective import Objective
from .point import Evaluation, Point
from .separation import MarginChange


class SoftObjective(Objective):
    """Compute J of targets (m,) from 0 to 1, float64; one read of X when it is made."""

    hard_labels = False

    def __init__(
        self,
        design: Design,
        targets: Vector,
        lambda_: float = 0.0,
        backend: str | Backend = "fused",
        n_threads: int | None = None,
        weight: Vector = NONE,
        intercept: bool = True,
        penalty: Penalty | None = None,
    ) -> None:
        hard = targets.round().astype(np.uint8)
        super().__init__(design, hard, lambda_, backend, n_threads, weight, intercept, penalty)
        self._targets, more = targets, targets - hard
        self._more: Vector = weight * more if weight.size else more
        self._between = self._more != 0.0
        self._tilt = np.append(self.combine(self._more), self._more.sum()) / self.total

    @property
    def targets(self) -> NDArray[Any]:
        return self._targets

    @property
    def has_gram(self) -> bool:
        return False

    def evaluate(self, w: Vector, b: float, zs: Vector = NONE) -> Evaluation:
        return self._tilted(super().evaluate(w, b, zs), w, b)

    def hessian(self, w: Vector, b: float, zs: Vector = NONE) -> tuple[Evaluation, Vector]:
        evaluation, H = super().hessian(w, b, zs)
        return self._tilted(evaluation, w, b), H

    def _tilted(self, evaluation: Evaluation, w: Vector, b: float) -> Evaluation:
        J, gradient, curvature = evaluation
        with np.errstate(over="ignore", invalid="ignore"):
            gradient[:-1] -= self._tilt[:-1]
            gradient[-1] -= self._tilt[-1] * self.intercept
            J = J - inner(self._tilt[:-1], w) - float(self._tilt[-1]) * b
        return Evaluation(J, gradient, curvature)

    def line(
        self, start: Point, d: Vector, trial: Point
    ) -> Callable[[float], tuple[float, float, float]] | None:
        along = super().line(start, d, trial)
        if along is None:
            return None
        at, slope = inner(self._tilt, start.theta), inner(self._tilt, d)

        def tilted(t: float) -> tuple[float, float, float]:
            J, first, second = along(t)
            return J - at - t * slope, first - slope, second

        return tilted

    def shifted_sums(self, z: Any, t: float) -> LineSums:
        loss, first, second = super().shifted_sums(z, t)
        along_b = float(self._tilt[-1]) * self.total
        at = inner(self._more, np.asarray(z))
        return LineSums(loss - at - along_b * t, first - along_b, second)

    def separates(self, z: Vector, w: Vector = NONE, b: float = 0.0) -> bool:
        """Return False where a target lies between 0 and 1: its loss has a least value above 0."""
        return not self._between.any() and super().separates(z, w, b)

    def margin_changes(self, z: Any, v: Vector) -> MarginChange:
        """Measure it as for labels; an example whose target lies between loses by any change."""
        move = self.scores(v[:-1], float(v[-1]))
        away = np.abs(move) * (1.0 - 2.0 * self.y)
        move = np.where(self._between, away, move)
        return separation.margin_changes(z, move, self.y, self.weight)

    @property
    def _kind(self) -> type[Objective]:
        return SoftObjective


class Labelled(NamedTuple):
    """Hold examples with labels: the design, y (m,) uint8, weights and offset (m,) or none."""

    design: Design
    y: NDArray[np.uint8]
    weight: Vector
    offset: Vector


def objective_for(
    design: Design,
    y: NDArray[Any],
    lambda_: float,
    backend: str | Backend = "fused",
    n_threads: int | None = None,
    weight: Vector = NONE,
    intercept: bool = True,
) -> Objective:
    """Return J of labels, uint8, or of targets between them, float64."""
    kind = SoftObjective if y.dtype.kind == "f" else Objective
    return kind(design, y, lambda_, backend, n_threads, weight, intercept)


def labelled(objective: Objective, offset: Vector) -> Labelled:
    """Return the examples of an objective with labels: a target between them becomes two rows.

    One is of label 0 with weight s (1 - y), one of label 1 with weight s y: the same cost. They are
    copied into memory.

    Raises
    ------
    ValueError
        For rows between labels of an X in blocks, or sparse by features.
    """
    design = objective.design
    if objective.hard_labels:
        return Labelled(design, objective.y, objective.weight, offset)
    sparse = design.sparse
    if design.dense is None and (sparse is None or not sparse.by_example):
        raise ValueError(
            "Y must hold labels 0 or 1 where an offset, L1, bounds, groups or penalty weights are "
            "asked for and X is not in memory, or sparse by features: each target between them "
            f"becomes two rows there. Got targets between them for {design.form}. Pass X as an "
            "array or CSC, leave those out, or expand the table to rows with labels"
        )
    y = objective.targets
    s = objective.weight_of_each
    between = (y > 0.0) & (y < 1.0)
    rows = np.repeat(np.arange(objective.m), 1 + between)
    second = np.append(False, rows[1:] == rows[:-1])
    ones = np.where(between[rows], second, y[rows] > 0.5)
    share = np.where(between[rows], np.where(second, y[rows], 1.0 - y[rows]), 1.0)
    moved = offset[rows] if offset.size else offset
    return Labelled(design.rows(rows), ones.astype(np.uint8), share * s[rows], moved)
