"""What a pass of cost and gradient must find; who finds something else is not timed."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlogreg.maths import reference, softmax
from fastlogreg.maths.arrays import Vector
from fastlogreg.tools import bench


class Disagreement(AssertionError):
    """A contender computes something else than the rest: its time means nothing."""


def expected_pass(X: Any, y: Any, w: Any, b: float) -> bench.Pass:
    """Compute cost and gradient by the reference in float64, block by block."""
    n_x, m = X.shape
    J, dw, db = 0.0, np.zeros((n_x, 1)), 0.0
    step = max(1, (1 << 24) // n_x)
    for lo in range(0, m, step):
        part = X[:, lo : lo + step]
        one = reference.propagate(w[:, None], b, part, y[None, lo : lo + step])
        share = part.shape[1] / m
        J, dw, db = J + share * one.cost, dw + share * one.dw, db + share * one.db
    return J, dw[:, 0], db


def expected_class_pass(X: Any, labels: Any, W: Vector, b: Vector) -> tuple[float, Vector, Vector]:
    """Compute the softmax cost and its gradient in float64, block by block; W (K, n_x), b (K,)."""
    n_x, m = X.shape
    J, dw, db = 0.0, np.zeros(W.shape), np.zeros(len(b))
    step = max(1, (1 << 24) // n_x)
    for lo in range(0, m, step):
        part, own = X[:, lo : lo + step].astype(np.float64), labels[lo : lo + step]
        Z = softmax.forward(W.T, b[:, None], part)
        J += float(softmax.losses(Z, own).sum())
        dZ = softmax.softmax(Z) - (own == np.arange(len(b))[:, None])
        dw, db = dw + dZ @ part.T, db + dZ.sum(axis=1)
    return J / m, dw / m, db / m


def check_pass(
    name: str, found: tuple[float, Any, Any], expected: tuple[float, Any, Any], tolerance: float
) -> float:
    """Find the largest difference, relative to the cost and to the largest derivative.

    Raises Disagreement where it is above tolerance.
    """
    size = max(float(np.abs(expected[1]).max()), float(np.abs(expected[2]).max()))
    parts = abs(found[0] - expected[0]) / expected[0], np.abs(found[1] - expected[1]).max() / size
    error = float(
        np.max([*parts, np.abs(found[2] - expected[2]).max() / size])
    )  # NaN where any of them is
    if not error <= tolerance:
        raise Disagreement(
            f"{name} differs from the reference by {error:.1e}, allowed are {tolerance:.0e}"
        )
    return error
