"""Where the blocks of rows of a large X come from; each source knows its layout and reads blocks in
order.

    MappedRows     .npy, numpy.memmap, an array: one block, read in place
    DatasetRows    an HDF5 dataset, or whatever has shape, dtype and slices: read into two or three
                   reused buffers
    SequenceRows   __len__ and __getitem__, each giving an array (rows, n_x)
    IterableRows   iter() anew for each pass, likewise

The layout of the first two, and of Parquet's (`parquet_rows`), follows from shape and dtype alone,
not from the memory budget: it decides in what order sums are taken, and so the last bits of the
result. Sequences and iterables are counted once.
"""

from __future__ import annotations

import math
import mmap
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..checks.arguments import real_array
from ..files.common import check_fits
from ..machine.file_ahead import Span, reading_ahead
from ..machine.mapped_files import MappedFile
from .read_ahead import Block

COPIED = 16 << 20  # bytes of a block that is read into memory
# of the lists of blocks: a reference and a number in each of two, and room to grow
BYTES_PER_BLOCK = 100
MULTIPLE = 384  # rows: two chunks of `data.dense` for each of two threads


class RowSource(ABC):
    """Reads rows (m, n_x) in blocks.

    bounds: the first row of each block, and m. copies: blocks take memory of their own, each at
    most `largest` bytes. names: of the columns, or None.
    """

    name: str
    n_x: int
    bounds: list[int]
    dtype: np.dtype[Any]
    nbytes: int
    copies = True
    largest: int
    names: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None  # of an example with more dimensions than one

    @property
    def m(self) -> int:
        """Count the rows of all blocks."""
        return self.bounds[-1]

    def check(self) -> None:
        """Raise OSError, before each pass, where the source can be seen to have gone."""
        return

    @abstractmethod
    def read(self, wanted: Sequence[int], in_flight: int) -> Generator[Block, None, None]:
        """Read the blocks of these numbers (rising), one after the other.

        Each stays as it is until in_flight - 1 more have been taken.
        """

    def checked(self, k: int, block: Any) -> Block:
        """Check that block k is an array of the layout's shape; ValueError or TypeError if not."""
        rows = self.bounds[k + 1] - self.bounds[k]
        block = as_block(block, self.n_x)
        if len(block) != rows:
            raise ValueError(f"it has {len(block)} rows, and had {rows} when they were counted")
        return block


def as_block(block: Any, n_x: int | None) -> Block:
    """Check that a block is a real array (rows, n_x) with rows; n_x None: whatever it has."""
    if hasattr(block, "tocsr"):
        raise TypeError("it is a sparse matrix, and blocks must be dense arrays")
    block = real_array("it", block)
    if block.ndim != 2:
        raise ValueError(
            f"it must be an array (rows, n_x), one example per row; got shape {block.shape}"
        )
    if 0 in block.shape:
        raise ValueError(f"it must have at least one row and one column; got shape {block.shape}")
    if n_x is not None and block.shape[1] != n_x:
        raise ValueError(
            f"it must have {n_x} columns, as the first block has; got shape {block.shape}"
        )
    return block


