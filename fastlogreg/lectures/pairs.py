"""Every loop of the lectures and its vectorized twin, in one ordered table.

`PAIRS` drives the agreement tests, `fastlogreg compare`, the benchmark and the table of the README:
adding a pair is writing its loop and adding one entry. A loop is run as it stands ("interpreted")
or compiled from the same source ("compiled"); the twin is NumPy. Beside exp and log stand the
package's own, eight numbers at a time: NumPy has such forms, a literal loop has not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..maths.logistic import loss, sigmoid
from . import loops

Function = Callable[..., Any]


@dataclass(frozen=True)
class Pair:
    """A loop and its vectorized form. Both take the tuple that inputs(size, rng) makes, of about
    size elements.

    exact: every element is one correctly rounded operation or none, so the forms give the same
    bits. Otherwise they agree relative to scale(*inputs), the size of the numbers that are added
    up; None is the size of the result itself. lanes: the package's own form, eight numbers at a
    time, where it has one.
    """

    name: str
    lecture: str
    formula: str
    loop: Function
    vectorized: Function
    inputs: Callable[[int, np.random.Generator], tuple[Any, ...]]
    exact: bool = False
    scale: Function | None = None
    size: int = 1_000_000
    lanes: Function | None = None

    @property
    def compiled(self) -> Function:
        """Return the loop, compiled when it is first called (imports Numba)."""
        return _compiled(self.loop)

    def disagreement(self, result: Any, inputs: tuple[Any, ...]) -> float:
        """Largest |result - vectorized| / scale over all elements; where both are NaN, or equal, it
        is 0."""
        with np.errstate(all="ignore"):
            expected = self.vectorized(*inputs)
            scales = expected if self.scale is None else self.scale(*inputs)
            parts = zip(_arrays(result), _arrays(expected), _arrays(scales), strict=True)
            return max(_largest(*part) for part in parts)


@cache
def _compiled(loop: Function) -> Function:
    from ..kernels.decorators import lecture

    return lecture(loop)


def _arrays(result: Any) -> list[Any]:
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else (result,))]


def _largest(got: Any, expected: Any, scale: Any) -> float:
    if got.shape != expected.shape:
        raise ValueError(
            f"the loop gives shape {got.shape} and its vectorized twin {expected.shape}"
        )
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    error = np.where(same, 0.0, np.abs(got - expected) / np.abs(scale))
    return float(np.max(np.where(np.isnan(error), np.inf, error), initial=0.0))


def _exp_in_lanes(v: Any) -> Any:
    from ..kernels.elementwise import exp

    u = np.empty(v.size)
    exp(v.reshape(-1), u)
    return u.reshape(v.shape)


def _log_in_lanes(v: Any) -> Any:
    from ..kernels.elementwise import log

    u = np.empty(v.size)
    log(v.reshape(-1), u)
    return u.reshape(v.shape)


def _forward(w: Any, b: Any, X: Any) -> Any:
    Z = np.dot(w.T, X) + b
    return Z, sigmoid(Z)


def _gradient(w: Any, b: Any, X: Any, Y: Any) -> Any:
    """J, dw, db. Not `reference.propagate`, whose scale and shift cost NumPy passes that the
    lectures' form has not."""
    m = X.shape[1]
    Z, A = _forward(w, b, X)
    dZ = A - Y
    return np.sum(loss(Z, Y)) / m, np.dot(X, dZ.T) / m, np.sum(dZ) / m


def _descent(X: Any, Y: Any) -> Any:
    w, b = np.zeros((X.shape[0], 1)), 0.0
    for _ in range(loops.ITERATIONS):
        dZ = _forward(w, b, X)[1] - Y
        w = w - loops.ALPHA * np.dot(X, dZ.T) / X.shape[1]
        b = b - loops.ALPHA * np.sum(dZ) / X.shape[1]
    return w, b


def _softmax(Z: Any) -> Any:
    e = np.exp(Z - Z.max(axis=0))
    return e / e.sum(axis=0)


