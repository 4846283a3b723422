"""Cross-validation as it is measured: the same scores first, and every row what the table says.

Nothing here looks at how long anything took.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks.cases.expected import Disagreement
from benchmarks.cases.problems import Problem
from benchmarks.runs import cv


def task(solvers=("newton-cholesky",)):
    return cv.Task("few rows", solvers, 1.0, np.array([0.1, 10.0]))


def problem():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 4))
    return Problem(
        "few rows", X, (rng.random(120) < 1.0 / (1.0 + np.exp(-X[:, 0]))).astype(np.uint8)
    )


def test_contenders_are_timed_where_their_scores_agree():
    said = []
    rows = cv.run_task(task(), problem(), 1, 1, said.append)
    assert [row["contender"] for row in rows] == ["fastlogreg", "scikit-learn newton-cholesky"]
    assert rows[0]["ratio"] == 1.0
    assert rows[0]["reads"] > 2
    assert all("tol" in line for line in said)
    blocks = cv.report({"rows": rows, "targets": [], "environment": environment()})
    assert "few rows" in blocks["cv"]


def environment():
    from benchmarks.report.environment import environment

    return environment(1)


def test_nobody_is_timed_without_an_agreement():
    with pytest.raises(Disagreement, match="no contender agrees"):
        cv.run_task(task(()), problem(), 1, 1, lambda text: None)


def test_the_loosest_tolerance_is_taken():
    class Model:
        def __init__(self, tol):
            self.scores_ = {1: np.full((5, 2), tol)}

    assert cv.loosest(Model, (1e-3, 1e-5, 1e-7, 1e-9), np.zeros((5, 2))).tol == 1e-7
    assert cv.loosest(Model, (1e-3, 1e-5), np.zeros((5, 2))) is None


def test_a_fit_that_takes_too_long_is_cut():
    def endless(tol):
        while True:
            sum(range(1000))

    assert cv.loosest(endless, (1e-3, 1e-5), np.zeros((5, 2)), 0.05) == (1e-3, 0.05, True)


def test_where_all_are_cut_one_single_fit_must_agree():
    said = []
    rows = cv.run_task(task()._replace(longest=1e-4), problem(), 1, 1, said.append)
    assert "cut after" in said[-1]
    assert [row["cut"] for row in rows] == [False, True]
    assert rows[1]["seconds"] == 1e-4
    (found,) = cv._targets(task(), rows)
    assert found["what"].endswith(", at least")
    blocks = cv.report({"rows": rows, "targets": [], "environment": environment()})
    assert "| > 0.1" in blocks["cv"].replace("  ", " ").replace("  ", " ")


def test_their_scores_are_made_of_z():
    """One example is so far on the wrong side that its probability is rounded to 1."""

    model = SimpleNamespace(coefs_paths_={1: np.array([[[1.0, 0.5]], [[2.0, -1.0]]])})
    X, y = np.array([[-50.0], [1.0], [2.0]]), np.array([1, 0, 1], np.uint8)
    found = cv.held_out_losses(model, X, y, [np.array([0, 1]), np.array([2])])
    first = (49.5 + np.log1p(np.exp(-49.5)) + np.log1p(np.exp(1.5))) / 2.0
    np.testing.assert_allclose(found, [[-first], [-np.log1p(np.exp(-3.0))]], rtol=1e-15)


def test_one_against_the_rest_is_measured_both_ways():
    shared, singles = cv.run_rivals(True, 1)
    assert shared["contender"] == "shared reads"
    assert shared["reads"] < singles["reads"]
    targets = cv._targets(task(), [{"contender": "fastlogreg", "reads": 40, "ratio": 1.0}])
    assert [one["found"] for one in targets] == [None]
