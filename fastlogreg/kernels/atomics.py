"""Counters that threads share: each takes the next chunk, or waits for its turn.

Layout: int64, one number of a cache line, or a line for each thread. Nothing is rounded. The NumPy
twins take a lock, or look again and again.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from numba import types
from numba.core import cgutils

from .lanes import _INT32, INT64, _pointer, call, operation

_one_at_a_time = threading.Lock()  # what the atomic instruction is where code is compiled


def _plain_increment(counters: Any, index: int) -> int:
    with _one_at_a_time:
        value = int(counters[index])
        counters[index] = value + 1
    return value


@operation(_plain_increment)
def fetch_and_increment(typingctx: Any, counters: Any, index: Any) -> Any:
    """Add 1 to counters[index] in one atomic step; return the value before."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, counters, INT64, *args)
        return builder.atomic_rmw("add", pointer, INT64(1), "acq_rel")

    return types.int64(counters, types.int64), codegen


def _plain_wait(counter: Any, value: int) -> None:
    while counter[0] != value:
        time.sleep(0)


@operation(_plain_wait)
def wait_for(typingctx: Any, counter: Any, value: Any) -> Any:
    """Wait until counter[0], which other threads increment, is value.

    What they wrote before is then to be seen. After every 64 looks another thread may have the CPU
    (POSIX).
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, counter, INT64, args[0], INT64(0))
        looks = cgutils.alloca_once_value(builder, INT64(0))
        names = ("look", "rest", "give_way", "done")
        look, rest, give_way, done = (builder.append_basic_block(f"wait_{name}") for name in names)
        builder.branch(look)
        builder.position_at_end(look)
        seen = builder.load_atomic(pointer, "acquire", 8)
        builder.cbranch(builder.icmp_signed("==", seen, args[1]), done, rest)
        builder.position_at_end(rest)
        count = builder.add(builder.load(looks), INT64(1))
        builder.store(count, looks)
        often = builder.icmp_unsigned("==", builder.and_(count, INT64(63)), INT64(0))
        builder.cbranch(often, give_way, look)
        builder.position_at_end(give_way)
        if os.name == "posix":
            call(builder, "sched_yield", _INT32, [])
        builder.branch(look)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(counter, types.int64), codegen
