"""Tails and quantiles of the normal and the chi-square distribution, to about 1e-13 relative.

    P(a, x) = sum of x^a e^-x x^k / Gamma(a + 1 + k)      the lower tail: a series, for x < a + 1
    Q(a, x) = 1 - P(a, x)                                 a continued fraction, for x >= a + 1

Their common factor x^a e^-x / Gamma(a + 1) is taken as Loader does (Fast and accurate computation
of binomial probabilities, 2000): of large a and x only the difference is exponentiated.
"""

from __future__ import annotations

import math

import numpy as np

from .arrays import Vector

MOST_TERMS, MOST_STEPS = 100_000, 200
ROUNDING = 1e-16  # of a sum: terms below it change nothing
LEAST = 1e-300  # in place of 0 as a denominator of the continued fraction
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)


def normal_tail(z: float) -> float:
    """Return the probability of a normal number farther from 0 than |z|: both tails."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def normal_tails(z: Vector) -> Vector:
    """Return both tails beyond each |z|; NaN stays NaN."""
    return np.array([normal_tail(float(value)) for value in z])


def normal_quantile(p: float) -> float:
    """Return the z below which a normal number lies with probability p, 0 < p < 1.

    It is Wichura's algorithm AS 241, which Python's own statistics have.
    """
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)


def chi2_tail(x: float, df: float) -> float:
    """Return the probability of a chi-square number of df > 0 degrees of freedom above x."""
    return _tails(0.5 * df, 0.5 * x)[1]


def chi2_quantile(p: float, df: float) -> float:
    """Return the x below which a chi-square number of df > 0 degrees of freedom lies with
    probability p, 0 < p < 1.

    Newton's method on the logarithm of the smaller tail, inside a bracket, in log x.
    """
    if not 0.0 < p < 1.0:
        raise ValueError(f"p must be above 0 and below 1; got {p!r}")
    a, upper = 0.5 * df, p > 0.5
    aim = math.log(1.0 - p if upper else p)
    low, high = -math.inf, math.inf
    # Wilson & Hilferty's cube, or the first term of the series where the cube is no use.
    cube = 1.0 - 2.0 / (9.0 * df) + normal_quantile(p) * math.sqrt(2.0 / (9.0 * df))
    first = (math.log(p) + math.lgamma(a + 1.0)) / a
    u = math.log(a * cube**3) if cube > 0.3 else first
    for _ in range(MOST_STEPS):
        x = math.exp(u)
        tail = _tails(a, x)[upper]
        difference = (math.log(tail) if tail > 0.0 else -math.inf) - aim
        if (difference > 0.0) == upper:
            low = u
        else:
            high = u
        slope = a * math.exp(_log_factor(a, x)) / tail if tail > 0.0 else 0.0  # x f(x) / tail
        step = difference / slope if slope > 0.0 and math.isfinite(difference) else math.inf
        new = u + step if upper else u - step
        if not low < new < high:
            if difference == 0.0 or abs(step) <= 4e-16 * max(1.0, abs(u)):
                break
            ends = math.isfinite(low), math.isfinite(high)
            new = 0.5 * (low + high) if all(ends) else (u + 1.0 if ends[0] else u - 1.0)
        if abs(new - u) <= 1e-16 * abs(u):
            break
        u = new
    return 2.0 * math.exp(u)


def _tails(a: float, x: float) -> tuple[float, float]:
    """Return P(a, x) and Q(a, x)."""
    if math.isnan(x) or math.isnan(a):
        return math.nan, math.nan
    if x <= 0.0:
        return 0.0, 1.0
    if math.isinf(x):
        return 1.0, 0.0
    factor = math.exp(_log_factor(a, x))
    if x < a + 1.0:
        term = total = 1.0
        for k in range(1, MOST_TERMS):
            term *= x / (a + k)
            total += term
            if term <= ROUNDING * total:
                break
        lower = factor * total
        return lower, 1.0 - lower
    # Lentz's method, with the fraction in its even form (Abramowitz & Stegun 6.5.31).
    b = x + 1.0 - a
    c, d = 1.0 / LEAST, 1.0 / b
    fraction = d
    for k in range(1, MOST_TERMS):
        numerator = -k * (k - a)
        b += 2.0
        d, c = numerator * d + b, b + numerator / c
        d, c = 1.0 / (d if abs(d) > LEAST else LEAST), c if abs(c) > LEAST else LEAST
        fraction *= c * d
        if abs(c * d - 1.0) <= 2.0 * ROUNDING:
            break
    upper = factor * a * fraction
    return 1.0 - upper, upper


def _log_factor(a: float, x: float) -> float:
    """Return log(x^a e^-x / Gamma(a + 1))."""
    if a < 10.0:
        return a * math.log(x) - x - math.lgamma(a + 1.0)
    square = 1.0 / (a * a)
    correction = 0.0
    for coefficient in reversed(STIRLING):
        correction = correction * square + coefficient
    e = (x - a) / a
    # a (log(1 + e) - e) without cancellation where e is small.
    if abs(e) < 0.1:
        v = e / (2.0 + e)
        series, term, k = 0.0, 2.0 * v**3, 3
        while abs(term) > 1e-18 * v * v:
            series += term / k
            term, k = term * v * v, k + 2
        difference = -v * e + series
    else:
        difference = math.log1p(e) - e
    return a * difference - correction / a - 0.5 * math.log(2.0 * math.pi * a)
