"""`python -m benchmarks sparse`: one pass over a CSR, against SciPy's two products and the same
link.

SciPy's side is z = X @ w + b, loss and dz by NumPy (the exponential once, in place), dw = X.T @ dz:
what scikit-learn does for each gradient. SciPy's products run on one thread, whatever the machine
has; ours is shown on one and on all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastlogreg.data.inputs import design_of
from fastlogreg.machine.threads import available_threads
from fastlogreg.objective.objective import Objective
from fastlogreg.tools import bench

from ..cases.expected import check_pass
from ..contenders import scipy
from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target, timed_row
from ..report.tables import markdown, targets_table


class Case(NamedTuple):
    """Holds m examples of n_x features, k of them stored in each.

    zipf: at places as words are, else at random.
    """

    name: str
    m: int
    n_x: int
    k: int
    dtype: str = "float64"
    index: str = "int32"
    zipf: bool = False
    order: str = "by example"
    least: float | None = None


CASES = (
    Case("100,000 x 50,000, 50 per row", 100_000, 50_000, 50, least=2.0),
    Case("100,000 x 50,000, 50 per row, float32", 100_000, 50_000, 50, "float32"),
    Case("100,000 x 50,000, 50 per row, int64 indices", 100_000, 50_000, 50, index="int64"),
    Case("100,000 x 50,000, 50 per row, as words are", 100_000, 50_000, 50, zipf=True),
    Case("100,000 x 50,000, 50 per row, by feature", 100_000, 50_000, 50, order="by feature"),
    Case("32,000 x 123, 14 per row, uint8", 32_000, 123, 14, "uint8"),
    Case("200,000 x 1,000,000, 20 per row", 200_000, 1_000_000, 20),
)


def matrix(case: Case) -> Any:
    """Make X (n_x, m): CSC by example, CSR by feature."""
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    m, n_x, k = case.m, case.n_x, case.k
    places = (
        (n_x ** rng.random(m * k)).astype(np.int64) - 1
        if case.zipf
        else rng.integers(0, n_x, m * k)
    )
    values = np.ones(m * k) if case.dtype == "uint8" else rng.standard_normal(m * k)
    X = csr_array((values.astype(case.dtype), places, np.arange(0, m * k + 1, k)), shape=(m, n_x))
    X.sum_duplicates()
    X.indices, X.indptr = X.indices.astype(case.index), X.indptr.astype(case.index)
    return (X if case.order == "by example" else X.tocsc()).T


def run(quick: bool, say: Callable[[str], None], keep: Keep = keep_nothing) -> dict[str, Any]:
    """Measure every case; quick: a hundredth of the examples, one round."""
    rows: list[dict[str, Any]] = []
    n_threads = available_threads()
    for case in CASES:
        small = case._replace(m=case.m // 100, n_x=max(123, case.n_x // 100)) if quick else case
        say(case.name)
        rows += run_case(small, n_threads, 1 if quick else 15)
        keep(rows)
    targets = (
        []
        if quick
        else [
            target(f"{case.name}: SciPy / fused", row["ratio"], least=case.least)
            for case in CASES
            if case.least is not None
            for row in rows
            if row["case"] == case.name and row["contender"] == f"fused, {n_threads} threads"
        ]
    )
    return outcome("sparse", quick, n_threads, rows, targets)


def run_case(case: Case, n_threads: int, rounds: int) -> list[dict[str, Any]]:
    """Measure SciPy, and the fused kernel on one thread and on all; they must agree to 1e-10."""
    X = matrix(case)
    rng = np.random.default_rng(1)
    y, w, b = (
        (rng.random(case.m) < 0.5).astype(np.uint8),
        rng.standard_normal(case.n_x) / np.sqrt(case.k),
        0.1,
    )
    passes: dict[str, Callable[[Any, float], bench.Pass]] = {"SciPy": scipy.one_pass(X, y)}
    for n in sorted({1, n_threads}):
        objective = Objective(design_of(X), y, n_threads=n)
        passes[f"fused, {n} thread{'s' * (n > 1)}"] = objective.cost_and_gradient
    expected = passes["SciPy"](w, b)
    for name, one in passes.items():
        check_pass(name, one(w, b), expected, 1e-10)
    times = bench.interleaved(
        {name: (lambda one=one: one(w, b)) for name, one in passes.items()}, rounds, 30.0
    )
    nbytes = design_of(X).nbytes
    return [
        timed_row(
            case.name,
            name,
            t,
            case.order,
            bytes=nbytes,
            ratio=times["SciPy"].median / t.median,
            rate=nbytes / t.median / 1e9,
            each=t.median / X.nnz * 1e9,
        )
        for name, t in times.items()
    ]


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as blocks for the README."""
    lines = [
        (
            row["case"],
            row["contender"],
            bench.digits(1e3 * row["seconds"]),
            f"{row['each']:.2f}",
            f"{row['rate']:.1f}",
            bench.digits(row["ratio"]),
        )
        for row in result["rows"]
    ]
    headings = ("X", "contender", "ms", "ns per non-zero", "GB/s of X", "SciPy / it")
    blocks = {
        "sparse": f"{markdown(headings, lines)}\n\nMedians. {describe(result['environment'])}"
    }
    if result["targets"]:
        blocks["sparse-targets"] = targets_table(result["targets"])
    return blocks
