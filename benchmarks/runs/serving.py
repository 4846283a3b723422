"""`python -m benchmarks serving`: what one answer costs a service, and the first of a process.

One row at a time: an array of one row through `predict_proba` of the estimator and of a loaded
model, beside a plain NumPy product and exponential, all in turn within one process. Calls of
microseconds are timed by the processor's clock: other work on the machine is not in it. The first
answer: a fresh process imports NumPy and fastlogreg, loads a saved model and predicts one row.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import fastlogreg
from fastlogreg.machine.threads import available_threads

from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target
from ..report.tables import markdown, targets_table
from .fresh import in_a_fresh_process

SHAPES = ((30, 2), (784, 2), (30, 10))  # features and classes
CALLS = 1000  # that are timed together
MOST_RATIO, MOST_IMPORT, MOST_FIRST = 2.0, 0.05, 0.35
NUMPY, ESTIMATOR, MODEL, PEER = "NumPy", "estimator", "Model", "scikit-learn"
FIRST = "first answer of a saved model"
CHILD = """
import json, sys, time
import numpy as np
start = time.perf_counter()
import fastlogreg
imported = time.perf_counter() - start
row = json.loads(sys.argv[2])
A = fastlogreg.Model.load(sys.argv[1]).predict_proba(row if isinstance(row, dict) else [row])
assert A.shape == (1, 2) and "numba" not in sys.modules
print(json.dumps([imported, time.perf_counter() - start, time.process_time()]))
"""


def one_row(n_x: int, classes: int) -> dict[str, Callable[[], Any]]:
    """Return the contenders for one row of n_x numbers, held against each other."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, n_x))
    y = np.argmax(X[:, :classes] + rng.standard_normal((400, classes)), axis=1)
    estimator = fastlogreg.LogisticRegression().fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        estimator.save(f"{folder}/model.npz")
        model = fastlogreg.Model.load(f"{folder}/model.npz")
    row = X[:1].copy()
    w, b = estimator.coef_.T.copy(), estimator.intercept_.copy()

    def sigmoid() -> Any:
        return 1.0 / (1.0 + np.exp(-(row @ w + b)))

    def softmax() -> Any:
        e = np.exp(row @ w + b)
        return e / e.sum()

    plain = sigmoid if classes == 2 else softmax
    found = {
        NUMPY: plain,
        ESTIMATOR: lambda: estimator.predict_proba(row),
        MODEL: lambda: model.predict_proba(row),
    }
    try:
        peer = estimator.to_sklearn()
        found[PEER] = lambda: peer.predict_proba(row)
    except ImportError:
        pass
    expected = plain()[0, -1]
    for name, call in found.items():
        if abs(call()[0, -1] - expected) > 1e-12:
            raise ValueError(f"{name} must answer {expected}; got {call()[0, -1]}")
    return found


