"""`fastlogreg cv`: the table, both rules, the model it writes, and one line for what is wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")

import fastlogreg as flr
from fastlogreg.cli import app
from fastlogreg.models.model import Model
from tests.helpers.interrupts import no_whole_fits, press_at


def points(m=200):
    rng = np.random.default_rng(7)
    y = np.arange(m) % 2
    return rng.normal(size=(m, 3)) + 0.7 * y[:, None], y


@pytest.fixture
def data(tmp_path):
    X, y = points()
    np.savez(tmp_path / "data.npz", x=X, y=y)
    return tmp_path / "data.npz"


def run(*arguments):
    return app.run([str(argument) for argument in arguments])


def rows(out):
    """lambda, score, spread and marks of each line of the table."""
    found = re.findall(r"^ +([\d.e+-]+) +([\d.]+) +([\d.]+) *(.*)$", out, flags=re.MULTILINE)
    return [(float(a), float(b), float(c), marks) for a, b, c, marks in found]


def test_the_table_has_the_scores_of_the_estimator(data, tmp_path, capsys):
    X, y = points()
    assert run("cv", data, "--lambdas", "10,1,0.1", "--out", tmp_path / "model.npz") == 0
    out = capsys.readouterr().out
    own = flr.LogisticRegressionCV(Cs=[0.1, 1.0, 10.0]).fit(X, y)
    table = rows(out)
    assert [line[0] for line in table] == [10.0, 1.0, 0.1]
    np.testing.assert_allclose([line[1] for line in table], -own.mean_scores_, atol=1e-6)
    np.testing.assert_allclose([line[2] for line in table], own.score_errors_, atol=1e-6)
    assert "best" in table[own.best_index_][3]
    assert "1se" in table[own.one_se_index_][3]
    assert "reads of X" in out
    model = Model.load(tmp_path / "model.npz")
    np.testing.assert_allclose(model.w[:, 0], own.coef_[0], rtol=1e-5)
    assert model.settings["lambda_"] == 1.0 / own.C_[0]


def test_the_other_rule_standardised_and_leaving_one_out(data, tmp_path, capsys):
    X, y = points()
    options = ("--rule", "1se", "--standardize", "--folds", "alo", "--lambdas", "100,1")
    assert run("cv", data, *options, "--out", tmp_path / "model.npz") == 0
    own = flr.LogisticRegressionCV([0.01, 1.0], rule="1se", standardize=True, cv="alo").fit(X, y)
    table = rows(capsys.readouterr().out)
    np.testing.assert_allclose([line[1] for line in table], -own.mean_scores_, atol=1e-6)
    np.testing.assert_allclose(Model.load(tmp_path / "model.npz").w[:, 0], own.coef_[0], rtol=1e-4)


def test_images_are_scaled_and_a_figure_is_drawn(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    rng, y = np.random.default_rng(0), np.arange(60) % 2
    images = rng.integers(0, 200, size=(60, 4, 4)).astype(np.uint8) + (
        40 * y[:, None, None]
    ).astype(np.uint8)
    np.savez(tmp_path / "images.npz", x=images, y=y)
    plot, out = tmp_path / "scores.svg", tmp_path / "model.npz"
    options = ("--folds", "3", "--lambdas", "3", "--plot", plot, "--out", out)
    assert run("cv", tmp_path / "images.npz", *options) == 0
    assert "scaled by 1/255" in capsys.readouterr().out
    assert plot.read_bytes().startswith(b"<?xml")
    assert Model.load(out).scale == pytest.approx(1 / 255)
    assert run("evaluate", out, tmp_path / "images.npz") == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--folds", "many"), '--folds must be a whole number or "alo"'),
        (("--folds", "1"), "cv must be at least 2"),
        (("--folds", "150"), "cv must be at most the number of examples of the smallest class"),
        (("--lambdas", "none"), "--lambdas must be how many to try"),
        (("--lambdas", "1,-1"), "--lambdas must be how many to try"),
        (("--rule", "least"), "--rule must be one of"),
        (("--threads", "0"), "--threads must be at least 1"),
        (("--plot", "scores.txt"), "a figure must end in"),
    ],
)
def test_what_is_wrong_is_one_line(options, text, data, capsys):
    assert run("cv", data, *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {text}")


def test_several_labels_are_softmax(tmp_path, capsys):
    X, _ = points()
    y = np.array(["low", "middle", "high"])[np.clip(np.round(X[:, 0] + 1.0), 0, 2).astype(int)]
    np.savez(tmp_path / "three.npz", x=X, y=y)
    out = tmp_path / "model.npz"
    options = ("--folds", "4", "--lambdas", "10,1,0.1", "--rule", "1se", "--out", out)
    assert run("cv", tmp_path / "three.npz", *options) == 0
    own = flr.LogisticRegressionCV(Cs=[0.1, 1.0, 10.0], cv=4, rule="1se").fit(X, y)
    printed = capsys.readouterr().out
    table = rows(printed)[:3]
    np.testing.assert_allclose([line[1] for line in table], -own.mean_scores_, atol=1e-6)
    np.testing.assert_allclose([line[2] for line in table], own.score_errors_, atol=1e-6)
    assert "1se" in table[own.one_se_index_][3]
    assert f"3 lambdas x 5 fits in {own.reads_ - 1} reads of X" in printed
    model = Model.load(out)
    assert model.labels == ("high", "low", "middle")
    np.testing.assert_allclose(model.w.T, own.coef_, rtol=1e-6)
    np.testing.assert_allclose(model.b[:, 0], own.intercept_, rtol=1e-6)
    assert run("evaluate", out, tmp_path / "three.npz") == 0


def test_of_several_labels_one_is_taken_against_the_others(tmp_path, capsys):
    X, _ = points()
    np.savez(tmp_path / "three.npz", x=X, y=np.arange(200) % 3)
    assert run("cv", tmp_path / "three.npz", "--lambdas", "2", "--folds", "alo") == 2
    assert "--folds alo is for two labels; got 3. Give a number of" in capsys.readouterr().err
    out = tmp_path / "model.npz"
    options = ("--positive", "2", "--lambdas", "2", "--folds", "alo", "--out", out)
    assert run("cv", tmp_path / "three.npz", *options) == 0
    assert run("evaluate", out, tmp_path / "three.npz") == 0


@pytest.mark.parametrize(
    "more", [(), ("--l1-ratio", "0.5", "--bounds", "-9,9"), ("--folds", "alo")]
)
def test_ctrl_c_keeps_what_is_done(data, more, tmp_path, monkeypatch, capsys):
    options = ("cv", data, "--lambdas", "100,1,0.1", *more, "--out", tmp_path / "model.npz")
    no_whole_fits(monkeypatch)
    assert run(*options) == 0
    reads = int(re.search(r"in (\d+) reads of X", capsys.readouterr().out)[1])
    press_at(monkeypatch, reads - 1 - ("alo" in more))
    (tmp_path / "model.npz").unlink()
    assert run(*options) == 130
    said = capsys.readouterr()
    warning, error = said.err.splitlines()
    done = re.match(
        r"warning: interrupted by Ctrl-C after ([12]) of 3 lambdas: the choice", warning
    )
    assert error == "error: interrupted"
    assert len(rows(said.out)) == int(done[1])
    assert Model.load(tmp_path / "model.npz").settings["lambda_"] in (100.0, 1.0)


def test_ctrl_c_before_the_first_lambda(data, tmp_path, monkeypatch, capsys):
    press_at(monkeypatch, 1)
    assert run("cv", data, "--out", tmp_path / "model.npz") == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    assert not (tmp_path / "model.npz").exists()


def test_ctrl_c_in_a_path(data, monkeypatch, capsys):
    options = ("train", data, "--l1-ratio", "0.5", "--bounds", "-9,9", "--path", "4")
    no_whole_fits(monkeypatch)
    assert run(*options) == 0
    reads = int(re.search(r"4 lambdas in (\d+) reads", capsys.readouterr().out)[1])
    press_at(monkeypatch, reads - 1)
    assert run(*options) == 130
    said = capsys.readouterr()
    assert re.search(r"^[123] lambdas in \d+ reads", said.out, flags=re.MULTILINE)
    assert "warning: interrupted by Ctrl-C after" in said.err
    assert said.err.endswith("error: interrupted\n")
