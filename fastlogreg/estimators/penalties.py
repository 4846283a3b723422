"""The estimator's penalties beside L2, bounds and offset: from what was given to an objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.labels import listed
from ..checks.penalties import Penalties, asked_for, check_offset, check_penalties, require_solver
from ..data.design import Design
from ..maths.arrays import NONE, Vector
from ..maths.elastic_net import ElasticNet
from ..objective.elastic_net import ElasticNetObjective
from ..objective.objective import Objective
from ..solvers.result import TrainingResult
from .fitted import forget

PROX_NEWTON = "prox_newton"


def solver_for(estimator: Any, offset: Any) -> str:
    """Return the solver of a fit; ValueError where the one named cannot do what is asked for."""
    why = asked_for(estimator.l1_ratio, estimator.penalty_weights, estimator.bounds, offset)
    solver: str = require_solver(estimator.solver, why) if why else estimator.solver
    return solver


def require_two(estimator: Any, classes: NDArray[Any]) -> None:
    """ValueError where there are more classes than such penalties are for."""
    if len(classes) > 2:
        raise ValueError(
            "l1_ratio, penalty_weights, bounds, offset and solver='prox_newton' are for two "
            f"classes; y holds {len(classes)}: {listed(classes)}. Fit one class against the rest, "
            "or take L2 alone"
        )


def with_penalties(
    estimator: Any, objective: Objective, offset: Any, names: Sequence[str] | None
) -> ElasticNetObjective:
    """Return the objective with an elastic net, bounds and an offset, on the same design."""
    n_x, m = objective.n_x, objective.m
    checked = check_penalties(
        estimator.l1_ratio,
        estimator.penalty_weights,
        estimator.bounds,
        n_x,
        flat=True,
        names=names,
    )
    penalty = penalty_on(objective.design, checked, objective.lambda_, objective.total)
    return ElasticNetObjective(
        objective.design,
        objective.y,
        penalty,
        objective.backend,
        objective.n_threads,
        objective.weight,
        objective.intercept,
        NONE if offset is None else check_offset(offset, m, flat=True),
    )


def penalty_on(design: Design, checked: Penalties, lambda_: float, total: float) -> ElasticNet:
    """Return the penalty on a design's scale; bounds are on w of X itself."""
    scale: Vector = design.scale
    safe = np.where(scale == 0.0, 1.0, scale)
    return ElasticNet(
        lambda_,
        checked.l1_ratio,
        total,
        checked.factors,
        checked.lower / safe,
        checked.upper / safe,
    )


def keep_proof(estimator: Any, result: TrainingResult) -> None:
    """Set `proved_zero_` after a fit with an elastic net, remove it after another."""
    forget(estimator, "proved_zero_")
    if result.proved_zero is not None:
        estimator.proved_zero_ = result.proved_zero
