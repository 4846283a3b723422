"""X in blocks of rows: every source and solver agrees with X in memory, whatever the threads and
the memory budget."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Peer

import fastlogreg as flr
from fastlogreg.backends.moments import sample_spread
from fastlogreg.data import parquet, row_sources
from fastlogreg.data.inputs import design_of
from fastlogreg.data.read_ahead import read_ahead
from fastlogreg.data.row_blocks import BlockedMatrix
from fastlogreg.objective.objective import Objective
from tests.helpers.comparison import WITHOUT_JIT
from tests.helpers.limits import HANG

M, N_X = 1500, 6


def example(m=M, n_x=N_X, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(m, n_x)) * 40.0 + 100.0
    rows = rows.astype(dtype)
    z = (rows[:, 0].astype(float) - rows[:, 1] + 30.0 * rng.normal(size=m)) / 40.0
    return rows, (z > 0).astype(np.uint8)


class Restartable:
    """An iterable that begins anew; counts how often."""

    def __init__(self, blocks):
        self.blocks, self.begun = blocks, 0

    def __iter__(self):
        self.begun += 1
        return iter(self.blocks)


class Indexed:
    """__len__ and __getitem__ alone."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __len__(self):
        return len(self.blocks)

    def __getitem__(self, k):
        return self.blocks[k]


class Sliced:
    """shape, dtype and slices, as zarr's arrays have them."""

    def __init__(self, rows):
        self.rows, self.shape, self.dtype = rows, rows.shape, rows.dtype

    def __getitem__(self, rows):
        return self.rows[rows]


def pieces(rows, size=217):
    return [rows[lo : lo + size] for lo in range(0, len(rows), size)]


SOURCES = (
    "npy",
    "memmap",
    "array",
    "npy by features",
    "hdf5 chunked",
    "hdf5 plain",
    "parquet",
    "list",
    "indexed",
    "iterable",
    "sliced",
)


def source_of(kind, rows, folder):
    """What RowBlocks is given."""
    path = folder / "X.npy"
    if kind in ("npy", "memmap", "npy by features"):
        np.save(path, np.asfortranarray(rows) if kind == "npy by features" else rows)
        return np.load(path, mmap_mode="r") if kind == "memmap" else str(path)
    if kind.startswith("hdf5"):
        h5py = pytest.importorskip("h5py")
        chunked = (
            {"chunks": (100, rows.shape[1]), "compression": "gzip"}
            if kind == "hdf5 chunked"
            else {}
        )
        with h5py.File(folder / "X.h5", "w") as file:
            file.create_dataset("group/X", data=rows, **chunked)
        return f"{folder / 'X.h5'}:group/X"
    if kind == "parquet":
        write_parquet(folder / "X.parquet", rows)
        return folder / "X.parquet"
    return {
        "array": rows,
        "list": pieces(rows),
        "indexed": Indexed(pieces(rows)),
        "iterable": Restartable(pieces(rows)),
        "sliced": Sliced(rows),
    }[kind]


