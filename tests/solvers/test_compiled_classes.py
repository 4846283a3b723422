"""Newton's method for several classes, compiled whole: it is the plain way, in fewer reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import datasets

import fastlogreg as flr
from fastlogreg.backends import class_hessians
from fastlogreg.backends.base import dense_in_memory
from fastlogreg.data.inputs import design_of
from fastlogreg.maths.arrays import NONE, Vector
from fastlogreg.objective.softmax import SoftmaxObjective
from fastlogreg.solvers import compiled, compiled_classes
from fastlogreg.solvers.answers import Answers
from fastlogreg.solvers.newton import Newton
from fastlogreg.solvers.requests import BeginByNewton, EvaluateHessian, StepByNewton
from fastlogreg.solvers.result import TrainingResult
from fastlogreg.solvers.state import State
from fastlogreg.training import run
from fastlogreg.training.options import Options

OPTIONS = [
    "example-major",
    "feature-major",
    "float32",
    "float16",
    "uint8",
    "int64",
    "strided",
    "scaled",
    "weights",
    "no intercept",
    "a far start",
    "columns twice",
    "several blocks",
    "a lost penalty",
]


@pytest.fixture(autouse=True)
def try_the_kernel_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the kernel without compilation too, so that its text is tried there."""
    monkeypatch.setattr(compiled_classes, "are_compiled", lambda: True)


def problem(option: str, backend: Any = "fused") -> tuple[SoftmaxObjective, Vector]:
    """Return an objective that is small, and a start."""
    rng = np.random.default_rng(3)
    m, n_x, K = (701, 6, 5) if option == "several blocks" else (203, 5, 3)
    x = np.round(rng.standard_normal((m, n_x)) * 12.0 + 40.0) / 8.0
    scores = x @ rng.standard_normal((n_x, K)) + rng.gumbel(size=(m, K))
    labels = np.argmax(scores - scores.mean(axis=0), axis=1).astype(np.int32)
    scale: Any = 1.0
    shift: Any = -5.0
    lambda_ = 0.7
    if option == "columns twice":
        x[:, 4], lambda_ = x[:, 3], 1e-6
    if option == "a lost penalty":
        lambda_ = 1e-9
    if option in ("uint8", "int64"):
        x, scale = np.round(x * 8.0), 0.125
    if option == "scaled":
        scale, shift = np.linspace([0.2], [3.0], n_x), np.linspace([-9.0], [1.0], n_x)
    X: Any = np.ascontiguousarray(x).T
    if option == "feature-major":
        X = np.ascontiguousarray(X)
    elif option == "strided":
        X = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
    elif option in ("float32", "float16", "uint8", "int64"):
        X = X.astype(option)
    weight = rng.integers(0, 4, m) * 0.5 if option == "weights" else NONE
    intercept = option != "no intercept"
    objective = SoftmaxObjective(
        design_of(X, scale, shift), labels, K, lambda_, backend, 2, weight, intercept
    )
    theta = np.zeros(objective.size)
    if option == "a far start":
        theta = 3.0 * rng.standard_normal(objective.size)
    return objective, objective.centred(theta) if intercept else theta


def trained(option: str, **more: Any) -> tuple[SoftmaxObjective, TrainingResult]:
    objective, theta = problem(option)
    options = {"solver": "newton", "iterations": 60, "tol": 1e-12, **more}
    return objective, run.run(objective, State(theta), Options(**options))


@pytest.mark.parametrize("option", OPTIONS)
def test_a_point_is_that_of_the_plain_way(option: str) -> None:
    objective, theta = problem(option)
    assert compiled_classes.is_small(objective)
    theta = theta + 0.1 * np.random.default_rng(0).standard_normal(theta.size)
    if option == "no intercept":
        theta.reshape(objective.classes, -1)[:, -1] = 0.0
    answers = Answers(objective)
    assert answers.problem.has_newton_steps
    (_, here, z), H = answers.answer(EvaluateHessian(theta))
    assert objective.passes == 1
    (_, there, own), own_H = objective.point_with_hessian(theta)
    np.testing.assert_allclose(here.J, there.J, rtol=1e-13)
    np.testing.assert_allclose(z, own, atol=1e-12 * abs(own).max())
    np.testing.assert_allclose(here.gradient, there.gradient, atol=1e-13 * abs(own_H).max())
    np.testing.assert_allclose(H, own_H, atol=1e-13 * abs(own_H).max())
    np.testing.assert_array_equal(H, H.T)


