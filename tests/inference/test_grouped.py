"""Successes among trials: the summary and the influence are those of a row for each trial."""

import numpy as np
import pytest

import fastlogreg as flr

pytest.importorskip("sklearn")


def counts(seed=0, m=30):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 2)) * [3.0, 0.1] + [10.0, 0.0]
    trials = rng.integers(1, 12, m)
    successes = rng.binomial(trials, 1.0 / (1.0 + np.exp(-(X[:, 0] - 10.0) / 3.0)))
    return X, successes, trials


def each_trial(X, successes, trials):
    y = np.concatenate([[1] * k + [0] * (n - k) for k, n in zip(successes, trials)])
    return np.repeat(X, trials, axis=0), y


def model(**how):
    return flr.LogisticRegression(**{"C": np.inf, "tol": 1e-13, **how})


NUMBERS = ("coefficients", "standard_errors", "p_values", "lower", "upper")


@pytest.mark.parametrize("how", [{}, {"interval": "profile", "level": 0.9}])
def test_the_summary_is_that_of_a_row_for_each_trial(how):
    X, k, n = counts()
    found = model().fit_grouped(X, k, n).summary(**how)
    wanted = model().fit(*each_trial(X, k, n)).summary(**how)
    for name in NUMBERS:
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), rel=1e-7, abs=1e-9)
    assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=1e-12)
    assert found.null_log_likelihood == pytest.approx(wanted.null_log_likelihood, rel=1e-12)
    assert (found.total, found.examples) == (n.sum(), len(X))


def test_the_deviance_is_that_of_the_counts():
    """R's glm has 2 sum of k log(k / fitted) + (n - k) log((n - k) / fitted) for counts."""
    X, k, n = counts()
    found = model().fit_grouped(X, k, n)
    fitted = n * found.predict_proba(X)[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ones = np.where(k > 0, k * np.log(k / fitted), 0.0)
        zeros = np.where(k < n, (n - k) * np.log((n - k) / (n - fitted)), 0.0)
    assert found.summary().deviance == pytest.approx(2.0 * (ones + zeros).sum(), rel=1e-10)


@pytest.mark.parametrize("how", [{"C": 2.0}, {"bias_reduction": "firth"}, {"standardize": True}])
def test_other_fits_of_counts_have_a_summary_too(how):
    X, k, n = counts(1)
    found = model(**how).fit_grouped(X, k, n).summary()
    wanted = model(**how).fit(*each_trial(X, k, n)).summary()
    assert found.coefficients == pytest.approx(wanted.coefficients, rel=1e-7)
    assert found.standard_errors == pytest.approx(wanted.standard_errors, rel=1e-7)


def test_the_counts_can_be_given_once_more():
    X, k, n = counts(2)
    fit = model().fit_grouped(X, k, n, offset=np.linspace(-1.0, 1.0, len(X)))
    own = fit.summary()
    given = fit.summary(X, k, offset=np.linspace(-1.0, 1.0, len(X)), trials=n)
    assert given.standard_errors == pytest.approx(own.standard_errors)
    assert given.digest == own.digest
    with pytest.raises(ValueError, match="X and y must be those of the fit"):
        fit.summary(X, k, trials=n)  # without its offset
    with pytest.raises(ValueError, match="sample_weight must be None with trials"):
        fit.summary(X, k, n, trials=n)
    with pytest.raises(ValueError, match="successes must be from 0 to the trials of their row"):
        fit.summary(X, n + 1, trials=n)
    with pytest.raises(ValueError, match="for each of the 30 rows"):
        fit.summary(X, k[1:], trials=n[1:])
    with pytest.raises(ValueError, match="or trials"):
        flr.LogisticRegression.from_sklearn(fit.to_sklearn()).summary()


def test_nested_models_of_counts_are_compared():
    X, k, n = counts(3)
    small, large = model().fit_grouped(X[:, :1], k, n), model().fit_grouped(X, k, n)
    found = flr.compare_models(small.summary(), large)
    rows, y = each_trial(X, k, n)
    wanted = flr.compare_models(model().fit(rows[:, :1], y).summary(), model().fit(rows, y))
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-8)
    assert found.df == 1


def test_rows_are_clusters_of_their_trials():
    """A row is one observation: its score is the sum of those of its trials."""
    X, k, n = counts(4)
    rows, y = each_trial(X, k, n)
    clusters = np.repeat(np.arange(len(X)), n)
    by_rows = model().fit_grouped(X, k, n).summary(covariance="HC0").covariance
    wanted = model().fit(rows, y).summary(covariance="cluster", groups=clusters).covariance
    assert by_rows == pytest.approx(wanted * (len(X) - 1) / len(X), rel=1e-7)


def test_influence_is_that_of_rows_with_all_their_trials():
    X, k, n = counts(5)
    fit = model().fit_grouped(X, k, n)
    found = fit.influence(X, k, trials=n, dfbetas=True)
    rows, y = each_trial(X, k, n)
    of_trials = model().fit(rows, y).influence(rows, y)
    leverage = np.bincount(np.repeat(np.arange(len(X)), n), of_trials.leverage)
    assert found.leverage == pytest.approx(leverage, rel=1e-8)
    assert (found.deviance**2).sum() == pytest.approx(fit.summary().deviance, rel=1e-10)
    left = fit.leave_one_out(X, k, trials=n)
    i = int(found.cooks_distance.argmax())
    without = model().fit_grouped(np.delete(X, i, 0), np.delete(k, i), np.delete(n, i))
    assert left.probabilities[0, i] == pytest.approx(
        without.predict_proba(X[i : i + 1])[0, 1], abs=0.02
    )
