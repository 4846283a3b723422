"""How the commands read tables: a plan made in training, and replayed on other data by name."""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import require_finite
from ..files.columns import column_position, feature_columns, left_out_text, named_column
from ..files.common import Data
from ..files.tables import as_labels
from ..tables.columns import Number
from ..tables.dialect import Asked
from ..tables.plan import Column, Encoding, Wishes, encoding_of, plan_columns
from ..tables.reading import Frame, OpenTable, open_table

Array = NDArray[Any]
COLUMNS = 80  # of the narrowest terminal
_UNNAMED = re.compile(r"column \d+", re.ASCII)  # of a table without a header


class TableOptions(NamedTuple):
    """The options that are about tables alone, as the user typed them.

    base: leave out the most frequent level of each category, for a fit without a penalty. keep:
    keep the rows as they are written, to show some. logs: give long tails their logarithm too.
    """

    delimiter: str | None = None
    encoding: str | None = None
    category: str | None = None
    leave_out: str | None = None
    missing: str | None = None
    base: bool = False
    keep: bool = False
    logs: bool = False


class Rows(NamedTuple):
    """Rows of a table: the columns that are features, the labels, and what was left out."""

    frame: Frame
    y: Array | None
    opened: OpenTable
    left_out: tuple[str, ...]
    said: tuple[str, ...]

    def take(self, rows: Array) -> Rows:
        """Return some of the rows."""
        y = None if self.y is None else self.y[rows]
        return self._replace(frame=self.frame.take(rows), y=y)


def opened(path: Path, options: Any) -> OpenTable:
    """Open a table as the options say it is written."""
    of_table = options.of_table
    wanted = [] if options.target is None else [str(options.target)]
    wanted += _names(options.x) + _names(of_table.category) + _names(of_table.leave_out)
    return open_table(
        path, Asked(of_table.delimiter, of_table.encoding, options.header, tuple(wanted))
    )


def rows_of(path: Path, options: Any) -> Rows:
    """Read the features and the labels of training data; rows without a label are left out."""
    if options.y is not None:
        raise ValueError(
            f"--y names a dataset, and {path} is a table: name its label column with --target"
        )
    table = opened(path, options)
    path, names = table.path, table.names
    t = None if options.target is None else column_position(path, names, options.target)
    positions, left_out = feature_columns(path, names, options.x, t, table.index_columns)
    dropped = [column_position(path, names, key) for key in _names(options.of_table.leave_out)]
    positions = [j for j in positions if j not in dropped]
    if not positions:
        raise ValueError(f"X is empty: {path} has no column beside the target")
    frame = table.load([*positions, *([] if t is None else [t])], [] if t is None else [t])
    frame = frame._replace(names=[names[j] for j in (*positions, *([] if t is None else [t]))])
    y, said = None, []
    if t is not None:
        y = as_labels(path, frame.columns[-1], False)
        frame = frame._replace(names=frame.names[:-1], columns=frame.columns[:-1])
        kept = with_labels(y)
        if len(kept) < len(y):
            said.append(f"{len(y) - len(kept)} rows have no label and are left out")
            frame, y = frame.take(kept), chosen_labels(y, kept)
    if table.renamed:
        said.append(f"columns of the same name are told apart: {', '.join(table.renamed)}")
    return Rows(frame, y, table, left_out, tuple(said))


def with_labels(y: Array) -> Array:
    """Return the rows that have a label, in order; all of them where none has one."""
    gone = y == "" if y.dtype.kind == "U" else np.isnan(y) if y.dtype.kind == "f" else None
    if gone is None or gone.all():
        return np.arange(len(y))
    return np.flatnonzero(~gone)


def chosen_labels(y: Array, rows: Array) -> Array:
    """Return the labels of some rows, as integers where gaps alone made them floats."""
    y = y[rows]
    if y.dtype.kind == "f" and (y == np.floor(y)).all() and np.abs(y).max() < 2**53:
        return y.astype(np.int64)
    return y


def planned(rows: Rows, options: Any) -> list[Column]:
    """Make the plan of every column."""
    of_table, names = options.of_table, rows.opened.names
    category = [
        names[column_position(rows.opened.path, names, key)] for key in _names(of_table.category)
    ]
    kept = () if options.x is None else tuple(rows.frame.names)
    missing = tuple(word.strip() for word in _names(of_table.missing))
    wishes = Wishes(category, missing, kept, of_table.base, of_table.logs)
    return plan_columns(rows.frame, wishes)


