"""fastlogreg.dask: the same bits on threads and on 1, 2 and 4 worker processes, a lost worker
included; the same optimum as on one machine; dask arrays and data frames of every kind; errors that
name the block; the command line."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.maths.sampling import places, stratified
from fastlogreg.objective.objective import Objective

dask = pytest.importorskip("dask", reason="fastlogreg.dask needs the dask extra")
distributed = pytest.importorskip("distributed", reason="fastlogreg.dask needs the dask extra")
pytest.importorskip("sklearn", reason="the estimator needs the sklearn extra")
pytest.importorskip("dask.dataframe", reason="data frames need pandas and pyarrow")

import dask.array as da  # noqa: E402
import dask.dataframe as dd  # noqa: E402
import pandas as pd  # noqa: E402

import fastlogreg.dask as fd  # noqa: E402
from fastlogreg.dask import blocks, engine  # noqa: E402
from fastlogreg.dask.collections import rows_of  # noqa: E402
from fastlogreg.dask.objective import DistributedDesign, DistributedObjective  # noqa: E402
from fastlogreg.solvers import newton  # noqa: E402
from fastlogreg.solvers.result import TrainingWarning  # noqa: E402

# distributed closes its sockets and event loops at the garbage collector's leisure.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

N_X = 60
SIZES = (1500, 700, 1, 2000, 999, 1300, 1500, 800, 1200)  # 10,000 rows: "auto" takes a sample
WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
needs_jit = pytest.mark.skipif(
    WITHOUT_JIT, reason="worker processes are no news without compilation, and take minutes"
)
if WITHOUT_JIT:
    SIZES = tuple(-(-size // 40) for size in SIZES)  # interpreted, a row takes 0.1 ms
RUNS = {
    "gd": {"iterations": 4, "alpha": 0.01},
    "nesterov": {"iterations": 4, "alpha": 0.01},
    "lbfgs": {"iterations": 60, "tol": 1e-13},
    "newton": {"iterations": 20, "tol": 1e-13},
    "auto": {"iterations": 20, "tol": 1e-13},
}


def load(k):
    """Block k: AR(1) columns in float32, so that nothing is exact."""
    noise = np.random.default_rng(k).normal(size=(SIZES[k], N_X))
    for j in range(1, N_X):
        noise[:, j] += 0.5 * noise[:, j - 1]
    return noise.astype(np.float32)


def labels(x):
    w = np.random.default_rng(99).normal(size=N_X) / 4
    return (x @ w + 2 * np.sin(97.0 * x[:, 0]) > 0.3).astype(np.uint8)


def collections():
    """X and y of delayed loaders: what a lost worker had is loaded again."""
    xs = [dask.delayed(load)(k) for k in range(len(SIZES))]
    X = [da.from_delayed(x, (n, N_X), np.float32) for x, n in zip(xs, SIZES)]
    y = [da.from_delayed(dask.delayed(labels)(x), (n,), np.uint8) for x, n in zip(xs, SIZES)]
    return da.concatenate(X), da.concatenate(y)


def in_memory():
    x = np.concatenate([load(k) for k in range(len(SIZES))])
    return x.T, labels(x).reshape(1, -1)


def runs(**more):
    X, y = collections()
    return {
        solver: fd.train(X, y, solver=solver, lambda_=1.0, **how, **more)
        for solver, how in RUNS.items()
    }


def same_bits(found, expected):
    return (
        np.array_equal(found.w, expected.w)
        and found.b == expected.b
        and np.array_equal(found.costs, expected.costs)
        and (found.cost, found.gradient_norm, found.passes)
        == (expected.cost, expected.gradient_norm, expected.passes)
    )


@pytest.fixture(scope="module")
def on_threads():
    return runs()


@pytest.fixture(scope="module")
def cluster():
    """Worker processes on this machine; the first of the module's tests pays for the start."""
    with (
        dask.config.set({"distributed.worker.daemon": True}),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any free port: another cluster may have 8787
            silence_logs=50,
        ) as made,
    ):
        yield made


