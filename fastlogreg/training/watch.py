"""The clock and Ctrl-C of a run, looked at before each pass over X."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backends.fused import seconds_on_one_core
from ..solvers.state import Stopped
from .work import Work


class Watch:
    """The clock and Ctrl-C, looked at before each pass: raises `Stopped` where there is to be no
    more of them."""

    def __init__(
        self, work: Work, begun: float, max_seconds: float | None, interrupted: list[bool]
    ) -> None:
        self.work, self.interrupted = work, interrupted
        self.deadline = np.inf if max_seconds is None else begun + max_seconds
        # How long a pass takes: before the first an estimate; then the shorter of the last two, one
        # of which may compile.
        self.pass_seconds = self.gap = (
            seconds_on_one_core(work.objective.design) / work.objective.n_threads
        )
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
        """Why to stop, if there is a reason. The passes that the result still needs belong to the
        budget."""
        state, objective = self.work.state, self.work.objective
        closing = (state.evaluation is None) + (
            objective.decay > 0.0 and "radius" not in vars(objective)
        )
        if self.interrupted:
            return "interrupted"
        return (
            "max_seconds"
            if time.perf_counter() + closing * self.pass_seconds >= self.deadline
            else None
        )

    def late(self, took: float) -> bool:
        """Whether another pass, if one takes as long as that, would end later than a pass or half a
        second too late."""
        one = max(took, self.pass_seconds)
        return time.perf_counter() + one > self.deadline + max(0.5, one)


class _Marks(list[bool]):
    """The handler of SIGINT while a run goes on: the first Ctrl-C is marked, the second raises."""

    def __call__(self, number: int, frame: Any) -> None:
        if self:
            signal.default_int_handler(number, frame)
        self.append(True)


@contextmanager
def interruptions() -> Iterator[list[bool]]:
    """Within it the first Ctrl-C only marks the list, so that the work done is kept; the second one
    stops at once.

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
