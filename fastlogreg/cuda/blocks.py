"""X on the GPU: as a whole, or block after block while the one before is computed on.

    host, or a file  ->  pinned memory  ->  the GPU        copies on one stream
                                            kernels        on another

There are two of each buffer. While kernels work on one block, the next one is read from its file or
array into pinned memory, and copied. An event holds kernels back until their block is there, and a
copy until its room is free. Blocks of an X are whole chunks: a row of sums has the same bits
whether X is there as a whole or comes in blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from .arrays import READ

BLOCK_BYTES = 64 << 20  # of a block of X on its way to the GPU


class Block(NamedTuple):
    """Hold examples lo to hi of X, (n_x, hi - lo), flat on the GPU.

    by_example: they lie one after the other, rather than the features.
    """

    lo: int
    hi: int
    x: Any
    n_x: int
    by_example: bool


class Blocks(NamedTuple):
    """Hold all blocks of X (n_x, m), in order.

    aligned: each but the last one has whole chunks of X, so that sums have the bits of one block.
    """

    m: int
    n_x: int
    blocks: Iterable[Block]
    aligned: bool


class Piece(NamedTuple):
    """Hold examples lo to hi of X in memory or in a file, x (n_x, hi - lo)."""

    lo: int
    hi: int
    x: NDArray[Any]


def read_as(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which kernels read numbers of this one."""
    native = dtype.newbyteorder("=")
    if native == np.bool_:
        return np.dtype(np.uint8)
    return native if native in READ else np.dtype(np.float64)


def cut(x: NDArray[Any], step: int) -> Iterator[Piece]:
    """Yield so many examples of X (n_x, m) at a time."""
    for lo in range(0, x.shape[1], step):
        hi = min(x.shape[1], lo + step)
        yield Piece(lo, hi, x[:, lo:hi])


def _fill(room: NDArray[np.uint8], piece: Piece, by_example: bool) -> NDArray[Any]:
    """Put a piece into pinned memory in the order that kernels read; return it, flat."""
    n_x, count = piece.x.shape
    dtype = read_as(piece.x.dtype)
    flat = room[: piece.x.size * dtype.itemsize].view(dtype)
    shape = (count, n_x) if by_example else (n_x, count)
    with np.errstate(over="ignore"):  # of a long double: it is infinite from here on
        np.copyto(flat.reshape(shape), piece.x.T if by_example else piece.x, casting="unsafe")
    return flat


class Stream:
    """Copy pieces of X to the GPU ahead of the kernels, through two buffers of `size` bytes.

    rooms: whether the GPU has two as well, for blocks that come and go.
    """

    def __init__(self, size: int, kernels: Any, rooms: bool = True) -> None:
        self.size, self.kernels, self.copies = size, kernels, cuda.stream()
        self.pinned = [cuda.pinned_array(size, np.uint8) for _ in range(2)]
        self.rooms = [cuda.device_array(size, np.uint8) for _ in range(2 * rooms)]
        self.copied = [cuda.event() for _ in range(2)]
        self.used = [cuda.event() for _ in range(2)]

    def blocks(self, pieces: Iterable[Piece], by_example: bool) -> Iterator[Block]:
        """Yield each piece as a block that kernels of the stream may read until the next but one
        is asked for."""
        for count, piece in enumerate(pieces):
            k = count % 2
            if count >= 2:
                self.copied[k].synchronize()  # pinned memory is free again
                self.used[k].wait(self.copies)
            flat = _fill(self.pinned[k], piece, by_example)
            x = self.rooms[k][: flat.nbytes].view(flat.dtype)
            x.copy_to_device(flat, stream=self.copies)
            self.copied[k].record(self.copies)
            self.copied[k].wait(self.kernels)
            yield Block(piece.lo, piece.hi, x, piece.x.shape[0], by_example)
            self.used[k].record(self.kernels)
        self.kernels.synchronize()

    def whole(self, pieces: Iterable[Piece], elements: int) -> Any:
        """Return all of X, so many numbers, flat on the GPU: each piece column after column."""
        x, at = None, 0
        for count, piece in enumerate(pieces):
            k = count % 2
            if count >= 2:
                self.copied[k].synchronize()
            flat = _fill(self.pinned[k], piece, True)
            if x is None:
                x = cuda.device_array(elements, flat.dtype)
            x[at : at + flat.size].copy_to_device(flat, stream=self.copies)
            self.copied[k].record(self.copies)
            at += flat.size
        self.copies.synchronize()
        return x
