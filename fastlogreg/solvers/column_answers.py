"""What solvers of several models on one X ask, answered from shared reads.

Each column of `objective.columns` has a solver of its own. What they ask in one round is gathered
by kind, and answered from one read of X. No z is kept, so that a line search takes reads too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backends import moments
from ..machine.blas import inner, norm
from ..maths import certificate
from ..maths.arrays import Vector
from ..maths.penalties import L2
from ..objective import proof
from ..objective.columns import Column, SharedColumns
from ..objective.point import Evaluation, Point
from .answers import Answers, Gathering
from .requests import (
    AlongLine,
    Estimate,
    EstimateHessian,
    Evaluate,
    EvaluateHessian,
    Judge,
    Judgement,
    LineValue,
    MeasureSpread,
    OnSample,
    PointWithHessian,
    Problem,
    ProveBySample,
    Request,
    Spread,
    TakeSample,
)

NEARBY = 1e-4  # of t: how far away the slope is taken once more for the curvature on a line

Asked = Sequence[tuple["ColumnAnswers", Any]]


class Gatherings:
    """The kinds of requests that columns on one X are answered together."""

    def __init__(self, shared: SharedColumns) -> None:
        self.shared = shared
        self.by_kind: dict[type, Gathering] = {
            Evaluate: self._evaluate,
            EvaluateHessian: self._evaluate_hessians,
            AlongLine: self._along_lines,
            Judge: self._judge,
        }
        design = shared.design
        self.spread: Spread | None = None
        self.lengths = 0.0
        # Of the mean of the examples, where it costs no read: see `proof.estimate`.
        if design.dense is not None and shared.intercept:
            mean = moments.sample_mean(design)
            self.lengths = 0.0 if mean is None else norm(mean)

    def _points(self, asked: Sequence[tuple[ColumnAnswers, Vector]]) -> list[Point]:
        return self.shared.evaluate(
            [answers.column for answers, _ in asked], [theta for _, theta in asked]
        )

    def _evaluate(self, asked: Asked) -> list[Point]:
        """Evaluate all, but for a point that a line search has just seen."""
        found = [answers.seen(request.theta) for answers, request in asked]
        new = [place for place, point in enumerate(found) if point is None]
        if new:
            points = self._points([(asked[place][0], asked[place][1].theta) for place in new])
            for place, point in zip(new, points):
                found[place] = point
        return [point for point in found if point is not None]

    def _evaluate_hessians(self, asked: Asked) -> list[PointWithHessian]:
        found = self.shared.evaluate_with_hessians(
            [answers.column for answers, _ in asked], [request.theta for _, request in asked]
        )
        return [PointWithHessian(point, H) for point, H in found]

    def _along_lines(self, asked: Asked) -> list[LineValue]:
        """Evaluate J on each line.

        The trial itself is known, and the curvature between the ends near enough. Elsewhere the
        curvature is from a second place close by, in the same read.
        """
        found = [_at_trial(line) if line.t == 1.0 else None for _, line in asked]
        new = [place for place, value in enumerate(found) if value is None]
        places = [(asked[k], t) for k in new for t in _nearby(asked[k][1].t)]
        points = (
            self._points(
                [(answers, line.start.theta + t * line.d) for (answers, line), t in places]
            )
            if new
            else []
        )
        for k, here, there in zip(new, points[::2], points[1::2]):
            answers, line = asked[k]
            slope, other = (inner(each.evaluation.gradient, line.d) for each in (here, there))
            t, near = _nearby(line.t)
            found[k] = LineValue(here.evaluation.J, slope, (other - slope) / (near - t))
            answers.last = here
        return [value for value in found if value is not None]

    def _judge(self, asked: Asked) -> list[Judgement]:
        """Judge points; one read, at a better b, where an estimate is within the goal and no
        proof."""
        found, unproved = [], []
        for place, (answers, request) in enumerate(asked):
            judgement = answers.judge(request)
            found.append(judgement)
            if judgement.measure <= request.goal and not judgement.reached and request.prove:
                unproved.append(place)
        if unproved:
            shifted = []
            for place in unproved:
                answers, request = asked[place]
                theta = request.point.theta.copy()
                theta[-1] -= _step_of_bias(request.point.evaluation)
                shifted.append((answers, theta))
            for place, point in zip(unproved, self._points(shifted)):
                answers, request = asked[place]
                found[place] = answers.proved(request, point)
        return found


class ColumnAnswers:
    """Answers the requests of one column's solver.

    gatherings: those of its X. The problem is described as one model's.
    """

    def __init__(self, gatherings: Gatherings, column: Column) -> None:
        self.gatherings, self.column = gatherings, column
        self.problem = describe(gatherings.shared, column.decay)
        self.last: Point | None = None  # that a line search has seen

    def seen(self, theta: Vector) -> Point | None:
        """Return the point that a line search saw last, if it is this one."""
        last = self.last
        return last if last is not None and np.array_equal(last.theta, theta) else None

    def answer(self, request: Request) -> Any:
        """Answer one request: see the table in `requests`."""
        gathering = self.gathering(request)
        if gathering is not None:
            return gathering([(self, request)])[0]
        return _ALONE[type(request)](self, request)

    def gathering(self, request: Request) -> Gathering | None:
        """Return what answers such requests of several columns together."""
        return self.gatherings.by_kind.get(type(request))

    def measure_spread(self, request: MeasureSpread) -> Spread:
        """Return mean and deviation of each feature, in a sample, as the column sees it."""
        gatherings, column = self.gatherings, self.column
        if gatherings.spread is None:
            design = gatherings.shared.design
            known = moments.moments(design)
            with np.errstate(over="ignore", invalid="ignore"):
                mean = design.scale * known.mean + design.shift
                deviation = np.abs(design.scale) * known.deviation
            gatherings.spread = Spread(mean, deviation, design.sample_size)
        mean, deviation, examples = gatherings.spread
        if column.scale.size:
            mean, deviation = column.scale * mean + column.shift, column.scale * deviation
        return Spread(mean, deviation, examples)

    def take_sample(self, request: TakeSample) -> Answers:
        """Return what answers for a problem of some of the column's examples."""
        shared, column = self.gatherings.shared, self.column
        alone = shared.alone(column)
        if column.scale.size:
            design, scale = alone.design, column.scale
            alone = alone.on(
                design.rescaled(scale * design.scale, scale * design.shift + column.shift)
            )
        return Answers(alone.sampled(request.rows))

    def on_sample(self, request: OnSample) -> Any:
        """Answer a request on a sample."""
        sample = request.sample
        assert isinstance(sample, Answers)  # what `take_sample` gave
        return sample.answer(request.request)

    def estimate_hessian(self, request: EstimateHessian) -> Estimate:
        """Return the Hessian at a point from some examples: two reads of X, one of them for z."""
        shared, column = self.gatherings.shared, self.column
        alone = shared.alone(column._replace(penalty=L2(0.0, column.total)))
        z = alone.scores(*column.fold(request.point.theta))
        H = alone.estimated_hessian(request.point._replace(z=z), request.rows)
        shared.passes += alone.passes
        return Estimate(shared.finished_hessian(column, column.total * H), shared.passes)

    def judge(self, request: Judge) -> Judgement:
        """Judge a point with what is known of it, without a read but for the radius."""
        evaluation, goal, H = request.point.evaluation, request.goal, request.H
        shared, column = self.gatherings.shared, self.column
        if not math.isfinite(evaluation.J):
            shared.design.require_finite()
        decay, before = column.decay, shared.passes
        if decay == 0.0:
            measure = float(np.abs(evaluation.gradient).max())
            separates = measure > goal and self._separates(evaluation)
            return Judgement(measure, np.inf, measure <= goal, separates, shared.passes)
        bound = np.inf
        if H is not None:
            measure = bound = proof.by_hessian(column, evaluation, H)
        else:
            gradient = evaluation.gradient
            size, db = norm(gradient[:-1]), abs(float(gradient[-1]))
            lengths = self.gatherings.lengths
            measure = certificate.suboptimality_bound(
                size, db, evaluation.curvature, lengths, decay
            )
            if measure <= goal:
                bound = shared.bound(column, evaluation)
        reads = shared.passes
        return Judgement(measure, bound, bound <= goal, False, reads, reads - before)

    def proved(self, request: Judge, at_best: Point) -> Judgement:
        """Judge a point by the one where b is better: what b can bring, and the bound there."""
        evaluation, shared = request.point.evaluation, self.gatherings.shared
        db, curvature = abs(float(evaluation.gradient[-1])), evaluation.curvature
        bound = np.inf
        if db < curvature:
            rho = db / curvature
            bound = db * rho / (1.0 - rho) + shared.bound(self.column, at_best.evaluation)
        measure = max(bound, np.nextafter(request.goal, np.inf)) if bound > request.goal else bound
        return Judgement(measure, bound, bound <= request.goal, False, shared.passes, 1)

    def _separates(self, evaluation: Evaluation) -> bool:
        """Tell whether every example must be on its own side: no loss of one is log 2."""
        least = self.gatherings.shared.smallest_weight(self.column)
        return evaluation.J * self.column.total < np.log(2.0) * least


