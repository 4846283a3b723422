"""Coordinate descent in a quadratic model with an elastic net or groups: a step of prox-Newton.

    q.d + d.H d / 2 + sum l1_j |w_j| + l2_j / 2 w_j^2      w = w0 + d,  lower <= w <= upper

A sweep goes through the coordinates, each to where the model is least along it. After one that has
changed nothing of what is 0 or at a bound, the others are solved for together, by Cholesky. Where a
sign would change or a bound be passed, the step ends there, and that coordinate is fixed. A sweep
that changes nothing of what is fixed then ends it: so what is found is exact to rounding, however
the columns are correlated.

Layout: H (n, n), symmetric, row after row; r (n,) = H d + q is kept up to date by adding multiples
of a row.

    row j of H:  H[j, 0] ... H[j, n - 1]      r += d_j H[j]

Loop order: sweeps; coordinates; the elements of a row. Rounding: FAST, a coordinate is exactly 0 or
exactly at a bound where it is there. Twin: a search by SciPy, in the tests.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..decorators import inlined, kernel
from .cholesky import factor, solve

PIVOT = 1e-13  # of its place on the diagonal, below which columns depend on each other
PATIENCE = 20  # sweeps that change what is fixed, after which the rest is solved for all the same
SETTLED = 1e-24  # of the largest gain of a sweep: what is left is rounding


@inlined
def add_row(H: Any, j: int, d: float, r: Any) -> None:
    """Add d times row j of H to r."""
    row = H[j]
    for i in range(r.size):
        r[i] += d * row[i]


@inlined
def least_along(t: float, l1: float, bent: float, low: float, high: float) -> float:
    """Return the w within its bounds where bent / 2 w^2 - t w + l1 |w| is least."""
    size = abs(t) - l1
    if not size > 0.0:
        found = 0.0
    elif bent > 0.0:
        found = math.copysign(size / bent, t)
    else:
        found = math.copysign(math.inf, t)
    return min(max(found, low), high)


@inlined
def free_places(w: Any, lower: Any, upper: Any, places: Any) -> int:
    """List the coordinates that are neither 0 nor at a bound; return how many."""
    count = 0
    for j in range(w.size):
        if w[j] != 0.0 and lower[j] < w[j] < upper[j]:
            places[count] = j
            count += 1
    return count


@kernel
def solve_free(
    H: Any, r: Any, w: Any, penalty: Any, bounds: Any, places: Any, attempts: int
) -> bool:
    """Move the free coordinates to where the model is least, as far as their signs allow.

    penalty: l1 and l2; bounds: lower and upper. attempts: steps at most. False where it did not get
    there, or their columns depend on each other.
    """
    (l1, l2), (lower, upper) = penalty, bounds
    for _ in range(attempts):
        count = free_places(w, lower, upper, places)
        if count == 0:
            return True
        A, L = np.empty((count, count)), np.empty((count, count))
        g, d = np.empty(count), np.empty(count)
        for a in range(count):
            j = places[a]
            g[a] = r[j] + l2[j] * w[j] + math.copysign(l1[j], w[j])
            for b in range(a + 1):
                A[a, b] = H[j, places[b]]
            A[a, a] += l2[j]
        if not factor(A, PIVOT, L):
            return False
        solve(L, g, d)
        t, stopped = 1.0, -1
        for a in range(count):
            j = places[a]
            low = max(lower[j], 0.0 if w[j] > 0.0 and l1[j] > 0.0 else -math.inf)
            high = min(upper[j], 0.0 if w[j] < 0.0 and l1[j] > 0.0 else math.inf)
            end = low if d[a] > 0.0 else high
            if d[a] != 0.0 and (w[j] - end) / d[a] < t:
                t, stopped = (w[j] - end) / d[a], a
        for a in range(count):
            j = places[a]
            new = w[j] - t * d[a]
            if a == stopped:
                low = max(lower[j], 0.0 if w[j] > 0.0 and l1[j] > 0.0 else -math.inf)
                high = min(upper[j], 0.0 if w[j] < 0.0 and l1[j] > 0.0 else math.inf)
                new = low if d[a] > 0.0 else high
            if new != w[j]:
                add_row(H, j, new - w[j], r)
                w[j] = new
        if stopped < 0:
            return True
    return False


@kernel
def descend_coordinates(
    H: Any, q: Any, w0: Any, w: Any, penalty: Any, bounds: Any, most: int
) -> int:
    """Minimise over w (n,), in place, from where it is; return the sweeps made, `most` at most.

    penalty: l1 and l2 (n,); bounds: lower and upper (n,). w is within them.
    """
    (l1, l2), (lower, upper), n = penalty, bounds, w.size
    r, places = q.copy(), np.empty(n, np.int64)
    for j in range(n):
        if w[j] != w0[j]:
            add_row(H, j, w[j] - w0[j], r)
    solved, greatest, attempts = False, 0.0, 1
    for sweep in range(most):
        changed, largest = False, 0.0
        for j in range(n):
            bent = H[j, j] + l2[j]
            new = least_along(H[j, j] * w[j] - r[j], l1[j], bent, lower[j], upper[j])
            if not abs(new) < math.inf:
                new = w[j]
            d = new - w[j]
            if d != 0.0:
                was = w[j] != 0.0 and lower[j] < w[j] < upper[j]
                now = new != 0.0 and lower[j] < new < upper[j]
                changed = changed or was != now or new * w[j] < 0.0
                largest = max(largest, bent * d * d)
                add_row(H, j, d, r)
                w[j] = new
        greatest = max(greatest, largest)
        if (solved and not changed) or largest <= SETTLED * greatest:
            return sweep + 1
        solved = False
        if not changed or sweep % PATIENCE == PATIENCE - 1:
            solved = solve_free(H, r, w, penalty, bounds, places, attempts)
            attempts = min(2 * attempts, 2 * n + 1)
    return most


@inlined
def least_length(values: Any, turned: Any, l1: float) -> float:
    """Return s with sum of (turned / (values s + l1))^2 = 1: the length of a group's weights.

    values: of the curvature along its own axes, with l2; turned: what pulls along them. By Newton's
    method on 1 / length, from below, where it cannot overshoot.
    """
    s = 0.0
    for _ in range(100):
        total, slope = 0.0, 0.0
        for i in range(values.size):
            part = turned[i] / (values[i] * s + l1)
            total += part * part
            slope -= part * part * values[i] / (values[i] * s + l1)
        if not total > 0.0 or not slope < 0.0:
            break
        size = math.sqrt(total)
        step = (size - 1.0) * total / (-slope)
        following = s + step
        if not following > s * (1.0 + 4e-16) or not following < math.inf:
            break
        s = following
    return s


@kernel
def descend_groups(H: Any, q: Any, w0: Any, w: Any, starts: Any, penalty: Any, most: int) -> int:
    """Minimise with groups of coordinates that are 0 together; return the sweeps made.

    starts (G + 1,): where each group begins. penalty: l1 (G,) and l2 (n,), the same in a group. A
    group moves to where the model is least along all of it: in the axes of its part of H the length
    of its weights is the root of an equation in one unknown.
    """
    (l1, l2), n, groups = penalty, w.size, starts.size - 1
    r = q.copy()
    for j in range(n):
        if w[j] != w0[j]:
            add_row(H, j, w[j] - w0[j], r)
    longest = 0
    for g in range(groups):
        longest = max(longest, starts[g + 1] - starts[g])
    axes, values = np.zeros((n, longest)), np.zeros(n)
    for g in range(groups):
        lo, hi = starts[g], starts[g + 1]
        found, own = np.linalg.eigh(np.ascontiguousarray(H[lo:hi, lo:hi]))
        for a in range(hi - lo):
            values[lo + a] = max(found[a], 0.0) + l2[lo]
            for b in range(hi - lo):
                axes[lo + a, b] = own[a, b]
    greatest = 0.0
    for sweep in range(most):
        largest = 0.0
        for g in range(groups):
            lo, hi = starts[g], starts[g + 1]
            pull, turned = np.empty(hi - lo), np.zeros(hi - lo)
            size = 0.0
            for a in range(hi - lo):
                pull[a] = -r[lo + a]
                for b in range(hi - lo):
                    pull[a] += H[lo + a, lo + b] * w[lo + b]
                size += pull[a] * pull[a]
            new = np.zeros(hi - lo)
            if math.sqrt(size) > l1[g]:
                for a in range(hi - lo):
                    for b in range(hi - lo):
                        turned[b] += axes[lo + a, b] * pull[a]
                s = least_length(values[lo:hi], turned, l1[g]) if l1[g] > 0.0 else 1.0
                for b in range(hi - lo):
                    bent = values[lo + b] + (l1[g] / s if s > 0.0 else math.inf)
                    along = turned[b] / bent if bent > 0.0 else 0.0
                    for a in range(hi - lo):
                        new[a] += axes[lo + a, b] * along
            for a in range(hi - lo):
                d = new[a] - w[lo + a]
                if d != 0.0:
                    largest = max(largest, (H[lo + a, lo + a] + l2[lo]) * d * d)
                    add_row(H, lo + a, d, r)
                    w[lo + a] = new[a]
        greatest = max(greatest, largest)
        if largest <= SETTLED * greatest:
            return sweep + 1
    return most
