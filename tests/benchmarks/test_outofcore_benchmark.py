"""The benchmark of data larger than memory, on a small file."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from benchmarks.report.environment import describe
from benchmarks.runs import outofcore
from tests.helpers.comparison import WITHOUT_JIT

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="posix_fadvise and RLIMIT_DATA"
)


def test_make(tmp_path, monkeypatch):
    m = outofcore.make(tmp_path / "X.npy", 300_000, 128)
    X, y = np.load(tmp_path / "X.npy"), np.load(tmp_path / "X.npy.labels.npy")
    assert (X.shape, X.dtype, y.shape) == ((m, 128), np.uint8, (1, m))
    assert 0.3 < y.mean() < 0.7
    monkeypatch.setattr(
        outofcore.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10})
    )
    with pytest.raises(ValueError, match="must have 600000 bytes free; it has 10"):
        outofcore.make(tmp_path / "X.npy", 300_000, 128)


@pytest.mark.skipif(WITHOUT_JIT, reason="slow")
def test_children(tmp_path, monkeypatch):
    path = tmp_path / "X.npy"
    m = outofcore.make(path, 1 << 19, 64)
    outofcore.forget(path)
    assert len(outofcore.child("65536", path, 3, cold=True)) == 3
    assert outofcore.child("RowBlocks, copied and read ahead", path)[0] > 0.0
    seconds, passes, iterations, bound, reason = outofcore.child("train", path, m // 1000)
    assert reason == "converged"
    assert bound <= 1e-6
    assert passes >= iterations > 0 < seconds
    monkeypatch.setattr(outofcore, "LIMIT", 32 << 20)
    with pytest.raises(RuntimeError, match="RowBlocks failed in a process of 32 MiB"):
        outofcore.child("RowBlocks", path)


def test_run_and_report(monkeypatch):
    monkeypatch.setattr(outofcore, "QUICK_BYTES", 1 << 20)
    monkeypatch.setitem(sys.modules, "torch", None)  # slow to import
    times = {
        "8388608": 1.0,
        "1048576": 0.8,
        "RowBlocks": 1.0,
        "RowBlocks, copied and read ahead": 2.0,
    }

    def child(what, path, count=1, cold=False):
        return [12.0, 6, 4, 1e-7, "converged"] if what == "train" else [times[what]] * count

    monkeypatch.setattr(outofcore, "child", child)
    found = outofcore.run(quick=True, say=lambda text: None)
    assert [target["found"] for target in found["targets"]] == [1.25, 1.25]
    assert all(target["met"] for target in found["targets"])
    times["RowBlocks"] = 1.2
    assert not any(
        target["met"] for target in outofcore.judge(outofcore.run(True, lambda text: None)["rows"])
    )
    blocks = outofcore.report(found)
    assert set(blocks) == {"outofcore", "outofcore-targets"}
    assert re.search(r"\| warm +\| RowBlocks, copied and read ahead \| +2.000", blocks["outofcore"])
    assert "6 passes in 12.0 s" in blocks["outofcore"]
    assert describe(found["environment"]) in blocks["outofcore"]
