"""Which table of `kernels.tables` this process uses: named, known, kept from before, or measured.

    FASTLOGREG_TUNER   unset     the table of a known CPU; another one is measured, once, and kept
                       "off"     nothing is measured, read or written; an unknown CPU takes "zen"
                       a name    that table: "zen", "zen5", "intel"
                       "probe"   measure now, whatever the CPU, and keep it

What was measured is kept beside the compiled kernels, in `FILE`. A file that is damaged, or of
another CPU, is measured anew; where none can be written, each process measures once.

No result depends on the table: see `kernels.tables`.
"""

from __future__ import annotations

import contextlib
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..files.writing import atomic_open
from ..kernels.tables import TABLES, USUAL, Asking, Table, known_table
from ..machine.caches import first_level_cache, last_level_cache
from ..machine.cpu import cpu_name, vendor

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "FASTLOGREG_TUNER"
FILE = "tuner.json"
FORMAT = 1


class Tuning(NamedTuple):
    """A table, and where it comes from, in words."""

    table: Table
    origin: str


def tuning() -> Tuning:
    """Return what this process uses. ValueError where the variable names no table."""
    return _tuning(os.environ.get(VARIABLE, "").strip().lower())


@cache
def _tuning(wanted: str) -> Tuning:
    if wanted in TABLES:
        return Tuning(TABLES[wanted], f"{wanted}, by {VARIABLE}")
    if wanted not in ("", "off", "probe"):
        names = ", ".join(TABLES)
        raise ValueError(f"{VARIABLE} must be off, probe or one of {names}; got {wanted!r}")
    known = known_table(vendor(), first_level_cache())
    if known and wanted != "probe":
        return Tuning(TABLES[known], f"{known}, known for this CPU")
    if wanted == "off":
        return Tuning(TABLES[USUAL], f"{USUAL}, nothing measured by {VARIABLE}=off")
    return _kept_or_measured(anew=wanted == "probe")


def _kept_or_measured(anew: bool) -> Tuning:
    """Return what was measured for this CPU; where Numba does not compile, the usual table."""
    from numba import config

    if config.DISABLE_JIT:
        return Tuning(TABLES[USUAL], f"{USUAL}, nothing is compiled")
    from ..kernels.decorators import cache_folder
    from ..kernels.probing import measured_table, read_groups

    folder = cache_folder(read_groups)
    return kept_or_measured(folder, this_cpu(), measured_table, anew)


def kept_or_measured(
    folder: str | None, cpu: list[Any], measure: Callable[[], Table], anew: bool = False
) -> Tuning:
    """Return the table kept in a folder for a CPU; else measure it, and keep it if that is
    possible."""
    path = None if folder is None else Path(folder, FILE)
    if path is not None and not anew:
        table = read_table(path, cpu)
        if table is not None:
            return Tuning(table, f"measured before, kept in {path}")
    table = measure()
    if path is not None:
        with contextlib.suppress(OSError):  # read-only, full: the next process measures again
            path.parent.mkdir(parents=True, exist_ok=True)
            write_table(path, cpu, table)
            return Tuning(table, f"measured, kept in {path}")
    return Tuning(table, "measured for this process: no folder to keep it in")


def this_cpu() -> list[Any]:
    """Return what a table was measured on, as it stands in the file."""
    return [vendor(), cpu_name(), first_level_cache(), last_level_cache()]


def write_table(path: Path, cpu: list[Any], table: Table) -> None:
    """Write a table of a CPU. OSError where it cannot be written."""
    content = {"format": FORMAT, "cpu": cpu, "table": table._asdict()}
    with atomic_open(path) as file:
        file.write(json.dumps(content).encode() + b"\n")


def read_table(path: Path, cpu: list[Any]) -> Table | None:
    """Return the table in a file; None where there is none, or not one of this CPU."""
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != FORMAT or content["cpu"] != cpu:
            return None
        short = _natural(content["table"].pop("short"), 2)
        named = {name: Asking(*map(_natural, of)) for name, of in content["table"].items()}
        table = Table(short, **named)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    levels = {table.short, *(asking.level for asking in named.values())}
    return table if levels <= {1, 2} else None


def _natural(value: Any, most: int = 1 << 30) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"not a number from 0 to {most}: {value!r}")
    return value
