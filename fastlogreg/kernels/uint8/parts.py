"""What the ways of multiplying bytes have in common: instructions, the unit of digits, row sums.

Digits. A vector v is split into signed digits d_k to a base B, so that a sum of products of bytes
and v is a few sums of integers, each exact:

    v = unit * sum over k of B^k d_k + error,    |error| <= unit / 2 <= 2^-54 max |v|

The error is what rounding the largest of the products would bring: no digit that float64 has is
lost. A v that is not finite makes `unit` NaN, and so all sums.

Rounding: FAST; what is here is exact, or integer. NumPy twins stand beside the operations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from ..decorators import inner, kernel
from ..lanes import DOUBLE, INT64, call, operation

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


@operation(lambda value: int(np.float64(value).view(np.int64)))
def bits_of(typingctx: Any, value: Any) -> Any:
    """Return the bits of a float64 as int64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], INT64)

    return types.int64(types.float64), codegen


@operation(lambda bits: float(np.int64(bits).view(np.float64)))
def from_bits(typingctx: Any, bits: Any) -> Any:
    """Return the float64 of bits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], DOUBLE)

    return types.float64(types.int64), codegen


@inner(kernel)
def plan_of_units(v: Any, count: int) -> Any:
    """Return scale and unit of v[:count]: |v scale| <= 2^54 and unit = 1 / scale.

    Where v is not finite they are 0 and NaN.
    """
    largest = 0
    for i in range(count):
        magnitude = bits_of(v[i]) & 0x7FFFFFFFFFFFFFFF
        if magnitude > largest:
            largest = magnitude
    exponent = largest >> 52  # max |v| < 2^(exponent - 1022)
    if exponent == 2047:
        return 0.0, math.nan
    if exponent < 54:  # below, unit would be subnormal
        exponent = 54
    return from_bits((2099 - exponent) << 52), from_bits((exponent - 53) << 52)


@kernel
def byte_sums(x: Any, n_x: int, totals: Any) -> None:
    """Set totals[i] to the sum of example i; example-major x."""
    for i in range(totals.size):
        row, total = x[i * n_x : (i + 1) * n_x], 0
        for j in range(n_x):
            total += np.int64(row[j])
        totals[i] = total
