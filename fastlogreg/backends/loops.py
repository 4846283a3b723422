"""The lectures' explicit loops over the examples, compiled in parallel or interpreted."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dense import DesignMatrix
from ..maths.arrays import Vector
from .fused import Sums

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
    """The same by the lectures' loops, compiled or interpreted; X: design.X in a dtype that Numba
    has. The lectures do not sum da/dz: it is NaN here."""
    m = design.m
    w, b = design.fold(w, b)
    shares = max(1, min(32, m // 8))
    J, dw, db = np.zeros(shares), np.zeros((shares, design.n_x)), np.zeros(shares)
    arguments = (w[:, None], b, X, y[None, :], J, dw, db)
    if compiled:
        _run_compiled_loops(arguments, n_threads)
    else:
        from .literal_loops import cost_and_gradient

        with np.errstate(invalid="ignore", over="ignore"):
            cost_and_gradient(*arguments)
    total_db = float(db[0]) * m
    return float(J[0]) * m, design.unfold(dw[0] * m, total_db), total_db, np.nan


def _run_compiled_loops(arguments: tuple[Any, ...], n_threads: int) -> None:
    """In parallel where Numba's threading layer can bear it: its OpenMP layer kills a child forked
    after its first use, its workqueue aborts when two Python threads enter. So a forked child goes
    in serially and others one by one; the serial loops give the same bits."""
    global _loops_process
    import numba

    from .literal_loops import compiled

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
