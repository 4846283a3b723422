"""The Hessian of some features, a working set: the sum of slope * x1 x1.T over the examples, x1
being x of these features, as the model sees it, and a 1 behind it.

    dense       a block of examples is gathered as float64, and multiplied as a Hessian is: by
                feature no other feature is read
    sparse      by example: pairs of what each example has of them. By feature: these rows alone
    in blocks   part by part

The blocks and the order of additions follow from the shape of X and the number of features alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..data.sparse import SparseMatrix
from ..kernels.bundles import Compressed
from ..kernels.layout import read_only
from ..kernels.many.bundles import DTYPES
from ..machine.threads import run_on
from ..maths.arrays import NONE, Vector
from .fused import SECONDS_PER_THREAD
from .hessians import Products, flat

SCRATCH_BYTES = 1 << 20  # of gathered examples
# What one core needs: to gather a number, to look for a place, for a pair of non-zeros.
SECONDS_PER_GATHERED, SECONDS_PER_LOOK, SECONDS_PER_PAIR = 0.6e-9, 1.5e-9, 1e-9
MOST_HESSIANS_BYTES, MOST_HESSIANS = 8 << 20, 8  # that grow side by side, of a sparse X
LEAST_EXAMPLES = 64  # for each of them
DENSE_SHARE = 0.75  # of slopes that are not 0, from which all examples are multiplied

Features = NDArray[np.intp]


class _Chosen(NamedTuple):
    """Hold what is told of the features: rounded up to eights; scale and shift are 0 there."""

    features: Features
    scale: Vector
    shift: Vector


def working_products(design: Design, features: Features, slopes: Vector, n_threads: int) -> Vector:
    """Return that sum for the features (n,), which rise: (n + 1, n + 1).

    slopes (m,). Of slopes (G, m) it is (G, n + 1, n + 1), from the same read.
    """
    several = np.atleast_2d(slopes)
    if design.sparse is not None:
        found = [_of_sparse(design.sparse, features, s, n_threads) for s in several]
    else:
        found = _of_dense(design, features, several, n_threads)
    if slopes.ndim == 1:
        return np.asarray(found[0])
    return np.array(found) if len(found) > 1 else np.asarray(found[0])[None]


def _of_dense(design: Design, features: Features, slopes: Vector, n_threads: int) -> list[Vector]:
    n = features.size
    width = max(8, -(-n // 8) * 8)
    chosen = _Chosen(np.zeros(width, np.intp), np.zeros(width), np.zeros(width))
    chosen.features[:n] = features
    chosen.scale[:n], chosen.shift[:n] = design.scale[features], design.shift[features]
    found = [Products(width, n_threads) for _ in slopes]
    step = max(8, SCRATCH_BYTES // (8 * width) // 8 * 8)
    for first, last, part in design.parts():
        for lo, hi, x in _examples(part, chosen, step, n_threads):
            for s, H in zip(slopes[:, first:last], found):
                _add(H, x, s[lo:hi])
    return [_without_rest(H.whole(), n) for H in found]


def _without_rest(H: Vector, n: int) -> Vector:
    """Return H (width + 1, width + 1) of the first n features and of the 1 behind all."""
    if len(H) == n + 1:
        return H
    own = np.empty((n + 1, n + 1))
    own[:n, :n] = H[:n, :n]
    own[n, :n], own[:n, n], own[n, n] = H[-1, :n], H[:n, -1], H[-1, -1]
    return own


def _examples(
    part: Any, chosen: _Chosen, step: int, n_threads: int
) -> Iterator[tuple[int, int, Vector]]:
    """Yield (first example, one past the last, these features of them, flat), `step` at a time.

    Each is in the place of the one before.
    """
    from ..kernels.second_order.gather import ROWS, gather_examples

    width, scratch = chosen.features.size, np.empty(min(step, part.m) * chosen.features.size)
    [(_, _, numbers)] = part.flat_blocks() if part.in_place else [(0, 0, NONE)]
    of_example, step_of_places = (part.n_x, 1) if part.by_example else (1, part.m)
    for lo in range(0, part.m, step):
        hi = min(part.m, lo + step)
        x = scratch[: (hi - lo) * width]
        if part.in_place:
            by_example, span, stride = part.by_example, (lo, hi), of_example
            places = chosen.features * step_of_places
        else:  # what is chosen is copied first, and then goes the same way, to the same bits
            own = part.X[:, lo:hi].T[:, chosen.features]
            numbers = np.ascontiguousarray(own, np.float64).reshape(-1)
            by_example, span, stride, places = True, (0, hi - lo), width, np.arange(width)
        task = partial(
            gather_examples,
            numbers.view(np.uint8),
            DTYPES.index(numbers.dtype),
            by_example,
            span,
            stride,
            places,
            chosen.scale,
            chosen.shift,
            x,
            np.zeros(1, np.int64),
        )
        shares = -(-(hi - lo) // ROWS)
        worth = int(x.size * SECONDS_PER_GATHERED / SECONDS_PER_THREAD)
        run_on(max(1, min(n_threads, shares, worth)), task)
        yield lo, hi, read_only(x)


def _add(H: Products, x: Vector, slopes: Vector) -> None:
    """Add examples; where many slopes are 0, those of the others alone."""
    counted = np.flatnonzero(slopes)
    if counted.size > DENSE_SHARE * slopes.size:
        H.add(x, slopes)
    elif counted.size:
        H.add(flat(x.reshape(slopes.size, -1)[counted]), slopes[counted])


def _of_sparse(x: SparseMatrix, features: Features, slopes: Vector, n_threads: int) -> Vector:
    own = _by_example if x.by_example else _by_feature
    H = own(x, features, slopes, n_threads)
    H = np.triu(H) + np.tril(H, -1).T  # a pair may stand on either side of the diagonal
    scale, shift = x.scale[features], x.shift[features]
    scaled, total = scale * H[:-1, -1], float(H[-1, -1])
    C = H[:-1, :-1]
    C *= scale[:, None] * scale
    if shift.any():
        C += np.outer(shift, scaled + total * shift)
        C += np.outer(scaled, shift)
    H[:-1, -1] = scaled + total * shift
    return np.asarray(np.triu(H) + np.triu(H, 1).T)


def _by_example(x: SparseMatrix, features: Features, slopes: Vector, n_threads: int) -> Vector:
    from ..kernels.second_order.gather import add_hits

    size = (features.size + 1) ** 2
    fitting = MOST_HESSIANS_BYTES // (8 * size)
    chunks = max(1, min(MOST_HESSIANS, fitting, x.m // LEAST_EXAMPLES))
    place = np.full(x.n_x, -1)
    place[features] = np.arange(features.size)
    partials = np.zeros((chunks, size))
    left = iter(range(chunks))

    def work() -> None:
        for c in left:  # the threads draw from one iterator, under the GIL
            span = c * x.m // chunks, (c + 1) * x.m // chunks
            add_hits(Compressed(*x.arrays), place, *span, slopes, partials[c])

    with np.errstate(over="ignore", invalid="ignore"):
        worth = int(x.elements * SECONDS_PER_LOOK / SECONDS_PER_THREAD)
        run_on(max(1, min(n_threads, chunks, worth)), work)
    H = partials[0]
    for c in range(1, chunks):
        H += partials[c]
    return H.reshape(features.size + 1, -1)


def _by_feature(x: SparseMatrix, features: Features, slopes: Vector, n_threads: int) -> Vector:
    from ..kernels.second_order.gather import add_columns

    n, starts = features.size, x.starts.astype(np.int64)
    H = np.zeros((n + 1) ** 2)
    counter = np.zeros(1, np.int64)
    task = partial(add_columns, Compressed(*x.arrays), features, slopes, H, counter)
    stored = int((starts[features + 1] - starts[features]).sum())
    with np.errstate(over="ignore", invalid="ignore"):
        worth = int(stored * n / 2 * SECONDS_PER_PAIR / SECONDS_PER_THREAD)
        run_on(max(1, min(n_threads, n, worth)), task)
    H[-1] = slopes.sum()
    return H.reshape(n + 1, n + 1)
