"""Peak memory above X: at most 5 % of X and a few vectors for every form of X, by the process's own
high-water mark."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.helpers.comparison import WITHOUT_JIT
from tests.helpers.limits import HANG

pytestmark = [
    pytest.mark.skipif(WITHOUT_JIT, reason="hundreds of millions of elements, one by one"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status"),
]
MEGABYTE = 1 << 20

MEASURE = """
import json, sys, tempfile
import numpy as np, fastlogreg as flr

SIZE = 192 << 20


def kilobytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


def peak_above(work):
    "Bytes by which the resident memory rises at most while work() runs."
    before = kilobytes("VmRSS:")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the high-water mark starts anew
    work()
    return 1024 * (kilobytes("VmHWM:") - before)


def form(name, n_x, dtype, size=SIZE):
    "X of the form and about size bytes, its memory touched already."
    m = size // (n_x * np.dtype(dtype).itemsize)
    if name == "memmap":
        file = tempfile.TemporaryFile()
        file.truncate(m * n_x * np.dtype(dtype).itemsize)
        X = np.memmap(file, dtype, "r+", shape=(m, n_x))
        X[:] = 1
        X.flush()
        X = np.memmap(file, dtype, "r", shape=(m, n_x)).T
        assert X.sum(dtype=float) == X.size
        return X
    if name == "strided":
        return np.ones((m, n_x + 1), dtype).T[:n_x]
    return np.ones((n_x, m), dtype, order="C" if name == "feature-major" else "F")


def main(name, n_x, dtype, function):
    n_x = int(n_x)
    w = np.full((n_x, 1), 1e-3)
    work = {
        "propagate": lambda X, Y: flr.propagate(w, 0.0, X, Y),
        "train": lambda X, Y: flr.train(X, Y, iterations=2),
        "predict": lambda X, Y: flr.predict_proba(w, 0.0, X),
        "summary": lambda X, Y: flr.summary(flr.train(X, Y, iterations=2), X, Y),
        "robust": lambda X, Y: flr.summary(
            flr.train(X, Y, iterations=2, lambda_=1.0), X, Y, lambda_=1.0, covariance="HC3"
        ),
        "copy": lambda X, Y: X.astype(X.dtype).sum(dtype=float),
    }[function]

    def with_labels(X):
        return X, (np.arange(X.shape[1], dtype=np.int32) % 2).astype(np.uint8)[None]

    work(*with_labels(form(name, n_x, dtype, SIZE // 48)))  # compiles what this form needs
    X, Y = with_labels(form(name, n_x, dtype))
    print(json.dumps({"above": peak_above(lambda: work(X, Y)), "size": SIZE, "m": X.shape[1]}))


main(*sys.argv[1:])
"""


def measure(name, n_x, dtype, function="propagate"):
    command = [sys.executable, "-c", MEASURE, name, str(n_x), dtype, function]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def allowed(measured, vectors=5):
    """5 % of X, five vectors of m float64, and 4 MB."""
    return measured["size"] // 20 + vectors * 8 * measured["m"] + 4 * MEGABYTE


@pytest.mark.parametrize(
    ("name", "n_x", "dtype"),
    [
        ("example-major", 500, "uint8"),
        ("example-major", 12288, "uint8"),
        ("example-major", 500, "float16"),
        ("example-major", 500, "float32"),
        ("example-major", 500, "float64"),
        ("feature-major", 500, "uint8"),
        ("feature-major", 12288, "uint8"),
        ("feature-major", 500, "float64"),
        ("memmap", 500, "uint8"),
        ("strided", 500, "uint8"),
        ("strided", 500, "float32"),
        ("example-major", 500, ">f4"),
    ],
)
def test_a_pass(name, n_x, dtype):
    measured = measure(name, n_x, dtype)
    assert measured["above"] <= allowed(measured)


@pytest.mark.parametrize("function", ["train", "predict"])
def test_training_and_prediction(function):
    measured = measure("example-major", 500, "uint8", function)
    assert measured["above"] <= allowed(measured)


@pytest.mark.parametrize("function", ["summary", "robust"])
def test_a_summary_of_a_mapped_file(function):
    """It keeps y, weights and z, too: ten vectors. What is not identified is looked for."""
    measured = measure("memmap", 100, "uint8", function)
    assert measured["above"] <= allowed(measured, vectors=8)


def test_a_copy_would_be_noticed():
    measured = measure("example-major", 500, "uint8", "copy")
    assert measured["above"] > 2 * allowed(measured)
