"""Softmax in the computation graph: its values, its derivatives by the chain rule, and the gradient
of every backend against it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg import Variable
from fastlogreg.lectures.logistic_graph import logistic_cost
from fastlogreg.lectures.softmax_graph import softmax, softmax_cost
from tests.helpers.comparison import ON_CPU

EXTREME = ((0.0, 0.0), (1000.0, -1000.0, 999.0), (-1e5, 0.0), (745.0, 709.0, 36.9), (-900.0,) * 3)


@pytest.mark.parametrize("z", EXTREME, ids=str)
def test_values_at_extreme_z(z):
    wanted = flr.softmax(np.array(z)[:, None])[:, 0]
    assert [a.value for a in softmax([Variable(v) for v in z])] == pytest.approx(
        wanted, rel=1e-14, abs=5e-324
    )


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=6), st.data())
@settings(deadline=None)
def test_derivatives_of_softmax(z, data):
    """da_l/dz_k is a_l ([l == k] - a_k)."""
    place = data.draw(st.integers(0, len(z) - 1))
    zs = [Variable(v) for v in z]
    softmax(zs)[place].backward()
    a = flr.softmax(np.array(z)[:, None])[:, 0]
    for k, node in enumerate(zs):
        wanted = a[place] * ((k == place) - a[k])
        assert node.grad == pytest.approx(wanted, rel=1e-9, abs=1e-15)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), n_x=st.integers(1, 4), m=st.integers(1, 5), K=st.integers(2, 5))
def test_three_ways_to_a_gradient(seed, n_x, m, K):
    """Nudging, the graph and every backend: 1e-6, 1e-12, 1e-12."""
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n_x, m)), rng.integers(0, K, size=(1, m))
    w, b = rng.normal(size=(n_x, K)), rng.normal(size=(K, 1))
    J = softmax_cost(w, b, X, Y)
    d = J.backward()
    dw = np.array([[d[f"dw_{j + 1}_{k}"] for k in range(K)] for j in range(n_x)])
    db = np.array([[d[f"db_{k}"]] for k in range(K)])
    dZ = np.array([[d[f"dz_{k}_{i + 1}"] for i in range(m)] for k in range(K)])
    one_hot = np.arange(K)[:, None] == Y
    np.testing.assert_allclose(dZ * m, flr.predict_proba(w, b, X) - one_hot, atol=1e-12)
    for backend in ON_CPU:
        found = flr.propagate(w, b, X, Y, backend=backend)
        assert J.value == pytest.approx(found.cost, rel=1e-12)
        np.testing.assert_allclose(found.dw, dw, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found.db, db, rtol=1e-12, atol=1e-12)
    checked = flr.check_gradient(w, b, X, Y)
    assert checked.error < 1e-6
    np.testing.assert_allclose(checked.analytic[:-1], dw, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(checked.analytic[-1:].T, db, rtol=1e-12, atol=1e-12)


def test_a_cost_at_extreme_z():
    """-log(a_y) would be infinite."""
    b = np.array([[0.0], [1000.0]])
    J = softmax_cost(np.zeros((1, 2)), b, [[1.0]], [[0]])
    assert J.value == 1000.0
    assert J.backward()["db_0"] == -1.0


def test_two_classes_are_the_lectures_graph():
    rng = np.random.default_rng(0)
    w, b, X, Y = rng.normal(size=(2, 1)), 0.3, rng.normal(size=(2, 4)), np.array([[0, 1, 1, 0]])
    two = softmax_cost(np.hstack([0 * w, w]), [[0.0], [b]], X, Y)
    one = logistic_cost(w, b, X, Y)
    assert two.value == pytest.approx(one.value, rel=1e-14)
    d, wanted = two.backward(), one.backward()
    for j in (1, 2):
        assert d[f"dw_{j}_1"] == pytest.approx(wanted[f"dw_{j}"], rel=1e-12)
        assert d[f"dw_{j}_0"] == pytest.approx(-wanted[f"dw_{j}"], rel=1e-12)


def test_it_is_shown(capsys):
    softmax_cost(np.zeros((1, 2)), np.zeros((2, 1)), [[1.0]], [[1]]).show()
    out = capsys.readouterr().out
    assert "exp(" in out
    assert "dJ/dz_1_1 = -0.5" in out