def write_parquet(path, rows, row_group_size=400, **more):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    columns = {f"c{j}": np.ascontiguousarray(rows[:, j]) for j in range(rows.shape[1])}
    pq.write_table(pa.table({**columns, **more}), path, row_group_size=row_group_size)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 16 KiB: several of them in a small X."""
    monkeypatch.setattr(row_sources, "COPIED", 1 << 14)
    monkeypatch.setattr(parquet, "COPIED", 1 << 14)


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source(kind, tmp_path, small_blocks):
    rows, y = example()
    blocks = flr.RowBlocks(source_of(kind, rows, tmp_path))
    assert blocks.shape == (N_X, M)
    assert blocks.dtype == rows.dtype
    assert f"{M} rows of {N_X} columns, float64" in repr(blocks)
    assert ("1 blocks" in repr(blocks)) == (kind in ("npy", "npy by features", "memmap", "array"))
    w = np.full((N_X, 1), 0.01)
    expected = flr.propagate(w, -0.3, rows.T, y[None], lambda_=2.0, scale=0.02, shift=-1.5)
    found = flr.propagate(w, -0.3, blocks, y[None], lambda_=2.0, scale=0.02, shift=-1.5)
    assert found.cost == pytest.approx(expected.cost, rel=1e-13)
    np.testing.assert_allclose(found.dw, expected.dw, rtol=0, atol=1e-12)
    assert found.db == pytest.approx(expected.db, abs=1e-12)
    A = flr.predict_proba(w, -0.3, blocks, scale=0.02, shift=-1.5)
    np.testing.assert_allclose(
        A, flr.predict_proba(w, -0.3, rows.T, scale=0.02, shift=-1.5), rtol=1e-12
    )
    indices = np.array([0, 3, 216, 217, 1000, M - 1])
    taken = design_of(blocks, 0.5, 1.0).rows(indices)
    np.testing.assert_array_equal(taken.X.T, rows[indices])
    assert (taken.scale == 0.5).all()
    assert (taken.shift == 1.0).all()
    floats = np.concatenate([x.copy() for _, _, x in design_of(blocks, 0.5, 1.0).float_blocks()])
    np.testing.assert_allclose(floats, 0.5 * rows + 1.0, rtol=1e-15)
    assert [(a, b) for a, b, _ in design_of(blocks).parts()] == [
        *zip(blocks._source.bounds[:-1], blocks._source.bounds[1:])
    ]


@pytest.mark.parametrize("kind", ["npy", "hdf5 chunked", "iterable"])
@pytest.mark.parametrize("solver", ["gd", "nesterov", "lbfgs", "newton", "auto"])
def test_every_solver(solver, kind, tmp_path, small_blocks):
    rows, y = example(700 if WITHOUT_JIT else M)
    options = {"solver": solver, "lambda_": 1.0, "iterations": 60, "scale": 1 / 40, "shift": -2.5}
    expected = flr.train(rows.T, y[None], **options)
    found = flr.train(flr.RowBlocks(source_of(kind, rows, tmp_path)), y[None], **options)
    assert found.stop_reason == expected.stop_reason
    assert found.cost == pytest.approx(expected.cost, rel=1e-12)
    np.testing.assert_allclose(found.w, expected.w, rtol=0, atol=1e-12 if solver == "gd" else 1e-6)


@pytest.mark.skipif(WITHOUT_JIT, reason="slow")
def test_the_sampling_solver(tmp_path, small_blocks):
    """A shape at which auto takes a sample of the rows; the passes counted are those of X in
    memory."""
    rows, y = example(40_000, 30)
    options = {"solver": "auto", "lambda_": 1.0, "tol": 1e-9}
    expected = flr.train(rows.T, y[None], **options)
    found = flr.train(flr.RowBlocks(source_of("npy", rows, tmp_path)), y[None], **options)
    assert found.stop_reason == "converged"
    assert abs(found.passes - expected.passes) <= 1
    assert found.cost == pytest.approx(expected.cost, abs=2e-9)
    assert found.suboptimality_bound <= 1e-9


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "int64", ">f4", "bool"])
@pytest.mark.parametrize("kind", ["npy", "hdf5 plain", "list"])
def test_every_dtype(kind, dtype, tmp_path, small_blocks):
    rows, y = example()
    rows = rows > 100 if dtype == "bool" else rows.clip(0, 255).astype(dtype)
    blocks = flr.RowBlocks(source_of(kind, rows, tmp_path))
    assert blocks.nbytes == rows.nbytes
    w = np.full((N_X, 1), 0.01)
    expected = flr.propagate(w, 0.0, np.ascontiguousarray(rows, dtype=np.float64).T, y[None])
    found = flr.propagate(w, 0.0, blocks, y[None])
    assert found.cost == pytest.approx(expected.cost, rel=1e-12)
    np.testing.assert_allclose(found.dw, expected.dw, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["npy", "hdf5 chunked", "parquet", "list"])
def test_the_same_bits(kind, tmp_path, small_blocks):
    rows, y = example(dtype=np.float32)
    source = source_of(kind, rows, tmp_path)
    results = [
        flr.train(
            flr.RowBlocks(source, max_memory=budget),
            y[None],
            solver="lbfgs",
            iterations=8,
            n_threads=threads,
        )
        for budget in (1 << 17, 1 << 20, None)
        for threads in (1, 2, 5)
    ]
    for other in results[1:]:
        assert other.cost == results[0].cost
        assert other.b == results[0].b
        np.testing.assert_array_equal(other.w, results[0].w)


def test_slow_and_fast_readers_give_the_same_bits(small_blocks):
    rows, y = example()

    class Slow(Indexed):
        def __getitem__(self, k):
            time.sleep(0.002 * (k % 3))
            return self.blocks[k]

    w = np.full((N_X, 1), 0.01)
    slow, fast = (
        flr.propagate(w, 0.1, flr.RowBlocks(kind(pieces(rows))), y[None])
        for kind in (Slow, Indexed)
    )
    assert slow.cost == fast.cost
    np.testing.assert_array_equal(slow.dw, fast.dw)


# --- the estimator


@pytest.mark.parametrize(
    "options", [{}, {"standardize": True}, {"class_weight": "balanced", "fit_intercept": False}]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_estimator(options, weighted, tmp_path, small_blocks):
    rows, y = example()
    labels = np.array(["no", "yes"])[y]
    weight = np.random.default_rng(1).uniform(0.0, 2.0, M) if weighted else None
    blocks = flr.RowBlocks(source_of("hdf5 chunked", rows, tmp_path))
    expected = flr.LogisticRegression(tol=1e-12, **options).fit(rows, labels, weight)
    found = flr.LogisticRegression(tol=1e-12, **options).fit(blocks, labels, weight)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-6, atol=1e-8)
    assert found.n_features_in_ == N_X
    assert not hasattr(found, "feature_names_in_")
    np.testing.assert_allclose(found.predict_proba(blocks), found.predict_proba(rows), rtol=1e-12)
    np.testing.assert_allclose(
        found.decision_function(blocks), found.decision_function(rows), rtol=0, atol=1e-12
    )
    np.testing.assert_array_equal(found.predict(blocks), found.predict(rows))
    if not options:
        peer = Peer(tol=1e-10, solver="newton-cholesky").fit(rows, labels, weight)
        np.testing.assert_allclose(found.coef_, peer.coef_, rtol=1e-5, atol=1e-7)


def test_estimator_on_parquet(tmp_path):
    rows, y = example()
    write_parquet(tmp_path / "X.parquet", rows, label=np.array(["no", "yes"])[y])
    blocks, labels = flr.RowBlocks.from_parquet(tmp_path / "X.parquet", "label")
    model = flr.LogisticRegression().fit(blocks, labels)
    assert model.feature_names_in_.tolist() == [f"c{j}" for j in range(N_X)]
    assert set(model.predict(blocks)) == {"no", "yes"}
    some, _ = flr.RowBlocks.from_parquet(tmp_path / "X.parquet", -1, columns=["c4", "c1"])
    assert some.shape == (2, M)
    np.testing.assert_array_equal(
        np.concatenate([block for _, _, block in some.read()]), rows[:, [4, 1]]
    )
    with pytest.raises(
        ValueError, match="X has 2 features, but LogisticRegression is expecting 6 features"
    ):
        model.predict(some)
    turned, _ = flr.RowBlocks.from_parquet(
        tmp_path / "X.parquet", "label", columns=[f"c{j}" for j in (1, 0, 2, 3, 4, 5)]
    )
    with pytest.raises(ValueError, match="the columns of the fit, in their order"):
        model.predict(turned)
    with pytest.raises(
        ValueError, match=r"y must have a label for each of the 1500 rows of X; got 3"
    ):
        flr.LogisticRegression().fit(blocks, labels[:3])


def test_labels_of_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    rows, y = example()
    with h5py.File(tmp_path / "X.h5", "w") as file:
        file["X"], file["labels"], file["images"] = rows, y, rows.reshape(M, 2, 3)
    blocks, labels = flr.RowBlocks.from_hdf5(tmp_path / "X.h5", "images", "labels")
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_array_equal(next(iter(blocks.read()))[2], rows)
    with h5py.File(tmp_path / "X.h5", "r") as file:
        w = np.full((N_X, 1), 0.01)
        expected = flr.propagate(w, 0.0, rows.T, y[None]).cost
        assert flr.propagate(w, 0.0, flr.RowBlocks(file["X"]), y[None]).cost == pytest.approx(
            expected, rel=1e-13
        )


def test_blocks_of_different_dtypes():
    """Each is read as it is; the sum is that of all of them as float64."""
    rows, y = example()
    rows = rows.clip(0, 100).round()
    blocks = [
        part.astype(dtype)
        for part, dtype in zip(pieces(rows), ["u1", "f8", "i8", "f2", "i4", ">f4", "i2"])
    ]
    found = flr.RowBlocks(blocks)
    assert found.dtype == np.float64
    w = np.full((N_X, 1), 0.01)
    expected = flr.propagate(w, 0.1, rows.T, y[None])
    assert flr.propagate(w, 0.1, found, y[None]).cost == pytest.approx(expected.cost, rel=1e-12)
    np.testing.assert_array_equal(found.take(np.array([5, 300, 1499])), rows[[5, 300, 1499]])


def test_passes_over_an_iterable():
    """One count, and one read for each pass."""
    rows, y = example()
    source = Restartable(pieces(rows))
    blocks = flr.RowBlocks(source)
    assert source.begun == 1
    objective = Objective(design_of(blocks), y, 1.0)
    start = objective.evaluate(np.zeros(N_X), 0.0)
    objective.mean()
    assert objective.certify(np.zeros(N_X + 1), start) > 0.0
    assert source.begun == 5 == 1 + objective.passes


def test_missing_values_of_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "a": pa.array([1, 2, None, 4], pa.int32()),
            "b": [True, False, True, True],
            "label": [0, 1, 0, 1],
        }
    )
    pq.write_table(table, tmp_path / "X.parquet", row_group_size=2)
    blocks, labels = flr.RowBlocks.from_parquet(tmp_path / "X.parquet", "label")
    with pytest.raises(ValueError, match=r"got nan in row 2 \(example\), column 0 'a'"):
        flr.train(blocks, labels[None], iterations=3)
    assert np.isnan(blocks.take(np.array([1, 2]))[1, 0])


# --- errors


@pytest.mark.parametrize("kind", ["npy", "hdf5 chunked", "list"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_row_of_what_is_not_finite(kind, bad, tmp_path, small_blocks):
    rows, y = example()
    rows[1234, 4] = bad
    blocks = flr.RowBlocks(source_of(kind, rows, tmp_path))
    for work in (
        lambda: flr.train(blocks, y[None], solver="newton"),
        lambda: flr.propagate(np.ones((N_X, 1)), 0.0, blocks, y[None]),
        lambda: flr.predict_proba(np.ones((N_X, 1)), 0.0, blocks),
    ):
        with pytest.raises(ValueError, match=rf"got {bad} in row 1234 \(example\), column 4"):
            work()
    with pytest.raises(ValueError, match=r"Input X contains .* in row 1234, column 4"):
        flr.LogisticRegression().fit(blocks, y)


ROWS = np.ones((4, 3))


@pytest.mark.parametrize(
    ("blocks", "error", "said"),
    [
        (
            [ROWS, np.ones((4, 2))],
            ValueError,
            r"block 1 of the list: it must have 3 columns.*got shape \(4, 2\)",
        ),
        (
            [ROWS, np.ones(4)],
            ValueError,
            r"block 1 of the list: it must be an array \(rows, n_x\).*got shape \(4,\)",
        ),
        ([ROWS, ROWS[:0]], ValueError, "block 1 of the list: it must have at least one row"),
        ([ROWS, ROWS + 1j], TypeError, "block 1 of the list: it must hold real numbers"),
        (
            [np.array([["a", "b", "c"]])],
            TypeError,
            "block 0 of the list: it must hold real numbers",
        ),
        ([], ValueError, "X must have at least one block of rows; the list has none"),
        (
            (ROWS for _ in range(3)),
            TypeError,
            "begin anew with each iter.*got the generator, of one shot",
        ),
        (iter([ROWS]), TypeError, "got the list_iterator, of one shot"),
        ({0: ROWS}, TypeError, "source must be a path, a dataset, or blocks of rows; got dict"),
        (7, TypeError, "source must be a path, a dataset, or blocks of rows; got int"),
        (
            "X.txt",
            ValueError,
            "source must be a path to .npy, FILE.h5:DATASET or .parquet; got 'X.txt'",
        ),
        ("X.h5", ValueError, "name the dataset in X.h5 as X.h5:DATASET"),
        ("no.npy", FileNotFoundError, "no.npy: no such file"),
        ("no.h5:x", FileNotFoundError, "no.h5: no such file"),
        ("no.parquet", FileNotFoundError, "no.parquet: no such file"),
        (np.ones(5), ValueError, r"must have shape \(m, n_x\), neither of them 0; got \(5,\)"),
        (
            Sliced(np.ones((3, 2), complex)),
            TypeError,
            "must hold real numbers .*; the Sliced has dtype complex128",
        ),
        (
            Sliced(np.ones((0, 2))),
            ValueError,
            r"the Sliced must have shape \(m, n_x\), neither of them 0",
        ),
    ],
)
def test_what_is_no_source(blocks, error, said):
    with pytest.raises(error, match=said):
        flr.RowBlocks(blocks)


def test_data_frames():
    """As a block each is an array; as a source it would be taken for a sequence of its columns."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS)
    assert flr.RowBlocks([frame, frame]).shape == (3, 8)
    with pytest.raises(TypeError, match=r"got DataFrame: give its to_numpy\(\)"):
        flr.RowBlocks(frame)


