"""What becomes of each kind of column, in training and on new data."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fastlogreg.tables.columns import Category, Date, Number
from fastlogreg.tables.dialect import Asked
from fastlogreg.tables.plan import Encoding, Wishes, encoding_of, plan_columns
from fastlogreg.tables.reading import Frame, is_table, open_table


def frame(**columns):
    values = [pa.chunked_array([pa.array(v)]) for v in columns.values()]
    return Frame(Path("t"), list(columns), values, lambda row: row + 2)


def planned(wishes=None, **columns):
    (column,) = plan_columns(frame(**columns), wishes or Wishes())
    return column


def replayed(plan, **columns):
    """The features of new data, and what is said, by a plan that has been through JSON."""
    encoding = Encoding.of_json(json.loads(json.dumps(Encoding((plan,)).json(), allow_nan=False)))
    assert encoding.plans == (plan,)
    return encoding.apply(frame(**columns))


def test_numbers_are_as_they_are():
    column = planned(a=[1.5, 2.0, -1.0])
    assert column.plan == Number("a", 1.5)
    X, names, said = replayed(column.plan, a=[7.0, 8.0])
    assert (X.tolist(), names, said) == ([[7.0, 8.0]], ["a"], [])


def test_missing_numbers_become_the_median_and_an_indicator():
    column = planned(a=[1.0, None, 3.0, 10.0])
    assert column.missing == 1
    assert column.becomes() == "a number; 3 where missing, and an indicator"
    X, names, _ = replayed(column.plan, a=[None, 5.0])
    assert names == ["a", "a (missing)"]
    assert X.tolist() == [[3.0, 5.0], [1.0, 0.0]]


def test_a_number_that_is_missing_for_the_first_time_is_counted():
    X, _, said = replayed(planned(a=[1.0, 2.0, 30.0]).plan, a=[None, 5.0])
    assert X.tolist() == [[2.0, 5.0]]
    assert said == ["a: 1 value missing, as none was in training; taken as the median, 2"]


def test_numbers_that_stand_for_nothing():
    column = planned(Wishes(missing=("-999", "unknown")), a=[1, -999, 3])
    assert column.missing == 1
    assert replayed(column.plan, a=[-999, 4]).X.tolist() == [[2.0, 4.0], [1.0, 0.0]]
    column = planned(Wishes(missing=("unknown",)), a=["1", "unknown", "3"])
    assert (column.type, column.missing) == ("number", 1)


@pytest.mark.parametrize(
    ("words", "style", "values"),
    [
        (["1,5", "-2,25", "3"], "decimal comma", [1.5, -2.25, 3.0]),
        (["1,234.5", "$12", "7"], "thousands", [1234.5, 12.0, 7.0]),
        (["10%", "2.5 %", "0%"], "percent", [10.0, 2.5, 0.0]),
        (["true", "False", "TRUE"], "true/false", [1.0, 0.0, 1.0]),
        (["1", " 2 ", "3e2"], "plain", [1.0, 2.0, 300.0]),
    ],
)
def test_numbers_that_are_written_as_text(words, style, values):
    column = planned(a=words)
    assert column.plan.style == style
    assert replayed(column.plan, a=words).X.tolist() == [values]
    assert Encoding((column.plan,)).plain == (style == "plain")


def test_a_level_of_its_own_for_rare_missing_and_unseen_words():
    words = ["red"] * 1500 + ["blue"] * 1500 + ["odd"] + [None] * 4
    column = planned(a=words)
    assert column.plan == Category("a", ("blue", "red"), other=True, missing=True)
    assert column.becomes() == "4 features, one a level, with other and missing"
    X, names, said = replayed(column.plan, a=["blue", "green", None, " red "])
    assert names == ["a = blue", "a = red", "a = (other)", "a = (missing)"]
    assert X.T.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]]
    assert said == []
    column = planned(a=["red", "blue"] * 20)
    X, _, said = replayed(column.plan, a=["green", None, "red"])
    assert X.T.tolist() == [[0, 0], [0, 0], [0, 1]]
    assert said == [
        "a: 'green' in 2 rows: no level of the training data; all its features are 0 there"
    ]


def test_many_words_need_many_rows():
    words = [f"w{k % 30}" for k in range(300)] + [f"rare{k}" for k in range(60)]
    plan = planned(a=words).plan
    assert len(plan.levels) == 30
    assert plan.other
    assert len(planned(a=[f"w{k % 300}" for k in range(9000)]).plan.levels) == 100


def test_without_a_penalty_the_most_frequent_level_is_the_base():
    plan = planned(Wishes(base=True), a=["x", "y", "y", "z"]).plan
    assert plan.base == "y"
    assert plan.features == ["a = x", "a = z"]
    assert replayed(plan, a=["y", "z"]).X.T.tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([None, None], "it is empty"),
        (["", "?"], "it is empty"),
        ([3, 3, 3], "all of it is 3"),
        (["x", "x"], "all of it is 'x'"),
        ([f"name {k}" for k in range(30)], "nearly all different"),
        ([[1], [2]], "it is of type list<item: int64>"),
        ([f"w{k // 3}" for k in range(60)], "all its words are rare"),
        ([datetime(2020, 1, 5)] * 3, "all in one month, on one weekday"),
    ],
)
def test_columns_without_use_are_left_out(values, why):
    assert planned(a=values).left_out == why
    assert planned(a=values).becomes() == f"left out: {why}"


def test_identifiers_are_told_by_their_names_too():
    for name in ("id", "PassengerId", "user_id", "row"):
        assert planned(**{name: list(range(30))}).left_out == "all different"
    for name in ("age", "paid", "width"):
        assert planned(**{name: list(range(30))}).plan is not None
    assert planned(Wishes(kept=("id",)), id=list(range(30))).plan is not None


def test_a_column_of_codes_is_a_category_where_the_user_says_so():
    plan = planned(Wishes(category=("a",)), a=[1, 2, 2, 10]).plan
    assert plan.levels == ("1", "10", "2")
    assert replayed(plan, a=[2.0, 10.0]).X.T.tolist() == [[0, 0, 1], [0, 1, 0]]
    whole = pa.array([1.0, None, 2.0])
    assert planned(Wishes(category=("a",)), a=whole).plan.levels == ("1", "2")


def test_dictionaries_and_booleans():
    column = planned(a=pa.array(["x", "y", None]).dictionary_encode())
    assert column.plan == Category("a", ("x", "y"), missing=True)
    column = planned(a=pa.array([1, 2, 1]).dictionary_encode())  # pandas' category of numbers
    assert column.plan.levels == ("1", "2")
    column = planned(a=[True, False, None])
    assert (column.type, column.plan.indicator) == ("boolean", True)
    assert replayed(column.plan, a=[True, None]).X.tolist() == [[1.0, 0.5], [0.0, 1.0]]


def test_dates_become_year_month_and_weekday():
    column = planned(a=[datetime(2020, 1, 6, 5), datetime(2021, 3, 9), None])
    assert column.becomes() == "year, month, weekday, hour: 7 features"
    X, names, _ = replayed(column.plan, a=[datetime(2022, 3, 7, 2), None])
    assert names == [
        *("a year", "a month = 1", "a month = 3", "a weekday = Mon", "a weekday = Tue"),
        *("a hour", "a (missing)"),
    ]
    assert X.T.tolist() == [[2022, 0, 1, 1, 0, 2, 0], [2020.5, 0, 0, 0, 0, 12, 1]]


@pytest.mark.parametrize(
    ("words", "style"),
    [
        (["31.12.2019", "1.2.2020"], "%d.%m.%Y"),
        (["12/31/2019", "1/2/2020"], "%m/%d/%Y"),
        (["31/12/2019", "1/2/2020"], "%d/%m/%Y"),
        (["2019-12-31 10:20", "2020-02-01 00:00"], "%Y-%m-%d %H:%M"),
    ],
)
def test_dates_that_are_written_as_text(words, style):
    column = planned(a=words)
    assert isinstance(column.plan, Date)
    assert column.plan.style == style
    assert replayed(column.plan, a=words).X[0].tolist() == [2019, 2020]
    with pytest.raises(ValueError, match="t, line 3: column 'a' holds 'soon', which is no date"):
        replayed(column.plan, a=[words[0], "soon"])


def test_a_date_is_read_from_text_where_the_training_data_had_a_type():
    plan = planned(a=[datetime(2020, 1, 6), datetime(2021, 3, 9)]).plan
    assert replayed(plan, a=["2020-01-06"]).X[0].tolist() == [2020]


def test_a_word_among_numbers_is_an_error_with_a_remedy():
    with pytest.raises(ValueError, match=r"line 12: column 'a' holds the text 'b'.*--missing 'b'"):
        planned(a=[str(k) for k in range(10)] + ["b"] + [str(k) for k in range(20, 30)])
    with pytest.raises(ValueError, match="t, line 2: column 'a' holds the text 'x'"):
        replayed(Number("a", 1.0), a=["x"])
    with pytest.raises(ValueError, match="is of type"):
        replayed(Number("a", 1.0), a=[[1]])


def test_columns_that_are_empty_in_new_data():
    whole = frame(
        a=[1.0, None, 2.0], b=["x", "y", None], c=[datetime(2020, 1, 1), None, datetime(2021, 2, 3)]
    )
    encoding = encoding_of(plan_columns(whole, Wishes()))
    found = encoding.apply(frame(a=[None], b=[None], c=[None]))
    assert dict(zip(found.names, found.X[:, 0].tolist()))["b = (missing)"] == 1.0


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2, "columns": []},
        {"columns": []},
        [],
        {"version": 1, "columns": [{"kind": "magic", "name": "a"}]},
        {"version": 1, "columns": [{"kind": "number", "name": "a"}]},
        {"version": 1, "columns": [{"kind": "number", "name": "a", "fill": "x"}]},
        {"version": 1, "columns": [{"kind": "number", "name": 3, "fill": 1.0}]},
        {"version": 1, "columns": [{"kind": "number", "name": "a", "fill": 1.0, "style": "x"}]},
        {"version": 1, "columns": [{"kind": "category", "name": "a", "levels": []}]},
        {"version": 1, "columns": [{"kind": "category", "name": "a", "levels": [1]}]},
        {
            "version": 1,
            "columns": [{"kind": "date", "name": "a", "fill": 1, "months": ["x"], "days": [9]}],
        },
    ],
)
def test_damaged_plans_are_refused(damage):
    with pytest.raises(ValueError, match=r"table"):
        Encoding.of_json(damage)


# ---------------------------------------------------------------- how a text is written


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        ("a,b\n1,2\n", ["a", "b"], "delimiter comma, a header"),
        ("sep=;\na;b\n1,5;2\n", ["a", "b"], "delimiter semicolon"),
        ("# made by hand\na\tb\n1\t2\n", ["a", "b"], "delimiter tab"),
        ("\n\na,b\n1,2\n", ["a", "b"], "a header"),
        ("1,2\n3,4\n", ["column 0", "column 1"], "no header"),
        ("0,1,2,label\n5,6,7,spam\n", ["0", "1", "2", "label"], "a header"),
        ("a b\nx 1 2\ny 3 4\n", ["", "a", "b"], "delimiter space"),
        ("a,b,\n1,2,\n", ["a", "b", ""], "a header"),
        ("a,b\n1,2,\n3,4,\n", ["a", "b", "column 2"], "a header"),
        ("p,x,n\np,x,s\np,y,n\np,x,n\n", ["column 0", "column 1", "column 2"], "no header"),
        ("'a','b'\n'x, y','2'\n", ["a", "b"], "delimiter comma"),
        ("a,a\n1,2\n", ["a", "a.1"], "a header"),
        ('a, b\n1, "x, y"\n2, "z"\n', ["a", "b"], "delimiter comma"),
        ('a,b\n1,"say \\"no\\""\n', ["a", "b"], "delimiter comma"),
    ],
)
def test_texts_are_understood(text, names, said, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    table = open_table(path, Asked())
    assert table.names == names
    assert said in table.said
    assert table.load(range(len(names)), ()).m >= 1


@pytest.mark.parametrize(
    ("name", "content", "is_one"),
    [
        ("t.csv", b"", True),
        ("t.tsv.gz", b"", True),
        ("t.txt", b"a,b\n1,2\n", True),
        ("t.txt", b"+1 1:2 5:1\n", False),
        ("a9a", b"-1 3:1 11:1\n", False),
        ("a9a", b"1 qid:3 11:1\n", False),
        ("t.h5", b"", False),
        ("t.xlsx", b"", True),
    ],
)
def test_what_is_a_table(name, content, is_one, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert is_table(tmp_path / name) == is_one


def test_words_are_no_table_where_no_column_is_asked_for(tmp_path):
    (tmp_path / "notes").write_text("hello world\n")
    assert not is_table(tmp_path / "notes")
    assert is_table(tmp_path / "notes", asks_for_columns=True)
    assert not is_table(tmp_path / "missing")


def test_the_header_is_found_by_what_the_user_types(tmp_path):
    (tmp_path / "t.csv").write_text("7,kind\n8,x\n9,y\n")
    assert open_table(tmp_path / "t.csv", Asked()).names == ["column 0", "column 1"]
    assert open_table(tmp_path / "t.csv", Asked(wanted=("kind",))).names == ["7", "kind"]


def test_numbers_keep_every_bit(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 2)) * 10.0 ** rng.integers(-300, 300, size=(50, 2))
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "\n".join(f"{x!r},{y!r}" for x, y in values.tolist()))
    table = open_table(path, Asked())
    found = encoding_of(plan_columns(table.load([0, 1], ()), Wishes()))
    assert found.plain
    np.testing.assert_array_equal(found.apply(table.load([0, 1], ())).X, values.T)
