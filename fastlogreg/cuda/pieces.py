"""What kernels are made of: the loss, a number of X as float64, rows of sums added up."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numba import cuda, float64

from ..maths.polynomials import LOWEST
from . import loss
from .shuffles import SIMULATED, on_device
from .sizes import Sizes

if not SIMULATED:
    from numba.cuda import libdevice

BITS_OF_4096 = 0x40B00000  # the high half; ones are 256 there
BESIDE = 0x7604  # its highest two bytes, byte 0 of the word, its lowest byte
REGISTERS = 128  # of a thread: with 256 threads a block two blocks share a multiprocessor
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Any:
    """Compile a kernel; the simulator knows no registers."""
    if SIMULATED:
        return cuda.jit(function)
    return cuda.jit(max_registers=REGISTERS)(function)


exp_of_minus = on_device(loss.exp_of_minus)
log1p = on_device(loss.log1p)
link = on_device(loss.link_with(exp_of_minus, log1p))


# An index that may be negative costs a comparison and a sum each.
unsigned = np.uint64


@on_device
def one(word: Any, place: int, nothing: Any) -> float:
    """Return a number as float64."""
    return np.float64(word)


if SIMULATED:

    def of_four(word: Any, place: int, nothing: Any) -> float:
        """Return a byte of a word as float64."""
        return np.float64((word >> np.uint32(8 * place)) & np.uint32(255))

else:

    @cuda.jit(device=True)  # type: ignore[untyped-decorator]
    def of_four(word: Any, place: int, nothing: Any) -> float:
        """Return a byte of a word as float64: put into the bits of 4096, less 4096.

        Both are exact. A GPU subtracts four times as fast as it converts.
        """
        bits = libdevice.byte_perm(word, BITS_OF_4096 | nothing, BESIDE + 16 * place)
        return libdevice.hiloint2double(bits, 0) - 4096.0


@on_device
def same(word: Any, nothing: Any) -> Any:
    """Return a word."""
    return word


@on_device
def altered(word: Any, nothing: Any) -> Any:
    """Return a word of bytes; nothing: 0, of which the compiler does not know that.

    Otherwise it would keep all bytes of all words as float64, in more registers than there are,
    in place of taking them out of the word once more.
    """
    return word ^ nothing


@on_device
def weighted_link(z: float, y: int, weight: float, linear: bool) -> Any:
    """Return loss, dz and da/dz, weighted; linear: weight z^2 / 2, weight z and 0."""
    if linear:
        d = weight * z
        return 0.5 * d * z, d, 0.0
    value, d, slope = link(z, np.float64(y))
    return weight * value, weight * d, weight * slope


@on_device
def softmax_size(z: float, largest: float) -> float:
    """Return exp(z - largest); NaN where that is."""
    size = largest - z
    return exp_of_minus(LOWEST if size > LOWEST else size)


@cache
def fold_of(sizes: Sizes) -> Any:
    """Make the kernel that adds rows of sums, in their order: see `fold`."""
    WARPS, LANES = sizes.warps, sizes.lanes

    @kernel
    def fold(partials: Any, total: Any) -> None:
        """Add the rows of partials (rows, columns): a warp adds a stretch of rows, for 32 columns;
        the stretches are added in their order."""
        shared = cuda.shared.array((WARPS, LANES), float64)
        warp, lane = cuda.threadIdx.x // LANES, cuda.threadIdx.x % LANES
        column = cuda.blockIdx.x * LANES + lane
        rows, columns = partials.shape
        stretch = (rows + WARPS - 1) // WARPS
        s = 0.0
        if column < columns:
            for c in range(warp * stretch, min(rows, (warp + 1) * stretch)):
                s += partials[c, column]
        shared[warp, lane] = s
        cuda.syncthreads()
        if warp == 0 and column < columns:
            s = 0.0
            for k in range(WARPS):
                s += shared[k, lane]
            total[column] = s

    return fold


@on_device
def add_heads(heads: Any, partials: Any, c: int, thread: int, count: int) -> None:
    """Add what the warps have put into heads (warps, count), in their order, to row c."""
    if thread < count:
        total = 0.0
        for k in range(heads.shape[0]):
            total += heads[k, thread]
        partials[c, thread] = total
