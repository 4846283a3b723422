"""The demo does the main job with no file at hand: the table, the comparison, the figures."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

from fastlogreg.cli import app, demo
from fastlogreg.maths import reference
from fastlogreg.models.model import Model

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


@pytest.fixture
def few(monkeypatch):
    """As few iterations as make sense where the compiled backends run uncompiled."""
    if WITHOUT_JIT:
        monkeypatch.setattr(demo, "ITERATIONS", 2)
        monkeypatch.setattr(demo, "PYTHON_ITERATIONS", 1)
        monkeypatch.setattr(demo, "TRAINING", 50)


@pytest.mark.usefixtures("few")
def test_demo(tmp_path, capsys):
    folder = tmp_path / "new" / "folder"
    assert app.run(["demo", "--out", str(folder)]) == 0
    out = capsys.readouterr().out
    models, figures = ["digits.npz", "model.npz"], ["digits.png", "times.png", "training.png"]
    assert sorted(p.name for p in folder.iterdir()) == sorted([*models, *figures])
    assert str(folder) in out
    assert "Cost after iteration 0: 0.693147" in out
    rows = re.findall(r"^(python|loops|numpy|fused) .* (\de[+-]\d\d)", out, re.MULTILINE)
    assert [backend for backend, _ in rows] == ["python", "loops", "numpy", "fused"]
    assert all(float(difference) < 1e-9 for _, difference in rows)
    assert "extrapolated from" in out
    model = Model.load(folder / "model.npz")
    assert (model.labels, model.image_shape) == (("other", "eight"), (8, 8))
    digits = Model.load(folder / "digits.npz")
    assert (digits.labels, digits.w.shape) == (tuple(range(10)), (64, 10))
    assert re.search(r"\n  8 +\d+ +0\.\d{3} +0\.\d{3}\n", out)
    if not WITHOUT_JIT:
        _, accuracy = re.findall(r"test accuracy: (\S+) %", out)
        assert float(accuracy) > 90


def test_the_digits_are_images_of_all_ten():
    X, Y = demo._digits()
    assert (X.shape, Y.shape, X.dtype) == ((64, 1797), (1, 1797), np.uint8)
    assert X.max() == 16
    assert (np.bincount(Y[0]) > 150).all()


def test_the_demo_learns_what_the_reference_learns():
    """A tenth of the demo's run with the reference, on the images held out: above the 91 % of
    saying "other"."""
    X, Y = demo._digits()
    Y = (Y == 8).astype(np.uint8)
    train, test = slice(0, demo.TRAINING), slice(demo.TRAINING, None)
    w, b = np.zeros((64, 1)), 0.0
    for _ in range(200):
        step = reference.propagate(w, b, X[:, train], Y[:, train], scale=demo.SCALE)
        w, b = reference.gradient_descent_step(w, b, step.dw, step.db, 0.35)
    right = np.mean(reference.predict(w, b, X[:, test], demo.SCALE) == Y[:, test])
    assert right > 0.93
