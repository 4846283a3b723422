"""What a model says of examples: probabilities and classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backends.choice import name_for
from ..checks.arguments import check_number, check_threads, check_w, require_finite
from ..checks.classes import check_b_of_classes, check_w_of_classes, columns_of
from ..data.design import Design
from ..data.inputs import design_of
from ..data.matrix_like import MatrixLike
from ..machine.blas import at_most
from ..maths import logistic, reference
from ..maths import softmax as of_classes
from ..objective.objective import Objective
from ..objective.softmax import SoftmaxObjective
from .passes import Biases

_BLOCK_ELEMENTS = 1 << 20  # 8 MiB once converted


def predict_proba(
    w: ArrayLike,
    b: float | Biases,
    X: MatrixLike,
    *,
    scale: Any = 1.0,
    shift: Any = 0.0,
    n_threads: int | None = None,
) -> NDArray[np.float64]:
    """Estimate P(y = 1 given x) of each example: A = sigmoid(w.T (scale * X + shift) + b).

    Of K classes it is P(y = k given x) of each: A = softmax(w.T (scale * X + shift) + b).
    Computed block by block: an X of another dtype than float64 is not copied as a whole.

    Parameters
    ----------
    w, b, X, scale, shift
        As in `propagate`.
    n_threads : int or None, default=None
        Threads to use at most; None for all. A dense X is NumPy's: there it sets the threads of
        an OpenBLAS for this call.

    Returns
    -------
    ndarray of shape (1, m) or (K, m)
        A; of K classes a row for each.

    Raises
    ------
    ValueError or TypeError
        As `propagate`.

    References
    ----------
    Lecture "Vectorizing logistic regression".

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.predict_proba([[2.0]], -1.0, [[0.5, 0.5]])
    array([[0.5, 0.5]])
    """
    threads, design = check_threads(n_threads), design_of(X, scale, shift)
    if columns_of(w, design.n_x) > 1:
        return of_classes.softmax(_class_scores(w, b, design, threads))
    w_, b_ = check_w(w, design.n_x, design.m), check_number("b", b)
    if design.dense is None:
        none, backend = np.zeros(design.m, np.uint8), name_for(design)
        Z = np.asarray(Objective(design, none, 0.0, backend, threads).scores(w_, b_))
        if not np.isfinite(Z).all():
            design.require_finite()
        return logistic.sigmoid(Z)[None, :]
    X = design.dense.X
    A = np.empty((1, design.m))
    folded, bias = design.fold(w_, b_)
    step = max(1, _BLOCK_ELEMENTS // design.n_x)
    for lo in range(0, design.m, step):
        with at_most(threads):
            Z = reference.forward(folded[:, None], bias, X[:, lo : lo + step])
        if not np.isfinite(Z).all():  # an infinite z makes a fine a: it is z that tells of a bad x
            require_finite(X)
        A[:, lo : lo + step] = logistic.sigmoid(Z)
    return A


def _class_scores(w: Any, b: Any, design: Design, n_threads: int | None) -> NDArray[np.float64]:
    """Return Z (K, m), of arguments that are checked here; X must be finite."""
    K = columns_of(w, design.n_x)
    W, b_ = check_w_of_classes(w, design.n_x, design.m, K), check_b_of_classes(b, K)
    if design.dense is None:
        labels = np.zeros(design.m, np.int32)  # a pass tells z; its loss is not looked at
        objective = SoftmaxObjective(design, labels, K, 0.0, name_for(design), n_threads)
        Z = np.asarray(objective.point(objective.joined(W, b_)).z)
    else:
        Z = np.empty((K, design.m))
        columns, column = W.T, b_[:, None]
        scale, shift = design.scale[:, None], design.shift[:, None]
        for lo, hi, x in _blocks(design.dense.X):
            with at_most(n_threads):
                Z[:, lo:hi] = of_classes.forward(columns, column, x, scale, shift)
    if not np.isfinite(Z).all():
        design.require_finite()
    return Z


def _blocks(X: NDArray[Any]) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """Yield (first example, one past the last, X of these)."""
    n_x, m = X.shape
    step = max(1, _BLOCK_ELEMENTS // n_x)
    for lo in range(0, m, step):
        hi = min(m, lo + step)
        yield lo, hi, X[:, lo:hi]


@overload
def predict(
    w: ArrayLike,
    b: float,
    X: MatrixLike,
    *,
    scale: Any = ...,
    shift: Any = ...,
    threshold: float = ...,
    n_threads: int | None = ...,
) -> NDArray[np.uint8]: ...
@overload
def predict(
    w: ArrayLike,
    b: Biases,
    X: MatrixLike,
    *,
    scale: Any = ...,
    shift: Any = ...,
    threshold: float = ...,
    n_threads: int | None = ...,
) -> NDArray[np.int32]: ...
def predict(
    w: ArrayLike,
    b: float | Biases,
    X: MatrixLike,
    *,
    scale: Any = 1.0,
    shift: Any = 0.0,
    threshold: float = 0.5,
    n_threads: int | None = None,
) -> NDArray[np.uint8] | NDArray[np.int32]:
    """Predict 1 where the estimated P(y = 1 given x) is above threshold, else 0.

    Of several classes the most probable one is predicted, the first of those that are equal.

    Parameters
    ----------
    w, b, X, scale, shift
        As in `propagate`.
    threshold : float, default=0.5
        The probability above which the answer is 1; of two classes alone.
    n_threads : int or None, default=None
        As in `predict_proba`.

    Returns
    -------
    ndarray of shape (1, m)
        0 or 1, uint8; of K classes 0 to K - 1, int32. Raises as `propagate` does, and where a
        threshold is given for several classes.

    References
    ----------
    Lecture "Logistic regression".

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.predict([[2.0]], -1.0, [[0.0, 1.0]])
    array([[0, 1]], dtype=uint8)
    >>> flr.predict([[-1.0, 0.0, 1.0]], [[0.0], [1.0], [0.0]], [[-3.0, 0.5, 2.0]])
    array([[0, 1, 2]], dtype=int32)
    """
    threshold = check_number("threshold", threshold)
    design = design_of(X, scale, shift)
    K = columns_of(w, design.n_x)
    if K > 1:
        if threshold != 0.5:
            raise ValueError(
                f"threshold is for two classes, and w has {K} columns; got {threshold:g}. Leave "
                "it out: the most probable class is predicted"
            )
        Z = _class_scores(w, b, design, check_threads(n_threads))
        return Z.argmax(axis=0).astype(np.int32)[None, :]
    A = predict_proba(w, b, X, scale=scale, shift=shift, n_threads=n_threads)
    return (threshold < A).astype(np.uint8)
