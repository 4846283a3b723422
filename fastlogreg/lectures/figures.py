"""The pictures of the lectures. Each function returns a matplotlib `Figure` of its own: no pyplot,
no global state.

Black, grey, line styles and hatches carry the meaning, so every figure reads in print without
colour. matplotlib (the `plots` extra) is imported when a figure is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_number, check_w, check_X, check_Y
from ..figures.base import clean, new_figure
from ..maths import logistic, reference
from ..maths.derivatives import derivative, nudge
from .losses import cost_surface, cross_entropy, squared_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .comparison import Comparison

STYLES = ("-", "--", "-.", ":")


def sigmoid_curve() -> Figure:
    """a = sigmoid(z), with its plateaus and its middle."""
    figure, axes = new_figure(5.2, 3.2)
    z = np.linspace(-8, 8, 400)
    axes.plot(z, logistic.sigmoid(z), color="black")
    axes.plot([0], [0.5], "o", color="black")
    axes.annotate("z = 0: a = 0.5", (0, 0.5), (1.2, 0.42))
    for a, words in ((1.0, "z large:\na close to 1"), (0.0, "z very negative:\na close to 0")):
        axes.axhline(a, color="0.6", linestyle=":", linewidth=1)
        axes.text(
            7.8 if a else -7.8, a + (-0.18 if a else 0.06), words, ha="right" if a else "left"
        )
    axes.set(xlabel="z = w.T x + b", ylabel="a = sigmoid(z)", ylim=(-0.06, 1.06))
    return clean(figure)


def nudge_triangle(
    f: Callable[[float], Any], a: float, eps: float = 0.001, formula: str = "f(a)"
) -> Figure:
    """Draw the function with its tangent, and the nudge under the magnifying glass: width eps,
    height f(a + eps) - f(a)."""
    value, nudged, slope = nudge(f, a, eps)
    exact = derivative(f, a)
    figure, (left, right) = new_figure(8.4, 3.4, 1, 2)
    reach = max(1.0, abs(a)) * 0.6
    for axes, half in ((left, reach), (right, 0.0)):
        xs = np.linspace(a - half, a + half, 200) if half else np.linspace(a - eps, a + 3 * eps, 50)
        axes.plot(xs, [float(f(x)) for x in xs], color="black", label=f"f(a) = {formula}")
        axes.plot(
            xs,
            value + exact * (xs - a),
            color="0.45",
            linestyle="--",
            label=f"tangent, slope {exact:.6g}",
        )
        axes.plot([a], [value], "o", color="black")
        axes.set(xlabel="a", ylabel="f(a)")
    right.plot(
        [a, a + eps, a + eps], [value, value, nudged], color="black", linestyle=":", linewidth=2
    )
    right.annotate(
        f"eps = {eps:g}",
        (a + eps / 2, value),
        (0, -6),
        textcoords="offset points",
        ha="center",
        va="top",
    )
    right.annotate(
        f"height {nudged - value:.6g}",
        (a + eps, (value + nudged) / 2),
        (6, 0),
        textcoords="offset points",
        va="center",
    )
    right.ticklabel_format(useOffset=False)
    right.set_xticks([a, a + eps])
    right.margins(x=0.12)
    left.legend(frameon=False)
    left.set_title(f"f({a:g}) = {value:.6g}", fontsize=10)
    right.set_title(f"nudged: f({a + eps:g}) = {nudged:.7g}, slope {slope:.6g}", fontsize=10)
    return clean(figure)


def losses(
    X: Any, Y: Any, alpha: float = 1.0, iterations: int = 200, reach: float = 10.0
) -> Figure:
    """J(w, b) of one feature for both losses, the path of gradient descent on the bowl, J against
    iterations, a cut.

    X (1, m), Y (1, m); the grid spans w and b from -reach to reach. The descent starts in a far
    corner of it.
    """
    X, y = _one_feature(X), check_Y(Y, np.shape(X)[1])
    grid = np.linspace(-reach, reach, 81)
    start = (-0.8 * reach, 0.7 * reach)
    path, costs = _descend(X, y[None], alpha, iterations, *start)
    stuck, stuck_costs = _descend_squared_error(X, y[None], alpha, iterations, *start)
    figure, ((bowl, hills), (history, cut)) = new_figure(8.6, 6.8, 2, 2)
    for axes, loss, title in (
        (bowl, cross_entropy, "cross-entropy: convex"),
        (hills, squared_error, "1/2 (a - y)^2: not convex"),
    ):
        J = cost_surface(loss, X, y[None], grid, grid)
        lines = axes.contour(grid, grid, J, levels=14, colors="0.35", linewidths=0.8)
        axes.clabel(lines, fontsize=7, fmt="%.3g")
        axes.set(xlabel="w", ylabel="b", title=f"J(w, b), {title}")
    bowl.plot(
        path[:, 0], path[:, 1], color="black", marker="o", markersize=3, label="gradient descent"
    )
    bowl.plot(*path[-1], marker="*", markersize=12, color="black", linestyle="", label="its end")
    hills.plot(*stuck.T, color="black", marker="o", markersize=3, label="gradient descent")
    hills.plot(*stuck[-1], marker="*", markersize=12, color="black", linestyle="", label="its end")
    hills.legend(frameon=True, framealpha=1, loc="lower right", fontsize=8)
    bowl.legend(frameon=True, framealpha=1, loc="lower right", fontsize=8)
    history.plot(costs / costs[0], color="black", label="cross-entropy")
    history.plot(stuck_costs / stuck_costs[0], color="black", linestyle="--", label="1/2 (a - y)^2")
    history.legend(frameon=False)
    history.set(
        xlabel="iteration", ylabel="J / J at the start", title=f"alpha = {alpha:g}", ylim=(0, None)
    )
    for loss, style, label in (
        (cross_entropy, "-", "cross-entropy"),
        (squared_error, "--", "1/2 (a - y)^2"),
    ):
        J = cost_surface(loss, X, y[None], grid, [path[-1, 1]])[0]
        cut.plot(grid, J / J.max(), color="black", linestyle=style, label=label)
    cut.set(xlabel="w", ylabel="J / largest J on the cut", title=f"a cut at b = {path[-1, 1]:.2f}")
    cut.legend(frameon=False)
    return clean(figure)


def learning_rates(X: Any, Y: Any, alphas: Sequence[float], iterations: int = 100) -> Figure:
    """Draw J against iterations for each alpha, from w = 0, b = 0. Those above 2/L are dashed:
    there descent may go up.

    L = lambda_max(X1 X1.T) / (4 m), X1 being X with a row of ones, bounds the curvature of J.
    """
    X = np.asarray(check_X(X), dtype=np.float64)
    y = check_Y(Y, X.shape[1])
    limit = 2 / largest_curvature(X)
    figure, axes = new_figure(6.4, 4.0)
    shades, highest = np.linspace(0.65, 0.0, len(alphas)), math.log(2)
    for k, alpha in enumerate(sorted(check_number("alphas", a, positive=True) for a in alphas)):
        _, costs = _descend(X, y[None], alpha, iterations, np.zeros((X.shape[0], 1)), 0.0)
        above, highest = alpha > limit, max(highest, float(np.nan_to_num(costs, nan=0.0).max()))
        axes.plot(
            costs,
            color=str(shades[k]),
            linestyle="--" if above else "-",
            linewidth=1.5,
            marker="os^Dv*"[k % 6],
            markevery=(k * 3 % 11, max(1, iterations // 9)),
            markersize=5,
            label=f"alpha = {alpha:.3g}" + (" (above 2/L)" if above else ""),
        )
    axes.set(
        xlabel="iteration",
        ylabel="cost J",
        ylim=(0, min(1.1 * highest, 3.5 * math.log(2))),
        title=f"largest safe alpha: 2/L = {limit:.3g}",
    )
    axes.legend(frameon=True, framealpha=1, fontsize=8, loc="upper right")
    return clean(figure)


def largest_curvature(X: NDArray[np.float64]) -> float:
    """L: no curvature of J (without penalty) is larger, at any w and b, so alpha <= 2/L never
    climbs."""
    X1 = np.vstack([np.ones(X.shape[1]), X])
    return float(np.linalg.norm(X1, 2) ** 2 / (4 * X.shape[1]))


def decision_boundary(w: Any, b: float, X: Any, Y: Any) -> Figure:
    """Two features, the labels, and the line w.T x + b = 0 where a = 0.5; dotted where a = 0.1 and
    0.9."""
    X = np.asarray(check_X(X), dtype=np.float64)
    if X.shape[0] != 2:
        raise ValueError(f"X must have two features to be drawn, shape (2, m); got shape {X.shape}")
    w, y = check_w(w, 2), check_Y(Y, X.shape[1])
    figure, axes = new_figure(5.4, 4.2)
    for label, marker, face in ((0, "o", "white"), (1, "^", "0.35")):
        axes.scatter(
            *X[:, y == label],
            marker=marker,
            facecolor=face,
            edgecolor="black",
            s=28,
            label=f"y = {label}",
        )
    pads = 0.08 * np.ptp(X, axis=1) + 1e-9
    x1, x2 = (np.linspace(row.min() - pad, row.max() + pad, 150) for row, pad in zip(X, pads))
    a = logistic.sigmoid(w[0] * x1 + w[1] * x2[:, None] + b)
    if a.min() < 0.5 < a.max():
        axes.contour(x1, x2, a, levels=[0.1, 0.5, 0.9], colors="black", linestyles=[":", "-", ":"])
    axes.set(
        xlabel="x_1", ylabel="x_2", title="decision boundary a = 0.5; dotted: a = 0.1 and a = 0.9"
    )
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return clean(figure)


def speed_bars(results: Sequence[Comparison]) -> Figure:
    """Milliseconds of each pair's three forms, on a logarithmic axis; the label is compiled against
    interpreted."""
    figure, axes = new_figure(8.0, 1.3 + 0.55 * len(results))
    forms = (("interpreted", "white", "////"), ("compiled", "black", ""), ("numpy", "0.65", ""))
    for k, (form, face, hatch) in enumerate(forms):
        times = [1e3 * getattr(r, form) for r in results]
        label = "NumPy" if form == "numpy" else f"{form} loop"
        places = np.arange(len(results)) + (k - 1) * 0.27
        axes.barh(
            places,
            times,
            height=0.25,
            color=face,
            edgecolor="black",
            hatch=hatch,
            linewidth=0.7,
            label=label,
        )
        if form == "interpreted":
            for place, time, r in zip(places, times, results):
                mark = "~" if r.extrapolated else ""
                axes.text(
                    time * 1.15,
                    place,
                    f"{mark}{r.speedup:,.0f} x the compiled loop",
                    va="center",
                    fontsize=8,
                )
    own = [(k, 1e3 * r.lanes) for k, r in enumerate(results) if r.has_lanes]
    if own:
        style = {"color": "white", "edgecolor": "black", "hatch": "....", "linewidth": 0.7}
        label = "in lanes (this package's own)"
        below = [k + 0.46 for k, _ in own]
        axes.barh(below, [time for _, time in own], height=0.12, label=label, **style)
    fastest = min(min(r.compiled, r.numpy) for r in results)
    slowest = max(r.interpreted for r in results)
    axes.set_xscale("log")
    axes.set_xlim(1e3 * fastest / 2, 1e3 * slowest * 25)  # room for the labels
    axes.set_yticks(
        range(len(results)), [f"{r.name}\n{r.elements:,} elements" for r in results], fontsize=8
    )
    axes.set_ylim(len(results) - 0.45, -0.55)
    axes.set_xlabel(
        "time, ms (logarithmic)"
        + ("; ~ extrapolated from fewer elements" if any(r.extrapolated for r in results) else "")
    )
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    return clean(figure)


def _one_feature(X: Any) -> Any:
    X = np.asarray(check_X(X), dtype=np.float64)
    if X.shape[0] != 1:
        raise ValueError(
            f"X must have one feature to draw J over w and b, shape (1, m); got shape {X.shape}"
        )
    return X


def _descend(
    X: NDArray[Any], Y: NDArray[Any], alpha: float, iterations: int, w: Any, b: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the places (w_1, b) and the costs of gradient descent, before each update and after
    the last."""
    w = np.reshape(np.asarray(w, dtype=np.float64), (-1, 1))
    places: list[tuple[float, float]] = []
    costs: list[float] = []
    for _ in range(iterations + 1):
        J, dw, db = reference.propagate(w, b, X, Y)
        places.append((w[0, 0], b))
        costs.append(J)
        w, b = reference.gradient_descent_step(w, b, dw, db, alpha)
    return np.array(places), np.array(costs)


def _descend_squared_error(
    X: NDArray[Any], Y: NDArray[Any], alpha: float, iterations: int, w: float, b: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the places (w, b) and the costs of descent on 1/2 (a - y)^2, one feature."""
    places: list[tuple[float, float]] = []
    costs: list[float] = []
    for _ in range(iterations + 1):
        Z = w * X + b
        A = logistic.sigmoid(Z)
        dZ = A * (1 - A) * (A - Y)  # vanishes where a is confidently wrong
        places.append((w, b))
        costs.append(float(np.mean(squared_error(Z, Y))))
        w, b = w - alpha * float(np.mean(X * dZ)), b - alpha * float(np.mean(dZ))
    return np.array(places), np.array(costs)
