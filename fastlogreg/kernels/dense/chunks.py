"""Chunks of examples: each thread takes the next one and reads it in the way that suits X."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..atomics import fetch_and_increment
from ..decorators import kernel
from ..partials import LINE
from ..uint8.choice import byte_chunk, split
from .blocks import block_chunk
from .groups import group_chunk, sixteen_chunk
from .strips import strip_chunk


@kernel
def chunk_by_way(
    sixteen: Any,
    short: Any,
    groups: Any,
    four: Any,
    strips: Any,
    digits: Any,
    blocks: Any,
    feature_major: Any,
    x: Any,
    n_x: int,
    y: Any,
    weight: Any,
    linear: bool,
    w: Any,
    b: float,
    lo: int,
    hi: int,
    block: int,
    z: Any,
    dz: Any,
    zs: Any,
    row: Any,
) -> None:
    """`one_chunk`, by the one way that is given."""
    if sixteen is not None:
        sixteen_chunk(short, x, n_x, y, weight, linear, w, b, lo, hi, zs, row, z)
    if groups is not None:
        group_chunk(four, x, n_x, y, weight, linear, w, b, lo, hi, zs, row, z)
    if strips is not None:
        strip_chunk(x, n_x, y, weight, linear, w, b, lo, hi, zs, row)
    if digits is not None:
        byte_chunk(
            x, feature_major, n_x, y, weight, linear, digits, b, lo, hi, block, z, dz, zs, row
        )
    if blocks is not None:
        block_chunk(x, feature_major, n_x, y, weight, linear, w, b, lo, hi, block, z, dz, zs, row)


@kernel
def one_chunk(
    x: Any,
    way: Any,
    n_x: int,
    y: Any,
    weight: Any,
    linear: bool,
    w: Any,
    b: float,
    lo: int,
    hi: int,
    block: int,
    z: Any,
    dz: Any,
    zs: Any,
    row: Any,
) -> None:
    """Examples lo to hi into one row of partials. z, dz: scratch, `block` rounded up to eights; zs:
    (m,) or empty, takes the z of every example."""
    row[:] = 0.0
    sixteen, short, groups, four, strips, digits, blocks, feature_major = way
    chunk_by_way(
        sixteen,
        short,
        groups,
        four,
        strips,
        digits,
        blocks,
        feature_major,
        x,
        n_x,
        y,
        weight,
        linear,
        w,
        b,
        lo,
        hi,
        block,
        z,
        dz,
        zs,
        row,
    )


@kernel
def run_chunks(
    x: Any,
    way: Any,
    n_x: int,
    y: Any,
    weight: Any,
    linear: bool,
    w: Any,
    b: float,
    chunk: int,
    block: int,
    zs: Any,
    partials: Any,
    counters: Any,
) -> None:
    """Work on chunks of `chunk` examples until none is left; any number of threads at once, one for
    each line of 8 `counters`, all 0 at first. Each has a run of chunks of its own, so that what it
    asks for ahead is its own next chunk, and in the end helps with the runs of others: with one
    counter for all, what is read ahead at the end of a chunk is the other thread's, and 40,000 x
    500 float32 (2.5 blocks a chunk) took a third longer."""
    m, chunks, runs = y.size, partials.shape[0], counters.size // LINE
    scratch = (block + 7) // 8 * 8
    z, dz = np.empty(scratch), np.empty(scratch)
    own = fetch_and_increment(counters, 1)
    for r in range(own, own + runs):
        run = r % runs
        first, end = run * chunks // runs, (run + 1) * chunks // runs
        c = first + fetch_and_increment(counters, run * LINE)
        while c < end:
            lo = c * chunk
            hi = min(m, lo + chunk)
            one_chunk(x, way, n_x, y, weight, linear, w, b, lo, hi, block, z, dz, zs, partials[c])
            c = first + fetch_and_increment(counters, run * LINE)


@kernel
def split_point(digits: Any, w: Any, n_x: int) -> None:
    """w as digits, where bytes are multiplied as integers."""
    if digits is not None:
        digits[1][0] = split(w, n_x, digits[0])
