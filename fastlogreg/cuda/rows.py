"""One pass over examples that lie one after the other: z, loss, dz and dz x from one read of X.

    X (m, n_x):  | example 0: words of team 0 | example 1: team 0 | ... | example R: team 1 | ...
                   lane 0, 1, 2, ...

Loop order: chunk, group of R examples for each team, word. A team reads a word of each of its lanes
at a time, so that a warp's read is one stretch of memory. All words of R examples are asked for
before the first is used. They stay in registers from z to dz x: X is read once.

    z of R examples   each lane has partial sums of R examples. They are halved: in a step a lane
                      gives away half of its examples. After log2(R) steps it has one, and the rest
                      is a sum over the lanes of that one: R - 1 + log2(lanes / R) shuffles
    loss and dz       each lane has its own example; one evaluation serves R examples
    dz x              dz comes back by R shuffles; sums of dw are in registers for a whole chunk

A team of several warps adds their z through shared memory. Words of bytes are four elements.

What should bound it, by the tables of an H100 (132 multiprocessors, 3.35 TB/s: 14.5 bytes a clock
for each) with 500 features. Words under way: 32 of a thread, 8 KiB a warp of float64, where about
15 KiB hide the memory's latency; 128 registers leave 16 warps. Arithmetic: each element takes a
conversion to float64 (16 a clock) and two fused operations (64 a clock), 0.09 clocks; the memory
has one of float32 every 0.28 clocks. So sums of a few elements in float32 would win nothing where
the units for float64 are whole, and would cost digits: z would be off by up to 4 x 2^-24 of the
sizes of its terms, and bounds on J - J* below 1e-7 would prove nothing. Every product and sum is
float64, whatever X is. Bytes are not converted, which would take 0.13 clocks for the two uses where
the memory has one every 0.07: `of_four` puts them into a float64's bits. The machine code has 1,330
instructions in the loop for 3,136 bytes of a warp, of which a multiprocessor starts four a clock:
0.106 clocks a byte. No word is kept as numbers between its two uses: see `altered`.

Rounding: float64. A z has an error of at most (words x elements + log2(lanes) + warps) u times the
sum of the sizes of its terms, u = 2^-53; a sum over the examples of at most (chunk / (R teams) +
R + teams + chunks) u. Twin: `backends.vectorized.numpy`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float64

from .pieces import add_heads, altered, kernel, of_four, one, same, unsigned, weighted_link
from .shuffles import from_lane, halved, sum_over
from .sizes import HEAD, Sizes, Team


@cache
def pass_of(team: Team, sizes: Sizes, kind: Any) -> Any:
    """Make the kernel for such a team and words of a Numba type."""
    LANES, THREADS = sizes.lanes, sizes.threads
    TEAM, WORDS, ELEMENTS, ROWS = team
    TEAMS, WIDE = THREADS // TEAM, TEAM // LANES  # WIDE: warps of a team, 0 of a part of a warp
    SPAN = min(TEAM, LANES)  # lanes that shuffle
    SHARE = SPAN // ROWS  # lanes that have the same example after halving
    WIDTH, SUMS, HELD = TEAM * WORDS * ELEMENTS, WORDS * ELEMENTS, ROWS * WORDS
    WARPS, LAST = sizes.warps, WORDS - 1  # every word but the last is there for every thread
    element, again = (of_four, altered) if ELEMENTS > 1 else (one, same)

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
        shared_w = cuda.shared.array(WIDTH, float64)
        shared_z = cuda.shared.array((WARPS, ROWS), float64)
        heads = cuda.shared.array((WARPS, 3), float64)
        sums = cuda.local.array(SUMS, float64)
        xs = cuda.local.array(HELD, kind)
        v = cuda.local.array(ROWS, float64)
        thread = cuda.threadIdx.x
        warp, place, team = thread // LANES, thread % TEAM, thread // TEAM
        lane = thread % SPAN
        row = lane // SHARE
        m, words = y.size, (n_x + ELEMENTS - 1) // ELEMENTS
        nothing = np.uint32(n_x >> 40)
        rest = words - LAST * TEAM
        for c in range(cuda.blockIdx.x, partials.shape[0], cuda.gridDim.x):
            for j in range(thread, WIDTH, THREADS):
                shared_w[j] = w[j] if j < n_x else 0.0
            cuda.syncthreads()
            lo = c * chunk
            hi = min(m, lo + chunk)
            for k in range(SUMS):
                sums[k] = 0.0
            value_sum = 0.0
            d_sum = 0.0
            slope_sum = 0.0
            for g in range((hi - lo + TEAMS * ROWS - 1) // (TEAMS * ROWS)):
                first = lo + (g * TEAMS + team) * ROWS
                for r in range(ROWS):
                    start = (first + r) * words + place
                    for t in range(WORDS):
                        if first + r < hi and (t < LAST or place < rest):
                            xs[r * WORDS + t] = x[unsigned(start + t * TEAM)]
                        else:
                            xs[r * WORDS + t] = 0
                for r in range(ROWS):
                    v[r] = 0.0
                for t in range(WORDS):
                    for e in range(ELEMENTS):
                        factor = shared_w[unsigned((place + t * TEAM) * ELEMENTS + e)]
                        for r in range(ROWS):
                            v[r] += factor * element(xs[r * WORDS + t], e, nothing)
                # Each step by itself: so the compiler knows every index, and v stays in registers.
                if ROWS >= 16:
                    for r in range(8):
                        v[r] = halved(v[r], v[r + 8], lane, SPAN * 8 // ROWS)
                if ROWS >= 8:
                    for r in range(4):
                        v[r] = halved(v[r], v[r + 4], lane, SPAN * 4 // ROWS)
                if ROWS >= 4:
                    for r in range(2):
                        v[r] = halved(v[r], v[r + 2], lane, SPAN * 2 // ROWS)
                if ROWS >= 2:
                    v[0] = halved(v[0], v[1], lane, SPAN // ROWS)
                z = sum_over(v[0], SHARE)
                if WIDE > 1:
                    if lane % SHARE == 0:
                        shared_z[warp, row] = z
                    cuda.syncthreads()
                    z = 0.0
                    for k in range(WIDE):
                        z += shared_z[team * WIDE + k, row]
                    cuda.syncthreads()
                z += b
                i = first + row
                d = 0.0
                if i < hi:
                    s = weight[i] if weight.size else 1.0
                    value, d, slope = weighted_link(z, y[i], s, linear)
                    if place < SPAN and lane % SHARE == 0:
                        value_sum += value
                        d_sum += d
                        slope_sum += slope
                        if zs.size:
                            zs[i] = z
                for r in range(ROWS):
                    d_r = from_lane(d, thread - lane + r * SHARE)
                    for t in range(WORDS):
                        word = again(xs[r * WORDS + t], nothing)
                        for e in range(ELEMENTS):
                            sums[t * ELEMENTS + e] += d_r * element(word, e, nothing)
            cuda.syncthreads()  # w in shared memory is needed no more: its place takes dw
            for q in range(TEAMS):
                if team == q:
                    for t in range(WORDS):
                        for e in range(ELEMENTS):
                            j = unsigned((place + t * TEAM) * ELEMENTS + e)
                            before = 0.0 if q == 0 else shared_w[j]
                            shared_w[j] = before + sums[t * ELEMENTS + e]
                cuda.syncthreads()
            for j in range(thread, n_x, THREADS):
                partials[c, HEAD + j] = shared_w[j]
            value_sum = sum_over(value_sum, LANES)
            d_sum = sum_over(d_sum, LANES)
            slope_sum = sum_over(slope_sum, LANES)
            if thread % LANES == 0:
                heads[warp, 0] = value_sum
                heads[warp, 1] = d_sum
                heads[warp, 2] = slope_sum
            cuda.syncthreads()
            add_heads(heads, partials, c, thread, 3)
            cuda.syncthreads()

    return one_pass
