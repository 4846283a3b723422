"""How the instructions of `tiles` and `packing` are written: loops, choices, loads and stores.

A loop over a tile has dozens of sums as its state, and there is one for every size of a tile. Numba
would type and compile each as a text of its own. Here they are emitted, and Numba sees one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from ..lanes import _INT32, DOUBLE, INT64, call, vector
from ..layout import LANES, LINE_BYTES

PLAN = 6  # numbers in `ahead`, see there


class Emit:
    """Loads and stores at indices of flat float64 arrays, written by a builder."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def data(self, array_type: Any, array: Any) -> Any:
        return self.context.make_array(array_type)(self.context, self.builder, array).data

    def at(self, data: Any, start: Any, stride: Any, times: int) -> Any:
        """Point at data[start + times * stride]."""
        b = self.builder
        return b.gep(data, [b.add(start, b.mul(stride, INT64(times)))])

    def up(self, count: Any) -> Any:
        """Round up to whole vectors."""
        b = self.builder
        return b.and_(b.add(count, INT64(LANES - 1)), INT64(-LANES))

    def load(self, pointer: Any) -> Any:
        b = self.builder
        return b.load(b.bitcast(pointer, vector(DOUBLE).as_pointer()), align=8)

    def store(self, lanes: Any, pointer: Any) -> None:
        b = self.builder
        b.store(lanes, b.bitcast(pointer, vector(DOUBLE).as_pointer()), align=8)

    def loop(
        self,
        count: Any,
        state: list[Any],
        step: Callable[[list[Any]], list[Any]],
        unrolled: bool = False,
    ) -> list[Any]:
        """Emit `count` steps, which take the state to the next one; return the last state."""
        b = self.builder
        before, name = b.block, "tile"
        look, body, done = (
            b.append_basic_block(f"{name}_{part}") for part in ("look", "body", "done")
        )
        b.branch(look)
        b.position_at_end(look)
        left = b.phi(INT64)
        values = [b.phi(value.type) for value in state]
        b.cbranch(b.icmp_signed(">", left, INT64(0)), body, done)
        b.position_at_end(body)
        following = [b.sub(left, INT64(1)), *step(values)]
        last = b.block
        back = b.branch(look)
        if not unrolled:
            back.set_metadata("llvm.loop", self._as_it_is())
        for phi, first, later in zip([left, *values], [count, *state], following):
            phi.add_incoming(first, before)
            phi.add_incoming(later, last)
        b.position_at_end(done)
        return values

    def _as_it_is(self) -> Any:
        """Return what tells LLVM to leave a loop as it is: it has the vectors that it should have.

        Copies of it take a third of the time of compiling.
        """
        module = self.builder.module
        options = (
            [ir.MetaDataString(module, "llvm.loop.unroll.disable")],
            [ir.MetaDataString(module, "llvm.loop.vectorize.enable"), ir.IntType(1)(0)],
        )
        told = [module.add_metadata(option) for option in options]
        loop = ir.values.MDValue(module, told, str(len(module.metadata)))
        loop.operands = (loop, *told)  # LLVM tells loops apart by that
        return loop

    def begin_asking(self, ahead: Any) -> list[Any]:
        """Load the plan: what changes, and what does not."""
        b = self.builder
        numbers = [b.load(b.gep(ahead, [INT64(i)])) for i in range(PLAN)]
        self.jump, self.row_lines = numbers[2], numbers[3]
        self.twice = b.icmp_signed("!=", numbers[5], INT64(0))
        return [numbers[0], numbers[1], numbers[4]]

    def ask(self, plan: list[Any], again: bool = False) -> list[Any]:
        """Ask for the next line; for the last one again when all have been asked for.

        again: it is the second line of a step, where the plan has one.
        """
        b = self.builder
        address, left, todo = plan
        pointer = b.inttoptr(address, ir.IntType(8).as_pointer())
        hints = [_INT32(0), _INT32(2), _INT32(1)]
        call(b, "llvm.prefetch.p0", ir.VoidType(), [pointer, *hints])
        more = b.icmp_signed(">", todo, INT64(1))
        if again:
            more = b.and_(more, self.twice)
        todo = b.sub(todo, b.zext(more, INT64))
        fewer = b.sub(left, b.zext(more, INT64))
        ends = b.icmp_signed("==", fewer, INT64(0))
        step = b.select(ends, self.jump, INT64(LINE_BYTES))
        left = b.select(ends, self.row_lines, fewer)
        address = b.add(address, b.select(more, step, INT64(0)))
        return [address, left, todo]

    def end_asking(self, ahead: Any, plan: list[Any]) -> None:
        b = self.builder
        for i, number in zip((0, 1, 4), plan):
            b.store(number, b.gep(ahead, [INT64(i)]))

    def choose(self, cases: Sequence[tuple[int, Callable[[], None]]], number: Any) -> None:
        """Emit a switch: the case of this number."""
        b = self.builder
        end = b.append_basic_block("tile_end")
        switch = b.switch(number, end)
        for value, emit in cases:
            block = b.append_basic_block("tile_case")
            switch.add_case(INT64(value), block)
            b.position_at_end(block)
            emit()
            b.branch(end)
        b.position_at_end(end)
