"""X - mean over its deviation, folded into scale and shift of a design."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.design import Design
from ..maths.arrays import Vector
from ..objective.objective import Objective


def standardised(objective: Objective) -> Design:
    """X with scale and shift to mean 0 (given an intercept, which takes it up) and variance 1;
    constant columns keep scale 1. Two reads of X."""
    mean = objective.mean()
    centred = objective.on(objective.design.rescaled(np.ones(objective.n_x), -mean))
    variance = centred.squares(objective.weight_of_each) / objective.total
    design: Design = rescaled(objective, mean, variance)
    return design


def rescaled(objective: Any, mean: Vector, variance: Vector) -> Any:
    """The design of an objective, rescaled to these moments: in memory or distributed."""
    deviation = np.sqrt(variance)
    deviation[~(deviation > 1e-12 * np.abs(mean))] = 1.0  # constant up to the rounding of the mean
    shift = -mean / deviation if objective.intercept else np.zeros(objective.n_x)
    return objective.design.rescaled(1.0 / deviation, shift)
