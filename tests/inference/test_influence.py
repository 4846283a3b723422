"""Leverages, residuals, Cook's distance and leave-one-out: golden values, and formulas in NumPy."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import fastlogreg as flr

TABLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "tables"


def table(seed=0, m=40, n_x=2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_x, m)) * [[1.0], [30.0]] + [[0.0], [500.0]]
    y = (rng.random(m) < 0.5).astype(float)
    return X, y, rng.integers(1, 5, m).astype(float), rng.normal(size=m)


def vaso():
    path = TABLES / "robustbase_vaso.csv"
    if not path.is_file():
        pytest.skip("the table is not there")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    X = np.log([[float(row[name]) for row in rows] for name in ("Volume", "Rate")])
    return X, np.array([[float(row["Y"]) for row in rows]])


def test_vaso_has_its_golden_values():
    X, Y = vaso()
    result = flr.train(X, Y, solver="newton", tol=1e-13)
    found = flr.influence(result, X, Y)
    golden = [0.0926757775, 0.0429041716, 0.0611707353, 0.0867446262]
    np.testing.assert_allclose(found.leverage[:4], golden, atol=1e-10)
    assert found.leverage.sum() == pytest.approx(3.0, rel=1e-10)
    assert (found.deviance**2).sum() == pytest.approx(29.2273752807, abs=1e-9)


@pytest.mark.parametrize("kind", ["plain", "soft", "ridge"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csc_array])
def test_every_measure_is_that_of_its_formula(kind, form):
    X, y, s, o = table()
    if kind == "plain":
        s, o = np.ones_like(s), np.zeros_like(o)
    y = y if kind == "plain" else 0.8 * y + 0.1
    lambda_ = 2.0 if kind == "ridge" else 0.0
    how = {"lambda_": lambda_, "weights": s[None], "offset": o[None]}
    result = flr.train(X, y[None], solver="auto", tol=1e-13, **how)
    found = flr.influence(result, form(X), y[None], dfbetas=True, **how)
    X1 = np.append(X, np.ones((1, len(y))), axis=0)
    a = 1.0 / (1.0 + np.exp(-(result.w.T @ X + result.b + o)[0]))
    v = s * a * (1.0 - a)
    H = (X1 * v) @ X1.T + np.diag([lambda_, lambda_, 0.0])
    h = v * np.einsum("ji,jk,ki->i", X1, np.linalg.inv(H), X1)
    pearson = np.sqrt(s) * (y - a) / np.sqrt(a * (1.0 - a))
    with np.errstate(divide="ignore", invalid="ignore"):
        most = np.nan_to_num(y * np.log(y)) + np.nan_to_num((1.0 - y) * np.log(1.0 - y))
    lost = most - y * np.log(a) - (1.0 - y) * np.log(1.0 - a)
    deviance = np.sign(y - a) * np.sqrt(2.0 * s * lost)
    step = np.linalg.solve(H, X1 * (s * (y - a) / (1.0 - h))).T
    for value, expected in (
        (found.leverage, h),
        (found.pearson, pearson),
        (found.deviance, deviance),
        (found.standardised_pearson, pearson / np.sqrt(1.0 - h)),
        (found.standardised_deviance, deviance / np.sqrt(1.0 - h)),
        (found.cooks_distance, pearson**2 * h / (3.0 * (1.0 - h) ** 2)),
        (found.dfbetas, step),
        (found.probabilities, a),
    ):
        np.testing.assert_allclose(value, expected, rtol=1e-8, atol=1e-12)
    left = flr.leave_one_out(result, form(X), y[None], **how)
    z = np.log(a / (1.0 - a)) - (y - a) * (h / (a * (1.0 - a))) / (1.0 - h)
    np.testing.assert_allclose(left.scores[0], z, rtol=1e-8, atol=1e-10)
    losses = np.logaddexp(0.0, z) - y * z
    assert left.loss == pytest.approx(np.average(losses, weights=s), rel=1e-9)


def test_an_estimator_says_the_same():
    pytest.importorskip("sklearn")
    X, y, s, o = table(1)
    for C, lambda_ in ((np.inf, 0.0), (0.5, 2.0)):
        model = flr.LogisticRegression(C=C, tol=1e-13).fit(X.T, y, s, o)
        how = {"lambda_": lambda_, "weights": s[None], "offset": o[None]}
        result = flr.train(X, y[None], solver="auto", tol=1e-13, **how)
        one, other = model.influence(X.T, y, s, o), flr.influence(result, X, y[None], **how)
        np.testing.assert_allclose(one.cooks_distance, other.cooks_distance, rtol=1e-4)
        left = flr.leave_one_out(result, X, y[None], **how)
        assert model.leave_one_out(X.T, y, s, o).loss == pytest.approx(left.loss, rel=1e-6)
    with pytest.raises(ValueError, match="l1_ratio must be 0"):
        flr.LogisticRegression(l1_ratio=1.0).fit(X.T, y).influence(X.T, y)
    several = np.arange(len(y)) % 3
    with pytest.raises(ValueError, match="two classes"):
        flr.LogisticRegression().fit(X.T, several).influence(X.T, several)


def test_leave_one_out_has_its_golden_values():
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_breast_cancer(return_X_y=True)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).T
    for lambda_, golden in ((10.0, 0.0920445), (0.1, 0.1138185)):
        result = flr.train(X, y[None], solver="newton", lambda_=lambda_, tol=1e-13)
        found = flr.leave_one_out(result, X, y[None], lambda_=lambda_)
        assert found.loss == pytest.approx(golden, abs=5e-8)
        assert 0.0 < found.standard_error < 0.1


def test_columns_that_depend_on_others_have_no_influence():
    X, y, _, _ = table(2)
    X = np.append(X, X[:1] + X[1:], axis=0)
    result = flr.train(X, y[None], solver="newton", lambda_=1.0)
    with pytest.raises(ValueError, match="information matrix is singular"):
        flr.influence(result, X, y[None])
