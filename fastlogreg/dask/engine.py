"""The ways into Dask: run a function on every block and combine what comes back, on whatever
scheduler is in charge.

A pass is a graph written by hand: tasks that Dask sends to where the blocks lie, and a tree of sums
with eight branches over the blocks in their order. The tree follows from the number of blocks
alone, so the result does not depend on the number of workers, on which is faster, or on whether one
is lost and its blocks are made anew. Dask's scheduler takes a millisecond for a task: where there
are many more blocks than threads, the lowest branches, 8 or 64 or more neighbours, are one task
that adds up in the same order. The same graphs run on threads, where blocks are objects in memory,
and on a cluster, where they are futures.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

BRANCHES = 8
TASKS_PER_THREAD = 2  # at least, for balance, before neighbours are put into one task
EMBEDDED = (
    1 << 15
)  # bytes of arguments that travel with each task; what is larger goes to a worker once


def add(*parts: Any) -> Any:
    """Add arrays, in order."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def tree_sum(parts: Sequence[Any]) -> Any:
    """Add arrays by the tree."""
    while len(parts) > 1:
        parts = [add(*parts[k : k + BRANCHES]) for k in range(0, len(parts), BRANCHES)]
    return parts[0]


def neighbours_in_a_task(n_blocks: int, n_threads: int) -> int:
    """Choose how many blocks one task takes: a power of eight, so that these are whole branches."""
    size = 1
    while n_blocks >= BRANCHES * size * TASKS_PER_THREAD * n_threads:
        size *= BRANCHES
    return size


def tree_depth(n: int) -> int:
    """Count the levels of sums above n tasks."""
    depth = 0
    while n > 1:
        n, depth = -(-n // BRANCHES), depth + 1
    return depth


def tasks_of_a_pass(n: int) -> int:
    """Count n tasks and the sums above them."""
    total = n
    while n > 1:
        n = -(-n // BRANCHES)
        total += n
    return total


class Engine:
    """The scheduler in charge when it was made: the default client's, dask.config's "scheduler", or
    else threads."""

    def __init__(self) -> None:
        import dask.base
        import dask.threaded

        self.get: Callable[..., Any] = dask.base.get_scheduler() or dask.threaded.get
        owner = getattr(self.get, "__self__", None)
        self.client = owner if hasattr(owner, "scatter") else None
        self._name, self._count = f"fastlogreg-{uuid.uuid4().hex[:12]}", itertools.count()

    def compute(self, delayed: Sequence[Any]) -> list[Any]:
        """Compute dask.delayed values: their handles are futures on a cluster, else the values."""
        import dask

        if self.client is not None:
            return list(self.client.compute(list(delayed)))
        return list(dask.compute(*delayed, scheduler=self.get))

    def threads(self) -> int:
        """Count how many tasks can run at once, at least 1."""
        import dask
        from dask.system import CPU_COUNT

        if self.client is not None:
            return max(1, sum(self.client.nthreads().values()))
        return max(1, int(dask.config.get("num_workers", None) or CPU_COUNT))

    def hold(self, function: Callable[..., Any], handles: Sequence[Sequence[Any]]) -> list[Any]:
        """Call function(*these) for each sequence of handles; results stay where they are made."""
        graph, keys = self._leaves([(function, *these) for these in handles])
        if self.client is not None:
            return list(self.client.get(graph, keys, sync=False))
        return list(self.get(graph, keys))

    def collect(self, tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Bring here what each of these (function, handle, arguments ...) gives."""
        graph, keys = self._leaves(
            [(partial(_swapped, task[0], *task[2:]), task[1]) for task in tasks]
        )
        return list(self.get(graph, keys))

    def sum(self, function: Callable[..., Any], groups: Sequence[Any], *arguments: Any) -> Any:
        """Sum function(block, *arguments), arrays of one shape, over the blocks of the groups."""
        work = partial(_sum_of_group, function, arguments)
        graph: dict[str, Any] = {}
        if self.client is not None and _nbytes(arguments) > EMBEDDED:
            shared = f"{self._name}-{next(self._count)}-shared"
            graph[shared] = (_Constant(work),)
            leaves, keys = self._leaves([(_apply, group, shared) for group in groups])
        else:
            leaves, keys = self._leaves([(work, group) for group in groups])
        graph.update(leaves)
        for level in range(1, tree_depth(len(groups)) + 1):
            above = [f"{keys[0]}-{level}-{j}" for j in range(-(-len(keys) // BRANCHES))]
            for j, key in enumerate(above):
                graph[key] = (add, *keys[j * BRANCHES : (j + 1) * BRANCHES])
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


def _apply(group: Any, work: Callable[[Any], Any]) -> Any:
    return work(group)


def _sum_of_group(
    function: Callable[..., Any], arguments: tuple[Any, ...], group: Sequence[Any]
) -> Any:
    return tree_sum([function(block, *arguments) for block in group])


def _swapped(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call function(handle, *arguments); the handle comes last, as `partial` leaves it open."""
    return function(arguments[-1], *arguments[:-1])


def _nbytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    return sum(map(_nbytes, value)) if isinstance(value, tuple) else 0
