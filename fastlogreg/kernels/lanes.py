"""Eight float64 numbers as one value, and what a kernel does with them: the ground of all kernels.

A vector is eight lanes: one register of AVX-512, two of AVX2, four of SSE or NEON.

    lanes      0     1     2     3     4     5     6     7
    load      x[i]  x[i+1] ...                        x[i+7]      any dtype, widened to float64
    load_part x[i]  ...   x[i+count-1]   0     0     0            the end of a row
    sums      sum of vector 0, sum of vector 1, ...

Numba's own vectorizer leaves up to 31 elements of each row to a scalar loop. It cannot read ahead
into the next block either. At n_x = 30 a row is nothing but such a rest. Here a kernel says what it
wants. Indices are neither wrapped nor checked.

Rounding: an operation is one or two LLVM instructions, with the flags of the kernel that calls.
Each stands beside its NumPy twin, which takes its place under NUMBA_DISABLE_JIT; lanes are then an
array of eight. The functions `emit_...` write the instructions for other operations, as in `rows`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from .decorators import cpu_features
from .layout import HALF, LANES, LINE_BYTES

_INT8, _INT16, _INT32, INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_HALF, _FLOAT, DOUBLE = ir.HalfType(), ir.FloatType(), ir.DoubleType()


def vector(element: Any) -> Any:
    return ir.VectorType(element, LANES)


class _Float64x8(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name="float64x8")


float64x8 = _Float64x8()


@register_model(_Float64x8)
class _Float64x8Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, fe_type: Any) -> None:
        super().__init__(manager, fe_type, vector(DOUBLE))


def operation(plain: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return a decorator: the intrinsic where code is compiled, else its plain twin."""
    return lambda typed: plain if config.DISABLE_JIT else intrinsic(typed)


