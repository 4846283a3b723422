"""What scikit-learn expects beyond its own checks; labels, masks and weights of every kind."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Peer

import fastlogreg as flr
from fastlogreg.estimators import predictions

X = np.arange(6.0)[:, None]
y = np.array([0, 1, 0, 1, 1, 1])
MASK = np.arange(6) == 2


# ---------------------------------------------------------------- an intercept that is switched off


def test_a_warm_start_without_an_intercept_begins_at_0():
    model = flr.LogisticRegression(warm_start=True, tol=1e-12).fit(X, y)
    assert model.intercept_[0] == pytest.approx(-0.8528, abs=1e-4)
    model.set_params(fit_intercept=False).fit(X, y)
    assert model.coef_[0, 0] == pytest.approx(0.47414, abs=1e-5)
    assert model.intercept_[0] == 0.0


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("solver", ["auto", "newton", "lbfgs", "nesterov", "gd"])
def test_a_model_of_scikit_learn_can_lose_its_intercept(solver, standardize):
    model = flr.LogisticRegression.from_sklearn(Peer().fit(X, y))
    options = {"fit_intercept": False, "standardize": standardize, "solver": solver, "tol": 1e-10}
    fresh = flr.LogisticRegression(**options).fit(X, y)
    model.set_params(warm_start=True, **options).fit(X, y)
    np.testing.assert_allclose(model.coef_, fresh.coef_, rtol=1e-4)
    assert model.intercept_[0] == 0.0


def test_an_intercept_can_come_back():
    model = flr.LogisticRegression(warm_start=True, fit_intercept=False, tol=1e-12).fit(X, y)
    model.set_params(fit_intercept=True).fit(X, y)
    np.testing.assert_allclose([*model.coef_[0], *model.intercept_], [0.7102, -0.8528], atol=1e-4)


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("labels", "kind"),
    [([0, 1], "i"), ([False, True], "b"), ([0.0, 1.0], "f"), ([0, 1.0], "f")],
)
def test_numbers_held_as_objects_are_numbers(labels, kind):
    held = np.array([labels[k] for k in y], dtype=object)
    model = flr.LogisticRegression().fit(X, held)
    np.testing.assert_array_equal(model.coef_, flr.LogisticRegression().fit(X, y).coef_)
    assert model.classes_.dtype.kind == kind
    batch = flr.LogisticRegression().partial_fit(X, held, classes=labels)
    np.testing.assert_array_equal(
        batch.predict(X), np.array(labels)[(batch.decision_function(X) > 0) * 1]
    )


@pytest.mark.parametrize("missing", [None, np.nan, "NA", "NaT"])
@pytest.mark.parametrize("labels", [[False, True], ["no", "yes"], [0, 1]])
def test_a_missing_label_is_named(labels, missing):
    pandas = pytest.importorskip("pandas")
    missing = {"NA": pandas.NA, "NaT": pandas.NaT}.get(missing, missing)
    held = np.array([labels[k] for k in y], dtype=object)
    held[4] = missing
    for each in (held, pandas.Series(held), list(held)):
        with pytest.raises(
            ValueError, match="Input y contains NaN: y has a missing label: example 4"
        ):
            flr.LogisticRegression().fit(X, each)
        with pytest.raises(ValueError, match="y has a missing label: example 4"):
            flr.LogisticRegression().partial_fit(X, each, classes=labels)


@pytest.mark.parametrize("dtype", ["string", "Int64", "boolean", "category"])
def test_a_missing_label_of_a_frame_is_named(dtype):
    pandas = pytest.importorskip("pandas")
    labels = {
        "string": ["no", "yes"],
        "category": ["no", "yes"],
        "Int64": [0, 1],
        "boolean": [False, True],
    }
    series = pandas.Series([labels[dtype][k] for k in y], dtype=dtype)
    assert len(flr.LogisticRegression().fit(X, series).classes_) == 2
    series[3] = None
    with pytest.raises(ValueError, match="missing label: example 3"):
        flr.LogisticRegression().fit(X, series)


# ---------------------------------------------------------------- masks


def test_masked_entries_are_refused():
    masked = {
        "X": np.ma.array(X, mask=MASK[:, None]),
        "y": np.ma.array(y, mask=MASK),
        "sample_weight": np.ma.array(np.ones(6), mask=MASK),
    }
    given = {"X": X, "y": y, "sample_weight": None}
    for name, array in masked.items():
        text = (
            "missing label: example 2"
            if name == "y"
            else rf"{name} must have no masked entries.*{name}\[2"
        )
        with pytest.raises(ValueError, match=text):
            flr.LogisticRegression().fit(**{**given, name: array})
        with pytest.raises(ValueError, match=text):
            flr.LogisticRegression().partial_fit(**{**given, name: array}, classes=[0, 1])
    model = flr.LogisticRegression().fit(X, y)
    for predict in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(ValueError, match="X must have no masked entries"):
            predict(masked["X"])
    with pytest.raises(ValueError, match="out must be a writeable array of floats"):
        model.predict_proba(X, out=np.ma.zeros((6, 2)))


def test_an_array_without_masked_entries_is_what_it_is():
    model = flr.LogisticRegression().fit(np.ma.array(X), np.ma.array(y), np.ma.ones(6))
    np.testing.assert_array_equal(model.coef_, flr.LogisticRegression().fit(X, y, np.ones(6)).coef_)


# ---------------------------------------------------------------- weights


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0}])
def test_weights_whose_sum_overflows(class_weight):
    """Their penalty is nothing beside them: the optimum is that of C = infinity."""
    options = {"class_weight": class_weight, "tol": 1e-10}
    model = flr.LogisticRegression(**options).fit(X, y, np.full(6, 1e308))
    free = flr.LogisticRegression(np.inf, **options).fit(X, y)
    np.testing.assert_allclose(model.coef_, free.coef_, rtol=1e-6)
    if class_weight is None:
        np.testing.assert_allclose(
            [*model.coef_[0], *model.intercept_], [1.1447, -1.6253], atol=1e-4
        )


def test_weights_and_penalty_of_another_size_are_the_same_problem():
    heavy = flr.LogisticRegression(1e-200, tol=1e-10).fit(X, y, np.full(6, 1e200))
    plain = flr.LogisticRegression(tol=1e-10).fit(X, y)
    np.testing.assert_allclose(heavy.coef_, plain.coef_, rtol=1e-6)


# ---------------------------------------------------------------- into the memory of X


@pytest.mark.parametrize("view", ["reversed", "itself", "half"])
def test_probabilities_may_lie_in_the_memory_of_X(monkeypatch, view):
    monkeypatch.setattr(predictions, "_ROWS", 64)
    rows = np.random.default_rng(0).normal(size=(400, 2))
    model = flr.LogisticRegression().fit(rows, rows[:, 0] > 0.1)
    held = np.concatenate([rows, rows])
    X, out = {
        "reversed": (held[:400], held[:400][::-1]),
        "itself": (held[:400], held[:400]),
        "half": (held[:400], held[200:600]),
    }[view]
    expected = model.predict_proba(rows)
    assert model.predict_proba(X, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_probabilities_into_another_map_of_the_file_of_X(monkeypatch, tmp_path):
    monkeypatch.setattr(predictions, "_ROWS", 64)
    rows = np.random.default_rng(0).normal(size=(400, 2))
    model = flr.LogisticRegression().fit(rows, rows[:, 0] > 0.1)
    rows.tofile(tmp_path / "X")
    X, out = (np.memmap(tmp_path / "X", np.float64, mode, shape=(400, 2)) for mode in ("r", "r+"))
    model.predict_proba(X, out=out[::-1])
    np.testing.assert_array_equal(out[::-1], model.predict_proba(rows))


# ---------------------------------------------------------------- attributes


def test_n_iter_is_an_array_as_scikit_learns():
    model = flr.LogisticRegression().fit(X, y)
    theirs = model.to_sklearn()
    for each in (model, theirs, flr.LogisticRegression.from_sklearn(theirs)):
        assert (each.n_iter_.shape, each.n_iter_.dtype) == ((1,), np.int32)
    assert model.n_iter_[0] == len(model.costs_)
    assert flr.LogisticRegression().partial_fit(X, y, classes=[0, 1]).n_iter_.shape == (1,)


def test_coefficients_are_float64_for_X_of_float32():
    model = flr.LogisticRegression().fit(X.astype(np.float32), y)
    assert model.coef_.dtype == model.intercept_.dtype == np.float64
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float64


def test_a_subclass_may_do_without_n_features_in():
    class Wide(flr.LogisticRegression):
        def fit(self, X, y):
            super().fit(np.column_stack([X, X**2]), y)
            del self.n_features_in_
            return self

    model = Wide().fit(X, y)
    twice = np.column_stack([X, X**2])
    assert model.predict(twice).shape == (6,)
    for other in (X, X.astype(object)):
        with pytest.raises(ValueError, match="X has 1 features, but Wide is expecting 2 features"):
            model.predict(other)
    assert model.to_sklearn().predict(twice).shape == (6,)


def test_a_training_warning_is_a_convergence_warning():
    with pytest.warns(ConvergenceWarning, match="not converged") as caught:
        flr.LogisticRegression(solver="gd", max_iter=1).fit(X, y)
    assert issubclass(caught[0].category, flr.TrainingWarning)


def test_the_tags_say_what_is_accepted():
    assert flr.LogisticRegression().__sklearn_tags__().input_tags.sparse
