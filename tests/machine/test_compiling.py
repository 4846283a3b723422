"""What is spent on compiling is known, each second once, and is not in the history of a run."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.machine import compiling


@pytest.fixture
def clock(monkeypatch):
    """Let a list of one number be the clock, and forget what was compiled."""
    now = [0.0]
    monkeypatch.setattr(compiling.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(compiling, "_stretches", [])
    return now


def test_a_stretch_within_another_is_counted_once(clock):
    clock[0] = 1.0
    with compiling.stretch():
        clock[0] = 2.0
        with compiling.stretch():
            clock[0] = 4.0
        clock[0] = 5.0
    with contextlib.suppress(KeyError), compiling.stretch():  # one that fails takes time, too
        clock[0] = 7.0
        raise KeyError
    assert compiling.seconds(0.0, 10.0) == 6.0
    assert compiling.seconds(3.0, 6.0) == 3.0
    assert compiling.seconds(8.0, 9.0) == 0.0


def test_compiling_and_loading_are_noticed(clock):
    numba = pytest.importorskip("numba")
    if numba.config.DISABLE_JIT:
        pytest.skip("nothing is compiled with NUMBA_DISABLE_JIT=1")
    from fastlogreg.kernels.decorators import exact

    exact(lambda x: x + 1.0)(2.0)
    assert len(compiling._stretches) >= 1
    assert compiling._open == []


@pytest.mark.parametrize("solver", ["gd", "auto", "lbfgs"])
def test_the_history_is_without_compiling(solver, monkeypatch):
    """As if a quarter of all time were compiling."""
    monkeypatch.setattr(compiling, "seconds", lambda start, stop: 0.25 * (stop - start))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 50))
    Y = (X[:1] > rng.normal(size=(1, 50))).astype(int)
    result = flr.train(X, Y, solver=solver, lambda_=1.0, tol=1e-8, iterations=50)
    seconds = result.history[:, 1]
    assert seconds[-1] == pytest.approx(0.75 * result.seconds)
    assert (np.diff(seconds) >= 0).all()
