"""`fastlogreg train --dask ADDRESS PATTERN`: a model from many files, each a block that a worker
loads and keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from glob import glob
from pathlib import Path
from typing import Any

from ..checks.extras import require
from ..checks.labels import encode_labels
from ..dask import train_on
from ..dask.blocks import Raw, raw_block
from ..dask.collections import load
from ..dask.engine import Engine
from ..files import read_data
from ..files.model import Model
from ..solvers.result import TrainingResult
from ..training.options import Options
from .report import Metrics, ProgressBar


def train(
    address: str,
    pattern: Path,
    how: dict[str, Any],
    lambda_: float,
    scale: float,
    options: Options,
) -> tuple[TrainingResult, Model, Metrics]:
    """Train on every file that matches. how: of `files.read_data`."""
    paths = sorted(glob(str(pattern)))
    if not paths:
        raise FileNotFoundError(f"{pattern}: no file of this name, and none that matches it")
    with scheduler(address):
        arguments = [(str(Path(path).resolve()), how, k) for k, path in enumerate(paths)]
        rows = load(Engine(), _load, arguments)
        found, counts, _ = rows.labels()
        classes = encode_labels(found, source=str(pattern))[1]
        print(f"{pattern}: {rows.m} examples of {rows.n_x} features in {len(paths)} files")
        print(f"labels: {counts[0]} are {classes[0]}, {counts[1]} are {classes[1]} (y = 1)")
        with ProgressBar(options.iterations) as bar:
            result, objective = train_on(
                rows, lambda_, scale, 0.0, None, 0.0, replace(options, callback=bar), classes
            )
        confusion = objective.confusion(result.w[:, 0], result.b)
    (n00, n01), (n10, n11) = confusion
    log_loss = result.cost - 0.5 * objective.decay * float(result.w[:, 0] @ result.w[:, 0])
    wrong = (n01 + n10) / (n00 + n01 + n10 + n11)
    metrics = Metrics(100 - wrong * 100, log_loss, ((n00, n01), (n10, n11)))
    names = None if rows.names is None else tuple(rows.names)
    return result, Model(result.w, result.b, scale, 0.0, classes, names), metrics


@contextmanager
def scheduler(address: str) -> Iterator[None]:
    """The scheduler at this address in charge, or threads of this process for "threads"."""
    dask = require("dask", "dask", "--dask")
    if address == "threads":
        with dask.config.set(scheduler="threads"):
            yield
        return
    distributed = require("distributed", "dask", "--dask")
    try:
        client = distributed.Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise OSError(
            f'no Dask scheduler answers at {address!r} ({error}); give "threads", or the address '
            "that `dask scheduler` "
            f"prints, such as tcp://127.0.0.1:8786"
        ) from error
    with client:
        yield


def _load(path: str, how: dict[str, Any], k: int) -> Raw:
    data = read_data(path, **how)
    if data.y is None:
        raise ValueError(
            f"{path}: no labels found; name them with --target COLUMN for a table, --y NAME for "
            ".h5 and .npz"
        )
    raw = raw_block(data.X.T, data.y, None, k)
    raw.names = data.feature_names
    return raw
