"""Several classes: scikit-learn's optimum on ten data sets and the published one, weights, starts,
checkpoints, frames, every form of X, and what is refused."""

from __future__ import annotations

import os
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn import linear_model
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine, make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastlogreg as flr
from fastlogreg.estimators import predictions
from fastlogreg.solvers.result import TrainingWarning
from tests.helpers.scikit_learn import class_weight_of_peer

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
TIGHT = 0.0  # the fits go on until float64 has no more to give


def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def drawn(m, n_x, K, seed, **options):
    return make_classification(
        m,
        n_x,
        n_informative=n_x - 1,
        n_redundant=0,
        n_classes=K,
        n_clusters_per_class=1,
        random_state=seed,
        **options,
    )


def rare():
    """Twelve classes, one of them with one example."""
    X, y = drawn(400, 8, 12, 7)
    first = np.flatnonzero(y == 3)
    return np.delete(X, first[1:], axis=0), np.delete(y, first[1:])


DATA = {
    "iris": iris,
    "iris in centimetres": lambda: load_iris(return_X_y=True),
    "wine": lambda: (StandardScaler().fit_transform(load_wine().data), load_wine().target),
    "digits": lambda: (load_digits().data / 16, load_digits().target),
    "digits in bytes": lambda: (load_digits().data.astype(np.uint8), load_digits().target),
    "long": lambda: drawn(3000, 6, 4, 0),
    "wide": lambda: drawn(60, 90, 5, 1, flip_y=0.2),
    "noisy": lambda: drawn(500, 12, 7, 2, flip_y=0.5),
    "rare": rare,
    "float32": lambda: (drawn(700, 9, 3, 3)[0].astype(np.float32), drawn(700, 9, 3, 3)[1]),
}


def peer(X, y, C=1.0, **options):
    how = {"solver": "newton-cholesky", "tol": 1e-13, "max_iter": 1000}
    weight = options.pop("weight", None)
    return linear_model.LogisticRegression(C=C, **how, **options).fit(X.astype(float), y, weight)


def fitted(X, y, C=1.0, weight=None, **options):
    """Fit as far as float64 goes; that it does not reach `tol` is no news then."""
    return quietly(flr.LogisticRegression(C, **{"tol": TIGHT, **options}), X, y, weight)


def quietly(model, X, y, weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        return model.fit(X, y, weight)


def cost(model, X, y, C, s):
    """J of a fitted model in float64, by its own scores."""
    log_p = model.predict_log_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return (-(s @ log_p) + 0.5 / C * np.sum(model.coef_**2)) / s.sum()


@pytest.mark.parametrize("name", DATA)
def test_the_coefficients_are_scikit_learns(name):
    X, y = DATA[name]()
    C = 0.01 if name == "digits in bytes" else 1.0
    model, theirs = fitted(X, y, C), peer(X, y, C)
    np.testing.assert_allclose(model.coef_, theirs.coef_, rtol=0, atol=1e-8)
    assert model.coef_.shape == (len(np.unique(y)), X.shape[1])
    np.testing.assert_allclose(
        model.intercept_, theirs.intercept_ - theirs.intercept_.mean(), rtol=0, atol=1e-7
    )
    np.testing.assert_allclose(model.intercept_.sum(), 0.0, atol=1e-12)
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(
        model.predict_proba(X), theirs.predict_proba(X.astype(float)), atol=1e-8
    )
    assert model.score(X, y) == theirs.score(X.astype(float), y)


@pytest.mark.parametrize(("name", "J"), [("iris", 31.378768260796), ("digits", 358.548947733962)])
def test_the_published_cost(name, J):
    X, y = DATA[name]()
    model = flr.LogisticRegression(tol=1e-12).fit(X, y)
    assert model.cost_ * len(y) == pytest.approx(J, abs=1e-9)
    assert model.suboptimality_bound_ <= 1e-12
    assert model.stop_reason_ == "converged"


@pytest.mark.parametrize("solver", ["gd", "nesterov", "lbfgs", "newton", "auto"])
@pytest.mark.parametrize("standardize", [False, True])
def test_every_solver_ends_at_the_optimum(solver, standardize):
    X, y = iris()
    X = X * [1.0, 5.0, 0.3, 2.0]
    model = flr.LogisticRegression(
        0.1, solver=solver, tol=1e-9, max_iter=100_000, standardize=standardize
    ).fit(X, y)
    best = peer(StandardScaler().fit_transform(X) if standardize else X, y, 0.1)
    inside = StandardScaler().fit_transform(X) if standardize else X
    J = cost(best, inside, y, 0.1, np.ones(150))
    assert model.stop_reason_ == "converged"
    assert -1e-12 <= model.cost_ - J <= model.suboptimality_bound_ <= 1e-9
    np.testing.assert_allclose(model.predict_proba(X), best.predict_proba(inside), atol=1e-3)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 2: 0.5}])
