"""Every solver reaches the same optimum, by the same tolerance, with the same bits for any number
of threads; what has no optimum is told, with its cause."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastlogreg as flr
from benchmarks.cases import problems
from fastlogreg.backends import fused
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.machine import threads
from fastlogreg.maths.sampling import by_mass, stratified
from fastlogreg.objective.objective import Objective
from fastlogreg.solvers import auto as auto_solver
from fastlogreg.solvers import compiled, linear, registry
from fastlogreg.solvers import lbfgs as lbfgs_solver
from fastlogreg.solvers import newton as newton_solver
from fastlogreg.solvers.answers import Answers, describe, drive
from fastlogreg.solvers.base import Settings
from fastlogreg.solvers.result import TrainingWarning
from fastlogreg.solvers.state import State
from fastlogreg.training import diagnosis, run
from fastlogreg.training.options import Options
from tests.helpers.comparison import laid_out

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
# prox_newton has an objective of its own, and tests of its own: test_prox_newton.py.
SOLVERS = tuple(name for name in registry.names() if name != "prox_newton")
SECOND_ORDER = ("lbfgs", "newton", "auto")


def data(m, n_x, seed=0, noise=1.0, dtype=np.float64):
    """X (m, n_x) with correlated columns, labels that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n_x))
    for j in range(1, n_x):
        X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
    z = X @ rng.normal(size=n_x) / np.sqrt(n_x) + 0.3 + noise * rng.logistic(size=m)
    return X.astype(dtype), (z > 0).astype(np.uint8)


def optimum(X, y, lambda_, s=None, intercept=True):
    """J* and [w, b] by Newton's method in NumPy, halving steps; X (m, n_x)."""
    m, n_x = X.shape
    s = np.ones(m) if s is None else s
    X1 = np.hstack([np.asarray(X, float), np.ones((m, 1))])[:, : n_x + intercept]
    penalty = np.append(np.full(n_x, lambda_), 0.0)[: n_x + intercept]
    theta, sign = np.zeros(X1.shape[1]), 1.0 - 2.0 * y

    def J(theta):
        return (s @ np.logaddexp(0.0, sign * (X1 @ theta)) + 0.5 * penalty @ theta**2) / s.sum()

    for _ in range(60):
        a = 1.0 / (1.0 + np.exp(-(X1 @ theta)))
        g = X1.T @ (s * (a - y)) + penalty * theta
        d = np.linalg.solve((X1.T * (s * a * (1 - a))) @ X1 + np.diag(penalty), -g)
        t = 1.0
        while J(theta + t * d) > J(theta) and t > 1e-8:
            t /= 2
        theta = theta + t * d
        if t <= 1e-8 or np.abs(d).max() < 1e-11 * (1 + np.abs(theta).max()):
            break  # the step after that is below the last bit
    return J(theta), theta if intercept else np.append(theta, 0.0)


def fit(
    X,
    y,
    solver,
    lambda_=1.0,
    tol=1e-9,
    iterations=20_000,
    s=None,
    intercept=True,
    n_threads=2,
    names=None,
    **more,
):
    """A run on an `Objective`, which alone knows weights; X (m, n_x) of any form."""
    design = DesignMatrix(
        X.T, more.pop("scale", np.ones(X.shape[1])), more.pop("shift", np.zeros(X.shape[1]))
    )
    weight = fused.NONE if s is None else np.asarray(s, float)
    objective = Objective(
        design, y, lambda_, more.pop("backend", "fused"), n_threads, weight, intercept
    )
    state = State.at(np.zeros(X.shape[1]), 0.0)
    return run.run(objective, state, Options(solver, iterations, tol=tol, **more), names=names)


# ---------------------------------------------------------------- the same optimum


