"""The figure of a summary: each coefficient with its interval, as a forest plot.

It returns a matplotlib `Figure` that belongs to nobody, as those of `figures.training` do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .base import clean, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..inference.summary import Summary

Array = NDArray[Any]
MOST = 40  # coefficients that are drawn
NAME_LENGTH = 28
MOST_LOG = 600.0  # of an axis: exp of more is infinite
NARROW = 20.0  # quotient of the ends of an axis whose ticks are at equal steps
ROOM = 0.08  # of the width, beside the last end


def coefficients(summary: Summary, *, odds: bool = False, intercept: bool = False) -> Figure:
    """Draw the coefficients of a summary with their intervals, the first one at the top.

    odds: odds ratios, on a logarithmic axis. intercept: draw it too. An end at infinity is an
    arrow. What is not identified has its name and no point. Of more than 40 coefficients those
    with the largest quotients of coefficient and standard error are drawn.
    """
    chosen, left_out = _chosen(summary, intercept)
    values, lower, upper = (
        part[chosen] for part in (summary.coefficients, summary.lower, summary.upper)
    )
    low, high = np.clip(_window(values, lower, upper), -MOST_LOG, MOST_LOG).tolist()
    figure, axes = new_figure(7.0, 1.3 + 0.28 * len(chosen))
    for row, (value, left, right) in enumerate(zip(values, lower, upper)):
        if np.isnan(value):
            continue
        ends = _shown(np.clip([left, right], low, high), odds)
        axes.plot(ends, [row, row], color="0.45", lw=1.4, solid_capstyle="butt", zorder=2)
        for end, marker, infinite in zip(ends, "<>", np.isinf([left, right])):
            if infinite:
                axes.plot(end, row, marker=marker, color="0.45", ms=6, clip_on=False, zorder=2)
        axes.plot(_shown(value, odds), row, marker="s", color="0.1", ms=5, zorder=3)
    axes.axvline(1.0 if odds else 0.0, color="0.6", lw=0.9, linestyle="--", zorder=1)
    window = _shown(np.array([low, high]), odds)
    if odds:
        axes.set_xscale("log")
        _odds_ticks(axes, *window.tolist())
    axes.set_xlim(*window)
    axes.set_ylim(len(chosen) - 0.4, -0.6)
    axes.set_yticks(range(len(chosen)), labels=[_cut(summary.names[j]) for j in chosen])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("odds ratio (logarithmic)" if odds else "coefficient (change of the log odds)")
    axes.set_title(_title(summary, left_out))
    _numbers(axes, _shown(values, odds), _shown(lower, odds), _shown(upper, odds))
    return clean(figure)


def _chosen(summary: Summary, intercept: bool) -> tuple[list[int], int]:
    """Return the places of what is drawn, and how many are left out."""
    there = [j for j, name in enumerate(summary.names) if intercept or name != "intercept"]
    if not there:
        raise ValueError(
            "summary must have a coefficient beside the intercept to be drawn; or give "
            "intercept=True"
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.abs(summary.coefficients[there] / summary.standard_errors[there])
    largest = np.argsort(-np.nan_to_num(size, nan=-1.0, posinf=np.inf), kind="stable")[:MOST]
    return [there[place] for place in sorted(largest.tolist())], max(0, len(there) - MOST)


def _window(values: Array, lower: Array, upper: Array) -> tuple[float, float]:
    """Return the ends of the axis: 0 and every finite end, and room beside them."""
    ends = np.concatenate([[0.0], values, lower, upper])
    ends = ends[np.isfinite(ends)]
    low, high = float(ends.min()), float(ends.max())
    room = ROOM * (high - low) or 1.0
    return low - room, high + room


def _shown(values: Any, odds: bool) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return np.exp(values) if odds else np.asarray(values, np.float64)


def _odds_ticks(axes: Any, low: float, high: float) -> None:
    """Write plain numbers along the axis; where it is narrow, at equal steps."""
    from matplotlib.ticker import MaxNLocator, NullLocator

    if high / low < NARROW:
        ticks = np.asarray(MaxNLocator(6).tick_values(low, high))
        ticks = ticks[(ticks > low) & (ticks < high)]
        axes.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())


def _title(summary: Summary, left_out: int) -> str:
    kind = "profile-likelihood" if summary.interval == "profile" else "Wald"
    found = f"{summary.target}: {100 * summary.level:g} % {kind} intervals"
    found += f", covariance {summary.covariance_kind}" if summary.interval == "wald" else ""
    if left_out:
        found += f"\nthe {MOST} of largest |coefficient / std. error| of {MOST + left_out}"
    return found + ("\npenalised: no tests of significance" if summary.penalised else "")


def _numbers(axes: Any, values: Array, lower: Array, upper: Array) -> None:
    """Write the numbers of each row on the right."""
    rows = zip(values.tolist(), lower.tolist(), upper.tolist())
    texts = [
        "not identified" if np.isnan(value) else f"{value:.3g} [{low:.3g}, {high:.3g}]"
        for value, low, high in rows
    ]
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(texts)), labels=texts)
    right.tick_params(length=0, labelsize=8, pad=10)
    right.spines["right"].set_visible(False)


def _cut(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 3] + "..."
