"""The estimator: scikit-learn's own checks, its company (pipelines, searches, frames), and its
optimum on real data."""

from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
import tracemalloc

import numba
import numpy as np
import pytest

from tests.helpers.limits import HANG

pytest.importorskip("sklearn")

import sklearn
from sklearn import linear_model
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_svmlight_file
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import fastlogreg as flr
from fastlogreg.estimators import predictions
from fastlogreg.solvers.result import TrainingWarning
from tests.helpers.scikit_learn import class_weight_of_peer

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 5.0, 0.0, -2.0]
y = (X[:, 0] + 0.1 * X[:, 1] + rng.normal(size=300) > 0.5).astype(int)
WEIGHT = rng.integers(0, 3, size=300).astype(float)


def own_checks():
    """A list, since pytest 9 refuses the generator that scikit-learn 1.7's parametrize_with_checks
    hands to it."""
    return list(estimator_checks_generator(flr.LogisticRegression()))


def name_of(value):
    """check_... of one of scikit-learn's checks, or of a wrapped one that is to be skipped."""
    while hasattr(value, "func"):
        value = value.func
    return getattr(value, "__name__", type(value).__name__)


@pytest.mark.parametrize(("estimator", "check"), own_checks(), ids=name_of)
@pytest.mark.filterwarnings("ignore:all rows of positive weight")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


# ---------------------------------------------------------------- the optimum


def peer(C, **options):
    return linear_model.LogisticRegression(
        C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000, **options
    )


def weights_of(y, sample_weight, balanced):
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    if balanced:
        positive = y == y.max()
        s = s * np.where(
            positive, 0.5 * s.sum() / s[positive].sum(), 0.5 * s.sum() / s[~positive].sum()
        )
    return s


def cost(model, X, y, C, s):
    """J of a fitted model, in float64."""
    w, z = model.coef_[0], X @ model.coef_[0] + model.intercept_[0]
    return (
        s @ np.logaddexp(0.0, np.where(y == model.classes_[1], -z, z)) + 0.5 / C * w @ w
    ) / s.sum()


def condition(model, X, C, s):
    """Condition number of the Hessian at a fitted model."""
    a, X1 = model.predict_proba(X), np.column_stack([X, np.ones(len(X))])
    H = (X1 * (s * a[:, 0] * a[:, 1])[:, None]).T @ X1
    H[:-1, :-1] += np.eye(X.shape[1]) / C
    return np.linalg.cond(H)


def assert_same_optimum(X, y, C, weighted):
    """Our J equals scikit-learn's or is lower, our coefficients are the same as far as the
    condition lets them be."""
    sample_weight = (
        np.random.default_rng(1).integers(0, 4, size=len(y)).astype(float) if weighted else None
    )
    options = {"class_weight": "balanced"} if weighted else {}
    ours = flr.LogisticRegression(C, tol=0, **options).fit(X, y, sample_weight)
    X = X.astype(float)
    if weighted:
        options = {"class_weight": class_weight_of_peer("balanced", y, sample_weight)}
    theirs = peer(C, **options).fit(X, y, sample_weight)
    s = weights_of(y, sample_weight, weighted)
    ours_J, theirs_J = cost(ours, X, y, C, s), cost(theirs, X, y, C, s)
    assert ours.cost_ == pytest.approx(ours_J, rel=1e-12)
    assert ours_J - theirs_J <= 1e-10 * theirs_J
    # J is known to eps, and with it the coefficients to about eps times the condition number of the
    # Hessian.
    allowed = max(1e-6, 10 * np.finfo(float).eps * condition(theirs, X, C, s))
    assert np.abs(ours.coef_ - theirs.coef_).max() <= allowed * np.abs(theirs.coef_).max()


def breast_cancer(folder):
    return load_breast_cancer(return_X_y=True)


def german(folder):
    X, y = load_svmlight_file(str(folder / "libsvm" / "german.numer_scale"))
    return X.toarray(), y


def spambase(folder):
    table = np.loadtxt(folder / "uci" / "spambase.data", delimiter=",", skiprows=1)
    return table[:, :-1], table[:, -1]


def a9a(folder):
    X, y = load_svmlight_file(str(folder / "libsvm" / "a9a"), n_features=123)
    return X[::8].toarray(), y[::8]


