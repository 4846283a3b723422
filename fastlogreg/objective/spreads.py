"""How far each feature spreads: by so much its slope can differ between two points of the dual
problem, for each unit of their distance."""

from __future__ import annotations

import numpy as np

from ..backends import moments
from ..backends.base import Backend
from ..data.design import Design
from ..maths.arrays import Vector


def of_features(
    design: Design, backend: Backend, weight: Vector, total: float, intercept: bool
) -> Vector:
    """Return what no standard deviation of a feature exceeds (n_x,), x as the design has it.

    weight (m,): of each example, total their sum. One read of X. Of a dense X the squares are about
    the mean of a sample; without b, or elsewhere, they are about 0.
    """
    mean = moments.sample_mean(design) if intercept and design.dense is not None else None
    if mean is not None:
        design = design.rescaled(design.scale, design.shift - mean)
    return np.sqrt(backend.squares(design, weight) / total)
