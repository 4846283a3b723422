"""The lectures' explicit loops over the examples, compiled in parallel or interpreted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dense import DesignMatrix
from ..data.design import Design
from ..maths.arrays import NONE, Labels, Vector
from ..maths.softmax import ClassLabels
from .base import ClassSums, Sums, dense_in_memory
from .fused_backend import Fused
from .vectorized import Converted

_loops_lock = threading.Lock()
_loops_process = 0


def loops(
    design: DesignMatrix,
    X: NDArray[Any],
    y: NDArray[np.uint8],
    w: Vector,
    b: float,
    *,
    n_threads: int,
    compiled: bool,
) -> Sums:
    """Sum over the examples by the lectures' loops, compiled or interpreted.

    X is design.X in a dtype that Numba has. The lectures do not sum da/dz: it is NaN here.
    """
    from . import literal_loops

    m = design.m
    w, b = design.fold(w, b)
    shares = _shares(m)
    J, dw, db = np.zeros(shares), np.zeros((shares, design.n_x)), np.zeros(shares)
    arguments = (w[:, None], b, X, y[None, :], J, dw, db)
    if compiled:
        _run_compiled_loops(literal_loops.compiled, arguments, n_threads)
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            literal_loops.cost_and_gradient(*arguments)
    total_db = float(db[0]) * m
    return Sums(float(J[0]) * m, design.unfold(dw[0] * m, total_db), total_db, np.nan)


def softmax_loops(
    design: DesignMatrix,
    X: NDArray[Any],
    labels: ClassLabels,
    W: Vector,
    b: Vector,
    *,
    n_threads: int,
    compiled: bool,
) -> ClassSums:
    """Sum the softmax loss over the examples by explicit loops, compiled or interpreted.

    X is design.X in a dtype that Numba has; W (K, n_x), b (K,).
    """
    from . import literal_softmax

    m, (K, n_x) = design.m, W.shape
    with np.errstate(invalid="ignore", over="ignore"):
        w, b = np.ascontiguousarray((W * design.scale).T), b + W @ design.shift
    shares = _shares(m)
    J, dw, db = np.zeros(shares), np.zeros((shares, n_x, K)), np.zeros((shares, K))
    arguments = (w, b[:, None], X, labels[None, :], J, dw, db, *np.empty((2, shares, K)))
    if compiled:
        _run_compiled_loops(literal_softmax.compiled, arguments, n_threads)
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            literal_softmax.cost_and_gradient(*arguments)
    total_db = db[0] * m
    with np.errstate(invalid="ignore", over="ignore"):
        total_dw = dw[0].T * m * design.scale + np.outer(total_db, design.shift)
    return ClassSums(float(J[0]) * m, total_dw, total_db)


def _shares(m: int) -> int:
    return max(1, min(32, m // 8))


def _run_compiled_loops(
    compiled: Callable[..., Any], arguments: tuple[Any, ...], n_threads: int
) -> None:
    """Run the loops in parallel where Numba's threading layer can bear it.

    Its OpenMP layer kills a child forked after its first use. Its workqueue aborts when two Python
    threads enter. So a forked child goes in serially and others one by one; the serial loops give
    the same bits.
    """
    global _loops_process
    import numba

    if n_threads <= 1 or numba.config.DISABLE_JIT or _loops_process not in (0, os.getpid()):
        compiled(parallel=False)(*arguments)
        return
    _loops_process = os.getpid()
    with _loops_lock:
        before = numba.get_num_threads()
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))
        try:
            compiled(parallel=True)(*arguments)
        finally:
            numba.set_num_threads(before)


class Loops(Fused):
    """Compute a pass by the lectures' loops, compiled, on a dense X in memory.

    They know no weights, no other link, and keep no z: passes with those, and everything that is no
    pass, are the production kernels'.
    """

    name = "loops"
    any_form, whole_runs = False, False

    def __init__(self, n_threads: int) -> None:
        super().__init__(n_threads)
        self._X = Converted(_as_numba_reads_it)

    def sums(
        self,
        design: Design,
        y: Labels,
        w: Vector,
        b: float,
        *,
        weight: Vector = NONE,
        linear: bool = False,
        zs: Vector = NONE,
    ) -> Sums:
        if linear or weight.size or zs.size:
            return super().sums(design, y, w, b, weight=weight, linear=linear, zs=zs)
        x, compiled = dense_in_memory(design), not self.interpreted
        return loops(x, self._X.of(x), y, w, b, n_threads=self.n_threads, compiled=compiled)

    def class_sums(
        self,
        design: Design,
        labels: ClassLabels,
        W: Vector,
        b: Vector,
        *,
        weight: Vector = NONE,
        zs: Vector = NONE,
    ) -> ClassSums:
        if weight.size or zs.size:
            return super().class_sums(design, labels, W, b, weight=weight, zs=zs)
        x, compiled = dense_in_memory(design), not self.interpreted
        return softmax_loops(
            x, self._X.of(x), labels, W, b, n_threads=self.n_threads, compiled=compiled
        )

    def seconds(self, design: Design) -> float | None:
        return None  # from half a nanosecond an element to hundreds


class Interpreted(Loops):
    """Compute a pass by the source of the lectures' loops, interpreted."""

    name = "python"
    interpreted = True


def _as_numba_reads_it(X: NDArray[Any]) -> NDArray[Any]:
    """Return X, or X as float64: Numba has no float16, no long double and no foreign byte order."""
    numbas = X.dtype.char in "?bBhHiIlLqQfd" and X.dtype.isnative
    return X if numbas else X.astype(np.float64)
