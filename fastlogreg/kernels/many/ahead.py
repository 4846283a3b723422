"""What a tile asks of memory while it multiplies: the lines of the block that comes next.

The plan is a row of numbers, `ahead`, that the tiles go through; see `emit.Emit.ask`.

    ahead    address, lines left in the row, bytes from its last line to the next row, lines in a
             row, lines to ask for, whether a step asks for two

One line a step loads memory evenly, where there are as many steps as lines; else there are two.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils

from ..lanes import INT64, operation
from ..layout import LINE_BYTES
from .bundles import Form, Shape
from .emit import Emit

PRODUCTS_OF_A_STEP = 160  # of a tile, one as another


def _no_plan(ahead: Any, x: Any, form: Form, shape: Shape, lo: int, K: int) -> None:
    """Ask for nothing."""


@operation(_no_plan)
def plan_block(typingctx: Any, ahead: Any, x: Any, form: Any, shape: Any, lo: Any, K: Any) -> Any:
    """Plan to ask for the block that begins with example lo; of no more examples than there are.

    x: the bytes of X. K: columns that it is multiplied with, meanwhile twice.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        e, b = Emit(context, builder), builder
        plan, data = (e.data(signature.args[i], args[i]) for i in (0, 1))
        by_example, _, size = cgutils.unpack_tuple(builder, args[2])
        m, n_x, _, block, _ = cgutils.unpack_tuple(builder, args[3])
        line, one = INT64(LINE_BYTES), INT64(1)

        def least(p: Any, q: Any) -> Any:
            return b.select(b.icmp_signed("<", p, q), p, q)

        left = least(block, b.sub(m, args[4]))
        count = b.select(b.icmp_signed("<", left, one), one, left)
        first = least(args[4], b.sub(m, one))
        start = b.select(by_example, b.mul(first, n_x), first)
        stride = b.select(by_example, INT64(0), b.mul(m, size))
        rows = b.select(by_example, one, n_x)
        length = b.select(by_example, b.mul(count, n_x), count)
        address = b.ptrtoint(b.gep(data, [b.mul(start, size)]), INT64)
        lines = b.sdiv(b.add(b.mul(length, size), INT64(2 * LINE_BYTES - 1)), line)
        jump = b.sub(stride, b.mul(b.sub(lines, one), line))
        total, products = b.mul(lines, rows), b.mul(b.mul(count, n_x), b.mul(INT64(2), args[5]))
        steps = b.sdiv(products, INT64(PRODUCTS_OF_A_STEP))
        twice = b.zext(b.icmp_signed(">", total, steps), INT64)
        for i, number in enumerate((address, lines, jump, lines, total, twice)):
            b.store(number, b.gep(plan, [INT64(i)]))
        return context.get_dummy_value()

    return types.void(ahead, x, form, shape, types.int64, types.int64), codegen
