"""A table gives the same X and y however it is written, or one line that says what to mend."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from fastlogreg.cli import app
from fastlogreg.cli.reading import DataOptions, read_training

ROWS, SEEDS = 80, 200
NAMES = ["age", "fare", "town", "alone", "boarded", "outcome"]
TOWNS = ("Évian", "Köln", "São Paulo", "Paris, France")


def clean(seed=1):
    """Rows of numbers, text with accents and a comma, booleans, dates, gaps, and text labels."""
    rng = random.Random(seed)
    rows = []
    for k in range(ROWS):
        age = None if k % 9 == 4 else rng.randint(1, 90)
        fare = round(rng.uniform(-3, 300), rng.randint(1, 5))
        town = None if k % 11 == 3 else rng.choice(TOWNS)
        alone = rng.random() < 0.4
        date = f"{2019 + k % 3}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        outcome = ">50K" if (age or 40) + rng.gauss(0, 20) > 45 else "<=50K"
        rows.append([age, fare, town, alone, date, outcome])
    return rows


class Variant:
    """One way of writing the table, drawn from a seed."""

    def __init__(self, seed):
        rng = random.Random(1000 + seed)
        self.delimiter = rng.choice([",", ",", ";", "\t", "|", " "])
        self.encoding = rng.choice(
            ["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-16-le"]
        )
        self.ending = rng.choice(["\n", "\n", "\r\n", "\r"])
        self.quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
        self.gap = rng.choice(["", "", "NA", "?", "nan", "N/A", "null", "None", "-"])
        self.comma = self.delimiter in ";\t|" and rng.random() < 0.5
        self.blank = self.delimiter in ",;|" and self.quoting == 0 and rng.random() < 0.3
        self.index = rng.random() < 0.25
        self.header = rng.random() < 0.85
        self.last = rng.random() < 0.8  # whether the last line ends
        self.empty_lines = rng.random() < 0.15
        self.yes = rng.choice([("True", "False"), ("true", "false"), ("TRUE", "FALSE")])
        self.packing = rng.choice(["", "", "", ".gz", ".zst", ".bz2"])
        self.suffix = rng.choice([".csv", ".csv", ".txt", ".data"])
        if self.delimiter == "\t":
            self.suffix = ".tsv"
        if self.delimiter == " " and self.gap == "":
            self.gap = "NA"
        if not self.header:
            self.index = False

    def field(self, value):
        if value is None:
            return self.gap
        if isinstance(value, bool):
            return self.yes[0] if value else self.yes[1]
        if isinstance(value, float) and self.comma:
            return str(value).replace(".", ",")
        return value

    def write(self, folder, rows):
        out = io.StringIO()
        writer = csv.writer(
            out, delimiter=self.delimiter, lineterminator="\n", quoting=self.quoting
        )
        first = [""] if self.index else []
        if self.header:
            writer.writerow([*first, *NAMES])
        for k, row in enumerate(rows):
            writer.writerow([*([k] if self.index else []), *map(self.field, row)])
        lines = out.getvalue().split("\n")[:-1]
        if self.blank:
            lines = [line.replace(self.delimiter, f"{self.delimiter} ") for line in lines]
            lines = [
                line.replace('"Paris, ', '"Paris, ').replace("Paris,  ", "Paris, ")
                for line in lines
            ]
        if self.empty_lines:
            lines.insert(len(lines) // 2, "")
        text = self.ending.join(lines) + (self.ending if self.last else "")
        data = text.encode(self.encoding)
        path = folder / f"t{self.suffix}{self.packing}"
        if self.packing:
            with pa.CompressedOutputStream(
                str(path), {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}[self.packing]
            ) as file:
                file.write(data)
        else:
            path.write_bytes(data)
        return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    path = tmp_path_factory.mktemp("clean") / "t.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        writer.writerows(clean())
    return read_training(path, DataOptions(target="outcome"))


def same(found, expected, named=True):
    np.testing.assert_array_equal(found.X, expected.X)
    assert found.X.dtype == expected.X.dtype
    assert found.y.tolist() == expected.y.tolist()
    if named:
        assert found.feature_names == expected.feature_names


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_table_is_the_same_however_it_is_written(seed, expected, tmp_path):
    variant = Variant(seed)
    path = variant.write(tmp_path, clean())
    found = read_training_quietly(path, DataOptions(target="-1"))
    same(found, expected, variant.header)


def read_training_quietly(path, options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*index of a pandas data frame")
        return read_training(path, options)


def columns():
    rows = clean()
    return {name: [row[j] for row in rows] for j, name in enumerate(NAMES)}


def test_formats_with_types_of_their_own_are_the_same(expected, tmp_path):
    table = pa.table(columns())
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    pyarrow.feather.write_feather(table, tmp_path / "t.feather")
    rows = [dict(zip(NAMES, row)) for row in clean()]
    lines = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "t.jsonl").write_text(lines, encoding="utf-8")
    with gzip.open(tmp_path / "u.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines)
    for name in ("t.parquet", "t.feather", "t.jsonl", "u.jsonl.gz"):
        same(read_training(tmp_path / name, DataOptions(target="outcome")), expected)


def test_a_sheet_is_the_same(expected, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(NAMES)
    for row in clean():
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    same(read_training(tmp_path / "t.xlsx", DataOptions(target="outcome")), expected)


def test_a_pipe_is_the_same(expected, tmp_path, monkeypatch):
    for packing in ("", ".gz"):
        variant = Variant(0)
        variant.delimiter, variant.packing, variant.suffix = ",", packing, ".csv"
        variant.comma = variant.index = False
        variant.header = True
        path = variant.write(tmp_path, clean())
        with open(path, "rb") as file:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
            same(read_training(Path("-"), DataOptions(target="outcome")), expected)


def test_the_order_of_columns_does_not_matter_to_a_model(tmp_path, capsys):
    rows = clean()
    order = [3, 5, 0, 4, 2, 1]
    for name, chosen in (("a", range(6)), ("b", order)):
        with open(tmp_path / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([NAMES[j] for j in chosen])
            writer.writerows([[row[j] for j in chosen] for row in rows])
    model = str(tmp_path / "m.npz")
    how = ("--backend", "numpy", "--solver", "lbfgs", "--lambda", "1")
    assert (
        app.run(["train", str(tmp_path / "a.csv"), "--target", "outcome", "--out", model, *how])
        == 0
    )
    capsys.readouterr()
    said = []
    for name in ("a", "b"):
        assert app.run(["predict", model, str(tmp_path / f"{name}.csv")]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert said[0].startswith("example,label,P(>50K)\n")


BROKEN = {
    "a field too few": (lambda t: t.replace("\n", "\nonly,two\n", 5), "line 2: 2 fields", "mend"),
    "a field too many": (lambda t: t.replace(",True,", ",True,True,", 1), ": 7 fields", "mend"),
    "a word among numbers": (
        lambda t: t.replace("\n", "\nhigh,1.5,Paris,True,2019-01-02,>50K\n", 1),
        "line 2: column 'age' holds the text 'high'",
        "--missing 'high' for no value",
    ),
    "no target": (lambda t: t.replace("outcome", "result"), "no column 'outcome'", "it has the"),
    "empty": (lambda t: "", "is empty", ""),
    "a header alone": (lambda t: t.split("\n")[0] + "\n", "X is empty", ""),
    "infinity": (
        lambda t: t.replace("\n", "\ninf,1.5,Paris,True,2019-01-02,>50K\n", 1),
        "inf in row 0",
        "'age'",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_is_one_line_with_a_remedy(case, tmp_path, capsys):
    mend, where, remedy = BROKEN[case]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(NAMES)
    writer.writerows(clean())
    path = tmp_path / "t.csv"
    path.write_text(mend(out.getvalue()), encoding="utf-8")
    assert app.run(["train", str(path), "--target", "outcome"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "t.csv" in err
    assert where in err
    assert remedy in err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--encoding", "ascii"), "t.csv, line 2: it is not ascii text; name another encoding"),
        (("--encoding", "klingon"), "is unknown; for instance utf-8"),
        (("--delimiter", "ab"), "--delimiter must be one character"),
        (("--delimiter", ";"), "no column 'outcome'"),
        (("--y", "outcome"), "name its label column with --target"),
        (("--test-split", "1.5"), "--test-split must be between 0 and 1"),
        (("--test-split", "0.001"), "leaves no rows to test on"),
        (("--class-weight", "yes=2"), '--class-weight must be "balanced" or LABEL=WEIGHT'),
        (("--threshold", "2"), "--threshold must be a number from 0 to 1"),
        (("--threshold", "best-cost=1"), "--threshold must be a number from 0 to 1"),
        (("--out", "m.json"), "--out writes a model, in NumPy's .npz"),
        (("--category", "colour"), "no column 'colour'"),
    ],
)
def test_options_of_tables_are_checked(options, text, tmp_path, capsys):
    path = tmp_path / "t.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([NAMES, *clean()])
    how = ("--backend", "numpy", "--iterations", "3", "--solver", "gd")
    assert app.run(["train", str(path), "--target", "outcome", *how, *options]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert text in err
