"""`fastlogreg train --dask ADDRESS PATTERN` reads many files, each a block that a worker keeps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from glob import glob
from pathlib import Path

import numpy as np

from ..checks.arguments import check_number
from ..checks.extras import require
from ..checks.labels import encode_labels, one_against_rest
from ..checks.penalties import check_penalties
from ..dask import train_on
from ..dask.collections import load
from ..dask.engine import Engine
from ..dask.raw import Raw, first_of, raw_block
from ..files import read_data
from ..files.columns import left_out_text
from ..models.model import Model
from ..solvers.result import TrainingResult
from ..training.options import Options
from .choosing import SOLVER
from .reading import DataOptions, labels_of
from .report import Metrics, ProgressBar, label_lines
from .running import RunOptions
from .table_reading import numbers_alone


def train(
    address: str, pattern: Path, source: DataOptions, run: RunOptions, positive: str | None
) -> tuple[TrainingResult, Model, Metrics]:
    """Train on every file that matches."""
    alpha = "auto" if run.alpha is None else run.alpha
    options = Options.checked(run.solver, run.iterations, alpha=alpha, tol=run.tol)
    lambda_, checked = check_number("lambda_", run.lambda_, low=0), None
    paths = sorted(glob(str(pattern)))
    if not paths:
        raise FileNotFoundError(f"{pattern}: no file of this name, and none that matches it")
    scale = 1.0 if run.scale is None else run.scale
    with scheduler(address):
        with numbers_alone("--dask"):
            rows = load(Engine(), _load, [(str(Path(path).resolve()), source) for path in paths])
        rows.take_numbers()  # the words of one file alone do not say whether all are numbers
        if rows.left_out:
            warnings.warn(left_out_text(pattern, rows.left_out), stacklevel=2)
        found, counts, _ = rows.labels()
        classes, one = encode_labels(found, source=str(pattern))[1], {}
        if positive is not None:
            of_label, classes = one_against_rest(found, positive, str(pattern))
            ones = int(of_label[0] @ counts)
            counts = np.array([counts.sum() - ones, ones])
            one = {"positive": classes[1]}
        if run.solver == SOLVER:
            checked = check_penalties(*run.penalty.extras(rows.names, rows.n_x)[:4], rows.n_x)
        print(f"{pattern}: {rows.m} examples of {rows.n_x} features in {len(paths)} files")
        print(*label_lines(counts, classes), sep="\n")
        with ProgressBar(run.iterations) as bar:
            shown = replace(options, callback=bar)
            result, objective = train_on(
                rows, lambda_, scale, 0.0, (None, 0.0), shown, classes, checked
            )
        theta = objective.taken(result.w, result.b)
        table = objective.confusion(theta)
    w = theta.reshape(objective.columns, -1)[:, :-1].reshape(-1)
    log_loss = result.cost - objective.penalty.value(w)
    wrong = float((table.sum() - np.trace(table)) / table.sum())
    metrics = Metrics.counted(table, log_loss, 100 - wrong * 100)
    names = None if rows.names is None else tuple(rows.names)
    kept = {**one, **run.penalty.settings()}
    return result, Model(result.w, result.b, scale, 0.0, classes, names, settings=kept), metrics


@contextmanager
def scheduler(address: str) -> Iterator[None]:
    """Put the scheduler at this address in charge, or threads of this process for "threads"."""
    dask = require("dask", "dask", "--dask")
    if address == "threads":
        with dask.config.set(scheduler="threads"):
            yield
        return
    distributed = require("distributed", "dask", "--dask")
    try:
        # Not the default: one that could not connect would stay it until it is collected.
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise OSError(
            f'no Dask scheduler answers at {address!r} ({error}); give "threads", or the address '
            "that `dask scheduler` "
            f"prints, such as tcp://127.0.0.1:8786"
        ) from error
    with client, dask.config.set(scheduler=client):
        yield


def _load(path: str, source: DataOptions) -> Raw:
    """Read one file as a block; labels that are text stay the words that are written."""
    data = read_data(path, **source.of_file(), spelt=True)
    raw = raw_block(data.X.T, labels_of(data), None, path)
    if raw.y.dtype.kind == "U":
        raw.labels = raw.labels._replace(kind="text", missing=first_of(raw.y == ""))
    raw.names, raw.left_out = data.feature_names, data.left_out
    return raw
