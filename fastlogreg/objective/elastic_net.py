"""The objective of one model with an elastic net, bounds or an offset: what a run is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Backend
from ..data.design import Design
from ..maths.arrays import NONE, Vector
from ..maths.elastic_net import ElasticNet
from .columns import Column
from .objective import Objective
from .penalised import PenalisedColumns
from .penalised_proof import Sides
from .point import Evaluation, Point


class ElasticNetObjective(Objective):
    """Compute J of one model by `objective.penalised`; offset (m,) or none is part of every z."""

    def __init__(
        self,
        design: Design,
        y: NDArray[np.uint8],
        penalty: ElasticNet,
        backend: str | Backend = "fused",
        n_threads: int | None = None,
        weight: Vector = NONE,
        intercept: bool = True,
        offset: Vector = NONE,
    ) -> None:
        self.shared = PenalisedColumns(
            design,
            y.astype(np.int32),
            weight=weight,
            backend=backend,
            n_threads=n_threads,
            intercept=intercept,
            offset=offset,
        )
        super().__init__(design, y, 0.0, backend, n_threads, weight, intercept, penalty)
        self.offset, self.elastic_net = offset, penalty
        one, nothing = np.ones(1), np.zeros(1)
        self.column = Column(1, one, nothing, self.total, 0.0, penalty)

    @property
    def has_bound(self) -> bool:
        return True

    @property
    def passes(self) -> int:
        """Return the reads of X so far."""
        return self.shared.passes

    @passes.setter
    def passes(self, count: int) -> None:
        self.shared.passes = count

    @property
    def watch(self) -> Callable[[], object] | None:
        """Return what is called before each read of X."""
        return self.shared.watch

    @watch.setter
    def watch(self, called: Callable[[], object] | None) -> None:
        self.shared.watch = called

    def begin_pass(self) -> None:
        self.shared.begin_pass()

    def point(self, theta: Vector, scores: bool = True) -> Point:
        return self.shared.evaluate([self.column], [theta])[0]

    def certify(self, theta: Vector, evaluation: Evaluation, z: Any = None) -> float:
        sides = z if isinstance(z, Sides) else self.point(theta).z
        return self.shared.prove(self.column, Point(theta, evaluation, sides)).bound

    def proved_zero(self, theta: Vector, z: Any = None) -> NDArray[np.bool_] | None:
        """Return which weights are 0 at the optimum, proved (n_x,): one read of X.

        Reads that bring back the point of a run that had ended are not counted.
        """
        before = self.passes
        sides = z if isinstance(z, Sides) else self.point(theta).z
        J = sides.loss + self.elastic_net.value(theta[:-1])
        point = Point(theta, Evaluation(J, NONE, np.nan), sides)
        proof = self.shared.prove(self.column, point)
        if sides is not z:
            self.passes = before
        return self.shared.proved_zero(self.column, proof)

    def like(
        self, design: Design, y: NDArray[np.uint8], weight: Vector, n_threads: int
    ) -> ElasticNetObjective:
        """Return the same objective on other examples, without an offset."""
        penalty = self.elastic_net.for_total(float(weight.sum()))
        backend = self.backend.with_threads(n_threads)
        return ElasticNetObjective(design, y, penalty, backend, n_threads, weight, self.intercept)

    def on(self, design: Design) -> ElasticNetObjective:
        new = ElasticNetObjective(
            design,
            self.y,
            self.elastic_net,
            self.backend,
            self.n_threads,
            self.weight,
            self.intercept,
            self.offset,
        )
        new.passes, new.watch = self.passes, self.watch
        return new
