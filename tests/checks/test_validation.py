"""Bad input, row by row of the error policy: which argument, what was required, what came, and the
remedy."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.checks import arguments
from tests.helpers.comparison import ON_CPU

n_x, m = 3, 4
W, B = np.zeros((n_x, 1)), 0.0
X = np.arange(12.0).reshape(n_x, m) / 12
Y = np.array([[0, 1, 0, 1]])


def call(function="propagate", **changes):
    """function on good arguments with some of them changed."""
    arguments = {"w": W, "b": B, "X": X, "Y": Y, **changes}
    if function == "train":
        for name in ("w", "b"):
            if name not in changes:
                del arguments[name]
        return flr.train(arguments.pop("X"), arguments.pop("Y"), **arguments)
    if function in ("predict", "predict_proba"):
        del arguments["Y"]
    return getattr(flr, function)(**arguments)


def with_value(value, dtype=float, example=2, feature=1):
    bad = X.astype(dtype)
    bad[feature, example] = value
    return bad


def test_the_arguments_that_the_tests_change_are_good():
    for function in ("cost", "propagate", "train", "predict", "predict_proba", "check_gradient"):
        call(function)


# Every function that takes the argument refuses it, with the same text.
EVERYWHERE = ("cost", "propagate", "train", "predict", "predict_proba", "check_gradient")
WITH_Y = ("cost", "propagate", "train", "check_gradient")

ROWS = {
    "X of rank 1": (
        EVERYWHERE,
        {"X": X[0]},
        ValueError,
        r"X must have shape \(n_x, m\).*\(4,\).*X.reshape\(1, 4\)",
    ),
    "X of images": (
        EVERYWHERE,
        {"X": np.zeros((4, 2, 2, 3))},
        ValueError,
        r"flatten_images\(X\) or X.reshape",
    ),
    "X a number": (
        EVERYWHERE,
        {"X": 3.0},
        ValueError,
        r"X must have shape \(n_x, m\).*got shape \(\)",
    ),
    "no examples": (
        EVERYWHERE,
        {"X": X[:, :0]},
        ValueError,
        r"got shape \(3, 0\), no examples \(m = 0\)",
    ),
    "no features": (
        EVERYWHERE,
        {"X": X[:0]},
        ValueError,
        r"got shape \(0, 4\), no features \(n_x = 0\)",
    ),
    "X of objects": (
        EVERYWHERE,
        {"X": X.astype(object)},
        TypeError,
        r"X must hold real numbers.*object.*astype\(float\)",
    ),
    "X complex": (
        EVERYWHERE,
        {"X": X.astype(complex)},
        TypeError,
        "X must hold real numbers.*complex128",
    ),
    "X of text": (EVERYWHERE, {"X": X.astype(str)}, TypeError, "X must hold real numbers"),
    "X of dates": (EVERYWHERE, {"X": X.astype("M8[s]")}, TypeError, "X must hold real numbers"),
    "NaN in X": (
        EVERYWHERE,
        {"X": with_value(np.nan)},
        ValueError,
        r"got nan in row 2.*column 1.*X\[1, 2\].*Remove",
    ),
    "inf in X": (EVERYWHERE, {"X": with_value(np.inf)}, ValueError, r"got inf in row 2.*column 1"),
    "inf in X, a = 1": (
        ("predict", "predict_proba", "cost", "propagate"),
        {"X": with_value(np.inf), "w": W + 1},
        ValueError,
        "row 2",
    ),
    "-inf in X": (
        EVERYWHERE,
        {"X": with_value(-np.inf, "f4")},
        ValueError,
        r"got -inf in row 2.*column 1",
    ),
    "half NaN": (
        EVERYWHERE,
        {"X": with_value(np.nan, "f2")},
        ValueError,
        r"got nan in row 2.*column 1",
    ),
    "w of rank 1": (
        ("cost", "propagate", "train", "predict", "predict_proba", "check_gradient"),
        {"w": W[:, 0]},
        ValueError,
        r"w must have shape \(3, 1\).*got shape \(3,\), a rank-1 array; "
        r"mend it with w = w.reshape\(3, 1\)",
    ),
    "w a row": (
        EVERYWHERE,
        {"w": W.T},
        ValueError,
        r"w must have shape \(3, 1\).*\(1, 3\).*w.reshape\(3, 1\)",
    ),
    "w too long": (
        EVERYWHERE,
        {"w": np.zeros((5, 1))},
        ValueError,
        r"w must have shape \(3, 1\).*got shape \(5, 1\)$",
    ),
    "w NaN": (
        EVERYWHERE,
        {"w": [[0], [np.nan], [0]]},
        ValueError,
        r"w must be finite; got w\[1, 0\] = nan",
    ),
    "w complex": (EVERYWHERE, {"w": W + 1j}, TypeError, "w must hold real numbers"),
    "b an array": (EVERYWHERE, {"b": np.zeros(1)}, TypeError, r"b must be a number.*b.item\(\)"),
    "b text": (EVERYWHERE, {"b": "0"}, TypeError, "b must be a number; got '0' of type str"),
    "b NaN": (EVERYWHERE, {"b": np.nan}, ValueError, "b must be finite; got nan"),
    "b a bool": (EVERYWHERE, {"b": True}, TypeError, "b must be a number; got True of type bool"),
    "Y of rank 1": (
        WITH_Y,
        {"Y": Y[0]},
        ValueError,
        r"Y must have shape \(1, 4\).*\(4,\).*Y.reshape\(1, 4\)",
    ),
    "Y a column": (
        WITH_Y,
        {"Y": Y.T},
        ValueError,
        r"Y must have shape \(1, 4\).*Y.reshape\(1, 4\)",
    ),
    "Y too short": (
        WITH_Y,
        {"Y": Y[:, :3]},
        ValueError,
        r"Y must have shape \(1, 4\) .*got shape \(1, 3\)$",
    ),
    "labels -1, 1": (
        WITH_Y,
        {"Y": 2 * Y - 1},
        ValueError,
        r"labels 0 or 1; got -1 \(first at example 0\).*\(Y == 1\)",
    ),
    "labels of digits": (
        WITH_Y,
        {"Y": [[0, 1, 7, 9]]},
        ValueError,
        r"got 7, 9 \(first at example 2\)",
    ),
    "a label NaN": (
        WITH_Y,
        {"Y": [[0, 1, np.nan, 1]]},
        ValueError,
        "Y has a missing label: example 2, counted from 0",
    ),
    "labels of text": (
        WITH_Y,
        {"Y": [["a", "b", "a", "b"]]},
        TypeError,
        "Y must hold numbers, 0 or 1.*labels_to_Y",
    ),
    "one class": (
        ("train",),
        {"Y": 0 * Y},
        ValueError,
        "Y must hold both classes to train on; all 4 labels are 0. Add",
    ),
    "the other class": (("train",), {"Y": Y**0}, ValueError, "all 4 labels are 1"),
    "negative lambda_": (
        WITH_Y,
        {"lambda_": -0.1},
        ValueError,
        "lambda_ must be at least 0; got -0.1",
    ),
    "lambda_ NaN": (WITH_Y, {"lambda_": np.nan}, ValueError, "lambda_ must be finite; got nan"),
    "alpha 0": (("train",), {"alpha": 0}, ValueError, "alpha must be above 0; got 0"),
    "alpha negative": (("train",), {"alpha": -1.0}, ValueError, "alpha must be above 0; got -1.0"),
    "alpha NaN": (("train",), {"alpha": np.nan}, ValueError, "alpha must be finite; got nan"),
    "alpha another word": (
        ("train",),
        {"alpha": "best"},
        TypeError,
        "alpha must be a number; got 'best'",
    ),
    "iterations negative": (
        ("train",),
        {"iterations": -1},
        ValueError,
        "iterations must be at least 0; got -1",
    ),
    "iterations broken": (
        ("train",),
        {"iterations": 2.5},
        ValueError,
        "iterations must be a whole number; got 2.5",
    ),
    "iterations None": (
        ("train",),
        {"iterations": None},
        TypeError,
        "iterations must be a number; got None",
    ),
    "tol negative": (("train",), {"tol": -1e-3}, ValueError, "tol must be at least 0; got -0.001"),
    "max_seconds negative": (
        ("train",),
        {"max_seconds": -1},
        ValueError,
        "max_seconds must be at least 0; got -1",
    ),
    "solver": (("train",), {"solver": "sgd"}, ValueError, "solver must be one of 'gd'.*got 'sgd'"),
    "callback": (
        ("train",),
        {"callback": 3},
        TypeError,
        "callback must be callable with one argument.*got int",
    ),
    "backend": (
        WITH_Y,
        {"backend": "gpu"},
        ValueError,
        "backend must be one of 'fused', 'loops', .*got 'gpu'",
    ),
    "no threads": (
        ("propagate", "train"),
        {"n_threads": 0},
        ValueError,
        "n_threads must be at least 1; got 0",
    ),
    "half a thread": (
        ("propagate", "train"),
        {"n_threads": 1.5},
        ValueError,
        "n_threads must be a whole number",
    ),
    "scale of rank 1": (
        EVERYWHERE,
        {"scale": np.ones(3)},
        ValueError,
        r"scale must have shape \(3, 1\).*reshape\(3, 1\)",
    ),
    "scale NaN": (
        EVERYWHERE,
        {"scale": [[1], [np.nan], [1]]},
        ValueError,
        r"scale must be finite; got scale\[1, 0\]",
    ),
    "shift infinite": (
        EVERYWHERE,
        {"shift": -np.inf},
        ValueError,
        "shift must be finite; got -inf",
    ),
    "shift text": (EVERYWHERE, {"shift": "1"}, TypeError, "shift must be a number; got '1'"),
    "threshold": (
        ("predict",),
        {"threshold": np.nan},
        ValueError,
        "threshold must be finite; got nan",
    ),
}


@pytest.mark.parametrize(("row", "function"), [(row, f) for row in ROWS for f in ROWS[row][0]])
def test_bad_input(row, function):
    _, changes, error, text = ROWS[row]
    with pytest.raises(error, match=text):
        call(function, **changes)


@pytest.mark.parametrize("backend", ["fused", "loops", "numpy", "python"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_every_backend_finds_the_same_place(backend, value):
    """Whatever the weights and labels: 0 times an infinity is not finite, nor is it where a is
    exactly 0 or 1."""
    for w in (0.0, 1.0, -1.0, 1e3):
        for y in (0, 1):
            with pytest.raises(ValueError, match=r"row 2 \(example\), column 1 \(feature\)"):
                call(X=with_value(value), w=W + w, Y=Y * 0 + y, backend=backend)
    with pytest.raises(ValueError, match=r"row 2 \(example\), column 1 \(feature\)"):
        call("train", X=with_value(value), alpha=0.1, iterations=3, backend=backend)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "longdouble"])
@pytest.mark.parametrize("order", "CF")
def test_the_first_of_many_bad_values_is_named(dtype, order):
    """The first example in which there is one, and in it the first feature."""
    bad = np.zeros((5, 700), dtype, order=order)
    bad[4, 600], bad[3, 650], bad[1, 690] = np.nan, np.inf, np.nan
    assert arguments.find_non_finite(bad) == (600, 4)
    bad[2, 600] = -np.inf
    assert arguments.find_non_finite(bad) == (600, 2)
    with pytest.raises(ValueError, match=r"got -inf in row 600 \(example\), column 2 \(feature\)"):
        flr.propagate(np.zeros((5, 1)), 0.0, bad, np.zeros((1, 700)))


def test_the_search_goes_on_behind_its_first_block(monkeypatch):
    monkeypatch.setattr(arguments, "_BLOCK", 8)
    bad = np.zeros((2, 100))
    bad[1, 77] = np.nan
    assert arguments.find_non_finite(bad) == (77, 1)
    assert arguments.find_non_finite(np.zeros((2, 100))) is None
    assert arguments.find_non_finite(np.zeros((2, 100), int)) is None


def test_the_columns_name_if_it_has_one():
    with pytest.raises(ValueError, match=r"column 1 'age' \(feature\)"):
        arguments.require_finite(with_value(np.nan), ["height", "age", "weight"])
    arguments.require_finite(X)


def test_integers_that_become_no_infinity_are_not_refused():
    big = np.full((1, 2), np.iinfo(np.int64).max)
    assert flr.cost(np.array([[1e-18]]), 0.0, big, np.array([[0, 1]])) > 0


def test_an_overflow_of_finite_data_is_not_blamed_on_X():
    """z is infinite here, and so is J; X is finite, and nothing says that it is not."""
    huge = np.full((1, 2), 1e250)
    assert flr.cost(np.array([[1e100]]), 0.0, huge, np.array([[0, 0]])) == np.inf


def test_what_is_fine():
    one = call(X=X[:, :1], Y=Y[:, :1])  # a single example
    assert np.isfinite(one.cost)
    call(X=X.tolist(), w=W.tolist(), Y=Y.tolist())
    for labels in (Y.astype(bool), Y.astype(np.float32), Y.astype(np.int64)):
        assert call(Y=labels).cost == call().cost
    for b in (0, np.float32(0), np.int8(0), np.array(0.0)):
        assert call(b=b).cost == call().cost
    assert call(scale=np.ones((n_x, 1)), shift=np.float64(0)).cost == call().cost
    assert call("predict", threshold=0.4).tolist() == [[1, 1, 1, 1]]
    assert call("predict").tolist() == [[0, 0, 0, 0]]
    assert call("predict").dtype == np.uint8


def test_nothing_is_written():
    """Arguments come back as they were, also read-only ones."""
    given = {"w": W + 1.0, "X": X.copy(), "Y": Y.copy()}
    copies = {name: value.copy() for name, value in given.items()}
    for value in given.values():
        value.flags.writeable = False
    for backend in ON_CPU:
        call(**given, backend=backend, lambda_=1.0, scale=2.0, shift=1.0)
        call("train", **given, backend=backend, iterations=3, scale=2.0, shift=1.0)
    for name, value in given.items():
        np.testing.assert_array_equal(value, copies[name])
