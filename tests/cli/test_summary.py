"""`summary` and `train --summary`: the numbers of `flr.summary`, as a table and as JSON; errors."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("pyarrow")

import fastlogreg as flr
from fastlogreg.cli import app
from fastlogreg.models.model import Model

TARGET = ("--target", "kind")
FIT = ("--solver", "auto", "--tol", "1e-10")


def points(m=60, seed=5):
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(m, 2)), 3)
    return X, (X[:, 0] + rng.logistic(size=m) > 0).astype(int), np.arange(m) // 4


def table(path, X, y, groups, words=("dead", "alive")):
    rows = ["age,dose,clinic,kind"]
    rows += [f"{a},{b},{g},{words[k]}" for (a, b), g, k in zip(X.tolist(), groups, y)]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def run(capsys):
    """Run a command; its status, and what it says on stdout and stderr."""

    def run(*arguments):
        status = app.run([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def files(tmp_path, run):
    """A table and a model of its columns age and dose."""
    data = table(tmp_path / "data.csv", *points())
    model = tmp_path / "model.npz"
    assert run("train", data, *TARGET, "--x", "age,dose", *FIT, "--out", model)[0] == 0
    return model, data


def own(y=None, **how):
    X, labels, _ = points()
    Y = (labels if y is None else y)[None, :]
    result = flr.train(X.T, Y, solver="auto", tol=1e-10)
    return flr.summary(result, X.T, Y, names=["age", "dose"], **how)


def test_the_table(files, run):
    model, data = files
    status, out, err = run("summary", model, data, *TARGET)
    assert (status, err) == (0, "")
    first = Model.load(model).labels[1]
    assert out.startswith(f"Logistic regression of P({first})\n")
    assert max(map(len, out.splitlines())) <= 80
    assert "age" in out
    assert "inverse of the information" in out


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"covariance": "HC1"},
        {"level": 0.9},
        {"interval": "profile"},
        {"covariance": "cluster", "groups": "clinic"},
    ],
)
def test_json_has_the_numbers_of_the_function(how, files, run):
    model, data = files
    options = [part for name, value in how.items() for part in (f"--{name}", value)]
    status, out, err = run("summary", model, data, *TARGET, *options, "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    y = points()[1] if Model.load(model).labels[1] == "alive" else 1 - points()[1]
    wanted = own(y, **{**how, **({"groups": points()[2]} if "groups" in how else {})})
    assert [row["name"] for row in found["coefficients"]] == list(wanted.names)
    for name, column in wanted.columns().items():
        if name not in ("name", "certified_error"):
            got = [row[name] for row in found["coefficients"]]
            assert got == pytest.approx(column, rel=1e-4, abs=1e-6)
    assert found["covariance_kind"] == how.get("covariance", "hessian")
    assert np.shape(found["covariance"]) == (3, 3)
    assert found["aic"] == pytest.approx(wanted.aic, rel=1e-9)
    assert found["examples"] == 60


def test_json_without_finite_numbers(tmp_path, run):
    X, y, groups = points()
    apart = X + 9.0 * (2 * y[:, None] - 1)  # labels that a line separates
    data = table(tmp_path / "d.csv", apart, y, groups)
    model = tmp_path / "m.npz"
    options = ("--x", "age,dose", "--alpha", "auto", "--iterations", 3, "--out", model)
    assert run("train", data, *TARGET, *options)[0] == 0
    status, out, _ = run("summary", model, data, *TARGET, "--json")
    assert status == 0
    found = json.loads(out)
    assert found["coefficients"][1]["std_error"] is None
    assert found["notes"]
    data = table(tmp_path / "d.csv", X, y, groups)
    assert run("train", data, *TARGET, *options)[0] == 0
    found = json.loads(run("summary", model, data, *TARGET, "--json")[1])
    assert found["coefficients"][1]["certified_error"] == "Infinity"


def test_a_penalty_is_taken_from_the_model_file(files, run, tmp_path):
    _, data = files
    model = tmp_path / "l2.npz"
    options = ("--x", "age,dose", "--lambda", 2, *FIT, "--out", model, "--summary")
    status, out, _ = run("train", data, *TARGET, *options)
    assert status == 0
    assert "the fit has a penalty" in out
    shown = out[out.index("Logistic regression of") :]
    assert run("summary", model, data, *TARGET)[1] == shown


def test_groups_of_arrays_and_one_label_against_the_rest(tmp_path, run):
    X, y, groups = points()
    kind = np.where(np.arange(60) % 3 == 0, 2, y)
    np.savez(tmp_path / "d.npz", x=X, y=kind, clinic=groups)
    data, model = tmp_path / "d.npz", tmp_path / "m.npz"
    options = ("--x", "x", "--y", "y")
    assert run("train", data, *options, "--positive", 2, *FIT, "--out", model)[0] == 0
    clusters = ("--covariance", "cluster", "--groups", "clinic", "--json")
    status, out, err = run("summary", model, data, *options, *clusters)
    assert (status, err) == (0, "")
    Y = (kind == 2).astype(int)[None, :]
    result = flr.train(X.T, Y, solver="auto", tol=1e-10)
    wanted = flr.summary(result, X.T, Y, covariance="cluster", groups=groups)
    got = [row["std_error"] for row in json.loads(out)["coefficients"]]
    assert got == pytest.approx(wanted.standard_errors, rel=1e-4)
    assert json.loads(out)["target"] == "P(2)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--level", 1), "level must be above 0 and below 1"),
        (("--covariance", "HC9"), "covariance must be one of"),
        (("--interval", "exact"), "interval must be one of"),
        (("--covariance", "cluster"), "groups must say which cluster"),
        (("--groups", "clinic"), 'groups are for covariance "cluster"'),
        (("--covariance", "cluster", "--groups", "ward"), "has no column 'ward'"),
        (("--x", "age,clinic"), "X and y must be those of the fit"),
    ],
)
def test_bad_options(options, said, files, run):
    model, data = files
    status, out, err = run("summary", model, data, *TARGET, *options)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_other_data_are_refused(files, run, tmp_path):
    other = table(tmp_path / "other.csv", *points(seed=6))
    status, _, err = run("summary", files[0], other, *TARGET)
    assert status == 2
    assert "must be those of the fit" in err


@pytest.mark.parametrize("option", [("--l1-ratio", 1), ("--bounds", "0,"), ("--path", 3)])
def test_choosing_and_a_summary_exclude_each_other(option, files, run, tmp_path):
    data, model = files[1], tmp_path / "chosen.npz"
    columns = (*TARGET, "--x", "age,dose")
    status, _, err = run("train", data, *columns, *option, "--summary")
    assert status == 2
    assert "--summary is for one model" in err
    if option[0] == "--path":
        return
    assert run("train", data, *columns, "--lambda", 1, *option, "--out", model)[0] == 0
    status, _, err = run("summary", model, data, *TARGET)
    assert status == 2
    assert f"a model trained without {option[0]}" in err


def test_several_classes_are_refused_before_any_work(tmp_path, run):
    X, y, groups = points()
    data = table(tmp_path / "d.csv", X, y + (X[:, 1] > 0), groups, ("a", "b", "c"))
    columns, model = (*TARGET, "--x", "age,dose", "--iterations", 2), tmp_path / "m.npz"
    status, out, err = run("train", data, *columns, "--summary")
    assert (status, out) == (2, "")
    assert "summary is for two classes; got a model of 3" in err
    assert run("train", data, *columns, "--out", model)[0] == 0
    assert "got a model of 3" in run("summary", model, data, *TARGET)[2]


WARDS = ("--covariance", "cluster", "--groups", "ward", "--json")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("columns", [(), ("--x", "age,colour")])
def test_groups_of_a_table_with_text(suffix, columns, tmp_path, run):
    """The clusters are a column of words, which is no feature; features are encoded words."""
    import pandas

    X, y, groups = points()
    colour = np.array(["red", "blue", "green"])[np.arange(60) % 3]
    ward = np.array([f"w{g}" for g in groups])
    columns = columns or ("--leave-out", "ward")
    frame = pandas.DataFrame({"age": X[:, 0], "colour": colour, "ward": ward, "kind": y})
    data, model = tmp_path / f"d.{suffix}", tmp_path / "m.npz"
    frame.to_csv(data, index=False) if suffix == "csv" else frame.to_parquet(data, index=False)
    fit = (*TARGET, *columns, *FIT, "--lambda", 0, "--no-standardize", "--out", model)
    assert run("train", data, *fit)[0] == 0
    status, out, err = run("summary", model, data, *TARGET, *WARDS)
    assert (status, err) == (0, "")
    found = {row["name"]: row["std_error"] for row in json.loads(out)["coefficients"]}
    levels = [name for name in found if name.startswith("colour = ")]
    assert len(levels) == 2
    own_X = np.column_stack([X[:, 0], *(colour == name[len("colour = ") :] for name in levels)])
    result = flr.train(own_X.T, y[None, :], solver="auto", tol=1e-10)
    wanted = flr.summary(result, own_X.T, y[None, :], covariance="cluster", groups=ward)
    assert list(found.values()) == pytest.approx(wanted.standard_errors, rel=1e-4)


def test_rows_without_a_label_are_left_out_of_summary_and_groups(tmp_path, run):
    X, y, groups = points()
    rows = ["age,ward,kind"]
    rows += [f"{a},w{g},{'' if i % 7 == 0 else k}" for i, (a, g, k) in
             enumerate(zip(X[:, 0], groups, y))]  # fmt: skip
    data, model = tmp_path / "d.csv", tmp_path / "m.npz"
    data.write_text("\n".join(rows) + "\n")
    fit = (*TARGET, "--x", "age", *FIT, "--lambda", 0, "--out", model)
    assert run("train", data, *fit)[0] == 0
    status, out, err = run("summary", model, data, *TARGET, *WARDS)
    assert (status, err) == (0, "")
    assert json.loads(out)["examples"] == sum(i % 7 > 0 for i in range(60))
