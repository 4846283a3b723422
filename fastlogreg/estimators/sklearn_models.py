"""Fitted models to and from `sklearn.linear_model.LogisticRegression`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks.labels import listed
from .fitted import iterations


def to_sklearn(model: Any) -> Any:
    """Return scikit-learn's estimator with the coefficients of a fitted one of ours."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model)
    peer = LogisticRegression(
        C=model.C,
        class_weight=model.class_weight,
        fit_intercept=model.fit_intercept,
        max_iter=model.max_iter,
    )
    if model.l1_ratio != 0.0:
        # "saga" is the one that has every l1_ratio, and any number of classes.
        peer.set_params(l1_ratio=model.l1_ratio, solver="saga")
        if peer.penalty == "l2":  # before scikit-learn 1.8 the penalty has a name, too
            peer.set_params(penalty="elasticnet")
    _take_over(model, peer)
    return peer


def from_sklearn(cls: Any, model: Any) -> Any:
    """Return a fitted estimator of the class cls with the coefficients of scikit-learn's."""
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model)
    several = len(model.classes_) > 2
    given = model.get_params()
    if several and (given.get("multi_class") == "ovr" or given.get("solver") == "liblinear"):
        raise ValueError(
            f"the model must be by softmax for {len(model.classes_)} classes, "
            f"{listed(model.classes_)}; it was fitted by each class against the rest. Fit it with "
            'solver="lbfgs"'
        )
    name = given.get("penalty", "deprecated")
    C = np.inf if name is None else model.C
    # Before scikit-learn 1.8 it counts for "elasticnet" alone.
    l1_ratio = {"l1": 1.0, "l2": 0.0, None: 0.0}.get(name, given.get("l1_ratio") or 0.0)
    new = cls(
        C,
        l1_ratio=l1_ratio,
        class_weight=model.class_weight,
        fit_intercept=model.fit_intercept,
        max_iter=model.max_iter,
    )
    _take_over(model, new)
    return new


def _take_over(old: Any, new: Any) -> None:
    """Return the fitted attributes that our estimator and scikit-learn's share."""
    new.classes_, new.coef_ = old.classes_, old.coef_.copy()
    new.n_features_in_ = old.coef_.shape[1]
    columns = old.coef_.shape[0]
    new.intercept_ = np.array(np.broadcast_to(old.intercept_, columns), dtype=np.float64)
    new.n_iter_ = iterations(old.n_iter_)
    if hasattr(old, "feature_names_in_"):
        new.feature_names_in_ = old.feature_names_in_
