"""The one table of backends, and the problems on which they must agree.

COMPARISONS: backend -> which problems it is given; the interpreted loops get small ones. ON_CPU:
their names; what computes on a GPU has a room of its own, `tests.cuda`.
problems(): hypothesis strategy of `Problem`s: shapes from 1 over primes to the borders of lanes,
blocks and chunks, every dtype and memory order, scales and shifts, and z from subnormal to 1e20.
exact(): cost, dw, db by the lectures' formulas in extended precision, each with its tolerance:
1e-12 of the sum of the absolute values of what is added up, propagated through the loss, so that a
J of 1e-300 is held to 1e-312.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from fastlogreg.backends.choice import BY_NAME
from fastlogreg.checks.arguments import BACKENDS

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")

IN_PLACE = ("bool", "uint8", "int8", "uint16", "int16", "int32", "float16", "float32", "float64")
CONVERTED = ("int64", "uint32", "longdouble", ">f8", ">f4", ">f2", ">i2")
ORDERS = ("example-major", "feature-major", "strided", "reversed", "read-only")
MAGNITUDES = (0.0, 1e-300, 1.0, 30.0, 700.0, 1e4, 1e20)
BORDERS_M = (1, 2, 3, 5, 7, 8, 9, 13, 31, 97, 191, 192, 193, 199, 383, 384, 385, 577)
BORDERS_N = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 61, 64, 67, 171, 173, 256)


class Problem(NamedTuple):
    """What `arrays` builds (w, b, X, Y) from. magnitude: about the largest |z|; folded: with a
    scale and a shift."""

    m: int
    n_x: int
    dtype: str = "float64"
    order: str = "example-major"
    magnitude: float = 1.0
    folded: str = "none"
    lambda_: float = 0.0
    labels: str = "both"
    seed: int = 0


class Comparison(NamedTuple):
    """largest: elements of X at most. dtypes, orders: what the backend is tried on. literal: dz is
    a - y as on the slides, where a close to y leaves an error of one rounding of 1."""

    largest: int
    dtypes: tuple[str, ...]
    orders: tuple[str, ...]
    literal: bool = False


ON_CPU = tuple(name for name in BACKENDS if not BY_NAME[name].on_device)

# The compiled loops are one specialization for each dtype and order: a few of them.
COMPARISONS = {
    "python": Comparison(300, IN_PLACE + CONVERTED, ORDERS, literal=True),
    "loops": Comparison(
        300 if WITHOUT_JIT else 60_000, ("uint8", "float32", "float64"), ORDERS[:2], literal=True
    ),
    "numpy": Comparison(60_000, IN_PLACE + CONVERTED, ORDERS),
    "fused": Comparison(2_000 if WITHOUT_JIT else 60_000, IN_PLACE + CONVERTED, ORDERS),
}


@st.composite
def problems(draw, comparison):
    m = draw(
        st.sampled_from(BORDERS_M).filter(lambda m: m <= comparison.largest) | st.integers(1, 200)
    )
    n_x = draw(st.sampled_from(BORDERS_N) | st.integers(1, 40))
    if m * n_x > comparison.largest:
        n_x = max(1, comparison.largest // m)
    return Problem(
        m,
        n_x,
        draw(st.sampled_from(comparison.dtypes)),
        draw(st.sampled_from(comparison.orders)),
        draw(st.sampled_from(MAGNITUDES)),
        draw(st.sampled_from(("none", "numbers", "per feature"))),
        draw(st.sampled_from((0.0, 0.1, 30.0))),
        draw(st.sampled_from(("both", "zeros", "ones"))),
        draw(st.integers(0, 2**32 - 1)),
    )


class Arrays(NamedTuple):
    w: np.ndarray
    b: float
    X: np.ndarray
    Y: np.ndarray
    options: dict


def values(rng, dtype, shape):
    """Random values of the dtype over its whole use: bits, all integers, floats of a few
    decades."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.4
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low, high = max(info.min, -(2**40)), min(info.max, 2**40)
        return rng.integers(low, high, shape, endpoint=True).astype(dtype)
    return (rng.normal(size=shape) * 10.0 ** rng.integers(-2, 2, shape)).astype(dtype)


