"""Ctrl-C on the way along lambda: what is done is kept, with real signals."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.objective.columns import SharedColumns
from fastlogreg.training import paths
from fastlogreg.training.class_paths import ClassFollower
from fastlogreg.training.watch import ctrl_c_ends_reads
from tests.helpers.interrupts import no_whole_fits, press_at
from tests.helpers.limits import HANG

rng = np.random.default_rng(0)
X = rng.normal(size=(4, 300))
Z = X[0] + rng.normal(size=300)
TWO, THREE = (Z > 0).astype(int)[None, :], np.digitize(Z, [-0.5, 0.5])[None, :]
LAMBDAS = np.array([30.0, 100.0, 0.3, 3.0])
WAYS = {
    "two": (TWO, {}),
    "two standardised": (TWO, {"standardize": True}),
    "two with L1": (TWO, {"l1_ratio": 0.5, "bounds": (-9.0, 9.0)}),
    "three": (THREE, {"classes": 3}),
    "three with L1": (THREE, {"classes": 3, "l1_ratio": 0.5}),
}


@pytest.fixture(autouse=True)
def _handler_is_put_back():
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("way", WAYS)
def test_a_path_keeps_the_lambdas_that_are_done(way, monkeypatch):
    Y, more = WAYS[way]
    no_whole_fits(monkeypatch)
    whole = flr.path(X, Y, lambdas=LAMBDAS, **more)
    press_at(monkeypatch, whole.reads - 1)
    with pytest.warns(flr.TrainingWarning, match=r"Ctrl-C after [123] of 4 lambdas: ") as seen:
        found = flr.path(X, Y, lambdas=LAMBDAS, **more)
    assert seen[0].filename == __file__
    kept = np.isin(LAMBDAS, found.lambdas)
    assert kept[1]  # the strongest penalty is the first
    np.testing.assert_array_equal(found.lambdas, LAMBDAS[kept])
    np.testing.assert_array_equal(found.w, whole.w[..., kept])
    np.testing.assert_array_equal(found.costs, whole.costs[kept])
    assert found.reads < whole.reads


@pytest.mark.parametrize("way", WAYS)
def test_where_no_lambda_is_done_it_is_raised(way, monkeypatch):
    Y, more = WAYS[way]
    no_whole_fits(monkeypatch)
    press_at(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt, match="before anything was found"):
        flr.path(X, Y, lambdas=LAMBDAS, **more)


def test_of_fits_in_one_call_those_before_it_are_kept(monkeypatch):
    whole, honest = flr.path(X, THREE, lambdas=LAMBDAS, classes=3), ClassFollower._fit
    fits = []

    def fit(self, state, point):
        fits.append(honest(self, state, point))
        if len(fits) == 2:
            signal.raise_signal(signal.SIGINT)
        return fits[-1]

    monkeypatch.setattr(ClassFollower, "_fit", fit)
    with pytest.warns(flr.TrainingWarning, match="Ctrl-C after 2 of 4 lambdas"):
        found = flr.path(X, THREE, lambdas=LAMBDAS, classes=3)
    np.testing.assert_array_equal(found.lambdas, [30.0, 100.0])
    np.testing.assert_array_equal(found.w, whole.w[..., :2])


def test_one_that_comes_too_late_is_told(monkeypatch):
    whole = flr.path(X, TWO, lambdas=LAMBDAS)

    honest = paths.follow_all

    def follow_all(*given):
        found = honest(*given)
        signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(paths, "follow_all", follow_all)
    with pytest.warns(flr.TrainingWarning, match="Ctrl-C after 4 of 4 lambdas"):
        found = flr.path(X, TWO, lambdas=LAMBDAS)
    np.testing.assert_array_equal(found.w, whole.w)


def test_a_second_one_stops_at_once(monkeypatch):
    def twice(self):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(SharedColumns, "begin_pass", twice)
    with pytest.raises(KeyboardInterrupt) as raised:
        flr.path(X, TWO, lambdas=LAMBDAS)
    assert "before anything" not in str(raised.value)


def test_what_watched_before_watches_after():
    class Reading:
        watch = None

    own, reading = (lambda: None), Reading()
    reading.watch = own
    with ctrl_c_ends_reads(reading) as watch:
        assert reading.watch is watch
        watch()
    assert reading.watch is own


IN_A_PROCESS = """
import signal, warnings, numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)
import fastlogreg as flr
from fastlogreg.training import follow
rng = np.random.default_rng(0)
X = rng.normal(size=(4, 300))
Y = (X[:1] + rng.normal(size=300) > 0).astype(int)
honest, begun = follow.Follower.at, []
def at(self, index):
    if index == 3 and not begun:
        begun.append(index)
        print("ready", flush=True)
        while not self.shared.watch.__closure__[0].cell_contents:
            pass
    return honest(self, index)
follow.Follower.at = at
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = flr.path(X, Y, lambdas=10**5)
print(len(found.lambdas), caught[0].message, flush=True)
"""


def test_in_a_process_of_its_own():
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_PROCESS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG)
    finally:
        process.kill()
    done, text = out.split(" ", 1)
    assert 3 <= int(done) < 10**5
    assert text.startswith(f"interrupted by Ctrl-C after {done} of 100000 lambdas")
    assert (err, process.returncode) == ("", 0)
