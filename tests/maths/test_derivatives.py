"""Nudges as the lectures show them, and derivatives good to ten digits, against mpmath and closed
forms."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.lectures import derivatives
from fastlogreg.maths import logistic
from fastlogreg.maths.derivatives import directional, partial


def test_the_lectures_first_nudge():
    """f(a) = 3a: f(2) = 6, f(2.001) = 6.003, slope 3."""
    value, nudged, slope = flr.nudge(lambda a: 3 * a, 2)
    assert (value, nudged) == (6.0, pytest.approx(6.003, abs=1e-12))
    assert slope == pytest.approx(3, abs=1e-9)


@pytest.mark.parametrize(
    ("formula", "a", "nudged", "slope"),
    [
        ("3a", 5, 15.003, 3),
        ("a^2", 2, 4.004, 4),
        ("a^2", 5, 25.010, 10),
        ("a^3", 2, 8.012, 12),
        ("ln a", 2, 0.69364, 0.5),
    ],
)
def test_the_lectures_table(formula, a, nudged, slope):
    (row,) = [row for row in derivatives.rows() if (row.formula, row.a) == (formula, a)]
    assert row.nudged == pytest.approx(nudged, abs=2e-5)
    assert row.slope == pytest.approx(slope, abs=0.02)  # a nudge is right to about eps f''/2
    assert row.exact == pytest.approx(slope, rel=1e-15)
    assert row.numeric == pytest.approx(row.exact, rel=1e-12)


def test_the_table_as_text():
    lines = derivatives.table().splitlines()
    assert len(lines) == 1 + 2 * len(derivatives.EXAMPLES)
    assert lines[0].split() == [
        "f(a)",
        "a",
        "f(a)",
        "f(a",
        "+",
        "0.001)",
        "slope",
        "exact",
        "derivative(f,",
        "a)",
    ]
    assert lines[1].split() == ["3a", "2", "6", "6.003", "3", "3", "3"]
    assert len({len(line) for line in lines}) == 1


FUNCTIONS = {
    "exp": (math.exp, mpmath.exp),
    "a^3": (lambda a: a**3, lambda a: a**3),
    "sin 20a": (lambda a: math.sin(20 * a), lambda a: mpmath.sin(20 * a)),
    "1/(1+a^2)": (lambda a: 1 / (1 + a * a), lambda a: 1 / (1 + a * a)),
    "sigmoid": (lambda a: float(logistic.sigmoid(a)), lambda a: 1 / (1 + mpmath.exp(-a))),
    "log(1+exp(30a))": (
        lambda a: float(logistic.loss(30 * a, 0)),
        lambda a: mpmath.log(1 + mpmath.exp(30 * a)),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(deadline=None, max_examples=40)
@given(a=st.floats(-5, 5))
def test_derivative_to_ten_digits(name, a):
    f, oracle = FUNCTIONS[name]
    with mpmath.workdps(50):
        exact = float(mpmath.diff(oracle, mpmath.mpf(a)))
    assert flr.derivative(f, a) == pytest.approx(exact, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("a", [1e-8, 1e-3, 0.1, 1.0, 1e5])
def test_derivative_near_the_edge_of_where_f_is_defined(a):
    assert flr.derivative(math.log, a) == pytest.approx(1 / a, rel=1e-10)
    assert flr.derivative(np.sqrt, a) == pytest.approx(0.5 / math.sqrt(a), rel=1e-10)


def test_derivative_asks_for_few_values():
    asked = []
    flr.derivative(lambda a: asked.append(a) or math.exp(a), 1.0)
    assert len(asked) <= 20


def test_derivative_of_a_constant():
    assert flr.derivative(lambda a: 7, 3) == 0.0


def test_partial_and_directional_are_the_gradient():
    A = np.array([[2.0, 0.5], [0.5, 3.0]])
    x, v = np.array([[1.0], [-2.0]]), np.array([[0.3], [0.7]])

    def f(x):
        return float(x.T @ A @ x) if x.shape == (1, 1) else (x.T @ A @ x).item()

    gradient = 2 * A @ x
    for j in range(2):
        assert partial(f, x, (j, 0)) == pytest.approx(gradient[j, 0], rel=1e-12)
    assert directional(f, x, v) == pytest.approx((gradient.T @ v).item(), rel=1e-12)
    np.testing.assert_array_equal(x, [[1.0], [-2.0]])  # f got copies
    with pytest.raises(ValueError, match=r"v must have the shape of x, \(2, 1\)"):
        directional(f, x, v.T)


def test_a_wrong_derivative_is_noticed():
    with pytest.raises(AssertionError):
        assert flr.derivative(math.exp, 1.0) == pytest.approx(math.e * (1 + 1e-9), rel=1e-10)


@pytest.mark.parametrize(
    ("f", "a", "text"),
    [
        (
            math.log,
            -1.0,
            r"f is not defined at -1.0 \(f\(-1.0\) raised ValueError.*"
            r"choose a point where f is finite",
        ),
        (np.log, -1.0, r"f is not defined at -1.0 \(f\(-1.0\) = nan\)"),
        (lambda a: 1 / a, 0.0, r"f is not defined at 0.0 \(f\(0.0\) = inf\)"),
        (math.log, math.inf, "a must be finite"),
    ],
)
@pytest.mark.parametrize("how", [flr.nudge, flr.derivative])
def test_where_f_is_not_defined(how, f, a, text):
    with pytest.raises(ValueError, match=text):
        how(f, a)


def test_where_f_is_defined_on_one_side_only():
    with pytest.raises(ValueError, match=r"both sides of a = 0.0.*nudge"):
        flr.derivative(math.sqrt, 0)
    assert flr.nudge(math.sqrt, 0, eps=1e-4).slope == pytest.approx(100)
    with pytest.raises(ValueError, match=r"f is not defined at 1.5"):
        flr.nudge(lambda a: math.sqrt(1 - a), 1, eps=0.5)


def test_arguments_that_are_no_numbers():
    with pytest.raises(TypeError, match="a must be a real number, and is 'two'"):
        flr.derivative(math.exp, "two")
    with pytest.raises(
        TypeError, match=r"f must return one real number, and f\(2.0\) has shape \(3,\)"
    ):
        flr.nudge(lambda a: np.ones(3), 2)
    with pytest.raises(ValueError, match=r"eps must move a.*larger eps"):
        flr.nudge(math.exp, 1.0, eps=1e-20)
    with pytest.raises(ValueError, match="eps must be finite"):
        flr.nudge(math.exp, 1.0, eps=math.nan)
