"""What the lanes of a warp tell each other: shuffles, and a stand-in where there are none.

numba's simulator runs each thread of a block as a thread of Python and has no shuffles. There a
number goes through memory that the threads of a block share, between two barriers. So each of these
functions must be called by all threads of a block, and kernels make loops of equal lengths. The
additions and their order are the same as on a GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from numba import config, cuda

SIMULATED = bool(config.ENABLE_CUDASIM)
EVERY_LANE = 0xFFFFFFFF
Function = TypeVar("Function", bound=Callable[..., Any])


def on_device(function: Function) -> Any:
    """Compile a function that kernels call; the simulator runs it as it is."""
    return function if SIMULATED else cuda.jit(device=True)(function)


if SIMULATED:
    _given: dict[int, float] = {}  # by thread: blocks are simulated one after the other

    def _thread() -> Any:
        return threading.current_thread()

    def from_partner(value: float, offset: int) -> float:
        """Return the value of the lane whose number differs in the bit `offset`."""
        return from_lane(value, _thread().thread_id ^ offset)

    def from_lane(value: float, lane: int) -> float:
        """Return the value of a lane, counted over the block here, in its warp on a GPU."""
        thread = _thread()
        _given[thread.thread_id] = value
        thread.syncthreads()
        found = _given[lane]
        thread.syncthreads()
        return found

else:

    @cuda.jit(device=True)  # type: ignore[untyped-decorator]
    def from_partner(value: float, offset: int) -> float:
        """Return the value of the lane whose number differs in the bit `offset`."""
        return cuda.shfl_xor_sync(EVERY_LANE, value, offset)

    @cuda.jit(device=True)  # type: ignore[untyped-decorator]
    def from_lane(value: float, lane: int) -> float:
        """Return the value of a lane; of its number the last five bits count."""
        return cuda.shfl_sync(EVERY_LANE, value, lane & 31)


@on_device
def halved(low: float, high: float, place: int, offset: int) -> float:
    """Add two values over pairs of lanes: those with the bit `offset` keep high, the others low."""
    upper = (place & offset) != 0
    return (high if upper else low) + from_partner(low if upper else high, offset)


@on_device
def sum_over(value: float, lanes: int) -> float:
    """Add a value over so many lanes, a power of two; each has the sum."""
    offset = lanes // 2
    while offset > 0:
        value += from_partner(value, offset)
        offset //= 2
    return value
