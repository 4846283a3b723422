"""Kernels that hand their own call over to helpers that wait."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.backends import fused
from fastlogreg.kernels.atomics import fetch_and_increment
from fastlogreg.kernels.decorators import kernel
from fastlogreg.kernels.helpers import share, wait_for_calls
from fastlogreg.machine import threads
from fastlogreg.tools import bench
from tests.helpers.comparison import WITHOUT_JIT
from tests.helpers.limits import HANG

needs_jit = pytest.mark.skipif(WITHOUT_JIT, reason="nobody waits where nothing is compiled")
CALLS = 1  # the counter that tells how many calls there were


@kernel
def each_counts(counters, most, rounds):
    """Count the calls; in all but the first one, `most` is the number that may not be reached."""
    shared = share(counters)
    if shared < 0:
        raise MemoryError
    if shared:
        return
    if fetch_and_increment(counters, 1) >= most:
        raise MemoryError
    for _ in range(rounds):
        if counters[CALLS] >= 2:  # the other one is here
            return
        fetch_and_increment(counters, 4)


def shared(lines, most=9, rounds=0):
    """Call the kernel with these lines; the counters after it."""
    counters = np.zeros(threads.LINE_NUMBERS, np.int64)
    counters[threads.FIRST_LINE], counters[threads.LINES] = lines.ctypes.data, len(lines)
    each_counts(counters, most, rounds)
    return counters


def lines_of(*states):
    lines = np.zeros((len(states), threads.LINE_NUMBERS), np.int64)
    lines[:, threads.STATE] = states
    return lines


def until(condition):
    """Wait until it holds, as long as a test may hang."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + HANG
        time.sleep(1e-3)


@needs_jit
def test_a_call_that_nobody_begins_is_taken_back():
    lines = lines_of(threads.WAITING, threads.AWAY, threads.TAKEN)
    lines[2, threads.JOB] = 7  # of another caller
    assert shared(lines)[CALLS] == 1
    assert lines[:, threads.STATE].tolist() == [threads.WAITING, threads.AWAY, threads.TAKEN]
    assert lines[:, threads.JOB].tolist() == [0, 0, 7]


def test_without_helpers_the_call_is_as_any():
    counters = np.zeros(threads.LINE_NUMBERS, np.int64)
    each_counts(counters, 9, 0)
    assert counters[CALLS] == 1


@needs_jit
def test_an_error_comes_through_and_leaves_the_lines_free():
    lines = lines_of(threads.WAITING)
    with pytest.raises(MemoryError):
        shared(lines, most=0)
    assert lines[0, threads.STATE] == threads.WAITING


@needs_jit
def test_a_helper_goes_away_after_a_while_or_when_called():
    lines = lines_of(threads.AWAY)
    wait_for_calls(lines.ctypes.data, 1000)
    assert lines[0, threads.STATE] == threads.AWAY
    lines[0, threads.CALLED] = 1
    wait_for_calls(lines.ctypes.data, 1 << 62)
    assert lines[0, threads.STATE] == threads.AWAY


@pytest.fixture
def waiting():
    """The lines of two helpers that wait until the test is over."""
    lines = lines_of(threads.AWAY, threads.AWAY)

    def wait(line):
        while not line[threads.CALLED]:  # where others want the CPU it comes back at once
            wait_for_calls(line.ctypes.data, 1 << 62)

    started = [threading.Thread(target=wait, args=(line,)) for line in lines]
    for thread in started:
        thread.start()
    until(lambda: (lines[:, threads.STATE] == threads.WAITING).all())
    yield lines
    lines[:, threads.CALLED] = 1
    for thread in started:
        thread.join()


@needs_jit
def test_helpers_make_the_same_call(waiting):
    until(lambda: shared(waiting, rounds=10**6)[CALLS] >= 2)


@needs_jit
def test_an_error_of_a_helper_comes_through(waiting):
    """Only one call is good: whoever comes second fails."""

    def fails():
        try:
            shared(waiting, most=1, rounds=10**6)
        except MemoryError:
            return True
        return False

    until(fails)
    assert not waiting[:, threads.JOB].any()


@needs_jit
def test_many_callers_share_the_helpers(monkeypatch):
    """Each of them gets its own sums, to the bit."""
    monkeypatch.setattr(threads, "available_threads", lambda: 3)
    monkeypatch.setattr(threads, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(fused, "SECONDS_PER_THREAD", 1e-30)
    wrong = []

    def passes(seed):
        X, y, w = bench.random_problem(400 + 200 * seed, 40, "float64", seed=seed)
        alone, together = (bench.objective(X, y, "fused", n) for n in (1, 3))
        J, dw, db = alone.cost_and_gradient(w, 0.1)
        for _ in range(200):
            found = together.cost_and_gradient(w, 0.1)
            if (found[0], found[2]) != (J, db) or (found[1] != dw).any():
                wrong.append(seed)

    callers = [threading.Thread(target=passes, args=(seed,)) for seed in range(1, 5)]
    with threads.at_hand():
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert not wrong


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("order", bench.ORDERS)
def test_a_fit_has_the_same_bits(dtype, order, monkeypatch):
    monkeypatch.setattr(threads, "available_threads", lambda: 3)
    monkeypatch.setattr(fused, "SECONDS_PER_THREAD", 1e-30)
    m, n_x = (400, 20) if WITHOUT_JIT else (2000, 200)
    X, y, _ = bench.random_problem(m, n_x, dtype, order)
    handed, honest = [], fused._handing_over
    monkeypatch.setattr(fused, "_handing_over", lambda *a: handed.append(honest(*a)) or handed[-1])
    found = [
        flr.train(X, y[None], lambda_=1.0, solver="lbfgs", iterations=20, n_threads=n)
        for n in (1, 2, 3)
    ]
    assert any(handed) is not WITHOUT_JIT
    assert len({(r.w.tobytes(), r.b, r.cost) for r in found}) == 1
    until(lambda: all(h.line[threads.STATE] == threads.AWAY for h in threads._helpers))


FIT = """
import os, threading, time
import numpy as np
import fastlogreg as flr
from fastlogreg.machine import threads
threads.available_threads = lambda: 2
rng = np.random.default_rng(0)
X, Y = rng.standard_normal((4000, 300)).T, rng.integers(0, 2, (1, 4000))

def fit(callback=None, iterations=500):
    found = flr.train(
        X, Y, alpha=1e-3, iterations=iterations, callback=callback, n_threads=2, max_seconds=600.0
    )
    return found.w.tobytes()
"""
FORKED = """
children = []

def fork(progress):
    if not children:
        pid = os.fork()
        if not pid:
            assert threads._fits == 0
            os._exit(0 if fit() == good else 1)
        children.append(os.waitpid(pid, 0)[1])

import warnings
warnings.simplefilter("ignore")  # of fork with threads, from Python 3.12 on
good = fit()
assert fit(fork) == good
print(children)
"""
LEFT = """
threading.Thread(target=lambda: fit(iterations=10**7), daemon=True).start()
while not any(helper.line[threads.STATE] for helper in threads._helpers):
    time.sleep(1e-4)
print("left")
"""


def child(code):
    done = subprocess.run(
        [sys.executable, "-c", FIT + code], capture_output=True, text=True, timeout=HANG
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_jit
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_forked_within_a_fit():
    assert child(FORKED) == "[0]"


@needs_jit
def test_the_interpreter_ends_while_a_helper_waits():
    assert child(LEFT) == "left"
