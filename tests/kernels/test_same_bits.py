"""The same bits for any number of threads, for the serial and the parallel kernel, in every
threading layer, every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.backends import fused
from fastlogreg.machine import threads
from tests.helpers.comparison import WITHOUT_JIT, laid_out, values
from tests.helpers.limits import HANG

THREADS = (1, 2, 3, 7)
REPEATS = 2 if WITHOUT_JIT else 20
SHAPES = [
    (1, 3),
    (192, 5),
    (193, 12),
    (385, 7),
]  # (m, n_x): at the borders of a chunk of 192, of 256 chunks, of blocks
if not WITHOUT_JIT:
    SHAPES += [
        (49_152, 3),
        (49_153, 10),
        (1000, 40),
        (1000, 171),
        (1000, 300),
        (700, 2049),
        (9, 1000),
    ]


@pytest.fixture
def threads_for_the_smallest_work(monkeypatch):
    """As many threads as are asked for, however little there is to do; the numbers of those that
    were launched."""
    launched = set()
    honest = threads.run_on
    monkeypatch.setattr(fused, "SECONDS_PER_THREAD", 1e-30)
    monkeypatch.setattr(
        fused, "run_on", lambda n, work, *more: launched.add(n) or honest(n, work, *more)
    )
    return launched


def digest(*results):
    """Of every bit of every number in the results."""
    content = hashlib.sha256()
    for result in results:
        for value in result:
            content.update(np.asarray(value, np.float64).tobytes())
    return content.hexdigest()


def data(m, n_x, dtype="float64", order="example-major"):
    rng = np.random.default_rng(m + n_x)
    X = laid_out(values(rng, dtype, (m, n_x)), order)
    return X, (np.arange(m) % 2)[None], rng.normal(size=(n_x, 1)) / (1.0 + np.abs(X).max()), 0.3


def passes_of(backend, m, n_x, dtype, order, n_threads, repeats=REPEATS):
    X, Y, w, b = data(m, n_x, dtype, order)
    options = {"lambda_": 0.1, "scale": 0.7, "shift": -0.1, "backend": backend}
    return {
        digest(flr.propagate(w, b, X, Y, n_threads=n_threads, **options)) for _ in range(repeats)
    }


@pytest.mark.parametrize("order", ["example-major", "feature-major", "strided"])
@pytest.mark.parametrize(("m", "n_x"), SHAPES)
def test_a_pass_of_the_fused_kernel(m, n_x, order, threads_for_the_smallest_work):
    for dtype in ("float64",) if order == "strided" or WITHOUT_JIT else ("float64", "uint8"):
        found = set().union(*(passes_of("fused", m, n_x, dtype, order, n) for n in THREADS))
        assert len(found) == 1
    if m >= 49_152 and order != "strided":
        assert threads_for_the_smallest_work == {1, 2, 3, 7}  # it was tried


@pytest.mark.parametrize("order", ["example-major", "feature-major"])
@pytest.mark.parametrize(("m", "n_x"), [(1, 2), (7, 3), (16, 5), (255, 9), (257, 9)])
def test_a_pass_of_the_lectures_loops(m, n_x, order):
    assert (
        len(set().union(*(passes_of("loops", m, n_x, "float64", order, n) for n in THREADS))) == 1
    )


@pytest.mark.parametrize("threshold", ["as it is", "none"])
@pytest.mark.parametrize(
    "options", [{}, {"lambda_": 2.0}, {"scale": 0.5, "shift": 0.25, "lambda_": 1.0}]
)
@pytest.mark.parametrize(
    ("m", "n_x"),
    [(300, 5), (100, 130)] if WITHOUT_JIT else [(400, 5), (5000, 120), (150, 900), (300, 4000)],
)
def test_training(m, n_x, options, threshold, request):
    """Also where one thread would take another way: stretches of compiled descent, or the Gram
    domain."""
    if threshold == "none":
        request.getfixturevalue("threads_for_the_smallest_work")
    X, Y, w, b = data(m, n_x)
    X = np.clip(X, -3, 3)
    found = set()
    for n_threads in THREADS:
        run = flr.train(
            X, Y, w=w, b=b, iterations=4 if WITHOUT_JIT else 25, n_threads=n_threads, **options
        )
        found.add(digest((run.costs, run.w, run.b, run.cost, run.gradient_norm, run.alpha)))
    assert len(found) == 1


LAYERS = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from tests.kernels.test_same_bits import THREADS, passes_of
import numba
found = {}
try:
    for m, n_x in [(255, 9), (2000, 7)]:
        for backend in ("loops", "fused"):
            how = backend, m, n_x, "float64", "example-major"
            bits = set().union(*(passes_of(*how, n) for n in THREADS))
            assert len(bits) == 1, bits
            found[f"{backend} {m}"] = bits.pop()
    assert numba.get_num_threads() == 8  # what a call sets is put back
    print(json.dumps([numba.threading_layer(), found]))
except ValueError as error:
    assert "No threading layer could be loaded" in str(error), error
    print(json.dumps(["absent", {}]))
"""


@pytest.mark.skipif(WITHOUT_JIT, reason="Numba's threads are not used without compilation")
@pytest.mark.parametrize("layer", ["omp", "workqueue", "tbb"])
def test_every_threading_layer(layer):
    environment = {**os.environ, "NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "8"}
    command = [sys.executable, "-c", LAYERS, os.path.dirname(__file__)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, env=environment)
    assert done.returncode == 0, done.stderr
    used, found = json.loads(done.stdout)
    if used == "absent":
        pytest.skip(f"the threading layer {layer} is not installed")
    assert used == layer
    for m, n_x in [(255, 9), (2000, 7)]:
        for backend in ("loops", "fused"):
            assert {found[f"{backend} {m}"]} == passes_of(
                backend, m, n_x, "float64", "example-major", 1, repeats=1
            )


def test_a_last_bit_is_noticed():
    assert digest((1.0, np.ones(3))) == digest((1.0, np.ones(3)))
    assert digest((1.0, np.ones(3))) != digest((1.0, np.ones(3) + 2.0**-52))
    assert digest((0.0,)) != digest((-0.0,))


def test_n_threads_changes_no_setting_of_the_process():
    numba = pytest.importorskip("numba")
    before = numba.get_num_threads()
    passes_of("loops", 257, 9, "float64", "example-major", 1, repeats=1)
    passes_of("loops", 257, 9, "float64", "example-major", 2, repeats=1)
    assert numba.get_num_threads() == before
