"""From a fitted model and the data of its fit to its summary, for two classes.

One read of X gives l, the score g and the information I. With nu^2 = g' H^-1 g and
r = nu max sqrt(x1' H^-1 x1) < 1 there is an optimum, and no coefficient is farther from it than
nu (-log(1 - r) / r) of its standard errors. An example's leverage s w x1' H^-1 x1 is at most 1, so
x1' H^-1 x1 is at most 1 / (s w), which costs no read. Only where that proves nothing is X read for
the leverages, and only where these prove nothing either, for what the data do not tell.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_choice, check_number
from ..checks.missing import first_missing
from ..data.design import Design
from ..machine.memory import available_memory
from ..maths.arrays import NONE, Vector
from ..maths.certificate import bound_without_penalty
from ..maths.distributions import chi2_tail, normal_quantile, normal_tails
from . import identified
from .covariance import CONVENTIONS, Clusters, Counts, meat
from .factor import Factor, factor_of
from .identified import Identified
from .likelihood import At, Likelihood
from .summary import Summary

INTERVALS = ("wald", "profile")
COST_LOST, LEAST_COST = 1e-6, 1e-12  # of J: more is no rounding
MATRICES = 6  # of (p, p) that are in memory at once
PENALISED = (
    "the fit has a penalty: standard errors are those of the shrunk estimates, H^-1 I H^-1 or its "
    "robust form. They say nothing of the bias, are no test of significance, and the intervals do "
    "not cover the true coefficients at their level"
)
NOT_OPTIMAL = (
    "the coefficients are about {nu:.2g} standard errors from the optimum, and nothing is proved "
    "of them: train on, with a smaller tol"
)


class Fitted(NamedTuple):
    """Hold a fitted model and the data of its fit.

    y: (m,) in [0, 1], or classes int32. w (n_x, K) and b (K,), K being 1 for two classes. penalty
    (n_x,): D, the curvature of the penalty of the sum of the losses. cost: J of the fit, to be
    found again. labels: of the classes.
    """

    design: Design
    y: NDArray[Any]
    w: Vector
    b: Vector
    names: tuple[str, ...]
    weight: Vector = NONE
    offset: Vector = NONE
    penalty: Vector = NONE
    intercept: bool = True
    cost: float | None = None
    labels: tuple[Any, ...] = (0, 1)
    n_threads: int | None = None

    @property
    def total(self) -> float:
        """Return the sum of the weights."""
        return float(self.weight.sum()) if self.weight.size else float(self.design.m)

    @property
    def examples(self) -> int:
        """Return how many examples have a positive weight."""
        return int((self.weight > 0.0).sum()) if self.weight.size else self.design.m

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters of a class, the intercept first."""
        return ("intercept", *self.names) if self.intercept else self.names

    def digest(self) -> str:
        """Return what tells these examples from others, X apart."""
        found = hashlib.sha256()
        for array in (self.y, self.weight, self.offset):
            values = np.ascontiguousarray(array, np.float64)
            found.update(f"{values.size} ".encode() + values.data)
        return found.hexdigest()


class How(NamedTuple):
    """Hold what is asked for: covariance, groups (m,) or none, interval, level, reference."""

    covariance: str = "hessian"
    groups: Any = None
    interval: str = "wald"
    level: float = 0.95
    reference: Any = None

    def checked(self) -> How:
        """Return it; ValueError or TypeError where it is wrong, before any work."""
        check_choice("covariance", self.covariance, tuple(CONVENTIONS))
        check_choice("interval", self.interval, INTERVALS)
        level = check_number("level", self.level)
        if not 0.0 < level < 1.0:
            raise ValueError(
                f"level must be above 0 and below 1, as 0.95 for 95 % intervals; got {level:g}"
            )
        clustered = CONVENTIONS[self.covariance].clustered
        if clustered and self.groups is None:
            raise ValueError(
                f"groups must say which cluster each example is of, for covariance "
                f"{self.covariance!r}; got None"
            )
        if not clustered and self.groups is not None:
            raise ValueError(
                f'groups are for covariance "cluster"; got them with {self.covariance!r}. Leave '
                "them out, or change covariance"
            )
        return self._replace(level=level)


