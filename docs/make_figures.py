"""Draws every figure of the guide: python docs/make_figures.py [FOLDER], docs/figures by default.

Needs matplotlib. Each is a PNG with 16 greys, so that it stays small and is known to read without
colour, and an SVG for the site. In the figure of times every form runs on one thread.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import fastlogreg as flr
from fastlogreg.figures import base
from fastlogreg.lectures import figures
from fastlogreg.lectures import graph as graphs
from fastlogreg.lectures.logistic_graph import logistic_cost
from fastlogreg.maths import reference

HERE = Path(__file__).parent
CALORIES = np.array([[56.0, 0.0, 4.4, 68.0], [1.2, 104.0, 52.0, 8.0], [1.8, 135.0, 99.0, 0.9]])


def two_features(m: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """The guide's data: X (2, m) and Y (1, m), two clouds that overlap."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2, m))
    Y = (2 * X[:1] - X[1:] + rng.normal(size=(1, m)) > 0.3).astype(np.uint8)
    return X, Y


def images() -> Figure:
    """One colour image, and the column of X that it becomes."""
    rows, columns = np.mgrid[0:8, 0:8]
    image = np.stack([(rows * 36), (columns * 36), 255 - (rows + columns) * 18], axis=-1).astype(
        np.uint8
    )
    X = flr.flatten_images(image[np.newaxis])
    figure = Figure(figsize=(8.0, 3.0), layout="constrained")
    panels = figure.subplots(1, 4, width_ratios=(3, 3, 3, 2.2))
    for k, (axes, colour) in enumerate(zip(panels, ("red", "green", "blue"))):
        axes.imshow(image[:, :, k], cmap="gray", vmin=0, vmax=255)
        axes.set(title=f"{colour}, 8 x 8", xticks=[], yticks=[])
    panels[3].imshow(X[:24], cmap="gray", vmin=0, vmax=255, aspect="auto")
    panels[3].set(
        title="x: (192, 1)", xticks=[], yticks=range(0, 24, 3), ylabel="feature (24 of 192 shown)"
    )
    panels[3].set_yticks(range(0, 24, 3), [str(k) for k in range(0, 24, 3)], fontsize=7)
    return figure


def forward() -> Figure:
    """z and a of every example, on the sigmoid."""
    X, Y = two_features()
    result = flr.train(X, Y, alpha=1.0, iterations=100)
    z = reference.forward(result.w, result.b, X)[0]
    figure, axes = base.new_figure(5.6, 3.4)
    line = np.linspace(z.min() - 0.5, z.max() + 0.5, 200)
    axes.plot(line, flr.sigmoid(line), color="0.6")
    for label, marker, face in ((0, "o", "white"), (1, "^", "0.35")):
        kept = z[Y[0] == label]
        style = {"marker": marker, "facecolor": face, "edgecolor": "black", "s": 26, "zorder": 3}
        axes.scatter(kept, flr.sigmoid(kept), label=f"y = {label}", **style)
    axes.axhline(0.5, color="0.6", linestyle=":")
    axes.set(xlabel="z of each example", ylabel="a = sigmoid(z)")
    axes.legend(frameon=False)
    return figure


def descent() -> Figure:
    """J before each update, for the run of the guide."""
    X, Y = two_features()
    result = flr.train(X, Y, alpha=0.5, iterations=100, backend="loops")
    figure, axes = base.new_figure(5.6, 3.2)
    axes.plot(result.costs, color="black")
    axes.set(
        xlabel="iteration", ylabel="cost J", ylim=(0, None), title="gradient descent, alpha = 0.5"
    )
    return figure


def calories() -> Figure:
    """Where the calories of four foods come from, in percent."""
    shares = 100 * CALORIES / CALORIES.sum(axis=0)
    figure, axes = base.new_figure(5.6, 3.4)
    below = np.zeros(4)
    for row, name, face, hatch in zip(
        shares, ("carbohydrates", "proteins", "fats"), ("0.25", "0.65", "white"), ("", "", "//")
    ):
        axes.bar(
            range(4),
            row,
            bottom=below,
            color=face,
            edgecolor="black",
            hatch=hatch,
            label=name,
            width=0.6,
        )
        below += row
    axes.set_xticks(range(4), ["apples", "beef", "eggs", "potatoes"])
    axes.set_ylabel("calories from, %")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def vectors() -> Figure:
    """What a rank-1 array does when it meets a column: a matrix nobody asked for."""
    column, rank_1 = np.arange(1.0, 6).reshape(5, 1), np.arange(1.0, 6)
    figure = Figure(figsize=(4.6, 2.9), layout="constrained")
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 5))
    shown = (
        (column, "a\n(5, 1)"),
        (column * column, "a * a\n(5, 1)"),
        (column * rank_1, "a * r, r of rank 1\n(5, 5)"),
    )
    for axes, (values, title) in zip(panels, shown):
        axes.imshow(values, cmap="Greys", vmin=0, vmax=40)
        for (i, j), value in np.ndenumerate(values):
            axes.text(
                j,
                i,
                f"{value:g}",
                ha="center",
                va="center",
                color="white" if value > 18 else "black",
            )
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=10)
    return figure


