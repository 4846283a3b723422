"""The plan of one column of a table: what it becomes in X, and how that is computed.

A plan is made from the training data alone and is a few numbers and words, so that the model file
can hold it. `features` are the names of its rows of X, `values` computes them from a column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..files.tables import as_numbers, is_numeric
from .words import NUMBERS, cleaned, date_of, number_of

if TYPE_CHECKING:
    from .reading import Frame

Array = NDArray[Any]
OTHER, MISSING, LOG = "(other)", "(missing)", "(log)"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Coded:
    """A column of text as the distinct words and which of them each row is; -1 is missing."""

    words: list[str]
    codes: NDArray[np.int64]


class Columns(Protocol):
    """Columns of rows that are to be encoded, each read as its plan says: what has no value is
    missing, and what cannot be read so is a ValueError that names its place."""

    def numbers(self, j: int, style: str, missing: Sequence[str]) -> Array:
        """Return a column of numbers, NaN for a missing one."""
        ...

    def words(self, j: int, missing: Sequence[str]) -> Coded:
        """Return a column of words."""
        ...

    def dates(self, j: int, style: str | None, missing: Sequence[str]) -> Array:
        """Return year, month, day of the week from 0 and hour of each row, (m, 4)."""
        ...


def coded(column: Any, missing: Sequence[str] = ()) -> Coded:
    """Take apart a column of text, or of anything, as text; words are stripped."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries().combine_chunks()
    else:
        if not _is_text(column.type):
            if pa.types.is_floating(column.type):  # whole numbers with gaps are floats in pandas
                whole = pc.all(pc.equal(column, pc.trunc(column))).as_py()
                column = column.cast(pa.int64()) if whole else column
            column = column.cast(pa.string())
        column = column.combine_chunks().dictionary_encode()
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunk
        return Coded([], np.empty(0, np.int64))
    indices = column.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    values = column.dictionary
    if pa.types.is_floating(values.type) and len(values):
        whole = pc.all(pc.equal(values, pc.trunc(values))).as_py()
        values = values.cast(pa.int64()) if whole else values
    found: dict[str, int] = {}
    place = np.full(len(values) + 1, -1, np.int64)
    for k, word in enumerate(values.cast(pa.string()).to_pylist()):
        word = cleaned(word, missing)
        if word is not None:
            place[k] = found.setdefault(word, len(found))
    return Coded(list(found), place[indices])


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    names = "is_string", "is_large_string", "is_string_view"  # the last one from Arrow 16 on
    return any(getattr(pa.types, name)(kind) for name in names if hasattr(pa.types, name))


def is_text(kind: Any) -> bool:
    """Tell whether a type of Arrow's holds text, or words by their dictionary."""
    import pyarrow as pa

    return _is_text(kind) or pa.types.is_dictionary(kind)


def is_date(kind: Any) -> bool:
    """Tell whether a type of Arrow's holds dates."""
    import pyarrow as pa

    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def without_missing(values: Array, missing: Sequence[str]) -> Array:
    """Put NaN for numbers that stand for a missing value, such as -999."""
    for word in missing:
        number = number_of(word, "plain")
        if number is not None and (values == number).any():
            values = np.where(values == number, np.nan, values)
    return values


def numbers_of(frame: Frame, j: int, style: str, missing: Sequence[str] = ()) -> Array:
    """Read a column as numbers, NaN where they are missing; ValueError names the odd word."""
    column, name = frame.columns[j], frame.names[j]
    if is_numeric(column.type):
        return without_missing(as_numbers(column), missing)
    import pyarrow as pa

    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if not is_text(column.type):
        raise ValueError(
            f"{frame.path}: column {name!r} is of type {column.type}; features must be numbers, "
            "and it was one of numbers in the training data"
        )
    found = coded(column, missing)
    read = [number_of(word, style) for word in found.words]
    if None in read:
        word = found.words[read.index(None)]
        row = int(np.argmax(found.codes == read.index(None)))
        raise ValueError(
            f"{frame.at(row)}: column {name!r} holds the text {word!r}, and features must be "
            f"numbers there; mend it, or say what it is: --missing {word!r} for no value, "
            f"--category {name!r} for a column of words"
        )
    return np.array([*(float(value or 0.0) for value in read), np.nan])[found.codes]


