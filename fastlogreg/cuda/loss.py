"""The loss from z, one example a thread: L(a, y), dz = a - y and da/dz for a = sigmoid(z).

    t = (1 - 2y) z      L = max(t, 0) + log(1 + exp(-|t|))      dz = (1 - 2y) sigmoid(t)

The formulas, the polynomials and their range are those of `kernels.loss`, which writes them in
vectors of a CPU. These functions are plain Python: numba.cuda compiles them for a GPU, njit for a
CPU, and they run as they are. A GPU's compiler joins a product and a sum to one operation, which
rounds once; the two-part ln 2 is exact either way. `math.ldexp` rounds a subnormal result once.

Rounding: float64, at most 2 ulp of each value. Twin: `fastlogreg.maths.logistic`.
"""

from __future__ import annotations

import math
from typing import Any

from ..maths.polynomials import EXP, LN2_HIGH, LN2_LOW, LOG, LOG2_E, LOWEST, ROUND

E10, E9, E8, E7, E6, E5, E4, E3, E2, E1, E0 = EXP
L8, L7, L6, L5, L4, L3, L2, L1, L0 = LOG


def exp_of_minus(size: float) -> float:
    """Return exp(-size), 0 <= size <= 750; NaN gives NaN."""
    if size != size:
        return size
    shifted = ROUND - size * LOG2_E
    k = shifted - ROUND
    r = (-size - k * LN2_HIGH) - k * LN2_LOW
    r2 = r * r
    r4 = r2 * r2
    low = (E1 * r + E0) + (E3 * r + E2) * r2
    high = (E5 * r + E4) + (E7 * r + E6) * r2
    top = (E9 * r + E8) + E10 * r2
    p = (top * r4 + high) * r4 + low
    return math.ldexp((p * r2 + r) + 1.0, int(k))


def log1p(e: float) -> float:
    """Return log(1 + e), 0 <= e <= 1; NaN gives NaN."""
    s2 = (e + e) / (e + 2.0)
    q = s2 * s2 * 0.25
    q2 = q * q
    q4 = q2 * q2
    low = (L1 * q + L0) + (L3 * q + L2) * q2
    high = (L5 * q + L4) + (L7 * q + L6) * q2
    p = (L8 * q4 + high) * q4 + low
    return s2 * (q * p) + s2


def link_with(exp: Any, log: Any) -> Any:
    """Return (z, y) -> L(a, y), dz, da/dz, from what computes exp and log1p."""

    def link(z: float, y: float) -> tuple[float, float, float]:
        sign = 1.0 - 2.0 * y
        t = sign * z
        size = abs(t)
        e = exp(LOWEST if size > LOWEST else size)
        above = t if t > 0.0 else 0.0
        numerator = 1.0 if t >= 0.0 else e
        inverse = 1.0 / (e + 1.0)
        return above + log(e), sign * (numerator * inverse), (e * inverse) * inverse

    return link


link = link_with(exp_of_minus, log1p)
