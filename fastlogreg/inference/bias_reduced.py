"""Errors, intervals and tests of bias-reduced estimates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..checks.arguments import check_choice
from ..checks.bias_reduction import KINDS
from ..maths.arrays import Vector
from ..maths.distributions import normal_quantile, normal_tail
from .constrained import Top
from .factor import factor_of
from .firth import FirthCurve, climb_firth, covariance, flac, root_of
from .likelihood import Likelihood
from .profile import intervals

CONVENTIONS = ("brglm2", "logistf")
POLISHED = 1e-10  # of the sum of the weights: what U* is brought to before intervals


class BiasReducedInference(NamedTuple):
    """Hold what is known of bias-reduced theta = [w, b], in the units of X as it was given.

    covariance (p, p); lower, upper, p_values (p,). A b that is not in the model has NaN.
    log_likelihood: l, penalised_log_likelihood: l*, both at theta.
    """

    covariance: Vector
    lower: Vector
    upper: Vector
    p_values: Vector
    log_likelihood: float
    penalised_log_likelihood: float


def bias_reduced_inference(
    likelihood: Likelihood,
    theta: Vector,
    kind: str = "firth",
    level: float = 0.95,
    convention: str = "brglm2",
    interval: str = "wald",
) -> BiasReducedInference:
    """Return errors, intervals and tests of theta (p,), which is that of X as it was given.

    interval "profile": where l*, at its best over the rest, has fallen, and tests by the ratio of
    penalised likelihoods; of kind "firth" alone. convention: "brglm2" has I^-1 as the covariance,
    "logistf" (X1 (s + h) a (1 - a) X1')^-1. FLAC has that of its own data.
    """
    check_choice("kind", kind, KINDS)
    check_choice("convention", convention, CONVENTIONS)
    check_choice("interval", interval, ("wald", "profile"))
    if interval == "profile" and kind != "firth":
        raise ValueError(
            f'interval must be "wald" for bias_reduction={kind!r}: its estimate is no maximum of '
            'a likelihood. Take "wald", or bias_reduction="firth"'
        )
    T, own = likelihood.outward_matrix(), likelihood.inward(theta)
    if kind == "flac":
        firth = climb_firth(likelihood, POLISHED * likelihood.total, 200)
        inner_covariance = flac(likelihood, firth.theta)[1]
    else:
        if kind == "median" and convention != "brglm2":
            raise ValueError(
                'covariance must be "hessian" with bias_reduction="median": logistf has no such '
                f"estimate; got {convention!r}"
            )
        inner_covariance = covariance(likelihood, own, convention)
    found = T @ inner_covariance @ T.T
    at = likelihood.at(own)
    penalised = at.value + root_of(at.information)[1] + half_log_of_units(likelihood)
    if interval == "profile":
        lower, upper, p_values = firth_profile(likelihood, own, level)
    else:
        lower, upper, p_values = wald(theta, np.sqrt(np.diag(found)), level)
    if not likelihood.intercept:
        found[-1], found[:, -1] = np.nan, np.nan
        lower[-1] = upper[-1] = p_values[-1] = np.nan
    return BiasReducedInference(found, lower, upper, p_values, at.value, penalised)


def half_log_of_units(likelihood: Likelihood) -> float:
    """Return 1/2 log|I| of X as it was given, less that of the rescaled features."""
    return float(np.sum(np.log(likelihood.unit)))


def wald(theta: Vector, error: Vector, level: float) -> tuple[Vector, Vector, Vector]:
    """Return theta -+ z error, and the normal tails of theta / error."""
    half = normal_quantile(0.5 + 0.5 * level) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        z = theta / error
    return theta - half, theta + half, np.array([normal_tail(float(value)) for value in z])


def firth_profile(
    likelihood: Likelihood, theta: Vector, level: float
) -> tuple[Vector, Vector, Vector]:
    """Return the ends (p,) and the p-values (p,) by l*; theta is of the rescaled features."""
    polished = climb_firth(likelihood, POLISHED * likelihood.total, 200, theta)
    curve = FirthCurve(likelihood)
    inverse = factor_of(polished.information).inverse
    top = Top(polished.theta, polished.value, inverse, True)
    found = intervals(curve, top, likelihood.outward_matrix(), likelihood.free, level)
    return found.lower, found.upper, found.p_values
