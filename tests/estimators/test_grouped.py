"""A fit to successes among trials is the fit to a row for each trial."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr

pytest.importorskip("sklearn")


def table(seed=0, m=20):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 2))
    trials = rng.integers(1, 7, m)
    return X, rng.binomial(trials, 1.0 / (1.0 + np.exp(-X[:, 0]))), trials


def rows_of(X, k, n):
    rows = np.repeat(np.arange(len(n)), n)
    y = np.concatenate([np.repeat([1, 0], [a, b - a]) for a, b in zip(k, n)])
    return X[rows], y, rows


@pytest.mark.parametrize("solver", ["gd", "nesterov", "lbfgs", "newton", "prox_newton", "auto"])
@pytest.mark.parametrize("standardize", [False, True])
def test_counts_are_the_rows_of_all_trials(solver, standardize):
    X, k, n = table()
    how = {"C": 2.0, "solver": solver, "tol": 1e-13, "max_iter": 20000, "standardize": standardize}
    grouped = flr.LogisticRegression(**how).fit_grouped(X, k, n)
    long, y, _ = rows_of(X, k, n)
    rows = flr.LogisticRegression(**how).fit(long, y)
    np.testing.assert_allclose(grouped.coef_, rows.coef_, atol=3e-6)
    np.testing.assert_allclose(grouped.intercept_, rows.intercept_, atol=3e-6)
    assert grouped.classes_.tolist() == [0, 1]
    assert grouped.predict(X).shape == (len(X),)


def test_an_offset_goes_with_counts_and_with_predictions():
    X, k, n = table(1)
    offset = np.linspace(-1.0, 1.0, len(n))
    grouped = flr.LogisticRegression(tol=1e-13).fit_grouped(X, k, n, offset=offset)
    long, y, rows = rows_of(X, k, n)
    other = flr.LogisticRegression(tol=1e-13).fit(long, y, offset=offset[rows])
    np.testing.assert_allclose(grouped.coef_, other.coef_, atol=1e-5)
    z = grouped.decision_function(X) + offset
    np.testing.assert_allclose(grouped.decision_function(X, offset=offset), z, rtol=1e-13)
    a = 1.0 / (1.0 + np.exp(-z))
    np.testing.assert_allclose(grouped.predict_proba(X, offset=offset)[:, 1], a, rtol=1e-12)
    np.testing.assert_allclose(grouped.predict_log_proba(X, offset=offset)[:, 1], np.log(a))
    assert grouped.predict(X, offset=offset).tolist() == (z > 0).astype(int).tolist()
    with pytest.raises(ValueError, match="offset must have one number for each"):
        grouped.predict(X, offset=offset[1:])


@pytest.mark.parametrize(
    ("k", "n", "match"),
    [
        ([1, 2], [2, 0], "trials must be finite and above 0; got 0 in row 1"),
        ([1, 3], [2, 2], "got 3 of 2 in row 1"),
        ([-1, 3], [2, 2], "got -1 of 2 in row 0"),
        ([1, 1], [2, np.inf], "trials must be finite"),
        ([np.nan, 1], [2, 2], "successes has a missing label"),
        ([1, 1, 1], [2, 2], "as long as each other"),
        ([[1], [1]], [2, 2], "shape"),
        ([0, 0], [2, 2], "no success"),
        ([2, 2], [2, 2], "no failure"),
        ([1], [2], "inconsistent"),
    ],
)
def test_bad_counts_are_refused(k, n, match):
    with pytest.raises(ValueError, match=match):
        flr.LogisticRegression().fit_grouped(np.eye(2), k, n)


def test_class_weights_are_refused():
    with pytest.raises(ValueError, match="class_weight must be None"):
        flr.LogisticRegression(class_weight="balanced").fit_grouped(np.eye(2), [1, 1], [2, 2])


def test_counts_that_are_labels_are_a_fit_to_labels():
    X, k, n = table(2)
    y = (k > n / 2).astype(int)
    one = flr.LogisticRegression().fit_grouped(X, y, np.ones(len(y)))
    other = flr.LogisticRegression().fit(X, y, sample_weight=np.ones(len(y)))
    assert one.coef_.tobytes() == other.coef_.tobytes()