def laid_out(by_example, order):
    """by_example (m, n_x) as X (n_x, m) in the given memory order."""
    m, n_x = by_example.shape
    if order == "feature-major":
        return np.ascontiguousarray(by_example.T)
    if order == "strided":
        wide = np.zeros((2 * m, n_x + 3), by_example.dtype)
        wide[::2, 1 : n_x + 1] = by_example
        return wide[::2, 1 : n_x + 1].T
    if order == "reversed":
        return np.ascontiguousarray(by_example[::-1])[::-1].T
    X = np.ascontiguousarray(by_example).T
    X.flags.writeable = order != "read-only"
    return X


def arrays(problem):
    rng = np.random.default_rng(problem.seed)
    by_example = values(rng, problem.dtype, (problem.m, problem.n_x))
    options = {"lambda_": problem.lambda_}
    if problem.folded == "numbers":
        options.update(scale=float(rng.normal()), shift=float(rng.normal()))
    elif problem.folded == "per feature":
        options.update(
            scale=rng.normal(size=(problem.n_x, 1)), shift=rng.normal(size=(problem.n_x, 1))
        )
    seen = options.get("scale", 1.0) * by_example.T.astype(np.float64) + options.get("shift", 0.0)
    w = (
        rng.normal(size=(problem.n_x, 1))
        / (1.0 + np.abs(seen).max(axis=1, keepdims=True))
        / problem.n_x**0.5
    )
    w, b = problem.magnitude * w, problem.magnitude * float(rng.normal())
    Y = {
        "both": rng.random((1, problem.m)) < 0.5,
        "zeros": np.zeros((1, problem.m)),
        "ones": np.ones((1, problem.m)),
    }
    return Arrays(
        w, b, laid_out(by_example, problem.order), Y[problem.labels].astype(np.uint8), options
    )


class Exact(NamedTuple):
    cost: float
    dw: np.ndarray
    db: float
    tolerances: tuple[float, np.ndarray, float]


def exact(w, b, X, Y, lambda_=0.0, scale=1.0, shift=0.0, literal=False):
    """The lectures' formulas in extended precision (80 bits on x86), and how far a float64 result
    may be off."""
    wide = np.longdouble
    w, X, m = w.astype(wide), X.astype(wide), X.shape[1]
    scale, shift = np.asarray(scale, wide), np.asarray(shift, wide)
    seen, size = scale * X + shift, abs(scale) * abs(X) + abs(shift)
    z = (w * seen).sum(axis=0) + wide(b)
    z_size = 1 + (abs(w) * size).sum(axis=0) + abs(b)
    sign = 1 - 2 * Y[0].astype(wide)
    t = sign * z
    e = np.exp(-abs(t))
    loss = np.maximum(t, 0) + np.log1p(e)
    dz = sign * np.where(t >= 0, 1, e) / (1 + e)
    J = loss.sum() / m + wide(lambda_) / (2 * m) * (w * w).sum()
    dw = (seen @ dz)[:, None] / m + wide(lambda_) / m * w
    db = dz.sum() / m
    dz_error = abs(dz) * z_size
    J_tolerance = 1e-12 * (J + dz_error.sum() / m)
    if literal:
        dz_error += 1e-3  # of 1e-12: a few roundings of a number close to 1
    tolerances = (
        J_tolerance,
        1e-12 * ((size @ dz_error)[:, None] / m + wide(lambda_) / m * abs(w)),
        1e-12 * dz_error.sum() / m,
    )
    floor = 1e-300 * (1 + size.max())  # float64 underflows where extended precision does not
    return Exact(J, dw, db, tuple(tolerance + floor for tolerance in tolerances))