def training_data(rows: Rows, options: Any) -> tuple[Data, Encoding]:
    """Make X of training rows, and the plans to replay on other rows."""
    columns = planned(rows, options)
    encoding = encoding_of(columns)
    if not encoding.plans:
        why = "; ".join(f"{c.name}: {c.left_out}" for c in columns[:5])
        raise ValueError(f"X is empty: {rows.opened.path} has no column of use ({why})")
    said = [f"read as {rows.opened.said}", *rows.said, *_what_became(columns, encoding)]
    data = _encoded(rows, encoding, said)._replace(columns=tuple(columns))
    return data._replace(frame=rows.frame) if options.of_table.keep else data, encoding


def other_data(rows: Rows, encoding: Encoding, keep: bool = False) -> Data:
    """Make X of other rows, by the plans of the training data."""
    data = _encoded(rows, encoding, [])
    return data._replace(frame=rows.frame) if keep else data


def rows_for(path: Path, options: Any, names: Sequence[str]) -> Rows:
    """Read the columns of these names, and the labels where a target is named."""
    options = _with_header_of(options, names)
    table = opened(path, options)
    t = None if options.target is None else column_position(table.path, table.names, options.target)
    if options.x is None:
        positions = [named_column(table.path, table.names, name) for name in names]
    else:
        positions = feature_columns(table.path, table.names, options.x, t, []).positions
        if len(positions) != len(names):
            raise ValueError(
                f"--x must name the {len(names)} columns of the training data; got {len(positions)}"
            )
    chosen = [*positions, *([] if t is None else [t])]
    frame = table.load(chosen, [] if t is None else [t])
    y = None if t is None else as_labels(table.path, frame.columns[-1], False)
    frame = frame._replace(names=list(names), columns=frame.columns[: len(positions)])
    return Rows(frame, y, table, (), ())


def column_of(path: Path, options: Any, names: Sequence[str], key: str) -> Array:
    """Read a column as labels, numbers or text; names: of the columns of training."""
    table = opened(path, _with_header_of(options, names)._replace(target=key, x=None))
    j = column_position(table.path, table.names, key)
    return as_labels(table.path, table.load([j], [j]).columns[0], True)


def _with_header_of(options: Any, names: Sequence[str]) -> Any:
    if options.header is None and names and all(map(_UNNAMED.fullmatch, names)):
        return options._replace(header=False)  # as the training data, so that no row is lost
    return options


def warn_of_index(rows: Rows) -> None:
    """Warn where the index of a data frame is no feature."""
    if rows.left_out:
        warnings.warn(left_out_text(rows.opened.path, rows.left_out), stacklevel=3)


@contextmanager
def numbers_alone(option: str) -> Iterator[None]:
    """Say of a table with text what can be done, where an option reads numbers alone."""
    try:
        yield
    except ValueError as error:
        if "features must be numbers" not in str(error):
            raise
        raise ValueError(
            f"{error}. {option} reads numbers alone: without it text, dates and gaps become numbers"
        ) from error


def _encoded(rows: Rows, encoding: Encoding, said: list[str]) -> Data:
    path = rows.opened.path
    X, names, odd = encoding.apply(rows.frame)
    try:
        require_finite(X, names)  # infinity, or a gap where the model knows none
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    table = None if encoding.plain else encoding.json()
    return Data(X, rows.y, tuple(names), None, str(path), rows.left_out, table, (*said, *odd))


def _what_became(columns: Sequence[Column], encoding: Encoding) -> list[str]:
    """Say what became of columns that are not numbers as they are."""
    lines = []
    out = [f"{c.name} ({c.left_out})" for c in columns if c.plan is None]
    if out:
        lines.append(f"columns left out: {_few(out)}")
    if not encoding.plain:
        kinds = {"category": "of words", "date": "of dates", "number": "of numbers"}
        counts = {kind: sum(plan.kind == kind for plan in encoding.plans) for kind in kinds}
        found = ", ".join(f"{n} {kinds[kind]}" for kind, n in counts.items() if n)
        gaps = sum(c.missing > 0 for c in columns if c.plan is not None)
        more = f", {gaps} with missing values" if gaps else ""
        logs = [plan.name for plan in encoding.plans if isinstance(plan, Number) and plan.unit]
        if logs:
            lines.append(
                f"long tails, with log(1 + x / mean) beside x (--no-log: x alone): {_few(logs)}"
            )
        lines.append(
            f"columns used: {found}{more}; they became {len(encoding.features)} features "
            "(fastlogreg inspect shows how)"
        )
    return lines


def wrapped(text: str) -> list[str]:
    """Break a line for the narrowest terminal."""
    return textwrap.wrap(text, COLUMNS, subsequent_indent="    ", break_on_hyphens=False) or [""]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _names(text: str | Sequence[str] | None) -> list[str]:
    """Cut what a user typed at its commas."""
    if text is None:
        return []
    return [part.strip() for part in text.split(",")] if isinstance(text, str) else list(text)
