"""`python -m benchmarks solvers`: seconds to the optimum, this package against every peer that is
installed.

Seconds of a whole fit until J - J* <= 1e-3, 1e-6, 1e-9 of J*. J* is found by Newton's method in
float64, J of what a contender returns is recomputed in float64; a peer that penalises b is held
against the optimum of that. Every package runs in a process of its own for every problem, warmed by
a fit that is not timed. Its tolerances are tried from loose to tight, each level gets the cheapest
that reached it, and these are timed in rounds over all contenders: medians. A contender is given up
whose tolerances together take a dozen times as long as this package (at least 4 s, at most 30).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastlogreg.machine.threads import available_threads
from fastlogreg.tools import bench

from ..cases import optimum
from ..cases.expected import Disagreement
from ..cases.problems import PROBLEMS, Problem
from ..contenders import packages
from ..contenders.process import Offer, Worker
from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target
from ..report.tables import markdown, targets_table

LEVELS = (1e-3, 1e-6, 1e-9)
TARGETS = {
    "200,000 x 30, float64": 4.0,
    "200,000 x 30 badly scaled, float64": 5.0,
    "1,000,000 x 10, float64": 4.0,
    "20,000 x 500, float64": 2.5,
    "2,000 x 12,288, float64": 3.0,
    "breast cancer, float64": 1.5,
    "a9a, dense": 2.0,
    "200,000 x 30, float32": 2.0,
    "20,000 x 500, float32": 2.0,
    "a9a, CSR": 1.5,
    "100,000 x 50,000 CSR": 1.5,
    "iris, 3 classes": 5.0,
    "digits, 10 classes": 3.0,
    "200,000 x 54, 7 classes": 3.0,
    "MNIST, 10 classes, uint8": 3.0,
    "2,000 x 5,000, 5 classes": 3.0,
    "20,000 x 50,000 CSR, 20 classes": 3.0,
}
MOST = 30.0  # seconds for one fit, or for all tolerances of a contender
PAUSE = 0.25  # seconds before a timing: thread pools of other contenders stop spinning after 0.2


class Run:
    """Holds a contender on one problem: the tolerances chosen, and the seconds to each level."""

    def __init__(self, worker: Worker, offer: Offer) -> None:
        self.worker = worker
        self.name, self.tols, self.penalised = offer
        self.chosen: dict[float, float] = {}  # level -> tol
        self.seconds: dict[float, list[float]] = {level: [] for level in LEVELS}

    def explore(self, problem: Problem, best: optimum.Optimum, most_seconds: float) -> None:
        """Try the tolerances from loose to tight, until the last is reached or the time is up."""
        J_best = best.penalised if self.penalised else best.J
        if (
            self.worker.fit(self.name, self.tols[0], 20.0 + most_seconds) is None
        ):  # warm-up, may compile
            return
        fastest: dict[float, float] = {}
        spent = 0.0
        for tol in self.tols:
            found = self.worker.fit(self.name, tol, max(1.0, most_seconds - spent))
            if found is None:
                return
            seconds, theta = found
            spent += seconds
            gap = optimum.cost(problem, theta, self.penalised) / J_best - 1.0
            if gap < -LEVELS[-1]:
                raise Disagreement(
                    f"{problem.name}: {self.name} reached a J {-gap:.1e} below what "
                    "`optimum.find` takes for the optimum: no "
                    "figure of this problem means anything; `optimum._descend` must go on for "
                    "longer"
                )
            for level in LEVELS:
                if gap <= level and seconds < fastest.get(level, np.inf):
                    fastest[level], self.chosen[level] = seconds, tol
            if gap <= LEVELS[-1] or spent > most_seconds:
                return

    def time(self, most_seconds: float) -> None:
        """Time one round: the chosen tolerances, each once."""
        timed: dict[float, float | None] = {}
        for level, tol in self.chosen.items():
            if tol not in timed:
                time.sleep(PAUSE)
                found = self.worker.fit(self.name, tol, most_seconds)
                timed[tol] = None if found is None else found[0]
            seconds = timed[tol]
            if seconds is not None:
                self.seconds[level].append(seconds)


def run_problem(problem: Problem, rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Measure every contender on one problem."""
    best = optimum.find(problem)
    say(f"{problem.name}: J* = {best.J:.12g}")
    workers, runs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sparse = not isinstance(problem.X, np.ndarray)
        for file, array in (
            ("X", problem.X),
            ("y", problem.y),
            ("lambda", np.array(problem.lambda_)),
        ):
            if file == "X" and sparse:
                from scipy.sparse import save_npz

                save_npz(folder / "X.npz", array, compressed=False)
            else:
                np.save(folder / f"{file}.npy", array)
        try:
            most = 4 * MOST  # for this package, which is tried first
            for package in packages.installed():
                if sparse and package not in packages.SPARSE:
                    continue
                if problem.classes > 2 and package not in packages.SEVERAL:
                    continue
                worker = Worker(folder, package)
                workers.append(worker)
                if worker.error:
                    say(f"  {package}: {worker.error}")
                for offer in worker.offers:
                    run = Run(worker, offer)
                    run.explore(problem, best, most)
                    runs.append(run)
                if package == "fastlogreg":
                    started = time.perf_counter()
                    for run in runs:
                        run.time(most)
                    ours = min((s for r in runs for s in r.seconds[LEVELS[-1]]), default=MOST)
                    most = min(MOST, max(4.0, 12.0 * ours))
                    for run in runs:
                        run.seconds = {level: [] for level in LEVELS}
                    say(
                        f"  this package: {ours:.4g} s to {LEVELS[-1]:g} "
                        f"({time.perf_counter() - started:.1f} s)"
                    )
            for _ in range(rounds):
                for run in runs:
                    run.time(MOST)
        finally:
            for worker in workers:
                worker.close()
    rows = [row for run in runs for row in _rows(problem, run)]
    say(table(rows))
    return rows


