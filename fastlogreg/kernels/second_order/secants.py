"""A Hessian made to fit steps that were made since it was taken. Reads no X.

    s = w1 - w0      y = g1 - g0      g: the gradient of the mean loss

    H s = y, by the formula of Broyden, Fletcher, Goldfarb and Shanno

Before that H is multiplied by the change of the mean curvature, that of all examples.

Layout: H (n + 1, n + 1) of the features of a working set, b last; s, y (n_x + 1,), b last. Loop
order: rows. Rounding: FAST. Twin: `fastlogreg.solvers.trail`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..decorators import by_name, kernel

LEAST_CHANGE = 0.5  # of the mean curvature, or the inverse: else H is not multiplied by it
LEAST_RATIO = 0.1  # of the curvature along a step over H's, or the inverse: else H stays


@by_name(kernel)
def take_chosen(v: Any, features: Any) -> Any:
    """Return v (n_x + 1,) of the features and b (n + 1,)."""
    n = features.size
    found = np.empty(n + 1)
    for a in range(n):
        found[a] = v[features[a]]
    found[n] = v[v.size - 1]
    return found


@by_name(kernel)
def multiply(H: Any, s: Any) -> Any:
    """Return H s."""
    found = np.empty(s.size)
    for a in range(s.size):
        row, total = H[a], 0.0
        for b in range(s.size):
            total += row[b] * s[b]
        found[a] = total
    return found


@kernel
def dot(a: Any, b: Any) -> float:
    """Return a.b."""
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@by_name(kernel)
def fit(H: Any, s: Any, y: Any, times: float) -> None:
    """Multiply H by `times`, and change it so that H s = y, unless they are too far apart.

    H is changed in place; s, y (n + 1,).
    """
    bent = multiply(H, s)
    own, wanted = times * dot(s, bent), dot(s, y)
    near = own > 0.0 and LEAST_RATIO * own < wanted and LEAST_RATIO * wanted < own
    for a in range(s.size):
        row = H[a]
        f, e = 0.0, 0.0
        if near:
            f, e = y[a] / wanted, times * times * bent[a] / own
        for b in range(s.size):
            row[b] = times * row[b] + f * y[b] - e * bent[b]


@kernel
def change(before: float, after: float) -> float:
    """Return after / before, 1 where they are far from each other: of a mean curvature."""
    near = before > 0.0 and LEAST_CHANGE * before < after and LEAST_CHANGE * after < before
    return after / before if near else 1.0


@by_name(kernel)
def look_ahead(H: Any, features: Any, spans: Any) -> Any:
    """Return H as it is likely to be on the way to the next optimum; H where that is not known.

    spans (4, n_x + 1): s and y of the step from optimum to optimum before the last, and of the last
    one. H has changed from one to the other, and is taken to change as much again.
    """
    n = features.size
    s0, y0 = take_chosen(spans[0], features), take_chosen(spans[1], features)
    s1, y1 = take_chosen(spans[2], features), take_chosen(spans[3], features)
    for whole, part in ((spans[0], s0), (spans[2], s1)):
        outside = 0
        for j in range(whole.size):
            outside += whole[j] != 0.0
        for a in range(n + 1):
            outside -= part[a] != 0.0
        if outside != 0:
            return H
    bent0, bent1 = multiply(H, s0), multiply(H, s1)
    own = dot(s0, bent0)
    if not own > 0.0:
        return H
    c = dot(s1, bent0) / own
    for a in range(n + 1):
        y1[a] += (y1[a] - c * y0[a]) - (bent1[a] - c * bent0[a])
    found = H.copy()
    fit(found, s1, y1, 1.0)
    return found
