"""Fits and paths with L1 by every package that has them: mean loss + alpha ||w||_1.

What each really minimises differs by b: it is free, penalised like a weight, or there is none. A
contender is held against the optimum of its own objective. X is given as each package likes it
best, made beforehand: by columns where it works by columns.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

import fastlogreg as flr

from .base import coefficients, powers

# glum keeps a Hessian of all features, whatever its working set is: n_x^2 numbers.
MOST_FEATURES_OF_GLUM = 20_000

Bias = Literal["free", "penalised", "none"]
Found = tuple[Any, Any]  # w (n_x,), b; of a path w (alphas, n_x), b (alphas,)


class L1Contender(NamedTuple):
    """Holds whole fits at one alpha, or along all alphas: fit(alphas, tol) -> w, b."""

    fit: Callable[[Any, Any], Found]
    tols: Sequence[float]
    bias: Bias = "free"


def singles(X: Any, y: Any) -> dict[str, L1Contender]:
    """Prepare fits at one alpha, by the names of the contenders that are installed."""
    m, signs = len(y), 2.0 * y - 1.0
    by_columns = _by_columns(X)
    found = {"fastlogreg": L1Contender(_ours(X, y), powers(4, 13))}

    def liblinear(alphas: Any, tol: Any) -> Found:
        from sklearn.linear_model import LogisticRegression as Make

        model = Make(
            C=1.0 / (alphas[0] * m), l1_ratio=1.0, solver="liblinear", tol=tol, max_iter=20_000
        )
        return coefficients(model.fit(X, y))

    def saga(alphas: Any, tol: Any) -> Found:
        from sklearn.linear_model import LogisticRegression as Make

        model = Make(C=1.0 / (alphas[0] * m), l1_ratio=1.0, solver="saga", tol=tol, max_iter=5_000)
        return coefficients(model.fit(X, y))

    def skglm(alphas: Any, tol: Any) -> Found:
        from skglm import SparseLogisticRegression as Make

        model = Make(alpha=alphas[0], tol=tol, max_iter=200, max_epochs=50_000)
        return coefficients(model.fit(by_columns, signs))

    def celer(alphas: Any, tol: Any) -> Found:
        from celer import LogisticRegression as Make

        model = Make(C=1.0 / (alphas[0] * m), tol=tol, max_iter=200, fit_intercept=False)
        return np.ravel(model.fit(by_columns, signs).coef_), 0.0

    def glum(alphas: Any, tol: Any) -> Found:
        from glum import GeneralizedLinearRegressor as Make

        model = Make(
            alpha=alphas[0], l1_ratio=1.0, family="binomial", gradient_tol=tol, max_iter=1000
        )
        model.fit(by_columns, y.astype(np.float64))
        return model.coef_, float(model.intercept_)

    def cyanure(alphas: Any, tol: Any) -> Found:
        from cyanure.estimators import Classifier

        model = Classifier(
            loss="logistic",
            penalty="l1",
            lambda_1=alphas[0],
            tol=tol,
            fit_intercept=True,
            max_iter=5000,
            verbose=False,
        )
        return coefficients(model.fit(X, y.astype(np.float64)))

    def snapml(alphas: Any, tol: Any) -> Found:
        from snapml import LogisticRegression as Make

        model = Make(
            penalty="l1",
            regularizer=alphas[0] * m,
            tol=tol,
            max_iter=5000,
            fit_intercept=True,
            n_jobs=2,
        )
        return coefficients(model.fit(X, y))

    peers: dict[str, tuple[str, L1Contender]] = {
        "scikit-learn liblinear": ("sklearn", L1Contender(liblinear, powers(1, 8), "penalised")),
        "scikit-learn saga": ("sklearn", L1Contender(saga, powers(2, 8))),
        "skglm": ("skglm", L1Contender(skglm, powers(2, 10))),
        "celer": ("celer", L1Contender(celer, powers(2, 10), "none")),
        "glum": ("glum", L1Contender(glum, powers(2, 10))),
        "cyanure": ("cyanure", L1Contender(cyanure, powers(2, 10))),
        "snapml": ("snapml", L1Contender(snapml, powers(2, 8), "penalised")),
        "adelie": ("adelie", L1Contender(_adelie(by_columns, y), powers(5, 14))),
    }
    return found | _of(peers, X)


def paths(X: Any, y: Any) -> dict[str, L1Contender]:
    """Prepare whole paths, by the names of the contenders that are installed."""
    m, signs, by_columns = len(y), 2.0 * y - 1.0, _by_columns(X)

    def ours(alphas: Any, tol: Any) -> Found:
        found = flr.path(X.T, y[None, :], lambdas=alphas * m, l1_ratio=1.0, tol=tol)
        return found.w.T, found.b[0]

    def one_by_one(make: Callable[[], Any], set_alpha: Callable[[Any, float], None]) -> Any:
        def fit(alphas: Any, tol: Any) -> Found:
            model = make()
            model.tol = tol
            w, b = [], []
            for alpha in alphas:
                set_alpha(model, float(alpha))
                w_one, b_one = coefficients(model.fit(by_columns, signs))
                w.append(w_one.copy())
                b.append(b_one)
            return np.array(w), np.array(b)

        return fit

    def skglm() -> Any:
        from skglm import SparseLogisticRegression as Make

        return Make(max_iter=200, max_epochs=50_000, warm_start=True)

    def celer() -> Any:
        from celer import LogisticRegression as Make

        return Make(max_iter=200, warm_start=True, fit_intercept=False)

    def set_alpha(model: Any, alpha: float) -> None:
        model.alpha = alpha

    def set_C(model: Any, alpha: float) -> None:
        model.C = 1.0 / (alpha * m)

    def glum(alphas: Any, tol: Any) -> Found:
        from glum import GeneralizedLinearRegressor as Make

        model = Make(
            alpha_search=True,
            alphas=list(alphas),
            l1_ratio=1.0,
            family="binomial",
            gradient_tol=tol,
            max_iter=1000,
        )
        model.fit(by_columns, y.astype(np.float64))
        return np.array(model.coef_path_), np.array(model.intercept_path_)

    found = {"fastlogreg": L1Contender(ours, (1e-4, 5e-5, 2e-5, 1e-5))}
    peers = {
        "adelie": ("adelie", L1Contender(_adelie(by_columns, y), powers(4, 12))),
        "glum": ("glum", L1Contender(glum, powers(2, 8))),
        "skglm": ("skglm", L1Contender(one_by_one(skglm, set_alpha), powers(2, 8))),
        "celer": ("celer", L1Contender(one_by_one(celer, set_C), powers(2, 8), "none")),
    }
    return found | _of(peers, X)


def cross_validations(X: Any, y: Any) -> dict[str, L1Contender]:
    """Prepare five folds along all alphas; fit(alphas, tol) -> w of the alpha chosen, and alpha."""
    m, by_columns = len(y), _by_columns(X)

    def ours(alphas: Any, tol: Any) -> Found:
        model = flr.LogisticRegressionCV(1.0 / (alphas * m), l1_ratios=(1.0,), cv=5, tol=tol)
        model.fit(X, y)
        return model.coef_[0], 1.0 / (float(model.C_[0]) * m)

    def glum(alphas: Any, tol: Any) -> Found:
        from glum import GeneralizedLinearRegressorCV as Make

        model = Make(
            l1_ratio=1.0,
            alphas=list(alphas),
            family="binomial",
            gradient_tol=tol,
            cv=5,
            max_iter=1000,
        )
        model.fit(by_columns, y.astype(np.float64))
        return model.coef_, float(model.alpha_)

    def adelie(alphas: Any, tol: Any) -> Found:
        import adelie as ad

        X_ = by_columns if isinstance(X, np.ndarray) else ad.matrix.sparse(by_columns, n_threads=2)
        found = ad.cv.cv_grpnet(
            X_,
            ad.glm.binomial(y.astype(np.float64)),
            n_folds=5,
            lmda_path_size=len(alphas),
            min_ratio=float(alphas[-1] / alphas[0]),
            tol=tol,
            irls_tol=tol,
            progress_bar=False,
            n_threads=2,
        )
        return np.empty(0), float(found.lmdas[found.best_idx])

    found = {"fastlogreg": L1Contender(ours, (7e-5,))}
    peers = {
        "glum": ("glum", L1Contender(glum, (1e-3,))),
        "adelie": ("adelie", L1Contender(adelie, (1e-7,))),
    }
    return found | _of(peers, X)


def _ours(X: Any, y: Any) -> Callable[[Any, Any], Found]:
    def fit(alphas: Any, tol: Any) -> Found:
        model = flr.LogisticRegression(C=1.0 / (alphas[0] * len(y)), l1_ratio=1.0, tol=tol)
        return coefficients(model.fit(X, y))

    return fit


def _adelie(by_columns: Any, y: Any) -> Callable[[Any, Any], Found]:
    def fit(alphas: Any, tol: Any) -> Found:
        import adelie as ad

        X = by_columns
        if not isinstance(X, np.ndarray):
            X = ad.matrix.sparse(X, n_threads=2)
        found = ad.grpnet(
            X,
            ad.glm.binomial(y.astype(np.float64)),
            lmda_path=np.asarray(alphas, np.float64),
            tol=tol,
            irls_tol=tol,
            adev_tol=1.0,
            early_exit=False,
            progress_bar=False,
            n_threads=2,
        )
        w, b = np.asarray(found.betas.toarray()), np.asarray(found.intercepts)
        return (w[0], float(b[0])) if len(alphas) == 1 else (w, b)

    return fit


def _by_columns(X: Any) -> Any:
    if isinstance(X, np.ndarray):
        return np.asfortranarray(X, np.float64)
    return X.tocsc()


def _of(peers: dict[str, tuple[str, L1Contender]], X: Any) -> dict[str, L1Contender]:
    """Return the peers that are installed, and that a machine has the memory for."""
    left_out = {"glum"} if X.shape[1] > MOST_FEATURES_OF_GLUM else set()
    return {
        name: one
        for name, (library, one) in peers.items()
        if name not in left_out and importlib.util.find_spec(library) is not None
    }
