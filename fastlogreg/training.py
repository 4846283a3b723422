"""The training loop around a solver: budgets, Ctrl-C, callbacks, checkpoints, warnings; one for all solvers.

A solver advances in stretches of at most about 0.1 s; between two of them the loop looks at the clock, calls the
callback, notices Ctrl-C and writes the checkpoint. Clock and Ctrl-C are looked at before each pass too: an iteration
may take many, and so may the preparations. What an unfinished iteration has brought is dropped.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import descent
from .checkpoint import Checkpoint
from .diagnosis import explain
from .objective import Objective
from .passes import Vector, seconds_on_one_core
from .solvers import auto
from .solvers.gd import GradientDescent
from .solvers.lbfgs import LBFGS
from .solvers.nesterov import Nesterov
from .solvers.newton import Newton
from .solvers.result import Progress, State, Stopped, TrainingResult, TrainingWarning
from .vectors import inner

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
    checkpoint: Checkpoint | None = None,
    begun: float | None = None,
) -> TrainingResult:
    """Train from state.w, state.b; alpha None means 1/L. names: of the features, for warnings. begun: the reading of
    `time.perf_counter` from which max_seconds counts, where that is before this call."""
    work = _Work(objective, state, solver, alpha, tol, checkpoint)
    work.start = begun = time.perf_counter() if begun is None else begun
    saved = None if checkpoint is None else checkpoint.begin(work.identity(), iterations)
    with interruptions() as interrupted:
        watch = objective.watch = _Watch(work, begun, max_seconds, interrupted)
        try:
            if saved is None:
                work.prepare(iterations)
            else:
                work.resume(saved)
            _loop(work, watch, iterations, callback)
        except Stopped as stopped:
            state.stop = stopped.args[0]
            work.partial = True
        finally:
            objective.watch = work.objective.watch = None
        work.keep()
        result = _result(work, watch)
    objective.passes = work.objective.passes
    if callback is not None:
        callback(_progress(state, result.seconds, result.cost, result.gradient_norm, result.suboptimality_bound))
    text = explain(objective, result, tol, work.L, names)
    if text is not None:
        warnings.warn(text, TrainingWarning, stacklevel=3)
    return result


def _loop(
    work: _Work, watch: _Watch, iterations: int, callback: Callable[[Progress], Any] | None
) -> None:
    """Stretch after stretch, until the run ends for a reason."""
    state, objective, checkpoint = work.state, work.objective, work.checkpoint
    # Estimates are of compiled code; without it 8 iterations, or 256 on a Gram matrix, are still a bearable stretch.
    on_gram = getattr(work.method, "K", None) is not None
    count = min(objective.iterations_in(STRETCH_SECONDS / 4, on_gram), 256 if on_gram else 8)
    while state.stop is None and (state.iteration < iterations or state.cost == np.inf):
        stretch_start = time.perf_counter()
        before, points = state.iteration, len(state.history)
        work.method.advance(min(count, iterations - before))
        if len(state.history) == points and state.iteration > before:
            state.record(objective)
        now = time.perf_counter()
        rate = max(1, state.iteration - before) / max(now - stretch_start, 1e-9)
        count = max(1, min(4 * count, int(min(STRETCH_SECONDS, watch.deadline - now) * rate)))
        if state.stop is None:
            try:
                state.stop = _asked_to_stop(work, watch, callback)
            except Exception:
                work.keep(5)  # an error in the callback costs none of the work
                raise
        if checkpoint is not None and state.stop is None and time.perf_counter() >= checkpoint.due:
            work.keep(5)
        if iterations == before:
            break


class _Work:
    """What a run is made of. objective: that of `run`, or the same on centred X, `mean` then being what was taken from X.
    L: of the step size, NaN where it is not known. start: the clock at second 0 of the run, over all its interruptions."""

    def __init__(
        self,
        objective: Objective,
        state: State,
        solver: str,
        alpha: float | None,
        tol: float | None,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.objective, self.state, self.solver, self.checkpoint = objective, state, solver, checkpoint
        self.given, self.tol, self.alpha, self.L = alpha, tol, np.nan if alpha is None else alpha, np.nan
        self.goal = -1.0 if tol is None else tol
        self.mean: Vector | None = None
        self.method: Any = None
        self.start = 0.0
        self.partial = False  # whether the last iteration was dropped

    def identity(self) -> dict[str, str]:
        """The data and the settings that the bits of the result depend on."""
        objective, state = self.objective, self.state
        start = hashlib.sha256(np.append(state.w, state.b).tobytes()).hexdigest()
        settings = {
            "solver": self.solver,
            "alpha": "auto" if self.given is None else repr(self.given),
            "lambda_": repr(objective.lambda_),
            "tol": "none" if self.tol is None else "a number",
            "backend": objective.backend,
            "intercept": str(objective.intercept),
            "w and b at the start": start,
        }
        return {**settings, **objective.fingerprint()}

    def prepare(self, iterations: int) -> None:
        """Set up a new run. Only gradient descent and Nesterov's method have a step size, and need L."""
        objective, state = self.objective, self.state
        # For L-BFGS without an inner matrix X - mean, by folding; state.b moves along.
        first_order = self.solver == "lbfgs" or (self.solver == "auto" and auto.plan(objective) == "lbfgs")
        if objective.intercept and first_order:
            sampled = objective.design.sample_mean()
            mean = objective.mean() if sampled is None else sampled
            self._centre(mean)
            state.b += inner(mean, state.w)
        K = None
        if self.solver in ("gd", "nesterov"):
            # tol is on dw, which the Gram domain does not see.
            if self.solver == "gd" and self.tol is None and descent.gram_pays(objective, iterations):
                K = objective.gram()
            # Power iterations cost a pass each: at most a twentieth of the run where alpha is given and L only warns.
            self.L = objective.largest_eigenvalue(100 if self.given is None else min(100, max(3, iterations // 20)), K)
            if self.given is None:
                self.alpha = 1.0 / self.L if self.L > 0 else 1.0
        if self.tol is not None and self.objective.decay > 0.0:
            _ = self.objective.radius  # a pass, which would otherwise come in the middle of judging a point
        self.method = self._made(K, None)

    def resume(self, saved: dict[str, Any]) -> None:
        """Go on from a checkpoint. Reads of X that only bring back what was known before are not counted."""
        state = self.state
        self.start -= saved["seconds"]
        state.restore(saved, self.start)
        if state.stop == "converged" and self.goal < saved["tol"]:
            state.stop = None  # less was asked for then
        self.alpha, self.L = saved["alpha"], saved["L"]
        if "mean" in saved:
            self._centre(saved["mean"])
        if "radius" in saved:
            self.objective.radius = saved["radius"]
        if state.stop is None:
            self.method = self._made(self.objective.gram() if "start" in saved else None, saved)
        self.objective.passes = saved["passes"]

    def _centre(self, mean: Vector) -> None:
        design = self.objective.design
        self.objective, self.mean = self.objective.on(design.rescaled(design.scale, design.shift - mean)), mean

    def _made(self, K: Vector | None, saved: dict[str, Any] | None) -> Any:
        objective, state, goal = self.objective, self.state, self.goal
        if self.solver == "lbfgs":
            return LBFGS(objective, state, goal, saved=saved)
        if self.solver == "newton":
            return Newton(objective, state, goal, saved)
        if self.solver == "auto":
            return auto.Auto(objective, state, goal, saved)
        if self.solver == "nesterov":
            return Nesterov(objective, state, goal, self.alpha, saved)
        return GradientDescent(objective, state, goal, self.alpha, K, saved)

    def keep(self, stacklevel: int = 4) -> None:
        """Write the checkpoint, if there is one and something to write; a failure is warned of, and the run goes on."""
        state, objective, checkpoint = self.state, self.objective, self.checkpoint
        if checkpoint is None or self.method is None:
            return
        # Passes of an iteration that was dropped are made again.
        passes = state.history[-1][0] if self.partial and self.solver != "gd" and state.history else objective.passes
        values = {**state.state_arrays(self.start), **self.method.state_arrays()}
        values.update(alpha=self.alpha, L=self.L, passes=passes, seconds=time.perf_counter() - self.start, tol=self.goal)
        if self.mean is not None:
            values["mean"] = self.mean
        if "radius" in vars(objective):
            values["radius"] = objective.radius
        try:
            checkpoint.write(values, objective.n_x, objective.m)
        except (OSError, MemoryError) as error:
            warnings.warn(
                f"the checkpoint {checkpoint.path} was not written after {state.iteration} iterations, and is as it was "
                f"before; training goes on, and the next one may succeed: {error}",
                TrainingWarning,
                stacklevel=stacklevel,
            )


class _Watch:
    """The clock and Ctrl-C, looked at before each pass: raises `Stopped` where there is to be no more of them."""

    def __init__(self, work: _Work, begun: float, max_seconds: float | None, interrupted: list[bool]) -> None:
        self.work, self.interrupted = work, interrupted
        self.deadline = np.inf if max_seconds is None else begun + max_seconds
        # How long a pass takes: before the first an estimate; then the shorter of the last two, one of which may compile.
        self.pass_seconds = self.gap = seconds_on_one_core(work.objective.design) / work.objective.n_threads
        self.last: float | None = None

    def __call__(self) -> None:
        now = time.perf_counter()
        if self.last is not None:
            self.pass_seconds, self.gap = min(self.gap, now - self.last), now - self.last
        self.last = now
        reason = self.reason()
        if reason is not None:
            raise Stopped(reason)

    def reason(self) -> Any:
        """Why to stop, if there is a reason. The passes that the result still needs belong to the budget."""
        state, objective = self.work.state, self.work.objective
        closing = (state.evaluation is None) + (objective.decay > 0.0 and "radius" not in vars(objective))
        if self.interrupted:
            return "interrupted"
        return "max_seconds" if time.perf_counter() + closing * self.pass_seconds >= self.deadline else None

    def late(self, took: float) -> bool:
        """Whether another pass, if one takes as long as that, would end later than a pass or half a second too late."""
        one = max(took, self.pass_seconds)
        return time.perf_counter() + one > self.deadline + max(0.5, one)


def _asked_to_stop(work: _Work, watch: _Watch, callback: Callable[[Progress], Any] | None) -> Any:
    reason, state = watch.reason(), work.state
    if reason != "interrupted" and callback is not None:
        seconds, bound = time.perf_counter() - work.start, state.history[-1][3] if state.history else np.inf
        if callback(_progress(state, seconds, state.cost, state.gradient_norm, bound)):
            return "callback"
    return reason


def _progress(state: State, seconds: float, cost: float, gradient_norm: float, bound: float) -> Progress:
    return Progress(state.iteration, cost, gradient_norm, seconds, state.w.reshape(-1, 1).copy(), state.b, bound)


def _result(work: _Work, watch: _Watch) -> TrainingResult:
    """The last point, or after divergence the best one, with J, gradient and bound measured there; b and dw are brought
    back from centred X. The bound is infinite where the radius is not known, and the pass for it would be one too many."""
    objective, state, start, offset = work.objective, work.state, work.start, work.mean
    if state.stop == "diverged" and state.best_w is not None:
        state.w, state.b, state.evaluation = state.best_w, state.best_b, None
    begun = time.perf_counter()
    cost, gradient, curvature = state.evaluation or objective.evaluate(state.w, state.b)
    objective.check_finite(cost)
    late = watch.late(time.perf_counter() - begun) and "radius" not in vars(objective)
    bound = np.inf if late else objective.bound(gradient, curvature, state.w, state.b)
    if offset is not None:
        gradient = gradient + np.append(offset * gradient[-1], 0.0)
        state.b -= inner(offset, state.w)
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
        alpha=work.alpha,
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

