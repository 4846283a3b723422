"""Figures of a regularisation path: coefficients along lambda, and the score of each lambda.

Each function returns a matplotlib `Figure` that belongs to nobody, as those of
`figures.training` do. Lines differ in shade and in dash, so that they read in grey too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .base import clean, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
NAMED = 8  # coefficients that get their name; the others are drawn in light grey
COUNTS = 8  # numbers along the top axis
MARKS = ("-", "--")
DASHES = ("-", "--", "-.", ":")


def path(
    lambdas: Array,
    w: Array,
    names: Sequence[str] | None = None,
    marked: Mapping[str, float] | None = None,
) -> Figure:
    """Draw the coefficients w (n_x, L) along lambda (L,), the strongest penalty on the left.

    The largest ones are named in the legend: x1, x2, ... where there are no names. lambda = 0 has
    no place on a logarithmic axis, and is left out. Where some weights are 0, the top axis says
    how many are not. Of K classes w is (n_x, K, L); each weight is a line, named after the feature
    and the number of the class. marked: lambdas to draw a line at, by name, as {"best": 0.3,
    "1se": 1.0}.
    """
    w = np.asarray(w)
    if w.ndim == 3:
        n_x, K, _ = w.shape
        known = [f"x{j + 1}" for j in range(n_x)] if names is None else [str(one) for one in names]
        names, w = [f"{one}, class {k}" for one in known for k in range(K)], w.reshape(n_x * K, -1)
    shown = np.asarray(lambdas) > 0.0
    order = np.argsort(-np.asarray(lambdas)[shown], kind="stable")
    x, w = np.asarray(lambdas)[shown][order], w[:, shown][:, order]
    if x.size == 0:
        raise ValueError("lambdas must hold one above 0 at least, to be drawn")
    figure, axes = new_figure(6.4, 4.0)
    largest = np.argsort(-np.abs(w).max(axis=1), kind="stable")
    for j in largest[NAMED:][::-1]:
        axes.plot(x, w[j], color="0.85", lw=0.8)
    for place, j in enumerate(largest[:NAMED].tolist()):
        axes.plot(
            x,
            w[j],
            color=str(0.12 * (place // 2)),
            linestyle=DASHES[place % 4],
            lw=1.3,
            marker="o" if x.size == 1 else "",
            label=f"x{j + 1}" if names is None else str(names[j]),
        )
    for place, (name, lambda_) in enumerate((marked or {}).items()):
        if not lambda_ > 0.0:
            raise ValueError(f"marked must hold lambdas above 0; got {lambda_!r} for {name!r}")
        text = f"{name}: lambda = {lambda_:.3g}"
        axes.axvline(lambda_, color="0.55", lw=1.0, linestyle=MARKS[place % 2], label=text)
    _lambda_axis(axes)
    axes.axhline(0.0, color="0.5", lw=0.6, zorder=0)
    axes.set_ylabel("weight w")
    title = axes.set_title(
        "Weights along the penalty"
        + (f" (the {NAMED} largest of {len(w)} are named)" if len(w) > NAMED else "")
    )
    if not w.all():
        _count_axis(axes, x, np.count_nonzero(w, axis=0))
        title.set_y(1.14)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return clean(figure)


def validation(
    lambdas: Array,
    scores: Array,
    *,
    best: int,
    one_se: int,
    score_name: str = "held-out log-loss",
    error: Array | None = None,
) -> Figure:
    """Draw the score of each lambda (L,), scores (folds, L), with its spread over the folds.

    The bars are one standard error of the mean, from the folds where `error` (L,) is not given;
    there may be one row of scores then. best and one_se: the places of the lambda with the
    best mean score, and of the strongest penalty within one standard error of it. Both are marked.
    """
    lambdas, scores = np.asarray(lambdas), np.asarray(scores)
    shown = lambdas > 0.0
    mean = scores.mean(axis=0)
    if error is None:
        error = np.zeros(len(lambdas))
        if len(scores) > 1:
            error = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
    order = np.argsort(-lambdas[shown], kind="stable")
    figure, axes = new_figure(6.4, 4.0)
    axes.errorbar(
        lambdas[shown][order],
        mean[shown][order],
        yerr=error[shown][order],
        color="0.1",
        ecolor="0.6",
        lw=1.2,
        marker="o",
        ms=4,
        capsize=2.5,
        label=f"mean of {len(scores)} folds, +- 1 standard error"
        if len(scores) > 1
        else "mean, +- 1 standard error",
    )
    for place, name, dash in ((best, "best", "-"), (one_se, "1se", "--")):
        if lambdas[place] > 0.0:
            text = f"{name}: lambda = {lambdas[place]:.3g}"
            axes.axvline(lambdas[place], color="0.35", lw=1.0, linestyle=dash, label=text)
    _lambda_axis(axes)
    axes.set_ylabel(score_name)
    axes.set_title("Held-out score along the penalty")
    axes.legend(edgecolor="none", framealpha=0.9, fontsize=8)
    return clean(figure)


def _count_axis(axes: Any, lambdas: Array, counts: Array) -> None:
    """Write along the top how many weights are not 0, at some of the lambdas."""
    shown = np.unique(np.linspace(0, len(lambdas) - 1, COUNTS).round().astype(int))
    top = axes.secondary_xaxis("top")
    top.set_xticks(lambdas[shown], labels=[str(count) for count in counts[shown].tolist()])
    top.set_xticks([], minor=True)
    top.set_xlabel("weights that are not 0")
    top.spines["top"].set_visible(False)
    top.tick_params(length=2)


def _lambda_axis(axes: Any) -> None:
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xlabel("lambda (logarithmic; the penalty weakens to the right)")
    axes.grid(alpha=0.3)
