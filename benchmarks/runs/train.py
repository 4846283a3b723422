"""`python -m benchmarks train`: whole trainings on real images, from their uint8 pixels, by every
backend.

The course's cat images (2000 iterations, alpha = 0.005) and MNIST's zeros against the rest (100
iterations). NumPy converts X once, to float64 or float32, and that is part of its time; "python" is
extrapolated from one pass over some examples. Before the timing, all costs must agree, and for the
cats those that the course has published.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastlogreg as flr
from fastlogreg.machine.threads import available_threads
from fastlogreg.solvers.result import TrainingWarning
from fastlogreg.tools import bench

from ..cases import data as real
from ..cases.expected import Disagreement
from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target, timed_row
from ..report.tables import markdown, targets_table

PUBLISHED = (
    0.693147,
    0.584508,
    0.466949,
    0.376007,
    0.331463,
    0.303273,
    0.279880,
    0.260042,
    0.242941,
    0.228004,
    0.214820,
    0.203078,
    0.192544,
    0.183033,
    0.174399,
    0.166521,
    0.159305,
    0.152667,
    0.146542,
    0.140872,
)
LEAST_CAT_RATIO = 25.0
_PYTHON_ELEMENTS = 1_000_000  # interpreted, about a second


class Task(NamedTuple):
    """Holds X (n_x, m) uint8, example-major, y (m,), learning rate and iterations.

    `known` are the costs known at every hundredth iteration.
    """

    name: str
    X: Any
    y: Any
    alpha: float
    iterations: int
    known: tuple[float, ...] = ()


def cats(folder: Path, iterations: int) -> Task | None:
    """Take the 209 cat images; None where they are not there."""
    found = real.cats(folder)
    if found is None:
        return None
    return Task("cat images", found[0].T, found[1], 0.005, iterations, PUBLISHED)


def mnist(folder: Path, iterations: int) -> Task | None:
    """Take the 60,000 digits, zeros against the rest; None where they are not there."""
    found = real.mnist(folder)
    if found is None:
        return None
    return Task("MNIST, 0 or not", found[0].T, found[1], 0.05, iterations)


def run(
    quick: bool = False,
    data: Path | None = None,
    say: Callable[[str], None] = print,
    keep: Keep = keep_nothing,
) -> dict[str, Any]:
    """Measure both tasks, those whose data is there."""
    n_threads, folder = available_threads(), real.DATA if data is None else data
    rows: list[dict[str, Any]] = []
    for name, load, iterations in (("cat images", cats, 2000), ("MNIST", mnist, 100)):
        task = load(folder, iterations // 20 if quick else iterations)
        if task is None:
            say(f"{name}: skipped, its files (or h5py) are not here")
            continue
        say(f"{task.name}, {task.iterations} iterations")
        rows += run_task(task, n_threads, 1 if quick else 5)
        keep(rows)
    if not rows:
        raise ValueError(
            f"the data must be in {folder}, in its folders catvnoncat and mnist; name another "
            "with --data"
        )
    ratios = [
        r["ratio"] for r in rows if r["case"].startswith("cat images") and r["contender"] == "fused"
    ]
    what = "cat images, 2000 iterations: NumPy / fused"
    targets = [target(what, ratios[0], least=LEAST_CAT_RATIO)] if ratios and not quick else []
    return outcome("train", quick, n_threads, rows, targets)


def run_task(task: Task, n_threads: int, rounds: int) -> list[dict[str, Any]]:
    """Measure one task by every backend."""
    calls = {name: by_backend(task, name, n_threads) for name in ("fused", "loops")}
    calls |= {
        f"numpy {np.dtype(dtype)}": by_numpy(task, dtype) for dtype in (np.float64, np.float32)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # the course's alpha is above 2/L
        found = {name: call() for name, call in calls.items()}
        for name, costs in found.items():
            check_costs(task, name, costs, found["numpy float64"], 1e-4 if "32" in name else 1e-9)
        times = bench.interleaved(calls, rounds, 60.0)
    case = f"{task.name}, {task.iterations} iterations"
    rows = [timed_row(case, name, t, cost=float(found[name][-1])) for name, t in times.items()]
    rows.append(
        {
            "case": case,
            "order": "",
            "contender": "python (extrapolated)",
            "seconds": python_seconds(task),
        }
    )
    best = min(row["seconds"] for row in rows if row["contender"].startswith("numpy"))
    return [{**row, "ratio": best / row["seconds"]} for row in rows]


def by_backend(task: Task, backend: Any, n_threads: int) -> Callable[[], Any]:
    """Prepare `train` from the pixels; it returns the costs."""
    return lambda: (
        flr.train(
            task.X,
            task.y[None, :],
            solver="gd",
            alpha=task.alpha,
            iterations=task.iterations,
            scale=1 / 255,
            backend=backend,
            n_threads=n_threads,
        ).costs
    )


def by_numpy(task: Task, dtype: Any) -> Callable[[], Any]:
    """Prepare gradient descent in NumPy, X converted and scaled once; it returns the costs."""

    def descend() -> Any:
        one_pass = bench.NumPyPass(np.divide(task.X, 255.0, dtype=dtype), task.y)
        w, b, costs = np.zeros(task.X.shape[0]), 0.0, np.empty(task.iterations)
        for k in range(task.iterations):
            costs[k], dw, db = one_pass(w, b)
            w -= task.alpha * dw
            b -= task.alpha * db
        return costs

    return descend


def check_costs(task: Task, name: str, costs: Any, expected: Any, tolerance: float) -> None:
    """Raise Disagreement unless costs are as expected and, to 6 digits, as known."""
    if costs.shape != expected.shape or not np.allclose(costs, expected, rtol=tolerance, atol=0):
        raise Disagreement(f"{task.name}: the costs of {name} are not those of NumPy")
    known = np.array(task.known[: -(-task.iterations // 100)])
    if np.abs(costs[::100][: known.size] - known).max(initial=0.0) > max(5.1e-7, tolerance):
        raise Disagreement(f"{task.name}: the costs of {name} are not the published ones")


def python_seconds(task: Task) -> float:
    """Time the interpreted loops on some examples, extrapolated to all and to all iterations."""
    n_x, m = task.X.shape
    some = max(1, min(m, _PYTHON_ELEMENTS // n_x))
    start = time.perf_counter()
    flr.propagate(
        np.zeros((n_x, 1)),
        0.0,
        task.X[:, :some],
        task.y[None, :some],
        scale=1 / 255,
        backend="python",
    )
    return (time.perf_counter() - start) * m / some * task.iterations


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as a block for the README."""
    lines = [
        (
            row["case"],
            row["contender"],
            bench.digits(row["seconds"]),
            bench.digits(row["ratio"]),
            f"{row['cost']:.6f}" if "cost" in row else "-",
        )
        for case in dict.fromkeys(row["case"] for row in result["rows"])
        for row in sorted(
            (r for r in result["rows"] if r["case"] == case), key=lambda r: r["seconds"]
        )
    ]
    headings = ("training", "backend", "seconds", "NumPy / it", "last cost")
    notes = (
        "From uint8 pixels; NumPy's conversion is part of its time; the ratio is to the faster "
        "NumPy. " + describe(result["environment"])
    )
    blocks = {"train": f"{markdown(headings, lines)}\n\n{notes}"}
    if result["targets"]:
        blocks["train-targets"] = targets_table(result["targets"])
    return blocks
