"""When this process compiled code, or loaded it from the disk cache: a run does not count it.

`kernels.decorators` tells of every such stretch, by the readings of `time.perf_counter` at its
ends. It happens once for each kind of X, and says nothing about the next run. Numba compiles and
loads under one lock of its own, so there is none here, which a fork could leave locked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_stretches: list[tuple[float, float]] = []  # in order; none overlaps another
_open: list[float] = []  # where those that are not over began, each within the one before


def begin() -> None:
    """Begin a stretch; within another one it is a part of that."""
    _open.append(time.perf_counter())


def end() -> None:
    """End what was begun last."""
    begun = _open.pop()
    if not _open:
        _stretches.append((begun, time.perf_counter()))


@contextmanager
def stretch() -> Iterator[None]:
    """Count what is done within as compiling."""
    begin()
    try:
        yield
    finally:
        end()


def seconds(start: float, stop: float) -> float:
    """Return the seconds of compiling between two readings of `time.perf_counter`."""
    found = 0.0
    for a, b in reversed(_stretches):
        if b <= start:  # as all before it did
            break
        found += max(0.0, min(stop, b) - max(start, a))
    return found
