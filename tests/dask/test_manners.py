"""What Dask's estimator shares with the one in memory: intercept, tags, texts, weights."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("dask.array")

import dask.array as da

import fastlogreg.dask as fd

rows = np.arange(6.0)[:, None]
labels = np.array([0, 1, 0, 1, 1, 1])
X, y = da.from_array(rows, chunks=(3, 1)), da.from_array(labels, chunks=3)


def test_a_warm_start_without_an_intercept_begins_at_0():
    model = fd.LogisticRegression(warm_start=True, tol=1e-12).fit(X, y)
    model.set_params(fit_intercept=False).fit(X, y)
    assert model.coef_[0, 0] == pytest.approx(0.47414, abs=1e-5)
    assert model.intercept_[0] == 0.0
    assert model.n_iter_.shape == (1,)


def test_the_tags_say_dense_and_a_missing_y_is_named():
    assert not fd.LogisticRegression().__sklearn_tags__().input_tags.sparse
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        fd.LogisticRegression().fit(X, None)


def test_a_fit_ends_the_stream_before_it():
    model = fd.LogisticRegression().partial_fit(rows, 1 - labels, classes=[0, 1])
    model.fit(X, y).partial_fit(rows, labels)
    fresh = fd.LogisticRegression().partial_fit(rows, labels, classes=[0, 1])
    np.testing.assert_array_equal(model.coef_, fresh.coef_)


def test_weights_whose_sum_overflows_are_refused():
    with pytest.raises(ValueError, match="must add up to a finite number"):
        fd.LogisticRegression().fit(X, y, da.full(6, 1e308, chunks=3))
