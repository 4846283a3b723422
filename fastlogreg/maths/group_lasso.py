"""The group lasso: features that are in or out together; b is never penalised.

    P(w) = sum over groups of l1_g ||w_g|| + sum l2_j / 2 w_j^2

    l1_g = lambda l1_ratio f_g sqrt(size of g) / S      l2_j = lambda (1 - l1_ratio) f_g / S

A feature of no group is a group of its own, and its part is the L1 of `maths.elastic_net`. The root
of the size makes groups of different sizes equal: M. Yuan and Y. Lin, "Model selection and
estimation in regression with grouped variables" (2006). Features of a group share a penalty weight.
There are no bounds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .arrays import Vector
from .elastic_net import ElasticNet


class GroupLasso(ElasticNet):
    """Hold group (n_x,), the number of each feature's group, from 0 on.

    lower and upper are 0 for features that are left out, else infinite.
    """

    def __init__(
        self,
        lambda_: float,
        l1_ratio: float,
        total: float,
        factors: Vector,
        group: NDArray[np.intp],
        moving: NDArray[np.bool_] | None = None,
    ) -> None:
        out = np.zeros(factors.size, bool) if moving is None else ~moving
        lower, upper = np.where(out, 0.0, -np.inf), np.where(out, 0.0, np.inf)
        super().__init__(lambda_, l1_ratio, total, factors, lower, upper)
        self.group: NDArray[np.intp] = group
        self.moving = moving
        self.sizes = np.bincount(group)
        first = np.unique(group, return_index=True)[1]
        self.l1_of_group = self.l1[first] * np.sqrt(self.sizes)

    def norms(self, v: Vector) -> Vector:
        """Return the length of v (n_x,) in each group."""
        return np.sqrt(np.bincount(self.group, weights=v * v, minlength=self.sizes.size))

    def value(self, w: Vector) -> float:
        return float(self.l1_of_group @ self.norms(w)) + 0.5 * float(self.l2 @ (w * w))

    def prox(self, v: Vector, step: float) -> Vector:
        size = self.norms(v)
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = np.where(size > 0.0, np.maximum(1.0 - step * self.l1_of_group / size, 0.0), 0.0)
        return np.clip(kept[self.group] * v / (1.0 + step * self.l2), self.lower, self.upper)

    def for_total(self, total: float) -> GroupLasso:
        share = total / self.total
        return GroupLasso(
            self.lambda_ * share, self.l1_ratio, total, self.factors, self.group, self.moving
        )

    def with_lambda(self, lambda_: float) -> GroupLasso:
        return GroupLasso(lambda_, self.l1_ratio, self.total, self.factors, self.group, self.moving)

    def with_alone(self, moving: NDArray[np.bool_]) -> GroupLasso:
        return GroupLasso(self.lambda_, self.l1_ratio, self.total, self.factors, self.group, moving)

    def settings(self) -> dict[str, str]:
        return {**super().settings(), "groups": str(self.group.tolist())}

    def least_slopes(self, w: Vector, slopes: Vector) -> Vector:
        smooth = slopes + self.l2 * w
        size, pull = self.norms(w), self.norms(np.where(self.upper > 0.0, smooth, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            along = np.where(size > 0.0, self.l1_of_group / size, 0.0)[self.group] * w
            left = np.where(pull > 0.0, np.maximum(1.0 - self.l1_of_group / pull, 0.0), 0.0)
        found = np.where((size > 0.0)[self.group], smooth + along, left[self.group] * smooth)
        return np.where(self.upper > 0.0, found, 0.0)

    def excess(self, w: Vector, slopes: Vector) -> Vector:
        pull = self.norms(np.where(self.upper > 0.0, slopes, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(self.l1_of_group > 0.0, pull / self.l1_of_group, math.inf)
        return np.where(self.upper > 0.0, found[self.group], -1.0)

    def whole(self, features: NDArray[np.intp]) -> NDArray[np.intp]:
        chosen = np.zeros(self.sizes.size, bool)
        chosen[self.group[features]] = True
        return np.flatnonzero(chosen[self.group] & (self.upper > 0.0))

    def largest_scale(self, G: Vector) -> float:
        pull = self.norms(np.where((self.l2 == 0.0) & (self.upper > 0.0), G, 0.0))
        beyond = pull > self.l1_of_group
        if not beyond.any():
            return 1.0
        return float((self.l1_of_group[beyond] / pull[beyond]).min())

    def conjugate(self, G: Vector) -> float:
        bent = (self.l2 > 0.0) & (self.upper > 0.0)
        if not bent.any():
            return 0.0
        pull = self.norms(np.where(bent, G, 0.0))
        l2 = np.bincount(self.group, weights=np.where(bent, self.l2, 0.0)) / self.sizes
        over = np.maximum(pull - self.l1_of_group, 0.0)
        curved = l2 > 0.0
        return float(np.sum(0.5 * over[curved] ** 2 / l2[curved]))

    def held_at_zero(self, G: Vector, reach: Vector) -> NDArray[np.bool_]:
        pull = self.norms(np.where(self.upper > 0.0, G, 0.0))
        away = self.norms(np.where(self.upper > 0.0, reach, 0.0))
        return (pull + away < self.l1_of_group)[self.group] | (self.upper == 0.0)
