"""The training loop around a solver: budgets, Ctrl-C, callbacks, warnings; one for all solvers.

A solver advances in stretches of at most about 0.1 s; between two of them the loop looks at the clock, calls the
callback and notices Ctrl-C.
"""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .design_matrix import DesignMatrix
from .objective import Objective
from .passes import Vector
from .solvers import auto
from .solvers.gd import GradientDescent
from .solvers.lbfgs import LBFGS
from .solvers.nesterov import Nesterov
from .solvers.newton import Newton
from .solvers.result import Progress, State, TrainingResult, TrainingWarning

STRETCH_SECONDS = 0.1


def run(
    objective: Objective,
    state: State,
    *,
    solver: str = "gd",
    alpha: float | None = None,
    iterations: int,
    tol: float | None = None,
    max_seconds: float | None = None,
    callback: Callable[[Progress], Any] | None = None,
    names: Sequence[str] | None = None,
) -> TrainingResult:
    """Train from state.w, state.b; alpha None means 1/L. names: of the features, for warnings."""
    start = time.perf_counter()
    centred, offset = _centred(objective, state, solver)
    make, curvature, alpha = _choose(centred, state, solver, alpha, iterations, tol)
    with interruptions() as interrupted:
        method = make()
        # Estimates are of compiled code; without it 8 iterations, or 256 on a Gram matrix, are still a bearable stretch.
        on_gram = getattr(method, "K", None) is not None
        count = min(centred.iterations_in(STRETCH_SECONDS / 4, on_gram), 256 if on_gram else 8)
        while state.stop is None and (state.iteration < iterations or state.cost == np.inf):
            stretch_start = time.perf_counter()
            before = state.iteration
            method.advance(min(count, iterations - before))
            now = time.perf_counter()
            allowed = STRETCH_SECONDS
            if max_seconds is not None:
                allowed = min(allowed, max_seconds - (now - start))
            rate = max(1, state.iteration - before) / max(now - stretch_start, 1e-9)
            count = max(1, min(4 * count, int(allowed * rate)))
            if state.stop is None:
                state.stop = _asked_to_stop(state, now - start, interrupted, max_seconds, callback)
            if iterations == before:
                break
    if offset is not None:
        state.b -= float(offset @ state.w)
        if state.best_w is not None:
            state.best_b -= float(offset @ state.best_w)
    objective.passes = centred.passes
    result = _result(objective, state, alpha, start)
    if callback is not None:
        callback(_progress(state, result.seconds, result.cost, result.gradient_norm))
    _warn(objective, result, tol, curvature, names)
    return result


def _centred(objective: Objective, state: State, solver: str) -> tuple[Objective, Vector | None]:
    """For L-BFGS without an inner matrix: the objective on X - mean, by folding, and the mean; state.b moves along."""
    wide = solver == "auto" and objective.n_x > auto.LARGEST_INNER and not auto.is_small(objective)
    if not objective.intercept or not (solver == "lbfgs" or wide):
        return objective, None
    weight = objective.weight if objective.weight.size else np.ones(objective.m)
    mean = objective.combine(weight) / objective.total
    objective.check_finite(float(mean @ mean))
    design = DesignMatrix(objective.design.X, objective.design.scale, objective.design.shift - mean)
    centred = Objective(
        design, objective.y, objective.lambda_, objective.backend, objective.n_threads, objective.weight
    )
    centred.passes = objective.passes
    state.b += float(mean @ state.w)
    return centred, mean


