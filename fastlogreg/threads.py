"""How many threads, and running one function on several of them.

The kernels release the GIL and take their chunks from a shared counter, so ordinary Python threads are enough: the
caller works too, and a pool thread that comes late finds nothing left to do. Unlike Numba's threading layers this is
safe in a forked child (a new pool is made there), from many Python threads at once, and inside joblib; it changes no
setting of the process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_MAX_THREADS = 256
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_pool_owner = 0


def available_threads() -> int:
    """CPUs this process may use: its affinity, or the cgroup's CPU quota where that is less; at least 1."""
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cpus = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(cpus, _MAX_THREADS, cpus if quota is None else int(quota + 0.5)))


def _cgroup_quota(root: str = "/sys/fs/cgroup") -> float | None:
    """CPUs' worth of time per period granted by cgroup v2 (cpu.max) or v1 (cpu.cfs_*), or None where unlimited."""
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


def _executor() -> ThreadPoolExecutor:
    global _pool, _pool_owner
    with _lock:
        if _pool is None or _pool_owner != os.getpid():  # threads do not survive a fork
            _pool = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="fastlogreg")
            _pool_owner = os.getpid()
        return _pool


def run_on(n_threads: int, work: Callable[[], None]) -> None:
    """Call work() on n_threads threads at once, the caller's among them; return when all calls have returned.

    work must share its load with itself, so that a call that starts late or never is no loss: calls that have not
    started when the caller's own returns are dropped.
    """
    if n_threads <= 1:
        work()
        return
    pool = _executor()
    helpers = [pool.submit(work) for _ in range(n_threads - 1)]
    try:
        work()
    finally:
        started = [helper for helper in helpers if not helper.cancel()]
        for helper in started:
            helper.result()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # the parent's other threads may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
