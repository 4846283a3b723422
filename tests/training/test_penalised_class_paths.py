"""Paths with L1 of several classes: golden values, the largest lambda, the conditions of an optimum
in extended precision, and the proof at every lambda."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.objective import penalised_softmax

sklearn_data = pytest.importorskip("sklearn.datasets")  # the extra sklearn has the data


def iris():
    X, y = sklearn_data.load_iris(return_X_y=True)
    return ((X - X.mean(axis=0)) / X.std(axis=0)).T, y[None, :]


def drawn(m=150, n_x=6, K=4, seed=2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_x, m))
    Z = rng.normal(size=(K, n_x)) * (rng.random((K, n_x)) < 0.5) @ X
    labels = np.argmax(Z + rng.gumbel(size=(K, m)), axis=0)
    labels[:K] = np.arange(K)
    return X, labels[None, :]


def slopes_at(X, labels, K, w, b, weight=None):
    """The gradient of the mean loss by w (n_x, K) and b (K,), in extended precision."""
    s = np.ones(X.shape[1]) if weight is None else weight
    Z = w.T.astype(np.longdouble) @ X.astype(np.longdouble) + b.reshape(K, 1)
    A = np.exp(Z - Z.max(axis=0))
    dZ = s * (A / A.sum(axis=0) - (labels == np.arange(K)[:, None])) / s.sum()
    return X.astype(np.longdouble) @ dZ.T, dZ.sum(axis=1)


def null_slopes(X, Y, K):
    """The slopes at W = 0 with the best b, where every a_k is the share of its class."""
    share = np.bincount(Y[0], minlength=K) / Y.shape[1]
    return slopes_at(X, Y[0], K, np.zeros((len(X), K)), np.log(share))[0]


def test_the_largest_lambda_is_where_the_first_weight_moves():
    X, Y = drawn()
    found = flr.path(X, Y, classes=4, l1_ratio=0.5, lambdas=6, tol=1e-9)
    largest = float(np.abs(null_slopes(X, Y, 4)).max()) * 150 / 0.5
    assert found.lambdas[0] == pytest.approx(largest, rel=1e-12)
    assert found.lambdas[-1] == pytest.approx(1e-4 * largest, rel=1e-12)
    assert found.nonzeros[0] == 0
    assert found.deviance_explained[0] == pytest.approx(0.0, abs=1e-12)
    below = flr.path(X, Y, classes=4, l1_ratio=0.5, lambdas=[0.999 * largest], tol=1e-12)
    assert np.count_nonzero(below.w) == 1


def test_of_groups_it_is_where_the_first_feature_moves():
    X, Y = drawn()
    more = {"classes": 4, "l1_ratio": 1.0, "feature_groups": "classes"}
    found = flr.path(X, Y, lambdas=5, tol=1e-9, **more)
    # The penalty of a group is the length of its weights, times the root of its size.
    largest = float(np.sqrt((null_slopes(X, Y, 4) ** 2).sum(axis=1)).max()) * 150 / 2.0
    assert found.lambdas[0] == pytest.approx(largest, rel=1e-12)
    assert found.nonzeros[0] == 0
    below = flr.path(X, Y, lambdas=[0.999 * largest], tol=1e-12, **more)
    there = below.w[:, :, 0] != 0.0
    assert there.all(axis=1).sum() == there.any(axis=1).sum() == 1


def test_iris_is_golden():
    X, Y = iris()
    lambdas = np.array([0.01, 0.1]) * 150  # in an order of their own
    found = flr.path(X, Y, classes=3, l1_ratio=1.0, lambdas=lambdas, tol=1e-13)
    # glmnet's dev.ratio, to its own tolerance
    assert found.deviance_explained == pytest.approx([0.901816139, 0.591711312], abs=1e-8)
    assert found.bounds.max() <= 1e-13
    assert found.w.shape == (4, 3, 2)
    assert found.b.shape == (3, 1, 2)
    assert found.b.sum(axis=0) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.4])
def test_the_conditions_of_an_optimum_hold_along_the_path(l1_ratio):
    X, Y = drawn()
    weight = np.random.default_rng(0).integers(1, 4, (1, 150)).astype(float)
    found = flr.path(X, Y, classes=4, l1_ratio=l1_ratio, lambdas=7, tol=1e-14, sample_weight=weight)
    S = weight.sum()
    for k, lambda_ in enumerate(found.lambdas.tolist()):
        w = found.w[:, :, k]
        slopes, of_b = slopes_at(X, Y[0], 4, w, found.b[:, 0, k], weight[0])
        l1, l2 = lambda_ * l1_ratio / S, lambda_ * (1.0 - l1_ratio) / S
        inside = w != 0.0
        left = slopes + l2 * w + l1 * np.sign(w)
        assert np.abs(left[inside]).max(initial=0.0) <= 1e-6
        assert np.abs(slopes[~inside]).max(initial=0.0) <= l1 + 1e-7
        assert np.abs(of_b).max() <= 1e-7


def test_saga_finds_no_less():
    linear = pytest.importorskip("sklearn.linear_model")
    X, Y = drawn()
    found = flr.path(X, Y, classes=4, l1_ratio=0.5, lambdas=[20.0, 5.0, 1.0], tol=1e-12)
    for k, lambda_ in enumerate(found.lambdas.tolist()):
        saga = linear.LogisticRegression(
            solver="saga", C=1 / lambda_, l1_ratio=0.5, tol=1e-10, max_iter=20000, random_state=0
        )
        if "penalty" in saga.get_params() and saga.get_params()["penalty"] == "l2":
            saga.set_params(penalty="elasticnet")
        saga.fit(X.T, Y[0])
        w, b = saga.coef_.T, saga.intercept_[:, None]
        loss = flr.cost(w, b, X, Y)
        J = loss + lambda_ / 150 * (0.5 * np.abs(w).sum() + 0.25 * (w * w).sum())
        assert found.costs[k] <= J + 1e-13
        assert found.costs[k] == pytest.approx(J, abs=1e-9)
        assert found.w[:, :, k] == pytest.approx(w, abs=1e-4)


MORE = {
    "weights of features": {
        "penalty_weights": np.array([[0.5], [np.inf], [2.0], [1.0], [1.0], [1.0]])
    },
    "a free feature": {"penalty_weights": np.array([[1.0], [0.0], [1.0], [1.0], [1.0], [1.0]])},
    "bounds": {"bounds": (0, None)},
    "groups": {"feature_groups": "classes"},
    "groups of columns": {"feature_groups": [[0, 1], [2, 3]]},
    "classes that weigh": {"class_weight": {0: 3.0}},
}


@pytest.mark.parametrize("name", MORE)
def test_each_step_is_a_fit_of_its_own(name):
    X, Y = drawn()
    own = dict(MORE[name])
    found = flr.path(X, Y, classes=4, l1_ratio=0.7, lambdas=[30.0, 8.0, 2.0], tol=1e-11, **own)
    assert (found.bounds <= 1e-11).all()
    assert found.converged.all()
    weights = None
    if "class_weight" in own:
        weights = np.where(Y == 0, own.pop("class_weight")[0], 1.0)
    for k, lambda_ in enumerate(found.lambdas.tolist()):
        alone = flr.train(
            X,
            Y,
            classes=4,
            l1_ratio=0.7,
            lambda_=lambda_,
            tol=1e-11,
            solver="auto",
            weights=weights,
            **own,
        )
        assert found.costs[k] == pytest.approx(alone.cost, abs=2e-11)
        assert found.w[:, :, k] == pytest.approx(alone.w, abs=2e-4)
        if name == "weights of features":
            assert not found.w[1, :, k].any()
        if name == "a free feature":
            assert found.w[1, :, k].all()
            assert found.w[1, :, k].sum() == pytest.approx(0.0, abs=1e-12)


def test_free_features_are_in_at_the_largest_lambda():
    X, Y = drawn()
    free = np.ones((6, 1))
    free[[0, 4]] = 0.0
    found = flr.path(X, Y, classes=4, l1_ratio=1.0, lambdas=4, penalty_weights=free, tol=1e-10)
    assert found.nonzeros[0] == 2
    assert (found.bounds <= 1e-10).all()
    alone = flr.train(X[[0, 4]], Y, classes=4, solver="newton", tol=1e-12)
    assert found.costs[0] == pytest.approx(alone.cost, abs=1e-9)
    slopes, _ = slopes_at(X, Y[0], 4, found.w[:, :, 0], found.b[:, 0, 0])
    held = np.abs(slopes[free[:, 0] > 0.0]).max()
    assert found.lambdas[0] / 150 == pytest.approx(float(held), rel=1e-6)


def test_standardised_it_is_the_path_of_standardised_columns():
    X, Y = drawn(K=3)  # of an even number of classes w is not unique
    Z = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    more = {"classes": 3, "l1_ratio": 1.0, "lambdas": 5, "tol": 1e-11}
    found = flr.path(40.0 * X + 7.0, Y, standardize=True, **more)
    own = flr.path(Z, Y, **more)
    assert found.lambdas == pytest.approx(own.lambdas, rel=1e-9)
    assert found.costs == pytest.approx(own.costs, abs=1e-10)
    spread = 40.0 * X.std(axis=1)
    assert found.w * spread[:, None, None] == pytest.approx(own.w, abs=1e-4)


def test_it_begins_where_the_last_one_ended():
    X, Y = drawn(m=400)
    lambdas = np.geomspace(100.0, 1.0, 12)
    found = flr.path(X, Y, classes=4, l1_ratio=1.0, lambdas=lambdas, tol=1e-8)
    reads = [
        flr.train(X, Y, classes=4, l1_ratio=1.0, lambda_=one, tol=1e-8, solver="auto").passes
        for one in lambdas.tolist()
    ]
    assert found.reads < 0.8 * sum(reads)


def test_it_may_end_early():
    X, Y = drawn()
    more = {"classes": 4, "l1_ratio": 1.0, "lambdas": 60, "lambda_min_ratio": 1e-7, "tol": 1e-8}
    found = flr.path(X, Y, stop_early=True, **more)
    assert 5 <= len(found.lambdas) < 60
    assert found.w.shape == (6, 4, len(found.lambdas))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"offset": np.zeros((1, 150))}, "offset must be None for 4 classes"),
        ({"l1_ratio": 1.5}, "l1_ratio must be from 0"),
        ({"lambda_min_ratio": 2.0}, "lambda_min_ratio must be below 1"),
        ({"bounds": (0.0, 0.0)}, "lambdas must be given"),
        ({"penalty_weights": np.full((6, 1), -1.0)}, "penalty_weights must not be negative"),
        ({"feature_groups": [[0, 1], [1]]}, "feature_groups must not overlap"),
        ({"feature_groups": "classes", "bounds": (0, None)}, "bounds must be None with"),
    ],
)
def test_what_cannot_be_is_named(more, words):
    X, Y = drawn()
    with pytest.raises(ValueError, match=words):
        flr.path(X, Y, **{"classes": 4, "l1_ratio": 1.0, "lambdas": 5, **more})


def test_the_bits_do_not_depend_on_threads():
    X, Y = drawn(m=3000, n_x=12)
    found = [
        flr.path(X, Y, classes=4, l1_ratio=1.0, lambdas=5, tol=1e-8, n_threads=k) for k in (1, 2, 5)
    ]
    assert len({one.w.tobytes() for one in found}) == 1
    assert len({one.bounds.tobytes() for one in found}) == 1


def test_every_form_of_X_has_the_same_path():
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(6)
    raw = rng.integers(0, 4, (200, 8)).astype(np.float64)
    Y = np.argmax(raw[:, :3] + rng.gumbel(size=(200, 3)), axis=1)[None, :]
    more = {"classes": 3, "l1_ratio": 1.0, "lambdas": 5, "tol": 1e-11}
    expected = flr.path(raw.T, Y, **more)
    for X in (
        np.asfortranarray(raw.T),
        raw.T.astype(np.uint8),
        sparse.csr_matrix(raw).T,
        flr.RowBlocks([raw[:80], raw[80:]]),
    ):
        found = flr.path(X, Y, **more)
        assert found.costs == pytest.approx(expected.costs, abs=1e-11)
        assert found.nonzeros.tolist() == expected.nonzeros.tolist()


def test_a_figure_has_a_line_for_each_weight():
    pytest.importorskip("matplotlib")
    from fastlogreg.figures.paths import path as draw

    X, Y = drawn(n_x=2)
    found = flr.path(X, Y, classes=4, l1_ratio=1.0, lambdas=6, tol=1e-6)
    axes = draw(found.lambdas, found.w, ["age", "size"], {"best": float(found.lambdas[2])}).axes[0]
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert {"age, class 0", "size, class 3"} <= set(named)
    assert any("best" in name for name in named)


@pytest.mark.parametrize("most_reads", [8, 1])
def test_a_hessian_in_parts_proves_free_features_too(monkeypatch, most_reads):
    X, Y = drawn()
    more = {"penalty_weights": np.array([[0.0], [1.0], [1.0], [0.0], [1.0], [1.0]]), "tol": 1e-10}
    whole = flr.path(X, Y, classes=4, l1_ratio=1.0, lambdas=[10.0], **more)
    monkeypatch.setattr(penalised_softmax, "MOST_PAIRS_BYTES", 8 * 150 * 3)  # of ten pairs
    monkeypatch.setattr(penalised_softmax, "MOST_READS", most_reads)  # 1: Boehning's for steps
    tol = 1e-10 if most_reads > 1 else 1e-7
    parts = flr.path(X, Y, classes=4, l1_ratio=1.0, lambdas=[10.0], **{**more, "tol": tol})
    assert parts.bounds[0] <= tol
    assert parts.costs == pytest.approx(whole.costs, abs=2.0 * tol)
    monkeypatch.setattr(penalised_softmax, "MOST_FREE", 7)  # there are eight
    with pytest.warns(flr.TrainingWarning, match="tol = 1e-10 was not reached"):
        none = flr.path(X, Y, classes=4, l1_ratio=1.0, lambdas=[10.0], **more)
    assert none.bounds[0] == np.inf
