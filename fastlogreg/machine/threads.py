"""How many threads, and running one function on several of them.

The kernels release the GIL and take their chunks from shared counters, so ordinary Python threads
are enough: the caller works too, and a helper that comes late finds nothing left to do. Unlike
Numba's threading layers this is safe in a forked child (new helpers are made there), from many
Python threads at once, and inside joblib; it changes no setting of the process.

A helper is woken on another CPU than the caller's. Left alone, Linux likes to wake a thread where
its waker runs: it then starts when the caller is done, and the pass runs on one CPU. So the
caller's CPU is taken from the helper's affinity (docs/performance, wake-elsewhere).

To wake a helper, and to have it wait for the GIL, takes as long as a quarter of a short pass. So
within a fit (`at_hand`) a helper that was told how waits a moment for the next pass, in compiled
code and without the GIL: `kernels.helpers`, which says what its line in memory holds. It waits only
where there is a CPU for each thread of every fit (docs/performance, helpers-at-hand).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, cast

import numpy as np

_MAX_THREADS = 256
_lock = threading.Lock()
_helpers: list[_Helper] = []
_owner = 0  # the process that the helpers live in
_fits = 0  # under way in this process

# A helper's line: what its numbers are, and what its state can be.
STATE, CODE, JOB, FAILED, CALLED = range(5)
AWAY, WAITING, TAKEN, GIVEN, AT_WORK, DONE = range(6)
LINE_NUMBERS = 8  # of 8 bytes: a line of the caches, so that no two threads share one
# Where the counters of a kernel's threads hold the address of the first line, and how many.
FIRST_LINE, LINES = 2, 3
MOST_NANOSECONDS = 250_000  # that a helper waits
PAUSE_SECONDS = 0.3  # in which it does not, after others wanted its CPU


def available_threads() -> int:
    """CPUs this process may use: its affinity, or the cgroup's CPU quota where that is less; at
    least 1."""
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cpus = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(cpus, _MAX_THREADS, cpus if quota is None else int(quota + 0.5)))


@functools.cache
def _cgroup_quota(root: str = "/sys/fs/cgroup") -> float | None:
    """CPUs' worth of time per period granted by cgroup v2 (cpu.max) or v1 (cpu.cfs_*), or None
    where unlimited."""
    try:
        quota, period = Path(root, "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = Path(root, "cpu/cpu.cfs_quota_us").read_text().strip()
            period = Path(root, "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        limit = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):  # "max": no limit
        return None
    return limit if limit > 0 else None


class After(NamedTuple):
    """What a helper does after its job: it waits for the next one, where it `may_wait`.

    wait: `kernels.helpers.wait_for_calls`. most_fits: as `most_fits` tells the caller; a helper has
    fewer CPUs to itself.
    """

    wait: Callable[[int, int], bool]
    most_fits: int


class _Job:
    """One call of work, by a helper or by nobody: whoever takes `claim` first decides."""

    def __init__(self, work: Callable[[], None], after: After | None = None) -> None:
        self.work, self.claim, self.finished = work, threading.Lock(), threading.Lock()
        self.after = after
        self.error: BaseException | None = None
        self.finished.acquire()

    def run(self) -> None:
        if self.claim.acquire(blocking=False):
            try:
                self.work()
            except BaseException as error:
                self.error = error
            finally:
                self.finished.release()

    def wait(self) -> BaseException | None:
        """Drop the job where it has not begun, else wait for its end; what it raised."""
        if not self.claim.acquire(blocking=False):
            self.finished.acquire()
        return self.error


class _Helper:
    """A thread that runs jobs one after the other, for as long as the process lives.

    line: its own in memory, a part of what holds the lines of all.
    """

    def __init__(self, line: Any = None) -> None:
        self.line = np.zeros(LINE_NUMBERS, np.int64) if line is None else line
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        self.thread = threading.Thread(target=self._serve, name="fastlogreg", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        address, not_before = self.line.ctypes.data, 0.0
        while True:
            after = self._run_one()
            self.line[CALLED] = 0
            if after is None or not self.jobs.empty() or not may_wait(after.most_fits):
                continue
            if time.monotonic() >= not_before and after.wait(address, MOST_NANOSECONDS):
                not_before = time.monotonic() + PAUSE_SECONDS

    def _run_one(self) -> After | None:
        """Run the next job; keep nothing of it but what comes after."""
        job = self.jobs.get()
        job.run()
        return job.after

    def give(self, job: _Job) -> None:
        """Run a job as soon as it can."""
        self.jobs.put(job)
        self.line[CALLED] = 1

    def stay_off(self, cpu: int, allowed: set[int]) -> None:
        """Run on the allowed CPUs other than this one."""
        with contextlib.suppress(
            OSError, AttributeError
        ):  # the mask has changed meanwhile, or is not ours to set
            os.sched_setaffinity(self.thread.native_id or 0, allowed - {cpu})


def _some_helpers(count: int) -> list[_Helper]:
    global _owner
    with _lock:
        if _owner != os.getpid():  # threads do not survive a fork
            _helpers.clear()
            _lines.cache_clear()
            _owner = os.getpid()
        while len(_helpers) < min(count, _MAX_THREADS):
            _helpers.append(_Helper(_lines()[len(_helpers)]))
        return _helpers[:count]


@functools.cache
def _current_cpu() -> Callable[[], int] | None:
    """Return a function that tells the CPU that the calling thread is on, where the system has one
    and threads can be kept off."""
    try:
        return (
            cast("Callable[[], int]", ctypes.CDLL(None).sched_getcpu)
            if hasattr(os, "sched_setaffinity")
            else None
        )
    except (OSError, AttributeError, TypeError):
        return None


@functools.cache
def _lines() -> Any:
    """Return the lines of all helpers there can be, (256, 8), each a line of the caches.

    The threads hold on to it, so it outlives the interpreter.
    """
    room = np.zeros((_MAX_THREADS + 1) * LINE_NUMBERS, np.int64)
    begin = -room.ctypes.data % (8 * LINE_NUMBERS) // 8
    return room[begin:][: _MAX_THREADS * LINE_NUMBERS].reshape(-1, LINE_NUMBERS)


@contextmanager
def at_hand() -> Iterator[None]:
    """Within it, a fit, helpers may wait for the next pass; see `may_wait`."""
    _count_fit(1)
    try:
        yield
    finally:
        _count_fit(-1)


def _count_fit(change: int) -> None:
    global _fits
    with _lock:
        _fits = max(0, _fits + change)  # a child forked within a fit has none
        for helper in _helpers:
            helper.line[CALLED] = 1  # to look again whether it may


def most_fits(n_threads: int) -> int:
    """Return how many fits on so many threads there can be with a CPU for each thread."""
    return available_threads() // n_threads


def may_wait(most: int) -> bool:
    """Tell whether helpers may wait: in a fit, where there are not more than `most` at a time."""
    return 0 < _fits <= most


def run_on(
    n_threads: int, work: Callable[[], None], counters: Any = None, after: After | None = None
) -> None:
    """Call work() on n_threads threads at once, the caller's among them; return when all calls have
    returned.

    work must share its load with itself, so that a call that starts late or never is no loss: calls
    that have not started when the caller's own returns are dropped. counters: of a kernel that
    hands its call over to helpers that wait. after: what the others do then.
    """
    if n_threads <= 1:
        work()
        return
    helpers, current_cpu = _some_helpers(n_threads - 1), _current_cpu()
    if counters is not None and after is not None:
        counters[FIRST_LINE], counters[LINES] = _lines().ctypes.data, len(helpers)
        helpers = [helper for helper in helpers if helper.line[STATE] == AWAY]
        if not helpers:
            work()
            return
    if current_cpu is not None:
        cpu, allowed = current_cpu(), os.sched_getaffinity(0)
        if len(allowed) > 1:
            for helper in helpers:
                helper.stay_off(cpu, allowed)
    jobs = [_Job(work, after) for _ in helpers]
    for helper, job in zip(helpers, jobs):
        helper.give(job)
    try:
        work()
    finally:
        errors = [error for job in jobs if (error := job.wait()) is not None]
    if errors:
        raise errors[0]


def _after_fork() -> None:
    global _lock, _fits
    _lock = threading.Lock()  # the parent's other threads may have held it
    _fits = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
