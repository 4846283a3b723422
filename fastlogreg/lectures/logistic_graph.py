"""The cost of logistic regression as a computation graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Variable


def logistic_cost(w: Any, b: float, X: Any, Y: Any) -> Variable:
    """Return J of m examples as a computation graph: nodes w_1, ..., w_n_x, b, z_i, a_i, L_i and J,
    by the lectures' formulas.

    w (n_x, 1), X (n_x, m), Y (1, m). After J.backward() the derivatives have the lectures' names:
    dw_1, db, dz_1, da_1.
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
