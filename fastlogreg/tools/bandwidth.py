"""How fast this machine reads memory: what the kernels are measured against.

The probe adds up a float64 array several times larger than the last-level cache, on as many threads
as the kernel it is compared with: the most that a pass over X can hope for. Importing this module
imports Numba.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..kernels.atomics import fetch_and_increment
from ..kernels.decorators import kernel
from ..machine.caches import last_level_cache
from ..machine.threads import run_on

_CHUNK = 1 << 14  # numbers that a thread takes at a time: 128 KiB


@kernel
def _add_chunks(x: Any, counter: Any, sums: Any) -> None:
    """sums[c] = the sum of chunk c of x, for the chunks taken by the shared counter until none is
    left."""
    c = fetch_and_increment(counter, 0)
    while c < sums.size:
        part = x[c * _CHUNK : (c + 1) * _CHUNK]
        total = 0.0
        for i in range(part.size):
            total += part[i]
        sums[c] = total
        c = fetch_and_increment(counter, 0)


def beyond_cache() -> int:
    """Bytes of an array that no cache holds: four times the last level, at least 128 MiB and at
    most 1 GiB."""
    return min(max(4 * last_level_cache(), 128 << 20), 1 << 30)


def read_probe(n_threads: int, size: int | None = None) -> tuple[Callable[[], float], int]:
    """Return a function that reads an array once on n_threads threads and returns its sum, and the
    bytes that it reads.

    size: in bytes, by default `beyond_cache()`.
    """
    size = beyond_cache() if size is None else size
    x = np.ones(max(1, size // (8 * _CHUNK)) * _CHUNK)
    sums = np.empty(x.size // _CHUNK)

    def read() -> float:
        run_on(n_threads, partial(_add_chunks, x, np.zeros(1, np.int64), sums))
        return float(sums.sum())

    return read, x.nbytes
