"""Products with X in tiles: scores of K columns, sums of K rows times x, and weighted x x.T.

    scores     Z[k, i] = sum over j of W[k, j] x[i, j] + b[k]               (K, m)
    products   G[k, j] = sum over i of D[k, i] x[i, j]                      (K, n_x + 1)
               or, of X itself, sum over i of s[i] x[i, k] x[i, j]          (n_x + 1, n_x + 1)

x[i, j] is scale[j] X[i, j] + shift[j], and 1 where j = n_x. X lies example after example, or
feature after feature: a tile goes to shared memory as float64 in the order that it lies in, so that
a warp's read is one stretch. Then each number of a tile serves several products from registers:

    a thread has `ACROSS` places of the lanes' side and `DOWN` of the warps' side. For each step it
    reads ACROSS + DOWN numbers, those of a warp's side at one address for all lanes, and makes
    ACROSS x DOWN fused operations.

From three columns on multiplications bound these kernels, not memory: two columns of 500 float64
take 64 clocks of a multiprocessor for an example where the memory takes 280, ten take 320, sixty of
x x.T thousands. So Z and the sums are two kernels that read X one after the other.

Rounding: float64; in a chunk a sum is added up example after example, chunks in their order.
Twin: `backends.vectorized_many`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, float64

from .pieces import kernel, unsigned
from .shuffles import on_device
from .sizes import Sizes

STEP = 16  # features, or examples, of a tile along which products are added up


class Tile(NamedTuple):
    """Hold the places of a thread: those of its lane's side, and of its warp's side."""

    across: int
    down: int


FEW = Tile(4, 1)  # up to as many columns as a block has warps
MANY = Tile(4, 2)
WHOLE = Tile(2, 8)  # of x x.T: 64 by 64


@on_device
def number(x: Any, i: int, j: int, m: int, n_x: int, by_example: bool) -> float:
    """Return X[i, j] as float64, and 1 where j = n_x."""
    if j == n_x:
        return 1.0
    return np.float64(x[unsigned(i * n_x + j)] if by_example else x[unsigned(j * m + i)])


@cache
def scores_of(tile: Tile, sizes: Sizes) -> Any:
    """Make the kernel of Z, for W and b folded for X itself."""
    LANES, WARPS, THREADS = sizes.lanes, sizes.warps, sizes.threads
    ACROSS, DOWN = tile
    WIDE, TALL, HELD = LANES * ACROSS, WARPS * DOWN, ACROSS * DOWN
    PADDED = WIDE + 1  # a column of a tile lies in as many banks as it can

    @kernel
    def scores(x: Any, W: Any, b: Any, Z: Any, n_x: int, by_example: bool) -> None:
        xs = cuda.shared.array((STEP, PADDED), float64)
        ws = cuda.shared.array((STEP, TALL), float64)
        sums = cuda.local.array(HELD, float64)
        thread = cuda.threadIdx.x
        warp, lane = thread // LANES, thread % LANES
        K, m = Z.shape
        first_k = cuda.blockIdx.y * TALL
        for tile_at in range(cuda.blockIdx.x, (m + WIDE - 1) // WIDE, cuda.gridDim.x):
            first = tile_at * WIDE
            for h in range(HELD):
                sums[h] = 0.0
            for j0 in range(0, n_x, STEP):
                for k in range(thread, STEP * WIDE, THREADS):
                    jj, ii = (k % STEP, k // STEP) if by_example else (k // WIDE, k % WIDE)
                    i, j = first + ii, j0 + jj
                    v = 0.0
                    if i < m and j < n_x:
                        v = np.float64(
                            x[unsigned(i * n_x + j)] if by_example else x[unsigned(j * m + i)]
                        )
                    xs[jj, ii] = v
                for k in range(thread, STEP * TALL, THREADS):
                    jj, kk = k % STEP, k // STEP
                    there = j0 + jj < n_x and first_k + kk < K
                    ws[jj, kk] = W[first_k + kk, j0 + jj] if there else 0.0
                cuda.syncthreads()
                for jj in range(STEP):
                    for p in range(DOWN):
                        factor = ws[jj, warp + WARPS * p]
                        for q in range(ACROSS):
                            sums[p * ACROSS + q] += factor * xs[jj, lane + LANES * q]
                cuda.syncthreads()
            for p in range(DOWN):
                k = first_k + warp + WARPS * p
                for q in range(ACROSS):
                    i = first + lane + LANES * q
                    if k < K and i < m:
                        Z[k, i] = sums[p * ACROSS + q] + b[k]

    return scores


@cache
def products_of(tile: Tile, of_x: bool, square: bool, sizes: Sizes) -> Any:
    """Make the kernel of the sums over the examples, a row of sums for each chunk.

    of_x: the left side is s x itself. square: the right side is x^2.
    """
    LANES, WARPS, THREADS = sizes.lanes, sizes.warps, sizes.threads
    ACROSS, DOWN = tile
    WIDE, TALL, HELD = LANES * ACROSS, WARPS * DOWN, ACROSS * DOWN
    PADDED, PADDED_TALL = WIDE + 1, TALL + 1

    @kernel
    def products(
        x: Any,
        left: Any,
        scale: Any,
        shift: Any,
        partials: Any,
        n_x: int,
        chunk: int,
        by_example: bool,
    ) -> None:
        xs = cuda.shared.array((STEP, PADDED), float64)
        ds = cuda.shared.array((STEP, PADDED_TALL), float64)
        sums = cuda.local.array(HELD, float64)
        thread = cuda.threadIdx.x
        warp, lane = thread // LANES, thread % LANES
        m = left.shape[1]
        K = n_x + 1 if of_x else left.shape[0]
        first_j, first_k = cuda.blockIdx.y * WIDE, cuda.blockIdx.z * TALL
        # x x.T is symmetric: the host has the other half.
        wanted = not of_x or first_k < first_j + WIDE
        for c in range(cuda.blockIdx.x, partials.shape[0], cuda.gridDim.x):
            lo = c * chunk
            hi = min(m, lo + chunk)
            for h in range(HELD):
                sums[h] = 0.0
            for i0 in range(lo, hi if wanted else lo, STEP):
                for k in range(thread, STEP * WIDE, THREADS):
                    jj, ii = (k % WIDE, k // WIDE) if by_example else (k // STEP, k % STEP)
                    i, j = i0 + ii, first_j + jj
                    v = 0.0
                    if i < hi and j <= n_x:
                        v = number(x, i, j, m, n_x, by_example) * scale[j] + shift[j]
                        if square:
                            v *= v
                    xs[ii, jj] = v
                for k in range(thread, STEP * TALL, THREADS):
                    if of_x:
                        kk, ii = (k % TALL, k // TALL) if by_example else (k // STEP, k % STEP)
                    else:
                        kk, ii = k // STEP, k % STEP
                    i, row = i0 + ii, first_k + kk
                    v = 0.0
                    if i < hi and row < K:
                        if of_x:
                            v = number(x, i, row, m, n_x, by_example) * scale[row] + shift[row]
                            v *= left[0, i]
                        else:
                            v = left[row, i]
                    ds[ii, kk] = v
                cuda.syncthreads()
                for ii in range(STEP):
                    for p in range(DOWN):
                        factor = ds[ii, warp + WARPS * p]
                        for q in range(ACROSS):
                            sums[p * ACROSS + q] += factor * xs[ii, lane + LANES * q]
                cuda.syncthreads()
            for p in range(DOWN):
                k = first_k + warp + WARPS * p
                for q in range(ACROSS):
                    j = first_j + lane + LANES * q
                    if k < K and j <= n_x:
                        partials[c, k * (n_x + 1) + j] = sums[p * ACROSS + q]

    return products
