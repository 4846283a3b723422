"""Two losses: the cross-entropy, and the squared error, which is here only to show why it is not used.

    L(a, y) = -(y log a + (1 - y) log(1 - a))        J is convex in (w, b): a bowl with one lowest place
    L(a, y) = 1/2 (a - y)^2                          J is not: plateaus where a is confidently wrong, and side valleys

with a = sigmoid(w.T x + b). On the plateau the slope a (1 - a) (a - y) of the squared error vanishes: the worse
the mistake, the less it is corrected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import reference
from .graph import Variable

Loss = Callable[[Any, Any], Any]


def cross_entropy(z: Any, y: Any) -> Any:
    """-(y log a + (1 - y) log(1 - a)), a = sigmoid(z), elementwise, from z so that no digit of a is lost."""
    return reference.loss(z, y)


def squared_error(z: Any, y: Any) -> Any:
    """1/2 (a - y)^2, a = sigmoid(z), elementwise."""
    return 0.5 * (reference.sigmoid(z) - y) ** 2


def cost_surface(loss: Loss, X: Any, Y: Any, ws: Any, bs: Any) -> NDArray[np.float64]:
    """J(w, b) of one feature, X and Y both (1, m), on a grid: entry [i, j] is J at w = ws[j], b = bs[i]."""
    Z = np.multiply.outer(np.ones(len(bs)), np.multiply.outer(ws, X[0])) + np.asarray(bs)[:, None, None]
    J: NDArray[np.float64] = np.mean(loss(Z, Y[0]), axis=2)
    return J


def logistic_cost(w: Any, b: float, X: Any, Y: Any) -> Variable:
    """J of m examples as a computation graph: nodes w_1, ..., w_n_x, b, z_i, a_i, L_i and J, by the lectures' formulas.

    w (n_x, 1), X (n_x, m), Y (1, m). After J.backward() the derivatives have the lectures' names: dw_1, db, dz_1, da_1.
    """
    weights = [Variable(value, f"w_{j}") for j, value in enumerate(np.asarray(w)[:, 0], start=1)]
    bias = Variable(b, "b")
    total: Any = 0
    for i, y in enumerate(np.asarray(Y)[0].tolist(), start=1):
        z = bias
        for weight, x in zip(weights, np.asarray(X)[:, i - 1].tolist()):
            z = z + weight * x
        a = z.named(f"z_{i}").sigmoid().named(f"a_{i}")
        L = (-(y * np.log(a) + (1 - y) * np.log(1 - a))).named(f"L_{i}")
        total = L if i == 1 else total + L
    J: Variable = total / np.shape(X)[1]
    return J.named("J")
