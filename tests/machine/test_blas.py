"""OpenBLAS kept on one thread for a while."""

from __future__ import annotations

import pytest

from fastlogreg.machine.blas import one_thread


def counts():
    import numpy as np  # noqa: F401  its OpenBLAS is then loaded

    threadpoolctl = pytest.importorskip("threadpoolctl")
    found = threadpoolctl.threadpool_info()
    return {x["filepath"]: x["num_threads"] for x in found if x["internal_api"] == "openblas"}


def test_one_thread_and_then_as_many_as_before():
    before = counts()
    if not before:
        pytest.skip("NumPy's BLAS is another one")
    with one_thread():
        assert set(counts().values()) == {1}
    assert counts() == before
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert counts() == before
