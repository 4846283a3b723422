"""The commands train, predict and evaluate."""

from __future__ import annotations

import codecs
import csv
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ..checks.arguments import check_number
from ..checks.extras import require
from ..checks.labels import encode_labels
from ..data.row_blocks import RowBlocks
from ..figures.training import training_figure
from ..files import read_data
from ..files.arrays import map_npy
from ..files.common import Data, UnknownName
from ..files.model import Model
from ..files.writing import atomic_open
from ..solvers import registry
from ..solvers.result import STOP_REASONS, TrainingResult
from ..training.options import Options
from . import options
from .report import Metrics, ProgressBar, cost_lines

Array = NDArray[Any]
DEFAULT_BACKEND = "fused"
INTERRUPTED = 130  # what a shell reports of a program ended by Ctrl-C
GOES_ON = ("iterations", "interrupted")
FIGURES = (".png", ".pdf", ".svg")


def train(
    data: options.DataFile,
    test: Annotated[
        Path | None, typer.Option("--test", help="Data to test on, of the same form as DATA.")
    ] = None,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
    n_features: options.Features = None,
    alpha: Annotated[
        str, typer.Option("--alpha", help='Learning rate, or "auto" for the largest safe one.')
    ] = "auto",
    iterations: Annotated[int, typer.Option("--iterations", help="Steps at most.")] = 1000,
    solver: Annotated[
        str, typer.Option("--solver", help=f"One of {', '.join(registry.names())}.")
    ] = "gd",
    tol: Annotated[
        float | None,
        typer.Option(
            "--tol", help="Stop when cost - optimum (lambda 0: the gradient) is proved below it."
        ),
    ] = None,
    lambda_: Annotated[
        float, typer.Option("--lambda", help="L2 penalty: lambda / (2 m) ||w||^2.")
    ] = 0.0,
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
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="ADDRESS",
            help='A Dask scheduler, or "threads"; DATA may be "part-*.parquet".',
        ),
    ] = None,
) -> int:
    """Train on DATA, by default by gradient descent; print costs and metrics."""
    if dask is not None:
        others = (test, plot, threads, checkpoint, max_memory)
        if any(option is not None for option in others) or resume or backend != DEFAULT_BACKEND:
            raise ValueError(
                "--test, --plot, --threads, --backend, --max-memory, --checkpoint and --resume "
                "are for data on this machine: "
                "leave them out with --dask"
            )
        check_writable(out)
        how = {"x": x, "y": y, "target": target, "n_features": n_features, "header": header}
        return _train_with_dask(
            dask, data, how, alpha, iterations, lambda_, scale, solver, tol, out
        )
    check_writable(out, data, test)
    check_plot(plot, data, test, out)
    if checkpoint is not None and out is not None and checkpoint.absolute() == out.absolute():
        raise ValueError(f"--checkpoint and --out must be two files; both are {out}")
    if max_memory is None:
        training = read_data(data, x=x, y=y, target=target, n_features=n_features, header=header)
    else:
        training = _in_blocks(data, x, y, target, max_memory)
    if n_features is not None and training.X.shape[0] != n_features:
        raise ValueError(
            f"--n-features is {n_features}, and {data} has {training.X.shape[0]} features"
        )
    Y, labels = encode_labels(_labels_of(training), source=training.path)
    sets = [("train", training, Y)]
    if test is not None:
        testing = _read_test(test, training, x, y, target, header)
        sets.append(("test", testing, encode_labels(_labels_of(testing), labels, testing.path)[0]))
    factor = _describe(training, Y, labels, scale)

    result = fit(
        training.X,
        Y,
        alpha=alpha if alpha == "auto" else _number("alpha", alpha),
        iterations=iterations,
        lambda_=lambda_,
        scale=factor,
        solver=solver,
        tol=tol,
        backend=backend,
        n_threads=threads,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        resume=resume,
    )
    print_costs(result, iterations)
    if checkpoint is not None and result.stop_reason in GOES_ON:
        print(f"--checkpoint {checkpoint} --resume goes on from here")
    how = settings(result, lambda_=lambda_, backend=backend, solver=solver)
    names, shape = training.feature_names, training.image_shape
    model = Model(result.w, result.b, factor, 0.0, labels, names, shape, how)
    for name, examples, truth in sets:
        print_metrics(model, examples.X, truth, name)
    if out is not None:
        model.save(out)
        print(f"model written to {out}")
    if plot is not None:
        name, examples, truth = sets[-1]
        save_figure(plot, result, model, examples.X, truth, name)
        print(f"figure written to {plot}")
    return INTERRUPTED if result.stop_reason == "interrupted" else 0


