"""Softmax, and the cost of a model of several classes, as a computation graph.

    top = the largest z      e_k = exp(z_k - top)      s = sum of e_k      a_k = e_k / s
    L = log(s) - (z_y - top)                           the same as -log(a_y), also where a_y is 0

top is a number, no node. Taken from every z it changes no a and no L, so that it has no derivative;
it keeps exp from overflowing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .graph import Variable, apply


def softmax(zs: Sequence[Variable]) -> list[Variable]:
    """Return a_k = exp(z_k) / sum of exp(z) for the z of one example, stable for every z."""
    _, exponentials, total = _parts(zs)
    return [e / total for e in exponentials]


def softmax_cost(w: Any, b: Any, X: Any, Y: Any) -> Variable:
    """Return J of m examples of K classes as a computation graph, by the formulas above.

    w (n_x, K), b (K, 1), X (n_x, m), Y (1, m) of 0 .. K - 1. Its nodes are w_j_k, b_k, z_k_i,
    L_i and J, features and examples counted from 1 as in `logistic_cost`, and classes from
    0. After J.backward() the derivatives are dw_j_k, db_k, dz_k_i.
    """
    w, b, X = (np.asarray(each, dtype=np.float64) for each in (w, b, X))
    (n_x, K), m = w.shape, X.shape[1]
    weights = [[Variable(w[j, k], f"w_{j + 1}_{k}") for j in range(n_x)] for k in range(K)]
    biases = [Variable(b[k, 0], f"b_{k}") for k in range(K)]
    losses = []
    for i, y in enumerate(np.asarray(Y)[0].tolist()):
        zs = []
        for k in range(K):
            z = biases[k]
            for j in range(n_x):
                z = z + weights[k][j] * X[j, i]
            zs.append(z.named(f"z_{k}_{i + 1}"))
        shifted, _, total = _parts(zs)
        losses.append((apply(np.log, total) - shifted[int(y)]).named(f"L_{i + 1}"))
    return (_sum(losses) / m).named("J")


def _parts(zs: Sequence[Variable]) -> tuple[list[Variable], list[Variable], Variable]:
    """Return z_k - top, their exponentials and the sum of these."""
    top = max(z.value for z in zs)
    shifted = [z - top for z in zs]
    exponentials = [apply(np.exp, z) for z in shifted]
    return shifted, exponentials, _sum(exponentials)


def _sum(nodes: Sequence[Variable]) -> Variable:
    total = nodes[0]
    for node in nodes[1:]:
        total = total + node
    return total
