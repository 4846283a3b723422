"""Sums over blocks that workers hold, for who has vectors of the examples here: labels, weights, z.

Each block gets its part of the vectors and gives back its sums, and its part of z where that is
asked for. X does not travel. Sums are added in the order of the blocks, some blocks at a time.
What is not here is Fused's: X then comes by, one block after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backends.base import HessianSums, Sums
from ..backends.fused_backend import Fused
from ..backends.group_hessians import leverages_of_columns
from ..data.design import Design
from ..maths.arrays import NONE, Labels, Vector
from .blocks import BACKEND, Block
from .collections import Held

TOGETHER_BYTES = 256 << 20  # of the sums of blocks that are here at once
MOST_TOGETHER = 64


class ByBlocks(Fused):
    """Compute the sums where the blocks of X lie."""

    far = True

    def __init__(self, held: Held, n_threads: int) -> None:
        super().__init__(n_threads)
        self.held = held

    def with_threads(self, n_threads: int) -> Fused:
        return Fused(n_threads)  # of a sample, too

    def sums(
        self,
        design: Design,
        y: Labels,
        w: Vector,
        b: float,
        *,
        weight: Vector = NONE,
        linear: bool = False,
        zs: Vector = NONE,
    ) -> Sums:
        if design.dense is not None:  # a sample, which is here
            return super().sums(design, y, w, b, weight=weight, linear=linear, zs=zs)

        def given(part: slice) -> tuple[Any, ...]:
            return y[part], w, b, weight[part], linear, bool(zs.size)

        total = None
        for part, (sums, z) in self._each(_sums, design, given, design.n_x):
            if zs.size:
                zs[part] = z
            total = sums if total is None else Sums(*(a + b for a, b in zip(total, sums)))
        assert total is not None  # there is a block at least
        return total

    def sums_with_hessian(
        self,
        design: Design,
        y: Labels,
        w: Vector,
        b: float,
        *,
        weight: Vector,
        zs: Vector,
        begin_read: Callable[[], object],
    ) -> HessianSums:
        if design.dense is not None:
            how = {"weight": weight, "zs": zs}
            return super().sums_with_hessian(design, y, w, b, **how, begin_read=begin_read)

        def given(part: slice) -> tuple[Any, ...]:
            return y[part], w, b, weight[part]

        begin_read()
        total = None
        for part, (sums, z) in self._each(_hessian_sums, design, given, (design.n_x + 1) ** 2):
            zs[part] = z
            total = sums if total is None else HessianSums(*(a + b for a, b in zip(total, sums)))
        assert total is not None
        return total

    def products(self, design: Design, slopes: Vector) -> Vector:
        if design.dense is not None:
            return super().products(design, slopes)
        found = np.zeros((design.n_x + 1, design.n_x + 1))
        for _, of_block in self._each(_products, design, lambda part: (slopes[part],), found.size):
            found += of_block
        return found

    def leverages(
        self, design: Design, points: Sequence[tuple[Vector, float]], roots: Sequence[Vector]
    ) -> Iterator[tuple[int, int, Vector, Vector]]:
        longest = int(np.diff(self.held.bounds).max())
        for part, (z, t) in self._each(
            _leverages, design, lambda part: (points, roots), 2 * len(points) * longest
        ):
            yield part.start, part.stop, z, t

    def _each(
        self,
        function: Callable[..., Any],
        design: Design,
        given: Callable[[slice], tuple[Any, ...]],
        numbers: int,
    ) -> Iterator[tuple[slice, Any]]:
        """Call function(block, scale, shift, *given(its rows)) on every block, in order.

        numbers: that come back from a block, about.
        """
        bounds = self.held.bounds.tolist()
        together = max(1, min(MOST_TOGETHER, TOGETHER_BYTES // (8 * numbers)))
        for first in range(0, self.held.n_blocks, together):
            these = range(first, min(self.held.n_blocks, first + together))
            parts = [slice(bounds[k], bounds[k + 1]) for k in these]
            chosen = {
                k: (design.scale, design.shift, *given(part)) for k, part in zip(these, parts)
            }
            yield from zip(parts, self.held.some(function, chosen))


# ---------------------------------------------------------------- what a worker computes


def _sums(
    block: Block,
    scale: Vector,
    shift: Vector,
    y: Labels,
    w: Vector,
    b: float,
    weight: Vector,
    linear: bool,
    wants_z: bool,
) -> tuple[Sums, Vector]:
    z = np.empty(len(y)) if wants_z else NONE
    design = block.design.rescaled(scale, shift)
    return BACKEND.sums(design, y, w, b, weight=weight, linear=linear, zs=z), z


def _hessian_sums(
    block: Block, scale: Vector, shift: Vector, y: Labels, w: Vector, b: float, weight: Vector
) -> tuple[HessianSums, Vector]:
    z, design = np.empty(len(y)), block.design.rescaled(scale, shift)
    sums = BACKEND.sums_with_hessian(design, y, w, b, weight=weight, zs=z, begin_read=lambda: None)
    return sums, z


def _products(block: Block, scale: Vector, shift: Vector, slopes: Vector) -> Vector:
    return BACKEND.products(block.design.rescaled(scale, shift), slopes)


def _leverages(
    block: Block,
    scale: Vector,
    shift: Vector,
    points: Sequence[tuple[Vector, float]],
    roots: Sequence[Vector],
) -> tuple[Vector, Vector]:
    design = block.design.rescaled(scale, shift)
    parts = list(leverages_of_columns(design, points, roots))
    return (
        np.concatenate([z for *_, z, _ in parts], axis=1),
        np.concatenate([t for *_, t in parts], axis=1),
    )
