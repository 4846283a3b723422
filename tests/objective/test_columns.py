"""Models that share a design: each column is the objective of its own rows, labels and lambda."""

from __future__ import annotations

import numpy as np
import pytest

from fastlogreg.backends import group_hessians, hessians, small_columns
from fastlogreg.backends.base import NO_GROUP, Columns
from fastlogreg.backends.choice import backend_of
from fastlogreg.data.inputs import design_of
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.penalties import L2
from fastlogreg.objective.columns import Column, SharedColumns
from fastlogreg.objective.objective import Objective

M, N_X, GROUPS = 300, 7, 3


def example(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N_X, M)) * 10.0 ** rng.uniform(-1, 1, (N_X, 1)) + 0.5
    labels = rng.integers(0, 3, M).astype(np.int32)
    return X, labels, rng.integers(0, GROUPS, M).astype(np.int32), rng.random(M) + 0.1


def column_of(shared, positive, train, held, lambda_, scale=None, shift=None):
    totals = shared.group_totals()
    train, held = np.array(train, float), np.array(held, float)
    total = float(totals @ train)
    more = () if scale is None else (scale, shift)
    return Column(positive, train, held, total, float(totals @ held), L2(lambda_, total), *more)


def alone(X, labels, group, weight, column, intercept=True):
    """The objective of one column, on a slice of X."""
    s = weight * column.train[group]
    kept = s > 0.0
    scale = column.scale[:, None] if column.scale.size else 1.0
    shift = column.shift[:, None] if column.scale.size else 0.0
    y = (labels[kept] == column.positive).astype(np.uint8)
    return Objective(
        design_of(X[:, kept], scale, shift),
        y,
        column.penalty.lambda_,
        "numpy",
        1,
        s[kept],
        intercept,
    )


def columns_of(shared, rng):
    scale, shift = rng.random(N_X) + 0.5, rng.standard_normal(N_X)
    return [
        column_of(shared, 0, [1, 1, 1], [0, 0, 0], 0.0),
        column_of(shared, 2, [0, 1, 1], [1, 0, 0], 1.0),
        column_of(shared, 1, [1, 0, 2], [0, 3, 0], 0.1, scale, shift),
    ]


@pytest.mark.parametrize("backend", ["fused", "numpy"])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_column_is_the_objective_of_its_own_rows(backend, intercept):
    X, labels, group, weight = example()
    shared = SharedColumns(design_of(X), labels, group, weight, backend, 2, intercept)
    rng = np.random.default_rng(1)
    columns = columns_of(shared, rng)
    thetas = [0.3 * rng.standard_normal(N_X + 1) for _ in columns]
    if not intercept:
        thetas = [np.append(theta[:-1], 0.0) for theta in thetas]
    points = shared.evaluate(columns, thetas)
    assert shared.passes == 1
    with_hessians = shared.evaluate_with_hessians(columns, thetas)
    assert shared.passes == 2
    for column, theta, point, (second, H) in zip(columns, thetas, points, with_hessians):
        own = alone(X, labels, group, weight, column, intercept)
        expected, expected_H = own.hessian(theta[:-1], float(theta[-1]))
        for found in (point, second):
            J, gradient, curvature = found.evaluation
            assert abs(J - expected.J) <= 1e-12 * expected.J
            np.testing.assert_allclose(gradient, expected.gradient, rtol=1e-10, atol=1e-12)
            assert curvature == pytest.approx(expected.curvature, rel=1e-10)
        np.testing.assert_allclose(H, expected_H, rtol=1e-9, atol=1e-11)
        if not column.held.any():
            assert np.isnan(point.z)
            assert np.isnan(second.z)
            continue
        held = column._replace(train=column.held, penalty=L2(0.0, 1.0))
        J = alone(X, labels, group, weight, held).evaluate(theta[:-1], float(theta[-1])).J
        assert point.z == pytest.approx(J, rel=1e-12)
        assert second.z == pytest.approx(J, rel=1e-12)


@pytest.mark.parametrize("form", ["dense", "by feature", "csc", "csr"])
def test_the_hessian_of_a_fold_is_that_of_its_groups(form):
    from scipy import sparse

    X, labels, group, weight = example(2)
    X[np.abs(X) < 0.7] = 0.0
    form = {
        "dense": np.asfortranarray,
        "by feature": np.ascontiguousarray,
        "csc": sparse.csc_array,
        "csr": sparse.csr_array,
    }[form]
    shared = SharedColumns(design_of(form(X)), labels, group, weight, n_threads=2)
    rng = np.random.default_rng(3)
    theta = 0.2 * rng.standard_normal(N_X + 1)
    for column in columns_of(shared, rng):
        by_group = shared.group_hessians(column, theta)
        assert by_group.shape == (GROUPS, N_X + 1, N_X + 1)
        _, expected = alone(X, labels, group, weight, column).hessian(theta[:-1], float(theta[-1]))
        np.testing.assert_allclose(
            shared.hessian_of(column, by_group), expected, rtol=1e-9, atol=1e-11
        )


