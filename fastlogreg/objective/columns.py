"""The costs of several binary models on one design, from shared reads of X.

    J_k = (1/S_k) sum s t_k L(a_k, y_k) + P_k(w_k)      S_k = sum s t_k

Column k has its own labels (y_k is 1 where labels == positive), its own examples, its own lambda
and its own b. t_k is the weight of an example by its group: so a fold is a few numbers, and neither
a slice of X nor weights of its own. The loss of what is held out comes with the same read.

A column may see X rescaled: scale * X + shift, with features standardised over its own examples.
That is folded into its w and b, and its gradient is folded back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends import group_hessians
from ..backends.base import NO_GROUP, Backend, Columns
from ..backends.choice import backend_of
from ..backends.small_columns import SmallColumns, are_small
from ..data.design import Design
from ..machine.blas import inner, norm
from ..machine.threads import available_threads
from ..maths import certificate
from ..maths.arrays import NONE, Vector, flat
from ..maths.penalties import Penalty
from ..maths.softmax import ClassLabels
from .objective import Objective
from .point import Evaluation, Point


class Column(NamedTuple):
    """Hold what makes a binary model of a design, but for w and b.

    train, held (G,): the weight of an example of each group in J, and in the held-out loss. total,
    held_total: the sums of these weights over the examples. scale, shift (n_x,) or none: of X as
    this column sees it.
    """

    positive: int
    train: Vector
    held: Vector
    total: float
    held_total: float
    penalty: Penalty
    scale: Vector = NONE
    shift: Vector = NONE

    @property
    def decay(self) -> float:
        """Return the modulus of the penalty: lambda / S_k, of L2."""
        return self.penalty.modulus

    def fold(self, theta: Vector) -> tuple[Vector, float]:
        """Return (w, b) that give on the design the z of theta on X as this column sees it."""
        w, b = theta[:-1], float(theta[-1])
        if not self.scale.size:
            return w, b
        return self.scale * w, b + inner(self.shift, w)

    def unfold(self, dw: Vector, db: float) -> Vector:
        """Return X dz.T on the design, as what it is on X as this column sees it."""
        return self.scale * dw + self.shift * db if self.scale.size else dw


class SharedColumns:
    """Compute the costs of columns on a design, a read of X for all that are asked together.

    labels (m,) int32; group (m,) int32 of 0 .. G - 1 or none; weight (m,) or none: of the examples
    themselves. passes: reads of X so far. watch: as in `Objective`.
    """

    watch: Callable[[], object] | None = None

    def __init__(
        self,
        design: Design,
        labels: ClassLabels,
        group: NDArray[np.int32] = NO_GROUP,
        weight: Vector = NONE,
        backend: str | Backend = "fused",
        n_threads: int | None = None,
        intercept: bool = True,
    ) -> None:
        self.design, self.labels, self.group, self.weight = design, labels, group, weight
        self.n_x, self.m, self.intercept = int(design.n_x), int(design.m), intercept
        self.n_threads = available_threads() if n_threads is None else n_threads
        self.backend = backend_of(backend, self.n_threads)
        self.passes = 0
        self._radius: float | None = None
        self._small: SmallColumns | None = None  # once it has been asked for Hessians

    @property
    def groups(self) -> int:
        """Return G, how many groups the examples are of."""
        return int(self.group.max()) + 1 if self.group.size else 1

    def group_totals(self) -> Vector:
        """Return the sum of the weights of the examples in each group (G,)."""
        if not self.group.size:
            total = float(self.weight.sum()) if self.weight.size else float(self.m)
            return np.array([total])
        weight = self.weight if self.weight.size else None
        return np.bincount(self.group, weights=weight).astype(np.float64)

    def smallest_weight(self, column: Column) -> float:
        """Return the smallest weight above 0 of an example in J."""
        least = 1.0
        if self.weight.size:
            counted = self.weight > 0.0
            if self.group.size:
                counted &= column.train[self.group] > 0.0
            least = float(self.weight[counted].min())
        return least * float(column.train[column.train > 0.0].min())

    def begin_pass(self) -> None:
        """Count a read of X; to be called before each."""
        if self.watch is not None:
            self.watch()
        self.passes += 1

    def on(self, design: Design) -> SharedColumns:
        """Return the same for another form of X; the reads made so far count on."""
        new = SharedColumns(
            design,
            self.labels,
            self.group,
            self.weight,
            self.backend,
            self.n_threads,
            self.intercept,
        )
        new.passes, new.watch = self.passes, self.watch
        return new

    def alone(self, column: Column) -> Objective:
        """Return the objective of one column by itself, on the design, with weights of its own.

        Its scale and shift are left out: they are the caller's.
        """
        weight = self.weight
        if not (column.train == 1.0).all():
            train = column.train[self.group] if self.group.size else column.train[0]
            weight = train * (weight if weight.size else np.ones(self.m))
        y = (self.labels == column.positive).view(np.uint8)
        found = Objective(
            self.design,
            y,
            0.0,
            self.backend,
            self.n_threads,
            weight,
            self.intercept,
            column.penalty,
        )
        found.watch = self.watch
        return found

    def evaluate(self, columns: Sequence[Column], thetas: Sequence[Vector]) -> list[Point]:
        """Return J and its gradient at theta (n_x + 1,) for each column, in one read of X.

        The z of a point is the mean held-out loss, NaN where nothing is held out.
        """
        self.begin_pass()
        sums = self.backend.column_sums(
            self.design,
            self.labels,
            self._bundle(columns, thetas),
            weight=self.weight,
            group=self.group,
        )
        found = []
        for k, (column, theta) in enumerate(zip(columns, thetas)):
            evaluation = self._evaluation(
                column,
                theta,
                float(sums.loss[k]),
                sums.dw[k],
                float(sums.db[k]),
                float(sums.slopes[k]),
            )
            found.append(Point(theta, evaluation, held_mean(column, float(sums.held[k]))))
        return found

    def _bundle(self, columns: Sequence[Column], thetas: Sequence[Vector]) -> Columns:
        folded = [column.fold(theta) for column, theta in zip(columns, thetas)]
        return Columns(
            np.array([w for w, _ in folded]),
            np.array([b for _, b in folded]),
            np.array([column.positive for column in columns], np.int32),
            np.array([column.train for column in columns]),
            np.array([column.held for column in columns]),
        )

    def _evaluation(
        self, column: Column, theta: Vector, loss: float, dw: Vector, db: float, slopes: float
    ) -> Evaluation:
        """Make an evaluation of a column's sums."""
        gradient = np.empty(self.n_x + 1)
        with np.errstate(over="ignore", invalid="ignore"):
            np.divide(column.unfold(dw, db), column.total, out=gradient[:-1])
            column.penalty.add_gradient(theta[:-1], gradient[:-1])
            gradient[-1] = db / column.total if self.intercept else 0.0
            J = loss / column.total + column.penalty.value(theta[:-1])
        return Evaluation(J, gradient, slopes / column.total)

    def evaluate_with_hessians(
        self, columns: Sequence[Column], thetas: Sequence[Vector]
    ) -> list[tuple[Point, Vector]]:
        """Return such points, and the Hessian of each column there, in one read of X."""
        self.begin_pass()
        bundle = self._bundle(columns, thetas)
        examples = self.design, self.labels, self.weight, self.group, self.backend
        if self._small is None and are_small(self.design, self.backend):
            self._small = SmallColumns(*examples)
        if self._small is None:
            sums = group_hessians.of_columns(bundle, *examples)
        else:
            sums = self._small.sums(bundle)
        found = []
        for column, theta, one in zip(columns, thetas, sums):
            evaluation = self._evaluation(
                column,
                theta,
                one.loss,
                one.gradient[:-1],
                float(one.gradient[-1]),
                float(one.hessian[-1, -1]),
            )
            H = self.finished_hessian(column, one.hessian)
            found.append((Point(theta, evaluation, held_mean(column, one.held)), H))
        return found

    def group_hessians(self, column: Column, theta: Vector) -> Vector:
        """Return the sum of a (1 - a) x1 x1.T over each group (G, n_x + 1, n_x + 1), in one read.

        a: of one column. The Hessian of any column near it is a combination of these:
        `hessian_of`.
        """
        self.begin_pass()
        w, b = column.fold(theta)
        return group_hessians.of_groups(
            self.design, w, b, self.weight, self.group, self.groups, self.backend
        )

    def hessian_of(self, column: Column, by_group: Vector) -> Vector:
        """Return the Hessian of a column, from the sums over each group; a new array."""
        return self.finished_hessian(column, np.einsum("g,gij->ij", column.train, by_group))

    def finished_hessian(self, column: Column, H: Vector) -> Vector:
        """Make of sums over the examples, in the design's features, the Hessian of J, in place."""
        if column.scale.size:
            u, total = H[-1, :-1].copy(), float(H[-1, -1])
            scaled = column.scale * u
            H[:-1, :-1] *= column.scale[:, None]
            H[:-1, :-1] *= column.scale
            H[:-1, :-1] += np.outer(column.shift, scaled + total * column.shift)
            H[:-1, :-1] += np.outer(scaled, column.shift)
            H[-1, :-1] = H[:-1, -1] = scaled + total * column.shift
        H /= column.total
        column.penalty.add_curvature(flat(H)[: -1 : self.n_x + 2])
        if not self.intercept:
            H[-1], H[:, -1], H[-1, -1] = 0.0, 0.0, 1.0
        return H

    def radius(self, column: Column) -> float:
        """Return a number that no ||x|| exceeds, x as the column sees it: one read, the first time.

        Of a column that sees X rescaled it is at most the largest scale times that of the design,
        and the length of the shift.
        """
        if self._radius is None:
            self.begin_pass()
            self._radius = group_hessians.radius(self.design)
        if not column.scale.size:
            return self._radius
        return float(np.abs(column.scale).max()) * self._radius + norm(column.shift)

    def bound(self, column: Column, evaluation: Evaluation) -> float:
        """Return a proved bound on J - J*, by the radius; lambda > 0."""
        gradient = evaluation.gradient
        size, db = norm(gradient[:-1]), abs(float(gradient[-1]))
        radius = self.radius(column) if db > 0.0 else 0.0
        found = certificate.suboptimality_bound(
            size, db, evaluation.curvature, radius, column.decay
        )
        return found + certificate.ROUNDING * evaluation.J


def held_mean(column: Column, held: float) -> float:
    """Return the mean of the held-out losses; NaN where nothing is held out."""
    return held / column.held_total if column.held_total > 0.0 else np.nan
