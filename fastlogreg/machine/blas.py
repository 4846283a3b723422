"""Inner products of vectors of any length, on one thread.

OpenBLAS, NumPy's, takes a product of more than 10,000 numbers on all its threads. These then spin
for a while in case there is more to do, and take a CPU from the kernels' own threads
(docs/performance, spinning-threads). Its sums also depend on the number of its threads.
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = 10_000  # that OpenBLAS leaves on one thread
SMALL = 256  # rows of a matrix whose eigenvalues one thread finds as fast


def inner(a: Any, b: Any) -> float:
    """Return the sum of a * b, both (n,)."""
    return float(a @ b) if len(a) <= LONGEST else float(np.einsum("i,i->", a, b))


def norm(a: Any) -> float:
    """||a|| of a (n,); NaN and infinity stay."""
    return math.sqrt(inner(a, a))


def one_thread() -> AbstractContextManager[None]:
    """Within it NumPy's products stay on the calling thread, where its BLAS is an OpenBLAS."""
    return at_most(1)


def eigh(A: Any) -> Any:
    """Return the eigenvalues and eigenvectors of a symmetric matrix.

    BLAS's threads wait for each other longer than those of a small one take.
    """
    with at_most(1 if len(A) <= SMALL else None):
        return np.linalg.eigh(A)


class _Limits:
    """Holds the limits that are asked for at this moment, and what the process had before them.

    The number of threads is the process's. So callers that overlap must not each put back what they
    found: the last one to leave would put back the limit of another.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked: list[int] = []
        self.before: list[int] = []

    def add(self, threads: int) -> None:
        """Keep to one limit more: the least of all counts."""
        with self.lock:
            if not self.asked:
                self.before = [get() for get, _ in _thread_functions()]
            self.asked.append(threads)
            self._set(min(self.asked))

    def remove(self, threads: int) -> None:
        """Take one limit back; without any the process has what it had before."""
        with self.lock:
            self.asked.remove(threads)
            self._set(min(self.asked, default=None))

    def _set(self, most: int | None) -> None:
        for (_, put), count in zip(_thread_functions(), self.before):
            put(count if most is None else min(most, count))


_limits = _Limits()


def _after_fork() -> None:
    global _limits
    if _limits.asked:  # by threads that the child does not have
        _limits._set(None)
    _limits.lock = threading.Lock()  # another thread may have held it
    _limits = _Limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def at_most(threads: int | None) -> Iterator[None]:
    """Within it NumPy's products take so many threads at most, where its BLAS is an OpenBLAS; None
    leaves it as it is.

    It holds for all threads of the process. Of several at the same time the least counts.
    """
    if threads is None or not _thread_functions():
        yield
        return
    limits = _limits
    limits.add(threads)
    try:
        yield
    finally:
        limits.remove(threads)


@cache
def _thread_functions() -> list[tuple[Any, Any]]:
    """Return how to ask each OpenBLAS in this process for the number of its threads, and how to set
    it."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    found = []
    for path in sorted({line.split(maxsplit=5)[-1] for line in lines if "openblas" in line}):
        library = ctypes.CDLL(path)
        # Wheels have names of their own, so that two of these libraries can stand side by side.
        for name in (
            f"{first}openblas_{{}}_num_threads{last}"
            for first in ("scipy_", "")
            for last in ("64_", "_64", "")
        ):
            get = getattr(library, name.format("get"), None)
            put = getattr(library, name.format("set"), None)
            if get is not None and put is not None:
                found.append((get, put))
                break
    return found
