"""After `warmup` nothing is left to compile."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import fastlogreg

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
COUNT = """
import importlib, pkgutil
import numpy as np
import fastlogreg as flr
from fastlogreg import kernels

found = pkgutil.walk_packages(kernels.__path__, "fastlogreg.kernels.")
modules = [importlib.import_module(module.name) for module in found]

def compiled():
    functions = [f for module in modules for f in vars(module).values()]
    kernels = [f for f in functions if hasattr(f, "signatures") and not isinstance(f, type)]
    return sum(len(f.signatures) for f in kernels)

flr.warmup("float64")
before = compiled()
for m, n_x in ((30, 4), (4, 30), (30, 10), (2000, 300), (9, 5000)):
    X = np.random.default_rng(0).random((n_x, m))
    Y = (np.arange(m) % 2)[None]
    for ordered in (X, np.asfortranarray(X)):
        flr.propagate(np.zeros((n_x, 1)), 0.0, ordered, Y)
        flr.train(ordered, Y, iterations=3)
for n_x in (4, 11, 30, 60):
    X = np.random.default_rng(0).random((n_x, 3000))
    Y = (np.random.default_rng(1).random((1, 3000)) < X[:1]).astype(int)
    for solver in ("nesterov", "lbfgs", "newton", "auto"):
        flr.train(np.asfortranarray(X), Y, iterations=3, lambda_=1.0, solver=solver)
for m, n_x in ((40, 3), (3000, 11), (3000, 60), (30, 300)):
    X = np.random.default_rng(0).random((n_x, m))
    Y = np.random.default_rng(1).integers(0, 4, (1, m))
    for solver in ("gd", "nesterov", "lbfgs", "newton", "auto"):
        for ordered in (X, np.asfortranarray(X)):
            flr.train(ordered, Y, classes=4, iterations=3, lambda_=1.0, solver=solver)
print(before > 0, compiled() - before)
"""


@pytest.mark.skipif(WITHOUT_JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")
def test_nothing_is_left_to_compile():
    child = subprocess.run(
        [sys.executable, "-c", COUNT], capture_output=True, text=True, check=True
    )
    assert child.stdout.split() == ["True", "0"]


@pytest.mark.skipif(WITHOUT_JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")
def test_an_X_beyond_the_cache_asks_into_another_one(monkeypatch):
    """On Intel, say; on this CPU there may be nothing of the kind."""
    from fastlogreg.kernels.dense.chunks import run_chunks
    from fastlogreg.tools import warming

    monkeypatch.setenv("FASTLOGREG_TUNER", "intel")
    warming._other_level(np.dtype("int16"), "fused")
    of_int16 = [types[0] for types in run_chunks.signatures if str(types[1][0].dtype) == "int16"]
    groups = [way.types[1] for way in of_int16 if way.types[1] is not None]
    groups = [of_way.types for of_way in groups if hasattr(of_way, "types")]  # other ways have none
    assert {str(level) for _, level, _ in groups} == {"none", "bool"}


@pytest.mark.parametrize(
    "dtypes", ["float32", np.float32, np.dtype("float32"), ("float32",), [np.float32]]
)
def test_one_dtype_or_several(dtypes):
    assert fastlogreg.warmup(dtypes, backend="numpy") > 0


def test_fused_warms_up_silently():
    assert fastlogreg.warmup(["bool"] if WITHOUT_JIT else ["float64"]) > 0


@pytest.mark.parametrize("dtype", ["complex128", object, "no such dtype", 7])
def test_what_X_cannot_be(dtype):
    with pytest.raises(TypeError, match="dtypes must"):
        fastlogreg.warmup(["float64", dtype])


def test_no_such_backend():
    with pytest.raises(ValueError, match="backend must be one of"):
        fastlogreg.warmup(backend="cupy")


def test_the_command_where_nothing_is_compiled(monkeypatch, capsys):
    app = pytest.importorskip("fastlogreg.cli.app")
    from numba import config

    monkeypatch.setattr(config, "DISABLE_JIT", 1)
    assert app.run(["warmup"]) == 0
    assert "nothing is compiled while NUMBA_DISABLE_JIT is set" in capsys.readouterr().out
