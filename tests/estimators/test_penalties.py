"""LogisticRegression with L1, bounds, weights of features and groups: scikit-learn's manners."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastlogreg as flr


def example(m=150, n_x=6, classes=2, seed=0):
    return make_classification(
        m, n_x, n_informative=4, n_redundant=1, n_classes=classes, flip_y=0.1, random_state=seed
    )


def fitted(X, y, **options):
    return flr.LogisticRegression(**{"C": 0.1, "l1_ratio": 1.0, "tol": 1e-10, **options}).fit(X, y)


@pytest.mark.parametrize("classes", [2, 3])
def test_zeros_are_zeros_and_bounds_hold_in_every_class(classes):
    X, y = example(classes=classes)
    lasso = fitted(X, y, standardize=True)
    assert 0 < np.count_nonzero(lasso.coef_) < lasso.coef_.size
    assert (fitted(X, y, bounds=(0, None), standardize=True).coef_ >= 0.0).all()
    whole = fitted(X, y, C=0.03, feature_groups="classes").coef_ != 0.0
    assert (whole.all(axis=0) == whole.any(axis=0)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_it_begins_from_the_fit_before(classes):
    X, y = example(classes=classes)
    model = fitted(X, y, warm_start=True, standardize=True, bounds=(-1.0, 2.0))
    before = model.coef_.copy()
    assert model.n_iter_[0] > 0
    model.sparsify().fit(X, y)
    assert model.n_iter_[0] <= 1
    np.testing.assert_allclose(model.coef_, before, atol=1e-9)
    assert ((model.coef_ == 0.0) == (before == 0.0)).all()
    # Where it begins is moved within bounds that are narrower now.
    narrow = model.set_params(bounds=(-0.05, 0.05)).fit(X, y)
    assert (np.abs(narrow.coef_) <= 0.05).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_sparse_coefficients_predict_the_same(classes, tmp_path):
    X, y = example(classes=classes)
    model = fitted(X, y, C=0.03)
    z, a = model.decision_function(X), model.predict_proba(X)
    coef = model.coef_.copy()
    assert model.sparsify() is model
    assert sparse.issparse(model.coef_)
    assert model.coef_.nnz == np.count_nonzero(coef)
    for one in (model, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(one.decision_function(X), z)
        np.testing.assert_array_equal(one.predict_proba(X), a)
    np.testing.assert_array_equal(
        flr.LogisticRegression.from_sklearn(model.to_sklearn()).coef_.toarray(), coef
    )
    np.testing.assert_allclose(model.to_sklearn().predict_proba(X), a, atol=1e-12)
    b = float(model.intercept_[0]) if classes == 2 else model.intercept_[:, None]
    flr.Model(model.coef_.T, b, labels=tuple(range(classes))).save(tmp_path / "model.npz")
    np.testing.assert_array_equal(flr.Model.load(tmp_path / "model.npz").w, coef.T)
    assert isinstance(model.densify().coef_, np.ndarray)
    np.testing.assert_array_equal(model.coef_, coef)
    assert isinstance(model.sparsify().fit(X, y).coef_, np.ndarray)


def test_an_unfitted_model_has_nothing_to_make_sparse():
    from sklearn.exceptions import NotFittedError

    for change in (flr.LogisticRegression().sparsify, flr.LogisticRegressionCV().densify):
        with pytest.raises(NotFittedError):
            change()


def test_features_are_selected_by_l1():
    X, y = example(200, 12, seed=2)
    chosen = SelectFromModel(flr.LogisticRegression(0.03, l1_ratio=1.0)).fit(X, y)
    assert chosen.threshold_ == 1e-5
    assert 0 < chosen.get_support().sum() < 12
    np.testing.assert_array_equal(chosen.get_support(), chosen.estimator_.coef_[0] != 0.0)
    names = {ratio: flr.LogisticRegression(l1_ratio=ratio).penalty for ratio in (0.0, 0.3, 1.0)}
    assert names == {0.0: "l2", 0.3: "elasticnet", 1.0: "l1"}


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_to_scikit_learn_and_back(ratio):
    X, y = example()
    model = fitted(X, y, l1_ratio=ratio, C=0.2)
    peer = model.to_sklearn()
    np.testing.assert_array_equal(peer.coef_, model.coef_)
    assert flr.LogisticRegression.from_sklearn(peer).l1_ratio == ratio
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn 1.8, of the penalty's name
        again = clone(peer).set_params(tol=1e-9, max_iter=20_000).fit(X, y)
    np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-4)


def test_from_scikit_learns_lasso_by_its_older_name():
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = Peer(penalty="l1", solver="liblinear").fit(X, y > 1)
    assert flr.LogisticRegression.from_sklearn(peer).penalty == "l1"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"l1_ratio": 0.5}, "l1_ratio must be left out for partial_fit"),
        ({"bounds": (0, None)}, "bounds must be left out"),
        ({"penalty_weights": [1.0, 2.0]}, "penalty_weights must be left out"),
        ({"feature_groups": [[0, 1]]}, "feature_groups must be left out"),
    ],
)
def test_a_stream_has_l2_alone(options, text):
    model = flr.LogisticRegression(**options)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        model.partial_fit  # noqa: B018
    assert text in f"{caught.value} {caught.value.__cause__}"


def test_columns_are_called_by_their_names():
    pandas = pytest.importorskip("pandas")
    X, y = example()
    X = pandas.DataFrame(X, columns=["age", "lwt", "race", "smoke", "ptl", "ht"])
    for options, text in (
        ({"bounds": ([0, 0, 2, 0, 0, 0], 1)}, "got 2 and 1 for 'race'"),
        ({"penalty_weights": [1, 1, 1, 1, -2, 1]}, "got -2 for 'ptl'"),
        ({"feature_groups": [["age", "lwt"], ["lwt"]]}, "'lwt' is in group 0 and in group 1"),
        ({"feature_groups": {"a": ["weight"]}}, "group 'a' has 'weight', which is none of them"),
    ):
        with pytest.raises(ValueError, match=text):
            fitted(X, y, **options)
    named = fitted(X, y, C=0.05, feature_groups={"body": ["age", "lwt"]})
    numbered = fitted(X, y, C=0.05, feature_groups=[[0, 1]])
    np.testing.assert_array_equal(named.coef_, numbered.coef_)


def test_the_checkpoint_goes_on_to_the_same_bits(tmp_path):
    X, y = example(400)
    options = {"standardize": True, "penalty_weights": [0.0, 1.0, 2.0, 1.0, np.inf, 1.0]}
    path = tmp_path / "run"
    whole = fitted(X, y, **options, checkpoint=path)
    path.unlink()
    with pytest.warns(flr.TrainingWarning, match="not converged after 2"):
        fitted(X, y, **options, max_iter=2, checkpoint=path)
    again = fitted(X, y, **options, checkpoint=path, resume=True)
    assert again.coef_.tobytes() == whole.coef_.tobytes()
    assert again.n_iter_[0] == whole.n_iter_[0]
    with pytest.raises(ValueError, match="what differs: l1_ratio"):
        fitted(X, y, **options, l1_ratio=0.5, checkpoint=path, resume=True)
    with pytest.raises(ValueError, match="what differs: penalty_weights"):
        fitted(X, y, standardize=True, checkpoint=path, resume=True)


# Of two fits that are to agree to 1e-7: w is known to the root of what J is.
@parametrize_with_checks([flr.LogisticRegression(l1_ratio=ratio, tol=0.0) for ratio in (0.5, 1.0)])
def test_scikit_learns_own_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", flr.TrainingWarning)
        check(estimator)