@pytest.mark.parametrize("solver", SOLVERS)
@given(
    m=st.integers(5, 60),
    n_x=st.integers(1, 6),
    seed=st.integers(0, 10**6),
    lambda_=st.sampled_from([0.3, 1.0, 30.0]),
)
@settings(max_examples=3 if WITHOUT_JIT else 15)
def test_every_solver_reaches_the_optimum(solver, m, n_x, seed, lambda_):
    X, y = data(m, n_x, seed)
    y[:2] = 0, 1
    J, theta = optimum(X, y, lambda_)
    result = fit(X, y, solver, lambda_)
    assert result.stop_reason == "converged"
    assert -1e-15 <= result.cost - J <= result.suboptimality_bound + 1e-15
    assert result.suboptimality_bound <= 1e-9
    # J - J* >= decay / 2 ||w - w*||^2, and the bound is at least the left side
    assert (
        np.linalg.norm(result.w[:, 0] - theta[:-1])
        <= np.sqrt(2 * result.suboptimality_bound * m / lambda_) + 1e-7
    )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "option",
    ["scaled", "without intercept", "uint8", "float32", "strided", "feature-major", "numpy"],
)
def test_every_form_of_problem(solver, option):
    X, y = data(30 if WITHOUT_JIT else 150, 4, seed=3)
    more, seen = {}, X
    if option == "scaled":
        more = {"scale": np.array([0.5, 2.0, 1.0, 1.0]), "shift": np.array([1.0, 0.0, -1.0, 0.5])}
        seen = X * more["scale"] + more["shift"]
    elif option == "without intercept":
        more = {"intercept": False}
    elif option in ("uint8", "float32"):
        X = seen = (X * 2 + 4).clip(0, 9).astype(option)
    elif option in ("strided", "feature-major"):
        X = laid_out(X, option).T
    else:
        more = {"backend": "numpy"}
    J, theta = optimum(seen, y, 1.0, intercept=option != "without intercept")
    result = fit(X, y, solver, tol=1e-10, iterations=50_000, **more)
    assert result.stop_reason == "converged"
    assert result.cost == pytest.approx(J, rel=1e-9)
    np.testing.assert_allclose(np.append(result.w, result.b), theta, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_are_repeated_rows(solver):
    X, y = data(120, 3, seed=4)
    s = np.random.default_rng(0).integers(0, 4, 120)
    weighted = fit(X, y, solver, tol=1e-13, s=s, iterations=100_000)
    repeated = fit(np.repeat(X, s, axis=0), np.repeat(y, s), solver, tol=1e-13, iterations=100_000)
    assert weighted.cost == pytest.approx(repeated.cost, rel=1e-12)
    for a, b in ((weighted.w, repeated.w), (weighted.b, repeated.b)):
        np.testing.assert_allclose(
            a, b, atol=3e-6 if solver in ("gd", "nesterov", "lbfgs") else 1e-9
        )
    assert weighted.cost == pytest.approx(optimum(X, y, 1.0, s.astype(float))[0], rel=1e-12)


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_a_row_of_weight_zero_is_gone_from_a_sample_too(solver, monkeypatch):
    small_data(monkeypatch)
    X, y = data(3000, 3, seed=9)
    s = (np.arange(3000) % 3 == 0).astype(float)
    X[s == 0] *= 100.0
    result = fit(X, y, solver, tol=1e-10, s=s)
    assert result.cost == pytest.approx(optimum(X[s > 0], y[s > 0], 1.0)[0], rel=1e-9)


@pytest.mark.parametrize("solver", SECOND_ORDER)
@pytest.mark.parametrize("lambda_", [1e-6, 1.0, 1e6])
def test_badly_scaled_columns_and_any_penalty(solver, lambda_):
    X, y = data(400, 5, seed=5)
    X *= 10.0 ** np.linspace(-1, 1, 5)
    J, _ = optimum(X, y, lambda_)
    result = fit(X, y, solver, lambda_, tol=1e-7)
    assert result.stop_reason == "converged"
    assert result.cost - J <= 1e-7


def test_newton_by_conjugate_gradients(monkeypatch):
    monkeypatch.setattr(newton_solver, "LARGEST_CHOLESKY", 0)
    X, y = data(300, 8, seed=6)
    for lambda_ in (0.0, 1.0):
        result = fit(X, y, "newton", lambda_, tol=1e-10)
        J, theta = optimum(X, y, lambda_)
        assert result.stop_reason == "converged"
        assert result.cost == pytest.approx(J, rel=1e-12)
        np.testing.assert_allclose(np.append(result.w, result.b), theta, atol=1e-5)
        assert result.passes > result.iterations + 2  # it did make Hessian products


@pytest.mark.parametrize(
    "option",
    [
        "",
        "weights",
        "no intercept",
        "scale and shift",
        "feature-major",
        "uint8",
        "a far start",
        "singular",
    ],
)
def test_newton_compiled_whole_makes_the_same_steps(option, monkeypatch):
    """Small X is iterated on in a kernel, which hands over where a step is not a plain one: to the
    same points."""
    X, y = data(390, 7, seed=3)
    start, more, plain = np.zeros(7), {}, []
    if option == "weights":
        more["s"] = np.random.default_rng(0).integers(0, 3, 390)
    elif option == "no intercept":
        more["intercept"] = False
    elif option == "scale and shift":
        more = {"scale": np.linspace(0.5, 2.0, 7), "shift": np.linspace(-3.0, 3.0, 7)}
    elif option == "uint8":
        X, more["scale"] = (20 * X + 128).clip(0, 255).astype(np.uint8), np.full(7, 1 / 20)
    elif option == "a far start":
        start = np.full(7, 30.0)
    elif option == "singular":  # to rounding: next to no lambda beside a column twice
        X[:, 6], more["lambda_"] = X[:, 5], 1e-16
    laid = laid_out(X, "feature-major" if option == "feature-major" else "example-major")
    design = DesignMatrix(laid, more.pop("scale", np.ones(7)), more.pop("shift", np.zeros(7)))
    weight, intercept = np.asarray(more.pop("s", fused.NONE), float), more.pop("intercept", True)
    one_step = newton_solver.Newton._iterate
    monkeypatch.setattr(
        newton_solver.Newton, "_iterate", lambda *given: plain.append(1) or one_step(*given)
    )

    def trained():
        objective = Objective(design, y, more.get("lambda_", 0.3), "fused", 1, weight, intercept)
        assert objective.n_x <= 40
        options = Options("newton", 60, tol=1e-13)
        return run.run(objective, State.at(start, 0.5 * intercept), options)

    whole, by_kernel = trained(), len(plain)
    monkeypatch.setattr(compiled, "newton_is_compiled", lambda objective: False)
    steps = trained()
    assert whole.stop_reason == steps.stop_reason == "converged"
    of_all = by_kernel / (len(plain) - by_kernel)
    assert (
        of_all == 1.0
        if option == "singular"
        else 0.0 < of_all < 1.0
        if option == "a far start"
        else of_all == 0.0
    )
    assert abs(len(whole.costs) - len(steps.costs)) <= (
        option == "singular"
    )  # the last steps are rounding there
    shared = min(len(whole.costs), len(steps.costs))
    np.testing.assert_allclose(
        whole.costs[:shared], steps.costs[:shared], rtol=1e-9 if option == "singular" else 1e-12
    )
    np.testing.assert_allclose(whole.cost, steps.cost, rtol=1e-13)
    if option != "singular":
        np.testing.assert_allclose(whole.w, steps.w, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(whole.history[:, 2], steps.history[:, 2], rtol=1e-12)
        # A step that is handed over is tried once more.
        assert (whole.passes > steps.passes) == (option == "a far start")
        assert whole.passes - steps.passes == whole.history[-1, 0] - steps.history[-1, 0]
    assert (np.diff(whole.history[:, 1]) >= 0).all()
    assert whole.history[-1, 1] <= whole.seconds


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_a_far_start_is_come_back_from(solver):
    """Where the whole step is bad: a saturated start, from which Newton's first step overshoots by
    far."""
    X, y = data(200, 3, seed=7)
    objective = Objective(DesignMatrix(X.T, np.ones(3), np.zeros(3)), y, 1.0)
    result = run.run(objective, State.at(np.full(3, 30.0), -50.0), Options(solver, 500, tol=1e-9))
    assert result.stop_reason == "converged"
    assert result.cost == pytest.approx(optimum(X, y, 1.0)[0], rel=1e-8)
    assert (np.diff(result.costs) <= 1e-12).all()


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_tol_zero_ends_at_the_precision_of_float64(solver):
    X, y = data(500, 4, seed=8)
    result = fit(X, y, solver, tol=0.0, iterations=500)
    assert result.stop_reason == "precision"
    assert result.cost == pytest.approx(optimum(X, y, 1.0)[0], rel=1e-14)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit(X, y, solver, tol=None, iterations=500).stop_reason == "precision"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("lambda_", [0.0, 2.0])
def test_tol_means_the_same_for_every_solver(solver, lambda_):
    """The bound for lambda > 0, else the largest gradient component, at the point returned and not
    one step before."""
    X, y = data(300, 3, seed=10)
    for tol in (1e-2, 1e-5):
        result = fit(X, y, solver, lambda_, tol=tol)
        assert result.stop_reason == "converged"
        assert (result.suboptimality_bound if lambda_ else result.gradient_norm) <= tol
        assert 0.0 < result.suboptimality_bound < np.inf  # proved in either case


# ---------------------------------------------------------------- the branches of "auto"


def small_data(monkeypatch, rows=100):
    """Every shape is large, and a sample is of so many rows."""
    monkeypatch.setattr(auto_solver, "SMALL", 0)
    monkeypatch.setattr(auto_solver, "LEAST_ROWS", rows)


def prepared_auto(objective, tol):
    """An `Auto` from zeros that has chosen its solver, and the answers to it."""
    answers = Answers(objective)
    solver = auto_solver.Auto(
        answers.problem, State.at(np.zeros(objective.n_x), 0.0), Settings(tol)
    )
    drive((answers, solver.prepare()))
    return solver, answers


def solver_of(X, y, lambda_=1.0):
    objective = Objective(DesignMatrix(X.T, np.ones(X.shape[1]), np.zeros(X.shape[1])), y, lambda_)
    return prepared_auto(objective, 1e-9)[0].solver


def test_auto_goes_by_the_shape(monkeypatch):
    X, y = data(1000, 4)
    assert isinstance(solver_of(X, y), newton_solver.Newton)
    small_data(monkeypatch)
    assert solver_of(X, y).inner is not None  # tall: the Hessian of a sample inside
    # Less than two samples, or wide: the spread of the columns inside, where it is not one.
    scaled = X * [1.0, 10.0, 0.1, 1.0]
    assert np.ndim(solver_of(scaled[:150], y[:150]).diagonal) == 1
    assert np.ndim(solver_of(X[:150], y[:150]).diagonal) == 0
    monkeypatch.setattr(auto_solver, "LARGEST_INNER", 3)
    assert np.ndim(solver_of(scaled, y).diagonal) == 1


def test_auto_on_wide_data_is_centred(monkeypatch):
    small_data(monkeypatch)
    monkeypatch.setattr(auto_solver, "LARGEST_INNER", 3)
    X, y = data(300, 6, seed=11)
    X += 5.0
    J, theta = optimum(X, y, 1.0)
    result = fit(X, y, "auto")
    assert result.cost == pytest.approx(J, rel=1e-8)
    np.testing.assert_allclose(np.append(result.w, result.b), theta, atol=1e-3)


def misleading(kind, m):
    X, y = data(m, 3, seed=12)
    rng = np.random.default_rng(1)
    if kind == "sorted by label":
        order = np.argsort(y, kind="stable")
    elif kind == "sorted by a column":
        order = np.argsort(X[:, 0])
    elif kind == "rare positives":
        y[:] = 0
        y[rng.choice(m, 5, replace=False)] = 1
        order = np.arange(m)
    elif kind == "positives at the end":
        y[:] = 0
        y[-7:] = 1
        order = np.arange(m)
    elif kind == "duplicated rows":
        order = np.where(np.arange(m) < m - 50, 0, np.arange(m))
    elif kind == "periodic rows":
        X[::10] *= 50.0
        order = np.arange(m)
    elif kind == "a column that the sample does not see":
        X[:, 2] = 0.0
        X[rng.choice(m, 4, replace=False), 2] = 30.0
        order = np.arange(m)
    else:
        assert kind == "heavy tails"
        X *= np.exp(2.5 * rng.normal(size=(m, 1)))
        order = np.arange(m)
    return np.ascontiguousarray(X[order]), y[order]


KINDS = (
    "sorted by label",
    "sorted by a column",
    "rare positives",
    "positives at the end",
    "duplicated rows",
    "periodic rows",
    "a column that the sample does not see",
    "heavy tails",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lambda_", [1e-3, 1.0])
def test_auto_arrives_where_the_sample_misleads(kind, lambda_, monkeypatch):
    m = 2000 if WITHOUT_JIT else 100_000
    small_data(monkeypatch, 50 if WITHOUT_JIT else 100)
    X, y = misleading(kind, m)
    assert solver_of(X, y, lambda_).inner is not None  # there is a sample
    result = fit(X, y, "auto", lambda_, tol=1e-7)
    assert result.stop_reason == "converged"
    assert result.suboptimality_bound <= 1e-7
    assert -1e-15 <= result.cost - optimum(X, y, lambda_)[0] <= 1e-7


def test_auto_takes_ever_larger_samples(monkeypatch):
    """With no patience at all the inner matrix is taken anew every iteration, in the end from all
    examples."""
    small_data(monkeypatch)
    monkeypatch.setattr(auto_solver, "PATIENCE", 1)
    monkeypatch.setattr(auto_solver, "PROGRESS", 0.0)
    monkeypatch.setattr(auto_solver, "SLOW_PROGRESS", 0.0)
    X, y = data(3000, 3, seed=13)
    objective = Objective(DesignMatrix(X.T, np.ones(3), np.zeros(3)), y, 1.0)
    solver, answers = prepared_auto(objective, 1e-16)
    before = solver.rows
    drive((answers, solver.advance(50)))
    assert solver.rows > 4 * before
    assert isinstance(solver.solver, newton_solver.Newton)
    assert solver.state.cost == pytest.approx(optimum(X, y, 1.0)[0], rel=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("share", [0.001, 0.4, 0.97])
def test_a_sample_stands_for_all(share, weighted):
    y = (np.random.default_rng(0).random(20_000) < share).astype(np.uint8)
    weight = np.arange(20_000) % 3 + 0.5 if weighted else fused.NONE
    chosen, weights = stratified(y, weight, 1000)
    assert (np.diff(chosen) > 0).all()
    assert 250 < len(chosen) <= 1000
    full = weight if weighted else np.ones(20_000)
    for label in (0, 1):
        assert weights[y[chosen] == label].sum() == pytest.approx(full[y == label].sum())


def test_a_sample_whose_examples_of_a_class_have_no_weight():
    y = np.zeros(100, np.uint8)
    y[:10] = 1
    _, weights = stratified(y, (y == 0).astype(float), 20)
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(90)


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_X_of_enormous_values(solver):
    """The first step is too long by a hundred decades; where even squares overflow, no optimum is
    claimed."""
    X, y = data(60, 3, seed=3)

    def caught(magnitude, lambda_):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("always", TrainingWarning)
            result = flr.train(
                X.T * magnitude, y[None], solver=solver, lambda_=lambda_, tol=1e-6, iterations=200
            )
        assert np.isfinite([result.cost, *result.w[:, 0]]).all()
        return result, [str(warning.message) for warning in caught]

    result, [message] = caught(1e100, 1.0)
    assert result.cost < (0.5 if solver == "lbfgs" else 1.01 * optimum(X, y, 0.0)[0])
    assert result.suboptimality_bound > result.cost
    assert "rounding lets no step lower the cost any more" in message
    for lambda_ in (1.0, 0.0):
        result, [message] = caught(1e200, lambda_)
        assert result.suboptimality_bound == np.inf
        assert "squares overflow float64" in message


@given(
    mass=hnp.arrays(
        np.float64,
        st.integers(1, 60),
        elements=st.floats(0.0, 1e6, allow_subnormal=False) | st.sampled_from([0.0, 1.0, 1e-12]),
    ),
    rows=st.integers(1, 70),
)
def test_a_sample_by_mass_stands_for_all(mass, rows):
    chosen, masses = by_mass(mass, rows)
    assert (np.diff(chosen) > 0).all()
    assert 1 <= len(chosen) <= max(rows, 1)
    assert masses.sum() == pytest.approx(mass.sum(), rel=1e-12)
    share = mass.sum() / rows
    assert set(np.flatnonzero(mass > share * (1.0 + 1e-6))) <= set(
        chosen
    )  # who has more than a share is in it


def test_a_sample_by_mass_has_what_is_large_whole():
    mass = np.full(10_000, 1e-6)
    mass[::100] = np.arange(1.0, 101.0)
    chosen, masses = by_mass(mass, 300)
    assert set(range(0, 10_000, 100)) <= set(chosen)
    np.testing.assert_array_equal(masses[np.isin(chosen, np.arange(0, 10_000, 100))], mass[::100])
    rest = masses[chosen % 100 != 0]
    assert 100 < len(rest) <= 200  # the others share alike
    assert rest.max() <= 2.1e-6 * 9_900 / 200 * 1.1
    assert rest.sum() == pytest.approx(9_900e-6)


def test_all_of_mnist(shared_data):
    """Raw bytes, zeros against the rest, by default: most images are classified well, many pixels
    are rare."""
    if WITHOUT_JIT:
        pytest.skip("too long without compilation")
    problem = problems.mnist("", shared_data, 1)
    result = flr.train(problem.X.T, problem.y[None], lambda_=1.0, solver="auto", tol=1e-9)
    assert result.stop_reason == "converged"
    assert result.suboptimality_bound <= 1e-9
    assert result.iterations < 150
    # scikit-learn 1.9, newton-cholesky at tol 1e-8 on float64: 0.018244303607, half a minute
    assert result.cost == pytest.approx(0.018244303607, rel=1e-9)


@pytest.mark.parametrize(
    "option",
    ["", "weights", "no intercept", "duplicates", "scale and shift", "feature-major", "uint8"],
)
def test_newton_on_wide_X_in_the_domain_of_examples(option, monkeypatch):
    """The same optimum as conjugate gradients on X itself, in a few reads of X: each is within
    sqrt(2 tol / mu) of it."""
    rng = np.random.default_rng(3)
    X = (rng.random((30, 200)) * 9).astype(np.uint8 if option == "uint8" else float)
    if option == "duplicates":
        X[10:20] = X[:10]
    y = (X[:, 0] + X[:, 1] > 9).astype(np.uint8)
    more = (
        {"scale": rng.random(200) + 0.5, "shift": rng.normal(size=200)}
        if option == "scale and shift"
        else {}
    )
    if option == "no intercept":
        more["intercept"] = False
    s = np.arange(30) % 3 if option == "weights" else None
    X = np.asfortranarray(X) if option == "feature-major" else X
    found = fit(X, y, "newton", tol=1e-13, s=s, iterations=100, **more)
    monkeypatch.setattr(newton_solver, "LARGEST_CHOLESKY", 0)
    other = fit(X, y, "newton", tol=1e-13, s=s, iterations=100, **more)
    assert found.stop_reason == other.stop_reason == "converged"
    assert found.cost == pytest.approx(other.cost, rel=1e-12)
    total = 30 if s is None else s.sum()
    assert np.linalg.norm(found.w - other.w) <= 2.0 * np.sqrt(2e-13 * total)
    assert found.b == pytest.approx(other.b, rel=1e-3, abs=1e-5)
    assert found.passes < 30 < other.passes


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "auto"])
def test_a_first_step_far_too_long(solver):
    """Beyond the minimum all examples saturate and J is flat, at a slope below a tenth of the
    first: not the minimum. Once the search stopped there, found nothing better than the start, and
    called that converged."""
    rng = np.random.default_rng(0)
    X = rng.random((40, 4000)) * 100.0
    y = (X[:, :5].sum(axis=1) + rng.normal(size=40) * 30.0 > 250.0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        result = flr.train(X.T, y[None], solver=solver, lambda_=1e-3, tol=1e-9, iterations=300)
    assert result.iterations > 0
    assert result.cost < 1e-3


# ---------------------------------------------------------------- the same bits


def bits(result):
    return np.concatenate([result.w[:, 0], [result.b, result.cost], result.costs]).tobytes()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("option", ["", "weights", "tall", "wide", "cg", "feature-major"])
def test_same_bits_for_any_number_of_threads_and_every_time(solver, option, monkeypatch):
    launched = set()
    honest = threads.run_on
    monkeypatch.setattr(fused, "run_on", lambda n, *how: launched.add(n) or honest(n, *how))
    monkeypatch.setattr(fused, "SECONDS_PER_THREAD", 1e-30)
    if option:
        small_data(monkeypatch)
    if option in ("wide", "cg"):
        monkeypatch.setattr(auto_solver, "LARGEST_INNER", 3)
    if option == "cg":
        monkeypatch.setattr(newton_solver, "LARGEST_CHOLESKY", 0)
    X, y = data(1000, 5, seed=14)
    if option == "feature-major":
        X = np.asfortranarray(X)
    s = np.arange(1000) % 3 if option == "weights" else None
    found = {
        bits(fit(X, y, solver, tol=1e-6, iterations=60, s=s, n_threads=n))
        for n in (1, 2, 3, 2)
        if not quiet()
    }
    assert len(found) == 1
    assert {2, 3} <= launched or solver in ("newton",) or (solver == "auto" and not option)


def quiet():
    """Not arriving within so few iterations is no matter here."""
    warnings.simplefilter("ignore", TrainingWarning)
    return False


# ---------------------------------------------------------------- what has no optimum, and what was
# not reached


def separable(m=60):
    X, _ = data(m, 3, seed=15)
    return X, (X[:, 0] - 0.5 * X[:, 1] > 0.1).astype(np.uint8)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("tol", [1e-3, 0.0])
def test_separable_classes(solver, tol):
    X, y = separable()
    with pytest.warns(
        TrainingWarning, match=r"completely separable and lambda_ is 0.*Set lambda_ above 0"
    ) as seen:
        result = fit(X, y, solver, 0.0, tol=tol, iterations=3000)
    assert len(seen) == 1
    if solver in SECOND_ORDER:
        assert result.stop_reason == "separable"
        assert result.iterations < 100
    assert np.isfinite(result.w).all()
    assert np.isfinite(result.b)
    assert (((X @ result.w)[:, 0] + result.b > 0) == y).all()  # the direction does separate


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_separable_is_told_without_tol_too(solver):
    X, y = separable()
    with pytest.warns(TrainingWarning, match="completely separable"):
        flr.train(X.T, y[None], solver=solver)


def test_separable_without_a_penalty_of_zero_is_nothing_special():
    X, y = separable()
    for solver in SECOND_ORDER:
        assert fit(X, y, solver, 1e-3).stop_reason == "converged"


@pytest.mark.parametrize("tall", [False, True])
def test_separable_up_to_examples_of_no_weight(tall, monkeypatch):
    if tall:
        small_data(monkeypatch)
    X, y = separable(600)
    s = np.ones(600)
    s[:20] = 0.0
    y[:20] ^= 1
    with pytest.warns(TrainingWarning, match="completely separable"):
        assert fit(X, y, "auto", 0.0, s=s).stop_reason == "separable"


DEPENDENT = {
    "a constant": (lambda X: np.full(len(X), 3.0), r"together with the intercept .*: extra"),
    "zeros": (lambda X: np.zeros(len(X)), r"not unique.*: extra\."),
    "a duplicate": (lambda X: X[:, 0], r"not unique.*: first, extra\."),
    "a multiple": (lambda X: -2.0 * X[:, 1], r"not unique.*: second, extra\."),
    "a sum": (
        lambda X: X[:, 0] + X[:, 1] - 1.0,
        r"together with the intercept .*: first, second, extra\.",
    ),
}


@pytest.mark.parametrize("solver", SECOND_ORDER)
@pytest.mark.parametrize("kind", DEPENDENT)
def test_dependent_columns(solver, kind):
    make, text = DEPENDENT[kind]
    X, y = data(300, 2, seed=16)
    J, _ = optimum(X, y, 0.0)
    X = np.column_stack([X, make(X)])
    with pytest.warns(TrainingWarning, match=text) as seen:
        result = fit(X, y, solver, 0.0, tol=1e-7, names=("first", "second", "extra"))
    assert len(seen) == 1
    assert result.stop_reason == "converged"
    assert result.cost == pytest.approx(J, rel=1e-9)
    assert np.abs(result.w).max() < 1e3
    assert (
        fit(X, y, solver, 0.1, tol=1e-7).stop_reason == "converged"
    )  # with a penalty there is nothing to warn of


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_quasi_separable_classes(solver):
    """A category in which all labels are 1: its weight grows for ever, the rest has an optimum."""
    X, y = data(400, 2, seed=17)
    category = np.arange(400) % 10 == 0
    y[category] = 1
    X = np.column_stack([X, category])
    with pytest.warns(
        TrainingWarning, match=r"quasi-separable and lambda_ is 0.* 40 of 400 examples"
    ) as seen:
        result = fit(X, y, solver, 0.0, tol=1e-8, iterations=1000)
    assert len(seen) == 1
    assert np.isfinite(result.w).all()
    assert result.w[2, 0] > 8.0
    one_other = y.copy()
    one_other[0] = 0  # one example of the category is on the other side: there is an optimum
    assert fit(X, one_other, solver, 0.0, tol=1e-8).stop_reason == "converged"


def test_quasi_separable_to_the_precision_of_float64():
    X, y = data(400, 2, seed=17)
    y[:40], y[40:60] = 1, 0
    X = np.column_stack([X, np.arange(400) < 40, (np.arange(400) >= 40) & (np.arange(400) < 60)])
    s = np.ones(400)
    s[:5] = 0.0
    with pytest.warns(TrainingWarning, match=r"quasi-separable .* 55 of 395 examples"):
        fit(X, y, "newton", 0.0, tol=None, iterations=1000, s=s)


def test_large_problems_are_not_looked_into(monkeypatch):
    monkeypatch.setattr(diagnosis, "LARGEST", 2)
    X, y = data(300, 2, seed=16)
    assert fit(np.column_stack([X, X[:, 0]]), y, "newton", 0.0).stop_reason == "converged"


def test_the_lectures_descent_is_not_told_of_optima_it_does_not_ask_for():
    X, y = separable()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flr.train(X.T, y[None], iterations=50)


def test_not_converged_names_what_was_reached_and_the_columns():
    X, y = data(200, 4, seed=18)
    X[:, 2] *= 1e4
    names = ("age", "size", "income", "rooms")
    with pytest.warns(
        TrainingWarning, match=r"not converged after 5 .* bound .* tol asks for 1e-09.* income \("
    ) as seen:
        result = fit(X, y, "gd", iterations=5, names=names)
    assert f"{result.suboptimality_bound:.3g}" in str(seen[0].message)
    assert "rooms" not in str(seen[0].message)
    with pytest.warns(TrainingWarning, match=r"largest gradient component is .*column 2"):
        fit(X, y, "gd", 0.0, iterations=5)
    with pytest.warns(
        TrainingWarning, match=r"not converged .*Allow more iterations, raise lambda_"
    ):
        fit(X[:, :2], y, "lbfgs", iterations=2)
    with pytest.warns(TrainingWarning, match="not converged after"):
        fit(X, y, "gd", max_seconds=0.0)


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_not_a_number_in_X(solver, monkeypatch):
    X, y = data(500, 3, seed=19)
    X[17, 1] = np.nan
    with pytest.raises(ValueError, match=r"row 17 .* column 1"):
        fit(X, y, solver)
    small_data(monkeypatch)
    with pytest.raises(ValueError, match=r"row 17 .* column 1"):
        fit(X, y, solver)


@pytest.mark.parametrize("solver", SECOND_ORDER)
def test_budgets_and_callbacks(solver):
    X, y = data(300, 4, seed=20)
    seen = []
    result = flr.train(X.T, y[None], solver=solver, lambda_=1.0, callback=seen.append)
    assert seen[-1].cost == result.cost
    assert np.isnan(result.alpha)
    assert len(result.costs) == result.iterations
    assert flr.train(X.T, y[None], solver=solver, iterations=0).iterations == 0
    stopped = flr.train(X.T, y[None], solver="gd", callback=lambda progress: True)
    assert stopped.stop_reason == "callback"


def test_a_hessian_without_a_factor_gets_a_ridge():
    singular = np.ones((3, 3))
    np.linalg.cholesky(linear.with_ridge(singular, np.array))
    assert linear.with_ridge(np.eye(2), np.array) is not None
    np.testing.assert_array_equal(
        linear.with_ridge(-np.eye(3), np.array), np.eye(3)
    )  # hopeless: the gradient


@pytest.mark.parametrize("n", [1, 2, 7, 31, 41])
def test_the_compiled_cholesky_solve_is_numpys(n):
    from fastlogreg.kernels.second_order.cholesky import descend_by_cholesky

    rng = np.random.default_rng(n)
    A, g, d = rng.normal(size=(n, n)), rng.normal(size=n), np.empty(n)
    H = A @ A.T + 0.1 * np.eye(n)
    assert descend_by_cholesky(H, g, 2e-16 * n, d)
    np.testing.assert_allclose(d, -np.linalg.solve(H, g), rtol=1e-9)
    H[:, n // 2] = H[n // 2] = np.nan
    assert not descend_by_cholesky(H, g, 2e-16 * n, d)
    singular = np.ones((n + 1, n + 1))
    assert not descend_by_cholesky(singular, np.ones(n + 1), 2e-16 * (n + 1), np.empty(n + 1))
    assert not descend_by_cholesky(-np.eye(n), g, 2e-16 * n, d)


def test_a_column_that_the_sample_does_not_have_is_not_taken_for_constant():
    """Rare pixels: with a spread of 0 the first step along them was 10,000 times too long."""
    X = 100.0 * np.random.default_rng(0).normal(size=(5000, 3))
    X[:, 2] = np.where(np.arange(5000) == 7, 100.0, 0.0)  # the sample takes every fifth example
    objective = Objective(
        DesignMatrix(X.T, np.ones(3), np.zeros(3)), (X[:, 0] > 0).astype(np.uint8), 1.0
    )
    asking = lbfgs_solver.by_spread(describe(objective))
    with pytest.raises(StopIteration) as found:
        asking.send(Answers(objective).answer(next(asking)))
    step = 1.0 / found.value.value
    assert (step[:2] < 1e-3).all()
    assert step[2] < 1.0 < 1.0 / objective.decay
