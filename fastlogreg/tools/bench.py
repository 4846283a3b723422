"""Timing one pass of cost and gradient, contenders side by side; `fastlogreg bench` and the
benchmarks stand on it.

The rules: every contender in turn within one process, round after round, so that a busy moment of
the machine hits all of them; a pause before each, in which the last one's threads stop waiting for
more work, and a call that is not timed; then calls one after the other, as training makes them, for
50 ms; the first call of all (which compiles, or loads from the disk cache) apart; medians with
quartiles. OpenBLAS's threads spin for 25 to 100 ms and take half a CPU from whoever comes next: 30
ms after NumPy memory was read at 17 GB/s, after 100 ms at 29. The second call after a pause takes
up to 1.3 times as long as the tenth, whoever's it is (200,000 x 30: 2.2 and 1.7 ms): a part of X
then comes from the third-level cache. Ratios are the result, absolute times are context.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.dense import DesignMatrix
from ..machine.threads import available_threads
from ..maths.arrays import Vector
from ..objective.objective import Objective

Pass = tuple[float, Vector, float]

ORDERS = ("example-major", "feature-major")
DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "int32", "float16", "float32", "float64")
_SAMPLE_SECONDS = 50e-3  # calls shorter than this are timed several at a time
_PAUSE_SECONDS = 0.15
_LONG_SECONDS = 0.3  # calls longer than this warm themselves up


class Times(NamedTuple):
    """Seconds of one call over the rounds: median, quartiles and best; those of the first call;
    number of rounds."""

    median: float
    low: float
    high: float
    best: float
    first: float
    rounds: int


def interleaved(
    contenders: Mapping[str, Callable[[], Any]], rounds: int = 15, most_seconds: float = 10.0
) -> dict[str, Times]:
    """Time the contenders in turn, `rounds` times; one that has used most_seconds runs three rounds
    and no more."""
    first: dict[str, float] = {}
    warm: dict[str, float] = {}
    repeats: dict[str, int] = {}
    for name, call in contenders.items():
        first[name] = _seconds(call, 1)
        warm[name] = _seconds(call, 1)
        repeats[name] = max(1, min(1000, int(_SAMPLE_SECONDS / max(warm[name], 1e-9))))
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for k in range(rounds):
        for name, call in contenders.items():
            if k < 3 or sum(samples[name]) * repeats[name] < most_seconds:
                time.sleep(_PAUSE_SECONDS)
                if warm[name] < _LONG_SECONDS:
                    call()
                samples[name].append(_seconds(call, repeats[name]))
    results = {}
    for name, seconds in samples.items():
        low, median, high = (float(q) for q in np.percentile(seconds, (25, 50, 75)))
        results[name] = Times(median, low, high, min(seconds), first[name], len(seconds))
    return results


def _seconds(call: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def digits(value: float) -> str:
    """Three significant digits, without exponents: 0.0123, 1.20, 123, 4,567."""
    decimals = 2 - math.floor(math.log10(abs(value))) if value else 2
    return f"{value:,.{max(0, decimals)}f}"


class NumPyPass:
    """Cost and gradient in NumPy, as fast as we could write it: two matrix-vector products on
    BLAS's own threads, the link in place on work arrays made once, in the dtype of X, float32 or
    float64.

    With t = (1 - 2y) z: loss = log(1 + e^t), dz = (1 - 2y) e^t / (1 + e^t), where t is cut off
    before e^t overflows. About twice as fast as the lectures' formula and several times as fast as
    np.logaddexp, which has no vector code. X (n_x, m) in either order; y (m,) of 0 and 1.
    """

    def __init__(self, X: NDArray[Any], y: NDArray[Any]) -> None:
        self.X, self.m = X, X.shape[1]
        self.sign = (1 - 2 * y.astype(X.dtype)).astype(X.dtype)
        self.z, self.e, self.q = (np.empty(self.m, X.dtype) for _ in range(3))
        self.cut = X.dtype.type(80.0 if X.dtype == np.float32 else 700.0)

    def __call__(self, w: Vector, b: float) -> Pass:
        """J, dw (n_x,) and db at (w, b)."""
        np.dot(w.astype(self.X.dtype), self.X, out=self.z)
        self.z += self.X.dtype.type(b)
        J, dz = self.link()
        return (
            J / self.m,
            np.dot(self.X, dz).astype(np.float64) / self.m,
            float(dz.sum(dtype=np.float64)) / self.m,
        )

    def link(self) -> tuple[float, NDArray[Any]]:
        """Sum of the losses, and dz, from z."""
        e, q = self.e, self.q
        np.multiply(self.sign, self.z, out=e)
        np.minimum(e, self.cut, out=e)
        np.exp(e, out=e)
        np.log1p(e, out=q)
        J = float(q.sum(dtype=np.float64))
        np.add(e, 1, out=q)
        np.divide(e, q, out=e)
        np.multiply(e, self.sign, out=e)
        return J, e


def numpy_dtype(dtype: Any) -> np.dtype[Any]:
    """Return what NumPy computes an X of this dtype in: float32 where that holds every value, else
    float64."""
    dtype = np.dtype(dtype)
    return np.dtype(np.float32 if dtype == np.float32 or dtype.itemsize <= 2 else np.float64)


def random_problem(
    m: int, n_x: int, dtype: Any, order: str = "example-major", seed: int = 0
) -> tuple[NDArray[Any], NDArray[np.uint8], Vector]:
    """X (n_x, m) of that dtype and order, y (m,) and a w (n_x,) with which z is of the order of
    1."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "f":
        made = rng.standard_normal((m, n_x), dtype=numpy_dtype(dtype).type).astype(
            dtype, copy=False
        )
        size = 1.0
    else:
        made = rng.integers(0, 2 if dtype.kind == "b" else 100, (m, n_x), dtype=dtype.type)
        size = 1.0 if dtype.kind == "b" else 100.0
    X = made.T if order == "example-major" else np.ascontiguousarray(made.T)
    return (
        X,
        (rng.random(m) < 0.5).astype(np.uint8),
        rng.standard_normal(n_x) / (size * np.sqrt(n_x)),
    )


