"""What solvers ask, answered from an objective: the one place where both are known.

`drive` runs solvers in rounds. In each round every one of them has asked one thing, and `together`
answers them all: that is where several models share a read of X (`column_answers`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..backends import moments
from ..maths.arrays import Vector
from ..objective import part
from ..objective.objective import Objective
from ..objective.point import Point
from . import by_examples, compiled
from .compiled_classes import CompiledClasses
from .requests import (
    AlongLine,
    Asking,
    BeginByNewton,
    Combine,
    Descend,
    DescendOnGram,
    Estimate,
    EstimateFactors,
    EstimateHessian,
    Evaluate,
    EvaluateHessian,
    FormGram,
    HessianAt,
    HessianProduct,
    Judge,
    Judgement,
    LineValue,
    MeasureAlikeness,
    MeasureSpread,
    OnSample,
    PointWithHessian,
    Problem,
    ProveBySample,
    Request,
    Spread,
    StepByExamples,
    StepByNewton,
    Stretch,
    TakeSample,
)


def describe(objective: Objective) -> Problem:
    """Tell a solver what it may know of an objective."""
    design = objective.design
    return Problem(
        m=objective.m,
        n_x=objective.n_x,
        decay=objective.decay,
        elements=design.elements,
        element_seconds=design.seconds_per_element,
        dense_seconds=design.SECONDS_PER_ELEMENT,
        hessian_work=design.hessian_work * objective.columns * (objective.columns + 1) / 2,
        few_features=design.few_features,
        has_kernels=objective.backend.has_kernels_for(design),
        has_gram=objective.has_gram and objective.penalty.plain,
        has_descents=compiled.is_compiled(objective),
        has_newton_steps=compiled.newton_is_compiled(objective),
        columns=objective.columns,
        read_of_bytes=design.dense is not None and design.dense.of_bytes,
        hessian_in_one_read=objective.hessian_in_one_read,
        n_threads=objective.n_threads,
    )


class Answers:
    """Answers the requests of one solver on one objective.

    What a request builds on is kept for the next one: the Gram matrix; until the next point is
    asked for, the line that is searched along, and da/dz where a Hessian is multiplied.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.renew()

    def renew(self) -> None:
        """Begin anew, under the penalty that the objective has now."""
        self.problem = describe(self.objective)
        self._gram: Vector | None = None
        self._start: tuple[Vector, Vector] | None = None  # w, and z there with b = 0
        self._newton: compiled.CompiledNewton | CompiledClasses | None = None
        self._line: tuple[Point, Point, Any] | None = None
        self._slopes: tuple[Point, Any] | None = None
        self._part: part.Part | None = None  # of the Hessian that was estimated last
        self.scores: tuple[Vector, Any] | None = None  # theta and z of the point judged last

    def answer(self, request: Request) -> Any:
        """Answer one request: see the table in `requests`."""
        return _WAYS[type(request)](self, request)

    def gathering(self, request: Request) -> Gathering | None:
        """Return None: this model is alone with its X."""
        return None

    def gram(self) -> Vector:
        """Return K = X.T X (m, m): a read of X the first time."""
        if self._gram is None:
            self._gram = self.objective.gram()
        return self._gram

    def _evaluate(self, request: Evaluate) -> Point:
        self.forget_line()
        if request.scores:
            return self.known(self.objective.point(request.theta))
        return self.objective.point(request.theta, scores=False)

    def forget_line(self) -> None:
        """Let go what was kept for the points so far: another is asked for."""
        self._line = self._slopes = None

    def _evaluate_hessian(self, request: EvaluateHessian) -> PointWithHessian:
        self._line = None
        if self.problem.has_newton_steps:
            point, H = self._compiled_newton().evaluate(request.theta)
        else:
            point, H = self.objective.point_with_hessian(request.theta)
        return PointWithHessian(self.known(point), H)

    def known(self, point: Point) -> Point:
        """Keep z of the first point: of a run that goes on, it is the one that was judged last."""
        if self.scores is None:
            self.scores = point.theta, point.z
        return point

    def _hessian_product(self, request: HessianProduct) -> Vector:
        if self._slopes is None or self._slopes[0] is not request.point:
            self._slopes = request.point, self.objective.slopes(request.point.z)
        return self.objective.hessian_product(request.v, self._slopes[1])

    def _estimate_hessian(self, request: EstimateHessian) -> Estimate:
        self._part = None  # the copies of its examples go before others come
        H, self._part = self.objective.hessian_of_part(request.point, request.rows)
        return Estimate(H, self.objective.passes)

    def _hessian_at(self, request: HessianAt) -> Vector:
        return self.objective.hessian_at(request.point)

    def _estimate_factors(self, request: EstimateFactors) -> Estimate:
        H = self.objective.estimated_factors(*request)
        return Estimate(H, self.objective.passes)

    def _combine(self, request: Combine) -> Vector:
        return self.objective.combine(request.c)

    def _measure_spread(self, request: MeasureSpread) -> Spread:
        objective = self.objective
        return Spread(*objective.sample_moments(), objective.design.sample_size)

    def _measure_alikeness(self, request: MeasureAlikeness) -> float:
        design = self.objective.design
        return np.nan if design.dense is None else moments.alikeness(design)

    def _take_sample(self, request: TakeSample) -> Answers:
        return Answers(self.objective.sampled(request.rows))

    def _on_sample(self, request: OnSample) -> Any:
        sample = request.sample
        assert isinstance(sample, Answers)  # what `_take_sample` gave
        return sample.answer(request.request)

    def _prove_by_sample(self, request: ProveBySample) -> None:
        sample = request.sample
        assert isinstance(sample, Answers)  # what `_take_sample` gave
        self._part = part.of_sample(self.objective, sample.objective, request.point.z)

    def _along_line(self, request: AlongLine) -> LineValue | None:
        start, d, trial, t = request
        if self._line is None or self._line[0] is not start or self._line[1] is not trial:
            self._line = start, trial, self.objective.line(start, d, trial)
        along = self._line[2]
        return None if along is None else LineValue(*along(t))

    def _judge(self, request: Judge) -> Judgement:
        objective, goal, before = self.objective, request.goal, self.objective.passes
        measure, bound = self.look(request)
        due = objective.has_bound and request.H is None and goal >= 0.0 and request.prove
        if due and measure <= goal and not bound <= goal:
            bound = objective.certify(*request.point)
        return self.judgement(request, measure, bound, objective.passes - before)

    def look(self, request: Judge) -> tuple[float, float]:
        """Return the measure of a point, and its bound where that takes no read."""
        (theta, evaluation, z), goal, H, _, inner, _ = request
        objective, measure, bound = self.objective, np.inf, np.inf
        self.scores = None if z is None else (theta, z)
        if not math.isfinite(evaluation.J):
            objective.check_finite(evaluation.J)
        if H is not None and objective.has_bound:
            measure = bound = objective.bound_by_hessian(evaluation, H)
        elif goal >= 0.0:
            measure = objective.measure(evaluation)
            if objective.has_bound and inner is not None and self._part is not None:
                bound = objective.bound_by_part(request.point, self._part, inner, goal)
                measure = min(measure, bound)
        return measure, bound

    def judgement(
        self, request: Judge, measure: float, bound: float, proof_reads: int
    ) -> Judgement:
        """Judge a point by its measure and its bound; proof_reads: those it took."""
        objective = self.objective
        reached = (bound if objective.has_bound else measure) <= request.goal
        separates = not reached and objective.separates_at(request.point)
        return Judgement(measure, bound, reached, separates, objective.passes, proof_reads)

    def _form_gram(self, request: FormGram) -> None:
        self.gram()
        if request.start is not None:
            self._start = request.start, self.objective.scores(request.start, 0.0)

    def _step_by_examples(self, request: StepByExamples) -> Vector:
        return by_examples.newton_step(self.objective, request.point, self.gram())

    def _descend(self, request: Descend) -> int:
        point, best, alpha, tol, limit, costs = request
        made = compiled.by_kernel(self.objective, point, best, alpha, tol, limit, costs)
        self.objective.check_finite(float(point[-3]))
        return made

    def _descend_on_gram(self, request: DescendOnGram) -> int:
        point, best, alpha, limit, costs = request
        assert self._start is not None  # from FormGram
        w0, z0 = self._start
        K = self.gram()
        return compiled.by_gram(self.objective, K, z0, w0, alpha, limit, point, best, costs)

    def _step_by_newton(self, request: StepByNewton) -> Stretch:
        start, H, count, tol, least = request
        return self._stretch(lambda newton: newton.steps(start, H, count, tol, least), tol)

    def _begin_by_newton(self, request: BeginByNewton) -> Stretch:
        newton = self._compiled_newton()
        assert isinstance(newton, CompiledClasses)  # of several classes
        stretch = self._stretch(lambda _: newton.begin(*request), request.tol)
        self.objective.check_finite(stretch.points[0].evaluation.J)
        return stretch

    def _stretch(self, steps: Callable[[Any], Any], tol: float) -> Stretch:
        """Make a stretch, by what is told the kernels' Newton."""
        objective = self.objective
        if objective.watch is not None:
            objective.watch()
        before = objective.passes
        points, bounds, H, reads = steps(self._compiled_newton())
        objective.passes += reads
        if points:
            self.scores = points[-1].theta, points[-1].z
        judgements = [Judgement(one, one, one <= tol, False, objective.passes) for one in bounds]
        return Stretch(points, judgements, H, before)

    def _compiled_newton(self) -> compiled.CompiledNewton | CompiledClasses:
        if self._newton is None:
            self._newton = compiled.newton_of(self.objective)
        return self._newton


