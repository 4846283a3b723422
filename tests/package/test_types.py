"""`mypy --strict` on a script that uses every public name, as a user's project would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fastlogreg as flr
from tests.helpers.comparison import WITHOUT_JIT
from tests.helpers.limits import HANG

SCRIPT = """
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import fastlogreg as flr
import fastlogreg.dask as fd
from fastlogreg import LogisticRegression, Model, TrainingWarning, labels_to_Y

if TYPE_CHECKING:
    from typing_extensions import assert_type

X = np.zeros((2, 3), dtype=np.uint8)
Y: NDArray[np.uint8] = labels_to_Y(["a", "b", "a"], positive="b")


class Sparse:
    shape = (2, 3)
    format = "csc"

    def tocsr(self) -> Any: ...

    def tocsc(self) -> Any: ...


def enough(progress: flr.Progress) -> bool:
    return progress.bound < 1e-3 or progress.w.shape == (2, 1)


warning: type[Warning] = TrainingWarning
uncached: type[Warning] = flr.NoCacheWarning


def fit(X: flr.MatrixLike) -> flr.TrainingResult:
    return flr.train(X, Y, solver="newton", lambda_=1.0, callback=enough)


for given in (X, [[1.0, 2.0, 3.0]], flr.RowBlocks("X.npy"), Sparse()):
    result = fit(given)
    reason: str = result.stop_reason



def enough_of_several(progress: flr.SoftmaxProgress) -> bool:
    return progress.b.shape == (3, 1)


several: flr.SoftmaxResult = flr.train(X, Y, classes=3, callback=enough_of_several)
gradient: flr.SoftmaxPropagation = flr.propagate(several.w, several.b, X, Y)
A: NDArray[np.float64] = flr.softmax(several.w.T @ X + several.b)
found: flr.Propagation = flr.propagate(result.w, result.b, X, Y, backend="numpy")
J, dw, db = found
check = flr.check_gradient(result.w, result.b, X, Y)
model = LogisticRegression(C=2.0, solver="lbfgs", class_weight="balanced").fit(X.T, Y[0])
chosen: flr.LogisticRegressionCV = flr.LogisticRegressionCV(Cs=[0.1, 1.0], cv=3).fit(X.T, Y[0])
model.partial_fit(X.T, Y[0], classes=[0, 1])
spread: Any = fd.LogisticRegression(), fd.train
saved = Model(result.w, result.b, labels=(0, 1))
saved.save("model.npz")
J_node = (flr.Variable(2.0, "a") * 3).named("J")
J_node.show()
images = flr.flatten_images(np.zeros((3, 8, 8)))
[pair] = flr.compare("dot")
seconds = flr.warmup(("float32",))
along: flr.PathResult = flr.path(X, Y, lambdas=[10.0, 1.0], class_weight={0: 1.0, 1: 2.0})
of_several: flr.PathResult = flr.path(X, Y, classes=3, lambdas=2)
influence: flr.Influence = flr.influence(result, X, Y)
left_out: flr.LeaveOneOut = flr.leave_one_out(result, X, Y)
calibrated: flr.Calibration = flr.calibration(Y, flr.predict_proba(result.w, result.b, X))
grouped: flr.HosmerLemeshow = flr.hosmer_lemeshow([0, 1], [0.2, 0.7], groups=5, fitted=False)
curve: flr.Roc = flr.roc(Y[0], [0.1, 0.2, 0.3], level=0.9)
by_formula: LogisticRegression = flr.fit_formula("y ~ x", object())
summary: flr.Summary = flr.summary(result, X, Y, covariance="HC1", names=["a", "b"])
of_classes: flr.ClassSummary = flr.summary(several, X, Y, reference=1)
wald: flr.WaldTest = summary.wald_test("a = b")
page: str = flr.report(result, X, Y, lambda_=1.0)
nested: flr.ModelComparison = flr.compare_models(summary, model)
value, nudged, slope = flr.nudge(lambda a: 3 * a, 2.0)
version: str = flr.__version__

if TYPE_CHECKING:
    assert_type(flr.sigmoid(1.0), float)
    assert_type(flr.cost(result.w, result.b, X, Y), float)
    assert_type(result.cost, float)
    assert_type(result.b, float)
    assert_type(flr.train(X, Y, classes=2).b, float)
    assert_type(several.b, NDArray[np.float64])
    assert_type(flr.cost(several.w, several.b, X, Y), float)
    assert_type(flr.predict_proba(several.w, several.b, X), NDArray[np.float64])
    assert_type(flr.predict(several.w, several.b, X), NDArray[np.int32])
    assert_type(gradient.db, NDArray[np.float64])
    assert_type(J, float)
    assert_type(dw, NDArray[np.float64])
    assert_type(flr.predict_proba(result.w, result.b, X), NDArray[np.float64])
    assert_type(flr.predict(result.w, result.b, X), NDArray[np.uint8])
    assert_type(flr.derivative(lambda a: a, 1.0), float)
    assert_type(model, LogisticRegression)
    assert_type(model.coef_, NDArray[np.float64])
    assert_type(Model.load("model.npz"), Model)
    assert_type(J_node.backward(), dict[str, float])
    assert_type(pair.speedup, float)
    assert_type(seconds, float)
    assert_type(check.error, float)
    assert_type(along.w, NDArray[np.float64])
"""


checked = pytest.mark.skipif(WITHOUT_JIT, reason="types are the same without compilation")


def mypy(folder: Path, script: str) -> str:
    """What mypy says of a script outside of this project, with its own settings alone."""
    pytest.importorskip("mypy")
    (folder / "script.py").write_text(script)
    # The package may lie in a work tree: its modules are then sources to mypy, and silent.
    environment = {"MYPYPATH": str(Path(flr.__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    done = subprocess.run(
        [*command, "--config-file=", f"--cache-dir={folder / 'cache'}", "script.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    return done.stdout + done.stderr


@checked
def test_a_script_with_every_public_name_passes_mypy_strict(tmp_path):
    for name in flr._HOME:
        assert f"flr.{name}" in SCRIPT or f" {name}" in SCRIPT, name
    assert mypy(tmp_path, SCRIPT) == "Success: no issues found in 1 source file\n"


@checked
def test_a_wrong_script_does_not_pass(tmp_path):
    said = mypy(
        tmp_path,
        "import fastlogreg as flr\n"
        "flr.train([[1.0]], [[1]], solver='sgd')\n"
        "flr.LogisticRegression(solver='liblinear')\n"
        "flr.train(7j, object())\n"
        "flr.fit\n",
    )
    for text in (
        'script.py:2: error: No overload variant of "train"',
        '"solver" to "LogisticRegression"',
        'script.py:4: error: No overload variant of "train"',
        "no attribute",
    ):
        assert text in said, said
