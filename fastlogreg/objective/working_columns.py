"""The columns of a working set, kept beside a wide X: J is minimised on them without a read of X.

The copy is float64, as the model sees it, and of a bounded size. Columns stay from step to step,
and along a path; those that come in are read of X. What is found does not follow from what was
there: a column is the same whenever it is copied. With a b each is about its mean, which b makes
up for: so a column far from 0 keeps its digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.base import are_compiled
from ..maths.arrays import Vector
from .columns import Column
from .penalised import PenalisedColumns
from .point import Point

MOST_BYTES = 4 << 20  # of the copy
WIDE = 4  # features for each example, from which a read of X costs more than what is saved


class WorkingColumns:
    """Holds copies of columns: row place[j] of `room` is feature j, where that is not -1.

    means: what was taken from each.
    """

    def __init__(self, shared: PenalisedColumns) -> None:
        self.shared = shared
        self.most = 0
        backend, design = shared.backend, shared.design
        wide = design.dense is not None and shared.n_x >= WIDE * shared.m
        if wide and backend.whole_runs and are_compiled():
            self.most = min(shared.n_x, MOST_BYTES // (8 * shared.m))
        self.used, self.room = 0, np.empty((0, shared.m))
        self.place, self.means = np.empty(0, np.intp), np.empty(0)

    def most_for(self, column: Column) -> int:
        """Return how many features a working set of a column may have, to be minimised on so."""
        penalty: Any = column.penalty
        return 0 if penalty.group is not None or column.scale.size else self.most

    def rows_of(self, features: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return where these features stand in `room`, after a look at X for those that did not."""
        if not self.place.size:
            self.room = np.empty((self.most, self.shared.m))  # fresh pages, taken when written
            self.place, self.means = np.full(self.shared.n_x, -1), np.zeros(self.shared.n_x)
        missing = features[self.place[features] < 0]
        if self.used + missing.size > self.most:
            self.used, missing = 0, features
            self.place[:] = -1
        if missing.size:
            x = self.shared.design.dense
            assert x is not None
            x.check_file()
            new = self.room[self.used : self.used + missing.size]
            with np.errstate(over="ignore", invalid="ignore"):
                new[:] = x.X[missing]
                new *= x.scale[missing, None]
                new += x.shift[missing, None]
                if self.shared.intercept:
                    self.means[missing] = new.mean(axis=1)
                    new -= self.means[missing, None]
            self.place[missing] = np.arange(self.used, self.used + missing.size)
            self.used += missing.size
        return self.place[features]

    def step(
        self, column: Column, point: Point, features: NDArray[np.intp], share: float, goal: float
    ) -> tuple[Vector, float]:
        """Return the theta where J is about least when these features and b alone move.

        With it how far J falls. goal: of the gap on these features; share: as in `coordinates`.
        """
        from ..kernels.second_order import columns as kernel

        shared, theta = self.shared, point.theta
        penalty: Any = column.penalty
        rows = self.rows_of(features)
        data = kernel.Examples(
            shared.y_of(column),
            shared.weight_of(column),
            shared.offset,
            float(column.total),
            bool(shared.intercept),
        )
        net = kernel.Net(
            share * penalty.l1[features],
            share * penalty.l2[features],
            penalty.lower[features],
            penalty.upper[features],
        )
        w, z = theta[:-1].copy(), np.array(point.z.z)
        own = w[features]
        moved, fall, _, _ = kernel.descend_on_columns(
            self.room, rows, data, net, own, z, float(goal)
        )
        moved -= float(np.sum((own - w[features]) * self.means[features]))
        w[features] = own + 0.0  # no -0.0
        return np.append(w, theta[-1] + moved), fall