def test_sparse_blocks_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="source must give dense rows"):
        flr.RowBlocks(sparse.csr_matrix(ROWS))
    with pytest.raises(TypeError, match="block 0 of the list: it is a sparse matrix"):
        flr.RowBlocks([sparse.csr_matrix(ROWS)])


def test_what_cannot_be_flattened_in_place(tmp_path):
    np.save(tmp_path / "X.npy", np.asfortranarray(np.ones((5, 2, 3))))
    with pytest.raises(ValueError, match="cannot be flattened without a copy; store it in C order"):
        flr.RowBlocks(tmp_path / "X.npy")
    np.save(tmp_path / "X.npy", np.ones((5, 2, 3)))
    assert flr.RowBlocks(tmp_path / "X.npy").shape == (6, 5)


def test_the_budget(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"max_memory must allow two blocks.*the list takes 96 bytes; got max_memory = 191",
    ):
        flr.RowBlocks([ROWS], max_memory=191)
    assert flr.RowBlocks([ROWS], max_memory=192).in_flight == 2
    assert flr.RowBlocks([ROWS]).in_flight == 4
    for wrong in (0, -1, 1.5, np.nan, "1G"):
        with pytest.raises((ValueError, TypeError), match="max_memory must be"):
            flr.RowBlocks([ROWS], max_memory=wrong)
    np.save(tmp_path / "X.npy", ROWS)
    assert (
        flr.RowBlocks(tmp_path / "X.npy", max_memory=1).in_flight == 2
    )  # mapped: nothing is copied


