"""A bias-reduced fit as a training result."""

from __future__ import annotations

import time
import warnings

import numpy as np

from ..machine.callers import stack_level
from ..maths.arrays import Vector
from ..objective.objective import Objective
from ..solvers.result import StopReason, TrainingResult, TrainingWarning
from .bias_reduced import half_log_of_units
from .factor import factor_of
from .firth import climb_firth, flac, flic
from .likelihood import Likelihood
from .median import climb_median

DEPENDENT = (
    "bias reduction needs columns that do not depend on each other; nothing tells apart the "
    "coefficients of {which}. Leave one of them out, or use an L2 penalty"
)


def run_reduced(
    objective: Objective, offset: Vector, kind: str, tol: float, most: int, begun: float | None
) -> TrainingResult:
    """Fit with Firth's penalty, and correct b (FLIC) or all (FLAC) where asked; or without median
    bias.

    J is -l* / S, or -l / S without median bias. tol: of the largest component of U* / S, by
    features with a deviation of 1.
    """
    begun = time.perf_counter() if begun is None else begun
    likelihood = Likelihood(
        objective.design,
        objective.targets,
        objective.weight,
        offset,
        objective.intercept,
        objective.n_threads,
        objective.backend,
    )
    total = likelihood.total
    climb = climb_median if kind == "median" else climb_firth
    found = climb(likelihood, tol * total, most)
    if not np.isfinite(found.value):
        require_independent(likelihood)
    theta = found.theta
    if kind == "flic" and likelihood.intercept:
        theta = flic(likelihood, theta)
    elif kind == "flac":
        theta = flac(likelihood, theta)[0]
    outward = likelihood.outward(theta)
    units = 0.0 if kind == "median" else half_log_of_units(likelihood)
    costs = (found.costs - units) / total
    made, cost = len(costs), -(found.value + units) / total
    reason: StopReason = "converged" if found.reached else "precision"
    if not found.reached and made >= most:
        reason = "iterations"
        warnings.warn(
            f"all {most} steps were made, and U* has a component of {found.largest / total:.1e} "
            f"where tol is {tol:.1e}. Allow more",
            TrainingWarning,
            stacklevel=stack_level(),
        )
    seconds = time.perf_counter() - begun
    return TrainingResult(
        outward[:-1, None].copy(),
        float(outward[-1]),
        costs,
        cost,
        found.largest / total,
        np.inf,
        made,
        reason,
        seconds,
        np.nan,
        likelihood.passes,
        np.array([[likelihood.passes, seconds, cost, np.inf]]),
    )


def require_independent(likelihood: Likelihood) -> None:
    """ValueError where l* is not finite: it names the columns that depend on each other."""
    likelihood.design.require_finite()
    flat = factor_of(likelihood.products(likelihood.weight)).flat
    names = [f"column {j}" for j in np.flatnonzero(flat[:-1])]
    if flat[-1] and likelihood.intercept:
        names.append("b")
    raise ValueError(DEPENDENT.format(which=", ".join(names) or "some columns"))
