"""The command train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from ..checks.extras import require
from ..files.model import Model
from ..solvers import registry
from . import options
from .choosing import follow, print_features, read_penalty, solver_for
from .outputs import check_plot, check_writable
from .reading import DataOptions, classes_of, describe, read_test, read_training, truth
from .running import (
    INTERRUPTED,
    Examples,
    RunOptions,
    fit,
    learning_rate,
    print_costs,
    print_metrics,
    save_figure,
    settings,
)
from .summary import require_two_labels, summary_of

DEFAULT_BACKEND = "fused"
TOL = 1e-10  # of a penalty with corners
GOES_ON = ("iterations", "interrupted")


def train(
    data: options.DataFile,
    test: Annotated[
        Path | None, typer.Option("--test", help="Data to test on, of the same form as DATA.")
    ] = None,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    positive: Annotated[
        str | None,
        typer.Option("--positive", help="Train this label against all the others together."),
    ] = None,
    header: options.Header = None,
    n_features: options.Features = None,
    alpha: Annotated[
        str, typer.Option("--alpha", help='Learning rate, or "auto" for the largest safe one.')
    ] = "auto",
    iterations: Annotated[int, typer.Option("--iterations", help="Steps at most.")] = 1000,
    solver: Annotated[
        str | None,
        typer.Option(
            "--solver",
            help=f"One of {', '.join(registry.names())}; default: gd, or prox_newton for "
            "--l1-ratio and --bounds.",
        ),
    ] = None,
    tol: Annotated[
        float | None,
        typer.Option(
            "--tol",
            help="Stop when cost - optimum (lambda 0: the gradient) is proved below it; default: "
            "1e-10 for --l1-ratio and --bounds, else none.",
        ),
    ] = None,
    lambda_: Annotated[
        float, typer.Option("--lambda", help="Penalty; of L2 lambda / (2 m) ||w||^2.")
    ] = 0.0,
    l1_ratio: options.L1Ratio = 0.0,
    bounds: options.Bounds = None,
    path: Annotated[
        int | None,
        typer.Option(
            "--path",
            metavar="N",
            help="Print the optima at N lambdas, from where the first feature comes in; then end.",
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale", help="X is multiplied by it; default: 1/255 for uint8 images, else 1."
        ),
    ] = None,
    backend: options.Backend = DEFAULT_BACKEND,
    threads: options.Threads = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", help="Keep the state of the run in this file, to --resume from."
        ),
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option("--checkpoint-every", help="Seconds between two writes of it.")
    ] = 30.0,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on from the checkpoint; begin where there is none yet."),
    ] = False,
    max_memory: options.MaxMemory = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the model to this file.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a figure to this .png, .pdf or .svg.")
    ] = None,
    summary: Annotated[
        bool,
        typer.Option("--summary", help="Print standard errors, tests and intervals at the end."),
    ] = False,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="ADDRESS",
            help='A Dask scheduler, or "threads"; DATA may be "part-*.parquet".',
        ),
    ] = None,
) -> int:
    """Train on DATA, by default by gradient descent; print costs and metrics.

    Two labels are the lectures' sigmoid, more are softmax.
    """
    source = DataOptions(x, y, target, header, n_features)
    penalty = read_penalty(l1_ratio, bounds)
    if penalty.asked and tol is None:
        tol = TOL
    named = solver_for(solver, penalty)
    run = RunOptions(learning_rate(alpha), iterations, lambda_, scale, named, tol, penalty)
    if summary and (penalty.asked or path is not None or dask is not None):
        raise ValueError(
            "--summary is for one model that was trained on this machine, and of L2 alone: leave "
            "it out with --l1-ratio, --bounds, --path and --dask"
        )
    if dask is not None:
        if penalty.asked or path is not None:
            raise ValueError(
                "--l1-ratio, --bounds and --path are for data on this machine: leave them out with "
                "--dask"
            )
        others = (test, plot, threads, checkpoint, max_memory)
        if any(option is not None for option in others) or resume or backend != DEFAULT_BACKEND:
            raise ValueError(
                "--test, --plot, --threads, --backend, --max-memory, --checkpoint and --resume "
                "are for data on this machine: leave them out with --dask"
            )
        return _train_with_dask(dask, data, source, run, out, positive)
    files = Files(data, test, out, plot, checkpoint)
    machine: dict[str, Any] = {
        "backend": backend,
        "n_threads": threads,
        "checkpoint": checkpoint,
        "checkpoint_every": checkpoint_every,
        "resume": resume,
    }
    if path is not None:
        if any(option is not None for option in (test, out, checkpoint)) or resume or lambda_:
            raise ValueError(
                "--path follows many lambdas and keeps no model: leave out --lambda, --test, "
                "--out, --checkpoint and --resume. fastlogreg cv chooses one of them"
            )
        files = files._replace(path=path)
    return _train_here(files, source, run, machine, max_memory, positive, summary)


class Files(NamedTuple):
    """The files that training reads and writes; path: lambdas of a path to print in its place."""

    data: Path
    test: Path | None
    out: Path | None
    plot: Path | None
    checkpoint: Path | None
    path: int | None = None


def _train_here(
    files: Files,
    source: DataOptions,
    run: RunOptions,
    machine: Mapping[str, Any],
    max_memory: int | None,
    positive: str | None,
    summary: bool,
) -> int:
    """Train on this machine, test, and write what is asked for; give the exit status.

    machine: the arguments of `fastlogreg.train` that say how, and not what, to compute.
    """
    data, test, out, plot, checkpoint, path = files
    check_writable(out, data, test)
    check_plot(plot, data, test, out)
    if checkpoint is not None and out is not None and checkpoint.absolute() == out.absolute():
        raise ValueError(f"--checkpoint and --out must be two files; both are {out}")
    training = read_training(data, source, max_memory)
    Y, labels = classes_of(training, positive)
    sets = [Examples("train", training.X, Y)]
    if test is not None:
        testing = read_test(test, training, source)
        sets.append(Examples("test", testing.X, truth(testing, labels, positive)))
    if summary:
        require_two_labels(len(labels))
    factor = describe(training, Y, labels, run.scale)
    classes = {"classes": len(labels)} if len(labels) > 2 else {}
    if path is not None:
        if classes and (run.penalty.asked or plot is not None):
            raise ValueError(
                f"{training.path}: --path with {run.penalty.asked or '--plot'} is for two labels; "
                f"got {len(labels)}. Take one label against the others with --positive LABEL"
            )
        where = {name: machine[name] for name in ("backend", "n_threads")}
        goal = {} if run.tol is None else {"tol": run.tol}
        return follow(
            training.X,
            Y,
            path,
            plot,
            training.feature_names,
            scale=factor,
            **run.penalty.arguments(),
            **goal,
            **classes,
            **where,
        )
    result = fit(
        training.X,
        Y,
        alpha="auto" if run.alpha is None else run.alpha,
        iterations=run.iterations,
        lambda_=run.lambda_,
        scale=factor,
        solver=run.solver,
        tol=run.tol,
        **run.penalty.arguments(),
        **classes,
        **machine,
    )
    print_costs(result, run.iterations)
    if result.proved_zero is not None or not result.w.all():
        print_features(result.w, training.feature_names, result.proved_zero)
    if checkpoint is not None and result.stop_reason in GOES_ON:
        print(f"--checkpoint {checkpoint} --resume goes on from here")
    how = settings(result, lambda_=run.lambda_, backend=machine["backend"], solver=run.solver)
    if run.penalty.l1_ratio:
        how["l1_ratio"] = run.penalty.l1_ratio
    if run.penalty.bounds is not None:
        how["bounds"] = run.penalty.text
    if positive is not None:
        how["positive"] = labels[1]
    names, shape = training.feature_names, training.image_shape
    model = Model(result.w, result.b, factor, 0.0, labels, names, shape, how)
    for examples in sets:
        print_metrics(model, examples.X, examples.Y, examples.name)
    if out is not None:
        model.save(out)
        print(f"model written to {out}")
    if plot is not None:
        save_figure(plot, result, model, sets[-1])
        print(f"figure written to {plot}")
    if summary:
        from ..inference.fitted import How

        print()
        print(summary_of(model, training.X, Y, How(), machine["n_threads"]))
    return INTERRUPTED if result.stop_reason == "interrupted" else 0


def _train_with_dask(
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
    print(*metrics.lines("train", model.labels), sep="\n")
    if out is not None:
        how = settings(result, lambda_=run.lambda_, backend="fused", solver=run.solver)
        replace(model, settings={**how, **model.settings}).save(out)
        print(f"model written to {out}")
    return INTERRUPTED if result.stop_reason == "interrupted" else 0
