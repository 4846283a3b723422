"""Paths with L1: golden values, the proof at every lambda, and two ways that agree."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.solvers import compiled_penalised

sklearn_data = pytest.importorskip("sklearn.datasets")  # the extra sklearn has the data


def breast_cancer():
    X, y = sklearn_data.load_breast_cancer(return_X_y=True)
    return ((X - X.mean(axis=0)) / X.std(axis=0)).T, y[None, :]


def test_the_largest_lambda_is_golden():
    X, Y = breast_cancer()
    found = flr.path(X, Y, l1_ratio=1.0, lambdas=10, tol=1e-6)
    assert found.lambdas[0] / 569 == pytest.approx(0.3836832444776, abs=1e-12)
    assert found.lambdas[-1] == pytest.approx(1e-4 * found.lambdas[0])
    assert found.nonzeros[0] == 0
    assert found.nonzeros[-1] > 20
    assert found.deviance_explained[0] == pytest.approx(0.0, abs=1e-6)
    assert (np.diff(found.deviance_explained) > 0.0).all()
    assert (found.bounds <= 1e-6).all()
    assert found.converged.all()


@pytest.mark.parametrize("standardize", [False, True])
def test_the_lasso_along_the_path_is_golden(standardize):
    X, Y = breast_cancer()
    if standardize:
        X = X * np.linspace(0.5, 90.0, 30)[:, None] + 4.0
    lambdas = np.array([0.01, 0.1, 0.03]) * 569  # in an order of their own
    found = flr.path(X, Y, l1_ratio=1.0, lambdas=lambdas, tol=1e-12, standardize=standardize)
    golden = [0.1593073804580, 0.4473995184596, 0.2614112103517]
    assert found.costs == pytest.approx(golden, abs=2e-12)
    assert found.nonzeros.tolist() == [9, 4, 6]
    losses = [flr.cost(found.w[:, [k]], found.b[0, k], X, Y) for k in range(3)]
    null = flr.cost(np.zeros((30, 1)), float(np.log(Y.mean() / (1 - Y.mean()))), X, Y)
    assert found.deviance_explained == pytest.approx(1 - np.array(losses) / null, abs=1e-12)


@pytest.mark.parametrize(
    "more",
    [
        {"l1_ratio": 1.0},
        {"l1_ratio": 0.5},
        {"l1_ratio": 1.0, "bounds": (0, None)},
        {"l1_ratio": 0.3, "bounds": (-0.2, 0.4)},
        {"l1_ratio": 1.0, "penalty_weights": np.r_[np.inf, np.ones(29)][:, None]},
        {"l1_ratio": 1.0, "offset": np.sin(np.arange(569.0))[None, :]},
        {"l1_ratio": 0.0, "bounds": (0, None)},
    ],
)
def test_one_call_and_steps_in_python_find_the_same(more, monkeypatch):
    X, Y = breast_cancer()
    lambdas = np.array([60.0, 20.0, 5.0])
    whole = flr.path(X, Y, lambdas=lambdas, tol=1e-11, **more)
    monkeypatch.setattr(compiled_penalised, "is_small", lambda shared, column: False)
    steps = flr.path(X, Y, lambdas=lambdas, tol=1e-11, **more)
    assert whole.costs == pytest.approx(steps.costs, abs=1e-11)
    assert (whole.bounds <= 1e-11).all()
    assert (steps.bounds <= 1e-11).all()
    assert ((whole.w == 0.0) == (steps.w == 0.0)).mean() > 0.95


def test_free_features_are_in_from_the_start():
    X, Y = breast_cancer()
    free = np.ones((30, 1))
    free[[3, 5]] = 0.0
    found = flr.path(X, Y, l1_ratio=1.0, lambdas=6, penalty_weights=free, tol=1e-9)
    assert found.w[[3, 5]].all()
    assert found.nonzeros[0] == 2
    alone = flr.train(X[[3, 5]], Y, solver="newton", tol=1e-12)
    assert found.w[[3, 5], 0] == pytest.approx(alone.w[:, 0], abs=1e-4)
    assert found.bounds.max() <= 1e-9


def test_a_path_may_end_early():
    X = np.linspace(-1.0, 1.0, 40)[None, :]
    more = {"stop_early": True, "lambda_min_ratio": 1e-7, "tol": 1e-8}
    found = flr.path(X, (X > 0).astype(int), l1_ratio=1.0, lambdas=60, **more)
    assert 5 <= len(found.lambdas) < 60
    assert found.w.shape == (1, len(found.lambdas))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"lambda_min_ratio": 2.0}, "lambda_min_ratio must be below 1"),
        ({"lambda_min_ratio": 0.0}, "lambda_min_ratio must be above 0"),
        ({"l1_ratio": 1.5}, "l1_ratio must be from 0"),
        ({"bounds": (0.0, 0.0)}, "lambdas must be given"),
    ],
)
def test_what_cannot_be_is_named(more, words):
    X, Y = breast_cancer()
    with pytest.raises(ValueError, match=words):
        flr.path(X, Y, **{"l1_ratio": 1.0, "lambdas": 5, **more})


def test_group_paths_have_their_proof():
    X, Y = breast_cancer()
    groups = [range(10), range(10, 20), range(20, 30)]
    found = flr.path(X, Y, l1_ratio=1.0, lambdas=8, feature_groups=groups, tol=1e-8)
    assert found.bounds.max() <= 1e-8
    there = found.w.reshape(3, 10, -1) != 0.0
    assert (there.all(axis=1) | ~there.any(axis=1)).all()
