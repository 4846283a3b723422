"""The ends and tests of a profile of Firth's likelihood, each column followed alone, for small X.

`fastlogreg.inference.constrained` has the equations, and follows the columns side by side: that is
the twin. A point of a small X costs so little that reads need not be shared, and threads that take
whole columns never wait for each other.

Layout. c, theta and the differences of scores are rows of p numbers; inverse and information (p, p)
are symmetric. pairs[k] holds s, y and 1 / s.y of one step.

Loop order: columns, which threads take from a counter; points; pairs. Rounding: FAST.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..atomics import fetch_and_increment
from ..decorators import kernel
from .firth import Table, evaluate, put_back, room_for, take_out


class Profile(NamedTuple):
    """What columns have in common: the inverse of the information at the maximum and that itself
    (p, p), the target, the most points for a column, and how large its last step may be."""

    inverse: Any
    information: Any
    target: float
    most: int
    step: float


@kernel
def multiply(inverse: Any, pairs: Any, count: int, g: Any, r: Any) -> None:
    """Set r (p,) to B g: the inverse (p, p), improved by the differences of scores (BFGS)."""
    q, shares = g.copy(), np.zeros(count)
    take_out(pairs, count, q, shares)
    product(inverse, q, r)
    put_back(pairs, count, shares, r)


@kernel
def product(A: Any, q: Any, r: Any) -> None:
    """Set r to A q; A (p, p) is symmetric."""
    r[:] = 0.0
    for i in range(q.size):
        f, row = q[i], A[i]
        for j in range(r.size):
            r[j] += f * row[j]


@kernel
def dot(a: Any, b: Any) -> float:
    """Return the product of two vectors."""
    s = 0.0
    for j in range(a.size):
        s += a[j] * b[j]
    return s


@kernel
def follow(
    table: Table, profile: Profile, c: Any, side: float, theta: Any, reach: float, room: Any
) -> tuple[float, float, bool]:
    """Follow one column from theta (p,), which is moved; return c.theta, l* and whether it came."""
    inverse, p = profile.inverse, theta.size
    pairs, count = np.zeros((profile.most, 3, p)), 0
    g, last, d, v = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    step = np.zeros(p)
    for point in range(profile.most):
        value = evaluate(table, theta, room, g)
        if point:
            s, y = pairs[count, 0], pairs[count, 1]
            for j in range(p):
                s[j], y[j] = step[j], last[j] - g[j]
            product(inverse, y, d)
            bent = dot(s, y)
            if bent > 1e-10 * dot(y, d):
                pairs[count, 2, 0] = 1.0 / bent
                count += 1
        last[:] = g
        multiply(inverse, pairs, count, g, d)
        multiply(inverse, pairs, count, c, v)
        own = dot(c, v)
        slope = dot(g, v) / own
        for j in range(p):
            d[j] -= slope * v[j]
        gain = 0.5 * dot(g, d)
        move = 0.0 if side == 0.0 else (profile.target - value - gain) / slope
        for j in range(p):
            step[j] = d[j] + move / own * v[j]
        product(profile.information, step, d)
        size = math.sqrt(dot(step, d))
        if (
            not size < math.inf
            or not abs(value) < math.inf
            or not (side == 0.0 or slope * side < 0)
        ):
            return 0.0, 0.0, False
        share = min(1.0, reach / size) if size > 0.0 else 1.0
        for j in range(p):
            step[j] *= share
            theta[j] += step[j]
        if size <= profile.step:
            end = value + gain if side == 0.0 else profile.target
            return dot(c, theta), end, True
    return 0.0, 0.0, False


@kernel
def follow_columns(
    table: Table,
    profile: Profile,
    c: Any,
    sides: Any,
    thetas: Any,
    reaches: Any,
    found: Any,
    counter: Any,
) -> None:
    """Follow all columns (K, p) from thetas (K, p); found (K, 3): c.theta, l*, 1 where it came.

    Any number of threads at once; they take columns from the counter.
    """
    room = room_for(table)
    k = fetch_and_increment(counter, 0)
    while k < sides.size:
        place, value, came = follow(table, profile, c[k], sides[k], thetas[k], reaches[k], room)
        found[k, 0], found[k, 1], found[k, 2] = place, value, 1.0 if came else 0.0
        k = fetch_and_increment(counter, 0)
