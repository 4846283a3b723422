"""The command train."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..checks.arguments import check_number
from ..solvers import registry
from . import options
from .choosing import read_penalty, solver_for
from .one_run import Asked, Files, train_here, train_with_dask
from .outputs import check_model_file, check_report
from .reading import DataOptions, Split
from .running import RunOptions, learning_rate
from .table_reading import TableOptions

DEFAULT_BACKEND = "fused"
TOL = 1e-10  # where no solver is named, or for a penalty with corners


def train(
    data: options.DataFile,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
    n_features: options.Features = None,
    zero_based: options.ZeroBased = False,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    category: options.Category = None,
    leave_out: options.LeaveOut = None,
    missing: options.Missing = None,
    test: Annotated[
        Path | None,
        typer.Option(
            "--test",
            help="Data to test on, of the same form as DATA.",
            rich_help_panel=options.TESTING,
        ),
    ] = None,
    test_split: Annotated[
        float | None,
        typer.Option(
            "--test-split",
            metavar="SHARE",
            help="Hold out this share of each class to test on: 0.2.",
            rich_help_panel=options.TESTING,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed", help="Of the rows that are held out.", rich_help_panel=options.TESTING
        ),
    ] = 0,
    positive: Annotated[
        str | None,
        typer.Option(
            "--positive",
            help="Train this label against all the others together.",
            rich_help_panel=options.TESTING,
        ),
    ] = None,
    class_weight: Annotated[
        str | None,
        typer.Option(
            "--class-weight",
            metavar="WEIGHTS",
            help='What an example of a class counts: "balanced", or "no=1,yes=5".',
            rich_help_panel=options.TESTING,
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            help='Above which probability y = 1 is predicted: a number, "best-f1", or '
            '"best-cost=A:B", the costs of a wrong 1 and of a wrong 0.',
            rich_help_panel=options.TESTING,
        ),
    ] = None,
    alpha: Annotated[
        str | None,
        typer.Option(
            "--alpha",
            help='Learning rate of the lectures\' gradient descent, or "auto" for the largest safe '
            "one.",
            rich_help_panel=options.TRAINING,
        ),
    ] = None,
    iterations: Annotated[
        int,
        typer.Option("--iterations", help="Steps at most.", rich_help_panel=options.TRAINING),
    ] = 1000,
    solver: Annotated[
        str | None,
        typer.Option(
            "--solver",
            help=f"One of {', '.join(registry.names())}; default: auto, gd with --alpha, or "
            "prox_newton for --l1-ratio, --bounds and --penalty-weights.",
            rich_help_panel=options.TRAINING,
        ),
    ] = None,
    tol: Annotated[
        float | None,
        typer.Option(
            "--tol",
            help="Stop when cost - optimum (lambda 0: the gradient) is proved below it; default: "
            "1e-10 where neither --solver nor --alpha is given, else none.",
            rich_help_panel=options.TRAINING,
        ),
    ] = None,
    standardize: Annotated[
        bool | None,
        typer.Option(
            "--standardize/--no-standardize",
            help="Train on features of mean 0 and variance 1; default: tables only, where none of "
            "--solver, --alpha, --scale, --l1-ratio, --bounds and --penalty-weights is given.",
            rich_help_panel=options.TRAINING,
        ),
    ] = None,
    log: Annotated[
        bool | None,
        typer.Option(
            "--log/--no-log",
            help="Give numbers of at least 0 with a long tail a second feature, log(1 + x / mean); "
            "default: where features are standardised by default.",
            rich_help_panel=options.TRAINING,
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale",
            help="X is multiplied by it; default: 1/255 for uint8 images, else 1.",
            rich_help_panel=options.TRAINING,
        ),
    ] = None,
    lambda_: Annotated[
        float | None,
        typer.Option(
            "--lambda",
            help="Penalty; of L2 lambda / (2 m) ||w||^2, and C = 1 / lambda. Default: 1 where none "
            "of --solver, --alpha, --l1-ratio, --bounds and --penalty-weights is given, else 0.",
            rich_help_panel=options.PENALTY,
        ),
    ] = None,
    l1_ratio: options.L1Ratio = 0.0,
    bounds: options.Bounds = None,
    penalty_weights: options.PenaltyWeights = None,
    path: Annotated[
        int | None,
        typer.Option(
            "--path",
            metavar="N",
            help="Print the optima at N lambdas, from where the first feature comes in; then end.",
            rich_help_panel=options.PENALTY,
        ),
    ] = None,
    backend: options.Backend = DEFAULT_BACKEND,
    threads: options.Threads = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            help="Keep the state of the run in this file, to --resume from.",
            rich_help_panel=options.RUNNING,
        ),
    ] = None,
    checkpoint_every: Annotated[
        float,
        typer.Option(
            "--checkpoint-every",
            help="Seconds between two writes of it.",
            rich_help_panel=options.RUNNING,
        ),
    ] = 30.0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on from the checkpoint; begin where there is none yet.",
            rich_help_panel=options.RUNNING,
        ),
    ] = False,
    max_memory: options.MaxMemory = None,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="ADDRESS",
            help='A Dask scheduler, or "threads"; DATA may be "part-*.parquet".',
            rich_help_panel=options.RUNNING,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write the model to this file.", rich_help_panel=options.OUTPUT),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            help="Write a figure to this .png, .pdf or .svg.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary",
            help="Print standard errors, tests and intervals at the end; lambda is then 0 and the "
            "features as they are, unless you say otherwise.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.html",
            help="Write a page with the data, metrics, curves, coefficients and worst mistakes.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> int:
    """Train on DATA, to the optimum with C = 1; print metrics and the largest coefficients.

    Two labels are the lectures' sigmoid, more are softmax. --alpha and --solver gd are the
    lectures' gradient descent, with its table of costs.
    """
    penalty = read_penalty(l1_ratio, bounds, penalty_weights)
    named = solver_for(solver, penalty, alpha)
    if summary and (penalty.asked or path is not None or dask is not None):
        raise ValueError(
            "--summary is for one model that was trained on this machine, and of L2 alone: leave "
            "it out with --l1-ratio, --bounds, --penalty-weights, --path and --dask"
        )
    if summary and class_weight is not None:
        raise ValueError(
            "--summary is for examples that count alike: leave it out with --class-weight"
        )
    by_default = solver is None and alpha is None and not penalty.asked
    if lambda_ is None:
        lambda_ = 1.0 if by_default and path is None and not summary else 0.0
    elif path is not None:
        lambda_ = check_number("--lambda", lambda_)
    if tol is None and (penalty.asked or (by_default and path is None)):
        tol = TOL
    prepared = by_default and scale is None and path is None and max_memory is None
    prepared = prepared and dask is None and not summary
    if log is None:
        log = prepared and standardize is not False
    if standardize is None:
        standardize = prepared
    elif standardize and (scale is not None or path is not None or max_memory is not None):
        raise ValueError(
            "--standardize is for data in memory: leave out --scale, --path and --max-memory"
        )
    base = lambda_ == 0.0 and path is None
    keep = report is not None
    of_table = TableOptions(delimiter, encoding, category, leave_out, missing, base, keep, log)
    source = DataOptions(x, y, target, header, n_features, of_table, zero_based)
    run = RunOptions(
        learning_rate(alpha),
        iterations,
        lambda_,
        scale,
        named,
        tol,
        penalty,
        standardize,
        class_weight,
        threshold,
        named == "gd",
    )
    check_model_file(out)
    check_report(report)
    split = None
    if test_split is not None:
        share = check_number("--test-split", test_split, low=0)
        if not 0.0 < share < 1.0:
            raise ValueError(f"--test-split must be between 0 and 1; got {share:g}")
        if test is not None or max_memory is not None or path is not None or dask is not None:
            raise ValueError(
                "--test-split holds out rows of DATA: leave out --test, --max-memory, --path and "
                "--dask"
            )
        split = Split(share, int(check_number("--seed", seed, low=0, integer=True)))
    if dask is not None:
        if path is not None or class_weight is not None or threshold is not None:
            raise ValueError(
                "--path, --class-weight and --threshold are for data on this machine: leave them "
                "out with --dask"
            )
        if as_json or quiet:
            raise ValueError("--json and --quiet are for data on this machine")
        others = (test, plot, report, threads, checkpoint, max_memory)
        if any(option is not None for option in others) or resume or backend != DEFAULT_BACKEND:
            raise ValueError(
                "--test, --plot, --report, --threads, --backend, --max-memory, --checkpoint and "
                "--resume are for data on this machine: leave them out with --dask"
            )
        return train_with_dask(dask, data, source, run, out, positive)
    files = Files(data, test, out, plot, checkpoint, report=report)
    machine: dict[str, Any] = {
        "backend": backend,
        "n_threads": threads,
        "checkpoint": checkpoint,
        "checkpoint_every": checkpoint_every,
        "resume": resume,
    }
    if path is not None:
        if (
            any(option is not None for option in (test, out, report, checkpoint))
            or resume
            or lambda_
        ):
            raise ValueError(
                "--path follows many lambdas and keeps no model: leave out --lambda, --test, "
                "--out, --report, --checkpoint and --resume. fastlogreg cv chooses one of them"
            )
        files = files._replace(path=path)
    asked = Asked(source, run, machine, max_memory, positive, split, summary)
    if not (as_json or quiet):
        return train_here(files, asked)[0]
    with contextlib.redirect_stdout(io.StringIO()):
        status, found = train_here(files, asked)
    if as_json:
        print(json.dumps(found, indent=2, allow_nan=False))
    return status
