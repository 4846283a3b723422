"""partial_fit: how near a stream of batches comes to the optimum of all rows, and what it does with
hostile ones."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.estimators.stream import Stream
from tests.helpers.comparison import WITHOUT_JIT

long = pytest.mark.skipif(WITHOUT_JIT, reason="tens of thousands of rows, one by one")


def stationary(m=20_000, n_x=12, seed=0, scales=1.0, means=0.0):
    """Correlated columns, noisy labels."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(n_x, n_x)) / np.sqrt(n_x) + np.eye(n_x)
    standard = rng.normal(size=(m, n_x)) @ mix
    w = rng.normal(size=n_x)
    y = standard @ w / np.std(standard @ w) * 2.0 + rng.logistic(size=m) > 0.3
    return standard * scales + means, y.astype(int)


def streamed(X, y, batch, **options):
    model = flr.LogisticRegression(**options)
    for lo in range(0, len(X), batch):
        model.partial_fit(X[lo : lo + batch], y[lo : lo + batch], classes=[0, 1])
    return model


def cost(model, X, y):
    """J of a fitted model, C = 1, by the definition."""
    z = X @ model.coef_[0] + model.intercept_[0]
    return np.mean(np.logaddexp(0.0, np.where(y == 1, -z, z))) + 0.5 * np.sum(model.coef_**2) / len(
        X
    )


@long
@pytest.mark.parametrize("batch", [40, 300, 5000])
def test_near_the_optimum(batch):
    """Within a tenth of a per cent of the optimal cost on 20,000 rows, whatever the batches."""
    X, y = stationary()
    best = flr.LogisticRegression(tol=1e-10).fit(X, y)
    assert best.cost_ <= cost(streamed(X, y, batch), X, y) <= 1.001 * best.cost_


def test_a_short_stream_is_exact():
    """Up to 1000 rows all are kept: the optimum of `fit`, to the tolerance."""
    X, y = stationary(900)
    best = flr.LogisticRegression(tol=1e-12).fit(X, y)
    found = streamed(X, y, 90)
    assert best.cost_ <= cost(found, X, y) <= best.cost_ * (1.0 + 1e-5)
    np.testing.assert_allclose(found.coef_, best.coef_, rtol=0.02, atol=0.01)


@long
def test_more_rows_come_nearer():
    X, y = stationary(40_000)
    best = flr.LogisticRegression(tol=1e-10).fit(X, y)
    model = flr.LogisticRegression()
    distances = []
    for lo in range(0, len(X), 500):
        model.partial_fit(X[lo : lo + 500], y[lo : lo + 500], classes=[0, 1])
        distances.append(cost(model, X, y) - best.cost_)
    assert distances[0] > 10 * distances[10] > 100 * distances[-1] > 0.0


@long
def test_unscaled_columns():
    """Columns over nine decades, and far from zero: the same predictions."""
    plain, y = stationary(8000)
    scales, means = np.logspace(-4, 5, 12), np.logspace(5, -2, 12)
    scaled = plain * scales + means
    penalised = flr.LogisticRegression(tol=1e-9).fit(scaled, y).cost_
    free = (
        flr.LogisticRegression(1e6, tol=1e-9).fit(plain, y).cost_
    )  # without a penalty the scales do not matter
    for C, best in ((1.0, penalised), (1e6, free)):
        found = streamed(scaled, y, 300, C=C)
        z = np.where(y == 1, -1.0, 1.0) * found.decision_function(scaled)
        J = np.mean(np.logaddexp(0.0, z)) + (
            0.5 * np.sum(found.coef_**2) / len(y) if C == 1.0 else 0.0
        )
        assert best * (1 - 1e-5) <= J <= 1.01 * best