@pytest.mark.parametrize("weighted", [True, False])
def test_weights_are_scikit_learns(intercept, class_weight, weighted):
    X, y = drawn(400, 5, 3, 11, weights=[0.6, 0.3, 0.1], flip_y=0.1)
    weight = np.random.default_rng(0).integers(0, 4, 400).astype(float) if weighted else None
    options = {"fit_intercept": intercept, "class_weight": class_weight}
    model = fitted(X, y, 1.0, weight, **options)
    options["class_weight"] = class_weight_of_peer(class_weight, y, weight)
    theirs = peer(X, y, 1.0, weight=weight, **options)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-8)
    if not intercept:
        np.testing.assert_array_equal(model.intercept_, 0.0)


def test_a_weight_counts_a_row_so_many_times():
    X, y = drawn(200, 5, 4, 5)
    s = np.random.default_rng(1).integers(0, 4, 200)
    weighted = fitted(X, y, weight=s.astype(float))
    repeated = fitted(np.repeat(X, s, axis=0), np.repeat(y, s))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-10)
    gone = fitted(X[y != 2], y[y != 2])
    without = fitted(X, y, weight=(y != 2).astype(float))  # a class of weight 0 is gone
    np.testing.assert_array_equal(without.classes_, [0, 1, 3])
    np.testing.assert_allclose(without.coef_, gone.coef_, atol=1e-10)


def test_two_classes_of_weight_are_the_sigmoid():
    X, y = drawn(200, 5, 3, 6)
    model = flr.LogisticRegression().fit(X, y, (y != 1).astype(float))
    alone = flr.LogisticRegression().fit(X[y != 1], y[y != 1])
    assert model.coef_.shape == (1, 5)
    np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-6)


def forms(X):
    yield "CSR", sparse.csr_array(X)
    yield "CSC", sparse.csc_array(X)
    yield "Fortran", np.asfortranarray(X)
    yield "blocks", flr.RowBlocks([X[:100], X[100:]])


def test_every_form_of_X_gives_the_same():
    X, y = drawn(300, 7, 5, 8)
    X[np.abs(X) < 0.3] = 0.0
    model = flr.LogisticRegression(tol=1e-12).fit(X, y)
    for name, form in forms(X):
        other = flr.LogisticRegression(tol=1e-12).fit(form, y)
        np.testing.assert_allclose(other.coef_, model.coef_, atol=1e-6, err_msg=name)
        for method in ("decision_function", "predict_proba", "predict_log_proba"):
            np.testing.assert_allclose(
                getattr(model, method)(form), getattr(model, method)(X), atol=1e-12, err_msg=name
            )
        np.testing.assert_array_equal(model.predict(form), model.predict(X))


def test_what_is_said_of_rows(monkeypatch):
    X, y = drawn(300, 7, 5, 9)
    model = flr.LogisticRegression().fit(X, y)
    Z = X @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(model.decision_function(X), Z, atol=1e-12)
    A = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), A, atol=1e-14)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(A), atol=1e-12)
    np.testing.assert_array_equal(model.predict(X), A.argmax(axis=1))
    whole = model.predict_proba(X)
    monkeypatch.setattr(predictions, "_ROWS", 5 * 64)
    np.testing.assert_allclose(model.predict_proba(X), whole, atol=1e-14)
    out = np.empty((300, 5), np.float32)
    assert model.predict_proba(X, out) is out
    np.testing.assert_allclose(out, whole, atol=1e-6)
    with pytest.raises(ValueError, match=r"floats of shape \(300, 5\)"):
        model.predict_proba(X, np.empty((300, 2)))
    far = model.predict_log_proba(X * 1e6)
    assert np.isfinite(far).all()
    X[7, 3] = np.nan
    with pytest.raises(ValueError, match="NaN: in row 7, column 3"):
        model.predict(X)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_change_no_bit(threads):
    X, y = drawn(2000, 11, 6, 10)
    one = flr.LogisticRegression(n_threads=1).fit(X, y)
    more = flr.LogisticRegression(n_threads=threads).fit(X, y)
    np.testing.assert_array_equal(one.coef_, more.coef_)
    np.testing.assert_array_equal(one.predict_proba(X), more.predict_proba(X))


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "auto", "gd"])
def test_a_fit_that_was_cut_off_goes_on_to_the_same_bits(solver, tmp_path):
    X, y = iris()
    options = {"solver": solver, "max_iter": 60, "tol": 1e-13 if solver != "gd" else 1e-3}
    whole = quietly(flr.LogisticRegression(**options), X, y)
    file = {"checkpoint": tmp_path / "fit", "checkpoint_every": 0.0}
    quietly(flr.LogisticRegression(**{**options, **file, "max_iter": 2}), X, y)
    resumed = quietly(flr.LogisticRegression(**options, **file, resume=True), X, y)
    np.testing.assert_array_equal(resumed.coef_, whole.coef_)
    np.testing.assert_array_equal(resumed.costs_, whole.costs_)
    with pytest.raises(ValueError, match="another run"):
        flr.LogisticRegression(**options, **file, resume=True).fit(X, (y + 1) % 3)