def clusters_of(groups: Any, m: int, weight: Vector) -> Clusters:
    """Return the cluster of each example; ValueError for another length, a gap, or one alone."""
    if groups is None:
        return Clusters(np.zeros(m, np.intp), 1)
    missing = first_missing(groups)
    given = np.asarray(groups)
    if given.size != m or given.ndim > 2 or (given.ndim == 2 and 1 not in given.shape):
        raise ValueError(
            f"groups must have one label for each of the {m} examples; got shape {given.shape}"
        )
    if missing is not None:
        raise ValueError(f"groups must have no missing labels; that of example {missing} is")
    given = given.reshape(-1)
    if given.dtype.kind == "O":
        given = given.astype(str)
    of_each = np.unique(given, return_inverse=True)[1].reshape(-1)
    if weight.size:  # examples of weight 0 are none
        counted = np.unique(of_each[weight > 0.0])
        of_each = np.minimum(np.searchsorted(counted, of_each), len(counted) - 1)
        count = len(counted)
    else:
        count = int(of_each.max()) + 1
    if count < 2:
        raise ValueError(
            "groups must have two clusters or more: the spread between clusters is what is "
            "measured; got one"
        )
    return Clusters(of_each.astype(np.intp), count)


def require_memory(parameters: int) -> None:
    """Refuse so many parameters that their matrices do not fit into memory."""
    needed = MATRICES * 8 * parameters**2
    if needed > available_memory():
        raise ValueError(
            f"a summary of {parameters} coefficients needs {needed / 2**30:.1f} GiB for its "
            f"matrices, and {available_memory() / 2**30:.1f} GiB are free. Choose fewer columns"
        )


def require_cost(fitted: Fitted, loss: float) -> None:
    """ValueError where the mean loss and the penalty are not what the fit ended with."""
    if fitted.cost is None:
        return
    penalty = 0.0
    if fitted.penalty.size:
        penalty = 0.5 * float((fitted.penalty[:, None] * fitted.w**2).sum()) / fitted.total
    found = loss + penalty
    if not abs(found - fitted.cost) <= COST_LOST * max(found, fitted.cost) + LEAST_COST:
        raise ValueError(
            f"X and y must be those of the fit: the cost of its coefficients is {found:.9g} on "
            f"these, and was {fitted.cost:.9g}. Give the data of the fit, with its weights, "
            "offset, lambda_, scale and shift"
        )


def summarise(fitted: Fitted, how: How) -> Summary:
    """Return the summary of a model of two classes."""
    how = how.checked()
    require_memory(len(fitted.parameters))
    clusters = clusters_of(how.groups, fitted.design.m, fitted.weight)
    likelihood = Likelihood(
        fitted.design, fitted.y, fitted.weight, fitted.offset, fitted.intercept, fitted.n_threads
    )
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
        _tjur(fitted, at.z),
    )
    notes = [lost.note] if lost.note else []
    of = made(fitted, how, estimates, fit, notes)
    found: Summary = of(fitted.parameters, f"P({fitted.labels[1]})", likelihood.passes)
    return found if how.interval == "wald" else with_profile(found, likelihood, theta, how, order)


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
    nu = float(np.linalg.norm(factor.R @ score))
    if factor.flat.any():
        return Proof(nu, np.inf)
    curvature = likelihood.weight * likelihood.curvatures(at.z)
    least = float(curvature[likelihood.weight > 0.0].min())
    with np.errstate(divide="ignore", over="ignore"):
        r = nu / np.sqrt(least)
    if not r < 0.5:
        t = max(float(t.max()) for *_, t in likelihood.leverages(at.theta, factor.R))
        r = nu * math.sqrt(t)
    bound = bound_without_penalty(nu, r)
    return Proof(nu, bound / nu if nu > 0.0 else 0.0)


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


def _tjur(fitted: Fitted, z: Vector) -> float:
    from ..maths.logistic import sigmoid

    s = fitted.weight if fitted.weight.size else np.ones(len(z))
    a, y = sigmoid(z), np.asarray(fitted.y, np.float64)
    ones, zeros = float(np.sum(s * y)), float(np.sum(s * (1.0 - y)))
    if not (ones > 0.0 and zeros > 0.0):
        return math.nan
    return float(np.sum(s * y * a)) / ones - float(np.sum(s * (1.0 - y) * a)) / zeros


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

    def of(names: tuple[str, ...], target: str, passes: int, **more: Any) -> Summary:
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
            **more,
        )

    return of
