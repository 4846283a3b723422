"""Rows of partial sums, one for each chunk, and their sum in order.

Layout: partials (chunks, width), a row [J, db, sum of da/dz, five unused, dw, up to seven unused];
rows of a Hessian go on behind. Loop order: chunks outside, numbers inside. Rounding: FAST; each
number is added up alone, in the order of the chunks. Twin: partials.sum(axis=0).
"""

from __future__ import annotations

from typing import Any

from .decorators import by_name, kernel


@kernel
def copy(source: Any, target: Any) -> None:
    """Copy target.size numbers. An assignment of slices would compile Numba's text of a shape
    error, for seconds."""
    for i in range(target.size):
        target[i] = source[i]


@by_name(kernel)
def add_partials(partials: Any, total: Any) -> None:
    """Set total to the sum of the rows of partials, added in order."""
    for j in range(total.size):
        total[j] = partials[0, j]
    for c in range(1, partials.shape[0]):
        for j in range(total.size):
            total[j] += partials[c, j]
