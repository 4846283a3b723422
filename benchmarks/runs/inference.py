"""`python -m benchmarks inference`: standard errors, profile intervals and Firth's fit, to the same
numbers, against statsmodels, glum, firthmodels and R.

What must be found comes from NumPy alone (`cases.maxima`): coefficients and standard errors within
1e-6, ends of intervals and p-values within 1e-5. Each contender is timed at the loosest of its
tolerances that gets there, in turn within one process; R in its own. Reads of X are counted, and
with --large the memory of a summary of a file of 4 GiB is measured.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.inference.likelihood import Likelihood
from fastlogreg.inference.profile import profile_intervals
from fastlogreg.machine.threads import available_threads
from fastlogreg.tools import bench

from ..cases import maxima, studies
from ..cases.expected import Disagreement
from ..contenders import inference, r
from ..contenders.inference import Inference, Kind
from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target, timed_row
from ..report.tables import markdown, targets_table
from .fresh import in_a_fresh_process

MARK, ENDS_MARK = 1e-6, 1e-5
LEVEL_DROP = 0.5 * 3.841458820694124  # of l at the ends of an interval of 95 %
FIRTH_READS = ("Firth, 1,000,000 x 20: reads of X", 40)
ADMIT_READS = ("admit, profile intervals: shared reads of X", 15)
MOST_SECONDS = 10.0  # that a contender is timed for
PAUSE_SECONDS, SAMPLE_SECONDS = 0.15, 0.05  # as in `fastlogreg.tools.bench`
LARGE = "uint8, memory-mapped, fit and summary"
LARGE_BYTES, LARGE_N_X = 4 << 30, 256


class Task(NamedTuple):
    """Holds a study (m, n_x, size of its effects), what is asked of it, and the least ratios of
    peers to this package: where a contender's name begins so."""

    name: str
    kind: Kind
    m: int
    n_x: int
    effect: float
    least: tuple[tuple[str, float], ...] = ()


TASKS = (
    Task(
        "200,000 x 30, fit and summary",
        "summary",
        200_000,
        30,
        0.2,
        (("statsmodels Logit", 8.0), ("glum", 3.0)),
    ),
    Task("5,000 x 10, profile intervals", "profile", 5_000, 10, 0.3),
    Task("Firth, 1,000 x 50, fit", "firth", 1_000, 50, 0.3, (("firthmodels", 2.0),)),
    Task("Firth, 1,000 x 50, fit and standard errors", "firth summary", 1_000, 50, 0.3),
    Task(
        "Firth, 1,000 x 50, profile intervals and tests",
        "firth profile",
        1_000,
        50,
        0.3,
        (("firthmodels", 3.0),),
    ),
)

CHILD = """
import json, sys
import numpy as np
import fastlogreg as flr

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))

def work(X, Y):
    result = flr.train(X, Y, solver="auto", scale=1 / 255, tol=1e-9)
    return result, flr.summary(result, X, Y, scale=1 / 255)

def made(m, n_x):
    rng, rows = np.random.default_rng(0), np.memmap(path, np.uint8, "w+", shape=(m, n_x))
    Y = np.empty((1, m), np.uint8)
    for lo in range(0, m, 4096):
        block = np.frombuffer(rng.bytes(min(4096, m - lo) * n_x), np.uint8).reshape(-1, n_x)
        rows[lo:lo + 4096] = block
        z = (block[:, :8].mean(axis=1) - 127.5) / 30.0
        Y[0, lo:lo + len(block)] = rng.random(len(block)) < 1 / (1 + np.exp(-z))
    rows.flush()
    del rows
    X = np.memmap(path, np.uint8, "r", shape=(m, n_x)).T
    for lo in range(0, m, 4096):
        X[:, lo:lo + 4096].max()
    return X, Y

n_bytes, n_x, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
work(*made(5000, n_x))
X, Y = made(n_bytes // n_x, n_x)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = peak()
result, summary = work(X, Y)
print(json.dumps([X.nbytes, peak() - before, result.passes, summary.passes,
                  bool(np.isfinite(summary.standard_errors).all())]))
"""


def run(
    quick: bool,
    say: Callable[[str], None],
    problem: str = "",
    data: Path | None = None,
    large: bool = False,
    keep: Keep = keep_nothing,
) -> dict[str, Any]:
    """Measure each case whose name holds `problem`; quick: a tenth of the examples, ten columns."""
    rows: list[dict[str, Any]] = []
    targets: list[dict[str, Any]] = []
    for task in TASKS:
        if problem in task.name:
            of_task = run_task(shortened(task) if quick else task, 1 if quick else 5, say)
            rows += of_task
            keep(rows)
            if not quick:
                targets += _targets(task, of_task)
    figures, left_out = _figures(quick, say, problem, data, large)
    if not quick:
        targets += [target(f["what"], f["found"], most=f["most"]) for f in figures if f["most"]]
    more = {"figures": figures, "left_out": left_out}
    return outcome("inference", quick, available_threads(), rows, targets, **more)


