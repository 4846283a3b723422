"""The commands that use a model: predict and evaluate."""

from __future__ import annotations

import codecs
import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..files.model import Model
from ..files.writing import atomic_open
from . import options
from .outputs import check_writable
from .reading import DataOptions, read_for, truth
from .running import predictions, print_metrics, probabilities


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
    """Print label and probability of each example in DATA, as CSV.

    Of two classes it is P(y = 1), of more the probability of each. Labels in DATA are left out.
    """
    check_writable(out, data, model)
    loaded = Model.load(model)
    examples = read_for(loaded, data, DataOptions(x, y, target, header))
    A = probabilities(loaded, examples.X)
    named = [loaded.labels[k] for k in predictions(A)[0].tolist()]
    heads = [f"probability {label}" for label in loaded.labels] if len(A) > 1 else ["probability"]
    rows = zip(range(A.shape[1]), named, *(a.tolist() for a in A))
    if out is None:
        _write_csv(sys.stdout, heads, rows)
        return
    with atomic_open(out) as file:
        _write_csv(codecs.getwriter("utf-8")(file), heads, rows)
    print(f"{A.shape[1]} predictions written to {out}")


def evaluate(
    model: options.ModelFile,
    data: options.DataFile,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
) -> None:
    """Print accuracy, log-loss and confusion counts of MODEL on DATA.

    Of more than two classes also precision and recall of each.
    """
    loaded = Model.load(model)
    examples = read_for(loaded, data, DataOptions(x, y, target, header))
    Y = truth(examples, loaded.labels, loaded.settings.get("positive"))
    print_metrics(loaded, examples.X, Y, "data")


def _write_csv(file: Any, heads: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("example", "label", *heads))
    writer.writerows(rows)
