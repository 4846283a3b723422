"""Rows of partial sums, one for each chunk, and their sum in order."""

from __future__ import annotations

from typing import Any

from .decorators import kernel

HEAD = 8


# numbers of 8 bytes in a cache line: threads that count in lines of their own do not get in each
# other's way
LINE = 8


@kernel
def copy(source: Any, target: Any) -> None:
    """target[i] = source[i]. An assignment of slices would compile Numba's text of a shape error:
    two seconds."""
    for i in range(target.size):
        target[i] = source[i]


@kernel
def add_partials(partials: Any, total: Any) -> None:
    """total = the sum of the rows of partials, added in order."""
    copy(partials[0], total)
    for c in range(1, partials.shape[0]):
        row = partials[c]
        for j in range(total.size):
            total[j] += row[j]
