"""Passes of cost and gradient in turn, with the read probe among them; each is checked before.

Ratios and fractions then come from the same minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from fastlogreg.tools import bench
from fastlogreg.tools.bandwidth import read_probe

from ..cases.expected import check_pass
from ..contenders.base import PassContender, Run
from ..report.results import timed_row


def time_passes(
    case: str,
    field: Sequence[PassContender],
    nbytes: int,
    point: tuple[Any, Any],
    expected: tuple[float, Any, Any],
    n_threads: int,
    rounds: int,
) -> list[dict[str, Any]]:
    """Time the contenders at point (w, b), where they must find `expected`; nbytes: of X."""
    errors, calls = {}, {}
    for contender in field:
        key = (contender.name, contender.order)
        calls[key] = _bound(contender.run, point)
        start = time.perf_counter()
        found = calls[key]()
        first = time.perf_counter() - start
        error = check_pass(f"{case}: {contender.name}", found, expected, contender.tolerance)
        errors[key] = error, first
    read, probe_bytes = read_probe(n_threads)
    times = bench.interleaved(
        {**{"|".join(key): call for key, call in calls.items()}, "read": read}, rounds
    )
    bandwidth = probe_bytes / times["read"].median
    rows = [timed_row(case, "read probe", times["read"], rate=bandwidth, fraction=1.0)]
    for key in calls:
        t = times["|".join(key)]
        rate = nbytes / t.median
        more = {"rate": rate, "fraction": rate / bandwidth, "error": errors[key][0]}
        rows.append({**timed_row(case, key[0], t, key[1], **more), "first_call": errors[key][1]})
    add_ratios(rows)
    return rows


def _bound(run: Run, point: tuple[Any, Any]) -> Callable[[], Any]:
    return lambda: run(*point)


def add_ratios(rows: list[dict[str, Any]]) -> None:
    """Add to each row its ratio to the fastest NumPy of the case, whatever its order."""
    best = min(row["seconds"] for row in rows if row["contender"].startswith("numpy"))
    for row in rows:
        if row["contender"] != "read probe":
            row["ratio"] = best / row["seconds"]
