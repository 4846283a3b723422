"""What the dense kernels need and Numba lacks: eight float64 lanes as a value, a cache-line hint,
an atomic counter.

The compiler's own vectorizer leaves up to 31 elements of each row to a scalar loop and cannot read
ahead into the next block; at n_x = 30 that is the whole row. Here a kernel says what it wants:
`load` widens eight elements of any dtype to float64, `load_part` the last few of a row, `prefetch`
asks for a cache line. Indices are neither wrapped nor checked. Lanes are lowered to what the CPU
has: one AVX-512 register, two of AVX2, four of SSE or NEON.

Each operation is an LLVM instruction or two beside a plain Python twin of one line, which takes its
place under NUMBA_DISABLE_JIT, where lanes are NumPy arrays of eight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from ..machine.caches import is_roomy

LANES = 8
HALF = np.dtype(
    [("half", "<u2")]
)  # how Numba, which has no float16, is shown one: a record of its bits

_INT8, _INT16, _INT32, INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_FLOAT, DOUBLE = ir.FloatType(), ir.DoubleType()


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
    """The intrinsic where code is compiled, its plain twin where it is not."""
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
    """The LLVM type, its name in intrinsics, and the size in bytes of an array's elements."""
    if isinstance(dtype, types.Record):
        return _INT16, "i16", 2
    if isinstance(dtype, types.Float):
        return (DOUBLE, "f64", 8) if dtype.bitwidth == 64 else (_FLOAT, "f32", 4)
    return ir.IntType(dtype.bitwidth), f"i{dtype.bitwidth}", dtype.bitwidth // 8


def _half_to_float(builder: Any, bits: Any) -> Any:
    """float16 bits to float32: exponent and mantissa shifted into place, times 2^112; infinity and
    NaN; the sign."""
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
    """Which lanes are among the first `count`."""
    one = builder.insert_element(ir.Constant(vector(INT64), ir.Undefined), count, _INT32(0))
    counts = builder.shuffle_vector(one, one, vector(_INT32)([0] * LANES))
    return builder.icmp_unsigned("<", vector(INT64)(list(range(LANES))), counts)


def _plain_load(array: Any, index: int, count: int = LANES) -> Any:
    part, lanes = array[index : index + count], np.zeros(LANES)
    lanes[:count] = part.view(np.float16) if part.dtype == HALF else part
    return lanes


@operation(_plain_load)
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """array[index : index + 8] as float64 lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element, _, size = _element(array.dtype)
        pointer = _pointer(context, builder, array, vector(element), *args)
        return _widen(builder, array.dtype, builder.load(pointer, align=size))

    return float64x8(array, types.int64), codegen


@operation(_plain_load)
def load_part(typingctx: Any, array: Any, index: Any, count: Any) -> Any:
    """array[index : index + count], 0 <= count < 8, in the first lanes; 0 in the others, not read
    from memory."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element, name, size = _element(array.dtype)
        lanes = vector(element)
        pointer = _pointer(context, builder, array, lanes, *args[:2])
        arguments = [pointer, _INT32(size), _below(builder, args[2]), ir.Constant(lanes, None)]
        return _widen(
            builder,
            array.dtype,
            call(builder, f"llvm.masked.load.v{LANES}{name}.p0", lanes, arguments),
        )

    return float64x8(array, types.int64, types.int64), codegen


def _plain_store(array: Any, index: int, lanes: Any) -> None:
    array[index : index + LANES] = lanes


