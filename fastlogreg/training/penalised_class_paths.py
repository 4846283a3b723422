"""Softmax models with an elastic net along lambda: the full fit, then each fold, as `class_paths`.

Each fit begins from its last point; the gradient for the new penalty is known there without a read.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from ..checks.penalties import Penalties
from ..maths.arrays import Vector
from ..maths.elastic_net import ElasticNet
from ..maths.penalty_choice import penalty_from
from ..objective.penalised_softmax import PenalisedSoftmaxObjective
from ..objective.point import Point
from ..objective.softmax import SoftmaxObjective
from ..solvers.answers import drive
from ..solvers.base import Settings
from ..solvers.penalised_answers import ClassAnswers
from ..solvers.prox_newton import ProxNewton
from ..solvers.requests import Judge
from ..solvers.state import State, Stopped
from .class_paths import ClassFit, ClassFold, ClassFollower, ClassWays, FollowedClasses
from .penalised_paths import NULL_STEPS, Along, FollowedPath, lambdas_for, state_point, until_enough
from .watch import ctrl_c_ends_reads


class PenalisedClassFollower(ClassFollower):
    """Follows one fit of several classes along lambda, which is to fall. fold: None for all."""

    objective: PenalisedSoftmaxObjective
    last: ProxNewton | None

    def __init__(
        self,
        ways: ClassWays,
        fold: ClassFold | None,
        checked: Penalties,
        tol: float,
        iterations: int,
    ) -> None:
        self.checked, self.last = checked, None
        super().__init__(ways, fold, tol, iterations)
        self.point = self._null_point()
        self.strength = self.objective.total * self.objective.largest_strength(self.point)

    def _objective(self, weight: Vector) -> PenalisedSoftmaxObjective:
        plain, ways = super()._objective(weight), self.ways
        new = PenalisedSoftmaxObjective(
            plain.design,
            ways.labels,
            ways.classes,
            self._penalty(plain, plain.total),
            ways.backend,
            ways.n_threads,
            weight,
            ways.intercept,
        )
        new.passes, new.watch = plain.passes, ways.watch
        return new

    def _penalty(self, objective: SoftmaxObjective, lambda_: float) -> ElasticNet:
        """Return the penalty of one lambda, in the units of X as the fit sees it."""
        ways = self.ways
        scale = objective.design.scale / ways.design.scale
        return penalty_from(self.checked, lambda_, objective.total, ways.classes, scale)

    def _null_point(self) -> Point:
        """Find the model in which no penalised feature is in: b and the free features alone."""
        objective, penalty = self.objective, self.objective.elastic_net
        K = objective.classes
        W = penalty.clipped(np.zeros(K * objective.n_x)).reshape(K, -1)
        b = np.zeros(K)
        if self.ways.intercept and not W.any():
            masses = np.bincount(self.ways.labels, objective.weight_of_each, K)
            b = np.log(masses) - np.log(masses).mean()
        theta = objective.joined(W, b)
        free = penalty.free()
        if not free.any():
            return objective.point(theta)
        self._use(penalty.with_alone(free))
        state = State(theta)
        answers = ClassAnswers(objective)
        solver = ProxNewton(answers.problem, state, Settings(1e-14))
        drive((answers, solver.advance(NULL_STEPS)))
        self._use(penalty)
        return objective.under(state_point(solver))

    def _scores(self, point: Point) -> Vector:
        return np.asarray(point.z.z)

    def _use(self, penalty: ElasticNet) -> None:
        self.objective.penalty = self.objective.elastic_net = penalty

    def at(self, lambda_: float) -> ClassFit:
        """Find the optimum at one lambda, from that at the last one."""
        objective = self.objective
        self._use(self._penalty(objective, lambda_))
        point = objective.under(self.point)
        answers, state = ClassAnswers(objective), State(point.theta)
        solver = ProxNewton(answers.problem, state, self.settings)
        solver.begin_at(point, self.last)
        solver.begin_judged(answers.answer(Judge(point, self.settings.tol)))
        drive((answers, solver.advance(self.iterations)))
        self.last, self.point = solver, state_point(solver)
        return self._fit(state, self.point)._replace(reached=state.stop == "converged")


def follow_penalised_classes(
    followers: Iterable[PenalisedClassFollower], count: int, lambdas: Vector
) -> FollowedClasses:
    """Follow the full fit, the first, and each fold's along the lambdas, the strongest first.

    count: how many fits these are. Where Ctrl-C has ended them all before, lambdas have none.
    """
    fits: list[list[ClassFit]] = [[] for _ in lambdas]
    reads = 0
    with suppress(Stopped):
        for follower in followers:
            try:
                for place in np.argsort(-lambdas, kind="stable").tolist():
                    fits[place].append(follower.at(float(lambdas[place])))
            finally:
                reads += follower.objective.passes
    fits = [at if len(at) == count else [] for at in fits]
    if not any(fits):
        raise Stopped("interrupted")
    return FollowedClasses(fits, reads)


def penalised_class_path(
    ways: ClassWays, checked: Penalties, along: Along, null: float, tol: float, iterations: int
) -> FollowedPath:
    """Follow one model of several classes along lambda; null: the loss without features.

    The first lambda is the one at which the first weight moves, or with groups the first group.
    """
    with ctrl_c_ends_reads() as watch:
        ways = ways._replace(watch=watch)
        follower = PenalisedClassFollower(ways, None, checked, tol, iterations)
        largest = follower.strength if checked.l1_ratio > 0.0 else np.nan
        lambdas = lambdas_for(along, largest, ways.design.m < ways.design.n_x)
        falling = lambdas[np.argsort(-lambdas, kind="stable")].tolist()
        fits = (follower.at(lambda_) for lambda_ in falling)
        found, reached = until_enough(along, lambdas, null, fits)
    return FollowedPath(found, follower.objective.passes, null, reached)