def predict(
    model: options.ModelFile,
    data: options.DataFile,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to this .csv instead of the terminal.")
    ] = None,
) -> None:
    """Print label and probability P(y = 1) of each example in DATA, as CSV; labels in DATA are left
    out."""
    check_writable(out, data, model)
    loaded = Model.load(model)
    examples = _read_for(loaded, data, x=x, y=y, target=target, header=header)
    A = probabilities(loaded, examples.X)
    rows = zip(range(A.size), [loaded.labels[int(a > 0.5)] for a in A[0]], A[0].tolist())
    if out is None:
        _write_csv(sys.stdout, rows)
        return
    with atomic_open(out) as file:
        _write_csv(codecs.getwriter("utf-8")(file), rows)
    print(f"{A.size} predictions written to {out}")


def evaluate(
    model: options.ModelFile,
    data: options.DataFile,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
) -> None:
    """Print accuracy, log-loss and confusion counts of MODEL on DATA."""
    loaded = Model.load(model)
    examples = _read_for(loaded, data, x=x, y=y, target=target, header=header)
    Y, _ = encode_labels(_labels_of(examples), loaded.labels, examples.path)
    print_metrics(loaded, examples.X, Y, "data")


# ---------------------------------------------------------------- shared with demo


def fit(X: Array, Y: Array, *, iterations: int, **arguments: Any) -> TrainingResult:
    """`fastlogreg.train` behind a progress bar."""
    from ..api import train as train_on_arrays

    with ProgressBar(iterations) as bar:
        return train_on_arrays(X, Y, iterations=iterations, callback=bar, **arguments)


def settings(result: TrainingResult, **given: Any) -> dict[str, Any]:
    """What a model file keeps of the run."""
    found = ("alpha", "iterations", "stop_reason", "cost", "gradient_norm", "seconds")
    return {**given, **{name: getattr(result, name) for name in found}}


def probabilities(model: Model, X: Array) -> NDArray[np.float64]:
    """P(y = 1), (1, m)."""
    from ..api import predict_proba

    return predict_proba(model.w, model.b, X, scale=model.scale, shift=model.shift)


def print_costs(result: TrainingResult, iterations: int) -> None:
    print(*cost_lines(result.costs, iterations), sep="\n")
    print(
        f"Stopped after {result.iterations} iterations, {result.seconds:.2f} s: "
        f"{STOP_REASONS[result.stop_reason]}"
    )
    alpha = (
        "" if np.isnan(result.alpha) else f", alpha {result.alpha:.4g}"
    )  # NaN: a solver without one
    print(f"Cost {result.cost:.6f}, gradient norm {result.gradient_norm:.3g}{alpha}")


def print_metrics(model: Model, X: Array, Y: Array, name: str) -> None:
    from ..api import propagate

    predicted = (probabilities(model, X) > 0.5).astype(np.uint8)
    log_loss = propagate(model.w, model.b, X, Y, scale=model.scale, shift=model.shift).cost
    print(*Metrics.of(Y, predicted, log_loss).lines(name, model.labels), sep="\n")


def save_figure(
    path: Path, result: TrainingResult, model: Model, X: Array, Y: Array, examples: str
) -> None:
    """The figure of one run, with the worst mistakes among X, Y if these are images."""
    figure = training_figure(
        result.costs,
        alpha=None if np.isnan(result.alpha) else result.alpha,
        w=model.w,
        image_shape=model.image_shape,
        X=X
        if isinstance(X, np.ndarray)
        else None,  # blocks are not looked through again for single images
        Y=Y,
        A=probabilities(model, X),
        labels=model.labels,
        examples=examples,
    )
    with atomic_open(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=150)


def check_writable(path: Path | None, *others: Path | None) -> None:
    """Before any work: can the file be written, and is it none of the others (what is read, and
    what else is written)."""
    if path is None:
        return
    folder = Path(os.path.realpath(path)).parent
    if path.is_dir():
        raise ValueError(f"cannot write {path}: it is a folder")
    if not folder.is_dir():
        raise ValueError(f"cannot write {path}: its folder does not exist")
    if path.exists() and not path.is_file():
        raise ValueError(f"cannot write {path}: it is not a regular file")
    for other in others:
        if other is not None and os.path.realpath(path) == os.path.realpath(other):
            raise ValueError(
                f"cannot write {path}: it is another file of this command; give it a name of its "
                "own"
            )
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from error


def check_plot(path: Path | None, *others: Path | None) -> None:
    """Before any work: can this figure be drawn and written."""
    check_writable(path, *others)
    if path is not None:
        if path.suffix.lower() not in FIGURES:
            raise ValueError(f"a figure must end in {', '.join(FIGURES)}; got {path}")
        require("matplotlib", "plots", "drawing a figure")