@pytest.mark.parametrize("backend", ["numpy", "loops", "python"])
def test_other_backends(backend):
    with pytest.raises(ValueError, match="backend must be 'fused' for a RowBlocks"):
        flr.train(flr.RowBlocks([ROWS]), np.array([[0, 1, 0, 1]]), backend=backend)


@pytest.mark.parametrize(
    ("thrown", "caught", "said"),
    [
        (OSError("the disk is gone"), OSError, "the disk is gone"),
        (KeyError("k"), RuntimeError, "KeyError: 'k'"),
        (UnicodeDecodeError("utf8", b"x", 0, 1, "why"), ValueError, "UnicodeDecodeError: .*why"),
        (SystemExit(3), RuntimeError, "SystemExit: 3"),
    ],
)
def test_what_a_reader_raises(thrown, caught, said):
    class Failing(Indexed):
        broken = False

        def __getitem__(self, k):
            if self.broken and k == 2:
                raise thrown
            return self.blocks[k]

    rows, y = example()
    source = Failing(pieces(rows))
    blocks = flr.RowBlocks(source)
    source.broken = True
    with pytest.raises(
        caught, match=rf"block 2 \(rows 434 to 650\) of the Failing could not be read: {said}"
    ) as raised:
        flr.propagate(np.zeros((N_X, 1)), 0.0, blocks, y[None])
    assert raised.value.__cause__ is thrown


