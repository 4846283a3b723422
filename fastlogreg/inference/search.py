"""A search for one end of an interval, or one test, that gets home from anywhere.

`climb` makes l as large as it gets where c.theta has a given value: Newton's steps, halved until
l does not fall. `search` moves that value. l at its best over the rest is concave in c.theta, so
the end lies between a point inside and one outside.

Where an end does not come, the way that the last points went is looked at. If l never falls along
it, from anywhere, the end is infinite: that is proved by the margins of all examples.

A search is a generator. It yields where it wants l, and all searches share the reads.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from ..machine.blas import inner, norm
from ..maths.arrays import Vector
from .factor import factor_of

if TYPE_CHECKING:
    from .constrained import Curve, Tasks, Top

MOST_CLIMBS, MOST_MOVES, MOST_HALVINGS = 200, 80, 40
FAR = 30.0  # in deviations of the features: a way out is looked at from here on
NOWHERE = 1e12  # an end beyond this is infinite to float64
LEFT = 1e-14  # of l: what a climb may leave

Answer = tuple[float, Vector, Vector] | bool
Asking = Generator[tuple[str, Vector], Answer, tuple[float, float]]


class Found(NamedTuple):
    """Hold c.theta (K,) and l (K,)."""

    place: Vector
    value: Vector


class Summit(NamedTuple):
    """Hold where a climb ended: theta, l, its slope by c.theta, and the way of theta with it."""

    theta: Vector
    value: float
    slope: float
    way: Vector


def search_all(curve: Curve, top: Top, tasks: Tasks, drop: float) -> Found:
    """Run a search for each task, side by side."""
    found = Found(np.full(len(tasks.side), np.nan), np.full(len(tasks.side), np.nan))
    asking: dict[int, tuple[Asking, tuple[str, Vector]]] = {}
    for k, (c, side) in enumerate(zip(*tasks)):
        one = search(top.theta, top.value, c, float(side), drop)
        asking[k] = one, next(one)
    while asking:
        answers: dict[int, Answer] = {}
        at = [k for k, (_, (kind, _)) in asking.items() if kind == "at"]
        along = [k for k in asking if k not in at]
        if at:
            found_here = curve.informations(np.array([asking[k][1][1] for k in at]))
            answers.update((k, (float(v), g, H)) for k, v, g, H in zip(at, *found_here))
        if along:
            never = curve.never_falls(np.array([asking[k][1][1] for k in along]))
            answers.update((k, bool(flat)) for k, flat in zip(along, never))
        for k, answer in answers.items():
            one = asking[k][0]
            try:
                asking[k] = one, one.send(answer)
            except StopIteration as end:
                found.place[k], found.value[k] = end.value
                del asking[k]
    return found


def search(best: Vector, most: float, c: Vector, side: float, drop: float) -> Asking:
    """Ask for l until an end or a test is found; return c.theta and l there."""
    if side == 0.0:
        summit = yield from climb(np.zeros(len(c)), c)
        return 0.0, summit.value
    target, length = most - drop, norm(c)
    start = inner(c, best)
    summit = yield from climb(best, c)
    inside, outside, t = start, np.inf * side, start
    size = abs(inner(c, summit.way))
    spread = np.sqrt(2.0 * drop / max(summit_curvature(summit, c), 1e-300)) if size else length
    move = side * min(spread, 3.0 * length)
    looked = FAR
    for _ in range(MOST_MOVES):
        t, last = t + move, summit
        summit = yield from climb(summit.theta + move * summit.way, c)
        rest = summit.value - target
        if rest >= 0.0:
            inside = t
        else:
            outside = t
        if abs(rest) <= LEFT * (abs(target) + drop):
            break
        falls = summit.slope * side < 0.0
        move = -rest / summit.slope if falls else np.inf * side
        if np.isinf(outside):
            away = abs(t - start) / length
            if away >= looked:
                never = yield "along", summit.theta - last.theta
                if never or away > NOWHERE:
                    return np.inf * side, target
                looked = 4.0 * away
            longest = 2.0 * max(abs(t - start), 1.5 * length)
            move = side * min(abs(move), longest)
        elif not min(inside, outside) < t + move < max(inside, outside):
            if abs(move) <= 1e-13 * max(abs(t), length):
                break
            move = 0.5 * (inside + outside) - t
        if abs(move) <= 1e-13 * max(abs(t), 1e-3 * length):
            t += move
            break
    return t, target


def summit_curvature(summit: Summit, c: Vector) -> float:
    """Return how l curves along c.theta: 1 / (c.v), which the way holds."""
    return inner(summit.way, summit.way) / max(inner(c, summit.way) ** 2, 1e-300)


def climb(theta: Vector, c: Vector) -> Generator[tuple[str, Vector], Answer, Summit]:
    """Make l as large as it gets without a change of c.theta."""
    value, g, H = cast("tuple[float, Vector, Vector]", (yield "at", theta))
    for _ in range(MOST_CLIMBS):
        R = factor_of(H).R
        v = R.T @ (R @ c)
        own = inner(c, v)
        slope = inner(g, v) / own
        d = R.T @ (R @ g) - v * slope
        d -= c * (inner(c, d) / inner(c, c))  # rounding must not move c.theta
        gain = 0.5 * inner(g, d)
        summit = Summit(theta, value, slope, v / own)
        if not gain > LEFT * (1.0 + abs(value)):
            break
        share = 1.0
        while True:
            trial = cast("tuple[float, Vector, Vector]", (yield "at", theta + share * d))
            if trial[0] >= value - 1e-13 * abs(value) or share < 0.5**MOST_HALVINGS:
                break
            share *= 0.5
        if not trial[0] > value:
            break
        theta, (value, g, H) = theta + share * d, trial
    return summit
