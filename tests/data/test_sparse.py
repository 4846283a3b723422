"""Sparse X against the same X dense: every function, format, type of value and index; the same
bits; hostile matrices."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.backends.fused import NONE
from fastlogreg.backends.moments import sample_spread
from fastlogreg.backends.sparse import sums
from fastlogreg.data.inputs import design_of
from fastlogreg.data.sparse import VALUES, SparseMatrix
from fastlogreg.files import read_data
from fastlogreg.objective.objective import Objective
from fastlogreg.solvers import auto
from fastlogreg.solvers.answers import describe
from fastlogreg.solvers.result import TrainingWarning
from tests.helpers.limits import HANG

sparse = pytest.importorskip("scipy.sparse")
WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
needs_jit = pytest.mark.skipif(WITHOUT_JIT, reason="hundreds of thousands of elements, one by one")
TYPES = (
    *((dtype, np.int32) for dtype in VALUES[1:]),
    ("float64", np.int64),
)  # a bool is read as uint8
SOLVERS = ("gd", "nesterov", "lbfgs", "newton", "auto")


def random_sparse(rng, m, n_x, density=0.2, dtype=np.float64):
    """(m, n_x), dense; some rows are empty, and so are some columns."""
    dtype = np.dtype(dtype)
    values = rng.integers(1, 100, (m, n_x)) if dtype.kind in "biu" else rng.normal(size=(m, n_x))
    keep = (rng.random((m, n_x)) < density) & (rng.random((m, 1)) < 0.9) & (rng.random(n_x) < 0.9)
    return np.where(keep, values, 0).astype(dtype)


def as_sparse(rows, by_example=True, index=np.int32, shuffled=False, rng=None):
    """X (n_x, m) from rows (m, n_x): CSC by example, CSR by feature."""
    X = (sparse.csr_array(rows) if by_example else sparse.csc_array(rows)).T
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    if shuffled:
        for i in range(X.indptr.size - 1):
            part = slice(X.indptr[i], X.indptr[i + 1])
            order = rng.permutation(X.indptr[i + 1] - X.indptr[i])
            X.indices[part], X.data[part] = X.indices[part][order], X.data[part][order]
        X.has_sorted_indices = False
    return X


def problem(seed, m=300, n_x=12, density=0.3):
    rng = np.random.default_rng(seed)
    rows = random_sparse(rng, m, n_x, density)
    y = (rng.random(m) < 1 / (1 + np.exp(-rows @ rng.normal(size=n_x)))).astype(np.uint8)
    return rows, y


# ---------------------------------------------------------------- agreement


@settings(max_examples=8 if WITHOUT_JIT else 80)
@given(
    st.integers(1, 300),
    st.integers(1, 70),
    st.sampled_from(TYPES),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from((0.0, 0.05, 0.5, 1.0)),
    st.integers(0, 2**32 - 1),
)
def test_a_pass_is_that_of_the_dense_form(
    m, n_x, types, by_example, weighted, folded, shuffled, density, seed
):
    rng, (dtype, index) = np.random.default_rng(seed), types
    rows = random_sparse(rng, m, n_x, density, dtype)
    y, weight = (rng.random(m) < 0.5).astype(np.uint8), rng.random(m) if weighted else NONE
    X = as_sparse(rows, by_example, index, shuffled, rng)
    scale = rng.normal(size=(n_x, 1)) if folded else 1.0
    shift = rng.normal(size=(n_x, 1)) if folded else 0.0
    one, other = design_of(X, scale, shift), design_of(rows.T, scale, shift)
    assert isinstance(one, SparseMatrix)
    assert one.by_example == by_example
    w, b = rng.normal(size=n_x) / (1 + np.abs(rows).max()), float(rng.normal())
    found, expected = (Objective(d, y, 1.5, "fused", 2, weight) for d in (one, other))
    z, z_expected = np.empty(m), np.empty(m)
    a, e = found.evaluate(w, b, z), expected.evaluate(w, b, z_expected)
    size = 1 + float(np.abs(e.gradient).max()) * (1 + np.abs(shift).max())
    np.testing.assert_allclose(z, z_expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(a.J, e.J, rtol=1e-12)
    np.testing.assert_allclose(a.gradient, e.gradient, rtol=1e-12, atol=1e-12 * size)
    np.testing.assert_allclose(a.curvature, e.curvature, rtol=1e-12)
    c = rng.normal(size=m)
    np.testing.assert_allclose(found.combine(c), expected.combine(c), rtol=1e-12, atol=1e-10 * size)
    theta = np.append(w, b)
    assert found.certify(theta, a, z) == pytest.approx(expected.certify(theta, e), rel=1e-6)


@pytest.mark.parametrize("by_example", [True, False])
@pytest.mark.parametrize("density", [0.1, 0.9])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_hessian_is_that_of_the_dense_form(by_example, density, intercept):
    rng = np.random.default_rng(3)
    rows, y = problem(3, 200, 9, density)
    scale, shift = rng.normal(size=(9, 1)), rng.normal(size=(9, 1))
    w, b, weight = rng.normal(size=9), 0.3, rng.random(200)
    designs = design_of(as_sparse(rows, by_example), scale, shift), design_of(rows.T, scale, shift)
    (found, H), (expected, H_expected) = (
        Objective(d, y, 1.0, "fused", 2, weight, intercept).hessian(w, b) for d in designs
    )
    np.testing.assert_allclose(H, H_expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        [found.J, found.curvature], [expected.J, expected.curvature], rtol=1e-12
    )


@pytest.mark.parametrize("by_example", [True, False])
def test_rows_blocks_and_spreads(by_example):
    rng = np.random.default_rng(4)
    rows, _ = problem(4, 150, 2500, 0.02)
    scale, shift = rng.normal(size=(2500, 1)), rng.normal(size=(2500, 1))
    X, seen = as_sparse(rows, by_example), rows * scale.T + shift.T
    design = design_of(X, scale, shift)
    blocks = list(design.float_blocks())
    assert len(blocks) == 3
    assert [b[0] for b in blocks[1:]] == [b[1] for b in blocks[:-1]]
    np.testing.assert_array_equal(np.vstack([b[2] for b in blocks]), seen)
    chosen = np.array([0, 3, 4, 77, 149])
    [(_, _, some)] = design.rows(chosen).float_blocks()
    np.testing.assert_array_equal(some, seen[chosen])
    np.testing.assert_allclose(
        sample_spread(design), np.abs(scale[:, 0]) * rows.std(axis=0), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("by_example", [True, False])
def test_the_functions_of_the_lectures(by_example):
    rows, y = problem(5)
    X, Y, w = as_sparse(rows, by_example), y[None, :], np.linspace(-1, 1, 12).reshape(-1, 1)
    dense = flr.propagate(w, 0.5, rows.T, Y, lambda_=1.0, scale=0.5, shift=0.1)
    found = flr.propagate(w, 0.5, X, Y, lambda_=1.0, scale=0.5, shift=0.1)
    assert found.cost == pytest.approx(dense.cost, rel=1e-13)
    assert flr.cost(w, 0.5, X, Y) == pytest.approx(flr.cost(w, 0.5, rows.T, Y), rel=1e-13)
    np.testing.assert_allclose(found.dw, dense.dw, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        flr.predict_proba(w, 0.5, X), flr.predict_proba(w, 0.5, rows.T), rtol=1e-13
    )
    np.testing.assert_array_equal(flr.predict(w, 0.5, X), flr.predict(w, 0.5, rows.T))
    assert flr.check_gradient(w, 0.5, X, Y, lambda_=1.0).error < 1e-9


# ---------------------------------------------------------------- the same bits


@needs_jit
@pytest.mark.parametrize("by_example", [True, False])
@pytest.mark.parametrize("n_x", [5, 40, 3000, 100_000])  # up to more than X itself: one accumulator
def test_the_same_bits_on_any_number_of_threads(by_example, n_x):
    rng = np.random.default_rng(n_x)
    m, k = 16_000, min(n_x, 10)
    starts = np.arange(0, m * k + 1, k, dtype=np.int32)
    X = sparse.csr_array(
        (rng.normal(size=m * k), rng.integers(0, n_x, m * k, np.int32), starts), shape=(m, n_x)
    )
    X.sum_duplicates()
    if not by_example:
        X = X.tocsc()
    design, y = design_of(X.T), (rng.random(m) < 0.5).astype(np.uint8)
    if by_example:
        assert (design.n_chunks > 8) == (n_x <= 40)
        assert (design.n_chunks == 1) == (n_x == 100_000)
    w, results = rng.normal(size=n_x), []
    for n_threads in (1, 2, 3, 7, 7, 2):
        total = sums(design, y, NONE, False, w, 0.3, NONE, n_threads)
        results.append(total.tobytes())
    assert len(set(results)) == 1
    H = (
        [Objective(design, y, 1.0, n_threads=n).hessian(w, 0.1)[1].tobytes() for n in (1, 2, 3)]
        if n_x < 100
        else [b""]
    )
    assert len(set(H)) == 1


# ---------------------------------------------------------------- solvers


@needs_jit
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("by_example", [True, False])
def test_every_solver_finds_the_dense_optimum(solver, by_example):
    rows, y = problem(6, 400, 8)
    options = {"solver": solver, "lambda_": 5.0, "tol": 1e-11, "iterations": 5000}
    dense = flr.train(rows.T, y[None, :], **options)
    found = flr.train(as_sparse(rows, by_example), y[None, :], **options)
    assert found.stop_reason == "converged"
    np.testing.assert_allclose(found.w, dense.w, rtol=1e-4, atol=1e-6)
    assert found.cost == pytest.approx(dense.cost, abs=3e-11)


@needs_jit
@pytest.mark.parametrize("solver", ["newton", "lbfgs", "auto"])
def test_more_features_than_a_hessian_has_room_for(solver):
    rng = np.random.default_rng(7)
    rows = random_sparse(rng, 300, 4000, 0.005)
    y = (rng.random(300) < 0.5).astype(np.uint8)
    result = flr.train(as_sparse(rows), y[None, :], solver=solver, lambda_=1.0, tol=1e-10)
    assert result.stop_reason == "converged"
    dense = flr.train(rows.T, y[None, :], solver="lbfgs", lambda_=1.0, tol=1e-12)
    np.testing.assert_allclose(result.w, dense.w, atol=1e-4)


@needs_jit
def test_auto_counts_non_zeros():
    """20,000 x 500 in full is too much for Hessians of a sample, with 5 of 500 it is not; 50,000
    features always are."""
    rng = np.random.default_rng(8)

    def objective(m, n_x, k):
        indices = np.sort(
            rng.permuted(np.tile(np.arange(n_x, dtype=np.int32), (m, 1)), axis=1)[:, :k]
            if n_x < 1000
            else rng.integers(0, n_x // k, (m, k)) + np.arange(k) * (n_x // k),
            axis=1,
        )
        X = sparse.csr_array(
            (np.ones(m * k), indices.ravel(), np.arange(0, m * k + 1, k)), shape=(m, n_x)
        )
        return Objective(design_of(X.T), (rng.random(m) < 0.5).astype(np.uint8), 1.0)

    assert auto.plan(describe(objective(20_000, 500, 5))) == "newton"
    assert auto.plan(describe(objective(20_000, 500, 50))) == "sample"
    assert auto.plan(describe(objective(2_000, 50_000, 5))) == "lbfgs"
    dense = Objective(design_of(np.zeros((500, 20_000), np.uint8)), np.zeros(20_000, np.uint8), 1.0)
    assert auto.plan(describe(dense)) == "lbfgs"


def test_warnings_of_a_run_without_penalty_name_dependent_columns():
    rows, y = problem(9)
    rows[:, 3] = rows[:, 2]
    with pytest.warns(TrainingWarning, match=r"linearly dependent.*column 2, column 3"):
        flr.train(as_sparse(rows), y[None, :], solver="newton", tol=1e-9)


# ---------------------------------------------------------------- the estimator


@needs_jit
@pytest.mark.parametrize("make", ["csr_array", "csc_array", "csr_matrix", "coo_array"])
def test_the_estimator(make):
    pytest.importorskip("sklearn")
    rows, y = problem(10)
    X = getattr(sparse, make)(rows)
    dense, found = (flr.LogisticRegression(tol=1e-13).fit(x, y) for x in (rows, X))
    np.testing.assert_allclose(found.coef_, dense.coef_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.predict_proba(X), dense.predict_proba(rows), rtol=1e-10)
    np.testing.assert_array_equal(found.predict(X), dense.predict(rows))


@pytest.mark.parametrize("make", ["csr_array", "csc_array"])
@pytest.mark.parametrize("intercept", [True, False])
def test_standardize_shifts_without_densifying(make, intercept):
    pytest.importorskip("sklearn")
    rows, y = problem(11)
    rows[:, 4] = 100 + 1e-2 * np.arange(
        300
    )  # a column in full, whose variance is lost in its sum of squares
    weight = np.random.default_rng(0).random(300)
    dense, found = (
        flr.LogisticRegression(standardize=True, fit_intercept=intercept, tol=1e-13).fit(
            x, y, weight
        )
        for x in (rows, getattr(sparse, make)(rows))
    )
    np.testing.assert_allclose(
        found.decision_function(rows), dense.decision_function(rows), rtol=1e-7, atol=1e-7
    )
    np.testing.assert_allclose(found.cost_, dense.cost_, rtol=1e-10)


def test_the_estimator_names_nan_in_sparse_x():
    pytest.importorskip("sklearn")
    rows, y = problem(12)
    X = sparse.csr_array(rows)
    X.data[5] = np.nan
    row, column = (int(np.flatnonzero(np.isnan(X.toarray()).any(axis=axis))[0]) for axis in (1, 0))
    with pytest.raises(ValueError, match=f"Input X contains NaN: in row {row}, column {column}"):
        flr.LogisticRegression().fit(X, y)


@needs_jit
def test_a9a_as_csr(shared_data):
    """The same coefficients as dense to 1e-10, the optimum as scikit-learn finds it to 1e-8.

    By Newton's method, which ends at the optimum. `auto` ends within tol of J*, and there w may
    still differ by sqrt(2 m tol / lambda): a sum in another order leads to another such place."""
    sklearn = pytest.importorskip("sklearn.linear_model")
    data = read_data(shared_data / "libsvm" / "a9a", n_features=123)
    y = (data.y > 0).astype(int)
    assert sparse.issparse(data.X)
    found, dense = (
        flr.LogisticRegression(tol=1e-15, solver="newton").fit(x, y)
        for x in (data.X.T, data.X.T.toarray())
    )
    np.testing.assert_allclose(found.coef_, dense.coef_, atol=1e-10, rtol=0)
    for x in (data.X.T, data.X.T.toarray()):
        auto = flr.LogisticRegression(tol=1e-15).fit(x, y)
        assert np.linalg.norm(auto.coef_ - dense.coef_) <= np.sqrt(4e-15 * len(y))
    peer = sklearn.LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=200).fit(
        data.X.T.tocsr(), y
    )
    cost = flr.cost(peer.coef_.T, float(peer.intercept_[0]), data.X, y[None, :], lambda_=1.0)
    assert abs(found.cost_ - cost) <= 1e-8 * cost
    np.testing.assert_allclose(found.coef_, peer.coef_, atol=1e-6)


# ---------------------------------------------------------------- bad input


def broken(**changes):
    X = as_sparse(np.eye(4)[:, :3])
    for name, value in changes.items():
        setattr(X, name, value)
    return X


def i32(*values):
    return np.array(values, np.int32)


BAD = {
    "format": (
        lambda: sparse.coo_array(np.eye(3)),
        r"got format 'coo'. Convert it with X.tocsc\(\)",
    ),
    "lil": (lambda: sparse.lil_array(np.eye(3)), "got format 'lil'"),
    "no examples": (lambda: sparse.csc_array((3, 0)), "at least one feature and one example"),
    "int16": (
        lambda: as_sparse(np.eye(3, dtype=np.int16)),
        "bool, uint8, .*; got int16. Convert it: X.astype",
    ),
    "complex": (lambda: as_sparse(np.eye(3) * 1j), "got complex128. Convert it"),
    "long double": (lambda: as_sparse(np.eye(3, dtype=np.longdouble)), "longdouble|float128"),
    "big-endian": (lambda: broken(data=np.ones(3, ">f8")), "got >f8"),
    "strided": (lambda: broken(data=np.ones(6)[::2]), "X.data must be a contiguous array"),
    "index too large": (
        lambda: broken(indices=i32(0, 3, 2)),
        "from 0 to 2, the 3 features of X; got 3 in example 1",
    ),
    "negative index": (lambda: broken(indices=i32(0, 1, -1)), "got -1 in example 2"),
    "64-bit negative": (
        lambda: broken(indices=np.array([0, 1, -(2**62)])),
        f"got {-(2**62)} in example 2",
    ),
    "indptr falls": (
        lambda: broken(indptr=i32(0, 2, 1, 3, 3)),
        "X.indptr must be 5 numbers that rise from 0",
    ),
    "indptr from 1": (lambda: broken(indptr=i32(1, 2, 3, 3, 3)), "rise from 0"),
    "indptr short": (lambda: broken(indptr=i32(0, 1, 3)), "X.indptr must be 5 numbers"),
    "indptr too far": (
        lambda: broken(indptr=i32(0, 1, 2, 3, 9)),
        "must have the 9 elements that X.indptr promises",
    ),
    "data short": (lambda: broken(data=np.ones(2)), r"got shapes \(2,\) and \(3,\)"),
    "small indices": (
        lambda: broken(indices=np.array([0, 1, 2], np.int16)),
        "must be int32 or int64; got int16",
    ),
    "twice": (
        lambda: broken(indices=i32(1, 1, 2), indptr=i32(0, 2, 2, 3, 3)),
        r"twice in a row; example 0 .* has. Call X.sum_duplicates\(\)",
    ),
    "twice, unsorted": (
        lambda: broken(indices=i32(2, 1, 2), indptr=i32(0, 0, 3, 3, 3)),
        "example 1 .* has",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_hostile_matrices_get_a_clear_error(case):
    make, text = BAD[case]
    X = make()
    with pytest.raises(ValueError, match=text):
        flr.propagate(np.zeros((3, 1)), 0.0, X, np.zeros((1, X.shape[1])))


@pytest.mark.parametrize("backend", ["loops", "numpy", "python"])
def test_the_other_backends_say_that_they_are_for_dense_x(backend):
    X = as_sparse(np.eye(3))
    with pytest.raises(
        ValueError, match=rf"backend '{backend}' reads a dense X only; .* X.toarray\(\)"
    ):
        flr.train(X, np.array([[0, 1, 1]]), backend=backend)


@pytest.mark.parametrize("by_example", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_found(by_example, value):
    rows = np.eye(5)
    rows[3, 3] = value
    X = as_sparse(rows, by_example)
    for call in (
        lambda: flr.propagate(np.ones((5, 1)), 0.0, X, np.array([[0, 1, 1, 0, 1]])),
        lambda: flr.train(X, np.array([[0, 1, 1, 0, 1]]), lambda_=1.0),
        lambda: flr.predict_proba(np.ones((5, 1)), 0.0, X),
    ):
        with pytest.raises(ValueError, match=f"X must be finite; got {value} in row 3 .*column 3"):
            call()


def test_spare_room_behind_the_elements_is_not_read():
    X = broken(data=np.array([1.0, 1, 1, np.nan]), indices=i32(0, 1, 2, 99))
    assert np.isfinite(flr.cost(np.ones((3, 1)), 0.0, X, np.zeros((1, 4))))


# ---------------------------------------------------------------- memory

WIDE = """
import resource, sys
import numpy as np, scipy.sparse as sparse, fastlogreg as flr

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

