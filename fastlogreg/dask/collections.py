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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.extras import require
from ..files.labels import numbers_in
from ..maths.arrays import Vector
from . import blocks
from .engine import Engine, neighbours_in_a_task
from .raw import Raw, Summary, exact_array, raw_block, summary


class LabelCounts(NamedTuple):
    """The distinct labels of all blocks, how often each occurs, and the sums of their weights."""

    labels: NDArray[Any]
    counts: NDArray[np.intp]
    sums: Vector


class Rows:
    """The blocks of an X with labels: handles of `raw.Raw` in order of the rows, and summaries."""

    def __init__(self, engine: Engine, raw: Sequence[Any], names: Sequence[str] | None) -> None:
        self.engine, self.raw = engine, list(raw)
        self.summaries: list[Summary] = engine.collect([(summary, block) for block in self.raw])
        widths = [s.n_x for s in self.summaries]
        self.n_x, self.m = widths[0], sum(s.m for s in self.summaries)
        if len(set(widths)) > 1:
            k = next(k for k, width in enumerate(widths) if width != self.n_x)
            raise ValueError(
                "X must have the same columns in every block; "
                f"{self.summaries[0].name} has {self.n_x}, {self.summaries[k].name} {widths[k]}"
            )
        self.names = self.summaries[0].names if names is None else names
        self.left_out = self.summaries[0].left_out
        for s in self.summaries:
            if s.names != self.summaries[0].names:
                raise ValueError(
                    f"X must have the same columns in every block; {self.summaries[0].name} has "
                    f"{self.names}, {s.name} has {s.names}"
                )
        if self.n_x == 0 or self.m == 0:
            raise ValueError(
                f"X must have at least one feature and one example; got shape ({self.m}, "
                f"{self.n_x})"
            )
        self._require_labels()
        self._spelt: dict[Any, Any] = {}  # the numbers that labels spell, where they are words

    def _require_labels(self) -> None:
        """Raise ValueError for the first row, of all, that has no label."""
        first = 0
        for s in self.summaries:
            if s.missing is not None:
                what = "NaN; got one" if s.dtype.kind == "f" else "missing labels; there is one"
                raise ValueError(
                    f"y must not have {what} in row {s.missing} of {s.name}, which is row "
                    f"{first + s.missing} of all, counted from 0. Leave such rows out"
                )
            first += s.m

    def take_numbers(self) -> None:
        """Read labels that are words as the numbers that they spell, if all of all blocks do."""
        words = sorted({w for s in self.summaries for w in s.labels if isinstance(w, str)})
        numbers = numbers_in(words) if words else None
        if numbers is not None:
            self._spelt = dict(zip(words, numbers.tolist()))

    def _value(self, label: Any) -> Any:
        return self._spelt.get(label, label)

    def labels(self) -> LabelCounts:
        """Put the labels of all blocks together; TypeError where they are of several kinds."""
        filled = [s for s in self.summaries if s.m]
        for s in filled:
            if s.counts.sum() < s.m and s.sums.all():
                raise ValueError(
                    f"y must hold class labels, at most {len(s.labels)} of them; {s.name} alone "
                    "has more"
                )
        found: dict[Any, tuple[int, float]] = {}
        kinds: dict[type, Summary] = {}
        for s in filled:
            for label, count, total in zip(s.labels, s.counts.tolist(), s.sums.tolist()):
                value = self._value(label)
                kinds.setdefault(type(value) if isinstance(value, (str, bytes)) else float, s)
                counts, sums = found.get(value, (0, 0.0))
                found[value] = counts + count, sums + total
        if len(kinds) > 1:
            raise _of_two_kinds(*list(kinds.values())[:2])
        dtype = None if self._spelt else np.result_type(*(s.dtype for s in filled))
        values = sorted(found)
        labels = exact_array(values, dtype)
        if labels is None:
            one, other = filled[0], next(s for s in filled if s.dtype != filled[0].dtype)
            raise _of_two_kinds(one, other)
        of_each = [found[value] for value in values]
        return LabelCounts(
            labels, np.array([n for n, _ in of_each]), np.array([total for _, total in of_each])
        )

    def encoded(self, classes: Any, factors: tuple[float, ...] | None = None) -> Held:
        """Turn labels into their places in classes, and multiply weights by `factors` of the class.

        A label of none of them is 0. Blocks without rows are left out. Once only: the rows move
        over to what is returned.
        """
        place = {np.asarray(label).item(): k for k, label in enumerate(classes) if k}
        kept = [s for s in self.summaries if s.m]
        words = {
            label: place[value]
            for s in kept
            for label in s.labels
            if (value := self._value(label)) in place
        }
        raw = [handle for handle, s in zip(self.raw, self.summaries) if s.m]
        size = neighbours_in_a_task(len(kept), self.engine.threads())
        groups = [raw[first : first + size] for first in range(0, len(raw), size)]
        coding = Coding(words, len(classes), factors)
        held = self.engine.hold(_Encode(coding), groups)
        self.raw = []  # on a cluster, how to load them again is remembered there
        return Held(Handles(self.engine, held, size), kept, coding, self.names)


def _of_two_kinds(one: Summary, other: Summary) -> TypeError:
    return TypeError(
        "y must hold labels of one kind, numbers or text, in every block; "
        f"{one.name} has {one.kind}, {other.name} has {other.kind}. Make them alike, for instance "
        "with y.astype(str)"
    )


class Coding(NamedTuple):
    """How labels, as blocks have them, become 1, 2 and so on, the others 0; factors of weights."""

    code: dict[Any, int]
    classes: int
    factors: tuple[float, ...] | None


