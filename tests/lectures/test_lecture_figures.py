"""The figures of the lectures: they show what they say, belong to nobody, and refuse what cannot be
drawn."""

from __future__ import annotations

import builtins
import math
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from fastlogreg.figures import base
from fastlogreg.lectures import figures
from fastlogreg.lectures.comparison import Comparison

X1 = np.array([[-3.0, -1.0, 0.5, 1.0, 2.5]])
Y1 = np.array([[0, 0, 1, 0, 1]])
RNG = np.random.default_rng(0)
X2 = RNG.normal(size=(2, 30))
Y2 = (X2[:1] > 0.2 * X2[1:]).astype(np.uint8)
ROWS = [
    Comparison("dot", "z = w.T x + b", 1000, 1000, 0.5, 0.001, 0.002, 0.3, 1e-16),
    Comparison("descent", "1000 iterations", 1000, 10, 5, 0.01, 0.02, 0.3, 1e-16),
]
ALL = {
    "sigmoid_curve": lambda: figures.sigmoid_curve(),
    "nudge_triangle": lambda: figures.nudge_triangle(math.exp, 1.0, formula="exp(a)"),
    "losses": lambda: figures.losses(X1, Y1, iterations=20),
    "learning_rates": lambda: figures.learning_rates(X2, Y2, [0.1, 1.0, 50.0]),
    "decision_boundary": lambda: figures.decision_boundary(np.array([[3.0], [-1.0]]), 0.1, X2, Y2),
    "speed_bars": lambda: figures.speed_bars(ROWS),
}


def words(figure):
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("name", ALL)
def test_drawn_without_pyplot_labelled_and_without_text_over_the_edge(name, tmp_path):
    figure = ALL[name]()
    base.save(figure, tmp_path / f"{name}.png")
    assert (tmp_path / f"{name}.png").stat().st_size > 1000
    assert (
        "matplotlib.pyplot" not in sys.modules
        or not __import__("matplotlib.pyplot").pyplot.get_fignums()
    )
    renderer = drawn(figure).get_renderer()
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel() or axes.get_yticklabels()
        for text in [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]:
            box = text.get_window_extent(renderer)
            inside = box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1
            assert inside or not text.get_text(), text
    assert_grey(figure)


def drawn(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas


def assert_grey(figure):
    pixels = np.asarray(drawn(figure).buffer_rgba())[:, :, :3].astype(int)
    assert np.ptp(pixels, axis=2).max() == 0, "the figure needs colour"


def test_a_coloured_figure_is_noticed():
    figure, axes = base.new_figure(2, 2)
    axes.plot([0, 1], color="red")
    with pytest.raises(AssertionError, match="needs colour"):
        assert_grey(figure)


def test_learning_rates_marks_those_above_the_limit():
    figure = figures.learning_rates(X2, Y2, [1.0, 0.1, 50.0])
    limit = 2 / figures.largest_curvature(X2)
    assert 1.0 < limit < 50.0
    labels = [text for text in words(figure) if text.startswith("alpha =")]
    assert labels == ["alpha = 0.1", "alpha = 1", "alpha = 50 (above 2/L)"]
    assert any(f"2/L = {limit:.3g}" in text for text in words(figure))
    assert [line.get_linestyle() for line in figure.axes[0].lines] == ["-", "-", "--"]


def test_the_limit_is_where_descent_may_climb():
    """Two examples at one place, one of each label: the optimum is at z = 0, where the curvature is
    largest."""
    X, Y = np.ones((1, 2)), np.array([[0, 1]])
    for alpha, climbs in ((1.99, False), (2.01, True)):
        _, costs = figures._descend(X, Y, alpha / figures.largest_curvature(X), 10, 0.01, 0.0)
        assert bool((np.diff(costs) > 0).any()) is climbs


def test_largest_curvature():
    X_with_ones = np.vstack([np.ones(30), X2])
    expected = np.linalg.eigvalsh(X_with_ones @ X_with_ones.T)[-1] / (4 * 30)
    assert figures.largest_curvature(X2) == pytest.approx(expected, rel=1e-12)


def test_losses_descends_to_the_bottom_of_the_bowl():
    figure = figures.losses(X1, Y1, alpha=1.0, iterations=300)
    bowl, _, history, _ = figure.axes
    (path, end) = bowl.lines
    costs = history.lines[0].get_ydata()
    assert len(path.get_xdata()) == 301
    assert (np.diff(costs) < 1e-12).all()
    assert end.get_xdata()[0] == path.get_xdata()[-1]


def test_speed_bars_say_what_is_extrapolated():
    texts = words(figures.speed_bars(ROWS))
    assert "500 x the compiled loop" in texts
    assert "~500 x the compiled loop" in texts
    assert any("extrapolated" in text for text in texts)
    assert not any("extrapolated" in text for text in words(figures.speed_bars(ROWS[:1])))


def test_speed_bars_draw_the_form_in_lanes_where_there_is_one():
    figure = figures.speed_bars([ROWS[0]._replace(lanes=0.0015), ROWS[1]])
    assert "in lanes (this package's own)" in words(figure)
    assert sum(bar.get_width() == pytest.approx(1.5) for bar in figure.axes[0].patches) == 1
    assert "in lanes (this package's own)" not in words(figures.speed_bars(ROWS))


def test_boundary_outside_the_picture_is_not_drawn():
    figure = figures.decision_boundary(np.zeros((2, 1)), 5.0, X2, Y2)
    figure.canvas.draw()
    assert len(figure.axes[0].collections) == 2  # the two clouds


@pytest.mark.parametrize(
    ("draw", "text"),
    [
        (lambda: figures.losses(X2, Y2), r"X must have one feature.*got shape \(2, 30\)"),
        (
            lambda: figures.decision_boundary(np.zeros((1, 1)), 0.0, X1, Y1),
            r"X must have two features.*\(1, 5\)",
        ),
        (
            lambda: figures.decision_boundary(np.zeros(2), 0.0, X2, Y2),
            r"w must have shape \(2, 1\)",
        ),
        (lambda: figures.learning_rates(X2, Y2, [0.1, -1.0]), "alphas must be above 0"),
        (
            lambda: base.save(figures.sigmoid_curve(), "figure.gif"),
            r".png, .svg or .pdf file; got 'figure.gif'",
        ),
        (lambda: figures.nudge_triangle(math.log, -1.0), "f is not defined at -1.0"),
    ],
)
def test_what_cannot_be_drawn(draw, text):
    with pytest.raises(ValueError, match=text):
        draw()


def test_without_matplotlib(monkeypatch):
    real_import = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'fastlogreg\[plots\]'"):
        figures.sigmoid_curve()
