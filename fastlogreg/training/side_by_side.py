"""Models of different labels on one X, each by solver "auto", in shared reads.

One against the rest, for instance: a column for each label. Their Hessians differ, so that each has
its own sample; only the reads of X are shared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..maths.penalties import L2
from ..objective.columns import Column, SharedColumns
from ..solvers import auto
from ..solvers.answers import drive
from ..solvers.base import Settings
from ..solvers.column_answers import ColumnAnswers, Gatherings
from ..solvers.state import State
from .follow import Fit


def one_against_rest(
    shared: SharedColumns, labels: Sequence[int], lambda_: float, tol: float, iterations: int = 1000
) -> list[Fit]:
    """Fit a model for each label, y being 1 where the labels of `shared` are that one."""
    total = float(shared.group_totals().sum())
    weights, nothing = np.ones(shared.groups), np.zeros(shared.groups)
    penalty = L2(lambda_, total)
    columns = [Column(label, weights, nothing, total, 0.0, penalty) for label in labels]
    return side_by_side(shared, columns, tol, iterations)


def side_by_side(
    shared: SharedColumns, columns: Sequence[Column], tol: float, iterations: int = 1000
) -> list[Fit]:
    """Find the optimum of each column, from 0, by a solver of its own."""
    gatherings = Gatherings(shared)
    answers = [ColumnAnswers(gatherings, column) for column in columns]
    states = [State(np.zeros(shared.n_x + 1)) for _ in columns]
    solvers = [auto.Auto(one.problem, state, Settings(tol)) for one, state in zip(answers, states)]
    drive(*((one, solver.prepare()) for one, solver in zip(answers, solvers)))
    drive(*((one, solver.advance(iterations)) for one, solver in zip(answers, solvers)))
    found = []
    for column, state in zip(columns, states):
        w, b = column.fold(state.theta)
        reached = state.stop == "converged"
        found.append(
            Fit(
                np.array(w),
                b,
                state.cost,
                state.bound,
                state.gradient_norm,
                np.nan,
                state.iteration,
                reached,
                state.cost - column.penalty.value(state.theta[:-1]),
            )
        )
    return found
