"""What the ways of multiplying bytes have in common: instructions, the unit of digits, row sums.

Digits. A vector v is split into signed digits d_k to a base B, so that a sum of products of bytes
and v is a few sums of integers, each exact:

    v = unit * sum over k of B^k d_k + error,    |error| <= unit / 2 <= 2^-54 max |v|

The error is what rounding the largest of the products would bring: no digit that float64 has is
lost. A v that is not finite makes `unit` NaN, and so all sums.

Rounding: FAST; what is here is exact, or integer. NumPy twins stand beside the operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from ..decorators import kernel
from ..lanes import call

INT8, INT16, INT32 = ir.IntType(8), ir.IntType(16), ir.IntType(32)


def shuffle(builder: Any, a: Any, b: Any, mask: list[int]) -> Any:
    """Emit a vector of the lanes of a and b that mask names."""
    return builder.shuffle_vector(a, b, ir.VectorType(INT32, len(mask))(mask))


def spread(builder: Any, value: Any, count: int) -> Any:
    """Emit a vector of `count` times value."""
    nothing = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    one = builder.insert_element(nothing, value, INT32(0))
    return shuffle(builder, one, one, [0] * count)


def prefetch_line(builder: Any, pointer: Any) -> None:
    """Emit a prefetch of the cache line at pointer into the second-level cache."""
    pointer = builder.bitcast(pointer, INT8.as_pointer())
    call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, INT32(0), INT32(2), INT32(1)])


@kernel
def plan_of_units(v: Any, count: int) -> Any:
    """Return scale and unit of v[:count]: |v scale| <= 2^54 and unit = 1 / scale.

    Where v is not finite they are 0 and NaN.
    """
    bits, largest = v.view(np.int64), 0
    for i in range(count):
        largest = max(largest, bits[i] & 0x7FFFFFFFFFFFFFFF)
    # max |v| < 2^(exponent - 1022); below 54 unit would be subnormal.
    exponent = max(largest >> 52, 54)
    if exponent == 2047:
        return 0.0, np.nan
    scale = np.int64((2099 - exponent) << 52).view(np.float64)
    return scale, np.int64((exponent - 53) << 52).view(np.float64)


@kernel
def byte_sums(x: Any, n_x: int, totals: Any) -> None:
    """Set totals[i] to the sum of example i; example-major x."""
    for i in range(totals.size):
        row, total = x[i * n_x : (i + 1) * n_x], 0
        for j in range(n_x):
            total += np.int64(row[j])
        totals[i] = total
