"""`python -m benchmarks memory`: the peak of memory above X while training, for each form that X
can have.

Measured in a fresh process by the high-water mark of its own memory: X is made and touched, the
mark set back to what is in use (Linux can), `propagate` and a few iterations of `train` run, the
mark read. Kernels come from the disk cache, filled by a process before it. On Linux the mark is
VmHWM, elsewhere ru_maxrss, which on Linux would start at what the parent process had at the child's
birth.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

from fastlogreg.machine.threads import available_threads
from fastlogreg.tools.bench import DTYPES, ORDERS

from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target
from ..report.tables import markdown, targets_table
from .fresh import in_a_fresh_process

FORMS = (
    *((dtype, order) for order in ORDERS for dtype in DTYPES),
    ("uint8", "memmap"),
    *(("float64", kind) for kind in ("memmap", "every second example", "every second feature")),
    (">f8", "example-major"),
    ("int64", "example-major"),
)
N_X = 500
MOST_SHARE = 0.05
CHILD = """
import json, resource, sys
import numpy as np
import fastlogreg

def peak():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))
    except OSError:
        unit = 0 if sys.platform == "darwin" else 10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << unit

def reset():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass

def filled(make, m, n_x):
    rows = make((m, n_x))
    for lo in range(0, m, 1024):
        rows[lo:lo + 1024] = (np.arange(lo, min(m, lo + 1024))[:, None] + np.arange(n_x)) % 3 == 0
    return rows

def form(m, n_x):
    if kind == "memmap":
        def make(shape):
            return np.memmap(path, dtype, "w+", shape=shape)
        made = filled(make, m, n_x)
        made.flush()
        del made
        X = np.memmap(path, dtype, "r", shape=(m, n_x)).T
        for lo in range(0, m, 1024):
            X[:, lo:lo + 1024].max()
        return X
    if kind == "feature-major":
        return filled(lambda shape: np.empty(shape, dtype), n_x, m)
    if kind == "every second example":
        return filled(lambda shape: np.empty(shape, dtype), m, n_x)[::2].T
    if kind == "every second feature":
        return filled(lambda shape: np.empty(shape, dtype), m, n_x)[:, ::2].T
    return filled(lambda shape: np.empty(shape, dtype), m, n_x).T

def work(X):
    Y = (np.arange(X.shape[1]) % 2).astype(np.uint8)[None, :]
    fastlogreg.propagate(np.zeros((X.shape[0], 1)), 0.0, X, Y, backend=backend)
    fastlogreg.train(X, Y, alpha=1e-3, iterations=3, backend=backend)

n_bytes, n_x, kind, backend, path = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[4:]
dtype = np.dtype(sys.argv[3])
work(form(64, n_x))
X = form(n_bytes // (n_x * dtype.itemsize), n_x)
reset()
before = peak()
work(X)
print(json.dumps([X.nbytes, peak() - before]))
"""


def measure(
    dtype: str, kind: str, n_bytes: int, n_x: int = N_X, backend: str = "fused"
) -> tuple[int, int]:
    """Measure the bytes of X, and of the peak above it, in a fresh process."""
    failed = f"{dtype}, {kind} failed in a fresh process"
    with tempfile.TemporaryDirectory() as folder:
        for size in (64 * n_x * 8, n_bytes):  # the first process fills the disk cache
            arguments = (size, n_x, dtype, kind, backend, f"{folder}/X.bin")
            x_bytes, above = in_a_fresh_process(CHILD, arguments, failed)
    return x_bytes, above


def run(
    quick: bool = False, say: Callable[[str], None] = print, keep: Keep = keep_nothing
) -> dict[str, Any]:
    """Measure every form at 1 GiB; quick: two forms at 64 MiB."""
    rows = []
    for dtype, kind in (("float64", "example-major"), ("uint8", "memmap")) if quick else FORMS:
        case = f"{dtype}, {kind}"
        say(case)
        x_bytes, above = measure(dtype, kind, 64 << 20 if quick else 1 << 30)
        rows.append(
            {"case": case, "order": "", "contender": "fused", "bytes": above, "x_bytes": x_bytes}
        )
        keep(rows)
    worst = max(row["bytes"] / row["x_bytes"] for row in rows)
    targets = [target("peak memory above X, share of X, the largest", worst, most=MOST_SHARE)]
    return outcome("memory", quick, available_threads(), rows, targets)


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as a block for the README."""
    lines = [
        (
            row["case"],
            f"{row['x_bytes'] / 2**20:,.0f}",
            f"{row['bytes'] / 2**20:.1f}",
            f"{100 * row['bytes'] / row['x_bytes']:.2f}",
        )
        for row in result["rows"]
    ]
    table = markdown(("X", "MiB of X", "peak above X, MiB", "% of X"), lines)
    notes = f"n_x = {N_X}; `propagate` and three iterations of `train`. " + describe(
        result["environment"]
    )
    return {
        "memory": f"{table}\n\n{notes}",
        "memory-targets": targets_table(result["targets"]),
    }
