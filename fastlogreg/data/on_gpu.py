"""An X that lies on a GPU already, as a design: read in place by the backend "cuda".

What is asked for by row comes to the CPU, a block at a time: samples, and the search for a NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_per_feature, find_non_finite, require_finite
from ..kernels.layout import NARROW
from .dense import DesignMatrix
from .design import Design

if TYPE_CHECKING:
    from ..cuda.gather import Matrix

BLOCK_ELEMENTS = 1 << 22  # that come to the CPU at a time


class DeviceMatrix(Design):
    """Hold X (n_x, m) on the GPU with scale and shift."""

    def __init__(
        self, matrix: Matrix, scale: NDArray[np.float64], shift: NDArray[np.float64]
    ) -> None:
        self.matrix, self.scale, self.shift = matrix, scale, shift
        self.n_x, self.m = matrix.n_x, matrix.m
        self.few_features = self.n_x <= NARROW

    @property
    def on_gpu(self) -> Matrix:
        return self.matrix

    @property
    def nbytes(self) -> int:
        return int(self.matrix.x.nbytes)

    @property
    def has_examples_at_hand(self) -> bool:
        return True

    @property
    def form(self) -> str:
        order = "example-major" if self.matrix.by_example else "feature-major"
        return f"{self.n_x} x {self.m} {np.dtype(self.matrix.x.dtype).str} {order} on a GPU"

    def rescaled(self, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> DeviceMatrix:
        return self.with_moments(DeviceMatrix(self.matrix, scale, shift))

    def rows(self, indices: NDArray[np.intp]) -> DeviceMatrix:
        from ..cuda.gather import gather

        return DeviceMatrix(gather(self.matrix, indices), self.scale, self.shift)

    def every(self, step: int) -> NDArray[Any]:
        return self.rows(np.arange(0, self.m, step)).on_cpu()

    def on_cpu(self) -> NDArray[Any]:
        """Return a copy of X itself, (m, n_x)."""
        flat = np.asarray(self.matrix.x.copy_to_host())
        if self.matrix.by_example:
            return flat.reshape(self.m, self.n_x)
        return flat.reshape(self.n_x, self.m).T

    def parts(self) -> Iterator[tuple[int, int, DesignMatrix]]:
        """Yield copies of blocks in memory."""
        step = max(64, BLOCK_ELEMENTS // self.n_x)
        for lo in range(0, self.m, step):
            hi = min(self.m, lo + step)
            x = self.rows(np.arange(lo, hi)).on_cpu()
            yield lo, hi, DesignMatrix(x.T, self.scale, self.shift)

    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        for first, _, part in self.parts():
            for lo, hi, x in part.float_blocks(least):
                yield first + lo, first + hi, x

    def require_finite(self, names: Sequence[str] | None = None) -> None:
        for first, _, part in self.parts():
            require_finite(part.X, names, first)

    def find_non_finite(self) -> tuple[int, int, float] | None:
        for first, _, part in self.parts():
            found = find_non_finite(part.X)
            if found is not None:
                row, column = found
                return first + row, column, float(part.X[column, row])
        return None


def is_on_gpu(X: Any) -> bool:
    """Tell whether X is an array on a GPU: of CuPy, PyTorch, JAX or Numba."""
    if isinstance(X, np.ndarray) or not (
        hasattr(type(X), "__cuda_array_interface__") or hasattr(X, "__dlpack_device__")
    ):
        return False
    from ..cuda.arrays import is_foreign

    return is_foreign(X)


def device_design(X: Any, scale: Any, shift: Any, examples_in_rows: bool = False) -> DeviceMatrix:
    """Return an X on a GPU, (n_x, m) or (m, n_x), as a design; nothing is copied.

    Raises as `cuda.device.require` where there is no GPU, and as `cuda.gather.matrix_of`.
    """
    from ..cuda import device
    from ..cuda.gather import matrix_of

    device.require()
    matrix = matrix_of(X, examples_in_rows)
    per_feature = (
        check_per_feature(name, value, matrix.n_x)
        for name, value in (("scale", scale), ("shift", shift))
    )
    return DeviceMatrix(matrix, *per_feature)
