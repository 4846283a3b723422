"""The loss from z, eight examples at a time: L(a, y), dz = a - y and da/dz = a (1 - a) for a =
sigmoid(z).

With t = (1 - 2y) z the first two are log(1 + exp(t)) and (1 - 2y) sigmoid(t), free of overflow, of
log(0) and of the cancellation in a - y. Numba has no vector math library at hand: `math.exp` in a
loop is a scalar call of libm, ten times as slow. Here both functions are branch-free polynomials,
for the one range that the loss needs:

    exp(x)      x in [-750, 0]  x = k ln 2 + r, |r| <= ln 2 / 2; exp(r) = 1 + r + r^2 EXP(r);
                                2^k by two factors, so that a subnormal result is rounded once
    log(1 + e)  e in [0, 1]     2 atanh(s), s = e / (2 + e) <= 1/3; atanh(s) = s + s^3 LOG(s^2)

EXP and LOG are in `maths.polynomials`.

Layout: z, y, weight, dz (m,), a vector of each at a time; the last one in part.

    z   | 8 | 8 | ... | part |   ->   J, db, curvature: a vector of sums each, `sums` at the end
    dz  | 8 | 8 | ... | part |

Loop order: examples. Rounding: EXACT, and every kernel that calls `loss_and_dz` must be: with
"reassoc" the compiler may take `shifted - ROUND` for what it was made from. The polynomials are
emitted as instructions, not compiled from Python: a loop that has eight examples in lanes need not
leave them. Twin: `fastlogreg.maths.logistic`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from ..maths import logistic
from ..maths.polynomials import EXP, LN2_HIGH, LN2_LOW, LOG, LOG2_E, LOWEST, ROUND
from .decorators import by_name, exact
from .lanes import (
    DOUBLE,
    INT64,
    call,
    first,
    float64x8,
    fma,
    load,
    load_part,
    operation,
    splat,
    store,
    store_part,
    sums,
)
from .layout import LANES

_INT32 = ir.IntType(32)
ROUND_BITS = 0x4338000000000000  # the bits of ROUND


class _Instructions:
    """Arithmetic on vectors of `size` lanes, written by a builder; Estrin's rule.

    Of each instruction on sixteen lanes LLVM makes two, one after the other: so the chains of two
    vectors advance side by side.
    """

    def __init__(self, builder: Any, size: int = LANES) -> None:
        self.builder, self.size = builder, size
        self.doubles, self.ints = ir.VectorType(DOUBLE, size), ir.VectorType(INT64, size)

    def double(self, value: float) -> Any:
        return self.doubles([value] * self.size)

    def int(self, value: int) -> Any:
        return self.ints([value] * self.size)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        return call(self.builder, f"llvm.fmuladd.v{self.size}f64", self.doubles, [a, b, c])

    def polynomial(self, coefficients: tuple[float, ...], x: Any) -> Any:
        terms = [self.double(c) for c in reversed(coefficients)]
        while len(terms) > 1:
            pairs = list(zip(terms[::2], terms[1::2]))
            rest = terms[2 * len(pairs) :]
            terms = [self.fma(high, x, low) for low, high in pairs] + rest
            x = self.builder.fmul(x, x)
        return terms[0]

    def power_of_two(self, n: Any) -> Any:
        bits = self.builder.shl(self.builder.add(n, self.int(1023)), self.int(52))
        return self.builder.bitcast(bits, self.doubles)

    def exp(self, size: Any) -> Any:
        """Emit exp(-size), 0 <= size <= 750; NaN gives NaN. Largest error seen: 0.9 ulp."""
        b = self.builder
        shifted = self.fma(size, self.double(-LOG2_E), self.double(ROUND))
        n = b.sub(b.bitcast(shifted, self.ints), self.int(ROUND_BITS))
        k = b.fsub(shifted, self.double(ROUND))
        r = self.fma(k, self.double(-LN2_HIGH), b.fneg(size))
        r = self.fma(k, self.double(-LN2_LOW), r)
        p = self.polynomial(EXP, r)
        p = b.fadd(self.fma(b.fmul(p, r), r, r), self.double(1.0))
        half = b.ashr(n, self.int(1))
        return b.fmul(b.fmul(p, self.power_of_two(half)), self.power_of_two(b.sub(n, half)))

    def log1p(self, e: Any) -> Any:
        """Emit log(1 + e), 0 <= e <= 1; NaN gives NaN. Largest error seen: 1.5 ulp."""
        b = self.builder
        s2 = b.fdiv(b.fadd(e, e), b.fadd(e, self.double(2.0)))
        q = b.fmul(b.fmul(s2, s2), self.double(0.25))
        return self.fma(s2, b.fmul(q, self.polynomial(LOG, q)), s2)

    def link(self, z: Any, y: Any) -> list[Any]:
        """Emit L, dz and da/dz."""
        b, one, zero = self.builder, self.double(1.0), self.double(0.0)
        sign = self.fma(y, self.double(-2.0), one)
        t = b.fmul(sign, z)
        size = call(b, f"llvm.fabs.v{self.size}f64", self.doubles, [t])
        too_far = b.fcmp_ordered(">", size, self.double(LOWEST))  # NaN is not, and stays
        e = self.exp(b.select(too_far, self.double(LOWEST), size))
        above = b.select(b.fcmp_ordered(">", t, zero), t, zero)
        numerator = b.select(b.fcmp_ordered(">=", t, zero), one, e)
        inverse = b.fdiv(one, b.fadd(e, one))
        dz = b.fmul(sign, b.fmul(numerator, inverse))
        return [b.fadd(above, self.log1p(e)), dz, b.fmul(b.fmul(e, inverse), inverse)]


def _plain_link(z: Any, y: Any) -> tuple[Any, Any, Any]:
    sign = 1.0 - 2.0 * y
    dz = sign * logistic.sigmoid(sign * z)
    return logistic.loss(z, y), dz, np.abs(dz) * logistic.sigmoid(-sign * z)


@operation(_plain_link)
def loss_and_dz(typingctx: Any, z: Any, y: Any) -> Any:
    """Compute L(a, y), dz and da/dz of eight examples; y is 0 or 1."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_tuple(
            builder, signature.return_type, _Instructions(builder).link(*args)
        )

    return types.UniTuple(float64x8, 3)(z, y), codegen