@dataclass(frozen=True)
class Number:
    """A column of numbers, as they are; where one is missing, the median and an indicator.

    fill: the median. indicator: whether missing values have a feature of their own. style: how
    the numbers are written where the column is text. unit: 0, or what x is divided by in a second
    feature, log(1 + x / unit); of a negative x it is -log(1 - x / unit).
    """

    name: str
    fill: float
    indicator: bool = False
    style: str = "plain"
    missing: tuple[str, ...] = ()
    unit: float = 0.0
    kind: ClassVar[str] = "number"

    @property
    def features(self) -> list[str]:
        """Return the names of the features."""
        words = ((LOG, self.unit > 0.0), (MISSING, self.indicator))
        return [self.name, *(f"{self.name} {word}" for word, there in words if there)]

    def values(self, columns: Columns, j: int, said: list[str]) -> list[Array]:
        """Compute the features."""
        found = columns.numbers(j, self.style, self.missing)
        gone = np.isnan(found) if found.dtype.kind == "f" else np.zeros(len(found), bool)
        if gone.any() and math.isfinite(self.fill):
            if not self.indicator:
                said.append(
                    f"{self.name}: {_count(gone, 'value')} missing, as none was in training; taken "
                    f"as the median, {self.fill:.4g}"
                )
            found = np.where(gone, self.fill, found)
        features = [found]
        if self.unit:
            features.append(np.copysign(np.log1p(np.abs(found) / self.unit), found))
        if self.indicator:
            features.append(gone.astype(np.float64))
        return features


@dataclass(frozen=True)
class Category:
    """A column of words: a feature for each level, 1 where a row is of it.

    other: whether rare words have a level together. missing: whether no word is a level. base: the
    level without a feature, which the others are compared with.
    """

    name: str
    levels: tuple[str, ...]
    other: bool = False
    missing: bool = False
    base: str | None = None
    none_words: tuple[str, ...] = ()
    kind: ClassVar[str] = "category"

    @property
    def all_levels(self) -> list[str]:
        """Return every level, in order."""
        return [
            *self.levels,
            *([OTHER] if self.other else []),
            *([MISSING] if self.missing else []),
        ]

    @property
    def features(self) -> list[str]:
        """Return the names of the features."""
        return [f"{self.name} = {level}" for level in self.all_levels if level != self.base]

    def values(self, columns: Columns, j: int, said: list[str]) -> list[Array]:
        """Compute the features; words that are no level are counted."""
        return one_hot(self, columns.words(j, self.none_words), said)


def one_hot(plan: Category, found: Coded, said: list[str]) -> list[Array]:
    """Compute the features of a category from words and codes."""
    place = {level: k for k, level in enumerate(plan.levels)}
    rest = len(plan.levels) if plan.other else -1
    gone = len(plan.levels) + plan.other if plan.missing else -1
    of_word = np.array([*(place.get(word, rest) for word in found.words), gone], np.int64)
    level = of_word[found.codes]
    unknown = (level < 0).sum()
    if unknown:
        odd = [w for w in found.words if w not in place]
        words = ", ".join(map(repr, odd[:3])) + (", ..." if len(odd) > 3 else "")
        what = f"{words} in {_count(level < 0, 'row')}: no level of" if odd else "missing values:"
        said.append(f"{plan.name}: {what} the training data; all its features are 0 there")
    return [
        (level == k).astype(np.float64)
        for k, name in enumerate(plan.all_levels)
        if name != plan.base
    ]


@dataclass(frozen=True)
class Date:
    """A column of dates: the year, a feature for each month and day of the week, and the hour.

    year: whether it differs; months and days are those that were seen, none where only one was.
    style: how the dates are written where the column is text. fill: the year where one is missing.
    """

    name: str
    fill: float
    months: tuple[int, ...]
    days: tuple[int, ...]
    hour: bool = False
    indicator: bool = False
    style: str | None = None
    missing: tuple[str, ...] = ()
    year: bool = True
    kind: ClassVar[str] = "date"

    @property
    def features(self) -> list[str]:
        """Return the names of the features."""
        return [
            *([f"{self.name} year"] if self.year else []),
            *(f"{self.name} month = {k}" for k in self.months),
            *(f"{self.name} weekday = {DAYS[k]}" for k in self.days),
            *([f"{self.name} hour"] if self.hour else []),
            *([f"{self.name} {MISSING}"] if self.indicator else []),
        ]

    def values(self, columns: Columns, j: int, said: list[str]) -> list[Array]:
        """Compute the features."""
        parts = columns.dates(j, self.style, self.missing)
        year, month, day, hour = parts.T
        gone = np.isnan(year)
        if gone.any() and not self.indicator:
            said.append(f"{self.name}: {_count(gone, 'date')} missing, as none was in training")
        return [
            *([np.where(gone, self.fill, year)] if self.year else []),
            *((month == k).astype(np.float64) for k in self.months),
            *((day == k).astype(np.float64) for k in self.days),
            *([np.where(gone, 12.0, hour)] if self.hour else []),
            *([gone.astype(np.float64)] if self.indicator else []),
        ]


