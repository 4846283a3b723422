"""What every measurement returns, and its JSON file.

Results are dictionaries of plain values: {"benchmark", "quick", "environment", "rows", "targets"}.
A row has "case", "order", "contender", and "seconds" (the median) or "bytes". Timing itself is
`fastlogreg.tools.bench.interleaved`: contenders in turn within one process, medians and quartiles.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastlogreg.tools import bench

from .environment import environment

# Takes the rows measured so far, after each case: a run that is cut off has lost nothing then.
Keep = Callable[[list[dict[str, Any]]], None]


def keep_nothing(rows: list[dict[str, Any]]) -> None:
    """Forget the rows measured so far: the run returns them all at its end."""


def timed_row(
    case: str, contender: str, times: bench.Times, order: str = "", per: int = 1, **more: Any
) -> dict[str, Any]:
    """Make one row of a result; per: how many of what is counted one call makes."""
    return {
        "case": case,
        "order": order,
        "contender": contender,
        "seconds": times.median / per,
        "low": times.low / per,
        "high": times.high / per,
        "rounds": times.rounds,
        "first_call": times.first,
        **more,
    }


def target(
    what: str, found: float, *, least: float | None = None, most: float | None = None
) -> dict[str, Any]:
    """Judge one figure that must be shown; NaN (not measured in this run) is not met."""
    met = (
        bool(found >= least)
        if least is not None
        else bool(found <= (math.inf if most is None else most))
    )
    return {
        "what": what,
        "least": least,
        "most": most,
        "found": None if math.isnan(found) else found,
        "met": met,
    }


def outcome(
    benchmark: str,
    quick: bool,
    n_threads: int,
    rows: list[dict[str, Any]],
    targets: list[dict[str, Any]],
    **more: Any,
) -> dict[str, Any]:
    """Put a result together, with the environment that it was measured in."""
    return {
        "benchmark": benchmark,
        "quick": quick,
        "environment": environment(n_threads),
        "rows": rows,
        "targets": targets,
        "complete": True,
        **more,
    }


def save(path: Path, result: dict[str, Any]) -> None:
    """Write a result as JSON, in place of the file there, which is whole until the new one is."""
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    os.replace(beside, path)


def keep_in(path: Path, benchmark: str, quick: bool, n_threads: int) -> Keep:
    """Make what writes the rows of a run to a file after each case, as an incomplete result."""

    def keep(rows: list[dict[str, Any]]) -> None:
        save(path, outcome(benchmark, quick, n_threads, rows, [], complete=False))

    return keep


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote; ValueError where it is something else."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(result, dict) or not {"benchmark", "environment", "rows"} <= set(result):
        raise ValueError(f"{path} is not a result of these benchmarks: write one with --json")
    return result
