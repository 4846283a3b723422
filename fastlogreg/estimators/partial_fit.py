"""The scikit-learn side of `partial_fit`: arguments checked, classes and weights, the stream that
the estimator keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..checks.arguments import check_number
from ..checks.labels import checked_weights, listed
from .stream import LARGEST, Stream

_OF_A_FIT = (
    "costs_",
    "cost_",
    "gradient_norm_",
    "suboptimality_bound_",
    "stop_reason_",
    "history_",
)


def take_batch(
    estimator: Any,
    X: Any,
    y: Any,
    classes: Any,
    sample_weight: Any,
    lambda_: float,
    require_finite: Callable[[Any, Any], None],
) -> None:
    """One call of `partial_fit`; require_finite(X, names) raises where X is not."""
    from sklearn.utils.multiclass import _check_partial_fit_first_call
    from sklearn.utils.validation import validate_data

    stream: Stream | None = getattr(estimator, "_stream", None)
    factors = _class_weights(estimator)
    X, y = validate_data(
        estimator, X, y, reset=stream is None, dtype=np.float64, ensure_all_finite=False
    )
    require_finite(X, getattr(estimator, "feature_names_in_", None))
    if X.shape[1] > LARGEST:
        raise ValueError(
            f"X must have at most {LARGEST} features for partial_fit, which keeps a matrix of "
            "their square; got "
            f"{X.shape[1]}. Use fit, which takes RowBlocks larger than memory"
        )
    if classes is not None and len(np.unique(classes)) != 2:
        raise ValueError(
            "Only binary classification is supported. classes must hold two labels; got "
            f"{np.unique(classes)}"
        )
    weight = checked_weights(sample_weight, X)
    _check_partial_fit_first_call(estimator, classes)
    known = estimator.classes_
    positive = y == known[1]
    strange = ~(positive | (y == known[0]))
    if strange.any():
        raise ValueError(
            f"y must hold labels of classes, {listed(known)}; got {listed(np.unique(y[strange]))}"
        )
    positive = np.ascontiguousarray(positive).view(np.uint8)
    for k, label in enumerate(known.tolist()):
        weight = np.where(positive == k, weight * factors.get(label, 1.0), weight)
    if stream is None:
        stream = estimator._stream = Stream(X, lambda_, bool(estimator.fit_intercept))
        for name in _OF_A_FIT:
            if hasattr(estimator, name):
                delattr(estimator, name)
    stream.lambda_ = lambda_
    stream.update(X, positive, weight)
    w, b = stream.coefficients()
    estimator.coef_, estimator.intercept_ = w.reshape(1, -1), np.array([b])
    estimator.n_iter_ = stream.iterations


def _class_weights(estimator: Any) -> dict[Any, float]:
    """label -> factor; ValueError for what needs all rows at once."""
    if estimator.standardize:
        raise ValueError(
            "standardize must be False for partial_fit: mean and deviation are of rows that are "
            "yet to come"
        )
    given = estimator.class_weight
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ValueError(
            "class_weight must be None or a dict label -> weight for partial_fit, since the "
            "rows are not counted yet; "
            f"got {given!r}"
        )
    return {
        label: check_number(f"class_weight[{label!r}]", value, low=0)
        for label, value in given.items()
    }
