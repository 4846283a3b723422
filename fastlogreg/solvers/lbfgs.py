"""Limited-memory BFGS, with an inner matrix of one's choice: plain, or preconditioned by a Hessian
of a few examples.

d = -H g over the last 10 pairs (s, y): `memory`. The innermost H_0 is `inner`, or the inverse of a
diagonal D, the identity or one of one's choice, times a number: the least squares fit of H_0 y = s
for the last pair is s.y / y.H_0 y, that of s = H_0^-1 y is s.D s / s.y, the longer one (Barzilai &
Borwein, Two-point step size gradient methods, 1988). Their geometric mean, two parts of the first
and one of the second, needs fewer second trials than the first alone. One read an iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..maths.arrays import Vector
from ..objective.point import Point
from .base import Field, Saved, Schema, Settings
from .line_search import SLOPE_RATIO, step
from .memory import Memory, Pair, memory_for
from .requests import Asking, Evaluate, Judge, Judgement, MeasureSpread, Problem, Spread
from .state import STALLED, State

# Looser than 0.5: without an inner Hessian a new direction beats a second read for this one.
ACCEPTED_SLOPE_RATIO = 0.6
ONE_SCALE = 30.0  # times between the largest and the smallest squared spread

SCHEMA: Schema = {
    "lbfgs": (Field("s", "PT"), Field("y", "PT"), Field("sy", "P"), Field("evaluated", kind=bool))
}


class LBFGS:
    """Advances a `State` by whole iterations. saved: what `state_arrays` gave, to go on from
    there.

    inner: g -> H_0 g; where it is None, D is the diagonal (n_x + 1,), by
    default `by_spread`. Of several classes it is the (n_x + 1,) of each behind the other.
    """

    def __init__(
        self,
        problem: Problem,
        state: State,
        settings: Settings,
        saved: Saved | None = None,
        *,
        inner: Callable[[Vector], Vector] | None = None,
        diagonal: Vector | None = None,
    ) -> None:
        self.problem, self.state, self.tol, self.inner = problem, state, settings.tol, inner
        self.diagonal: Vector | float = 1.0 if diagonal is None else diagonal
        self.by_spread = inner is None and diagonal is None
        self.memory: Memory = memory_for(problem, self.diagonal, inner)
        self.point: Point | None = None
        self.evaluated = saved is not None and saved["evaluated"]
        if saved is not None:
            self.pairs = [
                (s.copy(), y.copy(), sy)
                for s, y, sy in zip(saved["s"], saved["y"], saved["sy"].tolist())
            ]

    @property
    def pairs(self) -> list[Pair]:
        """Return the pairs (s, y, s.y), oldest first."""
        return self.memory.pairs()

    @pairs.setter
    def pairs(self, pairs: list[Pair]) -> None:
        self.memory.put(pairs)

    def state_arrays(self) -> dict[str, Any]:
        """Return what to go on from."""
        size, pairs = self.state.theta.size, self.pairs
        s, y = (np.array([pair[k] for pair in pairs]).reshape(-1, size) for k in (0, 1))
        sy = np.array([curvature for _, _, curvature in pairs])
        return {"method": "lbfgs", "s": s, "y": y, "sy": sy, "evaluated": self.point is not None}

    def prepare(self) -> Asking[None]:
        """Make the diagonal, and bring back the point of a run that goes on."""
        if self.by_spread:
            diagonal = yield from by_spread(self.problem)
            # Of columns of one scale the sample would bring nothing but its noise.
            if diagonal.max() > ONE_SCALE * diagonal.min():
                self.diagonal = diagonal
                pairs = self.pairs
                self.memory = memory_for(self.problem, diagonal, None)
                self.pairs = pairs
        if self.evaluated:
            self.point = yield Evaluate(self.state.theta)

    def advance(self, count: int) -> Asking[None]:
        """Make up to `count` iterations; state.stop is set where they end for a reason."""
        if self.point is None:
            point: Point = yield Evaluate(self.state.theta)
            judgement: Judgement = yield Judge(point, self.tol, inner=self.inner)
            self.point = point
            self.state.take(point, judgement)
        for _ in range(count):
            if self.state.stop is not None:
                return
            yield from self._iterate(self.point)

    def begin_anew(self, inner: Callable[[Vector], Vector]) -> None:
        """Take another inner matrix, and forget the pairs."""
        self.inner = inner
        self.memory = memory_for(self.problem, self.diagonal, inner)

    def _iterate(self, start: Point) -> Asking[None]:
        gradient = start.evaluation.gradient
        d, slope = self.memory.direction(gradient)
        if not slope < 0.0:  # the memory misleads: begin anew
            self.memory.put([])
            d, slope = self.memory.direction(gradient)
        stalls = self.state.stalls_after(slope)
        if stalls >= STALLED:
            self.state.stop = "precision"
            return
        ratio = ACCEPTED_SLOPE_RATIO if self.inner is None else SLOPE_RATIO
        found = yield from step(start, d, ratio, slope)
        if not self.memory.measure(start, found):
            self.state.stop = "precision"  # no representable point is better
            return
        judgement: Judgement = yield Judge(found, self.tol, inner=self.inner)
        self.memory.keep()
        self.state.costs.append(start.evaluation.J)
        self.state.iteration, self.state.stalls = self.state.iteration + 1, stalls
        self.point = found
        self.state.take(found, judgement)


def by_spread(problem: Problem) -> Asking[Vector]:
    """Make the diagonal (n_x + 1,) of a Hessian in which every a (1 - a) is 1/4.

    It is made from the spread of the columns in a sample.
    """
    measured: Spread = yield MeasureSpread()
    mean, spread = measured.mean, measured.deviation.copy()
    # What none of the sample's examples has, one of as many may have: rare pixels of images. With a
    # spread of 0 the step along such a column would be enormous.
    unseen = spread == 0.0
    if unseen.any() and not unseen.all():
        seen = spread[~unseen]
        least = np.mean(spread * spread) / 1000.0
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            # The size of what a mostly zero column has, variance over mean: once in the sample.
            once = np.median((seen * seen / np.abs(mean[~unseen])) ** 2) / measured.examples
        spread[unseen] = np.sqrt(np.clip(once, least, np.mean(seen * seen)))
    K = problem.columns
    flattest = 0.25 if K == 1 else (K - 1) / (K * K)  # a (1 - a), where all classes are alike
    curvature = np.append(flattest * spread * spread + problem.decay, flattest)
    curvature[curvature == 0.0] = 1.0
    return curvature if K == 1 else np.tile(curvature, K)
