"""The commands that use a model: predict and evaluate."""

from __future__ import annotations

import codecs
import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..checks.labels import encode_labels
from ..files.model import Model
from ..files.writing import atomic_open
from . import options
from .outputs import check_writable
from .reading import DataOptions, labels_of, read_for
from .running import print_metrics, probabilities


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
    """Print label and probability P(y = 1) of each example in DATA, as CSV.

    Labels in DATA are left out.
    """
    check_writable(out, data, model)
    loaded = Model.load(model)
    examples = read_for(loaded, data, DataOptions(x, y, target, header))
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
    examples = read_for(loaded, data, DataOptions(x, y, target, header))
    Y, _ = encode_labels(labels_of(examples), loaded.labels, examples.path)
    print_metrics(loaded, examples.X, Y, "data")


def _write_csv(file: Any, rows: Iterable[tuple[Any, ...]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("example", "label", "probability"))
    writer.writerows(rows)
