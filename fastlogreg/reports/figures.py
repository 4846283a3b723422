"""The figures of a report: each a chart, what it shows in words, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..figures.examination import wilson
from . import charts
from .charts import Line
from .content import Run
from .markup import Markup, cut, number, table, tag
from .measures import LEVEL, ClassMeasure, Curve, Measured, precision_recall, thinned

Array = NDArray[np.float64]
ROWS = 12  # of the table beside a curve
DIAGONAL = np.array([0.0, 1.0])


def figure(
    name: str,
    title: str,
    text: str,
    axes: tuple[charts.Axis, charts.Axis],
    lines: Sequence[Line],
    numbers: Markup,
) -> Markup:
    """Put a chart, its legend, its words and its numbers together."""
    return tag(
        "figure",
        tag("h3", title),
        charts.chart(name, title, text, axes, lines),
        charts.legend(lines),
        tag("figcaption", text),
        tag("details", tag("summary", "The numbers of this figure"), numbers),
    )


def shown_classes(found: Measured, several: bool) -> list[ClassMeasure]:
    """Choose the curves to draw: of two classes the second one's, of more the worst."""
    there = [each for each in found.classes if each.curve is not None]
    if not several:
        return there[1:]
    return sorted(there, key=lambda each: each.curve.area if each.curve else 1.0)[: charts.LINES]


def roc_figure(found: Measured, several: bool, name: str) -> Markup | None:
    """Draw the ROC curve, or one of each class against the rest."""
    chosen = shown_classes(found, several)
    if not chosen:
        return None
    lines, curves = [], []
    for each in chosen:
        area = each.curve.area if each.curve else np.nan
        what = f"{cut(each.label, 40)} against the rest" if several else f"{name} examples"
        curve = _roc_curve(each)
        curves.append((cut(each.label, 40), curve))
        lines.append(Line(f"{what}: area {area:.4g}", curve.x, curve.y))
    lines.append(Line("a guess", DIAGONAL, DIAGONAL, quiet=True))
    one = cut(found.classes[-1].label, 40) if not several else "the class"
    text = (
        f"How many of those that are {one} are found, against how many of the others are taken for "
        "it, at every threshold. The upper left corner is best."
    )
    if several and len(found.classes) > len(chosen):
        text += f" The {len(chosen)} classes with the smallest areas are drawn."
    axes = charts.shares("others taken for it"), charts.shares("found")
    rows = _curve_rows(curves)
    numbers = table(("class", "others taken for it", "found"), rows, "ROC curve, some points")
    return figure("roc", "ROC curve", text, axes, lines, numbers)


def _roc_curve(each: ClassMeasure) -> Curve:
    curve: Any = each.curve
    return thinned(Curve(curve.false_positive_rate, curve.true_positive_rate))


def precision_figure(found: Measured, several: bool, name: str) -> Markup | None:
    """Draw precision over recall."""
    chosen = shown_classes(found, several)
    if not chosen:
        return None
    lines, curves = [], []
    m = int(found.scores.counts.sum())
    for each in chosen:
        whole = precision_recall(each.curve, each.examples, m - each.examples)  # type: ignore[arg-type]
        curve = thinned(whole)
        curves.append((cut(each.label, 40), curve))
        what = cut(each.label, 40) if several else f"{name} examples"
        lines.append(Line(f"{what}: average {each.average_precision:.4g}", curve.x, curve.y))
    if not several:
        share = chosen[0].examples / m
        lines.append(Line("a guess", DIAGONAL, np.full(2, share), quiet=True))
    text = (
        "Of those that are taken for the class, the share that is of it, against the share of the "
        "class that is found. The upper right corner is best."
    )
    axes = charts.shares("recall: found"), charts.shares("precision: right")
    numbers = table(
        ("class", "recall", "precision"), _curve_rows(curves), "Precision and recall, some points"
    )
    return figure("precision", "Precision and recall", text, axes, lines, numbers)


def _curve_rows(curves: Iterable[tuple[str, Curve]]) -> list[list[str]]:
    rows = []
    for name, curve in curves:
        some = np.unique(np.linspace(0, len(curve.x) - 1, ROWS).astype(int))
        rows += [[name, f"{curve.x[k]:.3f}", f"{curve.y[k]:.3f}"] for k in some]
    return rows


def calibration_figure(found: Measured, several: bool, positive: Any) -> Markup | None:
    """Draw the share of ones in groups of like probabilities, with Wilson's intervals."""
    groups = found.groups
    if groups is None:
        return None
    said, share = groups.expected / groups.counts, groups.observed / groups.counts
    low, high = wilson(groups.observed, groups.counts, LEVEL)
    what = "right" if several else cut(positive, 30)
    lines = [
        Line(f"groups, with {100 * LEVEL:g} % intervals", said, share, low, high),
        Line("probabilities that are right", DIAGONAL, DIAGONAL, quiet=True),
    ]
    text = (
        f"Examples in groups of like probability: the share that is {what}, against what the model "
        "says. On the diagonal the probabilities are right; below it they are too high."
    )
    across = "probability of what is said" if several else "probability, mean of the group"
    axes = charts.shares(across), charts.shares(f"share that is {cut(what, 24)}")
    rows = [
        [str(int(n)), f"{a:.3f}", f"{s:.3f}", f"{lo:.3f} to {hi:.3f}"]
        for n, a, s, lo, hi in zip(groups.counts, said, share, low, high)
    ]
    heads = ("examples", "probability", "share", "interval")
    numbers = table(heads, rows, "Calibration, group by group")
    return figure("calibration", "Calibration", text, axes, lines, numbers)


def convergence_figure(run: Run) -> Markup | None:
    """Draw the bound on what is missing to the optimum, or the cost where nothing is proved."""
    history = np.asarray(run.history, np.float64)
    if history.ndim != 2 or len(history) < 2:
        return None
    passes, cost, bound = history[:, 0], history[:, 2], history[:, 3]
    least = float(np.nanmin(cost))
    proved = np.isfinite(bound) & (bound > 0.0)
    lines = []
    above = cost - least
    some = np.isfinite(cost) & (above > 0.0)
    if some.sum() > 1:
        lines.append(Line("cost above its last value", passes[some], np.log10(above[some])))
    if proved.sum() > 1:
        lines.append(Line("proved bound", passes[proved], np.log10(bound[proved])))
    if not lines:
        return None
    lines = [_thin(line) for line in lines]
    values = np.concatenate([line.y for line in lines])
    axes = (
        charts.counts("reads of X", float(passes.max())),
        charts.decades("above the optimum", values),
    )
    text = "How far the cost is above the optimum, against how often X has been read."
    if proved.sum() > 1:
        text += " The bound is proved: the true distance is never larger."
    rows = [
        [number(p), number(c, 8), number(b, 3) if np.isfinite(b) else "not proved"]
        for p, _, c, b in history[np.unique(np.linspace(0, len(history) - 1, ROWS).astype(int))]
    ]
    numbers = table(("reads of X", "cost", "bound"), rows, "Convergence, some points")
    return figure("convergence", "Convergence", text, axes, lines, numbers)


def _thin(line: Line) -> Line:
    kept = np.unique(np.linspace(0, len(line.x) - 1, 300).astype(int))
    return line._replace(x=line.x[kept], y=line.y[kept])
