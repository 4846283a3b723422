"""Where an estimator computes: on the CPU, or on a GPU, where X may lie already."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.choice import BY_NAME
from ..checks.arguments import check_choice
from ..data.on_gpu import device_design, is_on_gpu

BACKENDS = {"cpu": "fused", "cuda": "cuda"}  # the backend of each device


def backend_of(estimator: Any) -> str:
    """Return the backend of the estimator's device; raises where that is none, or not there."""
    name = BACKENDS[check_choice("device", getattr(estimator, "device", "cpu"), tuple(BACKENDS))]
    BY_NAME[name].require()
    return name


def taken_there(estimator: Any, X: Any, y: Any) -> NDArray[Any]:
    """Return y for an X (m, n_features) on a GPU, whose columns the estimator takes over.

    Raises
    ------
    ValueError
        Where the estimator computes on the CPU, and where y has another length.
    """
    if not BY_NAME[backend_of(estimator)].on_device:
        raise ValueError(
            f"{type(estimator).__name__} computes on the CPU, and X lies on a GPU. Pass "
            'device="cuda" to LogisticRegression, or bring X into memory: of CuPy X.get(), of a '
            "tensor X.cpu().numpy()"
        )
    design = device_design(X, 1.0, 0.0, examples_in_rows=True)
    labels = np.asarray(on_cpu(y)).reshape(-1)
    if len(labels) != design.m:
        raise ValueError(
            f"y must have a label for each of the {design.m} rows of X; got {len(labels)}"
        )
    estimator.n_features_in_ = design.n_x
    if hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    return labels


def on_cpu(y: Any) -> Any:
    """Return labels in memory, also where they lie on a GPU."""
    if not is_on_gpu(y):
        return y
    from ..cuda.arrays import in_memory

    return in_memory(y)
