"""Approximate leave-one-out: golden values, and what a fit without the example finds."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from fastlogreg.data.inputs import design_of
from fastlogreg.objective.columns import SharedColumns
from fastlogreg.training.follow import Pattern
from fastlogreg.training.leave_one_out import leave_one_out, scores_without_each
from fastlogreg.training.paths import Ways, follow_all

TABLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "tables"


def left_out(X, y, lambdas, tol=1e-12, **options):
    shared = SharedColumns(design_of(X), y.astype(np.int32), **options)
    total = float(options["weight"].sum()) if "weight" in options else float(len(y))
    pattern = Pattern(np.ones(1), np.zeros(1), total, 0.0)
    lambdas = np.asarray(lambdas, float)
    fits, _ = follow_all(Ways(shared, [pattern], False), lambdas, tol, 300)
    first = [at[0] for at in fits]
    return shared, pattern, lambdas, first


def test_breast_cancer_has_its_golden_values():
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_breast_cancer(return_X_y=True)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).T
    fitted = left_out(X, y, [10.0, 0.1])
    before = fitted[0].passes
    found = leave_one_out(*fitted)
    assert fitted[0].passes == before + 2
    np.testing.assert_allclose(found.loss, [0.0920445, 0.1138185], atol=5e-8)


def test_birth_weights_have_their_golden_value():
    path = TABLES / "MASS_birthwt.csv"
    if not path.is_file():
        pytest.skip("the table is not there")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    y = np.array([int(row["low"]) for row in rows])
    columns = [[float(row[name]) for row in rows] for name in ("age", "lwt")]
    columns += [[float(row["race"] == str(k)) for row in rows] for k in (2, 3)]
    columns += [[float(row[name]) for row in rows] for name in ("smoke", "ptl", "ht", "ui")]
    X = np.array(columns)
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    found = leave_one_out(*left_out(X, y, [0.0], tol=1e-11))
    assert found.loss[0] == pytest.approx(0.5873960233, abs=1e-9)


def test_it_is_near_what_is_found_without_the_example():
    rng = np.random.default_rng(0)
    X, m = rng.standard_normal((3, 60)), 60
    y = (rng.random(m) < 1.0 / (1.0 + np.exp(-X[0]))).astype(np.int32)
    shared, pattern, lambdas, fits = left_out(X, y, [2.0])
    z = scores_without_each(shared, pattern, 2.0, fits[0])
    exact = np.empty(m)
    for i in range(m):
        kept = np.arange(m) != i
        one = left_out(X[:, kept], y[kept], [2.0])[3][0]
        exact[i] = one.w @ X[:, i] + one.b
    full = fits[0].w @ X + fits[0].b
    assert np.abs(z - exact).max() < 0.1 * np.abs(full - exact).max()
    found = leave_one_out(shared, pattern, lambdas, fits)
    losses = np.logaddexp(0.0, z) - y * z
    assert found.loss[0] == pytest.approx(losses.mean(), rel=1e-12)
    assert found.error[0] == pytest.approx(losses.std(ddof=1) / np.sqrt(m), rel=1e-10)


@pytest.mark.parametrize("intercept", [True, False])
def test_standardised_it_is_that_of_standardised_columns(intercept):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((3, 80)) * 4.0 + 1.0
    y = (rng.random(80) < 0.5).astype(np.int32)
    found = []
    for Z, standardize in ((X, True), (X, False)):
        shared = SharedColumns(design_of(Z), y, intercept=intercept)
        pattern = Pattern(np.ones(1), np.zeros(1), 80.0, 0.0)
        if standardize:
            scale = 1.0 / X.std(axis=1)
            pattern = pattern._replace(scale=scale, shift=-X.mean(axis=1) * scale * intercept)
        else:
            mean, scale = X.mean(axis=1, keepdims=True) * intercept, X.std(axis=1, keepdims=True)
            shared = SharedColumns(design_of((X - mean) / scale), y, intercept=intercept)
        fits, _ = follow_all(Ways(shared, [pattern], False), np.array([1.0]), 1e-13, 300)
        found.append(leave_one_out(shared, pattern, np.array([1.0]), [fits[0][0]]).loss[0])
    assert found[0] == pytest.approx(found[1], rel=1e-9)
