"""Read an X larger than memory in blocks of rows, the next one while the present one is computed.

A .npy file or `numpy.memmap` is one block, read in place through the map, ahead of which the system
reads, or two threads ask it to (`machine.file_ahead`). Other blocks are read by a thread.

`RowBlocks` is what a user makes of a file, a dataset or a sequence of blocks; `BlockedMatrix` is
the `Design` of it. Only the blocks in flight are in memory, and what an objective keeps of each
example: y, z and the weights, 1 + 8 + 8 bytes.

A pass is one read of the source. Some things that come once cost a read each: counting a sequence
or an iterable, the mean (for L-BFGS and `standardize`, the latter two reads), the largest ||x||
(for the bound, where there is an intercept), a sample of the rows for solver "auto" (of the blocks
that have rows of it: usually all), and up to 100 power iterations for "gd" and "nesterov" with
alpha="auto".
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_number, find_non_finite, require_finite
from ..checks.extras import require
from ..checks.missing import unmasked
from ..files.arrays import checked_dataset, map_npy, open_hdf5, read_dataset
from ..kernels.layout import HEAD, NARROW
from .dense import DesignMatrix
from .design import Design
from .parquet import ParquetRows
from .read_ahead import read_ahead
from .row_sources import DatasetRows, IterableRows, MappedRows, RowSource, SequenceRows

Block = NDArray[Any]
MOST_IN_FLIGHT = 4  # more would only hide a reader whose speed changes from block to block
_NO_BLOCKS = (dict, bytes, bytearray)


class RowBlocks:
    """Read rows (m, n_x), one example per row as files have them, in blocks.

    Where X is expected they stand for (n_x, m): `flr.train(flr.RowBlocks("X.npy"), Y)`.

    Parameters
    ----------
    source : path, dataset, array, sequence or iterable
        A path to a .npy file, "FILE.h5:DATASET" (of this very file: for links and virtual datasets
        give h5py's), or a path to a Parquet file (all columns; `from_parquet` splits off the
        labels). An h5py dataset or another with shape, dtype and slices, an array or
        `numpy.memmap`. An object with __len__ and __getitem__ (blocks[k] is an array (rows, n_x)),
        or an iterable of such arrays that begins anew with each iter(); these two are read once for
        counting.
    max_memory : int or None, default=None
        Bytes that blocks may take while they are in flight; None for an eighth of the machine's
        memory. At least two blocks must fit: one is computed, one is read. It does not change a bit
        of the result, and a mapped .npy needs none.

    Attributes
    ----------
    shape : tuple of int
        (n_x, m).
    dtype, nbytes : numpy.dtype, int
        Of all the rows.
    names : tuple of str or None
        Of the columns.
    image_shape : tuple of int or None
        Of an example.

    Raises
    ------
    FileNotFoundError, ValueError or TypeError
        For what cannot be read, a one-shot generator among it, and where two blocks do not fit into
        max_memory. While reading: OSError, ValueError or TypeError naming block and source.

    Notes
    -----
    A file that has vanished, been replaced or become shorter is an OSError at the next pass. What
    is cut from a mapped .npy in the middle of a pass ends the process (SIGBUS), as with any map;
    blocks that are read into memory have no such limit.

    References
    ----------
    The figures are in docs/performance, out-of-core.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> blocks = flr.RowBlocks([np.zeros((2, 3)), np.ones((2, 3))])
    >>> blocks.shape
    (3, 4)
    >>> flr.train(blocks, [[0, 0, 1, 1]], solver="auto", lambda_=1.0, tol=1e-8).stop_reason
    'converged'
    """

    def __init__(self, source: Any, *, max_memory: int | None = None) -> None:
        if max_memory is None:
            max_memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8
        self.max_memory = int(check_number("max_memory", max_memory, positive=True, integer=True))
        self._source = source if isinstance(source, RowSource) else open_source(source)
        self.in_flight = self._blocks_that_fit()
        self.shape = (self._source.n_x, self._source.m)
        self.dtype, self.nbytes = self._source.dtype, int(self._source.nbytes)
        self.names, self.image_shape = self._source.names, self._source.image_shape

    @classmethod
    def from_parquet(
        cls,
        path: str | os.PathLike[str],
        target: str | int,
        *,
        columns: Sequence[str] | None = None,
        max_memory: int | None = None,
    ) -> tuple[RowBlocks, NDArray[Any]]:
        """Split a Parquet file into X in blocks and y in memory.

        Parameters
        ----------
        path : path
            The file.
        target : str or int
            The column that is y.
        columns : sequence of str or None, default=None
            The columns of X; None for all others.
        max_memory : int or None, default=None
            As for `RowBlocks`.

        Returns
        -------
        tuple of RowBlocks and ndarray of shape (m,)
            X and y.
        """
        rows = ParquetRows(_existing_parquet(path), target, columns)
        return cls(rows, max_memory=max_memory), rows.labels()

    @classmethod
    def from_hdf5(
        cls, path: str | os.PathLike[str], x: str, y: str, *, max_memory: int | None = None
    ) -> tuple[RowBlocks, NDArray[Any]]:
        """Take X in blocks and y in memory from the datasets of these names.

        Parameters
        ----------
        path : path
            The file.
        x, y : str
            The names of the datasets.
        max_memory : int or None, default=None
            As for `RowBlocks`.

        Returns
        -------
        tuple of RowBlocks and ndarray of shape (m,)
            X and y.
        """
        file = open_hdf5(Path(path))
        blocks = cls(
            DatasetRows(checked_dataset(Path(path), file, x), f"{path}:{x}"), max_memory=max_memory
        )
        return blocks, read_dataset(Path(path), file, y).reshape(-1)

    def __repr__(self) -> str:
        n_x, m = self.shape
        blocks = len(self._source.bounds) - 1
        return (
            f"RowBlocks({self._source.name}: {m} rows of {n_x} columns, {self.dtype}, "
            f"{blocks} blocks)"
        )

    def _blocks_that_fit(self) -> int:
        if not self._source.copies:
            return 2
        fit = self.max_memory // self._source.largest
        if fit < 2:
            raise ValueError(
                "max_memory must allow two blocks, one to compute on and one to read: the "
                f"largest of {self._source.name} "
                f"takes {self._source.largest} bytes; got max_memory = {self.max_memory}. Raise "
                "it, or make smaller blocks"
            )
        return int(min(fit, MOST_IN_FLIGHT))

    def read(
        self, wanted: Sequence[int] | None = None
    ) -> Generator[tuple[int, int, Block], None, None]:
        """Yield (first row, one past the last, the rows (rows, n_x)) of each block, in order.

        A block is valid until the next one is asked for.

        Parameters
        ----------
        wanted : sequence of int or None, default=None
            Numbers of blocks, rising; None for all.
        """
        source = self._source
        source.check()
        wanted = range(len(source.bounds) - 1) if wanted is None else wanted
        if not source.copies:
            for k, rows in zip(wanted, source.read(wanted, 1)):
                yield source.bounds[k], source.bounds[k + 1], rows
            return
        where = [
            f"block {k} (rows {source.bounds[k]} to {source.bounds[k + 1] - 1}) of {source.name}"
            for k in wanted
        ]
        with closing(
            read_ahead(partial(source.read, wanted, self.in_flight), where, self.in_flight)
        ) as blocks:
            for k in wanted:
                yield source.bounds[k], source.bounds[k + 1], next(blocks)

    def take(self, indices: NDArray[np.intp]) -> Block:
        """Copy these rows, each block with any of them read once.

        Parameters
        ----------
        indices : ndarray of int
            Rows, sorted.

        Returns
        -------
        ndarray of shape (len(indices), n_x)
            The rows.
        """
        bounds = np.asarray(self._source.bounds)
        wanted = np.unique(np.searchsorted(bounds, indices, side="right") - 1)
        found = []
        for lo, hi, rows in self.read(wanted.tolist()):
            first, last = np.searchsorted(indices, (lo, hi))
            found.append(rows[indices[first:last] - lo])
        return np.concatenate(
            found
        )  # of the dtype of these blocks: those of a sequence need not be all of one


def open_source(source: Any) -> RowSource:
    """Open whatever was given as a `RowSource`."""
    if isinstance(source, (str, os.PathLike)):
        return _open_path(os.fspath(source))
    kind = type(source).__name__
    if isinstance(source, np.ndarray):
        source = unmasked("source", source)
        file = getattr(source, "filename", None)
        return MappedRows(source, str(file) if file else f"an array of shape {source.shape}")
    if hasattr(source, "tocsr"):
        raise TypeError(
            "source must give dense rows; a sparse matrix goes to train and fit as it is"
        )
    if hasattr(source, "to_numpy"):
        raise TypeError(
            f"source must be a path, a dataset, or blocks of rows; got {kind}: give its to_numpy()"
        )
    if all(hasattr(source, name) for name in ("shape", "dtype", "__getitem__")):
        return DatasetRows(source, f"the {kind} {getattr(source, 'name', None) or ''}".strip())
    if (
        hasattr(type(source), "__len__")
        and hasattr(type(source), "__getitem__")
        and not isinstance(source, _NO_BLOCKS)
    ):
        return SequenceRows(source, f"the {kind}")
    if not hasattr(type(source), "__iter__") or isinstance(source, _NO_BLOCKS):
        raise TypeError(f"source must be a path, a dataset, or blocks of rows; got {kind}")
    return IterableRows(source, f"the {kind}")


def _open_path(text: str) -> RowSource:
    file, colon, dataset = text.rpartition(":")
    if colon and Path(file).suffix.lower() in (".h5", ".hdf5"):
        return DatasetRows(checked_dataset(Path(file), open_hdf5(Path(file)), dataset), text)
    path, suffix = Path(text), Path(text).suffix.lower()
    if suffix == ".npy":
        return MappedRows(map_npy(path), text)
    if suffix == ".parquet":
        return ParquetRows(_existing_parquet(path), None, None)
    if suffix in (".h5", ".hdf5"):
        raise ValueError(f"name the dataset in {text} as {text}:DATASET")
    raise ValueError(f"source must be a path to .npy, FILE.h5:DATASET or .parquet; got {text!r}")


def _existing_parquet(path: str | os.PathLike[str]) -> Path:
    require("pyarrow", "cli", f"reading {path}")
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file")
    return Path(path)


class BlockedMatrix(Design):
    """Be the `Design` of `RowBlocks`: each block is a part."""

    def __init__(
        self, blocks: RowBlocks, scale: NDArray[np.float64], shift: NDArray[np.float64]
    ) -> None:
        self.blocks, self.scale, self.shift = blocks, scale, shift
        self.n_x, self.m = blocks.shape
        self.few_features = self.n_x <= NARROW
        self._looked_at: dict[int, NDArray[Any]] = {}  # by `every`
        self._partials = np.empty((0, HEAD + -(-self.n_x // 8) * 8))

    @property
    def nbytes(self) -> int:
        return self.blocks.nbytes

    def parts(self) -> Generator[tuple[int, int, DesignMatrix], None, None]:
        with closing(self.blocks.read()) as blocks:
            for lo, hi, rows in blocks:
                part = DesignMatrix(rows.T, self.scale, self.shift)
                if not part.slab:
                    if len(self._partials) < part.n_chunks:
                        self._partials = np.empty((part.n_chunks, self._partials.shape[1]))
                    part.partials = self._partials[
                        : part.n_chunks
                    ]  # one for all: fresh pages cost as in `DesignMatrix`
                yield lo, hi, part

    def rescaled(self, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> BlockedMatrix:
        new = self.with_moments(BlockedMatrix(self.blocks, scale, shift))
        new._looked_at = self._looked_at
        return new

    def rows(self, indices: NDArray[np.intp]) -> DesignMatrix:
        return DesignMatrix(self.blocks.take(indices).T, self.scale, self.shift)

    @property
    def has_examples_at_hand(self) -> bool:
        return True  # by a look through the blocks, so that the bits are those of X in memory

    def every(self, step: int) -> NDArray[Any]:
        if step not in self._looked_at:  # a sample of 1000 rows, which takes a read
            self._looked_at[step] = self.rows(np.arange(0, self.m, step)).X.T
        return self._looked_at[step]

    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        for first, _, part in self.parts():
            for lo, hi, x in part.float_blocks(least):
                yield first + lo, first + hi, x

    def find_non_finite(self) -> tuple[int, int, float] | None:
        """Find the first NaN or infinity: row and column, counted over all blocks, and value."""
        with closing(self.parts()) as parts:
            for first, _, part in parts:
                found = find_non_finite(part.X)
                if found is not None:
                    row, column = found
                    return first + row, column, float(part.X[column, row])
        return None

    def require_finite(self, names: Sequence[str] | None = None) -> None:
        for first, _, part in self.parts():
            require_finite(part.X, names or self.blocks.names, first)
