"""sigmoid, loss and dz to 1e-15, one ulp where the result is subnormal, against mpmath, wherever
they are computed."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.kernels import loss as kernel_link
from fastlogreg.maths import logistic
from tests.helpers.comparison import ON_CPU

SIZES = (1e-300, 1.0, 36.9, 37.5, 232.8, 709.0, 745.0, 1e3, 1e20)
FINITE = (0.0, *SIZES, *(-size for size in SIZES))
GOLDEN = (*FINITE, math.inf, -math.inf)
SWEEP = np.concatenate(
    [np.random.default_rng(0).uniform(-750, 750, 300), np.geomspace(1e-18, 750, 200)]
).tolist()
BACKENDS_WITHOUT_CANCELLATION = ("fused", "numpy")  # the literal loops subtract a - y


def golden(z):
    """sigmoid(z), loss for y = 0, 1 and dz for y = 0, 1, each rounded once from 400 digits."""
    if math.isnan(z):
        return (math.nan,) * 5
    if math.isinf(z):
        up = z > 0
        return (1.0, math.inf, 0.0, 1.0, 0.0) if up else (0.0, 0.0, math.inf, 0.0, -1.0)
    with mpmath.workdps(400):
        e = mpmath.exp(-abs(mpmath.mpf(z)))
        high, low = 1 / (1 + e), e / (1 + e)
        small = mpmath.log1p(e)
        large = small + abs(mpmath.mpf(z))
        a, rest = (high, low) if z >= 0 else (low, high)
        losses = (large, small) if z >= 0 else (small, large)
        return tuple(float(value) for value in (a, *losses, a, -rest))


def assert_close(got, wanted, what):
    for one, other in np.broadcast(np.asarray(got, float), np.asarray(wanted, float)):
        if math.isnan(other) or math.isinf(other):
            good = one == other or (math.isnan(one) and math.isnan(other))
        elif abs(other) < np.finfo(float).tiny:
            good = abs(one - other) <= 5e-324
        else:
            good = abs(one - other) <= 1e-15 * abs(other)
        assert good, f"{what}: {one!r} is not {other!r}"


def link(z, y, size):
    """loss and dz by the kernel's link, over `size` copies: whole vectors and the rest, in part of
    one."""
    dz = np.zeros(size)
    J = kernel_link.link(np.full(size, z), np.full(size, y, np.uint8), np.empty(0), False, dz)[0]
    return J / size, dz


def losses_and_dzs(z, y):
    """loss, dz and da/dz of each z by the kernel that a Hessian is made from, the losses one by
    one."""
    z, y = np.array(z, float), np.full(len(z), y, np.uint8)
    dz, slopes = np.empty(z.size), np.empty(z.size)
    kernel_link.link_with_slopes(z, y, np.empty(0), dz, slopes)
    losses = [
        kernel_link.link_with_slopes(z[i : i + 1], y[:1], np.empty(0), *np.empty((2, 1)))
        for i in range(z.size)
    ]
    return np.array(losses), dz, slopes


def test_golden_values_that_are_known_by_heart():
    assert golden(0.0) == (0.5, math.log(2), math.log(2), 0.5, -0.5)
    assert golden(1.0)[0] == 0.7310585786300049
    assert golden(1e20)[1:] == (1e20, 0.0, 1.0, 0.0)


@pytest.mark.parametrize("z", [*GOLDEN, math.nan])
def test_sigmoid(z):
    assert_close(logistic.sigmoid(z), golden(z)[0], "reference.sigmoid")
    assert_close(flr.sigmoid(z), golden(z)[0], "sigmoid")
    assert type(flr.sigmoid(z)) is float


def test_sigmoid_of_arrays():
    z = np.array([[-1, 0, 1]])
    assert_close(flr.sigmoid(z), [[golden(v)[0] for v in (-1.0, 0.0, 1.0)]], "sigmoid")
    assert flr.sigmoid(z).shape == (1, 3)
    assert flr.sigmoid([0.0]).tolist() == [0.5]
    assert flr.sigmoid(np.array([1e9], np.float32)).tolist() == [1.0]


@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("z", [*GOLDEN, math.nan])
def test_loss_and_dz(z, y):
    wanted = golden(z)
    assert_close(logistic.loss(z, y), wanted[1 + y], "reference.loss")
    for size in (1, 64, 67):
        loss, dz = link(z, y, size)
        if size == 1:
            assert_close(loss, wanted[1 + y], "link's loss")
        assert loss == pytest.approx(
            wanted[1 + y], rel=1e-14, abs=5e-324, nan_ok=True
        )  # a sum of 64
        assert_close(dz, wanted[3 + y], "link's dz")


def test_loss_dz_and_slope_between_the_golden_values():
    """Over all of exp's and log1p's ranges, also where exp is subnormal: for z far below 0, dz of y
    = 0 is exp(z)."""
    zs = [*SWEEP, *(-z for z in SWEEP), -745.0, -745.2, -750.0, -708.3, -708.4]
    found = [losses_and_dzs(zs, y) for y in (0, 1)]
    for i, z in enumerate(zs):
        wanted = golden(z)
        with mpmath.workdps(400):
            a = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
            slope = float(a * (1 - a))
        for y, (losses, dzs, slopes) in enumerate(found):
            assert_close(logistic.loss(z, y), wanted[1 + y], f"reference.loss at {z}")
            assert_close((losses[i], dzs[i]), (wanted[1 + y], wanted[3 + y]), f"loss and dz at {z}")
            assert_close(slopes[i], slope, f"da/dz at {z}")
        assert_close(logistic.sigmoid(z), wanted[0], f"sigmoid at {z}")


def test_nan_stays_nan_in_its_own_lane():
    losses, dzs, slopes = losses_and_dzs([0.0, math.nan, 1.0], 1)
    assert np.isnan([losses[1], dzs[1], slopes[1]]).all()
    assert np.isfinite([*losses[::2], *dzs[::2], *slopes[::2]]).all()


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize("z", FINITE)
def test_cost_of_one_example_in_every_backend(z, backend):
    wanted = golden(z)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for y in (0, 1):
            result = flr.propagate(
                np.array([[z]]), 0.0, np.ones((1, 1)), np.array([[y]]), backend=backend
            )
            assert_close(result.cost, wanted[1 + y], "cost")
            if backend in BACKENDS_WITHOUT_CANCELLATION:
                assert_close((result.dw[0, 0], result.db), (wanted[3 + y],) * 2, "dw, db")
            else:
                assert result.db == pytest.approx(wanted[3 + y], rel=1e-15, abs=1.2e-16)


@pytest.mark.parametrize("z", FINITE)
def test_predict_proba(z):
    assert_close(
        flr.predict_proba(np.array([[z]]), 0.0, np.ones((1, 3))), golden(z)[0], "predict_proba"
    )


def test_the_check_notices_a_few_ulp():
    with pytest.raises(AssertionError, match=r"sum: .*1\.0000000000000013"):
        assert_close(1.0 + 6 * 2.0**-52, 1.0, "sum")
    with pytest.raises(AssertionError, match="tiny"):
        assert_close(1.5e-323, 5e-324, "tiny")
    with pytest.raises(AssertionError, match="lost"):
        assert_close(1e300, math.nan, "lost")
