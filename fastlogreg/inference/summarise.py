"""From a fitted model and the data of its fit to its summary, for two classes.

One read of X gives l, the score g and the information I. With nu^2 = g' H^-1 g and
r = nu max sqrt(x1' H^-1 x1) < 1 there is an optimum, and no coefficient is farther from it than
nu (-log(1 - r) / r) of its standard errors: `Likelihood.distance`. Only where that proves nothing
is X read for what the data do not tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.blas import inner
from ..maths.arrays import Vector
from ..maths.certificate import bound_without_penalty
from ..maths.distributions import chi2_tail, normal_quantile, normal_tails
from . import identified
from .covariance import CONVENTIONS, Clusters, Counts, meat
from .factor import Factor, factor_of
from .fitted import Fitted, How, clusters_of, require_cost, require_memory
from .identified import Identified
from .likelihood import At, Likelihood, parts
from .summary import Summary

PENALISED = (
    "the fit has a penalty: standard errors are those of the shrunk estimates, H^-1 I H^-1 or its "
    "robust form. They say nothing of the bias, are no test of significance, and the intervals do "
    "not cover the true coefficients at their level"
)
NOT_OPTIMAL = (
    "the coefficients are about {nu:.2g} standard errors from the optimum, and nothing is proved "
    "of them: train on, with a smaller tol"
)


def summarise(fitted: Fitted, how: How) -> Summary:
    """Return the summary of a model of two classes."""
    how = how.checked()
    require_memory(len(fitted.parameters))
    clusters = clusters_of(how.groups, fitted.design.m, fitted.weight)
    likelihood = likelihood_of(fitted)
    theta = likelihood.inward(np.append(fitted.w[:, 0], fitted.b[0]))
    at = likelihood.at(theta)
    if not math.isfinite(at.value):
        fitted.design.require_finite(fitted.names)
    require_cost(fitted, -at.value / fitted.total)
    penalised = bool(fitted.penalty.size and fitted.penalty.any())
    D = np.zeros(likelihood.size)
    if penalised:
        D[:-1] = fitted.penalty / likelihood.unit**2
    factor = factor_of(at.information + np.diag(D))
    proof = _certificate(likelihood, at, factor, at.score - D * theta)
    lost = Identified(np.zeros(likelihood.size, np.bool_))
    if proof.error == np.inf and not penalised:
        lost = _not_identified(likelihood, at, (*fitted.names, "intercept"))
    H_inverse = factor.inverse
    used = likelihood.size - (not fitted.intercept)
    k = used - lost.directions
    covariance = _covariance(likelihood, at, factor, how, clusters, k)
    if how.covariance == "hessian" and penalised:
        covariance = H_inverse @ at.information @ H_inverse
    T = likelihood.outward_matrix()
    order = np.append(used - 1, np.arange(used - 1)) if fitted.intercept else np.arange(used)
    df = float(np.trace(H_inverse @ at.information)) - (not fitted.intercept)
    estimates = Estimates(
        np.append(fitted.w[:, 0], fitted.b[0])[order],
        (T @ covariance @ T.T)[np.ix_(order, order)],
        np.sqrt(np.diag(T @ H_inverse @ T.T))[order],
        lost.lost[order],
        proof,
    )
    fit = Fit(
        at.value,
        likelihood.null(),
        likelihood.saturated(),
        df if penalised else float(k),
        k - fitted.intercept,
        tjur(fitted, at.z),
    )
    notes = [lost.note] if lost.note else []
    of = made(fitted, how, estimates, fit, notes)
    found: Summary = of(fitted.parameters, f"P({fitted.labels[1]})", likelihood.passes)
    return found if how.interval == "wald" else with_profile(found, likelihood, theta, how, order)


def likelihood_of(fitted: Fitted) -> Likelihood:
    """Return the likelihood of a model of two classes on the data of its fit."""
    return Likelihood(
        fitted.design,
        fitted.y,
        fitted.weight,
        fitted.offset,
        fitted.intercept,
        fitted.n_threads,
        fitted.backend,
    )


def with_profile(
    summary: Summary, likelihood: Likelihood, theta: Vector, how: How, order: NDArray[np.intp]
) -> Summary:
    """Return the summary with profile-likelihood intervals and p-values of likelihood ratios."""
    if summary.penalised:
        raise ValueError(
            'interval must be "wald" after a fit with a penalty: it has no likelihood whose '
            "profile gives intervals. Fit with C=infinity (lambda_=0)"
        )
    from .profile import profile_intervals

    profile = profile_intervals(likelihood, likelihood.maximum(theta), how.level)
    lost = np.isnan(summary.coefficients)
    return replace(
        summary,
        lower=profile.lower[order],
        upper=profile.upper[order],
        p_values=np.where(lost, np.nan, profile.p_values[order]),
        notes=(*summary.notes, "p-values are those of likelihood-ratio tests"),
        passes=likelihood.passes,
    )


class Proof(NamedTuple):
    """Hold nu, and how far the optimum can be in standard errors of the information."""

    nu: float
    error: float


class Estimates(NamedTuple):
    """Hold coefficients (P,), covariance (P, P), standard errors by H^-1 (P,), what is not
    identified (P,), and the certificate."""

    coefficients: Vector
    covariance: Vector
    errors: Vector
    lost: NDArray[np.bool_]
    proof: Proof


class Fit(NamedTuple):
    """Hold log-likelihoods of the model, of the intercept alone and of one that says each y; df;
    coefficients that are tested; Tjur's R2."""

    value: float
    null: float
    saturated: float
    df: float
    tested: int
    tjur: float