_WAYS: dict[type, Callable[[Answers, Any], Any]] = {
    Evaluate: Answers._evaluate,
    EvaluateHessian: Answers._evaluate_hessian,
    HessianAt: Answers._hessian_at,
    HessianProduct: Answers._hessian_product,
    EstimateHessian: Answers._estimate_hessian,
    EstimateFactors: Answers._estimate_factors,
    Combine: Answers._combine,
    MeasureSpread: Answers._measure_spread,
    MeasureAlikeness: Answers._measure_alikeness,
    TakeSample: Answers._take_sample,
    OnSample: Answers._on_sample,
    ProveBySample: Answers._prove_by_sample,
    AlongLine: Answers._along_line,
    Judge: Answers._judge,
    FormGram: Answers._form_gram,
    StepByExamples: Answers._step_by_examples,
    Descend: Answers._descend,
    DescendOnGram: Answers._descend_on_gram,
    StepByNewton: Answers._step_by_newton,
    BeginByNewton: Answers._begin_by_newton,
}


class Gathering(Protocol):
    """Answers requests of one kind from several models together, in one read of X."""

    def __call__(self, asked: Sequence[tuple[Any, Any]]) -> list[Any]:
        """Answer them, in order."""


class Answering(Protocol):
    """What answers a solver's requests; several on one X may be answered together."""

    def answer(self, request: Request) -> Any:
        """Answer one request: see the table in `requests`."""

    def gathering(self, request: Request) -> Gathering | None:
        """Return what answers such requests of several models together; None if nothing does."""


