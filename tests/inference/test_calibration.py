"""Calibration, Hosmer-Lemeshow and ROC: formulas in NumPy, scikit-learn's curve, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr


def outcomes(seed=0, m=60, slope=0.7):
    """Return labels, probabilities that are too extreme, and weights."""
    rng = np.random.default_rng(seed)
    z = 2.0 * rng.normal(size=m)
    y = (rng.random(m) < 1.0 / (1.0 + np.exp(-0.3 - slope * z))).astype(np.uint8)
    return y, 1.0 / (1.0 + np.exp(-z)), rng.integers(1, 5, m)


def newton(columns, y, s, offset=0.0):
    """Fit y to columns (m, p) by plain Newton: coefficients and covariance."""
    theta = np.zeros(columns.shape[1])
    for _ in range(60):
        a = 1.0 / (1.0 + np.exp(-(columns @ theta + offset)))
        information = (columns.T * (s * a * (1.0 - a))) @ columns
        theta = theta + np.linalg.solve(information, columns.T @ (s * (y - a)))
    return theta, np.linalg.inv(information)


def log_likelihood(y, s, z):
    return float(np.sum(s * (y * z - np.logaddexp(0.0, z))))


# ---------------------------------------------------------------- calibration


@pytest.mark.parametrize("kind", ["labels", "weights", "shares"])
def test_intercept_and_slope_are_those_of_a_fit_to_z(kind):
    y, a, s = outcomes()
    y, s = (0.8 * y + 0.1 if kind == "shares" else y), (np.ones(60) if kind == "labels" else s)
    found = flr.calibration(y, a, None if kind == "labels" else s)
    z = np.log(a / (1.0 - a))
    theta, covariance = newton(np.column_stack([np.ones(60), z]), y, s)
    np.testing.assert_allclose([found.intercept, found.slope], theta, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-8)
    errors = [found.intercept_error, found.slope_error]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(covariance)), rtol=1e-8)
    b, variance = newton(np.ones((60, 1)), y, s, z)
    assert found.in_the_large == pytest.approx(b[0], rel=1e-10)
    assert found.in_the_large_error == pytest.approx(float(np.sqrt(variance[0, 0])), rel=1e-10)
    gained = 2.0 * (log_likelihood(y, s, theta[0] + theta[1] * z) - log_likelihood(y, s, z))
    assert found.statistic == pytest.approx(gained, rel=1e-8)
    assert found.p_value == pytest.approx(np.exp(-0.5 * gained), rel=1e-8)  # 2 df: exact
    assert 0.3 < found.slope < 1.0


def test_a_fit_is_calibrated_on_its_own_examples():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(2, 80))
    Y = (rng.random((1, 80)) < 1.0 / (1.0 + np.exp(-X[:1]))).astype(np.uint8)
    for lambda_ in (0.0, 20.0):
        result = flr.train(X, Y, solver="newton", lambda_=lambda_, tol=1e-14)
        found = flr.calibration(Y, flr.predict_proba(result.w, result.b, X))
        assert found.in_the_large == pytest.approx(0.0, abs=1e-7)
        if lambda_:
            assert found.slope > 1.2  # a penalty draws probabilities together
        else:
            assert found.slope == pytest.approx(1.0, abs=1e-7)
            assert found.intercept == pytest.approx(0.0, abs=1e-7)
            assert found.p_value == pytest.approx(1.0, abs=1e-10)


def test_weights_are_repeated_examples():
    y, a, s = outcomes(1)
    one, other = flr.calibration(y, a, s), flr.calibration(np.repeat(y, s), np.repeat(a, s))
    for value, expected in zip(one, other):
        np.testing.assert_allclose(value, expected, rtol=1e-9)


def test_far_probabilities_still_have_an_average():
    """Newton's step from 0 alone would overshoot; where z lie far apart, the bracket halves."""
    a = np.array([1e-12, 1e-9, 1e-10, 1e-11])
    found = flr.calibration([0, 1, 0.5, 1], a)
    z = np.log(a / (1.0 - a)) + found.in_the_large
    assert float(np.sum(1.0 / (1.0 + np.exp(-z)))) == pytest.approx(2.5, rel=1e-12)
    a = np.array([1e-200, 1e-150, 1e-100, 1.0 - 1e-15, 1.0 - 1e-14])
    found = flr.calibration([0, 1, 0, 1, 0], a)
    z = np.log(a / (1.0 - a)) + found.in_the_large
    assert float(np.sum(1.0 / (1.0 + np.exp(-z)))) == pytest.approx(2.0, rel=1e-9)


