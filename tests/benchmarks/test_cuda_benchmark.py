"""The benchmark of a GPU runs as a whole, small and simulated; nothing here looks at times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.runs import cuda
from fastlogreg.cuda import device
from tests.helpers.comparison import WITHOUT_JIT

ROOT = Path(__file__).resolve().parents[2]


SIMULATED = """
import sys
from benchmarks.__main__ import main
from tests.helpers import simulator
simulator.install()
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(WITHOUT_JIT, reason="what is simulated is never compiled: no news")
def test_it_runs_in_the_simulator(tmp_path):
    command = [sys.executable, "-c", SIMULATED]
    done = subprocess.run(
        [*command, "cuda", "--quick", "--json", str(tmp_path / "found")],
        cwd=ROOT,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "found").read_text())
    assert {"fastlogreg", "fastlogreg on the CPU", "the copy of X"} <= {
        row["contender"] for row in found["rows"]
    }
    assert len(found["targets"]) == 2 * len(cuda.QUICK_PASSES) + len(cuda.QUICK_FITS)
    assert "a pass over X" in done.stdout


def test_without_a_gpu_it_says_so(monkeypatch):
    def none():
        raise RuntimeError("a GPU of NVIDIA and its driver are needed")

    monkeypatch.setattr(device, "require", none)
    with pytest.raises(RuntimeError, match="a GPU of NVIDIA"):
        command.main(["cuda", "--quick"])


def test_checks_that_fail_and_that_hang_are_told(monkeypatch):
    said = []
    python = [sys.executable, "-c"]
    commands = {"well": [*python, "pass"], "bad": [*python, "raise SystemExit('why')"]}
    found = cuda._side_by_side(commands, dict(os.environ), said.append)
    assert found == {"well": True, "bad": False}
    assert "why" in said[1]
    monkeypatch.setattr(cuda, "CHECK_SECONDS", 0)
    hanging = {"long": [*python, "import time; time.sleep(60)"]}
    assert cuda._side_by_side(hanging, dict(os.environ), said.append) == {"long": False}


def test_every_check_is_run():
    folder = ROOT / "tests" / "cuda" / "simulated"
    assert sorted(cuda.CHECKS) == sorted(path.name for path in folder.glob("check_*.py"))


def test_sizes_are_those_of_the_targets():
    assert [case.name for case in cuda.PASSES] == [
        "2,000,000 x 500 float64",
        "4,000,000 x 500 float32",
        "20,000,000 x 30 float32",
        "8,000,000 x 784 uint8",
    ]
    assert cuda.FITS[2].name == "1,000,000 x 784 uint8, 10 classes"
