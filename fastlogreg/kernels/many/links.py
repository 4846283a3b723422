"""Lanes of softmax: exp(-d), log(1 + r) for any r >= 0, and the choices between them.

    softmax of z_1 .. z_K, top = the largest, e_k = exp(-(top - z_k)), sum = e_1 + ... + e_K

    a_k = e_k / sum
    dz_k = a_k - y_k              of the label as -others / sum: no 1 is subtracted from a number
                                  close to 1; others = the sum of e_k but for the label's
    L = top - z_label + log(sum)  the last as log(1 + r), r = sum - 1; where the label's z is the
                                  largest, r = others: a small loss keeps all its digits

    log(1 + r)                    1 + r = 2^n (1 + e), 0 <= e < 1: n ln 2 + log(1 + e)

No z that is infinite or NaN is hidden: 0 z is added to the loss, which is then NaN.

Rounding: EXACT, as in `kernels.loss`, whose polynomials these are. Largest errors seen: 0.9 ulp of
the exp, 1.7 ulp of the log. Twin: `fastlogreg.maths.softmax`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ...maths.polynomials import LN2_HIGH, LN2_LOW, LOWEST
from ..lanes import DOUBLE, INT64, emit_splat, float64x8, operation
from ..layout import LANES
from ..loss import _Instructions

EXPONENT_BITS, BIAS = 52, 1023


class _Softmax(_Instructions):
    """Adds to the arithmetic on vectors what softmax takes."""

    def decay(self, d: Any) -> Any:
        """Emit exp(-d), d >= 0; NaN gives NaN."""
        too_far = self.builder.fcmp_ordered(">", d, self.double(LOWEST))
        return self.exp(self.builder.select(too_far, self.double(LOWEST), d))

    def log_1_plus(self, r: Any) -> Any:
        """Emit log(1 + r), r >= 0; NaN gives NaN: 2^-n is infinite there."""
        b, one = self.builder, self.double(1.0)
        u = b.fadd(r, one)
        n = b.sub(b.lshr(b.bitcast(u, self.ints), self.int(EXPONENT_BITS)), self.int(BIAS))
        scaled = b.fsub(b.fmul(u, self.power_of_two(b.sub(self.int(0), n))), one)
        e = b.select(b.icmp_signed("==", n, self.int(0)), r, scaled)
        count = b.sitofp(n, self.doubles)
        low = self.fma(count, self.double(LN2_LOW), self.log1p(e))
        return self.fma(count, self.double(LN2_HIGH), low)

    def is_class(self, labels: Any, k: Any) -> Any:
        number = emit_splat(self.builder, self.builder.sitofp(k, DOUBLE))
        return self.builder.fcmp_ordered("==", labels, number)


@operation(lambda a, b: np.where(b > a, b, a))
def larger(typingctx: Any, a: Any, b: Any) -> Any:
    """Give b where it is larger than a, else a: a NaN in a stays."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[1], args[0]), args[1], args[0])

    return float64x8(a, b), codegen


@operation(lambda labels, k: (labels == k).astype(float))
def is_class(typingctx: Any, labels: Any, k: Any) -> Any:
    """Give 1 where the label is k, else 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit = _Softmax(builder)
        return builder.select(emit.is_class(*args), emit.double(1.0), emit.double(0.0))

    return float64x8(labels, types.int64), codegen


@operation(lambda labels, k, a, b: np.where(labels == k, a, b))
def where_class(typingctx: Any, labels: Any, k: Any, a: Any, b: Any) -> Any:
    """Give a where the label is k, else b."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(_Softmax(builder).is_class(*args[:2]), *args[2:])

    return float64x8(labels, types.int64, a, b), codegen


@operation(lambda top, z: np.exp(-(top - z)))
def decay(typingctx: Any, top: Any, z: Any) -> Any:
    """Compute exp(-(top - z)), z <= top."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _Softmax(builder).decay(builder.fsub(*args))

    return float64x8(top, z), codegen


@operation(lambda a, b: a / b)
def ratio(typingctx: Any, a: Any, b: Any) -> Any:
    """Divide a by b."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fdiv(*args)

    return float64x8(a, b), codegen


def _plain_loss(total: Any, others: Any, top: Any, z: Any) -> Any:
    far = top - z
    return far + np.log1p(np.where(far == 0.0, others, total - 1.0))


@operation(_plain_loss)
def class_loss(typingctx: Any, total: Any, others: Any, top: Any, z: Any) -> Any:
    """Compute top - z + log(total), z being the label's; others: total without its part."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total, others, top, z = args
        emit = _Softmax(builder)
        far = builder.fsub(top, z)
        label_is_top = builder.fcmp_ordered("==", far, emit.double(0.0))
        r = builder.select(label_is_top, others, builder.fsub(total, emit.double(1.0)))
        return builder.fadd(far, emit.log_1_plus(r))

    return float64x8(*[float64x8] * 4), codegen


def _plain_pick(table: Any, start: int, group: Any, i: int) -> Any:
    return table[start + group[i : i + LANES]]


@operation(_plain_pick)
def pick(typingctx: Any, table: Any, start: Any, group: Any, i: Any) -> Any:
    """Load table[start + group[i + lane]] in each lane; group is int64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        numbers, places = (
            context.make_array(signature.args[k])(context, builder, args[k]).data for k in (0, 2)
        )
        emit = _Softmax(builder)
        found = emit.double(0.0)
        for lane in range(LANES):
            at = builder.load(builder.gep(places, [builder.add(args[3], INT64(lane))]))
            number = builder.load(builder.gep(numbers, [builder.add(args[1], at)]))
            found = builder.insert_element(found, number, INT64(lane))
        return found

    return float64x8(table, types.int64, group, types.int64), codegen
