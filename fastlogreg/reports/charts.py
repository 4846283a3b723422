"""Charts as SVG: lines and points over two axes, and intervals in a row of a table.

Colours come from the page, so that they follow day and night. Lines differ in their dashes too, so
that they read in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .markup import Markup, escaped, tag

Array = NDArray[np.float64]
WIDTH, HEIGHT = 360.0, 290.0  # of a chart, about the width of a phone
LEFT, RIGHT, TOP, BOTTOM = 54.0, 14.0, 10.0, 46.0
DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "4 2")
LINES = len(DASHES)  # that can be told apart
BAR_WIDTH = 190.0
FEW_POINTS = 3  # of which each is drawn, beside the diagonal


class Line(NamedTuple):
    """A line of x and y (k,), or points with intervals where low and high (k,) are given."""

    label: str
    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None
    quiet: bool = False  # what the others are compared with


class Axis(NamedTuple):
    """What an axis shows, from where to where, and the ticks with their texts."""

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    texts: Sequence[str]

    def place(self, values: Any) -> Array:
        """Return where values lie, from 0 to 1."""
        return np.asarray((np.asarray(values, np.float64) - self.low) / (self.high - self.low))


def shares(label: str) -> Axis:
    """Make an axis from 0 to 1."""
    ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    return Axis(label, 0.0, 1.0, ticks, [f"{t:g}" for t in ticks])


def decades(label: str, values: Array, most: int = 6) -> Axis:
    """Make an axis of the powers of ten of these values, which are their logarithms."""
    low, high = float(np.floor(values.min())), float(np.ceil(values.max()))
    high = max(high, low + 1.0)
    step = max(1, int(np.ceil((high - low) / most)))
    ticks = np.arange(low, high + 0.5, step)
    return Axis(label, low, high, ticks.tolist(), [f"1e{int(t)}" for t in ticks])


def counts(label: str, most: float) -> Axis:
    """Make an axis from 0 to a whole number of about this size."""
    step = 10.0 ** np.floor(np.log10(max(most, 1.0)))
    step *= 1.0 if most / step > 4.0 else 0.5 if most / step > 2.0 else 0.2
    step = max(1.0, float(step))
    high = step * max(1.0, float(np.ceil(most / step)))
    ticks = np.arange(0.0, high + 0.5 * step, step)
    return Axis(label, 0.0, high, ticks.tolist(), [f"{t:,.0f}" for t in ticks])


def chart(name: str, title: str, text: str, axes: tuple[Axis, Axis], lines: Sequence[Line]) -> Any:
    """Draw lines over two axes. name: of the element; text: what a screen reader says of it."""
    across, up = axes
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at(x: Any, y: Any) -> tuple[Array, Array]:
        return (
            LEFT + across.place(x) * (right - LEFT),
            bottom - up.place(y) * (bottom - TOP),
        )

    parts: list[Markup] = []
    for tick, word in zip(across.ticks, across.texts):
        x = float(at(tick, up.low)[0])
        parts.append(_rule(x, TOP, x, bottom))
        parts.append(_word(word, x, bottom + 16.0, "middle"))
    for tick, word in zip(up.ticks, up.texts):
        y = float(at(across.low, tick)[1])
        parts.append(_rule(LEFT, y, right, y))
        parts.append(_word(word, LEFT - 6.0, y + 4.0, "end"))
    parts.append(_word(across.label, 0.5 * (LEFT + right), HEIGHT - 6.0, "middle"))
    turned = f"translate(13 {0.5 * (TOP + bottom):.0f}) rotate(-90)"
    parts.append(tag("text", up.label, transform=turned, text_anchor="middle"))
    place = 0
    for line in lines:
        xs, ys = (np.atleast_1d(part).tolist() for part in at(line.x, line.y))
        kind = "quiet" if line.quiet else f"s{place % LINES}"
        dash = "3 4" if line.quiet else DASHES[place % LINES]
        place += not line.quiet
        if line.low is not None and line.high is not None:
            lows, highs = at(line.x, line.low)[1].tolist(), at(line.x, line.high)[1].tolist()
            ends = zip(xs, lows, highs)
            bars = "".join(f"M{a:.1f} {b:.1f}V{c:.1f}" for a, b, c in ends)
            parts.append(tag("path", d=bars, class_=f"line {kind}"))
            parts += [_dot(a, b, 3.5, kind) for a, b in zip(xs, ys)]
        way = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(xs, ys))
        if len(xs) <= FEW_POINTS and not line.quiet and line.low is None:
            parts += [_dot(a, b, 3.5, kind) for a, b in zip(xs, ys)]
        parts.append(tag("path", d=way, class_=f"line {kind}", stroke_dasharray=dash or None))
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", text, id=f"{name}-text"),
        *parts,
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        role="img",
        aria_labelledby=f"{name}-title {name}-text",
    )


def legend(lines: Sequence[Line]) -> Markup:
    """Name the lines of a chart, each beside a piece of it."""
    entries, place = [], 0
    for line in lines:
        kind = "quiet" if line.quiet else f"s{place % LINES}"
        dash = "3 4" if line.quiet else DASHES[place % LINES]
        place += not line.quiet
        piece = tag("path", d="M0 6H34", class_=f"line {kind}", stroke_dasharray=dash or None)
        swatch = tag("svg", piece, viewBox="0 0 34 12", class_="swatch", aria_hidden="true")
        entries.append(tag("li", swatch, " ", line.label))
    return tag("ul", *entries, class_="legend")


def interval(value: float, low: float, high: float, reach: float) -> Markup:
    """Draw a value and its interval about 0, between -reach and reach; beside a table's numbers."""

    def at(v: float) -> float:
        return 0.5 * BAR_WIDTH * (1.0 + max(-1.0, min(1.0, v / reach)))

    parts = [_rule(0.5 * BAR_WIDTH, 0.0, 0.5 * BAR_WIDTH, 18.0)]
    if low == low and high == high:
        parts.append(tag("path", d=f"M{at(low):.1f} 9H{at(high):.1f}", class_="line s0"))
    parts.append(_dot(at(value), 9.0, 4.0, "s0"))
    size = f"0 0 {BAR_WIDTH:.0f} 18"
    return tag("svg", *parts, viewBox=size, class_="bar", aria_hidden="true")


def _rule(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return tag("path", d=f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}", class_="rule")


def _dot(x: float, y: float, r: float, kind: str) -> Markup:
    return tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{r:g}", class_=f"dot {kind}")


def _word(text: str, x: float, y: float, anchor: str) -> Markup:
    return tag("text", escaped(text), x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)
