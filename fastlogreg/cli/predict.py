"""The commands that use a model: predict and evaluate."""

from __future__ import annotations

import codecs
import csv
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from ..checks.extras import require
from ..files.columns import column_position
from ..files.writing import atomic_open
from ..models.model import Model
from . import options
from .outputs import check_writable
from .reading import DataOptions, read_for, truth
from .running import metrics_of, predictions, probabilities, threshold_in
from .scores import score_lines, scores_json
from .table_reading import TableOptions, opened

ENDINGS = (".csv", ".parquet", ".jsonl")


def predict(
    model: options.ModelFile,
    data: options.DataFile,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    zero_based: options.ZeroBased = False,
    id_: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="COLUMN",
            help="Column of a table that names each row, instead of numbers from 0.",
            rich_help_panel=options.READING,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write to this .csv, .parquet or .jsonl instead of the terminal.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
) -> None:
    """Print label and probability of each example in DATA, as CSV.

    Of two classes it is P(y = 1), of more the probability of each. Labels in DATA are left out.
    """
    check_writable(out, data, model)
    if out is not None and out.suffix.lower() not in ENDINGS:
        raise ValueError(f"--out must end in {', '.join(ENDINGS)}; got {out}")
    loaded = Model.load(model)
    source = DataOptions(x, y, target, header, None, TableOptions(delimiter, encoding), zero_based)
    if id_ is not None and (not source.is_table(data) or str(data) == "-"):
        raise ValueError(f"--id names a column of a table in a file; got {data}")
    examples = read_for(loaded, data, source)
    A = probabilities(loaded, examples.X)
    said = predictions(A, threshold_in(loaded))[0].tolist()
    named = [loaded.labels[k] for k in said]
    of = loaded.labels if len(A) > 1 else loaded.labels[1:]
    key, keys = "example", list(range(A.shape[1]))
    if id_ is not None:
        key, keys = _column(data, source, id_)
    columns = Columns([key, "label", *(f"P({label})" for label in of)], [keys, named, *A.tolist()])
    if out is None:
        _write_csv(sys.stdout, columns)
        return
    with atomic_open(out) as file:
        if out.suffix.lower() == ".parquet":
            _write_parquet(file, columns)
        elif out.suffix.lower() == ".jsonl":
            _write_lines(codecs.getwriter("utf-8")(file), columns)
        else:
            _write_csv(codecs.getwriter("utf-8")(file), columns)
    print(f"{A.shape[1]} predictions written to {out}")


def evaluate(
    model: options.ModelFile,
    data: options.DataFile,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    zero_based: options.ZeroBased = False,
    as_json: options.Json = False,
) -> None:
    """Print accuracy, AUC, log-loss and confusion counts of MODEL on DATA.

    Of each class also precision and recall.
    """
    loaded = Model.load(model)
    source = DataOptions(x, y, target, header, None, TableOptions(delimiter, encoding), zero_based)
    examples = read_for(loaded, data, source)
    Y = truth(examples, loaded.labels, loaded.settings.get("positive"))
    scores = metrics_of(loaded, examples.X, Y)
    if as_json:
        found = {"data": str(data), "examples": Y.shape[1], **scores_json(scores, loaded.labels)}
        print(json.dumps(found, indent=2, allow_nan=False))
        return
    print(*score_lines(scores, "data", loaded.labels), sep="\n")


class Columns(NamedTuple):
    """Columns to write: their heads, and the values of each."""

    heads: list[str]
    values: Sequence[Sequence[Any]]

    def rows(self) -> Iterable[tuple[Any, ...]]:
        """Return the rows."""
        return zip(*self.values)


def _column(path: Path, source: DataOptions, key: str) -> tuple[str, list[Any]]:
    """Read the column that names each row, as text where it is text."""
    table = opened(path, source)
    j = column_position(path, table.names, key)
    frame = table.load([j], [j])
    return table.names[j], ["" if v is None else v for v in frame.columns[0].to_pylist()]


def _write_csv(file: Any, columns: Columns) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns.heads)
    writer.writerows(columns.rows())


def _write_lines(file: Any, columns: Columns) -> None:
    for row in columns.rows():
        line = json.dumps(dict(zip(columns.heads, row)), default=str, ensure_ascii=False)
        file.write(line + "\n")


def _write_parquet(file: Any, columns: Columns) -> None:
    pa = require("pyarrow", "cli", "writing .parquet")
    import pyarrow.parquet as pq

    labels = columns.values[1]
    values = [*columns.values]
    if len({type(label) for label in labels}) > 1:  # "not 7" beside 7
        values[1] = [str(label) for label in labels]
    table = pa.table([pa.array(value) for value in values], names=columns.heads)
    pq.write_table(table, pa.PythonFile(file, mode="w"))
