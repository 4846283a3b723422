"""Faults of arithmetic that users met: each was wrong, silent or a crash, and stands for its kind.

The right values are those of mpmath, of NumPy's eigenvalues, or of the same problem in other units.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.objective import spectrum
from fastlogreg.objective.objective import Objective
from tests.helpers.comparison import WITHOUT_JIT


def trained(X, y, **options):
    """The result and the texts of the warnings; X (n_x, m), y (m,)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        X = np.asarray(X) if isinstance(X, np.ndarray) else np.array(X, dtype=float)
        result = flr.train(X, np.array([y]), **options)
    return result, [str(warning.message) for warning in caught]


def largest_eigenvalue(X, m):
    """L without a penalty, X1 being X (n_x, m) with or without its row of ones."""
    return float(np.linalg.eigvalsh(X @ X.T)[-1]) / (4 * m)


# The start of the power iteration is nearly orthogonal to the leading vector of these.
NEARLY_ORTHOGONAL = (
    ([[1.6, 0.6, 0.6]], [0, 1, 1]),
    ([[0.2, 1.3, 1.2, 1.1]], [0, 1, 0, 1]),
)


@pytest.mark.parametrize(("X", "y"), NEARLY_ORTHOGONAL)
def test_gradient_descent_never_lets_the_cost_rise(X, y):
    """Five iterations went .693, .757, 10.6, 3.79, 4.63: 1/L was 9 and 18 times too long."""
    result, _ = trained(X, y, iterations=50)
    X1 = np.vstack([np.array(X), np.ones(len(y))])
    assert (np.diff(np.append(result.costs, result.cost)) < 0.0).all()
    assert 1.0 / result.alpha == pytest.approx(largest_eigenvalue(X1, len(y)), rel=0.02)


@pytest.mark.parametrize(("X", "y"), NEARLY_ORTHOGONAL)
def test_the_step_named_as_safe_is_below_two_over_l(X, y):
    X1 = np.vstack([np.array(X), np.ones(len(y))])
    safe = 2.0 / largest_eigenvalue(X1, len(y))
    _, texts = trained(X, y, alpha=1.5 * safe, iterations=100)
    assert len(texts) == 1
    assert f"2/L = {safe:.4g}"[:-1] in texts[0]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_rare_category_has_its_part_in_l(order, weighted):
    """One-hot columns, one of them with 60 of 2050 examples: L = .0073, and .0012 was found."""
    rng = np.random.default_rng(0)
    m, n_x = 2050, 200
    category = rng.integers(1, n_x, m)
    category[rng.permutation(m)[:60]] = 0
    X = np.zeros((m, n_x))
    X[np.arange(m), category] = 1.0
    y = rng.integers(0, 2, m)
    s = rng.integers(1, 4, m).astype(float) if weighted else np.ones(m)
    L = largest_eigenvalue(X.T * np.sqrt(s), s.sum())
    start = X.T @ (s * (0.5 - y)) / s.sum()  # the gradient at 0: the first step tells alpha
    for column in range(0, n_x, n_x if WITHOUT_JIT else 3):  # wherever the column stands
        moved = np.asarray(np.roll(X, column, axis=1), order=order)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = flr.LogisticRegression(
                np.inf, solver="gd", fit_intercept=False, max_iter=1, tol=0.0
            ).fit(moved, y, s)
        gradient = np.roll(start, column)
        alpha = -(model.coef_[0] @ gradient) / (gradient @ gradient)
        assert 1.0 / alpha == pytest.approx(L, rel=0.05), column


