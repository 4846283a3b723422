"""The penalty that users ask for, from what was checked."""

from __future__ import annotations

import numpy as np

from ..checks.penalties import Penalties
from .arrays import NONE, Vector
from .elastic_net import ElasticNet
from .group_lasso import GroupLasso


def penalty_from(
    checked: Penalties, lambda_: float, total: float, classes: int = 1, scale: Vector = NONE
) -> ElasticNet:
    """Return the penalty on classes * n_x weights, class after class.

    scale (n_x,): of X as the model sees it; bounds are on w of X itself. A group holds the weights
    of its features for all classes.
    """
    scale = np.where(scale == 0.0, 1.0, scale) if scale.size else np.ones(checked.factors.size)
    factors = np.tile(checked.factors, classes)
    if checked.group is not None:
        group = np.tile(checked.group, classes)
        return GroupLasso(lambda_, checked.l1_ratio, total, factors, group)
    lower, upper = (np.tile(bound / scale, classes) for bound in (checked.lower, checked.upper))
    return ElasticNet(lambda_, checked.l1_ratio, total, factors, lower, upper)
