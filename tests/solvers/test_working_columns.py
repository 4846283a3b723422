"""L1 on a wide X: minimised on copies of a working set's columns, and by Hessians as elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.maths.elastic_net import ElasticNet
from fastlogreg.objective import working_columns
from fastlogreg.objective.elastic_net import ElasticNetObjective
from fastlogreg.objective.working_columns import WorkingColumns
from tests.helpers.comparison import WITHOUT_JIT

compiled = pytest.mark.skipif(WITHOUT_JIT, reason="columns are for compiled kernels alone")


def wide(m=60, n_x=900, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n_x))
    w = np.zeros(n_x)
    w[:10] = rng.normal(size=10)
    y = (X @ w + rng.logistic(size=m) > 0.0).astype(np.uint8)
    return X.T, y[None, :]


def trained(X, Y, lambda_=0.03, **more):
    given = {"solver": "prox_newton", "tol": 1e-10, "l1_ratio": 1.0} | more
    return flr.train(X, Y, lambda_=lambda_ * Y.size, **given)


HOW = [
    {},
    {"l1_ratio": 0.5},
    {"bounds": (0, None)},
    {"bounds": (-0.2, 0.4)},
    {"lambda_": 0.003},
    {"weights": np.arange(60.0)[None, :]},
    {"offset": np.linspace(-1.0, 1.0, 60)[None, :]},
    {"scale": 0.5, "shift": np.linspace(-1.0, 1.0, 900)[:, None], "lambda_": 0.01},
    {"penalty_weights": np.r_[np.inf, 0.5, np.ones(898)][:, None]},
    {"feature_groups": [[0, 1, 2], [7, 9]]},
]


@pytest.mark.parametrize("more", HOW)
def test_both_ways_find_the_same(more, monkeypatch):
    X, Y = wide()
    found = trained(X, Y, **more)
    monkeypatch.setattr(working_columns, "WIDE", 10**9)
    expected = trained(X, Y, **more)
    assert found.stop_reason == expected.stop_reason == "converged"
    assert found.cost == pytest.approx(expected.cost, abs=2e-10)
    assert found.w == pytest.approx(expected.w, abs=2e-3)
    assert ((found.w != 0.0) == (expected.w != 0.0)).mean() > 0.99


@pytest.mark.parametrize("dtype", ["float32", "uint8", "float16", "int64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_type_of_number_has_the_same_optimum(dtype, order):
    rng = np.random.default_rng(1)
    X = rng.integers(0, 5, (400, 30)).astype(np.float64)
    Y = rng.integers(0, 2, (1, 30))
    expected = trained(X, Y, 0.02)
    found = trained(np.asarray(X, dtype, order=order), Y, 0.02)
    assert found.cost == pytest.approx(expected.cost, abs=2e-10)


def test_the_bits_do_not_depend_on_threads():
    X, Y = wide(seed=2)
    found = [trained(X, Y, 0.01, n_threads=k) for k in (1, 2, 3)]
    assert len({(result.w.tobytes(), result.b) for result in found}) == 1


@compiled
def test_what_was_copied_before_changes_no_bit():
    X, Y = wide()
    penalty = ElasticNet(0.6, 1.0, 60.0, np.ones(900))
    objective = ElasticNetObjective(design_of(X), Y[0], penalty)
    point = objective.point(np.zeros(901))
    features = np.array([1, 5, 30, 31, 500])
    used, fresh = WorkingColumns(objective.shared), WorkingColumns(objective.shared)
    used.step(objective.column, point, np.array([2, 5, 31]), 1.0, 0.0)
    found = [one.step(objective.column, point, features, 1.0, 0.0) for one in (used, fresh)]
    assert found[0][0].tobytes() == found[1][0].tobytes()
    assert used.used == 6
    assert fresh.used == 5


@compiled
def test_the_copy_has_a_bound(monkeypatch):
    X, Y = wide()
    expected = trained(X, Y, 0.003)
    monkeypatch.setattr(working_columns, "MOST_BYTES", 8 * 60 * 20)  # of twenty columns
    penalty = ElasticNet(0.6, 1.0, 60.0, np.ones(900))
    columns = WorkingColumns(ElasticNetObjective(design_of(X), Y[0], penalty).shared)
    columns.rows_of(np.arange(15))
    rows = columns.rows_of(np.arange(10, 30))  # begun anew
    assert columns.used == 20
    assert columns.room.shape == (20, 60)
    about = X[10:30] - X[10:30].mean(axis=1, keepdims=True)
    assert columns.room[rows] == pytest.approx(about, abs=1e-15)
    few = trained(X, Y, 0.003)  # Hessians, where a working set is larger
    assert few.cost == pytest.approx(expected.cost, abs=2e-10)


def test_a_path_has_its_proof_at_every_lambda(monkeypatch):
    X, Y = wide(seed=3)
    found = flr.path(X, Y, l1_ratio=1.0, lambdas=12, tol=1e-8)
    assert found.converged.all()
    assert (found.bounds <= 1e-8).all()
    monkeypatch.setattr(working_columns, "WIDE", 10**9)
    expected = flr.path(X, Y, l1_ratio=1.0, lambdas=12, tol=1e-8)
    assert found.costs == pytest.approx(expected.costs, abs=1e-8)


def test_nan_in_X_is_named():
    X, Y = wide()
    X[700, 5] = np.nan
    with pytest.raises(ValueError, match="X must be finite"):
        trained(X, Y)


@pytest.mark.parametrize("far", [1e3, 1e6, 1e8])
def test_columns_far_from_zero(far):
    X, Y = wide(m=40, n_x=300, seed=4)
    expected = trained(X, Y, 0.05, tol=1e-7)
    found = trained(X + far, Y, 0.05, tol=1e-7)
    assert found.suboptimality_bound <= 1e-7
    assert found.cost == pytest.approx(expected.cost, abs=3e-7)
