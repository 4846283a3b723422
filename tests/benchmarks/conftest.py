"""What the tests of the benchmarks share: nothing is timed for long, and one tiny result."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks.runs import columns, kernels
from fastlogreg.tools import bandwidth, bench


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(bandwidth, "beyond_cache", lambda: 1 << 17)
    monkeypatch.setattr(bench, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(bench, "_SAMPLE_SECONDS", 0.0)


@pytest.fixture(scope="module")
def result():
    """A tiny run of the kernel benchmark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bandwidth, "beyond_cache", lambda: 1 << 17)
        patch.setattr(bench, "_PAUSE_SECONDS", 0.0)
        patch.setattr(kernels, "QUICK", (kernels.Case(40, 3, "float64"),))
        patch.setattr(columns, "QUICK", (columns.ClassCase(60, 5, 3, "uint8"),))
        patch.setattr(kernels, "QUICK_MEMMAP", kernels.Case(40, 5, "uint8"))
        patch.setattr(kernels, "DESCENT", (20, 2))
        patch.setitem(sys.modules, "torch", None)  # slow to import, and seen above
        said = []
        found = kernels.run(quick=True, say=said.append)
    assert said == [
        "40 x 3 float64",
        "60 x 5 uint8, 3 classes",
        "40 x 5 uint8 memmap",
        "569 x 30, gradient descent",
    ]
    return json.loads(json.dumps(found))  # as it comes back from a file
