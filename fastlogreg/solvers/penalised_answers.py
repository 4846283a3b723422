"""What `prox_newton` asks, answered for several models on one X: a read for all that ask together.

A model alone is one of one. A Hessian of a working set is taken at one model's point, over each
group of the examples, for the features that all who ask want. The others' are made of it: near
enough, since what is found is proved by its gap alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector
from ..objective.columns import Column
from ..objective.elastic_net import ElasticNetObjective
from ..objective.objective import Objective
from ..objective.penalised import PenalisedColumns
from ..objective.penalised_softmax import PenalisedSoftmaxObjective
from ..objective.point import Point
from ..objective.working_columns import WorkingColumns
from . import compiled_penalised
from .answers import Answers, Gathering
from .column_answers import describe
from .penalised_requests import (
    AlongStep,
    Candidates,
    FollowWhole,
    FoundWhole,
    LargestStrength,
    ModelStep,
    StepInModel,
    StepOnColumns,
    WorkingHessian,
)
from .requests import (
    Evaluate,
    Judge,
    Judgement,
    OnSample,
    Request,
    TakeSample,
)

Asked = Sequence[tuple["PenalisedAnswers", Any]]


class PenalisedGatherings:
    """The kinds of requests that models on one X are answered together.

    features, by_group, version: of the last Hessians that were taken. columns: of working sets.
    """

    def __init__(self, shared: PenalisedColumns) -> None:
        self.shared, self.columns = shared, WorkingColumns(shared)
        self.by_kind: dict[type, Gathering] = {
            Evaluate: self._evaluate,
            WorkingHessian: self._working_hessians,
        }
        self.features: NDArray[np.intp] = np.empty(0, np.intp)
        self.by_group: Vector | None = None
        self.version = 0

    def _evaluate(self, asked: Asked) -> list[Point]:
        return self.shared.evaluate(
            [answers.column for answers, _ in asked], [request.theta for _, request in asked]
        )

    def _working_hessians(self, asked: Asked) -> list[Vector]:
        """Take Hessians, unless one that is newer than those of all who ask has their features."""
        covered = self.by_group is not None and all(
            answers.version < self.version and np.isin(request.features, self.features).all()
            for answers, request in asked
        )
        if not covered:
            lead, request = asked[0]
            self.features = reduce(np.union1d, [request.features for _, request in asked])
            self.by_group = self.shared.working_hessians(lead.column, request.point, self.features)
            self.version += 1
        assert self.by_group is not None
        found = []
        for answers, request in asked:
            answers.version = self.version
            own = self.by_group
            if request.features.size < self.features.size:
                places = np.searchsorted(self.features, request.features)
                at = np.append(places, self.features.size)
                own = own[:, at[:, None], at]
            found.append(self.shared.working_hessian(answers.column, own, request.features))
        return found


class PenalisedAnswers(Answers):
    """Answers the requests of one model's solver.

    version: of the Hessians that it has seen last. scores: as of `Answers`. alone: the objective of
    a model that shares X with no other; it can be sampled.
    """

    def __init__(
        self,
        gatherings: PenalisedGatherings,
        column: Column,
        objective: ElasticNetObjective | None = None,
    ) -> None:
        self.gatherings, self.column, self.shared = gatherings, column, gatherings.shared
        small = objective is not None and compiled_penalised.is_small(self.shared, column)
        self.problem = describe(self.shared, column.decay)._replace(
            has_whole_path=small, most_columns=gatherings.columns.most_for(column)
        )
        self.scores = None
        self.version, self.alone = 0, objective

    def answer(self, request: Request) -> Any:
        gathering = self.gathering(request)
        if gathering is None:
            return _ALONE[type(request)](self, request)
        found = gathering([(self, request)])[0]
        if self.scores is None and isinstance(request, Evaluate):
            self.scores = found.theta, found.z
        return found

    def gathering(self, request: Request) -> Gathering | None:
        return self.gatherings.by_kind.get(type(request))

    def candidates(self, request: Candidates) -> NDArray[np.intp]:
        """Return the features that a step should look at."""
        return self.shared.candidates(self.column, *request)

    def largest_strength(self, request: LargestStrength) -> float:
        """Return where the first feature moves from w = 0."""
        return self.shared.largest_strength(self.column, request.point)

    def step_in_model(self, request: StepInModel) -> ModelStep:
        """Return where a quadratic model is least."""
        return ModelStep(*self.shared.step(self.column, *request))

    def step_on_columns(self, request: StepOnColumns) -> ModelStep:
        """Return where J is about least on some columns."""
        return ModelStep(*self.gatherings.columns.step(self.column, *request))

    def along_step(self, request: AlongStep) -> float:
        """Return J on the way to a trial."""
        return self.shared.along(self.column, *request)

    def follow_whole(self, request: FollowWhole) -> FoundWhole:
        """Go to the optimum of a small X in one compiled call."""
        theta, tol, most = request
        shared, penalty = self.shared, self.column.penalty
        strengths = np.array([penalty.lambda_])
        if not theta[:-1].any():
            if shared.intercept and theta[-1] == 0.0:
                theta = np.append(theta[:-1], shared.best_bias(self.column))
            (point,) = shared.evaluate([self.column], [theta])
            largest = penalty.lambda_ * shared.largest_strength(self.column, point)
            strengths = compiled_penalised.on_the_way(largest, penalty.lambda_)
        goals = compiled_penalised.goals_for(len(strengths), tol)
        found = compiled_penalised.follow(shared, self.column, theta, strengths, goals, most)
        return FoundWhole(found.thetas[-1], found.costs)

    def take_sample(self, request: TakeSample) -> Answers:
        """Return what answers for a problem of some of the examples."""
        assert self.alone is not None  # a solver of several begins elsewhere
        return answers_of(self.alone.sampled(request.rows))

    def on_sample(self, request: OnSample) -> Any:
        """Answer a request on a sample."""
        sample = request.sample
        assert isinstance(sample, Answers)  # what `take_sample` gave
        return sample.answer(request.request)

    def judge(self, request: Judge) -> Judgement:
        """Judge a point by the gap to the dual problem."""
        (theta, evaluation, z), shared = request.point, self.shared
        before = shared.passes
        self.scores = theta, z
        if not math.isfinite(evaluation.J):
            shared.design.require_finite()
        proof = shared.prove(self.column, request.point, request.goal, request.others)
        reads, reached = shared.passes, proof.bound <= request.goal
        return Judgement(
            proof.measure,
            proof.bound,
            reached,
            False,
            reads,
            reads - before,
            proof.others,
            request.point.z.slopes,
        )


class ClassAnswers(Answers):
    """Answers the requests of a solver for several classes."""

    def __init__(self, objective: PenalisedSoftmaxObjective) -> None:
        super().__init__(objective)
        self.penalised = objective

    def answer(self, request: Request) -> Any:
        return _OF_CLASSES[type(request)](self, request)

    def evaluate(self, request: Evaluate) -> Point:
        """Evaluate a point; the gradient of its loss is kept for the proof."""
        return self.known(self.penalised.point(request.theta))

    def step_in_model(self, request: StepInModel) -> ModelStep:
        """Return where a quadratic model is least."""
        return ModelStep(*self.penalised.step(*request))

    def judge(self, request: Judge) -> Judgement:
        """Judge a point by the gap to the dual problem."""
        (theta, evaluation, z), objective = request.point, self.penalised
        before = objective.passes
        self.scores = theta, z
        if not math.isfinite(evaluation.J):
            objective.check_finite(evaluation.J)
        measure, bound = objective.prove(request.point, request.goal)[:2]
        reads = objective.passes
        return Judgement(measure, bound, bound <= request.goal, False, reads, reads - before)


def answers_of(objective: Objective) -> Answers:
    """Return what answers a solver on an objective: its penalty has corners, or has none."""
    if isinstance(objective, PenalisedSoftmaxObjective):
        return ClassAnswers(objective)
    if isinstance(objective, ElasticNetObjective):
        return PenalisedAnswers(PenalisedGatherings(objective.shared), objective.column, objective)
    return Answers(objective)


_OF_CLASSES: dict[type, Callable[[ClassAnswers, Any], Any]] = {
    Evaluate: ClassAnswers.evaluate,
    WorkingHessian: lambda answers, request: answers.penalised.working_hessian(*request),
    Candidates: lambda answers, request: answers.penalised.candidates(*request),
    LargestStrength: lambda answers, request: answers.penalised.largest_strength(*request),
    StepInModel: ClassAnswers.step_in_model,
    AlongStep: lambda answers, request: answers.penalised.along(*request),
    Judge: ClassAnswers.judge,
    TakeSample: lambda answers, request: answers_of(answers.penalised.sampled(request.rows)),
    OnSample: lambda answers, request: request.sample.answer(request.request),
}
_ALONE: dict[type, Callable[[PenalisedAnswers, Any], Any]] = {
    Candidates: PenalisedAnswers.candidates,
    LargestStrength: PenalisedAnswers.largest_strength,
    StepInModel: PenalisedAnswers.step_in_model,
    StepOnColumns: PenalisedAnswers.step_on_columns,
    AlongStep: PenalisedAnswers.along_step,
    Judge: PenalisedAnswers.judge,
    FollowWhole: PenalisedAnswers.follow_whole,
    TakeSample: PenalisedAnswers.take_sample,
    OnSample: PenalisedAnswers.on_sample,
}