def _rows(problem: Problem, run: Run) -> list[dict[str, Any]]:
    return [
        {
            "case": f"{problem.name}, to {level:g}",
            "order": "",
            "problem": problem.name,
            "level": level,
            "contender": run.name,
            "penalised": run.penalised,
            "tol": run.chosen[level],
            "seconds": statistics.median(times),
            "low": min(times),
            "high": max(times),
            "rounds": len(times),
        }
        for level, times in run.seconds.items()
        if times
    ]


def run(
    quick: bool = False,
    problem: str = "",
    data: Path | None = None,
    say: Callable[[str], None] = print,
    keep: Keep = keep_nothing,
) -> dict[str, Any]:
    """Measure those problems with `problem` in their name.

    quick: breast cancer and a tenth of the others, one round.
    """
    chosen = {name: make for name, make in PROBLEMS.items() if problem in name}
    if not chosen:
        raise ValueError(f"--problem must be part of one of these names: {'; '.join(PROBLEMS)}")
    if quick and not problem:
        chosen = {
            name: chosen[name] for name in ("200,000 x 30, float64", "breast cancer, float64")
        }
    rows: list[dict[str, Any]] = []
    for name, make in chosen.items():
        made = make(name, data, 10 if quick else 1)
        if made is None:
            say(f"{name}: skipped, its data (or scikit-learn, which has it) is not here")
            continue
        rows += run_problem(made, 1 if quick else 3, say)
        keep(rows)
    if not rows:
        raise ValueError(
            "none of the problems asked for has its data here; name its folder with --data"
        )
    targets = (
        []
        if quick
        else [
            target(
                f"{name}: best peer / this package, to 1e-6",
                ratio(rows, name, 1e-6)[0],
                least=least,
            )
            for name, least in TARGETS.items()
            if name in chosen
        ]
    )
    return outcome("solvers", quick, available_threads(), rows, targets)


def own(contender: str) -> bool:
    """Tell whether a contender is this package."""
    return contender.startswith("fastlogreg")


def ratio(
    rows: list[dict[str, Any]], problem: str, level: float
) -> tuple[float, float, dict[str, Any] | None]:
    """Compare the best peer with us: its seconds over ours, ours, and its row.

    The ratio is NaN where one of them did not arrive. Ours is the estimator where it was timed: it
    is what a practitioner calls.
    """
    there = {r["contender"]: r for r in rows if r["problem"] == problem and r["level"] == level}
    mine = next(
        (there[name]["seconds"] for name in ("fastlogreg", "fastlogreg train") if name in there),
        np.nan,
    )
    best = min(
        (r for name, r in there.items() if not own(name)), key=lambda r: r["seconds"], default=None
    )
    return (np.nan if best is None else best["seconds"] / mine), mine, best


