"""J, its gradient, its Hessian and Hessian products, with weights, scale and shift, for every form
of X, and along lines."""

from __future__ import annotations

import numpy as np
import pytest

from fastlogreg.backends import fused, hessians, vectorized
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.maths import logistic
from fastlogreg.objective import proof
from fastlogreg.objective.objective import Objective
from tests.helpers.comparison import WITHOUT_JIT, laid_out

M, N = 60, 5
FORMS = [
    ("float64", "example-major"),
    ("float64", "feature-major"),
    ("float64", "strided"),
    ("float32", "example-major"),
    ("float32", "feature-major"),
    ("uint8", "example-major"),
    ("uint8", "feature-major"),
    ("uint8", "strided"),
    (">f8", "example-major"),
    ("float16", "example-major"),
]


def problem(
    form=("float64", "example-major"),
    folded=True,
    weighted=False,
    intercept=True,
    lambda_=0.7,
    **more,
):
    """An objective, the float64 (m, n_x + 1) matrix that it stands for, its labels, weights, and a
    point."""
    dtype, order = form
    rng = np.random.default_rng(5)
    values = rng.integers(0, 9, (M, N)) if dtype == "uint8" else rng.normal(size=(M, N))
    by_example = values.astype(dtype)
    scale, shift = (rng.normal(size=N), rng.normal(size=N)) if folded else (np.ones(N), np.zeros(N))
    y = (rng.random(M) < 0.4).astype(np.uint8)
    s = rng.integers(0, 4, M).astype(float) if weighted else fused.NONE
    design = DesignMatrix(laid_out(by_example, order), scale, shift)
    objective = Objective(design, y, lambda_, weight=s, intercept=intercept, **more)
    ones = np.full((M, 1), float(intercept))
    X1 = np.hstack([by_example.astype(float) * scale + shift, ones])
    return (
        objective,
        X1,
        y,
        s if weighted else np.ones(M),
        rng.normal(size=N),
        0.3 if intercept else 0.0,
    )


def naive(objective, X1, y, s, w, b):
    """J, gradient and Hessian by the formulas, all at once."""
    z = X1 @ np.append(w, b)
    a = logistic.sigmoid(z)
    total, penalty = s.sum(), np.append(np.full(N, objective.lambda_ / s.sum()), 0.0)
    J = s @ logistic.loss(z, y) / total + 0.5 * penalty @ np.append(w, 0.0) ** 2
    gradient = X1.T @ (s * (a - y)) / total + penalty * np.append(w, b)
    return J, gradient, (X1.T * (s * a * (1 - a))) @ X1 / total + np.diag(penalty)


