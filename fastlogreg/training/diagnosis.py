"""Why a training run did not give what was asked for, in one text with its remedy; nothing where
all is well.

With lambda = 0 an optimum may not exist, or not be unique. Two matrices of (n_x + 1, n_x + 1) tell:
the Hessian H0 at 0, which is X1 X1.T / 4S with X1 = X and a row of ones, and the Hessian H at the
point found, H <= H0 in every direction.

    H0 v = 0               columns are linearly dependent: constant, duplicated, or categories that
                           sum to one
    v.H v << v.H0 v        along v only examples move whose a (1 - a) has vanished; if v moves each
                           of them to its own side and no other example, the cost falls along v for
                           ever: quasi-complete separation (Albert & Anderson, On the existence of
                           maximum likelihood estimates, 1984)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from ..backends import moments
from ..machine.blas import eigh, inner
from ..maths import logistic
from ..maths.arrays import NONE, Vector
from ..objective import proof
from ..objective.objective import Objective
from ..objective.point import Evaluation, Point
from ..objective.separation import MarginChange
from ..objective.softmax import SoftmaxObjective
from ..solvers.result import TrainingResult
from . import several

LARGEST, MOST_WORK = (
    1000,
    1e10,
)  # n_x, and m n_x^2, up to which the two matrices are worth their time: about 0.3 s
LEAST_ITERATIONS = 100  # of a run that is expected to come near the optimum
HURRIED = 30  # where max_seconds is used up: times less of it, and of elements of X to read
OVERFLOW = (
    "X has values whose squares overflow float64, so nothing can be said of how near the optimum "
    "is: give X in other units "
    "(scale=, or standardize=True)"
)
NOT_FINITE = (
    "the cost is not a finite number at the w and b returned, which are therefore of no use: X, or "
    "w and b at the start, are so large that it overflows. Give X in other units (scale=, or "
    "standardize=True), and begin from w = 0"
)
FAR = 0.95  # of J: where a step in units of each column's spread brings J below, it is far above J*
STEPS, SAMPLE_ELEMENTS = 4.0 ** np.arange(-3, 4), 1 << 17  # of such a step, of the sample
NOT_EVALUATED = Evaluation(np.nan, NONE, np.nan)
VANISHED = 1e-4  # of v.H0 v, and 1e-3 of the largest move for an example that does not move


def explain(
    objective: Objective,
    result: TrainingResult,
    tol: float | None,
    curvature: float,
    names: Sequence[str] | None,
    far: bool = False,
    without_penalty: str | None = None,
) -> str | None:
    """Return the text of the one warning that this result deserves, or None.

    curvature: L, or NaN where it is not known. far: whether rounding was the end before the solver
    had what tol asks for. without_penalty: the text of `examine_without_penalty`.
    """
    if result.stop_reason == "interrupted":
        return _interrupted(objective, result)
    safe = 2.0 / curvature if curvature > 0 else np.inf
    if not np.isfinite(result.cost):
        return NOT_FINITE
    if result.stop_reason == "diverged":
        return (
            f"the cost grew without end after {result.iterations} iterations, so training "
            "stopped with the best w and b "
            f"seen (cost {result.cost:.6g}): alpha = {result.alpha:.6g} is too large for this "
            "data. The largest safe "
            f'value is 2/L = {safe:.6g}; alpha="auto" takes 1/L'
        )
    if result.stop_reason == "separable":
        return _separable(result)
    text = without_penalty
    if text is None and result.alpha > safe:
        text = (
            f"alpha = {result.alpha:.6g} is above 2/L = {safe:.6g}, the largest value for which "
            "the cost is sure to "
            f'decrease in every iteration; alpha="auto" takes 1/L'
        )
    if text is None and tol is not None and result.stop_reason in ("iterations", "max_seconds"):
        text = _not_converged(objective, result, tol, names)
    if text is None and result.stop_reason == "precision":
        if not objective.has_bound:
            return (
                _not_converged(objective, result, tol, names) if far and tol is not None else None
            )
        # J >= 0: a bound above J says nothing.
        if result.suboptimality_bound == np.inf:
            text = OVERFLOW if np.isfinite(result.gradient_norm) or tol is not None else None
        elif result.suboptimality_bound > max(tol or 0.0, result.cost):
            text = _not_converged(objective, result, tol, names)
    if text is None and tol is None and result.stop_reason == "iterations":
        text = _far_from_optimum(objective, result, names)
    return text


def _reached(objective: Objective, result: TrainingResult) -> str:
    """Return how near the optimum the run came."""
    if objective.has_bound:
        return f"the bound on cost - optimum is {result.suboptimality_bound:.3g}"
    return f"the largest gradient component is {result.gradient_norm:.3g}"


def _interrupted(objective: Objective, result: TrainingResult) -> str:
    return (
        f"interrupted by Ctrl-C after {result.iterations} iterations: w and b are what was "
        f"found (cost {result.cost:.6g}, {_reached(objective, result)}). Train on from them, or "
        "from a checkpoint, for the optimum"
    )


def _separable(result: TrainingResult) -> str:
    return (
        "the classes are completely separable and lambda_ is 0: w and b put every example on "
        "its own side, so the "
        "cost has no minimum and falls to 0 as they grow. They are returned as found (cost "
        f"{result.cost:.3g}): their "
        "direction separates, their length means nothing. Set lambda_ above 0 (C below "
        "infinity) for an optimum"
    )


def _not_converged(
    objective: Objective, result: TrainingResult, tol: float | None, names: Sequence[str] | None
) -> str:
    """Return what was reached of what was asked for, and the columns whose scale stands out."""
    reached = _reached(objective, result)
    asked = "" if tol is None else f", tol asks for {tol:.3g}"
    text = f"not converged after {result.iterations} iterations: {reached}{asked}. "
    if result.stop_reason == "precision":
        text = f"rounding lets no step lower the cost any more, but {reached}{asked}. "
    columns = _columns_of_another_scale(objective.sample_spread(), names)
    if columns:
        return text + columns
    more = (
        "Give X in other units (scale=)"
        if result.stop_reason == "precision"
        else "Allow more iterations"
    )
    return f'{text}{more}, raise lambda_, or use solver="auto"'


def _columns_of_another_scale(spread: Vector, names: Sequence[str] | None) -> str:
    """Return the columns whose spread stands out, with the remedy; empty where none does."""
    ordered = np.sort(spread)  # `np.median` takes five times as long
    typical = 0.5 * float(ordered[(len(spread) - 1) // 2] + ordered[len(spread) // 2])
    worst = [int(j) for j in np.argsort(spread)[::-1][:3] if spread[j] > 10.0 * typical > 0.0]
    if not worst:
        return ""
    listed = ", ".join(f"{_name(j, names)} ({spread[j]:.3g})" for j in worst)
    return (
        "Columns on another scale than the others (median standard deviation "
        f"{typical:.3g}): {listed}. "
        'Standardise them (scale and shift, or standardize=True), use solver="auto", or '
        "allow more iterations"
    )


def _far_from_optimum(
    objective: Objective, result: TrainingResult, names: Sequence[str] | None
) -> str | None:
    """Return a run without tol that made all its iterations, on columns of several scales.

    A sample tells: one step along the gradient, each column in units of its own spread, lowers J
    at once by more than a twentieth.
    """
    design = objective.design
    if result.iterations < LEAST_ITERATIONS or not design.has_examples_at_hand:
        return None
    if not _columns_of_another_scale(objective.sample_spread(), names):
        return None
    step = max(1, objective.m // max(64, SAMPLE_ELEMENTS // objective.n_x))
    s = objective.weight_of_each[::step]
    if not s.any():
        return None
    s = s / s.sum()
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        x = design.every(step) * design.scale + design.shift
        mean = s @ x
        x -= mean
        spread = np.sqrt(np.einsum("i,ij,ij->j", s, x, x))
        columns = _columns_of_another_scale(spread, names)
        size = np.where(spread > 0.0, spread, np.inf) ** 2
        falls = several.falls if objective.columns > 1 else _falls
        J, steps = falls(objective, result, x, mean, step, size)
    least = min(steps)
    if not columns or not least < FAR * J:
        return None
    return (
        f"far from the optimum after all {result.iterations} iterations: one step in units of each "
        f"column's own spread brings the cost of a sample from {J:.3g} to {least:.3g}. {columns}"
    )


def _falls(
    objective: Objective, result: TrainingResult, x: Vector, mean: Vector, step: int, size: Vector
) -> tuple[float, Vector]:
    """Return J of a sample, and J after steps along the gradient in units of each column.

    x: each step-th example less their mean. size (n_x,): squared spreads.
    """
    s, y, w = objective.weight_of_each[::step], objective.targets[::step], result.w[:, 0]
    s, hard = s / s.sum(), objective.y[::step]
    sign, between = 1.0 - 2.0 * hard, s * (y - hard)
    z = x @ w + inner(mean, w) + result.b
    dz = s * (logistic.sigmoid(z) - y)
    move = -(x @ ((dz @ x + objective.decay * w) / size)) - 4.0 * float(dz.sum())

    def loss(z: Vector) -> float:
        found = float(s @ np.logaddexp(0.0, sign * z))
        return found if objective.hard_labels else found - inner(between, z)

    return loss(z), np.array([loss(z + t * move) for t in STEPS])


class Finding(NamedTuple):
    """Hold what was found of a result with lambda = 0: a warning, and a proved bound."""

    text: str | None
    bound: float


NOTHING = Finding(None, np.inf)


def examine_without_penalty(
    objective: Objective, result: TrainingResult, tol: float | None, names: Sequence[str] | None
) -> Finding:
    """Look for what lambda = 0 allows: separable classes, dependent columns, quasi-separable ones.

    Where none of these is found, a bound on J - J* may be proved. At most four reads of X, which
    `passes` does not count.
    """
    ended = result.stop_reason in ("converged", "precision") or (
        tol is not None and result.stop_reason in ("iterations", "max_seconds")
    )
    if objective.has_bound or not ended or not np.isfinite(result.cost):
        return NOTHING
    work = objective.m * (objective.columns * objective.n_x) ** 2
    if (
        result.stop_reason == "max_seconds"
        and max(work, 3 * objective.design.elements) > MOST_WORK / HURRIED
    ):
        return NOTHING
    theta = objective.taken(result.w, result.b)
    z = objective.scores_at(theta)
    if objective.separates_at(Point(theta, NOT_EVALUATED, z)):
        return Finding(_separable(result), np.inf)
    if objective.columns * objective.n_x > LARGEST or work > MOST_WORK:
        return NOTHING
    if objective.columns > 1:
        return _of_several(objective, theta, z, result, names)
    w, b = result.w[:, 0], result.b
    objective, b = _about_the_mean(objective, w, b)
    _, H0 = objective.hessian(np.zeros(objective.n_x), 0.0)
    if not np.isfinite(H0).all():
        return Finding(OVERFLOW, np.inf)
    size = np.sqrt(np.diag(H0))
    size[size == 0.0] = 1.0
    values, vectors = eigh(H0 / np.outer(size, size))
    null = values <= 4e-15 * len(values)  # the rounding of a sum of float64, with diagonal 1
    if null.any():
        return Finding(_dependent(vectors[:, null], names), np.inf)
    root = vectors / np.sqrt(values)  # root.T (H0 scaled) root = I
    evaluation, H = objective.hessian(w, b)
    shrunk, directions = eigh(root.T @ (H / np.outer(size, size)) @ root)
    flat = root @ directions[:, shrunk < VANISHED]
    v = (
        flat @ (flat.T @ (H0 @ np.append(w, b) / size)) / size
    )  # what of [w, b] lies in the flat directions
    text = _quasi_separable(objective, z, v, result)
    if text is not None:
        return Finding(text, np.inf)
    hidden = proof.rounding_of_scores(objective, np.append(w, b))
    return Finding(None, proof.without_penalty(objective, evaluation, H, z) + hidden)


def _of_several(
    objective: Objective,
    theta: Vector,
    z: Vector,
    result: TrainingResult,
    names: Sequence[str] | None,
) -> Finding:
    """Return what `several` found of more than two classes, in words."""
    mean = _mean_to_take(objective)
    if mean is not None:
        design = objective.design
        objective = objective.on(design.rescaled(design.scale, design.shift - mean))
        theta = objective.moved(theta, mean)
    found = several.examine(cast(SoftmaxObjective, objective), theta, z)
    if not found.finite:
        return Finding(OVERFLOW, np.inf)
    if found.null.size:
        return Finding(_dependent(found.null, names), np.inf)
    if found.change is not None:
        return Finding(_quasi_text(found.change, result), np.inf)
    return Finding(None, found.bound)


def _about_the_mean(objective: Objective, w: Vector, b: float) -> tuple[Objective, float]:
    """Return the objective and b for columns far from 0 less their mean: those look like the
    intercept."""
    mean = _mean_to_take(objective)
    if mean is None:
        return objective, b
    design = objective.design
    return objective.on(design.rescaled(design.scale, design.shift - mean)), b + inner(mean, w)


def _mean_to_take(objective: Objective) -> Vector | None:
    """Return the mean of the columns far from 0, and 0 for the others; None where none is."""
    if not objective.intercept:
        return None
    far = moments.far_from_zero(objective.design)
    return np.where(far, objective.sample_moments().mean, 0.0) if far.any() else None


def _dependent(null: Vector, names: Sequence[str] | None) -> str:
    """null: (n_x + 1, k), directions in which z does not change."""
    involved = np.flatnonzero(np.abs(null).max(axis=1) > 1e-6)
    columns = [int(j) for j in involved if j < len(null) - 1]
    listed = ", ".join(_name(j, names) for j in columns[:10]) + (
        ", ..." if len(columns) > 10 else ""
    )
    intercept = " together with the intercept" if len(null) - 1 in involved else ""
    return (
        "the optimum is not unique: lambda_ is 0 and these columns are linearly "
        f"dependent{intercept} (constant, duplicated, "
        f"or sums of each other): {listed}. One of many w of the same cost was returned. Drop "
        "columns until none "
        f"depends on others, or set lambda_ above 0"
    )


def _quasi_separable(
    objective: Objective, z: Vector, v: Vector, result: TrainingResult
) -> str | None:
    if not v.any():
        return None
    change = objective.margin_changes(z, v)
    if not change.smallest >= -1e-3 * change.largest:
        return None
    return _quasi_text(change, result)


def _quasi_text(change: MarginChange, result: TrainingResult) -> str:
    _, _, moved, of, nearest = change
    return (
        f"the classes are quasi-separable and lambda_ is 0: along one direction {moved} of {of} "
        "examples move "
        "to their own side and no other example moves, so the cost has no minimum: it falls as "
        "w and b grow in that "
        f"direction (||w|| is {float(np.linalg.norm(result.w)):.3g}, the least |z| of those "
        "examples "
        f"{nearest:.3g}). A category in which all labels are equal does this. Set lambda_ above "
        "0 (C "
        f"below infinity) for an optimum"
    )


def _name(j: int, names: Sequence[str] | None) -> str:
    return str(names[j]) if names is not None else f"column {j}"
