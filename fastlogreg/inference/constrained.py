"""Maxima of a log-likelihood l under a condition on c.theta, many of them in shared reads of X.

Two kinds of columns:

    ends     of an interval: c.theta as far out as l, at its best over the rest, stays at `target`
    tests    c.theta = 0, and l at its best over the rest

First all columns share reads that give l and its score alone. With B near information^-1:

    a = B g, v = B c            d = a - v (g.v) / (c.v)       the step of the rest; c.d = 0
    slope = g.v / (c.v)         t += (target - l - g.d / 2) / slope      the move of c.theta

B begins as one for all, at the maximum. Each column improves its own by the differences of scores
it meets (BFGS, without matrices of its own). A curve may do this in its own way (`alone`). A column
that this does not lead home is searched for with the information at each point: `search`.

Reference for the equations: Venzon and Moolgavkar, "A method for computing profile-likelihood-based
confidence intervals", Applied Statistics 37 (1988).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector
from .search import Found, search_all

MOST_READS = 20  # of scores alone, before a column is searched for by itself
STEP = 1e-5  # in standard errors: a step whose square is rounding, made without another read
REACH = 3.0  # times the first distance: a longer step is cut to it


class Curve(Protocol):
    """Tell a log-likelihood at several theta (K, p) from one shared read of X."""

    @property
    def reads(self) -> int:
        """Return the reads of X so far."""
        ...

    def scores(self, thetas: Vector) -> tuple[Vector, Vector]:
        """Return l (K,) and its score (K, p)."""
        ...

    def informations(self, thetas: Vector) -> tuple[Vector, Vector, Vector]:
        """Return l (K,), its score (K, p) and an information (K, p, p)."""
        ...

    def alone(self, begun: Begun) -> Ended | None:
        """Follow each column by itself, where that is better than shared reads; else None."""
        ...

    def never_falls(self, directions: Vector) -> NDArray[np.bool_]:
        """Return for each direction (K, p) whether l never falls along it, from anywhere."""
        ...


class Begun(NamedTuple):
    """Hold where K columns begin: tasks, theta (K, p), and how long a step may be (K,); the target;
    the inverse of the information at the maximum, and that itself (p, p)."""

    tasks: Tasks
    theta: Vector
    reach: Vector
    target: float
    inverse: Vector
    information: Vector


class Ended(NamedTuple):
    """Hold c.theta (K,), l (K,), and which columns came to an end (K,)."""

    place: Vector
    value: Vector
    came: NDArray[np.bool_]


class Top(NamedTuple):
    """Hold the maximum: theta (p,), l, and B = information^-1 (p, p) there.

    plain: whether l is near a parabola there, so that B is of use elsewhere.
    """

    theta: Vector
    value: float
    inverse: Vector
    plain: bool


class Tasks(NamedTuple):
    """Hold K columns: c (K, p), and side (K,): -1 and 1 for an end, 0 for a test."""

    c: Vector
    side: Vector

    def of(self, kept: NDArray[np.intp]) -> Tasks:
        """Return some of them."""
        return Tasks(self.c[kept], self.side[kept])


def solve(curve: Curve, top: Top, tasks: Tasks, drop: float) -> Found:
    """Return c.theta (K,) and l (K,) of every column; drop: how far below the top the target is."""
    found = Found(np.full(len(tasks.side), np.nan), np.full(len(tasks.side), np.nan))
    lost = np.arange(len(tasks.side))
    if top.plain:
        begun = _begin(top, tasks, drop)
        ended = curve.alone(begun)
        if ended is None:
            lost = _shared(curve, begun, found)
        else:
            came, lost = ended.came, np.flatnonzero(~ended.came)
            found.place[came], found.value[came] = ended.place[came], ended.value[came]
    if lost.size:
        rest = search_all(curve, top, tasks.of(lost), drop)
        found.place[lost], found.value[lost] = rest
    return found


def _begin(top: Top, tasks: Tasks, drop: float) -> Begun:
    """Return the ends of Wald's intervals, and the tests as far along a parabola."""
    c, side = tasks
    v = c @ top.inverse
    spread = np.sqrt(np.einsum("kj,kj->k", c, v))
    far = np.where(side == 0.0, -(c @ top.theta), side * np.sqrt(2.0 * drop) * spread)
    theta = top.theta + v * (far / spread**2)[:, None]
    reach = REACH * np.maximum(np.sqrt(2.0 * drop), np.abs(far / spread))
    information = np.asarray(np.linalg.pinv(top.inverse, hermitian=True), np.float64)
    return Begun(tasks, theta, reach, top.value - drop, top.inverse, information)


