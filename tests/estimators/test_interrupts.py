"""Ctrl-C: a fit keeps what it has found, and the loop around it ends; with real signals."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

import fastlogreg as flr
from tests.helpers.interrupts import no_whole_fits, press_at
from tests.helpers.limits import HANG

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)


def once(progress):
    """Press Ctrl-C in the first stretch of a run that has begun."""
    if not seen:
        seen.append(progress)
        signal.raise_signal(signal.SIGINT)


seen: list = []


@pytest.fixture(autouse=True)
def _nothing_seen():
    seen.clear()
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_keeps_the_fit_and_is_raised(tmp_path):
    model = flr.LogisticRegression(solver="gd", tol=0, max_iter=10**9, callback=once)
    model.set_params(checkpoint=tmp_path / "run")
    with (
        pytest.warns(flr.TrainingWarning, match="interrupted by Ctrl-C after .*the bound on cost"),
        pytest.raises(KeyboardInterrupt, match="keeps what it had found"),
    ):
        model.fit(X, y)
    assert model.stop_reason_ == "interrupted"
    assert model.cost_ < model.costs_[0]
    assert model.predict(X).shape == (300,)
    assert (tmp_path / "run").exists()


def test_ctrl_c_is_raised_where_warnings_are_errors():
    """A search takes an error for a fit that failed, and would go on."""
    model = flr.LogisticRegression(solver="gd", tol=0, max_iter=10**9, callback=once)
    with pytest.raises(KeyboardInterrupt):  # pytest's settings make errors of warnings
        model.fit(X, y)


def test_ctrl_c_that_comes_too_late_to_stop_the_fit_is_raised():
    model = flr.LogisticRegression(max_iter=1000)

    def at_the_end(progress):
        if progress.bound <= model.tol:
            signal.raise_signal(signal.SIGINT)

    with (
        pytest.warns(flr.TrainingWarning, match="interrupted by Ctrl-C"),
        pytest.raises(KeyboardInterrupt),
    ):
        model.set_params(callback=at_the_end).fit(X, y)
    assert model.suboptimality_bound_ <= model.tol


def test_a_second_ctrl_c_is_raised_at_once():
    def twice(progress):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    model = flr.LogisticRegression(solver="gd", max_iter=10**9, callback=twice)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert not hasattr(model, "coef_")


def test_a_batch_is_taken_whole(monkeypatch):
    from fastlogreg.estimators.stream import Stream

    original = Stream._take

    def take(self, *batch):
        signal.raise_signal(signal.SIGINT)
        original(self, *batch)

    monkeypatch.setattr(Stream, "_take", take)
    model = flr.LogisticRegression()
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, y, classes=[0, 1])
    monkeypatch.undo()
    whole = flr.LogisticRegression().partial_fit(X, y, classes=[0, 1])
    np.testing.assert_array_equal(model.coef_, whole.coef_)


# ---------------------------------------------------------------- cross-validation

three = np.digitize(X[:, 0] + rng.normal(size=300), [-0.5, 0.5])
CS = [0.01, 100.0, 1.0]
CROSS_VALIDATIONS = {
    "two": (y, {}),
    "alo": (y, {"cv": "alo"}),
    "scorer": (y, {"scoring": "accuracy"}),
    "L1": (y, {"l1_ratios": [0.5], "bounds": (-9.0, 9.0)}),
    "three": (three, {}),
}


@pytest.mark.parametrize("kind", CROSS_VALIDATIONS)
def test_a_cross_validation_keeps_the_Cs_that_are_done(kind, monkeypatch):
    labels, options = CROSS_VALIDATIONS[kind]
    from fastlogreg.solvers import auto

    no_whole_fits(monkeypatch)
    monkeypatch.setattr(auto, "SMALL", 0.0)
    monkeypatch.setattr(auto, "WORTH", 0.0)
    whole = flr.LogisticRegressionCV(CS, **options).fit(X, labels)
    of_scores = {"alo": 3, "scorer": 1}.get(kind, 0)  # beside those of the fits
    press_at(monkeypatch, whole.reads_ - 2 - of_scores)
    model = flr.LogisticRegressionCV(CS, **options)
    with (
        pytest.warns(flr.TrainingWarning, match=r"Ctrl-C after [12] of 3 Cs: the choice") as seen,
        pytest.raises(KeyboardInterrupt, match="keeps what it had found"),
    ):
        model.fit(X, labels)
    assert seen[0].filename == __file__
    kept = np.isin(CS, model.Cs_)
    assert kept[0]  # the strongest penalty is the first
    assert not kept.all()
    label = model.classes_[-1].item()
    np.testing.assert_array_equal(
        np.squeeze(model.scores_[label]), np.squeeze(whole.scores_[label][:, kept])
    )
    np.testing.assert_array_equal(model.path_coef_, whole.path_coef_[kept])
    assert model.C_[0] in model.Cs_
    assert model.held_out_proba_.shape == whole.held_out_proba_.shape
    assert model.predict(X).shape == (300,)


def test_of_several_l1_ratios_those_that_are_done(monkeypatch):
    no_whole_fits(monkeypatch)
    for labels in (y, three):
        options = {"Cs": [0.05, 1.0], "cv": 3, "l1_ratios": [0.5, 1.0]}
        whole = flr.LogisticRegressionCV(**options).fit(X, labels)
        with monkeypatch.context() as patch:
            press_at(patch, whole.reads_ - 2)
            model = flr.LogisticRegressionCV(**options)
            with (
                pytest.warns(flr.TrainingWarning, match="Ctrl-C after 1 of 2 l1_ratios: the"),
                pytest.raises(KeyboardInterrupt),
            ):
                model.fit(X, labels)
        np.testing.assert_array_equal(model.l1_ratios_, [0.5])
        np.testing.assert_array_equal(model.Cs_, [0.05, 1.0])
        label = model.classes_[-1].item()
        np.testing.assert_array_equal(model.scores_[label], whole.scores_[label][..., :1])


@pytest.mark.parametrize("labels", [y, three], ids=["two", "three"])
@pytest.mark.parametrize("l1_ratios", [[0.0], [0.5]], ids=str)
def test_without_a_C_that_is_done_nothing_is_kept(labels, l1_ratios, monkeypatch):
    no_whole_fits(monkeypatch)
    press_at(monkeypatch, 1)
    model = flr.LogisticRegressionCV(CS, l1_ratios=l1_ratios)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, labels)
    assert not hasattr(model, "C_")


BEGIN = """
import signal, sys, warnings
import numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)
import fastlogreg as flr
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
fits = []
class Loud(flr.LogisticRegression):
    def fit(self, X, y):
        fits.append(self)
        return super().fit(X, y)
