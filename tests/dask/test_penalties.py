"""L1, bounds, free features and groups with Dask: one machine's result, what a block computes, the
same bits for any number of workers, and the command line."""

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
from fastlogreg.checks.penalties import check_penalties  # noqa: E402
from fastlogreg.cli import app  # noqa: E402
from fastlogreg.dask.class_objective import DistributedSoftmax  # noqa: E402
from fastlogreg.dask.collections import rows_of  # noqa: E402
from fastlogreg.dask.objective import DistributedDesign, DistributedObjective  # noqa: E402
from fastlogreg.dask.penalised import with_penalty  # noqa: E402
from fastlogreg.data.inputs import design_of  # noqa: E402
from fastlogreg.maths.arrays import NONE  # noqa: E402
from fastlogreg.models.model import Model  # noqa: E402
from fastlogreg.objective.objective import Objective  # noqa: E402
from fastlogreg.objective.prepared import penalised  # noqa: E402
from fastlogreg.objective.softmax import SoftmaxObjective  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
N_X, CHUNKS = 7, (150, 1, 200, 99)
SCALE, SHIFT = np.linspace(0.5, 2.0, N_X)[:, None], np.linspace(-1.0, 1.0, N_X)[:, None]
FREE = np.ones((N_X, 1))
FREE[[1, 4], 0] = 0.0, np.inf
RUNS = {
    "l1": {"l1_ratio": 1.0},
    "net with weights": {"l1_ratio": 0.5, "penalty_weights": FREE},
    "bounds": {"bounds": (-0.3, None)},
    "groups": {"l1_ratio": 1.0, "feature_groups": [[0, 1, 2], [3, 4]]},
}


def drawn(K):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(sum(CHUNKS), N_X))
    y = (X @ rng.normal(size=(N_X, K)) + 2.0 * rng.gumbel(size=(len(X), K))).argmax(axis=1)
    return X, y, rng.integers(0, 3, len(X)).astype(float)


def lazily(*arrays):
    return [da.from_array(a, chunks=(CHUNKS, *[-1] * (a.ndim - 1))) for a in arrays]


def run(name, K, **more):
    X, y, _ = drawn(K)
    how = {"solver": "auto", "lambda_": 8.0, "tol": 1e-11, "scale": SCALE, **RUNS[name], **more}
    return fd.train(*lazily(X, y), classes=K, **how)


def runs():
    return {(name, K): run(name, K) for name in RUNS for K in (2, 3)}


def same_bits(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("w", "b", "costs", "cost", "suboptimality_bound", "proved_zero", "passes")
    )


@pytest.fixture(scope="module")
def on_threads():
    return runs()


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("name", RUNS)
def test_the_result_is_that_of_one_machine(name, K, on_threads):
    X, y, _ = drawn(K)
    how = {"solver": "auto", "lambda_": 8.0, "tol": 1e-11, "scale": SCALE, **RUNS[name]}
    alone = flr.train(X.T, y[None], classes=K, **how)
    found = on_threads[name, K]
    assert found.stop_reason == "converged"
    assert found.suboptimality_bound <= 1e-11
    assert abs(found.cost - alone.cost) <= 2e-11
    np.testing.assert_allclose(found.w, alone.w, atol=1e-4)
    assert ((found.w == 0.0) == (alone.w == 0.0)).all()
    assert found.proved_zero is not None
    assert not found.w[found.proved_zero].any()
    assert (found.proved_zero == alone.proved_zero).mean() > 0.9


def test_one_thread_and_many_give_the_same_bits(on_threads):
    with dask.config.set(scheduler="synchronous"):
        found = runs()
    assert all(same_bits(found[name], on_threads[name]) for name in found)


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
            assert all(same_bits(found[name], on_threads[name]) for name in found), count


NEAR = {"rtol": 1e-10, "atol": 1e-12}


