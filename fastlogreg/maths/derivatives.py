"""Derivatives from values of f alone: the lectures' nudge, and one that is good to ten digits.

    nudge       slope = (f(a + eps) - f(a)) / eps                                 error about eps
                f''/2
    derivative  D(h) = (f(a + h) - f(a - h)) / 2h = f' + c_2 h^2 + c_4 h^4 + ...  (Richardson,
                Ridders)

One D(h) cannot be good: a large h cuts off the series, a small h subtracts nearly equal numbers.
Ridders' table starts with a large h, shrinks it, and cancels h^2, h^4, ... between rows: column j
of row i is

    T[i, j] = (r^j T[i, j-1] - T[i-1, j-1]) / (r^j - 1),    r = (h_{i-1} / h_i)^2 = 2

so h need never be small. The entry that agrees best with its two parents wins; that disagreement is
its error estimate.

Source: C. J. F. Ridders, Accurate computation of F'(x) and F'(x) F''(x), Advances in Engineering
Software 4 (1982). NumPy only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_ROWS = 16  # h shrinks by sqrt(2) from row to row, 180-fold in all
_ENOUGH = 1e-13  # relative disagreement at which no further values of f are asked for


class Nudge(NamedTuple):
    """Hold f(a), f(a + eps), and the slope: height / width of the lectures' little triangle.

    Attributes
    ----------
    value, nudged : float
        f(a) and f(a + eps).
    slope : float
        (nudged - value) / eps.
    """

    value: float
    nudged: float
    slope: float


def nudge(f: Callable[[float], Any], a: float, eps: float = 0.001) -> Nudge:
    """Nudge a to the right by eps and see how far f moves.

    Parameters
    ----------
    f : callable
        A function of one number.
    a : float
        Where.
    eps : float, default=0.001
        How far; it may be negative.

    Returns
    -------
    Nudge
        f(a), f(a + eps), and the slope between them.

    Raises
    ------
    ValueError
        Where f is not defined at a or at a + eps, or where eps is zero, not finite, or lost in the
        rounding of a.

    References
    ----------
    Lecture "Derivatives".

    Examples
    --------
    >>> import fastlogreg as flr
    >>> value, nudged, slope = flr.nudge(lambda a: 3 * a, 2.0)
    >>> value, round(nudged, 9), round(slope, 9)
    (6.0, 6.003, 3.0)
    """
    a, eps = _real(a, "a"), _real(eps, "eps")
    if a + eps == a:
        raise ValueError(f"eps must move a, and {a!r} + {eps!r} is {a!r} again: use a larger eps")
    value, nudged = _value(f, a), _value(f, a + eps)
    return Nudge(value, nudged, (nudged - value) / eps)


def derivative(f: Callable[[float], Any], a: float) -> float:
    """Compute f'(a) from 10 to 96 values of f.

    It is right to ten digits or more where f is smooth on a scale of max(1, |a|) / 1000.

    Parameters
    ----------
    f : callable
        A function of one number.
    a : float
        Where.

    Returns
    -------
    float
        f'(a).

    Raises
    ------
    ValueError
        Where f is not defined at a or close to it on both sides.

    References
    ----------
    C. J. F. Ridders, Accurate computation of F'(x) and F'(x) F''(x), Advances in Engineering
    Software 4
    (1982).

    Examples
    --------
    >>> import fastlogreg as flr
    >>> round(flr.derivative(lambda a: a**3, 5.0), 9)
    75.0
    """
    a = _real(a, "a")
    _value(f, a)
    scale = max(1.0, abs(a))
    answer, error = math.nan, math.inf
    # The smaller first steps are for an f that is not smooth, or not defined, as far out as the
    # larger one.
    for h in (scale / 2, scale / 128, abs(a) / 2):
        for value, err in _ridders(f, a, h):
            if err < error:
                answer, error = value, err
        if error <= _ENOUGH * abs(answer):
            break
    if not math.isfinite(answer):
        raise ValueError(
            f"f must be defined on both sides of a = {a!r}: it is not finite at any step tried "
            "there; "
            "move a away from the edge of where f is defined, or use nudge(f, a, eps) towards "
            "the defined side"
        )
    return answer


def partial(f: Callable[[NDArray[np.float64]], Any], x: Any, j: Any) -> float:
    """Compute d f / d x_j at x, an array of any shape.

    j is an index into x. f is called with float64 copies of x.
    """
    x = np.array(x, dtype=np.float64)
    a = float(x[j])

    def along(t: float) -> Any:
        moved = x.copy()
        moved[j] = t
        return f(moved)

    return derivative(along, a)


def directional(f: Callable[[NDArray[np.float64]], Any], x: Any, v: Any) -> float:
    """Compute d f(x + t v) / dt at t = 0: gradient . v, for x and v of one shape."""
    x, v = np.array(x, dtype=np.float64), np.array(v, dtype=np.float64)
    if x.shape != v.shape:
        raise ValueError(f"v must have the shape of x, {x.shape}, and has {v.shape}")
    return derivative(lambda t: f(x + t * v), 0.0)


def _ridders(f: Callable[[float], Any], a: float, h: float) -> list[tuple[float, float]]:
    """Return (entry, its error) for every entry of one table.

    The error is its disagreement with its parents, or what the rounding of f brings into D(h),
    where that is more. Rows with a non-finite D(h) restart the table.
    """
    found: list[tuple[float, float]] = []
    above: list[float] = []
    for _ in range(_ROWS):
        right, left = a + h, a - h  # as stored: the true distance is right - left, not 2h
        if right == left:
            break
        ahead, behind = _quiet(f, right), _quiet(f, left)
        row = [(ahead - behind) / (right - left)]
        rounding = 2.0**-52 * max(abs(ahead), abs(behind)) / (right - left)
        for j in range(1, len(above) + 1):
            row.append(row[j - 1] + (row[j - 1] - above[j - 1]) / (2.0**j - 1.0))
            err = max(abs(row[j] - row[j - 1]), abs(row[j] - above[j - 1]))
            found.append((row[j], max(err, rounding)))
            if err <= _ENOUGH * abs(row[j]) and j > 2:
                return found
        above = row if math.isfinite(row[0]) else []
        h /= math.sqrt(2.0)
    return found


def _quiet(f: Callable[[float], Any], a: float) -> float:
    """f(a), or NaN where f is not defined or not finite: the table steps over such points."""
    try:
        with np.errstate(all="ignore"):
            value = float(np.reshape(f(np.float64(a)), ()))
    except (ValueError, ArithmeticError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def _value(f: Callable[[float], Any], a: float) -> float:
    """f(a), or the error that says f is not defined there."""
    cause = None
    try:
        with np.errstate(all="ignore"):
            result = f(
                np.float64(a)
            )  # not a float, whose powers turn complex and which raises where NumPy says inf
    except (ValueError, ArithmeticError) as error:
        result, cause = math.nan, error
    if np.size(result) != 1:
        raise TypeError(f"f must return one real number, and f({a!r}) has shape {np.shape(result)}")
    value = float(np.reshape(result, ()))
    if not math.isfinite(value):
        said = f"f({a!r}) raised {cause!r}" if cause else f"f({a!r}) = {value}"
        raise ValueError(
            f"f is not defined at {a!r} ({said}): choose a point where f is finite"
        ) from cause
    return value


def _real(x: Any, name: str) -> float:
    try:
        value = float(x)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a real number, and is {x!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, and is {value}")
    return value
