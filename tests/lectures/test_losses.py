"""The two losses of the lectures: cross-entropy is convex, the squared error is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlogreg.lectures.losses import cost_surface, cross_entropy, squared_error
from fastlogreg.maths import reference

X = np.array([[-3.0, -2.0, -1.2, -0.5, 0.3, 0.2, 1.0, 1.6, 2.4, 3.1]])
Y = np.array([[0, 0, 0, 1, 0, 1, 0, 1, 1, 1]])


def bend(loss, start, end):
    """J(middle) - (J(start) + J(end)) / 2 of a segment in the plane of (w, b): above 0 only if J is
    not convex."""
    (w0, b0), (w1, b1) = start, end
    J = [
        cost_surface(loss, X, Y, [w], [b])[0, 0]
        for w, b in ((w0, b0), (w1, b1), ((w0 + w1) / 2, (b0 + b1) / 2))
    ]
    return J[2] - (J[0] + J[1]) / 2


places = st.tuples(st.floats(-20, 20), st.floats(-20, 20))


@given(start=places, end=places)
def test_cross_entropy_is_convex(start, end):
    assert bend(cross_entropy, start, end) <= 1e-12


def test_squared_error_is_not_convex():
    assert bend(squared_error, (-10, 0), (0, 0)) > 0.09


def test_values_of_the_lectures_formulas():
    z = np.linspace(-5, 5, 11)
    a = 1 / (1 + np.exp(-z))
    for y in (0, 1):
        np.testing.assert_allclose(
            cross_entropy(z, y), -(y * np.log(a) + (1 - y) * np.log(1 - a)), rtol=1e-13
        )
        np.testing.assert_allclose(squared_error(z, y), 0.5 * (a - y) ** 2, rtol=1e-13)


def test_squared_error_does_not_correct_a_confident_mistake():
    slope = {
        loss: (loss(-20 + 1e-6, 1) - loss(-20 - 1e-6, 1)) / 2e-6
        for loss in (cross_entropy, squared_error)
    }
    assert slope[cross_entropy] == pytest.approx(-1, abs=1e-6)
    assert abs(slope[squared_error]) < 1e-8


def test_cost_surface_is_the_cost():
    J = cost_surface(cross_entropy, X, Y, [0.5, 2.0], [-1.0, 0.0, 3.0])
    assert J.shape == (3, 2)
    for i, b in enumerate((-1.0, 0.0, 3.0)):
        for j, w in enumerate((0.5, 2.0)):
            assert J[i, j] == pytest.approx(reference.cost(np.array([[w]]), b, X, Y), rel=1e-14)
