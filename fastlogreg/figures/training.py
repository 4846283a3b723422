"""Figures of a training run: cost against iterations, convergence; for images, the weights and the
worst mistakes.

Each function returns a matplotlib `Figure` that belongs to nobody: no pyplot, no backend chosen, no
global state. Save one with `figure.savefig(...)`. Colours run from dark to light, so that the
figures read in grey too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Array = NDArray[Any]
SHOWN = 8  # wrong examples in one figure
CLASSES_SHOWN, IN_A_ROW = 20, 5  # images of weights in one figure
FEATURES_SHOWN, NAME_LENGTH = 12, 26  # coefficients of a table in one figure; letters of a name
MARKERS = "os^Dv"  # of the classes
ROUNDING = 1e-12  # of J: a smaller rise is none


def is_drawable(image_shape: tuple[int, ...] | None) -> bool:
    """Tell whether examples of this shape can be shown: (h, w), (h, w, 1) or (h, w, 3)."""
    return image_shape is not None and (
        len(image_shape) == 2 or (len(image_shape) == 3 and image_shape[2] in (1, 3))
    )


def most_confidently_wrong(A: Array, Y: Array, count: int = SHOWN) -> NDArray[np.intp]:
    """Return the positions of the misclassified examples, the most confident first.

    A = P(y = 1) and Y are (1, m); or A is (K, m), a row for each class, and Y holds 0 .. K - 1.
    """
    y = Y[0]
    if len(A) == 1:
        wrong = np.flatnonzero((A[0] > 0.5) != (y > 0.5))
        confidence = np.abs(A[0] - y)
    else:
        wrong, confidence = np.flatnonzero(A.argmax(axis=0) != y), A.max(axis=0)
    return wrong[np.argsort(-confidence[wrong], kind="stable")][:count]


def training_figure(
    costs: Array,
    *,
    alpha: float | None = None,
    w: Array | None = None,
    image_shape: tuple[int, ...] | None = None,
    X: Array | None = None,
    Y: Array | None = None,
    A: Array | None = None,
    labels: tuple[Any, ...] = (0, 1),
    examples: str = "training",
) -> Figure:
    """Cost against iterations, and where image_shape can be drawn also the weights and the worst
    mistakes.

    costs (k,); w (n_x, 1); X (n_x, m), Y (1, m) and A = P(y = 1) (1, m) of the examples to look for
    mistakes among. For K classes w is (n_x, K), A is (K, m), and Y holds 0 .. K - 1.
    """
    from matplotlib.figure import Figure

    drawable = is_drawable(image_shape)
    wrong = (
        most_confidently_wrong(A, Y)
        if drawable and A is not None and Y is not None
        else np.empty(0, np.intp)
    )
    several = w is not None and w.shape[1] > 1
    rows = -(-min(len(labels), CLASSES_SHOWN) // IN_A_ROW) if several and drawable else 1
    high = 3.6 + 1.3 * max(0, rows - 2)  # of the upper part, in inches
    figure = Figure(
        figsize=(9.0 if drawable else 6.0, high + 1.8 * bool(wrong.size)), layout="constrained"
    )
    top: Figure | SubFigure = figure
    if wrong.size and X is not None and Y is not None and A is not None and image_shape is not None:
        top, bottom = cast(Any, figure.subfigures(2, 1, height_ratios=(high, 1.9)))
        images = np.asarray(X[:, wrong], dtype=np.float64).T.reshape(-1, *image_shape)
        _draw_images(bottom, images, _captions(A[:, wrong], Y[0, wrong], labels))
        what = f"P(y = {labels[1]})" if len(A) == 1 else "the probability of what was said"
        bottom.suptitle(f"Most confidently wrong {examples} examples (a = {what})", fontsize=10)
    if drawable and w is not None and image_shape is not None:
        left, right = cast(Any, top.subfigures(1, 2, width_ratios=(1.0, 1.15)))
        _draw_costs(left.subplots(), costs, alpha)
        if several:
            _draw_class_weights(right, w.T.reshape(-1, *image_shape), labels)
        else:
            _draw_weights(right, w.reshape(image_shape), labels[1])
    else:
        _draw_costs(top.subplots(), costs, alpha)
    return figure


def table_figure(
    costs: Array,
    names: Sequence[str],
    coefficients: Array,
    *,
    alpha: float | None = None,
    labels: tuple[Any, ...] = (0, 1),
) -> Figure:
    """Cost on the left, the largest coefficients on the right: bars, or a mark for each class.

    names (n_x,); coefficients (n_x, 1), or (n_x, K) for K classes, per standard deviation of each
    feature.
    """
    from matplotlib.figure import Figure

    size = np.abs(coefficients).max(axis=1)
    order = np.argsort(-size, kind="stable")[:FEATURES_SHOWN].tolist()
    figure = Figure(figsize=(9.0, max(3.2, 1.4 + 0.24 * len(order))), layout="constrained")
    left, axes = figure.subplots(1, 2)
    _draw_costs(left, costs, alpha)
    rows = range(len(order))
    if coefficients.shape[1] == 1:
        axes.barh(rows, coefficients[order, 0], color="0.45", height=0.7)
        what = f"log odds of {str(labels[1])[:20]}"
    else:
        shown = min(coefficients.shape[1], len(MARKERS))
        for k, label in enumerate(labels[:shown]):
            style = {"color": "black", "mfc": str(0.9 * k / (shown - 1)), "ms": 6, "lw": 0}
            axes.plot(coefficients[order, k], rows, MARKERS[k], label=str(label)[:12], **style)
        left_out = coefficients.shape[1] - shown
        title = f"{left_out} more classes are not drawn" if left_out else None
        axes.legend(edgecolor="none", framealpha=0.9, fontsize=8, title=title, title_fontsize=8)
        axes.grid(axis="y", alpha=0.3)
        what = "score z of each class"
    axes.axvline(0.0, color="black", lw=0.8)
    short = [n if len(n) <= NAME_LENGTH else n[: NAME_LENGTH - 3] + "..." for n in map(str, names)]
    axes.set_yticks(rows, [short[j] for j in order], fontsize=8)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlabel(f"change of the {what}, per standard deviation")
    many = f"The {len(order)} largest of {len(size)} coefficients" if len(size) > len(order) else ""
    axes.set_title(many or "Coefficients", fontsize=10)
    axes.set_axisbelow(True)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _captions(A: Array, y: Array, labels: tuple[Any, ...]) -> list[str]:
    """Say of each wrong example what it is, what was said, and the probability a."""
    short = [str(label)[:10] for label in labels]  # what fits over one image
    said = A.argmax(axis=0) if len(A) > 1 else 1 - y
    return [
        f"is {short[int(true)]}, said {short[int(other)]}\na = {a:.3g}"
        for true, other, a in zip(y, said, A.max(axis=0))
    ]


def times_figure(seconds: dict[str, float], title: str) -> Figure:
    """Seconds of each backend for the same run, as bars on a logarithmic axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 0.9 + 0.5 * len(seconds)), layout="constrained")
    axes = figure.subplots()
    names = list(seconds)
    bars = axes.barh(names, list(seconds.values()), color="0.45", height=0.6)
    axes.bar_label(bars, [f" {value:.3g} s" for value in seconds.values()])
    axes.set_xscale("log")
    axes.set_xlim(min(seconds.values()) / 2, max(seconds.values()) * 6)  # room for the last label
    axes.invert_yaxis()
    axes.set_xlabel("seconds (logarithmic)")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def convergence(results: Any) -> Figure:
    """Suboptimality bound and cost (rows) against reads of X and seconds (columns).

    results: a `TrainingResult` or a fitted `LogisticRegression`, or a dict name -> either for
    several in one figure. The bound is drawn where it is known: with lambda above 0 and a tol.
    Seconds are without those of compiling, or of loading compiled code.
    ValueError where there is no history to draw.
    """
    from matplotlib.figure import Figure

    named = results if isinstance(results, dict) else {"": results}
    if not named:
        raise ValueError("results must hold at least one result; got an empty dict")
    figure = Figure(figsize=(8.4, 5.6), layout="constrained")
    panels = figure.subplots(2, 2, sharex="col", sharey="row")
    for k, (name, result) in enumerate(named.items()):
        history = getattr(result, "history_", getattr(result, "history", None))
        if history is None or len(history) == 0:
            what = f"results[{name!r}]" if name else "results"
            raise ValueError(
                f"{what} must be a TrainingResult or a fitted LogisticRegression with a history; "
                f"got {result!r}"
            )
        style: dict[str, Any] = {  # told apart in grey too: by line and marker
            "color": str(0.6 * k / max(1, len(named) - 1)),
            "linestyle": ("-", "--", "-.", ":")[k % 4],
            "ms": 4,
            "lw": 1.3,
            "label": str(name),
        }
        for row, column in ((0, 3), (1, 2)):
            values = np.where(
                np.isfinite(history[:, column]) & (history[:, column] > 0.0),
                history[:, column],
                np.nan,
            )
            shown = np.count_nonzero(np.isfinite(values))  # two points are no line
            marker = "os^Dv"[k % 5] if len(history) <= 60 or shown < 3 else ""
            for x in (0, 1):
                panels[row, x].plot(history[:, x], values, marker=marker, **style)
    _finish_convergence(panels, legend=len(named) > 1)
    return figure