def both(K, weighted, intercept=True, **more):
    """The same objective with workers and on one machine."""
    X, y, weight = drawn(K)
    held = rows_of(*(lazily(X, y, weight) if weighted else lazily(X, y))).encoded(range(K))
    design = DistributedDesign(held, SCALE[:, 0], SHIFT[:, 0])
    checked = check_penalties(
        more.get("l1_ratio", 0.7), more.get("penalty_weights"), None, None, N_X
    )
    own = {"weight": weight if weighted else NONE, "intercept": intercept}
    here_design = design_of(X.T, SCALE, SHIFT)
    if K == 2:
        there = with_penalty(DistributedObjective(design, 0.0, intercept), checked, 3.0)
        plain = Objective(here_design, y.astype(np.uint8), 3.0, **own)
    else:
        there = with_penalty(DistributedSoftmax(design, K, 0.0, intercept), checked, 3.0)
        plain = SoftmaxObjective(here_design, y.astype(np.int32), K, 3.0, **own)
    return there, penalised(plain, checked, NONE)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_what_blocks_compute_of_two_classes(weighted, intercept):
    there, here = both(2, weighted, intercept, penalty_weights=FREE)
    rng = np.random.default_rng(5)
    theta = 0.1 * rng.normal(size=N_X + 1)
    theta[-1] *= intercept
    one, other = there.point(theta), here.point(theta)
    np.testing.assert_allclose(one.evaluation.J, other.evaluation.J, **NEAR)
    np.testing.assert_allclose(one.evaluation.gradient, other.evaluation.gradient, **NEAR)
    features = np.array([0, 2, 6])
    pair = (there.shared, there.column, one), (here.shared, here.column, other)
    hessians = [
        s.working_hessian(c, s.working_hessians(c, p, features), features) for s, c, p in pair
    ]
    np.testing.assert_allclose(*hessians, **NEAR)
    np.testing.assert_allclose(*[s.of_labels(c, p) for s, c, p in pair], **NEAR)
    trials = there.point(theta + 0.1), here.point(theta + 0.1)
    for t in (0.0, 0.3, 1.0):
        values = [s.along(c, p, q, t, 2.0) for (s, c, p), q in zip(pair, trials)]
        np.testing.assert_allclose(*values, **NEAR)
    bounds = [o.certify(theta, p.evaluation, p.z) for o, p in ((there, one), (here, other))]
    np.testing.assert_allclose(*bounds, rtol=1e-8)
    # The spread is about the mean of all there, of a sample here.
    X, _, weight = drawn(2)
    s = weight if weighted else np.ones(len(X))
    Z = X * SCALE[:, 0] + SHIFT[:, 0]
    mean = s @ Z / s.sum() if intercept else 0.0
    expected = np.sqrt(s @ (Z - mean) ** 2 / s.sum())
    np.testing.assert_allclose(there.shared.spread(there.column), expected, rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_what_blocks_compute_of_several_classes(weighted, intercept, monkeypatch):
    K = 3
    there, here = both(K, weighted, intercept, penalty_weights=FREE)
    theta = 0.1 * np.random.default_rng(5).normal(size=K * (N_X + 1))
    theta.reshape(K, -1)[:, -1] *= intercept
    one, other = there.point(theta), here.point(theta)
    np.testing.assert_allclose(one.evaluation.J, other.evaluation.J, **NEAR)
    np.testing.assert_allclose(one.evaluation.gradient, other.evaluation.gradient, **NEAR)
    features = np.array([0, 2, N_X + 1, 2 * N_X + 6])
    pair = (there, one), (here, other)
    np.testing.assert_allclose(*[o.working_hessian(p, features) for o, p in pair], **NEAR)
    bounds = [o.certify(theta, p.evaluation, p.z) for o, p in pair]
    np.testing.assert_allclose(*bounds, rtol=1e-8)
    trials = there.point(theta + 0.1), here.point(theta + 0.1)
    for t in (0.0, 0.3, 1.0):
        values = [o.along(p, q, t, 2.0) for (o, p), q in zip(pair, trials)]
        np.testing.assert_allclose(*values, **NEAR)
    for module in ("dask.penalised", "objective.penalised_softmax"):
        monkeypatch.setattr(f"fastlogreg.{module}.MOST_PAIRS_BYTES", 1)
    monkeypatch.setattr("fastlogreg.objective.penalised_softmax.MOST_READS", 1)
    np.testing.assert_allclose(*[o.working_hessian(p, features) for o, p in pair], **NEAR)
    exact = [o.working_hessian(p, features, exact=True) for o, p in pair]
    np.testing.assert_allclose(*exact, **NEAR)
    X, _, weight = drawn(K)
    s = weight if weighted else np.ones(len(X))
    Z = X * SCALE[:, 0] + SHIFT[:, 0]
    mean = s @ Z / s.sum() if intercept else 0.0
    np.testing.assert_allclose(there.spread(), np.sqrt(s @ (Z - mean) ** 2 / s.sum()), rtol=1e-9)


def test_a_large_collection_begins_on_a_sample():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(200 if WITHOUT_JIT else 20000, 4))
    y = (X[:, 0] - X[:, 1] + rng.logistic(size=len(X)) > 0.0).astype(int)
    lazy = da.from_array(X, chunks=(len(X) // 3 + 1, -1)), da.from_array(y, chunks=len(X) // 3 + 1)
    how = {"solver": "auto", "l1_ratio": 1.0, "lambda_": 20.0, "tol": 1e-10}
    found, alone = fd.train(*lazy, **how), flr.train(X.T, y[None], **how)
    assert found.cost == pytest.approx(alone.cost, abs=2e-10)
    assert found.stop_reason == "converged"


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"l1_ratio": 1.0, "standardize": True, "class_weight": "balanced"},
        {"bounds": (0, 0.4), "standardize": True},
        {"l1_ratio": 0.5, "fit_intercept": False},
        {"l1_ratio": 1.0, "penalty_weights": FREE[:, 0]},
    ],
)
def test_the_estimator_is_that_of_one_machine(options, K):
    X, y, weight = drawn(K)
    names = np.array(["a", "b", "c"])[y]
    alone = flr.LogisticRegression(C=0.1, tol=1e-11, **options).fit(X, names, weight)
    found = fd.LogisticRegression(C=0.1, tol=1e-11, **options).fit(*lazily(X, names, weight))
    np.testing.assert_allclose(found.coef_, alone.coef_, atol=1e-4)
    assert found.suboptimality_bound_ <= 1e-11
    assert found.proved_zero_.shape == ((N_X,) if K == 2 else (K, N_X))
    assert not found.coef_.reshape(found.proved_zero_.shape)[found.proved_zero_].any()
    if "bounds" in options:
        assert found.coef_.min() >= 0.0
        assert found.coef_.max() <= 0.4 + 1e-15


