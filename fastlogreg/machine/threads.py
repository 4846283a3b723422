"""How many threads, and running one function on several of them.

The kernels release the GIL and take their chunks from shared counters, so ordinary Python threads
are enough: the caller works too, and a helper that comes late finds nothing left to do. Unlike
Numba's threading layers this is safe in a forked child (new helpers are made there), from many
Python threads at once, and inside joblib; it changes no setting of the process.

A helper is woken on another CPU than the caller's. Left alone, Linux likes to wake a thread where
its waker runs: it then starts when the caller is done, and the pass runs on one CPU. So the
caller's CPU is taken from the helper's affinity (docs/performance, wake-elsewhere).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import cast

_MAX_THREADS = 256
_lock = threading.Lock()
_helpers: list[_Helper] = []
_owner = 0  # the process that the helpers live in


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


class _Job:
    """One call of work, by a helper or by nobody: whoever takes `claim` first decides."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work, self.claim, self.finished = work, threading.Lock(), threading.Lock()
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
    """A thread that runs jobs one after the other, for as long as the process lives."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        self.thread = threading.Thread(target=self._serve, name="fastlogreg", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            self.jobs.get().run()

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
            _owner = os.getpid()
        while len(_helpers) < min(count, _MAX_THREADS):
            _helpers.append(_Helper())
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


def run_on(n_threads: int, work: Callable[[], None]) -> None:
    """Call work() on n_threads threads at once, the caller's among them; return when all calls have
    returned.

    work must share its load with itself, so that a call that starts late or never is no loss: calls
    that have not started when the caller's own returns are dropped.
    """
    if n_threads <= 1:
        work()
        return
    helpers, current_cpu = _some_helpers(n_threads - 1), _current_cpu()
    if current_cpu is not None:
        cpu, allowed = current_cpu(), os.sched_getaffinity(0)
        if len(allowed) > 1:
            for helper in helpers:
                helper.stay_off(cpu, allowed)
    jobs = [_Job(work) for _ in helpers]
    for helper, job in zip(helpers, jobs):
        helper.jobs.put(job)
    try:
        work()
    finally:
        errors = [error for job in jobs if (error := job.wait()) is not None]
    if errors:
        raise errors[0]


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # the parent's other threads may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
