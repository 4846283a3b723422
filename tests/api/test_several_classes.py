"""The lectures' functions for several classes: shapes, forms of X, and where training begins."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.maths.reference import forward
from fastlogreg.objective.prepared import Settings, prepare_to_train

K = 4
rng = np.random.default_rng(7)
X = rng.normal(size=(5, 60))
Y = rng.integers(0, K, (1, 60))
W, B = rng.normal(size=(5, K)), rng.normal(size=(K, 1))
SEEN = {"scale": rng.normal(size=(5, 1)), "shift": rng.normal(size=(5, 1))}


def forms(X, folder):
    """X (n_x, m) in every form that can be read."""
    sparse = pytest.importorskip("scipy.sparse")
    np.save(folder / "X.npy", X.T)
    yield "dense", X
    yield "example-major", np.asfortranarray(X)
    yield "csc", sparse.csc_matrix(X)
    yield "csr", sparse.csr_array(X)
    yield "blocks", flr.RowBlocks(folder / "X.npy")


def test_every_form_of_X_gives_the_same(tmp_path):
    for options in ({}, SEEN):
        wanted = flr.propagate(W, B, X, Y, lambda_=0.5, backend="numpy", **options)
        A, Yhat = flr.predict_proba(W, B, X, **options), flr.predict(W, B, X, **options)
        for name, given in forms(X, tmp_path):
            found = flr.propagate(W, B, given, Y, lambda_=0.5, **options)
            assert found.cost == pytest.approx(wanted.cost, rel=1e-12), name
            np.testing.assert_allclose(found.dw, wanted.dw, rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(found.db, wanted.db, rtol=1e-11, atol=1e-13)
            found = flr.predict_proba(W, B, given, **options)
            np.testing.assert_allclose(found, A, rtol=1e-11)
            np.testing.assert_array_equal(flr.predict(W, B, given, **options), Yhat)


def test_probabilities_by_the_formula():
    Z = W.T @ (SEEN["scale"] * X + SEEN["shift"]) + B
    A = np.exp(Z) / np.exp(Z).sum(axis=0)
    np.testing.assert_allclose(flr.predict_proba(W, B, X, **SEEN), A, rtol=1e-12)
    np.testing.assert_array_equal(flr.predict(W, B, X, **SEEN)[0], A.argmax(axis=0))
    J = -np.log(A[Y[0], np.arange(60)]).mean() + 0.5 / 120 * (W**2).sum()
    assert flr.cost(W, B, X, Y, lambda_=0.5, **SEEN) == pytest.approx(J, rel=1e-12)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float16", "float32", ">f8"])
def test_probabilities_of_every_dtype(dtype):
    given = (10 * X).astype(dtype)
    wanted = flr.predict_proba(W, B, given.astype(float))
    np.testing.assert_allclose(flr.predict_proba(W, B, given), wanted, rtol=1e-13)


def test_probabilities_block_by_block(monkeypatch):
    from fastlogreg.api import predictions

    wanted = flr.predict_proba(W, B, X)
    monkeypatch.setattr(predictions, "_BLOCK_ELEMENTS", 35)
    np.testing.assert_allclose(flr.predict_proba(W, B, X), wanted, rtol=1e-14)


def test_a_tie_goes_to_the_first_class():
    assert flr.predict(np.zeros((5, K)), B * 0, X).tolist() == [[0] * 60]
    b = np.array([[0.0], [1.0], [1.0], [-1.0]])
    assert flr.predict(np.zeros((5, K)), b, X).tolist() == [[1] * 60]


def test_two_columns_are_the_sigmoid_of_their_difference():
    w, b = W[:, :2], B[:2]
    one = w[:, 1:] - w[:, :1]
    A = flr.predict_proba(one, float(b[1, 0] - b[0, 0]), X)
    np.testing.assert_allclose(flr.predict_proba(w, b, X)[1:], A, rtol=1e-12)
    expected = flr.predict(one, float(b[1, 0] - b[0, 0]), X)
    np.testing.assert_array_equal(flr.predict(w, b, X), expected)
    assert np.abs(forward(one, float(b[1, 0] - b[0, 0]), X)).min() > 1e-9  # no tie among them


@pytest.mark.parametrize("features", [1, 5])
def test_one_feature_and_many(features):
    """With one feature, w (1, K) is no row of weights but a column for each class."""
    found = flr.propagate(W[:features], B, X[:features], Y)
    assert found.dw.shape == (features, K)
    assert flr.predict_proba(W[:features], B, X[:features]).shape == (K, 60)


def test_three_hundred_classes_with_an_example_each():
    many = rng.normal(size=(3, 300))
    found = flr.propagate(np.zeros((3, 300)), np.zeros((300, 1)), many, np.arange(300)[None, :])
    assert found.cost == pytest.approx(np.log(300), rel=1e-12)
    np.testing.assert_allclose(found.db, 0.0, atol=1e-15)


# ---------------------------------------------------------------- where training begins


def begun(w=None, b=0.0, classes=K, Y=Y):
    return prepare_to_train(Settings(0.0, 1.0, 0.0, "fused", None), w, b, X, Y, classes)


def test_training_begins_at_zero():
    objective, theta, classes = begun()
    assert (classes, objective.size, theta.tolist()) == (K, K * 6, [0.0] * (K * 6))


def test_training_begins_at_the_centred_start():
    objective, theta, _ = begun(W, B)
    w, b = objective.shown(theta)
    np.testing.assert_allclose(w.sum(axis=1), 0.0, atol=1e-14)
    np.testing.assert_allclose(b.sum(), 0.0, atol=1e-14)
    np.testing.assert_allclose(flr.predict_proba(w, b, X), flr.predict_proba(W, B, X), rtol=1e-12)


def test_a_number_for_b_is_the_same_for_each_class():
    np.testing.assert_array_equal(begun(b=3.0).theta, begun().theta)


@pytest.mark.parametrize("classes", [None, 2])
def test_two_classes_are_the_sigmoid(classes):
    result = flr.train(X, Y % 2, classes=classes, iterations=20)
    wanted = flr.train(X, Y % 2, iterations=20)
    assert type(result) is flr.TrainingResult
    np.testing.assert_array_equal(result.w, wanted.w)
    assert result.b == wanted.b
    assert type(result.b) is float


def test_the_result_of_several_classes():
    two = flr.train(X, Y % 2, iterations=3)
    result = flr.SoftmaxResult.of(replace(two, w=W, b=B))
    assert isinstance(result, flr.TrainingResult)
    assert [f.name for f in fields(result)] == [f.name for f in fields(two)]
    np.testing.assert_array_equal(result.b, B)
    assert repr(result).startswith("SoftmaxResult(cost=")
    assert "w=array of shape (5, 4), b=array of shape (4, 1)" in repr(result)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(result)).b, B)
    assert "b=-" in repr(two) or "b=0" in repr(two)
