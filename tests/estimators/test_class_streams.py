"""`partial_fit` for several classes: the optimum as long as the rows are kept, near it after that,
and classes that come late."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.optimize import check_grad

import fastlogreg as flr
from fastlogreg.estimators.class_stream import LARGEST_THETA, ClassStream


def drawn(m, n_x, K, seed, spread=1.0):
    """Rows of columns in several units, and labels by softmax of a linear model."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n_x))
    y = (spread * X @ rng.normal(size=(n_x, K)) + rng.gumbel(size=(m, K))).argmax(axis=1)
    return X * 3.0 ** rng.normal(size=n_x) + rng.normal(size=n_x), y


def streamed(model, X, y, batch, classes, weight=None):
    for lo in range(0, len(X), batch):
        part = slice(lo, lo + batch)
        model.partial_fit(X[part], y[part], classes, None if weight is None else weight[part])
    return model


def cost(model, X, y, C=1.0):
    """The sum of the losses and the penalty, which `fit` makes least."""
    log_p = model.predict_log_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return -log_p.sum() + 0.5 / C * np.sum(model.coef_**2)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("batch", [37, 800])
def test_as_long_as_the_rows_are_kept_it_is_the_optimum(intercept, batch):
    X, y = drawn(800, 5, 3, 0)
    s = np.random.default_rng(1).integers(0, 3, 800).astype(float)
    options = {"fit_intercept": intercept, "class_weight": {0: 2.0}}
    model = streamed(flr.LogisticRegression(**options), X, y, batch, range(3), s)
    best = flr.LogisticRegression(tol=1e-12, **options).fit(X, y, s)
    np.testing.assert_allclose(model.predict_proba(X), best.predict_proba(X), atol=1e-3)
    assert model.coef_.shape == (3, 5)
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0.0, atol=1e-9)
    if not intercept:
        np.testing.assert_array_equal(model.intercept_, 0.0)


@pytest.mark.parametrize("C", [1.0, 1e-3])
def test_beyond_that_it_stays_near(C):
    X, y = drawn(8000, 4, 4, 2)
    model = streamed(flr.LogisticRegression(C), X, y, 500, range(4))
    best = flr.LogisticRegression(C, tol=1e-12).fit(X, y)
    assert cost(model, X, y, C) <= 1.001 * cost(best, X, y, C)


@pytest.mark.parametrize("m", [900, 4000])
def test_a_class_that_comes_late_is_learned(m):
    X, y = drawn(m, 4, 4, 3)
    late = np.argsort(y == 2, kind="stable")
    first = late[: int(np.sum(y != 2)) // 2]
    rest = np.setdiff1d(np.arange(m), first)
    order = np.r_[first, np.random.default_rng(0).permutation(rest)]
    model, best = flr.LogisticRegression(), flr.LogisticRegression(tol=1e-10).fit(X, y)
    streamed(model, X[first], y[first], 100, range(4))
    share = model.predict_proba(X[first])[:, 2].mean()
    assert 0.0 < share < 2.0 / len(first)  # half an example
    streamed(model, X[order[len(first) :]], y[order[len(first) :]], 100, range(4))
    assert cost(model, X, y) <= 1.1 * cost(best, X, y)
    if m == 900:
        np.testing.assert_allclose(model.predict_proba(X), best.predict_proba(X), atol=1e-3)


def test_one_class_alone_gives_its_share():
    X, y = drawn(50, 3, 3, 4)
    model = flr.LogisticRegression().partial_fit(X, np.full(50, "b"), ["a", "b", "c"])
    np.testing.assert_allclose(
        model.predict_proba(X), np.tile([0.5, 50.5, 0.5], (50, 1)) / 51.5, atol=1e-12
    )
    assert (model.predict(X) == "b").all()
    model.partial_fit(X, np.array(["a", "b", "c"])[y])
    assert model.score(X, np.array(["a", "b", "c"])[y]) > 0.3


def test_separable_rows_without_a_penalty_end():
    X = np.arange(30.0)[:, None]
    y = np.repeat([0, 1, 2], 10)
    model = streamed(flr.LogisticRegression(np.inf), X, y, 10, range(3))
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) == 1.0


def test_the_derivatives_are_those_of_the_sum():
    X, y = drawn(40, 3, 3, 5)
    stream = ClassStream(X, 0.7, True, 3)
    stream.update(X, y.astype(np.int32), np.random.default_rng(0).random(40) + 0.5)
    theta = np.random.default_rng(1).normal(size=12)
    assert check_grad(stream._loss, stream._gradient, theta) < 1e-4
    _, gradient, H = stream._rows(theta)
    np.testing.assert_allclose(gradient, stream._gradient(theta), atol=1e-12)
    step = 1e-6 * np.random.default_rng(2).normal(size=12)
    change = stream._gradient(theta + step) - stream._gradient(theta - step)
    np.testing.assert_allclose(2.0 * H @ step, change, atol=1e-10)


def test_two_streams_of_the_same_batches_are_the_same():
    X, y = drawn(3000, 4, 3, 6)
    one, other = (streamed(flr.LogisticRegression(), X, y, 300, range(3)) for _ in range(2))
    np.testing.assert_array_equal(one.coef_, other.coef_)
    assert not hasattr(one, "cost_")


def test_what_it_does_not_take():
    X, y = drawn(60, 4, 3, 7)
    model = flr.LogisticRegression().partial_fit(X, y, [0, 1, 2])
    with pytest.raises(ValueError, match="y must hold labels of classes, 0, 1, 2; got 3"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X, y, [0, 1, 2, 3])
    wide = np.ones((3, LARGEST_THETA // 3))
    with pytest.raises(ValueError, match=r"at most 2000 for partial_fit .* 3 classes and 666 feat"):
        flr.LogisticRegression().partial_fit(wide, [0, 1, 2], [0, 1, 2])
