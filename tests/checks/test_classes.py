"""Bad input for several classes, row by row: which argument, what was required, what came, and the
remedy."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from tests.helpers.comparison import ON_CPU

n_x, m, K = 2, 6, 3
W, B = np.zeros((n_x, K)), np.zeros((K, 1))
X = np.arange(12.0).reshape(n_x, m) / 12
Y = np.array([[0, 1, 2, 0, 1, 2]])
NUMBERED = r"np.unique\(Y, return_inverse=True\)\[1\].reshape\(1, -1\)"


def call(function="propagate", **changes):
    """function on good arguments with some of them changed."""
    arguments = {"w": W, "b": B, "X": X, "Y": Y, **changes}
    if function == "train":
        for name in ("w", "b"):
            if name not in changes:
                del arguments[name]
        given = {"classes": K, "solver": "lbfgs", "lambda_": 1.0, **arguments}
        return flr.train(given.pop("X"), given.pop("Y"), **given)
    if function in ("predict", "predict_proba"):
        del arguments["Y"]
    return getattr(flr, function)(**arguments)


ALL = ("cost", "propagate", "train", "predict", "predict_proba", "check_gradient")
WITH_Y = ("cost", "propagate", "train", "check_gradient")
BY_W = ("cost", "propagate", "check_gradient")


def test_the_arguments_that_the_tests_change_are_good():
    for function in ALL:
        call(function)


ROWS = {
    "w of classes in rows": (
        ALL,
        {"w": np.zeros((K, n_x))},
        ValueError,
        r"w must have shape \(2, K\), a column .*\(3, 2\).* a row for each class: pass w.T",
    ),
    "w NaN": (
        ALL,
        {"w": [[0, 0, 0], [0, np.nan, 0]]},
        ValueError,
        r"w must be finite; got w\[1, 1\] = nan",
    ),
    "w complex": (ALL, {"w": W + 1j}, TypeError, "w must hold real numbers"),
    "w of another number of features": (
        ALL,
        {"w": np.zeros((5, K))},
        ValueError,
        r"w must have shape \(2, 3\) \(for each of 3 classes a column of 2 weights\); got "
        r"shape \(5, 3\)",
    ),
    "b of rank 1": (
        ALL,
        {"b": np.zeros(K)},
        ValueError,
        r"b must have shape \(3, 1\) \(a bias for each of 3 classes\); got shape \(3,\), a rank-1 "
        r"array; mend it with b = b.reshape\(3, 1\)",
    ),
    "b a row": (ALL, {"b": np.zeros((1, K))}, ValueError, r"b.reshape\(3, 1\)"),
    "b a number": (
        ("cost", "propagate", "predict", "predict_proba", "check_gradient"),
        {"b": 0.5},
        ValueError,
        r"b must have shape \(3, 1\).*got the number 0.5.*b = np.full\(\(3, 1\), 0.5\)",
    ),
    "b infinite": (
        ALL,
        {"b": [[0], [np.inf], [0]]},
        ValueError,
        r"b must be finite; got b\[1, 0\] = inf",
    ),
    "b text": (ALL, {"b": "0"}, TypeError, "b must be a number; got '0'"),
    "labels 1 to 3": (
        WITH_Y,
        {"Y": Y + 1},
        ValueError,
        r"Y must hold labels 0 to 2 for .*; got 3 \(first at example 2\); number the labels "
        rf"1, 2, 3 with Y = {NUMBERED}",
    ),
    "labels of decades": (
        WITH_Y,
        {"Y": 10 * Y},
        ValueError,
        r"got 10, 20 \(first at example 1\); number the labels 0, 10, 20",
    ),
    "negative labels": (WITH_Y, {"Y": Y - 1}, ValueError, r"got -1 \(first at example 0\)"),
    "labels between": (
        WITH_Y,
        {"Y": Y + 0.5},
        ValueError,
        r"got 0.5, 1.5, 2.5 \(first at example 0\)$",
    ),
    "too many labels for the columns of w": (
        BY_W,
        {"Y": [[0, 1, 2, 3, 4, 5]]},
        ValueError,
        r"labels 0 to 2 for the 3 columns of w; got 3, 4, 5 \(first at example 3\)",
    ),
    "classes smaller than the labels": (
        ("train",),
        {"Y": [[0, 1, 2, 3, 4, 2]]},
        ValueError,
        r"labels 0 to 2 for classes=3; got 3, 4 \(first at example 3\); labels up to 4 take "
        r"classes=5",
    ),
    "more labels than classes, not numbered": (
        ("train",),
        {"Y": [[-7, 1, 2, 3, 4, 2]]},
        ValueError,
        r"got -7, 3, 4 .*; the 5 labels -7, 1, 2, 3, 4 take classes=5",
    ),
    "a missing label": (
        WITH_Y,
        {"Y": [[0, 1, np.nan, 1, 2, 2]]},
        ValueError,
        "Y has a missing label: example 2, counted from 0",
    ),
    "labels of text": (
        WITH_Y,
        {"Y": [list("abcabc")]},
        TypeError,
        f"Y must hold numbers, 0 to 2 for .*; got dtype <U1. Number the labels with Y = {NUMBERED}",
    ),
    "Y of rank 1": (
        WITH_Y,
        {"Y": Y[0]},
        ValueError,
        r"Y must have shape \(1, 6\).*reshape\(1, 6\)",
    ),
    "Y too short": (WITH_Y, {"Y": Y[:, :3]}, ValueError, r"got shape \(1, 3\)$"),
    "a class without an example": (
        ("train",),
        {"Y": [[0, 1, 0, 1, 0, 1]]},
        ValueError,
        r"Y must hold every class to train on; no example is of class 2 \(classes=3\). Add",
    ),
    "more classes than examples": (
        ("train",),
        {"classes": 10**9},
        ValueError,
        "Y must hold every class to train on; 6 examples are fewer than classes=1000000000",
    ),
    "one class": (("train",), {"classes": 1}, ValueError, "classes must be at least 2; got 1"),
    "half a class": (("train",), {"classes": 2.5}, ValueError, "classes must be a whole number"),
    "classes of text": (("train",), {"classes": "3"}, TypeError, "classes must be a number"),
    "a threshold": (
        ("predict",),
        {"threshold": 0.3},
        ValueError,
        "threshold is for two classes, and w has 3 columns; got 0.3. Leave it out",
    ),
    "NaN in X": (
        ALL,
        {"X": np.where(X[1, 4] == X, np.nan, X)},
        ValueError,
        r"got nan in row 4.*column 1.*X\[1, 4\]",
    ),
    "inf in X": (
        ALL,
        {"X": np.where(X[1, 4] == X, np.inf, X)},
        ValueError,
        r"got inf in row 4.*column 1",
    ),
    "w of another number of classes": (
        ("train",),
        {"w": np.zeros((n_x, 4))},
        ValueError,
        r"w must have shape \(2, 3\).*got shape \(2, 4\)",
    ),
    "rows of examples": (
        ALL,
        {"X": X.T},
        ValueError,
        r"X must have shape \(n_x, m\), one example per column.*pass X.T",
    ),
}


@pytest.mark.parametrize(("row", "function"), [(row, f) for row in ROWS for f in ROWS[row][0]])
def test_bad_input(row, function):
    _, changes, error, text = ROWS[row]
    with pytest.raises(error, match=text):
        call(function, **changes)


@pytest.mark.parametrize("function", ["propagate", "cost", "check_gradient"])
def test_labels_of_several_classes_with_one_column_of_w(function):
    two = {"w": np.zeros((n_x, 1)), "b": 0.0}
    text = r"labels 0 or 1; got 2 \(first at example 2\); for 3 classes give w a column for each, "
    with pytest.raises(ValueError, match=text + r"\(n_x, 3\), and b \(3, 1\)$"):
        call(function, **two)


@pytest.mark.parametrize("classes", [None, 2])
def test_labels_of_several_classes_ask_for_classes(classes):
    text = r"labels 0 or 1; got 2 \(first at example 2\); for 3 classes pass classes=3$"
    with pytest.raises(ValueError, match=text):
        call("train", classes=classes)
    text = rf"; for 3 classes number them 0 to 2 with Y = {NUMBERED}, and pass classes=3$"
    with pytest.raises(ValueError, match=text):
        call("train", Y=10 * Y, classes=classes)
    with pytest.raises(ValueError, match=r"got 1.5 \(first at example 1\)"):
        call("train", Y=Y + 0.5, classes=classes)


def test_words_for_several_classes_ask_for_numbers_and_classes():
    words = [list("abcabc")]
    text = rf"labels_to_Y\(labels, positive=...\); for 3 classes number .*{NUMBERED}, and pass "
    with pytest.raises(TypeError, match=text + "classes=3$"):
        call("train", Y=words, classes=None)
    with pytest.raises(TypeError, match=r"positive=...\)$"):
        call("train", Y=[list("ababab")], classes=None)


def test_a_start_of_several_classes_asks_for_classes():
    two = {"Y": Y % 2, "classes": None, "w": W}
    text = r"w must have shape \(2, 1\) for two classes; got shape \(2, 3\). For 3 .*classes=3"
    with pytest.raises(ValueError, match=text):
        call("train", **two)


def test_a_thousand_values_are_no_classes():
    wide, values = np.zeros((1, 1001)), np.arange(1001.0)[None, :]
    with pytest.raises(ValueError, match=r"first at example 2\)$"):
        flr.train(wide, values)


def test_what_is_fine():
    wanted = call()
    for labels in (Y.astype(np.uint8), Y.astype(np.float32), Y.tolist(), Y.astype(">i4")):
        assert call(Y=labels).cost == wanted.cost
    assert call(w=W.tolist(), b=B.tolist(), X=X.tolist()).cost == wanted.cost
    assert call(Y=0 * Y).cost == pytest.approx(np.log(3))  # a pass needs no example of each
    found = call("predict")
    assert (found.shape, found.dtype, found.tolist()) == ((1, m), np.int32, [[0] * m])
    assert call("predict_proba").shape == (K, m)
    boolean = flr.propagate(np.zeros((n_x, 2)), np.zeros((2, 1)), X, Y == 1)
    assert boolean.cost == pytest.approx(np.log(2))


def test_nothing_is_written():
    given = {"w": W + np.arange(3.0), "b": B + 1.0, "X": X.copy(), "Y": Y.copy()}
    copies = {name: value.copy() for name, value in given.items()}
    for value in given.values():
        value.flags.writeable = False
    for backend in ON_CPU:
        call(**given, backend=backend, lambda_=1.0, scale=2.0, shift=1.0)
        call("train", **given, backend=backend, scale=2.0, shift=1.0)
    for name, value in given.items():
        np.testing.assert_array_equal(value, copies[name])
