"""Every error text for the arguments of several classes: labels 0 .. K - 1, w (n_x, K), b (K, 1).

Those of two classes are in `checks.arguments`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import check_number, real_array, require_columns, require_shape
from .missing import require_labels

NUMBERED = "Y = np.unique(Y, return_inverse=True)[1].reshape(1, -1)"
_MOST_NAMED = 1000  # more values than that are no labels, and no remedy


def columns_of(w: Any, n_x: int) -> int:
    """Return how many columns w has; 1 of what is no matrix, or a row for n_x features.

    Those are refused by `check_w`.
    """
    shape = np.shape(w)
    if len(shape) != 2 or shape[1] == 0 or shape == (1, n_x):
        return 1
    return int(shape[1])


def check_classes(classes: Any) -> int:
    """Return the number of classes, at least 2."""
    return int(check_number("classes", classes, low=2, integer=True))


def remedy_for_several(y: NDArray[Any], how: str) -> str:
    """Say what to do with labels (m,) that are of more than two classes; empty if they are not.

    how: what it takes, with {K} in the place of the number of classes.
    """
    values = np.unique(y)
    K = values.size
    if not 2 < K <= _MOST_NAMED or not _are_whole(values):
        return ""
    do = how.format(K=K)
    if np.array_equal(values, np.arange(K)):
        return f"; for {K} classes {do}"
    return f"; for {K} classes number them 0 to {K - 1} with {NUMBERED}, and {do}"


def check_labels(
    Y: Any, m: int, K: int, said: str, *, n_x: int, every_class: bool = False
) -> NDArray[np.int32]:
    """Labels 0 .. K - 1 of shape (1, m), as contiguous int32 of shape (m,).

    said: where K comes from. n_x: the features of X, to tell an X whose examples are in rows.
    """
    require_labels("Y", Y)
    if np.asarray(Y).dtype.kind in "OUS":
        raise TypeError(
            f"Y must hold numbers, 0 to {K - 1} for {said}; got dtype {np.asarray(Y).dtype}. "
            f"Number the labels with {NUMBERED}"
        )
    require_columns("Y", Y, n_x, m)
    y = require_shape("Y", Y, (1, m), f"one label for each of the {m} examples in X")[0]
    wrong = ~((y >= 0) & (y < K))
    if y.dtype.kind == "f":
        wrong |= y != np.floor(y)
    if wrong.any():
        raise ValueError(_wrong_labels(y, wrong, K, said))
    labels = np.ascontiguousarray(y, dtype=np.int32)
    if every_class:
        missing = np.flatnonzero(np.bincount(labels, minlength=K) == 0) if m >= K else None
        if missing is None:
            raise ValueError(
                f"Y must hold every class to train on; {m} examples are fewer than {said}"
            )
        if missing.size:
            raise ValueError(
                f"Y must hold every class to train on; no example is of class "
                f"{_some(missing)} ({said}). Add examples of it, or number the classes there are "
                f"with {NUMBERED}"
            )
    return labels


def _wrong_labels(y: NDArray[Any], wrong: NDArray[np.bool_], K: int, said: str) -> str:
    values = np.unique(y)
    text = (
        f"Y must hold labels 0 to {K - 1} for {said}; got {_some(np.unique(y[wrong]))} (first at "
        f"example {int(np.argmax(wrong))})"
    )
    if not _are_whole(values) or values.size > _MOST_NAMED:
        return text
    if values.size <= K:
        return f"{text}; number the labels {_some(values)} with {NUMBERED}"
    if values[0] >= 0 and values[-1] < _MOST_NAMED:
        return f"{text}; labels up to {int(values[-1])} take classes={int(values[-1]) + 1}"
    return f"{text}; the {values.size} labels {_some(values)} take classes={values.size}"


def _are_whole(values: NDArray[Any]) -> bool:
    return bool(np.all(values == np.floor(values)) if values.dtype.kind == "f" else True)


def _some(values: NDArray[Any]) -> str:
    """Name the first five."""
    dots = ", ..." if values.size > 5 else ""
    return ", ".join(str(v) for v in values[:5].tolist()) + dots


def check_w_of_classes(w: Any, n_x: int, m: int, K: int) -> NDArray[np.float64]:
    """Weights of shape (n_x, K), finite, as contiguous float64 (K, n_x)."""
    w = real_array("w", w)
    if w.ndim == 2 and w.shape[0] != n_x:
        require_columns("w", w[:, :1], n_x, m)
        if w.shape[1] == n_x:
            raise ValueError(
                f"w must have shape ({n_x}, K), a column of weights for each of K classes; got "
                f"shape {w.shape}. It looks like a row for each class: pass w.T"
            )
    w = require_shape("w", w, (n_x, K), f"for each of {K} classes a column of {n_x} weights")
    W = np.ascontiguousarray(w.T, dtype=np.float64)
    if not np.isfinite(W).all():
        k, j = np.argwhere(~np.isfinite(W))[0]
        raise ValueError(f"w must be finite; got w[{j}, {k}] = {W[k, j]}")
    return W


def check_b_of_classes(b: Any, K: int) -> NDArray[np.float64]:
    """Biases of shape (K, 1), finite, as float64 (K,)."""
    if np.ndim(b) == 0:
        number = check_number("b", b)
        raise ValueError(
            f"b must have shape ({K}, 1), a bias for each of {K} classes; got the number "
            f"{number:g}. For the same one everywhere use b = np.full(({K}, 1), {number:g})"
        )
    b = require_shape("b", b, (K, 1), f"a bias for each of {K} classes")
    flat = np.ascontiguousarray(b[:, 0], dtype=np.float64)
    if not np.isfinite(flat).all():
        k = int(np.argmin(np.isfinite(flat)))
        raise ValueError(f"b must be finite; got b[{k}, 0] = {flat[k]}")
    return flat
