"""Solvers ask and never touch an objective; several can be answered side by side; one registry."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg import solvers
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.maths.elastic_net import ElasticNet
from fastlogreg.objective.elastic_net import ElasticNetObjective
from fastlogreg.objective.objective import Objective
from fastlogreg.solvers import answers, base, penalised_answers, registry, requests
from fastlogreg.solvers.answers import drive
from fastlogreg.solvers.penalised_answers import answers_of
from fastlogreg.solvers.state import State

ANSWERING = {
    "answers",
    "compiled",
    "compiled_classes",
    "by_examples",
    "column_answers",
    "compiled_penalised",
    "penalised_answers",
    "model_answers",
    "in_step",  # it drives solvers, as `answers.drive` does
}  # what knows both sides
FOLDER = Path(solvers.__file__).parent


def knows_an_objective(source):
    """What of a module's text deals with an objective: an import of one, or the name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            wanted = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            if any(
                part in name.split(".")
                for name in wanted
                for part in ("answers", "compiled", "backends", "data")
            ) or ("objective" in module and not module.endswith("objective.point")):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif (isinstance(node, ast.Name) and node.id == "objective") or (
            isinstance(node, ast.Attribute) and node.attr == "objective"
        ):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def test_only_the_answers_know_the_objective():
    seen = set()
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in ANSWERING:
            assert list(knows_an_objective(path.read_text())) == [], path.name
            seen.add(path.stem)
    assert {"gd", "nesterov", "lbfgs", "newton", "auto", "line_search", "state"} <= seen


@pytest.mark.parametrize(
    "source",
    [
        "from ..objective.objective import Objective",
        "from ..objective import objective",
        "from . import compiled",
        "from .answers import Answers",
        "from ..data.design import Design",
        "def f(self):\n    return self.objective.evaluate(w, b)",
        "def f(objective):\n    return objective.measure(g)",
    ],
)
def test_a_solver_that_knows_the_objective_is_found(source):
    assert list(knows_an_objective(source))
    assert not list(knows_an_objective("from ..objective.point import Point\nfrom . import newton"))


def test_every_request_is_answered_and_in_the_table():
    asked = set(get_args(requests.Request))
    others = set(penalised_answers._ALONE) | set(penalised_answers._OF_CLASSES)
    assert asked == set(answers._WAYS) | others
    for request in asked:
        assert f"\n    {request.__name__} " in requests.__doc__


def test_the_names_are_those_for_type_checkers():
    assert registry.names() == get_args(base.SolverName)
    hint = inspect.signature(flr.train).parameters["solver"].annotation
    assert hint in ("SolverName", base.SolverName)
    with pytest.raises(ValueError, match="'newton', 'prox_newton', 'auto'; got 'sgd'"):
        flr.train(np.ones((1, 2)), [[0, 1]], solver="sgd")


def problem(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 6))
    y = (X[:, 0] + rng.logistic(size=400) > 0).astype(np.uint8)
    return Objective(DesignMatrix(X.T, np.ones(6), np.zeros(6)), y, 1.0)


def begun(name, seed):
    """A solver with its answers, from zeros."""
    given = answers_of(problem(seed))
    if name == "prox_newton":
        penalty = ElasticNet(1.0, 0.5, 400.0, np.ones(6))
        given = answers_of(ElasticNetObjective(problem(seed).design, problem(seed).y, penalty))
    settings = base.Settings(1e-10, 0.5)
    state = State.at(np.zeros(6), 0.0)
    return given, registry.REGISTRY[name].make(given.problem, state, settings, None), state


def test_solvers_side_by_side_make_the_steps_that_each_makes_alone():
    """Their stretches are of different lengths: who is done waits for nobody."""
    alone, together = [], []
    for found, side_by_side in ((alone, False), (together, True)):
        running = [begun(name, seed) for seed, name in enumerate(registry.names())]
        for stage in ("prepare", "advance"):
            steps = [
                (given, solver.prepare() if stage == "prepare" else solver.advance(3 + 5 * k))
                for k, (given, solver, _) in enumerate(running)
            ]
            for group in [steps] if side_by_side else [[step] for step in steps]:
                drive(*group)
        found.extend((s.theta.tobytes(), s.costs, s.iteration, s.stop) for _, _, s in running)
    assert alone == together
    assert all(iteration > 2 for _, _, iteration, _ in alone)


def test_a_round_has_one_request_of_each(monkeypatch):
    rounds = []
    honest = answers.together
    monkeypatch.setattr(
        answers, "together", lambda asked: rounds.append(len(asked)) or honest(asked)
    )
    running = [begun("nesterov", seed) for seed in range(3)]
    drive(*((given, solver.advance(2 + k)) for k, (given, solver, _) in enumerate(running)))
    # Each iteration asks for a point and its measure.
    assert rounds == [3] * 4 + [2] * 2 + [1] * 2 + [0]


def test_an_answer_that_fails_leaves_the_last_iteration():
    """The state is that of whole iterations, whichever request fails."""
    for name in registry.names():
        for fails_at in range(12):
            given, solver, state = begun(name, 0)
            drive((given, solver.prepare()))
            steps, answer = solver.advance(30), None
            try:
                for _ in range(fails_at + 1):
                    request = steps.send(answer)
                    answer = given.answer(request)
            except StopIteration:
                continue
            with pytest.raises(KeyboardInterrupt):
                steps.throw(KeyboardInterrupt())
            assert len(state.costs) == state.iteration, (name, fails_at)
            assert solver.state_arrays()["method"].split()[0] == name
