"""How the work is shared out on a GPU: all of it follows from the shape of X alone.

    block    threads of one multiprocessor: `warps` times `lanes`
    team     threads that share an example: a part of a warp, a warp, or several of them
    chunk    consecutive examples with one row of partial sums; the unit of summation

A grid has any number of blocks: each takes chunk after chunk. The row of a chunk does not depend on
who made it, and rows are added in their order. So the bits are the same for every grid.
"""

from __future__ import annotations

from typing import NamedTuple

HEAD = 4  # numbers before dw in a row of partial sums: loss, db, the sum of da/dz, one unused
IN_REGISTERS = 32  # float64 sums of dw, and words of X, that a thread has in registers
BYTES_BESIDE_ROW = 25  # bytes of X in a chunk for each byte of its row of sums: 4 % of X


class Sizes(NamedTuple):
    """Hold the sizes of a block, and how many chunks there are at most.

    lanes: threads that shuffle with each other, 32 on every GPU. least: examples in a chunk.
    """

    lanes: int = 32
    warps: int = 8
    chunks: int = 1056  # eight for each of the 132 multiprocessors of an H100
    least: int = 64

    @property
    def threads(self) -> int:
        """Return the threads of a block."""
        return self.lanes * self.warps


GPU = Sizes()
SIMULATED = Sizes(lanes=4, warps=2, chunks=5, least=8)  # a thread of Python for each of a GPU


class Team(NamedTuple):
    """Hold how a kernel reads examples that lie one after the other.

    threads: of a team. words: that each has of an example. elements: in a word, 1, or 4 of bytes.
    rows: examples that a team has in registers at a time.
    """

    threads: int
    words: int
    elements: int
    rows: int


def team_of(n_x: int, elements: int, sizes: Sizes) -> Team | None:
    """Return the smallest team whose sums of dw are in registers; None where no block is enough."""
    words = -(-n_x // elements)
    threads = 1
    while threads < sizes.lanes and threads < words:
        threads *= 2
    most = IN_REGISTERS if elements > 1 else IN_REGISTERS // 2
    while threads < sizes.threads and -(-words // threads) * elements > most:
        threads *= 2
    each = -(-words // threads)
    if each * elements > IN_REGISTERS or sizes.threads % threads:
        return None
    rows, most_rows = 1, min(16, threads, sizes.lanes, IN_REGISTERS // each)
    while 2 * rows <= most_rows:
        rows *= 2
    return Team(threads, each, elements, rows)


def chunk_of(m: int, n_x: int, itemsize: int, sizes: Sizes) -> int:
    """Return the examples of a chunk: rows of sums are at most 4 % of X."""
    beside = -(-BYTES_BESIDE_ROW * 8 // itemsize) if n_x > 8 * HEAD else 1
    chunk = max(sizes.least, -(-m // sizes.chunks), beside)
    return -(-chunk // sizes.least) * sizes.least