def mnist_zeros(folder):
    with gzip.open(folder / "mnist" / "train-images-idx3-ubyte.gz") as images:
        X = np.frombuffer(images.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(folder / "mnist" / "train-labels-idx1-ubyte.gz") as labels:
        y = np.frombuffer(labels.read(), np.uint8, offset=8)
    return X[::100, ::2], y[::100] == 0  # uint8, strided


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("data", "Cs"),
    [
        (breast_cancer, (1e-6, 1e-3, 1.0, 1e3, 1e6)),
        (german, (1e-6, 1e-3, 1.0, 1e3, 1e6)),
        (spambase, (1e-6, 1.0, 1e6)),
        (a9a, (1e-6, 1.0, 1e6)),
        (mnist_zeros, (1e-6, 1.0)),
    ],
)
def test_the_optimum_is_scikit_learns(shared_data, data, Cs, weighted):
    if numba.config.DISABLE_JIT and data in (spambase, a9a, mnist_zeros):
        pytest.skip("minutes with interpreted kernels; the smaller sets run")
    X, y = data(shared_data)
    for C in Cs[::2] if numba.config.DISABLE_JIT else Cs:
        assert_same_optimum(X, y, C, weighted)


def test_unscaled_spambase_converges_by_default_and_says_nothing(shared_data):
    X, y = spambase(shared_data)
    model = flr.LogisticRegression().fit(X, y)  # a warning would be an error here
    assert model.stop_reason_ == "converged"
    assert model.suboptimality_bound_ <= model.tol


@pytest.mark.parametrize("solver", ["auto", "newton", "lbfgs", "nesterov", "gd"])
def test_every_solver_arrives(solver):
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    model = flr.LogisticRegression(solver=solver, max_iter=5000, tol=1e-9).fit(Z, y)
    s = np.ones(len(y))
    theirs = peer(1.0).fit(Z, y)
    assert model.stop_reason_ == "converged"
    assert (
        0
        <= cost(model, Z, y, 1.0, s) - cost(theirs, Z, y, 1.0, s) + 1e-15
        <= model.suboptimality_bound_ + 2e-15
    )
    assert model.suboptimality_bound_ <= 1e-9


@pytest.mark.parametrize("intercept", [True, False])
def test_standardize_is_standardising_first(intercept):
    constant = np.column_stack([X, np.full(300, 0.1)])
    ours = flr.LogisticRegression(standardize=True, fit_intercept=intercept, tol=0).fit(constant, y)
    pipe = make_pipeline(
        StandardScaler(with_mean=intercept), peer(1.0, fit_intercept=intercept)
    ).fit(constant, y)
    np.testing.assert_allclose(
        ours.decision_function(constant), pipe.decision_function(constant), rtol=1e-8, atol=1e-8
    )
    np.testing.assert_allclose(ours.coef_, pipe[-1].coef_ / pipe[0].scale_, rtol=1e-8, atol=1e-12)
    assert intercept or ours.intercept_[0] == 0.0


def test_standardize_counts_a_weighted_row_as_often():
    ours = flr.LogisticRegression(standardize=True, tol=0).fit(X, y, WEIGHT)
    repeated = np.repeat(np.arange(300), WEIGHT.astype(int))
    theirs = flr.LogisticRegression(standardize=True, tol=0).fit(X[repeated], y[repeated])
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)


def test_no_intercept():
    ours, theirs = (
        flr.LogisticRegression(fit_intercept=False, tol=0).fit(X, y),
        peer(1.0, fit_intercept=False).fit(X, y),
    )
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7)
    assert ours.intercept_ == 0.0


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5}, {1: 3}, {0: 1, 1: 2, 7: 5}])
def test_class_weights(class_weight):
    ours = flr.LogisticRegression(class_weight=class_weight, tol=0).fit(X, y, WEIGHT)
    theirs = peer(1.0, class_weight=class_weight_of_peer(class_weight, y, WEIGHT)).fit(X, y, WEIGHT)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7)


def test_rows_of_weight_0_are_gone():
    labels, weight = y.astype(object), WEIGHT.copy()
    labels[0], weight[0] = 2, 0.0  # a third class, of no weight
    here, gone = weight > 0, flr.LogisticRegression(tol=0)
    labels = labels.astype(int)
    model = flr.LogisticRegression(tol=0).fit(X, labels, weight)
    gone.fit(X[here], labels[here], weight[here])
    np.testing.assert_array_equal(model.classes_, [0, 1])
    np.testing.assert_allclose(model.coef_, gone.coef_, rtol=1e-10)


def test_separable_data_without_a_penalty_are_warned_of():
    with pytest.warns(TrainingWarning, match="completely separable.*C below infinity") as caught:
        model = flr.LogisticRegression(np.inf).fit(X, X[:, 0] > 0)
    assert caught[0].filename == __file__
    assert model.stop_reason_ == "separable"
    assert np.isfinite(model.coef_).all()
    assert model.score(X, X[:, 0] > 0) == 1.0


