"""A quadratic model with absolute values and bounds, minimised coordinate by coordinate.

    minimise over w    q.d + d.H d / 2 + sum of l1 |w| + l2 w^2 / 2,   d = w - w0,
                       lower <= w <= upper

H is the Hessian of a working set, b eliminated: nothing here reads X. The variable is w and not d,
so that a zero or a bound is met exactly.

    r = q + H d                        kept up to date, a row of H at a time
    w_j = S(H_jj w_j - r_j, l1_j) / (H_jj + l2_j), within its bounds
    S(u, l) = u - l where u > l, u + l where u < -l, else 0

Layout: H (n, n), symmetric; all else (n,). Loop order: sweeps, coordinates, then a row of H. A full
sweep finds the support, the coordinates that are not 0; sweeps of these alone go on until they
stand still; then comes a full one again. The end is a full sweep that moves nothing.

Correlated columns make sweeps slow. So once signs and bounds have stayed as they are for as many
sweeps as a factor of H costs, the linear system of the free coordinates is solved
(`solve_on_support`).

Rounding: EXACT, but for the factor. Twin: the optimality conditions in extended precision, in the
tests.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..decorators import by_name, exact, inlined, inner
from .cholesky import factor, solve

LEAST_QUIET = 3  # sweeps without a change of sign, before a system is solved
# What is added to the diagonal, of itself: a duplicated column then has a factor. It costs a few
# steps of refinement, and leaves the solution.
LIFT = 1e-13
ROUNDINGS = 16 * 2.0**-52  # times n: at least as much is added, since a factor is no more exact
MOST_REFINEMENTS = 12
MOST_OF_W = 64.0  # H_jj times the square of a step over that of w: three more bits may be lost


@inlined
def add_row(H: Any, j: int, step: float, r: Any) -> None:
    """Add step times row j of H to r."""
    row = H[j]
    for k in range(r.size):
        r[k] += step * row[k]


@inner(exact)
def find_slopes(H: Any, q: Any, w0: Any, w: Any, r: Any) -> None:
    """Set r to q + H (w - w0)."""
    for k in range(r.size):
        r[k] = q[k]
    for j in range(r.size):
        d = w[j] - w0[j]
        if d != 0.0:
            add_row(H, j, d, r)


@inlined
def soft(u: float, threshold: float) -> float:
    """Move u towards 0 by the threshold, at most to 0."""
    if u > threshold:
        return u - threshold
    if u < -threshold:
        return u + threshold
    return 0.0


@inlined
def without_curvature(slope: float, w: float, l1: float, lower: float, upper: float) -> float:
    """Return where slope t + l1 |t| is least within the bounds; w where it is nowhere, or w too."""
    if slope > l1 and lower > -math.inf:
        return lower
    if slope < -l1 and upper < math.inf:
        return upper
    if -l1 < slope < l1:
        return min(max(0.0, lower), upper)
    return w


@inner(exact)
def sweep(
    order: Any, H: Any, w: Any, r: Any, l1: Any, l2: Any, lower: Any, upper: Any
) -> tuple[float, bool]:
    """Minimise over the coordinates of `order`, one after another; keep r up to date.

    Return the largest (H_jj + l2_j) step^2, and whether one has become 0 or met a bound, or left
    it, or changed its sign.
    """
    largest, changed = 0.0, False
    for j in order:
        before, h = w[j], H[j, j] + l2[j]
        if h > 0.0:
            after = soft(H[j, j] * before - r[j], l1[j]) / h
            after = min(max(after, lower[j]), upper[j])
        else:
            h, after = 0.0, without_curvature(r[j], before, l1[j], lower[j], upper[j])
        step = after - before
        if step != 0.0:
            w[j] = after
            add_row(H, j, step, r)
            largest = max(largest, h * step * step)
            changed |= (after == 0.0) != (before == 0.0) or after * before < 0.0
            changed |= (after == lower[j]) != (before == lower[j])
            changed |= (after == upper[j]) != (before == upper[j])
    return largest, changed


@inner(exact)
def find_free(w: Any, l1: Any, lower: Any, upper: Any, free: Any, lowest: Any, highest: Any) -> int:
    """List the coordinates that can move both ways without a kink; return how many there are.

    free: takes them; lowest and highest: how far each may go before a kink or a bound.
    """
    count = 0
    for j in range(w.size):
        if not lower[j] < w[j] < upper[j] or (w[j] == 0.0 and l1[j] > 0.0):
            continue
        free[count], lowest[count], highest[count] = j, lower[j], upper[j]
        if l1[j] > 0.0 and w[j] > 0.0:
            lowest[count] = max(0.0, lower[j])
        if l1[j] > 0.0 and w[j] < 0.0:
            highest[count] = min(0.0, upper[j])
        count += 1
    return count


@by_name(exact)
def solve_on_support(
    H: Any, q: Any, w0: Any, w: Any, l1: Any, l2: Any, lower: Any, upper: Any, r: Any
) -> bool:
    """Move the free coordinates to where the model is least while signs and bounds stay.

    Where a kink or a bound is in between, move up to the first one. False, and nothing moved, where
    there is no factor. r is found anew.
    """
    n = w.size
    free, lowest, highest = np.empty(n, np.int64), np.empty(n), np.empty(n)
    count = find_free(w, l1, lower, upper, free, lowest, highest)
    lift = 1.0 + max(LIFT, ROUNDINGS * count)
    A, L = np.empty((count, count)), np.empty((count, count))
    for a in range(count):
        row = H[free[a]]
        for c in range(a):
            A[a, c] = row[free[c]]
        A[a, a] = (row[free[a]] + l2[free[a]]) * lift
    if not factor(A, 0.0, L):
        return False
    slope, step = np.empty(count), np.empty(count)
    before = math.inf
    for _ in range(MOST_REFINEMENTS):
        find_slopes(H, q, w0, w, r)
        size = 0.0
        for a in range(count):
            j = free[a]
            own = l1[j] if w[j] > 0.0 else -l1[j]
            slope[a] = r[j] + l2[j] * w[j] + own
            size += slope[a] * slope[a] / A[a, a]
        if not size < 0.25 * before:  # it is rounding
            return True
        before = size
        solve(L, slope, step)
        share, first = 1.0, -1
        for a in range(count):
            end = highest[a] if step[a] < 0.0 else lowest[a]
            room = w[free[a]] - end  # of the sign of the step
            if abs(room) < share * abs(step[a]):
                share, first = room / step[a], a
        for a in range(count):
            j = free[a]
            w[j] = min(max(w[j] - share * step[a], lowest[a]), highest[a])
        if first >= 0:
            w[free[first]] = highest[first] if step[first] < 0.0 else lowest[first]
            break
    find_slopes(H, q, w0, w, r)
    return True


@by_name(exact)
def is_from_afar(most: float, H: Any, w: Any) -> bool:
    """Tell whether steps were so much longer than w that their rounding is in r: r should be found
    anew. most: the largest H_jj step^2."""
    largest = 0.0
    for j in range(w.size):
        largest = max(largest, H[j, j] * w[j] * w[j])
    return most > MOST_OF_W * largest


@inlined
def is_worth_solving(quiet: int, count: int, n: int) -> bool:
    """Tell whether as much has gone into quiet sweeps of `count` coordinates as a factor takes."""
    return quiet >= LEAST_QUIET and 6 * quiet * n >= count * count


@by_name(exact)
def descend_coordinates(
    H: Any,
    q: Any,
    w0: Any,
    w: Any,
    l1: Any,
    l2: Any,
    lower: Any,
    upper: Any,
    tolerance: float,
    most_epochs: int,
) -> int:
    """Minimise the model over w, in place, from the w given; return how many sweeps were made.

    It ends where a full sweep has no (H_jj + l2_j) step^2 above the tolerance. A coordinate without
    curvature whose slope no bound stops is left where it is. l1 may be infinite.
    """
    n, epochs = w.size, 0
    r, every, support = np.empty(n), np.arange(n), np.empty(n, np.int64)
    for j in range(n):
        w[j] = min(max(w[j], lower[j]), upper[j])
    find_slopes(H, q, w0, w, r)
    most = 0.0
    while epochs < most_epochs:
        largest, _ = sweep(every, H, w, r, l1, l2, lower, upper)
        epochs += 1
        most = max(most, largest)
        if largest <= tolerance:
            if most <= tolerance or not is_from_afar(most, H, w):
                break
            most = 0.0
            find_slopes(H, q, w0, w, r)
            continue
        count = 0
        for j in range(n):
            support[count] = j
            count += w[j] != 0.0
        quiet = 0
        while largest > tolerance and epochs < most_epochs:
            largest, changed = sweep(support[:count], H, w, r, l1, l2, lower, upper)
            epochs += 1
            most = max(most, largest)
            quiet = 0 if changed else quiet + 1
            if largest > tolerance and is_worth_solving(quiet, count, n):
                solve_on_support(H, q, w0, w, l1, l2, lower, upper, r)
                break
    return epochs