@long
def test_without_intercept_and_with_weights():
    X, y = stationary(6000)
    weight = np.random.default_rng(1).integers(0, 4, len(y)).astype(float)
    best = flr.LogisticRegression(fit_intercept=False, class_weight={1: 3.0}).fit(X, y, weight)
    model = flr.LogisticRegression(fit_intercept=False, class_weight={1: 3.0})
    for lo in range(0, len(X), 500):
        part = slice(lo, lo + 500)
        model.partial_fit(X[part], y[part], classes=[0, 1], sample_weight=weight[part])
    assert model.intercept_[0] == 0.0
    np.testing.assert_allclose(model.coef_, best.coef_, atol=0.1 * np.abs(best.coef_).max())
    repeated = flr.LogisticRegression(fit_intercept=False, class_weight={1: 3.0})
    for lo in range(0, len(X), 500):
        part = np.repeat(np.arange(lo, lo + 500), weight[lo : lo + 500].astype(int))
        repeated.partial_fit(X[part], y[part], classes=[0, 1])
    np.testing.assert_allclose(model.coef_, repeated.coef_, atol=0.1 * np.abs(best.coef_).max())


@pytest.mark.parametrize("C", [1.0, np.inf])
def test_one_class_after_the_other(C):
    """Not what it is for: the result is finite and better than no model."""
    X, y = stationary(4000)
    order = np.argsort(y, kind="stable")
    model = flr.LogisticRegression(C)
    for lo in range(0, len(X), 250):
        part = order[lo : lo + 250]
        model.partial_fit(X[part], y[part], classes=[0, 1])
        assert np.isfinite(model.coef_).all()
        if y[order[: lo + 250]].max() == 0:
            assert (model.predict(X) == 0).all()
    assert model.score(X, y) > flr.LogisticRegression(C).fit(X, y).score(X, y) - 0.03


def test_separable():
    X, y = stationary(3000)
    y = (X[:, 0] > 0).astype(int)
    model = streamed(X, y, 100, C=np.inf)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) > 0.98


@pytest.mark.parametrize("columns", ["constant", "duplicated", "zero", "single row"])
def test_degenerate_columns(columns):
    X, y = stationary(3000)
    if columns == "constant":
        X[:, 3] = 5.0
    if columns == "duplicated":
        X[:, 3] = X[:, 4]
    if columns == "zero":
        X[:, 3] = 0.0
    model = flr.LogisticRegression(C=np.inf)
    if columns == "single row":
        model.partial_fit(X[:1], y[:1], classes=[0, 1])
    for lo in range(0, 3000, 300):
        model.partial_fit(X[lo : lo + 300], y[lo : lo + 300], classes=[0, 1])
    best = flr.LogisticRegression(C=1e9, tol=1e-10).fit(X, y)
    z = np.where(y == 1, -1.0, 1.0) * model.decision_function(X)
    assert np.mean(np.logaddexp(0.0, z)) <= 1.02 * best.cost_


def test_wider_data_waits_for_new_rows(monkeypatch):
    """Above SMALL a Hessian is taken for every tenth of the rows kept only, and when they are
    folded in."""
    monkeypatch.setattr("fastlogreg.estimators.stream.SMALL", 0.0)
    X, y = stationary(3000)
    calls = 0
    original = Stream._minimise

    def counted(self):
        nonlocal calls
        calls += 1
        original(self)

    monkeypatch.setattr(Stream, "_minimise", counted)
    model = streamed(X, y, 10)
    assert 20 <= calls <= 110
    best = flr.LogisticRegression(tol=1e-10).fit(X, y)
    assert cost(model, X, y) <= 1.02 * best.cost_


def test_labels_of_any_kind_and_pickle():
    X, y = stationary(1500)
    names = np.array(["no", "yes"])[y]
    model = flr.LogisticRegression()
    model.partial_fit(X[:500], names[:500], classes=["yes", "no"])
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        each.partial_fit(X[500:], names[500:])
    np.testing.assert_array_equal(model.coef_, copy.coef_)
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(X)) == {"no", "yes"}
    assert model.n_iter_ >= 2
    assert not hasattr(model, "cost_")


