"""One page on one CPU: what it is, what the kernels reach on it, and what of the targets is met.

Pages of several machines lie beside each other in docs/performance: same rows, same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastlogreg.tools import bench

from .tables import markdown, targets_table

_OWN = ("fused", "loops", "read probe")


def page(results: Sequence[dict[str, Any]]) -> str:
    """Write the page from results of one machine; ValueError where they are of several."""
    machines = {(r["environment"]["cpu"], r["environment"]["system"]) for r in results}
    if len(machines) != 1:
        names = "; ".join(f"{cpu}, {system}" for cpu, system in sorted(machines))
        raise ValueError(f"one page is of one machine, but these results are of: {names}")
    where = results[0]["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    lines = [
        f"# {where['cpu']}",
        "",
        f"- System: {where['system']}, {where['cpus']} CPUs",
        f"- Last-level cache: {where['last_level_cache'] / 2**20:.3g} MiB",
        f"- NumPy's BLAS: {where['blas']}",
        f"- Versions: {versions}",
        "",
    ]
    for result in results:
        here = result["environment"]
        cut_off = "" if result.get("complete", True) else " The run was cut off before its end."
        lines += [
            f"## {result['benchmark']}",
            "",
            f"{here['threads']} threads; load before: {here['load']:g}.{cut_off}",
            "",
        ]
        table = _rows(result["rows"])
        lines += [table, ""] if table else ["No row has a time.", ""]
        if result["targets"]:
            lines += [targets_table(result["targets"]), ""]
    return "\n".join(lines)


def _rows(rows: Sequence[dict[str, Any]]) -> str:
    """Write a line for each case and memory order: this package and the fastest of the others."""
    lines = []
    timed = [row for row in rows if "seconds" in row and row["contender"] != "read probe"]
    for case, order in dict.fromkeys((row["case"], row["order"]) for row in timed):
        here = [row for row in timed if (row["case"], row["order"]) == (case, order)]
        own = [r for r in here if r["contender"].split(",")[0] in ("fused", "fastlogreg")]
        if not own:
            continue
        ours = min(own, key=lambda row: row["seconds"])
        of_case = (r for r in timed if r["case"] == case and r not in own)
        others = [r for r in of_case if r["contender"] not in _OWN]
        best = min(others, key=lambda row: row["seconds"], default=None)
        lines.append(
            (
                case,
                order or "-",
                bench.digits(1e3 * ours["seconds"]),
                f"{ours['fraction']:.2f}" if "fraction" in ours else "-",
                best["contender"] if best else "-",
                bench.digits(1e3 * best["seconds"]) if best else "-",
                f"{best['seconds'] / ours['seconds']:.2f}" if best else "-",
            )
        )
    headings = ("case", "order of X", "ms", "of bandwidth", "fastest other", "its ms", "ratio")
    return markdown(headings, lines) if lines else ""
