"""The entropy of the dual point, eight examples at a time: `fastlogreg.maths.duality`.

    e = kappa sigmoid(-t)         t = (2y - 1) z, kappa by the label
    H(q) = -e log e - (1 - e) log(1 - e)

With L = log(1 + exp(-t)), the loss, -log sigmoid(-t) is L + t: no log of a small number is taken.
The other is (1 - e) log(1 + r), r = e / (1 - e).

Layout and loop order: as `kernels.loss`. Rounding: EXACT. Twin: `fastlogreg.maths.duality.entropy`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .decorators import by_name, exact
from .lanes import first, float64x8, fma, load, load_part, operation, splat, store, sums
from .layout import LANES
from .loss import loss_and_dz
from .many.links import _Softmax


def _plain_entropy(loss: Any, dz: Any, z: Any, y: Any, kappa: Any, log_kappa: Any) -> Any:
    e = kappa * np.abs(dz)
    rest = np.maximum(1.0 - e, 1e-300)
    t = (2.0 * y - 1.0) * z
    return np.where(e > 0.0, e * (loss + t - log_kappa), 0.0) + rest * np.log1p(e / rest)


@operation(_plain_entropy)
def entropy_of(
    typingctx: Any, loss: Any, dz: Any, z: Any, y: Any, kappa: Any, log_kappa: Any
) -> Any:
    """Compute H(q) from the loss, dz and z of eight examples."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        loss, dz, z, y, kappa, log_kappa = args
        emit, b = _Softmax(builder), builder
        one, zero = emit.double(1.0), emit.double(0.0)
        sign = emit.fma(y, emit.double(2.0), emit.double(-1.0))
        e = b.fmul(kappa, b.fneg(b.fmul(sign, dz)))
        rest = b.fsub(one, e)
        least = emit.double(1e-300)
        rest = b.select(b.fcmp_ordered("<", rest, least), least, rest)
        far = b.fsub(emit.fma(sign, z, loss), log_kappa)
        far = b.select(b.fcmp_ordered("==", e, zero), zero, b.fmul(e, far))
        return emit.fma(rest, emit.log_1_plus(b.fdiv(e, rest)), far)

    return float64x8(*[float64x8] * 6), codegen


@by_name(exact)
def entropy(z: Any, y: Any, weight: Any, offset: Any, zeros: Any, ones: Any) -> float:
    """Sum weight * [H(q) + (q - y) o]; zeros, ones: kappa of either label and its log, (2,)."""
    total, one = splat(0.0), splat(1.0)
    kappa0, log0 = splat(zeros[0]), splat(zeros[1])
    more, log_more = splat(ones[0] - zeros[0]), splat(ones[1] - zeros[1])
    for i in range(0, z.size, LANES):
        count = min(LANES, z.size - i)
        whole = count == LANES
        s = first(count)
        if weight.size:
            s = load(weight, i) if whole else load_part(weight, i, count)
        z8 = load(z, i) if whole else load_part(z, i, count)
        y8 = load(y, i) if whole else load_part(y, i, count)
        loss, d, _ = loss_and_dz(z8, y8)
        kappa, log_kappa = fma(y8, more, kappa0), fma(y8, log_more, log0)
        found = entropy_of(loss, d, z8, y8, kappa, log_kappa)
        if offset.size:
            o = load(offset, i) if whole else load_part(offset, i, count)
            found = fma(fma(kappa, d, splat(0.0)), o, found)
        total = fma(fma(s, one, splat(0.0)), found, total)
    out = np.empty(LANES)
    store(out, 0, sums((total,)))
    return float(out[0])