def call(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    function_type = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(
        cgutils.get_or_insert_function(builder.module, function_type, name), arguments
    )


def _pointer(context: Any, builder: Any, array_type: Any, to: Any, array: Any, index: Any) -> Any:
    element = builder.gep(context.make_array(array_type)(context, builder, array).data, [index])
    return builder.bitcast(element, to.as_pointer())


def _element(dtype: Any) -> tuple[Any, str, int]:
    """Return an element's LLVM type, its name in intrinsics and its size in bytes."""
    if isinstance(dtype, types.Record):
        return _INT16, "i16", 2
    if isinstance(dtype, types.Float):
        return (DOUBLE, "f64", 8) if dtype.bitwidth == 64 else (_FLOAT, "f32", 4)
    return ir.IntType(dtype.bitwidth), f"i{dtype.bitwidth}", dtype.bitwidth // 8


def element_bytes(dtype: Any) -> int:
    """Return the bytes of an element."""
    return _element(dtype)[2]


def _half_to_float(builder: Any, bits: Any) -> Any:
    """Widen the bits of float16 to float32.

    F16C has an instruction for it. Without, LLVM would call a function for each lane. So exponent
    and mantissa are shifted into place and multiplied by 2^112; infinity, NaN and sign follow.
    """
    if "+f16c" in cpu_features():
        return builder.fpext(builder.bitcast(bits, vector(_HALF)), vector(_FLOAT))
    ints, floats = vector(_INT32), vector(_FLOAT)
    wide = builder.zext(bits, ints)
    magnitude = builder.and_(wide, ints([0x7FFF] * LANES))
    shifted = builder.bitcast(builder.shl(magnitude, ints([13] * LANES)), floats)
    finite = builder.bitcast(builder.fmul(shifted, floats([2.0**112] * LANES)), ints)
    special = builder.icmp_unsigned(">=", magnitude, ints([0x7C00] * LANES))
    value = builder.select(special, builder.or_(finite, ints([0x7F800000] * LANES)), finite)
    sign = builder.shl(builder.and_(wide, ints([0x8000] * LANES)), ints([16] * LANES))
    return builder.bitcast(builder.or_(value, sign), floats)


def _widen(builder: Any, dtype: Any, lanes: Any) -> Any:
    doubles = vector(DOUBLE)
    if isinstance(dtype, types.Record):
        return builder.fpext(_half_to_float(builder, lanes), doubles)
    if isinstance(dtype, types.Float):
        return lanes if dtype.bitwidth == 64 else builder.fpext(lanes, doubles)
    if dtype.bitwidth < 32:  # by way of int32: one instruction each
        lanes = (builder.sext if dtype.signed else builder.zext)(lanes, vector(_INT32))
        return builder.sitofp(lanes, doubles)
    return (builder.sitofp if dtype.signed else builder.uitofp)(lanes, doubles)


def _below(builder: Any, count: Any) -> Any:
    """Tell which lanes are among the first `count`."""
    one = builder.insert_element(ir.Constant(vector(INT64), ir.Undefined), count, _INT32(0))
    counts = builder.shuffle_vector(one, one, vector(_INT32)([0] * LANES))
    return builder.icmp_unsigned("<", vector(INT64)(list(range(LANES))), counts)


def _plain_load(array: Any, index: int, count: int = LANES) -> Any:
    part, lanes = array[index : index + count], np.zeros(LANES)
    lanes[:count] = part.view(np.float16) if part.dtype == HALF else part
    return lanes


def emit_load(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Emit `load`."""
    element, _, size = _element(array_type.dtype)
    pointer = _pointer(context, builder, array_type, vector(element), array, index)
    return _widen(builder, array_type.dtype, builder.load(pointer, align=size))


def emit_load_part(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, count: Any
) -> Any:
    """Emit `load_part`."""
    element, name, size = _element(array_type.dtype)
    lanes = vector(element)
    pointer = _pointer(context, builder, array_type, lanes, array, index)
    arguments = [pointer, _INT32(size), _below(builder, count), ir.Constant(lanes, None)]
    there = call(builder, f"llvm.masked.load.v{LANES}{name}.p0", lanes, arguments)
    return _widen(builder, array_type.dtype, there)


def emit_store(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, lanes: Any
) -> None:
    """Emit `store`."""
    pointer = _pointer(context, builder, array_type, vector(DOUBLE), array, index)
    builder.store(lanes, pointer, align=8)


def emit_splat(builder: Any, value: Any) -> Any:
    """Emit `splat`."""
    one = builder.insert_element(ir.Constant(vector(DOUBLE), ir.Undefined), value, _INT32(0))
    return builder.shuffle_vector(one, one, vector(_INT32)([0] * LANES))


def emit_fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Emit `fma`."""
    return call(builder, f"llvm.fmuladd.v{LANES}f64", vector(DOUBLE), [a, b, c])


@operation(_plain_load)
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """Load array[index : index + 8] as float64 lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_load(context, builder, array, *args)

    return float64x8(array, types.int64), codegen


@operation(_plain_load)
def load_part(typingctx: Any, array: Any, index: Any, count: Any) -> Any:
    """Load array[index : index + count], 0 <= count < 8, in the first lanes; 0 in the others.

    What is behind them is not read from memory.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_load_part(context, builder, array, *args)

    return float64x8(array, types.int64, types.int64), codegen


def _plain_store(array: Any, index: int, lanes: Any) -> None:
    array[index : index + LANES] = lanes


@operation(_plain_store)
def store(typingctx: Any, array: Any, index: Any, lanes: Any) -> Any:
    """Store lanes in array[index : index + 8]; array is float64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit_store(context, builder, array, *args)
        return context.get_dummy_value()

    return types.void(array, types.int64, float64x8), codegen


def _plain_store_part(array: Any, index: int, lanes: Any, count: int) -> None:
    array[index : index + count] = lanes[:count]


@operation(_plain_store_part)
def store_part(typingctx: Any, array: Any, index: Any, lanes: Any, count: Any) -> Any:
    """Store the first lanes in array[index : index + count], 0 <= count < 8; array is float64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, vector(DOUBLE), *args[:2])
        arguments = [args[2], pointer, _INT32(8), _below(builder, args[3])]
        call(builder, f"llvm.masked.store.v{LANES}f64.p0", ir.VoidType(), arguments)
        return context.get_dummy_value()

    return types.void(array, types.int64, float64x8, types.int64), codegen


@operation(lambda count: (np.arange(LANES) < count).astype(float))
def first(typingctx: Any, count: Any) -> Any:
    """Give 1 in the first `count` lanes, 0 in the others."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = vector(DOUBLE)
        return builder.select(_below(builder, args[0]), lanes([1.0] * LANES), lanes([0.0] * LANES))

    return float64x8(types.int64), codegen


@operation(lambda value: np.full(LANES, value))
def splat(typingctx: Any, value: Any) -> Any:
    """Put value in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_splat(builder, args[0])

    return float64x8(types.float64), codegen


@operation(lambda a, b, c: a * b + c)
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """Compute a * b + c, rounded once where the CPU can."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_fma(builder, *args)

    return float64x8(a, b, c), codegen


@operation(np.sqrt)
def root(typingctx: Any, a: Any) -> Any:
    """Take the square root of each lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, f"llvm.sqrt.v{LANES}f64", vector(DOUBLE), list(args))

    return float64x8(a), codegen


