"""The ways into Dask: run a function on every block and combine what comes back, on whatever scheduler is in charge.

A pass is a graph written by hand: a task for each block, which Dask sends to where the block lies, and a tree of sums with
eight branches over the blocks in their order. Its shape follows from the number of blocks alone, so the result does not
depend on the number of workers, on which is faster, or on whether one is lost and its blocks are made anew. The same
graphs run on threads, where blocks are objects in memory, and on a cluster, where they are futures.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

BRANCHES = 8
EMBEDDED = 1 << 15  # bytes of arguments that travel with each task; what is larger goes to a worker once


def add(parts: Sequence[Any]) -> Any:
    """The sum of arrays, in order."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def add_all(*parts: Any) -> Any:
    return add(parts)


def tree_depth(n_blocks: int) -> int:
    """Levels of sums above the blocks."""
    depth = 0
    while n_blocks > 1:
        n_blocks, depth = -(-n_blocks // BRANCHES), depth + 1
    return depth


def tasks_of_a_pass(n_blocks: int) -> int:
    """One for each block, and the sums."""
    total = n_blocks
    while n_blocks > 1:
        n_blocks = -(-n_blocks // BRANCHES)
        total += n_blocks
    return total


class Engine:
    """The scheduler in charge when it was made: the default client's, dask.config's "scheduler", or else threads."""

    def __init__(self) -> None:
        import dask.base
        import dask.threaded

        self.get: Callable[..., Any] = dask.base.get_scheduler() or dask.threaded.get
        owner = getattr(self.get, "__self__", None)
        self.client = owner if hasattr(owner, "scatter") else None
        self._name, self._count = f"fastlogreg-{uuid.uuid4().hex[:12]}", itertools.count()

    def compute(self, delayed: Sequence[Any]) -> list[Any]:
        """Handles of what these dask.delayed values are: futures on a cluster, else the values themselves."""
        import dask

        if self.client is not None:
            return list(self.client.compute(list(delayed)))
        return list(dask.compute(*delayed, scheduler=self.get))

    def hold(self, function: Callable[..., Any], blocks: Sequence[Any]) -> list[Any]:
        """Handles of function(block) for each block, left where they are made."""
        graph, keys = self._leaves([(function, block) for block in blocks])
        if self.client is not None:
            return list(self.client.get(graph, keys, sync=False))
        return list(self.get(graph, keys))

    def collect(self, tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What each of these (function, block, arguments ...) gives, brought here."""
        graph, keys = self._leaves([(partial(_swapped, task[0], *task[2:]), task[1]) for task in tasks])
        return list(self.get(graph, keys))

    def sum(self, function: Callable[..., Any], blocks: Sequence[Any], *arguments: Any) -> Any:
        """The sum of function(block, *arguments) over the blocks, arrays of one shape."""
        work = partial(_swapped, function, *arguments)
        graph: dict[str, Any] = {}
        if self.client is not None and _nbytes(arguments) > EMBEDDED:
            shared = f"{self._name}-{next(self._count)}-shared"
            graph[shared] = (_Constant(work),)
            leaves, keys = self._leaves([(_apply, block, shared) for block in blocks])
        else:
            leaves, keys = self._leaves([(work, block) for block in blocks])
        graph.update(leaves)
        stem, level = keys[0][:-2], 0
        while len(keys) > 1:
            level += 1
            above = [f"{stem}-{level}-{j}" for j in range(-(-len(keys) // BRANCHES))]
            for j, key in enumerate(above):
                graph[key] = (add_all, *keys[j * BRANCHES : (j + 1) * BRANCHES])
            keys = above
        return self.get(graph, keys[0])

    def _leaves(self, tasks: Sequence[tuple[Any, ...]]) -> tuple[dict[str, Any], list[str]]:
        stem = f"{self._name}-{next(self._count)}-0"
        keys = [f"{stem}-{k}" for k in range(len(tasks))]
        return dict(zip(keys, tasks)), keys


class _Constant:
    """A value as a task of no arguments."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value


def _apply(block: Any, work: Callable[[Any], Any]) -> Any:
    return work(block)


def _swapped(function: Callable[..., Any], *arguments: Any) -> Any:
    """function(block, *arguments), the block being the last argument here: what `partial` leaves open."""
    return function(arguments[-1], *arguments[:-1])


def _nbytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    return reduce(lambda total, item: total + _nbytes(item), value, 0) if isinstance(value, tuple) else 0
