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

if TYPE_CHECKING:
    from .constrained import Curve, Tasks, Top

MOST_CLIMBS, MOST_MOVES, MOST_HALVINGS = 200, 80, 40
FAR = 30.0  # in deviations of the features: a way out is looked at from here on
NOWHERE = 1e12  # an end beyond this is infinite to float64
FLOOR = 1e-13  # of an eigenvalue where the diagonal is 1
RISE = 0.1  # of what the slope promises
LEFT = 1e-14  # of l: what a climb may leave

Answer = tuple[float, Vector, Vector] | bool
Asking = Generator[tuple[str, Vector], Answer, tuple[float, float]]


class Found(NamedTuple):
    """Hold c.theta (K,) and l (K,)."""

    place: Vector
    value: Vector


class Summit(NamedTuple):
    """Hold where a climb ended: theta, l, its slope by c.theta, and the way of theta with it.

    variance: the inverse of how l bends along c.theta.
    """

    theta: Vector
    value: float
    slope: float
    way: Vector
    variance: float


def search_all(curve: Curve, top: Top, tasks: Tasks, drop: float) -> Found:
    """Run a search for each task, side by side."""
    found = Found(np.full(len(tasks.side), np.nan), np.full(len(tasks.side), np.nan))
    best = top.theta if top.plain else inside(curve, top.value - 0.5 * drop, len(top.theta))
    asking: dict[int, tuple[Asking, tuple[str, Vector]]] = {}
    for k, (c, side) in enumerate(zip(*tasks)):
        one = search(best, top.value, c, float(side), drop, top.plain)
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


def inside(curve: Curve, level: float, p: int) -> Vector:
    """Return a theta near 0 where l is at least `level`: the maximum itself may be at infinity."""
    climbing = climb(np.zeros(p), np.zeros(p), level)
    _, theta = next(climbing)
    while True:
        value, g, H = curve.informations(theta[None])
        try:
            _, theta = climbing.send((float(value[0]), g[0], H[0]))
        except StopIteration as end:
            summit: Summit = end.value
            return summit.theta


def search(
    best: Vector, most: float, c: Vector, side: float, drop: float, plain: bool = True
) -> Asking:
    """Ask for l until an end or a test is found; return c.theta and l there."""
    if side == 0.0:
        summit = yield from climb(np.zeros(len(c)), c)
        return 0.0, summit.value
    target, length = most - drop, norm(c)
    summit = yield from climb(best, c)
    t = start = inner(c, best)
    near, outside, looked = start, np.inf * side, FAR if plain else 0.0
    move = side * min(np.sqrt(2.0 * drop * summit.variance), 3.0 * length)
    for _ in range(MOST_MOVES):
        last = summit
        t += move
        summit = yield from climb(summit.theta + move * summit.way, c)
        rest = summit.value - target
        if rest >= 0.0:
            near = t
        else:
            outside = t
        move = -rest / summit.slope if summit.slope * side < 0.0 else np.inf * side
        if abs(move) <= 1e-13 * max(abs(t), length):
            return t + move, target
        if np.isinf(outside):
            away = abs(t - start) / length
            # The way from 0 where all labels are separated, the last step where some of them are.
            ways = [] if plain else [summit.theta]
            if away >= looked:
                ways.append(summit.theta - last.theta)
                looked = 4.0 * away
            for direction in ways:
                if side * inner(c, direction) > 0.0 and (yield "along", direction):
                    return np.inf * side, target
            if away > NOWHERE:
                return np.inf * side, target
            move = side * min(abs(move), 2.0 * max(abs(t - start), 1.5 * length))
        elif not min(near, outside) < t + move < max(near, outside):
            move = 0.5 * (near + outside) - t
            if abs(move) <= 1e-13 * max(abs(t), length):
                return t + move, target
    return t, target


def root_of_inverse(H: Vector) -> Vector:
    """Return R (p, p) with R' R near H^-1: where l is nearly flat, R is large and not infinite.

    So the way of theta with c.theta goes where l does not fall.
    """
    size = np.sqrt(np.diag(H))
    size = np.where((size > 0.0) & np.isfinite(size), size, 1.0)
    values, vectors = np.linalg.eigh(H / np.outer(size, size))
    R: Vector = (vectors / np.sqrt(np.maximum(values, FLOOR))).T / size
    return R


def climb(
    theta: Vector, c: Vector, enough: float = np.inf
) -> Generator[tuple[str, Vector], Answer, Summit]:
    """Make l as large as it gets, or large enough, without a change of c.theta; c 0 holds nothing.

    The last step, which brings less than rounding, is made without another look.
    """
    value, g, H = cast("tuple[float, Vector, Vector]", (yield "at", theta))
    length = inner(c, c)
    for _ in range(MOST_CLIMBS):
        R = root_of_inverse(H)
        v, d = R.T @ (R @ c), R.T @ (R @ g)
        own, slope = inner(c, v), 0.0
        if length:
            slope = inner(g, v) / own
            d -= v * slope
            d -= c * (inner(c, d) / length)  # rounding must not move c.theta
            v /= own
        gain = 0.5 * inner(g, d)
        if value >= enough or not gain > LEFT * (1.0 + abs(value)):
            break
        share = 1.0
        while True:
            trial = cast("tuple[float, Vector, Vector]", (yield "at", theta + share * d))
            least = value + RISE * share * inner(g, d) - 1e-13 * abs(value)
            if trial[0] >= least or share < 0.5**MOST_HALVINGS:
                break
            share *= 0.5
        if not trial[0] > value:
            break
        theta, (value, g, H) = theta + share * d, trial
    if 0.0 <= gain <= LEFT * (1.0 + abs(value)):
        theta, value = theta + d, value + gain
    return Summit(theta, value, slope, v, own)