def drive(*running: tuple[Answering, Asking[None]]) -> None:
    """Run solvers side by side until each has made its iterations, one request each in a round.

    One that has made them leaves the rounds.
    """
    if len(running) == 1:
        _drive_one(*running[0])
        return
    begun = [(answers, steps, None) for answers, steps in running]
    waiting: list[tuple[Answering, Asking[None], Any]] = begun
    while waiting:
        asked = []
        for answers, steps, answer in waiting:
            try:
                asked.append((answers, steps, steps.send(answer)))
            except StopIteration:  # it has made its iterations
                continue
        found = together([(answers, request) for answers, _, request in asked])
        waiting = [(answers, steps, one) for (answers, steps, _), one in zip(asked, found)]


def _drive_one(answers: Answering, steps: Asking[None]) -> None:
    """Run one solver, without the lists of a round."""
    answer = None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration:
            return
        answer = answers.answer(request)


def together(asked: Sequence[tuple[Answering, Request]]) -> list[Any]:
    """Answer the requests of one round, in order: one read of X for those that can share it."""
    found: list[Any] = [None] * len(asked)
    shared: dict[Gathering, list[int]] = {}
    for place, (answers, request) in enumerate(asked):
        gathering = answers.gathering(request)
        if gathering is None:
            found[place] = answers.answer(request)
        else:
            shared.setdefault(gathering, []).append(place)
    for gathering, places in shared.items():
        for place, one in zip(places, gathering([asked[place] for place in places])):
            found[place] = one
    return found
