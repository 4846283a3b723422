"""What each example does to a fit: leverages, residuals, Cook's distance, dfbetas.

    h = s a (1 - a) x1' I^-1 x1                      leverage, I = sum s a (1 - a) x1 x1' (+ ridge)
    r = sqrt(s) (y - a) / sqrt(a (1 - a))            Pearson residual
    d = sign(y - a) sqrt(2 s [l(y, y) - l(a, y)])    deviance residual
    r / sqrt(1 - h), d / sqrt(1 - h)                 standardised ones
    D = r^2 h / (p (1 - h)^2)                        Cook's distance
    dfbeta = I^-1 x1 s (y - a) / (1 - h)             theta less what it is without the example

These are the conventions of R for glm: `hatvalues`, `rstandard`, `cooks.distance`, and of
statsmodels' `GLMInfluence`: `hat_matrix_diag`, `resid_studentized` and `cooks_distance`, with a
dispersion of 1. dfbeta is R's `dfbeta`, in units of the coefficients: one step of Newton's method
without the example. Two reads of X: one for I, one for the leverages. D. Pregibon, "Logistic
regression diagnostics", 1981.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..maths.arrays import NONE, Vector
from .factor import factor_of
from .likelihood import Likelihood


class OfExamples(NamedTuple):
    """Hold (m,) of each: z, the leverage, and the root and residuals above; dfbetas (m, p)."""

    z: Vector
    leverage: Vector
    pearson: Vector
    deviance: Vector
    dfbetas: Vector


def ridge_of(given: Likelihood, curvature: Vector) -> Vector:
    """Return the second derivatives of a penalty (n_x,) for the rescaled features (p, p)."""
    T = given.outward_matrix()
    D = np.diag(np.append(curvature, 0.0))
    found: Vector = T.T @ D @ T
    return found


def examine(
    given: Likelihood, theta: Vector, curvature: Vector = NONE, dfbetas: bool = False
) -> OfExamples:
    """Return what each example does at theta (p,), for the rescaled features.

    curvature: of the penalty on the log-likelihood, for the weights as given. Raises ValueError
    where the information is singular.
    """
    information = given.at(theta).information
    if curvature.size:
        information = information + ridge_of(given, curvature)
    factor = factor_of(information)
    if factor.flat.any():
        raise ValueError(
            "the information matrix is singular: some columns depend on others, or the classes "
            "are separable. Drop columns until none depends on others, or fit with a penalty"
        )
    m, size = given.objective.m, len(given.free)
    z, h, pearson, deviance = np.empty((4, m))
    found = OfExamples(z, h, pearson, deviance, np.empty((m, size) if dfbetas else (0, size)))
    T = given.outward_matrix() @ factor.inverse
    for lo, hi, z, t in given.leverages(theta, factor.R):
        part = slice(lo, hi)
        found.z[part] = z
        found.leverage[part] = given.weights_of(part) * given.curvatures(z) * t
    found.pearson[:], found.deviance[:] = residuals(given, found.z)
    if dfbetas:
        own = given.weighted(given.residuals(found.z)) / (1.0 - found.leverage)
        for lo, hi, x in blocks_of(given):
            x1 = np.append(x, np.ones((hi - lo, 1)), axis=1)
            found.dfbetas[lo:hi] = ((x1 * own[lo:hi, None]) @ T.T)[:, given.free]
    return found


def blocks_of(given: Likelihood) -> Iterator[tuple[int, int, Vector]]:
    """Yield the rescaled examples block by block: one read of X."""
    given.objective.begin_pass()
    yield from given.design.float_blocks()


def residuals(given: Likelihood, z: Vector) -> tuple[Vector, Vector]:
    """Return Pearson and deviance residuals (m,), weighted, from z."""
    y, s, rest = given.y, given.weight, given.residuals(z)
    with np.errstate(divide="ignore", invalid="ignore"):
        pearson = np.sqrt(s) * rest / np.sqrt(given.curvatures(z))
        pearson = np.where(rest == 0.0, 0.0, pearson)
    log_a, log_rest = -np.logaddexp(0.0, -z), -np.logaddexp(0.0, z)
    most = _times_log(y) + _times_log(1.0 - y)
    lost = np.maximum(most - y * log_a - (1.0 - y) * log_rest, 0.0)
    return pearson, np.sign(rest) * np.sqrt(2.0 * s * lost)


def _times_log(y: Vector) -> Vector:
    return np.asarray(y * np.log(np.where(y > 0.0, y, 1.0)))


def without_each(given: Likelihood, found: OfExamples) -> Vector:
    """Return z of each example in a fit without it (m,), by one step of Newton's method.

    z - s (y - a) t / (1 - h): see `training.leave_one_out`, which has the source.
    """
    slopes = given.curvatures(found.z)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(slopes > 0.0, found.leverage / slopes, 0.0)  # s x1' H^-1 x1
        moved = given.residuals(found.z) * t / np.maximum(1.0 - found.leverage, 1e-12)
    return np.asarray(found.z - moved)
