"""The checks of `tests.cuda.simulated`, each file in a process of its own.

The simulator is chosen by an environment variable, for a whole process and before numba.cuda is
imported. With a GPU the same checks run on it too. .ci/run measures which lines the simulator
reaches, by SIMULATOR_COVERAGE.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.comparison import WITHOUT_JIT

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HANG = 600


def has_gpu() -> bool:
    from numba import config, cuda

    return not config.ENABLE_CUDASIM and cuda.is_available()


@pytest.mark.skipif(WITHOUT_JIT, reason="what is simulated is never compiled: no news")
@pytest.mark.parametrize("where", ["simulated", "on a GPU"])
@pytest.mark.parametrize("name", ["check_passes.py", "check_sums.py", "check_models.py"])
def test_checks(name, where):
    simulated = where == "simulated"
    if not simulated and not has_gpu():
        pytest.skip("there is no GPU here")
    environ = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1" if simulated else "0"}
    if simulated and "SIMULATOR_COVERAGE" in environ:
        environ["COVERAGE_PROCESS_START"] = environ["SIMULATOR_COVERAGE"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider"),
            *("-o", "python_files=check_*.py", str(HERE / "simulated" / name)),
        ],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_every_file_of_checks_is_run():
    [names] = [m.args[1] for m in test_checks.pytestmark if m.args[:1] == ("name",)]
    assert sorted(names) == sorted(p.name for p in (HERE / "simulated").glob("check_*.py"))
