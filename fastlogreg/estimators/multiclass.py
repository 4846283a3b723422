"""What differs in the estimator from three classes on: softmax in the sigmoid's place.

coef_ is (K, n_features) and intercept_ (K,), a row for each class. Adding a number to every
intercept, or a vector to every row, changes no probability: both are centred, their sums over the
classes are 0. With L2 the optimum is so of itself. L1 and bounds tell the rows apart: then the
intercepts alone are centred.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.choice import name_for
from ..checks.labels import LabelledRows
from ..data.design import Design
from ..machine.blas import inner
from ..maths import softmax
from ..maths.arrays import Vector
from ..objective.objective import Objective
from ..objective.soft import objective_for
from ..objective.softmax import SoftmaxObjective


def objective_of(
    design: Design,
    rows: LabelledRows,
    lambda_: float,
    n_threads: int | None,
    intercept: bool,
    backend: str = "fused",
) -> Objective:
    """Return J for the classes of these rows: by the sigmoid for two, by softmax for more."""
    K = len(rows.classes)
    if K == 2:
        return objective_for(
            design, rows.codes, lambda_, backend, n_threads, rows.weight, intercept
        )
    return SoftmaxObjective(
        design, rows.codes, K, lambda_, backend, n_threads, rows.weight, intercept
    )


def on_design(
    coef: Vector, intercept: Vector, design: Any, centre: bool = True
) -> tuple[Vector, Vector]:
    """Return W (K, n_x) and b (K,) that are these once scale and shift of the design are folded in.

    They are centred, from where every solver stays centred; without `centre` b alone.
    """
    W = coef / design.scale
    return _centred(W, intercept - W @ design.shift, centre)


def folded(w: Vector, b: Vector, design: Any, centre: bool = True) -> tuple[Vector, Vector]:
    """Fold scale and shift of a design into w (n_x, K) and b (K, 1): coef (K, n_x) and b (K,).

    They are centred; without `centre` b alone.
    """
    W = np.ascontiguousarray(w.T)
    with np.errstate(invalid="ignore", over="ignore"):  # of a w that has grown without end
        moved = np.array([inner(design.shift, row) for row in W])
        return _centred(design.scale * W, b[:, 0] + moved, centre)


def _centred(W: Vector, b: Vector, weights: bool) -> tuple[Vector, Vector]:
    return softmax.centred(W, b) if weights else (W, b - b.mean())


def class_scores(design: Design, coef: Vector, intercept: Vector, threads: int | None) -> Vector:
    """Return Z (K, m) of the examples of a design, in one read of X."""
    labels = np.zeros(design.m, np.int32)  # z does not depend on them
    backend = name_for(design)
    objective = SoftmaxObjective(design, labels, len(coef), 0.0, backend, n_threads=threads)
    return np.asarray(objective.point(objective.joined(coef, intercept)).z)


def log_probabilities(Z: Vector) -> Vector:
    """Return the logarithms of softmax(Z) for Z (m, K), an example in each row."""
    Z = Z - Z.max(axis=1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


def likeliest(scores: Vector, classes: NDArray[Any]) -> NDArray[Any]:
    """Return the class of the largest score: scores (m,) of two classes, or (m, K)."""
    if scores.ndim == 1:
        return classes[(scores > 0.0).astype(np.intp)]
    return classes[scores.argmax(axis=1)]
