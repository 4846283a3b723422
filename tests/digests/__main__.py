"""A table of digests of the bits of results: it shows that a new layout changes no bit.

    python -m tests.digests record FILE     write the table: JSON, one configuration a line
    python -m tests.digests compare FILE    print what differs, is missing or new; exit 1 if any
    --only TEXT                             the configurations with TEXT in their name alone

Only public names of the package are used, so that these files run on the old and the new layout.
A digest depends on the CPU and on NumPy, Numba and BLAS: compare on the machine that recorded. The
extras of the tests are needed. The bound on cost - optimum and the reads of X have digests of
their own, "NAME (bound)": a change may be meant to change these alone. Results that must not
depend on threads, interruptions or the form of a source form groups: both commands report a group
whose digests differ, and exit 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tests.digests.cases import Case, all_cases
from tests.digests.results import Values

BOUND = " (bound)"


def digest_of(values: Values) -> str:
    """Return the SHA-256 of names, dtypes, shapes and bits of the values, in 32 digits."""
    content = hashlib.sha256()
    for name in sorted(values):
        array = np.asarray(values[name])
        if array.ndim == 0 and array.dtype.kind in "iu":
            array = array.astype(np.int64)  # an integer of Python or of NumPy: the same number
        text = array.dtype.kind in "UO"
        bits = repr(array.tolist()).encode() if text else np.ascontiguousarray(array).tobytes()
        head = f"{name} {'text' if text else array.dtype.str} {array.shape}\n"
        content.update(head.encode() + bits)
    return content.hexdigest()[:32]


def measured(
    cases: Iterable[Case], report: Callable[[str], object]
) -> tuple[dict[str, str], list[str]]:
    """Return name -> digest of the cases, and complaints: errors, groups that do not agree."""
    found: dict[str, str] = {}
    complaints, first_of = [], {}
    for case in cases:
        begun = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results, bound = case.run()
        except Exception as error:
            complaints.append(f"error in {case.name}: {type(error).__name__}: {error}")
            found[case.name] = f"error {type(error).__name__}"
            continue
        assert case.name not in found, case.name
        lines = {case.name: digest_of(results)}
        if bound:
            lines[case.name + BOUND] = digest_of(bound)
        for (name, digest), kind in zip(lines.items(), ("results", "bound")):
            first = first_of.setdefault((case.group, kind), name) if case.group else name
            if found.get(first, digest) != digest:
                complaints.append(f"not the same bits: {name} and {first}")
            found[name] = digest
        report(f"{time.perf_counter() - begun:8.2f} s  {case.name}")
    return found, complaints


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return a line for each name whose digest differs, that is missing or that is new."""
    lines = []
    for name in sorted({*before, *after}):
        if name not in after:
            lines.append(f"missing: {name}")
        elif name not in before:
            lines.append(f"new: {name}")
        elif before[name] != after[name]:
            lines.append(f"differs: {name}")
    return lines


def header() -> dict[str, Any]:
    """Return what the bits depend on beside the package."""
    from llvmlite import binding

    packages = ("numpy", "numba", "llvmlite", "scipy", "scikit-learn", "dask")
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
        "blas": f"{blas.get('name')} {blas.get('version')}",
        "cpu": binding.get_host_cpu_name(),
        "cpu features": binding.get_host_cpu_features().flatten(),
        "cpus": os.cpu_count(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def main(arguments: list[str] | None = None, cases: Iterable[Case] | None = None) -> int:
    """Record or compare, and return the exit status; cases: other than all."""
    parser = argparse.ArgumentParser(description="Record or compare a table of digests of results.")
    parser.add_argument("command", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", default="", metavar="TEXT", help="names with TEXT in them alone")
    parser.add_argument(
        "--verbose", action="store_true", help="each name with its seconds on stderr"
    )
    given = parser.parse_args(arguments)
    before = json.loads(given.file.read_text()) if given.command == "compare" else None
    chosen = (case for case in (all_cases() if cases is None else cases) if given.only in case.name)
    begun, report = time.perf_counter(), partial(print, file=sys.stderr)
    found, lines = measured(chosen, report if given.verbose else lambda text: None)
    count = sum(not name.endswith(BOUND) for name in found)
    print(
        f"{count} configurations, {len(found)} digests, {time.perf_counter() - begun:.0f} s",
        file=sys.stderr,
    )
    now = header()
    if before is None:
        table = {"header": now, "digests": dict(sorted(found.items()))}
        given.file.write_text(json.dumps(table, indent=0) + "\n")
    else:
        for name in sorted({*now, *before["header"]}):
            if now.get(name) != before["header"].get(name):
                print(f"note: another {name} than recorded, which may change bits", file=sys.stderr)
        known = before["digests"].items()
        asked = {name: d for name, d in known if given.only in name.removesuffix(BOUND)}
        lines += differences(asked, found)
    print("\n".join(lines) if lines else "no difference" if before else "recorded")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
