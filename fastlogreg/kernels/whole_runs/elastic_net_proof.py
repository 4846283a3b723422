"""The proof of `kernels.whole_runs.elastic_net`: the dual problem at a point that was read.

Twin: `fastlogreg.objective.penalised_proof`, which has the reasons; `fastlogreg.maths.elastic_net`.

Layout: others (KINDS, n + 2), n features: the mean entropy of a dual point, NaN where there is
none, and the gradient of the mean loss there, b last. Two were seen on the way, two were made to
balance others; the first of either has a slope by b that is not above 0. Loop order: others,
features; examples, features. Rounding: FAST here, the entropy EXACT.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..decorators import by_name, kernel
from ..entropy import entropy
from ..second_order.columns import Net

KINDS = 4
# Of a dual point that is made: b's slope over that at hand, and over the errors of a label.
WEIGHTIER, LEAST_SHARE, MOST_SHARE = 8.0, 0.1, 0.5


class Data(NamedTuple):
    """The examples: x (m, n_x), y (m,) uint8, weight and offset (m,) or none; the sum of the
    weights; whether there is a b."""

    x: Any
    y: Any
    weight: Any
    offset: Any
    total: float
    intercept: bool


class Room(NamedTuple):
    """What a point is computed in: z, dz, slopes (m,), the gradient of the mean loss (n_x + 1,)."""

    z: Any
    dz: Any
    slopes: Any
    g: Any


@kernel
def value_of(net: Net, strength: float, w: Any) -> float:
    """Return the penalty at w."""
    total = 0.0
    for j in range(net.l1.size):
        total += net.l1[j] * abs(w[j]) + 0.5 * net.l2[j] * w[j] * w[j]
    return strength * total


@by_name(kernel)
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


@by_name(kernel)
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


@by_name(kernel)
def mean_entropy(data: Data, z: Any, kappa0: float, kappa1: float) -> float:
    """Return the mean of H(q) + (q - y) o, q from the errors of either label times kappa."""
    zeros, ones = np.empty(2), np.empty(2)
    zeros[0], ones[0] = kappa0, kappa1
    zeros[1] = math.log(kappa0) if kappa0 > 0.0 else 0.0
    ones[1] = math.log(kappa1) if kappa1 > 0.0 else 0.0
    return entropy(z, data.y, data.weight, data.offset, zeros, ones) / data.total


@by_name(kernel)
def prove_mixed(
    data: Data, net: Net, strength: float, own: float, room: Room, others: Any, G: Any
) -> float:
    """Return the value of the dual problem at the best mixture with one of the others; -inf where
    none balances b's slope. own: the mean entropy at the point. G (n,): room."""
    g, n = room.g, G.size
    best, at, share, scale, rest = -math.inf, -1, 0.0, 0.0, 0.0
    for kind in range(KINDS):
        other = others[kind]
        if not (not math.isnan(other[0]) and g[n] * other[n + 1] < 0.0):
            continue
        t = g[n] / (g[n] - other[n + 1])
        for j in range(n):
            G[j] = g[j] + t * (other[1 + j] - g[j])
        s = largest_scale(net, strength, G)
        conjugated = conjugate(net, strength, G, s)
        value = s * ((1.0 - t) * own + t * other[0]) - conjugated
        if value > best:
            best, at, share, scale, rest = value, kind, t, s, conjugated
    if at < 0:
        return best
    found = (1.0 - share) * mean_entropy(data, room.z, scale, scale)
    return found + share * scale * others[at, 0] - rest


@by_name(kernel)
def prove_by_labels(
    data: Data, net: Net, strength: float, room: Room, others: Any, G: Any
) -> float:
    """Return the value of the dual problem with the labels apart, in a read of x where b moves.

    Where there are both labels a point that balances others is made. G (n,): room.
    """
    (z, dz, _, g), (m, n) = room, data.x.shape
    kappa0, kappa1 = 1.0, 1.0
    for j in range(n):
        G[j] = g[j]
    if data.intercept and g[n] != 0.0:
        ones, own = np.zeros(n), 0.0
        for i in range(m):
            if data.y[i] == 1:
                row, d = data.x[i], dz[i]
                for j in range(n):
                    ones[j] += row[j] * d
                own += d
        for j in range(n):
            ones[j] /= data.total
        A, B = g[n] - own / data.total, -own / data.total
        kappa0 = kappa1 = 0.0
        if A > 0.0 and B > 0.0:
            kappa0, kappa1 = min(1.0, B / A), min(1.0, A / B)
            least, above = min(A, B), abs(A - B)
            slope = min(max(WEIGHTIER * above, LEAST_SHARE * least), MOST_SHARE * least)
            k0 = (B - slope) / A if A > B else 1.0
            k1 = 1.0 if A > B else (A - slope) / B
            made = others[2 + (A < B)]
            made[0], made[n + 1] = mean_entropy(data, z, k0, k1), k0 * A - k1 * B
            for j in range(n):
                made[1 + j] = k0 * (g[j] - ones[j]) + k1 * ones[j]
        for j in range(n):
            G[j] = kappa0 * (g[j] - ones[j]) + kappa1 * ones[j]
    t = largest_scale(net, strength, G)
    return mean_entropy(data, z, t * kappa0, t * kappa1) - conjugate(net, strength, G, t)


@by_name(kernel)
def prove(
    data: Data,
    net: Net,
    strength: float,
    loss: float,
    theta: Any,
    room: Room,
    others: Any,
    wanted: float,
) -> tuple[float, int]:
    """Return the value of the dual problem at a point, and the reads of x that it took.

    loss: the mean at theta. wanted: what the value must be at least for a mixture to do. others are
    kept up.
    """
    g, n = room.g, theta.size - 1
    G, own = np.empty(n), loss
    for j in range(n + 1):
        own -= theta[j] * g[j]
    value, reads, balanced = -math.inf, 0, data.intercept and g[n] != 0.0
    if balanced:
        value = prove_mixed(data, net, strength, own, room, others, G)
    if not value >= wanted:
        value = prove_by_labels(data, net, strength, room, others, G)
        reads = 1 if balanced else 0
    if balanced:
        seen = others[1 if g[n] > 0.0 else 0]
        seen[0] = own
        for j in range(n + 1):
            seen[1 + j] = g[j]
    return value, reads
