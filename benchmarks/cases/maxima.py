"""What inference must find, by NumPy alone: maxima, standard errors, profile intervals and tests.

l is the log-likelihood of y given X1 (m, p), a column of ones first. With `firth` it is Firth's
l + 1/2 log|I|. Every climb goes by I^-1 times the score: slow, and simple enough to be believed.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

MOST_CLIMBS, MOST_MOVES, MOST_HALVINGS = 300, 100, 30
STOPPED = 1e-10  # of a step, in standard errors


class Maximum(NamedTuple):
    """Holds theta = [b, w] (p,), l there, standard errors (p,) and the covariance (p, p)."""

    theta: Any
    value: float
    errors: Any
    covariance: Any


class Curve(NamedTuple):
    """Holds the examples, and whether l is Firth's."""

    X1: Any
    y: Any
    firth: bool

    def at(self, theta: Any) -> tuple[float, Any, Any]:
        """Compute l, its score (p,) and the information (p, p)."""
        z = self.X1 @ theta
        a = 0.5 * (1.0 + np.tanh(0.5 * z))
        value = float(self.y @ z - np.logaddexp(0.0, z).sum())
        curvature = a * (1.0 - a)
        information = (self.X1 * curvature[:, None]).T @ self.X1
        pull = self.y - a
        if self.firth:
            L = np.linalg.cholesky(information)
            value += float(np.log(np.diag(L)).sum())
            h = curvature * np.square(np.linalg.solve(L, self.X1.T)).sum(axis=0)
            pull = pull + h * (0.5 - a)
        return value, pull @ self.X1, information

    def logistf_errors(self, theta: Any) -> Any:
        """Compute the standard errors (p,) of R's logistf: of (X1' W (1 + h) X1)^-1."""
        a = 0.5 * (1.0 + np.tanh(0.5 * (self.X1 @ theta)))
        curvature = a * (1.0 - a)
        inverse = np.linalg.inv((self.X1 * curvature[:, None]).T @ self.X1)
        h = curvature * np.einsum("ij,jk,ik->i", self.X1, inverse, self.X1)
        more = (self.X1 * (curvature * (1.0 + h))[:, None]).T @ self.X1
        return np.sqrt(np.diag(np.linalg.inv(more)))


def curve_of(X: Any, y: Any, firth: bool) -> Curve:
    """Put a column of ones before X (m, n_x)."""
    return Curve(np.column_stack([np.ones(len(y)), X]), np.asarray(y, np.float64), firth)


def climb(curve: Curve, theta: Any, held: int | None = None) -> tuple[Any, float, Any, Any]:
    """Make l as large as it gets, with one place of theta held; theta, l, score, information."""
    free = np.arange(len(theta)) if held is None else np.delete(np.arange(len(theta)), held)
    value, score, H = curve.at(theta)
    for _ in range(MOST_CLIMBS):
        step = np.zeros(len(theta))
        step[free] = np.linalg.solve(H[np.ix_(free, free)], score[free])
        size = math.sqrt(max(0.0, float(step @ H @ step)))
        share = 1.0
        for _ in range(MOST_HALVINGS):
            trial = curve.at(theta + share * step)
            if trial[0] >= value - 1e-12 * abs(value):
                break
            share *= 0.5
        theta, (value, score, H) = theta + share * step, trial
        if size <= STOPPED:
            break
    return theta, value, score, H


def maximum(curve: Curve) -> Maximum:
    """Find the maximum, climbing from 0."""
    theta, value, _, H = climb(curve, np.zeros(curve.X1.shape[1]))
    covariance = np.linalg.inv(H)
    return Maximum(theta, value, np.sqrt(np.diag(covariance)), covariance)


def profile_end(curve: Curve, top: Maximum, place: int, side: float, drop: float) -> float:
    """Find where l, at its best over the rest, is `drop` below the top: theta[place] there."""
    way = top.covariance[:, place] / top.covariance[place, place]
    move = side * math.sqrt(2.0 * drop) * float(top.errors[place])
    theta = top.theta
    for _ in range(MOST_MOVES):
        theta, value, score, H = climb(curve, theta + move * way, place)
        move = (top.value - drop - value) / float(score[place])
        if abs(move) <= 1e-8 * float(top.errors[place]):
            break
        move = float(np.clip(move, -top.errors[place], top.errors[place]))
        way = np.linalg.inv(H)[:, place]
        way = way / way[place]
    return float(theta[place] + move)


def likelihood_ratio(curve: Curve, top: Maximum, place: int) -> float:
    """Compute 2 (l* - l), where l is at its best with theta[place] = 0."""
    theta = top.theta - top.covariance[:, place] * (top.theta[place] / top.covariance[place, place])
    theta[place] = 0.0
    return 2.0 * (top.value - climb(curve, theta, place)[1])