def objective(
    X: NDArray[Any], y: NDArray[np.uint8], backend: str, n_threads: int | None = None
) -> Objective:
    """Return the objective without penalty, scale and shift."""
    n_x = X.shape[0]
    return Objective(DesignMatrix(X, np.ones(n_x), np.zeros(n_x)), y, 0.0, backend, n_threads)


class Backends(NamedTuple):
    """What `backends` found: the shape, seconds of each backend, and of reading probe_bytes."""

    m: int
    n_x: int
    dtype: np.dtype[Any]
    order: str
    n_threads: int
    times: dict[str, Times]
    probe_bytes: int

    @property
    def bandwidth(self) -> float:
        """Bytes read per second by the probe."""
        return self.probe_bytes / self.times["read"].median

    def rate(self, name: str) -> float:
        """Bytes of X per second of a backend."""
        return self.m * self.n_x * self.dtype.itemsize / self.times[name].median


def backends(
    m: int,
    n_x: int,
    dtype: str = "float64",
    order: str = "example-major",
    n_threads: int | None = None,
    rounds: int = 15,
) -> Backends:
    """Loops, NumPy and the fused kernel on one random X, and the read probe between them.

    NumPy gets X as float32 or float64, converted beforehand, in the same order. Raises ValueError
    for a dtype, an order or a size that there is not.
    """
    from ..checks.arguments import check_choice, check_number
    from .bandwidth import read_probe

    check_choice("dtype", dtype, DTYPES)
    check_choice("order", order, ORDERS)
    for name, value in (("m", m), ("n_x", n_x), ("rounds", rounds)):
        check_number(name, value, low=1, integer=True)
    n_threads = available_threads() if n_threads is None else n_threads
    X, y, w = random_problem(m, n_x, dtype, order)
    passes: dict[str, Callable[[Vector, float], Pass]] = {
        "loops": objective(X, y, "loops", n_threads).cost_and_gradient,
        "numpy": NumPyPass(X.astype(numpy_dtype(X.dtype), copy=False), y),
        "fused": objective(X, y, "fused", n_threads).cost_and_gradient,
    }
    read, probe_bytes = read_probe(n_threads)
    contenders: dict[str, Callable[[], Any]] = {
        name: _bound(run, w) for name, run in passes.items()
    }
    times = interleaved({**contenders, "read": read}, rounds)
    return Backends(m, n_x, X.dtype, order, n_threads, times, probe_bytes)


def _bound(run: Callable[[Vector, float], Any], w: Vector) -> Callable[[], Any]:
    return lambda: run(w, 0.1)
