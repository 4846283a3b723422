"""The likelihood of a binary model: against formulas in NumPy, and its own differences."""

import numpy as np
import pytest
from scipy import sparse

from fastlogreg.data.inputs import design_of
from fastlogreg.inference.factor import factor_of
from fastlogreg.inference.likelihood import Likelihood
from fastlogreg.maths.arrays import NONE


def table(seed=0, m=60, n_x=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n_x)) * [1.0, 50.0, 0.01] + [0.0, 1000.0, 3.0]
    return X, (rng.random(m) < 0.5).astype(np.uint8), rng


def plain(X, y, s, o, theta):
    X1 = np.append(X, np.ones((len(X), 1)), axis=1)
    z = X1 @ theta + o
    a = 1.0 / (1.0 + np.exp(-z))
    value = np.sum(s * (y * np.log(a) + (1.0 - y) * np.log1p(-a)))
    return value, X1.T @ (s * (y - a)), (X1 * (s * a * (1.0 - a))[:, None]).T @ X1


@pytest.mark.parametrize("kind", ["hard", "soft", "offset", "weights", "all"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_value_score_and_information_are_those_of_the_formulas(kind, form):
    X, y, rng = table()
    m = len(X)
    soft = rng.random(m) if kind in ("soft", "all") else y
    s = rng.random(m) + 0.5 if kind in ("weights", "all") else np.ones(m)
    o = rng.normal(size=m) if kind in ("offset", "all") else np.zeros(m)
    given = s if kind in ("weights", "all") else NONE
    found = Likelihood(design_of(form(X).T), soft, given, o)
    theta = np.array([0.3, 0.001, 20.0, -61.0])
    at = found.at(found.inward(theta))
    value, score, information = plain(X, soft, s, o, theta)
    T = np.linalg.inv(found.outward_matrix())
    assert found.outward(found.inward(theta)) == pytest.approx(theta, rel=1e-12)
    assert at.value == pytest.approx(value, rel=1e-12)
    assert T.T @ at.score == pytest.approx(score, rel=1e-9, abs=1e-9 * np.abs(score).max())
    assert T.T @ at.information @ T == pytest.approx(information, rel=1e-10)
    assert found.passes <= (3 if kind in ("soft", "offset", "all") else 2)


@pytest.mark.parametrize("intercept", [True, False])
def test_the_maximum_has_no_score_and_the_saturated_value_is_above_it(intercept):
    X, y, rng = table(1)
    soft = 0.5 * y + 0.5 * rng.random(len(y))
    found = Likelihood(design_of((X - X.mean(axis=0)).T), soft, intercept=intercept)
    most = found.maximum()
    assert most.reached
    assert np.abs(most.at.score[found.free]).max() <= 1e-9
    assert found.null() <= most.at.value <= found.saturated()
    if not intercept:
        assert found.outward(most.at.theta)[-1] == 0.0


def test_separated_labels_are_not_said_to_be_reached():
    X = np.arange(10.0)[:, None]
    assert not Likelihood(design_of(X.T), (X[:, 0] > 4.5).astype(np.uint8)).maximum().reached


def test_a_factor_names_the_parameters_that_nothing_tells_apart():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(30, 3))
    x = np.column_stack([x[:, 0] * 1e6, x[:, 1], x[:, 2], x[:, 1] + x[:, 2]])
    factor = factor_of(x.T @ x)
    assert factor.flat.tolist() == [False, True, True, True]
    whole = factor_of(x[:, :3].T @ x[:, :3])
    assert not whole.flat.any()
    assert whole.inverse == pytest.approx(np.linalg.inv(x[:, :3].T @ x[:, :3]), rel=1e-10)


@pytest.mark.parametrize("others", [0, 200])
@pytest.mark.parametrize("weighted", [False, True])
def test_quasi_separated_labels_are_not_said_to_be_reached(weighted, others):
    """A category of one label: l goes to its limit, the gain of a step falls below any bound."""
    rng = np.random.default_rng(3)
    m = 40 + others
    X = np.column_stack([rng.normal(size=m), np.arange(m) < 6])
    y = (rng.random(m) < 0.5).astype(np.uint8)
    y[:6] = 1
    s = rng.random(m) + 0.5 if weighted else NONE
    found = Likelihood(design_of(X.T), y, s).maximum()
    assert not found.reached
    y[0] = 0  # one of them is of the other label
    assert Likelihood(design_of(X.T), y, s).maximum().reached


def test_an_example_far_out_is_no_separation():
    """Its a (1 - a) is below rounding, so that only its leverage tells."""
    rng = np.random.default_rng(4)
    X = np.append(rng.normal(size=60), 400.0)[:, None]
    y = np.append((X[:-1, 0] + rng.logistic(size=60) > 0), True).astype(np.uint8)
    found = Likelihood(design_of(X.T), y).maximum()
    assert found.reached
    assert found.at.z[-1] > 100.0


def test_an_example_without_weight_changes_nothing():
    X, y, _ = table(5)
    X, y = np.append(X, [[1e6, 1e6, 1e6]], axis=0), np.append(y, 1)
    s = np.append(np.ones(len(y) - 1), 0.0)
    assert Likelihood(design_of(X.T), y, s).maximum().reached
