"""From a fitted model of several classes and the data of its fit to its summary.

    eta_k = theta_k - theta_r       the contrasts of the K - 1 classes with the reference r
    I_kl  = sum s a_k ([k == l] - a_l) x1 x1'        their information: r's rows and columns are out
    P     = D / 2 (sum |eta_k|^2 - |sum eta_k|^2 / K)       a penalty, what is common being at 0

One read of X gives l, the score g and the information. With nu^2 = g' H^-1 g there is an optimum
where r = nu max sqrt(v' H^-1 v) < 1, v = (e_k - e_l) (x) x1 over examples and pairs of classes:
`maths.certificate`. It is at most nu (-log(1 - r) / r) standard errors away.

A u of two classes k and l that differs by d has a variance of at least a_k a_l / (a_k + a_l) d^2
under a. So s times that, for the two least a of an example, times v' H^-1 v is at most 1: this
costs no read. Only where it proves nothing is X read for v' H^-1 v.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends import class_hessians
from ..maths.arrays import NONE, Vector
from ..maths.certificate import bound_without_penalty
from ..maths.distributions import chi2_tail, normal_quantile, normal_tails
from ..maths.softmax import softmax
from ..objective import separation
from ..objective.softmax import SoftmaxObjective
from . import identified
from .class_summary import ClassSummary
from .covariance import CONVENTIONS
from .factor import Factor, factor_of
from .fitted import Fitted, How, require_cost, require_memory
from .identified import Identified
from .likelihood import Likelihood
from .summarise import NOT_OPTIMAL, PENALISED, Proof


def reference_of(reference: Any, labels: tuple[Any, ...]) -> int:
    """Return the place of the reference among the labels, 0 for None; ValueError if it is none."""
    if reference is None:
        return 0
    places = [] if np.ndim(reference) else [k for k, each in enumerate(labels) if each == reference]
    if not places:
        dots = ", ..." if len(labels) > 10 else ""
        raise ValueError(
            f"reference must be one of the classes of the fit, {', '.join(map(repr, labels[:10]))}"
            f"{dots}; got {reference!r}"
        )
    return places[0]


def check_classes_how(how: How, classes: int) -> How:
    """Return it; ValueError for what there is for two classes alone, before any work."""
    how = how.checked()
    if how.covariance != "hessian":
        raise ValueError(
            f'covariance must be "hessian" for a model of {classes} classes; got '
            f"{how.covariance!r}. Robust covariances are for two classes: fit one against another"
        )
    if how.interval != "wald":
        raise ValueError(
            f'interval must be "wald" for a model of {classes} classes; got {how.interval!r}. '
            "Profile intervals are for two classes: fit one against another"
        )
    return how


class ClassPoint(NamedTuple):
    """Hold l, score (p,) and information (p, p) of the contrasts, and z (K, m)."""

    value: float
    score: Vector
    information: Vector
    z: Vector


class Contrasts:
    """Compute l on rescaled features, by the contrasts of the classes with one of them."""

    def __init__(self, fitted: Fitted, reference: int) -> None:
        K = fitted.w.shape[1]
        none = np.zeros(fitted.design.m, np.uint8)  # the rescaling looks at no label
        self.base = Likelihood(
            fitted.design, none, fitted.weight, NONE, fitted.intercept, fitted.n_threads
        )
        self.objective = SoftmaxObjective(
            self.base.design,
            np.asarray(fitted.y, np.int32),
            K,
            n_threads=fitted.n_threads,
            weight=fitted.weight,
            intercept=fitted.intercept,
        )
        self.kept = np.delete(np.arange(K), reference)
        self.intercept = fitted.intercept

    @property
    def width(self) -> int:
        """Return the parameters of a class."""
        return self.objective.n_x + 1

    @property
    def size(self) -> int:
        """Return p, the parameters of all contrasts."""
        return self.kept.size * self.width

    @property
    def passes(self) -> int:
        """Return the reads of X so far."""
        return self.base.passes + self.objective.passes

    def inward(self, w: Vector, b: Vector) -> Vector:
        """Return theta (K, n_x + 1) for the rescaled features, of w (n_x, K) and b (K,)."""
        return np.array([self.base.inward(np.append(*each)) for each in zip(w.T, b)])

    def outward_matrix(self) -> Vector:
        """Return T (p, p): contrasts for X as given are T times those of the rescaled features."""
        return np.asarray(np.kron(np.eye(self.kept.size), self.base.outward_matrix()), np.float64)

    def at(self, theta: Vector) -> ClassPoint:
        """Return l and its derivatives at theta (K, n_x + 1): one read of a dense X, else two."""
        objective, K = self.objective, self.objective.classes
        backend, design, weight = objective.backend, objective.design, objective.weight
        W, b = objective.split(theta.reshape(-1))
        z = objective.room()
        objective.begin_pass()
        if objective.hessian_in_one_read:
            sums, H = class_hessians.with_sums(backend, design, objective.labels, (W, b), weight, z)
        else:
            sums = backend.class_sums(design, objective.labels, W, b, weight=weight, zs=z)
            objective.begin_pass()
            H = backend.class_hessian(design, z, weight=weight)
        blocks = H.reshape(K, self.width, K, self.width)[self.kept][:, :, self.kept]
        if not self.intercept:
            blocks[:, -1], blocks[:, :, :, -1] = 0.0, 0.0
            blocks[:, -1, :, -1] = np.eye(self.kept.size)
        score = -objective.joined(sums.dw, sums.db * self.intercept).reshape(K, -1)[self.kept]
        return ClassPoint(-sums.loss, score.reshape(-1), blocks.reshape(self.size, self.size), z)

    def penalty(self, D: Vector) -> Vector:
        """Return the curvature (p, p) of the penalty: D (n_x,) for the rescaled features."""
        K = self.objective.classes
        return np.asarray(np.kron(np.eye(K - 1) - 1.0 / K, np.diag(np.append(D, 0.0))), np.float64)

    def null(self) -> float:
        """Return l with the intercepts alone, or with z = 0: no read."""
        total, shares = self.objective.total, self.objective.class_shares()
        if not self.intercept:
            return -total * math.log(len(shares))
        some = shares[shares > 0.0]
        return total * float(np.sum(some * np.log(some)))

    def certificate(self, z: Vector, factor: Factor, score: Vector) -> Proof:
        """Return how far the optimum can be: no read of X, or one."""
        nu = float(np.linalg.norm(factor.R @ score))
        if factor.flat.any():
            return Proof(nu, np.inf)
        objective = self.objective
        counted = objective.weight_of_each > 0.0
        low, high = np.partition(softmax(z), 1, axis=0)[:2, counted]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            least = float((objective.weight_of_each[counted] * low / (low / high + 1.0)).min())
            r = nu / math.sqrt(least) if least > 0.0 else np.inf
        if not r < 0.5:
            K, p = objective.classes, self.size
            root = np.zeros((p, K, self.width))
            root[:, self.kept] = factor.R.reshape(p, self.kept.size, self.width)
            t = objective.largest_leverage(root.reshape(p, -1))
            r = nu * math.sqrt(t)
        bound = bound_without_penalty(nu, r)
        return Proof(nu, bound / nu if nu > 0.0 else 0.0)

    def not_identified(self, at: ClassPoint, eta: Vector, names: list[str]) -> Identified:
        """Look for what the data do not tell: two reads of X. names: of all p contrasts."""
        objective, K = self.objective, self.objective.classes
        margins = separation.class_margins(at.z, objective.labels, objective.weight)
        if identified.separated(margins):
            return Identified(np.ones(self.size, np.bool_), 0, identified.SEPARABLE)
        G = self.base.products(objective.weight_of_each)
        # Boehning's, r being left out.
        largest = np.kron(0.5 * (np.eye(K - 1) - 1.0 / K), G)
        found = identified.vanished(np.asarray(largest, np.float64), at.information, eta)

        def changes(v: Vector) -> Vector:
            move = np.zeros((K, self.width))
            move[self.kept] = v.reshape(K - 1, self.width)
            change = objective.margin_changes(at.z, move.reshape(-1))
            return np.array([change.smallest, change.largest])

        return identified.find(found, self.outward_matrix(), names, changes)


def summarise_classes(fitted: Fitted, how: How, reference: Any) -> ClassSummary:
    """Return the summary of a model of several classes."""
    K = fitted.w.shape[1]
    how = check_classes_how(how, K)
    place = reference_of(reference, fitted.labels)
    require_memory(K * (fitted.design.n_x + 1))
    contrasts = Contrasts(fitted, place)
    kept, width = contrasts.kept, contrasts.width
    theta = contrasts.inward(fitted.w, fitted.b)
    at = contrasts.at(theta)
    if not math.isfinite(at.value):
        fitted.design.require_finite(fitted.names)
    require_cost(fitted, -at.value / fitted.total)
    eta = (theta[kept] - theta[place]).reshape(-1)
    penalised = bool(fitted.penalty.size and fitted.penalty.any())
    H, score = at.information, at.score
    if penalised:
        curvature = contrasts.penalty(fitted.penalty / contrasts.base.unit**2)
        H, score = H + curvature, score - curvature @ eta
    factor = factor_of(H)
    proof = contrasts.certificate(at.z, factor, score)
    classes = tuple(fitted.labels[k] for k in kept)
    lost = Identified(np.zeros(contrasts.size, np.bool_))
    if proof.error == np.inf and not penalised:
        names = [f"{label}: {name}" for label in classes for name in (*fitted.names, "intercept")]
        lost = contrasts.not_identified(at, eta, names)
    T, covariance = contrasts.outward_matrix(), factor.inverse
    errors = np.sqrt(np.diag(T @ covariance @ T.T))
    df = float(contrasts.size - (K - 1) * (not fitted.intercept) - lost.directions)
    tested = round(df) - (K - 1) * fitted.intercept
    if penalised:
        covariance = factor.inverse @ at.information @ factor.inverse
        df = float(np.trace(factor.inverse @ at.information))
        df -= (K - 1) * (not fitted.intercept)
        tested = 0
    order = _order(K - 1, width, fitted.intercept)
    given = np.append(fitted.w, fitted.b[None, :], axis=0).T
    notes = [lost.note] if lost.note else []
    if proof.error == np.inf and not lost.lost.any():
        notes.append(NOT_OPTIMAL.format(nu=proof.nu))
    if penalised:
        notes.append(PENALISED)
    if fitted.weight.size:
        notes.append("a weight of k counts an example k times")
    estimates = ClassEstimates(
        (given[kept] - given[place]).reshape(-1)[order],
        (T @ covariance @ T.T)[np.ix_(order, order)],
        errors[order],
        lost.lost[order],
        proof,
        penalised,
    )
    null = contrasts.null()
    statistic = max(0.0, 2.0 * (at.value - null))
    return ClassSummary(
        names=fitted.parameters,
        classes=classes,
        reference=fitted.labels[place],
        **_tables(estimates, how.level, (K - 1, len(fitted.parameters))),
        level=how.level,
        convention="H^-1 I H^-1 of the penalised fit"
        if penalised
        else CONVENTIONS["hessian"].words,
        log_likelihood=at.value,
        null_log_likelihood=null,
        aic=2.0 * (df - at.value),
        bic=df * math.log(fitted.total) - 2.0 * at.value,
        degrees_of_freedom=df,
        mcfadden=1.0 - at.value / null if null else math.nan,
        statistic=statistic if tested > 0 else math.nan,
        statistic_df=max(0, tested),
        p_value=chi2_tail(statistic, tested) if tested > 0 else math.nan,
        examples=fitted.examples,
        total=fitted.total,
        penalised=penalised,
        notes=tuple(notes),
        passes=contrasts.passes,
        digest=fitted.digest(),
    )


class ClassEstimates(NamedTuple):
    """Hold contrasts (q,), covariance (q, q), standard errors by H^-1 (q,), what is not identified
    (q,), the certificate, and whether there is a penalty."""

    contrasts: Vector
    covariance: Vector
    errors: Vector
    lost: NDArray[np.bool_]
    proof: Proof
    penalised: bool


def _order(contrasts: int, width: int, intercept: bool) -> NDArray[np.intp]:
    """Return the places of theta in the order of the summary: each intercept first."""
    of_class = np.append(width - 1, np.arange(width - 1)) if intercept else np.arange(width - 1)
    return (np.arange(contrasts)[:, None] * width + of_class).reshape(-1)


def _tables(found: ClassEstimates, level: float, shape: tuple[int, int]) -> dict[str, Any]:
    """Return the fields of a summary that have an entry for each class and parameter."""
    lost = found.lost
    coefficients = np.where(lost, np.nan, found.contrasts)
    covariance = np.where(lost[:, None] | lost[None, :], np.nan, found.covariance)
    errors = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = coefficients / errors
        certified = found.proof.error * found.errors / errors
    if found.penalised:
        z = np.full(z.shape, np.nan)
    reach = normal_quantile(0.5 + 0.5 * level) * errors
    columns = {
        "coefficients": coefficients,
        "standard_errors": errors,
        "z": z,
        "p_values": normal_tails(z),
        "lower": coefficients - reach,
        "upper": coefficients + reach,
        "certified_errors": np.where(lost, np.nan, certified),
    }
    tables: dict[str, Any] = {name: column.reshape(shape) for name, column in columns.items()}
    return {**tables, "covariance": covariance}
