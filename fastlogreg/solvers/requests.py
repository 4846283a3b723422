"""What a solver may ask, and what it is answered.

A solver is a generator. It yields one of the requests below and is sent the answer, so that it
reads from top to bottom and never touches X, labels or weights. `answers` answers one solver, or
several that ask side by side.

    request            answer                              reads of X
    Evaluate           Point                               1
    EvaluateHessian    PointWithHessian                    1 (2: sparse; several classes in blocks)
    HessianAt          H, of several classes               1
    HessianProduct     H v (n_x + 1,)                      1
    EstimateHessian    Estimate                            1
    EstimateFactors    Estimate, of several classes        1
    WorkingHessian     H of a working set and b            1
    Combine            X c (n_x,)                          1
    MeasureSpread      the spread of each column (n_x,)    none, a sample is looked at
    MeasureAlikeness   a number                            none, a sample is looked at
    TakeSample         Sample                              none, its rows are copied
    OnSample           the answer to a request, on it      none of X
    ProveBySample      None                                none
    AlongLine          LineValue, or None                  none
    Candidates         the features of a working set       none
    LargestStrength    a number                            none
    StepInModel        ModelStep                           none
    StepOnColumns      ModelStep                           none, new columns are copied
    AlongStep          a number                            none
    Judge              Judgement                           none; 1 or 2 near the goal, for a proof
    FormGram           None                                1 (2 with a start)
    StepByExamples     d (n_x + 1,)                        1
    Descend            iterations made                     1 for each iteration
    DescendOnGram      iterations made                     none
    StepByNewton       Stretch                             1 for each iteration
    BeginByNewton      Stretch, the start with it          1 for each point
    FollowWhole        FoundWhole                          as many as it takes

The last five make whole stretches, compiled. They are asked for where `Problem` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, Protocol, TypeVar

from ..maths.arrays import NONE, Vector
from ..objective.point import Point
from .penalised_requests import (
    AlongStep,
    Candidates,
    FollowWhole,
    LargestStrength,
    StepInModel,
    StepOnColumns,
    WorkingHessian,
)

Value = TypeVar("Value")


class Problem(NamedTuple):
    """What a solver knows of a problem before it asks: sizes, and what can be asked for.

    columns: of w, one for two classes. decay: lambda / S. elements: numbers that a read takes, for
    element_seconds each on one core; dense_seconds: the same for a dense X. hessian_work: products
    that a Hessian takes, as a dense one has them.
    """

    m: int
    n_x: int
    decay: float
    elements: int
    element_seconds: float
    dense_seconds: float
    hessian_work: float
    few_features: bool  # whether the kernels of few features are for it
    has_kernels: bool  # whether compiled kernels may be used at all
    has_gram: bool  # whether FormGram may be asked
    has_descents: bool  # whether Descend may be
    has_newton_steps: bool  # whether StepByNewton may be; BeginByNewton too, of several classes
    columns: int = 1
    has_whole_path: bool = False  # whether FollowWhole may be
    most_columns: int = 0  # features that StepOnColumns may be asked for
    read_of_bytes: bool = False  # as integers, in a fraction of the time of a read of numbers
    hessian_in_one_read: bool = True  # by EvaluateHessian; else HessianAt takes one of its own
    n_threads: int = 1  # that work on long vectors may use

    @property
    def size(self) -> int:
        """Return the length of theta."""
        return self.columns * (self.n_x + 1)


# ---------------------------------------------------------------- one read of X


class Evaluate(NamedTuple):
    """Ask for J and its gradient at theta = [w, b]; the `Point` has no z without `scores`."""

    theta: Vector
    scores: bool = True


class EvaluateHessian(NamedTuple):
    """Ask for a `Point` and the Hessian there."""

    theta: Vector


class PointWithHessian(NamedTuple):
    """Hold a point and the Hessian H (n_x + 1, n_x + 1) there."""

    point: Point
    H: Vector


class HessianAt(NamedTuple):
    """Ask for the Hessian of several classes at a point that was evaluated."""

    point: Point


class HessianProduct(NamedTuple):
    """Ask for H v, H being the Hessian at a point."""

    point: Point
    v: Vector


class EstimateHessian(NamedTuple):
    """Ask for the Hessian at a point from about `rows` examples, taken by their share in it."""

    point: Point
    rows: int


class EstimateFactors(NamedTuple):
    """Ask for an estimate of the blocks of the Hessian of several classes at a point.

    H (F, n_x + 1, n_x + 1) is one block for each class or, if shared, one for all of them. It is
    made of about `rows` examples.
    """

    point: Point
    rows: int
    shared: bool


class Estimate(NamedTuple):
    """Hold an estimated Hessian, and the reads of X so far."""

    H: Vector
    reads: int


class Combine(NamedTuple):
    """Ask for X c, the combination of the examples with coefficients c (m,)."""

    c: Vector


# ---------------------------------------------------------------- samples


class MeasureSpread(NamedTuple):
    """Ask for mean and deviation of each column, as the model sees it, from a sample."""


class Spread(NamedTuple):
    """Hold mean and deviation (n_x,) of so many examples: the answer to `MeasureSpread`."""

    mean: Vector
    deviation: Vector
    examples: int


class MeasureAlikeness(NamedTuple):
    """Ask for the mean square of the eigenvalues of the correlations between features, 1 where
    there are none; NaN where X is not dense."""


class TakeSample(NamedTuple):
    """Ask for a problem of about `rows` examples, both classes in their proportion."""

    rows: int


class Sample(Protocol):
    """A problem of some of the examples; `OnSample` takes it. A solver looks at `problem` alone."""

    @property
    def problem(self) -> Problem:
        """Tell what can be asked of the sample."""


class OnSample(NamedTuple):
    """Ask something of a sample instead of all of X."""

    sample: Sample
    request: Any


class ProveBySample(NamedTuple):
    """Ask that bounds be proved by the examples of a sample, where `inner` of `Judge` is its
    Hessian's inverse at `point`, a point of the sample."""

    sample: Sample
    point: Point