def problem(m, n_x, k):
    rng = np.random.default_rng(0)
    indices = rng.integers(0, n_x // k, (m, k), dtype=np.int32)
    indices += np.arange(k, dtype=np.int32) * (n_x // k)
    starts = np.arange(0, m * k + 1, k, dtype=np.int32)
    X = sparse.csr_array((np.ones(m * k, np.float32), indices.ravel(), starts), shape=(m, n_x))
    return X.T, (rng.random((1, m)) < 0.5).astype(np.uint8)

w = np.zeros((1_000_000, 1))
flr.propagate(w[:50], 0.0, *problem(100, 50, 5))
X, Y = problem(200_000, 1_000_000, 100)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = status("VmHWM")
flr.propagate(w, 0.0, X, Y, n_threads=4)
print(status("VmHWM") - before, X.data.nbytes + X.indices.nbytes)
"""


@needs_jit
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/clear_refs")
def test_a_million_columns_take_a_few_vectors(tmp_path):
    """160 MB of X: w, the accumulators, and a handful of vectors of 8 MB; partial gradients of 32
    chunks would be 256 MB."""
    done = subprocess.run(
        [sys.executable, "-c", WIDE], capture_output=True, text=True, timeout=HANG
    )
    if "clear_refs" in done.stderr:
        pytest.skip("the kernel does not let the mark be set back")
    above, size = map(int, done.stdout.split())
    assert size == 160_000_000
    assert above < 9 * 8_000_000


def test_training_state_of_a_pass_is_not_shared_between_designs():
    rows, y = problem(13)
    design = design_of(as_sparse(rows))
    other = design.rescaled(2 * np.ones(12), np.ones(12))
    w, objective = np.zeros(12), Objective(design, y, 1.0)
    before = objective.evaluate(w + 0.1, 0.2).gradient.copy()
    Objective(other, y, 1.0).evaluate(w + 0.3, 0.1)
    np.testing.assert_array_equal(objective.evaluate(w + 0.1, 0.2).gradient, before)
