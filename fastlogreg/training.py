"""The training loop around a solver: budgets, Ctrl-C, callbacks, warnings; one for all solvers.

A solver advances in stretches of at most about 0.1 s; between two of them the loop looks at the clock, calls the
callback and notices Ctrl-C.
"""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .objective import Objective
from .solvers.gd import GradientDescent
from .solvers.result import Progress, State, TrainingResult, TrainingWarning

STRETCH_SECONDS = 0.1


def run(
    objective: Objective,
    state: State,
    *,
    alpha: float | None,
    iterations: int,
    tol: float | None = None,
    max_seconds: float | None = None,
    callback: Callable[[Progress], Any] | None = None,
) -> TrainingResult:
    """Gradient descent from state.w, state.b; alpha None means 1/L."""
    start = time.perf_counter()
    # tol is on the largest component of dw, which the Gram domain does not see.
    K = objective.design.gram() if tol is None and objective.gram_pays(iterations) else None
    # Power iterations cost a pass each: at most a twentieth of the run where alpha is given and L only warns.
    passes = 100 if alpha is None else min(100, max(3, iterations // 20))
    curvature = objective.largest_eigenvalue(passes, K)
    if alpha is None:
        alpha = 1.0 / curvature if curvature > 0 else 1.0
    unsafe = alpha > 2.0 / curvature if curvature > 0 else False

    with interruptions() as interrupted:
        solver = GradientDescent(objective, state, -1.0 if tol is None else tol, K)
        count = objective.iterations_in(STRETCH_SECONDS / 4, K is not None)
        while state.stop is None and state.iteration < iterations:
            stretch_start = time.perf_counter()
            count = min(count, iterations - state.iteration)
            before = state.iteration
            solver.advance(alpha, count)
            now = time.perf_counter()
            elapsed = max(now - stretch_start, 1e-9)
            allowed = STRETCH_SECONDS
            if max_seconds is not None:
                allowed = min(allowed, max_seconds - (now - start))
            count = max(1, min(4 * count, int(allowed / elapsed * max(1, state.iteration - before))))
            if state.stop is None:
                state.stop = _asked_to_stop(state, now - start, interrupted, max_seconds, callback)
    result = _result(objective, state, alpha, time.perf_counter() - start)
    if callback is not None:
        callback(_progress(state, result.seconds, result.cost, result.gradient_norm))
    _warn(result, unsafe, curvature)
    return result


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


def _result(objective: Objective, state: State, alpha: float, seconds: float) -> TrainingResult:
    """The last point, or after divergence or an interrupted climb the best one, with J and gradient measured there."""
    if state.stop == "diverged" and state.best_w is not None:
        state.w, state.b = state.best_w, state.best_b
    cost, dw, db = objective.cost_and_gradient(state.w, state.b)
    objective.check_finite(cost)
    return TrainingResult(
        w=state.w.reshape(-1, 1).copy(),
        b=float(state.b),
        costs=np.array(state.costs),
        cost=cost,
        gradient_norm=max(float(np.abs(dw).max()), abs(db)),
        iterations=state.iteration,
        stop_reason=state.stop or "iterations",
        seconds=seconds,
        alpha=alpha,
    )


def _warn(result: TrainingResult, unsafe: bool, curvature: float) -> None:
    if result.stop_reason == "diverged":
        warnings.warn(
            f"the cost grew without end after {result.iterations} iterations, so training stopped with the best w "
            f"and b seen (cost {result.cost:.6g}): alpha = {result.alpha:.6g} is too large for this data. "
            f'The largest safe value is 2/L = {2 / curvature:.6g}; alpha="auto" takes 1/L',
            TrainingWarning,
            stacklevel=4,
        )
    elif unsafe:
        warnings.warn(
            f"alpha = {result.alpha:.6g} is above 2/L = {2 / curvature:.6g}, the largest value for which the cost is "
            f'sure to decrease in every iteration; alpha="auto" takes 1/L',
            TrainingWarning,
            stacklevel=4,
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

