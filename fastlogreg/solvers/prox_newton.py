"""Newton's method for J with a penalty that has corners: L1, the elastic net, bounds.

    a read           J, the gradient by every feature, and the gap to the dual problem
    working set      the features that are not 0, and those that want to move
    another read     the Hessian by the working set and b alone
    no read          coordinate descent in the quadratic model: the next w

The gap is a proved bound on J - J*. A Hessian is kept while the gap falls fast enough with it: it
costs as much as several reads where the working set is large. A step that does not bring J down is
shortened with z of both ends, without a read.

From w = 0 the penalty begins near the strength at which the first feature moves, and weakens a step
at a time. So the working set grows with what is needed, and stays small.

Source: Friedman, Hastie & Tibshirani, "Regularization paths for generalized linear models via
coordinate descent" (2010), with the dual gap of Fercoq, Gramfort & Salmon (2015).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector
from ..objective.point import Point
from .base import Field, Saved, Schema, Settings
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
    Asking,
    Evaluate,
    Judge,
    Judgement,
    Problem,
    Sample,
    TakeSample,
    on_sample,
)
from .state import STALLED, State
from .trail import Trail, fit

SCHEMA: Schema = {
    "prox_newton": (
        Field("evaluated", kind=bool),
        Field("share"),
        Field("best_rate"),
        Field("last_measure"),
        Field("model_theta", "T", optional=True),
        Field("model_features", "P", optional=True),
    )
}

WEAKEN = 0.2  # of the strength, from one step to the next on the way to the penalty asked for
FEW = 64  # features up to which the working set is all of them
# Of the sample to begin with: rows at least, and for a feature; how many times as many there must
# be; of what a sample cannot tell, what its optimum is found to; and the steps at most.
LEAST_ROWS, ROWS_PER_FEATURE, LEAST_SHARE, ENOUGH, MOST_ON_SAMPLE = 2000, 8, 4, 0.02, 40
SECONDS_PER_PRODUCT = 1.2e-11  # of one of the products of a Hessian, on one core
SECONDS_PER_ENTRY = 4e-9  # of a Hessian, in a step
FRESH_RATE = (
    1e-3  # of the gap: what is expected to be left after a step with a Hessian of its point
)
LEFT_ON_COLUMNS = 0.1  # of the gap, on the columns of a working set
FEW_COLUMNS = 128  # that are 0 and may come in at a time, at least
ACCEPTED_FALL = 1e-3  # of what the model promised
SHORTEST = 1e-4  # of a step
LARGEST_SLACK = 0.1  # of l1: slopes may move as much before a working set is taken anew
LEFT_OF_TOL = 1e-3  # where the descent in a model ends
PATH_SLACK = 0.3  # the same along a path, where the penalties to come need more of them
TOO_SMALL_FOR_J = 1e-12  # of J: a fall that the rounding of J may hide


def centres(problem: Problem) -> bool:
    """Tell whether columns far from 0 are centred: where all of X is read, not its non-zeros.

    On the columns of a working set b is eliminated, which is as good: a mean would take a read.
    """
    return problem.elements == problem.m * problem.n_x and not problem.most_columns


class Model(NamedTuple):
    """Hold a working set and the Hessian by it and b, at theta."""

    features: NDArray[np.intp]
    H: Vector
    theta: Vector


class ProxNewton:
    """Advances a `State` by whole iterations. saved: what `state_arrays` gave."""

    def __init__(
        self, problem: Problem, state: State, settings: Settings, saved: Saved | None = None
    ) -> None:
        self.problem, self.state, self.tol = problem, state, settings.tol
        self.point: Point | None = None
        self.model: Model | None = None
        self.share = np.nan  # of the penalty that a step is made with, over the one asked for
        self.saved = saved
        self.best_rate, self.last_measure = FRESH_RATE, math.inf
        if saved is not None:
            self.share, self.best_rate = saved["share"], saved["best_rate"]
            self.last_measure = saved["last_measure"]
        # The gap is of first order in what is left of a slope, and that is the root of this.
        self.left = (LEFT_OF_TOL * max(0.0, settings.tol)) ** 2
        self.whole = settings.whole if problem.has_whole_path else 0
        self.path: Trail | None = None  # where the penalties before have led, along a path

    def begin_at(self, point: Point, last: ProxNewton | None) -> None:
        """Stand at a point, with what the solver of a penalty close by has found."""
        self.point, self.share, self.path = point, 1.0, Trail()
        if last is not None:
            self.model, self.best_rate = last.model, last.best_rate
            self.path = last.path or self.path

    def begin_judged(self, judgement: Judgement) -> None:
        """Take over what was said of the point to begin at."""
        assert self.point is not None  # both are from `begin_at`
        assert self.path is not None
        self.state.take(self.point, judgement)
        if not judgement.slopes.size:
            self.path = None  # of several classes no slopes are told
            return
        self.path.begin(self.point.theta, judgement.slopes)
        self.path.slopes = judgement.slopes
        self.path.others = judgement.others or self.path.others

    def judge(self, point: Point) -> Asking[Judgement]:
        """Ask how far a point is from the optimum; along a path, with what that has told so far."""
        judgement: Judgement = yield Judge(point, self.tol, others=self.known_others)
        if self.path is not None and judgement.others:
            self.path.others = judgement.others
        return judgement

    @property
    def known_others(self) -> tuple[Any, ...] | None:
        """Return what judgements have told of the dual problem, along a path."""
        return None if self.path is None else self.path.others

    def state_arrays(self) -> dict[str, Any]:
        """Return what to go on from."""
        values = {
            "method": "prox_newton",
            "evaluated": self.point is not None,
            "share": self.share,
            "best_rate": self.best_rate,
            "last_measure": self.last_measure,
        }
        if self.model is not None:
            values["model_theta"] = self.model.theta
            values["model_features"] = self.model.features.astype(np.float64)
        return values

    def prepare(self) -> Asking[None]:
        """Bring back the point of a run that goes on, and the Hessian that it has kept."""
        saved = self.saved
        if saved is None or not saved["evaluated"]:
            return
        self.point = yield Evaluate(self.state.theta)
        if "model_theta" in saved:
            at: Point = yield Evaluate(saved["model_theta"])
            features = saved["model_features"].astype(np.intp)
            H: Vector = yield WorkingHessian(at, features)
            self.model = Model(features, H, at.theta)

    def advance(self, count: int) -> Asking[None]:
        """Make up to `count` iterations; state.stop is set where they end for a reason."""
        end = self.state.iteration + count  # a call for all of them may go further
        if self.point is None:
            if math.isnan(self.share) and self.saved is None:
                yield from self._begin()
            point: Point = yield Evaluate(self.state.theta)
            judgement = yield from self.judge(point)
            self.point = point
            self.state.take(point, judgement)
        while self.state.stop is None and self.state.iteration < end:
            yield from self._iterate(self.point)

    def _begin(self) -> Asking[None]:
        """Begin near the optimum: of a small X nothing is left to do there."""
        if not self.whole:
            yield from self._begin_on_sample()
            return
        found: FoundWhole = yield FollowWhole(self.state.theta, self.tol, self.whole)
        self.state.theta, self.share = found.theta, 1.0
        self.state.costs.extend(found.costs.tolist())
        self.state.iteration += len(found.costs)

    def _begin_on_sample(self) -> Asking[None]:
        """Begin at the optimum of some of the examples, to the accuracy that these have.

        A Hessian of a working set is as much cheaper there as the examples are fewer.
        """
        problem = self.problem
        rows = max(LEAST_ROWS, ROWS_PER_FEATURE * problem.n_x)
        if problem.m < LEAST_SHARE * rows or self.state.theta[:-1].any() or not problem.has_kernels:
            return
        sample: Sample = yield TakeSample(rows)
        state = State(self.state.theta)
        tol = max(self.tol, ENOUGH * problem.n_x / rows)
        inner = ProxNewton(sample.problem, state, Settings(tol))
        inner.share = math.inf  # from a strength at which no weight moves
        yield from on_sample(sample, inner.advance(MOST_ON_SAMPLE))
        self.state.theta, self.share = state.theta, 1.0

    def _iterate(self, start: Point) -> Asking[None]:
        share = yield from self._strength(start)
        model, fresh = None, True
        found = yield from self._on_columns(start, share)
        if found is None:
            model, fresh = yield from self._model_for(start, share)
            H = model.H
            if self.path is not None and not self.state.iteration:
                H = self.path.ahead(model.features, H)
            found = yield StepInModel(start, model.features, H, share, self.left)
        smallest = 2.0**-53 * abs(start.evaluation.J)
        if not found.fall > smallest and not fresh:
            # What this model cannot tell a fresh one may.
            model, fresh = yield from self._new_model(start, share)
            found = yield StepInModel(start, model.features, model.H, share, self.left)
        # The gap is of first order in what is left, J of second: it falls when J cannot any more.
        halved = 16.0 * smallest < self.state.measure <= 0.5 * self.last_measure
        stalls = 0 if found.fall > smallest or share > 1.0 or halved else self.state.stalls + 1
        if stalls >= STALLED or np.array_equal(found.theta, start.theta):
            if share > 1.0:
                self.share = max(1.0, WEAKEN * share)
                return
            self.state.stop = "precision"
            return
        trial: Point = yield Evaluate(found.theta)
        judgement: Judgement | None = None
        if found.fall <= TOO_SMALL_FOR_J * abs(start.evaluation.J) and share == 1.0:
            # J's rounding, which is that of z too, may hide such a fall; the gap tells of it.
            judgement = yield from self.judge(trial)
        whole = judgement is not None and judgement.measure <= 0.5 * self.state.measure
        if not whole:
            shortened, whole = yield from self._shortened(start, trial, found.fall, share)
            if np.array_equal(shortened.theta, start.theta):
                if fresh:
                    self.state.stop = "precision"
                self.model = None
                return
            if shortened is not trial:
                trial, judgement = shortened, None
        if judgement is None:
            judgement = yield from self.judge(trial)
        before = self.last_measure = self.state.measure
        self.state.costs.append(start.evaluation.J)
        self.state.iteration, self.state.stalls = self.state.iteration + 1, stalls
        self.point, self.share = trial, share
        self.model = model
        if self.path is not None:
            self._fit(model, start, trial, judgement.slopes)
        self.state.take(trial, judgement)
        keep = whole and share == 1.0 and model is not None
        if not (keep and self._worth_keeping(before, judgement.measure, fresh)):
            self.model = None

    def _on_columns(self, start: Point, share: float) -> Asking[ModelStep | None]:
        """Return the step on the columns of a working set, where X is wide and the set small."""
        most = self.problem.most_columns
        if not most:
            return None
        gap, J = self.state.measure, start.evaluation.J
        near = share == 1.0 and gap < J
        ahead = share * (1.0 - (min(LARGEST_SLACK, math.sqrt(gap / J)) if near else LARGEST_SLACK))
        new = max(FEW_COLUMNS, np.count_nonzero(start.theta[:-1]) // 2)
        features: NDArray[np.intp] = yield Candidates(start, ahead, new)
        if features.size > most:
            return None
        goal = max(0.5 * self.tol, LEFT_ON_COLUMNS * gap) if share == 1.0 else 0.0
        found: ModelStep = yield StepOnColumns(start, features, share, goal)
        return found

    def _fit(self, model: Model | None, start: Point, trial: Point, slopes: Vector) -> None:
        """Make the model's Hessian, if there is one, fit the step that was made, along a path."""
        assert self.path is not None
        if model is not None:
            s, y = trial.theta - start.theta, slopes - self.path.slopes
            curvatures = start.evaluation.curvature, trial.evaluation.curvature
            fit(model.H, model.features, s, y, curvatures)
        self.path.slopes = slopes

    def _strength(self, start: Point) -> Asking[float]:
        """Return the strength of the penalty for the next step, over the one asked for."""
        if not math.isfinite(self.share):
            largest: float = yield LargestStrength(start)
            self.share = max(1.0, largest)
        return max(1.0, WEAKEN * self.share) if self.share > 1.0 else 1.0

    def _model_for(self, start: Point, share: float) -> Asking[tuple[Model, bool]]:
        """Return a model that has every feature that a step should look at, and if it is new."""
        if self.model is not None:
            wanted: NDArray[np.intp] = yield Candidates(start, share, self._most(start))
            if np.isin(wanted, self.model.features, assume_unique=True).all():
                return self.model, False
        found = yield from self._new_model(start, share)
        return found

    def _new_model(self, start: Point, share: float) -> Asking[tuple[Model, bool]]:
        every_feature = self.problem.columns * self.problem.n_x <= FEW
        ahead = 0.0 if every_feature else share * (1.0 - self._slack(start, share))
        features: NDArray[np.intp] = yield Candidates(start, ahead, self._most(start))
        every = self.problem.columns * self.problem.n_x
        if 2 * features.size > every:  # then all of them, once for all
            features = yield Candidates(start, 0.0, every)
        H: Vector = yield WorkingHessian(start, features)
        return Model(features, H, start.theta), True

    def _slack(self, start: Point, share: float) -> float:
        """Return how far below its l1 a slope may be that is likely to come up to it yet."""
        if self.path is not None:
            return PATH_SLACK
        if share > 1.0 or not self.state.measure < start.evaluation.J:
            return LARGEST_SLACK
        return min(LARGEST_SLACK, math.sqrt(self.state.measure / start.evaluation.J))

    def _most(self, start: Point) -> int:
        """Return how many features that are 0 a working set may take in."""
        return max(FEW, 2 * int(np.count_nonzero(start.theta[:-1])))

    def _shortened(
        self, start: Point, trial: Point, fall: float, share: float
    ) -> Asking[tuple[Point, bool]]:
        """Return the trial where J fell enough, else a point on the way to it; and if it is whole.

        It is start where no point is better.
        """
        before: float = yield AlongStep(start, trial, 0.0, share)
        rounding = 1e-14 * abs(before)
        after: float = yield AlongStep(start, trial, 1.0, share)
        if after <= before - ACCEPTED_FALL * fall + rounding:
            return trial, True
        t, best, at = 0.5, math.inf, 0.0
        while t >= SHORTEST:
            value: float = yield AlongStep(start, trial, t, share)
            if value < best:
                best, at = value, t
            elif best < before:
                break
            t *= 0.5
        if not best < before - rounding:
            return start, False
        found: Point = yield Evaluate(start.theta + at * (trial.theta - start.theta))
        return found, False

    def _worth_keeping(self, before: float, after: float, fresh: bool) -> bool:
        """Tell whether the Hessian at hand is likely to take less time than a new one."""
        if self.tol < 0.0:
            return False
        if not 0.0 < after < before < math.inf:
            return False
        if fresh:
            self.best_rate = min(self.best_rate, after / before)
        if after <= self.tol or self.model is None:
            return True
        decades = math.log(self.tol / after) if self.tol > 0.0 else math.log(1e-16)
        as_it_is = decades / math.log(after / before)
        anew = max(1.0, decades / math.log(min(self.best_rate, 0.5)))
        size, used = self.model.features.size, int(np.count_nonzero(self.state.theta))
        new_size = min(size, 2 * used + FEW)
        steps = as_it_is * self._reads_of_step(size), anew * self._reads_of_step(new_size)
        return steps[0] <= steps[1] + self._reads_of_hessian(new_size)

    def _reads_of_step(self, size: int) -> float:
        """Return what a step with a working set of this size takes, in passes."""
        seconds = float(size) ** 2 * SECONDS_PER_ENTRY
        return 1.0 + seconds / (self.problem.elements * self.problem.element_seconds)

    def _reads_of_hessian(self, size: int) -> float:
        """Return what a Hessian of a working set takes, in passes."""
        problem = self.problem
        share = (size + 1.0) / (problem.n_x + 1.0)
        products = problem.hessian_work * share * share
        return 0.5 + products * SECONDS_PER_PRODUCT / (problem.elements * problem.element_seconds)
