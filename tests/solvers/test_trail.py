"""Hessians that are made to fit the steps of a path, and proofs by mixtures of dual points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.kernels.second_order import secants
from fastlogreg.objective.penalised_proof import DualPoint
from fastlogreg.objective.point import Point
from fastlogreg.solvers import compiled_penalised, trail
from fastlogreg.solvers.trail import Trail
from tests.solvers.test_prox_newton import problems


def curved(seed, n=5):
    """A positive definite H, and a step with slopes that fit another one."""
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(2, n, n))
    H = A @ A.T + np.eye(n)
    s = rng.normal(size=n)
    return H, s, (H + 0.3 * B @ B.T) @ s


@pytest.mark.parametrize("times", [1.0, 0.9])
def test_a_fitted_hessian_has_the_slopes_of_the_step_and_stays_convex(times):
    H, s, y = curved(1)
    secants.fit(H, s, y, times)
    assert pytest.approx(y, abs=1e-12) == H @ s
    assert np.linalg.eigvalsh(H).min() > 0.0
    assert pytest.approx(H.T, abs=1e-13) == H


@pytest.mark.parametrize("times", [-1.0, 0.0, 1e-3, 1e3])
def test_slopes_that_are_far_from_the_hessian_change_nothing(times):
    H, s, _ = curved(2)
    before = H.copy()
    secants.fit(H, s, times * (H @ s), 1.0)
    assert (before == H).all()


def test_a_mean_curvature_that_jumps_changes_nothing():
    assert secants.change(0.2, 0.19) == pytest.approx(0.95)
    assert [secants.change(*ends) for ends in ((0.2, 0.09), (0.1, 0.3), (0.0, 0.1))] == [1.0] * 3


def test_a_fit_takes_the_features_of_the_model_alone():
    H, s, y = curved(5, 4)
    features, found = np.array([0, 2, 5]), H.copy()
    at = np.append(features, 6)
    whole = np.zeros((2, 7))
    whole[:, at] = s, y
    whole[1, 1] = 3.0  # the slope of a feature that is not in it
    trail.fit(found, features, *whole, (0.2, 0.2))
    secants.fit(H, s, y, 1.0)
    assert (found == H).all()


def walked(thetas, slopes):
    found = Trail()
    for theta, g in zip(thetas, slopes):
        found.begin(theta, g)
    return found


def test_what_lies_ahead_is_the_change_of_the_last_two_steps_once_more():
    """A curvature that grows by as much from one step to the next is met exactly."""
    H, s, _ = curved(3, 4)
    features, thetas, slopes = np.arange(3), [np.zeros(4)], [np.zeros(4)]
    for k in range(2):
        thetas.append(thetas[-1] + s)
        slopes.append(slopes[-1] + (1.0 + 0.1 * k) * (H @ s))
    ahead = walked(thetas, slopes).ahead(features, H)
    assert pytest.approx(1.2 * (H @ s), abs=1e-12) == ahead @ s


def test_a_step_of_features_that_the_hessian_does_not_have_tells_nothing():
    H, s, y = curved(4, 4)
    thetas = [k * np.append(s, 1.0) for k in range(3)]
    slopes = [k * np.append(y, 1.0) for k in range(3)]
    features = np.array([0, 1, 3])  # not 2, which has moved
    assert (walked(thetas, slopes).ahead(features, H) == H).all()


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 0.1, 1.0]), st.booleans())
def test_a_bound_by_a_mixture_is_never_below_the_distance(problem, seed, far, as_seen):
    """With dual points of anywhere, as they were seen or made to balance others."""
    objective, _ = problem
    shared, column = objective.shared, objective.column
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(4):
        theta = far * rng.normal(size=objective.size)
        theta[:-1] = objective.elastic_net.clipped(theta[:-1])
        theta[-1] *= objective.intercept
        points.append(objective.point(theta))
    if as_seen:
        others = tuple(DualPoint.of(point) for point in points[1:])
    else:
        others = shared.prove(column, points[1], np.inf, ()).others
    known = Point(points[0].theta, points[0].evaluation, points[0].z)
    proof = shared.prove(column, known, np.inf, others)
    best = flr_optimum(objective)
    assert proof.bound >= points[0].evaluation.J - best - 1e-14


def flr_optimum(objective):
    """The least J that can be found."""
    import warnings

    from fastlogreg.solvers.state import State
    from fastlogreg.training.options import Options
    from fastlogreg.training.run import run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = Options("prox_newton", 500, tol=1e-14)
        return run(objective, State(np.zeros(objective.size)), options).cost


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("how", [{}, {"bounds": (-0.5, 0.6)}, {"l1_ratio": 0.5}])
def test_every_bound_of_a_path_is_true_and_few_reads_prove_it(whole, how, monkeypatch):
    if not whole:
        monkeypatch.setattr(compiled_penalised, "MOST_NUMBERS", 0)
    rng = np.random.default_rng(8)
    m, n_x = 400, 8
    X = rng.normal(size=(n_x, m)) + 0.3
    Y = (rng.random((1, m)) < 1.0 / (1.0 + np.exp(-X[:3].sum(axis=0) - 1.0))).astype(int)
    given = {"l1_ratio": 1.0} | how
    found = flr.path(X, Y, lambdas=30, lambda_min_ratio=0.01, tol=1e-5, **given)
    assert found.converged.all()
    for lambda_, J, bound in zip(found.lambdas, found.costs, found.bounds):
        best = flr.train(X, Y, lambda_=lambda_, solver="prox_newton", tol=1e-13, **given)
        assert best.cost - 1e-14 <= J
        assert J - best.cost <= bound + 1e-14 <= 1e-5 + 1e-13
    assert found.reads < 75
