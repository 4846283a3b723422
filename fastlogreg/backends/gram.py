"""The Gram matrix of the examples of a dense X: from bytes as integers, else by BLAS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..data.dense import DesignMatrix
from ..machine.threads import run_on
from ..maths.arrays import Vector


def gram(design: DesignMatrix, n_threads: int, between: Callable[[], object]) -> Vector:
    """Return K = Xs.T Xs, (m, m), with Xs = scale * X + shift.

    It is made from bytes as integers where `of_bytes` says so. Else it is made by BLAS, from slabs
    of features of at most 8 MiB. `between` is called several times, for budgets.
    """
    design.check_file()
    if of_bytes(design):
        return _gram_of_bytes(design, n_threads, between)
    X, scale, shift = design.X, design.scale, design.shift
    K = np.zeros((design.m, design.m))
    step = max(1, (1 << 20) // design.m)
    as_it_is = X.dtype == np.float64 and bool((scale == 1.0).all() and (shift == 0.0).all())
    for j in range(0, design.n_x, step):
        between()
        slab = X[j : j + step]
        if not as_it_is:
            slab = slab * scale[j : j + step, None] + shift[j : j + step, None]
        K += slab.T @ slab
    return K


def of_bytes(design: DesignMatrix) -> bool:
    """Return whether `gram` is made by `kernels.uint8.choice`: scale and shift are one number."""
    if not design.by_example or not design.of_bytes:
        return False
    from ..kernels.uint8.choice import LEAST_GRAM

    scale, shift = design.scale, design.shift
    uniform = bool((scale == scale[0]).all() and (shift == shift[0]).all())
    return uniform and design.m >= LEAST_GRAM


def _gram_of_bytes(design: DesignMatrix, n_threads: int, between: Callable[[], object]) -> Vector:
    """Return s^2 x.T x + s t (sum x_i + sum x_j) + n_x t^2, with scale s and shift t.

    The integers in it are exact.
    """
    from ..kernels.uint8.avx512 import byte_sums
    from ..kernels.uint8.choice import GRAM, gram

    n_x, m = design.n_x, design.m
    [(_, _, x)] = design.flat_blocks()
    K, totals = np.zeros((m, m)), np.empty(m)
    byte_sums(x, n_x, totals)
    step = max(1, int(5e9 / (n_x * m * GRAM))) * GRAM  # some 0.1 s on one core
    for first in range(0, m, step):
        between()
        last, counter = min(m, first + step), np.zeros(1, np.int64)
        run_on(n_threads, partial(gram, x, n_x, totals, first, last, K, counter))
    K = np.tril(K) + np.tril(K, -1).T
    s, t = float(design.scale[0]), float(design.shift[0])
    sums = s * t * totals
    return s * s * K + (sums[:, None] + (sums + n_x * t * t)) if t else s * s * K
