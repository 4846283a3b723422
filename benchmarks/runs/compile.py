"""`python -m benchmarks compile`: how long the first training of a process takes, for each dtype of
X.

Each figure is that of a fresh process: "cold" with an empty cache folder, "disk cache" with the
folder that the cold one has left. It spans the first call of `train`, the import of Numba included;
importing fastlogreg itself is apart. Python finds the bytecode of all it imports, as it does of
what pip installs: a first process, which is not measured, writes it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from fastlogreg.machine.threads import available_threads
from fastlogreg.tools.bench import DTYPES

from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target
from ..report.tables import markdown, targets_table
from .fresh import in_a_fresh_process

SHAPES = {"small": (569, 30), "large": (200_000, 30), "wide": (200, 2_000)}
MOST_COLD, MOST_CACHED = 2.5, 0.5
CHILD = """
import json, sys, time
import numpy as np
m, n_x, dtype = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
start = time.perf_counter()
import fastlogreg
imported = time.perf_counter() - start
rng = np.random.default_rng(0)
X = rng.integers(0, 2, (m, n_x), np.uint8).astype(dtype).T
Y = (np.arange(m) % 2)[None, :]
start = time.perf_counter()
fastlogreg.train(X, Y, alpha=1e-3, iterations=10)
print(json.dumps([imported, time.perf_counter() - start]))
"""


def first_train(m: int, n_x: int, dtype: str, cache: str, bytecode: str) -> tuple[float, float]:
    """Time `import fastlogreg` and the first `train` in a fresh process with that cache folder.

    bytecode: the folder of that of Python's modules.
    """
    imported, trained = in_a_fresh_process(
        CHILD,
        (m, n_x, dtype),
        f"training on {dtype} failed in a fresh process",
        {
            "NUMBA_CACHE_DIR": cache,
            "PYTHONPYCACHEPREFIX": bytecode,
            "PYTHONDONTWRITEBYTECODE": "",
        },
    )
    return imported, trained


def run(
    quick: bool = False, say: Callable[[str], None] = print, keep: Keep = keep_nothing
) -> dict[str, Any]:
    """Measure every dtype and shape, cold and from the disk cache, in three processes each.

    Each figure is a median; quick: one of each.
    """
    rows: list[dict[str, Any]] = []
    shapes = {"small": SHAPES["small"]} if quick else SHAPES
    with tempfile.TemporaryDirectory() as home:
        bytecode = str(Path(home) / "bytecode")
        first_train(*SHAPES["small"], "float64", str(Path(home) / "code"), bytecode)  # writes it
        for name, (m, n_x) in shapes.items():
            for dtype in ("float64",) if quick else DTYPES:
                case = f"{dtype}, {name} ({m:,} x {n_x:,})"
                say(case)
                cold, cached = [], []
                for _ in range(1 if quick else 3):
                    with tempfile.TemporaryDirectory() as folder:
                        cold.append(first_train(m, n_x, dtype, folder, bytecode))
                        cached.append(first_train(m, n_x, dtype, folder, bytecode))
                for contender, found in (("cold", cold), ("disk cache", cached)):
                    imported, seconds = (median(column) for column in zip(*found))
                    rows.append(
                        {
                            "case": case,
                            "order": "",
                            "contender": contender,
                            "seconds": seconds,
                            "import": imported,
                        }
                    )
                keep(rows)
    worst = {
        kind: max(r["seconds"] for r in rows if r["contender"] == kind)
        for kind in ("cold", "disk cache")
    }
    targets = [
        target("first train, cold: seconds, the slowest", worst["cold"], most=MOST_COLD),
        target(
            "first train, disk cache: seconds, the slowest", worst["disk cache"], most=MOST_CACHED
        ),
    ]
    return outcome("compile", quick, available_threads(), rows, targets)


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as a block for the README."""
    by_case: dict[str, dict[str, dict[str, Any]]] = {}
    for row in result["rows"]:
        by_case.setdefault(row["case"], {})[row["contender"]] = row
    lines = [
        (case, f"{kinds['cold']['seconds']:.2f}", f"{kinds['disk cache']['seconds']:.2f}")
        for case, kinds in by_case.items()
    ]
    imports = median(row["import"] for row in result["rows"])
    notes = (
        "Seconds of the first `train` in a fresh process, Numba's import included; `import "
        "fastlogreg` takes "
        f"{imports:.3f} s more (NumPy was there). " + describe(result["environment"])
    )
    table = markdown(("dtype and shape", "cold, s", "disk cache, s"), lines)
    return {
        "compile": f"{table}\n\n{notes}",
        "compile-targets": targets_table(result["targets"]),
    }
