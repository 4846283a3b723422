"""What a model says of new rows, by NumPy alone: rows of any form become X, and X the scores z."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import find_non_finite, is_sparse, real_array
from ..machine.callers import stack_level
from ..maths import reference, softmax
from ..tables.given import GivenColumns, by_name
from ..tables.plan import Encoding

Array = NDArray[Any]
Vector = NDArray[np.float64]
_BLOCK_ELEMENTS = 1 << 20  # 8 MiB once converted


class Weights(NamedTuple):
    """Hold w (n_x, columns) and b (columns, 1) for X itself, scale and shift folded in."""

    w: Vector
    b: Vector

    @classmethod
    def of(cls, w: Vector, b: Any, scale: Any, shift: Any) -> Weights:
        """Fold scale and shift, numbers or (n_x, 1)."""
        return cls(scale * w, np.reshape(b, (-1, 1)) + np.sum(shift * w, axis=0)[:, None])


def read_rows(rows: Any, n_x: int, names: Sequence[str] | None, encoding: Encoding | None) -> Any:
    """Make X (m, n_x) of rows; names of the features, and how the columns of a table become them.

    ValueError or TypeError say what is wrong with the rows.
    """
    given = by_name(rows)
    if encoding is not None:
        if given is None:
            raise TypeError(
                "X must have named columns, since this model encodes those of a table: give it a "
                f"data frame or a dict with {_few(encoding.names)}; got {type(rows).__name__}"
            )
        return _encoded(GivenColumns.of(given, encoding.names), encoding)
    if given is not None and names is not None:
        return _encoded(GivenColumns.of(given, names), Encoding.of_numbers(names))
    if given is not None and not hasattr(rows, "columns"):
        raise TypeError(
            f"X must be an array of {n_x} columns, in the order of training: this model has no "
            "names of features; got a dict"
        )
    return _array(rows, n_x, names)


def _encoded(columns: GivenColumns, encoding: Encoding) -> Array:
    found = encoding.encode(columns, range(len(columns.names)), columns.m, "X")
    if found.said:
        warnings.warn("; ".join(found.said), stacklevel=stack_level())
    return found.X.T


def _array(rows: Any, n_x: int, names: Sequence[str] | None) -> Any:
    X = rows if is_sparse(rows) else real_array("X", rows)
    if X.ndim != 2:
        one = f"; one example is X.reshape(1, {n_x})" if X.ndim == 1 and X.size == n_x else ""
        if X.ndim > 2:
            one = "; flatten images with X.reshape(len(X), -1)"
        raise ValueError(
            f"X must have shape (m, {n_x}), a row for each example; got {X.shape}{one}"
        )
    if X.shape[1] != n_x:
        turned = ". The examples stand in columns: pass X.T" if X.shape[0] == n_x else ""
        named = f" ({_few(names)})" if names is not None else ""
        raise ValueError(
            f"X must have {n_x} columns, as in training{named}; got shape {X.shape}{turned}"
        )
    if X.shape[0] == 0:
        raise ValueError(f"X must have at least one example; got shape {X.shape}")
    return X


def scores(X: Any, weights: Weights, names: Sequence[str] | None) -> Vector:
    """Return z (columns, m) of the rows of X; ValueError names a NaN or infinity in X."""
    w, b = weights
    if is_sparse(X):
        Z = np.asarray(X @ w).T + b
    else:
        m, step = X.shape[0], max(1, _BLOCK_ELEMENTS // X.shape[1])
        Z = np.empty((len(b), m))
        for lo in range(0, m, step):
            x = X[lo : lo + step].T
            if len(b) == 1:
                Z[:, lo : lo + step] = reference.forward(w, float(b[0, 0]), x)
            else:
                Z[:, lo : lo + step] = softmax.forward(w, b, x)
    if not np.isfinite(Z).all():  # an infinite z of finite x is a fine answer
        _require_finite(X, names)
    return Z


def _require_finite(X: Any, names: Sequence[str] | None) -> None:
    found = find_non_finite((X.toarray() if is_sparse(X) else X).T)
    if found is not None:
        row, j = found
        name = f" {names[j]!r}" if names is not None else ""
        raise ValueError(
            f"X must be finite; got {X[row, j]} in row {row}, column {j}{name}, counted from 0. "
            "This model knows no missing values: fill them, or leave the row out"
        )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
