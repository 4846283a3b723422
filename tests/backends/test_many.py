"""K columns in one read of X: the kernels against NumPy, for every form of X; the same bits for any
number of threads, and for a column whatever stands beside it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.backends import many
from fastlogreg.backends import vectorized_many as reference
from fastlogreg.backends.base import Columns
from fastlogreg.backends.choice import backend_of
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.data.row_blocks import BlockedMatrix
from fastlogreg.data.sparse import sparse_design
from fastlogreg.maths.arrays import NONE
from tests.helpers.comparison import (
    CONVERTED,
    IN_PLACE,
    ON_CPU,
    ORDERS,
    WITHOUT_JIT,
    laid_out,
    values,
)

THREADS = (1, 2, 3, 7)
BOUND = 1e-12
SHAPES = [(1, 1, 1), (1, 5, 3), (7, 3, 2), (8, 8, 4), (9, 17, 5), (65, 2, 12)]
if not WITHOUT_JIT:
    SHAPES += [(1000, 54, 7), (300, 300, 11), (391, 129, 20), (1000, 3000, 3), (30, 40, 300)]
    SHAPES += [(30_000, 3, 3)]


class Case:
    """X in some form, and a point, labels, weights and groups for it."""

    def __init__(self, m, n_x, K, dtype="float64", order="example-major", seed=0):
        rng = np.random.default_rng(seed + m + n_x + K)
        by_example = values(rng, dtype, (m, n_x))
        self.X = laid_out(by_example, order)
        size = 1.0 + np.abs(by_example.astype(np.float64)).max()
        self.scale, self.shift = rng.normal(size=n_x) / size, rng.normal(size=n_x)
        self.design = DesignMatrix(self.X, self.scale, self.shift)
        self.W, self.b = rng.normal(size=(K, n_x)) / n_x**0.5, rng.normal(size=K)
        self.labels = rng.integers(0, K, m).astype(np.int32)
        self.weight = rng.random(m) * (rng.random(m) < 0.8)
        self.group = rng.integers(0, 4, m).astype(np.int32)
        self.columns = Columns(
            self.W,
            self.b,
            rng.integers(0, K, K).astype(np.int32),
            rng.random((K, 4)),
            (rng.random((K, 4)) < 0.5).astype(float),
        )
        self.z = rng.normal(size=(K, m)) * 2.0
        self.offset = rng.normal(size=m)
        self.weighted = {"weight": self.weight}

    def results(self, backend, design=None, **options):
        """Every sum that reads X, by one backend."""
        design = self.design if design is None else design
        zs = np.full((3, *self.z.shape), np.nan)
        group = {"group": self.group}
        moved = {"offset": self.offset, **group}
        return [
            *backend.class_sums(
                design, self.labels, self.W, self.b, zs=zs[0], **self.weighted, **options
            ),
            *backend.class_products(design, self.z, self.W, self.b, **self.weighted, **options),
            *backend.column_sums(
                design, self.labels, self.columns, zs=zs[1], **group, **self.weighted, **options
            ),
            *backend.sided_sums(
                design, self.labels, self.columns, zs=zs[2], **moved, **self.weighted, **options
            ),
            zs,
        ]


def assert_close(found, expected, bound=BOUND):
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        # Against the largest of the numbers that are sums over the same examples.
        assert np.abs(a - b).max() <= bound * (1e-3 + np.abs(b).max())


def digest(results):
    content = hashlib.sha256()
    for result in results:
        content.update(np.asarray(result, np.float64).tobytes())
    return content.hexdigest()


@pytest.fixture
def threads_for_the_smallest_work(monkeypatch):
    launched = set()
    honest = many.run_on
    monkeypatch.setattr(many, "SECONDS_PER_THREAD", 1e-30)
    monkeypatch.setattr(many, "run_on", lambda n, work: launched.add(n) or honest(n, work))
    return launched


@pytest.mark.parametrize("order", ["example-major", "feature-major"])
@pytest.mark.parametrize(("m", "n_x", "K"), SHAPES)
def test_agrees_with_numpy(m, n_x, K, order):
    case = Case(m, n_x, K, order=order)
    assert_close(case.results(many, n_threads=2), case.results(reference))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", IN_PLACE + CONVERTED)
def test_every_dtype_and_order(dtype, order):
    case = Case(21 if WITHOUT_JIT else 301, 19, 3, dtype, order)
    case.weighted = {}
    assert_close(case.results(many, n_threads=1), case.results(reference))


@pytest.mark.parametrize("order", ["example-major", "feature-major"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("K", [2, 4, 5, 9])
@pytest.mark.parametrize(("m", "n_x"), [(32, 16), (43, 400), (64, 8), (208, 392)])
def test_what_tiles_pack_has_the_bits_of_float64(m, n_x, K, dtype, order):
    case = Case(m, n_x, K, dtype, order)
    found = digest(case.results(many, n_threads=1))
    case.design = DesignMatrix(case.X.astype(np.float64, order="K"), case.scale, case.shift)
    assert digest(case.results(many, n_threads=1)) == found


@pytest.mark.parametrize("order", ["example-major", "feature-major", "strided"])
@pytest.mark.parametrize(("m", "n_x", "K"), SHAPES)
def test_the_same_bits_for_any_number_of_threads(m, n_x, K, order, threads_for_the_smallest_work):
    case = Case(m, n_x, K, order=order)
    repeats = 1 if WITHOUT_JIT else 3
    found = {digest(case.results(many, n_threads=n)) for n in THREADS for _ in range(repeats)}
    assert len(found) == 1
    if m == 30_000:
        assert threads_for_the_smallest_work == set(THREADS)


@pytest.mark.parametrize("order", ["example-major", "feature-major"])
@pytest.mark.parametrize(("m", "n_x"), [(40, 9)] if WITHOUT_JIT else [(1000, 54), (300, 1100)])
def test_a_column_has_the_same_bits_alone_and_among_others(m, n_x, order):
    case = Case(m, n_x, 11, order=order)
    zs = np.empty((11, m))
    together = many.column_sums(
        case.design, case.labels, case.columns, group=case.group, zs=zs, n_threads=2
    )
    for k in (0, 3, 10):
        alone = Columns(*(part[k : k + 1] for part in case.columns))
        z = np.empty((1, m))
        sums = many.column_sums(
            case.design, case.labels, alone, group=case.group, zs=z, n_threads=1
        )
        assert digest(sums) == digest([part[k] for part in together])
        assert np.array_equal(z[0], zs[k])


def the_sides_of(column, sums):
    """What `SidedSums` has of one column, as if it stood alone."""
    alone = slice(column, column + 1)
    heads = sums.loss[alone], sums.held[alone]
    return *heads, sums.dw[:, alone], sums.db[:, alone], sums.slopes[alone]


@pytest.mark.parametrize("form", ["example-major", "feature-major", "by example", "by feature"])
@pytest.mark.parametrize("K", [1, 2, 4, 5, 9])
def test_the_two_sides_of_a_column(form, K):
    m, n_x = (40, 9) if WITHOUT_JIT else (1000, 54)
    sparse = form.startswith("by")
    case = SparseCase(m, n_x, K, form) if sparse else Case(m, n_x, K, order=form)
    given = {"weight": case.weight, "group": case.group, "offset": case.offset}
    zs = np.empty((2, K, m))
    sums = many.sided_sums(case.design, case.labels, case.columns, zs=zs[0], n_threads=2, **given)
    whole = many.column_sums(case.design, case.labels, case.columns, zs=zs[1], n_threads=1, **given)
    assert np.array_equal(zs[0], zs[1])
    assert digest((sums.loss, sums.held, sums.slopes)) == digest(
        (whole.loss, whole.held, whole.slopes)
    )
    assert_close((sums.dw.sum(axis=0), sums.db.sum(axis=0)), (whole.dw, whole.db))
    for k in {0, K - 1}:
        is_one = case.labels == case.columns.positive[k]
        alone = Columns(*(part[k : k + 1] for part in case.columns))
        for side, those in enumerate((~is_one, is_one)):
            own = {**given, "weight": case.weight * those}
            found = many.column_sums(case.design, case.labels, alone, n_threads=1, **own)
            assert_close((sums.dw[side, k : k + 1], sums.db[side, k : k + 1]), found[2:4])
        one = many.sided_sums(case.design, case.labels, alone, n_threads=1, **given)
        assert digest(one) == digest(the_sides_of(k, sums))


@pytest.mark.parametrize("name", ON_CPU)
def test_every_backend_has_the_sides(name):
    case = Case(21, 6, 3)
    given = {"weight": case.weight, "group": case.group, "offset": case.offset}
    backend = backend_of(name, 2)
    for method in ("sided_sums", "column_sums"):
        found = getattr(backend, method)(case.design, case.labels, case.columns, **given)
        expected = getattr(reference, method)(case.design, case.labels, case.columns, **given)
        assert_close(found, expected)


class SparseCase(Case):
    """A sparse X beside the dense one that it stands for."""

    def __init__(self, m, n_x, K, kind, dtype="float64", density=0.1):
        super().__init__(m, n_x, K)
        rng = np.random.default_rng(1)
        filled = values(rng, dtype, (n_x, m)) * (rng.random((n_x, m)) < density)
        own = scipy.sparse.csc_array if kind == "by example" else scipy.sparse.csr_array
        self.scale = self.scale / (1.0 + np.abs(filled.astype(float)).max())
        self.X = own(filled.astype(dtype))
        self.design = sparse_design(self.X, self.scale, self.shift)
        self.filled = DesignMatrix(filled.astype(np.float64), self.scale, self.shift)


@pytest.mark.parametrize("kind", ["by example", "by feature"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32", "float64"])
def test_sparse_agrees_with_numpy(kind, dtype):
    case = SparseCase(40 if WITHOUT_JIT else 500, 30, 5, kind, dtype)
    assert_close(case.results(many, n_threads=2), case.results(reference, case.filled))


@pytest.mark.parametrize("kind", ["by example", "by feature"])
@pytest.mark.parametrize(
    ("m", "n_x", "K"), [(1, 3, 2), (30, 4, 9)] if WITHOUT_JIT else [(1, 3, 2), (9000, 20, 9)]
)
def test_sparse_has_the_same_bits_for_any_number_of_threads(
    kind, m, n_x, K, threads_for_the_smallest_work
):
    case = SparseCase(m, n_x, K, kind)
    assert len({digest(case.results(many, n_threads=n)) for n in THREADS}) == 1
    assert_close(case.results(many, n_threads=7), case.results(reference, case.filled))


@pytest.mark.parametrize("kind", ["by example", "by feature"])
def test_a_sparse_column_has_the_same_bits_alone_and_among_others(kind):
    case = SparseCase(60 if WITHOUT_JIT else 2000, 30, 11, kind)
    together = many.column_sums(case.design, case.labels, case.columns, n_threads=2)
    for k in (0, 10):
        alone = Columns(*(part[k : k + 1] for part in case.columns))
        sums = many.column_sums(case.design, case.labels, alone, n_threads=1)
        assert digest(sums) == digest([part[k] for part in together])


@pytest.mark.parametrize("kind", ["sequence", "npy"])
def test_row_blocks_agree_with_numpy(kind, tmp_path, threads_for_the_smallest_work):
    case = Case(70 if WITHOUT_JIT else 700, 13, 4, "float32")
    by_example = np.asarray(case.X.T)
    source = [by_example[:30], by_example[30:31], by_example[31:]]
    if kind == "npy":
        np.save(tmp_path / "X.npy", by_example)
        source = tmp_path / "X.npy"
    case.design = BlockedMatrix(flr.RowBlocks(source), case.scale, case.shift)
    found = [case.results(many, n_threads=n) for n in THREADS]
    assert len(set(map(digest, found))) == 1
    assert_close(found[0], case.results(reference))


def test_a_memory_map_has_the_bits_of_memory(tmp_path):
    case = Case(50 if WITHOUT_JIT else 500, 13, 4, "uint8")
    np.save(tmp_path / "X.npy", case.X.T)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r").T
    design = DesignMatrix(mapped, case.scale, case.shift)
    assert digest(case.results(many, design, n_threads=1)) == digest(
        case.results(many, n_threads=1)
    )


@pytest.mark.parametrize("order", ["example-major", "feature-major"])
def test_a_weight_of_k_is_the_example_k_times(order):
    case = Case(60 if WITHOUT_JIT else 400, 21, 5, order=order)
    k = np.random.default_rng(0).integers(0, 4, case.labels.size)
    case.weighted = {"weight": k.astype(float)}
    expected = case.results(many, n_threads=1)[:-1]
    case.X = laid_out(np.repeat(np.asarray(case.X.T), k, axis=0), order)
    case.design = DesignMatrix(case.X, case.scale, case.shift)
    case.labels, case.group = np.repeat(case.labels, k), np.repeat(case.group, k)
    case.z, case.offset = np.repeat(case.z, k, axis=1), np.repeat(case.offset, k)
    case.weighted = {}
    assert_close(case.results(many, n_threads=1)[:-1], expected)


@pytest.mark.parametrize("order", ["example-major", "feature-major"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_unfit_number_in_X_reaches_the_loss(order, value):
    for m, n_x in [(11, 13), (66, 5)]:
        for place in range(0, m * n_x, 37 if WITHOUT_JIT else 3):
            X = np.zeros((m, n_x))
            X.reshape(-1)[place] = value
            case = Case(m, n_x, 3)
            design = DesignMatrix(laid_out(X, order), np.ones(n_x), np.zeros(n_x))
            W = np.zeros((3, n_x))
            loss = many.class_sums(design, case.labels, W, case.b, n_threads=1).loss
            assert not np.isfinite(loss)
            columns = case.columns._replace(W=W)
            sums = many.column_sums(design, case.labels, columns, n_threads=1)
            assert not np.isfinite(sums.loss).any()
            sided = many.sided_sums(design, case.labels, columns, n_threads=1)
            assert not np.isfinite(sided.loss).any()


def test_what_reads_no_X_agrees_with_numpy():
    for m, K in [(1, 1), (7, 2), (300, 9)]:
        case, slope = Case(m, 2, K), np.random.default_rng(0).normal(size=(K, m))
        for weight in (NONE, case.weight):
            given = case.labels, weight
            assert_close(many.class_terms(case.z, *given), reference.softmax.terms(case.z, *given))
            assert_close(
                many.class_along_line(case.z, slope, *given, 0.3),
                reference.class_along_line(case.z, slope, *given, 0.3),
            )
            assert_close(
                many.class_moments(case.z, *given, case.b),
                reference.softmax.bias_moments(case.z, *given, case.b),
            )


@given(
    m=st.integers(1, 70),
    n_x=st.integers(1, 40),
    K=st.integers(1, 14),
    dtype=st.sampled_from(IN_PLACE + CONVERTED),
    order=st.sampled_from(ORDERS),
    n_threads=st.sampled_from(THREADS),
    seed=st.integers(0, 1000),
)
@settings(max_examples=10 if WITHOUT_JIT else 200, deadline=None)
def test_any_shape_dtype_and_order(m, n_x, K, dtype, order, n_threads, seed):
    case = Case(m, n_x, K, dtype, order, seed)
    assert_close(case.results(many, n_threads=n_threads), case.results(reference))
