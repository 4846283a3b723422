"""Every error text for arguments that are arrays or numbers, raised before any work is done.

Each check returns its argument in the form the rest of the package uses, without copying X, or
raises ValueError or TypeError naming the argument, what was required, what came, and the remedy.
Rank-1 arrays, the lectures' last warning, never broadcast: they get an error that states the
`reshape` that mends them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .frames import no_numbers
from .missing import require_labels, unmasked

Backend = Literal["fused", "loops", "numpy", "python", "cuda"]
BACKENDS: tuple[str, ...] = get_args(Backend)
_BLOCK = 1 << 22  # elements read at a time by the searches below: 32 MiB of float64


def require_here(X: Any, remedy: str) -> None:
    """TypeError for a dask collection, of which NumPy would make one array in memory."""
    if hasattr(X, "to_delayed"):
        raise TypeError(
            f"X must be in memory, memory-mapped or RowBlocks; got a dask {type(X).__name__}. "
            f"{remedy}"
        )


def check_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """One of the words in choices; ValueError otherwise."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")
    return str(value)


def check_number(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    positive: bool = False,
    integer: bool = False,
) -> float:
    """Return a finite real number, at least low, or above zero if positive, or whole if integer."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = unmasked(name, value).item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        one = isinstance(value, np.ndarray) and value.size == 1
        hint = f"; take its one element with {name}.item()" if one else ""
        raise TypeError(
            f"{name} must be a number; got {value!r} of type {type(value).__name__}{hint}"
        )
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite; got {value}")
    if integer and number != int(number):
        raise ValueError(f"{name} must be a whole number; got {value}")
    if positive and number <= 0:
        raise ValueError(f"{name} must be above 0; got {value}")
    if low is not None and number < low:
        raise ValueError(f"{name} must be at least {low:g}; got {value}")
    return number


def check_threads(n_threads: Any) -> int | None:
    """Return a number of threads, at least 1, or None for all that there are."""
    if n_threads is None:
        return None
    return int(check_number("n_threads", n_threads, low=1, integer=True))


def require_shape(name: str, array: Any, shape: tuple[int, int], why: str) -> NDArray[Any]:
    """The rank-1 rule: a real array of exactly this shape, or an error with the reshape that mends
    it."""
    array = real_array(name, array)
    if array.shape == shape:
        return array
    text = f"{name} must have shape {shape} ({why}); got shape {array.shape}"
    if array.size == shape[0] * shape[1]:
        one_dimensional = "a rank-1 array; " if array.ndim == 1 else ""
        raise ValueError(
            f"{text}, {one_dimensional}mend it with {name} = {name}.reshape({shape[0]}, {shape[1]})"
        )
    raise ValueError(text)


def real_array(name: str, array: Any) -> NDArray[Any]:
    """Return an ndarray of bool, integers or floats; TypeError for object, complex, text and for
    what is no array."""
    array = unmasked(name, array)
    given = array
    array = np.asarray(array) if not isinstance(array, np.ndarray) else array
    if array.dtype.kind not in "buif":
        said = no_numbers(given) if name == "X" else ""
        if said:
            raise TypeError(said)
        raise TypeError(
            f"{name} must hold real numbers (bool, integer or float dtype); got dtype "
            f"{array.dtype}. "
            f"Convert it, for instance with {name}.astype(float)"
        )
    return array


def check_X(X: Any) -> NDArray[Any]:
    """X of shape (n_x, m), one example per column, neither of them zero. Not copied; its values are
    not read."""
    X = real_array("X", X)
    if X.ndim != 2:
        hint = ""
        if X.ndim == 1:
            hint = (
                f"; for one feature use X.reshape(1, {X.size}), for one example "
                f"X.reshape({X.size}, 1)"
            )
        elif X.ndim > 2:
            hint = (
                "; flatten images with fastlogreg.flatten_images(X) or X.reshape(X.shape[0], -1).T"
            )
        raise ValueError(
            f"X must have shape (n_x, m), one example per column; got shape {X.shape}{hint}"
        )
    if 0 in X.shape:
        empty = "no features (n_x = 0)" if X.shape[0] == 0 else "no examples (m = 0)"
        raise ValueError(
            f"X must have at least one feature and one example; got shape {X.shape}, {empty}"
        )
    return X


def is_sparse(X: Any) -> bool:
    """Tell whether X is one of scipy's sparse matrices or arrays; scipy is not imported for it."""
    scipy_sparse = sys.modules.get("scipy.sparse")
    return scipy_sparse is not None and bool(scipy_sparse.issparse(X))


def require_dense(X: Any, backend: str) -> None:
    """ValueError where X is sparse, for a backend that reads a dense X only."""
    if is_sparse(X):
        raise ValueError(
            f'backend {backend!r} reads a dense X only; X is sparse. Leave backend at "fused", '
            "or give it X.toarray()"
        )


def check_sparse_X(X: Any) -> Any:
    """Return a sparse X (n_x, m) in one of the two formats that can be read in place, neither n_x
    nor m zero."""
    if X.format not in ("csr", "csc"):
        raise ValueError(
            "X must be CSC (n_x, m), read example by example, or CSR where it is sparse; got "
            f"format {X.format!r}. Convert "
            f"it with X.tocsc(); examples in rows, (m, n_x), with X.tocsr().T"
        )
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(
            f"X must have shape (n_x, m), at least one feature and one example; got shape {X.shape}"
        )
    return X