def with_workers(cluster, count=None):
    """A client that is the default within its block; count None: of as many workers as there
    are."""
    client = distributed.Client(cluster)
    if count is None:
        return client
    cluster.scale(count)
    deadline = time.monotonic() + 60
    while len(cluster.scheduler.workers) != count:
        assert time.monotonic() < deadline, (
            f"{count} workers asked for, {len(cluster.scheduler.workers)} there"
        )
        time.sleep(0.05)
    return client


# ---------------------------------------------------------------- the same bits, the same optimum


@needs_jit
@pytest.mark.parametrize("count", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_bits(cluster, on_threads, count):
    with with_workers(cluster, count):
        for solver, found in runs().items():
            assert same_bits(found, on_threads[solver]), solver


def test_one_thread_and_many_give_the_same_bits(on_threads):
    with dask.config.set(scheduler="synchronous"):
        found = runs()
    assert all(same_bits(found[solver], on_threads[solver]) for solver in RUNS)


@pytest.mark.parametrize("solver", RUNS)
def test_the_result_is_that_of_one_machine(on_threads, solver):
    X, Y = in_memory()
    alone = flr.train(X, Y, solver=solver, lambda_=1.0, **RUNS[solver])
    found = on_threads[solver]
    assert abs(found.cost - alone.cost) <= 1e-12
    assert found.suboptimality_bound <= 1e-12 or solver in ("gd", "nesterov")
    if solver == "auto":  # on one machine it proves its bound by its sample, and ends earlier
        assert found.iterations >= alone.iterations
        # J grows by at least lambda / (2 m) times the squared distance from the optimum.
        ends = found.suboptimality_bound, alone.suboptimality_bound
        apart = sum(np.sqrt(2.0 * Y.size * bound) for bound in ends)
        assert np.linalg.norm(found.w - alone.w) <= apart
    elif solver != "lbfgs":  # whose tol leaves w to about 1e-7
        assert found.iterations == alone.iterations
        np.testing.assert_allclose(found.w, alone.w, rtol=0, atol=1e-12 * np.abs(alone.w).max())


@needs_jit
def test_large_arguments_travel_once_and_change_nothing(cluster, on_threads, monkeypatch):
    monkeypatch.setattr(engine, "EMBEDDED", 8)
    with with_workers(cluster):
        X, y = collections()
        assert same_bits(
            fd.train(X, y, solver="newton", lambda_=1.0, **RUNS["newton"]), on_threads["newton"]
        )


@needs_jit
def test_a_killed_worker_changes_nothing(cluster, on_threads):
    """SIGKILL in the middle of a fit: its blocks are loaded again, by the workers that are left or
    the one that follows."""
    with with_workers(cluster) as client:
        pids, killed = list(client.run(os.getpid).values()), []

        def kill(progress):
            if progress.iteration >= 3 and not killed:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(progress.iteration)

        X, y = collections()
        found = fd.train(X, y, solver="lbfgs", lambda_=1.0, **RUNS["lbfgs"], callback=kill)
        assert killed
        assert killed[0] < found.iterations  # it was in the middle
        assert same_bits(found, on_threads["lbfgs"])


def test_conjugate_gradients(monkeypatch):
    """Newton without H, as for n_x above 3000: products of the Hessian with vectors."""
    monkeypatch.setattr(newton, "LARGEST_CHOLESKY", 8)
    X, y = collections()
    found = fd.train(X, y, solver="newton", lambda_=1.0, tol=1e-13)
    alone = flr.train(*in_memory(), solver="newton", lambda_=1.0, tol=1e-13)
    assert abs(found.cost - alone.cost) <= 1e-12
    assert found.iterations == alone.iterations


def test_scale_and_shift_and_a_start():
    X, y = collections()
    x, Y = in_memory()
    scale, shift = np.linspace(0.1, 3, N_X).reshape(-1, 1), np.linspace(-2, 2, N_X).reshape(-1, 1)
    how = {"scale": scale, "shift": shift, "lambda_": 2.0, "w": np.full((N_X, 1), 0.1), "b": 0.5}
    for solver in ("newton", "lbfgs", "gd"):
        found = fd.train(X, y, solver=solver, iterations=3, **how)
        alone = flr.train(x, Y, solver=solver, iterations=3, **how)
        np.testing.assert_allclose(found.costs, alone.costs, rtol=1e-12)
        np.testing.assert_allclose(found.suboptimality_bound, alone.suboptimality_bound, rtol=1e-6)


# ---------------------------------------------------------------- parts


def random_rows(m=3000, n_x=5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n_x))
    return x, (x @ rng.normal(size=n_x) + rng.normal(size=m) > 0).astype(int)