def test_sources_that_change():
    rows, y = example()
    items = pieces(rows)
    w = np.zeros((N_X, 1))
    source = Restartable(items)
    blocks = flr.RowBlocks(source)
    source.blocks = items[:-1]
    with pytest.raises(ValueError, match=r"block 6 .*there were 7 blocks when they were counted"):
        flr.propagate(w, 0.0, blocks, y[None])
    source.blocks = [*items, items[0]]
    with pytest.raises(
        ValueError, match=r"block 6 .*another block follows; there were 7 when they were counted"
    ):
        flr.propagate(w, 0.0, blocks, y[None])
    source.blocks = [items[0][:-1], *items[1:]]
    with pytest.raises(
        ValueError, match=r"block 0 .*it has 216 rows, and had 217 when they were counted"
    ):
        flr.propagate(w, 0.0, blocks, y[None])


# --- files that vanish


def test_a_file_that_goes(tmp_path, small_blocks):
    rows, y = example()
    for change, said in (
        (
            lambda p: os.truncate(p, 20_000),
            "has been cut: X ends at byte .*, and it has 20000 bytes now",
        ),
        (lambda p: p.unlink(), "has vanished"),
        (lambda p: os.replace(p.with_name("other"), p), "has been replaced by another file"),
    ):
        path = tmp_path / "X.npy"
        np.save(path, rows)
        np.save(tmp_path / "other.npy", rows)
        os.replace(tmp_path / "other.npy", tmp_path / "other")
        mapped = np.load(path, mmap_mode="r")
        designs = [
            design_of(mapped.T),
            design_of(np.asarray(mapped)[:, 1:].T),
            design_of(flr.RowBlocks(path)),
        ]
        objectives = [Objective(design, y) for design in designs]
        for objective in objectives:
            objective.evaluate(np.zeros(objective.n_x), 0.0)
        change(path)
        for objective in objectives:
            for work in (
                lambda o=objective: o.evaluate(np.zeros(o.n_x), 0.0),
                lambda o=objective: o.hessian(np.zeros(o.n_x), 0.0),
                lambda o=objective: o.design.rows(np.array([0])),
                lambda o=objective: o.design.require_finite(),
            ):
                with pytest.raises(OSError, match=said):
                    work()
        path.unlink(missing_ok=True)


