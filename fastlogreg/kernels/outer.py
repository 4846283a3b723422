"""H += R.T R for a block R of rows: the Hessian's sum of outer products, with the same bits wherever it is computed.

BLAS does this a little faster, but adds in an order that depends on its threads, and worker processes have other settings
than their client. Here a tile of 4 x 16 sums stays in registers over all rows, which are added one after another.
"""

from __future__ import annotations

from typing import Any

from .flags import kernel
from .intrinsics import fma, load, splat, store


@kernel
def add_outer(rows: Any, width: int, H: Any) -> None:
    """Upper triangle (and the rest of the tiles on the diagonal) of H (width, width) += R.T R. rows: R (count, width) as
    flat float64, H flat too; width a multiple of 16."""
    count = rows.size // width
    for j in range(0, width, 4):
        for k in range(j // 16 * 16, width, 16):
            at = j * width + k
            a0, a1 = load(H, at), load(H, at + 8)
            b0, b1 = load(H, at + width), load(H, at + width + 8)
            c0, c1 = load(H, at + 2 * width), load(H, at + 2 * width + 8)
            d0, d1 = load(H, at + 3 * width), load(H, at + 3 * width + 8)
            for i in range(count):
                row = rows[i * width : (i + 1) * width]
                x0, x1 = load(row, k), load(row, k + 8)
                four = row[j : j + 4]
                s = splat(four[0])
                a0, a1 = fma(s, x0, a0), fma(s, x1, a1)
                s = splat(four[1])
                b0, b1 = fma(s, x0, b0), fma(s, x1, b1)
                s = splat(four[2])
                c0, c1 = fma(s, x0, c0), fma(s, x1, c1)
                s = splat(four[3])
                d0, d1 = fma(s, x0, d0), fma(s, x1, d1)
            store(H, at, a0)
            store(H, at + 8, a1)
            store(H, at + width, b0)
            store(H, at + width + 8, b1)
            store(H, at + 2 * width, c0)
            store(H, at + 2 * width + 8, c1)
            store(H, at + 3 * width, d0)
            store(H, at + 3 * width + 8, d1)
