"""Training, first calls and memory: what is measured is what the tables say.

Nothing here looks at how long anything took.
"""

from __future__ import annotations

import math
import os
import re

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks.cases.expected import Disagreement
from benchmarks.report import environment, results
from benchmarks.runs import compile as cold_start
from benchmarks.runs import memory, train

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
needs_jit = pytest.mark.skipif(WITHOUT_JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")


def task(iterations=3, known=()):
    X = np.random.default_rng(0).integers(0, 255, (20, 6), np.uint8).T
    return train.Task("images", X, (np.arange(20) % 2).astype(np.uint8), 0.01, iterations, known)


def test_train_task():
    rows = {row["contender"]: row for row in train.run_task(task(), 1, 1)}
    assert set(rows) == {
        "fused",
        "loops",
        "numpy float64",
        "numpy float32",
        "python (extrapolated)",
    }
    assert max(r["ratio"] for name, r in rows.items() if "numpy" in name) == 1.0
    assert rows["fused"]["cost"] == pytest.approx(rows["numpy float64"]["cost"], rel=1e-9)


def test_train_checks_costs():
    costs = np.array([math.log(2), 0.6, 0.5])
    train.check_costs(task(known=(0.693147, 0.6)), "fused", costs, costs, 1e-9)
    with pytest.raises(Disagreement, match="not those of NumPy"):
        train.check_costs(task(), "fused", costs, costs + 1e-6, 1e-9)
    with pytest.raises(Disagreement, match="not those of NumPy"):
        train.check_costs(task(), "fused", costs[:2], costs, 1e-9)
    with pytest.raises(Disagreement, match="not the published ones"):
        train.check_costs(task(known=(0.693149,)), "fused", costs, costs, 1e-9)


def test_train_without_data(tmp_path):
    said = []
    with pytest.raises(ValueError, match="name another with --data"):
        train.run(data=tmp_path, say=said.append)
    assert [line.split(":")[0] for line in said] == ["cat images", "MNIST"]
    assert command.main(["train", "--data", str(tmp_path)]) == 2


def test_train_data(shared_data):
    cats, mnist = train.cats(shared_data, 2000), train.mnist(shared_data, 100)
    assert cats is not None
    assert mnist is not None
    assert (cats.X.shape, int(cats.y.sum())) == ((12288, 209), 72)
    assert (mnist.X.shape, int(mnist.y.sum())) == ((784, 60000), 5923)


def test_train_report():
    rows = train.run_task(task(), 1, 1)
    targets = [results.target("ratio", 30.0, least=25.0)]
    found = {"rows": rows, "environment": environment.environment(1), "targets": targets}
    blocks = train.report(found)
    assert "| images, 3 iterations | " in blocks["train"]
    assert "30.0" in blocks["train-targets"]


def test_compile(monkeypatch):
    seconds = iter((99.0, 9.0, 0.5))  # the first one writes the bytecode, and does not count
    monkeypatch.setattr(
        cold_start, "first_train", lambda m, n_x, dtype, cache, bytecode: (0.01, next(seconds))
    )
    found = cold_start.run(quick=True, say=lambda text: None)
    assert [(row["contender"], row["seconds"]) for row in found["rows"]] == [
        ("cold", 9.0),
        ("disk cache", 0.5),
    ]
    assert [target["met"] for target in found["targets"]] == [False, True]
    assert re.search(
        r"float64, small \(569 x 30\) \| +9.00 \| +0.50", cold_start.report(found)["compile"]
    )


@needs_jit
def test_compile_leaves_a_cache(tmp_path):
    code, bytecode = tmp_path / "code", tmp_path / "bytecode"
    imported, trained = cold_start.first_train(40, 3, "float64", str(code), str(bytecode))
    assert 0.0 < imported < trained
    assert list(code.rglob("*.nbc"))
    assert list(bytecode.rglob("chunks.*.pyc"))


def test_compile_says_what_failed(tmp_path):
    with pytest.raises(RuntimeError, match="training on complex128 failed in a fresh process"):
        cold_start.first_train(4, 2, "complex128", str(tmp_path), str(tmp_path))


@needs_jit
def test_memory(monkeypatch):
    monkeypatch.setattr(memory, "measure", lambda dtype, kind, size: (size, size // 100))
    found = memory.run(quick=True, say=lambda text: None)
    assert found["targets"][0]["met"]
    assert "uint8, memmap" in memory.report(found)["memory"]


@needs_jit
def test_memory_sees_a_copy():
    """NumPy's float64 copies of a uint8 X are eight times X each; the kernel makes none."""
    x_bytes, above = memory.measure("uint8", "example-major", 32 << 20, backend="numpy")
    assert above > 8 * x_bytes
    x_bytes, above = memory.measure("uint8", "example-major", 32 << 20)
    assert above < 0.5 * x_bytes


def test_memory_says_what_failed():
    with pytest.raises(RuntimeError, match="complex128, example-major failed in a fresh process"):
        memory.measure("complex128", "example-major", 1 << 16)