class _Encode:
    """A task that turns neighbouring raw blocks into a group."""

    def __init__(self, coding: Coding) -> None:
        self.coding = coding

    def __call__(self, *group: Raw) -> Group:
        return Group(blocks.encoded(raw, *self.coding) for raw in group)


class Group(list[blocks.Block]):
    """Neighbouring blocks that one task computes on."""

    def __sizeof__(self) -> int:
        return sum(map(sys.getsizeof, self))


def _each(
    group: Group, function: Callable[..., Any], chosen: Sequence[tuple[int, tuple[Any, ...]]]
) -> list[Any]:
    return [function(group[k], *arguments) for k, arguments in chosen]


class Handles(NamedTuple):
    """Where blocks are: handles of groups of `size` neighbours, and the engine that knows them."""

    engine: Engine
    groups: list[Any]
    size: int


class Held:
    """Groups of blocks that workers hold, none of these empty, and what the client knows of each.

    bounds: first rows, and m; counts (k, K): examples of each class in each block; sums (k, K):
    the sums of their weights.
    """

    def __init__(
        self,
        handles: Handles,
        summaries: Sequence[Summary],
        coding: Coding,
        names: Sequence[str] | None,
    ) -> None:
        self.engine, self.groups, self.size = handles
        self.names = names
        self.n_blocks = len(summaries)
        self.n_x, self.nbytes = summaries[0].n_x, sum(s.nbytes for s in summaries)
        self.bounds = np.cumsum([0, *(s.m for s in summaries)])
        self.counts = np.zeros((len(summaries), coding.classes), np.intp)
        self.sums = np.zeros((len(summaries), coding.classes))
        for k, s in enumerate(summaries):
            codes = np.array([coding.code.get(label, 0) for label in s.labels], np.intp)
            for c in range(coding.classes):
                self.counts[k, c], self.sums[k, c] = (
                    s.counts[codes == c].sum(),
                    s.sums[codes == c].sum(),
                )
        # a block does not tell of all labels that have no weight: it counts the classes itself
        untold = [k for k, s in enumerate(summaries) if s.counts.sum() < s.m]
        if untold:
            self.counts[untold] = self.some(
                blocks.class_counts, dict.fromkeys(untold, (coding.classes,))
            )
        if coding.factors is not None:
            self.sums *= coding.factors

    def sum(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Sum function(block, *arguments) over all blocks."""
        return self.engine.sum(function, self.groups, *arguments)

    def each(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Call function(block, *arguments) on every block, and bring here what it gives."""
        return self.some(function, dict.fromkeys(range(self.n_blocks), arguments))

    def some(self, function: Callable[..., Any], chosen: dict[int, tuple[Any, ...]]) -> list[Any]:
        """Call function(block k, *chosen[k]) on the blocks that are chosen, in ascending order."""
        tasks: dict[int, list[tuple[int, tuple[Any, ...]]]] = {}
        for k, arguments in chosen.items():
            tasks.setdefault(k // self.size, []).append((k % self.size, arguments))
        found = self.engine.collect(
            [(_each, self.groups[j], function, local) for j, local in tasks.items()]
        )
        return [one for group in found for one in group]

    def require_finite(self, names: Sequence[str] | None = None) -> None:
        """Raise ValueError for the first NaN or infinity, with its row of all and its column."""
        names = self.names if names is None else names
        found = self.each(blocks.non_finite)
        for k, first in enumerate(found):
            if first is not None:
                raise not_finite(first, int(self.bounds[k]), k, names)


def not_finite(
    found: tuple[int, int, float], first_row: int | None, k: int, names: Sequence[str] | None
) -> ValueError:
    """Make the error of a NaN or infinity (row and column in block k, value).

    first_row: of the block, None where the sizes of the blocks before it are not known.
    """
    row, column, value = found
    name = f" {names[column]!r}" if names is not None else ""
    inside = f"row {row} of block {k}"
    where = f"{inside}, column {column}{name}, counted from 0"
    if first_row is not None:
        where = f"row {first_row + row}, column {column}{name}, counted from 0 ({inside})"
    return ValueError(
        f"X must be finite; got {value} in {where}. Remove or impute such values first"
    )


def rows_of(X: Any, y: Any, sample_weight: Any = None) -> Rows:
    """Load blocks of dask collections.

    X is an array (m, n_x) or a data frame, y and sample_weight (m,) are arrays or series.
    """
    require("dask", "dask", "fastlogreg.dask")
    parts, names = _parts_of_X(X)
    engine = Engine()
    labels = aligned("y", y, X, len(parts))
    weights = (
        [None] * len(parts)
        if sample_weight is None
        else aligned("sample_weight", sample_weight, X, len(parts))
    )
    block_names = [f"block {k}" for k in range(len(parts))]
    return load(engine, raw_block, zip(parts, labels, weights, block_names), names)


def load(
    engine: Engine,
    loader: Callable[..., Raw],
    arguments: Any,
    names: Sequence[str] | None = None,
) -> Rows:
    """Load blocks by loader(*arguments[k]), each run where its block will lie."""
    import dask

    make = dask.delayed(loader, pure=False, traverse=False)
    return Rows(engine, engine.compute([make(*given) for given in arguments]), names)


def _parts_of_X(X: Any) -> tuple[list[Any], list[str] | None]:
    """Cut X into a dask.delayed value for each row block; names of its columns, if it has any."""
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
    """Cut values (m,) into one dask.delayed value for each row block of X."""
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