@operation(_plain_store)
def store(typingctx: Any, array: Any, index: Any, lanes: Any) -> Any:
    """array[index : index + 8] = lanes; array is float64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, vector(DOUBLE), *args[:2])
        builder.store(args[2], pointer, align=8)
        return context.get_dummy_value()

    return types.void(array, types.int64, float64x8), codegen


def _plain_store_part(array: Any, index: int, lanes: Any, count: int) -> None:
    array[index : index + count] = lanes[:count]


@operation(_plain_store_part)
def store_part(typingctx: Any, array: Any, index: Any, lanes: Any, count: Any) -> Any:
    """array[index : index + count] = the first lanes, 0 <= count < 8; array is float64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, vector(DOUBLE), *args[:2])
        arguments = [args[2], pointer, _INT32(8), _below(builder, args[3])]
        call(builder, f"llvm.masked.store.v{LANES}f64.p0", ir.VoidType(), arguments)
        return context.get_dummy_value()

    return types.void(array, types.int64, float64x8, types.int64), codegen


@operation(lambda count: (np.arange(LANES) < count).astype(float))
def first(typingctx: Any, count: Any) -> Any:
    """1 in the first `count` lanes, 0 in the others."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = vector(DOUBLE)
        return builder.select(_below(builder, args[0]), lanes([1.0] * LANES), lanes([0.0] * LANES))

    return float64x8(types.int64), codegen


@operation(lambda value: np.full(LANES, value))
def splat(typingctx: Any, value: Any) -> Any:
    """value in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = builder.insert_element(ir.Constant(vector(DOUBLE), ir.Undefined), args[0], _INT32(0))
        return builder.shuffle_vector(one, one, vector(_INT32)([0] * LANES))

    return float64x8(types.float64), codegen


@operation(lambda a, b, c: a * b + c)
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once where the CPU can."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, f"llvm.fmuladd.v{LANES}f64", vector(DOUBLE), list(args))

    return float64x8(a, b, c), codegen


@operation(np.sqrt)
def root(typingctx: Any, a: Any) -> Any:
    """The square roots of the lanes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return call(builder, f"llvm.sqrt.v{LANES}f64", vector(DOUBLE), list(args))

    return float64x8(a), codegen


@operation(lambda *vectors: np.array([vector.sum() for vector in vectors]))
def sums(typingctx: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    """The sums over lanes of eight vectors, one in each lane of the result: 7 additions, where one
    by one takes 24."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = list(args)
        for width in (1, 2, 4):  # each lane gains the one `width` away; two vectors become one
            low = [i - width + LANES if i & width else i for i in range(LANES)]
            high = [i + LANES if i & width else i + width for i in range(LANES)]
            masks = [vector(_INT32)(mask) for mask in (low, high)]
            pairs = [(vectors[i], vectors[i + 1]) for i in range(0, len(vectors), 2)]
            vectors = [
                builder.fadd(*(builder.shuffle_vector(*pair, mask) for mask in masks))
                for pair in pairs
            ]
        return vectors[0]

    return float64x8(*[float64x8] * LANES), codegen


def _ask(context: Any, builder: Any, signature: Any, args: Any, level: int) -> Any:
    """For the cache line of args[0][args[1]], to be read, in the cache of this level."""
    pointer = _pointer(context, builder, signature.args[0], _INT8, *args)
    hints = [_INT32(0), _INT32(4 - level), _INT32(1)]
    call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, *hints])
    return context.get_dummy_value()


@operation(lambda array, index: None)
def prefetch(typingctx: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of array[index] to be brought into the second-level cache. Any index
    is harmless."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _ask(context, builder, signature, args, 2)

    return types.void(array, types.int64), codegen


@operation(lambda array, index: None)
def prefetch_near(typingctx: Any, array: Any, index: Any) -> Any:
    """The same, into the first-level cache where `caches.is_roomy`: 2.9 for 3.6 ns an example at
    n_x = 10 on Zen 5. With 32 KiB (Zen 4) it took 2.3 to 3.3 for 1.5 to 1.9 ms at 200,000 x 30."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _ask(context, builder, signature, args, 1 if is_roomy() else 2)

    return types.void(array, types.int64), codegen


@operation(lambda array: 64 // array.itemsize)
def line_elements(typingctx: Any, array: Any) -> Any:
    """Elements of array in a cache line of 64 bytes, known when the kernel is compiled."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return INT64(64 // _element(array.dtype)[2])

    return types.int64(array), codegen
