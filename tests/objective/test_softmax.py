"""A softmax objective: its derivatives, its bounds against optima in 40 digits, and its samples."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from fastlogreg.data.inputs import design_of
from fastlogreg.maths import certificate
from fastlogreg.maths.arrays import NONE, Vector
from fastlogreg.maths.sampling import stratified_classes
from fastlogreg.maths.softmax import centred
from fastlogreg.objective import proof, softmax_proof, softmax_sampled
from fastlogreg.objective.objective import Objective
from fastlogreg.objective.point import Point
from fastlogreg.objective.softmax import SoftmaxObjective

M, N_X, K = 30, 4, 3


def made(
    m: int = M,
    n_x: int = N_X,
    classes: int = K,
    lambda_: float = 1.0,
    seed: int = 0,
    weights: bool = False,
    intercept: bool = True,
) -> SoftmaxObjective:
    """Make an objective whose classes overlap, and are all there."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_x, m)) * np.linspace(0.5, 2.0, n_x)[:, None] + 0.3
    W = rng.standard_normal((classes, n_x))
    labels = np.argmax(W @ X + 2.0 * rng.gumbel(size=(classes, m)), axis=0).astype(np.int32)
    labels[:classes] = np.arange(classes)
    weight = rng.integers(0, 4, m).astype(float) if weights else NONE
    if weights:
        weight[:classes] = 1.0
    return SoftmaxObjective(
        design_of(X, 1.0, 0.0), labels, classes, lambda_, "fused", 1, weight, intercept
    )


def random_theta(objective: SoftmaxObjective, size: float = 0.3, seed: int = 1) -> Vector:
    """Return a centred theta; b is 0 where there is no intercept."""
    rng = np.random.default_rng(seed)
    W = size * rng.standard_normal((objective.classes, objective.n_x))
    b = size * rng.standard_normal(objective.classes) * objective.intercept
    return objective.joined(*centred(W, b))


def data(objective: SoftmaxObjective) -> Vector:
    """Return scale * X + shift as (m, n_x) float64."""
    return np.concatenate([x for _, _, x in objective.design.float_blocks()])


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_gradient_and_hessian_are_derivatives_of_the_cost(weights: bool, intercept: bool) -> None:
    objective = made(weights=weights, intercept=intercept)
    theta, eps = random_theta(objective), 1e-5
    free = [j for j in range(objective.size) if intercept or (j + 1) % (objective.n_x + 1) != 0]
    point = objective.point(theta)
    H = objective.hessian_at(point)
    slopes = objective.slopes(point.z)
    for j in free:
        e = np.zeros(objective.size)
        e[j] = eps
        up, down = objective.evaluate_at(theta + e), objective.evaluate_at(theta - e)
        assert point.evaluation.gradient[j] == pytest.approx((up.J - down.J) / (2 * eps), abs=1e-8)
        change = (up.gradient - down.gradient) / (2 * eps)
        np.testing.assert_allclose(objective.hessian_product(e / eps, slopes), change, atol=1e-7)
    v = random_theta(objective, 1.0, 3)  # centred: the projector in H does not see it
    np.testing.assert_allclose(H @ v, objective.hessian_product(v, slopes), atol=1e-12)
    assert np.linalg.eigvalsh(H)[0] > 0.0


@pytest.mark.parametrize("form", ["csr", "csc", "array"])
def test_the_penalty_is_in_the_gradient_of_a_wide_x(form: str) -> None:
    """Sums of a sparse X lie by feature: what is added to a copy of them is lost."""
    sparse = pytest.importorskip("scipy.sparse")
    m, n_x, classes = 12, 12_000, 3
    rng = np.random.default_rng(0)
    X = sparse.random(n_x, m, density=1e-3, format="csc", random_state=1)
    X = {"csr": X.tocsr, "csc": X.tocsc, "array": X.toarray}[form]()
    labels = (np.arange(m) % classes).astype(np.int32)
    W, b = rng.standard_normal((classes, n_x)), rng.standard_normal(classes)
    products, gradients = [], []
    for lambda_ in (0.0, 2.0):
        objective = SoftmaxObjective(design_of(X, 1.0, 0.0), labels, classes, lambda_)
        point = objective.point(objective.joined(W, b))
        gradients.append(objective.split(point.evaluation.gradient)[0])
        slopes = objective.slopes(point.z)
        products.append(objective.split(objective.hessian_product(point.theta, slopes))[0])
    for without, with_penalty in (gradients, products):
        np.testing.assert_allclose(with_penalty - without, 2.0 / m * W, rtol=0, atol=1e-15)