def check() -> Figure:
    """How wrong the nudge is, for each eps, and how wrong `derivative` is."""
    f, a, exact = np.exp, 1.0, np.e
    eps = 10.0 ** np.arange(-14, 0.1, 0.5)
    figure, axes = base.new_figure(5.8, 3.6)
    errors = [abs(flr.nudge(f, a, e).slope / exact - 1) for e in eps]
    axes.loglog(eps, errors, "o-", color="black", markersize=4, label="nudge(f, a, eps)")
    axes.axhline(
        max(abs(flr.derivative(f, a) / exact - 1), 1e-16),
        color="0.45",
        linestyle="--",
        label="derivative(f, a)",
    )
    axes.set(xlabel="eps", ylabel="relative error of the slope", title="f(a) = exp(a) at a = 1")
    axes.legend(frameon=False, loc="center right")
    return figure


def likelihood() -> Figure:
    """The loss of one example, for y = 1 and for y = 0."""
    a = np.linspace(0.005, 0.995, 200)
    figure, axes = base.new_figure(5.6, 3.2)
    axes.plot(a, -np.log(a), color="black", label="y = 1: -log a")
    axes.plot(a, -np.log(1 - a), color="black", linestyle="--", label="y = 0: -log(1 - a)")
    axes.set(xlabel="a, the estimated P(y = 1 given x)", ylabel="loss L(a, y)", ylim=(0, None))
    axes.legend(frameon=False, loc="upper center")
    return figure


def loss() -> Figure:
    """Convex against not, for one feature."""
    X = np.array([[-3.0, -2.0, -1.2, -0.5, 0.3, 0.2, 1.0, 1.6, 2.4, 3.1]])
    return figures.losses(X, np.array([[0, 0, 0, 1, 0, 1, 0, 1, 1, 1]]))


def alphas() -> Figure:
    """Learning rates, one of them above 2/L."""
    X, Y = two_features()
    return figures.learning_rates(X * [[1], [3]], Y, [0.03, 0.3, 0.9, 4])


def graph() -> Figure:
    """J = 3 (a + b c)."""
    a, b, c = flr.Variable(5, "a"), flr.Variable(3, "b"), flr.Variable(2, "c")
    J = (3 * (a + (b * c).named("u")).named("v")).named("J")
    J.backward()
    return graphs.figure(J)


def example_graph() -> Figure:
    """The loss of one example with two features."""
    J = logistic_cost([[0.5], [-0.2]], 0.3, [[1.0], [2.0]], [[1]])
    J.backward()
    return graphs.figure(J)


def boundary() -> Figure:
    """The trained model of the guide."""
    X, Y = two_features()
    result = flr.train(X, Y, iterations=1000)
    return figures.decision_boundary(result.w, result.b, X, Y)


FIGURES: dict[str, Callable[[], Figure]] = {
    "images": images,
    "sigmoid": figures.sigmoid_curve,
    "likelihood": likelihood,
    "loss": loss,
    "alphas": alphas,
    "nudge": lambda: figures.nudge_triangle(lambda a: a**2, 2, formula="a^2"),
    "graph": graph,
    "example_graph": example_graph,
    "descent": descent,
    "compare": lambda: figures.speed_bars(flr.compare()),
    "forward": forward,
    "boundary": boundary,
    "calories": calories,
    "vectors": vectors,
    "check": check,
}


def write(name: str, folder: Path) -> Path:
    """Draw one figure into the folder."""
    file, figure = io.BytesIO(), FIGURES[name]()
    figure.savefig(file, format="png", dpi=100)
    with matplotlib.rc_context({"svg.hashsalt": name}):  # the same file each time
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    path = folder / f"{name}.png"
    Image.open(file).convert("L").quantize(16).save(path, optimize=True)
    return path


if __name__ == "__main__":
    for figure_name in FIGURES:
        print(write(figure_name, Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "figures"))
