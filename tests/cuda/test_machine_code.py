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

import numpy as np
import pytest

from fastlogreg.cuda import pieces

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
    assert found["rows 784 uint32"]["conversions"] <= 1  # a label; bytes of X by their bits
    assert found["rows 500 float64"]["shuffles"] > 0
    assert found["rows 500 float64"]["fused"] >= 2 * 32


@pytest.mark.parametrize("place", range(4))
def test_a_byte_in_the_bits_of_4096(place):
    """What `of_four` does on a GPU, by NumPy; the simulator does not run it."""
    selector = pieces.BESIDE + 16 * place
    for byte in range(256):
        word = 0xA55A3CC3 & ~(255 << 8 * place) | byte << 8 * place
        both = word | pieces.BITS_OF_4096 << 32
        high = sum((both >> 8 * (selector >> 4 * k & 7) & 255) << 8 * k for k in range(4))
        assert np.array(high << 32, np.uint64).view(np.float64) - 4096.0 == byte
