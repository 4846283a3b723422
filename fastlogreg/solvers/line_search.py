"""Steps along a direction, for every second-order solver: one read of X where the first trial is
good.

The trial t = 1 is evaluated with its gradient. If it will not do, the z of both ends give z and
dz/dt for every t, and the best t is found by safeguarded Newton steps in one variable, which read
no X; the point there is evaluated once more. A trial is good where J has not risen and the slope
along d has fallen to a given ratio of what it was (J is convex: that is the strong Wolfe
condition). Near the optimum J cannot tell points apart any more, the slope still can.
"""

from __future__ import annotations

import numpy as np

from ..machine.blas import inner
from ..maths.arrays import Vector
from ..objective.point import Point
from .requests import AlongLine, Asking, Evaluate, LineValue

SLOPE_RATIO = 0.5  # of the slope that may be left after a good step
LARGEST_RISE = 1.0 + 1e-14  # of J, from rounding


def good(
    start: Point, d: Vector, trial: Point, ratio: float = SLOPE_RATIO, slope: float | None = None
) -> bool:
    """Tell whether the trial is a good enough step from start in direction d; slope: there, if it
    is known."""
    before = inner(start.evaluation.gradient, d) if slope is None else slope
    after = inner(trial.evaluation.gradient, d)
    rounding = 1e-14 * abs(start.evaluation.J)
    return bool(
        start.evaluation.J + rounding >= trial.evaluation.J and abs(after) <= ratio * abs(before)
    )


def best_step(start: Point, d: Vector, trial: Point) -> Asking[float]:
    """Find the t > 0 that minimises J(start + t d), to a tenth of the slope at 0.

    A small slope alone is not enough: far beyond the minimum, where every example has saturated, J
    is high and flat."""
    first_slope = inner(start.evaluation.gradient, d)
    low, high, t = 0.0, np.inf, 1.0
    for k in range(60):
        value: LineValue | None = yield AlongLine(start, d, trial, t)
        if value is None:
            return 0.1  # the trial overflowed: try nearer
        J, slope, curvature = value
        if abs(slope) <= 0.1 * abs(first_slope) and J <= start.evaluation.J * LARGEST_RISE:
            break
        low, high = (t, high) if slope < 0.0 else (low, t)
        newton = t - slope / curvature if curvature > 0.0 else np.inf
        if not low < newton < min(high, 10.0 * t):
            newton = 0.5 * (low + high) if np.isfinite(high) else 10.0 * t
            if k == 10 and low == 0.0:  # 1 is too far by decades: Newton's t from 0
                at_start: LineValue = yield AlongLine(start, d, trial, 0.0)
                curvature = at_start.curvature
                newton = min(newton, -first_slope / curvature) if curvature > 0.0 else newton
        if newton == t:
            break
        t = newton
    return t


def step(
    start: Point, d: Vector, ratio: float = SLOPE_RATIO, slope: float | None = None
) -> Asking[Point]:
    """Find the next point in direction d: the whole step where it is good, else the best one.

    It is start where no point is better. slope: along d at the start, if it is known."""
    trial: Point = yield Evaluate(start.theta + d)
    if good(start, d, trial, ratio, slope):
        return trial
    for _ in range(20):
        t = yield from best_step(start, d, trial)
        found: Point = yield Evaluate(start.theta + t * d)
        if np.isfinite(found.evaluation.J) or t == 0.0:
            # Where d is a matter of the last bits, dz/dt is rounding and t with it: nowhere is then
            # better than up.
            return found if found.evaluation.J <= start.evaluation.J * LARGEST_RISE else start
        d, trial = t * d, found
    return start
