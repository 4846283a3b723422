"""Targets between 0 and 1: a table of counts is that table expanded to rows, for every solver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.objective.objective import Objective
from fastlogreg.objective.soft import SoftObjective

SOLVERS = ("gd", "nesterov", "lbfgs", "newton", "prox_newton", "auto")


def counts(seed=0, m=24, n_x=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_x, m))
    trials = rng.integers(1, 6, m).astype(float)
    a = 1.0 / (1.0 + np.exp(-0.7 * X[0] + 0.4))
    successes = rng.binomial(trials.astype(int), a).astype(float)
    return X, successes, trials


def expanded(X, successes, trials):
    failures = trials - successes
    rows = np.repeat(np.arange(len(trials)), 2)
    y = np.tile([1.0, 0.0], len(trials))
    often = np.stack([successes, failures], axis=1).ravel().astype(int)
    return np.repeat(X[:, rows], often, axis=1), np.repeat(y, often)[None]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("lambda_", [0.0, 1.5])
def test_counts_are_the_table_expanded_to_rows(solver, lambda_):
    X, k, n = counts()
    long, Y = expanded(X, k, n)
    how = {"solver": solver, "lambda_": lambda_, "iterations": 20000}
    how["tol"] = 1e-12 if lambda_ else 1e-9
    found = flr.train(X, (k / n)[None], weights=n[None], **how)
    rows = flr.train(long, Y, **how)
    assert found.stop_reason == "converged"
    assert found.cost == pytest.approx(rows.cost, rel=1e-11)
    np.testing.assert_allclose(found.w, rows.w, atol=3e-6)
    assert found.b == pytest.approx(rows.b, abs=3e-6)


@pytest.mark.parametrize("backend", ["fused", "loops", "numpy", "python"])
def test_a_pass_is_that_of_two_weighted_rows(backend):
    X, k, n = counts(1)
    y = k / n
    w, b = np.array([[0.4], [-0.3], [0.2]]), 0.1
    found = flr.propagate(w, b, X, y[None], weights=n[None], lambda_=0.5, backend=backend)
    long, Y = expanded(X, k, n)
    rows = flr.propagate(w, b, long, Y, lambda_=0.5, backend=backend)
    assert found.cost == pytest.approx(rows.cost, rel=1e-13)
    np.testing.assert_allclose(found.dw, rows.dw, atol=1e-14)
    assert found.db == pytest.approx(rows.db, abs=1e-14)
    assert flr.check_gradient(w, b, X, y[None], backend=backend).error < 1e-9


def test_every_question_is_answered_as_by_two_weighted_rows():
    X, k, n = counts(2)
    y = k / n
    soft = SoftObjective(design_of(X), y, 0.7, weight=n)
    two = Objective(
        design_of(np.append(X, X, axis=1)),
        np.repeat([1, 0], len(n)).astype(np.uint8),
        0.7,
        weight=np.append(n * y, n * (1.0 - y)),
    )
    theta, d = np.array([0.3, -0.2, 0.1, 0.4]), np.array([0.5, 0.1, -0.2, 0.3])
    one, other = soft.point(theta), two.point(theta)
    (trial, H), (trial_two, H_two) = (o.point_with_hessian(theta + d) for o in (soft, two))
    np.testing.assert_allclose(H, H_two, atol=1e-14)
    np.testing.assert_allclose(trial.evaluation.gradient, trial_two.evaluation.gradient, atol=1e-14)
    for t in (0.0, 0.3, 1.0):
        along, along_two = soft.line(one, d, trial)(t), two.line(other, d, trial_two)(t)
        np.testing.assert_allclose(along, along_two, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(
            soft.shifted_sums(one.z, t), two.shifted_sums(other.z, t), rtol=1e-12, atol=1e-12
        )
    best = flr.train(X, y[None], weights=n[None], lambda_=0.7, solver="newton", tol=1e-14)
    least = best.cost
    for objective, point in ((soft, one), (two, other)):
        bound = objective.certify(theta, point.evaluation, point.z)
        assert bound >= point.evaluation.J - least > 0.0
    assert soft.certify(theta, one.evaluation, one.z) == pytest.approx(
        two.certify(theta, other.evaluation, other.z), rel=1e-8
    )
    moved = soft.on(soft.design.rescaled(soft.design.scale, soft.design.shift - 0.5))
    at = soft.moved(theta, np.full(3, 0.5))
    assert pytest.approx(one.evaluation.J, rel=1e-13) == moved.point(at).evaluation.J
    whole = soft.sampled(1000)
    assert pytest.approx(one.evaluation.J, rel=1e-12) == whole.point(theta).evaluation.J


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("lambda_", [0.01, 1.0])
def test_the_bound_of_a_run_holds(seed, lambda_):
    X, k, n = counts(seed + 10)
    y, weights = (k / n)[None], n[None]
    best = flr.train(X, y, weights=weights, lambda_=lambda_, solver="newton", tol=1e-15)
    for iterations in (1, 3, 10):
        found = flr.train(X, y, weights=weights, lambda_=lambda_, iterations=iterations)
        assert found.cost - best.cost <= found.suboptimality_bound < np.inf


def test_targets_between_leave_no_classes_to_separate():
    X = np.arange(8.0)[None]
    y = np.where(X > 3.5, 0.9, 0.1)
    found = flr.train(X - 3.5, y, solver="newton", tol=1e-10)
    assert found.stop_reason == "converged"
    # Only where the feature is 0 do targets lie between.
    other = np.where(np.arange(8) % 2, np.sign(X - 3.5), 0.0)
    hard = np.where(np.arange(8) % 2, X > 3.5, 0.5 + 0.05 * np.cos(X))
    with pytest.warns(flr.TrainingWarning, match="quasi-separable"):
        flr.train(other, hard, solver="newton", tol=1e-10)


@pytest.mark.parametrize("form", ["csc", "csr", "uint8", "blocks"])
def test_any_form_of_X_takes_them(form, tmp_path):
    X, k, n = counts(3)
    X = np.round(X * 3.0 + 9.0).clip(0, 255)
    y, how = (k / n)[None], {"weights": n[None], "lambda_": 0.3, "solver": "newton", "tol": 1e-11}
    given = X.astype(np.uint8)
    if form == "blocks":
        np.save(tmp_path / "X.npy", X.T)
        given = flr.RowBlocks(tmp_path / "X.npy")
    elif form != "uint8":
        given = getattr(sparse, f"{form}_array")(X)
    found, dense = flr.train(given, y, **how), flr.train(X, y, **how)
    assert found.cost == pytest.approx(dense.cost, rel=1e-10)
    np.testing.assert_allclose(found.w, dense.w, atol=1e-5)
    if form in ("csr", "blocks"):
        with pytest.raises(ValueError, match="becomes two rows"):
            flr.train(given, y, l1_ratio=1.0, lambda_=0.1, solver="auto")


def test_an_offset_goes_with_them():
    X, k, n = counts(4)
    y, offset = k / n, np.linspace(-1.0, 1.0, len(n))
    found = flr.train(X, y[None], weights=n[None], offset=offset[None], solver="auto", tol=1e-13)
    z = found.w.T @ X + found.b + offset
    a = 1.0 / (1.0 + np.exp(-z[0]))
    np.testing.assert_allclose(
        np.append(X, np.ones((1, len(n))), axis=0) @ (n * (a - y)), 0, atol=1e-5
    )
    J, dw, db = flr.propagate(found.w, found.b, X, y[None], weights=n[None], offset=offset[None])
    assert found.cost == pytest.approx(J, rel=1e-12)
    assert max(np.abs(dw).max(), abs(db)) < 1e-6
    assert flr.cost(
        found.w, found.b, X, y[None], weights=n[None], offset=offset[None]
    ) == pytest.approx(J, rel=1e-14)


def test_a_run_goes_on_from_its_checkpoint_to_the_same_bits(tmp_path):
    X, k, n = counts(5)
    how = {"weights": n[None], "lambda_": 0.2, "solver": "lbfgs"}
    y, file = (k / n)[None], tmp_path / "run.npz"
    whole = flr.train(X, y, iterations=12, **how)
    flr.train(X, y, iterations=5, checkpoint=file, **how)
    on = flr.train(X, y, iterations=12, checkpoint=file, resume=True, **how)
    assert on.w.tobytes() == whole.w.tobytes()
    assert on.passes == whole.passes
    other = y.copy()
    other[0, 0] = 0.123
    with pytest.raises(ValueError, match="what differs: Y"):
        flr.train(X, other, iterations=12, checkpoint=file, resume=True, **how)


@pytest.mark.parametrize(
    ("Y", "weights", "match"),
    [
        ([[0.2, 1.5, 0.0]], None, "probabilities from 0 to 1; got 1.5 .first at example 1"),
        ([[0.2, -0.1, 0.0]], None, "got -0.1"),
        ([[0.2, np.nan, 0.0]], None, "missing label: example 1"),
        ([[0.2, np.inf, 0.0]], None, "got inf"),
        ([[0.2, 0.5, 0.0]], [[1.0, -1.0, 1.0]], "weights must be finite, not negative"),
        ([[0.2, 0.5, 0.0]], [[1.0, np.nan, 1.0]], "weights must be finite"),
        ([[0.2, 0.5, 0.0]], [[0.0, 0.0, 0.0]], "weights must hold one above 0"),
        ([[0.2, 0.5, 0.0]], [1.0, 1.0, 1.0], "weights must have shape"),
        ([[0, 1, 1]], [[0.0, 1.0, 1.0]], "leave both classes"),
        ([[0.2, 0.5, 0.0]], [[0.0, 0.0, 1.0]], "leave both classes"),
        ([[0, 1, 2]], None, "Y must hold labels 0 or 1"),
    ],
)
def test_bad_targets_and_weights_are_refused(Y, weights, match):
    with pytest.raises(ValueError, match=match):
        flr.train(np.array([[1.0, 2.0, 4.0]]), Y, weights=weights)


def test_what_knows_labels_alone_says_so():
    with pytest.raises(ValueError, match="labels 0 or 1"):
        flr.path(np.array([[1.0, 2.0, 4.0]]), [[0.2, 0.5, 0.0]])
    with pytest.raises(ValueError, match="labels 0 to 2"):
        flr.train(np.array([[1.0, 2.0, 4.0]]), [[0.2, 0.5, 2.0]], classes=3)
    w, b = np.zeros((1, 3)), np.zeros((3, 1))
    with pytest.raises(ValueError, match="offset must be None for 3"):
        flr.propagate(w, b, [[1.0, 2.0, 4.0]], [[0, 1, 2]], offset=[[0.0, 0.0, 0.0]])


def test_several_classes_take_weights():
    X, Y = np.array([[1.0, 2.0, 4.0, 3.0]]), np.array([[0, 1, 2, 1]])
    found = flr.train(X, Y, classes=3, weights=[[2.0, 1.0, 1.0, 1.0]], lambda_=1.0, solver="newton")
    twice = flr.train(
        X[:, [0, 0, 1, 2, 3]], Y[:, [0, 0, 1, 2, 3]], classes=3, lambda_=1.0, solver="newton"
    )
    np.testing.assert_allclose(found.w, twice.w, atol=1e-7)
    with pytest.raises(ValueError, match="label 2 weigh 0"):
        flr.train(X, Y, classes=3, weights=[[2.0, 1.0, 0.0, 1.0]])
