"""`python -m benchmarks penalties`: L1 at one strength and along a path, against every package that
has it.

Single fits must bring J within 1e-6 of J(0) of the optimum of what the contender minimises, all 100
points of a path within 1e-4 of it; each contender is timed at the loosest of its tolerances that
does. The optimum is ours at a tight tolerance; J is computed by NumPy. Each of its points is proved
by a gap, and a contender that goes below it ends the run.
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
from fastlogreg.tools import bench

from ..cases import problems
from ..cases.expected import Disagreement
from ..contenders import penalised
from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target, timed_row
from ..report.tables import markdown, targets_table

SHARES, LENGTH, SMALLEST = (0.1, 0.01), 100, 0.01  # of lambda_max
SINGLE_MARK, PATH_MARK = 1e-6, 1e-4  # of J(0)
# To find its tolerance a contender may take so many times as long as this package, and so many
# seconds at least.
LONGER, LONGEST = 12.0, 4.0
MOST_READS = 250
FOLDED, LEAST_FOLDED = ("200,000 x 30, float64", "a9a, CSR"), 5.0


class Task(NamedTuple):
    """Holds a problem by its name, and the least that best peer / ours must be."""

    name: str
    least: float = 3.0
    least_of_path: float = 3.0


TASKS = (
    Task("200,000 x 30, float64"),
    Task("20,000 x 500, float64"),
    Task("500 x 10,000, float64", 1.5, 1.5),
    Task("a9a, CSR"),
    Task("50,000 x 50,000 CSR"),
    Task("breast cancer, standardised", 1.5),
)
OF_READS = "20,000 x 500, float64"


def run(
    quick: bool,
    say: Callable[[str], None],
    problem: str = "",
    data: Path | None = None,
    keep: Keep = keep_nothing,
) -> dict[str, Any]:
    """Measure each task whose name holds `problem`; quick: a tenth of the examples, ten lambdas."""
    rows: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    for task in TASKS:
        if problem not in task.name:
            continue
        found = problems.CHOOSING[task.name](task.name, data, 10 if quick else 1)
        if found is None:
            say(f"{task.name}: skipped, its data is not here")
            continue
        say(task.name)
        of_task = run_task(found, quick, say)
        rows += of_task
        keep(rows)
        if not quick:
            targets += _targets(task, of_task)
    return outcome("penalties", quick, available_threads(), rows, targets)


def _targets(task: Task, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for case in dict.fromkeys(row["case"] for row in rows):
        ratios = [r["ratio"] for r in rows if r["case"] == case and r["contender"] != "fastlogreg"]
        least = task.least_of_path if "path" in case else task.least
        least = LEAST_FOLDED if "folds" in case else least
        best = min(ratios, default=np.nan)
        found.append(target(f"{case}: best peer / fastlogreg", best, least=least))
    if task.name == OF_READS:
        (reads,) = (row["reads"] for row in rows if row["reads"] and "path" in row["case"])
        found.append(target(f"{task.name}: reads of X along the path", reads, most=MOST_READS))
    return found


def run_task(
    problem: problems.Problem, quick: bool, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measure both strengths and the path of one problem."""
    X, y = problem.X, problem.y
    largest = largest_alpha(problem)
    rounds = 1 if quick else 5
    rows: list[dict[str, Any]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for share in SHARES:
            case = f"{problem.name}, {share:g} lambda_max"
            alphas = np.array([share * largest])
            rows += measure(
                case, problem, penalised.singles(X, y), alphas, SINGLE_MARK, rounds, say
            )
        alphas = largest * SMALLEST ** (np.arange(LENGTH) / (LENGTH - 1))
        alphas = alphas[::11] if quick else alphas
        case = f"{problem.name}, path"
        rows += measure(case, problem, penalised.paths(X, y), alphas, PATH_MARK, rounds, say)
        if problem.name in FOLDED:
            rows += cross_validated(f"{problem.name}, 5 folds", problem, alphas, rounds, say)
        for row in rows:
            if row["contender"] == "fastlogreg" and "path" in row["case"]:
                found = flr.path(
                    X.T, y[None, :], lambdas=alphas * len(y), l1_ratio=1.0, tol=row["tol"]
                )
                row["reads"], row["features"] = found.reads, int(found.nonzeros.max())
    return rows


def measure(
    case: str,
    problem: problems.Problem,
    contenders: dict[str, penalised.L1Contender],
    alphas: Any,
    mark: float,
    rounds: int,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Find each contender's tolerance, and time them in turn."""
    null = float(np.mean(problem.y))
    allowed = mark * -(null * np.log(null) + (1.0 - null) * np.log(1.0 - null))
    kinds = {one.bias for one in contenders.values()}
    best = {kind: optimum(problem, alphas, kind, allowed) for kind in kinds}
    calls: dict[str, Callable[[], Any]] = {}
    chosen: dict[str, float] = {}
    most = np.inf
    for name, one in contenders.items():  # this package is the first
        tol = loosest(case, name, one, problem, alphas, best[one.bias], allowed, most)
        if tol is not None and not chosen:
            begun = time.perf_counter()
            one.fit(alphas, tol)
            most = max(LONGEST, LONGER * (time.perf_counter() - begun))
        say(f"  {case}: {name}: {'does not arrive' if tol is None else f'tol {tol:g}'}")
        if tol is not None:
            chosen[name] = tol
            calls[name] = lambda one=one, tol=tol: one.fit(alphas, tol)
    times = bench.interleaved(calls, rounds, 60.0)
    base = times["fastlogreg"].median
    return [
        timed_row(
            case,
            name,
            times[name],
            tol=chosen[name],
            bias=contenders[name].bias,
            ratio=times[name].median / base,
            reads=None,
            features=None,
        )
        for name in chosen
    ]


def cross_validated(
    case: str,
    problem: problems.Problem,
    alphas: Any,
    rounds: int,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Time five folds along the path, each package at its usual tolerance, with its own folds.

    The alphas that are chosen must be near each other.
    """
    contenders = penalised.cross_validations(problem.X, problem.y)
    chosen: dict[str, float] = {}
    for name, one in contenders.items():
        try:
            chosen[name] = one.fit(alphas, one.tols[0])[1]
            say(f"  {case}: {name}: alpha {chosen[name]:.3g}")
        except Exception as error:  # a package that fails here is one contender less
            say(f"  {case}: {name}: {type(error).__name__}")
    base = chosen["fastlogreg"]
    for name, alpha in chosen.items():
        if not 0.2 < alpha / base < 5.0:
            raise Disagreement(f"{case}: {name} chooses alpha = {alpha:g}, this package {base:g}")
    calls = {name: (lambda one=contenders[name]: one.fit(alphas, one.tols[0])) for name in chosen}
    times = bench.interleaved(calls, min(rounds, 3), 120.0)
    ours = times["fastlogreg"].median
    return [
        timed_row(
            case,
            name,
            times[name],
            tol=contenders[name].tols[0],
            bias="free",
            ratio=times[name].median / ours,
            reads=None,
            features=None,
        )
        for name in chosen
    ]


def loosest(
    case: str,
    name: str,
    one: penalised.L1Contender,
    problem: problems.Problem,
    alphas: Any,
    best: Any,
    allowed: float,
    most: float,
) -> float | None:
    """Find the first tolerance at which every J is within `allowed` of the optimum."""
    begun = time.perf_counter()
    for tol in one.tols:
        try:
            w, b = one.fit(alphas, tol)
            J = costs(problem, alphas, w, b, one.bias)
        except Exception:
            return None  # a package that fails here is one contender less
        if J.size == best.size and (best - 1e-2 * allowed > J).any():
            raise Disagreement(f"{case}: {name} is below what was proved to be the optimum")
        near = J.size == best.size and bool((J - best <= allowed).all())
        if near and time.perf_counter() - begun <= 2.0 * most:
            return float(tol)
        if time.perf_counter() - begun > most:
            return None
    return None


def costs(problem: problems.Problem, alphas: Any, w: Any, b: Any, bias: str) -> Any:
    """Compute what a contender minimises, for each alpha."""
    W = np.atleast_2d(np.asarray(w, np.float64))
    b = np.atleast_1d(np.asarray(b, np.float64))
    losses = np.zeros(len(b))
    signs = 1.0 - 2.0 * problem.y.astype(np.float64)
    for part, x in problems.blocks(problem):
        z = np.asarray(x @ W.T) + b
        losses += np.logaddexp(0.0, signs[part, None] * z).sum(axis=0)
    size = np.abs(W).sum(axis=1) + (np.abs(b) if bias == "penalised" else 0.0)
    return losses / len(problem.y) + np.asarray(alphas) * size


def optimum(problem: problems.Problem, alphas: Any, bias: str, allowed: float) -> Any:
    """Find the optimum of each alpha, for this kind of b: a lower bound, by the gap."""
    X, y, m = problem.X, problem.y, len(problem.y)
    if bias == "penalised":
        ones = np.ones((m, 1))
        if isinstance(X, np.ndarray):
            X = np.hstack([X, ones])
        else:
            from scipy.sparse import csr_matrix, hstack

            X = csr_matrix(hstack([X, ones]))
    found = []
    for alpha in alphas:
        model = flr.LogisticRegression(
            C=1.0 / (alpha * m), l1_ratio=1.0, tol=1e-3 * allowed, fit_intercept=bias == "free"
        ).fit(X, y)
        if not model.suboptimality_bound_ <= 1e-2 * allowed:
            raise Disagreement(f"{problem.name}: the optimum is not proved to {allowed:.1g}")
        found.append(model.cost_ - model.suboptimality_bound_)
    return np.array(found)


def largest_alpha(problem: problems.Problem) -> float:
    """Compute the smallest alpha at which every weight is 0."""
    gradient = np.zeros(problem.X.shape[1])
    error = float(np.mean(problem.y)) - problem.y.astype(np.float64)
    for part, x in problems.blocks(problem):
        gradient += x.T @ error[part]
    return float(np.abs(gradient).max()) / len(problem.y)


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as blocks for a page."""
    lines = [
        (
            row["case"],
            row["contender"] + ("" if row["bias"] == "free" else f" (b {row['bias']})"),
            f"{row['tol']:g}",
            bench.digits(1e3 * row["seconds"]),
            "-" if row["reads"] is None else str(row["reads"]),
            bench.digits(row["ratio"]),
        )
        for row in result["rows"]
    ]
    headings = ("problem", "contender", "tol", "ms", "reads of X", "it / fastlogreg")
    note = (
        "Medians. Single fits to a gap of 1e-6 J(0), paths of 100 lambdas to 0.01 lambda_max with "
        "1e-4 J(0) each, every contender at the loosest tolerance that does. X by columns, where a "
        "package works by columns, was made beforehand."
    )
    blocks = {
        "penalties": f"{markdown(headings, lines)}\n\n{note} {describe(result['environment'])}"
    }
    if result["targets"]:
        blocks["penalties-targets"] = targets_table(result["targets"])
    return blocks