def objective_of(x, y, weight=None, lambda_=1.0, chunks=700):
    parts = [da.from_array(part, chunks=(chunks, *(-1,) * (part.ndim - 1))) for part in (x, y)]
    weights = None if weight is None else da.from_array(weight, chunks=chunks)
    held = rows_of(*parts, weights).encoded((0, 1))
    return DistributedObjective(
        DistributedDesign(held, np.ones(x.shape[1]), np.zeros(x.shape[1])), lambda_
    )


def local_objective(x, y, weight=None, lambda_=1.0):
    design = DesignMatrix(x.T, np.ones(x.shape[1]), np.zeros(x.shape[1]))
    return Objective(
        design, y.astype(np.uint8), lambda_, weight=np.empty(0) if weight is None else weight
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_is_that_of_one_machine(weighted):
    x, y = random_rows()
    weight = np.arange(len(y)) % 4 / 2.0 if weighted else None
    there, here = objective_of(x, y, weight), local_objective(x, y, weight)
    theta = np.linspace(-1, 1, x.shape[1] + 1)
    assert (there.total, there.m, there.n_x) == (here.total, here.m, here.n_x)
    (a, H), (b, K) = there.point_with_hessian(theta), here.point_with_hessian(theta)
    np.testing.assert_allclose(H, K, rtol=1e-12, atol=1e-14)
    for one, other in zip(a.evaluation, b.evaluation):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(
        there.hessian_product(theta, there.slopes(a.z)),
        here.hessian_product(theta, here.slopes(b.z)),
        rtol=1e-10,
    )
    d = theta[::-1].copy()
    lines = [o.line(p, d, o.point(theta + d)) for o, p in ((there, a), (here, b))]
    np.testing.assert_allclose(lines[0](0.3), lines[1](0.3), rtol=1e-12)
    np.testing.assert_allclose(there.mean(), here.mean(), rtol=1e-9, atol=1e-14)
    proved = [o.certify(theta, p.evaluation, p.z) for o, p in ((there, a), (here, b))]
    assert proved[0] == pytest.approx(proved[1], rel=1e-9)
    assert there.largest_eigenvalue() == pytest.approx(here.largest_eigenvalue(), rel=1e-12)
    np.testing.assert_allclose(there.sample_spread(), here.sample_spread(), rtol=1e-12)
    for (lo, hi, one), (_, _, other) in zip(
        there.design.float_blocks(), objective_of(x, y).design.float_blocks()
    ):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, x[lo:hi])
    small, like = there.sampled(500), here.sampled(500)
    np.testing.assert_array_equal(small.design.X, like.design.X)
    np.testing.assert_array_equal(small.y, like.y)
    np.testing.assert_allclose(small.weight, like.weight, rtol=1e-12)


def test_the_places_of_a_sample():
    y = (np.arange(1000) % 10 == 0).astype(np.uint8)
    chosen, _ = stratified(y, np.empty(0), 200)
    negative, positive = places(900, 100, 200)
    both = np.concatenate([np.flatnonzero(y == 0)[negative], np.flatnonzero(y)[positive]])
    np.testing.assert_array_equal(np.sort(both), chosen)


def test_a_line_without_end():
    x, y = random_rows(50)
    objective = objective_of(x, y)
    start = objective.point(np.zeros(x.shape[1] + 1))
    d = np.full(x.shape[1] + 1, 1e160)
    assert objective.line(start, d, objective.point(d)) is None


