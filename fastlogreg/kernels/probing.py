"""How fast this CPU reads X by each way of asking ahead: what makes a table of an unknown CPU.

The loop is that of `dense.groups` without a loss: for eight examples all dots, then all axpys.

    place    X                                       tried
    cached   fits the last-level cache               level 1 and 2, near and far
    memory   twice as large                          the same
    long     examples that no first-level cache has  the same, and farther

Ways take turns, and the least time of each counts. All of it takes well below a second, compiling
included. Its sums are thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..machine.caches import last_level_cache
from ..machine.memory import available_memory
from .decorators import exact
from .lanes import fma, line_elements, load, prefetch_into, splat, store, sums
from .layout import LANES, read_only
from .rows import add_row_axpys, add_row_dots, eight_rows, for_each, splats
from .tables import LONG_BYTES, TABLES, USUAL, Asking, Table

SECONDS = 0.4  # that the measuring may take, compiling apart
ROUNDS = 5
# That are read at most, and twice what a last-level cache may have; and at least.
MOST_BYTES, LEAST_BYTES = 256 << 20, 2 << 20
MARGIN = 0.97  # of the usual way's time, above which it is kept
FEATURES, LONG_FEATURES = 256, 8192  # eight examples: 16 KiB, 512 KiB
_KIB = 1 << 10
# The usual way comes first.
WAYS = (
    TABLES[USUAL].cached,
    Asking(2, 64 * _KIB, LONG_BYTES),
    Asking(1, 16 * _KIB, 32 * _KIB),
    Asking(1, 32 * _KIB, 32 * _KIB),
)
LONG_WAYS = (*WAYS, Asking(1, LONG_BYTES, LONG_BYTES))


@exact
def read_groups(x: Any, n_x: int, v: Any, near: Any, ahead: int, out: Any) -> None:
    """Make the dots and the axpys of all whole groups of eight rows of n_x numbers, a multiple of
    8; add them to out (n_x,)."""
    lanes, zero, one, line = np.empty(LANES), splat(0.0), splat(1.0), line_elements(x)
    for at in range(0, x.size - LANES * n_x + 1, LANES * n_x):
        k = eight_rows(at, n_x)
        s, asked = for_each(zero, k), at + ahead
        for j in range(0, n_x, LANES):
            for p in range(asked, asked + 4 * LANES, line):
                prefetch_into(x, p, near)
            asked += 4 * LANES
            s = add_row_dots(x, k, j, load(v, j), s)
        store(lanes, 0, sums(s))
        d = splats(lanes, 0, k)
        for j in range(0, n_x, LANES):
            for p in range(asked, asked + 4 * LANES, line):
                prefetch_into(x, p, near)
            asked += 4 * LANES
            even = add_row_axpys(x, k[::2], j, d[::2], load(out, j))
            odd = add_row_axpys(x, k[1::2], j, d[1::2], zero)
            store(out, j, fma(odd, one, even))


def seconds_of(x: NDArray[Any], n_x: int, asking: Asking) -> float:
    """Return the seconds of this thread that it takes to read x so."""
    near, ahead = asking.level == 1 or None, asking.bytes_ahead(LANES * n_x * 8) // 8
    v, out = np.zeros(n_x), np.zeros(n_x)
    start = time.thread_time()
    read_groups(x, n_x, v, near, ahead, out)
    return time.thread_time() - start


def best_way(x: NDArray[Any], n_x: int, ways: Iterable[Asking], until: float) -> Asking:
    """Return the way that reads x fastest; the first one unless another is clearly faster."""
    ways = tuple(ways)
    least = dict.fromkeys(ways, np.inf)
    for _ in range(ROUNDS):
        for way in ways:
            least[way] = min(least[way], seconds_of(x, n_x, way))
        if time.perf_counter() > until:
            break
    best = min(ways, key=least.__getitem__)
    return best if least[best] < MARGIN * least[ways[0]] else ways[0]


def measured_table(seconds: float = SECONDS) -> Table:
    """Measure which table suits this CPU.

    An X beyond the last-level cache is not measured where that is too large: then it is read as one
    that fits.
    """
    last_level = last_level_cache()
    size = min(2 * last_level, MOST_BYTES, available_memory() // 8)
    # Written to: what was never written is one page of zeros.
    x = read_only(np.zeros(max(size, LEAST_BYTES) // 8) + 1.0)
    fits = x[: max(LEAST_BYTES // 2, min(last_level // 2, 8 << 20)) // 8]
    for way in WAYS:  # both forms are compiled
        seconds_of(x[: LANES * FEATURES], FEATURES, way)
    start = time.perf_counter()
    cached = best_way(fits, FEATURES, WAYS, start + seconds / 4)
    memory, long = cached, TABLES[USUAL].long
    if size == 2 * last_level:
        memory = best_way(x, FEATURES, WAYS, start + seconds * 5 / 8)
        long = best_way(x, LONG_FEATURES, LONG_WAYS, start + seconds)
    return Table(cached.level, cached, memory, long)