def in_turn(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median of the processor's seconds for one call of each, timed in turn."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            call()
            start = time.process_time()
            for _ in range(CALLS):
                call()
            samples[name].append((time.process_time() - start) / CALLS)
    return {name: median(seconds) for name, seconds in samples.items()}


def saved_models(folder: Path) -> dict[str, tuple[Path, Any]]:
    """Write a model of numbers and one of a table; their files, and a row for each."""
    numbers = fastlogreg.Model(np.full((30, 1), 0.01), 0.5, labels=("no", "yes"))
    levels = [f"level {k}" for k in range(20)]
    table = {
        "version": 1,
        "columns": [
            {"kind": "number", "name": "age", "fill": 30.0, "indicator": True},
            {"kind": "category", "name": "group", "levels": levels, "missing": True},
        ],
    }
    names = ["age", "age (missing)", *(f"group = {v}" for v in levels), "group = (missing)"]
    encoded = fastlogreg.Model(
        np.full((23, 1), 0.1), 0.0, labels=("no", "yes"), feature_names=tuple(names), table=table
    )
    numbers.save(folder / "numbers.npz")
    encoded.save(folder / "table.npz")
    return {
        "of 30 numbers": (folder / "numbers.npz", [0.0] * 30),
        "of a table's columns": (folder / "table.npz", {"age": 20, "group": "level 3"}),
    }


def run(
    quick: bool = False, say: Callable[[str], None] = print, keep: Keep = keep_nothing
) -> dict[str, Any]:
    """Measure one row at a time, and the first answers of fresh processes; quick: few of each."""
    rows: list[dict[str, Any]] = []
    ratios = []
    for n_x, classes in SHAPES[: 1 if quick else None]:
        case = f"{n_x} features, {classes} classes"
        say(case)
        times = in_turn(one_row(n_x, classes), 3 if quick else 15)
        for name, seconds in times.items():
            rows.append({"case": case, "order": "", "contender": name, "seconds": seconds})
        keep(rows)
        ratios.append(times[ESTIMATOR] / times[NUMPY])
    imports, firsts = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, (path, row) in saved_models(Path(folder)).items():
            say(f"{FIRST}, {name}")
            found = [_first_answer(path, row) for _ in range(2 if quick else 9)]
            whole, imported, own, processor = (list(column) for column in zip(*found))
            imports += imported
            firsts.append(median(processor))
            rows.append(
                {
                    "case": name,
                    "order": "",
                    "contender": FIRST,
                    "seconds": median(whole),
                    "least": min(whole),
                    "own": median(own),
                    "processor": median(processor),
                    "import": median(imported),
                }
            )
            keep(rows)
    targets = [
        target("one row: estimator against NumPy, the slowest", max(ratios), most=MOST_RATIO),
        target("import fastlogreg after NumPy: seconds", median(imports), most=MOST_IMPORT),
        target(f"{FIRST}: seconds of the processor, the slowest", max(firsts), most=MOST_FIRST),
    ]
    return outcome("serving", quick, available_threads(), rows, targets)


def _first_answer(path: Path, row: Any) -> tuple[float, float, float, float]:
    """Return the seconds of a process, of its import, of import to answer, and of the processor."""
    import json

    start = time.perf_counter()
    imported, own, processor = in_a_fresh_process(
        CHILD, (path, json.dumps(row)), "a saved model gave no answer in a fresh process"
    )
    return time.perf_counter() - start, imported, own, processor


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the tables, as blocks for a page."""
    by_case: dict[str, dict[str, float]] = {}
    for row in result["rows"]:
        if row["contender"] != FIRST:
            by_case.setdefault(row["case"], {})[row["contender"]] = row["seconds"]
    contenders = [name for name in (NUMPY, ESTIMATOR, MODEL, PEER) if name in _any(by_case)]
    latency = markdown(
        ("microseconds", *contenders, "estimator / NumPy"),
        [
            (
                case,
                *(f"{1e6 * found[name]:.1f}" for name in contenders),
                f"{found[ESTIMATOR] / found[NUMPY]:.2f}",
            )
            for case, found in by_case.items()
        ],
    )
    first = markdown(
        ("seconds, model", "process", "fastest", "processor", "import to answer", "import"),
        [
            (
                row["case"],
                *(f"{row[key]:.3f}" for key in ("seconds", "least", "processor", "own", "import")),
            )
            for row in result["rows"]
            if row["contender"] == FIRST
        ],
    )
    notes = (
        "Medians. One row, in processor time: `predict_proba` of an array (1, n_features), against "
        "a product and an exponential in NumPy. First answer: from the start of Python to the "
        "answer, with its import of NumPy. `fastest` is the fastest process. `processor` is the "
        "processor time, which other work on the machine does not change. "
    )
    notes += describe(result["environment"])
    return {
        "serving": f"{latency}\n\n{first}\n\n{notes}",
        "serving-targets": targets_table(result["targets"]),
    }


def _any(by_case: dict[str, dict[str, float]]) -> dict[str, float]:
    return next(iter(by_case.values()), {})