def test_the_hessian_has_a_factor_without_a_penalty_and_its_steps_are_centred() -> None:
    objective = made(lambda_=0.0)
    point = objective.point(random_theta(objective))
    H = objective.hessian_at(point)
    assert np.linalg.eigvalsh(H)[0] > 1e-3 * np.linalg.eigvalsh(H)[-1] / objective.size
    W, b = objective.split(np.linalg.solve(H, point.evaluation.gradient))
    np.testing.assert_allclose(W.sum(axis=0), 0.0, atol=1e-12)
    assert abs(b.sum()) < 1e-12


def cost_in_40_digits(objective: SoftmaxObjective, theta: Any) -> tuple[Any, Any, Any]:
    """Return J, its gradient and its Hessian at theta, a list of mpmath numbers."""
    x1 = [[mpmath.mpf(float(v)) for v in row] + [mpmath.mpf(1)] for row in data(objective)]
    classes, width = objective.classes, objective.n_x + 1
    decay, total = mpmath.mpf(objective.lambda_) / objective.total, mpmath.mpf(objective.total)
    J, g = mpmath.mpf(0), mpmath.matrix(classes * width, 1)
    H = mpmath.matrix(classes * width, classes * width)
    for x, y, s in zip(x1, objective.labels.tolist(), objective.weight_of_each.tolist()):
        if s == 0.0:
            continue
        z = [sum(theta[k * width + j] * x[j] for j in range(width)) for k in range(classes)]
        e = [mpmath.exp(each) for each in z]
        a = [each / sum(e) for each in e]
        J += s * (mpmath.log(sum(e)) - z[y]) / total
        for k in range(classes):
            for j in range(width):
                g[k * width + j] += s * (a[k] - (k == y)) * x[j] / total
                for l in range(classes):  # noqa: E741
                    curved = s * a[k] * ((k == l) - a[l]) * x[j] / total
                    for i in range(width):
                        H[k * width + j, l * width + i] += curved * x[i]
    for k in range(classes):
        for j in range(width):
            if j < width - 1:
                at = k * width + j
                J += decay / 2 * theta[at] ** 2
                g[at] += decay * theta[at]
                H[at, at] += decay
            for l in range(classes):  # noqa: E741
                H[k * width + j, l * width + j] += mpmath.mpf(1) / classes
    if not objective.intercept:
        for k in range(classes):
            at = k * width + width - 1
            g[at] = 0
            for i in range(classes * width):
                H[at, i] = H[i, at] = 0
            H[at, at] = 1
    return J, g, H


def optimum_in_40_digits(objective: SoftmaxObjective, start: Vector) -> Any:
    """Return J* by Newton's method in 40 digits, from a point near the optimum."""
    with mpmath.workdps(40):
        theta = mpmath.matrix([mpmath.mpf(float(v)) for v in start])
        for _ in range(60):
            _, g, H = cost_in_40_digits(objective, theta)
            theta -= mpmath.lu_solve(H, g)
            if mpmath.norm(g, mpmath.inf) < mpmath.mpf(10) ** -25:
                break
        return cost_in_40_digits(objective, theta)[0]


def near_optimum(objective: SoftmaxObjective) -> Vector:
    """Return theta after Newton steps in float64."""
    theta = np.zeros(objective.size)
    for _ in range(30):
        point, H = objective.point_with_hessian(theta)
        theta = theta - 0.9 * np.linalg.solve(H, point.evaluation.gradient)
    return theta


def J_in_40_digits(objective: SoftmaxObjective, theta: Vector) -> Any:
    with mpmath.workdps(40):
        return cost_in_40_digits(objective, [mpmath.mpf(float(v)) for v in theta])[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"classes": 4, "m": 20, "lambda_": 0.01},
        {"weights": True, "lambda_": 0.1},
        {"intercept": False},
    ],
)
def test_bounds_are_never_below_the_true_distance(options: dict[str, Any]) -> None:
    objective = made(**{"m": 20, "n_x": 2, **options})
    best = near_optimum(objective)
    least = optimum_in_40_digits(objective, best)
    rng = np.random.default_rng(7)
    bounded = 0
    for size in (0.0, 1e-12, 1e-8, 1e-4, 1e-2, 0.3, 3.0):
        away = size * rng.standard_normal((2, objective.classes, objective.n_x + 1))
        away[1, :, :-1] = 0.0  # of b alone
        for move in away:
            move[:, -1] *= objective.intercept
            theta = best + (move - move.mean(axis=0)).reshape(-1)
            point, H = objective.point_with_hessian(theta)
            distance = float(J_in_40_digits(objective, theta) - least)
            by_hessian = objective.bound_by_hessian(point.evaluation, H)
            proved = objective.certify(theta, point.evaluation, point.z)
            assert by_hessian >= distance
            assert proved >= distance
            assert proved == pytest.approx(
                objective.certify(theta, point.evaluation), rel=1e-6, abs=1e-16
            )
            assert proved < np.inf
            if 1e-4 >= size > 0.0 and distance > 1e-15:
                # ||gradient||^2 / (2 mu) is at most L / mu times too large.
                L = objective.largest_eigenvalue()
                assert proved <= 2.0 * L / objective.decay * distance
                bounded += 1
    assert bounded >= 1