def test_a_warning_names_the_column_of_the_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X * [1, 1000, 1, 1], columns=["a", "income", "c", "d"])
    with pytest.warns(TrainingWarning, match="income"):
        flr.LogisticRegression(solver="gd", max_iter=3).fit(frame, y)


def test_warm_start_begins_where_it_ended():
    for standardize in (False, True):
        model = flr.LogisticRegression(warm_start=True, standardize=standardize, tol=1e-6).fit(X, y)
        first = model.n_iter_
        assert first > 1
        assert model.fit(X, y).n_iter_ == 0
        assert model.set_params(warm_start=False).fit(X, y).n_iter_ == first
    model.set_params(warm_start=True).fit(X[:, :2], y)  # another number of columns: from zeros
    assert model.coef_.shape == (1, 2)


# ---------------------------------------------------------------- what it is given, what it gives


@pytest.mark.parametrize("dtype", ["?", "u1", "i4", "i8", "f2", "f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_X_of_any_dtype_and_order_is_the_same_X(dtype, order):
    Z = np.asarray(np.round(np.abs(X)), dtype=dtype, order=order)
    as_float = flr.LogisticRegression(tol=0).fit(Z.astype(float), y)
    model = flr.LogisticRegression(tol=0).fit(Z, y)
    np.testing.assert_allclose(model.coef_, as_float.coef_, rtol=1e-7)
    np.testing.assert_allclose(
        model.predict_proba(Z), as_float.predict_proba(Z.astype(float)), rtol=1e-6
    )


@pytest.mark.skipif(
    numba.config.DISABLE_JIT, reason="interpreted kernels make Python objects and take minutes"
)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("standardize", [False, True])
def test_X_is_not_copied(order, standardize):
    big = np.asarray(
        rng.integers(0, 256, size=(100_000, 200), dtype=np.uint8), order=order
    )  # 20 MB
    labels = big[:, 0] > 100
    model = flr.LogisticRegression(1e-6, standardize=standardize, tol=1e-4)
    model.fit(big, labels).predict_proba(big)  # compiles, which takes memory of its own
    tracemalloc.start()
    try:
        model.fit(big, labels)
        model.predict_proba(big)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.8 * big.nbytes  # as float64 it would be 8 times X


def test_probabilities_into_an_array_block_by_block(monkeypatch, tmp_path):
    model = flr.LogisticRegression().fit(X, y)
    whole = model.predict_proba(X)
    monkeypatch.setattr(predictions, "_ROWS", 64)
    np.testing.assert_allclose(model.predict_proba(np.asfortranarray(X)), whole, rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), whole, rtol=1e-12)
    out = np.memmap(tmp_path / "out", dtype=np.float32, mode="w+", shape=(300, 2))
    assert model.predict_proba(X, out=out) is out
    np.testing.assert_allclose(out, whole, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), model.classes_[np.argmax(whole, axis=1)])
    fixed = np.empty((300, 2))
    fixed.flags.writeable = False
    for wrong in (np.empty((300, 1)), np.empty((300, 2), int), fixed, [[0.0, 0.0]] * 300):
        with pytest.raises(
            ValueError, match=r"out must be a writeable array of floats of shape \(300, 2\); got"
        ):
            model.predict_proba(X, out=wrong)


def test_far_probabilities_keep_their_digits():
    model = flr.LogisticRegression().fit(X, y)
    model.coef_, model.intercept_ = np.array([[1.0, 0, 0, 0]]), np.zeros(1)
    far = np.array([[-800.0, 0, 0, 0], [50.0, 0, 0, 0]])
    np.testing.assert_allclose(
        model.predict_log_proba(far), [[0.0, -800.0], [-50.0, -np.exp(-50.0)]], rtol=1e-12
    )
    assert model.predict_proba(far)[1, 0] == pytest.approx(np.exp(-50.0), rel=1e-12)


