"""max_seconds is kept, on a clock on which nothing but passes takes time, so that no test waits for
it."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.backends import gram
from fastlogreg.objective.objective import Objective
from fastlogreg.solvers import auto, compiled, newton
from fastlogreg.solvers.result import TrainingWarning
from fastlogreg.training import diagnosis, watch

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4)).T
X[-1] *= 30.0
Y = (X[:1] + rng.normal(size=(1, 300)) > 0).astype(np.uint8)
MANY = np.random.default_rng(1).normal(size=(300, 50)).T  # features: L by power iterations
WAYS = {
    "gd": {},
    "gd, many features": {},
    "gd with alpha": {"alpha": 1e-3},
    "gd with tol": {"tol": 1e-15},
    "nesterov": {"solver": "nesterov", "tol": 1e-15},
    "lbfgs": {"solver": "lbfgs", "tol": 1e-300},
    "newton": {"solver": "newton", "tol": 1e-300},
    "conjugate gradients": {"solver": "newton", "tol": 1e-300},
    "auto": {"solver": "auto", "tol": 1e-300},
    "tall": {"solver": "auto", "tol": 1e-300},
}


class Clock:
    """Passes take pass_seconds each, on designs of more than 100 examples."""

    def __init__(self, patch, pass_seconds, sample_seconds=0.0):
        self.now, self.took = 1000.0, {True: pass_seconds, False: sample_seconds}
        real, clock = Objective.begin_pass, self

        def begin_pass(objective):
            real(objective)
            clock.now += clock.took[objective.m > 200]

        patch.setattr(Objective, "begin_pass", begin_pass)
        patch.setattr(time, "perf_counter", lambda: clock.now)


def trained(way, max_seconds, pass_seconds, lambda_=1.0, sample_seconds=0.0, **more):
    """The result and the time that the run has taken."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        if way == "conjugate gradients":
            patch.setattr(newton, "LARGEST_CHOLESKY", 2)
        if way == "tall":
            patch.setattr(auto, "SMALL", 0)
            patch.setattr(auto, "LEAST_ROWS", 100)
        patch.setattr(
            diagnosis, "HURRIED", np.inf
        )  # as of large X: no passes for a warning once time is up
        patch.setattr(watch, "seconds_on_one_core", lambda design: pass_seconds)
        clock = Clock(patch, pass_seconds, sample_seconds)
        options = {"iterations": 10**6, "backend": "numpy", "n_threads": 1, **WAYS[way], **more}
        table = MANY if "many" in way else X
        result = flr.train(table, Y, lambda_=lambda_, max_seconds=max_seconds, **options)
        return result, clock.now - 1000.0


@given(
    way=st.sampled_from(sorted(WAYS)),
    max_seconds=st.floats(0.0, 100.0),
    pass_seconds=st.sampled_from([0.05, 0.3, 1.0, 10.0]),
    sample_share=st.sampled_from([0.0, 0.4, 1.0]),
    lambda_=st.sampled_from([0.0, 1.0]),
)
def test_never_more_than_a_pass_or_half_a_second_too_late(
    way, max_seconds, pass_seconds, sample_share, lambda_
):
    result, took = trained(way, max_seconds, pass_seconds, lambda_, sample_share * pass_seconds)
    assert result.stop_reason in ("max_seconds", "converged", "precision")
    assert result.stop_reason != "max_seconds" or took <= max_seconds + max(0.5, pass_seconds)
    assert np.isfinite(result.cost)
    assert len(result.costs) == result.iterations


def test_it_is_not_stopped_much_too_early_either():
    for way in WAYS:
        result, took = trained(way, 100.0, 1.0, iterations=10**6)
        assert result.stop_reason in ("converged", "precision") or took >= 97.0, way


def test_the_clock_of_these_tests_is_one():
    """Without looking before each pass the preparations alone, up to 100 passes, would take
    longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objective, "watch", property(lambda self: None, lambda self, value: None))
        assert max(trained(way, 1.0, 1.0)[1] for way in WAYS) > 4.0


def test_the_gram_matrix_too(monkeypatch):
    """Its slabs of features are what takes long there."""
    wide = np.tile(X.T, (1, 200))  # (300, 800) -> n_x 800 below
    clock, real = [1000.0], gram.gram

    def slow(design, n_threads, between):
        def tick():
            between()
            clock[0] += 10.0

        return real(design, n_threads, tick)

    monkeypatch.setattr(gram, "gram", slow)
    monkeypatch.setattr(compiled, "gram_pays", lambda objective, iterations: True)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    few = wide[:20].T  # (n_x, m) = (800, 20)
    result = flr.train(np.tile(few, (100, 1)), Y[:, :20], max_seconds=5.0, iterations=10**6)
    assert (result.stop_reason, result.iterations, clock[0]) == ("max_seconds", 0, 1010.0)


def test_a_resumed_run_gets_its_seconds_anew_and_all_of_them_are_counted(tmp_path):
    total = 0.0
    for _ in range(3):
        result, took = trained("gd", 10.0, 1.0, checkpoint=tmp_path / "run", resume=True)
        total += took
        assert result.stop_reason == "max_seconds"
        assert (
            total - 6.0 < result.seconds <= total
        )  # without the passes after the writing of each checkpoint
    assert total > 25.0


def test_standardising_belongs_to_the_budget():
    pytest.importorskip("sklearn")
    model = flr.LogisticRegression(solver="gd", standardize=True, max_seconds=3.0, tol=1e-15)
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock(patch, 1.0)
        with pytest.warns(TrainingWarning):
            model.fit(X.T, Y[0])
    assert model.stop_reason_ == "max_seconds"
    assert clock.now - 1000.0 <= 4.0
