"""Rows that are handed over as frames or dicts become the numbers that Arrow's tables become."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fastlogreg.tables.columns import Category, Date, Number
from fastlogreg.tables.given import GivenColumns, by_name
from fastlogreg.tables.plan import Encoding, Wishes, encoding_of, plan_columns
from fastlogreg.tables.reading import Frame

pandas = pytest.importorskip("pandas")
M = 60
RNG = np.random.default_rng(3)


def some(values, share=0.2):
    """The values with gaps."""
    return [None if RNG.random() < share else value for value in values]


DAYS = [date(2020 + k % 3, 1 + k % 12, 1 + k % 28) for k in range(M)]
COLUMNS = {
    "whole": [int(v) for v in RNG.integers(0, 50, M)],
    "real": [float(v) for v in RNG.normal(size=M)],
    "gaps": some([float(v) for v in RNG.normal(size=M)]),
    "flag": [bool(v) for v in RNG.integers(0, 2, M)],
    "flag gaps": some([bool(v) for v in RNG.integers(0, 2, M)]),
    "comma": [f"{v:.2f}".replace(".", ",") for v in RNG.normal(size=M)],
    "percent": [f"{v}%" for v in RNG.integers(0, 100, M)],
    "dollars": [f"${1000 + v:,.2f}" for v in RNG.integers(0, 5000, M)],
    "words": some([f" {('red', 'green', 'blue')[v]} " for v in RNG.integers(0, 3, M)]),
    "codes": [int(v) for v in RNG.integers(0, 4, M)],
    "halves": [float(v) / 2 for v in RNG.integers(0, 6, M)],
    "iso": some([f"{day:%Y-%m-%d}" for day in DAYS]),
    "german": [f"{day:%d.%m.%Y}" for day in DAYS],
    "days": some(DAYS),
    "times": [datetime(d.year, d.month, d.day, k % 24, 30) for k, d in enumerate(DAYS)],
}
CATEGORIES = ("codes", "halves")


def arrow(columns):
    chunks = [pa.chunked_array([pa.array(values)]) for values in columns.values()]
    return Frame(Path("t"), list(columns), chunks, None)


def encoding():
    wishes = Wishes(category=CATEGORIES, kept=tuple(COLUMNS))
    found = encoding_of(plan_columns(arrow(COLUMNS), wishes))
    assert found.names == list(COLUMNS)
    kinds = {plan.name: type(plan) for plan in found.plans}
    assert {kinds[name] for name in ("iso", "german", "days", "times")} == {Date}
    assert {kinds[name] for name in ("words", *CATEGORIES)} == {Category}
    assert {kinds[name] for name in ("comma", "percent", "dollars", "flag")} == {Number}
    return found


def encoded(rows, plans):
    columns = GivenColumns.of(by_name(rows), plans.names)
    return plans.encode(columns, range(len(plans.names)), columns.m, "X")


def forms():
    frame = pandas.DataFrame(COLUMNS)
    yield "dict", COLUMNS
    yield "frame", frame
    yield "frame of the best dtypes", frame.convert_dtypes()
    yield (
        "frame of categories and times",
        frame.astype({"words": "category", "codes": "category"}).assign(
            times=pandas.to_datetime(frame["times"]), days=pandas.to_datetime(frame["days"])
        ),
    )
    yield "dicts", [dict(zip(COLUMNS, row)) for row in zip(*COLUMNS.values())]
    yield "Arrow", pa.table(COLUMNS)


def test_every_form_gives_what_Arrow_gives():
    plans = encoding()
    expected = plans.apply(arrow(COLUMNS))
    assert expected.said == []
    for name, rows in forms():
        found = encoded(rows, plans)
        np.testing.assert_array_equal(found.X, expected.X, err_msg=name)
        assert (found.names, found.said) == (expected.names, [])


def test_each_row_alone_gives_what_all_give():
    plans = encoding()
    expected = plans.apply(arrow(COLUMNS)).X
    for k in range(M):
        row = {name: values[k] for name, values in COLUMNS.items()}
        np.testing.assert_array_equal(encoded(row, plans).X[:, 0], expected[:, k])


def test_polars_too():
    polars = pytest.importorskip("polars")
    plans = encoding()
    np.testing.assert_array_equal(
        encoded(polars.DataFrame(COLUMNS), plans).X, plans.apply(arrow(COLUMNS)).X
    )


def one(plan, value):
    return encoded({"a": [value]}, Encoding((plan,))).X[:, 0].tolist()


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (np.float32(1.5), 1.5),
        (Decimal("2.5"), 2.5),
        (True, 1.0),
        (np.bool_(True), 1.0),
        (" 3e1 ", 30.0),
        (b"4", 4.0),
        ("?", 7.0),
        (pandas.NA, 7.0),
        (float("nan"), 7.0),
        (-999, 7.0),
        ("unknown", 7.0),
    ],
)
def test_numbers(value, number):
    plan = Number("a", 7.0, indicator=True, missing=("-999", "unknown"))
    assert one(plan, value) == [number, float(number == 7.0)]


@pytest.mark.parametrize(
    ("value", "level"),
    [(1, 0), (1.0, 0), ("1", 0), (2.5, 1), ("true", 2), (True, 2), (b"1", 0), (None, 3), ("-", 3)],
)
def test_words(value, level):
    plan = Category("a", ("1", "2.5", "true"), missing=True)
    assert one(plan, value) == [float(k == level) for k in range(4)]


@pytest.mark.parametrize(
    "value",
    [
        date(2024, 2, 29),
        datetime(2024, 2, 29, 0, 10),
        np.datetime64("2024-02-29"),
        pandas.Timestamp("2024-02-29"),
        "29.02.2024",
        b"29.02.2024",
    ],
)
def test_dates(value):
    plan = Date("a", 2000.0, (1, 2), (3, 4), style="%d.%m.%Y")
    assert one(plan, value) == [2024.0, 0.0, 1.0, 1.0, 0.0]


def test_dates_before_1970_and_none_at_all():
    plan = Date("a", 2000.0, (1, 12), (2, 3), hour=True, indicator=True)
    days = np.array(["1969-12-31T23", "NaT"], "datetime64[s]")
    assert encoded({"a": days}, Encoding((plan,))).X.T.tolist() == [
        [1969, 0, 1, 1, 0, 23, 0],
        [2000, 0, 0, 0, 0, 12, 1],
    ]
    assert one(plan, pandas.NaT) == one(plan, "") == [2000, 0, 0, 0, 0, 12, 1]


@pytest.mark.parametrize(
    ("plan", "value", "text"),
    [
        (Number("a", 0.0), "x", "row 0 .*column 'a' holds 'x', and the model has numbers"),
        (Number("a", 0.0), [1], "holds"),
        (Number("a", 0.0), np.datetime64("2024-01-01"), "numbers there"),
        (Date("a", 0.0, (), ()), "x", "is no date as in the training data .YYYY-MM-DD."),
        (Date("a", 0.0, (), ()), 20240101, "is no date"),
    ],
)
def test_odd_values_name_their_place(plan, value, text):
    with pytest.raises(ValueError, match=text):
        one(plan, value)


def test_a_column_of_dates_is_no_number():
    with pytest.raises(ValueError, match="holds dates"):
        encoded({"a": np.array(["2024-01-01"], "datetime64[D]")}, Encoding((Number("a", 0.0),)))


def test_names_that_are_no_text():
    plans = Encoding((Number("0", 0.0), Number("1", 0.0)))
    frame = pandas.DataFrame(np.arange(4.0).reshape(2, 2))
    assert encoded(frame, plans).X.T.tolist() == [[0, 1], [2, 3]]
    assert encoded({0: 5.0, 1: 6.0}, plans).X.T.tolist() == [[5, 6]]
    double = pandas.DataFrame([[1.0, 2.0, 3.0]], columns=["0", "1", "0"])
    with pytest.raises(ValueError, match="'0' comes more than once"):
        encoded(double, plans)


def test_what_has_no_names():
    for rows in (np.ones((2, 2)), [[1.0]], [], [{"a": 1}, 2], 7):
        assert by_name(rows) is None


def test_dicts_may_lack_a_value():
    plans = Encoding((Number("a", 3.0, indicator=True), Number("b", 0.0)))
    assert encoded([{"a": 1, "b": 2}, {"b": 4}], plans).X.T.tolist() == [[1, 0, 2], [3, 1, 4]]
