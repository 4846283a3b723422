"""Some examples of X on the GPU, copied there: `gather`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from .arrays import launch, taken
from .pieces import kernel, unsigned


class Matrix(NamedTuple):
    """Hold X (n_x, m) on the GPU, flat. by_example: examples, not features, are contiguous."""

    x: Any
    n_x: int
    m: int
    by_example: bool


def matrix_of(X: Any, examples_in_rows: bool) -> Matrix:
    """Return a GPU's array as X, in place: (m, n_x), or (n_x, m).

    Raises TypeError or ValueError as `arrays.taken` does, and where X has no element.
    """
    found, shape = taken(X), tuple(int(size) for size in X.shape)
    what = "(m, n_x), one example per row" if examples_in_rows else "(n_x, m), one a column"
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"X must have shape {what}, with at least one feature and one example; got {shape}"
        )
    if found.is_c_contiguous():
        flat, by_rows = found.reshape(found.size), True
    elif found.is_f_contiguous():
        flat, by_rows = found.reshape((found.size,), order="F"), False
    else:
        raise ValueError(
            f"X on a GPU must be contiguous, example by example or feature by feature; got shape "
            f"{shape} with strides {tuple(found.strides)}. Copy it there once: "
            "cupy.ascontiguousarray(X), of a tensor X.contiguous()"
        )
    m, n_x = shape if examples_in_rows else shape[::-1]
    return Matrix(flat, n_x, m, by_rows == examples_in_rows)


@kernel
def gather_kernel(x: Any, chosen: Any, out: Any, n_x: int, m: int, by_example: bool) -> None:
    """Put the chosen examples into out (count, n_x), flat."""
    for at in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        row = at // n_x
        i, j = chosen[row], at - row * n_x
        out[at] = x[unsigned(i * n_x + j)] if by_example else x[unsigned(j * m + i)]


def gather(X: Matrix, indices: NDArray[np.intp]) -> Matrix:
    """Return a copy of these examples on the GPU, one after the other."""
    out = cuda.device_array(len(indices) * X.n_x, X.x.dtype)
    chosen = cuda.to_device(np.ascontiguousarray(indices, np.int64))
    launch(gather_kernel, out.size)(X.x, chosen, out, X.n_x, X.m, X.by_example)
    return Matrix(out, X.n_x, len(indices), True)
