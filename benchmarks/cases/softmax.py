"""J of several classes and its optimum in float64, by NumPy and SciPy alone.

The point that this package finds is not trusted. Its distance from the optimum is bounded here
again: with g the gradient by w at the best b for that w,

    J - J* <= J(b) - J(best b) + ||g||^2 / (2 lambda / m)

since J is strongly convex in w once b is the best one.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import fastlogreg as flr

from .expected import Disagreement
from .problems import Problem, blocks

CERTAIN = 1e-11  # of J*: how far the optimum may be from what is taken for it


def scores(problem: Problem, theta: Any) -> Any:
    """Return Z (m, K) at theta (K, n_x + 1)."""
    Z = np.empty((len(problem.y), len(theta)))
    for part, x in blocks(problem):
        Z[part] = x @ theta[:, :-1].T + theta[:, -1]
    return Z


def _losses(Z: Any, y: Any) -> Any:
    most = Z.max(axis=1)
    own = np.take_along_axis(Z, y[:, None].astype(np.intp), axis=1)[:, 0]
    return np.log(np.exp(Z - most[:, None]).sum(axis=1)) + (most - own)


def _softmax(Z: Any) -> Any:
    e = np.exp(Z - Z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cost(problem: Problem, theta: Any) -> float:
    """Compute J at theta (K, n_x + 1); b is not penalised."""
    if not np.isfinite(theta).all():
        return float(np.inf)
    loss = float(_losses(scores(problem, theta), problem.y).sum())
    return (loss + 0.5 * problem.lambda_ * float((theta[:, :-1] ** 2).sum())) / len(problem.y)


def least(problem: Problem) -> float:
    """Find J*, to `CERTAIN`; `Disagreement` where that cannot be proved."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = flr.train(
            problem.X.T,
            problem.y[None, :],
            classes=problem.classes,
            solver="auto",
            lambda_=problem.lambda_,
            tol=1e-13,
            iterations=5000,
            max_seconds=300,
        )
    theta = np.append(found.w.T, found.b, axis=1)
    m, Z = len(problem.y), scores(problem, theta)
    Y = np.eye(problem.classes)[problem.y]
    for _ in range(20):  # Newton's steps to the best b
        A = _softmax(Z)
        H = np.diag(A.sum(axis=0)) - A.T @ A
        Z -= np.linalg.pinv(H, hermitian=True) @ (A - Y).sum(axis=0)
    dZ, penalty = (_softmax(Z) - Y) / m, problem.lambda_ / m
    g = penalty * theta[:, :-1]
    for part, x in blocks(problem):
        g = g + dZ[part].T @ x
    J = cost(problem, theta)
    best = float(_losses(Z, problem.y).mean()) + 0.5 * penalty * float((theta[:, :-1] ** 2).sum())
    bound = max(0.0, J - best) + float((g**2).sum()) / (2.0 * penalty)
    if not bound <= CERTAIN * J:
        raise Disagreement(
            f"{problem.name}: the optimum is known to {bound / J:.1e} of J alone, and "
            f"{CERTAIN:.0e} is needed"
        )
    return J
