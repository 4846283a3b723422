"""Vectors that stay on the GPU between passes, and arrays that others have put there.

A `Resident` stands for z, dz or da/dz of every example where NumPy arrays stand elsewhere. Solvers
hand it back and do not look into it. What looks into it all the same gets a copy: NumPy asks by
`numpy.asarray`.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from . import device
from .links import add_shift, difference
from .sizes import GPU, SIMULATED, Sizes

READ = tuple(
    np.dtype(name)
    for name in (
        "uint8", "int8", "uint16", "int16", "int32", "float16", "float32", "float64",
    )
)  # fmt: skip
ON_DLPACK_CUDA = 2  # kDLCUDA


def sizes() -> Sizes:
    """Return the sizes of blocks and chunks here."""
    return SIMULATED if device.is_simulated() else GPU


class Resident:
    """Hold an array of float64 on the GPU, (m,) or (K, m)."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.shape: tuple[int, ...] = tuple(data.shape)
        self.size = int(np.prod(self.shape))
        self._lost: Any = None  # of a difference: 1 where it is not finite

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        found = self.data.copy_to_host()
        return found if dtype is None else found.astype(dtype, copy=False)

    def __sub__(self, other: Resident) -> Resident:
        out = empty(self.shape)
        lost = cuda.to_device(np.zeros(1))
        launch(difference, self.size)(
            self.data.reshape(self.size), flat(other), out.reshape(self.size), lost
        )
        found = Resident(out)
        found._lost = lost
        return found

    def __add__(self, shift: NDArray[np.float64]) -> Resident:
        """Return z (K, m) with shift (K, 1) added."""
        out = empty(self.shape)
        launch(add_shift, self.size)(self.data, cuda.to_device(shift[:, 0].copy()), out)
        return Resident(out)

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(self)[index]

    def is_finite(self) -> bool:
        """Return whether every number is; of a difference it is known already."""
        if self._lost is None:
            return bool(np.isfinite(np.asarray(self)).all())
        return not bool(self._lost.copy_to_host()[0])


def launch(kernel: Any, threads: int) -> Any:
    """Return a kernel without shared memory, ready for so many threads' work."""
    own = sizes()
    blocks = max(1, min(-(-threads // own.threads), 16 * device.multiprocessors()))
    return kernel[blocks, own.threads]


def empty(shape: Any) -> Any:
    """Return room for float64 on the GPU."""
    return cuda.device_array(shape, np.float64)


def flat(array: Any) -> Any:
    """Return a vector, or a matrix row after row, on the GPU; from there or from NumPy."""
    if isinstance(array, Resident):
        return array.data.reshape(array.size)
    return cuda.to_device(np.ascontiguousarray(array).reshape(-1))


def matrix(array: Any) -> Any:
    """Return a matrix on the GPU, (m,) as (1, m); from there or from NumPy."""
    rows = array.shape[0] if len(array.shape) == 2 else 1
    return flat(array).reshape(rows, array.size // rows)


def is_foreign(X: Any) -> bool:
    """Tell whether X lies on a GPU: an array of CuPy, PyTorch, JAX or Numba."""
    if isinstance(X, np.ndarray):
        return False
    if hasattr(type(X), "__cuda_array_interface__"):
        # PyTorch's tensors all have it, and raise where they lie in memory.
        return _interface(X) is not None
    where = getattr(X, "__dlpack_device__", None)
    return where is not None and int(where()[0]) == ON_DLPACK_CUDA


def _interface(X: Any) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = X.__cuda_array_interface__
    except (AttributeError, TypeError, RuntimeError):
        return None
    return found


def taken(X: Any) -> Any:
    """Return a GPU's array as Numba's, in place; X (n_x, m) is not copied.

    Raises
    ------
    TypeError
        For a type of numbers that kernels do not read.
    ValueError
        Where X is not contiguous.
    """
    found = _in_place(X)
    dtype = np.dtype(found.dtype)
    if dtype == np.bool_:
        found, dtype = found.view(np.uint8), np.dtype(np.uint8)
    if dtype not in READ:
        raise TypeError(
            f"X on a GPU must hold bool or {', '.join(map(str, READ))}; got {dtype}. Convert it "
            "there, for instance with X.astype('float32'), of a tensor X.float()"
        )
    return found


def in_memory(y: Any) -> NDArray[Any]:
    """Return a copy of a GPU's array in memory."""
    return np.asarray(_in_place(y).copy_to_host())


def _in_place(X: Any) -> Any:
    interface = _interface(X)
    if interface is None and hasattr(X, "copy_to_host"):
        return X  # the simulator's own arrays have no interface
    if interface is not None:
        if device.is_simulated():
            from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

            return FakeCUDAArray(np.asarray(_InMemory(interface)))
        return cuda.as_cuda_array(X)
    views = importlib.import_module("cuda.core.utils")  # of a package that comes with numba-cuda
    view = views.StridedMemoryView.from_dlpack(X, stream_ptr=0)
    strides = view.strides and tuple(s * view.dtype.itemsize for s in view.strides)
    interface = {
        "shape": tuple(view.shape),
        "typestr": view.dtype.str,
        "data": (view.ptr, True),
        "strides": strides,
        "version": 3,
    }
    return cuda.as_cuda_array(_Described(interface, view))


class _Described:
    """Show an array that DLPack describes by its interface; it lives as long as this does."""

    def __init__(self, interface: dict[str, Any], owner: Any) -> None:
        self.__cuda_array_interface__, self.owner = interface, owner


class _InMemory:
    """Show the simulator an array that lies in memory, and says that it lies on a GPU."""

    def __init__(self, interface: dict[str, Any]) -> None:
        self.__array_interface__ = interface
