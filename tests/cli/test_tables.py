"""Tables on the command line: the columns of a model and no others, labels as they are written."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest

from fastlogreg.cli import app
from fastlogreg.models.model import Model

EXACT = 2**53


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; its status, and what it says on stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = app.run([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


def frame(*columns, rows=20):
    """Random features under these names, and a column "label"."""
    rng = np.random.default_rng(3)
    found = pd.DataFrame(rng.normal(size=(rows, len(columns))), columns=list(columns))
    return found.assign(label=np.arange(rows) % 2)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_model_takes_no_column_in_the_place_of_one_of_its_names(ending, run):
    def write(table, name):
        getattr(table, f"to_{ending}")(f"{name}.{ending}", index=False)
        return f"{name}.{ending}"

    train = write(frame("1", "2", "3"), "train")
    other = frame("1", "2", "label", "age")
    other = write(other.loc[:, ~other.columns.duplicated()].assign(age=1.0), "other")
    options = ("--target", "label", "--iterations", "3", "--header", "--out", "m")
    assert run("train", train, *options)[0] == 0
    assert Model.load("m").feature_names == ("1", "2", "3")
    missing = f"error: {other} has no column '3'; it has the"
    for command in (
        ("predict", "m", other, "--header"),
        ("evaluate", "m", other, "--target", "label", "--header"),
        ("evaluate", "m", other, "--target", "label", "--header", "--x", "1,2,3"),
        ("train", train, "--test", other, *options),
    ):
        status, _, err = run(*command)
        assert status == 2
        assert err.startswith(missing)

    assert run("train", write(frame("0", "1", "2"), "t"), *options)[0] == 0
    status, _, err = run("predict", "m", write(frame("height", "weight", "age"), "h"))
    assert status == 2
    assert "has no column '0'; it has the 4 columns 'height', 'weight'" in err


def test_the_index_of_a_data_frame_is_left_out_and_named(run):
    shuffled = frame("a", "b").sample(frac=1, random_state=1)
    shuffled.to_parquet("f.parquet")
    shuffled.to_csv("f.csv")
    options = ("--target", "label", "--iterations", "3", "--out", "m")
    for path, more, text in (
        ("f.parquet", (), "'__index_level_0__' is the index of a pandas data frame"),
        ("f.parquet", ("--max-memory", "100000000"), "'__index_level_0__' is the index of a"),
        ("f.csv", (), "the first column has no name (''), as the index of a pandas data frame"),
    ):
        status, _, err = run("train", path, *options, *more)
        assert status == 0
        assert err.startswith("warning: f.")
        assert text in err
        assert err.count("\n") == 1
        assert Model.load("m").feature_names == ("a", "b")
        status, _, err = run("evaluate", "m", path, "--target", "label")
        assert (status, err) == (0, "")  # the model's columns are named
    assert run("train", "f.parquet", *options, "--x", "a,__index_level_0__")[::2] == (0, "")
    assert Model.load("m").feature_names == ("a", "__index_level_0__")


def test_columns_by_position_in_blocks(run):
    frame("a", "b").to_parquet("f.parquet")
    options = ("--target", "-1", "--iterations", "3", "--out", "m", "--max-memory", "100000000")
    assert run("train", "f.parquet", *options, "--x", "b,0")[0] == 0
    assert Model.load("m").feature_names == ("b", "a")


def test_large_ids_keep_their_digits(run):
    table = frame("a", "b")
    table["label"] += EXACT
    table.to_csv("f.csv", index=False)
    options = ("--target", "label", "--iterations", "3", "--out", "m")
    status, out, _ = run("train", "f.csv", *options, "--test", "f.csv")
    assert status == 0
    assert f"10 are {EXACT}, 10 are {EXACT + 1} (y = 1)" in out
    assert Model.load("m").labels == (EXACT, EXACT + 1)
    rows = list(csv.DictReader(io.StringIO(run("predict", "m", "f.csv")[1])))
    assert {int(row["label"]) for row in rows} <= {EXACT, EXACT + 1}
    assert "data accuracy" in run("evaluate", "m", "f.csv", "--target", "label")[1]


def test_how_far_from_the_optimum_is_printed_where_it_is_proved(run):
    frame("a", "b").to_csv("f.csv", index=False)
    options = ("--target", "label", "--solver", "newton")
    out = run("train", "f.csv", *options, "--lambda", "1", "--tol", "1e-9")[1]
    assert " above the optimum, gradient norm" in out
    out = run("train", "f.csv", *options)[1]
    assert " above the optimum, gradient norm" in out  # without a penalty too
    out = run("train", "f.csv", "--target", "label", "--alpha", "auto", "--iterations", "3")[1]
    assert "above the optimum" not in out  # nothing is proved
