"""J with an elastic net, minimised over some columns of X and b: no Hessian, no read of the others.

    Newton's method   s = da/dz and dz at z; a quadratic model; J along its step, halved where it
                      does not fall
    in the model      coordinate descent on the columns themselves

A Hessian of n features has n^2 numbers. Where n is as large as m is, or larger, the columns are
fewer, and a move along one of them costs 2 m operations instead of n:

    u = dz + s (X d)                    kept up to date, d being the move so far
    slope_j = x_j.u + move_b s.x_j      move_b: what b does meanwhile, which is eliminated
    h_j = s.x_j^2 - (s.x_j)^2 / sum s

b is at its best before each model, so its slope is 0 there.

Layout: x (rows, m), a column of X in each row, as the model sees it; rows (n,): where feature j of
the n stands. All else (n,) or (m,). Loop order: Newton's steps; sweeps; features; examples. A sweep
of all features is followed by sweeps of those that are not 0.

Rounding: FAST here, the loss EXACT on its own. Twin: `fastlogreg.solvers.prox_newton`, whose
optimum is the same.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..decorators import inlined, kernel
from ..entropy import entropy
from ..loss import along_line, link_with_slopes
from .coordinates import soft, without_curvature

LEFT_OF_GAP = 0.03  # of the first gap, at which a working set is left
LEFT_OF_MODEL = 1e-3  # of the largest move of the first sweep, squared in the metric of the model
SWEEPS, STEPS, BIAS_STEPS = 200, 50, 30  # at most
TOO_SMALL_FOR_J = 1e-12  # of J: its rounding, which is that of z too, hides such a fall
ACCEPTED_FALL, SHORTEST, FLAT, ROUNDING = 1e-3, 1e-4, 1e-12, 2.0**-52


class Examples(NamedTuple):
    """The examples: y (m,) uint8, weight and offset (m,) or none; the sum of the weights; whether
    there is a b. The offset is part of z."""

    y: Any
    weight: Any
    offset: Any
    total: float
    intercept: bool


class Net(NamedTuple):
    """The penalty at lambda 1: l1, l2, lower and upper of the n features."""

    l1: Any
    l2: Any
    lower: Any
    upper: Any


@kernel
def link_of_mean(data: Examples, z: Any, dz: Any, s: Any) -> float:
    """Return the mean loss at z; fill dz and da/dz, over the sum of the weights."""
    loss = link_with_slopes(z, data.y, data.weight, dz, s)
    share = 1.0 / data.total
    for i in range(z.size):
        dz[i] *= share
        s[i] *= share
    return loss * share


@kernel
def settle_bias(data: Examples, z: Any, dz: Any, s: Any) -> tuple[float, float]:
    """Move b alone to its best, z with it; return the mean loss there, and how far b moved."""
    loss, moved, last = link_of_mean(data, z, dz, s), 0.0, math.inf
    if not data.intercept:
        return loss, moved
    for _ in range(BIAS_STEPS):
        slope, curvature = 0.0, 0.0
        for i in range(z.size):
            slope += dz[i]
            curvature += s[i]
        if not abs(slope) < last or abs(slope) <= ROUNDING * curvature or not curvature > 0.0:
            break
        last = abs(slope)
        step = min(max(-slope / curvature, -4.0), 4.0)
        for i in range(z.size):
            z[i] += step
        moved += step
        loss = link_of_mean(data, z, dz, s)
    return loss, moved


@inlined
def penalty_at(net: Net, w: Any) -> float:
    """Return the penalty at w."""
    value = 0.0
    for j in range(w.size):
        value += net.l1[j] * abs(w[j]) + 0.5 * net.l2[j] * w[j] * w[j]
    return value


@kernel
def slopes_of(x: Any, rows: Any, dz: Any, g: Any) -> None:
    """Set g to the slope of the mean loss by each feature."""
    for j in range(rows.size):
        row, slope = x[rows[j]], 0.0
        for i in range(dz.size):
            slope += row[i] * dz[i]
        g[j] = slope


@kernel
def gap_of(data: Examples, net: Net, z: Any, w: Any, g: Any, J: float) -> float:
    """Return the gap to the dual problem of these features, where the slope of b is 0."""
    t = 1.0
    for j in range(w.size):
        if net.l2[j] == 0.0:
            pull = 0.0
            if math.isinf(net.upper[j]):
                pull = max(pull, -g[j])
            if math.isinf(net.lower[j]):
                pull = max(pull, g[j])
            if pull * t > net.l1[j]:
                t = net.l1[j] / pull
    kappa = np.array([t, math.log(t) if t > 0.0 else 0.0])
    value = entropy(z, data.y, data.weight, data.offset, kappa, kappa) / data.total
    for j in range(w.size):
        pull, far = -t * g[j], 0.0
        over = abs(pull) - net.l1[j]
        if over > 0.0:
            if net.l2[j] > 0.0:
                far = math.copysign(over / net.l2[j], pull)
            else:
                far = net.upper[j] if pull > 0.0 else net.lower[j]
                if math.isinf(far):
                    far = 0.0
        far = min(max(far, net.lower[j]), net.upper[j])
        value -= pull * far - net.l1[j] * abs(far) - 0.5 * net.l2[j] * far * far
    return J - value


@kernel
def curvatures_of(x: Any, rows: Any, s: Any, intercept: bool, h: Any, c: Any) -> float:
    """Set h_j as above and c_j = s.x_j; return the sum of s, or infinity where b stays."""
    total, largest = 0.0, 0.0
    for i in range(s.size):
        total += s[i]
    for j in range(rows.size):
        row, first, second = x[rows[j]], 0.0, 0.0
        for i in range(s.size):
            first += s[i] * row[i]
            second += s[i] * row[i] * row[i]
        h[j], c[j] = second, first
        largest = max(largest, second)
    if not intercept or total <= FLAT * largest:
        total = math.inf
    for j in range(rows.size):
        own = h[j]
        h[j] = own - c[j] * c[j] / total
        if h[j] <= FLAT * own:
            h[j] = 0.0
    return total


@kernel
def sweep(
    order: Any, x: Any, rows: Any, s: Any, model: Any, net: Net, w: Any, u: Any, move_b: float
) -> tuple[float, float]:
    """Minimise the model over the features of `order`, one after another; keep u up to date.

    model: h, c and the sum of s. Return the largest (h_j + l2_j) step^2, and the move of b.
    """
    h, c, total = model
    largest = 0.0
    for j in order:
        row, slope, before = x[rows[j]], move_b * c[j], w[j]
        for i in range(u.size):
            slope += row[i] * u[i]
        bent = h[j] + net.l2[j]
        if bent > 0.0:
            after = soft(h[j] * before - slope, net.l1[j]) / bent
            after = min(max(after, net.lower[j]), net.upper[j])
        else:
            after = without_curvature(slope, before, net.l1[j], net.lower[j], net.upper[j])
        step = after - before
        if step != 0.0:
            w[j] = after
            for i in range(u.size):
                u[i] += step * s[i] * row[i]
            move_b -= step * c[j] / total
            largest = max(largest, bent * step * step)
    return largest, move_b


@kernel
def descend_in_model(
    x: Any, rows: Any, dz: Any, s: Any, model: Any, net: Net, w: Any, u: Any
) -> tuple[float, int]:
    """Go to about the least of the model, w in place; return the move of b, and the sweeps."""
    n, sweeps, move_b = w.size, 0, 0.0
    every, support = np.arange(n), np.empty(n, np.int64)
    for i in range(u.size):
        u[i] = dz[i]
    enough = -1.0
    while sweeps < SWEEPS:
        largest, move_b = sweep(every, x, rows, s, model, net, w, u, move_b)
        sweeps += 1
        if enough < 0.0:
            enough = LEFT_OF_MODEL * largest
        elif largest <= enough:
            break
        count = 0
        for j in range(n):
            support[count] = j
            count += w[j] != 0.0
        while largest > enough and sweeps < SWEEPS:
            largest, move_b = sweep(support[:count], x, rows, s, model, net, w, u, move_b)
            sweeps += 1
    return move_b, sweeps


@kernel
def descend_on_columns(
    x: Any, rows: Any, data: Examples, net: Net, w: Any, z: Any, goal: float
) -> tuple[float, float, int, int]:
    """Minimise J over w (n,) and b, w and z (m,) in place, to a gap of `goal` on these features.

    It ends before, where the gap is a small share of that at the start. Return the move of b, how
    far J fell, Newton's steps and the sweeps in all.
    """
    n, m = w.size, z.size
    dz, s, u, along = np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    g, h, c, new = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    first, sweeps, steps = link_of_mean(data, z, dz, s) + penalty_at(net, w), 0, 0
    loss, b = settle_bias(data, z, dz, s)
    J, before, gap, hidden = loss + penalty_at(net, w), math.inf, math.inf, False
    while steps < STEPS:
        slopes_of(x, rows, dz, g)
        last, gap = gap, gap_of(data, net, z, w, g, J)
        if steps == 0:
            goal = max(goal, LEFT_OF_GAP * gap)
        if not gap > goal or (not gap <= 0.5 * last if hidden else not before > J):
            break
        model = (h, c, curvatures_of(x, rows, s, data.intercept, h, c))
        new[:] = w
        move_b, made = descend_in_model(x, rows, dz, s, model, net, new, u)
        sweeps += made
        for i in range(m):
            along[i] = move_b
        promised = 0.0  # to first order, the penalty in full
        for j in range(n):
            step = new[j] - w[j]
            if step != 0.0:
                row = x[rows[j]]
                for i in range(m):
                    along[i] += step * row[i]
                promised -= step * g[j]
        promised += penalty_at(net, w) - penalty_at(net, new)
        hidden = promised <= TOO_SMALL_FOR_J * abs(J)  # by J's rounding: the gap tells
        t, at = 1.0, 1.0 if hidden else 0.0
        if hidden:
            h[:] = new
        while t >= SHORTEST and not hidden:
            for j in range(n):
                u_j = w[j] + t * (new[j] - w[j])
                h[j] = u_j if t < 1.0 else new[j]
            J_t = along_line(z, along, data.y, data.weight, t)[0] / data.total + penalty_at(net, h)
            if J_t <= J - ACCEPTED_FALL * t * promised:
                at = t
                break
            t *= 0.5
        if at == 0.0:
            break  # what is left is rounding
        for j in range(n):
            w[j] = h[j]
        for i in range(m):
            z[i] += at * along[i]
        loss, moved = settle_bias(data, z, dz, s)
        b += at * move_b + moved
        steps += 1
        before, J = J, loss + penalty_at(net, w)
    return b, first - J, steps, sweeps
