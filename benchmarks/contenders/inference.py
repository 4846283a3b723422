"""Whole inferences by every package that has them: a fit with standard errors, Firth's fit, and
profile intervals with tests.

What is asked of each is what its users call: with the table where the package prints one. What a
package likes to have (the column of ones) was made beforehand. R stands in `r`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

import fastlogreg as flr

from .base import powers

Kind = Literal["summary", "profile", "firth", "firth summary", "firth profile"]
NOTHING = np.empty(0)


class Inference(NamedTuple):
    """Holds theta = [b, w] (p,); standard errors, ends of intervals and p-values (p,), or none."""

    theta: Any
    errors: Any = NOTHING
    lower: Any = NOTHING
    upper: Any = NOTHING
    p_values: Any = NOTHING


class InferenceContender(NamedTuple):
    """Holds a whole inference, fit(tol); `tols` go from loose to tight."""

    fit: Callable[[Any], Inference]
    tols: Sequence[float]


def contenders(kind: Kind, X: Any, y: Any) -> tuple[dict[str, InferenceContender], list[str]]:
    """Prepare the contenders of a case; and name those that are not installed here."""
    found = {"fastlogreg": InferenceContender(_ours(kind, X, y), powers(3, 12))}
    missing = []
    for name, (library, make) in PEERS[kind].items():
        if importlib.util.find_spec(library) is None:
            missing.append(name)
        else:
            found[name] = make(kind, X, y)
    return found, missing


def _ours(kind: Kind, X: Any, y: Any) -> Callable[[Any], Inference]:
    reduction = "firth" if kind.startswith("firth") else None
    interval = "profile" if kind.endswith("profile") else "wald"
    covariance = "hessian" if reduction is None else "logistf"  # as firthmodels and R have it

    def fit(tol: Any) -> Inference:
        model = flr.LogisticRegression(C=np.inf, tol=tol, bias_reduction=reduction).fit(X, y)
        if kind == "firth":
            return Inference(np.append(model.intercept_, model.coef_))
        s = model.summary(interval=interval, covariance=covariance)
        if interval == "wald":
            return Inference(s.coefficients, s.standard_errors)
        return Inference(s.coefficients, s.standard_errors, s.lower, s.upper, s.p_values)

    return fit


def _statsmodels_logit(kind: Kind, X: Any, y: Any) -> InferenceContender:
    import statsmodels.api as sm

    with_ones = sm.add_constant(X)

    def fit(tol: Any) -> Inference:
        result = sm.Logit(y, with_ones).fit(tol=tol, maxiter=100, disp=False)
        result.summary()
        return Inference(result.params, result.bse)

    return InferenceContender(fit, powers(1, 12))


def _statsmodels_glm(kind: Kind, X: Any, y: Any) -> InferenceContender:
    import statsmodels.api as sm

    with_ones = sm.add_constant(X)

    def fit(tol: Any) -> Inference:
        result = sm.GLM(y, with_ones, family=sm.families.Binomial()).fit(tol=tol)
        result.summary()
        return Inference(result.params, result.bse)

    return InferenceContender(fit, powers(1, 12))


def _glum(kind: Kind, X: Any, y: Any) -> InferenceContender:
    from glum import GeneralizedLinearRegressor as Make

    targets, (m, n_x) = y.astype(np.float64), X.shape
    without_its_factor = np.sqrt(1.0 - (n_x + 1) / m)  # of its variances: n / (n - p)

    def fit(tol: Any) -> Inference:
        model = Make(family="binomial", alpha=0.0, gradient_tol=tol, max_iter=300)
        model.fit(X, targets)
        # robust errors are its default; the dispersion of labels is 1, and need not be estimated
        table = model.coef_table(X, targets, robust=False, dispersion=1.0)
        return Inference(table["coef"].to_numpy(), table["se"].to_numpy() * without_its_factor)

    return InferenceContender(fit, powers(1, 12))


def _firthmodels(kind: Kind, X: Any, y: Any) -> InferenceContender:
    from firthmodels import FirthLogisticRegression as Make

    weight = 0.5 if kind.startswith("firth") else 0.0  # 0: the plain likelihood

    def fit(tol: Any) -> Inference:
        model = Make(gtol=tol, xtol=tol, max_iter=200, penalty_weight=weight).fit(X, y)
        theta, errors = np.append(model.intercept_, model.coef_), np.roll(model.bse_, 1)
        if not kind.endswith("profile"):
            return Inference(theta, errors)
        ends = np.roll(model.lrt().conf_int(method="pl", tol=tol, max_iter=200), 1, axis=0)
        return Inference(theta, errors, ends[:, 0], ends[:, 1], np.roll(model.lrt_pvalues_, 1))

    return InferenceContender(fit, powers(1, 12))


def _firthmodels_on_one_thread(kind: Kind, X: Any, y: Any) -> InferenceContender:
    """Its BLAS calls are small, and BLAS's threads wait for each other more than they work."""
    from threadpoolctl import ThreadpoolController

    fit, tols = _firthmodels(kind, X, y)
    pools = ThreadpoolController()

    def limited(tol: Any) -> Inference:
        with pools.limit(limits=1, user_api="blas"):
            return fit(tol)

    return InferenceContender(limited, tols)


Make = Callable[[Kind, Any, Any], InferenceContender]
_FIRTH: dict[str, tuple[str, Make]] = {
    "firthmodels": ("firthmodels", _firthmodels),
    "firthmodels, BLAS on one thread": ("firthmodels", _firthmodels_on_one_thread),
}
PEERS: dict[Kind, dict[str, tuple[str, Make]]] = {
    "summary": {
        "statsmodels Logit": ("statsmodels", _statsmodels_logit),
        "statsmodels GLM": ("statsmodels", _statsmodels_glm),
        "glum": ("glum", _glum),
    },
    "profile": _FIRTH,
    "firth": _FIRTH,
    "firth summary": _FIRTH,
    "firth profile": _FIRTH,
}
