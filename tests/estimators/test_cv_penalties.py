"""LogisticRegressionCV with L1: golden deviances, scikit-learn's shapes and scores, both rules."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression as PeerFit
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastlogreg as flr

CS = [0.05, 0.5, 5.0]
RATIOS = [0.0, 0.5, 1.0]


def example(m=150, n_x=6, seed=0):
    X, y = make_classification(
        m, n_x, n_informative=3, n_redundant=1, flip_y=0.1, random_state=seed
    )
    return X, y


def validated(X, y, Cs=CS, fit=None, **options):
    options = {"l1_ratios": RATIOS, "tol": 1e-10, **options}
    return flr.LogisticRegressionCV(Cs, **options).fit(X, y, **(fit or {}))


@pytest.mark.parametrize(
    ("mu", "golden"), [(0.1, 0.5305233102), (0.03, 0.2957739241), (0.01, 0.2077956613)]
)
def test_breast_cancer_has_its_golden_deviances(mu, golden):
    """fold = i mod 5, standardised per fold; the penalty is in proportion to the rows of a fold."""
    X, y = load_breast_cancer(return_X_y=True)
    fold = np.arange(len(y)) % 5
    losses, sizes = [], []
    for f in range(5):
        split = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f))]
        C = 1.0 / (mu * len(split[0][0]))
        ours = validated(X, y, [C], cv=split, standardize=True, l1_ratios=[1.0], tol=1e-13)
        losses.append(-2.0 * ours.scores_[1][0, 0, 0])
        sizes.append(len(split[0][1]))
    assert np.average(losses, weights=sizes) == pytest.approx(golden, abs=1e-9)


def test_arrays_have_scikit_learns_shapes():
    X, y = example()
    ours = validated(X, y)
    assert ours.scores_[1].shape == (5, 3, 3)
    assert ours.coefs_paths_[1].shape == (5, 3, 3, 7)
    assert ours.n_iter_.shape == (1, 5, 3, 3)
    assert ours.bounds_.shape == (6, 3, 3)
    assert ours.mean_scores_.shape == ours.score_errors_.shape == (3, 3)
    assert ours.l1_ratio_.shape == ours.C_.shape == (1,)
    np.testing.assert_array_equal(ours.l1_ratios_, RATIOS)
    assert (ours.bounds_ <= 1e-10).all()
    without_b = validated(X, y, fit_intercept=False, l1_ratios=[1.0])
    assert without_b.coefs_paths_[1].shape == (5, 3, 1, 6)
    assert without_b.intercept_[0] == 0.0


def test_every_fold_is_the_fit_of_its_rows():
    X, y = example()
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    splits = list(KFold(3).split(X))
    options = {"standardize": True, "bounds": (-0.4, None), "penalty_weights": np.arange(1.0, 7.0)}
    ours = validated(X, y, [0.1, 1.0], {"sample_weight": weight}, cv=splits, **options)
    for f, (train, test) in enumerate(splits):
        for c, C in enumerate(ours.Cs_):
            for r, ratio in enumerate(RATIOS):
                one = flr.LogisticRegression(C, l1_ratio=ratio, tol=1e-12, **options)
                one.fit(X[train], y[train], weight[train])
                z = one.decision_function(X[test])
                own = np.average(np.logaddexp(0.0, z) - y[test] * z, weights=weight[test])
                assert -ours.scores_[1][f, c, r] == pytest.approx(own, abs=2e-5)
                w = ours.coefs_paths_[1][f, c, r]
                np.testing.assert_allclose(w[:-1], one.coef_[0], atol=1e-4)


def test_a_fold_has_the_c_of_scikit_learns():
    X, y = example()
    ours = validated(X, y, [0.3], l1_ratios=[0.5, 1.0], cv=KFold(3))
    (train, _) = next(KFold(3).split(X))
    for r, ratio in enumerate((0.5, 1.0)):
        kind = {"l1_ratio": ratio} if ratio < 1.0 else {"l1_ratio": 1.0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older ones want the name of the penalty, too
            peer = PeerFit(C=0.3, penalty="elasticnet", solver="saga", tol=1e-9, max_iter=20_000)
            peer.set_params(**kind).fit(X[train], y[train])
        found = ours.coefs_paths_[1][0, 0, r]
        np.testing.assert_allclose(found[:-1], peer.coef_[0], atol=1e-4)
        assert found[-1] == pytest.approx(peer.intercept_[0], abs=1e-4)


def test_the_best_of_all_is_chosen_and_the_strongest_within_an_error():
    X, y = example(100, 8, 3)
    Cs = np.logspace(-2, 1, 6)
    best, one_se = (validated(X, y, Cs, rule=rule) for rule in ("best", "1se"))
    c, r = np.unravel_index(best.mean_scores_.argmax(), best.mean_scores_.shape)
    assert best.C_[0] == Cs[c]
    assert best.l1_ratio_[0] == one_se.l1_ratio_[0] == RATIOS[r]
    mean = best.mean_scores_[:, r]
    within = mean >= mean[c] - best.score_errors_[c, r]
    assert one_se.C_[0] == Cs[within].min()
    assert best.path_coef_.shape == (6, 8)
    np.testing.assert_array_equal(best.coef_[0], best.path_coef_[c])


def test_a_number_of_cs_begins_where_the_first_feature_moves():
    X, y = example()
    ours = validated(X, y, 5, l1_ratios=[1.0, 0.5], standardize=True)
    assert (ours.coefs_paths_[1].shape[1:3]) == (5, 2)
    assert ours.Cs_[-1] / ours.Cs_[0] == pytest.approx(1e4)
    half = flr.LogisticRegression(l1_ratio=0.5, standardize=True)
    assert not half.set_params(C=ours.Cs_[0] * (1 - 1e-9)).fit(X, y).coef_.any()
    assert half.set_params(C=ours.Cs_[0] * 1.01).fit(X, y).coef_.any()


def test_scores_of_scorers_take_one_read_more():
    X, y = example()
    own = validated(X, y)
    scored = validated(X, y, scoring="neg_log_loss")
    np.testing.assert_allclose(own.scores_[1], scored.scores_[1], rtol=1e-9)
    assert own.reads_ == scored.reads_ - 1
    hits = validated(X, y, scoring="accuracy").scores_[1]
    by_hand = validated(X, y, scoring=lambda model, X, y: model.score(X, y)).scores_[1]
    np.testing.assert_array_equal(hits, by_hand)


def test_held_out_probabilities_are_those_of_the_folds_fits():
    X, y = example()
    splits = list(GroupKFold(3).split(X, y, np.arange(len(y)) % 10))
    offset = np.random.default_rng(1).normal(size=len(y))
    ours = validated(X, y, CS, {"offset": offset}, cv=splits)
    c, r = ours.best_index_, RATIOS.index(ours.l1_ratio_[0])
    for f, (_, test) in enumerate(splits):
        w = ours.coefs_paths_[1][f, c, r]
        z = X[test] @ w[:-1] + w[-1] + offset[test]
        np.testing.assert_allclose(
            ours.held_out_proba_[test, 1], 1.0 / (1.0 + np.exp(-z)), rtol=1e-9
        )
        own = np.mean(np.logaddexp(0.0, z) - y[test] * z)
        assert -ours.scores_[1][f, c, r] == pytest.approx(own, rel=1e-9)
    scored = validated(X, y, CS, {"offset": offset}, cv=splits, scoring="neg_log_loss")
    np.testing.assert_allclose(ours.scores_[1], scored.scores_[1], rtol=1e-9)


def test_without_l1_no_array_has_an_axis_more():
    X, y = example()
    free = validated(X, y, l1_ratios=(0.0,), bounds=(0, None))
    assert free.scores_[1].shape == (5, 3)
    assert free.coefs_paths_[1].shape == (5, 3, 7)
    assert free.coef_.min() >= 0.0
    assert not hasattr(free, "l1_ratio_")
    groups = validated(X, y, l1_ratios=[1.0], feature_groups=[[0, 1], [2, 3]])
    pairs = groups.path_coef_[:, :4].reshape(3, 2, 2) != 0.0
    assert (pairs[..., 0] == pairs[..., 1]).all()


def test_an_l1_ratio_of_before_is_forgotten():
    X, y = example()
    model = flr.LogisticRegressionCV(CS, l1_ratios=[1.0], tol=1e-10).fit(X, y)
    assert hasattr(model, "l1_ratio_")
    assert not hasattr(model.set_params(l1_ratios=[0.0]).fit(X, y), "l1_ratio_")


def test_l1_of_0_alone_is_the_fit_of_before_to_the_bit():
    X, y = example()
    plain = flr.LogisticRegressionCV(CS).fit(X, y)
    named = flr.LogisticRegressionCV(CS, l1_ratios=np.zeros(1)).fit(X, y)
    assert plain.coef_.tobytes() == named.coef_.tobytes()
    assert plain.scores_[1].tobytes() == named.scores_[1].tobytes()


def test_the_number_of_threads_changes_nothing():
    X, y = example(2_000, 12)
    one, two = (validated(X, y, n_threads=n) for n in (1, 3))
    assert one.coef_.tobytes() == two.coef_.tobytes()
    assert one.scores_[1].tobytes() == two.scores_[1].tobytes()


def test_features_are_selected_by_the_l1_that_was_chosen():
    X, y = example(200, 12, 2)
    model = flr.LogisticRegressionCV([0.03], l1_ratios=[1.0], tol=1e-10)
    chosen = SelectFromModel(model).fit(X, y)
    np.testing.assert_array_equal(chosen.get_support(), chosen.estimator_.coef_[0] != 0.0)
    assert 0 < chosen.get_support().sum() < 12


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"l1_ratios": 0.5}, "l1_ratios must be a sequence"),
        ({"l1_ratios": []}, "l1_ratios must be a sequence"),
        ({"l1_ratios": None}, "l1_ratios must be a sequence"),
        ({"l1_ratios": [0.5, 1.5]}, r"l1_ratios\[1\] must be from 0"),
        ({"l1_ratios": [-0.5]}, r"l1_ratios\[0\] must be at least 0"),
        ({"cv": "alo"}, "l1_ratios. Use a number of folds"),
        ({"cv": "alo", "l1_ratios": [0.0], "bounds": (0, 1)}, "got bounds. Use a number"),
        ({"bounds": (1, 2)}, "bounds must have 0 between them"),
        ({"Cs": 3, "penalty_weights": 0.0}, "Cs must be a sequence of numbers where L1"),
    ],
)
def test_bad_arguments_are_named(options, text):
    X, y = example()
    with pytest.raises(ValueError, match=text):
        validated(X, y, **{"Cs": CS, **options})


@pytest.mark.parametrize(
    "more",
    [
        {"standardize": True},
        {"bounds": (-0.3, None), "class_weight": "balanced"},
        {"feature_groups": "classes", "fit_intercept": False},
        {"penalty_weights": [0.5, 1.0, 1.0, 2.0, 1.0, np.inf]},
    ],
)
def test_of_several_classes_every_fold_is_the_fit_of_its_rows(more):
    X, y = example(120)
    y = y + (X[:, 0] > 0.5)
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    splits = list(KFold(2).split(X))
    Cs, ratios = [0.1, 1.0], [0.5, 1.0]
    fit = {"sample_weight": weight}
    ours = validated(X, y, Cs, fit, cv=splits, l1_ratios=ratios, tol=1e-9, **more)
    assert ours.scores_[0].shape == (2, 2, 2)
    assert ours.coefs_paths_[0].shape[:3] == (2, 2, 2)
    np.testing.assert_array_equal(ours.l1_ratio_, np.repeat(ours.l1_ratio_[0], 3))
    options = dict(more)
    if options.get("class_weight"):  # of all rows, not of a fold's
        sums = np.bincount(y, weight)
        options["class_weight"] = dict(enumerate(weight.sum() / (3.0 * sums)))
    for f, (train, test) in enumerate(splits):
        for c, C in enumerate(Cs):
            for r, ratio in enumerate(ratios):
                one = flr.LogisticRegression(C, l1_ratio=ratio, tol=1e-9, **options)
                one.fit(X[train], y[train], weight[train])
                loss = -one.predict_log_proba(X[test])[np.arange(len(test)), y[test]]
                own = np.average(loss, weights=weight[test])
                assert -ours.scores_[0][f, c, r] == pytest.approx(own, abs=3e-4)
    assert ours.coef_.shape == (3, 6)


def test_of_several_classes_a_number_of_cs_begins_where_the_first_weight_moves():
    X, y = example(120)
    y = y + (X[:, 0] > 0.5)
    ours = validated(X, y, 2, l1_ratios=[1.0], cv=2, tol=1e-6)
    one = flr.LogisticRegression(ours.Cs_[0] * (1 - 1e-9), l1_ratio=1.0)
    assert not one.fit(X, y).coef_.any()
    assert one.set_params(C=ours.Cs_[0] * 1.01).fit(X, y).coef_.any()
    scored = validated(X, y, ours.Cs_, l1_ratios=[1.0], cv=2, tol=1e-6, scoring="neg_log_loss")
    np.testing.assert_allclose(ours.scores_[0], scored.scores_[0], rtol=1e-9)
    with pytest.raises(ValueError, match="offset must be None for 3 classes"):
        validated(X, y, CS, {"offset": np.zeros(len(y))})


def test_a_scorer_of_ones_own_knows_no_offset():
    X, y = example()
    with pytest.raises(ValueError, match="for an offset: a function of your own"):
        validated(X, y, CS, {"offset": np.zeros(len(y))}, scoring=lambda *_: 0.0)


def test_what_is_not_reached_is_warned_of():
    X, y = example()
    with pytest.warns(flr.TrainingWarning, match="by every fit at l1_ratio = 1 and C = 1e"):
        flr.LogisticRegressionCV([1e5], max_iter=1, l1_ratios=[1.0], tol=0.0).fit(X, y)


@parametrize_with_checks([flr.LogisticRegressionCV(Cs=[0.1, 1.0], cv=3, l1_ratios=(0.5,))])
def test_scikit_learns_own_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", flr.TrainingWarning)
        check(estimator)
