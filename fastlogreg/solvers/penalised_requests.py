"""What `prox_newton` asks beside the requests of `requests`, and what it is answered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector
from ..objective.point import Point


class WorkingHessian(NamedTuple):
    """Ask for the Hessian of the mean loss by some features (sorted) and b, at a point."""

    point: Point
    features: NDArray[np.intp]


class Candidates(NamedTuple):
    """Ask for the features (sorted) that a step with an elastic net should look at.

    Those that are not 0, and of those that are 0 `most`, whose slope is the largest and at least
    `ahead` times what holds them.
    """

    point: Point
    ahead: float
    most: int


class LargestStrength(NamedTuple):
    """Ask at which strength of the penalty, over its own, the first weight moves from 0.

    0 where one has moved already.
    """

    point: Point


class StepInModel(NamedTuple):
    """Ask where the quadratic model of J is least; H: of the features and b, of `WorkingHessian`.

    share: the strength of the penalty over its own. left: of what a coordinate's move brings, where
    the descent ends.
    """

    point: Point
    features: NDArray[np.intp]
    H: Vector
    share: float
    left: float


class StepOnColumns(NamedTuple):
    """Ask where J is about least when some features (sorted) and b alone move from a point.

    share: the strength of the penalty over its own. goal: of the gap on these features.
    """

    point: Point
    features: NDArray[np.intp]
    share: float
    goal: float


class ModelStep(NamedTuple):
    """Hold the theta where a model is least, or J itself, and how far J falls in it."""

    theta: Vector
    fall: float


class AlongStep(NamedTuple):
    """Ask for J at start + t (trial - start), with the penalty `share` times as strong."""

    start: Point
    trial: Point
    t: float
    share: float


class FollowWhole(NamedTuple):
    """Ask for the optimum with an elastic net, of a small X: `most` steps at most.

    tol: of the gap to the dual problem, below 0 for rounding.
    """

    theta: Vector
    tol: float
    most: int


class FoundWhole(NamedTuple):
    """Hold the theta that was found, and J before each step."""

    theta: Vector
    costs: Vector
