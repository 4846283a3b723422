"""prox-Newton along lambda compiled whole, for small X, where Python would take most of the time.

    theta -> z, J, the gradient; where the gap may be within the goal: the labels apart, the gap
    Hessian of a working set and b; coordinate descent; the next theta; shorter where J rose

The weights are those of an elastic net with bounds; there is no feature without penalty or bound.
Each lambda begins where the last one ended, and goes on until its gap is within its goal, or
nothing changes any more.

Layout: x (m, n_x), float64, an example in each row, as the model sees it. theta is [w, b]. H
(n + 1, n + 1) of the n features of the working set, b last.

Loop order: lambdas; steps; examples, features. Rounding: FAST here, the loss and the entropy EXACT
on their own. Twin: `fastlogreg.solvers.prox_newton`, with `fastlogreg.training.penalised_paths`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...maths.certificate import ROUNDING
from ..decorators import by_name, inlined, inner, kernel
from ..loss import along_line, link_with_slopes
from ..second_order.columns import Net
from ..second_order.coordinates import descend_coordinates
from ..second_order.secants import change, fit, look_ahead, take_chosen
from .elastic_net_proof import KINDS, Data, Room, conjugate, largest_scale, prove, value_of

NUMBERS = 5  # of what is kept of each lambda: J, mean loss, gap, steps, reads
AHEAD = 0.7  # of l1: a slope above it takes its feature into the working set
SLOW = 0.5  # of the gap that a step may leave with an old Hessian
LARGE_LOSS = 10.0
ACCEPTED_FALL, SHORTEST, FLAT = 1e-3, 1e-4, 1e-12
LEFT, SWEEPS = 1e-26, 500  # of what a coordinate's move brings; sweeps at most


@inlined
def copy(values: Any, place: Any) -> None:
    """Copy numbers to a place of their size; an assignment of slices takes two seconds to compile,
    with the texts of its errors."""
    for j in range(values.size):
        place[j] = values[j]


@inner(kernel)
def evaluate(data: Data, theta: Any, room: Room) -> float:
    """Fill the room at theta, in a read of x; return the mean loss."""
    (x, y, weight, offset, total, intercept), (z, dz, slopes, g) = data, room
    m, n = x.shape
    for i in range(m):
        row, s = x[i], 0.0
        for j in range(n):
            s += row[j] * theta[j]
        z[i] = s + theta[n]
    if offset.size:
        for i in range(m):
            z[i] += offset[i]
    loss = link_with_slopes(z, y, weight, dz, slopes)
    for j in range(n + 1):
        g[j] = 0.0
    for i in range(m):
        row, d = x[i], dz[i]
        for j in range(n):
            g[j] += row[j] * d
        g[n] += d
    for j in range(n + 1):
        g[j] /= total
    if not intercept:
        g[n] = 0.0
    return loss / total


@inner(kernel)
def hessian(data: Data, slopes: Any, features: Any, H: Any) -> None:
    """Fill H (n + 1, n + 1) with the mean of slope * x1 x1.T over the features and b."""
    x, n = data.x, features.size
    row = np.empty(n + 1)
    H[:, :] = 0.0
    row[n] = 1.0
    for i in range(x.shape[0]):
        for a in range(n):
            row[a] = x[i, features[a]]
        for a in range(n + 1):
            f, own = slopes[i] * row[a], H[a]
            for b in range(a + 1):
                own[b] += f * row[b]
    for a in range(n + 1):
        for b in range(a + 1):
            H[a, b] /= data.total
            H[b, a] = H[a, b]


@inner(kernel)
def chosen_features(net: Net, strength: float, w: Any, g: Any, chosen: Any) -> bool:
    """Mark the features of a working set; return whether one was missing."""
    missing = False
    for j in range(w.size):
        if net.lower[j] < net.upper[j]:
            held = strength * net.l1[j]
            wants = w[j] != 0.0 or abs(g[j]) >= held
            missing = missing or (wants and not chosen[j])
    if missing:
        for j in range(w.size):
            held = strength * net.l1[j]
            wants = w[j] != 0.0 or abs(g[j]) >= AHEAD * held
            chosen[j] = chosen[j] or (wants and net.lower[j] < net.upper[j])
    return missing


@inner(kernel)
def step_in_model(
    net: Net, strength: float, theta: Any, g: Any, features: Any, H: Any, moves_b: bool, out: Any
) -> float:
    """Set out to the theta where the quadratic model is least; return how far J falls in it."""
    n, last = features.size, theta.size - 1
    w0, q, l1, l2 = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    lower, upper, B = np.empty(n), np.empty(n), np.empty((n, n))
    largest = 0.0
    for a in range(n + 1):
        largest = max(largest, H[a, a])
    h_b = H[n, n]
    moves_b = moves_b and h_b > FLAT * largest
    for a in range(n):
        j = features[a]
        w0[a], l1[a], l2[a] = theta[j], strength * net.l1[j], strength * net.l2[j]
        lower[a], upper[a] = net.lower[j], net.upper[j]
        q[a] = g[j] - (H[n, a] * g[last] / h_b if moves_b else 0.0)
        for b in range(n):
            B[a, b] = H[a, b] - (H[n, a] * H[n, b] / h_b if moves_b else 0.0)
    w = w0.copy()
    descend_coordinates(B, q, w0, w, l1, l2, lower, upper, LEFT, SWEEPS)
    along, change = 0.0, 0.0
    for j in range(theta.size):
        out[j] = theta[j]
    for a in range(n):
        d = w[a] - w0[a]
        along += H[n, a] * d
        bent = 0.0
        for b in range(n):
            bent += H[a, b] * (w[b] - w0[b])
        change += d * (g[features[a]] + 0.5 * bent)
        change += l1[a] * (abs(w[a]) - abs(w0[a])) + 0.5 * l2[a] * (w[a] * w[a] - w0[a] * w0[a])
        out[features[a]] = w[a]
    if moves_b:
        d_b = -(g[last] + along) / h_b
        out[last] += d_b
        change += d_b * (g[last] + along + 0.5 * h_b * d_b)
    return -change


@inner(kernel)
def shorter(
    data: Data, net: Net, strength: float, ends: Any, zs: Any, before: float, trial: Any
) -> float:
    """Move the trial to a better place between both ends; return its share, 0 where none is."""
    (start, end), (z0, z1) = ends, zs
    slope = np.empty(z0.size)
    for i in range(slope.size):
        slope[i] = z1[i] - z0[i]
    best, at, t = before, 0.0, 0.5
    while t >= SHORTEST:
        for j in range(start.size):
            trial[j] = start[j] + t * (end[j] - start[j])
        loss = along_line(z0, slope, data.y, data.weight, t)[0] / data.total
        J = loss + value_of(net, strength, trial)
        if best > J:
            best, at = J, t
        elif at > 0.0:
            break
        t *= 0.5
    for j in range(start.size):
        trial[j] = start[j] + at * (end[j] - start[j])
    return at


@inner(kernel)
def take(new: Room, old: Room) -> None:
    """Copy what is known of one point to the place of another."""
    copy(new.z, old.z)
    copy(new.dz, old.dz)
    copy(new.slopes, old.slopes)
    copy(new.g, old.g)


@inner(kernel)
def list_chosen(chosen: Any) -> Any:
    """Return the numbers of the features that are marked."""
    count = 0
    for j in range(chosen.size):
        count += chosen[j]
    features = np.empty(count, np.int64)
    count = 0
    for j in range(chosen.size):
        if chosen[j]:
            features[count] = j
            count += 1
    return features


@by_name(kernel)
def take_span(spans: Any, stop: Any, at: Any, known: int) -> int:
    """Keep the step from the last optimum to this one as the last of two, and the optimum.

    stop, at: theta and the gradient of both. known: how many steps are kept, -1 without a last
    optimum; return how many are kept now.
    """
    (stop_theta, stop_g), (theta, g) = stop, at
    moved = False
    for j in range(theta.size):
        moved = moved or (known >= 0 and theta[j] != stop_theta[j])
    if moved:
        for j in range(theta.size):
            spans[0, j], spans[1, j] = spans[2, j], spans[3, j]
            spans[2, j], spans[3, j] = theta[j] - stop_theta[j], g[j] - stop_g[j]
    copy(theta, stop_theta)
    copy(g, stop_g)
    return min(known + 1, 2) if moved or known < 0 else 0


@kernel
def follow(
    data: Data,
    net: Net,
    strengths: Any,
    goals: Any,
    most: int,
    thetas: Any,
    numbers: Any,
    costs: Any,
) -> int:
    """Find the optimum at each strength of the penalty, from thetas[0] (L + 1, n_x + 1) on.

    goals (L,): the gaps to end at. most: steps at each. thetas[k + 1] and numbers[k] (L, NUMBERS)
    are filled. costs: takes J at the last strength before each step; where it is full, that is the
    end, too; (0,) for no such limit. Return the steps made.
    """
    m, n = data.x.shape
    old = Room(np.empty(m), np.empty(m), np.empty(m), np.empty(n + 1))
    new = Room(np.empty(m), np.empty(m), np.empty(m), np.empty(n + 1))
    theta, trial, end = thetas[0].copy(), np.empty(n + 1), np.empty(n + 1)
    chosen, reads = np.zeros(n, np.bool_), 1
    features, H = np.empty(0, np.int64), np.empty((1, 1))
    others, spans, stop = np.full((KINDS, n + 2), math.nan), np.zeros((4, n + 1)), np.empty(n + 1)
    stop_g = np.empty(n + 1)
    loss = evaluate(data, theta, old)
    stale, made = True, 0
    known = np.int64(-1)  # a literal would be a type of its own, and `take_span` compiled twice
    for k in range(strengths.size):
        strength, last_gap, stalls = strengths[k], math.inf, 0
        gap, steps, fresh = math.inf, 0, False
        known = take_span(spans, (stop, stop_g), (theta, old.g), known)
        while True:
            J = loss + value_of(net, strength, theta)
            t, inside = largest_scale(net, strength, old.g), 0.0
            for j in range(n):
                inside += theta[j] * old.g[j]
            gap = J - loss + t * inside + conjugate(net, strength, old.g, t)
            gap += 0.5 * (1.0 - t) ** 2 * (math.exp(min(loss, LARGE_LOSS)) - 1.0)
            if gap <= goals[k]:
                wanted = J + ROUNDING * J - goals[k]
                dual, more = prove(data, net, strength, loss, theta, old, others, wanted)
                gap, reads = max(J - dual, 0.0) + ROUNDING * J, reads + more
                if gap <= goals[k]:
                    break
            if steps >= most or not math.inf > J or (costs.size and made >= costs.size):
                break
            if steps and gap > SLOW * last_gap and not fresh:
                stale = True
            stalls = stalls + 1 if gap > 0.5 * last_gap else 0
            if stalls > 6:
                break
            last_gap = gap
            if chosen_features(net, strength, theta[:n], old.g, chosen) or stale:
                features = list_chosen(chosen)
                H = np.empty((features.size + 1, features.size + 1))
                hessian(data, old.slopes, features, H)
                reads, stale, fresh = reads + 1, False, True
            else:
                fresh = False
            ahead = look_ahead(H, features, spans) if steps == 0 and known >= 2 else H
            fall = step_in_model(
                net, strength, theta, old.g, features, ahead, data.intercept, trial
            )
            found = evaluate(data, trial, new)
            reads += 1
            J_trial = found + value_of(net, strength, trial)
            if not J_trial <= J - ACCEPTED_FALL * fall + 1e-14 * abs(J):
                copy(trial, end)
                share = shorter(data, net, strength, (theta, end), (old.z, new.z), J, trial)
                stale = True
                if share == 0.0:
                    if fresh:
                        break
                    steps += 1
                    continue
                found = evaluate(data, trial, new)
                reads += 1
            if costs.size:
                costs[made] = loss + value_of(net, strengths[strengths.size - 1], theta)
            s, y = take_chosen(trial - theta, features), take_chosen(new.g - old.g, features)
            fit(H, s, y, change(old.slopes.sum(), new.slopes.sum()))
            loss = found
            take(new, old)
            copy(trial, theta)
            steps += 1
            made += 1
        if not gap <= goals[k]:  # an estimate: what is reported is proved
            J = loss + value_of(net, strength, theta)
            dual, more = prove(data, net, strength, loss, theta, old, others, math.inf)
            gap, reads = max(J - dual, 0.0) + ROUNDING * J, reads + more
        copy(theta, thetas[k + 1])
        numbers[k, 0], numbers[k, 1] = loss + value_of(net, strength, theta), loss
        numbers[k, 2], numbers[k, 3], numbers[k, 4] = gap, steps, reads
        reads = 0
    return made
