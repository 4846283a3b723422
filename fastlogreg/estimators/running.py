"""The run of a fit: by a solver, or with a bias reduction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..checks.bias_reduction import require_two_classes
from ..checks.penalties import check_offset
from ..inference.bias_reduced_run import run_reduced
from ..maths.arrays import NONE
from ..objective.objective import Objective
from ..solvers.result import TrainingResult
from ..training import run
from ..training.options import Options
from .penalties import PROX_NEWTON, with_penalties
from .progress import progress_bar
from .start import start_of


def run_of(
    estimator: Any,
    objective: Objective,
    offset: Any,
    options: Options,
    names: Sequence[str] | None,
    begun: float,
    classes: int,
) -> TrainingResult:
    """Run a fit of the objective to its end."""
    kind = estimator.bias_reduction
    if kind is not None:
        require_two_classes(kind, classes)
        given = NONE if offset is None else check_offset(offset, objective.m, flat=True)
        return run_reduced(
            objective, given, kind, float(options.tol or 0.0), options.iterations, begun
        )
    if options.solver == PROX_NEWTON:
        objective = with_penalties(estimator, objective, offset, names)
    state = start_of(estimator, objective, classes)
    with progress_bar(estimator.verbose, estimator.tol, estimator.callback) as callback:
        if callback is not options.callback:
            options = replace(options, callback=callback)
        return run.run(objective, state, options, names=names, begun=begun)