def _choose(
    objective: Objective, state: State, solver: str, alpha: float | None, iterations: int, tol: float | None
) -> tuple[Callable[[], Any], float, float]:
    """The solver, to be made within reach of Ctrl-C; L, NaN where the solver does not use it; alpha."""
    goal = -1.0 if tol is None else tol
    if solver == "lbfgs":
        return lambda: LBFGS(objective, state, goal), np.nan, np.nan
    if solver == "newton":
        return lambda: Newton(objective, state, goal), np.nan, np.nan
    if solver == "auto":
        return lambda: auto.Auto(objective, state, goal), np.nan, np.nan
    # tol is on dw, which the Gram domain does not see.
    gram = solver == "gd" and tol is None and objective.gram_pays(iterations)
    K = objective.design.gram() if gram else None
    # Power iterations cost a pass each: at most a twentieth of the run where alpha is given and L only warns.
    limit = 100 if alpha is None else min(100, max(3, iterations // 20))
    curvature = objective.largest_eigenvalue(limit, K)
    if alpha is None:
        alpha = 1.0 / curvature if curvature > 0 else 1.0
    if solver == "nesterov":
        return lambda: Nesterov(objective, state, goal, alpha), curvature, alpha
    return lambda: GradientDescent(objective, state, goal, alpha, K), curvature, alpha


def _asked_to_stop(
    state: State,
    seconds: float,
    interrupted: list[bool],
    max_seconds: float | None,
    callback: Callable[[Progress], Any] | None,
) -> Any:
    if interrupted:
        return "interrupted"
    if callback is not None and callback(_progress(state, seconds, state.cost, state.gradient_norm)):
        return "callback"
    if max_seconds is not None and seconds >= max_seconds:
        return "max_seconds"
    return None


def _progress(state: State, seconds: float, cost: float, gradient_norm: float) -> Progress:
    return Progress(state.iteration, cost, gradient_norm, seconds, state.w.reshape(-1, 1).copy(), state.b)


def _result(objective: Objective, state: State, alpha: float, start: float) -> TrainingResult:
    """The last point, or after divergence the best one, with J, gradient and bound measured there."""
    if state.stop == "diverged" and state.best_w is not None:
        state.w, state.b = state.best_w, state.best_b
    cost, gradient, curvature = objective.evaluate(state.w, state.b)
    objective.check_finite(cost)
    bound = objective.bound(gradient, curvature, state.w, state.b)
    return TrainingResult(
        w=state.w.reshape(-1, 1).copy(),
        b=float(state.b),
        costs=np.array(state.costs),
        cost=cost,
        gradient_norm=float(np.abs(gradient).max()),
        suboptimality_bound=bound,
        iterations=state.iteration,
        stop_reason=state.stop or "iterations",
        seconds=time.perf_counter() - start,
        alpha=alpha,
        passes=objective.passes,
    )


def _warn(
    objective: Objective, result: TrainingResult, tol: float | None, curvature: float, names: Sequence[str] | None
) -> None:
    """One warning at most, with its cause and its remedy."""
    text = None
    safe = 2.0 / curvature if curvature > 0 else np.inf
    if result.stop_reason == "separable":
        text = (
            f"the classes are completely separable and lambda_ is 0: w and b put every example on its own side, so the "
            f"cost has no minimum and falls to 0 as they grow. They are returned as found (cost {result.cost:.3g}): their "
            f"direction separates, their length means nothing. Set lambda_ above 0 (C below infinity) for an optimum"
        )
    elif result.stop_reason == "diverged":
        text = (
            f"the cost grew without end after {result.iterations} iterations, so training stopped with the best w and b "
            f"seen (cost {result.cost:.6g}): alpha = {result.alpha:.6g} is too large for this data. The largest safe "
            f'value is 2/L = {safe:.6g}; alpha="auto" takes 1/L'
        )
    elif result.alpha > safe:
        text = (
            f"alpha = {result.alpha:.6g} is above 2/L = {safe:.6g}, the largest value for which the cost is sure to "
            f'decrease in every iteration; alpha="auto" takes 1/L'
        )
    elif tol is not None and result.stop_reason in ("iterations", "max_seconds"):
        text = _not_converged(objective, result, tol, names)
    if text is not None:
        warnings.warn(text, TrainingWarning, stacklevel=4)


def _not_converged(objective: Objective, result: TrainingResult, tol: float, names: Sequence[str] | None) -> str:
    """What was reached of what was asked for, and the columns whose scale stands out."""
    if objective.decay > 0.0:
        reached = f"the bound on cost - optimum is {result.suboptimality_bound:.3g}"
    else:
        reached = f"the largest gradient component is {result.gradient_norm:.3g}"
    text = f"not converged after {result.iterations} iterations: {reached}, tol asks for {tol:.3g}. "
    spread = objective.design.sample_spread()
    typical = float(np.median(spread))
    worst = [int(j) for j in np.argsort(spread)[::-1][:3] if spread[j] > 10.0 * typical > 0.0]
    if worst:
        listed = ", ".join(f"{names[j] if names is not None else f'column {j}'} ({spread[j]:.3g})" for j in worst)
        text += f"Columns on another scale than the others (median standard deviation {typical:.3g}): {listed}. "
        text += 'Standardise them (scale and shift, or standardize=True), use solver="auto", or allow more iterations'
    else:
        text += 'Allow more iterations, raise lambda_, or use solver="auto"'
    return text


@contextmanager
def interruptions() -> Iterator[list[bool]]:
    """Within it the first Ctrl-C only marks the list, so that the work done is kept; the second one stops at once.

    Only in the main thread, and only where Python's own handler is in charge; it is put back at the end.
    """
    marks: list[bool] = []
    default = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not default:
        yield marks
        return

    def mark(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, default)
        marks.append(True)

    signal.signal(signal.SIGINT, mark)
    try:
        yield marks
    finally:
        signal.signal(signal.SIGINT, default)

