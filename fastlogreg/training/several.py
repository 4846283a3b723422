"""What is found of several classes where a run did not give what was asked for: `diagnosis`.

With lambda = 0 the matrices are those of two classes, with what the classes have in common left
out: they are written in an orthonormal basis of (K - 1) (n_x + 1) directions. H0 is the bound that
no Hessian exceeds, (I - 11.T / K) / 2 (x) X1 X1.T / S. The Hessian at 0 is no such bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..machine.blas import inner
from ..maths import softmax
from ..maths.arrays import NONE, Vector
from ..objective import proof
from ..objective.objective import Objective
from ..objective.separation import MarginChange
from ..objective.softmax import SoftmaxObjective
from ..solvers.result import TrainingResult

VANISHED = 1e-4  # of v.H0 v


class Found(NamedTuple):
    """Hold what was found with lambda = 0.

    finite: whether X1 X1.T is. null (n_x + 1, k): directions in which no z changes. change: of the
    margins, along the directions whose curvature has vanished. bound: on J - J*.
    """

    finite: bool = True
    null: Vector = NONE
    change: MarginChange | None = None
    bound: float = np.inf


def basis(classes: int) -> Vector:
    """Return an orthonormal basis (K, K - 1) of the vectors whose sum is 0 (Helmert's)."""
    Q = np.zeros((classes, classes - 1))
    for k in range(1, classes):
        Q[:k, k - 1], Q[k, k - 1] = 1.0, -k
        Q[:, k - 1] /= np.sqrt(k * (k + 1.0))
    return Q


def examine(objective: SoftmaxObjective, theta: Vector, z: Vector) -> Found:
    """Look for dependent columns and quasi-separable classes, else for a bound: five reads of X.

    z: that of every example at theta.
    """
    K, width = objective.columns, objective.n_x + 1
    G = objective.second_moments()
    if not objective.intercept:
        G[-1], G[:, -1], G[-1, -1] = 0.0, 0.0, 1.0
    if not np.isfinite(G).all():
        return Found(finite=False)
    size = np.sqrt(np.diag(G))
    size[size == 0.0] = 1.0
    values, vectors = np.linalg.eigh(G / np.outer(size, size))
    null = values <= 4e-15 * len(values)  # the rounding of a sum of float64, with diagonal 1
    if null.any():
        return Found(null=vectors[:, null])
    root = vectors * np.sqrt(2.0 / values)  # root.T (G scaled / 2) root = I
    point, H = objective.point_with_hessian(theta)
    Q = basis(K)
    blocks = np.einsum("kiln,ka,lb->aibn", H.reshape(K, width, K, width), Q, Q, optimize=True)
    blocks = np.einsum(
        "aibn,ij,nl->ajbl", blocks, root / size[:, None], root / size[:, None], optimize=True
    )
    shrunk, directions = np.linalg.eigh(blocks.reshape((K - 1) * width, -1))
    flat = np.einsum(
        "ij,ajc->aic", root, directions[:, shrunk < VANISHED].reshape(K - 1, width, -1)
    )
    # What of theta lies in the flat directions.
    of_theta = np.einsum("ka,ki->ai", Q, theta.reshape(K, width)) @ (0.5 * G).T / size
    v = np.einsum("aic,c->ai", flat, np.einsum("aic,ai->c", flat, of_theta)) / size
    if v.any():
        change = objective.margin_changes(z, (Q @ v).reshape(-1))
        if change.smallest >= -1e-3 * change.largest:
            return Found(change=change)
    return Found(bound=proof.without_penalty(objective, point.evaluation, H))


def falls(
    objective: Objective, result: TrainingResult, x: Vector, mean: Vector, step: int, size: Vector
) -> tuple[float, Vector]:
    """Return J of a sample, and J after steps along the gradient in units of each column.

    x: each step-th example less their mean. size (n_x,): squared spreads.
    """
    s = objective.weight_of_each[::step]
    s, labels = s / s.sum(), objective.targets[::step]
    Z = result.w.T @ x.T + (result.w.T @ mean + np.asarray(result.b).reshape(-1))[:, None]
    dZ = softmax.terms(Z, labels, s).dZ
    pull = (dZ @ x + objective.decay * result.w.T) / size
    move = -(pull @ x.T) - 4.0 * dZ.sum(axis=1)[:, None]
    J = [inner(s, softmax.losses(Z + t * move, labels)) for t in (0.0, *(4.0 ** np.arange(-3, 4)))]
    return J[0], np.array(J[1:])
