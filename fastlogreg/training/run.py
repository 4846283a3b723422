"""The training loop around a solver: budgets, Ctrl-C, callbacks, checkpoints, warnings; one for all
solvers.

A solver advances in stretches of at most about 0.1 s; between two of them the loop looks at the
clock, calls the callback, notices Ctrl-C and writes the checkpoint. Clock and Ctrl-C are looked at
before each pass too: an iteration may take many, and so may the preparations. What an unfinished
iteration has brought is dropped.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..machine import compiling
from ..machine.callers import stack_level
from ..machine.threads import at_hand
from ..maths.arrays import Vector
from ..objective.objective import Objective
from ..objective.proof import rounding_of_scores
from ..solvers.result import Progress, StopReason, TrainingResult, TrainingWarning
from ..solvers.state import State, Stopped
from .diagnosis import examine_without_penalty, explain
from .options import Options
from .watch import Watch, interruptions, iterations_in
from .work import Work

STRETCH_SECONDS = 0.1


def run(
    objective: Objective,
    state: State,
    options: Options,
    *,
    names: Sequence[str] | None = None,
    begun: float | None = None,
) -> TrainingResult:
    """Train from state.theta.

    names: of the features, for warnings. begun: the reading of `time.perf_counter` from which
    max_seconds counts, where that is before this call.
    """
    begun = time.perf_counter() if begun is None else begun
    work = Work(objective, state, options, begun)
    checkpoint, callback = options.checkpoint, options.callback
    saved = None if checkpoint is None else checkpoint.begin(work.identity(), options.iterations)
    deadline = np.inf if options.max_seconds is None else begun + options.max_seconds
    with interruptions() as interrupted, at_hand():
        watch = Watch(state, objective, deadline, interrupted)
        objective.watch = work.watch = watch
        try:
            if saved is None:
                work.prepare()
            else:
                work.resume(saved)
            _loop(work, watch)
        except Stopped as stopped:
            state.stop = stopped.args[0]
            work.partial = True
        finally:
            objective.watch = work.objective.watch = None
        if state.stop in ("converged", "precision"):  # so that a finished run knows how good it is
            _measured(work, watch)
        work.keep()
        result = _result(work, watch)
        objective.passes = work.objective.passes
        if callback is not None:
            callback(
                _progress(
                    work,
                    result.seconds,
                    result.cost,
                    result.gradient_norm,
                    result.suboptimality_bound,
                )
            )
    if interrupted:  # also one that came too late to stop anything: the caller's loop must know
        result = replace(result, stop_reason="interrupted")
    far = result.stop_reason == "precision" and state.stop != "converged"
    finding = examine_without_penalty(objective, result, options.tol, names)
    if finding.bound < result.suboptimality_bound:
        result = replace(result, suboptimality_bound=finding.bound)
    text = explain(objective, result, options.tol, work.L, names, far, finding.text)
    if text is not None:
        warnings.warn(text, TrainingWarning, stacklevel=stack_level())
    return result


def _loop(work: Work, watch: Watch) -> None:
    """Make stretch after stretch, until the run ends for a reason."""
    state, objective, options = work.state, work.objective, work.options
    iterations, checkpoint = options.iterations, options.checkpoint
    # Estimates are of compiled code; without it 8 iterations, or 256 on a Gram matrix, are still a
    # bearable stretch.
    fitting = iterations_in(objective, STRETCH_SECONDS / 4, work.on_gram)
    count = min(fitting, 256 if work.on_gram else 8)
    while state.stop is None and (state.iteration < iterations or state.cost == np.inf):
        stretch_start = time.perf_counter()
        before, points = state.iteration, len(state.history)
        work.advance(min(count, iterations - before))
        if len(state.history) == points and state.iteration > before:
            work.record()
        now = time.perf_counter()
        rate = max(1, state.iteration - before) / max(now - stretch_start, 1e-9)
        count = max(1, min(4 * count, int(min(STRETCH_SECONDS, watch.deadline - now) * rate)))
        if state.stop is None:
            try:
                state.stop = _asked_to_stop(work, watch)
            except Exception:
                work.keep(5)  # an error in the callback costs none of the work
                raise
        if checkpoint is not None and state.stop is None and time.perf_counter() >= checkpoint.due:
            work.keep(5)
        if state.stop == "precision" and state.iteration < iterations:
            work.centre_where_lost()
        if iterations == before:
            break


def _asked_to_stop(work: Work, watch: Watch) -> StopReason | None:
    reason, state, callback = watch.reason(), work.state, work.options.callback
    if reason != "interrupted" and callback is not None:
        seconds, bound = (
            time.perf_counter() - work.start,
            state.history[-1][3] if state.history else np.inf,
        )
        if callback(_progress(work, seconds, state.cost, state.gradient_norm, bound)):
            return "callback"
    return reason


def _progress(
    work: Work, seconds: float, cost: float, gradient_norm: float, bound: float
) -> Progress:
    w, b = work.objective.shown(work.state.theta)
    return Progress(work.state.iteration, cost, gradient_norm, seconds, w, b, bound)


def _measured(work: Work, watch: Watch) -> tuple[float, Vector, float]:
    """Return J, the gradient and a proved bound at the last point, and keep them in the state.

    The bound is infinite where the read that proves it would come too late. The rounding of z is
    not in it.
    """
    objective, state, begun = work.objective, work.state, time.perf_counter()
    theta, evaluation = state.theta, state.evaluation
    if evaluation is None:
        evaluation, z = objective.point(theta)[1:]
        bound = np.inf
    else:
        bound, z = state.bound, work.scores(theta)
    objective.check_finite(evaluation.J)
    if not np.isfinite(bound) and not watch.late(time.perf_counter() - begun):
        before = objective.passes
        bound = objective.certify(theta, evaluation, z)
        state.proof_reads = objective.passes - before
    state.evaluation, state.bound = evaluation, bound
    return evaluation.J, evaluation.gradient, bound


def _result(work: Work, watch: Watch) -> TrainingResult:
    """Measure J, gradient and bound at the last point, or after divergence at the best one.

    b and dw are brought back from centred X.
    """
    objective, state, start, offset = work.objective, work.state, work.start, work.mean
    if state.stop == "diverged" and state.best_theta is not None:
        state.theta, state.evaluation = state.best_theta, None
    cost, gradient, bound = _measured(work, watch)
    bound += rounding_of_scores(objective, state.theta)
    proved_zero = objective.proved_zero(state.theta, work.scores(state.theta))
    if offset is not None:
        gradient = objective.moved_gradient(gradient, offset)
        state.theta = objective.moved(state.theta, -offset)
    seconds = time.perf_counter() - start
    gradient_norm = float(np.abs(gradient).max())
    history = np.array([*state.history, (objective.passes, start + seconds, cost, bound)])
    history[:, 1] -= start + np.array([compiling.seconds(start, t) for t in history[:, 1]])
    w, b = objective.shown(state.theta)
    return TrainingResult(
        w=w,
        b=b,
        costs=np.array(state.costs),
        cost=cost,
        gradient_norm=gradient_norm,
        suboptimality_bound=bound,
        iterations=state.iteration,
        stop_reason=_reason(work, cost, bound if objective.has_bound else gradient_norm),
        seconds=seconds,
        alpha=work.alpha,
        passes=objective.passes,
        history=history,
        proved_zero=proved_zero,
    )


def _reason(work: Work, cost: float, reached: float) -> StopReason:
    """Why the run ended, by what is reported of it: nothing above tol is "converged"."""
    reason = work.state.stop or "iterations"
    if not np.isfinite(cost):
        return "diverged"
    tol = work.options.tol
    if tol is None or reason not in ("converged", "precision", "iterations", "max_seconds"):
        return reason
    if reached <= tol:
        return "converged"  # also where the last read tells, after all iterations asked for
    return "precision" if reason == "converged" else reason