def _shared(curve: Curve, begun: Begun, found: Found) -> NDArray[np.intp]:
    """Fill in what is found by shared reads of scores; return the columns that are not."""
    (c, side), theta, reach, target, inverse, information = begun
    active, lost = np.arange(len(side)), []
    memory = _Memory(inverse)
    for _ in range(MOST_READS):
        value, g = curve.scores(theta)
        memory.learn(theta, g)
        a, v = memory.product(g), memory.product(c)
        with np.errstate(all="ignore"):
            own = np.einsum("kj,kj->k", c, v)
            slope = np.einsum("kj,kj->k", g, v) / own
            d = a - v * slope[:, None]
            gain = 0.5 * np.einsum("kj,kj->k", g, d)
            move = np.where(side == 0.0, 0.0, (target - value - gain) / slope)
            step = d + v * (move / own)[:, None]
            size = np.sqrt(np.einsum("kj,kj->k", step @ information, step))
            step *= np.minimum(1.0, reach / size)[:, None]
            good = np.isfinite(size) & np.isfinite(value) & ((slope * side < 0.0) | (side == 0.0))
        theta = theta + step
        done = good & (size <= STEP)
        found.place[active[done]] = np.einsum("kj,kj->k", c[done], theta[done])
        found.value[active[done]] = (value + np.where(side == 0.0, gain, target - value))[done]
        lost.extend(active[~good])
        left = np.flatnonzero(good & ~done)
        active, c, side = active[left], c[left], side[left]
        theta, reach = theta[left], reach[left]
        memory.keep(left)
        if not active.size:
            break
    return np.sort(np.append(np.array(lost, np.intp), active))


class _Memory:
    """Hold for each column what its scores have told of the curvature: pairs of differences."""

    def __init__(self, inverse: Vector) -> None:
        self.inverse = inverse
        self.last: tuple[Vector, Vector] | None = None
        self.pairs: list[tuple[Vector, Vector, Vector]] = []

    def learn(self, theta: Vector, g: Vector) -> None:
        """Take in the scores g (K, p) at theta (K, p)."""
        if self.last is not None:
            s, y = theta - self.last[0], self.last[1] - g
            product = np.einsum("kj,kj->k", s, y)
            least = 1e-10 * np.einsum("kj,kj->k", y @ self.inverse, y)
            with np.errstate(divide="ignore", invalid="ignore"):
                self.pairs.append((s, y, np.where(product > least, 1.0 / product, 0.0)))
        self.last = theta, g

    def product(self, g: Vector) -> Vector:
        """Return B g for each column (K, p): the two loops of L-BFGS."""
        q, shares = g.copy(), []
        for s, y, rho in reversed(self.pairs):
            share = rho * np.einsum("kj,kj->k", s, q)
            q -= y * share[:, None]
            shares.append(share)
        r: Vector = q @ self.inverse
        for (s, y, rho), share in zip(self.pairs, reversed(shares)):
            r += s * (share - rho * np.einsum("kj,kj->k", y, r))[:, None]
        return r

    def keep(self, left: NDArray[np.intp]) -> None:
        """Forget the other columns."""
        if self.last is not None:
            self.last = self.last[0][left], self.last[1][left]
        self.pairs = [(s[left], y[left], rho[left]) for s, y, rho in self.pairs]