def require_real(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse a dtype that is not of real numbers."""
    if dtype.kind not in "buif":
        raise TypeError(
            f"X must hold real numbers (bool, integer or float dtype); {name} has dtype {dtype}"
        )


def check_count(name: str, blocks: int) -> None:
    """Refuse a source that declares more blocks than can be listed, before they are."""
    check_fits(Path(name), f"the list of {blocks} blocks", BYTES_PER_BLOCK * blocks)


def layout(name: str, m: int, row_bytes: int, target: int, multiple: int = MULTIPLE) -> list[int]:
    """Cut m rows into blocks of about `target` bytes, in multiples of so many rows if these fit."""
    rows = max(1, target // row_bytes)
    if rows >= multiple:
        rows -= rows % multiple
    check_count(name, -(-m // rows))
    return [*range(0, m, rows), m]


class MappedRows(RowSource):
    """Reads an array (m, ...), in memory or mapped from a file, as one block.

    Examples of more dimensions are flattened. The threads of a pass read the map at several places
    at once, ahead of which the system reads by itself. Where it reads too little ahead,
    `machine.file_ahead` asks for more.
    """

    copies = False

    def __init__(self, array: Block, name: str) -> None:
        require_real(name, array.dtype)
        if array.ndim < 2 or array.size == 0:
            raise ValueError(
                f"{name} must have shape (m, n_x), neither of them 0; got {array.shape}"
            )
        self.array = array.reshape(len(array), -1)
        if not np.may_share_memory(self.array, array):
            raise ValueError(
                f"{name} of shape {array.shape} cannot be flattened without a copy; store it in "
                "C order"
            )
        self.name, self.n_x, self.dtype, self.nbytes = (
            name,
            self.array.shape[1],
            array.dtype,
            array.nbytes,
        )
        self.bounds, self.largest = [0, len(array)], 0
        self.image_shape = array.shape[1:] if array.ndim > 2 else None
        self.file = MappedFile.of(self.array)

    def check(self) -> None:
        if self.file is not None:
            self.file.check()

    def read(self, wanted: Sequence[int], in_flight: int) -> Generator[Block, None, None]:
        for _ in wanted:
            yield self.array


class DatasetRows(RowSource):
    """A dataset of shape (m, ...): h5py's, or any other that gives arrays for slices of its
    rows."""

    def __init__(self, dataset: Any, name: str) -> None:
        shape, dtype = (
            tuple(dataset.shape or ()),
            np.dtype(dataset.dtype),
        )  # None: HDF5's empty datasets
        require_real(name, dtype)
        if len(shape) < 2 or 0 in shape:
            raise ValueError(f"{name} must have shape (m, n_x), neither of them 0; got {shape}")
        self.dataset, self.name, self.shape, self.dtype = dataset, name, shape, dtype
        self.n_x = math.prod(shape[1:])
        row_bytes = self.n_x * dtype.itemsize
        chunks = getattr(dataset, "chunks", None)
        self.bounds = layout(
            name, shape[0], row_bytes, COPIED, int(chunks[0]) if chunks else MULTIPLE
        )
        self.nbytes, self.image_shape = shape[0] * row_bytes, shape[1:] if len(shape) > 2 else None
        self.largest = self.bounds[1] * row_bytes
        self.file = _file_of(dataset, self.nbytes)

    def read(self, wanted: Sequence[int], in_flight: int) -> Generator[Block, None, None]:
        direct = hasattr(self.dataset, "read_direct")
        buffers = [
            _buffer((self.bounds[1], *self.shape[1:]), self.dtype)
            for _ in range(in_flight if direct else 0)
        ]
        reached, row_bytes = [0], self.nbytes // self.m
        with reading_ahead(self.file, self._spans(wanted, reached)):
            for i, k in enumerate(wanted):
                lo, hi = self.bounds[k], self.bounds[k + 1]
                reached[0] = lo * row_bytes
                if tuple(self.dataset.shape) != self.shape:
                    raise ValueError(
                        f"the dataset had shape {self.shape}, and has {tuple(self.dataset.shape)} "
                        "now"
                    )
                if direct:
                    block = buffers[i % in_flight][: hi - lo]
                    self.dataset.read_direct(block, np.s_[lo:hi])
                else:
                    block = np.asarray(self.dataset[lo:hi])
                yield self.checked(k, block.reshape(hi - lo, -1))

    def _spans(self, wanted: Sequence[int], reached: list[int]) -> list[Span]:
        """Return what is to be read ahead: all blocks, or none where only some are wanted."""
        file = self.file
        if file is None or len(wanted) < len(self.bounds) - 1:
            return []
        return [(file.first, file.end, lambda: file.first + reached[0])]


def _file_of(dataset: Any, n_bytes: int) -> MappedFile | None:
    """Return where the rows lie one behind the other in a file; None where they do not."""
    try:
        first, path = dataset.id.get_offset(), dataset.file.filename
        return None if first is None else MappedFile.at(path, int(first), n_bytes)
    except (AttributeError, TypeError, ValueError, OSError, RuntimeError):
        return None  # no dataset of h5py's, or of a file that has no name


def _buffer(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Block:
    """Make an empty array whose memory goes back to the system at once.

    The C library keeps up to 32 MiB that a thread has freed.
    """
    private = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)
    if not private:
        return np.empty(shape, dtype)
    return np.frombuffer(
        mmap.mmap(-1, int(np.prod(shape)) * dtype.itemsize, private), dtype
    ).reshape(shape)


class SequenceRows(RowSource):
    """An object with __len__ and __getitem__: blocks[k] is an array (rows, n_x)."""

    def __init__(self, blocks: Any, name: str) -> None:
        self.blocks, self.name = blocks, name
        _count(self, (blocks[k] for k in range(len(blocks))))

    def read(self, wanted: Sequence[int], in_flight: int) -> Generator[Block, None, None]:
        for k in wanted:
            yield self.checked(k, self.blocks[k])


class IterableRows(RowSource):
    """An object whose iter() begins anew: each item is an array (rows, n_x)."""

    def __init__(self, blocks: Iterable[Any], name: str) -> None:
        first = iter(blocks)
        if first is blocks:
            raise TypeError(
                "source must begin anew with each iter(), since each pass reads it from the "
                f"start; got {name}, of one shot. "
                "Give an object whose __iter__ makes a new one, or a list of blocks"
            )
        self.blocks, self.name = blocks, name
        _count(self, first)

    def read(self, wanted: Sequence[int], in_flight: int) -> Generator[Block, None, None]:
        items, position = iter(self.blocks), -1
        for k in wanted:
            while position < k:
                try:
                    item = next(items)
                except StopIteration:
                    raise ValueError(
                        f"there were {len(self.bounds) - 1} blocks when they were counted"
                    ) from None
                position += 1
            if k == len(self.bounds) - 2 and next(items, None) is not None:
                raise ValueError(
                    f"another block follows; there were {len(self.bounds) - 1} when they were "
                    "counted"
                )
            yield self.checked(k, item)


def _count(source: RowSource, blocks: Iterator[Any]) -> None:
    """Read all blocks once: check each, and take bounds, n_x, dtype and sizes from them."""
    bounds, sizes, dtypes, n_x = [0], [0], [], None
    for k, block in enumerate(blocks):
        try:
            block = as_block(block, n_x)
        except (ValueError, TypeError) as error:
            raise type(error)(f"block {k} of {source.name}: {error}") from error
        n_x = block.shape[1]
        bounds.append(bounds[-1] + len(block))
        sizes.append(block.nbytes)
        dtypes.append(block.dtype)
    if n_x is None:
        raise ValueError(f"X must have at least one block of rows; {source.name} has none")
    source.bounds, source.n_x, source.dtype = bounds, n_x, np.result_type(*dtypes)
    source.nbytes, source.largest = sum(sizes), max(sizes)