def _certificate(likelihood: Likelihood, at: At, factor: Factor, score: Vector) -> Proof:
    """Return how far the optimum can be: no read of X, or one."""
    nu, r = likelihood.distance(at, factor, score)
    bound = bound_without_penalty(nu, r)
    return Proof(nu, bound / nu if nu > 0.0 else (0.0 if r < 1.0 else np.inf))


def _not_identified(likelihood: Likelihood, at: At, names: Sequence[str]) -> Identified:
    """Look for what the data do not tell: two reads of X."""
    everywhere = np.ones(likelihood.size, np.bool_)
    counted = likelihood.weight > 0.0
    own = np.where(likelihood.hard == 1, 1.0, -1.0)
    if not likelihood.soft.size and identified.separated((own * at.z)[counted]):
        return Identified(everywhere, 0, identified.SEPARABLE)
    largest = likelihood.products(0.25 * likelihood.weight)

    def changes(v: Vector) -> Vector:
        move = likelihood.objective.scores_at(v)
        change = own * move
        if likelihood.soft.size:  # a y between 0 and 1 has no side
            change = np.where(likelihood.soft != 0.0, -np.abs(move), change)
        return change[counted]

    theta = at.theta
    found = identified.vanished(largest, at.information, theta)
    return identified.find(found, likelihood.outward_matrix(), names, changes)


def _covariance(
    likelihood: Likelihood, at: At, factor: Factor, how: How, clusters: Clusters, k: int
) -> Vector:
    """Return the covariance of the rescaled features."""
    inverse, convention = factor.inverse, CONVENTIONS[how.covariance]
    if not convention.robust:
        return inverse
    counts = counted(likelihood.weight, k, clusters)
    middle = meat(likelihood, at, how.covariance, factor.R, clusters)
    return np.asarray(convention.factor(counts) * (inverse @ middle @ inverse))


def counted(weight: Vector, k: int, clusters: Clusters) -> Counts:
    """Return what the factors of a covariance are made of; ValueError for too few examples."""
    n = int((weight > 0.0).sum())
    if n <= k:
        raise ValueError(
            f"a robust covariance needs more examples than coefficients; got {n} and {k}"
        )
    return Counts(n, k, clusters.number)


def tjur(fitted: Fitted, z: Vector) -> float:
    """Return the mean of a over the ones less that over the zeros."""
    from ..maths.logistic import sigmoid

    ones = zeros = of_ones = of_zeros = 0.0
    for part in parts(len(z)):
        a, y = sigmoid(z[part]), np.asarray(fitted.y[part], np.float64)
        s = fitted.weight[part] if fitted.weight.size else np.ones(len(y))
        ones, zeros = ones + inner(s, y), zeros + inner(s, 1.0 - y)
        of_ones += float(np.sum(s * y * a))
        of_zeros += float(np.sum(s * (1.0 - y) * a))
    if not (ones > 0.0 and zeros > 0.0):
        return math.nan
    return of_ones / ones - of_zeros / zeros


def made(fitted: Fitted, how: How, found: Estimates, fit: Fit, notes: list[str]) -> Any:
    """Return what makes the summary of (names, target) and further fields."""
    penalised = bool(fitted.penalty.size and fitted.penalty.any())
    lost, total = found.lost, fitted.total
    coefficients = np.where(lost, np.nan, found.coefficients)
    covariance = np.where(lost[:, None] | lost[None, :], np.nan, found.covariance)
    errors = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = coefficients / errors
        certified = found.proof.error * found.errors / errors
    reach = normal_quantile(0.5 + 0.5 * how.level) * errors
    if penalised:
        notes.append(PENALISED)
        z = np.full(z.shape, np.nan)
    if found.proof.error == np.inf and not lost.any():
        notes.append(NOT_OPTIMAL.format(nu=found.proof.nu))
    if fitted.weight.size:
        notes.append(
            "a weight of k counts an example k times"
            + ("; robust covariances square the weights" if how.covariance != "hessian" else "")
        )
    deviance, null = 2.0 * (fit.saturated - fit.value), 2.0 * (fit.saturated - fit.null)
    statistic = max(0.0, 2.0 * (fit.value - fit.null))
    tests = not penalised and fit.tested > 0
    largest = -math.expm1(2.0 * fit.null / total)

    def of(names: tuple[str, ...], target: str, passes: int) -> Summary:
        return Summary(
            names=names,
            coefficients=coefficients,
            standard_errors=errors,
            z=z,
            p_values=normal_tails(z),
            lower=coefficients - reach,
            upper=coefficients + reach,
            level=how.level,
            interval=how.interval,
            covariance=covariance,
            covariance_kind=how.covariance,
            convention="H^-1 I H^-1 of the penalised fit"
            if penalised and how.covariance == "hessian"
            else CONVENTIONS[how.covariance].words,
            log_likelihood=fit.value,
            null_log_likelihood=fit.null,
            deviance=deviance,
            null_deviance=null,
            aic=2.0 * (fit.df - fit.value),
            bic=fit.df * math.log(total) - 2.0 * fit.value,
            degrees_of_freedom=fit.df,
            mcfadden=1.0 - fit.value / fit.null if fit.null else math.nan,
            nagelkerke=-math.expm1(-2.0 * (fit.value - fit.null) / total) / largest
            if largest
            else math.nan,
            tjur=fit.tjur,
            statistic=statistic if tests else math.nan,
            statistic_df=fit.tested if tests else 0,
            p_value=chi2_tail(statistic, fit.tested) if tests else math.nan,
            examples=fitted.examples,
            total=total,
            certified_errors=np.where(lost, np.nan, certified),
            penalised=penalised,
            notes=tuple(notes),
            target=target,
            passes=passes,
            digest=fitted.digest(),
        )

    return of
