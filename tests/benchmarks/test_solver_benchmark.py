"""The benchmark of the solvers: its optimum is one, its peers are measured on what they minimise,
its tables say what was found. Nothing here looks at how long anything took."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks.cases import optimum, problems
from benchmarks.cases.expected import Disagreement
from benchmarks.contenders import packages
from benchmarks.contenders.process import Offer, Worker
from benchmarks.runs import solvers


def small(m=60, n_x=4, dtype="float64"):
    return problems.correlated(m, n_x, dtype)("small", None, 1)


@pytest.mark.parametrize("shape", [(60, 4), (20, 50)])
def test_the_optimum_is_one(shape):
    problem = small(*shape)
    found = optimum.find(problem)
    for penalised, J in ((False, found.J), (True, found.penalised)):
        step = optimum._wide_step if shape[1] > shape[0] else optimum._step
        theta = np.zeros(shape[1] + 1)
        for _ in range(12):
            theta = step(problem, theta, penalised)
        assert pytest.approx(optimum.cost(problem, theta, penalised), rel=1e-12) == J
        for nudge in 1e-3 * np.random.default_rng(0).normal(size=(5, theta.size)):
            assert optimum.cost(problem, theta + nudge, penalised) > J
    assert optimum.cost(problem, np.full(shape[1] + 1, np.nan)) == np.inf


def test_an_optimum_that_is_none_is_noticed():
    """A fit below it would otherwise count as having arrived, however far from the true one."""
    problem = small()
    best = optimum.find(problem)
    fits = packages.fits("fastlogreg", problem.X, problem.y, 1.0)
    theta = np.append(*fits["fastlogreg"].fit(1e-10))

    class Fits:
        def fit(self, name, tol, most_seconds):
            return 1e-3, theta

    offer = Offer("fastlogreg", [1e-6], False)
    solvers.Run(Fits(), offer).explore(problem, best, 1.0)
    with pytest.raises(Disagreement, match="below what"):
        solvers.Run(Fits(), offer).explore(problem, best._replace(J=1.5 * best.J), 1.0)


@pytest.mark.parametrize("package", ["fastlogreg", "scikit-learn"])
def test_contenders_reach_the_optimum_that_they_are_held_against(package):
    problem = small()
    best = optimum.find(problem)
    for contender in packages.fits(package, problem.X, problem.y, 1.0).values():
        w, b = contender.fit(contender.tols[-3])
        J = best.penalised if contender.penalised else best.J
        other = best.J if contender.penalised else best.penalised
        found = optimum.cost(problem, np.append(w, b), contender.penalised)
        assert found / J - 1 < 1e-6
        assert abs(found / other - 1) > 1e-6  # the distinction matters


def test_a_worker_answers_and_ends(tmp_path):
    problem = small()
    np.save(tmp_path / "X.npy", problem.X)
    np.save(tmp_path / "y.npy", problem.y)
    np.save(tmp_path / "lambda.npy", 1.0)
    worker = Worker(tmp_path, "scikit-learn")
    seconds, theta = worker.fit("scikit-learn lbfgs", 1e-4, 60.0)
    assert seconds > 0
    assert theta.shape == (5,)
    assert worker.fit("scikit-learn lbfgs", "loose", 60.0) is None  # an error of the package
    assert worker.alive
    assert worker.fit("scikit-learn lbfgs", 1e-4, 0.0) is None  # too slow
    assert not worker.alive
    unknown = Worker(tmp_path, "no package")
    assert "no package" in unknown.error
    assert not unknown.alive
    assert unknown.fit("any", 1e-4, 1.0) is None


def row(contender, seconds, level=1e-6):
    return {
        "case": f"p, to {level:g}",
        "problem": "p",
        "level": level,
        "contender": contender,
        "seconds": seconds,
        "penalised": False,
    }


def test_ratios_and_tables():
    rows = [
        row("fastlogreg train", 1.0),
        row("slow", 9.0),
        row("fast", 3.0),
        row("fast", 0.5, 1e-3),
    ]
    assert solvers.ratio(rows, "p", 1e-6)[:2] == (3.0, 1.0)
    assert solvers.ratio([*rows, row("fastlogreg", 2.0)], "p", 1e-6)[0] == 1.5
    assert np.isnan(solvers.ratio(rows, "p", 1e-9)[0])
    where = {
        "load": 0.0,
        "cpu": "c",
        "cpus": 1,
        "threads": 1,
        "last_level_cache": 1 << 20,
        "system": "s",
        "blas": "b",
    }
    result = {"rows": rows, "environment": {**where, "versions": {}}, "targets": []}
    text = solvers.report(result)["solvers"]
    assert "fast 3.00" in text
    assert "none arrives" in text
    assert "fast" in solvers.table(rows)
    assert solvers.figure(result).axes


def test_no_such_problem(capsys):
    assert command.main(["solvers", "--problem", "of evil"]) == 2
    assert "--problem must be part of" in capsys.readouterr().err
    assert set(solvers.TARGETS) <= set(problems.PROBLEMS)


def test_real_data_that_is_not_there(tmp_path):
    for name in ("MNIST zeros, uint8", "a9a, dense"):
        assert problems.PROBLEMS[name](name, tmp_path, 1) is None