def test_string_labels():
    labels = np.where(y == 1, "yes", "no")
    model = flr.LogisticRegression(class_weight={"yes": 2.0}).fit(X, labels)
    np.testing.assert_array_equal(model.classes_, ["no", "yes"])
    assert set(model.predict(X)) == {"no", "yes"}
    numbers = flr.LogisticRegression(class_weight={1: 2.0}).fit(X, y)
    np.testing.assert_array_equal(model.coef_, numbers.coef_)
    np.testing.assert_array_equal(
        model.coef_, flr.LogisticRegression(class_weight={"yes": 2.0}).fit(X, list(labels)).coef_
    )


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library):
    frames = pytest.importorskip(library)
    names = ["a", "b", "c", "d"]
    frame = frames.DataFrame(dict(zip(names, X.T)))
    model = flr.LogisticRegression().fit(frame, frames.Series(y))
    np.testing.assert_array_equal(model.feature_names_in_, names)
    np.testing.assert_allclose(model.coef_, flr.LogisticRegression().fit(X, y).coef_, rtol=1e-10)
    assert model.predict_proba(frame).shape == (300, 2)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    assert not hasattr(clone(model).fit(frame, y).fit(X, y), "feature_names_in_")
    with pytest.raises(ValueError, match=r"Input X contains NaN: in row 7, column 1 \('b'\)"):
        model.fit(
            frames.DataFrame(
                dict(zip(names, np.where(np.arange(1200).reshape(4, 300) == 307, np.nan, X.T)))
            ),
            y,
        )


def test_a_mixed_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "flag": y == 1,
            "count": np.arange(300),
            "x": X[:, 0],
            "maybe": pandas.array([1, 2, 3] * 100),
        }
    )
    assert (
        flr.LogisticRegression()
        .fit(frame, np.where(y, "b", "a"))
        .score(frame, np.where(y, "b", "a"))
        > 0.9
    )


@pytest.mark.parametrize("solver", ["auto", "newton", "lbfgs", "nesterov", "gd"])
@pytest.mark.parametrize("standardize", [False, True])
def test_NaN_and_infinity_are_found_by_row_and_column(solver, standardize):
    for bad, word in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")):
        spoilt = X.copy()
        spoilt[17, 2] = bad
        model = flr.LogisticRegression(solver=solver, standardize=standardize, max_iter=5)
        with pytest.raises(
            ValueError, match=f"Input X contains {word}: in row 17, column 2, counted from 0"
        ):
            model.fit(spoilt, y)
    model = flr.LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="row 17, column 2"):
        model.predict(spoilt)


@pytest.mark.parametrize(
    ("parameters", "error", "text"),
    [
        ({"C": 0.0}, ValueError, "C must be above 0; got 0.0"),
        ({"C": -np.inf}, ValueError, "C must be finite"),
        ({"C": "1"}, TypeError, "C must be a number"),
        ({"solver": "saga"}, ValueError, "solver must be one of"),
        ({"tol": -1.0}, ValueError, "tol must be at least 0"),
        ({"max_iter": 1.5}, ValueError, "max_iter must be a whole number"),
        ({"max_seconds": -1}, ValueError, "max_seconds must be at least 0"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"class_weight": [1, 2]}, ValueError, 'class_weight must be None, "balanced" or a dict'),
        (
            {"class_weight": {"1": 2}},
            ValueError,
            r"class_weight must have labels of y for keys: 0, 1; got \['1'\]",
        ),
        ({"class_weight": {0: 0.0, 1: 1.0}}, ValueError, "class_weight must be above 0"),
        ({"class_weight": {0: -1.0}}, ValueError, r"class_weight\[0\] must be at least 0"),
    ],
)
def test_parameters_out_of_range(parameters, error, text):
    with pytest.raises(error, match=text):
        flr.LogisticRegression(**parameters).fit(X, y)


@pytest.mark.parametrize(
    ("labels", "error", "text"),
    [
        (np.ones(300, int), ValueError, "must hold two classes or more.* got one class, 1"),
        (np.arange(300) % 3 + 0.5, ValueError, "Unknown label type: continuous.* got 0.5, 1.5"),
        (
            np.array([0, "a", "b"], object)[np.arange(300) % 3],
            TypeError,
            "can be sorted; got 0 and 'a'",
        ),
        (X[:, 0], ValueError, "Unknown label type: continuous"),
        (np.where(y, 0.5, 0.25), ValueError, "Unknown label type: continuous"),
        (np.where(y, "a", np.array(7, object)), TypeError, "labels that can be sorted; got"),
    ],
)
def test_labels_that_are_no_classes(labels, error, text):
    with pytest.raises(error, match=text):
        flr.LogisticRegression().fit(X, labels)


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        (-np.ones(300), "Negative values in data passed to `sample_weight`"),
        (np.zeros(300), "Sample weights must contain at least one non-zero number"),
        (0.0, "Sample weights must contain at least one non-zero number"),
        (np.ones(299), "sample_weight"),
        (np.full(300, np.nan), "sample_weight contains NaN"),
    ],
)
def test_weights_that_leave_nothing_to_fit(weight, text):
    with pytest.raises(ValueError, match=text):
        flr.LogisticRegression().fit(X, y, weight)