def date_parts(frame: Frame, j: int, style: str | None, missing: Sequence[str]) -> Array:
    """Return year, month, day of the week from 0 and hour of each row, (m, 4); NaN for none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column, name = frame.columns[j], frame.names[j]
    if is_date(column.type):
        hours = pa.types.is_timestamp(column.type)
        parts = [pc.year(column), pc.month(column), pc.day_of_week(column)]
        parts.append(pc.hour(column) if hours else pc.multiply(pc.year(column), 0))
        return np.stack([p.cast(pa.float64()).to_numpy().astype(float) for p in parts], axis=1)
    if pa.types.is_null(column.type):
        return np.full((len(column), 4), np.nan)
    found = coded(column, missing)
    rows = np.full((len(found.words) + 1, 4), np.nan)
    for k, word in enumerate(found.words):
        date = date_in(word, style)
        if date is None:
            row = int(np.argmax(found.codes == k))
            raise ValueError(
                f"{frame.at(row)}: column {name!r} holds {word!r}, which is no date as in the "
                f"training data ({style or 'YYYY-MM-DD'}); mend it, or leave it empty"
            )
        rows[k] = date.year, date.month, date.weekday(), date.hour
    return rows[found.codes]


def date_in(word: str, style: str | None) -> datetime | None:
    """Read a word as a date in this format, or in that of ISO; None where it is none."""
    if style:
        return date_of(word, style)
    try:
        return datetime.fromisoformat(word)
    except ValueError:
        return None


class ArrowColumns(NamedTuple):
    """The columns of a table that was read."""

    frame: Frame

    def numbers(self, j: int, style: str, missing: Sequence[str]) -> Array:
        return numbers_of(self.frame, j, style, missing)

    def words(self, j: int, missing: Sequence[str]) -> Coded:
        import pyarrow as pa

        column = self.frame.columns[j]
        return coded(column.cast(pa.string()) if pa.types.is_null(column.type) else column, missing)

    def dates(self, j: int, style: str | None, missing: Sequence[str]) -> Array:
        return date_parts(self.frame, j, style, missing)


def _count(which: Array, what: str) -> str:
    n = int(np.count_nonzero(which))
    return f"{n} {what}" + ("s" if n > 1 else "")


Plan = Number | Category | Date
_KINDS: dict[str, type[Plan]] = {"number": Number, "category": Category, "date": Date}


def as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as what JSON holds."""
    from dataclasses import asdict

    return {"kind": plan.kind, **asdict(plan)}


def from_json(found: Any) -> Plan:
    """Make a plan of JSON; ValueError or TypeError where it is none."""
    if not isinstance(found, dict) or found.get("kind") not in _KINDS:
        raise ValueError("a column of the table has no plan that this version knows")
    given: dict[str, Any] = {
        str(key): tuple(v) if isinstance(v, list) else v for key, v in found.items()
    }
    kind: Any = _KINDS[str(given.pop("kind"))]
    plan: Plan = kind(**given)
    if not isinstance(plan.name, str):
        raise ValueError("a column of the table must have a name")
    _check(plan)
    return plan


def _check(plan: Plan) -> None:
    """Check the types of what a file said of a plan."""
    words: tuple[Any, ...] = ()
    if isinstance(plan, Category):
        words = (*plan.levels, *plan.none_words)
        wrong = not plan.levels and not plan.other
        wrong = wrong or not isinstance(plan.base, (str, type(None)))
    else:
        words = plan.missing
        wrong = not isinstance(plan.fill, (int, float)) or not math.isfinite(plan.fill)
    if isinstance(plan, Number):
        wrong = wrong or plan.style not in NUMBERS
        wrong = wrong or not (isinstance(plan.unit, (int, float)) and 0.0 <= plan.unit < math.inf)
    if isinstance(plan, Date):
        wrong = wrong or any(not isinstance(k, int) for k in (*plan.months, *plan.days))
        wrong = wrong or any(not 0 <= k < len(DAYS) for k in plan.days)
        wrong = wrong or not isinstance(plan.style, (str, type(None)))
    if wrong or not all(isinstance(word, str) for word in words):
        raise ValueError(f"the plan of column {plan.name!r} of its table is damaged")
