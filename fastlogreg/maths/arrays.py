"""The types of arrays that every room names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Vector = NDArray[np.float64]
Labels = NDArray[np.uint8]  # (m,), 0 or 1
NONE: Vector = np.empty(0)  # no weights, or no room for z


def flat(array: Array) -> Array:
    """Return the numbers of an array in one row, to be written to: never a copy.

    `reshape` copies what does not lie in order, and what is written to the copy is lost.
    """
    if not array.flags.c_contiguous:
        raise ValueError(f"what is written to must lie in order, got strides {array.strides}")
    return array.reshape(-1)


def in_lines(*shape: int) -> Vector:
    """Return zeros that begin where a cache line does; rows are whole lines, where they are
    multiples of eight.

    A vector of eight that lies across two lines takes twice the time of one that does not.
    """
    size = math.prod(shape)
    made = np.zeros(size + 7)
    skipped = -(made.ctypes.data // 8) % 8
    return made[skipped : skipped + size].reshape(shape)
