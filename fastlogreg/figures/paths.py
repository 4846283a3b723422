"""Figures of a regularisation path: coefficients along lambda, and the score of each lambda.

Each function returns a matplotlib `Figure` that belongs to nobody, as those of
`figures.training` do. Lines differ in shade and in dash, so that they read in grey too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .base import clean, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
NAMED = 8  # coefficients that get their name; the others are drawn in light grey
DASHES = ("-", "--", "-.", ":")


def path(lambdas: Array, w: Array, names: Sequence[str] | None = None) -> Figure:
    """Draw the coefficients w (n_x, L) along lambda (L,), the strongest penalty on the left.

    The largest ones are named in the legend: x1, x2, ... where there are no names. lambda = 0 has
    no place on a logarithmic axis, and is left out.
    """
    shown = np.asarray(lambdas) > 0.0
    order = np.argsort(-np.asarray(lambdas)[shown], kind="stable")
    x, w = np.asarray(lambdas)[shown][order], np.asarray(w)[:, shown][:, order]
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
    _lambda_axis(axes)
    axes.axhline(0.0, color="0.5", lw=0.6, zorder=0)
    axes.set_ylabel("weight w")
    axes.set_title(
        "Weights along the penalty"
        + (f" (the {NAMED} largest of {len(w)} are named)" if len(w) > NAMED else "")
    )
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


def _lambda_axis(axes: Any) -> None:
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xlabel("lambda (logarithmic; the penalty weakens to the right)")
    axes.grid(alpha=0.3)
