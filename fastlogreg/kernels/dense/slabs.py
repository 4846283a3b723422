"""Wide feature-major X, read twice by slabs of features: z of all examples first, then dw.

A block of examples of such an X would be scattered over thousands of pages.

Layout. A row of X is a feature, m numbers long; a slab is `slab` rows, one behind the other.

    slab 0   feature 0        |  block  |  block  | ...        partials[0] (m)
             feature 1        |         |         |
    slab 1   feature `slab`   |  block  |  block  | ...        partials[1] (m)

Loop order: threads take slabs; in each, blocks of examples; `blocks.axpys` for z, `blocks.dots` for
dw. The rows of partials are added in order, so the bits are the same for any number of threads.

Rounding: FAST, as `blocks`. Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

from ..atomics import fetch_and_increment
from ..decorators import kernel
from ..layout import LANES
from .blocks import axpys, dots


@kernel
def add_slab_scores(
    x: Any, m: int, w: Any, slab: int, block: int, partials: Any, counter: Any
) -> None:
    """Set partials[c] to the share of slab c in z of all examples, until no slab is left.

    Any number of threads at once. A row of partials is m rounded up to eights; slab, in features,
    is a multiple of 8.
    """
    n_x = x.size // m
    c = fetch_and_increment(counter, 0)
    while c < partials.shape[0]:
        lo = c * slab
        hi, row = min(n_x, lo + slab), partials[c]
        row[:] = 0.0
        for i in range(0, m, block):
            axpys(x, lo * m + i, m, hi - lo, min(block, m - i), w[lo:], row[i:], LANES * m)
        c = fetch_and_increment(counter, 0)


@kernel
def slab_gradients(x: Any, m: int, dz: Any, slab: int, block: int, dw: Any, counter: Any) -> None:
    """Set dw to X dz.T, slab after slab; any number of threads. dw: n_x rounded up to eights."""
    n_x = x.size // m
    lo = fetch_and_increment(counter, 0) * slab
    while lo < n_x:
        hi = min(n_x, lo + slab)
        dw[lo:hi] = 0.0
        for i in range(0, m, block):
            dots(x, lo * m + i, m, hi - lo, min(block, m - i), dz[i:], dw[lo:], LANES * m)
        lo = fetch_and_increment(counter, 0) * slab
