"""train, inspect, show, evaluate and predict on tables as they come."""

from __future__ import annotations

import csv
import io
import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from fastlogreg.cli import app
from fastlogreg.models.metadata import FORMAT_OF_TABLES
from fastlogreg.models.model import Model

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
QUICK = ("--backend", "numpy")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; its status, and what it says on stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = app.run([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def table(tmp_path):
    """A table like the Titanic's: identifiers, text, gaps, booleans, a constant."""
    rng = np.random.default_rng(4)
    rows = [["Id", "Name", "Sex", "Age", "Alone", "Ship", "Lived"]]
    for k in range(90):
        woman = rng.random() < 0.5
        lived = "yes" if rng.random() < (0.8 if woman else 0.2) else "no"
        age = "" if k % 8 == 3 else f"{rng.uniform(1, 80):.1f}"
        alone = rng.choice(["True", "False"])
        sex = "female" if woman else "male"
        rows.append([100 + k, f"Sur {k}, Mx", sex, age, alone, "Titanic", lived])
    with open(tmp_path / "t.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return "t.csv"


def test_a_table_as_it_is(table, run):
    status, out, err = run("train", table, "--target", "Lived", *QUICK, "--out", "m.npz")
    assert (status, err) == (0, "")
    assert "read as utf-8, delimiter comma, a header" in out
    assert "columns left out: Id (all different), Name (nearly all different), Ship" in out
    assert "features are standardised" in out
    assert '% by always saying "' in out
    assert "AUC: 0." in out
    assert "Sex = female" in out
    assert "precision  recall" in out
    assert "first use" not in out  # nothing is compiled for NumPy
    assert max(len(line) for line in out.splitlines() if "Stopped" not in line) <= 80
    model = Model.load("m.npz")
    features = ("Sex = female", "Sex = male", "Age", "Age (missing)", "Alone")
    assert model.feature_names == features
    with np.load("m.npz") as file:
        metadata = json.loads(str(file["metadata"]), parse_constant=pytest.fail)
    assert metadata["format"] == FORMAT_OF_TABLES
    assert metadata["settings"]["data"] == "t.csv"

    status, said, err = run("evaluate", "m.npz", table, "--target", "Lived")
    assert (status, err) == (0, "")
    train = [line for line in out.splitlines() if line.startswith("train ")]
    assert [line.replace("data", "train", 1) for line in said.splitlines()][:4] == train[:4]
    found = json.loads(run("evaluate", "m.npz", table, "--target", "Lived", "--json")[1])
    assert found["classes"]["yes"]["examples"] + found["classes"]["no"]["examples"] == 90


def test_predictions_in_three_formats_with_an_identifier(table, run):
    run("train", table, "--target", "Lived", *QUICK, "--out", "m.npz")
    status, out, _ = run("predict", "m.npz", table, "--id", "Id")
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["Id", "label", "P(yes)"]
    assert [int(row["Id"]) for row in rows] == list(range(100, 190))
    assert run("predict", "m.npz", table, "--id", "Id", "--out", "p.parquet")[0] == 0
    assert pq.read_table("p.parquet").to_pylist() == [
        {"Id": row["Id"], "label": row["label"], "P(yes)": float(row["P(yes)"])} for row in rows
    ]
    assert run("predict", "m.npz", table, "--out", "p.jsonl")[0] == 0
    with open("p.jsonl", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    assert found[0] == {"example": 0, "label": rows[0]["label"], "P(yes)": float(rows[0]["P(yes)"])}
    for wrong, text in (
        (("--out", "p.xml"), "--out must end in .csv, .parquet, .jsonl"),
        (("--id", "Passport"), "no column 'Passport'"),
    ):
        status, _, err = run("predict", "m.npz", table, *wrong)
        assert status == 2
        assert text in err


def test_new_data_that_differ(table, run):
    run("train", table, "--target", "Lived", *QUICK, "--out", "m.npz")
    with open("new.csv", "w", encoding="utf-8") as file:
        file.write("Alone;Age;Sex\nTrue;41,5;robot\nFalse;;male\n")
    status, out, err = run("predict", "m.npz", "new.csv")
    assert (status, out.count("\n")) == (2, 0)
    assert "new.csv, line 2: column 'Age' holds the text '41,5'" in err
    with open("new.csv", "w", encoding="utf-8") as file:
        file.write("Alone;Age;Sex\nTrue;41.5;robot\nFalse;;male\n")
    status, out, err = run("predict", "m.npz", "new.csv")
    assert (status, out.count("\n")) == (0, 3)
    assert err.startswith("warning: new.csv: Sex: 'robot' in 1 row: no level of the training data")
    with open("new.csv", "w", encoding="utf-8") as file:
        file.write("Alone,Age\nTrue,3\n")
    status, _, err = run("predict", "m.npz", "new.csv")
    assert (status, err) == (
        2,
        "error: new.csv has no column 'Sex'; it has the 2 columns 'Alone', 'Age'\n",
    )
    np.savez("x.npz", x=np.ones((2, 5)))
    assert "of the columns of a table, and x.npz is none" in run("predict", "m.npz", "x.npz")[2]
    status, _, err = run("evaluate", "m.npz", table, "--target", "Lived", "--x", "Sex,Age")
    assert "--x must name the 3 columns" in err


def test_rows_are_held_out(table, run):
    how = ("train", table, "--target", "Lived", *QUICK, "--test-split", "0.2")
    status, out, _ = run(*how)
    assert status == 0
    assert "72 examples of 5 features" in out
    assert "18 examples are held out to test on (--seed 0)" in out
    assert "test AUC" in out
    metrics = [line for line in out.splitlines() if line.startswith("test ")]
    assert [line for line in run(*how)[1].splitlines() if line.startswith("test ")] == metrics
    assert "(--seed 1)" in run(*how, "--seed", "1")[1]
    np.savez("x.npz", x=np.random.default_rng(0).normal(size=(40, 3)), y=np.arange(40) % 4)
    status, out, _ = run("train", "x.npz", *QUICK, "--test-split", "0.25")
    assert status == 0
    assert "30 examples of 3 features" in out or "32 examples of 3 features" in out
    assert "mean of each class against the rest" in out


def test_json_and_quiet(table, run):
    how = ("train", table, "--target", "Lived", *QUICK)
    status, out, err = run(*how, "--json", "--test-split", "0.3", "--seed", "5")
    assert (status, err) == (0, "")
    found = json.loads(out, parse_constant=pytest.fail)
    assert set(found["metrics"]) == {"train", "test"}
    assert 0.5 < found["metrics"]["train"]["auc"] < 1.0
    assert found["labels"] == ["no", "yes"]
    assert len(found["coefficients"]) == 5
    assert run(*how, "--quiet", "--out", "m.npz") == (0, "", "")
    status, out, _ = run("show", "m.npz", "--json")
    assert json.loads(out, parse_constant=pytest.fail)["columns"] == ["Sex", "Age", "Alone"]


def test_a_model_is_shown(table, run):
    run("train", table, "--target", "Lived", *QUICK, "--out", "m.npz")
    status, out, _ = run("show", "m.npz")
    assert status == 0
    assert "a model of 2 labels by sigmoid" in out
    assert "trained on t.csv, 90 examples, solver auto, lambda 1" in out
    assert "reads the columns Sex, Age, Alone" in out
    model = Model.load("m.npz")
    coefficient = model.w[0, 0] * model.scale[0, 0]
    assert f"  {'Sex = female':13}  {coefficient:>10.4g}" in out
    rng = np.random.default_rng(0)
    np.savez("x.npz", x=rng.normal(size=(60, 40)), y=np.arange(60) % 3)
    run("train", "x.npz", *QUICK, "--out", "n.npz")
    out = run("show", "n.npz")[1]
    assert "3 labels by softmax" in out
    assert "and 10 more (--all)" in out
    assert "and 10 more" not in run("show", "n.npz", "--all")[1]


def test_every_column_is_inspected(table, run):
    status, out, err = run("inspect", table, "--target", "Lived")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "t.csv: 90 rows, 7 columns"
    assert any(line.startswith("Id ") and "left out: all different" in line for line in lines)
    assert any(line.startswith("Age ") and " 11 " in line for line in lines)
    assert lines[-1] == "5 features"
    found = json.loads(run("inspect", table, "--target", "Lived", "--json")[1])
    assert [column["name"] for column in found["columns"]] == [
        *("Id", "Name", "Sex", "Age", "Alone", "Ship")
    ]
    assert run("inspect", table, "--leave-out", "Ship")[1].count("no features: 'Ship'") == 1
    np.savez("x.npz", x=np.ones((2, 5)))
    assert "x.npz is no table" in run("inspect", "x.npz")[2]


def test_columns_are_what_the_user_says(table, run):
    how = ("train", table, "--target", "Lived", *QUICK, "--out", "m.npz")
    assert run(*how, "--leave-out", "Sex,Age")[0] == 0
    assert Model.load("m.npz").feature_names == ("Alone",)
    assert run(*how, "--x", "Id,Sex")[0] == 0
    assert Model.load("m.npz").feature_names == ("Id", "Sex = female", "Sex = male")
    assert run(*how, "--x", "Sex", "--lambda", "0", "--solver", "newton")[0] == 0
    assert len(Model.load("m.npz").feature_names) == 1
    err = run(*how, "--x", "Lived,Sex")[2]
    assert "the target 'Lived' is among the features" in err
    assert run(*how, "--leave-out", "Sex,Age,Alone")[2].startswith("error: X is empty: t.csv has")


def test_class_weights_and_thresholds(table, run):
    how = ("train", table, "--target", "Lived", *QUICK, "--json", "--out", "m.npz")
    plain = json.loads(run(*how)[1])["metrics"]["train"]
    heavy = json.loads(run(*how, "--class-weight", "no=1,yes=20")[1])["metrics"]["train"]
    assert heavy["classes"]["yes"]["recall"] > plain["classes"]["yes"]["recall"]
    assert json.loads(run(*how, "--class-weight", "balanced")[1])["class_weight"] == "balanced"
    for threshold in ("0.9", "best-f1", "best-cost=1:50"):
        found = json.loads(run(*how, "--threshold", threshold)[1])
        assert Model.load("m.npz").settings["threshold"] == found["threshold"]
        said = list(csv.DictReader(io.StringIO(run("predict", "m.npz", table)[1])))
        ones = [float(row["P(yes)"]) > found["threshold"] for row in said]
        assert [row["label"] == "yes" for row in said] == ones
    assert found["metrics"]["train"]["classes"]["yes"]["recall"] > 0.99


def test_rows_without_a_label_are_left_out(table, run):
    with open(table, encoding="utf-8") as file:
        text = file.read().replace("Titanic,yes", "Titanic,", 2)
    with open("gaps.csv", "w", encoding="utf-8") as file:
        file.write(text)
    status, out, _ = run("train", "gaps.csv", "--target", "Lived", *QUICK)
    assert status == 0
    assert "88 examples" in out
    assert "2 rows have no label and are left out" in out


def test_scipys_matrices_and_rankings(run):
    rng = np.random.default_rng(0)
    X = sparse.random_array((40, 6), density=0.4, rng=rng, format="csr")
    y = np.arange(40) % 2
    sparse.save_npz("x.npz", X)
    np.save("y.npy", y)
    status, out, _ = run("train", "x.npz", "--y", "y.npy", "--solver", "gd", "--iterations", "5")
    assert status == 0
    assert "40 examples of 6 features" in out
    assert run("train", "x.npz", "--y", "y.npy", "--test-split", "0.2", "--iterations", "9")[0] == 0
    sparse.save_npz("coo.npz", X.tocoo())
    assert run("train", "coo.npz", "--y", "y.npy")[0] == 2
    with open("ranks", "w", encoding="utf-8") as file:
        file.writelines(f"{k} qid:1 1:{v} 2:1\n" for k, v in zip(y.tolist(), rng.random(40)))
    assert "40 examples of 2 features" in run("train", "ranks", "--solver", "gd")[1]


def test_a_table_in_cross_validation(table, run):
    how = ("--target", "Lived", "--folds", "3", "--lambdas", "10,1", "--out", "m.npz")
    status, out, err = run("cv", table, *how)
    assert (status, err) == (0, "")
    assert "train AUC" in out
    assert run("predict", "m.npz", table)[0] == 0


def test_a_table_without_a_header_loses_no_row_to_it(run):
    rows = [f"{k % 7},{'ab'[k % 2]},{'xy'[k % 3 == 0]}" for k in range(60)]
    for name, some in (("all", rows), ("two", ["7,a,x", "words,b,y"]), ("one", rows[:1])):
        with open(f"{name}.csv", "w", encoding="utf-8") as file:
            file.write("\n".join(some))
    assert run("train", "all.csv", "--target", "-1", *QUICK, "--out", "m.npz")[0] == 0
    assert run("predict", "m.npz", "one.csv")[1].count("\n") == 2
    assert "two.csv, line 2: column 'column 0'" in run("predict", "m.npz", "two.csv")[2]


def test_dependent_columns_have_their_names_in_the_warning(run):
    with open("d.csv", "w", encoding="utf-8") as file:
        file.write("height,twice,label\n")
        file.writelines(f"{k},{2 * k},{int(k * 7 % 11 > 5)}\n" for k in range(40))
    how = ("--target", "label", "--lambda", "0", "--solver", "newton", *QUICK)
    err = run("train", "d.csv", *how)[2]
    assert "linearly dependent" in err
    assert "height, twice" in err


# ---------------------------------------------------------------- real data


@pytest.mark.skipif(WITHOUT_JIT, reason="32,561 rows are for compiled kernels")
def test_adult_as_it_is_in_one_command(shared_data, run):
    path = shared_data / "uci" / "adult.data"
    status, out, err = run("train", path, "--target", "-1", "--test-split", "0.2", "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["labels"] == ["<=50K", ">50K"]
    assert found["metrics"]["test"]["auc"] > 0.90


@pytest.mark.skipif(WITHOUT_JIT, reason="a fit for each split is for compiled kernels")
def test_spambase_without_options_is_solved(shared_data, run):
    """A fifth is 921 rows, so that one split has a standard error of 0.9 %: eight are taken."""
    path = shared_data / "uci" / "spambase.data"
    found = []
    for seed in range(8):
        how = ("--target", "-1", "--test-split", "0.2", "--seed", seed, "--json")
        found.append(json.loads(run("train", path, *how)[1])["metrics"]["test"]["accuracy"])
    assert np.mean(found) >= 0.92


def test_long_tails_get_a_logarithm(run):
    rng = np.random.default_rng(0)
    x, z = rng.lognormal(0, 2, size=400), rng.normal(size=400)
    y = (np.log(x) + rng.logistic(size=400) > 0).astype(int)
    with open("t.csv", "w", encoding="utf-8") as file:
        file.write("long,round,y\n" + "".join(f"{a},{b},{c}\n" for a, b, c in zip(x, z, y)))
    how = ("train", "t.csv", "--target", "y", "--out", "m.npz")
    status, out, _ = run(*how)
    assert status == 0
    assert "long tails, with log(1 + x / mean) beside x (--no-log: x alone): long" in out
    model = Model.load("m.npz")
    assert model.feature_names == ("long", "long (log)", "round")
    assert model.table["columns"][0]["unit"] == pytest.approx(x.mean())
    auc = json.loads(run("evaluate", "m.npz", "t.csv", "--target", "y", "--json")[1])["auc"]
    for plain in ("--no-log", "--no-standardize", "--solver auto", "--lambda 0 --summary"):
        assert run(*how, *plain.split())[0] == 0
        assert Model.load("m.npz").feature_names == ("long", "round")
    run(*how, "--no-log")
    less = json.loads(run("evaluate", "m.npz", "t.csv", "--target", "y", "--json")[1])["auc"]
    assert auc > less
    assert "log(1" in run("inspect", "t.csv", "--target", "y")[1]
    assert "log(" not in run("inspect", "t.csv", "--target", "y", "--no-log")[1]


def test_names_of_labels_in_a_file(run):
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(1)
    for name in ("train", "test"):
        with h5py.File(f"{name}.h5", "w") as file:
            file[f"{name}_x"] = rng.integers(0, 255, size=(30, 3, 3), dtype=np.uint8)
            file[f"{name}_y"] = np.arange(30) % 2
            file["list_classes"] = np.array([b"non-cat", b"cat"])
    status, out, err = run("train", "train.h5", "--test", "test.h5", "--out", "m.npz")
    assert (status, err) == (0, "")
    assert "labels: 15 are non-cat, 15 are cat (y = 1)" in out
    assert Model.load("m.npz").labels == ("non-cat", "cat")
    assert run("evaluate", "m.npz", "test.h5")[0] == 0
    assert "P(cat)" in run("predict", "m.npz", "test.h5")[1]
    assert run("train", "train.h5", "--positive", "non-cat", "--out", "m.npz")[0] == 0
    assert run("evaluate", "m.npz", "test.h5")[0] == 0


def test_what_reads_numbers_alone_says_so(table, run):
    pytest.importorskip("dask", reason="--dask needs Dask")
    frame = pytest.importorskip("pandas").read_csv(table)
    frame.to_parquet("t.parquet")
    for how in (("--dask", "threads"), ("--max-memory", "100000000")):
        status, _, err = run("train", "t.parquet", "--target", "Lived", *how)
        assert status == 2
        assert f"{how[0]} reads numbers alone: without it text, dates and gaps become" in err