@pytest.mark.parametrize(
    ("y", "a", "text"),
    [
        ([0, 1, 0], [0.1, 0.2], "y and probabilities must be as long as each other; got 3 and 2"),
        ([0, 2, 0], [0.1, 0.2, 0.3], r"y must hold labels 0 or 1.*got 2 at example 1.*y == 2"),
        ([0, 1, 1.5], [0.1, 0.2, 0.3], r"probabilities from 0 to 1; got 1.5 at example 2$"),
        ([1, 1, 1], [0.1, 0.2, 0.3], "y must hold both classes.*none of class 0"),
        ([0, 0, 0], [0.1, 0.2, 0.3], "y must hold both classes.*none of class 1"),
        ([0, 1, 0], [0.1, 1.2, 0.3], r"from 0 to 1; got 1.2 at example 1.*sigmoid"),
        ([0, 1, 0], [0.1, 1.0, 0.3], r"above 0 and below 1.*got 1 at example 1.*np\.clip"),
        ([0, 1, 0], [0.1, np.nan, 0.3], "probabilities must be finite; got nan at example 1"),
        ([0, 1, 0], [0.3, 0.3, 0.3], "must not all be equal.*all are 0.3"),
        ([0, 1, 0], [0.1, 0.9, 0.3], "must overlap between the classes"),
        ([1, 0, 0, 1], [0.1, 0.9, 0.3, 0.3], "must overlap between the classes"),
        ([0, 1], np.full((2, 2), 0.5), r"shape \(m,\) or \(1, m\).*probabilities\[:, 1\]"),
        ([[0], [1]], [0.5, 0.6], r"y must have shape.*y\.reshape\(-1\)"),
        (np.zeros((2, 3)), [0.5, 0.6], r"y must have shape .* got shape \(2, 3\)$"),
        ([], [], "y must hold one example at least"),
        ([0, None, 1], [0.1, 0.2, 0.3], "y"),
    ],
)
def test_what_has_no_calibration_is_refused(y, a, text):
    with pytest.raises(ValueError, match=text):
        flr.calibration(y, a)


def test_words_and_wrong_weights_are_refused():
    with pytest.raises(TypeError, match=r"y must hold numbers.*y == "):
        flr.calibration(["a", "b"], [0.1, 0.2])
    with pytest.raises(TypeError, match="scores must hold real numbers"):
        flr.roc([0, 1], ["low", "high"])
    y, a, _ = outcomes()
    for weights, text in (
        (np.ones(59), "y and weights must be as long as each other; got 60 and 59"),
        (np.full(60, -1.0), "weights must be finite, not negative"),
        (np.zeros(60), "weights must hold one above 0"),
        (y, "both classes, with weights above 0; got none of class 0"),
    ):
        with pytest.raises(ValueError, match=text):
            flr.calibration(y, a, weights)


def test_nearly_equal_probabilities_are_refused_or_fitted_with_a_wide_error():
    y = np.arange(20) % 2
    a = 0.5 + 1e-9 * np.sin(np.arange(20.0))
    found = flr.calibration(y, a)
    assert found.slope_error > 1e7


# ---------------------------------------------------------------- Hosmer and Lemeshow


def by_hand(y, a, groups):
    """Return the statistic, group by group, as the book writes it."""
    edges = np.unique(np.quantile(a, np.arange(groups + 1) / groups))
    total, used = 0.0, 0
    for k in range(len(edges) - 1):
        own = (a <= edges[k + 1]) & ((a > edges[k]) | (k == 0))
        if own.any():
            n, o, mean = own.sum(), y[own].sum(), a[own].mean()
            total += (o - n * mean) ** 2 / (n * mean * (1.0 - mean))
            used += 1
    return total, used


@pytest.mark.parametrize("groups", [3, 10, 25])
@pytest.mark.parametrize("round_to", [1, 12])
def test_the_statistic_is_that_of_its_formula(groups, round_to):
    y, a, _ = outcomes(2, 200)
    a = np.clip(a.round(round_to), 0.02, 0.98)
    found = flr.hosmer_lemeshow(y, a, groups=groups)
    statistic, used = by_hand(y.astype(float), a, groups)
    assert found.statistic == pytest.approx(statistic, rel=1e-9)
    assert (found.df, len(found.counts)) == (used - 2, used)
    assert found.counts.sum() == 200
    assert found.observed.sum() == y.sum()
    assert found.expected.sum() == pytest.approx(a.sum(), rel=1e-12)
    assert flr.hosmer_lemeshow(y, a, groups, fitted=False).df == used
    stats = pytest.importorskip("scipy.stats")
    assert found.p_value == pytest.approx(stats.chi2.sf(statistic, used - 2), rel=1e-9)


def test_certain_groups_fit_or_fit_not_at_all():
    a = np.repeat([0.0, 0.25, 0.5, 1.0], 4)
    y = np.repeat([0, 1], [7, 9])
    y[8:10] = 0
    found = flr.hosmer_lemeshow(y, a, groups=4)
    assert (found.statistic, found.p_value, found.counts.tolist()) == (0.0, 1.0, [4, 4, 4, 4])
    y[0] = 1
    assert flr.hosmer_lemeshow(y, a, groups=4)[:3] == (np.inf, 2, 0.0)