def shortened(task: Task) -> Task:
    """Return the task with a tenth of its examples, and five columns at most."""
    return task._replace(m=task.m // 10, n_x=min(task.n_x, 5))


def _targets(task: Task, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for name, least in task.least:
        ratios = [
            row["ratio"] for row in rows if row["contender"].startswith(name) and row["seconds"]
        ]
        what = f"{task.name}: {name} / fastlogreg"
        found.append(target(what, min(ratios, default=np.nan), least=least))
    return found


def run_task(task: Task, rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Find each contender's tolerance, and time them in turn."""
    say(task.name)
    X, y = studies.study(task.m, task.n_x, task.effect)
    expected = expected_inference(task.kind, X, y)
    there, missing = inference.contenders(task.kind, X, y)
    calls: dict[str, Callable[[], Any]] = {}
    chosen: dict[str, float] = {}
    off: dict[str, list[float]] = {}
    untimed = dict.fromkeys(missing, "not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, one in there.items():
            found = loosest(one, expected)
            if found is None:
                untimed[name] = "does not agree"
            else:
                chosen[name], off[name] = found
                calls[name] = lambda one=one, tol=chosen[name]: one.fit(tol)
            say(f"  {name}: {untimed.get(name) or f'tol {chosen[name]:g}'}")
        if "fastlogreg" not in chosen:
            raise Disagreement(f"{task.name}: this package does not agree with NumPy's reference")
        times = bench.interleaved(calls, rounds, MOST_SECONDS)
        cpu = processor_seconds(calls, min(rounds, 3))
    base = times["fastlogreg"].median
    rows = [
        timed_row(
            task.name,
            name,
            times[name],
            tol=chosen[name],
            ratio=times[name].median / base,
            cpu=cpu[name],
            off=off[name],
            note="",
        )
        for name in chosen
    ]
    rows += [_untimed(task.name, name, note) for name, note in untimed.items()]
    rows.append(_of_r(task, X, y, expected, 1 if rounds == 1 else 3, base))
    return rows


def _of_r(
    task: Task, X: Any, y: Any, expected: Inference, count: int, base: float
) -> dict[str, Any]:
    name, found = r.NAMES[task.kind], r.infer(task.kind, X, y, count)
    if isinstance(found, str):
        return _untimed(task.name, name, found)
    row = _untimed(task.name, name, "in its own process, at its own tolerance")
    seconds = found.median
    return {
        **row,
        "seconds": seconds,
        "ratio": seconds / base,
        "off": differences(found.found, expected),
    }


def _untimed(case: str, name: str, note: str) -> dict[str, Any]:
    more = {"seconds": None, "cpu": None, "tol": None, "ratio": None, "off": [], "note": note}
    return {"case": case, "order": "", "contender": name, **more}


def processor_seconds(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the least processor time of one call, of all threads, calls in turn.

    It does not grow with what else the machine does, but for caches. Threads of BLAS that wait are
    in it.
    """
    least = dict.fromkeys(calls, np.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(PAUSE_SECONDS)
            call()
            begun, count = time.process_time(), 0
            while count == 0 or time.process_time() - begun < SAMPLE_SECONDS:
                call()
                count += 1
            least[name] = min(least[name], (time.process_time() - begun) / count)
    return least


def expected_inference(kind: Kind, X: Any, y: Any) -> Inference:
    """Compute what must be found, by NumPy alone."""
    curve = maxima.curve_of(X, y, kind.startswith("firth"))
    top = maxima.maximum(curve)
    if kind == "firth":
        return Inference(top.theta)
    errors = curve.logistf_errors(top.theta) if curve.firth else top.errors
    if not kind.endswith("profile"):
        return Inference(top.theta, errors)
    places = range(len(top.theta))
    ends = [
        [maxima.profile_end(curve, top, j, side, LEVEL_DROP) for j in places]
        for side in (-1.0, 1.0)
    ]
    ratios = [maxima.likelihood_ratio(curve, top, j) for j in places]
    tails = np.array([_chi2_tail(ratio) for ratio in ratios])
    return Inference(top.theta, errors, np.array(ends[0]), np.array(ends[1]), tails)


def _chi2_tail(ratio: float) -> float:
    from math import erfc, sqrt

    return erfc(sqrt(max(0.0, ratio) / 2.0))


def differences(found: Inference, expected: Inference) -> list[float]:
    """Return the largest differences: of theta; of errors, relative; of ends, in standard errors,
    or of p-values; each where there is something to compare."""
    off = [np.abs(found.theta - expected.theta).max()]
    if expected.errors.size and found.errors.size:
        off.append(np.abs(found.errors / expected.errors - 1.0).max())
    if expected.lower.size:
        ends = np.concatenate([found.lower - expected.lower, found.upper - expected.upper])
        off.append(np.abs(ends / np.tile(expected.errors, 2)).max())
        if found.p_values.size:
            off[-1] = max(off[-1], np.abs(found.p_values - expected.p_values).max())
    return [float(each) for each in off]


def loosest(
    one: inference.InferenceContender, expected: Inference
) -> tuple[float, list[float]] | None:
    """Find the first tolerance at which all agrees, and by how much; None if there is none."""
    marks = (MARK, MARK, ENDS_MARK)
    for tol in one.tols:
        try:
            off = differences(one.fit(tol), expected)
        except Exception:
            return None  # a package that fails here is one contender less
        if all(each <= mark for each, mark in zip(off, marks)):
            return float(tol), off
    return None


def _figures(
    quick: bool, say: Callable[[str], None], problem: str, data: Path | None, large: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """Count reads, and measure memory; name what is left out."""
    figures: list[dict[str, Any]] = []
    left_out = []
    if problem in FIRTH_READS[0]:
        say(FIRTH_READS[0])
        X, y = studies.study(10_000 if quick else 1_000_000, 20, 0.3)
        model = flr.LogisticRegression(C=np.inf, bias_reduction="firth", tol=1e-8).fit(X, y)
        figures.append(_figure(FIRTH_READS[0], float(model.history_[-1][0]), FIRTH_READS[1]))
    if problem in ADMIT_READS[0]:
        found = studies.admit(data)
        if found is None:
            left_out.append(f"{ADMIT_READS[0]}: its data is not here")
        else:
            X, y = found
            likelihood = Likelihood(design_of(np.ascontiguousarray(X.T)), y)
            reads = profile_intervals(likelihood, likelihood.maximum()).reads
            figures.append(_figure(ADMIT_READS[0], float(reads), ADMIT_READS[1]))
    if not large:
        left_out.append(f"{LARGE}: only with --large")
    elif problem in LARGE:
        say(LARGE)
        figures += measure_large(LARGE_BYTES >> 6 if quick else LARGE_BYTES)
    return figures, left_out


def _figure(what: str, found: float, most: float | None = None) -> dict[str, Any]:
    return {"what": what, "found": found, "most": most}


def measure_large(n_bytes: int, n_x: int = LARGE_N_X) -> list[dict[str, Any]]:
    """Measure the peak above X and the reads of a fit and its summary, in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = (n_bytes, n_x, f"{folder}/X.bin")
        found = in_a_fresh_process(CHILD, arguments, f"{LARGE} failed in a fresh process")
    x_bytes, above, fit_reads, reads, finite = found
    if not finite:
        raise Disagreement(f"{LARGE}: standard errors are not finite")
    name = f"{x_bytes / 2**30:.2f} GiB {LARGE}"
    return [
        _figure(f"{name}: peak above X, MiB", above / 2**20),
        _figure(f"{name}: bytes above X for each example", above / (x_bytes / n_x)),
        _figure(f"{name}: reads of the fit", fit_reads),
        _figure(f"{name}: reads beyond the fit", reads, 1),
    ]


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the tables, as blocks for a page."""
    headings = ("case", "contender", "tol", "ms", "it / fastlogreg", "CPU ms", "off by", "note")
    lines = [
        (
            row["case"],
            row["contender"],
            "-" if row["tol"] is None else f"{row['tol']:g}",
            *("-" if row[k] is None else bench.digits(f * row[k]) for k, f in _SHOWN),
            ", ".join(f"{each:.0e}" for each in row["off"]) or "-",
            row["note"],
        )
        for row in result["rows"]
    ]
    note = (
        "ms: medians, and their ratio. CPU ms: the least processor time, of all threads. Each "
        "contender is at the loosest of its tolerances with which coefficients and standard errors "
        "are within 1e-6 of NumPy's, ends and p-values within 1e-5. Off by: the largest difference "
        "of a coefficient; of a standard error, relative; of an end in standard errors, or of a "
        "p-value."
    )
    figures = [(f["what"], bench.digits(f["found"])) for f in result["figures"]]
    left_out = "".join(f"\n\nLeft out: {text}." for text in result["left_out"])
    blocks = {
        "inference": f"{markdown(headings, lines)}\n\n{note} {describe(result['environment'])}",
        "inference-reads": markdown(("what", "found"), figures) + left_out,
    }
    if result["targets"]:
        blocks["inference-targets"] = targets_table(result["targets"])
    return blocks


_SHOWN = (("seconds", 1e3), ("ratio", 1.0), ("cpu", 1e3))
