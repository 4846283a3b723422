"""Figures of how good a model is: reliability, the ROC curve, and the influence of its examples.

Each function takes what `hosmer_lemeshow`, `roc` or `influence` returned, and returns a matplotlib
`Figure` that belongs to nobody. Lines differ in shade and in dash, so that they read in grey too.
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
DASHES = ("-", "--", "-.", ":")
COOK_LEVELS = (0.5, 1.0)  # R's
SMALL_COOK = 4.0  # over m: a third contour, which is in view where no example is far out


def wilson(successes: Array, trials: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Return Wilson's interval of each share of successes among trials, 0 to 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    from statistics import NormalDist

    square = NormalDist().inv_cdf(0.5 + 0.5 * level) ** 2
    share = successes / trials
    middle = (share + 0.5 * square / trials) / (1.0 + square / trials)
    reach = np.sqrt(square * (share * (1.0 - share) + 0.25 * square / trials) / trials)
    reach = reach / (1.0 + square / trials)
    return np.maximum(middle - reach, 0.0), np.minimum(middle + reach, 1.0)


def calibration(found: Any, level: float = 0.95) -> Figure:
    """Draw the share of ones against the mean probability, group by group: the reliability.

    found: what `hosmer_lemeshow` returned. The bars are Wilson's intervals. A model is calibrated
    where they cross the diagonal. The small marks along the bottom are the mean probabilities.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be above 0 and below 1; got {level!r}")
    _require(found, "found", "hosmer_lemeshow", ("counts", "observed", "expected"))
    said, share = found.expected / found.counts, found.observed / found.counts
    low, high = wilson(found.observed, found.counts, level)
    figure, axes = new_figure(4.8, 4.6)
    axes.plot([0, 1], [0, 1], color="0.6", lw=1.0, linestyle="--", label="calibrated")
    axes.errorbar(
        said,
        share,
        yerr=np.maximum([share - low, high - share], 0.0),
        color="0.1",
        ecolor="0.5",
        lw=1.1,
        marker="o",
        ms=4.5,
        capsize=2.5,
        label=f"groups, with {100.0 * level:g} % intervals",
    )
    axes.plot(said, np.zeros(len(said)), "|", color="0.3", ms=7, clip_on=False)
    _unit_square(axes)
    axes.set_xlabel("mean probability of the group")
    axes.set_ylabel("share of y = 1 in the group")
    axes.set_title(
        f"Reliability of {int(found.counts.sum())} probabilities\n"
        f"Hosmer-Lemeshow {found.statistic:.3g}, df {found.df}, p = {found.p_value:.3g}"
    )
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return clean(figure)


def roc(found: Any) -> Figure:
    """Draw a ROC curve with its area and interval, or several: a dict name -> curve.

    found: what `roc` returned.
    """
    named = found if isinstance(found, Mapping) else {"": found}
    if not named:
        raise ValueError("found must hold one curve at least; got an empty dict")
    figure, axes = new_figure(4.8, 4.6)
    axes.plot([0, 1], [0, 1], color="0.7", lw=1.0, linestyle=":")
    for k, (name, curve) in enumerate(named.items()):
        what = f"found[{name!r}]" if name else "found"
        _require(curve, what, "roc", ("false_positive_rate", "true_positive_rate", "area"))
        low, high = curve.interval
        spread = f" ({low:.3f} to {high:.3f})" if np.isfinite(low) else ""
        axes.plot(
            curve.false_positive_rate,
            curve.true_positive_rate,
            color=str(0.6 * k / max(1, len(named) - 1)),
            linestyle=DASHES[k % 4],
            lw=1.5,
            label=f"{name + ': ' if name else ''}area {curve.area:.3f}{spread}",
        )
    _unit_square(axes)
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.set_title("ROC curve" if len(named) == 1 else "ROC curves")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return clean(figure)


def influence(found: Any, names: Sequence[Any] | None = None, named: int = 5) -> Figure:
    """Draw standardised Pearson residuals against leverages, with contours of Cook's distance.

    found: what `influence` returned. The examples with the largest distances are named: by their
    place, or by `names` (m,). Contours are at 0.5, at 1 and at 4 / m, those that are in view.
    """
    _require(found, "found", "influence", ("leverage", "standardised_pearson", "cooks_distance"))
    h, r, cook = found.leverage, found.standardised_pearson, found.cooks_distance
    if names is not None and len(names) != len(h):
        raise ValueError(f"names must be {len(h)}, one for each example; got {len(names)}")
    shown = np.isfinite(r) & np.isfinite(cook) & (h < 1.0)
    if not shown.any():
        raise ValueError("found must hold an example with a leverage below 1; it holds none")
    figure, axes = new_figure(6.4, 4.4)
    axes.plot(h[shown], r[shown], "o", color="0.35", mfc="none", ms=4, mew=0.8, rasterized=True)
    axes.axhline(0.0, color="0.8", lw=0.8, zorder=0)
    right, top = 1.08 * float(h[shown].max()), 1.15 * max(1.0, float(np.abs(r[shown]).max()))
    axes.set_xlim(0.0, right)
    axes.set_ylim(-top, top)
    _draw_contours(axes, h[shown], r[shown], cook[shown], right, top)
    places = np.flatnonzero(shown)
    largest = places[np.argsort(-cook[places], kind="stable")][: max(0, named)]
    for i in largest.tolist():
        axes.plot(h[i], r[i], "o", color="0.0", ms=4)
        left = h[i] > 0.8 * right  # no room for a name on the right
        axes.annotate(
            str(i if names is None else names[i]),
            (h[i], r[i]),
            (-5 if left else 5, 3 if r[i] > 0.0 else -9),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=8,
        )
    axes.set_xlabel("leverage")
    axes.set_ylabel("standardised Pearson residual")
    axes.set_title("Influence of the examples")
    if axes.get_legend_handles_labels()[0]:
        style = {"frameon": False, "fontsize": 8, "title_fontsize": 8}
        place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        axes.legend(title="Cook's distance", **style, **place)
    return clean(figure)


def _draw_contours(axes: Any, h: Array, r: Array, cook: Array, right: float, top: float) -> None:
    """Draw where Cook's distance r^2 h / (p (1 - h)) has a level, for the levels in view."""
    far = int(np.argmax(cook))
    if not cook[far] > 0.0:
        return
    p = r[far] ** 2 * h[far] / (cook[far] * (1.0 - h[far]))  # of the definition
    x = np.linspace(right / 400.0, min(right, 0.999), 400)
    for level, dash in zip((SMALL_COOK / len(h), *COOK_LEVELS), (":", "--", "-")):
        y = np.sqrt(level * p * (1.0 - x) / x)
        if y.min() > top:
            continue
        y = np.where(y <= top, y, np.nan)
        style = {"color": "0.55", "lw": 1.0, "linestyle": dash}
        axes.plot(x, y, **style, label=f"{level:.2g}")
        axes.plot(x, -y, **style)


def _unit_square(axes: Any) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.grid(alpha=0.3)


def _require(found: Any, name: str, maker: str, fields: Sequence[str]) -> None:
    """ValueError where found is not what the function `maker` returns."""
    if not all(hasattr(found, field) for field in fields):
        raise ValueError(
            f"{name} must be what fastlogreg.{maker} returned; got {type(found).__name__}"
        )