OPTIONS = [
    {},
    {"folded": False},
    {"weighted": True},
    {"intercept": False},
    {"lambda_": 0.0},
    {"weighted": True, "intercept": False},
    {"backend": "numpy", "weighted": True},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("form", FORMS, ids="-".join)
def test_hessian_gradient_and_products(form, options):
    objective, X1, y, s, w, b = problem(form, **options)
    J, gradient, H = naive(objective, X1, y, s, w, b)
    zs = np.empty(M)
    evaluation, found = objective.hessian(w, b, zs)
    expected = H + np.diag(
        np.append(np.zeros(N), float(not objective.intercept))
    )  # so that H can be solved with
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * abs(H).max())
    np.testing.assert_allclose(zs, X1 @ np.append(w, b), rtol=1e-11, atol=1e-12)
    for one in (evaluation, objective.evaluate(w, b)):
        assert pytest.approx(J, rel=1e-12) == one.J
        np.testing.assert_allclose(
            one.gradient, gradient, rtol=1e-11, atol=1e-12 * abs(gradient).max()
        )
    z = objective.scores(w, b)
    np.testing.assert_allclose(z, zs, rtol=1e-12, atol=1e-12)
    _, _, slopes = fused.link(z, y, objective.weight)
    for v in np.random.default_rng(1).normal(size=(3, N + 1)):
        np.testing.assert_allclose(
            objective.hessian_product(v, slopes), H @ v, rtol=1e-10, atol=1e-11 * abs(H).max()
        )


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("form", FORMS, ids="-".join)
def test_squares_and_the_hessian_of_chosen_examples(form, options):
    """Chosen from all they are the Hessian; from few, its diagonal is not below its own."""
    objective, X1, _, s, w, b = problem(form, **options)
    np.testing.assert_allclose(objective.squares(s), s @ (X1[:, :-1] ** 2), rtol=1e-12)
    point = objective.point(np.append(w, b))
    passes_before = objective.passes
    _, H = objective.hessian(w, b)
    np.testing.assert_allclose(
        objective.estimated_hessian(point, M), H, rtol=1e-11, atol=1e-12 * abs(H).max()
    )
    few = objective.estimated_hessian(point, M // 4)
    assert objective.passes >= passes_before + 3
    assert (np.diag(few)[:-1] >= np.diag(H)[:-1] * (1.0 - 1e-12)).all()
    assert np.linalg.eigvalsh(few).min() > 0.0


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64"])
@pytest.mark.parametrize("order", ["example-major", "feature-major", "strided"])
@pytest.mark.parametrize(("m", "n_x"), [(1, 1), (193, 8), (400, 31), (1003, 100), (30, 2100)])
def test_squares_of_every_form(m, n_x, order, dtype):
    rng = np.random.default_rng(m)
    X = laid_out(rng.integers(0, 9, (m, n_x)).astype(dtype), order)
    scale, shift, weight, zeros = (
        rng.random(n_x),
        rng.normal(size=n_x),
        rng.random(m),
        np.zeros(m, np.uint8),
    )
    objectives = [
        Objective(DesignMatrix(X, scale, shift), zeros, 1.0, n_threads=k) for k in (1, 2, 5)
    ]
    found = [objective.squares(weight) for objective in objectives]
    x = X.astype(np.float64).T * scale + shift
    np.testing.assert_allclose(found[0], weight @ (x * x), rtol=1e-12)
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", ["example-major", "feature-major", "strided"])
@pytest.mark.parametrize(("m", "n_x"), [(1, 1), (7, 3), (193, 8), (400, 31), (385, 40)])
def test_the_hessian_of_few_features_is_that_of_blocks(m, n_x, order, weighted):
    """The compiled one against BLAS on blocks, at the borders of vectors, of groups of eight and of
    chunks."""
    rng = np.random.default_rng(m)
    design = DesignMatrix(
        laid_out(rng.normal(size=(m, n_x)), order), rng.random(n_x) + 0.5, rng.normal(size=n_x)
    )
    s = rng.random(m) if weighted else fused.NONE
    y, w, zs = (rng.random(m) < 0.5).astype(np.uint8), rng.normal(size=n_x) / n_x, np.empty((4, m))
    assert design.few_features
    J, gradient, H, _ = vectorized.by_numpy(design, y, w, 0.3, weight=s, zs=zs[0])
    for n_threads in (1, 2, 3):
        found = hessians.of_few_features(
            design, y, w, 0.3, n_threads=n_threads, weight=s, zs=zs[n_threads]
        )
        assert found[0] == pytest.approx(J, rel=1e-13)
        np.testing.assert_allclose(found[1], gradient, rtol=1e-12, atol=1e-12 * abs(gradient).max())
        np.testing.assert_allclose(found[2], H, rtol=1e-12, atol=1e-13 * abs(H).max())
    np.testing.assert_allclose(zs[1], zs[0], rtol=1e-12, atol=1e-12)
    assert zs[1].tobytes() == zs[2].tobytes() == zs[3].tobytes()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", ["example-major", "feature-major", "strided"])
@pytest.mark.parametrize(
    ("m", "n_x"), [(1, 1), (7, 15), (33, 16), (100, 47), (300, 129), (70, 300)]
)
def test_the_hessian_of_many_features_is_that_of_blas(m, n_x, order, weighted, monkeypatch):
    """In more than one block and more than one packing, at the borders of panels of sixteen; the
    same bits on any threads."""
    if WITHOUT_JIT and n_x > 100 and (weighted or order != "example-major"):
        pytest.skip("millions of products, one by one")
    monkeypatch.setattr(hessians, "BLOCK_BYTES", 64 * 8 * n_x)
    monkeypatch.setattr(hessians, "SECONDS_PER_PRODUCT", 1.0)  # worth any number of threads
    rng = np.random.default_rng(m)
    design = DesignMatrix(
        laid_out(rng.normal(size=(m, n_x)), order), rng.random(n_x) + 0.5, rng.normal(size=n_x)
    )
    s = rng.random(m) if weighted else fused.NONE
    y, w, zs = (rng.random(m) < 0.5).astype(np.uint8), rng.normal(size=n_x) / n_x, np.empty((4, m))
    J, gradient, H, _ = vectorized.by_numpy(design, y, w, 0.3, weight=s, zs=zs[0])
    found = [
        hessians.of_many_features(design, y, w, 0.3, n_threads=k, weight=s, zs=zs[k])
        for k in (1, 2, 3)
    ]
    assert found[0][0] == pytest.approx(J, rel=1e-13)
    np.testing.assert_allclose(found[0][1], gradient, rtol=1e-11, atol=1e-12 * abs(gradient).max())
    np.testing.assert_allclose(found[0][2], H, rtol=1e-11, atol=1e-13 * abs(H).max())
    np.testing.assert_allclose(zs[1], zs[0], rtol=1e-12, atol=1e-12)
    for k in (1, 2):
        assert all(np.array_equal(a, b) for a, b in zip(found[0], found[k]))
    slopes = rng.random(m)
    H = vectorized.products_by_numpy(design, slopes)
    found = [hessians.products(design, slopes, k) for k in (1, 5)]
    np.testing.assert_allclose(found[0], H, rtol=1e-11, atol=1e-13 * abs(H).max())
    assert np.array_equal(*found)


@pytest.mark.parametrize("deep", [4, 8])
def test_both_tiles_of_a_hessian(deep):
    """The one for AVX2 and the one for AVX-512, whichever CPU this is."""
    from fastlogreg.kernels.second_order import many_features

    tile = {4: many_features.four_by_eight, 8: many_features.eight_by_sixteen}[deep]
    rng = np.random.default_rng(deep)
    packed, H = rng.normal(size=(2, 9, 16)), np.ones((16, 32))
    tile(packed.reshape(-1), deep, 9 * 16, 9 * 16, H.reshape(-1), 3 * 32 + 8, 32)
    expected = np.ones((16, 32))
    expected[3 : 3 + deep, 8 : 8 + 2 * deep] += (
        packed[0, :, deep : 2 * deep].T @ packed[1, :, : 2 * deep]
    )
    np.testing.assert_allclose(H, expected, rtol=1e-13, atol=1e-14)


def test_the_gradient_and_the_hessian_are_derivatives():
    """Against differences, which share no formula with them."""
    objective, *_, w, b = problem(weighted=True)
    theta, h = np.append(w, b), 1e-5
    evaluation, H = objective.hessian(w, b)

    def at(point):
        return objective.evaluate(np.ascontiguousarray(point[:-1]), float(point[-1]))

    for j, e in enumerate(np.eye(N + 1) * h):
        before, after = at(theta - e), at(theta + e)
        assert (after.J - before.J) / (2 * h) == pytest.approx(evaluation.gradient[j], abs=1e-8)
        np.testing.assert_allclose((after.gradient - before.gradient) / (2 * h), H[j], atol=1e-8)


@pytest.mark.parametrize("backend", ["fused", "numpy"])
@pytest.mark.parametrize("options", [{}, {"weighted": True}, {"intercept": False}])
def test_along_a_line(backend, options):
    objective, X1, y, s, w, b = problem(backend=backend, **options)
    d = np.random.default_rng(2).normal(size=N + 1)
    d[-1] *= objective.intercept
    z, z_slope = X1 @ np.append(w, b), X1 @ d
    for t in (0.0, 0.3, 1.0, -2.0):
        point = np.append(w, b) + t * d
        J, gradient, H = naive(objective, X1, y, s, point[:-1], point[-1])
        found = objective.along_line(w, d, z, z_slope, t)
        np.testing.assert_allclose(found, (J, gradient @ d, d @ H @ d), rtol=1e-11)
    assert objective.passes == 0


@pytest.mark.parametrize(
    "form", [("float64", "example-major"), ("uint8", "feature-major")], ids="-".join
)
@pytest.mark.parametrize("backend", ["fused", "numpy"])
def test_a_weight_is_the_row_so_many_times(form, backend):
    objective, _, y, s, w, b = problem(form, weighted=True, backend=backend)
    assert (s == 0).any()
    assert (s > 1).any()
    design, times = objective.design, s.astype(int)
    X = np.repeat(design.X.T, times, axis=0).T
    written_out = Objective(
        DesignMatrix(X, design.scale, design.shift), np.repeat(y, times), objective.lambda_, backend
    )
    v = np.append(w, b)[::-1].copy()
    one, two = objective.evaluate(w, b), written_out.evaluate(w, b)
    np.testing.assert_allclose(one.J, two.J, rtol=1e-12)
    np.testing.assert_allclose(one.gradient, two.gradient, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.curvature, two.curvature, rtol=1e-12)
    np.testing.assert_allclose(
        objective.hessian(w, b)[1], written_out.hessian(w, b)[1], rtol=1e-12, atol=1e-12
    )
    products = [
        o.hessian_product(v, fused.link(o.scores(w, b), o.y, o.weight)[2])
        for o in (objective, written_out)
    ]
    np.testing.assert_allclose(*products, rtol=1e-12, atol=1e-12)
    lines = [
        o.along_line(w, v, o.scores(w, b), o.scores(v[:-1], v[-1]), 0.5)
        for o in (objective, written_out)
    ]
    np.testing.assert_allclose(*lines, rtol=1e-12)
    assert objective.largest_eigenvalue() == pytest.approx(
        written_out.largest_eigenvalue(), rel=1e-3
    )


def test_weights_of_one_are_no_weights():
    plain, *_, w, b = problem()
    ones = Objective(plain.design, plain.y, plain.lambda_, weight=np.ones(M))
    np.testing.assert_allclose(
        ones.evaluate(w, b).gradient, plain.evaluate(w, b).gradient, rtol=1e-13
    )
    assert ones.total == plain.total


def test_the_best_intercept_is_found_without_a_read():
    for form in FORMS:
        objective, *_, w, b = problem(form)
        for away in (0.0, 1e-9, 3.0, -700.0):
            start = objective.point(np.append(w, b + away))
            reads = objective.passes
            best = b + away + proof.best_shift(objective, start.z)
            assert objective.passes == reads
            assert abs(objective.evaluate(w, best).gradient[-1]) < 1e-13


def test_a_proof_takes_one_read_where_z_is_known():
    objective, *_, w, b = problem()
    point = objective.point(np.append(w, b))
    reads = objective.passes
    proved = objective.certify(point.theta, point.evaluation, point.z)
    assert objective.passes == reads + 1
    assert objective.certify(point.theta, point.evaluation) == pytest.approx(proved, rel=1e-9)
    assert objective.passes == reads + 3
    without, *_, w, b = problem(intercept=False)
    point = without.point(np.append(w, 0.0))
    reads = without.passes
    assert np.isfinite(without.certify(point.theta, point.evaluation))
    assert without.passes == reads


def test_separates():
    objective, *_ = problem(lambda_=0.0, weighted=True)
    z = np.where(objective.y == 1, 1.0, -1.0)
    assert objective.separates(z)
    counted = int(np.argmax(objective.weight > 0))
    z[int(np.argmin(objective.weight))] *= -1.0
    assert objective.separates(z)  # an example of weight 0 is none
    z[counted] = 0.0
    assert not objective.separates(z)  # on the border is on no side
    assert not problem()[0].separates(
        np.where(problem()[2] == 1, 1.0, -1.0)
    )  # lambda > 0 has an optimum


def test_the_measure_is_the_gradient_without_a_penalty():
    objective, *_, w, b = problem(lambda_=0.0)
    theta = np.append(w, b)
    evaluation, H = objective.hessian(w, b)
    assert objective.measure(evaluation) == np.abs(evaluation.gradient).max()
    assert objective.certify(theta, evaluation) == np.inf
    assert objective.bound_by_hessian(evaluation, H) == np.inf
