"""A step in a quadratic model of J with an elastic net: coordinate descent on a small matrix.

    g.d + 1/2 d.H d + P(w + d)      d over a working set and every b

The b are eliminated first: they have no penalty, so their best moves follow from d. Along what
hardly bends J, all examples being sure of their labels, they stay; and along what several classes
have in common, which changes nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.blas import inner
from ..maths.arrays import Vector

FLAT = 1e-12  # of the largest curvature: below it b stays
LEFT, SWEEPS = 1e-26, 500  # of what a coordinate's move brings, at least; sweeps at most


class Step(NamedTuple):
    """Hold where the model is least, w (P,) and b (B,), and how far J falls in it."""

    w: Vector
    b: Vector
    fall: float


def step(
    penalty: Any,
    intercept: bool,
    at: tuple[Vector, Vector],
    slopes: tuple[Vector, Vector],
    features: NDArray[np.intp],
    H: Vector,
    share: float = 1.0,
    left: float = 0.0,
) -> Step:
    """Minimise the model from w (P,) and b (B,), with the gradient of the mean loss by both.

    H (n + B, n + B): of the working set and every b. share: the strength of the penalty over its
    own. left: of what a coordinate's move brings, where the descent ends.
    """
    n = features.size
    (whole, b), (of_w, g_b) = at, slopes
    w, g = whole[features], of_w[features]
    A, h, C = H[:n, :n], H[n:, :n], H[n:, n:]
    root = _root_of_inverse(C, H, intercept)
    inverse, along = root.T @ root, root @ h
    q = g - h.T @ (inverse @ g_b)
    new = _least(penalty, A - along.T @ along, q, w, features, share, max(left, LEFT))
    d = new - w
    d_b = -inverse @ (g_b + h @ d)
    change = inner(g, d) + inner(g_b, d_b) + 0.5 * inner(d, A @ d) + inner(d_b, h @ d)
    change += 0.5 * inner(d_b, C @ d_b)
    found = whole.copy()
    found[features] = new + 0.0  # no -0.0
    change += share * (penalty.value(found) - penalty.value(whole))
    return Step(found, b + d_b, -change)


def _least(
    penalty: Any,
    H: Vector,
    q: Vector,
    w: Vector,
    features: NDArray[np.intp],
    share: float,
    left: float,
) -> Vector:
    """Return the w (n,) of some features where q.d + d.H d / 2 + share P(w + d) is least.

    d is from w. What is found is exact but for `left`; zeros are exact zeros.
    """
    from ..kernels.second_order.coordinates import descend_coordinates
    from ..kernels.second_order.groups import descend_groups

    new, l2 = w.copy(), share * penalty.l2[features]
    if penalty.group is None:
        l1, bounds = (
            share * penalty.l1[features],
            (penalty.lower[features], penalty.upper[features]),
        )
        descend_coordinates(H, q, w, new, l1, l2, *bounds, left, SWEEPS)
        return new
    own = penalty.group[features]
    order = np.argsort(own, kind="stable")  # a group's features behind each other
    groups, starts = np.unique(own[order], return_index=True)
    l1 = share * penalty.l1_of_group[groups]
    start = w[order]
    found, H = start.copy(), np.ascontiguousarray(H[order[:, None], order])
    ends = np.append(starts, own.size)
    descend_groups(H, q[order], start, found, ends, l1, l2[order], left, SWEEPS)
    new[order] = found
    return new


def _root_of_inverse(C: Vector, H: Vector, intercept: bool) -> Vector:
    """Return R, where R.T R is the inverse of the curvature along the b, 0 along what has none."""
    if not intercept:
        return np.zeros(C.shape)
    values, vectors = np.linalg.eigh(C)
    bent = values > FLAT * float(np.diag(H).max(initial=0.0))
    inverse = np.divide(1.0, values, out=np.zeros(values.size), where=bent)
    return np.asarray((vectors * np.sqrt(inverse)).T)


def candidates(
    penalty: Any, w: Vector, slopes: Vector, ahead: float, most: int
) -> NDArray[np.intp]:
    """Return the places of a working set, sorted; `most` of those where the weight is 0.

    Those that are not 0, and those whose slope is at least `ahead` times l1, with some room for how
    slopes change: the strong rule of Tibshirani et al. (2012).
    """
    inside = (w != 0.0) & (penalty.lower < penalty.upper)
    excess = np.where(inside, -1.0, penalty.excess(w, slopes))
    wanted = np.flatnonzero(excess >= ahead)
    if wanted.size > most:
        wanted = wanted[np.argsort(-excess[wanted], kind="stable")[:most]]
    found: NDArray[np.intp] = penalty.whole(np.union1d(np.flatnonzero(inside), wanted))
    return found


def largest_strength(penalty: Any, w: Vector, slopes: Vector) -> float:
    """Return where, over the penalty's strength, the first weight moves; 0 where one has moved."""
    excess = penalty.excess(w, slopes)
    held = np.isfinite(excess)
    return 0.0 if w[held].any() else float(excess[held].max(initial=0.0))
