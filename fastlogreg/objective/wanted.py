"""What a computation on a softmax model wants of X, told before X is read.

A computation of several steps is a generator. It yields one of these and is sent the answer. So a
model alone reads X where it must, and several on one X are given theirs from the same read
(`shared_models`).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..maths.arrays import Vector
from .point import Evaluation

if TYPE_CHECKING:
    from .softmax import SoftmaxObjective

Value = TypeVar("Value")


class EvaluationAt(NamedTuple):
    """Want J and its gradient at theta; no z is kept."""

    theta: Vector

    def alone(self, objective: SoftmaxObjective) -> Evaluation:
        """Read X for it."""
        return objective.evaluate_at(self.theta)


class BiasProduct(NamedTuple):
    """Want the Hessian at z, without the penalty's, times u (K,) for b."""

    z: Any
    u: Vector

    def alone(self, objective: SoftmaxObjective) -> Vector:
        """Read X for it."""
        return objective.bias_product(self.z, self.u)


class Rows(NamedTuple):
    """Want these examples, in memory."""

    chosen: NDArray[np.intp]

    def alone(self, objective: SoftmaxObjective) -> Design:
        """Look for them in X."""
        return objective.design.rows(self.chosen)


class Squares(NamedTuple):
    """Want the sum of mass x^2 over the examples for each feature; mass (m,)."""

    mass: Vector

    def alone(self, objective: SoftmaxObjective) -> Vector:
        """Read X for it."""
        return objective.squares(self.mass)


Wanted = EvaluationAt | BiasProduct | Rows | Squares
Wanting = Generator[Wanted, Any, Value]


def by_itself(objective: SoftmaxObjective, steps: Wanting[Value]) -> Value:
    """Make a computation of one model, which reads X alone."""
    answer = None
    while True:
        try:
            wanted = steps.send(answer)
        except StopIteration as ended:
            value: Value = ended.value
            return value
        answer = wanted.alone(objective)