def test_maps_of_unlinked_files_stay_usable(tmp_path):
    rows, y = example()
    np.save(tmp_path / "X.npy", rows)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    (tmp_path / "X.npy").unlink()
    assert flr.propagate(np.zeros((N_X, 1)), 0.0, mapped.T, y[None]).cost == pytest.approx(
        np.log(2)
    )


def test_a_parquet_file_that_changes(tmp_path):
    rows, y = example()
    write_parquet(tmp_path / "X.parquet", rows)
    blocks = flr.RowBlocks(tmp_path / "X.parquet")
    write_parquet(tmp_path / "X.parquet", rows[:-7])
    with pytest.raises(OSError, match="has been changed since it was opened"):
        flr.propagate(np.zeros((N_X, 1)), 0.0, blocks, y[None])
    (tmp_path / "X.parquet").unlink()
    with pytest.raises(OSError, match="has vanished"):
        flr.propagate(np.zeros((N_X, 1)), 0.0, blocks, y[None])


CUT = """
import os, sys, numpy as np, fastlogreg as flr
path, form = sys.argv[1:]
rows = np.ones((4000, 50)); rows[::2] = 0
np.save(path, rows)
X = flr.RowBlocks(path) if form == "blocks" else np.load(path, mmap_mode="r").T
def cut(progress):
    if progress.iteration >= 3:
        os.truncate(path, 4096)
try:
    Y = np.arange(4000)[None] % 2
    flr.train(X, Y, solver="nesterov", iterations=10**6, callback=cut, alpha=1e-3)
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(WITHOUT_JIT, reason="slow")
@pytest.mark.parametrize("form", ["blocks", "map"])
def test_a_file_cut_while_training(tmp_path, form):
    """In a process of its own, which a missing check would end by SIGBUS."""
    command = [sys.executable, "-c", CUT, str(tmp_path / "X.npy"), form]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 0, done.stderr
    assert "has been cut: X ends at byte 1600128, and it has 4096 bytes now" in done.stdout


# --- the reader


def readers():
    return [
        thread
        for thread in threading.enumerate()
        if thread.name == "fastlogreg reader" and thread.is_alive()
    ]


def test_no_thread_is_left():
    rows, y = example()
    blocks = flr.RowBlocks(pieces(rows))
    flr.train(blocks, y[None], iterations=5)
    assert not readers()
    half = blocks.read()
    next(half)
    assert len(readers()) == 1
    half.close()
    assert not readers()
    half = blocks.read()
    next(half)
    del half
    gc.collect()
    assert not readers()
    with pytest.raises(ValueError, match="must be finite"):
        flr.propagate(
            np.ones((N_X, 1)),
            0.0,
            flr.RowBlocks([*pieces(rows)[:-1], np.full((198, N_X), np.nan)]),
            y[None],
        )
    assert not readers()


@pytest.mark.parametrize("in_flight", [2, 3, 4])
def test_blocks_in_flight(in_flight):
    """The reader never has more blocks under way than it may, and does work ahead."""
    begun, most, ahead = 0, 0, 0

    def make():
        nonlocal begun
        for k in range(20):
            begun += 1
            yield np.full(1, k)

    for taken, item in enumerate(read_ahead(make, [""] * 20, in_flight), 1):
        assert item[0] == taken - 1
        time.sleep(0.005)
        most, ahead = max(most, begun - taken + 1), max(ahead, begun - taken)
    assert most <= in_flight
    assert ahead >= 1


def test_a_source_that_never_answers():
    """Ctrl-C ends a process whose reader hangs, at once."""
    code = """
