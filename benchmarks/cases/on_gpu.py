"""Problems that are made on a GPU, where a copy from memory would take longer than the fit."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import cuda

THREADS = 256


class OnGPU(NamedTuple):
    """Hold X (m, n_x) on the GPU, example by example, and labels (m,) of 0 .. classes - 1."""

    X: Any
    y: Any


@cuda.jit
def fill(x: Any, levels: float) -> None:
    """Fill with numbers that look random: from -1 to 1, or whole ones below `levels`."""
    for at in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        h = (at * 2654435761 + (at >> 32)) & 0xFFFFFFFF
        h = ((h ^ (h >> 15)) * 2246822519) & 0xFFFFFFFF
        h = ((h ^ (h >> 13)) * 3266489917) & 0xFFFFFFFF
        share = (h >> 8) / 16777216.0
        x[at] = share * levels if levels > 0.0 else 2.0 * share - 1.0


def numbers(m: int, n_x: int, dtype: str) -> Any:
    """Return X (m, n_x) on the GPU, of any type."""
    flat = cuda.device_array(m * n_x, np.dtype(dtype))
    blocks = min(4096, -(-m * n_x // THREADS)) if m * n_x > 1 << 16 else 1
    fill[blocks, THREADS](flat, 256.0 if np.dtype(dtype).kind == "u" else 0.0)
    return flat.reshape(m, n_x)


def labelled(X: Any, classes: int = 2) -> OnGPU:
    """Draw labels from a model of a few features, in memory."""
    m, n_x = X.shape
    rng = np.random.default_rng(0)
    few = min(n_x, 10)
    some = np.asarray(X.reshape(m * n_x).copy_to_host()).reshape(m, n_x)[:, :few]
    scale = float(np.abs(some[:1000]).max()) or 1.0
    Z = (some / scale - 0.5) @ rng.normal(0.0, 2.0, (few, classes))
    return OnGPU(X, (Z + rng.gumbel(size=Z.shape)).argmax(axis=1))
