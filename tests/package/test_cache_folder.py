"""Compiled code in a container: a folder that is only read, no HOME, and the warning where there is
no folder at all. Each in a process of its own, without the rights of root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

import fastlogreg as flr
from fastlogreg.machine import compiled_code
from tests.helpers.comparison import WITHOUT_JIT
from tests.helpers.limits import HANG
from tests.helpers.rootless import without_root

PACKAGE = Path(flr.__file__).parent
compiles = pytest.mark.skipif(WITHOUT_JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")
ANSWER = """
import os, sys, warnings
import numpy as np, fastlogreg as flr
assert "numba" not in sys.modules
from numba.core import event

class Count(event.Listener):
    compiled = 0

    def on_start(self, event):
        Count.compiled += 1

    def on_end(self, event):
        pass

X, Y = np.arange(60.0).reshape(3, 20) % 7, (np.arange(20) % 2)[None]
with event.install_listener("numba:compile", Count()), warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    w = flr.train(X, Y, lambda_=1.0, solver="newton").w
    flr.propagate(w, 0.0, X, Y)
print(os.environ.get("HOME"), Count.compiled > 0, [one.category.__name__ for one in told])
"""


def answer(folder, app, command=()):
    """What a process says that has this folder for its cache, and nothing else: no HOME, and no
    folder of the package that it may write."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(app),
        "NUMBA_CACHE_DIR": str(folder),
    }
    environment.pop("HOME", None)
    environment["XDG_CACHE_HOME"] = "/dev/null/none"  # root has a home without HOME
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [*command, sys.executable, "-c", ANSWER],
        capture_output=True,
        text=True,
        timeout=HANG,
        env=environment,
        cwd=os.sep,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def anyone():
    """A command that takes root's rights away."""
    if not hasattr(os, "geteuid"):
        pytest.skip("users of POSIX")
    command = without_root()
    if command is None:
        pytest.skip("root can write everywhere, and setpriv is not here to change that")
    return command


@pytest.fixture(scope="module")
def place():
    """A folder that everyone may enter. Not one of pytest's: each session takes from others the
    right to enter the folder of all sessions."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def app(place):
    """A copy of the package that cannot be written."""
    copied = place / "app"
    shutil.copytree(PACKAGE, copied / "fastlogreg", ignore=shutil.ignore_patterns("__pycache__"))
    return protect(copied)


@pytest.fixture(scope="module")
def built(anyone, app, place):
    """A folder that a first process filled, and in which a second one found everything."""
    folder = place / "built"
    folder.mkdir()
    assert answer(folder, app) == "None True []"
    assert answer(folder, app) == "None False []"
    return folder


def protect(folder):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


@compiles
def test_a_warm_folder_that_is_only_read(anyone, app, built, place):
    """As an image of a container has it: filled while it is built, and then copied, which changes
    the times of files; the package's too."""
    served = shutil.copytree(built, place / "served", copy_function=shutil.copyfile)
    for path in app.rglob("*.py"):
        os.utime(path, (1e9, 1e9))
    protect(served)
    before = sorted(served.rglob("*"))
    assert answer(served, app, anyone) == "None False []"
    assert sorted(served.rglob("*")) == before


@compiles
def test_without_any_folder_it_is_said_once(anyone, app):
    assert answer("/dev/null/none", app, anyone) == "None True ['NoCacheWarning']"


@compiles
def test_a_folder_that_is_only_read_and_not_warm(anyone, app, built, place):
    """The folders of the package's rooms are there, and hold nothing of use."""
    cold = shutil.copytree(built, place / "cold", ignore=shutil.ignore_patterns("*.nb?"))
    assert any(cold.iterdir())
    protect(cold)
    assert answer(cold, app, anyone) == "None True ['NoCacheWarning']"


@compiles
def test_the_command_warms_up():
    command = [sys.executable, "-m", "fastlogreg", "warmup"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("compiled for float64 in ")
    assert "writable" in done.stdout


def test_the_warning_comes_once_in_a_process(monkeypatch):
    monkeypatch.setattr(compiled_code, "_warned_in", 0)
    with pytest.warns(
        flr.NoCacheWarning, match="no room: every process .* NUMBA_CACHE_DIR"
    ) as told:
        compiled_code.warn_of_no_cache("no room")
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled_code.warn_of_no_cache("no room")
    monkeypatch.setattr(compiled_code, "_warned_in", os.getpid() + 1)  # in a child of a fork
    with pytest.warns(flr.NoCacheWarning):
        compiled_code.warn_of_no_cache("no room")
