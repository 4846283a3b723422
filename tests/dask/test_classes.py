"""Several classes with Dask: one machine's result, the same bits for any number of workers, what a
block computes, and the command line."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pytest.importorskip("sklearn")
da = pytest.importorskip("dask.array")

import fastlogreg as flr  # noqa: E402
import fastlogreg.dask as fd  # noqa: E402
from fastlogreg.cli import app  # noqa: E402
from fastlogreg.dask.class_objective import DistributedSoftmax  # noqa: E402
from fastlogreg.dask.collections import rows_of  # noqa: E402
from fastlogreg.dask.objective import DistributedDesign  # noqa: E402
from fastlogreg.data.inputs import design_of  # noqa: E402
from fastlogreg.models.model import Model  # noqa: E402
from fastlogreg.objective.softmax import SoftmaxObjective  # noqa: E402
from fastlogreg.solvers.result import SoftmaxResult, TrainingWarning  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
K, N_X, CHUNKS = 4, 7, (150, 1, 200, 99)
SCALE, SHIFT = np.linspace(0.5, 2.0, N_X)[:, None], np.linspace(-1.0, 1.0, N_X)[:, None]
RUNS = {
    "gd": {"iterations": 4, "alpha": 0.01},
    "lbfgs": {"iterations": 60, "tol": 1e-12},
    "newton": {"iterations": 20, "tol": 1e-12},
    "auto": {"iterations": 20, "tol": 1e-12},
}


def drawn():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(sum(CHUNKS), N_X))
    y = (X @ rng.normal(size=(N_X, K)) + rng.gumbel(size=(len(X), K))).argmax(axis=1)
    return X, y, rng.integers(0, 3, len(X)).astype(float)


def lazily(*arrays):
    return [da.from_array(a, chunks=(CHUNKS, *[-1] * (a.ndim - 1))) for a in arrays]


def runs():
    X, y, _ = drawn()
    return {
        name: fd.train(*lazily(X, y), classes=K, solver=name, lambda_=1.0, scale=SCALE, **how)
        for name, how in RUNS.items()
    }


def same_bits(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("w", "b", "costs", "cost", "suboptimality_bound", "iterations")
    )


@pytest.fixture(scope="module")
def on_threads():
    return runs()


@pytest.mark.parametrize("solver", RUNS)
def test_the_result_is_that_of_one_machine(solver, on_threads):
    X, y, _ = drawn()
    how = RUNS[solver]
    alone = flr.train(X.T, y[None], classes=K, solver=solver, lambda_=1.0, scale=SCALE, **how)
    found = on_threads[solver]
    assert isinstance(found, SoftmaxResult)
    assert (found.w.shape, found.b.shape) == ((N_X, K), (K, 1))
    assert abs(found.cost - alone.cost) <= 1e-12
    np.testing.assert_allclose(found.w, alone.w, atol=1e-5 if solver == "lbfgs" else 1e-9)


def test_one_thread_and_many_give_the_same_bits(on_threads):
    with dask.config.set(scheduler="synchronous"):
        found = runs()
    assert all(same_bits(found[name], on_threads[name]) for name in RUNS)


@pytest.mark.skipif(WITHOUT_JIT, reason="worker processes take minutes without compilation")
def test_any_number_of_workers_gives_the_same_bits(on_threads):
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster),
    ):
        for count in (1, 2, 4):
            cluster.scale(count)
            deadline = time.monotonic() + 60
            while len(cluster.scheduler.workers) != count:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            found = runs()
            assert all(same_bits(found[name], on_threads[name]) for name in RUNS), count


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("lambda_", [0.0, 2.0])
def test_the_objective_is_that_of_one_machine(weighted, lambda_):
    X, y, weight = drawn()
    given = lazily(X, y, weight) if weighted else lazily(X, y)
    held = rows_of(*given).encoded(range(K))
    scale, shift = SCALE[:, 0], SHIFT[:, 0]
    there = DistributedSoftmax(DistributedDesign(held, scale, shift), K, lambda_)
    here = SoftmaxObjective(
        design_of(X.T, SCALE, SHIFT),
        y.astype(np.int32),
        K,
        lambda_,
        weight=weight if weighted else np.empty(0),
    )
    theta, v, d = np.random.default_rng(5).normal(size=(3, here.size))
    one, other = there.point(theta), here.point(theta)
    near = {"rtol": 1e-10, "atol": 1e-12}

    def same(name, *arguments):
        np.testing.assert_allclose(
            getattr(there, name)(*arguments), getattr(here, name)(*arguments), **near
        )

    np.testing.assert_allclose(one.evaluation.J, other.evaluation.J, **near)
    np.testing.assert_allclose(one.evaluation.gradient, other.evaluation.gradient, **near)
    for z_there, z_here in ((one.z, other.z), (there.scores_at(theta), here.scores_at(theta))):
        np.testing.assert_allclose(
            there.hessian_product(v, z_there), here.hessian_product(v, z_here), **near
        )
    np.testing.assert_allclose(there.hessian_at(one), here.hessian_at(other), **near)
    u = np.linspace(-1.0, 1.0, K)
    for t in (np.empty(0), u):
        for a, b in zip(there.bias_moments(one.z, t), here.bias_moments(other.z, t)):
            np.testing.assert_allclose(a, b, **near)
    shifted = there.bias_moments(one.z + u[:, None]), here.bias_moments(other.z + u[:, None])
    np.testing.assert_allclose(shifted[0].db, shifted[1].db, **near)
    np.testing.assert_allclose(there.bias_product(one.z, u), here.bias_product(other.z, u), **near)
    same("second_moments")
    along = [
        objective.line(start, d, objective.point(theta + d))
        for objective, start in ((there, one), (here, other))
    ]
    np.testing.assert_allclose(along[0](0.3), along[1](0.3), **near)
    inverse = np.linalg.inv(np.linalg.cholesky(here.hessian_at(other)))
    np.testing.assert_allclose(
        there.largest_leverage(inverse), here.largest_leverage(inverse), **near
    )
    assert there.separates_at(one) == here.separates_at(other)
    changes = there.margin_changes(one.z, v), here.margin_changes(other.z, v)
    np.testing.assert_allclose(changes[0], changes[1], **near)
    bounds = [o.certify(theta, p.evaluation, p.z) for o, p in ((there, one), (here, other))]
    np.testing.assert_allclose(bounds[0], bounds[1], rtol=1e-8)
    A = flr.predict_proba(*here.shown(theta), X.T, scale=SCALE, shift=SHIFT)
    table = np.zeros((K, K), int)
    np.add.at(table, (y, A.argmax(axis=0)), 1)
    np.testing.assert_array_equal(there.confusion(theta), table)


def test_a_sample_has_every_class_in_its_proportion():
    X, y, weight = drawn()
    held = rows_of(*lazily(X, y, weight)).encoded(range(K))
    there = DistributedSoftmax(DistributedDesign(held, np.ones(N_X), np.zeros(N_X)), K, 1.0)
    small = there.sampled(100)
    assert 60 <= small.m <= 120
    for k in range(K):
        assert small.weight[small.labels == k].sum() == pytest.approx(weight[y == k].sum())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fit_intercept": False},
        {"standardize": True, "class_weight": "balanced"},
        {"class_weight": {"b": 3.0}},
    ],
)
def test_the_estimator_is_that_of_one_machine(options):
    X, y, weight = drawn()
    names = np.array(["a", "b", "c", "d"])[y]
    alone = flr.LogisticRegression(tol=1e-12, **options).fit(X, names, weight)
    lazy = lazily(X, names, weight)
    found = fd.LogisticRegression(tol=1e-12, **options).fit(*lazy)
    np.testing.assert_allclose(found.coef_, alone.coef_, atol=1e-6)
    np.testing.assert_array_equal(found.classes_, alone.classes_)
    for method in ("decision_function", "predict_proba", "predict_log_proba"):
        there = getattr(found, method)(lazy[0])
        assert there.shape == (len(X), K)
        np.testing.assert_allclose(there.compute(), getattr(alone, method)(X), atol=1e-5)
        np.testing.assert_allclose(getattr(found, method)(X), there.compute(), atol=1e-12)
    np.testing.assert_array_equal(found.predict(lazy[0]).compute(), found.predict(X))
    assert found.score(*lazy) == pytest.approx(found.score(X, names, weight))


def test_a_class_without_weight_is_gone():
    X, y, _ = drawn()
    kept = (y != 1).astype(float)
    found = fd.LogisticRegression(tol=1e-12).fit(*lazily(X, y, kept))
    alone = flr.LogisticRegression(tol=1e-12).fit(X[y != 1], y[y != 1])
    np.testing.assert_array_equal(found.classes_, [0, 2, 3])
    np.testing.assert_allclose(found.coef_, alone.coef_, atol=1e-6)


@pytest.mark.parametrize("apart", [True, False])
def test_without_a_penalty_it_ends_as_on_one_machine(apart):
    X, y, _ = drawn()
    if apart:
        X = X + 9.0 * (np.arange(N_X) == y[:, None])
    results = []
    for fit in (
        lambda: fd.train(*lazily(X, y), classes=K, solver="newton", tol=1e-9),
        lambda: flr.train(X.T, y[None], classes=K, solver="newton", tol=1e-9),
    ):
        if apart:
            with pytest.warns(TrainingWarning, match="separable"):
                results.append(fit())
        else:
            results.append(fit())
    assert results[0].stop_reason == results[1].stop_reason
    assert results[0].suboptimality_bound == pytest.approx(results[1].suboptimality_bound, rel=1e-6)


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        (None, "y must hold labels 0 or 1; got 2, 3"),
        (3, "y must hold labels 0 to 2 for classes=3; got 3. Encode"),
        (5, "an example of each of the 5 classes; there is none of 4"),
        (1, "classes must be at least 2"),
    ],
)
def test_classes_that_are_not_those_of_y(classes, text):
    X, y, _ = drawn()
    with pytest.raises(ValueError, match=text):
        fd.train(*lazily(X, y), classes=classes)


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    X, y, _ = drawn()
    names = np.array(["ant", "bee", "cow", "dog"])[y]
    columns = [f"x{j}" for j in range(N_X)]
    for k, part in enumerate(np.array_split(np.arange(len(X)), 3)):
        lines = [",".join([*map(repr, X[i].tolist()), names[i]]) for i in part]
        (tmp_path / f"part-{k}.csv").write_text("\n".join([",".join([*columns, "kind"]), *lines]))
    options = ("--target", "kind", "--solver", "auto", "--lambda", "1", "--tol", "1e-10")
    assert app.run(["train", "part-*.csv", *options, "--dask", "threads", "--out", "m"]) == 0
    out = capsys.readouterr().out
    model = Model.load("m")
    expected = flr.train(X.T, y[None], classes=K, solver="auto", lambda_=1.0, tol=1e-10)
    assert model.labels == ("ant", "bee", "cow", "dog")
    np.testing.assert_allclose(model.w, expected.w, atol=1e-6)
    assert "train counts, in the columns what was predicted:" in out
    assert app.run(["evaluate", "m", "part-1.csv", "--target", "kind"]) == 0
    one = ("--positive", "bee", "--dask", "threads", "--out", "m")
    assert app.run(["train", "part-*.csv", *options, *one]) == 0
    assert f"{np.sum(names == 'bee')} are bee (y = 1)" in capsys.readouterr().out
    assert Model.load("m").settings["positive"] == "bee"