def _gradient_softmax(w: Any, b: Any, X: Any, Y: Any) -> Any:
    """J, dw, db of K classes, by the formulas as one would write them down."""
    m = X.shape[1]
    Z = np.dot(w.T, X) + b
    Z -= Z.max(axis=0)
    e = np.exp(Z)
    total = e.sum(axis=0)
    one_hot = np.arange(b.size)[:, None] == Y
    dZ = e / total - one_hot
    J = np.sum(np.log(total) - Z[Y[0].astype(np.intp), np.arange(m)]) / m
    return J, np.dot(X, dZ.T) / m, np.sum(dZ, axis=1, keepdims=True) / m


def _vector(size: int, rng: np.random.Generator) -> tuple[Any, ...]:
    return (rng.normal(size=(size, 1)),)


def _positive_vector(size: int, rng: np.random.Generator) -> tuple[Any, ...]:
    return (rng.uniform(0.01, 10, size=(size, 1)),)


def _matrix(size: int, rng: np.random.Generator) -> tuple[Any, ...]:
    """Return a table of positive numbers, like the calories."""
    return (rng.uniform(0.1, 100, size=(math.isqrt(size), math.isqrt(size))),)


def _examples(
    n_x: int | None = None, b: bool = True
) -> Callable[[int, np.random.Generator], tuple[Any, ...]]:
    """w, b, X, Y with n_x features (100, or as many as size allows) and at least one example, each
    in one piece."""

    def inputs(size: int, rng: np.random.Generator) -> tuple[Any, ...]:
        n = min(100, max(size, 1)) if n_x is None else n_x
        X = rng.normal(size=(max(1, size // n), n)).T
        Y = rng.integers(0, 2, size=(1, X.shape[1])).astype(np.float64)
        return (rng.normal(size=(n, 1)) / math.sqrt(n), 0.1, X, Y) if b else (X, Y)

    return inputs


def _classes(size: int, rng: np.random.Generator) -> tuple[Any, ...]:
    """w (n_x, 10), b (10, 1), X and Y of 0 .. 9."""
    w, _, X, _ = _examples()(size, rng)
    w = rng.normal(size=(len(w), _K)) / math.sqrt(len(w))
    return w, rng.normal(size=(_K, 1)), X, rng.integers(0, _K, size=(1, X.shape[1])).astype(float)


def _one_example(size: int, rng: np.random.Generator) -> tuple[Any, ...]:
    return _examples(max(size, 1))(size, rng)


def _terms(vectorized: Function) -> Function:
    """Scale of a sum of products: the same sum of absolute values."""
    return lambda *inputs: vectorized(*map(np.abs, inputs))


def _at_least_one(vectorized: Function) -> Function:
    """Scale of what is made from probabilities, which are of size 1: the result, but not less than
    1."""
    return lambda *inputs: tuple(np.maximum(np.abs(part), 1) for part in vectorized(*inputs))


def _dot(w: Any, x: Any, b: Any) -> Any:
    return np.dot(w.T, x)[0, 0] + b


_K = 10  # classes
_SEVERAL = "From two classes to several (the guide)"
_ONE = "Logistic Regression Gradient Descent"
_FULL = "Vectorizing Logistic Regression's Gradient Output"
_MORE = "More Examples of Vectorization"
_BROADCAST = "Broadcasting in Python"

PAIRS = (
    Pair(
        "dot",
        "Vectorization",
        "z = w.T x + b",
        loops.dot,
        _dot,
        lambda n, rng: (rng.normal(size=(n, 1)), rng.normal(size=(n, 1)), 0.1),
        scale=_terms(_dot),
    ),
    Pair(
        "matrix-vector",
        _MORE,
        "u = A v",
        loops.matrix_vector,
        np.dot,
        lambda n, rng: (_matrix(n, rng)[0], rng.normal(size=(math.isqrt(n), 1))),
        scale=_terms(np.dot),
    ),
    Pair("exp", _MORE, "u = exp(v)", loops.exp, np.exp, _vector, lanes=_exp_in_lanes),
    Pair("log", _MORE, "u = log(v)", loops.log, np.log, _positive_vector, lanes=_log_in_lanes),
    Pair("abs", _MORE, "u = abs(v)", loops.absolute, np.abs, _vector, exact=True),
    Pair(
        "maximum",
        _MORE,
        "u = maximum(v, 0)",
        loops.maximum,
        lambda v: np.maximum(v, 0),
        _vector,
        exact=True,
    ),
    Pair("square", _MORE, "u = v**2", loops.square, lambda v: v**2, _vector, exact=True),
    Pair("reciprocal", _MORE, "u = 1/v", loops.reciprocal, lambda v: 1 / v, _vector, exact=True),
    Pair(
        "column-sums",
        _BROADCAST,
        "A.sum(axis=0)",
        loops.column_sums,
        lambda A: A.sum(axis=0, keepdims=True),
        _matrix,
        scale=_terms(lambda A: A.sum(axis=0, keepdims=True)),
    ),
    Pair(
        "percentages",
        _BROADCAST,
        "100 * A / A.sum(axis=0)",
        loops.percentages,
        lambda A: 100 * A / A.sum(axis=0),
        _matrix,
    ),
    Pair(
        "matrix+row",
        _BROADCAST,
        "A + row",
        loops.matrix_plus_row,
        np.add,
        lambda n, rng: (_matrix(n, rng)[0], rng.normal(size=(1, math.isqrt(n)))),
        exact=True,
    ),
    Pair(
        "matrix+column",
        _BROADCAST,
        "A + column",
        loops.matrix_plus_column,
        np.add,
        lambda n, rng: (_matrix(n, rng)[0], rng.normal(size=(math.isqrt(n), 1))),
        exact=True,
    ),
    Pair(
        "matrix+scalar",
        _BROADCAST,
        "A + 100",
        loops.matrix_plus_scalar,
        np.add,
        lambda n, rng: (_matrix(n, rng)[0], 100.0),
        exact=True,
    ),
    Pair(
        "forward",
        "Vectorizing Logistic Regression",
        "Z = w.T X + b, A = sigmoid(Z)",
        loops.forward,
        _forward,
        lambda n, rng: _examples()(n, rng)[:3],
        scale=_at_least_one(_forward),
    ),
    Pair(
        "gradient-one",
        _ONE,
        "dw = x dz, one example",
        loops.gradient_one,
        _gradient,
        _one_example,
        scale=_at_least_one(_gradient),
    ),
    Pair(
        "gradient-scalars",
        "Gradient Descent on m Examples",
        "dw_1, dw_2, db over m examples",
        loops.gradient_scalars,
        _gradient,
        _examples(2),
        scale=_at_least_one(_gradient),
    ),
    Pair(
        "gradient-vector",
        _MORE,
        "dw += x dz over m examples",
        loops.gradient_vector,
        _gradient,
        _examples(),
        scale=_at_least_one(_gradient),
    ),
    Pair(
        "gradient",
        _FULL,
        "dw = X dZ.T / m",
        loops.gradient,
        _gradient,
        _examples(),
        scale=_at_least_one(_gradient),
    ),
    Pair(
        "descent",
        _FULL,
        "1000 iterations of w := w - alpha dw",
        loops.descent,
        _descent,
        _examples(2, b=False),
        scale=_at_least_one(_descent),
        size=10_000,
    ),
    Pair(
        "softmax",
        _SEVERAL,
        "A = exp(Z) / exp(Z).sum(axis=0)",
        loops.softmax,
        _softmax,
        lambda n, rng: (rng.normal(size=(_K, max(1, n // _K))),),
        scale=lambda Z: np.maximum(np.abs(_softmax(Z)), 1),
    ),
    Pair(
        "gradient-softmax",
        _SEVERAL,
        "dw = X dZ.T / m, 10 classes",
        loops.gradient_softmax,
        _gradient_softmax,
        _classes,
        scale=_at_least_one(_gradient_softmax),
    ),
)


def find(name: str) -> Pair:
    """Return the pair of this name; ValueError with the names there are."""
    for pair in PAIRS:
        if pair.name == name:
            return pair
    raise ValueError(f"name must be one of {', '.join(pair.name for pair in PAIRS)}; got {name!r}")
