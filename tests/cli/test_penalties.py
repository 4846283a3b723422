"""`--l1-ratio`, `--bounds` and `--path`: what they print, what they write, and what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("typer")

import fastlogreg as flr
from fastlogreg.cli import app
from fastlogreg.models.model import Model


def points(m=120, n_x=5, classes=2):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(m, n_x))
    z = X[:, 0] - 0.5 * X[:, 1] + 0.5 * rng.logistic(size=m)
    return X, np.digitize(z, [0.0] if classes == 2 else [-0.5, 0.5])


def saved(path, X, y, names=None):
    names = [f"c{j}" for j in range(X.shape[1])] if names is None else names
    rows = [",".join([*names, "kind"])]
    rows += [",".join([*(f"{x:.17g}" for x in row), "abc"[k]]) for row, k in zip(X, y)]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def data(tmp_path):
    return saved(tmp_path / "data.csv", *points())


@pytest.fixture
def three(tmp_path):
    return saved(tmp_path / "three.csv", *points(classes=3))


def run(*arguments):
    return app.run([str(argument) for argument in arguments])


def failing(capsys, *arguments):
    assert run(*arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_the_features_selected_are_listed_and_the_model_is_written(data, tmp_path, capsys):
    out = tmp_path / "model.npz"
    options = ("--target", "kind", "--l1-ratio", 1, "--lambda", 10, "--out", out)
    assert run("train", data, *options) == 0
    text = capsys.readouterr().out
    X, y = points()
    own = flr.train(X.T, y[None, :], lambda_=10.0, l1_ratio=1.0, solver="auto", tol=1e-10)
    model = Model.load(out)
    np.testing.assert_allclose(model.w, own.w, atol=1e-9)
    assert model.settings["solver"] == "prox_newton"
    assert model.settings["l1_ratio"] == 1.0
    inside = np.count_nonzero(own.w)
    assert 0 < inside < 5
    lines = text.splitlines()
    first = next(k for k, line in enumerate(lines) if "features have a weight" in line)
    assert lines[first].startswith(f"{inside} of 5 features have a weight")
    name, weight = lines[first + 1].split()
    assert name == "c0"
    assert float(weight) == pytest.approx(own.w[0, 0], rel=1e-3)


def test_bounds_alone_choose_the_solver_too(data, tmp_path):
    out = tmp_path / "model.npz"
    options = ("--target", "kind", "--bounds", "0,0.5", "--lambda", 1, "--out", out)
    assert run("train", data, *options) == 0
    w = Model.load(out).w
    assert (w >= 0.0).all()
    assert w.max() == 0.5


def test_of_several_classes_the_features_are_listed_with_their_weights(three, capsys):
    options = ("--target", "kind", "--l1-ratio", 1, "--lambda", 5)
    assert run("train", three, *options) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(k for k, line in enumerate(lines) if "features have a weight" in line)
    assert lines[head + 1].split()[0] == "c0"
    assert len(lines[head + 1].split()) == 4


def test_a_path_is_a_line_for_each_lambda(data, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    plot = tmp_path / "path.png"
    options = ("--target", "kind", "--l1-ratio", 0.5, "--path", 4, "--tol", 1e-9, "--plot", plot)
    assert run("train", data, *options) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(k for k, line in enumerate(lines) if "deviance explained" in line)
    X, y = points()
    own = flr.path(X.T, y[None, :], lambdas=4, l1_ratio=0.5, tol=1e-9)
    for k, line in enumerate(lines[head + 1 : head + 5]):
        lambda_, nonzeros, explained, _, bound = map(float, line.split())
        assert lambda_ == pytest.approx(own.lambdas[k], rel=1e-4)
        assert nonzeros == own.nonzeros[k]
        assert explained == pytest.approx(own.deviance_explained[k], abs=1e-4)
        assert bound <= 1.1e-9
    assert "4 lambdas in" in lines[head + 5]
    assert plot.stat().st_size > 1000


def test_a_path_of_several_classes(three, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert run("train", three, "--target", "kind", "--path", 2) == 0
    assert "2 lambdas in" in capsys.readouterr().out
    plot = tmp_path / "path.svg"
    options = ("--target", "kind", "--path", 4, "--l1-ratio", 1, "--tol", 1e-9, "--plot", plot)
    assert run("train", three, *options) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(k for k, line in enumerate(lines) if "deviance explained" in line)
    X, y = points(classes=3)
    own = flr.path(X.T, y[None, :], classes=3, lambdas=4, l1_ratio=1.0, tol=1e-9)
    for k, line in enumerate(lines[head + 1 : head + 5]):
        lambda_, nonzeros, *_ = map(float, line.split())
        assert lambda_ == pytest.approx(own.lambdas[k], rel=1e-4)
        assert nonzeros == own.nonzeros[k]
    assert plot.stat().st_size > 1000


@pytest.mark.parametrize("kind", ["data", "three"])
def test_cross_validation_with_l1(kind, request, tmp_path, capsys):
    pytest.importorskip("sklearn")
    X, y = points(classes=2 if kind == "data" else 3)
    data, out = request.getfixturevalue(kind), tmp_path / "model.npz"
    options = ("--target", "kind", "--l1-ratio", 1, "--standardize", "--folds", 3, "--tol", 1e-9)
    assert run("cv", data, *options, "--lambdas", "20,5", "--out", out) == 0
    text = capsys.readouterr().out
    own = flr.LogisticRegressionCV(
        [0.05, 0.2], l1_ratios=[1.0], standardize=True, cv=3, tol=1e-9
    ).fit(X, y)
    found = [line.split() for line in text.splitlines() if line.lstrip().startswith(("20 ", "5 "))]
    for (_, mean, error, *_), k in zip(found[:2], (0, 1)):
        assert float(mean) == pytest.approx(-own.mean_scores_[k, 0], abs=2e-6)
        assert float(error) == pytest.approx(own.score_errors_[k, 0], abs=2e-6)
    assert "of 5 features have a weight" in text
    w = Model.load(out).w
    np.testing.assert_allclose(w.T, own.coef_, atol=1e-4)
    assert ((w.T == 0.0) == (own.coef_ == 0.0)).all()


def test_a_number_of_lambdas_begins_where_the_first_feature_moves(data, capsys):
    pytest.importorskip("sklearn")
    options = ("--target", "kind", "--l1-ratio", 1, "--folds", 2, "--tol", 1e-6)
    assert run("cv", data, *options, "--lambdas", 3) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(k for k, line in enumerate(lines) if "log-loss" in line and "lambda" in line)
    first, last = (float(lines[head + k].split()[0]) for k in (1, 3))
    assert first / last == pytest.approx(1e4, rel=1e-4)
    X, y = points()
    (largest,) = flr.path(X.T, y[None, :], lambdas=1, l1_ratio=1.0).lambdas
    assert first == pytest.approx(largest, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--l1-ratio", 2), "--l1-ratio must be from 0, L2 alone, to 1, L1 alone; got 2"),
        (("--l1-ratio", -1), "--l1-ratio must be at least 0"),
        (("--bounds", "0"), "--bounds must be LOW,HIGH"),
        (("--bounds", "a,1"), "--bounds must be LOW,HIGH"),
        (("--bounds", "2,1"), "--bounds must have LOW at most HIGH; got '2,1'"),
        (("--bounds", "1,2", "--l1-ratio", 1), "--bounds must have 0 between them"),
        (("--l1-ratio", 1, "--solver", "lbfgs"), "--solver must be prox_newton or auto"),
        (("--bounds", "0,", "--solver", "gd"), "for --bounds; got 'gd'"),
        (("--path", 0), "--path must be at least 1"),
        (("--path", 3, "--lambda", 1), "--path follows many lambdas and keeps no model"),
        (("--path", 3, "--out", "model.npz"), "--path follows many lambdas and keeps no model"),
        (("--path", 3, "--dask", "threads"), "are for data on this machine"),
        (("--penalty-weights", "c0"), "or a file with a line NAME=WEIGHT each; a weight is"),
        (("--penalty-weights", "c0"), "got 'c0', and there is no such file"),
        (("--penalty-weights", "c0=x"), "got 'c0=x' in --penalty-weights"),
        (("--penalty-weights", "c0=-1"), "got 'c0=-1' in --penalty-weights"),
        (("--penalty-weights", "c0=nan"), "got 'c0=nan' in --penalty-weights"),
        (("--penalty-weights", "=1"), "got '=1' in --penalty-weights"),
        (("--penalty-weights", "c0=1,,c1=2"), "got '' in --penalty-weights"),
        (("--penalty-weights", "c0=1,c0=2"), "must name a column once; 'c0' is in"),
        (("--penalty-weights", "c9=1"), "must name columns of X; got 'c9' in --penalty-weights"),
        (("--penalty-weights", "kind=1"), "got 'kind' in --penalty-weights, which is none of them"),
        (
            ("--penalty-weights", "c0=inf,c1=inf,c2=inf,c3=inf,c4=inf"),
            "must leave a feature in; got inf for all 5 of them",
        ),
        (("--penalty-weights", "c0=0", "--solver", "gd"), "for --penalty-weights; got 'gd'"),
    ],
)
def test_errors_name_the_option(data, capsys, options, text):
    assert text in failing(capsys, "train", data, "--target", "kind", *options)


def test_leaving_one_out_is_for_l2(data, capsys):
    options = ("--target", "kind", "--l1-ratio", 1, "--folds", "alo")
    assert "--folds must be a number for --l1-ratio" in failing(capsys, "cv", data, *options)


WEIGHTS = np.array([[0.0], [np.inf], [2.5], [1.0], [1.0]])


@pytest.mark.parametrize("kind", ["data", "three"])
@pytest.mark.parametrize("form", ["pairs", "file"])
def test_penalty_weights_by_the_names_of_columns(kind, form, request, tmp_path, capsys):
    data, K = request.getfixturevalue(kind), 2 if kind == "data" else 3
    out, given = tmp_path / "model.npz", "c0=0,c1=inf, c2 = 2.5"
    if form == "file":
        given = tmp_path / "weights.txt"
        given.write_text("# what is known\nc0=0\n\nc1 = inf\nc2=2.5\n")
    options = ("--target", "kind", "--l1-ratio", 1, "--lambda", 4, "--penalty-weights", given)
    assert run("train", data, *options, "--out", out) == 0
    X, y = points(classes=K)
    own = flr.train(
        X.T,
        y[None, :],
        classes=K,
        lambda_=4.0,
        l1_ratio=1.0,
        penalty_weights=WEIGHTS,
        solver="auto",
        tol=1e-10,
    )
    model = Model.load(out)
    np.testing.assert_allclose(model.w, own.w, atol=1e-5)
    assert model.w[0].all()
    assert not model.w[1].any()
    assert model.settings["penalty_weights"] == "c0=0,c1=inf,c2=2.5"
    capsys.readouterr()
    assert run("show", out) == 0
    assert "penalty weights c0=0,c1=inf,c2=2.5" in " ".join(capsys.readouterr().out.split())


def test_penalty_weights_of_a_path_and_of_folds(data, tmp_path, capsys):
    pytest.importorskip("sklearn")
    options = ("--target", "kind", "--l1-ratio", 1, "--penalty-weights", "c0=0,c1=inf,c2=2.5")
    assert run("train", data, *options, "--path", 3) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(k for k, line in enumerate(lines) if "deviance explained" in line)
    X, y = points()
    own = flr.path(X.T, y[None, :], lambdas=3, l1_ratio=1.0, penalty_weights=WEIGHTS)
    assert float(lines[head + 1].split()[0]) == pytest.approx(own.lambdas[0], rel=1e-4)
    assert int(lines[head + 1].split()[1]) == 1  # the free one
    out = tmp_path / "model.npz"
    more = ("--folds", 3, "--tol", 1e-9, "--lambdas", "20,5", "--out", out)
    assert run("cv", data, *options, *more) == 0
    cv = flr.LogisticRegressionCV(
        [0.05, 0.2], l1_ratios=[1.0], penalty_weights=WEIGHTS[:, 0], cv=3, tol=1e-9
    ).fit(X, y)
    model = Model.load(out)
    np.testing.assert_allclose(model.w.T, cv.coef_, atol=1e-4)
    assert model.settings["penalty_weights"] == "c0=0,c1=inf,c2=2.5"


def test_a_column_of_words_has_one_weight_for_all_its_features(tmp_path):
    X, y = points()
    colours = np.array(["red", "green", "blue"])[np.arange(120) % 3]
    rows = ["size,colour,kind"]
    rows += [f"{x[0]:.17g},{colour},{'ab'[k]}" for x, colour, k in zip(X, colours, y)]
    data, out = tmp_path / "table.csv", tmp_path / "model.npz"
    data.write_text("\n".join(rows) + "\n")
    options = ("--target", "kind", "--l1-ratio", 1, "--lambda", 1, "--out", out)
    assert run("train", data, *options, "--penalty-weights", "colour=inf,colour = red=0") == 0
    model = Model.load(out)
    names = list(model.feature_names)
    there = dict(zip(names, (model.w[:, 0] != 0.0).tolist()))
    assert there == {name: name in ("size", "colour = red") for name in names}


def test_columns_without_names_are_numbered(tmp_path):
    X, y = points()
    data, out = tmp_path / "data.npz", tmp_path / "model.npz"
    np.savez(data, X=X, y=y)
    options = ("--x", "X", "--y", "y", "--l1-ratio", 1, "--lambda", 4, "--out", out)
    assert run("train", data, *options, "--penalty-weights", "x1=inf") == 0
    assert Model.load(out).w[0, 0] == 0.0


def test_bounds_with_standardised_features_are_of_the_columns_as_they_are(tmp_path, capsys):
    X, y = points()
    data, out = saved(tmp_path / "data.csv", 10.0 * X, y), tmp_path / "model.npz"
    options = ("--target", "kind", "--bounds", "0,0.05", "--lambda", 1, "--out", out)
    assert run("train", data, *options, "--standardize") == 0
    model = Model.load(out)
    assert (model.w * model.scale).max() == pytest.approx(0.05, rel=1e-12)
    assert (model.w >= 0.0).all()
