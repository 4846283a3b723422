"""The bound on J - J* is never below it: on random problems, at random points and at the ends of
runs; and it does fall to nothing at the optimum."""

from __future__ import annotations

import os
import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.backends import fused
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.data.inputs import design_of
from fastlogreg.maths import certificate
from fastlogreg.objective import proof
from fastlogreg.objective.objective import Objective
from fastlogreg.objective.soft import objective_for
from fastlogreg.solvers import auto, early
from fastlogreg.solvers.state import State
from fastlogreg.training import run
from fastlogreg.training.options import Options

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


@st.composite
def problems(draw):
    """An objective of tiny shape with everything that the bound depends on: penalty, weights, scale
    of X, rare classes."""
    m, n_x = draw(st.integers(2, 12)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.normal(size=(m, n_x)) * draw(st.sampled_from([1e-2, 1.0, 10.0, 1e3])) + draw(
        st.sampled_from([0.0, 3.0])
    )
    y = (rng.random(m) < draw(st.sampled_from([0.1, 0.5]))).astype(np.uint8)
    y[:2] = 0, 1
    weight = rng.integers(1, 9, m) / 2 if draw(st.booleans()) else fused.NONE
    design = DesignMatrix(X.T, np.ones(n_x), np.zeros(n_x))
    objective = Objective(
        design,
        y,
        draw(st.sampled_from([1e-4, 1.0, 100.0])),
        "numpy",
        1,
        weight,
        intercept=draw(st.booleans()),
    )
    return objective, rng.normal(size=n_x + 1) * 10.0 ** draw(st.integers(-6, 1))


def lowest(objective):
    """[w, b] at the optimum, by Newton's method in float64 with steps halved until J does not
    rise."""
    theta = np.zeros(objective.n_x + 1)
    for _ in range(200):
        evaluation, H = objective.hessian(theta[:-1], theta[-1])
        d, t = np.linalg.solve(H, -evaluation.gradient), 1.0
        while (
            t > 1e-4
            and not objective.evaluate((theta + t * d)[:-1], (theta + t * d)[-1]).J <= evaluation.J
        ):
            t /= 2
        if t <= 1e-4 and np.abs(d).max() > 1e-6 * np.abs(theta).max():
            break
        t = (
            1.0 if np.abs(d).max() <= 1e-6 * np.abs(theta).max() else t
        )  # J cannot tell such points apart, the gradient can
        theta = theta + t * d
        if np.abs(d).max() <= 1e-15 * np.abs(theta).max():
            break
    return theta


def exact(objective, theta):
    """J in 40 digits."""
    with mpmath.workdps(40):
        w = [mpmath.mpf(float(v)) for v in theta]
        total = mpmath.mpf(0)
        for i in range(objective.m):
            t = w[-1] + sum(v * mpmath.mpf(float(x)) for v, x in zip(w, objective.design.X[:, i]))
            s = mpmath.mpf(float(objective.weight[i])) if objective.weight.size else 1
            total += s * mpmath.log1p(mpmath.exp(-t if objective.y[i] else t))
        return (
            total + mpmath.mpf(objective.lambda_) / 2 * sum(v * v for v in w[:-1])
        ) / mpmath.mpf(objective.total)


def bound_at(objective, theta):
    return objective.certify(theta, objective.evaluate(theta[:-1], theta[-1]))


def bounds_at(objective, theta):
    """All that is proved at a point: by a read at the best b, by a Hessian, by the radius, by some
    examples."""
    evaluation, H = objective.hessian(theta[:-1], theta[-1])
    blocks = objective.design.float_blocks()
    radius = max(float(np.linalg.norm(x, axis=1).max()) for _, _, x in blocks)
    dw, db = evaluation.gradient[:-1], abs(float(evaluation.gradient[-1]))
    yield objective.certify(theta, evaluation)
    yield objective.bound_by_hessian(evaluation, H)
    size = float(np.linalg.norm(dw))
    curvature = evaluation.curvature
    bound = certificate.suboptimality_bound(size, db, curvature, radius, objective.decay)
    yield bound + 2.0**-52 * evaluation.J
    yield from bounds_by_part(objective, theta)


def bounds_by_part(objective, theta):
    """What the examples of an estimated Hessian prove: of all, of half of them, and by a Hessian
    that is not theirs. A goal at half of what a round finds has the next round made."""
    point = objective.point(theta)
    for rows in (objective.m, objective.m // 2 + 1):
        H, taken = objective.hessian_of_part(point, rows)
        if taken is None:  # with Dask
            return
        for times in (1.0, 1.5):

            def solve(g, H=times * H):
                return np.linalg.lstsq(H, g, rcond=None)[0]

            found = objective.bound_by_part(point, taken, solve, np.inf)
            yield found
            yield objective.bound_by_part(point, taken, solve, 0.5 * found)


def in_form(objective, form):
    """The same problem on X stored otherwise, by the fused kernels where it is not dense."""
    x, n_x = np.ascontiguousarray(objective.design.X.T), objective.n_x
    y, weight = objective.y, objective.weight
    if form == "dense":
        return objective
    if form == "dask":
        import dask.array as da

        from fastlogreg.dask.collections import rows_of
        from fastlogreg.dask.objective import DistributedDesign, DistributedObjective

        chunks = (max(1, len(x) // 2), n_x)
        parts = [da.from_array(x, chunks=chunks), da.from_array(y, chunks=chunks[0])]
        weights = da.from_array(weight, chunks=chunks[0]) if weight.size else None
        design = DistributedDesign(
            rows_of(*parts, weights).encoded((0, 1)), np.ones(n_x), np.zeros(n_x)
        )
        return DistributedObjective(design, objective.lambda_, objective.intercept)
    if form == "sparse":
        from scipy import sparse

        X = sparse.csc_array(x.T)
    else:
        X = flr.RowBlocks([x[:2], x[2:]] if len(x) > 2 else [x])
    return Objective(
        design_of(X), y, objective.lambda_, "fused", 1, weight, intercept=objective.intercept
    )


@pytest.mark.parametrize("form", ["dense", "sparse", "blocks", "dask"])
def test_never_below(form):
    """At a random point, and at points ever nearer to the optimum, in 40 digits: 1,000 points a
    form, but for Dask, whose objective is the same.

    Any point stands for the optimum: its J is at least J*, so a J - J(that point) above a bound
    would prove it wrong.
    """
    pytest.importorskip({"sparse": "scipy.sparse", "dask": "dask.array"}.get(form, "numpy"))
    count = 1000 if form == "dense" else 25 if form == "dask" else 250

    @given(problem=problems())
    @settings(max_examples=count // 5 if WITHOUT_JIT else count)
    def holds(problem):
        objective, step = problem
        step[-1] *= objective.intercept
        best = lowest(objective)
        J, here = exact(objective, best), in_form(objective, form)
        for theta in (step, best + step, best + 1e-3 * step, best + 1e-7 * step):
            gap = float(exact(objective, theta) - J)
            for bound in bounds_at(here, theta):
                assert gap <= bound * (1 + 1e-9) + 1e-30 or gap < 1e-22

    holds()


@pytest.mark.parametrize("form", ["dense", "sparse", "blocks"])
@pytest.mark.parametrize("soft", [False, True])
def test_some_examples_prove_nearly_the_distance(form, soft):
    """Where the penalty alone would prove a thousand times the distance, they prove as many times
    it as one of them stands for others; and they read X for nothing."""
    pytest.importorskip("scipy.sparse" if form == "sparse" else "numpy")
    rng = np.random.default_rng(5)
    m = 300 if WITHOUT_JIT else 3000
    x = rng.normal(size=(m, 4)) @ rng.normal(size=(4, 4)) + 1.0
    y = (x[:, 0] + rng.logistic(size=m) > 1.0).astype(np.uint8)
    design = DesignMatrix(x.T, np.full(4, 0.5), np.full(4, 0.1))
    weight = rng.integers(0, 3, m) / 2.0
    whole = objective_for(design, np.clip(y, 0.1, 0.8) if soft else y, 0.1, "numpy", 1, weight)
    best = lowest(whole)
    here = (
        whole
        if form == "dense"
        else objective_for(
            design_of(scipy_form(x, form), design.scale[:, None], design.shift[:, None]),
            whole.targets,
            0.1,
            "fused",
            1,
            weight,
        )
    )
    for size in (1e-2, 1e-3, 1e-4):
        point = here.point(best + size * rng.normal(size=5))
        H, taken = here.hessian_of_part(point, m // 3)

        def solve(g, H=H):
            return np.linalg.solve(H, g)

        d = point.theta - best
        distance = 0.5 * float(d @ whole.hessian(best[:-1], best[-1])[1] @ d)
        before = here.passes
        found = here.bound_by_part(point, taken, solve, 2.0 * taken.times * distance + 1e-15)
        assert here.passes == before
        assert 0.9 * distance <= found < np.inf
        assert 1.0 <= taken.times < 8.0
        assert here.bound_by_part(point, taken, solve, 0.4 * distance) == np.inf
        assert bound_at(here, point.theta) > 3.0 * found


def scipy_form(x, form):
    """X (4, m) as CSC, or in two blocks of rows."""
    if form == "blocks":
        return flr.RowBlocks([x[:100], x[100:]])
    from scipy import sparse

    return sparse.csc_array(x.T)


@pytest.mark.parametrize("solver_way", ["sample", "early"])
def test_a_run_ends_by_such_a_proof(solver_way, monkeypatch):
    """Its last bound took no read, and is never below the distance."""
    rng = np.random.default_rng(1)
    m, n_x = (900, 4) if WITHOUT_JIT else (9000, 45)
    x = rng.normal(size=(m, n_x))
    y = (x[:, 0] + rng.logistic(size=m) > 0).astype(np.uint8)
    monkeypatch.setattr(auto, "SMALL", 0.0)
    monkeypatch.setattr(auto, "LEAST_ROWS", m // 4)
    if solver_way == "early":
        monkeypatch.setattr(auto, "WORTH", 1e-9)
        monkeypatch.setattr(early, "MOST_READS", np.inf)
        monkeypatch.setattr(early, "LEAST_ALIKENESS", 0.0)
    proofs, own = [], Objective.bound_by_part

    def proved(self, *arguments):
        proofs.append(own(self, *arguments))
        return proofs[-1]

    monkeypatch.setattr(Objective, "bound_by_part", proved)
    objective = Objective(DesignMatrix(x.T, np.ones(n_x), np.zeros(n_x)), y, 1.0, "fused", 1)
    result = run.run(objective, State.at(np.zeros(n_x), 0.0), Options("auto", 100, tol=1e-7))
    assert result.stop_reason == "converged"
    assert np.isfinite(proofs[-1])
    assert proofs[-1] <= result.suboptimality_bound <= 1e-7
    best = run.run(objective, State.at(np.zeros(n_x), 0.0), Options("newton", 100, tol=1e-13))
    assert -1e-15 <= result.cost - best.cost <= result.suboptimality_bound


@given(
    problem=problems(),
    solver=st.sampled_from(["gd", "nesterov", "lbfgs", "newton"]),
    k=st.integers(0, 6),
)
@settings(max_examples=50 if WITHOUT_JIT else 150)
def test_the_results_own_bound_is_never_below(problem, solver, k):
    objective, _ = problem
    state = State.at(np.zeros(objective.n_x), 0.0)
    result = run.run(objective, state, Options(solver, k))
    best, found = (
        exact(objective, lowest(objective)),
        exact(objective, np.append(result.w, result.b)),
    )
    assert (
        float(found - best) <= result.suboptimality_bound * (1 + 1e-9)
        or float(found - best) < 1e-22
    )
    assert float(found - best) >= -1e-16 * float(
        best
    )  # both are points in float64: the solver's may be the better one


@given(problem=problems())
@settings(max_examples=100 if WITHOUT_JIT else 500)
def test_never_below_without_a_penalty(problem):
    """Where there is an optimum, and also where there is none: then nothing is proved."""
    penalised, step = problem
    objective = Objective(
        penalised.design,
        penalised.y,
        0.0,
        "numpy",
        1,
        penalised.weight,
        intercept=penalised.intercept,
    )
    step[-1] *= objective.intercept
    with np.errstate(all="ignore"):
        try:
            best = lowest(objective)
        except np.linalg.LinAlgError:
            best = step
    J = exact(objective, best)
    for theta in (step, best + step, best + 1e-3 * step, best + 1e-7 * step, best):
        evaluation, H = objective.hessian(theta[:-1], theta[-1])
        gap = float(exact(objective, theta) - J)
        bound = proof.without_penalty(objective, evaluation, H)
        assert gap <= bound * (1 + 1e-9) + 1e-30 or gap < 1e-22


def test_the_bound_without_a_penalty_is_reported():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 400))
    Y = (X[:1] + rng.normal(size=(1, 400)) > 0).astype(int)
    result = flr.train(X, Y, solver="newton", lambda_=0.0, tol=1e-9)
    assert 0.0 < result.suboptimality_bound < 1e-15
    rough = flr.train(X, Y, solver="lbfgs", lambda_=0.0, tol=1e-3)
    assert rough.cost - result.cost <= rough.suboptimality_bound < 1e-4
    separable = (X[:1] > 0).astype(int)
    with pytest.warns(flr.TrainingWarning, match="separable"):
        apart = flr.train(X, separable, solver="newton", lambda_=0.0, tol=1e-9)
    assert apart.suboptimality_bound == np.inf


@pytest.mark.parametrize("factor", [0.5, 0.9])
def test_the_bound_cannot_be_made_smaller(factor):
    """Where J is all but quadratic in w alone it is exact: a smaller one would be refuted by the
    test above."""
    X, y = 1e-8 * np.ones((1, 2)), np.array([0, 1], np.uint8)
    objective = Objective(DesignMatrix(X, np.ones(1), np.zeros(1)), y, 1.0, "numpy")
    theta = np.array([0.5, 0.0])
    gap = float(exact(objective, theta) - exact(objective, np.zeros(2)))
    assert factor * bound_at(objective, theta) < gap <= bound_at(objective, theta) * (1 + 1e-12)


def test_far_from_the_best_intercept_nothing_is_promised():
    assert certificate.suboptimality_bound(0.0, 0.3, 0.2, 1.0, 1.0) == np.inf
    assert certificate.suboptimality_bound(0.0, 0.3, 0.0, 1.0, 1.0) == np.inf
    assert certificate.suboptimality_bound(0.0, 0.0, 0.0, 1.0, 1.0) == 0.0
    assert certificate.suboptimality_bound(2.0, 0.0, 0.0, 1.0, 0.5) == 4.0


@pytest.mark.parametrize("backend", ["fused", "numpy", "loops", "python"])
def test_every_backend_gives_the_same_bound(backend):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3, 40)), (rng.random(40) < 0.5).astype(np.uint8)
    objective = Objective(DesignMatrix(X, np.ones(3), np.zeros(3)), y, 1.0, backend)
    naive = Objective(DesignMatrix(X, np.ones(3), np.zeros(3)), y, 1.0, "numpy")
    theta = np.array([0.1, -0.2, 0.3, 0.05])
    assert bound_at(objective, theta) == pytest.approx(bound_at(naive, theta), rel=1e-9)


@pytest.mark.skipif(WITHOUT_JIT, reason="the rounding looked for is that of the kernels")
@pytest.mark.parametrize("far", [1e8, 1e9])
def test_never_below_where_columns_are_far_from_zero(far):
    """z is rounded by 2^-52 of terms that nearly cancel: 46 of 400 bounds were below."""
    rng = np.random.default_rng(int(far))
    for k in range(16):
        m, n_x = int(rng.integers(4, 30)), int(rng.integers(1, 3))
        X = 10.0 ** rng.integers(-2, 4) * (rng.normal(size=(m, n_x)) + far)
        y = (np.arange(m) % 2).astype(np.uint8)
        lambda_ = float(10.0 ** rng.integers(-8, 1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = flr.train(
                X.T, y[None], lambda_=lambda_, solver=("newton", "auto")[k % 2], tol=1e-300
            )
        if not np.isfinite(result.suboptimality_bound):
            continue
        distance = distance_in_digits(X, y, lambda_, np.append(result.w, result.b))
        assert distance <= result.suboptimality_bound


def distance_in_digits(X, y, lambda_, theta):
    """J - J* at theta = [w, b] in 60 digits, by Newton's method from there."""
    with mpmath.workdps(60):
        m, d = len(y), mpmath.mpf(lambda_) / len(y)
        X1 = mpmath.matrix(np.column_stack([X, np.ones(m)]).tolist())
        sign = [1 - 2 * int(v) for v in y]

        def J(t):
            z = X1 * t
            losses = [mpmath.log(1 + mpmath.exp(s * v)) for s, v in zip(sign, z)]
            return mpmath.fsum(losses) / m + d / 2 * mpmath.fsum(v * v for v in t[:-1])

        start = t = mpmath.matrix([float(v) for v in theta])
        for _ in range(12):
            a = [1 / (1 + mpmath.exp(-v)) for v in X1 * t]
            dz = mpmath.matrix([p - int(v) for p, v in zip(a, y)])
            g, H = X1.T * dz / m, X1.T * mpmath.diag([p * (1 - p) / m for p in a]) * X1
            for j in range(len(theta) - 1):
                g[j] += d * t[j]
                H[j, j] += d
            t = t - mpmath.lu_solve(H, g)
        assert mpmath.norm(g) < mpmath.mpf(10) ** -20
        return float(J(start) - J(t))
