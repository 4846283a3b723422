"""H += the sum of slope x1 x1.T over a block of examples, x1 = [x, 1]: what a Hessian is made of,
for any number of features.

Rows of some examples, times sqrt(slope), are packed in panels of 16 columns, one behind the other,
which the second-level cache holds. H is then a sum of products of panels: tiles of 8 x 16 (AVX2,
with half as many registers: 4 x 8) stay in registers over all packed rows; only those on and above
the diagonal are made. 1.5 multiply-adds of eight lanes a cycle on Zen 5. A product of matrices by
BLAS makes both triangles, adds in an order that depends on its threads, and leaves these spinning,
in the way of ours: 5,000 x 500 took 19 ms by it, on two threads, and takes 10.

Threads take groups of rows of panels, `bounds`, from a counter; each packs what it needs. Every
tile adds the examples one after another, so that neither threads nor groups change a bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment
from ..decorators import cpu_features, inlined, kernel
from ..dense.blocks import axpys, dots
from ..lanes import LANES, fma, load, load_part, splat, store
from ..loss import link_with_slopes

PANEL = 2 * LANES  # columns


@inlined
def eight_by_sixteen(packed: Any, a: int, b: int, size: int, H: Any, at: int, width: int) -> None:
    """H[at] and what follows, 8 x 16 += columns a to a + 8 of packed times columns b to b + 16;
    size: PANEL * rows."""
    h1, h2, h3, h4 = at + width, at + 2 * width, at + 3 * width, at + 4 * width
    h5, h6, h7 = at + 5 * width, at + 6 * width, at + 7 * width
    c0, c1, c2, c3 = load(H, at), load(H, h1), load(H, h2), load(H, h3)
    c4, c5, c6, c7 = load(H, h4), load(H, h5), load(H, h6), load(H, h7)
    d0, d1, d2, d3 = (
        load(H, at + LANES),
        load(H, h1 + LANES),
        load(H, h2 + LANES),
        load(H, h3 + LANES),
    )
    d4, d5, d6, d7 = (
        load(H, h4 + LANES),
        load(H, h5 + LANES),
        load(H, h6 + LANES),
        load(H, h7 + LANES),
    )
    for r in range(0, size, PANEL):
        u, v = load(packed, b + r), load(packed, b + r + LANES)
        s, t = splat(packed[a + r]), splat(packed[a + r + 1])
        c0, d0, c1, d1 = fma(s, u, c0), fma(s, v, d0), fma(t, u, c1), fma(t, v, d1)
        s, t = splat(packed[a + r + 2]), splat(packed[a + r + 3])
        c2, d2, c3, d3 = fma(s, u, c2), fma(s, v, d2), fma(t, u, c3), fma(t, v, d3)
        s, t = splat(packed[a + r + 4]), splat(packed[a + r + 5])
        c4, d4, c5, d5 = fma(s, u, c4), fma(s, v, d4), fma(t, u, c5), fma(t, v, d5)
        s, t = splat(packed[a + r + 6]), splat(packed[a + r + 7])
        c6, d6, c7, d7 = fma(s, u, c6), fma(s, v, d6), fma(t, u, c7), fma(t, v, d7)
    store(H, at, c0)
    store(H, at + LANES, d0)
    store(H, h1, c1)
    store(H, h1 + LANES, d1)
    store(H, h2, c2)
    store(H, h2 + LANES, d2)
    store(H, h3, c3)
    store(H, h3 + LANES, d3)
    store(H, h4, c4)
    store(H, h4 + LANES, d4)
    store(H, h5, c5)
    store(H, h5 + LANES, d5)
    store(H, h6, c6)
    store(H, h6 + LANES, d6)
    store(H, h7, c7)
    store(H, h7 + LANES, d7)


@inlined
def four_by_eight(packed: Any, a: int, b: int, size: int, H: Any, at: int, width: int) -> None:
    """The same, 4 x 8."""
    h1, h2, h3 = at + width, at + 2 * width, at + 3 * width
    c0, c1, c2, c3 = load(H, at), load(H, h1), load(H, h2), load(H, h3)
    for r in range(0, size, PANEL):
        u = load(packed, b + r)
        c0, c1 = fma(splat(packed[a + r]), u, c0), fma(splat(packed[a + r + 1]), u, c1)
        c2, c3 = fma(splat(packed[a + r + 2]), u, c2), fma(splat(packed[a + r + 3]), u, c3)
    store(H, at, c0)
    store(H, h1, c1)
    store(H, h2, c2)
    store(H, h3, c3)


add_tile, DEEP, WIDE = (
    (eight_by_sixteen, 8, 16) if "+avx512f" in cpu_features() else (four_by_eight, 4, 8)
)


@kernel
def pack(
    x: Any, start: int, n_x: int, count: int, roots: Any, first: int, width: int, packed: Any
) -> None:
    """Columns from panel `first` on of `count` rows x1 from x[start], row i times roots[i]:
    (panels, count, PANEL)."""
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


@kernel
def add_products(
    x: Any, n_x: int, slopes: Any, together: int, bounds: Any, width: int, H: Any, counter: Any
) -> None:
    """H (width, width) += the sum, on and above the diagonal (and a bit below), until no group is
    left; any number of threads at once. x: (m, n_x) float64, flat; slopes: (m,); H: flat, width n_x
    + 1 rounded up to PANEL; `together` examples are packed at a time; bounds: the first panel of
    each group, and the number of panels."""
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
                for j in range(0, PANEL, DEEP):
                    for k in range(row, panels):
                        for v in range(0, PANEL, WIDE):
                            at = (row * PANEL + j) * width + k * PANEL + v
                            add_tile(packed, row * size + j, k * size + v, size, H, at, width)
        g = fetch_and_increment(counter, 0)


@kernel
def block_sums(
    x: Any, n_x: int, w: Any, b: float, y: Any, weight: Any, z: Any, dz: Any, slopes: Any, g: Any
) -> float:
    """The loss of a block of examples; z, dz and s da/dz of each; g += the sum of dz x. x: (m, n_x)
    float64, flat; slopes: (m,); z, dz: m rounded up to eights; w, g: n_x rounded up."""
    m = y.size
    z[:] = b
    dz[:] = 0.0
    dots(x, 0, n_x, m, n_x, w, z, 0)
    J = link_with_slopes(z[:m], y, weight, dz[:m], slopes)
    axpys(x, 0, n_x, m, n_x, dz, g, 0)
    return float(J)
