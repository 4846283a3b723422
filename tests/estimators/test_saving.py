"""Estimators as files; one row at a time; threads of a single call."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.exceptions import NotFittedError

import fastlogreg as flr

RNG = np.random.default_rng(11)
X = RNG.normal(size=(90, 4))
y2 = np.where(X[:, 0] + RNG.normal(size=90) > 0, "yes", "no")
y3 = np.argmax(X[:, :3] + RNG.normal(size=(90, 3)), axis=1) * 2


@pytest.mark.parametrize("y", [y2, y3, y3 > 1, np.where(y2 == "yes", 2.0, -1.0)])
def test_a_saved_estimator_answers_the_same(y, tmp_path):
    estimator = flr.LogisticRegression(C=2.0, standardize=True).fit(X, y)
    estimator.save(tmp_path / "m.npz")
    model = flr.Model.load(tmp_path / "m.npz")
    assert list(model.labels) == estimator.classes_.tolist()
    np.testing.assert_array_equal(model.predict(X), estimator.predict(X))
    assert model.predict(X).dtype.kind == estimator.classes_.dtype.kind
    found = model.predict_proba(X)
    np.testing.assert_allclose(found, estimator.predict_proba(X), rtol=1e-12)
    assert model.feature_names is None
    assert model.settings["C"] == 2.0
    assert model.settings["estimator"] == "LogisticRegression"
    assert model.settings["stop_reason"] == estimator.stop_reason_


def test_names_of_columns_are_kept(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    estimator = flr.LogisticRegression().fit(frame, y2)
    estimator.save(tmp_path / "m.npz")
    model = flr.Model.load(tmp_path / "m.npz")
    assert model.feature_names == tuple("abcd")
    np.testing.assert_array_equal(model.predict(frame[list("dcba")]), estimator.predict(frame))


def test_cross_validation_and_sparse_coefficients_are_saved_too(tmp_path):
    chosen = flr.LogisticRegressionCV(Cs=[0.1, 1.0], cv=3).fit(X, y3)
    chosen.save(tmp_path / "m.npz")
    model = flr.Model.load(tmp_path / "m.npz")
    np.testing.assert_allclose(model.predict_proba(X), chosen.predict_proba(X), rtol=1e-12)
    with np.load(tmp_path / "m.npz") as file:
        settings = json.loads(str(file["metadata"]), parse_constant=pytest.fail)["settings"]
    assert settings["estimator"] == "LogisticRegressionCV"
    pytest.importorskip("scipy.sparse")
    l1 = flr.LogisticRegression(C=0.1, l1_ratio=1.0).fit(X, y2).sparsify()
    l1.save(tmp_path / "m.npz")
    found = flr.Model.load(tmp_path / "m.npz").predict_proba(X)
    np.testing.assert_allclose(found, l1.predict_proba(X), rtol=1e-12)


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        flr.LogisticRegression().save(tmp_path / "m.npz")
    estimator = flr.LogisticRegression().fit(X, y2)
    estimator.classes_ = np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")
    with pytest.raises(TypeError, match="labels must be numbers or text to be kept in a file"):
        estimator.save(tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- one row


@pytest.mark.parametrize("y", [y2, y3, np.arange(90) % 40])
@pytest.mark.parametrize("dtype", [float, np.float32, np.int64, np.uint8, bool])
def test_one_row_has_the_answers_that_it_has_among_others(y, dtype):
    estimator = flr.LogisticRegression(C=100.0).fit(X, y)
    rows = (3 * X).astype(dtype)
    for method in ("predict_proba", "predict_log_proba", "decision_function", "predict"):
        together = getattr(estimator, method)(rows)
        alone = [getattr(estimator, method)(row[None, :]) for row in rows]
        assert {found.shape for found in alone} == {together[:1].shape}
        assert {found.dtype for found in alone} == {together.dtype}
        if method == "predict":
            assert np.concatenate(alone).tolist() == together.tolist()
        else:
            np.testing.assert_allclose(np.concatenate(alone), together, rtol=1e-12, atol=1e-14)


def test_a_row_that_is_not_finite_is_explained_for_several_classes():
    estimator = flr.LogisticRegression().fit(X, y3)
    for value in (np.nan, np.inf, -np.inf):
        row = X[:1].copy()
        row[0, 2] = value
        with pytest.raises(ValueError, match="in row 0, column 2"):
            estimator.predict_proba(row)


def test_large_scores_of_one_row():
    estimator = flr.LogisticRegression().fit(X, y2)
    estimator.coef_, estimator.intercept_ = np.array([[1.0, 0, 0, 0]]), np.array([0.0])
    for z in (-1e3, -50.0, 0.0, 50.0, 1e3):
        row = np.array([[z, 0.0, 0.0, 0.0]])
        many = estimator.predict_proba(np.repeat(row, 3, axis=0))[0]
        assert estimator.predict_proba(row)[0].tolist() == pytest.approx(many.tolist(), rel=1e-15)


def test_what_is_not_simply_one_row_takes_the_ordinary_way():
    estimator = flr.LogisticRegression().fit(X, y2)
    assert estimator._scores_of_one(X[:1], None) is not None
    for rows in (X[:2], X[:1, :3], X[0], X[:1].tolist(), X[:1].astype(object), X[:1] * np.nan):
        assert estimator._scores_of_one(rows, None) is None
    assert estimator._scores_of_one(X[:1], 0) is None
    assert flr.LogisticRegression()._scores_of_one(X[:1], None) is None
    with pytest.raises(ValueError, match="row 0, column 0, counted"):
        estimator.predict_proba(X[:1] * np.nan)
    with pytest.raises(ValueError, match="X has 3 features"):
        estimator.predict(X[:1, :3])
    with pytest.raises(NotFittedError):
        flr.LogisticRegression().predict_proba(X[:1])
    estimator.set_params(n_threads=-1)
    with pytest.raises(ValueError, match="n_threads must be at least 1"):
        estimator.predict(X[:1])


def test_one_row_of_a_fit_with_names_is_looked_at(recwarn):
    pandas = pytest.importorskip("pandas")
    estimator = flr.LogisticRegression().fit(pandas.DataFrame(X, columns=list("abcd")), y2)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        estimator.predict_proba(X[:1])


# ---------------------------------------------------------------- threads of one call


@pytest.mark.parametrize("y", [y2, y3])
def test_threads_change_no_bit(y):
    estimator = flr.LogisticRegression().fit(X, y)
    for method in ("predict_proba", "predict_log_proba", "decision_function", "predict"):
        predict = getattr(estimator, method)
        expected = predict(X)
        for n_threads in (1, 3):
            np.testing.assert_array_equal(predict(X, n_threads=n_threads), expected)
        for rows in (X, X[:1]):
            with pytest.raises(ValueError, match="n_threads must be at least 1; got 0"):
                predict(rows, n_threads=0)


def test_threads_of_the_functions():
    sparse = pytest.importorskip("scipy.sparse")
    for w, b in ((np.ones((4, 1)), 0.5), (RNG.normal(size=(4, 3)), np.zeros((3, 1)))):
        for rows in (X.T, sparse.csc_matrix(X.T)):
            expected = flr.predict_proba(w, b, rows)
            found = flr.predict_proba(w, b, rows, n_threads=1)
            np.testing.assert_allclose(found, expected, rtol=1e-14)
            np.testing.assert_array_equal(
                flr.predict(w, b, rows, n_threads=2), flr.predict(w, b, rows)
            )
        with pytest.raises(ValueError, match="n_threads must be at least 1; got 0"):
            flr.predict(w, b, X.T, n_threads=0)
