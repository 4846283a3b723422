"""What is made of z alone: losses and their derivatives, an example a thread; no read of X.

    z (m,) or Z (K, m)  ->  rows of numbers (R, m), and sums over the examples

Examples are consecutive for the lanes of a warp, so each row is read and written in stretches. Sums
over a chunk: a thread adds up its examples, then lanes by a tree, then warps in order; chunks are
added by `pieces.fold_of`. Rounding: float64. Logarithms of numbers other than 1 + e are the
compiler's. Twins: `maths.logistic`, `maths.softmax`, `maths.duality`.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float64

from .pieces import add_heads, kernel, link, log1p, softmax_size
from .shuffles import on_device, sum_over
from .sizes import Sizes

TINY = 1e-300


@cache
def line_of(sizes: Sizes) -> Any:
    """Make the kernel of the loss at z + t slope, and its derivatives; see `line`."""
    LANES, WARPS, THREADS = sizes.lanes, sizes.warps, sizes.threads

    @kernel
    def line(
        z: Any, slope: Any, t: float, y: Any, weight: Any, dz: Any, slopes: Any, partials: Any
    ) -> None:
        """Sum loss, dz slope and da/dz slope^2; an empty slope is 1. dz and slopes (m,), if given,
        take dz and da/dz, weighted."""
        heads = cuda.shared.array((WARPS, 3), float64)
        thread, m = cuda.threadIdx.x, y.size
        chunks = partials.shape[0]
        chunk = (m + chunks - 1) // chunks
        for c in range(cuda.blockIdx.x, chunks, cuda.gridDim.x):
            value_sum = 0.0
            first = 0.0
            second = 0.0
            for i in range(c * chunk + thread, min(m, (c + 1) * chunk), THREADS):
                move = slope[i] if slope.size else 1.0
                s = weight[i] if weight.size else 1.0
                value, d, bent = link(z[i] + t * move, np.float64(y[i]))
                d *= s
                bent *= s
                value_sum += s * value
                first += d * move
                second += bent * move * move
                if dz.size:
                    dz[i] = d
                if slopes.size:
                    slopes[i] = bent
            value_sum = sum_over(value_sum, LANES)
            first = sum_over(first, LANES)
            second = sum_over(second, LANES)
            if thread % LANES == 0:
                heads[thread // LANES, 0] = value_sum
                heads[thread // LANES, 1] = first
                heads[thread // LANES, 2] = second
            cuda.syncthreads()
            add_heads(heads, partials, c, thread, 3)
            cuda.syncthreads()

    return line


@cache
def sums_of(sizes: Sizes) -> Any:
    """Make the kernel that adds up rows; see `row_sums`."""
    LANES, WARPS, THREADS = sizes.lanes, sizes.warps, sizes.threads

    @kernel
    def row_sums(rows: Any, partials: Any) -> None:
        """Sum rows (R, m) over each chunk of the examples: partials (chunks, R)."""
        heads = cuda.shared.array((WARPS, 1), float64)
        thread, m = cuda.threadIdx.x, rows.shape[1]
        chunks = partials.shape[0]
        chunk = (m + chunks - 1) // chunks
        r = cuda.blockIdx.y
        for c in range(cuda.blockIdx.x, chunks, cuda.gridDim.x):
            total = 0.0
            for i in range(c * chunk + thread, min(m, (c + 1) * chunk), THREADS):
                total += rows[r, i]
            total = sum_over(total, LANES)
            if thread % LANES == 0:
                heads[thread // LANES, 0] = total
            cuda.syncthreads()
            if thread == 0:
                total = 0.0
                for k in range(WARPS):
                    total += heads[k, 0]
                partials[c, r] = total
            cuda.syncthreads()

    return row_sums


@kernel
def difference(a: Any, b: Any, out: Any, lost: Any) -> None:
    """Put a - b into out, all flat; lost[0] becomes 1 where one of them is not finite."""
    for i in range(cuda.grid(1), a.size, cuda.gridsize(1)):
        move = a[i] - b[i]
        out[i] = move
        if move - move != 0.0:  # also where it is NaN
            lost[0] = 1.0  # whoever writes it writes the same


@kernel
def add_shift(Z: Any, shift: Any, out: Any) -> None:
    """Put Z (K, m) with shift (K,) added to each row into out."""
    K, m = Z.shape
    for at in range(cuda.grid(1), K * m, cuda.gridsize(1)):
        k = at // m
        out[k, at - k * m] = Z[k, at - k * m] + shift[k]


@kernel
def entropies(
    z: Any, y: Any, weight: Any, offset: Any, zeros: float, ones: float, out: Any
) -> None:
    """Put weight [H(q) + (q - y) o] of each example into out (1, m): see `maths.duality`."""
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        one = y[i] == 1
        _, d, _ = link(z[i], np.float64(y[i]))
        error = (ones if one else zeros) * abs(d)
        rest = max(1.0 - error, TINY)
        value = -error * math.log(max(error, TINY)) + rest * math.log1p(error / rest)
        if d != d:
            value = d
        if offset.size:
            value += (-error if one else error) * offset[i]
        out[0, i] = value * (weight[i] if weight.size else 1.0)


@on_device
def largest_place(Z: Any, i: int) -> int:
    """Return the class with the largest z of an example."""
    place = 0
    for k in range(1, Z.shape[0]):
        if Z[k, i] > Z[place, i]:
            place = k
    return place


@on_device
def softmax_rest(Z: Any, place: int, i: int) -> float:
    """Return the sum of exp(z - the largest) over all classes but that of the largest."""
    rest = 0.0
    for k in range(Z.shape[0]):
        if k != place:
            rest += softmax_size(Z[k, i], Z[place, i])
    return rest


@on_device
def log_of_sum(rest: float) -> float:
    """Return log(1 + rest): the package's polynomial up to 1, the compiler's logarithm above."""
    return log1p(rest) if not rest > 1.0 else math.log1p(rest)


@kernel
def softmax_terms(Z: Any, labels: Any, weight: Any, out: Any) -> None:
    """Put dZ into the first K rows of out (K + 1, m), and the losses into the last; weighted."""
    K, m = Z.shape
    for i in range(cuda.grid(1), m, cuda.gridsize(1)):
        s = weight[i] if weight.size else 1.0
        y, place = labels[i], largest_place(Z, i)
        largest = Z[place, i]
        rest = softmax_rest(Z, place, i)
        total = 1.0 + rest
        others = 0.0
        for k in range(K):
            if k != y:
                e = softmax_size(Z[k, i], largest)
                others += e
                out[k, i] = s * (e / total)
        out[y, i] = -s * (others / total)  # a_y - 1 would lose digits near 1
        out[K, i] = s * (log_of_sum(rest) + (largest - Z[y, i]))


@kernel
def softmax_chances(Z: Any, out: Any) -> None:
    """Put A into out (K, m)."""
    K, m = Z.shape
    for i in range(cuda.grid(1), m, cuda.gridsize(1)):
        place = largest_place(Z, i)
        total = 1.0 + softmax_rest(Z, place, i)
        for k in range(K):
            out[k, i] = softmax_size(Z[k, i], Z[place, i]) / total


@kernel
def softmax_bends(Z: Any, U: Any, weight: Any, out: Any) -> None:
    """Put s (diag(a) - a a.T) u of each example into out (K, m); U and out may be one array."""
    K, m = Z.shape
    for i in range(cuda.grid(1), m, cuda.gridsize(1)):
        s = weight[i] if weight.size else 1.0
        place = largest_place(Z, i)
        largest = Z[place, i]
        total = 1.0 + softmax_rest(Z, place, i)
        mean = 0.0
        for k in range(K):
            mean += softmax_size(Z[k, i], largest) / total * U[k, i]
        for k in range(K):
            a = softmax_size(Z[k, i], largest) / total
            out[k, i] = s * a * (U[k, i] - mean)


@kernel
def softmax_line(Z: Any, slope: Any, t: float, labels: Any, weight: Any, at: Any, out: Any) -> None:
    """Put loss, first and second derivative along Z + t slope into out (3, m); at (K, m) is room
    for that."""
    K, m = Z.shape
    for i in range(cuda.grid(1), m, cuda.gridsize(1)):
        s, y = weight[i] if weight.size else 1.0, labels[i]
        for k in range(K):
            at[k, i] = Z[k, i] + t * slope[k, i]
        place = largest_place(at, i)
        largest = at[place, i]
        rest = softmax_rest(at, place, i)
        total = 1.0 + rest
        first = 0.0
        mean = 0.0
        for k in range(K):
            a = softmax_size(at[k, i], largest) / total
            first += a * (slope[k, i] - slope[y, i])
            mean += a * slope[k, i]
        second = 0.0
        for k in range(K):
            away = slope[k, i] - mean
            second += softmax_size(at[k, i], largest) / total * away * away
        out[0, i] = s * (log_of_sum(rest) + (largest - at[y, i]))
        out[1, i] = s * first
        out[2, i] = s * second


@kernel
def pair_slopes(A: Any, k: int, j: int, weight: Any, out: Any) -> None:
    """Put s a_k ([k == j] - a_j) of each example into out (1, m)."""
    for i in range(cuda.grid(1), A.shape[1], cuda.gridsize(1)):
        s = weight[i] if weight.size else 1.0
        a = A[k, i]
        if k != j:
            out[0, i] = -s * a * A[j, i]
            continue
        others = 0.0
        for q in range(A.shape[0]):
            if q != k:
                others += A[q, i]
        out[0, i] = s * a * others


@kernel
def column_terms(
    Z: Any,
    labels: Any,
    positive: Any,
    train: Any,
    held: Any,
    weight: Any,
    group: Any,
    offset: Any,
    sided: bool,
    out: Any,
) -> None:
    """Put the rows of K binary models into out: dz, or those of y = 0 and of y = 1; then loss,
    held-out loss, da/dz. The offset is added to Z in place."""
    K, m = Z.shape
    sides = 2 * K if sided else K
    for at in range(cuda.grid(1), K * m, cuda.gridsize(1)):
        k = at // m
        i = at - k * m
        one = labels[i] == positive[k]
        if offset.size:
            Z[k, i] += offset[i]
        g = group[i] if group.size else 0
        own = weight[i] if weight.size else 1.0
        value, d, bent = link(Z[k, i], 1.0 if one else 0.0)
        s = own * train[k, g]
        if sided:
            out[k, i] = 0.0 if one else s * d
            out[K + k, i] = s * d if one else 0.0
        else:
            out[k, i] = s * d
        out[sides + k, i] = s * value
        out[sides + K + k, i] = own * held[k, g] * value
        out[sides + 2 * K + k, i] = s * bent


@kernel
def binary_terms(z: Any, y: Any, weight: Any, linear: bool, out: Any) -> None:
    """Put dz, loss and da/dz of z (1, m) into out (3, m); linear as in `pieces.weighted_link`."""
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        s = weight[i] if weight.size else 1.0
        if linear:
            out[0, i] = s * z[0, i]
            out[1, i] = 0.5 * s * z[0, i] * z[0, i]
            out[2, i] = 0.0
        else:
            value, d, bent = link(z[0, i], np.float64(y[i]))
            out[0, i] = s * d
            out[1, i] = s * value
            out[2, i] = s * bent