import os, signal, threading, time, numpy as np, fastlogreg as flr
class Stuck:
    stuck = False
    def __len__(self): return 3
    def __getitem__(self, k):
        if self.stuck and k == 1:
            # wakes who waits, as Ctrl-C does
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            time.sleep(10**6)
        return np.ones((8, 2))
source = Stuck()
blocks = flr.RowBlocks(source)
pass_over = lambda: flr.propagate(np.zeros((2, 1)), 0.0, blocks, np.arange(24)[None] % 2)
pass_over()  # imports and compiles: there a KeyboardInterrupt can get lost in other people's code
source.stuck = True
try:
    pass_over()
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "interrupted\n"


def test_buffers_are_not_confused(tmp_path, small_blocks):
    """Blocks of a dataset come in buffers used in turn: what one pass adds up is what is in the
    file."""
    rows, _ = example()
    blocks = flr.RowBlocks(source_of("hdf5 plain", rows, tmp_path), max_memory=1 << 15)
    assert blocks.in_flight == 2
    for lo, hi, block in blocks.read():
        time.sleep(0.002)
        np.testing.assert_array_equal(block, rows[lo:hi])


MEASURE = """
import json, resource, sys, numpy as np, h5py, fastlogreg as flr
path, kind = sys.argv[1:]
m, n_x = 24_000, 2048
rng = np.random.default_rng(0)
def blocks():
    for lo in range(0, m, 1000):
        block = rng.integers(0, 256, (1000, n_x), np.uint8)
        yield lo, block
def kilobytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))
y = np.empty(m, np.uint8)
with h5py.File(path, "w") as file:
    X = file.create_dataset("X", (m, n_x), "u1", chunks=(500, n_x))
    for lo, block in blocks():
        X[lo:lo + 1000] = block
        y[lo:lo + 1000] = block[:, :100].mean(axis=1) > 127.5
small = flr.RowBlocks([np.arange(4000, dtype=np.uint8).reshape(40, 100) % 7])
flr.train(small, np.arange(40)[None] % 2, solver="lbfgs", iterations=3)
before = kilobytes("VmRSS:")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
source = f"{path}:X"
X = flr.RowBlocks(source, max_memory=40 << 20)
if kind == "memory":
    X = np.concatenate([block.copy() for _, _, block in X.read()]).T
result = flr.train(X, y[None], scale=1 / 255, solver="lbfgs", iterations=4, lambda_=1.0)
print(json.dumps([1024 * (kilobytes("VmHWM:") - before), m * n_x, result.cost]))
"""


