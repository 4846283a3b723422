"""Passes over an X that stores its non-zeros alone, without a sum whose order is left to chance.

    example after example   starts (m + 1,), indices and values: for Z = W X + b
    feature after feature   starts (n_x + 1,), indices and values: for G = D X.T

A sum by atomic additions has other bits each time. So X is kept twice, in both orders, and each
order is read once a pass. A warp takes a row: its lanes take every 32nd non-zero of it, then add up
by a tree. W, D and Z are (K, n_x) and (K, m). Rounding: float64. Twin: `backends.vectorized_many`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda

from .pieces import kernel, unsigned
from .shuffles import sum_over
from .sizes import Sizes


@cache
def times_of(sizes: Sizes) -> Any:
    """Make the kernel that multiplies rows of non-zeros by K vectors."""
    LANES, WARPS = sizes.lanes, sizes.warps

    @kernel
    def times(starts: Any, indices: Any, values: Any, vectors: Any, more: Any, out: Any) -> None:
        """Put the sum over non-zeros of vectors[k, index] value, and more[k], into out[k, row]."""
        warp, lane = cuda.threadIdx.x // LANES, cuda.threadIdx.x % LANES
        k, rows = cuda.blockIdx.y, starts.size - 1
        for first in range(cuda.blockIdx.x * WARPS, rows, cuda.gridDim.x * WARPS):
            row = first + warp
            s = 0.0
            if row < rows:
                for at in range(starts[row] + lane, starts[row + 1], LANES):
                    s += vectors[k, indices[unsigned(at)]] * np.float64(values[unsigned(at)])
            s = sum_over(s, LANES)
            if row < rows and lane == 0:
                out[k, row] = s + (more[k] if more.size else 0.0)

    return times