@pytest.mark.parametrize("option", OPTIONS)
def test_the_steps_are_those_of_the_plain_way(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain: list[int] = []
    one_step = Newton._iterate
    monkeypatch.setattr(Newton, "_iterate", lambda *given: plain.append(1) or one_step(*given))
    objective, whole = trained(option)
    by_hand = len(plain)
    monkeypatch.setattr(compiled, "newton_is_compiled", lambda objective: False)
    _, steps = trained(option)
    assert whole.stop_reason == steps.stop_reason == "converged"
    assert len(whole.costs) == len(steps.costs) == len(plain) - by_hand
    assert (by_hand > 0) == (option == "a far start")
    np.testing.assert_allclose(whole.costs, steps.costs, rtol=1e-10)
    np.testing.assert_allclose(whole.cost, steps.cost, rtol=1e-13)
    bounds, own_bounds = whole.history[:, 3], steps.history[:, 3]
    np.testing.assert_allclose(bounds, own_bounds, rtol=1e-6, atol=1e-15)
    size = abs(steps.w).max()
    near = 1e-10 if option not in ("a lost penalty", "columns twice") else 1e-6
    np.testing.assert_allclose(whole.w, steps.w, atol=near * size)
    if option != "a far start":
        assert whole.passes == whole.iterations + 1
        assert whole.history[:-1, 0].tolist() == list(range(1, whole.passes + 1))
    assert (np.diff(whole.history[:, 1]) >= 0.0).all()
    again = objective.point(objective.taken(whole.w, whole.b))
    np.testing.assert_allclose(again.evaluation.J, whole.cost, rtol=1e-13)


@pytest.mark.filterwarnings("ignore:not converged")
@pytest.mark.parametrize("option", ["weights", "a far start", "several blocks"])
def test_stretches_of_any_length_have_the_same_bits(option: str) -> None:
    _, whole = trained(option)
    for k in range(1, whole.iterations):
        _, part = trained(option, iterations=k)
        np.testing.assert_array_equal(np.append(part.costs, part.cost), whole.costs[: k + 1])
    _, again = trained(option, iterations=whole.iterations)
    np.testing.assert_array_equal(again.w, whole.w)


def test_what_is_not_small_or_has_no_penalty_goes_the_plain_way() -> None:
    objective, _ = problem("float32")
    assert compiled_classes.is_small(objective)
    design, labels = objective.design, objective.labels
    assert not compiled_classes.is_small(SoftmaxObjective(design, labels, 3, 0.0))
    assert not compiled_classes.is_small(SoftmaxObjective(design, labels, 3, 1.0, "numpy"))
    x, y = datasets.load_digits(return_X_y=True)
    large = SoftmaxObjective(design_of(x.T, 1.0, 0.0), y.astype(np.int32), 10, 1.0)
    assert not compiled_classes.is_small(large)


def test_iris_takes_one_read_for_each_point() -> None:
    x, y = datasets.load_iris(return_X_y=True)
    X = ((x - x.mean(axis=0)) / x.std(axis=0)).T
    result = flr.train(X, y[None, :], classes=3, solver="auto", lambda_=1.0, tol=1e-14)
    assert result.cost * 150.0 == pytest.approx(31.378768260796, abs=2e-12)
    assert result.passes == result.iterations + 1 <= 9


def test_a_start_where_every_example_is_saturated_and_a_nan_in_x() -> None:
    x, y = datasets.load_iris(return_X_y=True)
    x[7, 2] = np.nan
    with pytest.raises(ValueError, match="finite"):
        flr.train(x.T, y[None, :], classes=3, solver="newton", lambda_=1.0)
    x[7, 2] = 1.4
    w = np.zeros((4, 3))
    w[:, 0] = 1e6
    result = flr.train(x.T, y[None, :], classes=3, solver="newton", lambda_=1.0, tol=1e-9, w=w)
    assert result.stop_reason == "converged"


@pytest.mark.parametrize("backend", ["fused", "numpy", "loops"])
@pytest.mark.parametrize("option", ["weights", "strided", "uint8", "scaled", "several blocks"])
def test_a_hessian_comes_with_its_point_in_one_read(
    option: str, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_hessians, "BLOCK_BYTES", 64 * 8 * 5)  # several blocks of any X
    objective, _ = problem(option, backend)
    theta = objective.centred(0.1 * np.random.default_rng(0).standard_normal(objective.size))
    assert objective.hessian_in_one_read
    point, H = objective.point_with_hessian(theta)
    assert objective.passes == 1
    plain = objective.point(theta)
    own_H = objective.hessian_at(plain)
    size = abs(own_H).max()
    np.testing.assert_allclose(point.evaluation.J, plain.evaluation.J, rtol=1e-13)
    np.testing.assert_allclose(
        point.evaluation.gradient, plain.evaluation.gradient, atol=1e-13 * size
    )
    np.testing.assert_allclose(H, own_H, atol=1e-13 * size)
    np.testing.assert_allclose(point.z, plain.z, atol=1e-12 * abs(plain.z).max())


def test_the_plain_way_takes_one_read_for_each_point_of_a_dense_x(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled_classes, "MOST_PRODUCTS", 0.0)
    _, result = trained("several blocks")
    assert result.stop_reason == "converged"
    assert result.passes == result.iterations + 1


def test_x_in_blocks_takes_two_reads_for_each_point() -> None:
    small, theta = problem("float32")
    X = dense_in_memory(small.design).X
    blocks = flr.RowBlocks(np.ascontiguousarray(X.T), max_memory=100_000)
    objective = SoftmaxObjective(design_of(blocks, 1.0, -5.0), small.labels, 3, 0.7)
    result = run.run(objective, State(theta), Options("newton", 60, tol=1e-12))
    _, whole = trained("float32")
    assert result.cost == pytest.approx(whole.cost, rel=1e-12)
    assert result.passes == 2 * (result.iterations + 1)


@pytest.mark.parametrize("option", ["example-major", "weights", "no intercept", "a far start"])
def test_what_begins_compiled_is_the_first_point_and_the_steps_from_there(option: str) -> None:
    objective, theta = problem(option)
    answers, least = Answers(objective), 1e-14
    found = answers.answer(BeginByNewton(theta, 3, 1e-12, least))
    first, H = answers.answer(EvaluateHessian(theta))
    after = answers.answer(StepByNewton(first, H, 3, 1e-12, least))
    assert found.reads_before == 0
    assert len(found.points) == 1 + len(after.points)
    for one, other in zip(found.points, [first, *after.points]):
        assert one.theta.tobytes() == other.theta.tobytes()
        assert one.evaluation.J == other.evaluation.J
        assert one.evaluation.gradient.tobytes() == other.evaluation.gradient.tobytes()
    assert found.H.tobytes() == (after.H if after.points else H).tobytes()
    assert [one.bound for one in found.judgements[1:]] == [one.bound for one in after.judgements]
    bound = objective.bound_by_hessian(first.evaluation, H)
    assert found.judgements[0].bound == pytest.approx(bound, rel=1e-9)


def test_a_start_that_is_the_optimum_takes_one_read() -> None:
    objective, result = trained("example-major")
    start = objective.taken(result.w, result.b)
    objective.passes = 0
    again = run.run(objective, State(start), Options(solver="newton", tol=1e-10))
    assert (again.iterations, again.passes, again.stop_reason) == (0, 1, "converged")
