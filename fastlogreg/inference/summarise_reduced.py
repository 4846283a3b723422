"""The summary of a bias-reduced fit: Firth's, FLIC, FLAC, and without median bias.

Its estimate is no maximum of l. So there is no likelihood-ratio test of the model by l, and what
proves the distance from the optimum of l says nothing here.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..machine.blas import one_thread
from .bias_reduced import bias_reduced_inference
from .fitted import COST_LOST, Fitted, How, require_cost, require_memory
from .summarise import Estimates, Fit, Proof, likelihood_of, made, tjur
from .summary import Summary

CONVENTIONS = {  # of the covariance, by the names that users give
    "hessian": ("brglm2", "inverse of the information at the estimate (brglm2)"),
    "logistf": ("logistf", "inverse of X1 (s + h) a (1 - a) X1' (logistf)"),
}
NOTE = (
    "bias_reduction={kind!r}: log-likelihood, deviance, AIC, BIC and pseudo R2 are those of the "
    "likelihood without its penalty, at these estimates"
)
BY_RATIO = "p-values are those of penalised likelihood-ratio tests"


def summarise_reduced(fitted: Fitted, how: How, kind: str, invariant: bool) -> Summary:
    """Return the summary of a bias-reduced model of two classes.

    invariant: whether the cost of the fit is that of X as it was given.
    """
    if how.covariance not in CONVENTIONS:
        raise ValueError(
            f"covariance must be one of {', '.join(map(repr, CONVENTIONS))} with "
            f"bias_reduction={kind!r}; got {how.covariance!r}"
        )
    convention, words = CONVENTIONS[how.covariance]
    how = how._replace(covariance="hessian").checked()
    require_memory(len(fitted.parameters))
    likelihood = likelihood_of(fitted)
    theta = np.append(fitted.w[:, 0], fitted.b[0])
    with (
        one_thread()
    ):  # of matrices (p, p): BLAS's threads wait for each other longer than they work
        found = bias_reduced_inference(likelihood, theta, kind, how.level, convention, how.interval)
    if not math.isfinite(found.log_likelihood):
        fitted.design.require_finite(fitted.names)
    if invariant and kind == "firth":
        _require_cost(fitted, -found.penalised_log_likelihood / fitted.total)
    if kind == "median":
        require_cost(fitted, -found.log_likelihood / fitted.total)
    used = len(fitted.parameters)
    order = np.append(used - 1, np.arange(used - 1)) if fitted.intercept else np.arange(used)
    covariance = found.covariance[np.ix_(order, order)]
    errors = np.sqrt(np.diag(covariance))
    estimates = Estimates(
        theta[order], covariance, errors, np.zeros(used, np.bool_), Proof(0.0, math.nan)
    )
    fit = Fit(
        found.log_likelihood,
        likelihood.null(),
        likelihood.saturated(),
        float(used),
        0,
        tjur(fitted, likelihood.scores(likelihood.inward(theta))),
    )
    notes = [NOTE.format(kind=kind)]
    if how.interval == "profile":
        notes.append(BY_RATIO)
    of = made(fitted, how, estimates, fit, notes)
    plain: Summary = of(fitted.parameters, f"P({fitted.labels[1]})", likelihood.passes)
    return replace(
        plain,
        lower=found.lower[order],
        upper=found.upper[order],
        p_values=found.p_values[order],
        convention=words,
        bias_reduction=kind,
    )


def _require_cost(fitted: Fitted, found: float) -> None:
    cost = fitted.cost
    if cost is not None and not abs(found - cost) <= COST_LOST * max(abs(found), abs(cost)):
        raise ValueError(
            f"X and y must be those of the fit: the penalised cost of its coefficients is "
            f"{found:.9g} on these, and was {cost:.9g}. Give the data of the fit, with its weights "
            "and offset"
        )
