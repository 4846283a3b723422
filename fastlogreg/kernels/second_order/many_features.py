"""The Hessian for any number of features: H += the sum of slope x1 x1.T over a block of examples,
x1 = [x, 1].

Layout. Rows of some examples, times sqrt(slope), are packed in panels of 16 columns, one behind the
other, which the second-level cache holds.

    packed    panel 0: columns 0 .. 15 of all packed rows | panel 1: columns 16 .. 31 | ...
    H         flat, width = n_x + 1 rounded up to 16; tiles on and above the diagonal alone

Loop order: groups of rows of panels (`bounds`), which threads take from a counter; packs of
examples; panels against panels; tiles of 8 x 16 (without AVX-512, with half as many registers:
4 x 8), each in registers over all packed rows. Every tile adds the examples one after another, so
that neither threads nor groups change a bit.

A product of matrices by BLAS would make both triangles and add in an order that depends on its
threads. It would also leave these spinning, in the way of ours.

Rounding: FAST; the vectors say already how sums are made. Twin: `fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment
from ..decorators import by_name, cpu_features, inlined, kernel
from ..dense.blocks import axpys, dots
from ..lanes import fma, load, load_part, splat, store
from ..layout import LANES
from ..loss import link_with_slopes
from ..rows import (
    add_each,
    eight_rows,
    four_rows,
    load_rows,
    splats,
    store_rows,
)

PANEL = 2 * LANES  # columns


@inlined
def eight_by_sixteen(packed: Any, a: int, b: int, size: int, H: Any, at: int, width: int) -> None:
    """Add columns a to a + 8 of packed times columns b to b + 16 to the 8 x 16 of H from H[at] on;
    size: PANEL * rows."""
    h = eight_rows(at, width)
    c, d = load_rows(H, h, 0), load_rows(H, h, LANES)
    for r in range(0, size, PANEL):
        s = splats(packed, a + r, h)
        c = add_each(s, load(packed, b + r), c)
        d = add_each(s, load(packed, b + r + LANES), d)
    store_rows(H, h, 0, c)
    store_rows(H, h, LANES, d)


@inlined
def eight_by_eight(packed: Any, a: int, b: int, size: int, H: Any, at: int, width: int) -> None:
    """Add columns a to a + 8 of packed times columns b to b + 8 to the 8 x 8 of H from H[at] on."""
    h = eight_rows(at, width)
    c = load_rows(H, h, 0)
    for r in range(0, size, PANEL):
        c = add_each(splats(packed, a + r, h), load(packed, b + r), c)
    store_rows(H, h, 0, c)


@inlined
def four_by_eight(packed: Any, a: int, b: int, size: int, H: Any, at: int, width: int) -> None:
    """Add columns a to a + 4 of packed times columns b to b + 8 to the 4 x 8 of H from H[at] on."""
    h = four_rows(at, width)
    c = load_rows(H, h, 0)
    for r in range(0, size, PANEL):
        c = add_each(splats(packed, a + r, h), load(packed, b + r), c)
    store_rows(H, h, 0, c)


# A tile with one half below the diagonal or behind the last column is made by its other half.
add_tile, add_half_tile, TILE_ROWS, TILE_COLUMNS = (
    (eight_by_sixteen, eight_by_eight, 8, 16)
    if "+avx512f" in cpu_features()
    else (four_by_eight, four_by_eight, 4, 8)
)


@by_name(kernel)
def pack(
    x: Any, start: int, n_x: int, count: int, roots: Any, first: int, width: int, packed: Any
) -> None:
    """Pack `count` rows x1 from x[start] on, row i times roots[i], from panel `first` on: (panels,
    count, PANEL)."""
    part = n_x & 7
    whole, zero = n_x - part, splat(0.0)
    for i in range(count):
        k, to, root = start + i * n_x, i * PANEL + first * count * PANEL, splat(roots[i])
        for c in range(first * PANEL, width, PANEL):
            for h in range(0, PANEL, LANES):
                v = zero
                if c + h < whole:
                    v = fma(load(x, k + c + h), root, zero)
                elif c + h == whole:
                    v = fma(load_part(x, k + whole, part), root, zero)
                store(packed, to + h, v)
            if 0 <= n_x - c < PANEL:
                packed[to + n_x - c] = roots[i]
            to += count * PANEL


@by_name(kernel)
def add_products(
    x: Any, n_x: int, slopes: Any, together: int, bounds: Any, width: int, H: Any, counter: Any
) -> None:
    """Add the sum to H, on and above the diagonal (and a bit below), until no group is left.

    Any number of threads at once. x: (m, n_x) float64, flat. slopes: (m,). together: examples that
    are packed at a time. bounds: the first panel of each group, and the number of panels.
    """
    m, panels = slopes.size, width // PANEL
    packed, roots = np.empty(together * width), np.empty(together)
    g = fetch_and_increment(counter, 0)
    while g < bounds.size - 1:
        for lo in range(0, m, together):
            count = min(together, m - lo)
            for i in range(count):
                roots[i] = np.sqrt(slopes[lo + i])
            pack(x, lo * n_x, n_x, count, roots, bounds[g], width, packed)
            size = count * PANEL
            for row in range(bounds[g], bounds[g + 1]):
                for j in range(0, min(PANEL, n_x + 1 - row * PANEL), TILE_ROWS):
                    for k in range(row, panels):
                        first = j if k == row else 0
                        for v in range(0, PANEL, TILE_COLUMNS):
                            at, b = (row * PANEL + j) * width + k * PANEL + v, k * size + v
                            left = first < v + LANES
                            right = TILE_COLUMNS > LANES and k * PANEL + v + LANES <= n_x
                            if left and (right or TILE_COLUMNS == LANES):
                                add_tile(packed, row * size + j, b, size, H, at, width)
                            elif left or right:
                                more = 0 if left else LANES
                                add_half_tile(
                                    packed, row * size + j, b + more, size, H, at + more, width
                                )
        g = fetch_and_increment(counter, 0)


@kernel
def block_sums(
    x: Any, n_x: int, w: Any, b: float, y: Any, weight: Any, z: Any, dz: Any, slopes: Any, g: Any
) -> float:
    """Return the loss of a block of examples; fill z, dz and slopes; add the sum of dz x to g.

    x: (m, n_x) float64, flat. slopes: (m,). z, dz: m rounded up to eights. w, g: n_x rounded up.
    """
    m = y.size
    z[:] = b
    dz[:] = 0.0
    dots(x, 0, n_x, m, n_x, w, z, 0)
    J = link_with_slopes(z[:m], y, weight, dz[:m], slopes)
    axpys(x, 0, n_x, m, n_x, dz, g, 0)
    return float(J)
