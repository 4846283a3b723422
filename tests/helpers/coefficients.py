"""Make the polynomials of `fastlogreg.kernels.loss` anew: minimax, by Remez' exchange.

    exp(r)   = 1 + r + r^2 P(r),        |r| <= ln 2 / 2,       P of degree 10    EXP
    atanh(s) = s + s^3 Q(s^2),          0 <= s <= 1/3,         Q of degree 8     LOG

P makes the largest absolute error of exp(r) as small as can be, Q the largest relative error of
atanh(s). The exchange runs in 60 digits; the coefficients are then rounded to float64, highest
power first. `python -m tests.helpers.coefficients` prints both tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import atanh, cos, exp, lu_solve, matrix, mp, mpf, pi
from mpmath import log as logarithm

Function = Callable[[Any], Any]
DIGITS, GRID = 60, 600


def horner(coefficients: Sequence[Any], x: Any) -> Any:
    """Return the polynomial's value; highest power first."""
    value = mpf(0)
    for coefficient in coefficients:
        value = value * x + coefficient
    return value


def nodes(low: Any, high: Any, count: int) -> list[Any]:
    """Return Chebyshev's nodes on [low, high], none of them at an end."""
    middle, reach = (low + high) / 2, (high - low) / 2
    return [middle - reach * cos(pi * (k + mpf(1) / 2) / count) for k in range(count)]


def remez(f: Function, weight: Function, low: Any, high: Any, degree: int) -> tuple[list[Any], Any]:
    """Return the coefficients, highest power first, of the polynomial p that makes the largest
    |weight (f - p)| on [low, high] least, and that error."""
    count = degree + 2
    points = nodes(low, high, count)
    for _ in range(30):
        system, right = matrix(count, count), matrix(count, 1)
        for i, x in enumerate(points):
            for j in range(degree + 1):
                system[i, j] = x ** (degree - j)
            system[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solved = list(lu_solve(system, right))
        found, level = solved[:-1], abs(solved[-1])

        def error(x: Any, found: list[Any] = found) -> Any:
            return weight(x) * (f(x) - horner(found, x))

        points = extremes(error, low, high, count)
        largest = max(abs(error(x)) for x in points)
        if largest <= level * (1 + mpf(10) ** -8):
            break
    return found, largest


def extremes(error: Function, low: Any, high: Any, count: int) -> list[Any]:
    """Return `count` points where the error is largest between two changes of its sign."""
    grid = nodes(low, high, GRID)
    values = [error(x) for x in grid]
    runs: list[list[int]] = [[0]]
    for k in range(1, GRID):
        if values[k] * values[k - 1] < 0:
            runs.append([])
        runs[-1].append(k)
    peaks = [max(run, key=lambda k: abs(values[k])) for run in runs]
    while len(peaks) > count:  # drop the smaller end
        peaks.pop(0 if abs(values[peaks[0]]) < abs(values[peaks[-1]]) else -1)
    assert len(peaks) == count, f"{len(peaks)} alternations, not {count}: not a minimax yet"
    return [refined(error, grid, k, low, high) for k in peaks]


def refined(error: Function, grid: list[Any], k: int, low: Any, high: Any) -> Any:
    """Return the peak near grid[k] by the parabola through three points."""
    a, b, c = (grid[k - 1] if k else low), grid[k], (grid[k + 1] if k + 1 < len(grid) else high)
    for _ in range(4):
        fa, fb, fc = (abs(error(x)) for x in (a, b, c))
        below = (b - a) * (fb - fc) - (b - c) * (fb - fa)
        if fa >= fb or fc >= fb or below == 0:
            return max((a, b, c), key=lambda x: abs(error(x)))
        top = b - ((b - a) ** 2 * (fb - fc) - (b - c) ** 2 * (fb - fa)) / (2 * below)
        if not a < top < c or abs(error(top)) < fb:
            break
        a, b, c = (b, top, c) if top > b else (a, top, b)
    return b


def exp_tail(r: Any) -> Any:
    """Return (exp(r) - 1 - r) / r^2."""
    if abs(r) < mpf(10) ** -12:
        return mpf(1) / 2 + r / 6 + r * r / 24
    return (exp(r) - 1 - r) / (r * r)


def atanh_tail(q: Any) -> Any:
    """Return (atanh(s) / s - 1) / s^2 for q = s^2."""
    if q < mpf(10) ** -12:
        return mpf(1) / 3 + q / 5 + q * q / 7
    s = mp.sqrt(q)
    return (atanh(s) / s - 1) / q


def exp_coefficients() -> tuple[list[Any], Any]:
    """Return EXP in 60 digits and the largest absolute error of exp(r)."""
    with mp.workdps(DIGITS):
        half = logarithm(2) / 2
        return remez(exp_tail, lambda r: r * r, -half, half, 10)


def log_coefficients() -> tuple[list[Any], Any]:
    """Return LOG in 60 digits and the largest relative error of atanh(s)."""
    with mp.workdps(DIGITS):
        return remez(atanh_tail, lambda q: q / (1 + q * atanh_tail(q)), mpf(0), mpf(1) / 9, 8)


def exp_error(coefficients: Sequence[Any]) -> Any:
    """Return the largest absolute error of exp(r) by these coefficients, were there no rounding."""
    with mp.workdps(DIGITS):
        half = logarithm(2) / 2
        grid = nodes(-half, half, 2 * GRID)
        return max(abs(r * r * (exp_tail(r) - horner(coefficients, r))) for r in grid)


def log_error(coefficients: Sequence[Any]) -> Any:
    """Return the largest relative error of atanh(s) by these coefficients, were there no
    rounding."""
    with mp.workdps(DIGITS):
        errors = []
        for q in nodes(mpf(0), mpf(1) / 9, 2 * GRID):
            tail = atanh_tail(q)
            errors.append(abs(q * (tail - horner(coefficients, q)) / (1 + q * tail)))
        return max(errors)


if __name__ == "__main__":
    for name, (found, error) in (("EXP", exp_coefficients()), ("LOG", log_coefficients())):
        print(f"{name} = (  # largest error {mp.nstr(error, 3)}")
        for coefficient in found:
            print(f"    {float(coefficient)!r},")
        print(")")
