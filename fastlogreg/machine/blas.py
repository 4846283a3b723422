"""Inner products of vectors of any length, on one thread.

OpenBLAS, NumPy's, takes a product of more than 10,000 numbers on all its threads, which then spin
for 25 to 100 ms in case there is more to do, and take half a CPU from the kernels' own threads: a
pass over 100,000 x 50,000 sparse numbers took 24 to 80 ms for 8. Its sums also depend on the number
of its threads.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

LONGEST = 10_000  # that OpenBLAS leaves on one thread


def inner(a: Any, b: Any) -> float:
    """The sum of a * b, both (n,)."""
    return float(a @ b) if len(a) <= LONGEST else float(np.einsum("i,i->", a, b))


def norm(a: Any) -> float:
    """||a|| of a (n,); NaN and infinity stay."""
    return math.sqrt(inner(a, a))