def test_gradient_descent_lowers_the_cost_on_thousands_of_small_problems():
    rng = np.random.default_rng(20)
    for _ in range(50 if WITHOUT_JIT else 2000):
        m, n_x = int(rng.integers(2, 8)), int(rng.integers(1, 4))
        X = rng.normal(size=(n_x, m)) + 3.0 * rng.normal(size=(n_x, 1))
        X = X if rng.random() < 0.5 else np.abs(X).round(1)
        y = np.append([0, 1], rng.integers(0, 2, m - 2))
        result, _ = trained(X, y, iterations=6)
        costs = np.append(result.costs, result.cost)
        assert (np.diff(costs) <= 1e-15 * costs[:-1]).all(), (X.tolist(), y.tolist())


SINGULAR_TO_ELIMINATION = (
    ([[10003.0, 10001, 10001, 10000]], [0, 1, 0, 1], "quasi-separable", 0.34657359),
    ([[1, 0, 0, 1], [2, 0, 2, 2], [0, 1, 3, 0], [1, 1, 3, 0]], [0, 1, 1, 1], "completely", 0.0),
)


@pytest.mark.parametrize("solver", ["newton", "auto", "lbfgs"])
@pytest.mark.parametrize(("X", "y", "said", "infimum"), SINGULAR_TO_ELIMINATION)
def test_a_hessian_with_a_factor_that_elimination_finds_singular(solver, X, y, said, infimum):
    """numpy.linalg.solve raised LinAlgError: Cholesky's pivots were above rounding."""
    result, texts = trained(X, y, solver=solver, lambda_=0.0, tol=1e-8)
    assert len(texts) == 1
    assert said in texts[0]
    assert infimum - 1e-8 <= result.cost <= infimum + 0.2


@pytest.mark.parametrize("solver", ["newton", "auto"])
@pytest.mark.parametrize("lambda_", [0.0, 1e-8, 1e-2])
def test_small_tables_with_a_large_offset_raise_nothing(solver, lambda_):
    rng = np.random.default_rng(18)
    for _ in range(60 if WITHOUT_JIT else 300):
        m, n_x = int(rng.integers(2, 7)), int(rng.integers(1, 6))
        offset = 10.0 ** rng.integers(2, 10)
        X = offset + (
            rng.integers(0, 4, (n_x, m)) if rng.random() < 0.5 else rng.normal(size=(n_x, m))
        )
        y = np.append([0, 1], rng.integers(0, 2, m - 2))
        result, _ = trained(X, y, solver=solver, lambda_=lambda_, tol=1e-8)
        assert result.cost <= np.log(2.0) + 1e-12


def test_squaring_finds_the_largest_eigenvalue_whatever_the_matrix():
    rng = np.random.default_rng(4)
    for size in (1, 2, 9, 31, 48):
        for decay in (0.0, 0.1, 3.0):
            Q = np.linalg.qr(rng.normal(size=(size, size)))[0]
            values = np.exp(-decay * np.arange(size)) * 1e12
            found, v = spectrum.by_squaring((Q * values) @ Q.T)
            assert found == pytest.approx(1e12, rel=5e-3)
            assert np.isfinite(v).all()
    assert spectrum.by_squaring(np.zeros((3, 3)))[0] == 0.0
    assert spectrum.by_squaring(np.full((3, 3), np.nan))[0] == 0.0


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_l_of_a_small_table_takes_one_read(intercept, weighted):
    """Power iterations took 52 of them on 569 x 30, a quarter of 2000 iterations of descent."""
    rng = np.random.default_rng(6)
    m, n_x = 200, 30
    X, scale, shift = rng.normal(size=(m, n_x)), rng.normal(size=n_x), rng.normal(size=n_x)
    s = rng.random(m) + 0.5 if weighted else np.empty(0)
    design = DesignMatrix(X.T, scale, shift)
    objective = Objective(
        design, (np.arange(m) % 2).astype(np.uint8), 0.5, weight=s, intercept=intercept
    )
    X1 = np.column_stack([X * scale + shift, np.full(m, float(intercept))])
    total = s.sum() if weighted else m
    H = X1.T @ (s[:, None] * X1 if weighted else X1)
    L = np.linalg.eigvalsh(H)[-1] / (4 * total) + 0.5 / total
    assert objective.largest_eigenvalue() == pytest.approx(L, rel=5e-3)
    assert objective.passes == 1
    # Few passes are allowed where a given alpha is only looked at: then they are what is made.
    assert objective.largest_eigenvalue(3, alpha=1e-3) <= 1.001 * L
    assert 1 < objective.passes <= 4


