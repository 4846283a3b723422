"""The Hessian of a working set: the kernels against NumPy, for every form of X; the same bits for
any number of threads; what is read of X."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.backends import vectorized as reference
from fastlogreg.backends import working_set
from fastlogreg.backends.choice import backend_of
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.data.row_blocks import BlockedMatrix
from fastlogreg.data.sparse import sparse_design
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
SHAPES = [(1, 1, 1), (3, 5, 5), (9, 17, 8), (30, 40, 9), (70, 3, 2)]
if not WITHOUT_JIT:
    SHAPES += [(1000, 130, 100), (3000, 300, 33), (300, 1000, 260), (9000, 20, 16)]


class Case:
    """X in some form, features of it, and slopes."""

    def __init__(self, m, n_x, n, dtype="float64", order="example-major", seed=0):
        rng = np.random.default_rng(seed + m + n_x + n)
        by_example = values(rng, dtype, (m, n_x))
        self.X = laid_out(by_example, order)
        size = 1.0 + np.abs(by_example.astype(np.float64)).max()
        self.scale, self.shift = rng.normal(size=n_x) / size, rng.normal(size=n_x)
        self.design = DesignMatrix(self.X, self.scale, self.shift)
        self.features = np.sort(rng.permutation(n_x)[:n])
        self.slopes = rng.random(m)
        group = rng.integers(0, 3, m)
        self.several = np.array([self.slopes * (group == g) for g in range(3)])
        self.rng = rng

    def found(self, n_threads=1, design=None):
        design = self.design if design is None else design
        return [
            working_set.working_products(design, self.features, slopes, n_threads)
            for slopes in (self.slopes, self.several)
        ]

    def expected(self, design=None):
        design = self.design if design is None else design
        return [
            reference.working_products(design, self.features, slopes)
            for slopes in (self.slopes, self.several)
        ]


def assert_close(found, expected, bound=BOUND):
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= bound * (1e-3 + np.abs(b).max())
        assert np.array_equal(a, np.swapaxes(a, -1, -2))


def same_bits(case, design=None):
    runs = [case.found(n, design) for n in THREADS]
    return all(np.array_equal(a, b) for run in runs[1:] for a, b in zip(runs[0], run))


@pytest.fixture
def threads_for_the_smallest_work(monkeypatch):
    from fastlogreg.backends import hessians

    launched = set()
    honest = working_set.run_on
    monkeypatch.setattr(working_set, "SECONDS_PER_THREAD", 1e-30)
    monkeypatch.setattr(hessians, "SECONDS_PER_THREAD", 1e-30)
    monkeypatch.setattr(working_set, "run_on", lambda n, work: launched.add(n) or honest(n, work))
    return launched


@pytest.mark.parametrize("order", ["example-major", "feature-major", "strided"])
@pytest.mark.parametrize(("m", "n_x", "n"), SHAPES)
def test_agrees_with_numpy_on_any_number_of_threads(
    m, n_x, n, order, threads_for_the_smallest_work
):
    case = Case(m, n_x, n, order=order)
    assert_close(case.found(), case.expected())
    assert same_bits(case)
    if m == 3000 and order != "strided":
        assert threads_for_the_smallest_work == set(THREADS)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", IN_PLACE + CONVERTED)
def test_every_dtype_and_order(dtype, order):
    case = Case(21 if WITHOUT_JIT else 301, 19, 11, dtype, order)
    assert_close(case.found(), case.expected())


def sparse_case(m, n_x, n, kind, dtype="float64", shifted=True, density=0.1):
    """A case of a sparse X, and the dense design that it stands for."""
    case = Case(m, n_x, n)
    filled = values(case.rng, dtype, (n_x, m)) * (case.rng.random((n_x, m)) < density)
    own = scipy.sparse.csc_array if kind == "by example" else scipy.sparse.csr_array
    case.scale = case.scale / (1.0 + np.abs(filled.astype(float)).max())
    case.shift = case.shift * shifted
    case.design = sparse_design(own(filled.astype(dtype)), case.scale, case.shift)
    return case, DesignMatrix(filled.astype(np.float64), case.scale, case.shift)


@pytest.mark.parametrize("kind", ["by example", "by feature"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32", "float64"])
def test_sparse_agrees_with_numpy(kind, dtype):
    case, filled = sparse_case(40 if WITHOUT_JIT else 500, 30, 13, kind, dtype)
    assert_close(case.found(), case.expected(filled))


@pytest.mark.parametrize("shifted", [True, False])
@pytest.mark.parametrize("kind", ["by example", "by feature"])
@pytest.mark.parametrize(
    ("m", "n_x", "n"), [(1, 3, 2), (130, 9, 4)] if WITHOUT_JIT else [(1, 3, 2), (9000, 90, 40)]
)
def test_sparse_has_the_same_bits_on_any_number_of_threads(
    m, n_x, n, kind, shifted, threads_for_the_smallest_work
):
    case, filled = sparse_case(m, n_x, n, kind, shifted=shifted)
    assert same_bits(case)
    assert_close(case.found(7), case.expected(filled))


@pytest.mark.parametrize("kind", ["by example", "by feature"])
def test_unsorted_rows_of_a_sparse_X(kind):
    case, filled = sparse_case(50, 20, 9, kind, density=0.4)
    x = case.design
    data, indices = x.data.copy(), x.indices.copy()
    for i in range(x.starts.size - 1):
        own = slice(int(x.starts[i]), int(x.starts[i + 1]))
        data[own], indices[own] = data[own][::-1], indices[own][::-1]
    own = scipy.sparse.csc_array if kind == "by example" else scipy.sparse.csr_array
    turned = own((data, indices.astype(np.int32), x.starts.astype(np.int32)), shape=(20, 50))
    assert_close(
        case.found(1, sparse_design(turned, case.scale, case.shift)), case.expected(filled)
    )


@pytest.mark.parametrize("kind", ["sequence", "npy"])
def test_row_blocks_agree_with_numpy(kind, tmp_path):
    case = Case(70 if WITHOUT_JIT else 700, 13, 6, "float32")
    by_example = np.asarray(case.X.T)
    source = [by_example[:30], by_example[30:31], by_example[31:]]
    if kind == "npy":
        np.save(tmp_path / "X.npy", by_example)
        source = tmp_path / "X.npy"
    blocks = BlockedMatrix(flr.RowBlocks(source), case.scale, case.shift)
    assert same_bits(case, blocks)
    assert_close(case.found(1, blocks), case.expected())


@pytest.mark.parametrize("form", [*ORDERS[:3], "by example", "by feature"])
def test_no_features_leave_the_sum_of_the_slopes(form):
    sparse = form.startswith("by")
    case = sparse_case(30, 5, 0, form)[0] if sparse else Case(30, 5, 0, order=form)
    one, three = case.found()
    np.testing.assert_allclose(one, [[case.slopes.sum()]], rtol=1e-13)
    np.testing.assert_allclose(three[:, 0, 0], case.several.sum(axis=1), rtol=1e-13)


@pytest.mark.parametrize("order", ["feature-major", "strided"])
def test_no_other_feature_is_read(order):
    """A NaN elsewhere does not arrive."""
    case = Case(40, 12, 5, order=order)
    others = np.setdiff1d(np.arange(12), case.features)
    expected = case.found()
    X = case.X.copy(order="K") if order == "feature-major" else case.X
    X[others] = np.nan
    case.design = DesignMatrix(X, case.scale, case.shift)
    assert_close(case.found(), expected, 0.0)


@pytest.mark.parametrize("name", ON_CPU)
def test_every_backend_has_it(name):
    case = Case(21, 6, 3)
    backend = backend_of(name, 2)
    for slopes in (case.slopes, case.several):
        found = backend.working_products(case.design, case.features, slopes)
        expected = reference.working_products(case.design, case.features, slopes)
        assert_close([found], [expected])


@given(
    m=st.integers(1, 70),
    n_x=st.integers(1, 40),
    share=st.floats(0.0, 1.0),
    dtype=st.sampled_from(IN_PLACE + CONVERTED),
    order=st.sampled_from(ORDERS),
    n_threads=st.sampled_from(THREADS),
    seed=st.integers(0, 1000),
)
@settings(max_examples=10 if WITHOUT_JIT else 200, deadline=None)
def test_any_shape_dtype_and_order(m, n_x, share, dtype, order, n_threads, seed):
    case = Case(m, n_x, round(share * n_x), dtype, order, seed)
    assert_close(case.found(n_threads), case.expected())


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16"])
def test_an_X_that_is_not_aligned_gives_the_same_bits(dtype):
    rng = np.random.default_rng(4)
    x = rng.integers(-50, 50, (300, 9)).astype(dtype)
    if x.dtype.kind == "f":
        x *= np.dtype(dtype).type(0.37)
    room = np.zeros(x.nbytes + 1, np.uint8)
    apart = room[1:].view(dtype).reshape(x.shape)  # as what comes out of a message may lie
    apart[:] = x
    assert not apart.flags.aligned
    features, slopes = np.array([0, 3, 4, 8]), rng.random(300)
    scale, shift = rng.normal(size=(2, 9))
    found = [
        working_set.working_products(DesignMatrix(one.T, scale, shift), features, slopes, 1)
        for one in (x, apart)
    ]
    assert found[0].tobytes() == found[1].tobytes()
