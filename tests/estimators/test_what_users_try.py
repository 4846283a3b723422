"""Parameters of other packages, columns of words, and weights that leave one class."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier

import fastlogreg as flr


@pytest.mark.parametrize("kind", [flr.LogisticRegression, flr.LogisticRegressionCV])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("penalty", "l1_ratio is the share of L1: 1 for penalty='l1'"),
        ("n_jobs", "n_threads is how many threads"),
        ("random_state", "nothing here is random"),
        ("toll", r"did you mean tol\?"),
        ("zzz", "it has C"),
    ],
)
def test_parameters_of_other_packages(kind, name, hint):
    with pytest.raises(TypeError, match=f"{kind.__name__} has no parameter '{name}': {hint}"):
        kind(**{name: "l1"})


def test_what_builds_estimators_is_not_disturbed():
    model = flr.LogisticRegression(2.0, tol=1e-5)
    assert clone(model).get_params() == pickle.loads(pickle.dumps(model)).get_params()
    assert next(iter(inspect.signature(flr.LogisticRegression).parameters)) == "C"

    class Own(flr.LogisticRegression):
        def __init__(self, **anything):
            super().__init__()
            self.anything = anything

    assert Own(penalty="l1").anything == {"penalty": "l1"}


def test_columns_that_are_no_numbers_are_named():
    pd = pytest.importorskip("pandas")
    y = [0, 1] * 3
    frame = pd.DataFrame({"a": ["x", "y"] * 3, "b": range(6), "c": ["u", "v"] * 3})
    for kind in (flr.LogisticRegression, flr.LogisticRegressionCV):
        with pytest.raises(ValueError, match=r"columns do not: 'a' \(.*\), 'c' \(.*get_dummies"):
            kind().fit(frame, y)
    model = flr.LogisticRegression().fit(frame[["b"]], y)
    with pytest.raises(ValueError, match=r"columns do not: 'b' \("):
        model.predict(frame[["a"]].rename(columns={"a": "b"}))
    assert model.fit(frame[["b"]].astype(object), y).coef_.shape == (1, 1)
    words = pd.DataFrame({"a": pd.Categorical(["x", "y"] * 3), "b": range(6)})
    with pytest.raises(ValueError, match=r"'a' \(category\)"):
        flr.LogisticRegression().fit(words, y)
    days = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=6), "b": range(6)})
    with pytest.raises(ValueError, match=r"'day' \(datetime.*dt\.year"):
        flr.LogisticRegression().fit(days, y)
    for X in (frame, frame.T):
        with pytest.raises(TypeError, match=r"columns do not: 'a' \(.*\), 'c'"):
            flr.train(X, [y])


@pytest.mark.parametrize("classes", [2, 3])
def test_weights_that_leave_one_class(classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), np.arange(30) % classes
    for only in range(classes):
        with pytest.warns(flr.TrainingWarning, match=f"says it always: {only}"):
            model = flr.LogisticRegression().fit(X, y, sample_weight=(y == only) * 2.0)
        assert (model.predict(X) == only).all()
        assert model.predict_proba(X).shape == (30, classes)
        assert model.predict_proba(X)[:, only] == pytest.approx(1.0)
        assert (model.coef_ == 0.0).all()
        assert 0.0 <= model.cost_ <= model.suboptimality_bound_ < 1e-15
    with pytest.raises(ValueError, match="one class"):
        flr.LogisticRegression().fit(X, np.zeros(30))
    with pytest.raises(ValueError, match="one class"):
        flr.LogisticRegression(fit_intercept=False).fit(X, y, sample_weight=(y == 0) * 1.0)
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        flr.LogisticRegression().fit(X, y, sample_weight=(y == 0) * 1.0)


@pytest.mark.filterwarnings("ignore:all rows of positive weight")
def test_bagging_with_a_rare_class():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), np.array([0] * 199 + [1])
    model = BaggingClassifier(flr.LogisticRegression(), n_estimators=20, random_state=0).fit(X, y)
    assert model.score(X, y) == pytest.approx(0.995)
