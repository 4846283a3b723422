"""Figures of a path show its numbers: weights along lambda, scores with their spread, two rules."""

from __future__ import annotations

import io

import numpy as np
import pytest

from fastlogreg.figures import paths

LAMBDAS = np.array([0.1, 10.0, 1.0])


def svg(figure):
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    return file.getvalue()


def test_weights_are_drawn_along_lambda():
    w = np.array([[3.0, 1.0, 2.0], [-6.0, -4.0, -5.0]])
    figure = paths.path(LAMBDAS, w, ["age", "height"])
    (axes,) = figure.get_axes()
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    assert lines["age"] == [[10.0, 1.0], [1.0, 2.0], [0.1, 3.0]]
    assert lines["height"] == [[10.0, -4.0], [1.0, -5.0], [0.1, -6.0]]
    assert "lambda" in axes.get_xlabel()
    left, right = axes.get_xlim()
    assert left > right
    assert svg(figure).startswith(b"<?xml")


def test_of_many_weights_the_largest_are_named():
    w = np.arange(20.0)[:, None] * np.ones((1, 3))
    (axes,) = paths.path(LAMBDAS, w).get_axes()
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named == [f"x{j}" for j in range(20, 12, -1)]
    assert "8 largest of 20" in axes.get_title()


def test_chosen_lambdas_are_marked_and_the_top_axis_counts_weights():
    w = np.array([[3.0, 0.0, 2.0], [-6.0, 0.0, 0.0]])
    figure = paths.path(LAMBDAS, w, marked={"best": 0.3, "1se": 2.0})
    (axes,) = figure.get_axes()
    lines = {line.get_label(): line.get_xdata() for line in axes.get_lines()}
    assert list(lines["best: lambda = 0.3"]) == [0.3, 0.3]
    assert list(lines["1se: lambda = 2"]) == [2.0, 2.0]
    (top,) = axes.child_axes
    texts = dict(zip(top.get_xticks(), (text.get_text() for text in top.get_xticklabels())))
    assert texts == {10.0: "0", 1.0: "1", 0.1: "2"}
    assert top.get_xlabel() == "weights that are not 0"
    assert svg(figure).startswith(b"<?xml")
    (dense,) = paths.path(LAMBDAS, w + 1.0).get_axes()
    assert not dense.child_axes
    with pytest.raises(ValueError, match="marked must hold lambdas above 0; got"):
        paths.path(LAMBDAS, w, marked={"best": 0.0})


def test_lambda_zero_has_no_place_on_the_axis():
    w = np.ones((1, 2))
    (axes,) = paths.path(np.array([1.0, 0.0]), w).get_axes()
    assert axes.get_lines()[0].get_xydata().tolist() == [[1.0, 1.0]]
    with pytest.raises(ValueError, match="one above 0"):
        paths.path(np.zeros(1), w[:, :1])


def test_scores_have_their_spread_and_both_rules():
    scores = np.array([[1.0, 4.0, 2.0], [3.0, 6.0, 2.0]])
    figure = paths.validation(LAMBDAS, scores, best=0, one_se=2, score_name="loss")
    (axes,) = figure.get_axes()
    (bars,) = axes.containers
    assert bars[0].get_xydata().tolist() == [[10.0, 5.0], [1.0, 2.0], [0.1, 2.0]]
    ends = [segment[:, 1].tolist() for segment in bars[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[4.0, 6.0], [2.0, 2.0], [1.0, 3.0]])
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "best: lambda = 0.1" in texts
    assert "1se: lambda = 1" in texts
    assert axes.get_ylabel() == "loss"
    assert b"svg" in svg(figure)
