"""These checks run in a process of their own, in numba's simulator or on a GPU: see
`tests.cuda.test_kernels`."""

from __future__ import annotations

from fastlogreg.cuda import device
from tests.helpers import simulator


def pytest_configure(config):
    """Simulated, kernels are NumPy arithmetic, which warns of an overflow where a GPU goes on."""
    config.addinivalue_line("filterwarnings", "ignore::RuntimeWarning:fastlogreg.cuda")
    if device.is_simulated():
        simulator.install()
