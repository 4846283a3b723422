"""Mean and spread of each feature, in blocks, so that X is not copied."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import is_sparse

Array = NDArray[np.float64]
_BLOCK_ELEMENTS = 1 << 20


def spreads(X: Any) -> tuple[Array, Array] | None:
    """Return mean and standard deviation of each feature, (n_x,); None where X is in blocks.

    X (n_x, m), an array or scipy's sparse. A block of features at a time, less their first means,
    so that no digit is lost on the way.
    """
    if is_sparse(X):
        return _of_sparse(X)
    if not isinstance(X, np.ndarray):
        return None
    mean, spread = np.empty(len(X)), np.empty(len(X))
    step = max(1, _BLOCK_ELEMENTS // max(1, X.shape[1]))
    for k in range(0, len(X), step):
        block = X[k : k + step].astype(np.float64)
        mean[k : k + step] = block.mean(axis=1)
        block -= mean[k : k + step, None]
        spread[k : k + step] = np.sqrt(np.mean(block * block, axis=1))
    return mean, spread


def _of_sparse(X: Any) -> tuple[Array, Array]:
    rows = X.tocsr()
    mean = np.asarray(rows.mean(axis=1), np.float64).reshape(-1)
    squares = rows.astype(np.float64)
    squares.data = np.square(squares.data)
    square = np.asarray(squares.mean(axis=1), np.float64).reshape(-1)
    return mean, np.sqrt(np.maximum(square - np.square(mean), 0.0))
