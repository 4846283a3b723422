"""Estimates without median bias: each is as often too large as too small, nearly.

    U~ = U* + I u       u_j = -1 / (3 v_jj) sum s a (1 - a) (1 - 2 a) (x1' v_j)^3       v = I^-1

v_j is column j of v, U* the score of Firth's penalised likelihood, which takes the bias of the mean
away. U~ is the derivative of no function. So a step is Firth's and u, and is halved until U~ is
shorter, by the metric of I. Unlike Firth's estimate this one asks what the parameters are: u is of
theta for X as it was given. Columns in other units change nothing.

Reference: Kenne Pagui, Salvan and Sartori, "Median bias reduction of maximum likelihood estimates",
Biometrika 104 (2017). Without a penalty on l* the estimates are finite as Firth's are, in all that
was tried; nobody has proved it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..machine.blas import norm
from ..maths.arrays import Vector
from ..maths.logistic import sigmoid
from .firth import MOST_HALVINGS, Reduced, climb_firth, pull, root_of
from .likelihood import Likelihood

SHORTER = 1e-3  # of what a whole step promises


class Place(NamedTuple):
    """Hold -l, U~ (p,) and I (p, p) at theta, and R with R' R = I^-1."""

    cost: float
    score: Vector
    information: Vector
    root: Vector


def climb_median(likelihood: Likelihood, tol: float, most: int) -> Reduced:
    """Solve U~ = 0 from Firth's estimate, until no component of it is larger than tol.

    The value is l, and the costs are -l. A step takes three reads of X.
    """
    begun = climb_firth(likelihood, tol, most)
    theta = begun.theta
    if not math.isfinite(begun.value):
        return begun
    at = place_at(likelihood, theta)
    costs: list[float] = []
    while len(costs) < most and float(np.abs(at.score).max()) > tol:
        step, length = at.root.T @ (at.root @ at.score), norm(at.root @ at.score)
        share = 1.0
        for _ in range(MOST_HALVINGS):
            trial = place_at(likelihood, theta + share * step)
            if norm(at.root @ trial.score) < (1.0 - SHORTER * share) * length:
                break
            share *= 0.5
        else:
            break  # float64 has no better theta
        costs.append(at.cost)
        theta, at = theta + share * step, trial
    largest = float(np.abs(at.score).max())
    return Reduced(theta, -at.cost, largest, at.information, np.array(costs), largest <= tol)


def place_at(likelihood: Likelihood, theta: Vector) -> Place:
    """Return what is known at theta (p,): three reads of X."""
    at = likelihood.at(theta)
    R, _ = root_of(at.information)
    score = at.score + pull(likelihood, theta, R)
    T = likelihood.outward_matrix()
    u = np.linalg.solve(T, shift_of_medians(likelihood, theta, T @ R.T @ R))
    return Place(-at.value, score + at.information @ u, at.information, R)


def shift_of_medians(likelihood: Likelihood, theta: Vector, V: Vector) -> Vector:
    """Return u (p,) for X as it was given; V (p, p): x1' V' has the x1' v_j. One read of X."""
    total = np.zeros(theta.size)
    w, b = theta[:-1], theta[-1]
    likelihood.objective.begin_pass()
    for lo, hi, x in likelihood.design.float_blocks():
        z = x @ w + b
        if likelihood.offset.size:
            z = z + likelihood.offset[lo:hi]
        along = x @ V[:, :-1].T + V[:, -1] * float(likelihood.intercept)
        terms = likelihood.weights_of(slice(lo, hi)) * likelihood.curvatures(z)
        total += (terms * (1.0 - 2.0 * sigmoid(z))) @ along**3
    of_each = np.einsum("ij,ij->i", V, likelihood.outward_matrix())
    return np.asarray(-total / (3.0 * of_each))
