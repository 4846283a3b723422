"""The figures show what they say: the curve is the costs, the pictures are the worst mistakes, and
all is labelled."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlogreg.figures import training

COSTS = np.array([0.7, 0.5, 0.4])


def axes_of(figure):
    return list(figure.get_axes())


def png(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def test_costs_are_drawn_as_they_are():
    figure = training.training_figure(COSTS, alpha=0.005)
    (axes,) = axes_of(figure)
    (line,) = axes.get_lines()
    np.testing.assert_array_equal(line.get_xydata(), [[0, 0.7], [1, 0.5], [2, 0.4]])
    assert axes.get_xlabel() == "iteration"
    assert axes.get_ylabel() == "cost J"
    assert "0.005" in axes.get_title()
    assert png(figure)[1:4] == b"PNG"


def test_a_single_cost_is_visible():
    (axes,) = axes_of(training.training_figure(COSTS[:1]))
    assert axes.get_lines()[0].get_marker() == "o"


def test_costs_that_rise_are_explained():
    """No alpha up to 2/L lets J rise; rounding is no rise, and other solvers have no alpha."""
    costs = np.array([0.7, 0.9, 0.5, 0.6, 0.4, 0.3])
    (axes,) = axes_of(training.training_figure(costs, alpha=3.0))
    (note,) = axes.texts
    assert note.get_text().startswith(
        "J rises in 2 of 5 updates, the last one is 3:\nalpha is above"
    )
    np.testing.assert_array_equal(axes.get_lines()[1].get_xydata()[0], [3, 0.6])
    for quiet in (
        training.training_figure(costs),
        training.training_figure(np.array([0.7, 0.3, 0.3 * (1 + 1e-15)]), alpha=3.0),
    ):
        (axes,) = axes_of(quiet)
        assert len(axes.texts) == 0
        assert len(axes.get_lines()) == 1


@pytest.mark.parametrize("K", [1, 3, 7])
def test_a_table_gets_its_largest_coefficients(K):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20, K))
    names = [f"a column with a long name, number {j}" if j == 3 else f"c{j}" for j in range(20)]
    values[3] = 10.0
    labels = ("no", "yes") if K == 1 else tuple("abcdefg"[:K])
    figure = training.table_figure(COSTS, names, values, labels=labels)
    costs, axes = axes_of(figure)
    assert costs.get_ylabel() == "cost J"
    shown = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(shown) == 12
    assert shown[0] == "a column with a long na..."
    size = np.abs(values).max(axis=1)
    assert shown[1:] == [f"c{j}" for j in np.argsort(-size)[1:12]]
    assert axes.get_title() == "The 12 largest of 20 coefficients"
    if K == 1:
        assert "log odds of yes" in axes.get_xlabel()
        assert axes.patches[0].get_width() == 10.0
    else:
        legend = axes.get_legend()
        assert [text.get_text() for text in legend.get_texts()] == list("abcde")[:K]
        assert legend.get_title().get_text() == ("2 more classes are not drawn" if K == 7 else "")
    png(figure)


def test_a_table_of_few_features_has_all():
    figure = training.table_figure(COSTS, ["a", "b"], np.array([[1.0], [0]]))
    assert axes_of(figure)[1].get_title() == "Coefficients"


@pytest.mark.parametrize(("shape", "panels"), [((2, 3), 1), ((2, 1, 1), 1), ((2, 2, 3), 3)])
def test_weights_are_shown_per_channel_on_one_symmetric_scale(shape, panels):
    w = np.arange(np.prod(shape), dtype=float).reshape(-1, 1)
    figure = training.training_figure(COSTS, w=w, image_shape=shape)
    images = [axes.get_images()[0] for axes in axes_of(figure) if axes.get_images()]
    assert len(images) == panels
    for k, image in enumerate(images):
        expected = w.reshape(shape) if len(shape) == 2 else w.reshape(shape)[:, :, k]
        np.testing.assert_array_equal(image.get_array(), expected)
        assert image.get_clim() == (-w.max(), w.max())
    png(figure)


def test_weights_of_zero_can_be_drawn():
    png(training.training_figure(COSTS, w=np.zeros((4, 1)), image_shape=(2, 2)))


@pytest.mark.parametrize("shape", [None, (4,), (2, 2, 2), (1, 1, 2, 2)])
def test_what_is_no_image_gets_the_costs_alone(shape):
    assert not training.is_drawable(shape)
    ones = np.ones((4, 2))
    figure = training.training_figure(
        COSTS, w=ones[:, :1], image_shape=shape, X=ones, Y=ones[:1], A=0 * ones[:1]
    )
    assert len(axes_of(figure)) == 1


def test_the_worst_mistakes_are_shown_with_their_labels():
    A = np.array([[0.9, 0.1, 0.6, 0.4, 0.99]])
    Y = np.array([[0, 0, 1, 1, 0]])
    X = np.array([[1, 2, 3, 4, 5]], dtype=np.uint8) * np.ones((4, 1), np.uint8)
    X[0] = 0
    figure = training.training_figure(
        COSTS,
        w=np.ones((4, 1)),
        image_shape=(2, 2),
        X=X,
        Y=Y,
        A=A,
        labels=("dog", "cat"),
        examples="test",
    )
    captions = [axes.get_title() for axes in axes_of(figure) if "said" in axes.get_title()]
    assert captions == [
        "is dog, said cat\na = 0.99",
        "is dog, said cat\na = 0.9",
        "is cat, said dog\na = 0.4",
    ]
    shown = [
        axes.get_images()[0].get_array() for axes in axes_of(figure) if "said" in axes.get_title()
    ]
    assert [float(image.max()) for image in shown] == [1.0, 0.2 * 1, 0.8]
    png(figure)


def test_no_mistakes_no_pictures():
    Y = np.array([[0, 1]])
    figure = training.training_figure(
        COSTS, w=np.ones((4, 1)), image_shape=(2, 2), X=np.ones((4, 2)), Y=Y, A=Y * 1.0
    )
    assert not [axes for axes in axes_of(figure) if "said" in axes.get_title()]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.integers(0, 5))
def test_most_confidently_wrong_against_a_plain_loop(pairs, count):
    A, Y = np.array([[a for a, _ in pairs]]), np.array([[float(y) for _, y in pairs]])
    wrong = [i for i, (a, y) in enumerate(pairs) if (a > 0.5) != y]
    wrong.sort(key=lambda i: -abs(pairs[i][0] - pairs[i][1]))
    assert training.most_confidently_wrong(A, Y, count).tolist() == wrong[:count]


@pytest.mark.parametrize(
    ("shape", "K"), [((2, 3), 3), ((2, 3, 1), 10), ((2, 1, 3), 4), ((1, 6), 30)]
)
def test_each_class_has_an_image_of_its_weights(shape, K):
    w = np.random.default_rng(0).normal(size=(6, K))
    labels = tuple(f"class {k}" for k in range(K))
    figure = training.training_figure(COSTS, w=w, image_shape=shape, labels=labels)
    panels = [axes for axes in axes_of(figure) if axes.get_images()]
    shown = min(K, training.CLASSES_SHOWN)
    assert [axes.get_title() for axes in panels] == list(labels[:shown])
    limit = np.abs(w[:, :shown]).max()
    for k, axes in enumerate(panels):
        image, expected = axes.get_images()[0].get_array(), w[:, k].reshape(shape)
        if shape[-1] == 3 and len(shape) == 3:
            np.testing.assert_allclose(image, 0.5 + 0.5 * expected / limit)
        else:
            np.testing.assert_array_equal(image, expected.reshape(shape[:2]))
            assert axes.get_images()[0].get_clim() == (-limit, limit)
    titles = [text.get_text() for part in figure.subfigs for text in (part._suptitle,) if text]
    assert any("the first 20 of 30 classes" in t for t in titles) == (K == 30)
    png(figure)


def test_mistakes_between_several_classes_name_what_was_said():
    A = np.array([[0.1, 0.7, 0.2, 0.4], [0.8, 0.2, 0.2, 0.35], [0.1, 0.1, 0.6, 0.25]])
    Y = np.array([[0.0, 0.0, 1.0, 2.0]])
    assert training.most_confidently_wrong(A, Y).tolist() == [0, 2, 3]
    X = np.arange(16.0).reshape(4, 4)
    figure = training.training_figure(
        COSTS, w=np.ones((4, 3)), image_shape=(2, 2), X=X, Y=Y, A=A, labels=("ant", "bee", "fly")
    )
    captions = [axes.get_title() for axes in axes_of(figure) if "said" in axes.get_title()]
    assert captions == [
        "is ant, said bee\na = 0.8",
        "is bee, said fly\na = 0.6",
        "is fly, said ant\na = 0.4",
    ]
    png(figure)


def test_times_are_bars():
    figure = training.times_figure({"python": 10.0, "fused": 0.01}, "Times")
    (axes,) = axes_of(figure)
    assert [bar.get_width() for bar in axes.patches] == [10.0, 0.01]
    assert [text.get_text() for text in axes.texts] == [" 10 s", " 0.01 s"]
    assert axes.get_xscale() == "log"
    png(figure)


def test_no_pyplot():
    code = (
        "import io, sys, numpy; from fastlogreg.figures import training\n"
        "training.training_figure(numpy.ones(3)).savefig(io.BytesIO())\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
