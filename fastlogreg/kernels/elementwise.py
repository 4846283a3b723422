"""exp and log of a whole vector, eight numbers at a time: what closes the gap to NumPy's.

    exp(x)   exp(-d), d = -x held between -750 and 750: beyond, the result is 0 or infinity
    log(x)   x = 2^n (1 + e), 1 + e from sqrt(1/2) to sqrt(2): n ln 2 + log(1 + e); what is below
             2^-1022 is multiplied by 2^54 first

Layout: x, u (m,), a vector of eight at a time; the last one in part. Loop order: as it lies.
Rounding: EXACT, as in `kernels.loss`, whose polynomials these are: that of the log is even in s,
so e may be negative. Largest errors seen: 1 ulp of the exp, 2.2 ulp of the log. Twins: NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..maths.polynomials import LN2_HIGH, LN2_LOW, LOWEST
from .decorators import exact
from .lanes import float64x8, load, load_part, operation, store, store_part
from .layout import LANES
from .loss import _Instructions

SMALLEST, RAISE = 2.0**-1022, 54  # of the numbers with all their digits; 2^RAISE makes one of any
MANTISSA, BIAS, EXPONENT_BITS = (1 << 52) - 1, 1023, 52


@operation(lambda x: np.exp(np.clip(x, -LOWEST, LOWEST)))
def exp_of(typingctx: Any, x: Any) -> Any:
    """Compute exp of eight numbers; NaN stays."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit, b = _Instructions(builder), builder
        d = b.fneg(args[0])
        for limit, beyond in ((LOWEST, ">"), (-LOWEST, "<")):
            d = b.select(b.fcmp_ordered(beyond, d, emit.double(limit)), emit.double(limit), d)
        return emit.exp(d)

    return float64x8(x), codegen


def _plain_log(x: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):  # lanes past the end hold 0
        return np.log(x)


@operation(_plain_log)
def log_of(typingctx: Any, x: Any) -> Any:
    """Compute log of eight numbers: -infinity of 0, NaN of what is below 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (x,) = args
        emit, b = _Instructions(builder), builder
        zero, one = emit.double(0.0), emit.double(1.0)
        tiny = b.fcmp_ordered("<", x, emit.double(SMALLEST))
        bits = b.bitcast(b.select(tiny, b.fmul(x, emit.double(2.0**RAISE)), x), emit.ints)
        n = b.sub(b.lshr(bits, emit.int(EXPONENT_BITS)), emit.int(BIAS))
        n = b.select(tiny, b.sub(n, emit.int(RAISE)), n)
        ones = emit.int(BIAS << EXPONENT_BITS)
        f = b.bitcast(b.or_(b.and_(bits, emit.int(MANTISSA)), ones), emit.doubles)
        high = b.fcmp_ordered(">", f, emit.double(2.0**0.5))
        f = b.select(high, b.fmul(f, emit.double(0.5)), f)
        count = b.sitofp(b.select(high, b.add(n, emit.int(1)), n), emit.doubles)
        low = emit.fma(count, emit.double(LN2_LOW), emit.log1p(b.fsub(f, one)))
        found = emit.fma(count, emit.double(LN2_HIGH), low)
        infinite = emit.double(np.inf)
        usual = b.and_(b.fcmp_ordered(">", x, zero), b.fcmp_ordered("<", x, infinite))
        rest = b.select(b.fcmp_ordered("==", x, infinite), infinite, emit.double(np.nan))
        rest = b.select(b.fcmp_ordered("==", x, zero), emit.double(-np.inf), rest)
        return b.select(usual, found, rest)

    return float64x8(x), codegen


@exact
def exp(x: Any, u: Any) -> None:
    """Fill u with exp(x)."""
    for i in range(0, x.size, LANES):
        count = min(LANES, x.size - i)
        if count == LANES:
            store(u, i, exp_of(load(x, i)))
        else:
            store_part(u, i, exp_of(load_part(x, i, count)), count)


@exact
def log(x: Any, u: Any) -> None:
    """Fill u with log(x)."""
    for i in range(0, x.size, LANES):
        count = min(LANES, x.size - i)
        if count == LANES:
            store(u, i, log_of(load(x, i)))
        else:
            store_part(u, i, log_of(load_part(x, i, count)), count)