@operation(lambda z0, y0, z1, y1: (*_plain_link(z0, y0), *_plain_link(z1, y1)))
def losses_and_dz(typingctx: Any, z0: Any, y0: Any, z1: Any, y1: Any) -> Any:
    """Compute L, dz and da/dz of two vectors: three of the first, then three of the second."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def part(lanes: Any, start: int, size: int) -> Any:
            return builder.shuffle_vector(
                *lanes, ir.VectorType(_INT32, size)(list(range(start, start + size)))
            )

        both = [part(pair, 0, 2 * LANES) for pair in (args[::2], args[1::2])]
        found = _Instructions(builder, 2 * LANES).link(*both)
        parts = [part((lanes, lanes), start, LANES) for start in (0, LANES) for lanes in found]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(float64x8, 6)(z0, y0, z1, y1), codegen


@by_name(exact)
def link(z: Any, y: Any, weight: Any, linear: bool, dz: Any) -> Any:
    """Sum the losses, dz and da/dz, and fill dz, from z; weighted where weight is not empty.

    linear: the loss weight * z^2 / 2 in place of the cross-entropy, dz = weight * z. The pass is
    then X D X.T applied to (w, b), with D the diagonal of the weights: power iterations and Hessian
    products.
    """
    one, zero, half = splat(1.0), splat(0.0), splat(0.5)
    J = db = curvature = zero
    for i in range(0, z.size, LANES):
        count = min(LANES, z.size - i)
        whole = count == LANES
        z8 = load(z, i) if whole else load_part(z, i, count)
        s = first(count)
        if weight.size:
            s = load(weight, i) if whole else load_part(weight, i, count)
        if linear:
            d = fma(s, z8, zero)
            J = fma(fma(d, half, zero), z8, J)
        else:
            loss, d, slope = loss_and_dz(z8, load(y, i) if whole else load_part(y, i, count))
            J, d, curvature = fma(s, loss, J), fma(s, d, zero), fma(s, slope, curvature)
        db = fma(d, one, db)
        if whole:
            store(dz, i, d)
        else:
            store_part(dz, i, d, count)
    total = np.empty(LANES)
    store(total, 0, sums((J, db, curvature)))
    return total[0], total[1], total[2]


@by_name(exact)
def link_with_slopes(z: Any, y: Any, weight: Any, dz: Any, slopes: Any) -> float:
    """Sum the losses; fill dz and slopes, weighted where weight is not empty: for a Hessian."""
    zero = splat(0.0)
    J = zero
    for i in range(0, z.size, LANES):
        count = min(LANES, z.size - i)
        whole = count == LANES
        s = first(count)
        if weight.size:
            s = load(weight, i) if whole else load_part(weight, i, count)
        z8 = load(z, i) if whole else load_part(z, i, count)
        y8 = load(y, i) if whole else load_part(y, i, count)
        loss, d, slope = loss_and_dz(z8, y8)
        J, d, slope = fma(s, loss, J), fma(s, d, zero), fma(s, slope, zero)
        if whole:
            store(dz, i, d)
            store(slopes, i, slope)
        else:
            store_part(dz, i, d, count)
            store_part(slopes, i, slope, count)
    total = np.empty(LANES)
    store(total, 0, sums((J,)))
    return float(total[0])


@by_name(exact)
def along_line(z: Any, z_slope: Any, y: Any, weight: Any, t: float) -> Any:
    """Sum the losses at z + t z_slope, and their first and second derivatives by t: a line search
    that reads no X."""
    zero, t8 = splat(0.0), splat(t)
    J = first_derivative = second = zero
    for i in range(0, z.size, LANES):
        count = min(LANES, z.size - i)
        whole = count == LANES
        s = first(count)
        if weight.size:
            s = load(weight, i) if whole else load_part(weight, i, count)
        slope = load(z_slope, i) if whole else load_part(z_slope, i, count)
        z8 = fma(t8, slope, load(z, i) if whole else load_part(z, i, count))
        loss, d, curvature = loss_and_dz(z8, load(y, i) if whole else load_part(y, i, count))
        slope_s = fma(s, slope, zero)
        J, first_derivative = fma(s, loss, J), fma(d, slope_s, first_derivative)
        second = fma(fma(curvature, slope, zero), slope_s, second)
    total = np.empty(LANES)
    store(total, 0, sums((J, first_derivative, second)))
    return total[0], total[1], total[2]
