"""`python -m benchmarks cv`: five folds and ten Cs, to the same scores, against scikit-learn; and
models of one label against the rest in shared reads against as many single fits.

Every contender gets the same folds and must bring every held-out log-loss within 1e-6 of a
reference; each is timed at the loosest of its tolerances that does. The reference is ours at the
tightest tolerance, and is only one if a contender agrees. scikit-learn gets bytes as they are, and
converts them itself; where it is said so, floats made beforehand.

Where a fit of scikit-learn takes many minutes, it is timed once, and cut at a limit: what is shown
is then a lower bound. If all are cut, one fold at one C must agree with a single fit of theirs.
"""

from __future__ import annotations

import math
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.machine.threads import available_threads
from fastlogreg.objective.columns import SharedColumns
from fastlogreg.tools import bench
from fastlogreg.training.side_by_side import one_against_rest

from ..cases import problems
from ..cases.expected import Disagreement
from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target, timed_row
from ..report.tables import markdown, targets_table

FOLDS, CS, MARK = 5, np.logspace(-4, 2, 10), 1e-6
OURS = (1e-9, 1e-10, 1e-11, 1e-12, 1e-13)
THEIRS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
LONGEST = 600.0  # seconds that a contender may take in all to find its tolerance
MOST_READS = 60


class Task(NamedTuple):
    """Holds a problem by its name, the solvers of scikit-learn that take it, and what to show.

    longest: the seconds at which their fits are cut, each of which is then made once.
    """

    name: str
    solvers: tuple[str, ...]
    least: float
    Cs: Any = CS
    longest: float = math.inf


class Found(NamedTuple):
    """Holds the loosest tolerance that does, the seconds of that fit, and whether it was cut."""

    tol: float
    seconds: float
    cut: bool = False


class Cut(BaseException):
    """Ends a fit that takes too long; no `except Exception` of theirs may take it."""


TASKS = (
    Task("200,000 x 30, float64", ("lbfgs", "newton-cholesky", "newton-cg"), 8.0),
    Task("a9a, CSR", ("lbfgs", "newton-cg"), 5.0),
    Task("breast cancer, float64", ("lbfgs", "newton-cholesky", "newton-cg"), 5.0),
    Task("MNIST zeros, uint8", ("lbfgs", "newton-cholesky"), 8.0, CS / 255.0**2, 300.0),
)
RIVALS = "200,000 x 54, 7 labels"
LEAST_RIVALS = 2.0


def run(
    quick: bool,
    say: Callable[[str], None],
    problem: str = "",
    data: Path | None = None,
    keep: Keep = keep_nothing,
) -> dict[str, Any]:
    """Measure each task whose name holds `problem`; quick: a hundredth of the examples, 3 Cs."""
    n_threads = available_threads()
    rows: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    for task in TASKS:
        if problem not in task.name:
            continue
        found = problems.PROBLEMS[task.name](task.name, data, _divisor(task, quick))
        if found is None:
            say(f"{task.name}: skipped, its data is not here")
            continue
        say(task.name)
        task = task._replace(Cs=task.Cs[::4]) if quick else task
        of_task = run_task(task, found, n_threads, 1 if quick else 5, say)
        rows += of_task
        keep(rows)
        if not quick:
            targets += _targets(task, of_task)
    if problem in RIVALS:
        say(RIVALS)
        of_task = run_rivals(quick, n_threads)
        rows += of_task
        if not quick:
            what = f"{RIVALS}: single fits / shared reads"
            targets.append(target(what, of_task[0]["ratio"], least=LEAST_RIVALS))
    return outcome("cv", quick, n_threads, rows, targets)


def _divisor(task: Task, quick: bool) -> int:
    return 100 if quick and not task.name.startswith("breast") else 1