def _finish_convergence(panels: Any, legend: bool) -> None:
    for axes in panels.flat:
        drawn = [line.get_ydata() for line in axes.get_lines()]
        if np.isfinite(np.concatenate(drawn)).any():
            axes.set_yscale("log")
        else:
            axes.set_yticks([])
            axes.text(
                0.5,
                0.5,
                "not known: lambda is 0, or no tol",
                ha="center",
                transform=axes.transAxes,
                fontsize=9,
            )
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axis in (panels[1, 0].yaxis, panels[1, 1].yaxis):  # 0.6 and not 6 x 10^-1
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    panels[0, 0].set_ylabel("bound on cost - optimum")
    panels[1, 0].set_ylabel("cost J")
    panels[1, 0].set_xlabel("reads of X")
    panels[1, 1].set_xlabel("seconds")
    if legend:
        panels[0, 0].legend(frameon=False, fontsize=9)


def _draw_costs(axes: Axes, costs: Array, alpha: float | None) -> None:
    rises = np.flatnonzero(np.diff(costs) > ROUNDING * np.abs(costs[1:]))
    zigzag = alpha is not None and rises.size > 0
    shade, width = ("0.45", 0.4) if zigzag else ("0.1", 1.2)
    marker = "o" if len(costs) < 3 else ""
    axes.plot(np.arange(len(costs)), costs, color=shade, lw=width, marker=marker)
    if zigzag:  # up to 2/L no step climbs
        last = int(rises[-1]) + 1
        axes.plot(np.arange(last, len(costs)), costs[last:], color="0.1", lw=1.2)
        axes.text(
            0.97,
            0.95,
            f"J rises in {rises.size} of {len(costs) - 1} updates, the last one is {last}:\n"
            "alpha is above 2/L, and steps leap\nto and fro across the valley",
            ha="right",
            va="top",
            fontsize=8,
            transform=axes.transAxes,
        )
    axes.set_xlabel("iteration")
    axes.set_ylabel("cost J")
    axes.set_title(
        "Cost" if alpha is None else f"Cost, learning rate alpha = {alpha:.4g}", fontsize=10
    )
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_weights(figure: SubFigure, weights: Array, positive: Any) -> None:
    """One panel for each channel, on one scale that is symmetric about 0."""
    channels = weights[..., np.newaxis] if weights.ndim == 2 else weights
    names = ("red", "green", "blue") if channels.shape[2] == 3 else ("",)
    limit = float(np.abs(channels).max()) or 1.0
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for k, (axes, name) in enumerate(zip(panels, names)):
        drawn = axes.imshow(
            channels[:, :, k], cmap="cividis", vmin=-limit, vmax=limit, interpolation="nearest"
        )
        axes.set_title(name, fontsize=9)
        axes.set_axis_off()
    many = len(names) > 1
    figure.colorbar(
        drawn,
        ax=list(panels),
        label="weight",
        orientation="horizontal" if many else "vertical",
        shrink=0.8,
    )
    figure.suptitle(f"Weights w: light pixels speak for y = {positive}, dark against", fontsize=10)


