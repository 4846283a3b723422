"""A kernel that hands its own call over to helpers, which wait for it in compiled code.

A helper that sleeps is woken by the system, and then waits for the GIL: together that takes as long
as a quarter of a short pass. Here it looks at a line of its own in memory, without the GIL, and the
kernel that begins to work writes there where its arguments are.

A line (`machine.threads`) holds eight int64 numbers.

    STATE    AWAY     the helper is not here
             WAITING  it looks at the line
             TAKEN    a caller has the line to itself, and writes to it
             GIVEN    there is a call to be made
             AT_WORK  the helper makes it
             DONE     it has made it, and the caller has not seen that yet
    CODE     address of the function that makes the call: machine code from (job) to (failed)
    JOB      address of the arguments, in the caller's frame; 0 where there are none
    FAILED   whether the call ended with an error
    CALLED   not 0 where the helper is to go away

The caller waits for every call that was begun, so the arguments outlive it; one that was not begun
is taken back. Nothing is rounded here. Without compilation nobody waits, and nothing is handed
over.
"""

from __future__ import annotations

import platform
import time
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from ..machine.threads import (
    AT_WORK,
    AWAY,
    CALLED,
    CODE,
    DONE,
    FAILED,
    FIRST_LINE,
    GIVEN,
    JOB,
    LINES,
    STATE,
    TAKEN,
    WAITING,
)
from .decorators import inlined, inner, kernel
from .lanes import _INT32, INT64, _pointer, call, operation
from .layout import LINE_BYTES

# LLVM's word for it, by machine: two threads may share a core, and one that waits leaves it so.
_X86, _ARM = ("llvm.x86.sse2.pause",), ("llvm.aarch64.hint", _INT32(1))
RESTS = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}
OFTEN = 63  # of so many looks and one, one gives way to other threads
LONG_NANOSECONDS = 50_000  # between two times that one gives way: another thread had the CPU


def _number(builder: Any, line: Any, index: Any) -> Any:
    """Return where number `index` of a line is."""
    address = builder.add(line, builder.mul(index, INT64(8)))
    return builder.inttoptr(address, INT64.as_pointer())


def _none(*given: Any) -> Any:
    """Stand for what is never called without compilation."""
    raise NotImplementedError


@operation(_none)
def look(typingctx: Any, line: Any, index: Any) -> Any:
    """Return a number of a line; what its writer wrote before is then to be seen."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_number(builder, *args), "acquire", 8)

    return types.int64(types.int64, types.int64), codegen


@operation(_none)
def put(typingctx: Any, line: Any, index: Any, value: Any) -> Any:
    """Set a number of a line, after all that was written before."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[2], _number(builder, *args[:2]), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@operation(_none)
def turn(typingctx: Any, line: Any, old: Any, new: Any) -> Any:
    """Turn the state of a line from old to new in one atomic step; tell whether it was old."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        state = _number(builder, args[0], INT64(STATE))
        found = builder.cmpxchg(state, args[1], args[2], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(types.int64, types.int64, types.int64), codegen


@operation(_none)
def make_call(typingctx: Any, code: Any, job: Any) -> Any:
    """Make the call that `own_call` described; return whether it failed."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = ir.FunctionType(INT64, [INT64]).as_pointer()
        return builder.call(builder.inttoptr(args[0], function), [args[1]])

    return types.int64(types.int64, types.int64), codegen


@operation(_none)
def pause(typingctx: Any) -> Any:
    """Spend a moment between two looks. Two threads may share a core: it is left to the other."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rest = RESTS.get(platform.machine())
        if rest is not None:
            call(builder, rest[0], ir.VoidType(), list(rest[1:]))
        return context.get_dummy_value()

    return types.void(), codegen


@operation(_none)
def give_way(typingctx: Any) -> Any:
    """Let another thread have the CPU, if there is one that waits for it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        call(builder, "sched_yield", _INT32, [])
        return context.get_dummy_value()

    return types.void(), codegen


@operation(_none)
def nanoseconds(typingctx: Any) -> Any:
    """Return the reading of a clock that does not go back."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        time_of = cgutils.alloca_once(builder, ir.ArrayType(INT64, 2))  # seconds, nanoseconds
        call(builder, "clock_gettime", _INT32, [_INT32(time.CLOCK_MONOTONIC), time_of])
        seconds, rest = (
            builder.load(builder.gep(time_of, [_INT32(0), _INT32(k)])) for k in range(2)
        )
        return builder.add(builder.mul(seconds, INT64(10**9)), rest)

    return types.int64(), codegen


def _plain_first_line(counters: Any) -> int:
    return 0


@operation(_plain_first_line)
def take_first_line(typingctx: Any, counters: Any) -> Any:
    """Return the address of the helpers' lines to the first who asks, and 0 to all others."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, counters, INT64, args[0], INT64(FIRST_LINE))
        return builder.atomic_rmw("xchg", pointer, INT64(0), "acq_rel")

    return types.int64(counters), codegen


