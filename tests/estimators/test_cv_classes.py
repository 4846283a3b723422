"""LogisticRegressionCV of several classes: the scores and the choice are scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_digits, load_iris, load_wine, make_classification
from sklearn.linear_model import LogisticRegressionCV as Peer
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold

import fastlogreg as flr

CS = np.logspace(-3, 1, 4)


def example(m=240, n_x=5, seed=0):
    return make_classification(
        m, n_x, n_informative=3, n_redundant=0, n_classes=3, flip_y=0.1, random_state=seed
    )


def wine():
    X, y = load_wine(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), np.array(["low", "middle", "high"])[y]


def digits():
    """Return 400 images, each square of four pixels one feature."""
    X, y = load_digits(return_X_y=True)
    return X[:400].reshape(400, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(400, 16) / 16.0, y[:400]


def peer(X, y, sample_weight=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"scoring": "neg_log_loss", "solver": "newton-cholesky", "cv": 3, **options}
        return Peer(tol=1e-11, max_iter=1000, **options).fit(X, y, sample_weight=sample_weight)


DATA = {"iris": lambda: load_iris(return_X_y=True), "wine": wine, "digits": digits}


@pytest.mark.parametrize("name", DATA)
def test_scores_and_choice_are_scikit_learns(name):
    X, y = DATA[name]()
    ours = flr.LogisticRegressionCV(CS, cv=3, scoring="neg_log_loss").fit(X, y)
    theirs = peer(X, y, Cs=CS)
    np.testing.assert_array_equal(ours.C_, theirs.C_)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert list(ours.scores_) == list(theirs.scores_)
    assert ours.n_iter_.shape == theirs.n_iter_.shape
    for label in ours.classes_.tolist():
        np.testing.assert_allclose(ours.scores_[label], theirs.scores_[label], atol=1e-6)
        np.testing.assert_allclose(
            ours.coefs_paths_[label], theirs.coefs_paths_[label], rtol=1e-3, atol=1e-4
        )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-4, atol=1e-3)
    assert ours.intercept_.sum() == pytest.approx(0.0, abs=1e-12)
    assert ours.bounds_.shape == (4, len(CS))
    assert (ours.bounds_ <= 1e-12).all()
    assert (ours.predict(X) == theirs.predict(X)).all()


def test_its_own_log_loss_comes_with_the_reads_of_the_fits():
    X, y = example()
    own = flr.LogisticRegressionCV(CS).fit(X, y)
    scored = flr.LogisticRegressionCV(CS, scoring="neg_log_loss").fit(X, y)
    np.testing.assert_allclose(own.scores_[1], scored.scores_[1], rtol=1e-9)
    assert own.reads_ == scored.reads_ - 1


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc_ovr", "f1_macro"])
def test_any_scorer_will_do(scoring):
    X, y = example()
    ours = flr.LogisticRegressionCV(CS, cv=3, scoring=scoring).fit(X, y)
    theirs = peer(X, y, Cs=CS, scoring=scoring)
    np.testing.assert_allclose(ours.scores_[2], theirs.scores_[2], atol=1e-6)
    np.testing.assert_array_equal(ours.C_, theirs.C_)


def test_a_scorer_of_ones_own_is_given_the_held_out_rows():
    X, y = example()

    def scorer(estimator, X_test, y_test):
        return float((estimator.predict(X_test) == y_test).mean())

    ours = flr.LogisticRegressionCV(CS, cv=3, scoring=scorer).fit(X, y)
    expected = flr.LogisticRegressionCV(CS, cv=3, scoring="accuracy").fit(X, y)
    np.testing.assert_array_equal(ours.scores_[1], expected.scores_[1])


@pytest.mark.parametrize(
    "cv",
    [
        GroupKFold(3),
        ShuffleSplit(3, train_size=0.5, test_size=0.3, random_state=0),
        [(np.arange(0, 200), np.arange(150, 240)), (np.arange(100, 240), np.arange(0, 120))],
    ],
    ids=str,
)
def test_any_splits_will_do(cv):
    X, y = example()
    groups = np.arange(len(y)) % 10 if isinstance(cv, GroupKFold) else None
    ours = flr.LogisticRegressionCV(CS, cv=cv).fit(X, y, groups=groups)
    if isinstance(cv, GroupKFold):
        cv = list(cv.split(X, y, groups))
    theirs = peer(X, y, Cs=CS, cv=cv)
    np.testing.assert_allclose(ours.scores_[1], theirs.scores_[1], atol=1e-6)


def test_weights_count_rows_in_fits_and_scores():
    X, y = example()
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    ours = flr.LogisticRegressionCV(CS, cv=3).fit(X, y, weight)
    theirs = peer(X, y, weight, Cs=CS)
    np.testing.assert_allclose(ours.scores_[1], theirs.scores_[1], atol=1e-6)
    for class_weight in ("balanced", {0: 0.5, 2: 3.0}):
        ours = flr.LogisticRegressionCV(CS, cv=3, class_weight=class_weight).fit(X, y)
        theirs = peer(X, y, Cs=CS, class_weight=class_weight)
        np.testing.assert_allclose(ours.scores_[1], theirs.scores_[1], atol=1e-6)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-6)


def test_rows_that_are_drawn_twice_and_rows_of_weight_zero():
    X, y = example()
    rows = np.random.default_rng(1).integers(0, 240, 300)
    test = np.setdiff1d(np.arange(240), rows)
    ours = flr.LogisticRegressionCV(CS, cv=[(rows, test)]).fit(X, y)
    drawn = np.bincount(rows, minlength=240).astype(float)
    for k, C in enumerate(CS):
        model = flr.LogisticRegression(C, tol=1e-13).fit(X, y, drawn)
        expected = -log_loss(y[test], model.predict_proba(X[test]))
        assert ours.scores_[0][0, k] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("form", ["csr", "uint8", "blocks"])
@pytest.mark.parametrize("standardize", [False, True])
def test_every_form_of_x_has_the_same_scores(form, standardize):
    from scipy import sparse

    X, y = example()
    X = np.clip(np.round(3.0 * X), 0, 255)
    given = {
        "csr": lambda: sparse.csr_array(X),
        "uint8": lambda: X.astype(np.uint8),
        "blocks": lambda: flr.RowBlocks(X, max_memory=100_000),
    }[form]()
    options = {"Cs": CS, "cv": 3, "standardize": standardize}
    ours, expected = (flr.LogisticRegressionCV(**options).fit(x, y) for x in (given, X))
    np.testing.assert_allclose(ours.scores_[1], expected.scores_[1], atol=1e-6)
    np.testing.assert_allclose(ours.held_out_proba_, expected.held_out_proba_, atol=1e-5)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_standardised_over_the_rows_that_a_fold_trains_on(fit_intercept):
    X, y = example()
    X = X * 10.0 ** np.arange(5) + 5.0
    splits = list(StratifiedKFold(3).split(X, y))
    options = {"standardize": True, "fit_intercept": fit_intercept}
    ours = flr.LogisticRegressionCV(CS, cv=splits, **options).fit(X, y)
    for f, (train, test) in enumerate(splits):
        for k, C in enumerate(CS):
            model = flr.LogisticRegression(C=C, tol=1e-13, **options).fit(X[train], y[train])
            expected = -log_loss(y[test], model.predict_proba(X[test]))
            assert ours.scores_[1][f, k] == pytest.approx(expected, abs=1e-6)
    n_dof = 6 if fit_intercept else 5
    assert ours.coefs_paths_[0].shape == (3, len(CS), n_dof)


def test_held_out_probabilities_are_those_of_the_folds_fits():
    X, y = example()
    splits = list(StratifiedKFold(4).split(X, y))
    ours = flr.LogisticRegressionCV(CS, cv=splits).fit(X, y)
    k = ours.best_index_
    for f, (_, test) in enumerate(splits):
        W = np.array([ours.coefs_paths_[label][f, k] for label in (0, 1, 2)])
        A = flr.softmax(W[:, :-1] @ X[test].T + W[:, -1:])
        np.testing.assert_allclose(ours.held_out_proba_[test], A.T, rtol=1e-9)
        assert -ours.scores_[1][f, k] == pytest.approx(
            log_loss(y[test], ours.held_out_proba_[test]), rel=1e-9
        )
    some = flr.LogisticRegressionCV(CS, cv=splits[:1]).fit(X, y)
    assert np.isnan(some.held_out_proba_[splits[1][1]]).all()


def test_both_rules():
    X, y = example(120)
    best = flr.LogisticRegressionCV(CS).fit(X, y)
    one_se = flr.LogisticRegressionCV(CS, rule="1se").fit(X, y)
    np.testing.assert_array_equal(best.C_, np.full(3, CS[np.argmax(best.mean_scores_)]))
    enough = best.mean_scores_ >= best.mean_scores_.max() - best.score_errors_[best.best_index_]
    assert one_se.C_[0] == CS[enough].min() <= best.C_[0]
    np.testing.assert_array_equal(one_se.coef_, one_se.path_coef_[one_se.one_se_index_])
    np.testing.assert_array_equal(one_se.intercept_, one_se.path_intercept_[one_se.one_se_index_])


def test_the_number_of_threads_changes_nothing():
    X, y = example(2_000, 12)
    one, *others = (flr.LogisticRegressionCV(CS, cv=3, n_threads=n).fit(X, y) for n in (1, 2, 3))
    for other in others:
        assert one.coef_.tobytes() == other.coef_.tobytes()
        assert one.scores_[1].tobytes() == other.scores_[1].tobytes()
        assert one.held_out_proba_.tobytes() == other.held_out_proba_.tobytes()


def test_what_is_not_reached_is_warned_of():
    X, y = example()
    with pytest.warns(flr.TrainingWarning, match="was not reached by every fit at C = 1e") as seen:
        flr.LogisticRegressionCV([1e5], max_iter=1).fit(X, y)
    assert seen[0].filename == __file__


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cv": "alo"}, 'cv="alo" is for two classes; y holds 3: 0, 1, 2. Use a number of folds'),
        ({"cv": 200}, "smallest class, .. of"),
        ({"cv": []}, "cv must give one split at least"),
        ({"cv": [(np.arange(240), [])]}, "the test set of split 0"),
        ({"cv": [(np.arange(240), [0]), ([0, 1], [5])]}, "training set of split 1, counted from 0"),
        ({"class_weight": {0: 0.0}}, "class_weight"),
    ],
)
def test_bad_arguments_are_named(options, text):
    X, y = example()
    with pytest.raises(ValueError, match=text):
        flr.LogisticRegressionCV(**options).fit(X, y)


def test_what_is_held_out_must_weigh_something():
    X, y = example()
    weight = np.ones(240)
    weight[:5] = 0.0
    splits = [(np.arange(5, 240), np.arange(5))]
    with pytest.raises(ValueError, match="those of split 0, counted from 0, weigh 0"):
        flr.LogisticRegressionCV(CS, cv=splits).fit(X, y, weight)


def test_nan_in_x_is_found():
    X, y = example()
    X[5, 2] = np.nan
    with pytest.raises(ValueError, match="in row 5, column 2"):
        flr.LogisticRegressionCV(CS).fit(X, y)
