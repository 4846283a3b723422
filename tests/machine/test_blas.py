"""OpenBLAS kept on one thread for a while."""

from __future__ import annotations

import os
import threading

import pytest

from fastlogreg.machine.blas import at_most, one_thread


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


def test_limits_that_overlap_leave_what_was_there():
    before = counts()
    if max(before.values(), default=1) < 2:
        pytest.skip("NumPy's BLAS is another one, or has one thread")
    entered, leave = threading.Event(), threading.Event()

    def other():
        with at_most(1):
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=other)
    with at_most(2):
        thread.start()
        assert entered.wait(60)
        assert set(counts().values()) == {1}  # the least of both
    assert set(counts().values()) == {1}
    leave.set()
    thread.join()
    assert counts() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # from Python 3.12 on
def test_a_child_has_no_limit_of_its_parents_threads():
    before = counts()
    if not before:
        pytest.skip("NumPy's BLAS is another one")
    with one_thread():
        child = os.fork()
        if child == 0:
            os._exit(0 if counts() == before else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert counts() == before