def test_a_bound_is_proved_without_a_penalty() -> None:
    objective = made(m=40, n_x=2, lambda_=0.0)
    best = near_optimum(objective)
    least, finite = optimum_in_40_digits(objective, best), 0
    rng = np.random.default_rng(2)
    for size in (0.0, 1e-8, 1e-4, 1e-2, 0.1, 1.0):
        move = size * rng.standard_normal((objective.classes, objective.n_x + 1))
        theta = best + (move - move.mean(axis=0)).reshape(-1)
        point, H = objective.point_with_hessian(theta)
        assert objective.certify(theta, point.evaluation) == np.inf
        bound = proof.without_penalty(objective, point.evaluation, H)
        assert bound >= float(J_in_40_digits(objective, theta) - least)
        finite += bound < np.inf
    assert finite >= 3


def test_the_largest_leverage_is_that_of_two_classes_apart() -> None:
    objective = made(m=12, lambda_=0.0)
    H = objective.hessian_at(objective.point(random_theta(objective)))
    x1 = np.append(data(objective), np.ones((objective.m, 1)), axis=1)
    inverse, found = np.linalg.inv(H), 0.0
    for x in x1:
        for k in range(K):
            for j in range(k):
                v = np.zeros((K, N_X + 1))
                v[k], v[j] = x, -x
                found = max(found, float(v.reshape(-1) @ inverse @ v.reshape(-1)))
    factor = np.linalg.inv(np.linalg.cholesky(H))
    assert objective.largest_leverage(factor) == pytest.approx(found, rel=1e-12)


def test_bounds_of_two_classes_are_those_of_the_sigmoid() -> None:
    # z_1 - z_0 is the sigmoid's z; with W = (-w / 2, w / 2) the penalty is half of ||w||^2's.
    two = made(classes=2)
    one = Objective(two.design, (two.labels == 1).astype(np.uint8), 0.5, "fused", 1)
    theta = np.random.default_rng(3).standard_normal(N_X + 1) * 0.1
    both = np.append(-0.5 * theta, 0.5 * theta)
    point, H = two.point_with_hessian(both)
    single, h = one.point_with_hessian(theta)
    assert pytest.approx(single.evaluation.J, rel=1e-14) == point.evaluation.J
    found = two.bound_by_hessian(point.evaluation, H)
    assert found == pytest.approx(one.bound_by_hessian(single.evaluation, h), rel=1e-10)
    assert two.largest_eigenvalue() >= np.linalg.eigvalsh(H)[-1]


def test_the_bound_says_nothing_where_the_slopes_have_vanished() -> None:
    assert certificate.bound_for_classes(1.0, 0.1, 1.0, 1.0) == np.inf
    assert certificate.bound_for_classes(1.0, 0.1, np.nan, 1.0) == np.inf
    assert certificate.bound_for_classes(1.0, 0.0, 0.0, 0.5) == 1.0
    objective = made()
    theta = objective.joined(np.zeros((K, N_X)), np.array([2000.0, -1000.0, -1000.0]))
    point, H = objective.point_with_hessian(theta)
    assert objective.bound_by_hessian(point.evaluation, H) == np.inf
    assert objective.certify(theta, point.evaluation, point.z) < np.inf  # at the best b


def test_the_best_b_is_found_from_any_b() -> None:
    objective = made(weights=True)
    W, b = objective.split(random_theta(objective))
    found = []
    for size in (0.0, 3.0, 60.0):
        z = objective.scores_at(objective.joined(W, b + size * np.array([1.0, -1.5, 0.5])))
        shift = softmax_proof.best_shift(objective, z)
        assert abs(shift.sum()) < 1e-9
        moments = objective.bias_moments(z, shift)
        assert np.abs(moments.db).max() < 1e-12
        found.append(moments.loss)
    np.testing.assert_allclose(found, found[0], rtol=1e-13)


def test_points_that_separate_are_known() -> None:
    objective = made(m=9, classes=3, lambda_=0.0)
    z = np.full((3, 9), -1.0)
    z[objective.labels, np.arange(9)] = 1.0
    theta = random_theta(objective)
    evaluation = objective.evaluate_at(theta)
    assert objective.separates_at(Point(theta, evaluation, z))
    z[:, 4] = 1.0  # a tie
    assert not objective.separates_at(Point(theta, evaluation, z))
    assert not objective.separates_at(Point(theta, evaluation, None))
    penalised = made(m=9, classes=3)
    assert not penalised.separates_at(Point(theta, evaluation, np.abs(z)))


