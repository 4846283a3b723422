"""The polynomials of exp and log1p for the one range that the loss needs.

    exp(x)      x in [-750, 0]  x = k ln 2 + r, |r| <= ln 2 / 2; exp(r) = 1 + r + r^2 EXP(r)
    log(1 + e)  e in [0, 1]     2 atanh(s), s = e / (2 + e) <= 1/3; atanh(s) = s + s^3 LOG(s^2)

EXP and LOG are minimax, the highest power first: `tests/helpers/coefficients.py` makes them by
Remez' exchange. The largest errors are 5e-20 of exp(r) and 5e-17 of atanh(s), in exact arithmetic;
rounding the coefficients makes the first 7e-19. `kernels.loss` evaluates them on a CPU, `cuda.loss`
on a GPU.
"""

from __future__ import annotations

# 1.5 * 2^52: adding it leaves the nearest integer in the low bits of the sum
ROUND = 6755399441055744.0
LOG2_E = 1.4426950408889634
# The high part has 33 bits: k * high is exact.
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
LOWEST = 750.0  # exp(-750) is 0
EXP = (
    2.092688409288378e-09,
    2.511222820366779e-08,
    2.755723356004612e-07,
    2.755723426953643e-06,
    2.480158737349359e-05,
    0.00019841269897026887,
    0.0013888888888858575,
    0.008333333333316751,
    0.04166666666666673,
    0.16666666666666685,
    0.5,
)
LOG = (
    0.08864436111289288,
    0.04954369009709851,
    0.06792480300357455,
    0.07682232302836281,
    0.09091400786390016,
    0.11111096729019063,
    0.14285714521952428,
    0.19999999998116988,
    0.3333333333333839,
)
