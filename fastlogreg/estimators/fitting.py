"""One fit of an estimator: from rows with labels, or with successes among trials, to attributes."""

from __future__ import annotations

from typing import Any

from ..checks.labels import LabelledRows
from ..solvers.result import TrainingResult
from ..training.checkpoint import Refused
from ..training.options import Options
from .device import backend_of
from .fitted import keep_result
from .input import penalty_of, require_finite, rows_design
from .multiclass import objective_of
from .penalties import PROX_NEWTON, keep_proof
from .running import run_of
from .standardise import standardised


def fit_rows(
    estimator: Any, X: Any, rows: LabelledRows, offset: Any, options: Options, begun: float
) -> TrainingResult:
    """Fit to rows that were checked, and set the attributes of the estimator."""
    names = getattr(estimator, "feature_names_in_", None)
    objective = objective_of(
        design := rows_design(X),
        rows,
        penalty_of(estimator._lambda(), rows),
        estimator._threads(),
        bool(estimator.fit_intercept),
        backend_of(estimator),
    )
    try:
        if estimator.standardize:
            objective = objective.on(design := standardised(objective))
        result = run_of(estimator, objective, offset, options, names, begun, len(rows.classes))
    except Refused:
        raise
    except ValueError:
        require_finite(X, names)
        raise
    keep_result(estimator, result, design, rows.classes, options.solver == PROX_NEWTON)
    keep_proof(estimator, result)
    return result
