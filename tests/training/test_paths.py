"""`fastlogreg.path`: at each lambda the optimum of `train`, with a bound, for every form of X."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr


def example(m=250, n_x=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_x, m)) * 10.0 ** rng.uniform(-1, 1, (n_x, 1)) + 1.0
    Y = (rng.random((1, m)) < 1.0 / (1.0 + np.exp(-X[:1] / X[0].std()))).astype(np.uint8)
    return X, Y


LAMBDAS = np.array([0.3, 30.0, 3.0])


@pytest.mark.parametrize("backend", ["fused", "numpy", "python"])
def test_each_lambda_has_the_optimum_of_train(backend):
    X, Y = example(m=60 if backend == "python" else 250)
    found = flr.path(X, Y, lambdas=LAMBDAS, tol=1e-12, scale=0.5, shift=0.25, backend=backend)
    assert found.w.shape == (6, 3)
    assert found.b.shape == (1, 3)
    np.testing.assert_array_equal(found.lambdas, LAMBDAS)
    assert found.converged.all()
    for k, lambda_ in enumerate(LAMBDAS):
        own = flr.train(X, Y, lambda_=lambda_, solver="newton", tol=1e-13, scale=0.5, shift=0.25)
        assert found.costs[k] == pytest.approx(own.cost, abs=2e-12)
        assert found.bounds[k] <= 1e-12
        np.testing.assert_allclose(found.w[:, [k]], own.w, rtol=1e-4, atol=1e-6)


def test_it_is_deterministic_on_any_number_of_threads():
    X, Y = example(m=30_000, n_x=27)
    one, two = (flr.path(X, Y, lambdas=4, n_threads=n) for n in (1, 3))
    assert one.w.tobytes() == two.w.tobytes()
    assert one.reads == two.reads


@pytest.mark.parametrize("form", ["csc", "csr", "uint8", "blocks"])
def test_every_form_of_x_has_the_same_path(form):
    from scipy import sparse

    X, Y = example(m=400)
    X = np.clip(np.round(X), 0, 255)
    given = {
        "csc": lambda: sparse.csc_array(X),
        "csr": lambda: sparse.csr_array(X),
        "uint8": lambda: X.astype(np.uint8),
        "blocks": lambda: flr.RowBlocks(np.ascontiguousarray(X.T), max_memory=100_000),
    }[form]()
    for standardize in (False, True):
        options = {"lambdas": LAMBDAS, "tol": 1e-12, "standardize": standardize}
        expected, found = flr.path(X, Y, **options), flr.path(given, Y, **options)
        assert found.converged.all()
        np.testing.assert_allclose(found.costs, expected.costs, rtol=1e-11)
        np.testing.assert_allclose(found.w, expected.w, rtol=1e-4, atol=1e-7)


def test_weights_are_rows_gone_and_repeated():
    X, Y = example()
    counts = np.random.default_rng(1).integers(0, 3, Y.shape[1])
    rows = np.repeat(np.arange(Y.shape[1]), counts)
    for more in (
        {},
        {"class_weight": {0: 0.5, 1: 2.0}},
        {"class_weight": "balanced"},
        {"standardize": True},
    ):
        options = {"lambdas": LAMBDAS, "tol": 1e-13, **more}
        weighted = flr.path(X, Y, sample_weight=counts[None, :], **options)
        repeated = flr.path(X[:, rows], Y[:, rows], **options)
        np.testing.assert_allclose(weighted.costs, repeated.costs, rtol=1e-11)
        np.testing.assert_allclose(weighted.w, repeated.w, rtol=1e-4, atol=1e-7)


def test_standardised_it_is_the_path_of_standardised_columns():
    X, Y = example()
    Z = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    found = flr.path(X, Y, lambdas=LAMBDAS, standardize=True, tol=1e-13)
    expected = flr.path(Z, Y, lambdas=LAMBDAS, tol=1e-13)
    np.testing.assert_allclose(found.costs, expected.costs, rtol=1e-12)
    np.testing.assert_allclose(
        found.w * X.std(axis=1, keepdims=True), expected.w, rtol=1e-4, atol=1e-7
    )


def test_without_a_penalty_the_gradient_is_the_goal():
    X, Y = example()
    found = flr.path(X, Y, lambdas=[1.0, 0.0], tol=1e-9)
    assert found.converged.all()
    assert np.isinf(found.bounds[1])
    own = flr.train(X, Y, solver="newton", tol=1e-11)
    assert found.costs[1] == pytest.approx(own.cost, abs=1e-12)


def test_what_is_not_reached_is_warned_of():
    X, Y = example()
    with pytest.warns(flr.TrainingWarning, match="was not reached at lambda = 1e-06"):
        found = flr.path(X, Y, lambdas=[1e-6], tol=1e-12, iterations=1)
    assert not found.converged[0]
    assert "1 lambdas" in repr(found)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"lambdas": []}, ValueError, "lambdas must be how many"),
        ({"lambdas": 0}, ValueError, "lambdas must be at least 1"),
        ({"lambdas": [1.0, -1.0]}, ValueError, r"lambdas\[1\] must be at least 0"),
        ({"lambdas": "all"}, ValueError, "lambdas must be how many"),
        ({"tol": -1.0}, ValueError, "tol"),
        ({"iterations": 0}, ValueError, "iterations"),
        ({"class_weight": {2: 1.0}}, ValueError, "class_weight must be None"),
        ({"class_weight": {0: 0.0}}, ValueError, r"class_weight\[0\] must be above 0"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight must have shape"),
        ({"sample_weight": np.full((1, 250), -1.0)}, ValueError, "not negative"),
        ({"sample_weight": np.zeros((1, 250))}, ValueError, "leave both classes"),
    ],
)
def test_bad_arguments_are_named(options, error, text):
    X, Y = example()
    with pytest.raises(error, match=text):
        flr.path(X, Y, **options)


def test_nan_in_x_is_found():
    X, Y = example()
    X[2, 7] = np.nan
    with pytest.raises(ValueError, match="row 7"):
        flr.path(X, Y, lambdas=3)