def check_Y(
    Y: Any,
    m: int,
    *,
    both_classes: bool = False,
    n_x: int | None = None,
    several: Callable[[NDArray[Any]], str] | None = None,
) -> NDArray[np.uint8]:
    """Labels 0 or 1 of shape (1, m), as contiguous uint8 of shape (m,).

    n_x: the features of X, to tell an X whose examples are in rows. several: says of labels (m,)
    what to do if they are of more than two classes.
    """
    if type(Y) is not np.ndarray or Y.dtype.kind not in "biu":  # of those nothing can be missing
        require_labels("Y", Y)
        words = np.asarray(Y)
        if words.dtype.kind in "OUS":
            remedy = several(words.reshape(-1)) if several and words.dtype.kind in "US" else ""
            raise TypeError(
                f"Y must hold numbers, 0 or 1; got dtype {words.dtype}. Make them of the labels "
                f"with Y = fastlogreg.labels_to_Y(labels, positive=...){remedy}"
            )
    if n_x is not None:
        require_columns("Y", Y, n_x, m)
    Y = require_shape("Y", Y, (1, m), f"one label for each of the {m} examples in X")
    y = Y[0]
    zero, one = y == 0, y == 1
    right = zero | one
    if not right.all():
        wrong = ~right
        found = ", ".join(str(v) for v in np.unique(y[wrong])[:5].tolist())
        remedy = ""
        values = np.unique(y)
        if values.size == 2:
            remedy = f"; for the labels {values[0]} and {values[1]} use Y = (Y == {values[1]})"
        elif several is not None:
            remedy = several(y)
        raise ValueError(
            f"Y must hold labels 0 or 1; got {found} (first at example "
            f"{int(np.argmax(wrong))}){remedy}"
        )
    if both_classes and (zero.all() or one.all()):
        raise ValueError(
            f"Y must hold both classes to train on; all {m} labels are {int(y[0])}. Add examples "
            "of the other class"
        )
    return np.ascontiguousarray(one).view(np.uint8)


def require_columns(name: str, array: Any, n_x: int, m: int) -> None:
    """ValueError where X is tall, and w or Y has the length that the other one should have."""
    wanted, other = (m, n_x) if name == "Y" else (n_x, m)
    if n_x > m and np.size(array) == other:
        what = "examples" if name == "Y" else "features"
        raise ValueError(
            f"X must have shape (n_x, m), one example per column; {name} is for {other} {what}, "
            f"and X, of shape ({n_x}, {m}), has {wanted} of them. It looks like rows of examples: "
            "pass X.T"
        )


def check_w(w: Any, n_x: int, m: int | None = None) -> NDArray[np.float64]:
    """Weights of shape (n_x, 1), finite, as contiguous float64 of shape (n_x,).

    m: the examples in X, to tell an X whose examples are in rows.
    """
    if m is not None:
        require_columns("w", w, n_x, m)
    w = require_shape("w", w, (n_x, 1), f"one weight for each of the {n_x} features in X")
    flat = np.ascontiguousarray(w[:, 0], dtype=np.float64)
    if not np.isfinite(flat).all():
        j = int(np.argmin(np.isfinite(flat)))
        raise ValueError(f"w must be finite; got w[{j}, 0] = {flat[j]}")
    return flat


def check_per_feature(name: str, value: Any, n_x: int) -> NDArray[np.float64]:
    """scale or shift: a finite number, or one per feature as (n_x, 1); returned as float64 of shape
    (n_x,)."""
    if isinstance(value, (int, float, np.integer, np.floating)) or np.ndim(value) == 0:
        return np.full(n_x, check_number(name, value))
    array = require_shape(
        name, value, (n_x, 1), f"a single number, or one for each of the {n_x} features in X"
    )
    flat = np.ascontiguousarray(array[:, 0], dtype=np.float64)
    if not np.isfinite(flat).all():
        j = int(np.argmin(np.isfinite(flat)))
        raise ValueError(f"{name} must be finite; got {name}[{j}, 0] = {flat[j]}")
    return flat


def find_non_finite(X: NDArray[Any]) -> tuple[int, int] | None:
    """(example, feature) of the first NaN or infinity in X (n_x, m), examples first; None where all
    is finite.

    Called only after a result came out non-finite, since 0 * NaN and 0 * inf are NaN and so always
    reach z: checking costs no read of X on good data.
    """
    if X.dtype.kind != "f":
        return None
    n_x, m = X.shape
    step = max(1, _BLOCK // n_x)
    for start in range(0, m, step):
        part = X[:, start : start + step]
        if X.dtype.itemsize > 8:  # a long double that float64, in which we compute, cannot hold
            with np.errstate(over="ignore"):
                part = part.astype(np.float64)
        bad = ~np.isfinite(part).T
        if bad.any():
            example, feature = np.unravel_index(int(np.argmax(bad)), bad.shape)
            return start + int(example), int(feature)
    return None


def require_finite(
    X: NDArray[Any], feature_names: Sequence[str] | None = None, first: int = 0
) -> None:
    """ValueError naming the first row (example) and column (feature) of X that is NaN or infinite,
    if any is; first: what the row of X is counted from."""
    found = find_non_finite(X)
    if found is None:
        return
    example, feature = found
    value = X[feature, example]
    example += first
    name = f" {feature_names[feature]!r}" if feature_names is not None else ""
    raise ValueError(
        f"X must be finite; got {value} in row {example} (example), column {feature}{name} "
        "(feature), counted from 0: "
        f"X[{feature}, {example}] in the (n_x, m) form. Remove or impute such values first"
    )
