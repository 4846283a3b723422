"""The compiled path with an elastic net, called by itself: it runs without compilation too."""

from __future__ import annotations

import numpy as np
import pytest

from fastlogreg.data.inputs import design_of
from fastlogreg.kernels.entropy import entropy
from fastlogreg.kernels.whole_runs import elastic_net_proof as kernel
from fastlogreg.maths import duality
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.duality import Shares
from fastlogreg.maths.elastic_net import ElasticNet
from fastlogreg.objective.elastic_net import ElasticNetObjective
from fastlogreg.objective.point import Point
from fastlogreg.solvers import compiled_penalised
from fastlogreg.solvers.state import State
from fastlogreg.training.options import Options
from fastlogreg.training.run import run


def problem(seed, m=14, n=3, ratio=1.0, more=NONE, weight=NONE, intercept=True, bounds=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    y = (X[:, 0] + rng.logistic(size=m) > 0).astype(np.uint8)
    y[:2] = 0, 1
    lower, upper = (NONE, NONE) if bounds is None else (np.full(n, b) for b in bounds)
    total = float(weight.sum()) if weight.size else float(m)
    penalty = ElasticNet(0.05 * m, ratio, total, np.ones(n), lower, upper)
    return ElasticNetObjective(design_of(X.T), y, penalty, "fused", 1, weight, intercept, more)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"ratio": 0.5},
        {"ratio": 0.0},
        {"intercept": False},
        {"bounds": (-0.1, 0.4)},
        {"ratio": 0.0, "bounds": (0.0, np.inf)},
        {"more": np.linspace(-1.0, 1.0, 14)},
        {"weight": np.arange(1.0, 15.0)},
    ],
)
def test_each_strength_is_proved(how):
    objective = problem(3, **how)
    lambdas, goals = np.array([4.0, 1.0, 0.2]), np.full(3, 1e-10)
    found = compiled_penalised.follow(
        objective.shared, objective.column, np.zeros(4), lambdas, goals
    )
    for theta, (J, loss, gap, _, _), lambda_ in zip(found.thetas, found.numbers, lambdas):
        assert gap <= 1e-10
        penalty = objective.elastic_net.with_lambda(float(lambda_))
        column = objective.column._replace(penalty=penalty)
        point = objective.point(theta)
        assert loss == pytest.approx(point.z.loss, abs=1e-12)
        assert pytest.approx(loss + penalty.value(theta[:-1]), abs=1e-12) == J
        evaluation = point.evaluation._replace(J=float(J))
        proof = objective.shared.prove(column, Point(theta, evaluation, point.z))
        best, below = least_cost(objective, lambda_)
        assert J - best <= gap + 1e-14
        assert proof.bound >= J - best - 1e-14
        assert below <= 1e-13


def least_cost(objective, lambda_):
    """The least J at a strength, and what it may be above the optimum, proved with no kernel."""
    exact = ElasticNetObjective(
        objective.design,
        objective.y,
        objective.elastic_net.with_lambda(float(lambda_)),
        "numpy",
        1,
        objective.weight,
        objective.intercept,
        objective.offset,
    )
    result = run(exact, State(np.zeros(exact.size)), Options("prox_newton", 500, tol=1e-13))
    return result.cost, result.suboptimality_bound


def test_the_steps_are_limited_and_their_costs_kept():
    objective = problem(5)
    strengths = compiled_penalised.on_the_way(10.0, 0.7)
    assert strengths[-1] == 0.7
    assert (np.diff(strengths) < 0.0).all()
    goals = compiled_penalised.goals_for(len(strengths), 1e-12)
    few = compiled_penalised.follow(
        objective.shared, objective.column, np.zeros(4), strengths, goals, 2
    )
    assert len(few.costs) == 2
    point = objective.point(few.thetas[-1])  # where it was cut off the gap is proved all the same
    column = objective.column._replace(penalty=objective.elastic_net.with_lambda(0.7))
    J = point.z.loss + column.penalty.value(point.theta[:-1])
    cut = Point(point.theta, point.evaluation._replace(J=J), point.z)
    bound = objective.shared.prove(column, cut).bound
    assert few.numbers[-1, 2] == pytest.approx(bound, rel=1e-9)
    many = compiled_penalised.follow(
        objective.shared, objective.column, np.zeros(4), strengths, goals, 50
    )
    assert 2 < len(many.costs) < 50
    assert many.numbers[-1, 0] <= many.costs[-1] + 1e-12


def test_a_step_that_is_too_long_is_shortened():
    rng = np.random.default_rng(1)
    X = 40.0 * rng.normal(size=(12, 2))
    y = (rng.random(12) < 0.5).astype(np.uint8)
    y[:2] = 0, 1
    objective = ElasticNetObjective(
        design_of(X.T), y, ElasticNet(0.01, 1.0, 12.0, np.ones(2)), "fused", 1
    )
    start = np.array([0.5, -0.5, 3.0])
    found = compiled_penalised.follow(
        objective.shared, objective.column, start, np.array([0.01]), np.array([1e-9])
    )
    assert found.numbers[0, 2] <= 1e-9


def test_the_scale_of_a_dual_point_makes_the_conjugate_finite():
    net = kernel.Net(np.ones(3), np.array([0.0, 0.5, 0.0]), np.full(3, -np.inf), np.full(3, np.inf))
    penalty = ElasticNet(1.0, 1.0, 1.0, np.ones(3))
    penalty.l2 = net.l2
    G = np.array([-2.5, 1.5, 0.3])
    t = kernel.largest_scale(net, 1.0, G)
    assert t == pytest.approx(penalty.largest_scale(G))
    assert kernel.conjugate(net, 1.0, G, t) == pytest.approx(penalty.conjugate(t * G), abs=1e-12)


@pytest.mark.parametrize("m", [3, 8, 11])
def test_entropy_by_lanes_is_that_of_the_formula(m):
    rng = np.random.default_rng(m)
    z, o, s = rng.normal(size=(3, m)) * 3.0
    y, s = (rng.random(m) < 0.5).astype(np.uint8), np.abs(s)
    zeros, ones = (np.array([k, np.log(k)]) for k in (0.9, 0.4))
    for weight, offset in ((NONE, NONE), (s, o)):
        expected = duality.entropy(z, y, weight, offset, Shares(0.9, 0.4))
        assert entropy(z, y, weight, offset, zeros, ones) == pytest.approx(expected, abs=1e-12)