def test_hessians_have_the_same_bits_for_any_number_of_threads_and_any_company():
    rng = np.random.default_rng(4)
    X, labels = rng.standard_normal((20, 30_000)), rng.integers(0, 2, 30_000).astype(np.int32)
    group = rng.integers(0, GROUPS, 30_000).astype(np.int32)
    found = []
    for n_threads in (1, 2, 3, 7):
        shared = SharedColumns(design_of(X.T.copy().T), labels, group, n_threads=n_threads)
        columns = [
            column_of(shared, 1, np.arange(3) != g, np.arange(3) == g, 1.0) for g in range(3)
        ]
        thetas = [0.1 * np.ones(21), np.zeros(21), 0.2 * np.ones(21)]
        together = shared.evaluate_with_hessians(columns, thetas)
        for k in range(3):
            (one,) = shared.evaluate_with_hessians(columns[k : k + 1], thetas[k : k + 1])
            assert one[1].tobytes() == together[k][1].tobytes()
            assert one[0].evaluation.J == together[k][0].evaluation.J
        by_group = shared.group_hessians(columns[0], thetas[0])
        found.append((by_group.tobytes(), *(H.tobytes() for _, H in together)))
    assert len(set(found)) == 1


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_columns_of_a_small_x_have_the_sums_of_one_model_alone(grouped, weighted, monkeypatch):
    """The kernel runs here without compilation too."""
    X, labels, group, weight = example()
    group = group if grouped else NO_GROUP
    weight = weight if weighted else NONE
    design, backend = design_of(X, 0.5, 0.25), backend_of("fused", 2)
    small = small_columns.SmallColumns(design, labels, weight, group, backend)
    rng = np.random.default_rng(5)
    train = np.array([[1.0, 0.0, 2.0], [1.0, 1.0, 1.0]])[:, : 3 if grouped else 1]
    held = np.array([[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])[:, : 3 if grouped else 1]
    W, positive = rng.standard_normal((2, N_X)), np.array([1, 2], np.int32)
    columns = Columns(W, rng.standard_normal(2), positive, train, held)
    for _ in range(2):  # the second time what is known is used
        for found, k in zip(small.sums(columns), range(2)):
            s, h = (of[k][group] if grouped else np.full(M, of[k, 0]) for of in (train, held))
            s, h = (s * weight, h * weight) if weighted else (s, h)
            y, z = (labels == positive[k]).astype(np.uint8), np.empty(M)
            own = hessians.of_few_features(
                design, y, W[k], columns.b[k], n_threads=1, weight=s, zs=z
            )
            assert found.loss == own.loss
            assert found.gradient.tobytes() == own.gradient.tobytes()
            assert found.hessian.tobytes() == own.hessian.tobytes()
            assert found.held == (backend.terms(z, y, h).loss if h.any() else 0.0)
        assert len(small.known) == 2
    monkeypatch.setattr(small_columns, "BLOCK_BYTES", 0)
    small.known.clear()
    small.sums(columns)
    assert not small.known


@pytest.mark.parametrize("form", [np.asarray, "csc", "csr"])
def test_the_radius_is_the_largest_length(form):
    from scipy import sparse

    X = example(5)[0]
    exact = float(np.sqrt((X * X).sum(axis=0).max()))
    if isinstance(form, str):
        form = {"csc": sparse.csc_array, "csr": sparse.csr_array}[form]
    assert group_hessians.radius(design_of(form(X))) == pytest.approx(exact, rel=1e-12)
    moved = float(np.sqrt(((2.0 * X + 1.0) ** 2).sum(axis=0).max()))
    assert group_hessians.radius(design_of(form(X), 2.0, 1.0)) >= moved * (1.0 - 1e-12)


def test_the_bound_holds_at_any_point():
    X, labels, group, weight = example(6)
    shared = SharedColumns(design_of(X), labels, group, weight)
    column = column_of(shared, 2, [0, 1, 1], [1, 0, 0], 5.0)
    own = alone(X, labels, group, weight, column)
    theta = np.zeros(N_X + 1)
    for _ in range(30):
        evaluation, H = own.hessian(theta[:-1], float(theta[-1]))
        theta = theta - np.linalg.solve(H, evaluation.gradient)
    rng, tight = np.random.default_rng(7), 0
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(5):
            away = theta + size * rng.standard_normal(N_X + 1)
            (point,) = shared.evaluate([column], [away])
            bound, true = shared.bound(column, point.evaluation), point.evaluation.J - evaluation.J
            assert bound >= true - 1e-15
            tight += bound < 1e8 * true
    assert tight > 0


def test_leverages_are_those_of_the_hat_matrix():
    X, rng = example(8)[0], np.random.default_rng(8)
    H = np.eye(N_X + 1) + 0.1
    inverse, w = np.linalg.inv(np.linalg.cholesky(H)), rng.standard_normal(N_X)
    found = np.empty((2, M))
    for lo, hi, z, t in group_hessians.leverages_of_columns(design_of(X), [(w, 0.5)], [inverse]):
        found[:, lo:hi] = z[0], t[0]
    x1 = np.vstack([X, np.ones(M)])
    np.testing.assert_allclose(found[0], w @ X + 0.5, rtol=1e-11)
    expected = np.einsum("im,im->m", x1, np.linalg.solve(H, x1))
    np.testing.assert_allclose(found[1], expected, rtol=1e-11)


def test_hessians_without_kernels_are_the_same():
    X, labels, group, weight = example(9)
    theta, found = 0.1 * np.ones(N_X + 1), []
    for name in ("fused", "numpy"):
        shared = SharedColumns(design_of(X), labels, group, weight, backend_of(name, 2))
        found.append(shared.group_hessians(columns_of(shared, np.random.default_rng(0))[0], theta))
    np.testing.assert_allclose(*found, rtol=1e-11)
