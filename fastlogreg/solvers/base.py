"""The interface of a solver, and how it declares what it saves.

    prepare()        what is asked once, before the first iteration
    advance(count)   up to `count` iterations; state.stop is set where they end for a reason
    state_arrays()   what the next process needs to go on to the same bits

The first two are generators of `requests`. An answer may raise (`Stopped`, where the time is up):
then what the unfinished iteration has brought is dropped. So a solver changes its state and its
own attributes only when it has all the answers of an iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from .requests import Asking, Problem
from .schema import Field, Saved, Schema
from .state import State


class Settings(NamedTuple):
    """What a run asks of its solver.

    tol: on the measure, below 0 for none. alpha: the step size, where the solver has one. on_gram:
    the Gram matrix is at hand, and iterations on it cost less. whole: iterations that one compiled
    call may make, 0 where the run is watched more closely. alone: the reads of X are for this model
    alone, which begins far from its optimum.
    """

    tol: float
    alpha: float = np.nan
    on_gram: bool = False
    whole: int = 0
    alone: bool = False


class Solver(Protocol):
    """Advances a `State` by whole iterations, by asking."""

    def prepare(self) -> Asking[None]:
        """Ask what is needed before the first iteration."""

    def advance(self, count: int) -> Asking[None]:
        """Make up to `count` iterations."""

    def state_arrays(self) -> dict[str, Any]:
        """Return what to go on from: "method", and the values of its words in the schema."""


class Entry(NamedTuple):
    """What the package knows of a solver: validation, checkpoints, command line and docs ask here.

    make: (problem, state, settings, saved or None) -> the solver. summary: one line. inside: the
    solvers whose words follow its own. needs_step: it has alpha, and needs L for it. takes_gram: it
    can work on the Gram matrix alone. records_points: each point evaluated is in the history.
    centres: whether it wants the columns of X centred, for a problem.
    centres_where_lost: whether it does once rounding has ended a run: its matrices are of X.
    """

    make: Callable[[Problem, State, Settings, Saved | None], Solver]
    schema: Schema
    summary: str
    inside: tuple[str, ...] = ()
    needs_step: bool = False
    takes_gram: bool = False
    records_points: bool = True
    centres: Callable[[Problem], bool] = lambda problem: False
    centres_where_lost: bool = False


SolverName = Literal[
    "gd", "nesterov", "lbfgs", "newton", "prox_newton", "auto"
]  # for type checkers

__all__ = ["Entry", "Field", "Saved", "Schema", "Settings", "Solver", "SolverName"]