@pytest.mark.parametrize("weights", [False, True])
def test_the_sample_has_every_class_in_its_weight(weights: bool) -> None:
    rng = np.random.default_rng(0)
    labels = np.minimum(rng.geometric(0.5, 5000) - 1, 6).astype(np.int32)
    labels[7] = 7  # one example alone
    weight = rng.integers(0, 3, 5000).astype(float) if weights else NONE
    if weights:
        weight[7] = 2.0
    chosen, s = stratified_classes(labels, 8, weight, 400)
    assert 300 <= len(chosen) <= 460
    assert (np.diff(chosen) > 0).all()
    whole = weight if weights else np.ones(5000)
    assert (whole[chosen] > 0.0).all()
    for k in range(8):
        assert s[labels[chosen] == k].sum() == pytest.approx(whole[labels == k].sum())


@pytest.mark.parametrize("weights", [False, True])
def test_estimates_from_all_examples_are_the_hessian(weights: bool) -> None:
    objective = made(m=200, weights=weights)
    point, H = objective.point_with_hessian(random_theta(objective))
    np.testing.assert_allclose(objective.estimated_hessian(point, 200), H, rtol=1e-11, atol=1e-14)
    blocks = H.reshape(K, N_X + 1, K, N_X + 1)
    factors = objective.estimated_factors(point, 200, False)
    shared = objective.estimated_factors(point, 200, True)
    for k in range(K):
        gauge = blocks[k, -1, k, -1] - factors[k, -1, -1]  # b has the projector in H
        assert gauge == pytest.approx(np.diag(H)[N_X :: N_X + 1].mean() / (K + 1.0), rel=1e-9)
        factors[k, -1, -1] += gauge
        np.testing.assert_allclose(factors[k], blocks[k, :, k], rtol=1e-11, atol=1e-14)
        factors[k, -1, -1] -= gauge
    np.testing.assert_allclose(shared[0], factors.mean(axis=0), rtol=1e-11, atol=1e-14)
    few = objective.estimated_hessian(point, 60)
    assert np.abs(few - H).max() < 0.5 * np.abs(H).max()
    assert softmax_sampled.masses(objective, point.z).shape == (200,)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("in_common", [False, True])
def test_factors_from_some_examples_are_near_those_from_all(
    weights: bool, in_common: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softmax_sampled, "LARGE_PART", 8 if in_common else 0)
    objective = made(m=300, weights=weights)
    point = objective.point(random_theta(objective))
    whole = objective.estimated_factors(point, 300, False)
    some = objective.estimated_factors(point, 110, False)
    for one, other in zip(some, whole):
        root = np.linalg.inv(np.linalg.cholesky(other))
        values = np.linalg.eigvalsh(root @ one @ root.T)
        assert values.min() > 0.5
        assert values.max() < 2.0


def test_weights_are_rows_repeated_and_rows_gone() -> None:
    objective = made(weights=True)
    rows = np.repeat(np.arange(objective.m), objective.weight.astype(int))
    again = SoftmaxObjective(
        objective.design.rows(rows), objective.labels[rows], K, objective.lambda_, "fused", 1
    )
    theta = random_theta(objective)
    one, other = objective.evaluate_at(theta), again.evaluate_at(theta)
    assert pytest.approx(other.J, rel=1e-12) == one.J
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-12, atol=1e-13)


def test_the_line_is_the_cost_along_it() -> None:
    objective = made(weights=True)
    theta, d = random_theta(objective), random_theta(objective, 1.0, 4)
    start, trial = objective.point(theta), objective.point(theta + d)
    along = objective.line(start, d, trial)
    assert along is not None
    for t in (0.0, 0.4, 1.0):
        J, slope, curvature = along(t)
        at = objective.point(theta + t * d)
        assert pytest.approx(at.evaluation.J, rel=1e-13) == J
        assert slope == pytest.approx(at.evaluation.gradient @ d, rel=1e-9, abs=1e-12)
        bent = d @ objective.hessian_product(d, objective.slopes(at.z))
        assert curvature == pytest.approx(bent, rel=1e-9)


def test_moved_examples_have_the_same_scores() -> None:
    objective = made()
    theta, mean = random_theta(objective), np.arange(1.0, N_X + 1.0)
    design = objective.design
    other = objective.on(design.rescaled(design.scale, design.shift - mean))
    moved = objective.moved(theta, mean)
    here, there = objective.point(theta), other.point(moved)
    np.testing.assert_allclose(there.z, here.z, atol=1e-13)
    gradient = objective.moved_gradient(there.evaluation.gradient, mean)
    np.testing.assert_allclose(gradient, here.evaluation.gradient, atol=1e-13)
    w, b = objective.shown(theta)
    assert w.shape == (N_X, K)
    assert b.shape == (K, 1)
    np.testing.assert_allclose(objective.taken(w, b), theta, atol=1e-15)
