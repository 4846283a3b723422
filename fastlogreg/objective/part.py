"""A bound on J - J* from the examples of an estimated Hessian: no read of X.

`maths.certificate`, "by some examples", has the formula. Of the examples the Hessian's own copies
are read, twice for each round. A round brings what is left of the gradient to nothing, but for the
examples whose q came to the ends of its range and was held there. The next round shares out what
these have left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..machine.blas import inner
from ..maths import certificate
from ..maths.arrays import NONE, Vector
from ..maths.sampling import by_mass
from .point import Point

if TYPE_CHECKING:
    from .objective import Objective

ROUNDS = 3
NEAREST = 0.99  # of the way from p to 0 or to 1 that q may go
FARTHEST = 700.0  # |z| beyond which p is told from 0 or 1 no more


class Part(NamedTuple):
    """Hold the examples of a Hessian (1/S) sum mass x1 x1.T, to which the penalty comes.

    chosen (k,): their indices. design: a copy of them. mass (k,). times: how many examples one of
    them stands for, on average.
    """

    chosen: NDArray[np.intp]
    design: Design
    mass: Vector
    times: float


def chosen(objective: Objective, slopes: Vector, rows: int) -> Part:
    """Choose about `rows` examples by `sampling.by_mass`; slopes (m,): s a (1 - a) of each."""
    places, mass = by_mass(slopes, rows)
    own, total = slopes[places], float(mass.sum())
    squares = np.divide(mass * mass, own, out=np.zeros(len(own)), where=own > 0.0)
    times = float(squares.sum()) / total if total > 0.0 else np.inf
    return Part(places, objective.design.rows(places), mass, times)


def of_sample(objective: Objective, sample: Objective, z: Vector) -> Part | None:
    """Return the examples of a sample, for its Hessian at z; None where they are not at hand."""
    if sample.chosen is None:
        return None
    mass = np.asarray(sample.slopes(z)) * (objective.total / sample.total)
    own = objective.weight_of_each[sample.chosen]
    stands = np.divide(sample.weight_of_each, own, out=np.zeros(len(own)), where=own > 0.0)
    total = float(mass.sum())
    times = inner(mass, stands) / total if total > 0.0 else np.inf
    return Part(sample.chosen, sample.design, mass, times)


def bound(
    objective: Objective, point: Point, part: Part, solve: Callable[[Vector], Vector], goal: float
) -> float:
    """Return a proved bound on J - J*, lambda > 0; infinite where it would be above the goal.

    solve: g -> H^-1 g, near enough, of the Hessian made of the part.
    """
    gradient, goal = point.evaluation.gradient, goal - certificate.ROUNDING * point.evaluation.J
    u = solve(gradient)
    if not 0.0 <= 0.5 * part.times * inner(gradient, u) <= goal:
        return np.inf
    dual = _Dual(objective, point, part)
    for _ in range(ROUNDS):
        if not dual.move(u):
            return np.inf
        divergence = dual.divergence()
        if not divergence <= goal:
            return np.inf
        rest = dual.rest()
        found = certificate.bound_by_dual(divergence, inner(rest, rest), objective.decay)
        if found <= goal:
            return certificate.ROUNDING * point.evaluation.J + found
        u = solve(np.append(rest, 0.0))
    return np.inf


class _Dual:
    """A point q of the dual problem: p, but for the examples of a part."""

    def __init__(self, objective: Objective, point: Point, part: Part) -> None:
        self.objective, self.part, self.gradient = objective, part, point.evaluation.gradient
        z = np.clip(np.asarray(point.z)[part.chosen], -FARTHEST, FARTHEST)
        self.p, self.other = 1.0 / (1.0 + np.exp(-z)), 1.0 / (1.0 + np.exp(z))
        self.share = objective.weight_of_each[part.chosen] / objective.total
        self.change = np.zeros(len(z))

    def move(self, u: Vector) -> bool:
        """Change q by -(k / s) x1.u, and so that sum s (q - y) is 0; False where it cannot be."""
        objective, part, share = self.objective, self.part, self.share
        z = np.empty(len(share))
        zero = np.zeros(len(share))
        self._linear(u[:-1], float(u[-1]) * objective.intercept, zero, z)
        with np.errstate(over="ignore", invalid="ignore"):
            k = part.mass / objective.total * z
            k = np.divide(k, share, out=zero, where=share > 0.0)
            change = np.clip(self.change - k, -NEAREST * self.p, NEAREST * self.other)
            if objective.intercept:
                room = (self.p + change) * (self.other - change)
                left = float(self.gradient[-1]) + inner(share, change)
                all_room = inner(share, room)
                if not abs(left) < NEAREST * all_room:
                    return False
                change -= left / all_room * room
        self.change = change
        return bool(np.isfinite(change).all())

    def divergence(self) -> float:
        """Return (1/S) sum s KL(q, p)."""
        p, other, change = self.p, self.other, self.change
        up = (p + change) * np.log1p(change / p)
        down = (other - change) * np.log1p(-change / other)
        return inner(self.share, up + down)

    def rest(self) -> Vector:
        """Return r = dw + (1/S) sum s (q - p) x (n_x,)."""
        n_x = self.objective.n_x
        added = self._linear(np.zeros(n_x), 1.0, self.share * self.change, NONE)  # z is 1
        return np.asarray(self.gradient[:-1] + added)

    def _linear(self, w: Vector, b: float, weight: Vector, zs: Vector) -> Vector:
        """Return the sum of weight * z * x over the part, z being that of (w, b)."""
        y = self.objective.y[self.part.chosen]
        design, backend = self.part.design, self.objective.backend
        sums = backend.sums(design, y, w, b, weight=weight, linear=True, zs=zs)
        return sums.dw
