"""What every benchmark shares: the environment it ran in, the correctness check, JSON, and tables
for the README.

Timing itself is `fastlogreg.tools.bench.interleaved`: contenders in turn within one process,
medians and quartiles. Results are dictionaries of plain values: {"benchmark", "quick",
"environment", "rows", "targets"}; a row has "case", "order", "contender", and "seconds" (the
median) or "bytes".
"""

from __future__ import annotations

import importlib
import json
import math
import os
import platform
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastlogreg.machine.caches import last_level_cache
from fastlogreg.maths import reference
from fastlogreg.tools import bench
from fastlogreg.tools.doctor import cpu_name

PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "scikit-learn", "torch", "fastlogreg")
LOAD = (
    round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0
)  # before this run has added to it
QUIET = 0.5
_MODULES = {"scikit-learn": "sklearn"}


class Disagreement(AssertionError):
    """A contender computes something else than the rest: its time means nothing."""


def environment(n_threads: int) -> dict[str, Any]:
    """CPU, caches, threads, versions and the BLAS kernel that NumPy uses."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.import_module(_MODULES.get(name, name)).__version__
        except ImportError:
            continue
    return {
        "load": LOAD,
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "threads": n_threads,
        "last_level_cache": last_level_cache(),
        "system": f"{platform.system()} {platform.machine()}",
        "blas": blas(),
        "versions": versions,
    }


def blas() -> str:
    """NumPy's BLAS, the CPU it has chosen its kernels for, and its threads."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown (threadpoolctl is not installed)"
    found = [
        pool
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and "numpy" in pool["filepath"]
    ]
    return (
        ", ".join(
            f"{pool['internal_api']} {pool['version']}, kernels for "
            f"{pool.get('architecture', 'unknown')}, "
            f"{pool['num_threads']} threads"
            for pool in found
        )
        or "unknown"
    )


def describe(where: dict[str, Any]) -> str:
    """The environment in one paragraph."""
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    load = where["load"]
    busy = (
        f"Not a quiet machine: its load average was {load} before the run. " if load > QUIET else ""
    )
    return busy + (
        f"{where['cpu']}, {where['cpus']} CPUs, {where['threads']} threads used, last-level cache "
        f"{where['last_level_cache'] >> 20} MiB, {where['system']}; NumPy's BLAS: "
        f"{where['blas']}; {versions}."
    )


def expected_pass(X: Any, y: Any, w: Any, b: float) -> bench.Pass:
    """Cost and gradient by the reference in float64, in blocks: what every contender must find."""
    n_x, m = X.shape
    J, dw, db = 0.0, np.zeros((n_x, 1)), 0.0
    step = max(1, (1 << 24) // n_x)
    for lo in range(0, m, step):
        part = X[:, lo : lo + step]
        one = reference.propagate(w[:, None], b, part, y[None, lo : lo + step])
        share = part.shape[1] / m
        J, dw, db = J + share * one.cost, dw + share * one.dw, db + share * one.db
    return J, dw[:, 0], db


def check_pass(name: str, found: bench.Pass, expected: bench.Pass, tolerance: float) -> float:
    """The largest difference, relative to the cost and to the largest derivative; Disagreement
    above tolerance."""
    size = max(float(np.abs(expected[1]).max()), abs(expected[2]))
    parts = abs(found[0] - expected[0]) / expected[0], np.abs(found[1] - expected[1]).max() / size
    error = float(np.max([*parts, abs(found[2] - expected[2]) / size]))  # NaN where any of them is
    if not error <= tolerance:
        raise Disagreement(
            f"{name} differs from the reference by {error:.1e}, allowed are {tolerance:.0e}"
        )
    return error


def row(
    case: str, contender: str, times: bench.Times, order: str = "", per: int = 1, **more: Any
) -> dict[str, Any]:
    """One row of a result; per: how many of what is counted one call makes."""
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
    """One line of what must be shown; NaN (not measured in this run) is not met."""
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


def markdown(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown, padded so that it reads in a terminal too; numbers to the right."""
    cells = [[str(cell) for cell in line] for line in [headings, *rows]]
    widths = [max(3, *(len(line[k]) for line in cells)) for k in range(len(headings))]
    right = [
        all(_is_number(line[k]) for line in cells[1:]) and len(cells) > 1
        for k in range(len(headings))
    ]
    lines = [
        "| "
        + " | ".join(c.rjust(n) if r else c.ljust(n) for c, n, r in zip(line, widths, right))
        + " |"
        for line in cells
    ]
    rule = "|" + "|".join("-" * (n + 1) + (":" if r else "-") for n, r in zip(widths, right)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[~<>]?[-\d.,]+( [a-zA-Z%]+| to [\d.,]+)?|-|", text))


def targets_table(targets: Iterable[dict[str, Any]]) -> str:
    """The lines of what must be shown, with what this run found."""
    lines = []
    for t in targets:
        bound = f"at least {t['least']:g}" if t["least"] is not None else f"at most {t['most']:g}"
        found = "not measured" if t["found"] is None else bench.digits(t["found"])
        lines.append((t["what"], bound, found, "yes" if t["met"] else "no"))
    return markdown(("what", "target", "found", "met"), lines)


def write_block(path: Path, name: str, text: str) -> None:
    """Put text between `<!-- benchmark: NAME -->` and `<!-- end benchmark -->` in a file, replacing
    what is there."""
    start, end = f"<!-- benchmark: {name} -->", "<!-- end benchmark -->"
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(start) + r".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(
            f"{path} must have the lines {start} and {end} once, to take the table between them"
        )
    path.write_text(
        pattern.sub(lambda _: f"{start}\n{text.strip()}\n{end}", page), encoding="utf-8"
    )


def save(path: Path, result: dict[str, Any]) -> None:
    """As JSON."""
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> dict[str, Any]:
    """What `save` wrote; ValueError where it is something else."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(result, dict) or not {"benchmark", "environment", "rows"} <= set(result):
        raise ValueError(f"{path} is not a result of these benchmarks: write one with --json")
    return result


Report = Callable[[dict[str, Any]], dict[str, str]]  # result -> blocks by name