@pytest.mark.skipif(
    WITHOUT_JIT or not sys.platform.startswith("linux"),
    reason="reads /proc/self/status; slow uncompiled",
)
def test_memory_is_bounded(tmp_path):
    """47 MiB of X on a budget of 40 MiB for two blocks of 16; a process that has X in memory is
    told from it."""
    pytest.importorskip("h5py")
    found = {}
    for kind in ("blocks", "memory"):
        command = [sys.executable, "-c", MEASURE, str(tmp_path / "X.h5"), kind]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HANG)
        assert done.returncode == 0, done.stderr
        found[kind], size, cost = json.loads(done.stdout)
        assert cost < np.log(2)
    assert found["blocks"] <= (40 << 20) + size // 20 + (4 << 20)
    assert found["memory"] > 2 * size * 0.9


def test_no_warnings_and_no_state(tmp_path):
    """RowBlocks can be used by two threads at once: each pass has a reader of its own."""
    rows, y = example()
    blocks = flr.RowBlocks(source_of("npy", rows, tmp_path))
    expected = flr.train(blocks, y[None], iterations=20)
    results = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        threads = [
            threading.Thread(
                target=lambda: results.append(flr.train(blocks, y[None], iterations=20))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result.w, expected.w)


def test_rescaled():
    blocks = flr.RowBlocks([ROWS])
    design = design_of(blocks, 2.0, 1.0)
    assert isinstance(design, BlockedMatrix)
    again = design.rescaled(np.full(3, 4.0), np.zeros(3))
    assert (again.scale == 4.0).all()
    assert again.nbytes == ROWS.nbytes
    assert again.elements == ROWS.size
    np.testing.assert_array_equal(sample_spread(design), np.zeros(3))


@pytest.mark.skipif(WITHOUT_JIT, reason="slow")
@pytest.mark.parametrize("kind", ["npy", "h5", "parquet"])
def test_command_line(kind, tmp_path, capsys):
    """--max-memory trains to the very costs that are printed without it."""
    app = pytest.importorskip("fastlogreg.cli.app")
    rows, y = example()
    path = tmp_path / f"X.{kind}"
    if kind == "npy":
        np.save(path, rows.astype(np.uint8).reshape(M, 2, 3))
        np.save(tmp_path / "y.npy", y)
        options = ["--y", str(tmp_path / "y.npy"), "--plot", str(tmp_path / "figure.png")]
    elif kind == "h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["X"], file["y"] = rows, y
        options = ["--x", "X", "--y", "y"]
    else:
        write_parquet(path, rows, label=y)
        options = ["--target", "label", "--x", "c0,c1"]
        options.append("--no-standardize")  # for which the moments of all rows are needed
    printed = []
    for more in ([], ["--max-memory", "1000000"]):
        assert app.run(["train", str(path), *options, "--iterations", "20", *more]) == 0
        out = capsys.readouterr().out
        printed.append([line for line in out.splitlines() if line.startswith(("Cost", "train"))])
        assert ("neither standardises" in out) == (kind == "parquet" and bool(more))
    assert printed[0] == printed[1]
    assert app.run(["train", str(path), "--max-memory", "1000000"]) == 2
    assert "--max-memory reads .npy with --y FILE.npy" in capsys.readouterr().err
    assert app.run(["train", str(path), *options, "--max-memory", "10"]) == (
        0 if kind == "npy" else 2
    )
