"""One run of `train`: read, train, test, print, and write what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..checks.extras import require
from ..models.metadata import finite_settings as finite
from ..models.model import Model
from ..objective.prepared import Settings
from ..training.checkpoint import Checkpoint
from .choosing import follow, print_features
from .coefficients import (
    coefficient_lines,
    coefficients_json,
    standardised_coefficients,
    standardising,
)
from .compiling import compiling
from .line import INTERRUPTED
from .outputs import check_plot, check_writable
from .reading import (
    DataOptions,
    Split,
    classes_of,
    describe,
    read_split,
    read_test,
    read_training,
    truth,
)
from .reporting import Trained, write_report
from .running import (
    Examples,
    RunOptions,
    Task,
    class_weights,
    fit_task,
    metrics_of,
    print_costs,
    print_end,
    print_metrics,
    save_figure,
    settings,
    threshold_of,
)
from .scores import number, score_lines, scores_json
from .summary import require_two_labels, summary_of

GOES_ON = ("iterations", "interrupted")


class Asked(NamedTuple):
    """What a run was asked for beside its files.

    machine: the arguments of `fastlogreg.train` that say how, and not what, to compute.
    """

    source: DataOptions
    run: RunOptions
    machine: Mapping[str, Any]
    max_memory: int | None
    positive: str | None
    split: Split | None
    summary: bool = False


class Files(NamedTuple):
    """The files that training reads and writes; path: lambdas of a path to print in its place."""

    data: Path
    test: Path | None
    out: Path | None
    plot: Path | None
    checkpoint: Path | None
    path: int | None = None
    report: Path | None = None


def train_here(files: Files, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Train on this machine, test, and write what is asked for; give status and what was found."""
    data, test, out, plot, checkpoint, path, page = files
    source, run, machine, max_memory, positive, split, summary = asked
    check_writable(out, data, test)
    check_plot(plot, data, test, out)
    check_writable(page, data, test, out, plot)
    if checkpoint is not None and out is not None and checkpoint.absolute() == out.absolute():
        raise ValueError(f"--checkpoint and --out must be two files; both are {out}")
    testing = None
    if split is None:
        training = read_training(data, source, max_memory)
    else:
        training, testing = read_split(data, source, split)
    Y, labels = classes_of(training, positive)
    sets = [Examples("train", training.X, Y)]
    if test is not None:
        testing = read_test(test, training, source)
    if testing is not None:
        sets.append(Examples("test", testing.X, truth(testing, labels, positive)))
    if summary:
        require_two_labels(len(labels))
    factor: Any = describe(training, Y, labels, run.scale)
    if testing is not None and split is not None:
        print(f"{testing.X.shape[1]} examples are held out to test on (--seed {split.seed})")
    if path is not None:
        return _follow(files, asked, training, Y, len(labels), factor), {}
    shift: Any = 0.0
    if run.standardize and training.feature_names is not None:
        factor, shift = standardising(training.X)
        print("features are standardised (--no-standardize leaves them as they are)")
    elif max_memory is not None and training.feature_names is not None:
        print("features are as they are: --max-memory neither standardises nor takes logarithms")
    extras = run.penalty.extras(training.feature_names, training.X.shape[0], training.table)
    named = training.feature_names is not None
    if run.standardize and named and extras.bounds is not None:  # of the columns as they are
        own = tuple(None if end is None else end / factor for end in extras.bounds)
        extras = extras._replace(bounds=own)
    none = np.empty(0)
    weight = none if run.class_weight is None else class_weights(run.class_weight, Y, labels)
    task = Task(training.X, Y, len(labels), training.feature_names, weight)
    goal = {name: machine[name] for name in ("checkpoint", "checkpoint_every", "resume")}
    with compiling() as compiled:
        result = fit_task(
            task,
            Settings(run.lambda_, factor, shift, machine["backend"], machine["n_threads"]),
            extras,
            solver=run.solver,
            iterations=run.iterations,
            alpha="auto" if run.alpha is None else run.alpha,
            tol=run.tol,
            checkpoint=Checkpoint.of(*goal.values()),
        )
    if run.descent:
        print_costs(result, run.iterations)
    else:
        if compiled.seconds > 0.1:
            print(f"first use: {compiled.seconds:.2g} s compiling, once")
        print_end(result, compiled.seconds)
    if result.proved_zero is not None or not result.w.all():
        print_features(result.w, training.feature_names, result.proved_zero)
    if checkpoint is not None and result.stop_reason in GOES_ON:
        print(f"--checkpoint {checkpoint} --resume goes on from here")
    how = settings(result, lambda_=run.lambda_, backend=machine["backend"], solver=run.solver)
    how |= {"data": data.name, "examples": int(Y.shape[1])}
    how |= run.penalty.settings()
    if run.class_weight is not None:
        how["class_weight"] = run.class_weight
    if positive is not None:
        how["positive"] = labels[1]
    names, shape = training.feature_names, training.image_shape
    of_classes = len(labels) > 2
    w, b = result.w, np.reshape(result.b, (-1, 1)) if of_classes else result.b
    model = Model(w, b, factor, shift, labels, names, shape, how, table=training.table)
    if run.threshold is not None:
        model.settings["threshold"] = threshold_of(run.threshold, model, training.X, Y)
    found = {examples.name: metrics_of(model, examples.X, examples.Y) for examples in sets}
    coefficients = standardised_coefficients(model, training.X)
    if run.descent:
        for examples in sets:
            print_metrics(model, examples.X, examples.Y, examples.name)
    else:
        if coefficients is not None and names is not None:
            print(*coefficient_lines(coefficients, names, labels), sep="\n")
        for name, scores in found.items():
            print(*score_lines(scores, name, labels), sep="\n")
    if out is not None:
        model.save(out)
        print(f"model written to {out}")
    if plot is not None:
        save_figure(plot, result, model, sets[-1], coefficients)
        print(f"figure written to {plot}")
    if page is not None:
        begun = Trained(training, testing, Y, labels, weight, result, compiled.seconds)
        write_report(page, asked, begun, model, [(e, found[e.name]) for e in sets])
        print(f"report written to {page}")
    if summary:
        from ..inference.fitted import How

        print()
        print(summary_of(model, training.X, Y, How(), machine["n_threads"]))
    status = INTERRUPTED if result.stop_reason == "interrupted" else 0
    report = {
        **{key: value for key, value in finite(model.settings).items() if key != "seconds"},
        "seconds": max(0.0, result.seconds - compiled.seconds),
        "compile_seconds": compiled.seconds,
        "features": len(result.w),
        "labels": list(labels),
        "notes": list(training.said),
        "suboptimality_bound": number(result.suboptimality_bound),
        "metrics": {name: scores_json(scores, labels) for name, scores in found.items()},
        "coefficients": coefficients_json(coefficients, names),
        "model": None if out is None else str(out),
        "report": None if page is None else str(page),
    }
    return status, report


