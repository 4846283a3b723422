"""Streams whose columns change their scale: the optimum all the same, to what a stream promises."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastlogreg as flr


def streamed(C, batches):
    """The estimator after all batches, (X (rows, n_x), y)."""
    model = flr.LogisticRegression(C=C)
    for X, y in batches:
        model.partial_fit(np.array(X, float).reshape(len(y), -1), np.array(y), classes=[0, 1])
    return model


def excess(C, batches):
    """The sum of losses and penalty of the stream above that of `fit` on all rows."""
    X = np.vstack([np.array(X, float).reshape(len(y), -1) for X, y in batches])
    y = np.concatenate([y for _, y in batches])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = flr.LogisticRegression(C=C, tol=1e-12).fit(X, y)

    def total(model):
        w, b = model.coef_[0], model.intercept_[0]
        return np.logaddexp(0.0, np.where(y == 1, -1.0, 1.0) * (X @ w + b)).sum() + w @ w / C / 2

    return total(streamed(C, batches)) - total(whole)


def test_a_later_batch_of_another_scale():
    """The first gave coef 1898, the second 50491: the step was taken after halving gave up."""
    model = streamed(
        1000.0, [([x], [y]) for x, y in zip([-0.37, 0.04, 1.18, 8, 10, -24], [1, 1, 0] * 2)]
    )
    assert model.coef_[0, 0] == pytest.approx(0.248, abs=2e-3)
    assert model.intercept_[0] == pytest.approx(0.769, abs=2e-3)
    model = streamed(np.inf, [([-0.07, -0.1], [0, 1]), ([1.92, -1.3], [1, 0])])
    assert model.coef_[0, 0] == pytest.approx(3.64, abs=0.02)


@pytest.mark.parametrize("C", [1e-2, 1.0, 1e3, np.inf])
def test_streams_whose_scale_jumps_end_near_the_optimum(C):
    rng = np.random.default_rng(21)
    for _ in range(150):
        rows, n_x = int(rng.choice([1, 2, 5, 100])), int(rng.integers(1, 4))
        w, batches = rng.normal(size=n_x), []
        for _ in range(int(rng.integers(2, 5))):
            X = rng.normal(size=(rows, n_x)) * 10.0 ** rng.uniform(-3, 3, n_x)
            z = X @ w
            batches.append((X, (z + rng.logistic(size=rows) * np.abs(z).mean() > 0).astype(int)))
        if len({*np.concatenate([y for _, y in batches])}) == 2:
            assert excess(C, batches) <= 1e-3 * (n_x + 1), batches


@pytest.mark.parametrize("factor", [1e4, 1e6, 1e8])
def test_one_column_a_million_times_larger_in_the_second_batch(factor):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        batches = []
        for scale in (1.0, factor):
            X = rng.normal(size=(100, 2))
            y = (X.sum(axis=1) + rng.logistic(size=100) > 0).astype(int)
            batches.append((X * [scale, 1.0], y))
        assert excess(1.0, batches) <= 3e-3