def test_a_batch_without_weight_is_refused():
    with pytest.raises(
        ValueError, match="Sample weights must contain at least one non-zero number"
    ):
        flr.LogisticRegression().partial_fit(X, y, [0, 1], np.zeros(300))


def test_without_scikit_learn_the_extra_is_named():
    code = """
import sys
sys.modules["sklearn"] = None
from fastlogreg import *
import fastlogreg as flr
assert "LogisticRegression" in dir(flr)
try:
    flr.LogisticRegression
except ImportError as error:
    assert 'pip install "fastlogreg[sklearn]"' in str(error), error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=HANG)


# ---------------------------------------------------------------- the company it keeps


def test_in_a_pipeline_a_search_and_a_calibration():
    pipe = Pipeline([("scale", StandardScaler()), ("fit", flr.LogisticRegression())]).set_output(
        transform="default"
    )
    assert cross_val_score(pipe, X, y, cv=3).mean() > 0.7
    search = GridSearchCV(pipe, {"fit__C": [1e-3, 1.0]}, n_jobs=2, cv=3).fit(X, y)
    assert search.best_params_ == {"fit__C": 1.0}
    calibrated = CalibratedClassifierCV(flr.LogisticRegression(), cv=3).fit(X, y)
    assert calibrated.predict_proba(X).shape == (300, 2)
    assert "LogisticRegression" in pipe._repr_html_()
    assert pipe.fit(X, y)[:-1].get_feature_names_out().shape == (4,)


def test_clone_and_pickle():
    model = flr.LogisticRegression(2.0, class_weight={0: 2.0}, standardize=True)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        model.predict(X)
    again = pickle.loads(pickle.dumps(model.fit(X, y)))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_sample_weights_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = flr.LogisticRegression(tol=0).set_fit_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model).fit(
            X, y, sample_weight=WEIGHT
        )
    plain = flr.LogisticRegression(tol=0).fit(StandardScaler().fit_transform(X), y, WEIGHT)
    np.testing.assert_array_equal(pipe[-1].coef_, plain.coef_)


def test_to_and_from_scikit_learn():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    labels = np.where(y == 1, "yes", "no")
    model = flr.LogisticRegression(0.5, class_weight="balanced").fit(frame, labels)
    theirs = model.to_sklearn()
    assert type(theirs) is linear_model.LogisticRegression
    np.testing.assert_allclose(theirs.predict_proba(frame), model.predict_proba(frame), rtol=1e-12)
    back = flr.LogisticRegression.from_sklearn(theirs)
    np.testing.assert_array_equal(back.predict_proba(frame), model.predict_proba(frame))
    np.testing.assert_array_equal(back.feature_names_in_, list("abcd"))
    assert (back.C, back.class_weight, back.n_iter_) == (0.5, "balanced", model.n_iter_)
    assert back.coef_ is not theirs.coef_
    np.testing.assert_allclose(
        back.set_params(tol=0).fit(frame, labels).coef_, model.coef_, rtol=1e-4
    )
    with pytest.raises(NotFittedError):
        flr.LogisticRegression().to_sklearn()


# ---------------------------------------------------------------- watching it


def test_the_callback_sees_the_bound_fall_and_can_stop():
    seen = []
    model = flr.LogisticRegression(solver="lbfgs", callback=seen.append).fit(X, y)
    assert seen[-1].bound == model.suboptimality_bound_
    assert seen[-1].bound <= model.tol
    assert model.history_.shape[1] == 4
    stopped = flr.LogisticRegression(solver="gd", callback=lambda progress: True).fit(X, y)
    assert stopped.stop_reason_ == "callback"


def test_a_time_limit_is_warned_of():
    with pytest.warns(TrainingWarning, match="not converged"):
        model = flr.LogisticRegression(solver="gd", max_iter=10**9, max_seconds=0.0).fit(X, y)
    assert model.stop_reason_ == "max_seconds"


@pytest.mark.parametrize("C", [1.0, np.inf])
def test_the_bar_shows_the_bound_falling(monkeypatch, capfd, C):
    pytest.importorskip("rich")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes stderr for a terminal then
    seen = []
    flr.LogisticRegression(C, verbose=1, callback=seen.append).fit(X, y)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert ("gradient" if np.isinf(C) else "bound") in shown.err
    assert "tol 1.0e-08" in shown.err
    assert seen


def test_no_bar_where_nobody_is_looking(monkeypatch, capfd):
    flr.LogisticRegression(verbose=1).fit(X, y)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setenv("FORCE_COLOR", "1")
    flr.LogisticRegression(verbose=1).fit(X, y)
    assert capfd.readouterr() == ("", "")
