"""The plans of all columns: made of the training rows, kept in the model, replayed by name."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..files.common import KERNEL_DTYPES, check_fits
from ..files.tables import is_numeric
from . import columns as kinds
from .columns import (
    ArrowColumns,
    Category,
    Coded,
    Columns,
    Date,
    Number,
    Plan,
    coded,
    date_parts,
    is_date,
    numbers_of,
)
from .words import date_style_of, style_of

if TYPE_CHECKING:
    from .reading import Frame

Array = NDArray[Any]
VERSION = 1
RARE_SHARE, MOST_LEVELS = 0.001, 100  # of the rows; of one column, the most frequent ones
FEW_LEVELS, LEAST_ROWS = 10, 10  # beyond so many levels, each needs so many rows
NEARLY_ALL = 0.9  # of the words: numbers with a few odd ones; different words of an identifier
LEAST_TO_IDENTIFY = 20  # rows
LONG_TAIL = 2.0  # skewness of an exponential distribution: beyond it the logarithm comes in too
_IDENTIFIER = re.compile(r"(?i:(.*[_ .-])?(id|index|uuid|guid|rowid|row))|.*[a-z](Id|ID)")


class Wishes(NamedTuple):
    """What the user says of columns.

    category: columns whose values are words, even where they are numbers. missing: words that
    stand for no value. kept: columns to use even where one would leave them out. base: leave out
    the most frequent level, for a fit without a penalty. logs: give numbers with
    a long tail a second feature, their logarithm.
    """

    category: Collection[str] = ()
    missing: Sequence[str] = ()
    kept: Collection[str] = ()
    base: bool = False
    logs: bool = False


class Column(NamedTuple):
    """What was found of a column: its plan, or why it is left out.

    type: in a word; missing: rows without a value; about: its levels or range, for people.
    """

    name: str
    type: str
    missing: int
    about: str
    plan: Plan | None
    left_out: str = ""

    def becomes(self) -> str:
        """Say what becomes of the column."""
        plan = self.plan
        if plan is None:
            return f"left out: {self.left_out}"
        n = len(plan.features)
        if isinstance(plan, Number):
            how = "" if plan.style == "plain" else f" (written with {plan.style})"
            if plan.style == "true/false":
                how = " (1 for true)"
            how = f", and log(1 + x / {plan.unit:.3g}){how}" if plan.unit else how
            filled = f"; {plan.fill:.4g} where missing, and an indicator" if plan.indicator else ""
            return f"a number{how}{filled}"
        if isinstance(plan, Date):
            hour = ", hour" if plan.hour else ""
            parts = ("year", plan.year), ("month", plan.months), ("weekday", plan.days)
            used = ", ".join(name for name, there in parts if there)
            return f"{used}{hour}: {n} features"
        extra = [
            name for name, there in (("other", plan.other), ("missing", plan.missing)) if there
        ]
        more = f", with {' and '.join(extra)}" if extra else ""
        less = f", compared with {plan.base}" if plan.base is not None else ""
        return f"{n} features, one a level{more}{less}"


class Encoded(NamedTuple):
    """X (n_x, m), the names of its rows, and lines on what was odd in the data."""

    X: Array
    names: list[str]
    said: list[str]


class Encoding(NamedTuple):
    """The plans of the columns that are used, in order."""

    plans: tuple[Plan, ...]

    @property
    def names(self) -> list[str]:
        """Return the names of the columns that are read."""
        return [plan.name for plan in self.plans]

    @property
    def features(self) -> list[str]:
        """Return the names of all features."""
        return [feature for plan in self.plans for feature in plan.features]

    @property
    def plain(self) -> bool:
        """Return whether every column is numbers as they are, so that nothing is to be kept."""
        return all(
            isinstance(plan, Number)
            and plan.style == "plain"
            and not plan.indicator
            and not plan.missing
            and not plan.unit
            for plan in self.plans
        )

    def apply(self, frame: Frame) -> Encoded:
        """Compute X of a table; ValueError names a column that it lacks, or a value that is odd."""
        check_fits(frame.path, "the encoded table", 8 * len(self.features) * frame.m)
        places = [frame.names.index(plan.name) for plan in self.plans]
        return self.encode(ArrowColumns(frame), places, frame.m, str(frame.path))

    def encode(self, columns: Columns, places: Sequence[int], m: int, source: str) -> Encoded:
        """Compute X of m rows; places: which column each plan reads; source names the rows."""
        said: list[str] = []
        values: list[Array] = []
        for plan, j in zip(self.plans, places):
            values += plan.values(columns, j, said)
        if not values or not m:
            raise ValueError(
                f"X is empty: {source} has {m} rows and {len(values)} features of use; "
                "at least one of each is needed"
            )
        found = np.result_type(*(value.dtype for value in values))
        dtype = found if found in KERNEL_DTYPES else np.dtype(np.float64)
        rows = np.empty((m, len(values)), dtype)
        for k, value in enumerate(values):
            rows[:, k] = value
        return Encoded(rows.T, self.features, said)

    def json(self) -> dict[str, Any]:
        """Return it as what a model file keeps."""
        return {"version": VERSION, "columns": [kinds.as_json(plan) for plan in self.plans]}

    @classmethod
    def of_json(cls, found: Any) -> Encoding:
        """Read what a model file keeps; ValueError where that is damaged or of a later version."""
        try:
            if found["version"] != VERSION:
                raise ValueError(f"its table is of version {found['version']!r}, not {VERSION}")
            return cls(tuple(kinds.from_json(column) for column in found["columns"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the plans of its table are damaged: {error}") from error

    @classmethod
    def of_numbers(cls, names: Sequence[str]) -> Encoding:
        """Make the plans of a model that was trained on numbers alone."""
        return cls(tuple(Number(name, math.nan) for name in names))


def plan_columns(frame: Frame, wishes: Wishes) -> list[Column]:
    """Look at each column and decide what becomes of it."""
    return [_planned(frame, j, wishes) for j in range(len(frame.names))]


def encoding_of(columns: Sequence[Column]) -> Encoding:
    """Take the plans of the columns that are used."""
    return Encoding(tuple(column.plan for column in columns if column.plan is not None))


def _planned(frame: Frame, j: int, wishes: Wishes) -> Column:
    import pyarrow as pa

    column, name = frame.columns[j], frame.names[j]
    kind = column.type
    if pa.types.is_null(kind) or column.null_count == len(column):
        return Column(name, "empty", len(column), "", None, "it is empty")
    if name in wishes.category:
        return _category(frame, name, coded(column, wishes.missing), wishes)
    if is_numeric(kind):
        return _number(frame, j, "plain", wishes)
    if is_date(kind):
        return _date(frame, j, None, wishes)
    if not kinds.is_text(kind):
        return Column(name, str(kind), column.null_count, "", None, f"it is of type {kind}")
    found = coded(column, wishes.missing)
    if not found.words:
        return Column(name, "empty", frame.m, "", None, "it is empty")
    declared = pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type)
    if not declared:
        style = style_of(found.words, NEARLY_ALL if len(found.words) >= 10 else 1.0)
        if style is not None:
            return _number(frame, j, style[0], wishes)
        style_of_dates = date_style_of(found.words)
        if style_of_dates is not None:
            return _date(frame, j, style_of_dates, wishes)
    return _category(frame, name, found, wishes)


def _number(frame: Frame, j: int, style: str, wishes: Wishes) -> Column:
    import pyarrow as pa

    name = frame.names[j]
    values = numbers_of(frame, j, style, wishes.missing)
    gone = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    present = values[~gone] if gone.any() else values
    missing = int(gone.sum())
    if not len(present):
        return Column(name, "empty", missing, "", None, "it is empty")
    kind = "number"
    if style == "true/false" or pa.types.is_boolean(frame.columns[j].type):
        kind, style = "boolean", style if style == "true/false" else "plain"
    low, high = present.min(), present.max()
    about = f"{low:.4g} to {high:.4g}" if kind == "number" else f"{present.mean():.0%} true"
    left_out = ""
    if low == high and not missing:
        left_out = f"all of it is {low:.6g}"
    elif (
        _IDENTIFIER.fullmatch(name)
        and len(present) >= LEAST_TO_IDENTIFY
        and (present.dtype.kind in "iu" or (present == np.floor(present)).all())
        and len(np.unique(present)) == len(present)
    ):
        left_out = "all different"
    if left_out and name not in wishes.kept:
        return Column(name, kind, missing, about, None, left_out)
    fill = float(np.median(present))
    if not math.isfinite(fill):
        fill = 0.0  # infinity is refused later, with its place
    by_words = kinds.is_text(frame.columns[j].type)
    plan = Number(
        name,
        fill,
        missing > 0,
        style if by_words else "plain",
        tuple(wishes.missing) if missing else (),
        unit_of(present) if wishes.logs and kind == "number" else 0.0,
    )
    return Column(name, kind, missing, about, plan)


def unit_of(values: Array) -> float:
    """Return the mean of numbers that are never negative and have a long tail; else 0.

    A few large values rule the spread of such a feature, and the rest hardly count.
    log(1 + x / mean) tells small values apart, in whatever unit x is measured.
    """
    x = values.astype(np.float64)
    low, mean = float(x.min()), float(x.mean())
    if not (low >= 0.0 and 0.0 < mean < math.inf):
        return 0.0
    away = x / mean - 1.0
    variance = float(np.mean(away * away))
    if not 0.0 < variance < math.inf or float(np.mean(away**3)) <= LONG_TAIL * variance**1.5:
        return 0.0
    return mean if len(np.unique(values)) > FEW_LEVELS else 0.0


def _date(frame: Frame, j: int, style: str | None, wishes: Wishes) -> Column:
    import pyarrow as pa

    name = frame.names[j]
    parts = date_parts(frame, j, style, wishes.missing)
    year, month, day, hour = parts.T
    gone = np.isnan(year)
    here = ~gone
    months, days = (tuple(np.unique(part[here]).astype(int).tolist()) for part in (month, day))
    first, last = int(year[here].min()), int(year[here].max())
    about = f"{first} to {last}" if first < last else str(first)
    if style is not None:
        about += f", {style}"
    clock = bool((hour[here] != 0).any())
    differs = first < last or len(months) > 1 or len(days) > 1 or clock
    if not differs and not gone.any():
        return Column(name, "date", 0, about, None, "all in one month, on one weekday")
    plan = Date(
        name,
        float(np.median(year[here])),
        months if len(months) > 1 else (),
        days if len(days) > 1 else (),
        clock,
        bool(gone.any()),
        style if not pa.types.is_temporal(frame.columns[j].type) else None,
        tuple(wishes.missing),
        first < last,
    )
    return Column(name, "date", int(gone.sum()), about, plan)


def _category(frame: Frame, name: str, found: Coded, wishes: Wishes) -> Column:
    m, words = frame.m, found.words
    counts = np.bincount(found.codes[found.codes >= 0], minlength=len(words))
    seen = int(np.count_nonzero(counts))
    missing = m - int(counts.sum())
    about = f"{seen} levels" if seen != 1 else repr(words[int(counts.argmax())])
    if seen <= 1 and not missing and name not in wishes.kept:
        return Column(name, "text", missing, about, None, f"all of it is {about}")
    present = m - missing
    if (
        name not in wishes.kept
        and name not in wishes.category
        and present >= LEAST_TO_IDENTIFY
        and seen > NEARLY_ALL * present
    ):
        return Column(name, "text", missing, about, None, "nearly all different")
    least = max(RARE_SHARE * m, LEAST_ROWS if seen > FEW_LEVELS else 1)
    order = np.argsort(-counts, kind="stable")
    common = [int(k) for k in order[:MOST_LEVELS] if counts[k] >= least]
    if not common and name not in wishes.kept and name not in wishes.category:
        return Column(name, "text", missing, about, None, "all its words are rare")
    levels = tuple(sorted(words[k] for k in common))
    other = len(common) < seen
    base = words[common[0]] if wishes.base and common else None
    if other:
        rare = present - int(counts[common].sum())
        about += f", {seen - len(common)} rare ({rare} rows)"
    plan = Category(name, levels, other, missing > 0, base, tuple(wishes.missing))
    return Column(name, "text", missing, about, plan)
