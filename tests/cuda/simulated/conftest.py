"""These checks run in a process of their own, in numba's simulator or on a GPU: see
`tests.cuda.test_kernels`."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from fastlogreg.cuda import device

SWITCH = 1e-5  # seconds: the simulator's threads wait for each other by asking again and again


def pytest_configure(config):
    """Simulated, kernels are NumPy arithmetic, which warns of an overflow where a GPU goes on."""
    config.addinivalue_line("filterwarnings", "ignore::RuntimeWarning:fastlogreg.cuda")


@pytest.fixture(autouse=True)
def quick_threads(monkeypatch):
    """Let threads take turns quickly, and each shared array be made once.

    In the simulator two threads that come at the same moment make two of it.
    """
    before = sys.getswitchinterval()
    if device.is_simulated():
        from numba.cuda.simulator.kernelapi import FakeCUDAShared
        from numba.np.numpy_support import as_dtype

        lock = threading.Lock()

        def array(self, shape, dtype):
            frame = sys._getframe(1)
            key = frame.f_code, frame.f_lineno
            with lock:
                if key not in self._allocations:
                    # Nobody may count on zeros.
                    self._allocations[key] = np.full(shape, 77, as_dtype(dtype))
                return self._allocations[key]

        monkeypatch.setattr(FakeCUDAShared, "array", array)
        sys.setswitchinterval(SWITCH)
    yield
    sys.setswitchinterval(before)
