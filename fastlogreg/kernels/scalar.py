"""exp, log1p and the link between z and the loss, written so that the compiler vectorizes them.

Numba has no vector math library at hand: `math.exp` in a loop is a scalar call of libm, ten times as slow. Here
both functions are branch-free polynomials, for the one range that the loss needs:

    exp_neg(x)  x in [-750, 0]  x = k ln 2 + r, |r| <= ln 2 / 2; exp(r) by a minimax polynomial of degree 12; 2^k by
                                two factors, so that a subnormal result is rounded once
    log1p(e)    e in [0, 1]     log(1 + e) = 2 atanh(s), s = e / (2 + e) <= 1/3; atanh by a minimax polynomial in s^2

The coefficients are the Remez solutions for these ranges (errors of 5e-20 and 5e-17 before rounding).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..reference import suboptimality_bound as _suboptimality_bound
from .flags import scalar

ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it leaves the nearest integer in the low bits of the sum
ROUND_BITS = 0x4338000000000000  # the bits of ROUND
LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # high part: 33 bits, k * high is exact


@scalar
def exp_neg(x: Any) -> Any:
    """exp(x) for x in [-750, 0]; NaN gives NaN. Largest error seen: 0.9 ulp."""
    shifted = np.float64(x * LOG2_E + ROUND)
    n = shifted.view(np.int64) - ROUND_BITS
    k = shifted - ROUND
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    p = 2.092688409288378e-09
    p = p * r + 2.511222820366779e-08
    p = p * r + 2.755723356004612e-07
    p = p * r + 2.755723426953643e-06
    p = p * r + 2.480158737349359e-05
    p = p * r + 0.00019841269897026887
    p = p * r + 0.0013888888888858575
    p = p * r + 0.008333333333316751
    p = p * r + 0.04166666666666673
    p = p * r + 0.16666666666666685
    p = p * r + 0.5
    p = p * r * r + r + 1.0
    half = n >> 1
    first = np.int64((half + 1023) << 52).view(np.float64)
    second = np.int64((n - half + 1023) << 52).view(np.float64)
    return (p * first) * second


@scalar
def log1p(e: Any) -> Any:
    """log(1 + e) for e in [0, 1]; NaN gives NaN. Largest error seen: 1.5 ulp."""
    s2 = (e + e) / (2.0 + e)
    q = 0.25 * s2 * s2
    p = 0.08864436111289288
    p = p * q + 0.04954369009709851
    p = p * q + 0.06792480300357455
    p = p * q + 0.07682232302836281
    p = p * q + 0.09091400786390016
    p = p * q + 0.11111096729019063
    p = p * q + 0.14285714521952428
    p = p * q + 0.19999999998116988
    p = p * q + 0.3333333333333839
    return s2 + s2 * (q * p)


@scalar
def loss_and_dz(z: Any, y: Any) -> Any:
    """L(a, y), dz = a - y and da/dz = a (1 - a) for a = sigmoid(z), y in {0, 1}: with t = (1 - 2y) z the first two are
    log(1 + exp(t)) and (1 - 2y) sigmoid(t), free of overflow, of log(0) and of the cancellation in a - y."""
    sign = 1.0 - 2.0 * y
    t = sign * z
    size = abs(t)
    e = exp_neg(-(750.0 if size > 750.0 else size))  # NaN is not > 750 and stays
    above = t if t > 0.0 else 0.0
    numerator = 1.0 if t >= 0.0 else e
    inverse = 1.0 / (1.0 + e)
    return above + log1p(e), sign * (numerator * inverse), (e * inverse) * inverse


suboptimality_bound = scalar(_suboptimality_bound)
