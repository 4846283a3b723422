"""`python -m benchmarks lectures`: each loop of the lectures, interpreted and compiled, beside its
vectorized form.

The pairs are those of `fastlogreg.lectures.pairs`, measured by `fastlogreg.compare`, as `fastlogreg
compare` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastlogreg.lectures.compare import comparisons, markdown
from fastlogreg.lectures.comparison import Comparison

from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target

AGREEMENT = 1e-12
QUICK_SIZE, QUICK_SECONDS = 1000, 0.01


def run(quick: bool, say: Callable[[str], None], keep: Keep = keep_nothing) -> dict[str, Any]:
    """Measure every pair, one after the other; a row for each form."""
    rows: list[dict[str, Any]] = []
    pairs = comparisons(size=QUICK_SIZE, seconds=QUICK_SECONDS) if quick else comparisons()
    for pair in pairs:
        say(pair.name)
        for contender, seconds in (
            ("interpreted", pair.interpreted),
            ("loops", pair.compiled),
            ("numpy", pair.numpy),
        ):
            rows.append(
                {
                    "case": pair.name,
                    "order": "",
                    "contender": contender,
                    "seconds": seconds,
                    "pair": pair._asdict(),
                }
            )
        keep(rows)
    worst = max(row["pair"]["disagreement"] for row in rows)
    targets = [target("largest disagreement of any pair", worst, most=AGREEMENT)]
    return outcome("lectures", quick, 1, rows, targets)


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as a block for the README."""
    pairs = [Comparison(**row["pair"]) for row in result["rows"] if row["contender"] == "loops"]
    notes = "~ extrapolated from what one second allows. " + describe(result["environment"])
    return {"lectures": f"{markdown(pairs)}\n\n{notes}"}
