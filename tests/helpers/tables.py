"""Tables of the literature that lie beside the repository; a test skips where they do not."""

from pathlib import Path

import numpy as np
import pytest

TABLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "tables"


def table(name):
    """Return a table of numbers by the names of its columns."""
    path = TABLES / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    return np.genfromtxt(path, delimiter=",", names=True)