def table(rows: list[dict[str, Any]]) -> str:
    """Write all contenders of the problems in rows, fastest to 1e-6 first."""
    by = {(r["problem"], r["contender"], r["level"]): r for r in rows}
    pairs = sorted(
        {(p, c) for p, c, _ in by},
        key=lambda k: (k[0], by.get((*k, 1e-6), {}).get("seconds", np.inf)),
    )
    penalised = {r["contender"] for r in rows if r["penalised"]}
    lines = [
        (
            p,
            c + " (b penalised)" * (c in penalised),
            *(
                bench.digits(by[p, c, level]["seconds"]) if (p, c, level) in by else "-"
                for level in LEVELS
            ),
        )
        for p, c in pairs
    ]
    return markdown(("problem", "solver", *(f"s to {level:g}" for level in LEVELS)), lines)


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write a line for each problem: ours, and the best peer at each level."""
    lines = []
    for problem in dict.fromkeys(row["problem"] for row in result["rows"]):
        cells = []
        for level in LEVELS:
            times, mine, best = ratio(result["rows"], problem, level)
            peer = (
                "none arrives"
                if best is None
                else f"{best['contender']} {bench.digits(best['seconds'])}"
            )
            cells += [
                bench.digits(mine) if mine == mine else "-",
                peer,
                "-" if times != times else bench.digits(times),
            ]
        lines.append((problem, *cells))
    headings = [
        f"{what} {level:g}" for level in LEVELS for what in ("s to", "best peer to", "peer / ours,")
    ]
    notes = (
        "Seconds of whole fits until J is within that fraction of the optimum; every solver with "
        "the loosest of its "
        "tolerances that gets there. snapml, liblinear and skglm penalise b and are held against "
        "that optimum. None "
        "arrives: not within a dozen times our seconds for all tolerances tried, at least 4 s, "
        "at most 30. " + describe(result["environment"])
    )
    blocks = {"solvers": f"{markdown(('problem', *headings), lines)}\n\n{notes}"}
    if result["targets"]:
        blocks["solvers-targets"] = targets_table(result["targets"])
    return blocks


def figure(result: dict[str, Any]) -> Any:
    """Draw the seconds to 1e-6: of each problem ours and the best peer's, which is named."""
    from matplotlib.figure import Figure

    rows = [row for row in result["rows"] if row["level"] == 1e-6]
    problems = list(dict.fromkeys(row["problem"] for row in rows))
    drawn = Figure(figsize=(9.0, 1.4 + 0.34 * len(problems)), layout="constrained")
    axes = drawn.subplots()
    seconds = [row["seconds"] for row in rows]
    for k, problem in enumerate(problems):
        times, mine, best = ratio(rows, problem, 1e-6)
        axes.plot([mine], [k], "D", color="black", ms=7, zorder=3, label="" if k else "fastlogreg")
        end, text = mine, "no other package gets there"
        if best is not None:
            end = max(mine, best["seconds"])
            text = f"{best['contender']}, {times:.2g} x"
            axes.plot([mine, best["seconds"]], [k, k], color="0.7", lw=1.2, zorder=1)
            axes.plot([best["seconds"]], [k], "o", mfc="white", mec="black", ms=6, zorder=3)
        axes.annotate(text, (end, k), (9, 0), textcoords="offset points", fontsize=8, va="center")
    axes.plot([], [], "o", mfc="white", mec="black", ms=6, label="the best other package")
    axes.set(
        xscale="log",
        xlabel="seconds of a fit until J - J* is at most 1e-6 of J* (logarithmic)",
        xlim=(min(seconds) / 1.6, max(seconds) * 40.0),  # room for the last name
        ylim=(len(problems) - 0.4, -0.6),
    )
    axes.set_yticks(range(len(problems)), problems, fontsize=9)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    drawn.legend(loc="outside upper center", ncols=2, frameon=False)
    return drawn