def test_fit_begins_a_new_stream():
    X, y = stationary(1000)
    model = flr.LogisticRegression().partial_fit(X, 1 - y, classes=[0, 1])
    model.fit(X, y)
    assert hasattr(model, "cost_")
    model.partial_fit(X, y)
    fresh = flr.LogisticRegression().partial_fit(X, y, classes=[0, 1])
    np.testing.assert_array_equal(model.coef_, fresh.coef_)
    assert not hasattr(model, "cost_")


BATCH = np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("options", "arguments", "said"),
    [
        ({}, {}, "classes must be passed on the first call to partial_fit"),
        ({}, {"classes": [0]}, "classes must hold two labels or more; got 0"),
        ({}, {"classes": [0, 2]}, r"y must hold labels of classes, 0, 2; got 1"),
        (
            {},
            {"classes": [0, 1], "sample_weight": [1, 1, -1, 1]},
            "Negative values in data passed to `sample_weight`",
        ),
        (
            {},
            {"classes": [0, 1], "X": np.full((4, 3), np.nan)},
            "Input X contains NaN: in row 0, column 0",
        ),
        ({}, {"classes": [0, 1], "X": np.ones((3, 3))}, "inconsistent numbers of samples"),
        (
            {},
            {"classes": [0, 1], "X": np.ones((4, 2001))},
            "X must have at most 2000 features for partial_fit",
        ),
        (
            {"class_weight": {"0": 50, 1: 1}},
            {"classes": [0, 1]},
            r"class_weight must have labels of y for keys: 0, 1; got \['0'\]",
        ),
        (
            {"class_weight": {0: 0.0}},
            {"classes": [0, 1]},
            "class_weight must be above 0",
        ),
        (
            {},
            {"classes": [0, 1], "sample_weight": [1e308] * 4},
            r"must not add up to more than 1e\+150 in a batch; got inf",
        ),
        ({"C": -1.0}, {"classes": [0, 1]}, "C must be above 0"),
    ],
)
def test_bad_arguments(options, arguments, said):
    with pytest.raises(ValueError, match=said):
        flr.LogisticRegression(**options).partial_fit(**{"X": BATCH[0], "y": BATCH[1], **arguments})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"class_weight": "balanced"}, "class_weight must be None or a dict"),
        ({"standardize": True}, "standardize must be False for partial_fit"),
    ],
)
def test_what_needs_all_rows_at_once_has_no_partial_fit(options, said):
    model = flr.LogisticRegression(**options)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        _ = model.partial_fit
    assert said in str(caught.value.__cause__)
    model.set_params(class_weight=None, standardize=False).partial_fit(*BATCH, classes=[0, 1])


def test_a_stream_keeps_its_intercept():
    model = flr.LogisticRegression().partial_fit(*BATCH, classes=[0, 1])
    with pytest.raises(ValueError, match="fit_intercept must stay True, as it was when this"):
        model.set_params(fit_intercept=False).partial_fit(*BATCH)
    model.set_params(fit_intercept=True).partial_fit(*BATCH)
    model.set_params(fit_intercept=False).fit(*BATCH).partial_fit(*BATCH)  # another stream
    assert model.intercept_ == 0.0


def test_bad_second_batches():
    """They are refused, and the stream goes on as if they had not come."""
    X, y = stationary(400)
    model = flr.LogisticRegression().partial_fit(X[:200], y[:200], classes=[0, 1])
    before = model.coef_.copy()
    for bad, text in (
        ((X[:5, :4], y[:5]), "X has 4 features, but LogisticRegression is expecting 12"),
        ((X[:5], y[:5] + 7), "y must hold labels of classes, 0, 1; got 7"),
        ((np.where(X[:5] > 0, np.inf, X[:5]), y[:5]), "Input X contains infinity"),
    ):
        with pytest.raises(ValueError, match=text):
            model.partial_fit(*bad)
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X[:5], y[:5], classes=[1, 2])
    np.testing.assert_array_equal(model.coef_, before)
    model.partial_fit(X[200:], y[200:])
    expected = (
        flr.LogisticRegression()
        .partial_fit(X[:200], y[:200], classes=[0, 1])
        .partial_fit(X[200:], y[200:])
    )
    np.testing.assert_array_equal(model.coef_, expected.coef_)
