"""Compile every kernel to a GPU's assembly, without a GPU: run by `test_machine_code`.

numba.cuda asks the GPU for its compute capability when it compiles a function that kernels call.
Here an H100's is answered. Prints a line of JSON for each kernel: its name, and counts in its text.
"""

from __future__ import annotations

import json
import re
from typing import Any

from numba import cuda, types
from numba.cuda import dispatcher

from fastlogreg.cuda import columns, gather, links, pieces, rows, sparse, tiles
from fastlogreg.cuda.sizes import GPU, team_of

CAPABILITY = (9, 0)


class H100:
    """Answer what the compiler asks of a GPU."""

    compute_capability = CAPABILITY


F8, I8, YES = types.float64, types.int64, types.boolean
V, M, BYTES = F8[::1], F8[:, ::1], types.uint8[::1]
INTS, LONGS, FLOATS = types.int32[::1], types.int64[::1], types.float32[::1]
NUMBERS = (types.uint8, types.int16, types.int32, types.float16, types.float32, F8)
Kernel = tuple[str, Any, tuple[Any, ...]]


def of_rows() -> list[Kernel]:
    wanted = [(500, 1, kind) for kind in NUMBERS] + [
        (784, 4, types.uint32),
        (30, 1, types.float32),
        (10, 1, types.uint8),
        (3, 1, F8),
        (4000, 1, types.float32),
    ]
    found = []
    for n_x, elements, kind in wanted:
        kernel = rows.pass_of(team_of(n_x, elements, GPU), GPU, kind)
        of = (kind[::1], BYTES, V, YES, V, F8, V, M, I8, I8)
        found.append((f"rows {n_x} {kind}", kernel, of))
    return found


def kernels() -> list[Kernel]:
    found = of_rows()
    for kind in NUMBERS:
        x = kind[::1]
        found += [
            (f"columns {kind}", columns.pass_of(GPU), (x, BYTES, V, YES, V, F8, V, M, I8, I8)),
            (f"scores {kind}", tiles.scores_of(tiles.MANY, GPU), (x, M, V, M, I8, YES)),
            (f"gather {kind}", gather.gather_kernel, (x, LONGS, x, I8, I8, YES)),
        ]
        for name, tile, of_x, square in (
            ("few", tiles.FEW, False, False),
            ("many", tiles.MANY, False, False),
            ("squares", tiles.FEW, False, True),
            ("whole", tiles.WHOLE, True, False),
        ):
            kernel = tiles.products_of(tile, of_x, square, GPU)
            found.append((f"products {name} {kind}", kernel, (x, M, V, V, M, I8, I8, YES)))
    return [
        *found,
        ("scores of few", tiles.scores_of(tiles.FEW, GPU), (FLOATS, M, V, M, I8, YES)),
        ("fold", pieces.fold_of(GPU), (M, V)),
        ("line", links.line_of(GPU), (V, V, F8, BYTES, V, V, V, M)),
        ("row sums", links.sums_of(GPU), (M, M)),
        ("difference", links.difference, (V, V, V, V)),
        ("shift", links.add_shift, (M, V, M)),
        ("entropies", links.entropies, (V, BYTES, V, V, F8, F8, M)),
        ("softmax", links.softmax_terms, (M, INTS, V, M)),
        ("chances", links.softmax_chances, (M, M)),
        ("bends", links.softmax_bends, (M, M, V, M)),
        ("softmax line", links.softmax_line, (M, M, F8, INTS, V, M, M)),
        ("pairs", links.pair_slopes, (M, I8, I8, V, M)),
        ("column terms", links.column_terms, (M, INTS, INTS, M, M, V, INTS, V, YES, M)),
        ("binary terms", links.binary_terms, (M, BYTES, V, YES, M)),
        ("non-zeros", sparse.times_of(GPU), (LONGS, INTS, FLOATS, M, V, M)),
    ]


def counts(text: str) -> dict[str, int]:
    words = {"local": r"\.local ", "calls": r"\bcall\b", "shuffles": r"shfl\.sync"}
    words |= {"fused": r"fma\.rn\.f64", "reads": r"ld\.global", "words": r"ld\.global\.u32"}
    words |= {"conversions": r"cvt\.rn\.f64\.[us]"}
    return {name: len(re.findall(word, text)) for name, word in words.items()}


if __name__ == "__main__":
    dispatcher.get_current_device = H100
    for name, kernel, of in kernels():
        text, _ = cuda.compile_ptx(kernel.py_func, of, cc=CAPABILITY)
        print(json.dumps({"name": name, **counts(text)}), flush=True)