def _draw_class_weights(figure: SubFigure, weights: Array, labels: tuple[Any, ...]) -> None:
    """One image for each class, all on one scale that is symmetric about 0; colours as they are."""
    count = min(len(weights), CLASSES_SHOWN)
    limit = float(np.abs(weights[:count]).max()) or 1.0
    coloured = weights.ndim == 4 and weights.shape[3] == 3
    panels = figure.subplots(-(-count // IN_A_ROW), min(count, IN_A_ROW), squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, image, label in zip(panels.flat, weights[:count], labels):
        if coloured:
            axes.imshow(0.5 + 0.5 * image / limit, interpolation="nearest")
        else:
            drawn = axes.imshow(
                image.reshape(image.shape[:2]),
                cmap="cividis",
                vmin=-limit,
                vmax=limit,
                interpolation="nearest",
            )
        axes.set_title(str(label)[:10], fontsize=8)
    if not coloured:
        figure.colorbar(
            drawn, ax=list(panels.flat), label="weight", orientation="horizontal", shrink=0.8
        )
    of_all = f", the first {count} of {len(weights)} classes" if count < len(weights) else ""
    figure.suptitle(f"Weights w: light pixels speak for the class{of_all}", fontsize=10)


def _draw_images(figure: SubFigure, images: Array, captions: list[str]) -> None:
    low, high = float(images.min()), float(images.max())
    images = (images - low) / ((high - low) or 1.0)
    panels = figure.subplots(1, SHOWN, squeeze=False)[0]
    for axes in panels:
        axes.set_axis_off()
    for axes, image, caption in zip(panels, images, captions):
        axes.imshow(image, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        axes.set_title(caption, fontsize=7)