def test_a_block_that_was_moved_finds_its_z_again():
    x, y = random_rows(100)
    block = blocks.Block(x, y.astype(np.uint8), np.empty(0))
    place = blocks.Place(np.linspace(0, 1, 5), 0.5, "z")
    blocks.cost_sums(block, place, False)
    moved = pickle.loads(pickle.dumps(block))
    assert not moved._zs
    np.testing.assert_array_equal(moved.z(place), block._zs["z"])
    for k in range(10):
        block.z(place._replace(name=f"{k}"))
    assert list(block._zs) == ["7", "8", "9"]
    assert sys.getsizeof(block) > x.nbytes  # what Dask's scheduler goes by


@pytest.mark.parametrize(
    ("count", "tasks", "depth"), [(1, 1, 0), (2, 3, 1), (8, 9, 1), (9, 12, 2), (64, 73, 2)]
)
def test_the_tree(count, tasks, depth):
    graphs = []

    class Counting(engine.Engine):
        def __init__(self):
            super().__init__()
            get = self.get
            self.get = lambda graph, keys: graphs.append(graph) or get(graph, keys)

    values = [np.array([10.0**k, 1.0]) for k in range(count)]
    one_by_one = Counting().sum(np.negative, [[value] for value in values])
    assert one_by_one[1] == -count
    for size in (8, 64):  # neighbours in one task: the same tree
        groups = [values[k : k + size] for k in range(0, count, size)]
        np.testing.assert_array_equal(engine.Engine().sum(np.negative, groups), one_by_one)
    assert len(graphs[0]) == engine.tasks_of_a_pass(count) == tasks
    assert engine.tree_depth(count) == depth


@pytest.mark.parametrize(
    ("n_blocks", "n_threads", "size"),
    [(1, 1, 1), (15, 1, 1), (16, 1, 8), (64, 2, 8), (64, 8, 1), (10000, 2, 512)],
)
def test_neighbours_in_a_task(n_blocks, n_threads, size):
    assert engine.neighbours_in_a_task(n_blocks, n_threads) == size


def test_grouping_changes_no_bit(on_threads, monkeypatch):
    monkeypatch.setattr(
        "fastlogreg.dask.collections.neighbours_in_a_task", lambda n_blocks, n_threads: 8
    )
    X, y = collections()
    assert len(rows_of(X, y).encoded((0, 1)).groups) == 2
    assert same_bits(fd.train(X, y, solver="auto", lambda_=1.0, **RUNS["auto"]), on_threads["auto"])


# ---------------------------------------------------------------- what X and y may be


def test_unknown_chunks_and_empty_ones():
    x, y = random_rows()
    frame = da.from_array(np.column_stack([x, y]), chunks=(700, -1))
    frame = frame[(frame[:, 0] > 0.5) | (da.arange(3000, chunks=700) < 1400)]
    frame = da.concatenate([frame, frame[frame[:, 0] > 100.0]])  # no row is
    assert np.isnan(frame.shape[0])
    kept = np.asarray(frame)
    found = fd.train(frame[:, :5], frame[:, 5].astype(int), solver="newton", lambda_=1.0, tol=1e-13)
    alone = flr.train(
        kept[:, :5].T, kept[:, 5].astype(int)[None], solver="newton", lambda_=1.0, tol=1e-13
    )
    np.testing.assert_allclose(found.w, alone.w, rtol=1e-12)


def test_chunks_of_columns_are_rechunked_and_y_follows():
    x, y = random_rows()
    expected = fd.train(
        da.from_array(x, chunks=(1000, -1)), da.from_array(y, chunks=1000), iterations=3
    )
    with pytest.warns(UserWarning, match=r"3 chunks of columns.*rechunked.*chunks=\(rows, -1\)"):
        found = fd.train(
            da.from_array(x, chunks=(1000, 2)), da.from_array(y, chunks=777), iterations=3
        )
    assert same_bits(found, expected)
    assert same_bits(fd.train(da.from_array(x, chunks=(1000, -1)), y, iterations=3), expected)


