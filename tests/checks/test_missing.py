"""What is not there, or lies the wrong way: missing labels, masked entries, examples in rows."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr


@pytest.mark.parametrize("missing", [None, np.nan, "NA", "masked"])
def test_a_missing_label_is_named(missing):
    """Never 0 or 1 by `Y == 1`, and no advice that would make it so."""
    X, Y = np.ones((1, 6)), np.array([[0, 1, 0, 1, 0, 1]], dtype=object)
    if missing == "masked":
        Y = np.ma.array(Y.astype(int), mask=np.arange(6) == 4)
    else:
        Y[0, 4] = pytest.importorskip("pandas").NA if missing == "NA" else missing
    each = [Y, Y.astype(float)] if missing is np.nan else [Y]
    for labels in each:
        with pytest.raises(ValueError, match=r"^Y has a missing label: example 4, counted from 0"):
            flr.train(X, labels)
        for positive in (None, 1):
            with pytest.raises(ValueError, match="labels has a missing label: example 4"):
                flr.labels_to_Y(labels, positive=positive)
    with pytest.raises(ValueError, match="labels has a missing label: example 1"):
        flr.labels_to_Y(["a", np.nan, "b"], positive="a")  # NumPy makes the text 'nan' of it


def test_labels_held_as_objects():
    held = np.array([0, 1, True, False], dtype=object)
    np.testing.assert_array_equal(flr.labels_to_Y(held[:2]), [[0, 1]])
    np.testing.assert_array_equal(flr.labels_to_Y(held[2:]), [[1, 0]])


@pytest.mark.parametrize("argument", ["w", "X", "scale", "images", "source", "z", "b"])
def test_masked_entries_are_refused(argument):
    w, X, Y = np.ones((2, 1)), np.ones((2, 3)), np.array([[0, 1, 1]])
    hidden = np.ma.array(np.ones((2, 1)), mask=[[False], [True]])
    calls = {
        "w": lambda: flr.propagate(hidden, 0.0, X, Y),
        "b": lambda: flr.propagate(w, np.ma.masked, X, Y),
        "X": lambda: flr.train(np.ma.array(X, mask=X > 0), Y),
        "scale": lambda: flr.cost(w, 0.0, X, Y, scale=hidden),
        "images": lambda: flr.flatten_images(np.ma.array(np.ones((1, 2, 2)), mask=True)),
        "source": lambda: flr.RowBlocks(hidden),
        "z": lambda: flr.sigmoid(hidden),
    }
    with pytest.raises(
        ValueError, match=rf"^{argument} must have no masked entries; got \d of them"
    ):
        calls[argument]()


def test_nothing_masked_is_nothing_to_say():
    X, Y = np.array([[1.0, 2.0, 3.0]]), np.array([[0, 1, 1]])
    found = flr.train(np.ma.array(X), np.ma.array(Y), iterations=3)
    np.testing.assert_array_equal(found.w, flr.train(X, Y, iterations=3).w)


def test_examples_in_rows_are_told():
    rows = np.arange(12.0).reshape(6, 2)
    Y = np.array([[0, 1, 0, 1, 0, 1]])
    for call in (
        lambda: flr.train(rows, Y),
        lambda: flr.train(rows, Y[0]),
        lambda: flr.predict(np.ones((2, 1)), 0.0, rows),
    ):
        with pytest.raises(ValueError, match=r"looks like rows of examples: pass X\.T"):
            call()
