"""scikit-learn's `validate_data`, with a short way for plain arrays, and the same for `RowBlocks`,
of which it would make an array in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.labels import listed
from ..data.row_blocks import RowBlocks

_ACCEPTED: dict[str, Any] = {
    "accept_sparse": ["csr", "csc"],
    "dtype": "numeric",
    "ensure_all_finite": False,
}


def checked(estimator: Any, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
    """X and y for `fit`; n_features_in_ and feature_names_in_ are set, or removed. NaN and infinity
    in X are found later."""
    if isinstance(X, RowBlocks):
        return X, take_blocks(estimator, X, y)
    # `validate_data` takes 0.2 ms, and 0.5 after a pause, as long as a fit of 500 rows.
    if (
        _is_plain(X)
        and type(y) is np.ndarray
        and y.ndim == 1
        and y.dtype.kind in "biu"
        and len(y) == len(X)
    ):
        estimator.n_features_in_ = X.shape[1]
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return X, y
    from sklearn.utils.validation import validate_data

    found: tuple[Any, NDArray[Any]] = validate_data(estimator, X, y, **_ACCEPTED)
    return found


def checked_alike(estimator: Any, X: Any) -> Any:
    """X for a fitted estimator, with the columns of its fit."""
    from sklearn.utils.validation import check_is_fitted, validate_data

    check_is_fitted(estimator)
    if isinstance(X, RowBlocks):
        check_columns(estimator, X, reset=False)
        return X
    if (
        _is_plain(X)
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
    ):
        return X
    return validate_data(estimator, X, reset=False, **_ACCEPTED)


def _is_plain(X: Any) -> bool:
    """Whether scikit-learn would have nothing to say of X and nothing to change in it."""
    return type(X) is np.ndarray and X.ndim == 2 and X.dtype.kind in "biuf" and X.size > 0


def rows_of(X: Any) -> int:
    """Examples in an array or a sparse matrix (m, n_x), or in `RowBlocks`."""
    return int(X.shape[1] if isinstance(X, RowBlocks) else X.shape[0])


def check_columns(estimator: Any, X: RowBlocks, reset: bool) -> None:
    """What `validate_data` does for arrays: n_features_in_ and feature_names_in_ are set, or
    compared with X."""
    n_x, names = X.shape[0], None if X.names is None else np.array(X.names, dtype=object)
    if reset:
        estimator.n_features_in_ = n_x
        if names is not None:
            estimator.feature_names_in_ = names
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return
    if n_x != estimator.n_features_in_:
        raise ValueError(
            f"X has {n_x} features, but LogisticRegression is expecting "
            f"{estimator.n_features_in_} features"
        )
    fitted = getattr(estimator, "feature_names_in_", None)
    if names is not None and fitted is not None and not np.array_equal(names, fitted):
        raise ValueError(
            f"X must have the columns of the fit, in their order: {listed(fitted)}; got "
            f"{listed(names)}"
        )


def take_blocks(estimator: Any, X: RowBlocks, y: Any) -> NDArray[Any]:
    """y (m,), checked against X, whose columns the estimator takes over."""
    from sklearn.utils.validation import column_or_1d

    y = column_or_1d(y, warn=True)
    if len(y) != X.shape[1]:
        raise ValueError(
            f"y must have a label for each of the {X.shape[1]} rows of X; got {len(y)}"
        )
    check_columns(estimator, X, reset=True)
    return np.asarray(y)
