"""One pass over features that lie one after the other: z, loss, dz and dz x.

    X (n_x, m):  | feature 0: examples 0, 1, ... | feature 1: examples 0, 1, ... | ...
                               lane 0, 1, ...

Loop order: chunk, tile of as many examples as a block has threads, feature. A thread has one
example: it adds up z over the features, evaluates the loss once, and puts dz into shared memory.
Then each warp takes features of its own and adds dz x over the tile.

The second look at a tile comes from the second-level cache where the tiles of all blocks fit in:
on an H100 50 MB, 256 examples for each of 264 blocks: up to about 180 features of float32. Beyond
that part of X is read twice. A feature's sum is always added by the same thread, in the order of
the tiles. Rounding: float64. Twin: `backends.vectorized.numpy`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float64

from .pieces import add_heads, kernel, unsigned, weighted_link
from .shuffles import sum_over
from .sizes import HEAD, Sizes

AHEAD = 8  # features that a thread asks for before it needs the first


@cache
def pass_of(sizes: Sizes) -> Any:
    """Make the kernel."""
    LANES, WARPS, THREADS = sizes.lanes, sizes.warps, sizes.threads

    @kernel
    def one_pass(
        x: Any,
        y: Any,
        weight: Any,
        linear: bool,
        w: Any,
        b: float,
        zs: Any,
        partials: Any,
        n_x: int,
        chunk: int,
    ) -> None:
        shared_d = cuda.shared.array(THREADS, float64)
        heads = cuda.shared.array((WARPS, 3), float64)
        ahead = cuda.local.array(AHEAD, float64)
        thread = cuda.threadIdx.x
        warp, lane = thread // LANES, thread % LANES
        m = y.size
        for c in range(cuda.blockIdx.x, partials.shape[0], cuda.gridDim.x):
            lo = c * chunk
            hi = min(m, lo + chunk)
            for j in range(thread, n_x, THREADS):
                partials[c, HEAD + j] = 0.0
            value_sum = 0.0
            d_sum = 0.0
            slope_sum = 0.0
            for base in range(lo, hi, THREADS):
                i = base + thread
                d = 0.0
                if i < hi:
                    z = 0.0
                    for j0 in range(0, n_x, AHEAD):
                        for k in range(AHEAD):
                            there = j0 + k < n_x
                            at = (j0 + k) * m + i
                            ahead[k] = np.float64(x[unsigned(at)]) if there else 0.0
                        for k in range(AHEAD):
                            z += w[min(j0 + k, n_x - 1)] * ahead[k]
                    z += b
                    s = weight[i] if weight.size else 1.0
                    value, d, slope = weighted_link(z, y[i], s, linear)
                    value_sum += value
                    d_sum += d
                    slope_sum += slope
                    if zs.size:
                        zs[i] = z
                shared_d[thread] = d
                cuda.syncthreads()
                for j0 in range(0, n_x, WARPS):
                    j = j0 + warp
                    s = 0.0
                    if j < n_x:
                        for k in range(WARPS):
                            t = lane + LANES * k
                            if base + t < hi:
                                s += shared_d[t] * np.float64(x[unsigned(j * m + base + t)])
                    s = sum_over(s, LANES)
                    if j < n_x and lane == 0:
                        partials[c, HEAD + j] += s
                cuda.syncthreads()
            value_sum = sum_over(value_sum, LANES)
            d_sum = sum_over(d_sum, LANES)
            slope_sum = sum_over(slope_sum, LANES)
            if lane == 0:
                heads[warp, 0] = value_sum
                heads[warp, 1] = d_sum
                heads[warp, 2] = slope_sum
            cuda.syncthreads()
            add_heads(heads, partials, c, thread, 3)
            cuda.syncthreads()

    return one_pass
