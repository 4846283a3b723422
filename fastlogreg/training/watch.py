"""The clock and Ctrl-C of a run, looked at before each pass over X."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backends.fused import SECONDS_PER_ELEMENT, SECONDS_PER_EXAMPLE, seconds_on_one_core
from ..machine.callers import stack_level
from ..objective.objective import Objective
from ..solvers.result import StopReason, TrainingWarning
from ..solvers.state import State, Stopped


class Watch:
    """The clock and Ctrl-C, looked at before each pass.

    A call raises `Stopped` where there is to be no other pass. deadline: the reading of
    `time.perf_counter` at which the run is to be over, or infinity. objective: that of the run as
    it is now.
    """

    def __init__(
        self, state: State, objective: Objective, deadline: float, interrupted: list[bool]
    ) -> None:
        self.state, self.objective = state, objective
        self.deadline, self.interrupted = deadline, interrupted
        # How long a pass takes: before the first an estimate; then the shorter of the last two, one
        # of which may compile.
        self.pass_seconds = self.gap = seconds_on_one_core(objective.design) / objective.n_threads
        self.last: float | None = None

    def __call__(self) -> None:
        now = time.perf_counter()
        if self.last is not None:
            self.pass_seconds, self.gap = min(self.gap, now - self.last), now - self.last
        self.last = now
        reason = self.reason()
        if reason is not None:
            raise Stopped(reason)

    def reason(self) -> StopReason | None:
        """Tell why to stop, if there is a reason.

        The passes that the result still needs belong to the budget.
        """
        state, objective = self.state, self.objective
        needs_proof = objective.has_bound and not np.isfinite(state.bound)
        closing = (state.evaluation is None) + needs_proof
        if self.interrupted:
            return "interrupted"
        if time.perf_counter() + closing * self.pass_seconds >= self.deadline:
            return "max_seconds"
        return None

    def late(self, took: float) -> bool:
        """Tell whether one more pass would end later than a pass or half a second too late.

        took: the seconds of the last pass.
        """
        one = max(took, self.pass_seconds)
        return time.perf_counter() + one > self.deadline + max(0.5, one)


def iterations_in(objective: Objective, seconds: float, on_gram: bool) -> int:
    """Return how many iterations of descent should fit into so much time; at least 1.

    on_gram: whether they are made on the Gram matrix. Where nobody knows how long a pass takes, the
    first one tells.
    """
    m = objective.m
    on_examples = m * (m * SECONDS_PER_ELEMENT + SECONDS_PER_EXAMPLE)
    one = on_examples if on_gram else objective.seconds_of_pass()
    return 1 if one is None else max(1, int(seconds / one))


class _Marks(list[bool]):
    """The handler of SIGINT while a run goes on: the first Ctrl-C is marked, the second raises."""

    def __call__(self, number: int, frame: Any) -> None:
        if self:
            signal.default_int_handler(number, frame)
        self.append(True)


@contextmanager
def interruptions() -> Iterator[list[bool]]:
    """Let the first Ctrl-C only mark the list, so that the work done is kept; the second one stops
    at once.

    Within another of its kind it shares that one's list. Only in the main thread, and only where
    Python's own handler is in charge; it is put back at the end.
    """
    marks, default = _Marks(), signal.default_int_handler
    if threading.current_thread() is not threading.main_thread():
        yield marks
        return
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, _Marks) or handler is not default:
        yield handler if isinstance(handler, _Marks) else marks
        return
    signal.signal(signal.SIGINT, marks)
    try:
        yield marks
    finally:
        signal.signal(signal.SIGINT, default)


@contextmanager
def ctrl_c_ends_reads(*reading: Any) -> Iterator[Callable[[], None]]:
    """Let the first Ctrl-C end the work within before its next read of X, by `Stopped`.

    What keeps something of the work catches that; else it becomes KeyboardInterrupt. reading:
    objectives, and others that have a `watch`, which is yielded.
    """
    with interruptions() as interrupted:

        def watch() -> None:
            if interrupted:
                raise Stopped("interrupted")

        before = [one.watch for one in reading]
        for one in reading:
            one.watch = watch
        try:
            yield watch
        except Stopped as stopped:
            raise KeyboardInterrupt("interrupted before anything was found") from stopped
        finally:
            for one, own in zip(reading, before):
                one.watch = own


def warn_of_interruption(done: str, then: str) -> None:
    """Warn of Ctrl-C; done: what came before it, in words. then: what is made of that."""
    warnings.warn(
        f"interrupted by Ctrl-C after {done}: {then}", TrainingWarning, stacklevel=stack_level()
    )
