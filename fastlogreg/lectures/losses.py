"""Two losses: the cross-entropy, and the squared error, which is here only to show why it is not
used.

    L(a, y) = -(y log a + (1 - y) log(1 - a))        J is convex in (w, b): a bowl with one lowest
                                                     place
    L(a, y) = 1/2 (a - y)^2                          J is not: plateaus where a is confidently
                                                     wrong, and side valleys

with a = sigmoid(w.T x + b). On the plateau the slope a (1 - a) (a - y) of the squared error
vanishes: the worse the mistake, the less it is corrected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..maths import logistic

Loss = Callable[[Any, Any], Any]


def cross_entropy(z: Any, y: Any) -> Any:
    """-(y log a + (1 - y) log(1 - a)), a = sigmoid(z), elementwise, from z so that no digit of a is
    lost."""
    return logistic.loss(z, y)


def squared_error(z: Any, y: Any) -> Any:
    """1/2 (a - y)^2, a = sigmoid(z), elementwise."""
    return 0.5 * (logistic.sigmoid(z) - y) ** 2


def cost_surface(loss: Loss, X: Any, Y: Any, ws: Any, bs: Any) -> NDArray[np.float64]:
    """J(w, b) of one feature, X and Y both (1, m), on a grid: entry [i, j] is J at w = ws[j], b =
    bs[i]."""
    Z = (
        np.multiply.outer(np.ones(len(bs)), np.multiply.outer(ws, X[0]))
        + np.asarray(bs)[:, None, None]
    )
    J: NDArray[np.float64] = np.mean(loss(Z, Y[0]), axis=2)
    return J
