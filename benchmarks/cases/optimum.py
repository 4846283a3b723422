"""J and its optimum in float64 by NumPy alone (sparse X: by SciPy), to machine precision: what
solvers are held against.

Newton's method from the point that this package finds (to save time, not to trust it: the steps go
on until J falls no more). For m < n_x in the m-by-m domain: w = X.T c with K = X X.T, and a Newton
step solves (K + lambda S^-1) c + b = z - S^-1 dz, sum(c) = 0 (b not penalised), S being the
diagonal of a (1 - a).
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

import fastlogreg as flr

from . import softmax
from .problems import Problem, blocks


class Optimum(NamedTuple):
    """Holds the least J, and the least J + lambda / 2m b^2."""

    J: float
    penalised: float


def cost(problem: Problem, theta: Any, penalised: bool = False) -> float:
    """Compute J at theta = [w, b], (n_x + 1,) or, of several classes, (K, n_x + 1).

    With the penalty on b too where it is asked for.
    """
    if np.ndim(theta) == 2:
        return softmax.cost(problem, theta)
    w, b = theta[:-1], float(theta[-1])
    if not np.isfinite(theta).all():
        return float(np.inf)
    J = sum(
        float(np.logaddexp(0.0, (1.0 - 2.0 * problem.y[part]) * (x @ w + b)).sum())
        for part, x in blocks(problem)
    )
    return (J + 0.5 * problem.lambda_ * float(w @ w + penalised * b * b)) / len(problem.y)


def find(problem: Problem) -> Optimum:
    """Find both optima; of several classes that without a penalty on b alone."""
    if problem.classes > 2:
        return Optimum(softmax.least(problem), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = flr.train(
            problem.X.T,
            problem.y[None, :],
            solver="auto",
            lambda_=problem.lambda_,
            tol=1e-12,
            iterations=500,
            max_seconds=60,
        )
    start = np.append(found.w, found.b)
    step = _wide_step if len(problem.y) < problem.X.shape[1] else _step
    if not isinstance(problem.X, np.ndarray):
        step = _sparse_step
    return Optimum(_descend(problem, start, step, False), _descend(problem, start, step, True))


def _descend(problem: Problem, theta: Any, step: Any, penalised: bool) -> float:
    J = cost(problem, theta, penalised)
    for _ in range(20):
        following = step(problem, theta, penalised)
        for _ in range(10):
            J_following = cost(problem, following, penalised)
            if J_following < J:
                break
            following = 0.5 * (theta + following)
        if not J - J_following > 1e-14 * J:
            return min(J, J_following)
        theta, J = following, J_following
    return J


def _step(problem: Problem, theta: Any, penalised: bool) -> Any:
    """Make the step theta - H^-1 g."""
    penalty = np.full(theta.size, problem.lambda_)
    penalty[-1] *= penalised
    H, g = np.diag(penalty), penalty * theta
    for part, x in blocks(problem):
        x1 = np.hstack([x, np.ones((len(x), 1))])
        a = _sigmoid(x1 @ theta)
        g += (a - problem.y[part]) @ x1
        H += (x1.T * (a * (1.0 - a))) @ x1
    return theta - np.linalg.solve(H, g)


def _wide_step(problem: Problem, theta: Any, penalised: bool) -> Any:
    """Make the step in the m-by-m domain."""
    X, m = np.asarray(problem.X, np.float64), len(problem.y)
    z = X @ theta[:-1] + theta[-1]
    a = _sigmoid(z)
    slopes = np.maximum(a * (1.0 - a), 1e-12)
    A, right = np.ones((m + 1, m + 1)), np.append(z - (a - problem.y) / slopes, 0.0)
    A[:-1, :-1] = X @ X.T
    A[np.arange(m), np.arange(m)] += problem.lambda_ / slopes
    A[-1, -1] = -1.0 if penalised else 0.0  # b = sum(c) where it is penalised
    solution = np.linalg.solve(A, right)
    return np.append(solution[:-1] @ X, solution[-1])


def _sparse_step(problem: Problem, theta: Any, penalised: bool) -> Any:
    """Make the step for a scipy CSR, by SciPy's conjugate gradients."""
    from scipy.sparse.linalg import LinearOperator, cg

    X, penalty = problem.X, np.full(theta.size, problem.lambda_)
    penalty[-1] *= penalised
    a = _sigmoid(X @ theta[:-1] + theta[-1])
    slopes, dz = a * (1.0 - a), a - problem.y
    g = penalty * theta + np.append(X.T @ dz, dz.sum())

    def product(v: Any) -> Any:
        u = slopes * (X @ v[:-1] + v[-1])
        return penalty * v + np.append(X.T @ u, u.sum())

    H = LinearOperator((theta.size, theta.size), matvec=product, dtype=np.float64)
    return theta - cg(H, g, rtol=1e-6, maxiter=500)[0]


def _sigmoid(z: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * z))
