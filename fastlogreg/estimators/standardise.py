"""X - mean over its deviation, folded into scale and shift of a design."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.design import Design
from ..maths.arrays import Vector
from ..objective.objective import Objective

SMALLEST_SQUARED = 1e-140  # a deviation whose square has lost digits, or vanished


def standardised(objective: Objective) -> Design:
    """X with scale and shift to mean 0 (given an intercept, which takes it up) and variance 1;
    constant columns keep scale 1. Two reads of X."""
    mean = objective.mean()
    centred = objective.on(objective.design.rescaled(np.ones(objective.n_x), -mean))
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = np.sqrt(centred.squares(objective.weight_of_each) / objective.total)
    large, small = ~np.isfinite(deviation), (deviation < SMALLEST_SQUARED) & (deviation >= 0.0)
    if large.any() or small.any():  # squares overflow or vanish: in other units they do not
        unit = np.where(large, 2.0**-600, np.where(small, 2.0**500, 1.0))
        other = objective.on(objective.design.rescaled(unit, -mean * unit))
        with np.errstate(over="ignore", invalid="ignore"):
            squares = other.squares(objective.weight_of_each) / objective.total
            deviation = np.where(large | small, np.sqrt(squares) / unit, deviation)
    if not np.isfinite(deviation).all():
        objective.design.require_finite()
        j = int(np.argmin(np.isfinite(deviation)))
        raise ValueError(
            f"X is too large to standardise: the mean or the standard deviation of column {j}, "
            "counted from 0, overflows float64. Give it in other units"
        )
    deviation[deviation < np.finfo(float).tiny] = 1.0  # its inverse would overflow
    design: Design = _by_deviation(objective, mean, deviation)
    return design


def rescaled(objective: Any, mean: Vector, variance: Vector) -> Any:
    """Return the design of an objective, rescaled to these moments: in memory or distributed."""
    return _by_deviation(objective, mean, np.sqrt(variance))


def _by_deviation(objective: Any, mean: Vector, deviation: Vector) -> Any:
    deviation[~(deviation > 1e-12 * np.abs(mean))] = 1.0  # constant up to the rounding of the mean
    shift = -mean / deviation if objective.intercept else np.zeros(objective.n_x)
    return objective.design.rescaled(1.0 / deviation, shift)
