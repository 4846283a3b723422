"""kill -9 at any moment, within the writing of a checkpoint too: the file is whole, and the run
goes on to the same bits."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.training import checkpoint
from tests.helpers.limits import HANG

LONG_RUN = """
import os, sys, time, warnings
# the bits of backend "numpy" follow from the threads of BLAS
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np, fastlogreg as flr
from fastlogreg.training import checkpoint
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(24, 20_000)).T, (np.arange(24) % 2)[None, :]
# Wide, so that most of the time goes into writing files of 3 MB; and without Numba, which takes
# long to import.
options = dict(solver="lbfgs", tol=0.0, lambda_=1e-6, iterations=150, backend="numpy")
"""
KILLED = (
    LONG_RUN
    + """
from fastlogreg.training import run as training
training.STRETCH_SECONDS = 0.0  # a write after each iteration
print("ready", flush=True)
say = lambda progress: print(progress.iteration, flush=True)
flr.train(X, Y, **options, checkpoint=sys.argv[1], checkpoint_every=0, resume=True, callback=say)
"""
)
RESUMED = (
    LONG_RUN
    + """
whole = flr.train(X, Y, **options)
for path in sys.argv[1:]:
    made = checkpoint.load(path).values["iteration"]
    again = flr.train(X, Y, **options, checkpoint=path, resume=True)
    for name in ("w", "costs"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    for name in ("b", "iterations", "stop_reason", "cost", "suboptimality_bound", "passes"):
        assert getattr(again, name) == getattr(whole, name), (path, name)
    print(made, whole.iterations)
"""
)


def test_kill_9_at_20_random_moments(tmp_path):
    """Each process goes on from where the one before was killed; each file that is left is resumed
    to the end."""
    path, random_ = tmp_path / "run", random.Random(1)
    copies, leftovers = [], 0
    for k in range(20):
        process = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE)
        try:
            for _ in range(random_.randint(1, 12)):  # "ready", then before each write
                process.stdout.readline()
            time.sleep(random_.uniform(0.0, 0.01))
        finally:
            process.kill()
            process.communicate(timeout=HANG)
        leftovers += len(list(tmp_path.glob("run.*.tmp")))
        if path.exists():
            copies.append(shutil.copy(path, tmp_path / f"copy {k}"))
            if k % 4 == 3:
                path.unlink()  # from the beginning again
    done = subprocess.run(
        [sys.executable, "-c", RESUMED, *copies], capture_output=True, text=True, timeout=HANG
    )
    assert done.returncode == 0, done.stderr
    made = [line.split() for line in done.stdout.splitlines()]
    print(
        f"resumed from iterations {[int(k) for k, _ in made]}; {leftovers} kills in the middle "
        "of a write"
    )
    assert len(made) == len(copies) > 5


DIES = """
import io, os, sys, numpy as np, fastlogreg as flr
from fastlogreg.files import writing
X, Y = np.arange(12.0).reshape(2, 6) ** 2, np.array([[0, 1, 0, 1, 1, 0]])
where, path = sys.argv[1:]
flr.train(X, Y, iterations=3, checkpoint=path)
die = lambda *_, **__: os.kill(os.getpid(), 9)
class Dying(io.FileIO):
    def write(self, data):
        return die() if self.tell() > 1000 else super().write(data)
if where == "write":
    def dying_open(name, mode="r", **how):
        return Dying(name, "x") if mode == "xb" else open(name, mode, **how)

    writing.open = dying_open
else:
    setattr(writing.os, where, die)
flr.train(X, Y, iterations=6, checkpoint=path)
"""


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_killed_while_writing(where, tmp_path):
    path = tmp_path / "run"
    done = subprocess.run([sys.executable, "-c", DIES, where, path], timeout=HANG)
    assert done.returncode == -signal.SIGKILL
    saved = checkpoint.load(path)
    assert saved.values["iteration"] == 3
    assert len(list(tmp_path.iterdir())) == 2  # what it had begun to write
    (tmp_path / "run.mine.tmp").touch()
    X, Y = np.arange(12.0).reshape(2, 6) ** 2, np.array([[0, 1, 0, 1, 1, 0]])
    whole = flr.train(X, Y, iterations=6)
    np.testing.assert_array_equal(
        flr.train(X, Y, iterations=6, checkpoint=path, resume=True).w, whole.w
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "run.mine.tmp"]
