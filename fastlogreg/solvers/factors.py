"""Inner matrices for several classes: one factor for each class, or one for all.

The Hessian's blocks H_kk are sums of s a_k (1 - a_k) x1 x1.T. As an inner matrix stand these blocks
alone, or their mean for every class. What the classes have in common changes no z, so it is taken
out before and after: the steps stay centred.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..machine.blas import inner, norm
from ..maths.arrays import Vector
from ..objective.point import Point
from .lbfgs import by_spread
from .linear import ROUNDING, SMALL_SYSTEM, by_factor, with_ridge
from .requests import Asking, Estimate, EstimateFactors, HessianProduct, Problem

FARTHEST = 1e100  # that a step goes: an inner matrix that leads on has no digit but rounding
LARGEST_FACTOR = 1500  # n_x up to which a Gram matrix of a sample is worth its n_x^3
ROWS_PER_FEATURE, LEAST_ROWS = 4, 300  # of each class


def rows_of_class(problem: Problem) -> int:
    """Return how many examples the factor of a class takes."""
    return min(problem.m, max(LEAST_ROWS, ROWS_PER_FEATURE * problem.n_x))


def reads_of(problem: Problem) -> float:
    """Return how many reads of X take as long as the first factors: as many products."""
    return rows_of_class(problem) * problem.n_x / (4.0 * problem.m)


def inverse(factors: Vector, problem: Problem) -> Callable[[Vector], Vector]:
    """Return g -> H_0^-1 g, from the blocks (F, n_x + 1, n_x + 1); F is 1 or the classes."""
    solve = _by_kernel(factors, problem)
    solves = [] if solve is not None else [_solver(block, problem) for block in factors]

    def apply(g: Vector) -> Vector:
        G = g.reshape(problem.columns, -1)
        G = G - np.add.reduce(G, axis=0) / len(G)  # `np.mean` takes twice as long
        if solve is not None:
            D = solve(G)
        else:
            of_class = solves * len(G) if len(solves) == 1 else solves
            D = np.array([one(row) for one, row in zip(of_class, G)])
        D -= np.add.reduce(D, axis=0) / len(D)
        return D.reshape(-1)

    return apply


def _by_kernel(factors: Vector, problem: Problem) -> Callable[[Vector], Vector] | None:
    """Return G (K, n_x + 1) -> H_0^-1 G by one call of a kernel, where `by_factor` has one for each
    block; else None."""
    n = factors.shape[1]
    if n > SMALL_SYSTEM or not problem.has_kernels:
        return None
    from ..kernels.second_order.cholesky import factor, solve_each

    L = np.empty(factors.shape)
    if not all(factor(H, ROUNDING * n, of_H) for H, of_H in zip(factors, L)):
        return None

    def solved(G: Vector) -> Vector:
        D = np.empty(G.shape)
        solve_each(L, G, D)
        return D

    return solved


def _solver(block: Vector, problem: Problem) -> Callable[[Vector], Vector]:
    solve = by_factor(block, problem)
    if solve is not None:
        return solve
    found = with_ridge(block, np.linalg.inv)
    inverse = 0.5 * (found + found.T)
    # Not by BLAS, whose threads then spin: see `machine.blas`.
    return lambda g: np.asarray(np.einsum("ij,j->i", inverse, g))


def estimated_inverse(
    problem: Problem, point: Point, rows: int, shared: bool
) -> Asking[Callable[[Vector], Vector]]:
    """Have the blocks estimated at a point, and return their inverse."""
    estimate: Estimate = yield EstimateFactors(point, rows, shared)
    return inverse(estimate.H, problem)


def newton_step(problem: Problem, start: Point) -> Asking[Vector]:
    """Find Newton's step by conjugate gradients, with a factor for each class."""
    if problem.n_x <= LARGEST_FACTOR:
        rows = rows_of_class(problem)
        precondition = yield from estimated_inverse(problem, start, rows, False)
    else:
        diagonal = yield from by_spread(problem)

        def precondition(g: Vector) -> Vector:
            return g / diagonal

    d = yield from conjugate_gradients(start, precondition)
    return d


def conjugate_gradients(start: Point, precondition: Callable[[Vector], Vector]) -> Asking[Vector]:
    """Find d with ||H d + g|| <= min(1/2, sqrt(||g||)) ||g||, in the norm of the inner matrix.

    A read of X each step (Nocedal & Wright, Numerical Optimization, algorithm 5.3).
    """
    gradient = start.evaluation.gradient
    d, r = np.zeros_like(gradient), gradient.copy()
    y = precondition(r)
    if not np.abs(y).max() < FARTHEST:
        return -gradient
    p, ry = -y, inner(r, y)
    target = min(0.5, np.sqrt(norm(gradient))) ** 2 * ry
    for _ in range(200):
        Hp: Vector = yield HessianProduct(start, p)
        curvature = inner(p, Hp)
        if not curvature > 0.0:
            break
        a = ry / curvature
        d += a * p
        r += a * Hp
        y = precondition(r)
        previous, ry = ry, inner(r, y)
        if not ry > target:
            break
        p = -y + (ry / previous) * p
    return d if d.any() else -gradient