# ---------------------------------------------------------------- no read of X


class AlongLine(NamedTuple):
    """Ask for J at start + t d, from z at start and at the trial, which is the point at t = 1."""

    start: Point
    d: Vector
    trial: Point
    t: float


class LineValue(NamedTuple):
    """Hold J and its first two derivatives by t."""

    J: float
    slope: float
    curvature: float


class Judge(NamedTuple):
    """Ask how far a point is from the optimum. A goal below 0 asks for no measure.

    H is the Hessian there, where the solver has it: then a bound is proved without a read of X.
    So it is where `inner`, g -> H^-1 g, is of the last `EstimateHessian` or `ProveBySample`, and
    tells that the goal is near. Else the proof takes reads, and is made where an estimate is within
    the goal, if `prove`.
    Where J is not finite there, X is searched for the NaN or infinity that caused it.

    others: what earlier judgements told of the dual problem, by which a proof may take no read.
    None asks for nothing of the kind.
    """

    point: Point
    goal: float
    H: Vector | None = None
    prove: bool = True
    inner: Callable[[Vector], Vector] | None = None
    others: tuple[Any, ...] | None = None


class Judgement(NamedTuple):
    """Say how far a point is from the optimum.

    measure: with lambda = 0 the largest gradient component; else the bound on J - J* by a Hessian,
    or an estimate of what a read would prove. bound: proved, infinite where nothing is. reached:
    the goal is. separates: lambda is 0 and the point separates the classes; not looked at where the
    goal is reached, nor without z. reads: of X so far. proof_reads: those for this bound. others:
    what to give to the next judgement; slopes: the gradient of the mean loss. Both may be none.
    """

    measure: float
    bound: float
    reached: bool
    separates: bool
    reads: int
    proof_reads: int = 0
    others: tuple[Any, ...] = ()
    slopes: Vector = NONE


# ---------------------------------------------------------------- the m-by-m domain


class FormGram(NamedTuple):
    """Ask that K = X.T X be formed and kept, and z at w = start, b = 0 for `DescendOnGram`."""

    start: Vector | None = None


class StepByExamples(NamedTuple):
    """Ask for Newton's step d at a point, by equations in K."""

    point: Point


# ---------------------------------------------------------------- whole stretches


class Descend(NamedTuple):
    """Ask for up to len(costs) iterations of gradient descent, which change point, best and costs.

    point and best: [w, b, J, gradient norm, measure]. It ends early where the measure is within
    tol, or J is not below limit.
    """

    point: Vector
    best: Vector
    alpha: float
    tol: float
    limit: float
    costs: Vector


class DescendOnGram(NamedTuple):
    """Ask for the iterations of `Descend` on K, from the start given to `FormGram`.

    point and best: [c (m,), s, b, J] of w = s start + X c.
    """

    point: Vector
    best: Vector
    alpha: float
    limit: float
    costs: Vector


class StepByNewton(NamedTuple):
    """Ask for up to `iterations` whole steps of Newton's method from a point with its Hessian.

    There are fewer where the measure falls to tol, or the next step is not a plain one. least: the
    share of its diagonal below which a pivot is rounding.
    """

    start: Point
    H: Vector
    iterations: int
    tol: float
    least: float


class BeginByNewton(NamedTuple):
    """Ask for the same from theta, which is evaluated and judged first, whatever comes then."""

    theta: Vector
    iterations: int
    tol: float
    least: float


class Stretch(NamedTuple):
    """Hold the points of a stretch as they were judged, the Hessian at the last one, and the reads
    of X before it."""

    points: list[Point]
    judgements: list[Judgement]
    H: Vector
    reads_before: int


Request = (
    Evaluate
    | EvaluateHessian
    | HessianAt
    | HessianProduct
    | EstimateHessian
    | EstimateFactors
    | Combine
    | MeasureSpread
    | MeasureAlikeness
    | TakeSample
    | OnSample
    | ProveBySample
    | AlongLine
    | WorkingHessian
    | Candidates
    | LargestStrength
    | StepInModel
    | StepOnColumns
    | FollowWhole
    | AlongStep
    | Judge
    | FormGram
    | StepByExamples
    | Descend
    | DescendOnGram
    | StepByNewton
    | BeginByNewton
)
Asking = Generator[Request, Any, Value]  # what yields requests, and returns a Value


def on_sample(sample: Sample, steps: Asking[Value]) -> Asking[Value]:
    """Let what `steps` asks be answered on a sample."""
    answer = None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration as ended:
            value: Value = ended.value
            return value
        answer = yield OnSample(sample, request)
