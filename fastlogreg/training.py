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

from .diagnosis import explain
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
            points = len(state.history)
            method.advance(min(count, iterations - before))
            if len(state.history) == points:
                state.record(centred)
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
    result = _result(centred, state, alpha, start, offset)
    objective.passes = centred.passes
    if callback is not None:
        callback(_progress(state, result.seconds, result.cost, result.gradient_norm, result.suboptimality_bound))
    text = explain(objective, result, tol, curvature, names)
    if text is not None:
        warnings.warn(text, TrainingWarning, stacklevel=3)
    return result


def _centred(objective: Objective, state: State, solver: str) -> tuple[Objective, Vector | None]:
    """For L-BFGS without an inner matrix: the objective on X - mean, by folding, and the mean; state.b moves along."""
    first_order = solver == "lbfgs" or (solver == "auto" and auto.plan(objective) == "lbfgs")
    if not objective.intercept or not first_order:
        return objective, None
    mean, design = objective.mean(), objective.design
    state.b += float(mean @ state.w)
    return objective.on(design.rescaled(design.scale, design.shift - mean)), mean


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
    K = objective.gram() if gram else None
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
    bound = state.history[-1][3]
    if callback is not None and callback(_progress(state, seconds, state.cost, state.gradient_norm, bound)):
        return "callback"
    if max_seconds is not None and seconds >= max_seconds:
        return "max_seconds"
    return None


def _progress(state: State, seconds: float, cost: float, gradient_norm: float, bound: float) -> Progress:
    return Progress(state.iteration, cost, gradient_norm, seconds, state.w.reshape(-1, 1).copy(), state.b, bound)


def _result(
    objective: Objective, state: State, alpha: float, start: float, offset: Vector | None
) -> TrainingResult:
    """The last point, or after divergence the best one, with J, gradient and bound measured there.

    offset: the mean that objective takes from X, if any; b and dw are brought back from there."""
    if state.stop == "diverged" and state.best_w is not None:
        state.w, state.b, state.evaluation = state.best_w, state.best_b, None
    cost, gradient, curvature = state.evaluation or objective.evaluate(state.w, state.b)
    objective.check_finite(cost)
    bound = objective.bound(gradient, curvature, state.w, state.b)
    if offset is not None:
        gradient = gradient + np.append(offset * gradient[-1], 0.0)
        state.b -= float(offset @ state.w)
    seconds = time.perf_counter() - start
    history = np.array([*state.history, (objective.passes, start + seconds, cost, bound)])
    history[:, 1] -= start
    return TrainingResult(
        w=state.w.reshape(-1, 1).copy(),
        b=float(state.b),
        costs=np.array(state.costs),
        cost=cost,
        gradient_norm=float(np.abs(gradient).max()),
        suboptimality_bound=bound,
        iterations=state.iteration,
        stop_reason=state.stop or "iterations",
        seconds=seconds,
        alpha=alpha,
        passes=objective.passes,
        history=history,
    )


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

