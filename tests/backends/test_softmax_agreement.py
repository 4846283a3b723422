"""All backends give cost, dw and db of softmax, for 2 to 12 classes, on whatever X there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from tests.helpers.comparison import COMPARISONS, WITHOUT_JIT, Exact, Problem, arrays, problems
from tests.helpers.comparison import exact as exact_of_two

CLASSES = (2, 3, 4, 5, 7, 8, 9, 12)


def of_classes(problem, K):
    """(w (n_x, K), b (K, 1), X, Y of 0 .. K - 1, options) of a problem."""
    w, _, X, _, options = arrays(problem)
    rng = np.random.default_rng(problem.seed + 1)
    size = np.abs(w) + np.abs(w).mean()
    w = rng.normal(size=(problem.n_x, K)) * size
    b = problem.magnitude * rng.normal(size=(K, 1))
    Y = rng.integers(0, K, (1, problem.m))
    return w, b, X, Y, options


def exact(w, b, X, Y, lambda_=0.0, scale=1.0, shift=0.0, literal=False):
    """The formulas in extended precision, and how far a float64 result may be off."""
    wide = np.longdouble
    w, b, X, m = w.astype(wide), b.astype(wide), X.astype(wide), X.shape[1]
    scale, shift = np.asarray(scale, wide), np.asarray(shift, wide)
    seen, size = scale * X + shift, abs(scale) * abs(X) + abs(shift)
    z = w.T @ seen + b
    z_size = (1 + abs(w).T @ size + abs(b)).max(axis=0)
    labels, each = Y[0], np.arange(m)
    largest = z.max(axis=0)
    e = np.exp(z - largest)
    e_y = e[labels, each].copy()
    e[labels, each] = 0
    others = e.sum(axis=0)
    total = others + e_y
    dz = e / total
    dz[labels, each] = -others / total
    # Where the label is the likeliest, log1p keeps the digits of a small loss.
    loss = np.where(e_y == 1, np.log1p(others), np.log(total) + (largest - z[labels, each]))
    J = loss.sum() / m + wide(lambda_) / (2 * m) * (w * w).sum()
    dw = seen @ dz.T / m + wide(lambda_) / m * w
    db = dz.sum(axis=1, keepdims=True) / m
    # dz_k moves by dz_k times the differences of the errors of z.
    dz_error = 2 * abs(dz) * z_size
    J_tolerance = 1e-12 * (J + dz_error.sum() / m)
    if literal:
        dz_error = dz_error + 1e-3  # of 1e-12: a few roundings of a number close to 1
    tolerances = (
        J_tolerance,
        1e-12 * (size @ dz_error.T / m + wide(lambda_) / m * abs(w)),
        1e-12 * dz_error.sum(axis=1, keepdims=True) / m,
    )
    floor = 1e-300 * (1 + size.max())
    return Exact(J, dw, db, tuple(tolerance + floor for tolerance in tolerances))


def assert_exact(result, expected, what):
    for name, got, wanted, tolerance in zip(
        ("cost", "dw", "db"), result, expected, expected.tolerances
    ):
        error = np.abs(got - wanted)
        assert np.all(error <= tolerance), (
            f"{name} of {what} is {np.max(error / tolerance):.3g} tolerances off"
        )


def check(problem, K, backend):
    w, b, X, Y, options = of_classes(problem, K)
    result = flr.propagate(w, b, X, Y, backend=backend, **options)
    assert (type(result.cost), result.dw.shape, result.db.shape) == (float, w.shape, b.shape)
    expected = exact(w, b, X, Y, **options, literal=COMPARISONS[backend].literal)
    assert_exact(result, expected, f"{backend} on {problem}, K = {K}")
    assert flr.cost(w, b, X, Y, backend=backend, **options) == result.cost


@pytest.mark.parametrize("backend", COMPARISONS)
@given(data=st.data(), K=st.sampled_from(CLASSES))
@settings(max_examples=15 if WITHOUT_JIT else 40)
def test_agreement(backend, data, K):
    comparison = COMPARISONS[backend]
    smaller = comparison._replace(largest=comparison.largest // (4 if backend == "python" else 1))
    check(data.draw(problems(smaller)), K, backend)


@pytest.mark.parametrize("backend", COMPARISONS)
def test_agreement_on_every_dtype_and_order(backend):
    comparison = COMPARISONS[backend]
    for i, dtype in enumerate(comparison.dtypes):
        for j, order in enumerate(comparison.orders):
            K = CLASSES[(i + j) % len(CLASSES)]
            check(Problem(13, 9, dtype, order, 30.0, "per feature", 0.1, seed=i), K, backend)


@pytest.mark.parametrize("K", CLASSES)
def test_agreement_for_every_number_of_classes(K):
    for backend in COMPARISONS:
        for magnitude in (1.0, 700.0):
            check(Problem(23, 5, magnitude=magnitude, seed=K), K, backend)


@pytest.mark.parametrize("backend", COMPARISONS)
def test_two_classes_are_the_sigmoid(backend):
    """J and the gradient along w_1 - w_0 are those of the lectures."""
    w, b, X, Y, _ = arrays(Problem(31, 4, seed=5))
    both = flr.propagate(np.hstack([0 * w, w]), np.array([[0.0], [b]]), X, Y, backend=backend)
    expected = exact_of_two(w, b, X, Y, literal=True)
    assert abs(both.cost - expected.cost) <= 1e-13
    assert np.abs(both.dw[:, 1:] - expected.dw).max() <= 1e-13
    assert abs(both.db[1, 0] - expected.db) <= 1e-13
    np.testing.assert_allclose(both.dw.sum(axis=1), 0.0, atol=1e-14)


@pytest.mark.parametrize("wrong", ["cost", "dw", "db"])
def test_a_wrong_last_digit_is_noticed(wrong):
    w, b, X, Y, _ = of_classes(Problem(7, 3, seed=1), 4)
    expected = exact(w, b, X, Y)
    good = flr.SoftmaxPropagation(
        float(expected.cost), expected.dw.astype(float), expected.db.astype(float)
    )
    assert_exact(good, expected, "the oracle itself")
    bump = 1e-10 * (1 + np.abs(X).max() if wrong == "dw" else 1)
    bad = good._replace(**{wrong: getattr(good, wrong) + bump})
    with pytest.raises(AssertionError, match=f"{wrong} of a wrong one"):
        assert_exact(bad, expected, "a wrong one")


@pytest.mark.parametrize("m", [1, 9, 100, 1001])
@pytest.mark.parametrize("order", ["example-major", "feature-major"])
def test_the_loops_give_the_same_bits_on_any_number_of_threads(m, order):
    w, b, X, Y, options = of_classes(Problem(m, 6, order=order, folded="numbers", seed=m), 5)
    found = [
        flr.propagate(w, b, X, Y, backend="loops", n_threads=n, **options) for n in (1, 2, 3, 7)
    ]
    for other in found[1:]:
        assert other.cost == found[0].cost
        np.testing.assert_array_equal(other.dw, found[0].dw)
        np.testing.assert_array_equal(other.db, found[0].db)


def test_agreement_of_training():
    """The four backends go the same way."""
    w, b, X, Y, _ = of_classes(Problem(40, 4, seed=3), 3)
    runs = [
        flr.train(X, Y, classes=3, w=w, b=b, solver="lbfgs", lambda_=1.0, tol=1e-9, backend=name)
        for name in COMPARISONS
    ]
    for run in runs:
        assert run.stop_reason == "converged"
        np.testing.assert_allclose(run.w, runs[0].w, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(run.w.sum(axis=1), 0.0, atol=1e-13)
        np.testing.assert_allclose(run.b.sum(), 0.0, atol=1e-13)
