"""Several classes on the command line: they are found, and printed so that people can read them."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.cli import app, report
from fastlogreg.models.model import Model

SEED = 5
WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def points(names, m=90, n_x=3):
    """Overlapping clouds, (m, n_x), and the label of each row."""
    rng = np.random.default_rng(SEED)
    k = np.arange(m) % len(names)
    return rng.normal(size=(m, n_x)) + 2.0 * rng.normal(size=(len(names), n_x))[k], np.array(names)[
        k
    ]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder; its status, and what it says on stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = app.run([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


def table(X, y, path="t.csv"):
    lines = [",".join([*map(str, x), str(label)]) for x, label in zip(X, y)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(["a,b,c,kind", *lines]))
    return path


NAMES = {
    "text": ("ant", "bee", "fly"),
    "integers": (3, 7, 10, -1),
    "text with numbers": ("1a", "2", "33", "4"),
    "bytes in npz": (b"x", b"y", b"z"),
}
OPTIONS = ("--target", "kind", "--solver", "auto", "--lambda", "1", "--tol", "1e-8")


@pytest.mark.parametrize("case", ["text", "integers", "text with numbers"])
def test_train_predict_evaluate_on_a_table(case, run):
    names = NAMES[case]
    X, y = points(names)
    path, labels = table(X, y), tuple(sorted(names))
    status, out, err = run("train", path, *OPTIONS, "--out", "m")
    assert (status, err) == (0, "")
    assert re.search(r"labels: \d+ are " + re.escape(str(labels[0])), out)
    model = Model.load("m")
    assert (model.labels, model.w.shape, model.b.shape) == (
        labels,
        (3, len(names)),
        (len(names), 1),
    )

    Y = np.searchsorted(labels, y.tolist())[None, :]
    expected = flr.train(X.T, Y, classes=len(names), solver="auto", lambda_=1.0, tol=1e-8)
    np.testing.assert_array_equal(model.w, expected.w)
    A = flr.predict_proba(expected.w, expected.b, X.T)

    status, said, _ = run("evaluate", "m", path, "--target", "kind")
    assert status == 0
    lines = out.splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith("train "))
    printed = [line for line in lines[first:] if line.startswith(("train ", "  "))]
    assert [line.replace("train ", "data ", 1) for line in printed] == said.splitlines()
    loss = -np.log(A[Y[0], np.arange(len(y))]).mean()
    assert f"data log-loss: {loss:.4g}, Brier score" in said
    assert all(len(line) <= 80 for line in said.splitlines())

    status, said, _ = run("predict", "m", path)
    rows = list(csv.DictReader(io.StringIO(said)))
    assert [row["label"] for row in rows] == [str(labels[k]) for k in A.argmax(axis=0)]
    for k, label in enumerate(labels):
        np.testing.assert_allclose([float(r[f"P({label})"]) for r in rows], A[k], 1e-12)


def test_one_class_against_the_rest(run):
    X, y = points(NAMES["text"])
    path = table(X, y)
    status, out, err = run("train", path, *OPTIONS, "--positive", "bee", "--out", "m")
    assert (status, err) == (0, "")
    assert "labels: 60 are not bee, 30 are bee (y = 1)" in out
    expected = flr.train(X.T, (y == "bee")[None, :], solver="auto", lambda_=1.0, tol=1e-8)
    model = Model.load("m")
    np.testing.assert_array_equal(model.w, expected.w)
    assert (model.labels, model.settings["positive"]) == (("not bee", "bee"), "bee")
    status, said, _ = run("evaluate", "m", path, "--target", "kind")
    assert f"data log-loss: {re.findall(r'train log-loss: (.*)', out)[0]}" in said
    assert "is not bee" in said
    status, _, err = run("train", path, *OPTIONS, "--positive", "cow")
    assert status == 2
    assert "got 'cow', and the labels are 'ant', 'bee', 'fly'" in err
    numbers = table(*points(NAMES["integers"]))
    status, out, _ = run("train", numbers, *OPTIONS, "--positive", "7", "--test", numbers)
    assert status == 0
    assert "are not 7" in out
    assert "test counts:" in out


def test_images_of_several_classes_are_drawn(run):
    rng = np.random.default_rng(SEED)
    y = np.arange(40) % 4
    x = rng.integers(0, 200, size=(40, 4, 4)) + 50 * (np.arange(4) == y[:, None])[:, :, None]
    np.savez("images.npz", x=x.astype(np.uint8), y=y)
    arguments = ("--iterations", "20", "--plot", "f.png", "--out", "m", "--test", "images.npz")
    status, out, err = run("train", "images.npz", *arguments)
    assert (status, err) == (0, "")
    assert "scaled by 1/255" in out
    with open("f.png", "rb") as file:
        assert file.read()[1:4] == b"PNG"
    assert Model.load("m").image_shape == (4, 4)


def test_labels_that_are_no_classes(run):
    X, _ = points(("a", "b"))
    status, _, err = run("train", table(X, X[:, 0]), *OPTIONS)
    assert status == 2
    assert "more than two classes must be whole numbers or text, not numbers to regress on" in err
    status, _, err = run("train", table(X, np.ones(90, int)), *OPTIONS)
    assert status == 2
    assert "labels must be of two classes or more to train on; got 1 (1). Add" in err


def test_new_labels_are_an_error_that_lists_the_known_ones(run):
    X, y = points(NAMES["text"])
    assert run("train", table(X, y), *OPTIONS, "--out", "m")[0] == 0
    status, _, err = run(
        "evaluate", "m", table(X, np.where(y == "ant", "cow", y), "o.csv"), "--target", "kind"
    )
    assert status == 2
    assert (
        "labels must be 'ant', 'bee' or 'fly', as in the training data; got 'cow' in row 0" in err
    )


# ---------------------------------------------------------------- what is printed


def test_precision_recall_and_counts():
    Y = np.array([[0, 0, 0, 1, 1, 2]])
    predicted = np.array([[0, 0, 1, 1, 1, 0]])
    metrics = report.Metrics.of(Y, predicted, 0.25, 3)
    assert metrics.accuracy == pytest.approx(100 * 4 / 6)
    assert metrics.confusion == ((2, 1, 0), (0, 2, 0), (1, 0, 0))
    assert "\n".join(metrics.lines("test", ("no", "yes", "perhaps"))) == (
        "test accuracy: 66.66666666666667 %\n"
        "test log-loss: 0.250000\n"
        "test classes:\n"
        "  class    examples  precision  recall\n"
        "  no              3      0.667   0.667\n"
        "  yes             2      0.667   1.000\n"
        "  perhaps         1          -   0.000\n"
        "test counts, in the columns what was predicted:\n"
        "              no  yes  perhaps\n"
        "  is no        2    1        0\n"
        "  is yes       0    2        0\n"
        "  is perhaps   1    0        0"
    )


@pytest.mark.parametrize("K", [3, 10, 30, 31, 300])
@pytest.mark.parametrize("name", ["{}", "a long name of class {}"])
def test_many_classes_stay_readable(K, name):
    rng = np.random.default_rng(0)
    Y = rng.integers(0, K, size=(1, 5000))
    predicted = np.where(rng.random((1, 5000)) < 0.8, Y, rng.integers(0, K, size=(1, 5000)))
    labels = tuple(name.format(k) for k in range(K))
    lines = list(report.Metrics.of(Y, predicted, 1.0, K).lines("train", labels))
    lines += report.label_lines(np.bincount(Y[0], minlength=K), labels)
    assert len(lines) <= 2 * 32 + 20
    assert max(map(len, lines)) <= 80


def test_the_most_frequent_mistakes_where_the_table_is_too_wide():
    counts = np.diag(np.full(40, 7))
    counts[3, 9], counts[9, 3] = 12, 5
    metrics = report.Metrics.counted(counts, 0.5, 90.0)
    lines = list(metrics.lines("test", tuple(range(40))))
    assert "test classes (the 10 of 40 with the lowest recall):" in lines
    assert lines[-3:] == [
        "test mistakes: 17, the most frequent:",
        "  12 of 3 predicted 9",
        "  5 of 9 predicted 3",
    ]


# ---------------------------------------------------------------- real data


def idx(path):
    """Read an IDX file of bytes."""
    with gzip.open(path) as file:
        data = file.read()
    rank = data[3]
    shape = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(rank)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


@pytest.mark.skipif(WITHOUT_JIT, reason="60,000 images are for compiled kernels")
def test_all_ten_digits_of_mnist(shared_data, run):
    folder = shared_data / "mnist"
    for name in ("train", "t10k"):
        images, labels = (
            idx(folder / f"{name}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1")
        )
        np.savez(f"{name}.npz", x=images, y=labels)
    how = ("--solver", "auto", "--lambda", "60", "--tol", "1e-4")
    files = ("--test", "t10k.npz", "--plot", "f.png", "--out", "m")
    status, out, err = run("train", "train.npz", *how, *files)
    assert (status, err) == (0, "")
    assert "60000 examples of 784 features (28 x 28), uint8" in out
    assert "5923 are 0, 6742 are 1" in out
    train, test = (float(a) for a in re.findall(r"accuracy: (\S+) %", out))
    assert train > 92
    assert test > 92
    model = Model.load("m")
    assert (model.w.shape, model.labels) == ((784, 10), tuple(range(10)))
    status, said, _ = run("evaluate", "m", "t10k.npz")
    assert said.splitlines()[0].startswith(f"data accuracy: {test} % (")
    assert re.search(r"\n  is 9 .* \d+\n?$", said)
    status, said, _ = run("predict", "m", "t10k.npz")
    assert said.splitlines()[0].startswith("example,label,P(0),P(1),")


def test_the_published_programmes(shared_data, run):
    """hsb2: general and vocational against academic, by social class and writing, no penalty."""
    with open(shared_data / "tables" / "openintro_hsb2.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = ["middle,high,write,prog"] + [
        f"{r['ses'] == 'middle':d},{r['ses'] == 'high':d},{r['write']},{r['prog']}" for r in rows
    ]
    with open("prog.csv", "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    how = ("--target", "prog", "--solver", "newton", "--tol", "1e-9", "--out", "m")
    status, out, _ = run("train", "prog.csv", *how)
    assert status == 0
    cost = float(re.findall(r"^Cost (\d\S*),", out, re.MULTILINE)[-1])
    assert 2 * len(rows) * cost == pytest.approx(359.963452430185, abs=1e-3)  # six digits printed
    model = Model.load("m")
    assert model.labels == ("academic", "general", "vocational")
    theta = np.append(model.b.T, model.w, axis=0)
    expected = [
        [2.85218624, -0.53329101, -1.16283200, -0.05792841],
        [5.21820016, 0.29139312, -0.98267033, -0.11360264],
    ]
    np.testing.assert_allclose((theta[:, 1:] - theta[:, :1]).T, expected, atol=5e-8)