def emit_sums(builder: Any, vectors: list[Any]) -> Any:
    """Emit the sums over lanes of as many vectors as each has lanes, one in each lane."""
    size, add = len(vectors), builder.fadd
    if vectors[0].type.element != DOUBLE:
        add = builder.add
    width = 1
    while width < size:  # each lane gains the one `width` away; two vectors become one
        low = [i - width + size if i & width else i for i in range(size)]
        high = [i + size if i & width else i + width for i in range(size)]
        masks = [ir.VectorType(_INT32, size)(mask) for mask in (low, high)]
        pairs = zip(vectors[::2], vectors[1::2])
        vectors = [add(*(builder.shuffle_vector(*pair, mask) for mask in masks)) for pair in pairs]
        width *= 2
    return vectors[0]


def _plain_sums(vectors: tuple[Any, ...]) -> Any:
    found = np.zeros(LANES)
    found[: len(vectors)] = [vector.sum() for vector in vectors]
    return found


@operation(_plain_sums)
def sums(typingctx: Any, vectors: Any) -> Any:
    """Sum each of up to eight vectors over its lanes: one sum in each lane, 0 in what is left.

    That takes 7 additions; one vector after the other would take 24.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given = cgutils.unpack_tuple(builder, args[0])
        zeros = [vector(DOUBLE)([0.0] * LANES)] * (LANES - len(given))
        return emit_sums(builder, given + zeros)

    return float64x8(vectors), codegen


def _plain_add_sums(array: Any, index: int, step: int, vectors: tuple[Any, ...]) -> None:
    for q, vector in enumerate(vectors):
        array[index + q * step] += vector.sum()


@operation(_plain_add_sums)
def add_sums(typingctx: Any, array: Any, index: Any, step: Any, vectors: Any) -> Any:
    """Add to array[index + q step] the sum of vector q over its lanes, as `sums` has it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        given = cgutils.unpack_tuple(builder, args[3])
        zeros = [vector(DOUBLE)([0.0] * LANES)] * (LANES - len(given))
        found, data = emit_sums(builder, given + zeros), context.make_array(array)
        first = builder.gep(data(context, builder, args[0]).data, [args[1]])
        for q in range(len(given)):
            place = builder.gep(first, [builder.mul(args[2], INT64(q))])
            one = builder.extract_element(found, _INT32(q))
            builder.store(builder.fadd(builder.load(place), one), place)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, vectors), codegen


def emit_prefetch(
    context: Any, builder: Any, array_type: Any, array: Any, index: Any, level: int = 2
) -> Any:
    """Emit a prefetch of the cache line of array[index] into the cache of this level."""
    pointer = _pointer(context, builder, array_type, _INT8, array, index)
    hints = [_INT32(0), _INT32(4 - level), _INT32(1)]
    call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, *hints])
    return context.get_dummy_value()


@operation(lambda array, index: None)
def prefetch(typingctx: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of array[index] in the second-level cache. Any index is harmless."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return emit_prefetch(context, builder, array, *args)

    return types.void(array, types.int64), codegen


@operation(lambda array, index, near: None)
def prefetch_into(typingctx: Any, array: Any, index: Any, near: Any) -> Any:
    """Ask for the cache line of array[index] in the second-level cache where near is None, else in
    the first-level cache; known when the kernel is compiled."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        level = 2 if isinstance(near, types.NoneType) else 1
        return emit_prefetch(context, builder, array, args[0], args[1], level)

    return types.void(array, types.int64, near), codegen


@operation(lambda array: LINE_BYTES // array.itemsize)
def line_elements(typingctx: Any, array: Any) -> Any:
    """Count the elements of array in a cache line; known when the kernel is compiled."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return INT64(LINE_BYTES // element_bytes(array.dtype))

    return types.int64(array), codegen
