"""A point with what one read of X tells there."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..maths.arrays import Vector


class Evaluation(NamedTuple):
    """Hold J, its gradient [dw, db] (n_x + 1,), and the curvature of J along b (NaN from the
    lectures' loops)."""

    J: float
    gradient: Vector
    curvature: float


class Point(NamedTuple):
    """Hold theta = [w, b] with J, gradient and curvature along b there, and z of every example:
    (m,), or whatever an objective of its own keeps in its place. Solvers hand it back and do not
    look into it."""

    theta: Vector
    evaluation: Evaluation
    z: Any
