"""Passes of K columns over a sparse X, by `kernels.many.sparse`, on X itself: scale and shift are
the caller's.

Stored example by example, X is read once; feature by feature it is read twice. Then all of Z must
be there before the first derivative is: K m numbers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.sparse import SparseMatrix
from ..kernels.bundles import Compressed
from ..kernels.layout import LINE_NUMBERS
from ..kernels.many.bundles import SIDES, Rows, Scores, Shape, Tables, Targets, Work
from ..machine.threads import run_on
from ..maths.arrays import Vector, flat, in_lines

HEADS = 4  # sums of K numbers before dW
# A column's accumulators are at most this share of what one column's may be in `data.sparse`, so
# that those of eight columns take as much. It must not depend on K.
SHARE = 8
LINK_BLOCK = 256  # examples whose losses are computed at a time, where X is stored by feature


def add_sums(
    x: SparseMatrix,
    targets: Targets,
    point: tuple[Vector, Vector],
    link: tuple[int, Tables],
    zs: Vector,
    n_threads: int,
) -> tuple[Vector, Vector]:
    """Return the sums of K numbers each (4, K) and dW (K, n_x) at point (W (K, n_x), b (K,)).

    Where the link is SIDES, all have 2K.
    """
    W, b = point
    of_z, width, head = _widths(link, b.size)
    of_dz = 2 * b.size if link[0] == SIDES else b.size
    turned = in_lines(x.n_x, of_z)
    turned[:, : b.size] = W.T
    sums = _by_example if x.by_example else _by_feature
    scores = Scores(flat(zs), zs.shape[-1], 0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        total = sums(x, targets, Rows(turned.reshape(-1), b), link, scores, n_threads)
    heads, dw = total[:head].reshape(HEADS, -1), total[head:].reshape(-1, width)
    return heads[:, :of_dz].copy(), np.ascontiguousarray(dw[:, :of_dz].T)


def _widths(link: tuple[int, Tables], K: int) -> tuple[int, int, int]:
    """Return the numbers in a row of Z.T, in one of dZ.T, and in all rows of sums."""
    of_dz = 2 * K if link[0] == SIDES else K
    padded = -(-of_dz // 8) * 8
    return (1, of_dz, HEADS * 8) if K == 1 else (-(-K // 8) * 8, padded, HEADS * padded)


def _chunks(x: SparseMatrix) -> tuple[int, int]:
    """Return how many accumulators there are, and the rows of X in the chunk of each."""
    rows = x.m if x.by_example else x.n_x
    wanted = max(1, x.n_chunks // SHARE)
    chunk = -(-rows // (8 * wanted)) * 8
    return -(-rows // chunk), chunk


def _counters(lines: int) -> NDArray[np.int64]:
    return np.zeros((lines, LINE_NUMBERS), np.int64)


def _by_example(
    x: SparseMatrix,
    targets: Targets,
    rows: Rows,
    link: tuple[int, Tables],
    scores: Scores,
    n_threads: int,
) -> Vector:
    from ..kernels.many.sparse import run_examples

    (chunks, chunk), (_, width, head) = _chunks(x), _widths(link, rows.b.size)
    partials = in_lines(chunks, head + x.n_x * width)
    work = partial(
        run_examples,
        *link,
        Compressed(*x.arrays),
        Shape(x.m, x.n_x, chunk, x.block, 0),
        targets,
        rows,
        scores,
        Work(flat(partials), _counters(1 + 2 * chunks)),
    )
    run_on(n_threads, work)
    return _sum(partials)


def _by_feature(
    x: SparseMatrix,
    targets: Targets,
    rows: Rows,
    link: tuple[int, Tables],
    scores: Scores,
    n_threads: int,
) -> Vector:
    from ..kernels.many.sparse import gather_features, link_scores, scatter_features

    (chunks, chunk), own = _chunks(x), Compressed(*x.arrays)
    of_z, width, head = _widths(link, rows.b.size)
    partials = in_lines(chunks, x.m * of_z)
    shape = Shape(x.m, x.n_x, chunk, LINK_BLOCK, 0)
    work: Any = Work(flat(partials), _counters(1))
    run_on(min(n_threads, chunks), partial(scatter_features, own, shape, rows.W, of_z, work))
    z = _sum(partials)
    dz = z if width == of_z else in_lines(x.m * width)
    total = in_lines(head + x.n_x * width)
    work = Work(total[:head], _counters(2))
    blocks = -(-x.m // LINK_BLOCK)
    turned = partial(link_scores, *link, shape, targets, Rows(z, rows.b), scores, work, dz)
    run_on(min(n_threads, blocks), turned)
    count = np.zeros(1, np.int64)
    work = partial(gather_features, own, x.block, dz, width, total, head, count)
    run_on(min(n_threads, -(-x.n_x // x.block)), work)
    return total


def _sum(partials: Vector) -> Vector:
    """Return the sum of the rows, added in order."""
    from ..kernels.partials import add_partials

    if len(partials) == 1:
        return np.asarray(partials[0])
    total = np.empty(partials.shape[1])
    add_partials(partials, total)
    return total