def test_a_warm_start_begins_where_the_last_fit_ended():
    X, y = drawn(500, 6, 4, 12)
    model = flr.LogisticRegression(warm_start=True, tol=1e-10, solver="lbfgs").fit(X, y)
    before = model.coef_.copy()
    model.set_params(solver="newton").fit(X, y)
    assert model.n_iter_[0] <= 1
    np.testing.assert_allclose(model.coef_, before, atol=1e-4)
    model.set_params(fit_intercept=False, standardize=True).fit(X, y)
    np.testing.assert_array_equal(
        flr.LogisticRegression(fit_intercept=False).fit(X, y).intercept_, 0.0
    )
    model.fit(X, y % 2)  # of another shape: it begins at zeros
    assert model.coef_.shape == (1, 6)
    model.fit(X, y)
    model.coef_[0, 0] = np.nan
    with pytest.raises(ValueError, match="warm_start begins from coef_"):
        model.fit(X, y)


def test_to_and_from_scikit_learn():
    X, y = iris()
    names = np.array(["se", "ve", "vi"])[y]
    model = flr.LogisticRegression(0.5, class_weight="balanced").fit(X, names)
    theirs = model.to_sklearn()
    np.testing.assert_allclose(theirs.predict_proba(X), model.predict_proba(X), rtol=1e-12)
    np.testing.assert_array_equal(theirs.predict(X), model.predict(X))
    back = flr.LogisticRegression.from_sklearn(theirs)
    np.testing.assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    without = linear_model.LogisticRegression(fit_intercept=False).fit(X, names)
    np.testing.assert_allclose(
        flr.LogisticRegression.from_sklearn(without).predict_proba(X), without.predict_proba(X)
    )


@pytest.mark.parametrize(
    "labels",
    [
        ["ant", "bee", "fly"],
        [5, -2, 10**12],
        [1.0, 2.0, 3.0],
        np.array([0, 200, 255], np.uint8),
        [2**62, 2**62 + 1, 5],
    ],
)
def test_labels_of_every_kind_come_back(labels):
    X, y = iris()
    names = np.array(labels)[y]
    model = flr.LogisticRegression().fit(X, names)
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert model.classes_.dtype == names.dtype
    assert model.score(X, names) > 0.9
    held = names.astype(object)
    np.testing.assert_array_equal(flr.LogisticRegression().fit(X, held).coef_, model.coef_)


def test_frames_keep_their_names():
    pandas = pytest.importorskip("pandas")
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = y.map({0: "a", 1: "b", 2: "c"}).astype("category")
    model = flr.LogisticRegression(standardize=True).fit(X, names)
    np.testing.assert_array_equal(model.feature_names_in_, X.columns)
    assert model.predict(X)[0] == "a"
    again = flr.LogisticRegression(standardize=True).fit(X, pandas.Series(names.astype("string")))
    np.testing.assert_array_equal(again.coef_, model.coef_)


def test_it_keeps_company():
    X, y = iris()
    pipe = make_pipeline(StandardScaler(), flr.LogisticRegression())
    assert cross_val_score(pipe, X, y, cv=3).mean() > 0.9
    scores = cross_val_score(pipe, X, y, cv=3, scoring="roc_auc_ovr")
    assert scores.mean() > 0.95
    search = GridSearchCV(flr.LogisticRegression(), {"C": [1e-6, 1.0]}, cv=3).fit(X, y)
    assert search.best_params_ == {"C": 1.0}
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict_proba(X), search.predict_proba(X))
    assert clone(again).get_params() == again.get_params()


def test_without_a_penalty_separable_classes_are_named():
    X, y = iris()
    with pytest.warns(TrainingWarning, match="separable"):
        model = flr.LogisticRegression(np.inf, max_iter=200).fit(X[:, :2] + 9.0 * y[:, None], y)
    assert np.isfinite(model.coef_).all()


@pytest.mark.skipif(WITHOUT_JIT, reason="300 columns a row take four minutes without compilation")
def test_three_hundred_classes():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(300, 20)) * 3.0
    y = np.r_[np.arange(300), rng.integers(0, 300, 900)]
    X = centres[y] + rng.normal(size=(1200, 20))
    model = flr.LogisticRegression(tol=1e-6).fit(X, y)
    assert model.coef_.shape == (300, 20)
    assert model.suboptimality_bound_ <= 1e-6
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize(
    ("class_weight", "text"),
    [
        ({0: 0.0}, "class_weight must be above 0, or a class would have no rows"),
        ({7: 2.0}, r"class_weight must have labels of y for keys: 0, 1, 2; got \[7\]"),
        ({1: -1.0}, r"class_weight\[1\] must be at least 0"),
        ([1, 2, 3], 'class_weight must be None, "balanced" or a dict'),
    ],
)
def test_class_weights_that_cannot_be(class_weight, text):
    with pytest.raises(ValueError, match=text):
        flr.LogisticRegression(class_weight=class_weight).fit(*iris())


def test_of_each_against_the_rest_nothing_is_taken_over():
    X, y = iris()
    theirs = linear_model.LogisticRegression().fit(X, y)
    theirs.solver = "liblinear"  # which fits each class against the rest
    with pytest.raises(
        ValueError, match=r"by softmax for 3 classes, 0, 1, 2; it was fitted by each"
    ):
        flr.LogisticRegression.from_sklearn(theirs)