def _follow(files: Files, asked: Asked, training: Any, Y: Any, classes: int, factor: float) -> int:
    """Follow many lambdas, print them and draw them; give the exit status."""
    run, machine = asked.run, asked.machine
    where = {name: machine[name] for name in ("backend", "n_threads")}
    goal = {} if run.tol is None else {"tol": run.tol}
    several = {"classes": classes} if classes > 2 else {}
    names, n_x = training.feature_names, training.X.shape[0]
    extras = run.penalty.extras(names, n_x, training.table)
    return follow(
        training.X,
        Y,
        files.path or 0,
        files.plot,
        training.feature_names,
        scale=factor,
        **(extras._asdict() if run.penalty.asked else {}),
        **goal,
        **several,
        **where,
    )


def train_with_dask(
    address: str,
    pattern: Path,
    source: DataOptions,
    run: RunOptions,
    out: Path | None,
    positive: str | None,
) -> int:
    """Train on the files that match, where a scheduler has them read; give the exit status."""
    check_writable(out)
    require("dask", "dask", "--dask")
    from . import distributed

    result, model, metrics = distributed.train(address, pattern, source, run, positive)
    print_costs(result, run.iterations)
    if run.penalty.asked:
        print_features(model.w, model.feature_names, result.proved_zero)
    print(*metrics.lines("train", model.labels), sep="\n")
    if out is not None:
        how = settings(result, lambda_=run.lambda_, backend="fused", solver=run.solver)
        replace(model, settings={**how, **model.settings}).save(out)
        print(f"model written to {out}")
    return INTERRUPTED if result.stop_reason == "interrupted" else 0
