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
    _take_over(model, peer)
    return peer


def from_sklearn(cls: Any, model: Any) -> Any:
    """Return a fitted estimator of the class cls with the coefficients of scikit-learn's."""
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(model)
    if len(model.classes_) != 2:
        raise ValueError(
            f"Only binary classification is supported. The model knows {len(model.classes_)} "
            f"classes: {listed(model.classes_)}"
        )
    C = np.inf if model.get_params().get("penalty", "l2") is None else model.C
    new = cls(
        C,
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
    new.intercept_ = np.array(old.intercept_, dtype=np.float64).reshape(1)
    new.n_iter_ = iterations(old.n_iter_)
    if hasattr(old, "feature_names_in_"):
        new.feature_names_in_ = old.feature_names_in_
