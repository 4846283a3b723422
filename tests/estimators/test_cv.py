"""LogisticRegressionCV: scikit-learn's scores and choice, any splits, both rules, leave-one-out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.linear_model import LogisticRegressionCV as Peer
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastlogreg as flr

CS = np.logspace(-3, 2, 6)


def example(m=240, n_x=6, seed=0):
    return make_classification(
        m, n_x, n_informative=3, n_redundant=1, flip_y=0.1, random_state=seed
    )


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def peer(X, y, sample_weight=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"scoring": "neg_log_loss", "solver": "newton-cholesky", **options}
        return Peer(tol=1e-11, max_iter=1000, **options).fit(X, y, sample_weight=sample_weight)


DATA = {
    "few rows": lambda: example(90, 4, 1),
    "more rows": lambda: example(600, 12, 2),
    "breast cancer": breast_cancer,
    "text": lambda: (example(seed=3)[0], np.array(["no", "yes"])[example(seed=3)[1]]),
    "float32": lambda: (example(seed=4)[0].astype(np.float32), example(seed=4)[1]),
}


@pytest.mark.parametrize("name", DATA)
def test_scores_and_choice_are_scikit_learns(name):
    X, y = DATA[name]()
    ours = flr.LogisticRegressionCV(CS, scoring="neg_log_loss").fit(X, y)
    theirs = peer(X, y, Cs=CS, cv=5)
    label = ours.classes_[1].item()
    np.testing.assert_allclose(ours.scores_[label], theirs.scores_[label], atol=1e-6)
    np.testing.assert_array_equal(ours.C_, theirs.C_)
    assert ours.coefs_paths_[label].shape == theirs.coefs_paths_[label].shape
    np.testing.assert_allclose(
        ours.coefs_paths_[label], theirs.coefs_paths_[label], rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-4, atol=1e-5)
    assert ours.n_iter_.shape == theirs.n_iter_.shape
    assert (ours.bounds_ <= 1e-12).all()
    assert (ours.predict(X) == theirs.predict(X)).mean() > 0.99


def test_its_own_log_loss_comes_with_the_reads_of_the_fits():
    X, y = example()
    own = flr.LogisticRegressionCV(CS).fit(X, y)
    scored = flr.LogisticRegressionCV(CS, scoring="neg_log_loss").fit(X, y)
    np.testing.assert_allclose(own.scores_[1], scored.scores_[1], rtol=1e-9)
    assert own.reads_ == scored.reads_ - 1


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "f1", "neg_brier_score"])
def test_any_scorer_will_do(scoring):
    X, y = example()
    ours = flr.LogisticRegressionCV(CS, cv=4, scoring=scoring).fit(X, y)
    theirs = peer(X, y, Cs=CS, cv=4, scoring=scoring)
    np.testing.assert_allclose(ours.scores_[1], theirs.scores_[1], atol=1e-6)
    np.testing.assert_array_equal(ours.C_, theirs.C_)


def test_a_scorer_of_ones_own_is_given_the_held_out_rows():
    X, y = example()
    seen = []

    def scorer(estimator, X_test, y_test):
        seen.append(len(X_test))
        return float((estimator.predict(X_test) == y_test).mean())

    ours = flr.LogisticRegressionCV(CS, cv=4, scoring=scorer).fit(X, y)
    expected = flr.LogisticRegressionCV(CS, cv=4, scoring="accuracy").fit(X, y)
    np.testing.assert_array_equal(ours.scores_[1], expected.scores_[1])
    assert seen == [60] * 24
    X_path = flr.RowBlocks(np.asfortranarray(X.T).T.copy())
    with pytest.raises(ValueError, match="scoring must be None, or the name"):
        flr.LogisticRegressionCV(CS, cv=4, scoring=scorer).fit(X_path, y)


@pytest.mark.parametrize(
    "cv",
    [
        3,
        KFold(4, shuffle=True, random_state=0),
        GroupKFold(3),
        ShuffleSplit(4, train_size=0.5, test_size=0.3, random_state=0),
        TimeSeriesSplit(3),
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
    options = {"Cs": CS, "cv": 4, "scoring": "neg_log_loss"}
    ours = flr.LogisticRegressionCV(**options).fit(X, y, weight)
    theirs = peer(X, y, weight, **options)
    np.testing.assert_allclose(ours.scores_[1], theirs.scores_[1], atol=1e-6)
    for class_weight in ("balanced", {0: 0.5, 1: 3.0}):
        ours = flr.LogisticRegressionCV(**options, class_weight=class_weight).fit(X, y)
        theirs = peer(X, y, class_weight=class_weight, **options)
        np.testing.assert_allclose(ours.scores_[1], theirs.scores_[1], atol=1e-6)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-6)


def test_rows_of_weight_zero_are_gone():
    X, y = example()
    weight = (np.arange(len(y)) % 3 > 0).astype(float)
    kept = weight > 0.0
    fold = np.arange(len(y)) % 4
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(4)]
    ours = flr.LogisticRegressionCV(CS, cv=splits).fit(X, y, weight)
    fold = fold[kept]
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(4)]
    other = flr.LogisticRegressionCV(CS, cv=splits).fit(X[kept], y[kept])
    np.testing.assert_allclose(ours.scores_[1], other.scores_[1], rtol=1e-9)
    np.testing.assert_allclose(ours.coef_, other.coef_, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("form", ["csr", "csc", "uint8", "blocks"])
@pytest.mark.parametrize("standardize", [False, True])
def test_every_form_of_x_has_the_same_scores(form, standardize):
    from scipy import sparse

    X, y = example()
    X = np.clip(np.round(3.0 * X), 0, 255)
    given = {
        "csr": lambda: sparse.csr_array(X),
        "csc": lambda: sparse.csc_array(X),
        "uint8": lambda: X.astype(np.uint8),
        "blocks": lambda: flr.RowBlocks(X, max_memory=100_000),
    }[form]()
    options = {"Cs": CS, "cv": 4, "standardize": standardize}
    ours, expected = (flr.LogisticRegressionCV(**options).fit(x, y) for x in (given, X))
    np.testing.assert_allclose(ours.scores_[1], expected.scores_[1], atol=1e-6)
    np.testing.assert_allclose(ours.held_out_proba_, expected.held_out_proba_, atol=1e-5)


def test_standardised_over_the_rows_that_a_fold_trains_on():
    X, y = example()
    X = X * 10.0 ** np.arange(6) + 5.0
    fold = np.arange(len(y)) % 4
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(4)]
    ours = flr.LogisticRegressionCV(CS, cv=splits, standardize=True).fit(X, y)
    for f, (train, test) in enumerate(splits):
        for k, C in enumerate(CS):
            model = flr.LogisticRegression(C=C, standardize=True, tol=1e-12)
            model.fit(X[train], y[train])
            z = model.decision_function(X[test])
            expected = -np.mean(np.logaddexp(0.0, z) - y[test] * z)
            assert ours.scores_[1][f, k] == pytest.approx(expected, abs=1e-6)


def test_breast_cancer_has_its_golden_deviances():
    """fold = i mod 5, standardised per fold; the penalty is in proportion to the rows of a fold."""
    X, y = breast_cancer()
    fold = np.arange(len(y)) % 5
    found = []
    for mu in (0.1, 0.03, 0.01):
        losses, sizes = [], []
        for f in range(5):
            split = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f))]
            C = 1.0 / (mu * len(split[0][0]))
            ours = flr.LogisticRegressionCV([C], cv=split, standardize=True, tol=1e-14)
            ours.fit(X, y)
            losses.append(-2.0 * ours.scores_[1][0, 0])
            sizes.append(len(split[0][1]))
        found.append(np.average(losses, weights=sizes))
    np.testing.assert_allclose(found, [0.2813451803, 0.2051221959, 0.1659161426], atol=1e-10)


def test_held_out_probabilities_are_those_of_the_folds_fits():
    X, y = example()
    splits = list(StratifiedKFold(4).split(X, y))
    ours = flr.LogisticRegressionCV(CS, cv=splits).fit(X, y)
    k = int(np.flatnonzero(ours.Cs_ == ours.C_)[0])
    for f, (_, test) in enumerate(splits):
        w = ours.coefs_paths_[1][f, k]
        a = 1.0 / (1.0 + np.exp(-(X[test] @ w[:-1] + w[-1])))
        np.testing.assert_allclose(ours.held_out_proba_[test, 1], a, rtol=1e-10)
        assert -ours.scores_[1][f, k] == pytest.approx(
            log_loss(y[test], ours.held_out_proba_[test]), rel=1e-9
        )
    np.testing.assert_allclose(ours.held_out_proba_.sum(axis=1), 1.0)
    some = flr.LogisticRegressionCV(CS, cv=splits[:1]).fit(X, y)
    assert np.isnan(some.held_out_proba_[splits[1][1]]).all()


def test_both_rules():
    X, y = example(120, 6, 7)
    best = flr.LogisticRegressionCV(CS).fit(X, y)
    one_se = flr.LogisticRegressionCV(CS, rule="1se").fit(X, y)
    assert best.C_[0] == CS[np.argmax(best.mean_scores_)]
    enough = best.mean_scores_ >= best.mean_scores_.max() - best.score_errors_[best.best_index_]
    assert one_se.C_[0] == CS[enough].min() <= best.C_[0]
    np.testing.assert_array_equal(one_se.coef_[0], one_se.path_coef_[one_se.one_se_index_])
    np.testing.assert_allclose(best.score_errors_, best.scores_[1].std(axis=0, ddof=1) / np.sqrt(5))


def test_leaving_one_out_approximately():
    X, y = breast_cancer()
    ours = flr.LogisticRegressionCV([0.1, 10.0], cv="alo").fit(X, y)
    np.testing.assert_allclose(ours.mean_scores_, [-0.0920445, -0.1138185], atol=5e-8)
    assert ours.scores_[1].shape == (1, 2)
    assert -log_loss(y, ours.held_out_proba_) == pytest.approx(ours.mean_scores_[0], abs=1e-10)
    with pytest.raises(ValueError, match='with cv="alo"; got'):
        flr.LogisticRegressionCV(cv="alo", scoring="accuracy").fit(X, y)


@pytest.mark.parametrize("more", [{}, {"class_weight": "balanced"}, {"standardize": True}])
def test_leaving_one_out_is_near_to_leaving_one_out(more):
    X, y = example(60, 4, 5)
    X = X * 3.0 + 1.0
    weight = np.random.default_rng(0).random(60) + 0.5
    alo = flr.LogisticRegressionCV([1.0], cv="alo", **more).fit(X, y, weight)
    full = flr.LogisticRegression(1.0, tol=1e-12, **more).fit(X, y, weight)
    own = np.average(np.logaddexp(0.0, z := full.decision_function(X)) - y * z, weights=weight)
    # Balanced weights count all rows: a fold would count its own.
    options = dict(more)
    if options.pop("class_weight", None):
        sums = np.bincount(y, weight)
        options["class_weight"] = dict(enumerate(weight.sum() / (2.0 * sums)))
    losses = []
    for i in range(60):
        kept = np.arange(60) != i
        model = flr.LogisticRegression(1.0, tol=1e-12, **options)
        model.fit(X[kept], y[kept], weight[kept])
        z_i = model.decision_function(X[[i]])[0]
        losses.append(np.logaddexp(0.0, z_i) - y[i] * z_i)
    exact = np.average(losses, weights=weight)
    assert -alo.mean_scores_[0] == pytest.approx(exact, abs=0.1 * (exact - own))


def test_the_number_of_threads_changes_nothing():
    X, y = example(2_000, 20)
    one, two = (flr.LogisticRegressionCV(CS, n_threads=n).fit(X, y) for n in (1, 3))
    assert one.coef_.tobytes() == two.coef_.tobytes()
    assert one.scores_[1].tobytes() == two.scores_[1].tobytes()


def test_few_reads_are_made():
    X, y = example(25_000, 30)
    ours = flr.LogisticRegressionCV().fit(X, y)
    assert ours.reads_ <= 60


def test_what_is_not_reached_is_warned_of():
    X, y = example()
    with pytest.warns(flr.TrainingWarning, match="was not reached by every fit at C = 1e"):
        flr.LogisticRegressionCV([1e5], max_iter=1).fit(X, y)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"Cs": []}, "Cs must be how many"),
        ({"Cs": [1.0, 0.0]}, r"Cs\[1\] must be above 0"),
        ({"Cs": 0}, "Cs must be at least 1"),
        ({"rule": "least"}, "rule must be one of"),
        ({"tol": -1.0}, "tol must be at least 0"),
        ({"cv": 1}, "cv must be at least 2"),
        ({"cv": 200}, "smallest class, 1.. of"),
        ({"cv": "loo"}, 'cv must be a number of folds, a splitter, pairs of indices or "alo"'),
        ({"cv": []}, "cv must give one split at least"),
        ({"cv": [([0, 1], [500])]}, "row numbers of 0 to 239"),
        ({"cv": [(np.arange(240), [])]}, "the test set of split 0"),
        ({"class_weight": "even"}, "class_weight must be None"),
    ],
)
def test_bad_arguments_are_named(options, text):
    X, y = example()
    with pytest.raises(ValueError, match=text):
        flr.LogisticRegressionCV(**options).fit(X, y)


def test_nan_in_x_is_found():
    X, y = example()
    X[5, 2] = np.nan
    with pytest.raises(ValueError, match="in row 5, column 2"):
        flr.LogisticRegressionCV(CS).fit(X, y)


@parametrize_with_checks([flr.LogisticRegressionCV(Cs=3, cv=3)])
def test_scikit_learns_own_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", flr.TrainingWarning)
        check(estimator)
