"""Chunks of a dense X: each thread takes the next chunk and reads it by the kernel that suits X.

Layout. X is cut into chunks of examples; each has a row of partials of its own.

    chunk 0 -> partials[0] = [J, db, sum of da/dz, five unused, dw, up to seven unused]
    chunk 1 -> partials[1]                                       dw starts a cache line
    ...

Loop order: threads take chunks by shared counters; `partials.add_partials` adds the rows in order.
Chunks follow from the shape of X alone, so the bits are the same for any number of threads.

The choice of a kernel stands here alone, in `add_chunk`, by the field of `Way` that is not None.
None is a type of its own, so the choice is made when the caller is compiled, and each kernel is
compiled alone, when an X that needs it is first met. `add_chunk` is an operation, not a kernel, so
that there is nothing more to compile. A function as an argument, or a closure over it, would not
do: such a kernel is never found in the disk cache.

    sixteen  `groups.sixteen_chunk`    example-major, 8 to `layout.NARROW` features
    groups   `groups.group_chunk`      example-major, more features
    strips   `strips.strip_chunk`      feature-major
    digits   `uint8.choice.byte_chunk` bytes, in either order, multiplied as integers
    blocks   `blocks.block_chunk`      what is left

Kernels check nothing; arrays come prepared from `fastlogreg.objective`. Rounding: none here. Twin:
`fastlogreg.backends.vectorized`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils

from ..atomics import fetch_and_increment
from ..bundles import Examples, Places, Point, Way, Work
from ..decorators import inner, kernel
from ..helpers import share
from ..lanes import operation
from ..layout import LINE_NUMBERS
from ..uint8.choice import byte_chunk, split
from .blocks import block_chunk
from .groups import group_chunk, sixteen_chunk
from .strips import strip_chunk

Span = tuple[int, int]  # first example, one past the last


KERNELS: dict[str, Any] = {
    "sixteen": sixteen_chunk,
    "groups": group_chunk,
    "strips": strip_chunk,
    "digits": byte_chunk,
    "blocks": block_chunk,
}


def _plain_add_chunk(way: Any, of_chunk: Any, row: Any) -> None:
    examples, point, span, places = of_chunk
    [name] = [name for name in KERNELS if getattr(way, name) is not None]
    given, told = getattr(way, name), (way.feature_major,)
    if name == "digits":
        point = Point(given, point.b)
    elif name != "blocks":
        told = given
    KERNELS[name](*told, examples, point, span, places, row)


@operation(_plain_add_chunk)
def add_chunk(typingctx: Any, way: Any, of_chunk: Any, row: Any) -> Any:
    """Add a chunk to a row of partials by the one kernel that `way` gives.

    of_chunk: (Examples, Point, span, Places).
    """
    of = dict(zip(way.fields, way.types))
    [name] = [name for name in KERNELS if not isinstance(of[name], types.NoneType)]
    examples, point, span, places = of_chunk.types
    told = (of["feature_major"],)
    if name == "digits":
        point = types.NamedTuple((of[name], types.float64), Point)
    elif name != "blocks":
        told = of[name].types
    kernel_type = types.Dispatcher(KERNELS[name])
    of_kernel = (*told, examples, point, span, places, row)
    found = typingctx.resolve_function_type(kernel_type, of_kernel, {})

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        fields = dict(zip(way.fields, cgutils.unpack_tuple(builder, args[0])))
        chunk = cgutils.unpack_tuple(builder, args[1])
        told = [fields["feature_major"]]
        if name == "digits":
            b = builder.extract_value(chunk[1], 1)
            chunk[1] = context.make_tuple(builder, point, [fields[name], b])
        elif name != "blocks":
            told = cgutils.unpack_tuple(builder, fields[name])
        call = context.get_function(kernel_type, found)
        return call(builder, [*told, *chunk, args[2]])

    return types.void(way, of_chunk, row), codegen


@kernel
def run_chunks(way: Way, examples: Examples, point: Point, zs: Any, work: Work) -> None:
    """Work on chunks until none is left; any number of threads at once, one for each line of
    counters.

    zs: (m,) or empty, takes every z. Each thread has a run of chunks of its own, so that what it
    asks for ahead is its own next chunk; in the end it helps with the runs of others. With one
    counter for all, what is read ahead at the end of a chunk is the other thread's.
    """
    chunk, block, partials, counters = work
    shared = share(counters)
    if shared < 0:
        raise MemoryError  # the only error that there is in a kernel
    if shared:
        return
    m, chunks, runs = examples.y.size, partials.shape[0], counters.size // LINE_NUMBERS
    scratch = (block + 7) // 8 * 8
    places = Places(block, np.empty(scratch), np.empty(scratch), zs)
    own = fetch_and_increment(counters, 1)
    for r in range(own, own + runs):
        run = r % runs
        first, end = run * chunks // runs, (run + 1) * chunks // runs
        c = first + fetch_and_increment(counters, run * LINE_NUMBERS)
        while c < end:
            lo = c * chunk
            hi = min(m, lo + chunk)
            partials[c, :] = 0.0
            add_chunk(way, (examples, point, (lo, hi), places), partials[c])
            c = first + fetch_and_increment(counters, run * LINE_NUMBERS)


@inner(kernel)
def split_point(digits: Any, w: Any, n_x: int) -> None:
    """Split w into digits, where bytes are multiplied as integers."""
    if digits is not None:
        digits[1][0] = split(w, n_x, digits[0])
