"""Inner products of vectors of any length, on one thread.

OpenBLAS, NumPy's, takes a product of more than 10,000 numbers on all its threads. These then spin
for a while in case there is more to do, and take a CPU from the kernels' own threads
(docs/performance, spinning-threads). Its sums also depend on the number of its threads.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = 10_000  # that OpenBLAS leaves on one thread


def inner(a: Any, b: Any) -> float:
    """Return the sum of a * b, both (n,)."""
    return float(a @ b) if len(a) <= LONGEST else float(np.einsum("i,i->", a, b))


def norm(a: Any) -> float:
    """||a|| of a (n,); NaN and infinity stay."""
    return math.sqrt(inner(a, a))


def one_thread() -> AbstractContextManager[None]:
    """Within it NumPy's products stay on the calling thread, where its BLAS is an OpenBLAS."""
    return at_most(1)


@contextmanager
def at_most(threads: int | None) -> Iterator[None]:
    """Within it NumPy's products take so many threads at most, where its BLAS is an OpenBLAS; None
    leaves it as it is."""
    functions = [] if threads is None else _thread_functions()
    before = [get() for get, _ in functions]
    for (_, put), count in zip(functions, before):
        put(min(threads or count, count))
    try:
        yield
    finally:
        for (_, put), count in zip(functions, before):
            put(count)


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