def test_groups_that_cannot_be_made_are_refused():
    y, a, _ = outcomes()
    with pytest.raises(ValueError, match="groups must be at least 3; got 2"):
        flr.hosmer_lemeshow(y, a, groups=2)
    with pytest.raises(ValueError, match="3 groups at least; between their quantiles there are 1"):
        flr.hosmer_lemeshow(y, np.full(60, 0.5))
    with pytest.raises(ValueError, match=r"from 0 to 1; got -0\.5"):
        flr.hosmer_lemeshow(y, a - 0.5 - a)


# ---------------------------------------------------------------- ROC


def pairs(y, scores):
    """Return the area and DeLong's standard error from all pairs."""
    ones, zeros = scores[y == 1], scores[y == 0]
    wins = (ones[:, None] > zeros) + 0.5 * (ones[:, None] == zeros)
    v1, v0 = wins.mean(axis=1), wins.mean(axis=0)
    return wins.mean(), np.sqrt(v1.var(ddof=1) / len(ones) + v0.var(ddof=1) / len(zeros))


@given(
    data=st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), max_size=30),
    level=st.sampled_from([0.5, 0.95]),
)
@settings(max_examples=60, deadline=None)
def test_the_area_and_its_error_are_those_of_all_pairs(data, level):
    y = np.array([1, 1, 0, 0, *(label for label, _ in data)], dtype=np.uint8)
    scores = np.array([0.0, 2.0, 1.0, 0.0, *(score for _, score in data)])
    found = flr.roc(y, scores, level=level)
    area, error = pairs(y, scores)
    assert found.area == pytest.approx(area, rel=1e-12, abs=1e-15)
    assert found.standard_error == pytest.approx(error, rel=1e-9, abs=1e-12)
    low, high = found.interval
    assert 0.0 <= low <= found.area <= high <= 1.0
    turned = flr.roc(y, -scores)
    assert turned.area == pytest.approx(1.0 - area, abs=1e-12)
    assert turned.standard_error == pytest.approx(error, rel=1e-9, abs=1e-12)
    moved = flr.roc(y, np.exp(scores))
    assert moved[:2][1].tolist() == found.true_positive_rate.tolist()
    assert moved.area == found.area


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("round_to", [1, 12])
def test_the_curve_is_that_of_scikit_learn(weighted, round_to):
    metrics = pytest.importorskip("sklearn.metrics")
    y, a, s = outcomes(4, 300)
    a, s = a.round(round_to), s if weighted else None
    found = flr.roc(y, a, s)
    fpr, tpr, thresholds = metrics.roc_curve(y, a, sample_weight=s, drop_intermediate=False)
    np.testing.assert_allclose(found.false_positive_rate, fpr, rtol=1e-13)
    np.testing.assert_allclose(found.true_positive_rate, tpr, rtol=1e-13)
    np.testing.assert_array_equal(found.thresholds, thresholds)
    expected = metrics.roc_auc_score(y, a, sample_weight=s)
    assert found.area == pytest.approx(expected, rel=1e-13)


def test_weights_and_shares_count_examples():
    y, a, s = outcomes(5)
    a = a.round(1)
    one, other = flr.roc(y, a, s), flr.roc(np.repeat(y, s), np.repeat(a, s))
    assert one.area == pytest.approx(other.area, rel=1e-13)
    assert one.standard_error == pytest.approx(other.standard_error, rel=1e-11)
    # Three ones of four trials, as a share with a weight.
    score = [0.1, 0.5, 0.9]
    shares = flr.roc([0.25, 0.5, 0.75], score, [4, 4, 4])
    each = np.repeat([0, 1, 0, 1, 0, 1], [3, 1, 2, 2, 1, 3])
    trials = flr.roc(each, np.repeat(score, 4))
    assert shares.area == pytest.approx(trials.area, rel=1e-13)
    assert shares.standard_error == pytest.approx(trials.standard_error, rel=1e-12)
    assert shares.interval == pytest.approx(trials.interval, rel=1e-12)


def test_classes_apart_have_no_error_and_one_example_has_none_to_tell():
    assert flr.roc([0, 0, 1, 1], [1, 2, 3, 4])[3:] == (1.0, 0.0, (1.0, 1.0))
    single = flr.roc([0, 0, 1], [1, 3, 2])
    assert single.area == 0.5
    assert np.isnan([single.standard_error, *single.interval]).all()
    level = flr.roc([0, 1, 0, 1], [1, 1, 1, 1])
    assert level.area == 0.5
    assert level.thresholds.tolist() == [np.inf, 1.0]


def test_both_notations_are_taken():
    y, a, _ = outcomes()
    flat, row = flr.roc(y, a), flr.roc(y[None], a[None].astype(np.float32).astype(np.float64))
    assert row.area == pytest.approx(flat.area, rel=1e-6)
    assert flr.roc(y.astype(bool), (100.0 * a).astype(np.uint8)).area > 0.5


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.5])
def test_a_level_outside_is_refused(level):
    with pytest.raises(ValueError, match="level must be above 0"):
        flr.roc([0, 1], [1.0, 2.0], level=level)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="scores must be finite; got inf at example 1"):
        flr.roc([0, 1], [1.0, np.inf])
