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
from typing import Any, NamedTuple

import numpy as np

from ...maths.certificate import ROUNDING
from ..decorators import inlined, inner, kernel
from ..entropy import entropy
from ..loss import along_line, link_with_slopes
from ..second_order.coordinates import descend_coordinates

NUMBERS = 5  # of what is kept of each lambda: J, mean loss, gap, steps, reads
AHEAD = 0.9  # of l1: a slope above it takes its feature into the working set
SLOW = 0.5  # of the gap that a step may leave with an old Hessian
ACCEPTED_FALL, SHORTEST, FLAT = 1e-3, 1e-4, 1e-12
LEFT, SWEEPS = 1e-26, 500  # of what a coordinate's move brings; sweeps at most


class Data(NamedTuple):
    """The examples: x (m, n_x), y (m,) uint8, weight and offset (m,) or none; the sum of the
    weights; whether there is a b."""

    x: Any
    y: Any
    weight: Any
    offset: Any
    total: float
    intercept: bool


class Net(NamedTuple):
    """The penalty at lambda 1: l1 and l2 (n_x,), lower and upper (n_x,)."""

    l1: Any
    l2: Any
    lower: Any
    upper: Any


@inlined
def copy(values: Any, place: Any) -> None:
    """Copy numbers to a place of their size; an assignment of slices takes two seconds to compile,
    with the texts of its errors."""
    for j in range(values.size):
        place[j] = values[j]


class Room(NamedTuple):
    """What a point is computed in: z, dz, slopes (m,), the gradient of the mean loss (n_x + 1,)."""

    z: Any
    dz: Any
    slopes: Any
    g: Any


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
    g[:] = 0.0
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
def value_of(net: Net, strength: float, w: Any) -> float:
    """Return the penalty at w."""
    total = 0.0
    for j in range(net.l1.size):
        total += net.l1[j] * abs(w[j]) + 0.5 * net.l2[j] * w[j] * w[j]
    return strength * total


@kernel
def largest_scale(net: Net, strength: float, G: Any) -> float:
    """Return the largest t for which t G is a point of the dual problem."""
    t = 1.0
    for j in range(net.l1.size):
        if net.l2[j] == 0.0:
            pull = 0.0
            if math.isinf(net.upper[j]):
                pull = max(pull, -G[j])
            if math.isinf(net.lower[j]):
                pull = max(pull, G[j])
            if pull * t > strength * net.l1[j]:
                t = strength * net.l1[j] / pull
    return t


@kernel
def conjugate(net: Net, strength: float, G: Any, t: float) -> float:
    """Return max over w of -t G.w - P(w)."""
    total = 0.0
    for j in range(net.l1.size):
        pull, l1, l2 = -t * G[j], strength * net.l1[j], strength * net.l2[j]
        over, w = abs(pull) - l1, 0.0
        if over > 0.0:
            if l2 > 0.0:
                w = math.copysign(over / l2, pull)
            else:
                w = net.upper[j] if pull > 0.0 else net.lower[j]
                if math.isinf(w):
                    w = 0.0
        w = min(max(w, net.lower[j]), net.upper[j])
        total += pull * w - l1 * abs(w) - 0.5 * l2 * w * w
    return total


@inner(kernel)
def prove(data: Data, net: Net, strength: float, theta: Any, room: Room, G: Any) -> float:
    """Return the value of the dual problem at a point, in another read of x; fill G (n_x,)."""
    (x, y, weight, offset, total, intercept), (z, dz, _, g) = data, room
    m, n = x.shape
    kappa0, kappa1 = 1.0, 1.0
    for j in range(n):
        G[j] = g[j]
    if intercept and g[n] != 0.0:
        ones, own = np.empty(n), 0.0
        for j in range(n):
            ones[j] = 0.0
        for i in range(m):
            if y[i] == 1:
                row, d = x[i], dz[i]
                for j in range(n):
                    ones[j] += row[j] * d
                own += d
        A, B = g[n] - own / total, -own / total
        kappa0 = kappa1 = 0.0
        if A > 0.0 and B > 0.0:
            kappa0, kappa1 = min(1.0, B / A), min(1.0, A / B)
        for j in range(n):
            G[j] = kappa0 * (g[j] - ones[j] / total) + kappa1 * ones[j] / total
    t = largest_scale(net, strength, G)
    zeros, ones_ = np.empty(2), np.empty(2)
    zeros[0], ones_[0] = t * kappa0, t * kappa1
    zeros[1] = math.log(zeros[0]) if zeros[0] > 0.0 else 0.0
    ones_[1] = math.log(ones_[0]) if ones_[0] > 0.0 else 0.0
    return entropy(z, y, weight, offset, zeros, ones_) / total - conjugate(net, strength, G, t)


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
    chosen, G, reads = np.zeros(n, np.bool_), np.empty(n), 1
    features, H = np.empty(0, np.int64), np.empty((1, 1))
    loss = evaluate(data, theta, old)
    stale, made = True, 0
    for k in range(strengths.size):
        strength, last_gap, stalls = strengths[k], math.inf, 0
        gap, steps, fresh = math.inf, 0, False
        while True:
            J = loss + value_of(net, strength, theta)
            t, inside = largest_scale(net, strength, old.g), 0.0
            for j in range(n):
                inside += theta[j] * old.g[j]
            gap = J - loss + t * inside + conjugate(net, strength, old.g, t)
            if gap <= goals[k]:
                gap = max(J - prove(data, net, strength, theta, old, G), 0.0) + ROUNDING * J
                reads += 1
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
            fall = step_in_model(net, strength, theta, old.g, features, H, data.intercept, trial)
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
            loss = found
            take(new, old)
            copy(trial, theta)
            steps += 1
            made += 1
        if not gap <= goals[k]:  # an estimate: what is reported is proved
            J = loss + value_of(net, strength, theta)
            gap = max(J - prove(data, net, strength, theta, old, G), 0.0) + ROUNDING * J
            reads += 1
        copy(theta, thetas[k + 1])
        numbers[k, 0], numbers[k, 1] = loss + value_of(net, strength, theta), loss
        numbers[k, 2], numbers[k, 3], numbers[k, 4] = gap, steps, reads
        reads = 0
    return made
