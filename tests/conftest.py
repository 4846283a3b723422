"""Fixtures and the comparison table's strategies. Which tests need what beyond numpy, numba, pytest
and hypothesis: test_numerics: mpmath; test_cli, test_files, test_demo, test_plots, the lectures'
figures: the `all` extra; tests with `shared_data`: the real data sets beside the checkout, without
which they skip and say so."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
settings.load_profile("default")

# A process that xdist starts is measured from here on, before anything of the package is imported.
MEASURED = None
if "COVERAGE_PROCESS_START" in os.environ:
    import coverage

    MEASURED = coverage.process_startup()


def pytest_configure(config):
    """Ctrl-C works, also where the tests run in the background of a shell, which has it ignored.
    Without compilation the kernels are NumPy arithmetic, which warns of an overflow where machine
    code goes on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        for what in ("overflow", "invalid value"):
            for where in ("fastlogreg.kernels", "fastlogreg.backends.literal_loops"):
                config.addinivalue_line(
                    "filterwarnings", f"ignore:{what} encountered:RuntimeWarning:{where}"
                )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """The whole suite runs in two processes, where pytest-xdist is installed and nothing else is
    asked for: `-n 0` asks for one. A few files do not, because to start processes takes longer."""
    option = config.option
    if (
        config.args_source is config.ArgsSource.TESTPATHS
        and getattr(option, "numprocesses", 0) is None
        and not (option.usepdb or option.collectonly or hasattr(config, "workerinput"))
    ):
        option.numprocesses, option.dist = 2, "worksteal"


def pytest_unconfigure(config):
    """What was measured is kept before xdist ends its process, which runs nothing of `atexit`."""
    if MEASURED is not None:
        MEASURED.stop()
        MEASURED.save()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which is not part of the project; the test is skipped where it
    is missing."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets (../shared/data beside the checkout) are not here")
    return folder