def _targets(task: Task, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    theirs = [row for row in rows if row["contender"] != "fastlogreg"]
    best = min((row["ratio"] for row in theirs if np.isfinite(row["ratio"])), default=np.nan)
    bound = ", at least" if any(row["cut"] and row["ratio"] == best for row in theirs) else ""
    what = f"{task.name}: fastest scikit-learn / fastlogreg{bound}"
    found = [target(what, best, least=task.least)]
    if task.name.startswith("200,000"):
        found.append(target(f"{task.name}: reads of X", rows[0]["reads"], most=MOST_READS))
    return found


def run_task(
    task: Task, problem: problems.Problem, n_threads: int, rounds: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Find each contender's tolerance, and time them in turn."""
    X, y = problem.X, problem.y
    fold = np.arange(len(y)) % FOLDS
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(FOLDS)]

    def ours(tol: float) -> Any:
        return flr.LogisticRegressionCV(task.Cs, cv=splits, tol=tol, n_threads=n_threads).fit(X, y)

    def by(solver: str) -> Callable[[float], Any]:
        from sklearn.linear_model import LogisticRegressionCV as Make

        options: dict[str, Any] = {"scoring": "neg_log_loss", "refit": True, "max_iter": 5000}

        def fit(tol: float) -> Any:
            model = Make(Cs=task.Cs, cv=splits, solver=solver, tol=tol, **options)
            return model.fit(X, y)

        return fit

    def of_theirs(model: Any) -> Any:
        return held_out_losses(model, X, y, [held for _, held in splits])

    contenders = {"fastlogreg": (ours, OURS, scores)}
    contenders |= {f"scikit-learn {name}": (by(name), THEIRS, of_theirs) for name in task.solvers}
    long = math.isfinite(task.longest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = scores(ours(1e-14))
        chosen: dict[str, Found] = {}
        for name, (fit, tols, scored) in contenders.items():
            longest = math.inf if fit is ours else task.longest
            found = loosest(fit, tols, reference, longest, scored)
            say(f"  {name}: {_in_words(found)}")
            if found is not None:
                chosen[name] = found
        agree = sum(not found.cut for found in chosen.values()) >= 2
        if not agree and (not long or not spot_agrees(task, problem, splits[0], reference)):
            raise Disagreement(f"{task.name}: no contender agrees with the reference to {MARK:g}")
        calls = {
            name: (lambda fit=contenders[name][0], tol=found.tol: fit(tol))
            for name, found in chosen.items()
            if name == "fastlogreg" or not long
        }
        times = bench.interleaved(calls, rounds, 120.0)
        reads = ours(chosen["fastlogreg"].tol).reads_
    for name, found in chosen.items():
        times.setdefault(name, bench.Times(*[found.seconds] * 5, 1))
    base = times["fastlogreg"].median
    return [
        timed_row(
            task.name,
            name,
            times[name],
            tol=found.tol,
            ratio=times[name].median / base,
            reads=reads if name == "fastlogreg" else None,
            cut=found.cut,
        )
        for name, found in chosen.items()
    ]


def _in_words(found: Found | None) -> str:
    if found is None:
        return "does not reach the mark"
    return f"cut after {found.seconds:g} s" if found.cut else f"tol {found.tol:g}"


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `Cut` in the main thread where what is within takes longer."""
    if not math.isfinite(seconds):
        yield
        return

    def cut(*_: Any) -> None:
        raise Cut

    before = signal.signal(signal.SIGALRM, cut)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def spot_agrees(task: Task, problem: problems.Problem, split: Any, reference: Any) -> bool:
    """Tell whether a single fit of scikit-learn has the held-out log-loss of one fold at one C."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    (train, held), k = split, len(task.Cs) // 2
    model = LogisticRegression(C=task.Cs[k], solver=task.solvers[-1], tol=1e-8, max_iter=5000)
    model.fit(problem.X[train], problem.y[train])
    found = -log_loss(problem.y[held], model.predict_proba(problem.X[held]))
    return bool(abs(found - reference[0, k]) <= MARK)


def scores(model: Any) -> Any:
    """Take the scores (folds, Cs) of a fitted estimator."""
    (found,) = model.scores_.values()
    return found


def held_out_losses(model: Any, X: Any, y: Any, held: list[Any]) -> Any:
    """Return the scores (folds, Cs) of scikit-learn's coefficients, by z.

    Its own scorer takes logarithms of rounded probabilities: an example that is far on the wrong
    side then changes a mean by more than the mark.
    """
    (of_folds,) = model.coefs_paths_.values()  # (folds, Cs, n_x + 1)
    found = []
    for rows, w in zip(held, of_folds):
        z = np.asarray(X[rows] @ w[:, :-1].T) + w[:, -1]
        found.append(-np.logaddexp(0.0, (1.0 - 2.0 * y[rows, None]) * z).mean(axis=0))
    return np.array(found)


def loosest(
    fit: Callable[[float], Any],
    tols: tuple[float, ...],
    reference: Any,
    longest: float = math.inf,
    scored: Callable[[Any], Any] = scores,
) -> Found | None:
    """Find the first tolerance at which all scores are within the mark; None if there is none.

    scored: gives the scores (folds, Cs) of what `fit` returns.

    A fit that takes longer than `longest` seconds is cut, and is what is found.
    """
    begun = time.perf_counter()
    for tol in tols:
        start = time.perf_counter()
        try:
            with at_most(longest):
                model = fit(tol)
        except Cut:
            return Found(tol, longest, cut=True)
        seconds = time.perf_counter() - start
        if float(np.abs(scored(model) - reference).max()) <= MARK:
            return Found(tol, seconds)
        if time.perf_counter() - begun > LONGEST:
            break
    return None


def run_rivals(quick: bool, n_threads: int) -> list[dict[str, Any]]:
    """Measure seven models of one label against the rest: in shared reads, and one by one."""
    m, n_x, K, tol = (2_000 if quick else 200_000), 54, 7, 1e-8
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((m, n_x))
    Z = rows @ (2.0 * rng.standard_normal((n_x, K)) / np.sqrt(n_x)) + rng.gumbel(size=(m, K))
    labels, X = Z.argmax(axis=1).astype(np.int32), rows.T
    reads: dict[str, int] = {}

    def shared() -> list[float]:
        columns = SharedColumns(design_of(X), labels, n_threads=n_threads)
        found = one_against_rest(columns, range(K), 1.0, tol)
        reads["shared reads"] = columns.passes
        return [fit.cost for fit in found]

    def singles() -> list[float]:
        found = [
            flr.train(
                X, (labels == k)[None, :], solver="auto", lambda_=1.0, tol=tol, n_threads=n_threads
            )
            for k in range(K)
        ]
        reads["single fits"] = sum(result.passes for result in found)
        return [result.cost for result in found]

    if not np.allclose(shared(), singles(), rtol=0.0, atol=2.0 * tol):
        raise Disagreement(f"{RIVALS}: the two ways differ by more than tol")
    calls: dict[str, Callable[[], Any]] = {"shared reads": shared, "single fits": singles}
    times = bench.interleaved(calls, 1 if quick else 9, 60.0)
    ratio = times["single fits"].median / times["shared reads"].median
    return [
        timed_row(RIVALS, name, t, tol=tol, ratio=ratio if k == 0 else 1.0, reads=reads[name])
        for k, (name, t) in enumerate(times.items())
    ]


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as blocks for a page."""
    lines = [
        (
            row["case"],
            row["contender"],
            f"{row['tol']:g}",
            "> " * row.get("cut", False) + bench.digits(1e3 * row["seconds"]),
            "-" if row["reads"] is None else str(row["reads"]),
            "> " * row.get("cut", False) + bench.digits(row["ratio"]),
        )
        for row in result["rows"]
    ]
    headings = ("problem", "contender", "tol", "ms", "reads of X", "it / fastlogreg")
    note = (
        "Medians. Five folds x ten Cs and the full fit, every held-out log-loss within 1e-6. "
        "The last column of the shared reads is single fits / shared reads. "
        "A fit with > was cut there: a lower bound. Where one was, theirs are of one fit each."
    )
    blocks = {"cv": f"{markdown(headings, lines)}\n\n{note} {describe(result['environment'])}"}
    if result["targets"]:
        blocks["cv-targets"] = targets_table(result["targets"])
    return blocks
