"""Compiling ahead: a service that answers its first request at full speed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..api.training import train
from ..backends.choice import backend_of
from ..checks.arguments import Backend
from ..data.dense import DesignMatrix
from ..data.tuning import tuning
from ..kernels.layout import LANES
from ..kernels.tables import LONG_BYTES
from ..solvers import registry
from ..solvers.result import TrainingWarning


def warmup(dtypes: Any = ("float64",), backend: Backend = "fused") -> float:
    """Compile the kernels for X of these dtypes, or load them from the disk cache.

    Example-major and feature-major X are covered alike. After it the first `train` or `propagate`
    on such an X compiles nothing, in this process. With a writable cache folder later processes
    load in a fraction of a second what this one compiled.

    Parameters
    ----------
    dtypes : dtype or sequence of dtypes, default=("float64",)
        Whatever `numpy.dtype` takes.
    backend : {"fused", "loops", "numpy", "python"}, default="fused"
        The backend to compile for.

    Returns
    -------
    float
        The seconds that it took.

    Raises
    ------
    ValueError or TypeError
        For a dtype that X cannot have.

    References
    ----------
    `fastlogreg doctor` says where the cache folder is, and whether it is writable.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.warmup("float64", backend="numpy") > 0.0
    True
    """
    start = time.perf_counter()
    names: Iterable[Any] = (dtypes,) if isinstance(dtypes, (str, type, np.dtype)) else dtypes
    # Before the first one is compiled: every name is a dtype.
    chosen = [_dtype(name) for name in names]
    for dtype in chosen:
        # In blocks, by sixteen examples (9 to 16 features have a way of their own), wide, by eight
        # or as bytes, by strips and with a Hessian of many features, by four examples or slabs: the
        # shape chooses.
        for n_x, m in ((2, 16), (8, 16), (12, 16), (16, 2), (96, 8), (41, 64), (4096, 8)):
            X = (np.arange(n_x * m).reshape(n_x, m) % 3 == 0).astype(dtype)
            Y = (np.arange(m) % 2)[np.newaxis]
            for ordered in (np.ascontiguousarray(X), np.asfortranarray(X)):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", TrainingWarning)
                    for solver in registry.names():
                        train(ordered, Y, iterations=1, lambda_=1.0, solver=solver, backend=backend)
        _other_level(dtype, backend)
        _several_classes(dtype, backend)
    return time.perf_counter() - start


def _other_level(dtype: np.dtype[Any], backend: Backend) -> None:
    """Compile what asks for X in another cache, beyond the last-level cache or of long examples.

    Tables of some CPUs have that: see `kernels.tables`.
    """
    table = tuning().table
    if table.cached.level == table.memory.level == table.long.level:
        return
    for n_x, fits in ((41, False), (LONG_BYTES // (LANES * dtype.itemsize) + 1, True)):
        X = np.zeros((n_x, LANES), dtype, order="F")
        design = DesignMatrix(X, np.ones(n_x), np.zeros(n_x))
        design.fits = fits
        backend_of(backend, 1).sums(design, np.zeros(LANES, np.uint8), np.zeros(n_x), 0.0)


def _several_classes(dtype: np.dtype[Any], backend: Backend) -> None:
    """Compile what several classes need; one kernel takes every dtype, order and shape."""
    for n_x, m in ((4, 24), (96, 8)):
        X = (np.arange(n_x * m).reshape(n_x, m) % 5 < 2).astype(dtype)
        Y = (np.arange(m) % 3)[np.newaxis]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            for solver in registry.names():
                how: dict[str, Any] = {"solver": solver, "backend": backend}
                train(X, Y, classes=3, iterations=1, lambda_=1.0, **how)
    if backend_of(backend, 1).whole_runs:
        from ..kernels.second_order.cholesky import solve_each

        # L-BFGS with a factor for each class comes with larger X than these.
        solve_each(np.ones((1, 1, 1)), np.ones((1, 1)), np.empty((1, 1)))


def _dtype(name: Any) -> np.dtype[Any]:
    try:
        dtype = np.dtype(name)
    except TypeError as error:
        raise TypeError(
            f"dtypes must name dtypes that numpy.dtype knows; got {name!r} ({error})"
        ) from None
    if dtype.kind not in "biuf":
        raise TypeError(f"dtypes must be boolean, integer or real dtypes, as X's; got {name!r}")
    return dtype
