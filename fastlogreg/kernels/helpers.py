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
from .decorators import kernel
from .lanes import _INT32, INT64, _pointer, call, operation
from .layout import LINE_BYTES

# LLVM's word for a moment's rest, by machine: two threads may share a core, and one that waits
# leaves it to the other.
_X86, _ARM = ("llvm.x86.sse2.pause",), ("llvm.aarch64.hint", _INT32(1))
RESTS = {"x86_64": _X86, "AMD64": _X86, "aarch64": _ARM, "arm64": _ARM}
OFTEN = 63  # of so many looks and one, one gives way to other threads
LONG_NANOSECONDS = 50_000  # between two times that one gives way: another thread had the CPU


def _number(builder: Any, line: Any, index: int) -> Any:
    """Return where number `index` of a line is."""
    return builder.inttoptr(builder.add(line, INT64(8 * index)), INT64.as_pointer())


def _look(builder: Any, line: Any, index: int) -> Any:
    """Return a number of a line; what its writer wrote before is then to be seen."""
    return builder.load_atomic(_number(builder, line, index), "acquire", 8)


def _put(builder: Any, line: Any, index: int, value: Any) -> None:
    """Set a number of a line, after all that was written before."""
    builder.store_atomic(value, _number(builder, line, index), "release", 8)


def _turn(builder: Any, line: Any, old: int, new: int) -> Any:
    """Turn the state of a line from old to new in one atomic step; tell whether it was old."""
    state = _number(builder, line, STATE)
    found = builder.cmpxchg(state, INT64(old), INT64(new), "acq_rel", "acquire")
    return builder.extract_value(found, 1)


def _is(builder: Any, value: Any, expected: Any) -> Any:
    return builder.icmp_signed("==", value, expected)


def _count(builder: Any, counter: Any) -> Any:
    """Count one look more; return whether it is one that gives way to others."""
    counted = builder.add(builder.load(counter), INT64(1))
    builder.store(counted, counter)
    return _is(builder, builder.and_(counted, INT64(OFTEN)), INT64(0))


def _pause(builder: Any) -> None:
    """Spend a moment between two looks."""
    rest = RESTS.get(platform.machine())
    if rest is not None:
        call(builder, rest[0], ir.VoidType(), list(rest[1:]))


def _give_way(builder: Any) -> None:
    """Let another thread have the CPU, if there is one that waits for it."""
    call(builder, "sched_yield", _INT32, [])


def _nanoseconds(builder: Any) -> Any:
    """Return the reading of a clock that does not go back."""
    reading = cgutils.alloca_once(builder, ir.ArrayType(INT64, 2))  # seconds, nanoseconds
    call(builder, "clock_gettime", _INT32, [_INT32(time.CLOCK_MONOTONIC), reading])
    seconds, rest = (builder.load(builder.gep(reading, [_INT32(0), _INT32(k)])) for k in range(2))
    return builder.add(builder.mul(seconds, INT64(10**9)), rest)


def _call_with(builder: Any, function: Any, given: list[Any]) -> Any:
    """Call a compiled function, by its own arguments; return whether it failed."""
    result, error = (
        cgutils.alloca_once(builder, argument.type.pointee) for argument in function.args[:2]
    )
    code = builder.call(function, [result, error, *given], attrs=("noinline",))
    # Numba's codes: 0 where a function has returned, -2 where it has returned None.
    good = builder.or_(_is(builder, code, _INT32(0)), _is(builder, code, _INT32(-2)))
    return builder.zext(builder.not_(good), INT64)


def _own_call(builder: Any) -> tuple[Any, Any]:
    """Return CODE and JOB of the call of the kernel that is being emitted."""
    kernel = builder.function
    given = kernel.args[2:]  # the first two are where its result and its error go
    kept = ir.LiteralStructType([argument.type for argument in given])
    job = cgutils.alloca_once(builder, kept)
    for k, argument in enumerate(given):
        builder.store(argument, builder.gep(job, [_INT32(0), _INT32(k)]))
    kind = ir.FunctionType(INT64, [INT64])
    code = ir.Function(builder.module, kind, f"{kernel.name}.handed_over")
    code.linkage = "internal"
    inside = ir.IRBuilder(code.append_basic_block())
    found = inside.inttoptr(code.args[0], kept.as_pointer())
    loaded = [inside.load(inside.gep(found, [_INT32(0), _INT32(k)])) for k in range(len(given))]
    inside.ret(_call_with(inside, kernel, loaded))
    return builder.ptrtoint(code, INT64), builder.ptrtoint(job, INT64)


def _wait_until_done(builder: Any, line: Any) -> None:
    looks = cgutils.alloca_once_value(builder, INT64(0))
    builder.store(INT64(0), looks)
    look, rest, done = (builder.append_basic_block(f"wait_{k}") for k in ("look", "rest", "done"))
    builder.branch(look)
    builder.position_at_end(look)
    builder.cbranch(_is(builder, _look(builder, line, STATE), INT64(DONE)), done, rest)
    builder.position_at_end(rest)
    _pause(builder)
    with builder.if_then(_count(builder, looks), likely=False):
        _give_way(builder)
    builder.branch(look)
    builder.position_at_end(done)


