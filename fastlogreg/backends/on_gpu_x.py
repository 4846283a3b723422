"""What the GPU holds for a backend: X, labels and weights, copied once, and where z goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.dense import DesignMatrix
from ..data.design import Design

if TYPE_CHECKING:
    from ..cuda.blocks import Blocks, Piece
    from ..cuda.engine import Engine, Sparse

KEPT = 8  # vectors of the examples: labels, weights, groups, an offset
VECTORS = 12  # of float64 for each example: z of a few points, dz, da/dz and rows of sums
REMEDY = "Use float32, float16 or bytes for X, or fewer examples"


class Held:
    """Keep copies on the GPU of arrays that stay as they are, by the array."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, Any]] = {}
        self._none: dict[str, Any] = {}
        self._x: tuple[Any, Any] | None = None

    def kept(self, array: Any) -> Any:
        """Return a vector on the GPU; the next call with the same array copies nothing."""
        from ..cuda.arrays import Resident, flat

        if isinstance(array, Resident):
            return flat(array)
        if not array.size:
            name = str(array.dtype)
            if name not in self._none:
                self._none[name] = flat(array)
            return self._none[name]
        known = self._kept.pop(id(array), None)
        found = known if known is not None and known[0] is array else (array, flat(array))
        self._kept[id(array)] = found
        while len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)))
        return found[1]

    def flat(self, array: Any) -> Any:
        """Return a vector on the GPU, copied there unless it is there."""
        from ..cuda.arrays import flat

        return flat(array) if array.size else self.kept(array)

    def matrix(self, array: Any) -> Any:
        """Return a matrix on the GPU, (m,) as (1, m)."""
        from ..cuda.arrays import matrix

        return matrix(array)

    def place_for(self, zs: Any) -> Any:
        """Return where kernels put z, of the shape of zs; it may be empty."""
        from ..cuda.arrays import Resident, empty

        if isinstance(zs, Resident):
            return zs.data
        return empty(zs.shape) if zs.size else self.kept(zs)

    def give(self, place: Any, zs: Any) -> None:
        """Copy z to zs where that is NumPy's."""
        if isinstance(zs, np.ndarray) and zs.size:
            zs[...] = place.copy_to_host()

    def blocks(self, design: Design, engine: Engine) -> Blocks:
        """Return X of a dense design on the GPU, as a whole or as blocks that come one by one."""
        from ..cuda.blocks import Block, Blocks

        there = design.on_gpu
        if there is not None:
            block = Block(0, there.m, there.x, there.n_x, there.by_example)
            return Blocks(there.m, there.n_x, [block], True)
        dense = design.dense
        if dense is None:
            return Blocks(design.m, design.n_x, _streamed(design, engine), False)
        if self._x is None or self._x[0] is not dense.X:
            self._x = None  # what was there makes room first
            found = _whole(dense, engine)
            if found is None:
                return Blocks(dense.m, dense.n_x, _in_chunks(dense, engine), True)
            self._x = dense.X, found
        block = Block(0, dense.m, self._x[1], dense.n_x, dense.by_example)
        return Blocks(dense.m, dense.n_x, [block], True)

    def non_zeros(self, design: Design) -> Sparse:
        """Return a sparse X on the GPU, in both orders."""
        from ..cuda import device
        from ..cuda.arrays import flat
        from ..cuda.engine import Sparse

        x = design.sparse
        assert x is not None
        if self._x is None or self._x[0] is not x.data:
            needed = 2.0 * x.nbytes + 8.0 * VECTORS * x.m
            device.require_memory(needed, "a sparse X, kept in both orders,", REMEDY)
            self._x = None
            given = x.starts.astype(np.int64), x.indices.astype(np.int32), x.data
            other = _turned(*given, x.m if not x.by_example else x.n_x)
            ordered = (given, other) if x.by_example else (other, given)
            there = [tuple(flat(array) for array in arrays) for arrays in ordered]
            self._x = x.data, Sparse(there[0], there[1])
        return self._x[1]


def _turned(
    starts: NDArray[np.int64], indices: NDArray[np.int32], values: NDArray[Any], rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
    """Return the same non-zeros in the other order; rows: how many that has."""
    own = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
    order = np.argsort(indices, kind="stable")
    counts = np.bincount(indices, minlength=rows)
    return np.append(0, np.cumsum(counts)), own[order], values[order]


def _whole(design: DesignMatrix, engine: Engine) -> Any:
    """Return all of X on the GPU, flat; None where there is no room for it."""
    from ..cuda import device
    from ..cuda.blocks import BLOCK_BYTES, Stream, cut, read_as

    itemsize = read_as(design.X.dtype).itemsize
    size = design.m * design.n_x * itemsize
    if size + 8.0 * VECTORS * design.m > device.SPARED * device.memory().free:
        return None
    design.check_file()
    X = design.X if design.by_example else design.X.T
    step = max(1, BLOCK_BYTES // (X.shape[0] * itemsize))
    room = min(step, X.shape[1]) * X.shape[0] * itemsize
    return Stream(room, engine.stream, rooms=False).whole(cut(X, step), X.size)


def _room_of_block(design: Design, itemsize: int, least: int) -> int:
    """Return how many examples a block has that is streamed; MemoryError where not even least."""
    from ..cuda import device
    from ..cuda.blocks import BLOCK_BYTES

    row, vectors = design.n_x * itemsize, 8.0 * VECTORS * design.m
    needed = vectors + 2.0 * row * least
    device.require_memory(needed, f"a pass over {design.m} examples in blocks", REMEDY)
    room = min(BLOCK_BYTES, (device.SPARED * device.memory().free - vectors) / 2.0)
    return max(least, int(room // row) // least * least)


def _in_chunks(design: DesignMatrix, engine: Engine) -> Iterator[Any]:
    """Yield blocks of whole chunks of an X in memory, or mapped from a file."""
    from ..cuda.blocks import Stream, cut, read_as
    from ..cuda.sizes import chunk_of

    dtype = read_as(design.X.dtype)
    chunk = chunk_of(design.m, design.n_x, dtype.itemsize, engine.sizes)
    step = min(_room_of_block(design, dtype.itemsize, chunk), -(-design.m // chunk) * chunk)
    design.check_file()
    stream = Stream(step * design.n_x * dtype.itemsize, engine.stream)
    return stream.blocks(cut(design.X, step), design.by_example)


def _streamed(design: Design, engine: Engine) -> Iterator[Any]:
    """Yield blocks of an X that comes in blocks of rows, read anew."""
    from ..cuda.blocks import Stream

    step = min(_room_of_block(design, 8, 64), -(-design.m // 64) * 64)
    stream = Stream(step * design.n_x * 8, engine.stream)
    return stream.blocks(_pieces(design, step), True)


def _pieces(design: Design, step: int) -> Iterator[Piece]:
    from ..cuda.blocks import cut

    for first, _, part in design.parts():
        for piece in cut(part.X, step):
            yield piece._replace(lo=first + piece.lo, hi=first + piece.hi)