def _at_trial(line: AlongLine) -> LineValue:
    """Return J and its slope at the trial of a line, and the curvature from the slope at its
    start."""
    slope = inner(line.trial.evaluation.gradient, line.d)
    before = inner(line.start.evaluation.gradient, line.d)
    return LineValue(line.trial.evaluation.J, slope, slope - before)


def _nearby(t: float) -> tuple[float, float]:
    """Return t, and a place close by."""
    return t, t + NEARBY * max(t, NEARBY)


def _step_of_bias(evaluation: Evaluation) -> float:
    """Return Newton's step along b alone."""
    curvature = evaluation.curvature
    return float(evaluation.gradient[-1]) / curvature if curvature > 0.0 else 0.0


_ALONE: dict[type, Callable[[ColumnAnswers, Any], Any]] = {
    MeasureSpread: ColumnAnswers.measure_spread,
    TakeSample: ColumnAnswers.take_sample,
    OnSample: ColumnAnswers.on_sample,
    ProveBySample: lambda answers, request: None,  # a column keeps no z to prove by
    EstimateHessian: ColumnAnswers.estimate_hessian,
}


def describe(shared: SharedColumns, decay: float) -> Problem:
    """Tell a column's solver what it may know: sizes, and that nothing compiled is for it."""
    design = shared.design
    return Problem(
        m=shared.m,
        n_x=shared.n_x,
        decay=decay,
        elements=design.elements,
        element_seconds=design.seconds_per_element,
        dense_seconds=design.SECONDS_PER_ELEMENT,
        hessian_work=design.hessian_work,
        few_features=design.few_features,
        has_kernels=shared.backend.has_kernels_for(design),
        has_gram=False,
        has_descents=False,
        has_newton_steps=False,
    )
