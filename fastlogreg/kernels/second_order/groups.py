"""A quadratic model with the lengths of groups, minimised group by group (group lasso).

    minimise over w    q.d + d.H d / 2 + sum of l2 w^2 / 2 + sum over groups of l1_g ||w_g||,
                       d = w - w0

With A = H_gg and l2 on its diagonal, and c = r_g - H_gg w_g, r being q + H d, a group is least at

    w_g = 0                                       where ||c|| <= l1_g
    w_g = -t (t A + l1_g)^-1 c, t = ||w_g||       else: t is found in the basis of A's eigenvectors

There ||(t a_i + l1)^-1 c_i|| = 1 is one equation with one unknown; 1 / that length is concave and
rises with t, so that Newton's steps from the left never go too far.

Layout: H (n, n), symmetric; groups are contiguous, group g from starts[g] to starts[g + 1];
eigenvectors one group after another, each (p, p), flat. Loop order: as in `coordinates`, with
groups for coordinates. Near the end, Newton's steps on the groups that are not 0 take over.

Rounding: EXACT, but for the factor. Twin: the optimality conditions in extended precision, in the
tests.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..decorators import by_name, exact
from .cholesky import factor, solve
from .coordinates import (
    LIFT,
    MOST_REFINEMENTS,
    ROUNDINGS,
    add_row,
    find_slopes,
    is_from_afar,
    is_worth_solving,
)

MOST_ROOT_STEPS = 60
NO_CURVATURE = 2.0**-44  # of the largest eigenvalue: what is below is rounding


class Groups(NamedTuple):
    """What is known of the groups.

    starts: (G + 1,). l1: (G,). values: the eigenvalues of each A, rising, (n,). vectors: the
    eigenvectors, columns of (p, p), flat; those of group g begin at places[g]. l2: (n,).
    """

    starts: Any
    l1: Any
    values: Any
    vectors: Any
    places: Any
    l2: Any


def descend_groups(
    H: Any,
    q: Any,
    w0: Any,
    w: Any,
    starts: Any,
    l1_group: Any,
    l2: Any,
    tolerance: float,
    most_epochs: int,
) -> int:
    """Minimise the model over w, in place, from the w given; return how many sweeps were made.

    It ends where a full sweep has no a ||step||^2 above the tolerance, a being the largest
    eigenvalue of the group. A group that nothing bounds is left where it is. l1_group may be
    infinite.
    """
    starts, n = np.ascontiguousarray(starts, np.int64), w.size
    sizes = np.diff(starts)
    places = np.append(0, np.cumsum(sizes * sizes))
    values, vectors = np.zeros(n), np.zeros(int(places[-1]))
    for p in np.unique(sizes[sizes > 0]):
        own = np.flatnonzero(sizes == p)
        at = starts[own][:, None] + np.arange(p)
        A = H[at[:, :, None], at[:, None, :]]
        A[:, np.arange(p), np.arange(p)] += l2[at]
        values[at], of_group = np.linalg.eigh(A)
        vectors[places[own][:, None] + np.arange(p * p)] = of_group.reshape(-1, p * p)
    groups = Groups(starts, l1_group, values, vectors, places, l2)
    return int(_descend(H, q, w0, w, groups, tolerance, most_epochs))


@by_name(exact)
def find_length(a: Any, c: Any, l1: float, start: float) -> float:
    """Find t with ||c / (t a + l1)|| = 1, from a `start` below it; infinity where there is none."""
    t = start
    for _ in range(MOST_ROOT_STEPS):
        squares = bend = 0.0
        for i in range(a.size):
            below = t * a[i] + l1
            u = c[i] / below
            squares += u * u
            bend += a[i] * u * u / below
        if not bend > 0.0:
            return math.inf
        step = (math.sqrt(squares) - 1.0) * squares / bend
        t += step
        if not step > 4e-16 * t:
            return t
    return math.inf if t > 1e300 else t


@by_name(exact)
def move_group(H: Any, w: Any, r: Any, groups: Groups, g: int, v: Any, c: Any) -> float:
    """Set v to what w_g should be; return the largest eigenvalue. v and c: room for the group."""
    starts, all_l1, values, vectors, places, l2 = groups
    lo, hi, l1, at = starts[g], starts[g + 1], all_l1[g], places[g]
    p = hi - lo
    a = values[lo:hi]
    largest, length = a[p - 1], 0.0
    for i in range(p):
        c[i] = r[lo + i]
        for k in range(p):
            c[i] -= H[lo + i, lo + k] * w[lo + k]
        length += c[i] * c[i]
        v[i] = w[lo + i]
    length = math.sqrt(length)
    if length <= l1:
        v[:p] = 0.0
        return largest
    if not largest > 0.0:
        return 0.0
    turned, least = np.zeros(p), NO_CURVATURE * largest
    if l1 == 0.0:  # nothing is 0: the step alone, which keeps more digits
        for i in range(p):
            c[i] = r[lo + i] + l2[lo + i] * w[lo + i]
    for i in range(p):
        for k in range(p):
            turned[k] += vectors[at + i * p + k] * c[i]
    t = 0.0
    if l1 > 0.0:
        t = find_length(a, turned, l1, (length - l1) / largest)
        if not t < math.inf:
            return 0.0
        v[:p] = 0.0
    for k in range(p):
        if l1 > 0.0:
            s = -turned[k] * t / (t * a[k] + l1)
        else:
            s = -turned[k] / a[k] if a[k] > least else 0.0
        for i in range(p):
            v[i] += vectors[at + i * p + k] * s
    return largest


@by_name(exact)
def sweep_groups(order: Any, H: Any, w: Any, r: Any, groups: Groups) -> tuple[float, bool]:
    """Minimise over the groups of `order`, one after another; keep r up to date.

    Return the largest a ||step||^2, and whether a group has become 0 or left it.
    """
    starts, largest, changed = groups.starts, 0.0, False
    v, c = np.empty(w.size), np.empty(w.size)
    for g in order:
        lo, hi = starts[g], starts[g + 1]
        if hi == lo:
            continue
        a = move_group(H, w, r, groups, g, v, c)
        before = after = moved = 0.0
        for j in range(lo, hi):
            step = v[j - lo] - w[j]
            before, after = max(before, abs(w[j])), max(after, abs(v[j - lo]))
            if step != 0.0:
                w[j] = v[j - lo]
                add_row(H, j, step, r)
                moved += step * step
        largest = max(largest, a * moved)
        changed |= (before == 0.0) != (after == 0.0)
    return largest, changed


@by_name(exact)
def list_groups(w: Any, starts: Any, found: Any) -> tuple[int, int]:
    """List the groups that are not 0; return how many they are, and of how many coordinates."""
    count = coordinates = 0
    for g in range(starts.size - 1):
        for j in range(starts[g], starts[g + 1]):
            if w[j] != 0.0:
                found[count] = g
                count += 1
                coordinates += starts[g + 1] - starts[g]
                break
    return count, coordinates


@by_name(exact)
def find_group_slopes(w: Any, r: Any, groups: Groups, order: Any, slope: Any, A: Any) -> None:
    """Fill the derivatives of the groups of `order`; add the curvature of their lengths to A."""
    starts, all_l1, l2, at = groups.starts, groups.l1, groups.l2, 0
    for g in order:
        lo, hi, l1, length = starts[g], starts[g + 1], all_l1[g], 0.0
        for j in range(lo, hi):
            length += w[j] * w[j]
        length = math.sqrt(length)
        bend = l1 / length if length > 0.0 else 0.0
        for j in range(lo, hi):
            slope[at + j - lo] = r[j] + l2[j] * w[j] + bend * w[j]
            if bend > 0.0:
                unit = w[j] / length
                for k in range(lo, hi):
                    own = (1.0 if j == k else 0.0) - unit * w[k] / length
                    A[at + j - lo, at + k - lo] += bend * own
        at += hi - lo


@by_name(exact)
def value_of_model(q: Any, w0: Any, w: Any, groups: Groups, r: Any) -> tuple[float, float]:
    """Return the value of the model, r being q + H d, and what of it may be rounding.

    A smaller slope alone does not tell: a step through 0 may lead to one, and up.
    """
    starts, l1, l2, value, size = groups.starts, groups.l1, groups.l2, 0.0, 0.0
    for g in range(l1.size):
        squares = 0.0
        for j in range(starts[g], starts[g + 1]):
            part = 0.5 * ((w[j] - w0[j]) * (q[j] + r[j]) + l2[j] * w[j] * w[j])
            value, size, squares = value + part, size + abs(part), squares + w[j] * w[j]
        if squares > 0.0:
            length = l1[g] * math.sqrt(squares)
            value, size = value + length, size + length
    return value, 1e-14 * size


@by_name(exact)
def solve_on_groups(H: Any, q: Any, w0: Any, w: Any, groups: Groups, r: Any) -> None:
    """Make Newton's steps on the groups that are not 0, while slopes become smaller.

    r is found anew.
    """
    starts, l2, order = groups.starts, groups.l2, np.empty(groups.l1.size, np.int64)
    many, count = list_groups(w, starts, order)
    order = order[:many]
    free, at = np.empty(count, np.int64), 0
    for g in order:
        for j in range(starts[g], starts[g + 1]):
            free[at] = j
            at += 1
    lift = 1.0 + max(LIFT, ROUNDINGS * count)
    A, L = np.empty((count, count)), np.empty((count, count))
    slope, step, kept = np.empty(count), np.empty(count), w.copy()
    before = least = math.inf
    for k in range(MOST_REFINEMENTS + 1):
        find_slopes(H, q, w0, w, r)
        value, rounding = value_of_model(q, w0, w, groups, r)
        for a in range(count):
            for c in range(count):
                A[a, c] = H[free[a], free[c]]
            A[a, a] += l2[free[a]]
        find_group_slopes(w, r, groups, order, slope, A)
        size = 0.0
        for a in range(count):
            size += slope[a] * slope[a] / (H[free[a], free[a]] + l2[free[a]])
            A[a, a] *= lift
        if not (size < before and value <= least + rounding):  # too far, or rounding
            w[:] = kept
            break
        if size > 0.25 * before or k == MOST_REFINEMENTS or not factor(A, 0.0, L):
            return
        before, least = size, value
        kept[:] = w
        solve(L, slope, step)
        for a in range(count):
            w[free[a]] -= step[a]
    find_slopes(H, q, w0, w, r)


@exact
def _descend(
    H: Any, q: Any, w0: Any, w: Any, groups: Groups, tolerance: float, most_epochs: int
) -> int:
    n, epochs, count_of_groups = w.size, 0, groups.l1.size
    r, every = np.empty(n), np.arange(count_of_groups)
    support = np.empty(count_of_groups, np.int64)
    find_slopes(H, q, w0, w, r)
    most = 0.0
    while epochs < most_epochs:
        largest, _ = sweep_groups(every, H, w, r, groups)
        epochs += 1
        most = max(most, largest)
        if largest <= tolerance:
            if most <= tolerance or not is_from_afar(most, H, w):
                break
            most = 0.0
            find_slopes(H, q, w0, w, r)
            continue
        count, coordinates = list_groups(w, groups.starts, support)
        quiet = 0
        while largest > tolerance and epochs < most_epochs:
            largest, changed = sweep_groups(support[:count], H, w, r, groups)
            epochs += 1
            most = max(most, largest)
            quiet = 0 if changed else quiet + 1
            if largest > tolerance and is_worth_solving(quiet, coordinates, n):
                solve_on_groups(H, q, w0, w, groups, r)
                break
    return epochs