def frames():
    x, y = random_rows(900, 2)
    frame = pd.DataFrame(
        {
            "age": x[:, 0],
            "size": x[:, 1].astype(np.float32),
            "rooms": np.arange(900) % 7,
            "old": y > 2,
        }
    )
    frame["sold"] = np.where(y, "yes", "no")
    return frame, dd.from_pandas(frame, npartitions=4)


def test_data_frames():
    frame, lazy = frames()
    columns = ["age", "size", "rooms", "old"]
    with pytest.warns(TrainingWarning, match="not converged"):
        found = fd.LogisticRegression(max_iter=1).fit(lazy[columns], lazy["sold"])
    assert list(found.feature_names_in_) == columns
    found = fd.LogisticRegression(tol=1e-13).fit(lazy[columns], lazy["sold"])
    alone = flr.LogisticRegression(tol=1e-13).fit(
        frame[columns].to_numpy(np.float64), frame["sold"].to_numpy(str)
    )
    np.testing.assert_allclose(found.coef_, alone.coef_, rtol=1e-11, atol=1e-13)
    assert list(found.classes_) == ["no", "yes"]
    predicted = found.predict(lazy[columns])
    assert isinstance(predicted, da.Array)
    plain = frame[columns].to_numpy(np.float64)
    np.testing.assert_array_equal(predicted.compute(), alone.predict(plain))
    assert found.score(lazy[columns], lazy["sold"]) == alone.score(
        plain, frame["sold"].to_numpy(str)
    )
    with pytest.raises(ValueError, match=r"columns of the fit, in order.*age"):
        found.predict(lazy[columns[::-1]])
    with pytest.raises(TypeError, match=r"column 'sold' of X must hold numbers"):
        fd.train(lazy[["age", "sold"]], lazy["old"])


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"class_weight": "balanced"},
        {"standardize": True},
        {"fit_intercept": False},
        {"C": np.inf, "solver": "lbfgs"},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_estimator_is_that_of_one_machine(how, weighted):
    x, y = random_rows(1500)
    x = x * np.array([1.0, 10.0, 0.1, 3.0, 1.0]) + 2.0
    weight = np.arange(len(y)) % 3 * 1.0 if weighted else None
    X, names = da.from_array(x, chunks=(700, -1)), np.array(["a", "b"])[y]
    lazy_weight = None if weight is None else da.from_array(weight, chunks=700)
    found = fd.LogisticRegression(tol=1e-13, **how).fit(
        X, da.from_array(names, chunks=700), lazy_weight
    )
    alone = flr.LogisticRegression(tol=1e-13, **how).fit(x, names, weight)
    assert abs(found.cost_ - alone.cost_) <= 1e-12
    np.testing.assert_allclose(found.coef_, alone.coef_, rtol=1e-6)
    for method in ("decision_function", "predict_proba", "predict_log_proba", "predict"):
        lazy = getattr(found, method)(X)
        assert isinstance(lazy, da.Array)
        expected = getattr(found, method)(x)  # arrays in memory are predicted as ever
        assert lazy.shape == expected.shape
        np.testing.assert_array_equal(lazy.compute(), expected)
    score = found.score(X, da.from_array(names, chunks=700), lazy_weight)
    assert score == pytest.approx(found.score(x, names, weight), rel=1e-12)
    warm = fd.LogisticRegression(tol=1e-9, warm_start=True, **how).fit(
        X, da.from_array(names, chunks=700), lazy_weight
    )
    assert warm.fit(X, da.from_array(names, chunks=700), lazy_weight).n_iter_ <= 1


# ---------------------------------------------------------------- lambda = 0, and errors


