"""scikit-learn's `validate_data`, with a short way for plain arrays, and the same for `RowBlocks`,
of which it would make an array in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.frames import no_numbers
from ..checks.labels import LabelledRows, listed
from ..checks.missing import plain_labels, unmasked
from ..data.design import Design
from ..data.inputs import design_of
from ..data.on_gpu import device_design, is_on_gpu
from ..data.row_blocks import RowBlocks
from .device import on_cpu, taken_there

LEAST_PENALTY = 1e-250
_ACCEPTED: dict[str, Any] = {
    "accept_sparse": ["csr", "csc"],
    "dtype": "numeric",
    "ensure_all_finite": False,
}


def checked(estimator: Any, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
    """X and y for `fit`; n_features_in_ and feature_names_in_ are set, or removed. NaN and infinity
    in X are found later."""
    if is_on_gpu(X):
        return X, taken_there(estimator, X, y)
    X, y = unmasked("X", X), plain_labels(on_cpu(y))
    if isinstance(X, RowBlocks):
        return X, take_blocks(estimator, X, y)
    # `validate_data` takes as long as a fit of 500 rows.
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

    with words_named(X):
        found: tuple[Any, NDArray[Any]] = validate_data(estimator, X, y, **_ACCEPTED)
        _require_numbers(found[0])
    return found


def checked_alike(estimator: Any, X: Any) -> Any:
    """X for a fitted estimator, with the columns of its fit."""
    from sklearn.utils.validation import check_is_fitted, validate_data

    check_is_fitted(estimator)
    if is_on_gpu(X):
        check_count(estimator, int(X.shape[1]))
        return X
    X = unmasked("X", X)
    if isinstance(X, RowBlocks):
        check_columns(estimator, X, reset=False)
        return X
    plain = _is_plain(X) and not hasattr(estimator, "feature_names_in_")
    if not plain or X.shape[1] != features_of(estimator):
        with words_named(X):
            found = validate_data(estimator, X, reset=False, **_ACCEPTED)
            _require_numbers(found)
        X = found
        # It compares nothing where n_features_in_ was deleted.
        check_count(estimator, X.shape[1])
    return X


@contextmanager
def words_named(X: Any) -> Iterator[None]:
    """Name the columns of a data frame that are no numbers, where it cannot be made an array."""
    try:
        yield
    except (TypeError, ValueError) as error:
        said = no_numbers(X)
        if not said:
            raise
        raise ValueError(said) from error


def _require_numbers(X: Any) -> None:
    if X.dtype == object:  # of a category, for instance, which scikit-learn lets pass
        raise TypeError(f"X must hold numbers; got dtype {X.dtype}")


def features_of(estimator: Any) -> int:
    """Columns of the fit; of coef_, since a subclass may do without n_features_in_."""
    return int(estimator.coef_.shape[1])


def check_count(estimator: Any, n_x: int) -> None:
    """ValueError, in scikit-learn's words, where X has another number of columns than the fit."""
    if n_x != features_of(estimator):
        raise ValueError(
            f"X has {n_x} features, but {type(estimator).__name__} is expecting "
            f"{features_of(estimator)} features as input"
        )


def _is_plain(X: Any) -> bool:
    """Tell whether scikit-learn would have nothing to say of X and nothing to change in it."""
    return type(X) is np.ndarray and X.ndim == 2 and X.dtype.kind in "biuf" and X.size > 0


def rows_of(X: Any) -> int:
    """Examples in an array or a sparse matrix (m, n_x), or in `RowBlocks`."""
    return int(X.shape[1] if isinstance(X, RowBlocks) else X.shape[0])


def penalty_of(lambda_: float, rows: LabelledRows) -> float:
    """lambda for the weights of these rows, from which a power of two may have been taken.

    0 where the penalty would be lost beside the losses, and the bound would overflow.
    """
    scaled = float(np.ldexp(lambda_, -rows.exponent))
    return scaled if rows.exponent == 0 or scaled > LEAST_PENALTY else 0.0


def checked_out(out: Any, X: Any, classes: int) -> tuple[NDArray[Any], bool]:
    """Return where probabilities go, a new array by default, and whether it lies in the memory of
    X."""
    shape = (rows_of(X), classes)
    if out is None:
        return np.empty(shape), False
    if (
        not isinstance(out, np.ndarray)
        or isinstance(out, np.ma.MaskedArray)
        or out.shape != shape
        or out.dtype.kind != "f"
        or not out.flags.writeable
    ):
        got = type(out).__name__
        if type(out) is np.ndarray:
            got = f"{out.dtype} of shape {out.shape}"
        raise ValueError(f"out must be a writeable array of floats of shape {shape}; got {got}")
    if not isinstance(X, np.ndarray):
        return out, False  # read as a whole before the first is written
    file = _file_of(X)  # two maps of one file share no address
    same_file = file is not None and file == _file_of(out)
    return out, same_file or bool(np.may_share_memory(out, X))


def _file_of(array: Any) -> Any:
    """Return the file that an array, or the array that it is a view of, is a map of; None if there
    is none."""
    while isinstance(array, np.ndarray):
        file = getattr(array, "filename", None)
        if file is not None:
            return file
        array = array.base
    return None


def check_columns(estimator: Any, X: RowBlocks, reset: bool) -> None:
    """Return what `validate_data` does for arrays: n_features_in_ and feature_names_in_ are set, or
    compared with X."""
    n_x, names = X.shape[0], None if X.names is None else np.array(X.names, dtype=object)
    if reset:
        estimator.n_features_in_ = n_x
        if names is not None:
            estimator.feature_names_in_ = names
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return
    check_count(estimator, n_x)
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


def rows_design(X: Any) -> Design:
    """X as the estimator is given it, or `RowBlocks`, which stand for either way."""
    if is_on_gpu(X):
        return device_design(X, 1.0, 0.0, examples_in_rows=True)
    return design_of(X if isinstance(X, RowBlocks) else X.T)


def require_finite(X: Any, names: Any) -> None:
    """Raise a ValueError with row and column of the first NaN or infinity, if there is one."""
    found = rows_design(X).find_non_finite()
    if found is None:
        return
    row, column, value = found
    what = "NaN" if np.isnan(value) else "infinity"
    name = f" ({names[column]!r})" if names is not None else ""
    raise ValueError(
        f"Input X contains {what}: in row {row}, column {column}{name}, counted from 0. "
        "LogisticRegression accepts finite numbers only: remove or impute such values first, for "
        "instance with sklearn.impute.SimpleImputer"
    )
