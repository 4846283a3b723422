"""The command inspect: what `train` would make of each column of a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..tables.plan import Column, encoding_of
from . import options
from .coefficients import short
from .reading import DataOptions
from .table_reading import TableOptions, planned, rows_of, wrapped

_NAME, _ABOUT = 18, 17  # characters of a cell, so that a line has at most 80
_BECOMES = 80 - _NAME - _ABOUT - 6 - 7 - 8
Table = Annotated[Path, typer.Argument(metavar="TABLE", help="A table of any format; - is a pipe.")]


def inspect(
    data: Table,
    x: options.X = None,
    target: options.Target = None,
    header: options.Header = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    category: options.Category = None,
    leave_out: options.LeaveOut = None,
    missing: options.Missing = None,
    log: Annotated[
        bool, typer.Option("--log/--no-log", help="Give long tails their logarithm too.")
    ] = True,
    as_json: options.Json = False,
) -> None:
    """Show each column of TABLE: its type, what is missing, and what train would make of it."""
    of_table = TableOptions(delimiter, encoding, category, leave_out, missing, logs=log)
    source = DataOptions(x, None, target, header, None, of_table)
    if not source._replace(target="").is_table(data) and data.exists():
        raise ValueError(f"{data} is no table; inspect is for text, .parquet and their like")
    rows = rows_of(data, source)
    columns = planned(rows, source)
    features = len(encoding_of(columns).features)
    out = [name for name in rows.opened.names if name not in rows.frame.names]
    if as_json:
        found = [_json(column) for column in columns]
        print(
            json.dumps(
                {
                    "data": str(data),
                    "read_as": rows.opened.said,
                    "rows": rows.frame.m,
                    "features": features,
                    "columns": found,
                    "no_features": out,
                },
                indent=2,
            )
        )
        return
    print(f"{rows.opened.path}: {rows.frame.m} rows, {len(rows.opened.names)} columns")
    for line in (f"read as {rows.opened.said}", *rows.said):
        print(*wrapped(line), sep="\n")
    print(f"{'column':{_NAME}}  {'type':7}  {'missing':>7}  {'values':{_ABOUT}}  becomes")
    for column in columns:
        _print_row(column)
    if rows.y is not None:
        labels, counts = np.unique(rows.y, return_counts=True)
        few = ", ".join(f"{n} are {label}" for label, n in zip(labels[:10], counts))
        more = ", ..." if len(labels) > 10 else ""
        print(*wrapped(f"target: {len(labels)} labels; {few}{more}"), sep="\n")
    others = [name for name in out if rows.y is None or name != _target(rows, source)]
    if others:
        print(*wrapped(f"no features: {', '.join(repr(name) for name in others)}"), sep="\n")
    print(f"{features} features")


def _print_row(column: Column) -> None:
    cells = wrapped_to(column.becomes(), _BECOMES)
    about = wrapped_to(column.about, _ABOUT)
    for k in range(max(len(cells), len(about))):
        name = short(column.name, _NAME) if k == 0 else ""
        kind = short(column.type, 7) if k == 0 else ""
        gone = str(column.missing) if k == 0 else ""
        middle = about[k] if k < len(about) else ""
        last = cells[k] if k < len(cells) else ""
        line = f"{name:{_NAME}}  {kind:7}  {gone:>7}  {middle:{_ABOUT}}  {last}"
        print(line.rstrip())


def wrapped_to(text: str, width: int) -> list[str]:
    """Break a cell at blanks."""
    import textwrap

    return textwrap.wrap(text, width) or [""]


def _json(column: Column) -> dict[str, Any]:
    plan = column.plan
    return {
        "name": column.name,
        "type": column.type,
        "missing": column.missing,
        "values": column.about,
        "becomes": column.becomes(),
        "features": [] if plan is None else plan.features,
    }


def _target(rows: Any, source: DataOptions) -> str:
    from ..files.columns import column_position

    names = rows.opened.names
    return str(names[column_position(rows.opened.path, names, source.target or "")])
