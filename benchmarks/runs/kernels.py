"""`python -m benchmarks kernels`: one pass of cost and gradient, of two classes and of several, by
every contender, against the read bandwidth.

Each case times its contenders and the read probe in turn, in both memory orders; so that ratios and
fractions come from the same minutes. Before the timing every contender's result is held against the
reference in float64. What is timed is what a training iteration pays: the call on a problem
prepared once, and within a fit: helpers may wait for it.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastlogreg as flr
from fastlogreg.machine.threads import at_hand, available_threads
from fastlogreg.tools import bench

from ..cases.expected import Disagreement, expected_pass
from ..contenders import fastlogreg, numpy, scikit_learn, torch
from ..contenders.base import PassContender
from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target, timed_row
from ..report.tables import markdown, targets_table
from . import columns
from .passes import add_ratios, time_passes

EXAMPLE, FEATURE = bench.ORDERS


class Case(NamedTuple):
    """Holds a shape and dtype, and what must be reached there.

    That is the least NumPy / fused and the least fraction of the read bandwidth, None for none.
    """

    m: int
    n_x: int
    dtype: str
    ratio: float | None = None
    fraction: float | None = None

    @property
    def name(self) -> str:
        return f"{self.m:,} x {self.n_x:,} {self.dtype}"


CASES = (
    Case(1_000_000, 10, "float64", 6.0),
    Case(200_000, 30, "float64", 3.0, 0.35),
    Case(40_000, 500, "float64", 2.0, 0.6),
    Case(4_000, 12_288, "float64", 2.0, 0.7),
    Case(40_000, 500, "float32", 1.6, 0.45),
    Case(4_000, 12_288, "float32", 1.6, 0.5),
    Case(40_000, 500, "uint8", 3.5),
)
# In the last-level cache of a server, and here in part; the ratio is of both orders.
IN_CACHE = (
    Case(4_000, 500, "float32", 1.3),
    Case(4_000, 500, "uint8", 1.5),
    Case(20_000, 500, "float64", 1.3),
)
MEMMAP = Case(22_000, 12_288, "uint8", 6.0)
DESCENT = (569, 30)
QUICK = (Case(20_000, 10, "float64"), Case(4_000, 500, "float32"), Case(4_000, 500, "uint8"))
QUICK_MEMMAP = Case(500, 12_288, "uint8")
MOST_FEATURE_MAJOR, LEAST_FEATURE_MAJOR_WIDE = (
    1.4,
    1.2,
)  # against example-major; against NumPy on the same order
MOST_DESCENT_SECONDS, LEAST_DESCENT_RATIO = 8e-6, 4.0


def run(
    quick: bool = False,
    only: str = "",
    say: Callable[[str], None] = print,
    keep: Keep = keep_nothing,
) -> dict[str, Any]:
    """Measure every case whose name contains `only`."""
    n_threads, rounds = available_threads(), 3 if quick else 21
    rows: list[dict[str, Any]] = []
    for case in QUICK if quick else (*CASES, *IN_CACHE):
        if only in case.name:
            say(case.name)
            rows += run_case(case, n_threads, rounds)
            keep(rows)
    for of_classes in columns.QUICK if quick else columns.CASES:
        if only in of_classes.name:
            say(of_classes.name)
            rows += columns.run_case(of_classes, n_threads, rounds)
            keep(rows)
    case = QUICK_MEMMAP if quick else MEMMAP
    if only in f"{case.name} memmap":
        say(f"{case.name} memmap")
        rows += run_memmap(case, n_threads, rounds)
        keep(rows)
    if only in "569 x 30 descent":
        say("569 x 30, gradient descent")
        rows += run_descent(n_threads, rounds, 200 if quick else 2000)
    targets = [] if quick else judge(rows)
    return outcome("kernels", quick, n_threads, rows, targets)


def run_case(case: Case, n_threads: int, rounds: int) -> list[dict[str, Any]]:
    """Measure all contenders on one shape and dtype."""
    X, y, w = bench.random_problem(case.m, case.n_x, case.dtype)
    orders = {EXAMPLE: X, FEATURE: np.ascontiguousarray(X)}
    as_float = {
        order: X_.astype(bench.numpy_dtype(case.dtype), copy=False) for order, X_ in orders.items()
    }
    field = [
        fastlogreg.one_pass(name, order, orders[order], y, n_threads)
        for order in orders
        for name in ("fused", "loops")
    ]
    field += [
        build(order, as_float[order], y)
        for order in orders
        for build in (numpy.one_pass, numpy.lectures_pass)
    ]
    field += [
        peer
        for build in (scikit_learn.one_pass, torch.one_pass)
        if (peer := build(as_float[EXAMPLE], y, n_threads)) is not None
    ]
    return _time(case.name, field, X, y, w, n_threads, rounds)


def run_memmap(case: Case, n_threads: int, rounds: int) -> list[dict[str, Any]]:
    """Measure X in a file, memory-mapped, in the page cache: NumPy must convert as it goes."""
    made_X, y, w = bench.random_problem(case.m, case.n_x, case.dtype)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "X.bin")
        made_X.T.tofile(path)
        X = np.memmap(path, case.dtype, "r", shape=(case.m, case.n_x)).T
        del made_X
        field = [
            fastlogreg.one_pass("fused", EXAMPLE, X, y, n_threads),
            fastlogreg.one_pass("loops", EXAMPLE, np.asarray(X), y, n_threads),
        ]
        field += [numpy.blocks_pass(X, y, block) for block in (16, 64, 256, 1024)]
        return _time(f"{case.name} memmap", field, X, y, w, n_threads, rounds)


def _time(
    case: str, field: Sequence[PassContender], X: Any, y: Any, w: Any, n_threads: int, rounds: int
) -> list[dict[str, Any]]:
    expected = expected_pass(X, y, w, 0.1)
    with at_hand():
        return time_passes(case, field, X.nbytes, (w, 0.1), expected, n_threads, rounds)


def run_descent(n_threads: int, rounds: int, iterations: int) -> list[dict[str, Any]]:
    """Measure an iteration of gradient descent on a table of 569 x 30.

    Everything is included that a call of `train` does.
    """
    m, n_x = DESCENT
    X, y, _ = bench.random_problem(m, n_x, "float64")
    Y, alpha = y[None, :], 0.1

    def by_numpy(form: Any) -> Any:
        one_pass, w, b, costs = form(X, y), np.zeros(n_x), 0.0, np.empty(iterations)
        for k in range(iterations):
            costs[k], dw, db = one_pass(w, b)
            w -= alpha * dw
            b -= alpha * db
        return costs

    def by(backend: Any) -> Callable[[], Any]:
        return lambda: (
            flr.train(
                X,
                Y,
                solver="gd",
                alpha=alpha,
                iterations=iterations,
                backend=backend,
                n_threads=n_threads,
            ).costs
        )

    calls = {"fused": by("fused"), "loops": by("loops"), "numpy": lambda: by_numpy(bench.NumPyPass)}
    calls[numpy.LECTURES] = lambda: by_numpy(numpy.LecturesNumPy)
    expected = by_numpy(numpy.LecturesNumPy)
    for name, call in calls.items():
        if not np.allclose(call(), expected, rtol=1e-9, atol=0):
            raise Disagreement(
                f"gradient descent, {m} x {n_x}: the costs of {name} are not those of NumPy"
            )
    times = bench.interleaved(calls, rounds)
    case = f"{m} x {n_x} float64, one iteration of descent"
    rows = [timed_row(case, name, t, EXAMPLE, iterations) for name, t in times.items()]
    add_ratios(rows)
    return rows


def judge(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Judge what must be shown by these rows; NaN where a case was not run."""

    def find(case: str, contender: str, key: str, order: str = EXAMPLE) -> float:
        found = [
            r[key]
            for r in rows
            if (r["case"], r["contender"], r["order"]) == (case, contender, order)
        ]
        return float(found[0]) if found else math.nan

    def seconds(case: Case, contender: str, order: str) -> float:
        return find(case.name, contender, "seconds", order)

    targets = []
    for case in CASES:
        by_lectures = min(seconds(case, numpy.LECTURES, order) for order in (EXAMPLE, FEATURE))
        found = by_lectures / seconds(case, "fused", EXAMPLE)
        targets.append(
            target(f"{case.name}: NumPy, lectures' formula / fused", found, least=case.ratio)
        )
        what = f"{case.name}: NumPy, fastest form / fused"
        targets.append(target(what, find(case.name, "fused", "ratio"), least=case.ratio))
        if case.fraction is not None:
            what = f"{case.name}: fraction of the read bandwidth"
            targets.append(target(what, find(case.name, "fused", "fraction"), least=case.fraction))
    for case in IN_CACHE:
        for order in (EXAMPLE, FEATURE):
            what = f"{case.name}, {order}: NumPy, fastest form / fused"
            found = find(case.name, "fused", "ratio", order)
            targets.append(target(what, found, least=case.ratio))
    name = f"{MEMMAP.name} memmap"
    targets.append(
        target(f"{name}: NumPy / fused", find(name, "fused", "ratio"), least=MEMMAP.ratio)
    )
    for case in CASES:
        by_feature = seconds(case, "fused", FEATURE)
        if case.n_x <= 500:
            what, found = (
                f"{case.name}: feature-major / example-major",
                by_feature / seconds(case, "fused", EXAMPLE),
            )
            targets.append(target(what, found, most=MOST_FEATURE_MAJOR))
        else:
            what, found = (
                f"{case.name}: NumPy / fused, both feature-major",
                seconds(case, "numpy", FEATURE) / by_feature,
            )
            targets.append(target(what, found, least=LEAST_FEATURE_MAJOR_WIDE))
    case_name = f"{DESCENT[0]} x {DESCENT[1]} float64, one iteration of descent"
    spent = 1e6 * find(case_name, "fused", "seconds")
    targets.append(target(f"{case_name}: microseconds", spent, most=1e6 * MOST_DESCENT_SECONDS))
    found = find(case_name, numpy.LECTURES, "seconds") / find(case_name, "fused", "seconds")
    what = f"{case_name}: NumPy, lectures' formula / fused"
    targets.append(target(what, found, least=LEAST_DESCENT_RATIO))
    what, found = f"{case_name}: NumPy, fastest form / fused", find(case_name, "fused", "ratio")
    targets.append(target(what, found, least=LEAST_DESCENT_RATIO))
    return targets + columns.judge(rows)


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table of this benchmark, and that of the targets, as blocks for the README."""
    lines, cases = [], list(dict.fromkeys(row["case"] for row in result["rows"]))
    for case in cases:
        for row in sorted(
            (r for r in result["rows"] if r["case"] == case),
            key=lambda r: (r["order"], r["seconds"]),
        ):
            if row["contender"] != "read probe":
                lines.append(_line(row))
    headings = (
        "m x n_x, dtype",
        "order of X",
        "contender",
        "ms",
        "quartiles",
        "GB/s of X",
        "of read bandwidth",
        "NumPy / it",
        "first call, s",
    )
    probes = [row["rate"] / 1e9 for row in result["rows"] if row["contender"] == "read probe"]
    notes = (
        (
            f"Read bandwidth, probed beside each case: {min(probes):.1f} to {max(probes):.1f} "
            "GB/s. "
            if probes
            else ""
        )
        + (
            "Medians; the ratio is to the fastest NumPy of the case, whatever its form and "
            "memory order: numpy is the fastest "
            "form we could write, with work arrays made once. "
            "Of several classes it computes two products with the softmax between them. "
            "NumPy, torch and scikit-learn get integers as float32, converted beforehand "
            "(memmap: on the fly). "
            "First calls compile, or load from the disk cache. "
        )
        + describe(result["environment"])
    )
    blocks = {"kernels": f"{markdown(headings, lines)}\n\n{notes}"}
    if result["targets"]:
        blocks["targets"] = targets_table(result["targets"])
    return blocks


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    spread = f"{bench.digits(1e3 * row['low'])} to {bench.digits(1e3 * row['high'])}"
    rate = f"{row['rate'] / 1e9:.2f}" if "rate" in row else "-"
    fraction = f"{row['fraction']:.2f}" if "fraction" in row else "-"
    return (
        row["case"],
        row["order"],
        row["contender"],
        bench.digits(1e3 * row["seconds"]),
        spread,
        rate,
        fraction,
        f"{row['ratio']:.2f}",
        f"{row['first_call']:.2f}",
    )