@pytest.mark.parametrize("kind", ["separable", "quasi-separable", "linearly dependent"])
def test_where_there_is_no_optimum_the_warning_is_that_of_one_machine(kind):
    x, y = random_rows(600, 3)
    if kind == "separable":
        y = (x[:, 0] > 0).astype(int)
    elif kind == "quasi-separable":
        x[:, 2] = (np.arange(600) % 5 == 0) & (y == 1)
    else:
        x[:, 2] = x[:, 0] - 2 * x[:, 1]
    texts = []
    for fit in (
        lambda: fd.train(
            da.from_array(x, chunks=(150, -1)),
            da.from_array(y, chunks=150),
            solver="newton",
            tol=1e-9,
        ),
        lambda: flr.train(x.T, y[None], solver="newton", tol=1e-9),
    ):
        with pytest.warns(TrainingWarning, match=kind) as caught:
            fit()
        texts.append(str(caught[0].message))
    assert texts[0][:100] == texts[1][:100]


def arrays(x, y, chunks=10):
    return da.from_array(x, chunks=(chunks, -1)), da.from_array(y, chunks=chunks)


X40, Y40 = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
UNKNOWN = da.from_array(X40, chunks=(10, -1))[da.from_array(Y40 < 2, chunks=10)]


@pytest.mark.parametrize(
    ("X", "y", "kind", "text"),
    [
        (
            X40,
            Y40,
            TypeError,
            r"X must be a dask array or a dask data frame; got ndarray.*fastlogreg\.train",
        ),
        (da.from_array(X40[:, 0]), Y40, ValueError, r"X must have shape \(m, n_x\)"),
        (da.from_array(X40.astype(complex)), Y40, TypeError, "real numbers; got dtype complex"),
        (
            da.from_array(X40),
            Y40[:30],
            ValueError,
            "one value for each of the 40 rows of X; got 30",
        ),
        (da.from_array(X40), Y40[:, None], ValueError, r"y must have shape \(m,\).*y\[:, 0\]"),
        (
            da.from_array(X40),
            Y40 + 1,
            ValueError,
            r"labels 0 or 1; got 2; for the labels 1 and 2 use y = \(y == 2\)",
        ),
        (da.from_array(X40), Y40 * 0, ValueError, "both classes to train on; all 40 labels are 0"),
        (
            da.from_array(X40),
            np.where(Y40, 1.0, np.nan),
            ValueError,
            "y must not have NaN; got one in row 0 of block 0",
        ),
        (
            da.from_array(X40),
            Y40.astype(complex),
            TypeError,
            "y must hold numbers or text; block 0 has dtype complex",
        ),
        (UNKNOWN, Y40, TypeError, r"y must be a dask array or series.*compute_chunk_sizes"),
        (UNKNOWN, da.from_array(Y40, chunks=20), ValueError, "X has 4 of them, y 2"),
        (
            UNKNOWN,
            da.from_array(Y40, chunks=((10, 10, 5, 15),)),
            ValueError,
            "block [23] has 1?5 rows, and X has 10 there",
        ),
        (
            da.from_array(X40[:0]),
            Y40[:0],
            ValueError,
            r"at least one feature and one example; got shape \(0, 2\)",
        ),
    ],
)
def test_errors_name_what_is_wrong(X, y, kind, text):
    with pytest.raises(kind, match=text):
        fd.train(X, y)


def test_nan_is_found_with_its_row_and_column():
    x = X40.copy()
    x[33, 1] = np.nan
    with pytest.raises(
        ValueError, match=r"X must be finite; got nan in row 33, column 1, .*row 3 of block 3"
    ):
        fd.train(*arrays(x, Y40))
    frame = pd.DataFrame(x, columns=["a", "b"])
    frame["y"] = Y40
    lazy = dd.from_pandas(frame, npartitions=4)
    with pytest.raises(ValueError, match=r"row 33, column 1 'b'"):
        fd.LogisticRegression().fit(lazy[["a", "b"]], lazy["y"])


@pytest.mark.parametrize(
    ("more", "kind", "text"),
    [
        ({"solver": "sgd"}, ValueError, "solver must be one of"),
        ({"alpha": -1.0}, ValueError, "alpha must be above 0"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"w": np.zeros(2)}, ValueError, "rank-1"),
    ],
)
def test_wrong_options(more, kind, text):
    with pytest.raises(kind, match=text):
        fd.train(*arrays(X40, Y40), **more)