def ready(progress):
    if len(fits) == 2:
        print("ready", flush=True)
endless = Loud(solver="gd", tol=0, max_iter=10**12)
quick = Loud(solver="gd", max_iter=1)
warnings.simplefilter("ignore")
quick.fit(X, y)  # compiled, and the first of the fits
endless.set_params(callback=ready)
warnings.simplefilter("always")
"""
LOOPS = {
    "a loop": """
try:
    for C in (1.0, 2.0, 3.0):
        endless.set_params(C=C).fit(X, y)
except KeyboardInterrupt:
    assert endless.stop_reason_ == "interrupted" and endless.cost_ < endless.costs_[0]
    print("stopped after", len(fits), flush=True)
""",
    "a search": """
from sklearn.model_selection import GridSearchCV
endless.set_params(callback=None)
endless.__class__.callback = property(lambda self: ready, lambda self, value: None)
try:
    GridSearchCV(endless, {"C": [1.0, 2.0, 3.0]}, cv=2).fit(X, y)
except KeyboardInterrupt:
    print("stopped after", len(fits), flush=True)
""",
    "a pool of threads": """
import dask.array as da
from fastlogreg.dask import LogisticRegression
class Spread(LogisticRegression):
    def fit(self, X, y):
        fits.append(self)
        return super().fit(da.from_array(X, chunks=100), da.from_array(y, chunks=100))
spread = Spread(solver="gd", tol=0, max_iter=10**12, callback=ready)
try:
    for C in (1.0, 2.0, 3.0):
        spread.set_params(C=C).fit(X, y)
except KeyboardInterrupt:
    assert spread.stop_reason_ == "interrupted"
    print("stopped after", len(fits), flush=True)
""",
}


@pytest.mark.parametrize("kind", LOOPS)
def test_ctrl_c_ends_the_loop_around_the_fits(kind):
    if kind == "a pool of threads":
        pytest.importorskip("dask.array")
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + LOOPS[kind]],
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
    assert out.splitlines()[-1] == "stopped after 2", (out, err)
    assert "TrainingWarning: interrupted by Ctrl-C after" in err
    assert process.returncode == 0
