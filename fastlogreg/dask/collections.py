"""Dask arrays and data frames, or blocks that are loaded by a function of one's own, as blocks that
workers hold.

Rows are examples here, as everywhere in Dask: X (m, n_x) in row chunks, of known or unknown sizes,
y (m,) in the same ones. Two rounds before training: every block is loaded and described; then, the
labels being known, turned into 0 and 1.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.extras import require
from ..maths.arrays import Vector
from . import blocks
from .blocks import Summary
from .engine import Engine, neighbours_in_a_task


class Rows:
    """The blocks of an X with labels: handles of `blocks.Raw` in order of the rows, and their
    summaries."""

    def __init__(self, engine: Engine, raw: Sequence[Any], names: Sequence[str] | None) -> None:
        self.engine, self.raw = engine, list(raw)
        self.summaries: list[Summary] = engine.collect(
            [(blocks.summary, block) for block in self.raw]
        )
        widths = [s.n_x for s in self.summaries]
        self.n_x, self.m = widths[0], sum(s.m for s in self.summaries)
        if len(set(widths)) > 1:
            k = next(k for k, width in enumerate(widths) if width != self.n_x)
            raise ValueError(
                f"X must have the same columns in every block; block 0 has {self.n_x}, block {k} "
                f"{widths[k]}"
            )
        self.names = self.summaries[0].names if names is None else names
        for k, s in enumerate(self.summaries):
            if s.names != self.summaries[0].names:
                raise ValueError(
                    f"X must have the same columns in every block; block 0 has {self.names}, "
                    f"block {k} has {s.names}"
                )
        if self.n_x == 0 or self.m == 0:
            raise ValueError(
                f"X must have at least one feature and one example; got shape ({self.m}, "
                f"{self.n_x})"
            )

    def labels(self) -> tuple[NDArray[Any], NDArray[np.intp], Vector]:
        """The distinct labels, how often each occurs, and the sum of their weights."""
        labels = np.concatenate([s.labels for s in self.summaries if s.m])
        found, which = np.unique(labels, return_inverse=True)
        counts, sums = np.zeros(len(found), np.intp), np.zeros(len(found))
        np.add.at(counts, which, np.concatenate([s.counts for s in self.summaries if s.m]))
        np.add.at(sums, which, np.concatenate([s.sums for s in self.summaries if s.m]))
        return found, counts, sums

    def encoded(self, classes: Any, factors: tuple[float, float] | None = None) -> Held:
        """Labels as 0 and 1 (classes[1]), weights times `factors` of the class; blocks without rows
        are left out. Once only: the rows move over to what is returned."""
        positive = np.asarray(classes)[1]
        kept = [k for k, s in enumerate(self.summaries) if s.m]
        size = neighbours_in_a_task(len(kept), self.engine.threads())
        groups = [
            [self.raw[k] for k in kept[first : first + size]] for first in range(0, len(kept), size)
        ]
        held = self.engine.hold(_Encode(positive, factors), groups)
        self.raw = []  # on a cluster, how to load them again is remembered there
        return Held(
            self.engine,
            held,
            size,
            [self.summaries[k] for k in kept],
            positive,
            factors,
            self.names,
        )


class _Encode:
    def __init__(self, positive: Any, factors: tuple[float, float] | None) -> None:
        self.positive, self.factors = positive, factors

    def __call__(self, *group: blocks.Raw) -> Group:
        return Group(blocks.encoded(raw, self.positive, self.factors) for raw in group)


class Group(list[blocks.Block]):
    """Neighbouring blocks that one task computes on."""

    def __sizeof__(self) -> int:
        return sum(map(sys.getsizeof, self))


def _each(
    group: Group, function: Callable[..., Any], chosen: Sequence[tuple[int, tuple[Any, ...]]]
) -> list[Any]:
    return [function(group[k], *arguments) for k, arguments in chosen]


class Held:
    """Handles of groups of blocks, none of these empty, and what the client knows of each block:
    first rows, class counts (k, 2) and the sums of their weights (k, 2)."""

    def __init__(
        self,
        engine: Engine,
        groups: Sequence[Any],
        size: int,
        summaries: Sequence[Summary],
        positive: Any,
        factors: tuple[float, float] | None,
        names: Sequence[str] | None,
    ) -> None:
        self.engine, self.groups, self.size, self.names = engine, list(groups), size, names
        self.n_blocks = len(summaries)
        self.n_x, self.nbytes = summaries[0].n_x, sum(s.nbytes for s in summaries)
        self.bounds = np.cumsum([0, *(s.m for s in summaries)])
        self.counts = np.zeros((len(summaries), 2), np.intp)
        self.sums = np.zeros((len(summaries), 2))
        for k, s in enumerate(summaries):
            one = s.labels == positive
            self.counts[k] = s.counts[~one].sum(), s.counts[one].sum()
            self.sums[k] = s.sums[~one].sum(), s.sums[one].sum()
        if factors is not None:
            self.sums *= factors
        self.weighted = factors is not None or bool((self.sums != self.counts).any())

    def sum(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The sum of function(block, *arguments) over all blocks."""
        return self.engine.sum(function, self.groups, *arguments)

    def each(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """function(block, *arguments) of every block, brought here."""
        return self.some(function, dict.fromkeys(range(self.n_blocks), arguments))

    def some(self, function: Callable[..., Any], chosen: dict[int, tuple[Any, ...]]) -> list[Any]:
        """function(block k, *chosen[k]) for the blocks that are chosen, in ascending order."""
        tasks: dict[int, list[tuple[int, tuple[Any, ...]]]] = {}
        for k, arguments in chosen.items():
            tasks.setdefault(k // self.size, []).append((k % self.size, arguments))
        found = self.engine.collect(
            [(_each, self.groups[j], function, local) for j, local in tasks.items()]
        )
        return [one for group in found for one in group]

    def require_finite(self, names: Sequence[str] | None = None) -> None:
        """ValueError with the row (of all of X) and the column of the first NaN or infinity, if
        there is one."""
        names = self.names if names is None else names
        found = self.each(blocks.non_finite)
        for k, first in enumerate(found):
            if first is not None:
                row, column, value = first
                name = f" {names[column]!r}" if names is not None else ""
                raise ValueError(
                    f"X must be finite; got {value} in row {self.bounds[k] + row}, column "
                    f"{column}{name}, counted from 0 "
                    f"(row {row} of block {k}). Remove or impute such values first"
                )


def rows_of(X: Any, y: Any, sample_weight: Any = None) -> Rows:
    """Blocks from dask collections: X an array (m, n_x) or a data frame, y and sample_weight (m,)
    arrays or series."""
    require("dask", "dask", "fastlogreg.dask")
    parts, names = _parts_of_X(X)
    engine = Engine()
    labels = aligned("y", y, X, len(parts))
    weights = (
        [None] * len(parts)
        if sample_weight is None
        else aligned("sample_weight", sample_weight, X, len(parts))
    )
    return load(engine, blocks.raw_block, zip(parts, labels, weights, range(len(parts))), names)


def load(
    engine: Engine,
    loader: Callable[..., blocks.Raw],
    arguments: Any,
    names: Sequence[str] | None = None,
) -> Rows:
    """Blocks from loader(*arguments[k]), each run where its block will lie."""
    import dask

    make = dask.delayed(loader, pure=False, traverse=False)
    return Rows(engine, engine.compute([make(*given) for given in arguments]), names)


def _parts_of_X(X: Any) -> tuple[list[Any], list[str] | None]:
    """A dask.delayed value for each row block, and the names of the columns where there are any."""
    if hasattr(X, "to_delayed") and hasattr(X, "columns"):
        return list(X.to_delayed()), [str(name) for name in X.columns]
    if not hasattr(X, "to_delayed") or not hasattr(X, "chunks"):
        raise TypeError(
            f"X must be a dask array or a dask data frame; got {type(X).__name__}. For arrays in "
            "memory use fastlogreg.train"
        )
    if X.ndim != 2:
        raise ValueError(f"X must have shape (m, n_x), one example per row; got shape {X.shape}")
    if X.dtype.kind not in "buif":
        raise TypeError(
            f"X must hold real numbers; got dtype {X.dtype}. Convert it, for instance with "
            "X.astype(float)"
        )
    if X.numblocks[1] > 1:
        warnings.warn(
            f"X has {X.numblocks[1]} chunks of columns, and whole rows are needed: it is "
            "rechunked, which moves all of it "
            f"once. Make it with chunks=(rows, -1), or store X.rechunk({{1: -1}})",
            stacklevel=4,
        )
        X = X.rechunk({1: -1})
    return list(X.to_delayed().ravel()), None


def aligned(name: str, values: Any, X: Any, n_blocks: int) -> list[Any]:
    """values (m,) as one dask.delayed value for each row block of X."""
    import dask.array

    sizes = X.chunks[0] if hasattr(X, "chunks") else (np.nan,)
    known = not np.isnan(sizes).any()
    if not hasattr(values, "to_delayed"):
        if not known:
            raise TypeError(
                f"{name} must be a dask array or series in the row chunks of X, whose sizes are "
                "unknown; got "
                f"{type(values).__name__}. X.compute_chunk_sizes() makes them known"
            )
        values = dask.array.from_array(np.asarray(values), chunks=-1)
    if values.ndim != 1:
        raise ValueError(
            f"{name} must have shape (m,); got shape {values.shape}. Take its one column: "
            f"{name}[:, 0]"
        )
    if known and hasattr(values, "chunks") and not np.isnan(values.chunks[0]).any():
        if sum(values.chunks[0]) != sum(sizes):
            got = sum(values.chunks[0])
            raise ValueError(
                f"{name} must have one value for each of the {sum(sizes)} rows of X; got {got}"
            )
        values = values.rechunk((sizes,))
    parts = (
        list(values.to_delayed().ravel())
        if hasattr(values, "chunks")
        else list(values.to_delayed())
    )
    if len(parts) != n_blocks:
        raise ValueError(
            f"{name} must be in the row chunks of X: X has {n_blocks} of them, {name} "
            f"{len(parts)}, and their sizes are not "
            f"known. Rechunk one like the other, or call compute_chunk_sizes() on both"
        )
    return parts
