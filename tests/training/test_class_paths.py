"""`fastlogreg.path` of several classes: at each lambda the optimum of `train(classes=K)`."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.solvers import auto
from fastlogreg.solvers.newton import Newton
from fastlogreg.training.class_paths import ClassFold, ClassFollower, ClassWays

LAMBDAS = np.array([0.3, 30.0, 3.0])


def example(m=250, n_x=5, K=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_x, m)) * 10.0 ** rng.uniform(-1, 1, (n_x, 1)) + 1.0
    Z = rng.standard_normal((K, n_x)) @ ((X - 1.0) / X.std(axis=1, keepdims=True))
    return X, (Z + rng.gumbel(size=Z.shape)).argmax(axis=0)[None, :]


@pytest.mark.parametrize("backend", ["fused", "numpy", "python"])
def test_each_lambda_has_the_optimum_of_train(backend):
    X, Y = example(m=40 if backend == "python" else 250)
    given = {"classes": 3, "scale": 0.5, "shift": 0.25}
    found = flr.path(X, Y, lambdas=LAMBDAS, tol=1e-15, backend=backend, **given)
    assert found.w.shape == (5, 3, 3)
    assert found.b.shape == (3, 1, 3)
    np.testing.assert_array_equal(found.lambdas, LAMBDAS)
    for k, lambda_ in enumerate(LAMBDAS):
        own = flr.train(X, Y, lambda_=lambda_, solver="newton", tol=0.0, **given)
        assert found.costs[k] == pytest.approx(own.cost, abs=1e-14)
        assert found.bounds[k] <= 1e-14
        np.testing.assert_allclose(found.w[:, :, k], own.w, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.b[:, :, k], own.b, rtol=1e-6, atol=1e-8)
        cost = flr.cost(
            found.w[:, :, k], found.b[:, :, k], X, Y, lambda_=lambda_, scale=0.5, shift=0.25
        )
        assert cost == pytest.approx(own.cost, abs=1e-14)


@pytest.mark.parametrize("way", ["newton", "sample", "lbfgs", "factors"])
def test_every_way_of_the_solver_goes_on_from_the_last_lambda(way, monkeypatch):
    X, Y = example(m=600, n_x=8, K=4)
    monkeypatch.setattr(auto, "LEAST_ROWS", 240)
    monkeypatch.setattr(auto, "ROWS_PER_FEATURE", 2)
    if way != "newton":
        monkeypatch.setattr(auto, "SMALL", 0.0)
        monkeypatch.setattr(auto, "WORTH", np.inf if way == "sample" else 0.0)
    if way == "lbfgs":
        monkeypatch.setattr(auto, "PATIENCE", 10_000)
        monkeypatch.setattr(auto, "SHARED_READS", 0.0)
    labels = Y[0].astype(np.int32)
    ways = ClassWays(design_of(X), labels, 4, np.empty(0), np.ones(4))
    kept = np.arange(600) % 5 > 0
    fold = ClassFold(kept.astype(np.uint8), np.flatnonzero(~kept))
    follower = ClassFollower(ways, fold, 1e-12, 1000)
    fits = [follower.at(lambda_) for lambda_ in (100.0, 3.0, 0.1)]
    monkeypatch.undo()
    for lambda_, fit in zip((100.0, 3.0, 0.1), fits):
        assert fit.reached
        assert fit.bound <= 1e-12
        options = {"lambda_": lambda_, "solver": "newton", "tol": 1e-13}
        own = flr.train(X[:, kept], Y[:, kept], classes=4, **options)
        assert fit.cost == pytest.approx(own.cost, abs=2e-12)
        np.testing.assert_allclose(fit.w, own.w.T, rtol=1e-4, atol=1e-5)
        held = flr.cost(fit.w.T, fit.b[:, None], X[:, ~kept], Y[:, ~kept])
        assert fit.held == pytest.approx(held, rel=1e-10)
    assert isinstance(follower.method.solver, Newton) == (way == "newton")
    assert bool(follower.method.rows) == (way in ("sample", "factors"))


def test_tall_x_takes_few_reads_for_each_lambda():
    X, Y = example(m=9_000, n_x=30, K=4)
    lambdas = np.logspace(3, -1, 5)
    found = flr.path(X, Y, classes=4, lambdas=lambdas)
    assert found.converged.all()
    assert found.reads <= 15 * len(lambdas)


def test_it_is_deterministic_on_any_number_of_threads():
    X, Y = example(m=12_000, n_x=20)
    one, *others = (flr.path(X, Y, classes=3, lambdas=3, n_threads=n) for n in (1, 2, 3))
    for other in others:
        assert one.w.tobytes() == other.w.tobytes()
        assert one.reads == other.reads


def test_the_reads_are_fewer_than_those_of_single_fits():
    X, Y = example(m=1_000)
    lambdas = np.logspace(2, -2, 8)
    found = flr.path(X, Y, classes=3, lambdas=lambdas)
    single = [
        flr.train(X, Y, classes=3, lambda_=lambda_, solver="auto", tol=1e-10).passes
        for lambda_ in lambdas
    ]
    assert found.converged.all()
    assert found.reads < 0.75 * sum(single)


@pytest.mark.parametrize("form", ["csc", "csr", "uint8", "blocks"])
def test_every_form_of_x_has_the_same_path(form):
    from scipy import sparse

    X, Y = example()
    X = np.clip(np.round(X), 0, 255)
    given = {
        "csc": lambda: sparse.csc_array(X),
        "csr": lambda: sparse.csr_array(X),
        "uint8": lambda: X.astype(np.uint8),
        "blocks": lambda: flr.RowBlocks(np.ascontiguousarray(X.T), max_memory=100_000),
    }[form]()
    for standardize in (False, True):
        options = {"lambdas": LAMBDAS, "tol": 1e-12, "standardize": standardize, "classes": 3}
        expected, found = flr.path(X, Y, **options), flr.path(given, Y, **options)
        assert found.converged.all()
        np.testing.assert_allclose(found.costs, expected.costs, rtol=1e-11)
        np.testing.assert_allclose(found.w, expected.w, rtol=1e-4, atol=1e-5)


def test_weights_are_rows_gone_and_repeated():
    X, Y = example()
    counts = np.random.default_rng(1).integers(0, 3, Y.shape[1])
    rows = np.repeat(np.arange(Y.shape[1]), counts)
    for more in (
        {},
        {"class_weight": {0: 0.5, 1: 2.0}},
        {"class_weight": "balanced"},
        {"standardize": True},
    ):
        options = {"lambdas": LAMBDAS, "tol": 1e-13, "classes": 3, **more}
        weighted = flr.path(X, Y, sample_weight=counts[None, :], **options)
        repeated = flr.path(X[:, rows], Y[:, rows], **options)
        np.testing.assert_allclose(weighted.costs, repeated.costs, rtol=1e-11)
        np.testing.assert_allclose(weighted.w, repeated.w, rtol=1e-4, atol=1e-6)


def test_without_a_penalty_the_gradient_is_the_goal():
    X, Y = example()
    found = flr.path(X, Y, classes=3, lambdas=[1.0, 0.0], tol=1e-9)
    assert found.converged.all()
    assert np.isinf(found.bounds[1])
    own = flr.train(X, Y, classes=3, solver="newton", tol=1e-11)
    assert found.costs[1] == pytest.approx(own.cost, abs=1e-12)
    np.testing.assert_allclose(found.w[:, :, 1], own.w, rtol=1e-5, atol=1e-6)


def test_columns_far_from_0_keep_their_digits():
    X, Y = example()
    near = flr.path(X, Y, classes=3, lambdas=LAMBDAS, tol=1e-12)
    far = flr.path(X + 2.0**22, Y, classes=3, lambdas=LAMBDAS, tol=1e-12)
    assert far.converged.all()
    np.testing.assert_allclose(far.w, near.w, rtol=1e-3, atol=1e-5)


def test_two_classes_are_the_sigmoid():
    X, Y = example(K=2)
    one, other = (flr.path(X, Y, lambdas=LAMBDAS, classes=K) for K in (None, 2))
    assert one.w.tobytes() == other.w.tobytes()
    assert one.b.shape == other.b.shape == (1, 3)


def test_what_is_not_reached_is_warned_of():
    X, Y = example()
    with pytest.warns(flr.TrainingWarning, match="was not reached at lambda = 1e-06"):
        found = flr.path(X, Y, classes=3, lambdas=[1e-6], tol=1e-12, iterations=1)
    assert not found.converged[0]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"classes": None}, ValueError, "pass classes=3"),
        ({"classes": 1}, ValueError, "classes must be at least 2"),
        ({"classes": 4}, ValueError, "Y must hold every class"),
        ({"class_weight": {3: 1.0}}, ValueError, "a dict of 0 to 2 -> weight"),
        ({"class_weight": {2: 0.0}}, ValueError, r"class_weight\[2\] must be above 0"),
        ({"sample_weight": np.zeros((1, 250))}, ValueError, "leave all 3 classes"),
    ],
)
def test_bad_arguments_are_named(options, error, text):
    X, Y = example()
    with pytest.raises(error, match=text):
        flr.path(X, Y, **{"classes": 3, **options})


def test_nan_in_x_is_found():
    X, Y = example()
    X[2, 7] = np.nan
    with pytest.raises(ValueError, match="row 7"):
        flr.path(X, Y, classes=3, lambdas=3)