def _call_with(builder: Any, function: Any, given: list[Any]) -> Any:
    """Emit a call of a compiled function, by its own arguments; return whether it failed."""
    result, error = (
        cgutils.alloca_once(builder, argument.type.pointee) for argument in function.args[:2]
    )
    code = builder.call(function, [result, error, *given], attrs=("noinline",))
    # Numba's codes: 0 where a function has returned, -2 where it has returned None.
    good = builder.or_(
        builder.icmp_signed("==", code, _INT32(0)), builder.icmp_signed("==", code, _INT32(-2))
    )
    return builder.zext(builder.not_(good), INT64)


@operation(_none)
def own_call(typingctx: Any) -> Any:
    """Return CODE and JOB of the call of the kernel that this stands in."""
    pair = types.UniTuple(types.int64, 2)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kernel = builder.function
        given = kernel.args[2:]  # the first two are where its result and its error go
        kept = ir.LiteralStructType([argument.type for argument in given])
        job = cgutils.alloca_once(builder, kept)
        for k, argument in enumerate(given):
            builder.store(argument, builder.gep(job, [_INT32(0), _INT32(k)]))
        code = ir.Function(
            builder.module, ir.FunctionType(INT64, [INT64]), f"{kernel.name}.handed_over"
        )
        code.linkage = "internal"
        inside = ir.IRBuilder(code.append_basic_block())
        found = inside.inttoptr(code.args[0], kept.as_pointer())
        loaded = [inside.load(inside.gep(found, [_INT32(0), _INT32(k)])) for k in range(len(given))]
        inside.ret(_call_with(inside, kernel, loaded))
        addresses = [builder.ptrtoint(code, INT64), builder.ptrtoint(job, INT64)]
        return context.make_tuple(builder, pair, addresses)

    return pair(), codegen


@inner(kernel)
def work_with(lines: int, count: int, code: int, job: int) -> int:
    """Make a call here and on those helpers that wait; return whether one of them failed."""
    for k in range(count):
        line = lines + k * LINE_BYTES
        if look(line, STATE) == WAITING and turn(line, WAITING, TAKEN):
            put(line, CODE, code)
            put(line, JOB, job)
            put(line, STATE, GIVEN)
    failed = make_call(code, job)
    for k in range(count):
        line = lines + k * LINE_BYTES
        # A line that another caller has got meanwhile holds another address.
        if look(line, JOB) != job:
            continue
        if not turn(line, GIVEN, TAKEN):
            looks = 0
            while look(line, STATE) != DONE:
                looks += 1
                pause()
                if looks & OFTEN == 0:
                    give_way()
            failed |= look(line, FAILED)
        put(line, JOB, 0)
        put(line, STATE, WAITING)
    return failed


@inlined
def is_shared(counters: Any) -> bool:
    """Make the call of this kernel together with helpers that wait, where there may be some.

    To be asked at the very beginning: where it is so, all is done. counters: of `Work`; the first
    call finds the helpers' lines there, and those that it makes do not.
    """
    lines = take_first_line(counters)
    if lines == 0:
        return False
    code, job = own_call()
    if work_with(lines, counters[LINES], code, job) != 0:
        raise MemoryError  # the only error that there is in a kernel
    return True


@kernel
def wait_for_calls(line: int, most: int) -> bool:
    """Make the calls that come by a line; go away after so many nanoseconds without one, if called,
    or where others want the CPU: return whether that was so."""
    put(line, STATE, WAITING)
    begun = last = nanoseconds()
    looks, unwanted = 0, False
    while True:
        if look(line, STATE) == GIVEN and turn(line, GIVEN, AT_WORK):
            put(line, FAILED, make_call(look(line, CODE), look(line, JOB)))
            put(line, STATE, DONE)
            begun = last = nanoseconds()
        over = look(line, CALLED) != 0
        looks += 1
        if looks & OFTEN == 0:
            give_way()
            now = nanoseconds()
            unwanted |= now - last >= LONG_NANOSECONDS
            over |= now - begun >= most
            last = now
        if (over or unwanted) and turn(line, WAITING, AWAY):
            return unwanted
        pause()
