"""A fitted estimator as a model file, which is loaded and predicts by NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks.labels import Label
from ..models.model import Model
from .sparse_coefficients import dense_coef

_FOUND = ("cost_", "gradient_norm_", "suboptimality_bound_", "stop_reason_", "n_iter_", "C_")


def model_of(estimator: Any) -> Model:
    """Return what an estimator has found, as a model; TypeError for labels that no file can hold.

    Its settings are the parameters that are numbers, words or None, and how the fit ended.
    """
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    w, b = np.ascontiguousarray(dense_coef(estimator).T), np.asarray(estimator.intercept_)
    names = getattr(estimator, "feature_names_in_", None)
    given = estimator.get_params(deep=False)
    settings = {k: v for k, v in given.items() if isinstance(v, (int, float, str, type(None)))}
    for name in _FOUND:
        value = np.asarray(getattr(estimator, name, ()))
        if value.size == 1:
            settings[name.rstrip("_")] = value.item()
    return Model(
        w,
        float(b[0]) if w.shape[1] == 1 else b.astype(np.float64).reshape(-1, 1),
        labels=tuple(_label(label) for label in estimator.classes_),
        feature_names=None if names is None else tuple(map(str, names)),
        settings={"estimator": type(estimator).__name__, **settings},
    )


def _label(label: Any) -> Label:
    value = label.item() if isinstance(label, np.generic) else label
    if not isinstance(value, (bool, int, float, str)):
        raise TypeError(
            f"labels must be numbers or text to be kept in a file; got {value!r} of type "
            f"{type(value).__name__}"
        )
    return value
