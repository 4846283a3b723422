"""Tails and quantiles agree with mpmath to 1e-12 of their value."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlogreg.maths.distributions import (
    chi2_quantile,
    chi2_tail,
    normal_quantile,
    normal_tail,
    normal_tails,
)

DEGREES = [1, 2, 3, 4, 7, 10, 19, 20, 21, 40, 101, 1000, 20000]


def exact_tail(x, df):
    with mpmath.workdps(50):
        return float(mpmath.gammainc(mpmath.mpf(df) / 2, mpmath.mpf(x) / 2, regularized=True))


@pytest.mark.parametrize("z", [0.0, 1e-9, 0.1, 0.7, 1.0, 1.96, -2.5, 4.0, -8.0, 15.0, 30.0, 37.0])
def test_both_tails_of_the_normal_distribution(z):
    with mpmath.workdps(40):
        exact = float(mpmath.erfc(abs(mpmath.mpf(z)) / mpmath.sqrt(2)))
    assert normal_tail(z) == pytest.approx(exact, rel=1e-12, abs=0)
    assert normal_tails(np.array([z, np.nan]))[0] == normal_tail(z)
    assert math.isnan(normal_tails(np.array([np.nan]))[0])


@pytest.mark.parametrize("p", [1e-300, 1e-20, 1e-5, 0.01, 0.025, 0.3, 0.5, 0.6, 0.975, 0.9995])
def test_quantiles_of_the_normal_distribution(p):
    z = normal_quantile(p)
    with mpmath.workdps(40):
        exact = mpmath.findroot(lambda t: mpmath.ncdf(t) / mpmath.mpf(p) - 1, mpmath.mpf(z))
    assert z == pytest.approx(float(exact), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("ratio", [1e-8, 0.01, 0.5, 0.9, 0.99, 1.0, 1.03, 1.1, 1.5, 3.0])
def test_the_upper_tail_of_chi_square(df, ratio):
    x = df * ratio
    exact = exact_tail(x, df)
    if exact > 1e-300:
        assert chi2_tail(x, df) == pytest.approx(exact, rel=1e-12, abs=0)


def test_far_tails_and_ends():
    for x in (50.0, 300.0, 1300.0):
        for df in (1, 2, 5, 30):
            assert chi2_tail(x, df) == pytest.approx(exact_tail(x, df), rel=1e-12, abs=0)
    assert chi2_tail(0.0, 3) == chi2_tail(-1.0, 3) == 1.0
    assert chi2_tail(math.inf, 3) == 0.0
    assert math.isnan(chi2_tail(math.nan, 3))


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("p", [1e-10, 0.001, 0.05, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 0.99999])
def test_quantiles_of_chi_square(df, p):
    x = chi2_quantile(p, df)
    # The error of x follows from what is left of the tail, over the density.
    with mpmath.workdps(50):
        a, t, q = mpmath.mpf(df) / 2, mpmath.mpf(x) / 2, mpmath.mpf(p)
        below = mpmath.gammainc(a, 0, t, regularized=True)
        density = mpmath.exp((a - 1) * mpmath.log(t) - t - mpmath.loggamma(a))
        error = abs(float((below - q) / density / t))
    assert error < 1e-12


def test_known_quantiles():
    assert chi2_quantile(0.95, 1) == pytest.approx(normal_quantile(0.975) ** 2, rel=1e-13)
    assert chi2_quantile(0.95, 2) == pytest.approx(-2.0 * math.log(0.05), rel=1e-13)
    for p in (0.0, 1.0, -0.1, math.nan):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            chi2_quantile(p, 1)


@given(st.floats(1e-12, 1.0 - 1e-12), st.integers(1, 300))
def test_a_quantile_is_where_its_tail_is(p, df):
    assert chi2_tail(chi2_quantile(p, df), df) == pytest.approx(1.0 - p, rel=1e-9, abs=1e-11)