def test_the_step_does_not_depend_on_how_a_small_table_is_kept(tmp_path):
    """Whole, strided, in the other order, sparse, or in a file that is read in blocks."""
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(150, 12)) * (rng.random((150, 12)) < 0.5)
    y = (np.arange(150) % 2)[None]
    np.save(tmp_path / "x.npy", rows)
    forms = [
        rows.T,
        np.ascontiguousarray(rows.T),
        np.repeat(rows, 2, axis=1)[:, ::2].T,
        sparse.csc_matrix(rows.T),
        flr.RowBlocks(tmp_path / "x.npy"),
    ]
    scale, shift = np.linspace(0.5, 2.0, 12)[:, None], np.linspace(-1.0, 1.0, 12)[:, None]
    steps = {flr.train(X, y, iterations=1, scale=scale, shift=shift).alpha for X in forms}
    assert len(steps) == 1


@pytest.mark.parametrize("value", [0.0, 1e200, np.nan])
def test_l_of_a_table_without_a_largest_eigenvalue(value):
    """Zeros, squares that overflow, NaN: power iterations say what there is to say."""
    X = np.full((3, 8), value)
    objective = Objective(
        DesignMatrix(X, np.ones(3), np.zeros(3)), np.zeros(8, np.uint8), intercept=False
    )
    if np.isnan(value):
        with pytest.raises(ValueError, match="must be finite"):
            objective.largest_eigenvalue()
    else:
        assert objective.largest_eigenvalue() == (0.0 if value == 0.0 else np.inf)


def test_a_step_is_called_safe_only_where_it_is():
    rng = np.random.default_rng(5)
    for m, n_x in ((5, 1), (40, 3), (300, 20), (20, 60)):
        X = rng.normal(size=(m, n_x)) * 10.0 ** rng.integers(-2, 3, n_x) + rng.normal(size=n_x)
        scale, shift = rng.normal(size=n_x), rng.normal(size=n_x)
        y = (np.arange(m) % 2).astype(np.uint8)
        objective = Objective(DesignMatrix(X.T, scale, shift), y, 0.5, "numpy", 1)
        X1 = np.column_stack([X * scale + shift, np.ones(m)])
        L = np.linalg.eigvalsh(X1.T @ X1)[-1] / (4 * m) + 0.5 / m
        trace = np.sum(X1**2) / (4 * m) + 0.5 / m
        assert spectrum.is_surely_safe(objective, 1.99 / trace)
        assert not spectrum.is_surely_safe(objective, 2.01 / L)


@pytest.mark.skipif(WITHOUT_JIT, reason="4 million elements, one by one, pass after pass")
def test_a_column_that_start_and_sample_miss_has_its_part_in_l():
    """Three of 4,000 examples: L was 75 times too small, and the default step let J rise."""
    m, n_x = 4000, 1000
    start = np.random.default_rng(0).standard_normal(n_x + 1)  # of the power iteration
    j = int(np.argmin(np.abs(start[:n_x])))
    category = np.arange(m) % n_x
    category[category == j] = (j + 1) % n_x
    X = np.zeros((m, n_x))
    X[np.arange(m), category] = 1.0
    rare = [1, 1501, 3001]
    X[rare], X[rare, j] = 0.0, 10.0
    y = (np.arange(m) % 3 == 0).astype(np.uint8)
    design = DesignMatrix(X.T, np.ones(n_x), np.zeros(n_x))
    objective = Objective(design, y, intercept=False)
    assert objective.largest_eigenvalue() == pytest.approx(300.0 / (4 * m), rel=1e-3)