# ---------------------------------------------------------------- the rest


def _train_with_dask(
    address: str,
    pattern: Path,
    how: dict[str, Any],
    alpha: str,
    iterations: int,
    lambda_: float,
    scale: float | None,
    solver: str,
    tol: float | None,
    out: Path | None,
) -> int:
    require("dask", "dask", "--dask")
    from . import distributed

    options = Options.checked(
        solver,
        iterations,
        alpha=alpha if alpha == "auto" else _number("alpha", alpha),
        tol=tol,
    )
    lambda_ = check_number("lambda_", lambda_, low=0)
    result, model, metrics = distributed.train(
        address, pattern, how, lambda_, 1.0 if scale is None else scale, options
    )
    print_costs(result, iterations)
    print(*metrics.lines("train", model.labels), sep="\n")
    if out is not None:
        replace(
            model, settings=settings(result, lambda_=lambda_, backend="fused", solver=solver)
        ).save(out)
        print(f"model written to {out}")
    return INTERRUPTED if result.stop_reason == "interrupted" else 0


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'{name} must be a number or "auto"; got {text!r}') from None


def _labels_of(data: Data) -> Array:
    if data.y is None:
        raise ValueError(
            f"{data.path}: no labels found; name them with --target COLUMN for a table, --y NAME "
            "for .h5 and .npz, "
            "--y FILE.npy for .npy"
        )
    return data.y


def _in_blocks(
    path: Path, x: str | None, y: str | None, target: str | None, max_memory: int
) -> Data:
    """The same data, whose X is `RowBlocks`."""
    suffix, X, labels = path.suffix.lower(), None, None
    if suffix == ".parquet" and target is not None and y is None:
        columns = None if x is None else x.split(",")
        X, labels = RowBlocks.from_parquet(path, target, columns=columns, max_memory=max_memory)
    elif suffix in (".h5", ".hdf5") and x is not None and y is not None and target is None:
        X, labels = RowBlocks.from_hdf5(path, x, y, max_memory=max_memory)
    elif suffix == ".npy" and x is None and y is not None and target is None:
        X, labels = RowBlocks(path, max_memory=max_memory), map_npy(Path(y)).reshape(-1)
    else:
        raise ValueError(
            "--max-memory reads .npy with --y FILE.npy, .h5 with --x and --y, and .parquet with "
            "--target in blocks; "
            f"got {path}"
        )
    if len(labels) != X.shape[1]:
        raise ValueError(f"{path}: X has {X.shape[1]} examples, and there are {len(labels)} labels")
    values: Any = X
    return Data(values, labels, X.names, X.image_shape, str(path))


def _read_test(
    path: Path,
    training: Data,
    x: str | None,
    y: str | None,
    target: str | None,
    header: bool | None,
) -> Data:
    """The test set: columns as in training; datasets of the same names, or else guessed (train_x,
    test_x)."""
    n_x = training.X.shape[0]
    columns: str | Sequence[str] | None = training.feature_names or x
    try:
        data = read_data(path, x=columns, y=y, target=target, n_features=n_x, header=header)
    except UnknownName:
        if training.feature_names is not None:
            raise
        data = read_data(path, n_features=n_x)
    return _check_features(data, n_x)


def _read_for(model: Model, path: Path, *, x: str | None = None, **how: Any) -> Data:
    """Data for a model: its columns where it has names for them."""
    n_x = model.w.shape[0]
    return _check_features(read_data(path, x=x or model.feature_names, n_features=n_x, **how), n_x)


def _check_features(data: Data, n_x: int) -> Data:
    if data.X.shape[0] != n_x:
        raise ValueError(
            f"X must have {n_x} features, as in training; {data.path} has {data.X.shape[0]}"
        )
    return data


def _describe(data: Data, Y: Array, labels: tuple[Any, Any], scale: float | None) -> float:
    """Say what the training data are; returns the scale to use: as given, or 1/255 for uint8
    images, else 1."""
    n_x, m = data.X.shape
    shape = f" ({' x '.join(map(str, data.image_shape))})" if data.image_shape else ""
    ones = int(Y.sum())
    print(f"{data.path}: {m} examples of {n_x} features{shape}, {data.X.dtype}")
    print(f"labels: {m - ones} are {labels[0]}, {ones} are {labels[1]} (y = 1)")
    if scale is not None:
        print(f"X is scaled by {scale}")
        return scale
    if data.image_shape is not None and data.X.dtype == np.uint8:
        print("uint8 images: pixels are scaled by 1/255 (--scale sets another factor)")
        return 1 / 255
    return 1.0


def _write_csv(file: Any, rows: Iterable[tuple[Any, ...]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("example", "label", "probability"))
    writer.writerows(rows)
