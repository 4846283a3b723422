"""L1, bounds and a path from the command line."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("typer")  # the extra cli

from fastlogreg.cli import app
from fastlogreg.models.model import Model


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 30))
    y = (X[:, 0] - X[:, 3] + 0.5 * rng.logistic(size=300) > 0).astype(int)
    path = tmp_path / "table.csv"
    rows = [",".join([*(f"{v:.5f}" for v in row), str(label)]) for row, label in zip(X, y)]
    path.write_text("\n".join([",".join([*(f"column {j}" for j in range(30)), "label"]), *rows]))
    return path


def run(capsys, *arguments):
    status = app.run([str(one) for one in arguments])
    out = capsys.readouterr()
    return status, out.out, out.err


def test_the_features_that_are_chosen_are_named(table, tmp_path, capsys):
    more = ["--target", "label", "--lambda", 40, "--l1-ratio", 1, "--out", tmp_path / "model.npz"]
    status, said, _ = run(capsys, "train", table, *more)
    assert status == 0
    assert "2 of 30 features have a weight, 28 of the others for certain" in said
    assert "column 0" in said
    assert "column 3" in said
    assert "column 5" not in said
    table_lines = [line for line in said.splitlines() if line.startswith("  ")]
    assert max(map(len, table_lines)) <= 80
    w = Model.load(tmp_path / "model.npz").w[:, 0]
    assert np.flatnonzero(w).tolist() == [0, 3]


def test_a_long_table_of_features_is_cut(table, capsys):
    more = ["--target", "label", "--lambda", 0.01, "--l1-ratio", 1]
    _, said, _ = run(capsys, "train", table, *more)
    assert "and 10 more" in said


def test_bounds_hold(table, tmp_path, capsys):
    more = ["--target", "label", "--lambda", 1, "--bounds", "0,", "--out", tmp_path / "model.npz"]
    assert run(capsys, "train", table, *more)[0] == 0
    assert (Model.load(tmp_path / "model.npz").w >= 0.0).all()


def test_a_path_is_a_table(table, capsys):
    status, said, _ = run(capsys, "train", table, "--target", "label", "--l1-ratio", 1, "--path", 8)
    assert status == 0
    lines = [line for line in said.splitlines() if not line.startswith("read as")]
    assert lines[2].split()[:2] == ["lambda", "features"]
    assert len(lines) == 2 + 1 + 8 + 1
    assert int(lines[3].split()[1]) == 0
    assert "8 lambdas in" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bounds", "0"], "bounds must be"),
        (["--bounds", "a,b"], "--bounds must be LOW,HIGH, each a number"),
        (["--bounds", "2,1"], "--bounds must have LOW at most HIGH"),
        (["--l1-ratio", "2"], "--l1-ratio must be from 0"),
        (["--l1-ratio", "1", "--solver", "gd"], "solver must be"),
        (["--path", "3", "--dask", "threads"], "for data on this machine"),
    ],
)
def test_what_cannot_be_is_named(table, capsys, arguments, words):
    status, _, said = run(capsys, "train", table, "--target", "label", *arguments)
    assert status == 2
    assert words in said
