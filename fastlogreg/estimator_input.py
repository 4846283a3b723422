"""What scikit-learn's `validate_data` does for arrays, for `RowBlocks`, of which it would make an array in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .class_labels import listed
from .row_blocks import RowBlocks


def rows_of(X: Any) -> int:
    """Examples in an array or a sparse matrix (m, n_x), or in `RowBlocks`."""
    return int(X.shape[1] if isinstance(X, RowBlocks) else X.shape[0])


def check_columns(estimator: Any, X: RowBlocks, reset: bool) -> None:
    """What `validate_data` does for arrays: n_features_in_ and feature_names_in_ are set, or compared with X."""
    n_x, names = X.shape[0], None if X.names is None else np.array(X.names, dtype=object)
    if reset:
        estimator.n_features_in_ = n_x
        if names is not None:
            estimator.feature_names_in_ = names
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return
    if n_x != estimator.n_features_in_:
        raise ValueError(f"X has {n_x} features, but LogisticRegression is expecting {estimator.n_features_in_} features")
    fitted = getattr(estimator, "feature_names_in_", None)
    if names is not None and fitted is not None and not np.array_equal(names, fitted):
        raise ValueError(f"X must have the columns of the fit, in their order: {listed(fitted)}; got {listed(names)}")


def take_blocks(estimator: Any, X: RowBlocks, y: Any) -> NDArray[Any]:
    """y (m,), checked against X, whose columns the estimator takes over."""
    from sklearn.utils.validation import column_or_1d

    y = column_or_1d(y, warn=True)
    if len(y) != X.shape[1]:
        raise ValueError(f"y must have a label for each of the {X.shape[1]} rows of X; got {len(y)}")
    check_columns(estimator, X, reset=True)
    return np.asarray(y)
