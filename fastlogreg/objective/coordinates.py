"""A step in a quadratic model of J with an elastic net: coordinate descent on a small matrix.

    g.d + 1/2 d.H d + P(w + d)      d over a working set and b

b is eliminated first: it has no penalty, so its best move follows from d. Where b hardly bends J,
all examples being sure of their labels, it stays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..machine.blas import inner
from ..maths.arrays import Vector

FLAT = 1e-14  # of the largest curvature: below it b stays
EXACT, EPOCHS = 1e-28, 2000  # of what a coordinate's move brings; sweeps at most


def step(
    penalty: Any,
    intercept: bool,
    theta: Vector,
    slopes: Vector,
    features: NDArray[np.intp],
    H: Vector,
    share: float = 1.0,
) -> tuple[Vector, float]:
    """Return the theta where the model is least, and how far J falls in it.

    slopes (n_x + 1,): the gradient of the mean loss. H (n + 1, n + 1): of the working set and b.
    share: the strength of the penalty over its own.
    """
    from ..kernels.second_order.coordinates import descend_coordinates

    n = features.size
    w, g, g_b = theta[features], slopes[features], float(slopes[-1])
    A, h, h_b = H[:-1, :-1], H[-1, :-1], float(H[-1, -1])
    moves_b = intercept and h_b > FLAT * float(np.diag(H).max(initial=0.0))
    q, B = g.copy(), np.array(A)
    if moves_b:
        q -= h * (g_b / h_b)
        B -= np.outer(h, h) / h_b
    l1, l2 = share * penalty.l1[features], share * penalty.l2[features]
    lower, upper = penalty.lower[features], penalty.upper[features]
    new = w.copy()
    descend_coordinates(B, q, w, new, l1, l2, lower, upper, EXACT, EPOCHS)
    d = new - w
    d_b = -(g_b + inner(h, d)) / h_b if moves_b else 0.0
    change = inner(g, d) + g_b * d_b + 0.5 * inner(d, A @ d) if n else g_b * d_b
    change += d_b * inner(h, d) + 0.5 * h_b * d_b * d_b
    change += inner(l1, np.abs(new) - np.abs(w)) + 0.5 * inner(l2, new * new - w * w)
    found = theta.copy()
    found[features] = new
    found[-1] += d_b
    return found, -change
