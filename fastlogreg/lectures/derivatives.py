"""Derivatives by nudging, as the lectures show them: f(a), f(a + 0.001), and how many times as far
f went.

    f(a) = 3a     f(2) = 6      f(2.001) = 6.003     slope 3, the same everywhere
    f(a) = a^2    f(2) = 4      f(2.001) = 4.004     slope 2a = 4
    f(a) = a^3    f(2) = 8      f(2.001) = 8.012     slope 3a^2 = 12
    f(a) = ln a   f(2) = 0.693  f(2.001) = 0.69365   slope 1/a = 0.5

The slopes of a nudge are right to about eps; `fastlogreg.derivative` is right to ten digits and
more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..maths.derivatives import derivative, nudge


class Example(NamedTuple):
    """A function of the lectures beside its exact derivative."""

    formula: str
    f: Callable[[float], float]
    exact_formula: str
    exact: Callable[[float], float]


EXAMPLES = (
    Example("3a", lambda a: 3 * a, "3", lambda a: 3.0),
    Example("a^2", lambda a: a**2, "2a", lambda a: 2 * a),
    Example("a^3", lambda a: a**3, "3a^2", lambda a: 3 * a**2),
    Example("ln a", lambda a: float(np.log(a)), "1/a", lambda a: 1 / a),
)


class Row(NamedTuple):
    """One line of the lectures' table; slope is the nudge's, numeric is `derivative`'s."""

    formula: str
    a: float
    value: float
    nudged: float
    slope: float
    exact: float
    numeric: float


def rows(points: tuple[float, ...] = (2.0, 5.0), eps: float = 0.001) -> list[Row]:
    """Every example at every point."""
    return [
        Row(e.formula, a, *nudge(e.f, a, eps), exact=e.exact(a), numeric=derivative(e.f, a))
        for e in EXAMPLES
        for a in points
    ]


def table(points: tuple[float, ...] = (2.0, 5.0), eps: float = 0.001) -> str:
    """Return the lectures' table as text."""
    nudged = f"f(a + {eps:g})"
    head = f"{'f(a)':<6}{'a':>6}{'f(a)':>12}{nudged:>16}{'slope':>12}{'exact':>12}"
    head += f"{'derivative(f, a)':>20}"
    lines = (
        f"{r.formula:<6}{r.a:>6g}{r.value:>12.7g}{r.nudged:>16.9g}{r.slope:>12.7g}{r.exact:>12.7g}{r.numeric:>20.13g}"
        for r in rows(points, eps)
    )
    return "\n".join((head, *lines))