def test_groups_are_named_by_the_columns_of_a_frame():
    pytest.importorskip("dask.dataframe")
    pandas = pytest.importorskip("pandas")
    import dask.dataframe as dd

    X, y, _ = drawn(2)
    frame = pandas.DataFrame(X, columns=[f"c{j}" for j in range(N_X)])
    lazy = dd.from_pandas(frame, npartitions=3), dd.from_pandas(pandas.Series(y), npartitions=3)
    model = fd.LogisticRegression(C=0.02, l1_ratio=1.0, feature_groups={"g": ["c3", "c5"]})
    coef = model.fit(*lazy).coef_[0]
    assert (coef[3] == 0.0) == (coef[5] == 0.0)
    with pytest.raises(ValueError, match="group 'g' has 'c9', which is none of them"):
        fd.LogisticRegression(l1_ratio=1.0, feature_groups={"g": ["c9"]}).fit(*lazy)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"l1_ratio": 2.0}, "l1_ratio must be from 0"),
        ({"penalty_weights": -FREE}, "penalty_weights must not be negative"),
        (
            {"penalty_weights": FREE[:3]},
            "penalty_weights must have shape \\(7, 1\\) \\(a single number, or one",
        ),
        ({"bounds": (1, 0)}, "bounds must have a lower one that is at most the upper one"),
        ({"l1_ratio": 1.0, "bounds": (1, 2)}, "bounds must have 0 between them"),
        ({"feature_groups": [[0, 0]]}, "feature_groups must not overlap"),
        ({"l1_ratio": 1.0, "solver": "newton"}, 'solver must be "auto" or "prox_newton" for l1'),
    ],
)
def test_errors_name_the_argument(more, text):
    with pytest.raises(ValueError, match=text):
        run("l1", 2, **more)


def test_an_offset_is_not_to_be_had():
    X, y, _ = drawn(2)
    with pytest.raises(ValueError, match="offset must be None for dask collections"):
        fd.LogisticRegression(l1_ratio=1.0).fit(*lazily(X, y), offset=np.zeros(len(X)))


def test_not_a_number_is_named_with_its_row():
    X, y, _ = drawn(2)
    X[160, 2] = np.nan
    with pytest.raises(ValueError, match="row 160, column 2, counted from 0"):
        fd.train(*lazily(X, y), l1_ratio=1.0, solver="auto", lambda_=1.0)


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    X, y, _ = drawn(3)
    names = np.array(["ant", "bee", "cow"])[y]
    columns = [f"x{j}" for j in range(N_X)]
    for k, part in enumerate(np.array_split(np.arange(len(X)), 3)):
        lines = [",".join([*map(repr, X[i].tolist()), names[i]]) for i in part]
        (tmp_path / f"part-{k}.csv").write_text("\n".join([",".join([*columns, "kind"]), *lines]))
    options = ("--target", "kind", "--l1-ratio", "1", "--lambda", "10", "--tol", "1e-10")
    options = (*options, "--penalty-weights", "x1=0,x2=inf", "--dask", "threads", "--out", "m")
    assert app.run(["train", "part-*.csv", *options]) == 0
    out = capsys.readouterr().out
    assert f"of {N_X} features have a weight" in out
    weights = np.ones((N_X, 1))
    weights[[1, 2], 0] = 0.0, np.inf
    expected = flr.train(
        X.T,
        y[None],
        classes=3,
        solver="auto",
        lambda_=10.0,
        l1_ratio=1.0,
        penalty_weights=weights,
        tol=1e-10,
    )
    model = Model.load("m")
    np.testing.assert_allclose(model.w, expected.w, atol=1e-4)
    assert model.settings["penalty_weights"] == "x1=0,x2=inf"
    assert model.settings["l1_ratio"] == 1.0
