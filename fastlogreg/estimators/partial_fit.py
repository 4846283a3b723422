"""The scikit-learn side of `partial_fit`: arguments checked, classes and weights, the stream that
the estimator keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..checks.labels import checked_weights, codes_of, factors_of, listed
from ..checks.missing import plain_labels, unmasked
from ..checks.penalties import asked_for
from .class_stream import LARGEST_THETA, ClassStream
from .fitted import OF_A_FIT, forget, iterations
from .stream import LARGEST, Stream

# Losses are summed up, and with them weights times x squared.
LARGEST_SUM_OF_WEIGHTS = 1e150


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
    if stream is not None and stream.intercept != bool(estimator.fit_intercept):
        raise ValueError(
            f"fit_intercept must stay {stream.intercept}, as it was when this stream began; got "
            f"{estimator.fit_intercept!r}. A clone of the estimator begins a new stream"
        )
    X, y = unmasked("X", X), plain_labels(y)
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
    if classes is not None and len(np.unique(classes)) < 2:
        raise ValueError(f"classes must hold two labels or more; got {listed(np.unique(classes))}")
    weight = checked_weights(sample_weight, X)
    _check_partial_fit_first_call(estimator, classes)
    known = estimator.classes_
    _check_size(len(known), X.shape[1])
    codes = codes_of(y, known)
    strange = known[codes] != y
    if strange.any():
        raise ValueError(
            f"y must hold labels of classes, {listed(known)}; got {listed(np.unique(y[strange]))}"
        )
    if estimator.class_weight is not None:
        weight = weight * factors_of(estimator.class_weight, known)[codes]
    with np.errstate(over="ignore"):
        total = weight.sum()
    if not total <= LARGEST_SUM_OF_WEIGHTS:
        raise ValueError(
            "sample_weight times class_weight must not add up to more than "
            f"{LARGEST_SUM_OF_WEIGHTS:g} in a batch; got {total:g}. Divide the weights of "
            "the stream by a number, and multiply C by it"
        )
    if stream is None:
        stream = estimator._stream = _new_stream(estimator, X, lambda_, len(known))
        forget(estimator, *OF_A_FIT)
    stream.lambda_ = lambda_
    stream.update(X, codes, weight)
    estimator.coef_, estimator.intercept_ = stream.coefficients()
    estimator.n_iter_ = iterations(stream.iterations)


def _new_stream(estimator: Any, X: Any, lambda_: float, classes: int) -> Stream:
    intercept = bool(estimator.fit_intercept)
    if classes == 2:
        return Stream(X, lambda_, intercept)
    return ClassStream(X, lambda_, intercept, classes)


def _check_size(classes: int, n_x: int) -> None:
    """ValueError where the matrix that a stream of several classes keeps would be too large."""
    if classes > 2 and classes * (n_x + 1) > LARGEST_THETA:
        raise ValueError(
            f"classes times (features + 1) must be at most {LARGEST_THETA} for partial_fit of more "
            f"than two classes, which keeps a matrix of their square; got {classes} classes and "
            f"{n_x} features. Use fit, which takes RowBlocks larger than memory"
        )


def require_a_stream_can_begin(estimator: Any) -> bool:
    """True where rows can be taken as they come; AttributeError for what needs all rows at
    once."""
    why = asked_for(
        estimator.l1_ratio,
        estimator.penalty_weights,
        estimator.bounds,
        estimator.feature_groups,
        None,
    )
    if why:
        raise AttributeError(
            f"{why} must be left out for partial_fit, whose penalty is L2 alone: use fit, which "
            "takes RowBlocks larger than memory"
        )
    if estimator.bias_reduction is not None:
        raise AttributeError(
            "bias_reduction must be None for partial_fit: it needs the leverages of all rows; use "
            "fit, which takes RowBlocks larger than memory"
        )
    if estimator.standardize:
        raise AttributeError(
            "standardize must be False for partial_fit: mean and deviation are of rows that are "
            "yet to come"
        )
    if estimator.class_weight is not None and not isinstance(estimator.class_weight, dict):
        raise AttributeError(
            "class_weight must be None or a dict label -> weight for partial_fit, since the "
            f"rows are not counted yet; got {estimator.class_weight!r}"
        )
    return True
