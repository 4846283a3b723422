"""Draws every figure of the guide and of the benchmarks' pages.

    python docs/make_figures.py [FOLDER]        docs/figures by default

Needs matplotlib. Each is a PNG and, for the site, an SVG. A PNG has 16 greys, so that it stays
small and is known to read without colour; the one of an image in colours has them. Nothing is
measured: times are drawn from the tables of the benchmarks' pages.
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
sys.path.insert(0, str(HERE.parent))  # benchmarks lie beside docs, and are not installed

from benchmarks.report import published, roofline  # noqa: E402
from benchmarks.runs import solvers  # noqa: E402

CALORIES = np.array([[56.0, 0.0, 4.4, 68.0], [1.2, 104.0, 52.0, 8.0], [1.8, 135.0, 99.0, 0.9]])


def two_features(m: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """The guide's data: X (2, m) and Y (1, m), two clouds that overlap."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2, m))
    Y = (2 * X[:1] - X[1:] + rng.normal(size=(1, m)) > 0.3).astype(np.uint8)
    return X, Y


def drawn_cat() -> np.ndarray:
    """A cat of 64 x 64 pixels in three colours, made of circles and triangles."""
    down, right = np.mgrid[0:64, 0:64] + 0.5
    image = np.empty((64, 64, 3))
    image[...] = np.stack([60 + right, 120 + 0.8 * down, 150 + 0.5 * right], axis=-1)

    def paint(where: np.ndarray, colour: tuple[int, int, int]) -> None:
        image[where] = colour

    def disc(row: float, column: float, high: float, wide: float) -> np.ndarray:
        return ((down - row) / high) ** 2 + ((right - column) / wide) ** 2 < 1.0

    for side in (-1, 1):
        out = side * (right - 32)  # from the middle of the face
        ear = (down > 6 + 0.9 * np.abs(out - 17)) & (down < 30) & (np.abs(out - 15) < 9)
        paint(ear, (214, 130, 50))
        inner = (down > 12 + 1.4 * np.abs(out - 16.5)) & (down < 28) & (np.abs(out - 15) < 5)
        paint(inner, (240, 180, 160))
    paint(disc(38, 32, 21, 24), (226, 146, 62))
    for column in (22, 32, 42):
        paint(disc(22, column, 7, 1.6), (150, 84, 30))  # stripes
    paint(disc(47, 32, 9, 11), (250, 232, 210))
    for column in (22, 42):
        paint(disc(36, column, 5, 4.5), (190, 220, 90))
        paint(disc(36, column, 4.5, 1.5), (15, 15, 15))
    paint(disc(44, 32, 2, 2.8), (225, 110, 120))
    paint((np.abs(right - 32) < 0.8) & (down > 45) & (down < 50), (120, 60, 50))
    for side in (-1, 1):
        out = side * (right - 32)
        for slope in (-0.25, 0.0, 0.25):
            line = np.abs(down - 46 - slope * (out - 8)) < 0.6
            paint(line & (out > 10) & (out < 30), (245, 245, 245))
    return image.astype(np.uint8)


def images() -> Figure:
    """One colour image, its three colours, and the two orders in which they become a column."""
    image = drawn_cat()
    x = flr.flatten_images(image[np.newaxis])[:, 0]
    stacked = np.moveaxis(image, -1, 0).reshape(-1)  # as on the lecture's slide
    figure = Figure(figsize=(9.6, 2.9), layout="constrained")
    panels = figure.subplots(1, 6, width_ratios=(3, 3, 3, 3, 1.1, 1.1))
    panels[0].imshow(image, interpolation="nearest")
    panels[0].set_title("an image, 64 x 64 x 3", fontsize=9)
    for k, colour in enumerate(("red", "green", "blue")):
        panels[k + 1].imshow(image[:, :, k], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        panels[k + 1].set_title(f"{colour}, 64 x 64", fontsize=9)
    for axes, column, letters, title in (
        (panels[4], x, "RGB" * 3, "x here"),
        (panels[5], stacked, "R" * 9, "on the slide"),
    ):
        axes.imshow(column[:9, None], cmap="gray", vmin=0, vmax=255, aspect="auto")
        for row, (letter, value) in enumerate(zip(letters, column.tolist())):
            ink = "white" if value < 128 else "black"
            axes.text(0, row, f"{letter} {value}", ha="center", va="center", fontsize=8, color=ink)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("9 of 12288", fontsize=8)
    for axes in panels:
        axes.set(xticks=[], yticks=[])
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
    return graphs.figure((3 * (a + (b * c).named("u")).named("v")).named("J"))


def example_graph() -> Figure:
    """The loss of one example with two features, by the lecture's names alone: z, a and L."""
    loss = logistic_cost([[0.5], [-0.2]], 0.3, [[1.0], [2.0]], [[1]]).operands[0]
    return graphs.figure(loss, only_named=True)


def boundary() -> Figure:
    """The trained model of the guide."""
    X, Y = two_features()
    result = flr.train(X, Y, iterations=1000)
    return figures.decision_boundary(result.w, result.b, X, Y)


def page(name: str) -> str:
    """Read a page of the benchmarks."""
    return (HERE / "benchmarks" / f"{name}.md").read_text(encoding="utf-8")


IN_COLOUR = ("images",)
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
    "compare": lambda: figures.speed_bars(published.lecture_rows(page("lectures"))),
    "forward": forward,
    "boundary": boundary,
    "calories": calories,
    "vectors": vectors,
    "check": check,
}
OF_PAGES: dict[str, Callable[[], Figure]] = {
    "kernels": lambda: roofline.figure(published.kernel_rows(page("kernels"))),
    "solvers": lambda: solvers.figure(published.solver_rows(page("solvers"))),
}


def write(name: str, folder: Path) -> Path:
    """Draw one figure into the folder."""
    file, figure = io.BytesIO(), {**FIGURES, **OF_PAGES}[name]()
    figure.savefig(file, format="png", dpi=100)
    with matplotlib.rc_context({"svg.hashsalt": name}):  # the same file each time
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    path = folder / f"{name}.png"
    drawn = Image.open(file).convert("RGB" if name in IN_COLOUR else "L")
    drawn.quantize(128 if name in IN_COLOUR else 16).save(path, optimize=True)
    return path


if __name__ == "__main__":
    for figure_name in [*FIGURES, *OF_PAGES]:
        print(write(figure_name, Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "figures"))
