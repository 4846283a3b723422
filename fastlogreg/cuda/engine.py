"""Sums over blocks of X on the GPU: which kernel makes them, on which grid, in which rooms.

Every sum takes an iterable of `Block`s, and vectors of all examples on the GPU, of which a block
has its part. Rows of partial sums are added in order on the GPU; those of blocks, in order here.
Scale and shift are not known here: the point is told for X itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import cuda, from_dtype
from numpy.typing import NDArray

from . import columns, links, pieces, rows, sparse, tiles
from .arrays import empty, sizes
from .blocks import Block, Blocks
from .device import multiprocessors
from .sizes import HEAD, chunk_of, team_of

Vector = NDArray[np.float64]
BLOCKS_EACH = 8  # of a multiprocessor, at most; the bits do not depend on it
TABLES_BYTES = 128 << 20  # of rows of sums that are matrices


class Pass(NamedTuple):
    """Hold the sums of a pass on X itself: of the loss, dz, da/dz, and dz x (n_x,)."""

    loss: float
    db: float
    slopes: float
    dw: Vector


class Example(NamedTuple):
    """Hold what is known of every example, on the GPU: y (m,) uint8, and weights (m,) or none."""

    y: Any
    weight: Any


class Sparse(NamedTuple):
    """Hold an X of non-zeros on the GPU in both orders, each as (starts, indices, values)."""

    by_example: tuple[Any, Any, Any]
    by_feature: tuple[Any, Any, Any]


class Engine:
    """Launch kernels on a stream of its own. grid: blocks, or None for what the GPU has room for.

    Not to be used by two threads at a time.
    """

    def __init__(self, grid: int | None = None) -> None:
        self.sizes, self.stream = sizes(), cuda.stream()
        self.grid = grid or BLOCKS_EACH * multiprocessors()
        self._rooms: dict[str, Any] = {}

    def room(self, name: str, shape: tuple[int, ...]) -> Any:
        """Return a place for float64 that is kept from call to call, and has any numbers in it."""
        size = int(np.prod(shape))
        room = self._rooms.get(name)
        if room is None or room.size < size:
            self._rooms[name] = room = empty(size)
        return room[:size].reshape(shape)

    def run(self, kernel: Any, grid: tuple[int, ...], *arguments: Any) -> None:
        """Launch a kernel on these blocks, the first number being at most what has room."""
        first = max(1, min(grid[0], self.grid))
        kernel[(first, *grid[1:]), self.sizes.threads, self.stream](*arguments)

    def each(self, kernel: Any, count: int, *arguments: Any) -> None:
        """Launch a kernel that takes an example a thread."""
        self.run(kernel, (-(-count // self.sizes.threads),), *arguments)

    def read(self, array: Any) -> Vector:
        """Return numbers from the GPU, after all that was launched."""
        found = array.copy_to_host(stream=self.stream)
        self.stream.synchronize()
        return np.asarray(found)

    def fold(self, partials: Any, total: Any) -> None:
        """Add rows of sums, in order."""
        groups = -(-partials.shape[1] // self.sizes.lanes)
        kernel = pieces.fold_of(self.sizes)
        kernel[groups, self.sizes.threads, self.stream](partials, total)

    def sums_of_rows(self, table: Any) -> Vector:
        """Return the sum of each row (R, m) over the examples."""
        R, m = table.shape
        chunks = self.chunks(m)
        partials = self.room("partials", (chunks, R))
        self.run(links.sums_of(self.sizes), (chunks, R), table, partials)
        return self.folded(partials)

    def chunks(self, m: int) -> int:
        """Return in how many chunks examples are added where no X is read."""
        return max(1, min(self.sizes.chunks, m // (4 * self.sizes.threads)))

    # ------------------------------------------------------------ two classes

    def one_pass(self, X: Blocks, of: Example, linear: bool, w: Vector, b: float, zs: Any) -> Pass:
        """Sum loss, dz, da/dz and dz x; zs (m,), or empty, takes every z."""
        there, width, first, total = cuda.to_device(w), HEAD + X.n_x, 0, np.zeros(HEAD + X.n_x)
        table: Any = None
        for block in X.blocks:
            here, m = slice(block.lo, block.hi), block.hi - block.lo
            own = Example(of.y[here], of.weight[here] if of.weight.size else of.weight)
            z = zs[here] if zs.size else zs
            kernel, x = self._kernel_of(block)
            if kernel is None:
                total = total + self._in_two_reads(block, own, linear, (w, b), z)
                continue
            chunk = chunk_of(X.m if X.aligned else m, X.n_x, block.x.dtype.itemsize, self.sizes)
            count = -(-m // chunk)
            if table is None or not X.aligned:
                table, first = self.room("table", (-(-X.m // chunk), width)), 0
            partials = table[first : first + count]
            self.run(
                kernel, (count,), x, own.y, own.weight, linear, there, b, z, partials, X.n_x, chunk
            )
            first += count
            if not X.aligned:
                total = total + self.folded(partials)
        if X.aligned and table is not None:
            total = self.folded(table)
        loss, db, slopes = total[:3].tolist()
        return Pass(loss, db, slopes, total[HEAD:])

    def folded(self, partials: Any) -> Vector:
        """Return the sum of rows of sums."""
        total = self.room("total", partials.shape[1:])
        self.fold(partials, total)
        return self.read(total)

    def _kernel_of(self, block: Block) -> tuple[Any, Any]:
        """Return the kernel that reads a block once, and X as that reads it; None for none."""
        x = block.x
        if not block.by_example:
            return columns.pass_of(self.sizes), x
        elements = 1
        if x.dtype == np.uint8 and block.n_x % 4 == 0 and _is_aligned(x):
            elements = 4
        team = team_of(block.n_x, elements, self.sizes)
        if team is None:
            return None, x
        x = x.view(np.uint32) if elements == 4 else x
        return rows.pass_of(team, self.sizes, from_dtype(x.dtype)), x

    def _in_two_reads(
        self, block: Block, own: Example, linear: bool, point: tuple[Vector, float], z: Any
    ) -> Vector:
        """Sum over a block whose examples are too wide for the registers of a block of threads."""
        m, (w, b) = block.hi - block.lo, point
        Z, terms = self.room("Z", (1, m)), self.room("terms", (3, m))
        self.scores(block, w[None], np.array([b]), Z)
        self.each(links.binary_terms, m, Z, own.y, own.weight, linear, terms)
        if z.size:
            z.copy_to_device(Z.reshape(m), stream=self.stream)
        db, loss, slopes = self.sums_of_rows(terms)
        dw = self.row_products(block, terms[:1])[0, :-1]
        return np.concatenate([[loss, db, slopes, 0.0], dw])

    # ------------------------------------------------------------ K columns, and x x.T

    def scores(self, block: Block, W: Vector, b: Vector, Z: Any) -> None:
        """Put W x + b of the block's examples into Z (K, examples); W (K, n_x) for X itself."""
        K, m = Z.shape
        tile = tiles.FEW if self.sizes.warps >= K else tiles.MANY
        wide, tall = self.sizes.lanes * tile.across, self.sizes.warps * tile.down
        self.run(
            tiles.scores_of(tile, self.sizes),
            (-(-m // wide), -(-K // tall)),
            block.x,
            cuda.to_device(np.ascontiguousarray(W)),
            cuda.to_device(np.ascontiguousarray(b)),
            Z,
            block.n_x,
            block.by_example,
        )

    def row_products(
        self, block: Block, D: Any, scaling: Any = None, square: bool = False
    ) -> Vector:
        """Return the sum of D[k] x1 over the block's examples, (K, n_x + 1); D (K, examples).

        x1 is x and a 1 behind it. scaling: (scale, shift) of x, each (n_x,). square: of x1^2.
        """
        tile = tiles.FEW if self.sizes.warps >= D.shape[0] else tiles.MANY
        return self._products(block, D, tile, scaling, False, square)

    def outer_products(self, block: Block, slopes: Any, scaling: Any) -> Vector:
        """Return the sum of slope x1 x1.T over the block's examples; slopes (1, examples)."""
        H = self._products(block, slopes, tiles.WHOLE, scaling, True, False)
        wide = self.sizes.lanes * tiles.WHOLE.across
        tall = self.sizes.warps * tiles.WHOLE.down
        # The kernel leaves out tiles below the diagonal.
        rows_of, columns_of = np.indices(H.shape)
        missing = (rows_of // tall) * tall >= (columns_of // wide) * wide + wide
        return np.where(missing, H.T, H)

    def _products(
        self, block: Block, left: Any, tile: tiles.Tile, scaling: Any, of_x: bool, square: bool
    ) -> Vector:
        n_x, m = block.n_x, block.hi - block.lo
        K = n_x + 1 if of_x else left.shape[0]
        ones, zeros = np.ones(n_x), np.zeros(n_x)
        scale, shift = (ones, zeros) if scaling is None else scaling
        wide, tall = self.sizes.lanes * tile.across, self.sizes.warps * tile.down
        places = -(-(n_x + 1) // wide), -(-K // tall)
        width = K * (n_x + 1)
        most = min(self.sizes.chunks // (places[0] * places[1]), TABLES_BYTES // (8 * width))
        chunk = -(-max(self.sizes.least, -(-m // max(1, most))) // tiles.STEP) * tiles.STEP
        shape = (-(-m // chunk), width)
        partials = self.room("partials", shape)
        self.run(
            tiles.products_of(tile, of_x, square, self.sizes),
            (shape[0], *places),
            block.x,
            left,
            cuda.to_device(np.append(scale, 1.0)),
            cuda.to_device(np.append(shift, 0.0)),
            partials,
            n_x,
            chunk,
            block.by_example,
        )
        return self.folded(partials).reshape(K, n_x + 1)

    # ------------------------------------------------------------ non-zeros alone

    def sparse_times(self, arrays: tuple[Any, Any, Any], vectors: Any, more: Any, out: Any) -> None:
        """Put the products of rows of non-zeros with K vectors, and more (K,), into out."""
        count = -(-(arrays[0].size - 1) // self.sizes.warps)
        kernel = sparse.times_of(self.sizes)
        self.run(kernel, (count, vectors.shape[0]), *arrays, vectors, more, out)


def _is_aligned(x: Any) -> bool:
    """Tell whether bytes on the GPU begin where words of four may begin."""
    interface: dict[str, Any] = getattr(x, "__cuda_array_interface__", {"data": (0,)})
    return int(interface["data"][0]) % 4 == 0
