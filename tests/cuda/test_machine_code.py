"""Every kernel compiles for a GPU, where numba-cuda and its compiler are; no GPU is needed.

The simulator runs kernels as Python, and would not notice what the compiler refuses.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HANG = 900


@pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None
    or importlib.util.find_spec("nvidia.cuda_nvcc") is None,
    reason="numba-cuda and the compiler of NVIDIA are not here",
)
def test_every_kernel_compiles_and_stays_in_registers():
    done = subprocess.run(
        [sys.executable, "-m", "tests.cuda.machine_code"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "0"},
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    found = {one.pop("name"): one for one in map(json.loads, done.stdout.splitlines())}
    assert len(found) > 50
    for name, counts in found.items():
        # An array whose indices the compiler does not know lies in slow memory.
        assert counts["local"] == 0, name
        assert counts["calls"] == 0, name
    assert found["rows 784 uint32"]["words"] >= 4 * 7  # four bytes a read
    assert found["rows 500 float64"]["shuffles"] > 0
    assert found["rows 500 float64"]["fused"] >= 2 * 32
