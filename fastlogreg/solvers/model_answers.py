"""What solvers of several softmax models on one X ask, answered from shared reads.

Each has an objective and a solver of its own. What can share a read is gathered; the rest, which
needs none or is small beside one, is answered alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..objective import softmax_proof, softmax_sampled
from ..objective.point import Point
from ..objective.shared_models import Model, SharedModels
from .answers import Answers, Gathering
from .requests import (
    Estimate,
    EstimateFactors,
    EstimateHessian,
    Evaluate,
    Judge,
    Judgement,
    Request,
    TakeSample,
)

Asked = Sequence[tuple["ModelAnswers", Any]]


class ModelGatherings:
    """The kinds of requests that models on one X are answered together."""

    def __init__(self, shared: SharedModels) -> None:
        self.shared = shared

    def of_kind(self, kind: type) -> Gathering | None:
        """Return what answers requests of a kind together, None where they are answered alone."""
        # Not kept: in a circle of references z would outlive the models.
        found: dict[type, Gathering] = {Evaluate: self._evaluate, Judge: self._judge}
        if self.shared.in_blocks:  # else rows are copied from where they lie
            found[TakeSample] = self._take_samples
            found[EstimateHessian] = self._estimate_hessians
            found[EstimateFactors] = self._estimate_factors
        return found.get(kind)

    def _evaluate(self, asked: Asked) -> list[Point]:
        for answers, _ in asked:
            answers.forget_line()
        points = self.shared.points(
            [answers.model for answers, _ in asked], [request.theta for _, request in asked]
        )
        return [answers.known(point) for (answers, _), point in zip(asked, points)]

    def _judge(self, asked: Asked) -> list[Judgement]:
        """Judge points whose bounds are to be proved."""
        proofs = [
            (answers.model, softmax_proof.proof(answers.model.objective, *request.point))
            for answers, request in asked
        ]
        looked = [answers.look(request) for answers, request in asked]
        bounds = self.shared.together(proofs)
        return [
            answers.judgement(request, measure, bound, 0)
            for (answers, request), (measure, _), bound in zip(asked, looked, bounds)
        ]

    def _take_samples(self, asked: Asked) -> list[Answers]:
        """Take samples anew, of those who have none such."""
        new = [
            (answers.model, softmax_sampled.sample(answers.model.objective, request.rows))
            for answers, request in asked
            if not answers.has_sample(request)
        ]
        for (model, _), sample in zip(new, self.shared.together(new)):
            rows = next(request.rows for answers, request in asked if answers.model is model)
            model.sample = rows, sample
        return [answers.answer_by_sample(request) for answers, request in asked]

    def _estimate_hessians(self, asked: Asked) -> list[Estimate]:
        return self._estimates(asked, softmax_sampled.hessian_estimate)

    def _estimate_factors(self, asked: Asked) -> list[Estimate]:
        return self._estimates(asked, softmax_sampled.factor_estimate)

    def _estimates(self, asked: Asked, estimate: Any) -> list[Estimate]:
        running = [
            (answers.model, estimate(answers.model.objective, *request))
            for answers, request in asked
        ]
        found = self.shared.together(running)
        return [Estimate(H, answers.objective.passes) for (answers, _), H in zip(asked, found)]


class ModelAnswers(Answers):
    """Answers the requests of one model's solver; gatherings: those of its X."""

    def __init__(self, gatherings: ModelGatherings, model: Model) -> None:
        super().__init__(model.objective)
        self.gatherings, self.model = gatherings, model

    def answer(self, request: Request) -> Any:
        gathering = self.gathering(request)
        if gathering is not None:
            return gathering([(self, request)])[0]
        if isinstance(request, TakeSample):
            return self.answer_by_sample(request)
        return super().answer(request)

    def gathering(self, request: Request) -> Gathering | None:
        if isinstance(request, Judge) and not self._proof_is_due(request):
            return None
        if isinstance(request, Evaluate) and not request.scores:
            return None
        if isinstance(request, TakeSample) and self.has_sample(request):
            return None
        return self.gatherings.of_kind(type(request))

    def _proof_is_due(self, request: Judge) -> bool:
        """Tell whether `Answers` would read X to judge a point."""
        objective, evaluation = self.objective, request.point.evaluation
        if request.H is not None or not objective.has_bound or not request.prove:
            return False
        return math.isfinite(evaluation.J) and objective.measure(evaluation) <= request.goal

    def has_sample(self, request: TakeSample) -> bool:
        """Tell whether so many examples were taken before."""
        return self.model.sample is not None and self.model.sample[0] == request.rows

    def answer_by_sample(self, request: TakeSample) -> Answers:
        """Return what answers for a sample. The same one is for every penalty."""
        model, rows = self.model, request.rows
        if not self.has_sample(request):
            model.sample = rows, model.objective.sampled(rows)
        assert model.sample is not None
        kept = model.sample[1]
        return Answers(model.objective.like(kept.design, kept.labels, kept.weight, n_threads=1))