def _work_with(builder: Any, lines: Any, count: Any) -> Any:
    """Make the kernel's call here and on those helpers that wait; return whether one failed."""
    code, job = _own_call(builder)
    with cgutils.for_range(builder, count, intp=INT64) as loop:
        line = builder.add(lines, builder.mul(loop.index, INT64(LINE_BYTES)))
        waits = _is(builder, _look(builder, line, STATE), INT64(WAITING))
        # What is behind the comma is emitted, and made, within what stands before it.
        with builder.if_then(waits), builder.if_then(_turn(builder, line, WAITING, TAKEN)):
            _put(builder, line, CODE, code)
            _put(builder, line, JOB, job)
            _put(builder, line, STATE, INT64(GIVEN))
    kernel = builder.function
    failed = cgutils.alloca_once(builder, INT64)
    builder.store(_call_with(builder, kernel, list(kernel.args[2:])), failed)
    with cgutils.for_range(builder, count, intp=INT64) as loop:
        line = builder.add(lines, builder.mul(loop.index, INT64(LINE_BYTES)))
        # A line that another caller has got meanwhile holds another address.
        with builder.if_then(_is(builder, _look(builder, line, JOB), job)):
            with builder.if_then(builder.not_(_turn(builder, line, GIVEN, TAKEN))):
                _wait_until_done(builder, line)
                also = _look(builder, line, FAILED)
                builder.store(builder.or_(builder.load(failed), also), failed)
            _put(builder, line, JOB, INT64(0))
            _put(builder, line, STATE, INT64(WAITING))
    return builder.load(failed)


def _plain_share(counters: Any) -> int:
    return 0


@operation(_plain_share)
def share(typingctx: Any, counters: Any) -> Any:
    """Make the call of this kernel together with helpers that wait, where there may be some.

    To be asked at the very beginning. 1: all is done, 0: nothing is, -1: a call failed. counters:
    of `Work`. The first call finds the helpers' lines there, and those that it makes do not.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, count = (
            _pointer(context, builder, counters, INT64, args[0], INT64(place))
            for place in (FIRST_LINE, LINES)
        )
        lines = builder.atomic_rmw("xchg", first, INT64(0), "acq_rel")
        found = cgutils.alloca_once(builder, INT64)
        builder.store(INT64(0), found)
        with builder.if_then(builder.icmp_signed("!=", lines, INT64(0)), likely=False):
            failed = _work_with(builder, lines, builder.load(count))
            good = _is(builder, failed, INT64(0))
            builder.store(builder.select(good, INT64(1), INT64(-1)), found)
        return builder.load(found)

    return types.int64(counters), codegen


def _plain_serve(line: int, most: int) -> bool:
    raise NotImplementedError("nobody waits where nothing is compiled")


@operation(_plain_serve)
def _serve(typingctx: Any, line: Any, most: Any) -> Any:
    """Do what `wait_for_calls` says."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        line, most = args
        _put(builder, line, STATE, INT64(WAITING))
        begun, last, looks, over = (cgutils.alloca_once(builder, INT64) for _ in range(4))
        unwanted = cgutils.alloca_once_value(builder, cgutils.false_bit)
        now = _nanoseconds(builder)
        for place, value in ((begun, now), (last, now), (looks, INT64(0))):
            builder.store(value, place)
        again, gone = (builder.append_basic_block(f"wait_{k}") for k in ("again", "gone"))
        builder.branch(again)
        builder.position_at_end(again)
        given = _is(builder, _look(builder, line, STATE), INT64(GIVEN))
        with builder.if_then(given), builder.if_then(_turn(builder, line, GIVEN, AT_WORK)):
            function = ir.FunctionType(INT64, [INT64]).as_pointer()
            code = builder.inttoptr(_look(builder, line, CODE), function)
            _put(builder, line, FAILED, builder.call(code, [_look(builder, line, JOB)]))
            _put(builder, line, STATE, INT64(DONE))
            now = _nanoseconds(builder)
            builder.store(now, begun)
            builder.store(now, last)
        builder.store(_look(builder, line, CALLED), over)
        with builder.if_then(_count(builder, looks), likely=False):
            _give_way(builder)
            now = _nanoseconds(builder)
            since = builder.sub(now, builder.load(last))
            long = builder.icmp_signed(">=", since, INT64(LONG_NANOSECONDS))
            builder.store(builder.or_(builder.load(unwanted), long), unwanted)
            late = builder.icmp_signed(">=", builder.sub(now, builder.load(begun)), most)
            builder.store(builder.or_(builder.load(over), builder.zext(late, INT64)), over)
            builder.store(now, last)
        called = builder.icmp_signed("!=", builder.load(over), INT64(0))
        goes = builder.or_(called, builder.load(unwanted))
        with builder.if_then(goes), builder.if_then(_turn(builder, line, WAITING, AWAY)):
            builder.branch(gone)
        _pause(builder)
        builder.branch(again)
        builder.position_at_end(gone)
        return builder.load(unwanted)

    return types.boolean(types.int64, types.int64), codegen


@kernel
def wait_for_calls(line: int, most: int) -> bool:
    """Make the calls that come by a line; go away after so many nanoseconds without one, if called,
    or where others want the CPU: return whether that was so."""
    return bool(_serve(line, most))
