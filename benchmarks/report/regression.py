"""`python -m benchmarks check OLD.json NEW.json`: has this package become slower, or does it take
more memory?

A row fails that is both more than 15 % above the old one and above it by more than an absolute
floor, below which differences are noise. Only this package's own rows count; peers' are context.
Two runs are comparable on the same CPU with as many threads.
"""

from __future__ import annotations

from typing import Any

OWN = ("fused", "loops", "cold", "disk cache")
ALLOWED = 0.15
FLOORS = {"seconds": 50e-6, "bytes": 8 << 20}  # the work of launching a few threads; a few buffers
_COMPILE_FLOOR = 0.1


def check(old: dict[str, Any], new: dict[str, Any], allowed: float = ALLOWED) -> list[str]:
    """Give one line for each row of `old` that is worse, or missing, in `new`.

    The list is empty where all is well.
    """
    for key in ("benchmark", "quick"):
        if old.get(key) != new.get(key):
            raise ValueError(
                f"the two files must be of the same benchmark: {key} is {old.get(key)!r} and "
                f"{new.get(key)!r}"
            )
    for key in ("cpu", "threads"):
        a, b = old["environment"].get(key), new["environment"].get(key)
        if a != b:
            raise ValueError(
                f"the two files must come from the same machine: {key} is {a!r} in the old, "
                f"{b!r} in the new"
            )
    found = {_key(row): row for row in new["rows"]}
    worse = []
    for row in old["rows"]:
        if row["contender"] in OWN:
            worse += _compare(_key(row), row, found.get(_key(row)), allowed, old["benchmark"])
    return worse


def _key(row: dict[str, Any]) -> str:
    return ", ".join(filter(None, (row["case"], row["order"], row["contender"])))


def _compare(
    name: str, old: dict[str, Any], new: dict[str, Any] | None, allowed: float, benchmark: str
) -> list[str]:
    if new is None:
        return [f"{name}: missing in the new file"]
    unit = "seconds" if "seconds" in old else "bytes"
    floor = _COMPILE_FLOOR if benchmark == "compile" else FLOORS[unit]
    if benchmark == "kernels" and "one iteration" in old["case"]:
        floor = 0.5e-6
    if new[unit] <= old[unit] * (1 + allowed) or new[unit] - old[unit] <= floor:
        return []
    change = f"{100 * (new[unit] / old[unit] - 1):+.0f} %" if old[unit] else "from nothing"
    return [
        f"{name}: {old[unit]:.4g} {unit} before, {new[unit]:.4g} now ({change}, allowed "
        f"{100 * allowed:.0f} %)"
    ]
