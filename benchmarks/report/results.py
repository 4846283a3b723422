"""What every measurement returns, and its JSON file.

Results are dictionaries of plain values: {"benchmark", "quick", "environment", "rows", "targets"}.
A row has "case", "order", "contender", and "seconds" (the median) or "bytes". Timing itself is
`fastlogreg.tools.bench.interleaved`: contenders in turn within one process, medians and quartiles.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from fastlogreg.tools import bench

from .environment import environment


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
        **more,
    }


def save(path: Path, result: dict[str, Any]) -> None:
    """Write a result as JSON."""
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote; ValueError where it is something else."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(result, dict) or not {"benchmark", "environment", "rows"} <= set(result):
        raise ValueError(f"{path} is not a result of these benchmarks: write one with --json")
    return result
