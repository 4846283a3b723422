"""Softmax, its loss and dz against mpmath at extreme z, and the properties that define it."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.maths import logistic, reference, softmax
from fastlogreg.maths.arrays import NONE

# Columns of z: equal, tied for the largest, far apart, beyond exp's range, and nearly nothing.
COLUMNS = (
    (0.0, 0.0, 0.0),
    (1.0, 2.0, 3.0),
    (5.0, 5.0, -40.0),
    (700.0, -700.0, 0.0),
    (745.0, 709.0, 36.9),
    (-745.1, 0.0, -708.4),
    (1e4, 1e4 - 30.0, -1e4),
    (1e20, -1e20, 1e3),
    (1e300, 0.0, -1e300),
    (-1e300, -1e300, -1e300),
    (1e-300, -1e-300, 0.0),
    (37.5, 0.0, 36.0),
)
DIGITS = 1e-15  # and one unit in the last place where the result is subnormal


def golden(z, y):
    """a (K,), L and dz (K,) of one example, each rounded once from 800 digits."""
    with mpmath.workdps(800):
        z = [mpmath.mpf(v) for v in z]
        largest = max(z)
        e = [mpmath.exp(v - largest) for v in z]
        total = mpmath.fsum(e)
        others = [v for k, v in enumerate(e) if k != y]
        loss = mpmath.log1p(mpmath.fsum(others) / e[y]) if e[y] > 0 else largest - z[y]
        a = [v / total for v in e]
        dz = [a[k] if k != y else -mpmath.fsum(others) / total for k in range(len(z))]
        return np.array(a, float), float(loss), np.array(dz, float)


def close(got, wanted):
    got, wanted = np.asarray(got, float), np.asarray(wanted, float)
    # z - largest is rounded once, which exp turns into an error of its size.
    exponent = np.log(np.maximum(np.abs(wanted), 1e-320))
    allowed = np.maximum(DIGITS * np.maximum(1.0, -exponent) * np.abs(wanted), 5e-324)
    return bool(np.all(np.abs(got - wanted) <= 2 * allowed))


@pytest.mark.parametrize("y", [0, 1, 2])
@pytest.mark.parametrize("z", COLUMNS, ids=str)
def test_golden_values(z, y):
    a, loss, dz = golden(z, y)
    Z, labels = np.array(z)[:, None], np.array([y], np.int32)
    assert close(flr.softmax(Z)[:, 0], a)
    assert close(softmax.losses(Z, labels), loss)
    found = softmax.terms(Z, labels, NONE)
    assert close(found.loss, loss)
    assert close(found.dZ[:, 0], dz)
    weighted = softmax.terms(Z, labels, np.array([3.0]))
    assert close(weighted.dZ[:, 0], 3.0 * dz)


@pytest.mark.parametrize("backend", ["fused", "loops", "numpy", "python"])
@pytest.mark.parametrize("y", [0, 1, 2])
def test_golden_costs_of_every_backend(backend, y):
    """b alone makes z: the cost is the loss, and db is dz."""
    for z in COLUMNS:
        _, loss, dz = golden(z, y)
        found = flr.propagate(
            np.zeros((1, 3)), np.array(z)[:, None], [[1.0]], [[y]], backend=backend
        )
        assert found.cost == pytest.approx(loss, rel=1e-13, abs=1e-323)
        # The literal loops subtract 1 from a, which leaves one rounding of 1.
        assert found.db[:, 0] == pytest.approx(dz, rel=1e-12, abs=3e-16)


def test_golden_values_that_are_known_by_heart():
    a, loss, dz = golden((0.0, 0.0, 0.0), 1)
    assert a == pytest.approx([1 / 3] * 3)
    assert loss == pytest.approx(np.log(3))
    assert dz == pytest.approx([1 / 3, -2 / 3, 1 / 3])
    assert golden((1e20, 0.0), 1)[1] == 1e20
    assert not close([0.5 + 1e-14], [0.5])


def test_a_loss_of_nearly_nothing_keeps_its_digits():
    """1 + e would have lost them."""
    Z, labels = np.array([[100.0], [0.0], [-5.0]]), np.array([0], np.int32)
    with mpmath.workdps(60):
        wanted = float(mpmath.exp(-100) + mpmath.exp(-105))
    loss, dZ = softmax.terms(Z, labels, NONE)
    assert loss == pytest.approx(wanted, rel=1e-13)
    assert dZ[0, 0] == pytest.approx(-wanted, rel=1e-13)


Zs = st.integers(2, 12).flatmap(
    lambda K: st.lists(
        st.lists(st.floats(-1e5, 1e5), min_size=K, max_size=K), min_size=1, max_size=4
    )
)


@given(Zs)
def test_the_probabilities_add_up_to_one(columns):
    A = flr.softmax(np.array(columns).T)
    assert np.all((A >= 0) & (A <= 1))
    np.testing.assert_allclose(A.sum(axis=0), 1.0, rtol=1e-14)


@given(Zs, st.integers(-(2**20), 2**20))
def test_what_is_added_to_every_score_changes_nothing(columns, c):
    Z = np.round(np.array(columns).T * 1024) / 1024  # so that adding c is exact
    np.testing.assert_array_equal(flr.softmax(Z + c), flr.softmax(Z))
    labels = np.zeros(Z.shape[1], np.int32)
    np.testing.assert_allclose(
        softmax.losses(Z + c, labels), softmax.losses(Z, labels), rtol=1e-13, atol=0
    )


@given(Zs, st.randoms())
def test_the_order_of_the_classes_does_not_matter(columns, random):
    Z = np.array(columns).T
    order = random.sample(range(len(Z)), len(Z))
    np.testing.assert_allclose(flr.softmax(Z[order]), flr.softmax(Z)[order], rtol=1e-13)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.sampled_from([0, 1]))
def test_two_classes_are_the_sigmoid(z_0, z_1, y):
    Z, labels = np.array([[z_0], [z_1]]), np.array([y], np.int32)
    z = z_1 - z_0
    np.testing.assert_allclose(flr.softmax(Z)[1, 0], flr.sigmoid(z), rtol=1e-14, atol=5e-324)
    np.testing.assert_allclose(
        softmax.losses(Z, labels)[0], logistic.loss(z, y), rtol=1e-14, atol=5e-324
    )
    dZ = softmax.terms(Z, labels, NONE).dZ
    np.testing.assert_allclose(dZ[1, 0], logistic.LOGISTIC.derivative(z, y), rtol=1e-14)
    np.testing.assert_allclose(dZ[0, 0], -dZ[1, 0], rtol=1e-14)


@given(Zs)
def test_dz_adds_up_to_zero(columns):
    Z = np.array(columns).T
    labels = np.arange(Z.shape[1], dtype=np.int32) % len(Z)
    dZ = softmax.terms(Z, labels, NONE).dZ
    np.testing.assert_allclose(dZ.sum(axis=0), 0.0, atol=1e-15)
    assert np.all(dZ[labels, np.arange(labels.size)] <= 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_stay_in_their_example(bad):
    Z = np.zeros((3, 2))
    Z[1, 1] = bad
    A = flr.softmax(Z)
    assert np.isnan(A[:, 1]).all()
    assert A[:, 0] == pytest.approx([1 / 3] * 3)
    assert np.isnan(softmax.losses(Z, np.array([0, 0], np.int32))[1])
    assert np.isnan(softmax.terms(Z, np.array([0, 1], np.int32), NONE).loss)


def test_a_score_of_minus_infinity_is_no_probability():
    assert flr.softmax([[-np.inf], [0.0], [0.0]])[:, 0].tolist() == [0.0, 0.5, 0.5]


def test_forward_is_the_lectures_formula():
    rng = np.random.default_rng(0)
    w, b, X = rng.normal(size=(4, 3)), rng.normal(size=(3, 1)), rng.normal(size=(4, 5))
    scale, shift = rng.normal(size=(4, 1)), rng.normal(size=(4, 1))
    wanted = w.T @ (scale * X + shift) + b
    np.testing.assert_allclose(softmax.forward(w, b, X, scale, shift), wanted, rtol=1e-12)
    one = softmax.forward(w[:, :1], b[:1], X, scale, shift)
    np.testing.assert_allclose(one, reference.forward(w[:, :1], b[0, 0], X, scale, shift))


@pytest.mark.parametrize(
    ("Z", "error", "text"),
    [
        ([1.0, 2.0], ValueError, r"Z must have shape \(K, m\).*\(2,\).*Z.reshape\(2, 1\)"),
        (3.0, ValueError, r"Z must have shape \(K, m\)"),
        (np.zeros((0, 2)), ValueError, r"got \(0, 2\)"),
        ([["a"]], TypeError, "Z must hold real numbers"),
    ],
)
def test_what_is_no_matrix_of_scores_is_refused(Z, error, text):
    with pytest.raises(error, match=text):
        flr.softmax(Z)