def test_errors_of_the_estimator():
    X, y = arrays(X40, Y40)
    with pytest.raises(ValueError, match="one class"):
        fd.LogisticRegression().fit(X, y, da.from_array((Y40 == 0) * 1.0, chunks=10))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        fd.LogisticRegression().fit(X, da.from_array(np.arange(40) % 3 + 0.5, chunks=10))
    with pytest.raises(
        ValueError, match="sample_weight must be finite and not negative; block 1 has -1"
    ):
        fd.LogisticRegression().fit(
            X, y, da.from_array(np.where(np.arange(40) == 15, -1.0, 1.0), chunks=10)
        )
    fitted = fd.LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match="2 features, as in fit; got shape"):
        fitted.predict(X[:, :1])
    with pytest.raises(ValueError, match="out must be None for dask"):
        fitted.predict_proba(X, out=np.empty((40, 2)))
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        _ = fd.fit


# ---------------------------------------------------------------- the command line


@contextlib.contextmanager
def processes():
    """Start commands in the background; ended by their own process ids."""
    started = []

    def start(*command):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen([sys.executable, "-m", *command], **quiet))
        return started[-1]

    try:
        yield start
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)


def address_in(path, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the scheduler has ended"
        with contextlib.suppress(OSError, ValueError):
            return json.loads(path.read_text())["address"]
        time.sleep(0.05)
    raise AssertionError("no scheduler within a minute")


@pytest.fixture
def parts(tmp_path):
    pytest.importorskip("typer", reason="the command line needs the cli extra")
    x, y = random_rows(600, 3)
    for k in range(3):
        rows = slice(200 * k, 200 * k + 200)
        frame = pd.DataFrame(x[rows], columns=["a", "b", "c"])
        frame["label"] = np.where(y[rows], "good", "bad")
        frame.to_parquet(tmp_path / f"part-{k}.parquet")
    return tmp_path


@needs_jit
def test_the_command_line_with_a_scheduler_and_a_worker(parts, monkeypatch, capsys):
    """As docs/how-to/dask.md has it: `dask scheduler`, `dask worker`, `fastlogreg train --dask
    ADDRESS`."""
    from fastlogreg.cli import app
    from fastlogreg.models.model import Model

    monkeypatch.chdir(parts)
    arguments = [
        "train",
        "part-*.parquet",
        "--target",
        "label",
        "--solver",
        "newton",
        "--tol",
        "1e-13",
        "--lambda",
        "1",
    ]
    assert app.run([*arguments, "--dask", "threads", "--out", "threads.npz"]) == 0
    file = parts / "scheduler.json"
    where = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file))
    with processes() as start:
        scheduler = start("dask", "scheduler", "--port", "0", *where)
        address = address_in(file, scheduler)
        start(
            "dask",
            "worker",
            address,
            "--host",
            "127.0.0.1",
            "--no-dashboard",
            "--nthreads",
            "1",
            "--no-nanny",
        )
        assert app.run([*arguments, "--dask", address, "--out", "cluster.npz"]) == 0
    printed = capsys.readouterr().out
    assert "part-*.parquet: 600 examples of 3 features in 3 files" in printed
    assert "train accuracy" in printed
    there, here = Model.load("cluster.npz"), Model.load("threads.npz")
    np.testing.assert_array_equal(there.w, here.w)
    assert there.labels == ("bad", "good")
    assert there.feature_names == ("a", "b", "c")
    table = pd.concat([pd.read_parquet(f"part-{k}.parquet") for k in range(3)])
    Y = (table["label"] == "good").to_numpy(int)
    alone = flr.train(
        table[["a", "b", "c"]].to_numpy().T, Y[None], solver="newton", tol=1e-13, lambda_=1.0
    )
    np.testing.assert_allclose(there.w, alone.w, rtol=1e-11)
    correct = np.mean(flr.predict(alone.w, alone.b, table[["a", "b", "c"]].to_numpy().T) == Y)
    assert f"train accuracy: {100 * correct}"[:22] in printed


