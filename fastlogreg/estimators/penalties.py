"""The estimator's penalties beside L2, bounds and offset: from what was given to an objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..checks.bias_reduction import check_bias_reduction
from ..checks.penalties import asked_for, check_offset, check_penalties, require_solver
from ..maths.arrays import NONE
from ..objective.objective import Objective
from ..objective.prepared import penalised
from ..solvers.result import TrainingResult
from .fitted import forget

PROX_NEWTON = "prox_newton"
CONTROLS = ("max_seconds", "callback", "checkpoint")


def solver_for(estimator: Any, offset: Any) -> str:
    """Return the solver of a fit; ValueError where the one named cannot do what is asked for."""
    why = _others(estimator, offset)
    if estimator.bias_reduction is not None:
        controls: dict[str, Any] = {name: (getattr(estimator, name), None) for name in CONTROLS}
        lambda_ = estimator._lambda()
        why = _others(estimator, None)
        controls["device"] = getattr(estimator, "device", "cpu"), "cpu"
        if estimator.bias_reduction == "median":
            controls["standardize"] = bool(estimator.standardize), False  # it would be another b
        check_bias_reduction(estimator.bias_reduction, lambda_, estimator.solver, why, controls)
        return "auto"
    solver: str = require_solver(estimator.solver, why) if why else estimator.solver
    return solver


def _others(estimator: Any, offset: Any) -> str:
    return asked_for(
        estimator.l1_ratio,
        estimator.penalty_weights,
        estimator.bounds,
        estimator.feature_groups,
        offset,
    )


def with_penalties(
    estimator: Any, objective: Objective, offset: Any, names: Sequence[str] | None
) -> Objective:
    """Return the objective with an elastic net, bounds and an offset, on the same design."""
    checked = check_penalties(
        estimator.l1_ratio,
        estimator.penalty_weights,
        estimator.bounds,
        estimator.feature_groups,
        objective.n_x,
        flat=True,
        names=names,
    )
    given = NONE if offset is None else check_offset(offset, objective.m, flat=True)
    return penalised(objective, checked, given, objective.design.scale)


def keep_proof(estimator: Any, result: TrainingResult) -> None:
    """Set `proved_zero_` after a fit with an elastic net, remove it after another."""
    forget(estimator, "proved_zero_")
    if result.proved_zero is not None:
        estimator.proved_zero_ = result.proved_zero.T  # as coef_ has them
