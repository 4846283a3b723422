"""The rows of a benchmark, read back from the tables of its page: its figure is drawn from them.

So a figure shows what the page says, and can be drawn anew without measuring anew.
"""

from __future__ import annotations

import math
import re
from typing import Any

from fastlogreg.lectures.compare import IN_LANES
from fastlogreg.lectures.comparison import Comparison


def kernel_rows(page: str) -> dict[str, Any]:
    """Return the rows of docs/benchmarks/kernels.md, with the read bandwidth of each case.

    A bandwidth is a rate over its fraction, of the contender with the largest fraction: that one
    has the most digits.
    """
    rows: list[dict[str, Any]] = []
    best: dict[str, tuple[float, float]] = {}
    for cells in _table(page, "kernels"):
        case, order, contender, rate, fraction = (cells[k] for k in (0, 1, 2, 5, 6))
        if not rate or not fraction or "-" in (rate, fraction):
            continue
        speed, part = 1e9 * _number(rate), _number(fraction)
        rows.append({"case": case, "order": order, "contender": contender, "rate": speed})
        best[case] = max(best.get(case, (0.0, 0.0)), (part, speed))
    rows += [
        {"case": case, "order": "", "contender": "read probe", "rate": speed / part}
        for case, (part, speed) in best.items()
    ]
    return {"rows": rows}


def solver_rows(page: str, level: float = 1e-6) -> dict[str, Any]:
    """Return of docs/benchmarks/solvers.md our seconds to a level and those of the best peer."""
    rows: list[dict[str, Any]] = []
    column = {1e-3: 1, 1e-6: 4, 1e-9: 7}[level]
    for cells in _table(page, "solvers"):
        ours, peer = cells[column], cells[column + 1]
        same = {"problem": cells[0], "level": level}
        if ours != "-":
            rows.append({**same, "contender": "fastlogreg", "seconds": _number(ours)})
        name, _, seconds = peer.rpartition(" ")
        if re.fullmatch(r"[\d.,e+-]+", seconds):
            rows.append({**same, "contender": name, "seconds": _number(seconds)})
    return {"rows": rows}


def lecture_rows(page: str) -> list[Comparison]:
    """Return the comparisons of docs/benchmarks/lectures.md."""
    found: list[Comparison] = []
    for name, formula, elements, loop, compiled, numpy, _, _, disagreement in _table(
        page, "lectures"
    ):
        if name.endswith(f" {IN_LANES}"):
            found[-1] = found[-1]._replace(lanes=1e-3 * _number(compiled))
            continue
        size = int(_number(elements))
        ran = size - 1 if loop.startswith("~") else size
        seconds = [1e-3 * _number(text.lstrip("~")) for text in (loop, compiled, numpy)]
        close = _number(disagreement)
        found.append(Comparison(name, formula.strip("`"), size, ran, *seconds, math.nan, close))
    return found


def _table(page: str, name: str) -> list[list[str]]:
    """Return the cells of the table between the two markers of a block."""
    found = re.search(
        rf"<!-- benchmark: {name} -->\n(.*?)<!-- end benchmark -->", page, flags=re.DOTALL
    )
    if found is None:
        raise ValueError(f"the page must have a block 'benchmark: {name}'; it has none")
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _number(text: str) -> float:
    return float(text.replace(",", ""))