def test_the_command_line_says_what_is_wrong(parts, monkeypatch, capsys):
    from fastlogreg.cli import app

    monkeypatch.chdir(parts)
    pd.DataFrame({"a": [1.0, 2.0]}).to_csv("part-0.csv", index=False)
    for arguments, text in (
        (["nothing-*.parquet", "--dask", "threads"], "none that matches it"),
        (["part-0.csv", "--dask", "threads"], "no labels found"),
        (
            ["part-*.parquet", "--dask", "threads", "--target", "label", "--plot", "a.png"],
            "leave them out with --dask",
        ),
        (
            ["part-*.parquet", "--dask", "threads", "--target", "label", "--solver", "x"],
            "solver must be one of",
        ),
        (
            ["part-*.parquet", "--dask", "nowhere", "--target", "label"],
            "no Dask scheduler answers at 'nowhere'",
        ),
    ):
        assert app.run(["train", *arguments]) == 2
        assert text in capsys.readouterr().err
    assert dask.base.get_scheduler() is None  # who could not connect is not left in charge
    pd.DataFrame({"a": [1.0], "d": [2.0], "c": [3.0], "label": ["bad"]}).to_parquet(
        "part-9.parquet"
    )
    assert app.run(["train", "part-*.parquet", "--dask", "threads", "--target", "label"]) == 2
    assert "same columns in every block" in capsys.readouterr().err


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "fastlogreg\[dask\]"'):
        fd.train(X40, Y40)


def test_nothing_warns_while_training():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fd.train(*arrays(X40, Y40), iterations=2)


# ---------------------------------------------------------------- the benchmark of scaling


def test_the_cost_model():
    """The fit finds constants that made the numbers; predictions add up, and more workers read
    faster."""
    from benchmarks.runs import scaling

    true = {"base": 0.01, "per_task": 0.002, "per_level": 0.005}
    rows = [
        {"tasks": engine.tasks_of_a_pass(n), "levels": engine.tree_depth(n)}
        for n in (8, 64, 256, 1024)
    ]
    for row in rows:
        row["seconds"] = scaling.of_scheduler(true, row["tasks"], row["levels"])
    assert scaling.fit(rows) == pytest.approx(true, rel=1e-6)
    for row in rows:
        row["seconds"] = row["tasks"] * 1e-3  # no base: nothing comes out negative
    assert scaling.fit(rows) == pytest.approx(
        {"base": 0.0, "per_task": 1e-3, "per_level": 0.0}, abs=1e-9
    )
    few, many = (scaling.predict(true, 1e10, 1e13, workers) for workers in (10, 1000))
    assert many["read"] == pytest.approx(few["read"] / 100)
    assert many["tasks"] > few["tasks"]
    assert few["total"] == few["read"] + few["scheduler"] + few["network"]
    assert scaling.predict(true, 1e10, 1e13, 10, 10**6)["network"] > few["network"]


def test_no_op_blocks_are_measured():
    from benchmarks.runs import scaling

    said = []
    rows = scaling.measure("threads", (8, 64), said.append)
    assert [row["tasks"] for row in rows[:2]] == [9, 73]
    assert len(said) == len(rows) == 3
    constants = {
        "bandwidth": 1e10,
        "loopback": 1e9,
        "threads": scaling.fit(rows[:2]),
        "cluster": scaling.fit(rows[:2]),
    }
    for row in rows[:2]:
        row["predicted"] = row["seconds"]
    found = {
        "constants": constants,
        "rows": rows,
        "targets": [],
        "environment": harness_environment(),
    }
    tables = scaling.report(found)
    page = (Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "dask.md").read_text(
        encoding="utf-8"
    )
    for name, table in tables.items():
        assert f"<!-- benchmark: {name} -->" in page
        assert "|" in table


def harness_environment():
    from benchmarks.report.environment import environment

    return environment(1)
