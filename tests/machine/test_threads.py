"""How many threads, and work shared among them."""

from __future__ import annotations

import functools
import os
import threading
from queue import SimpleQueue
from types import SimpleNamespace

import numpy as np
import pytest

from fastlogreg.machine import threads


def cgroup(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "50000 100000\n"}, 0.5),
        (
            {"cpu.max": "400000 100000\n", "cpu/cpu.cfs_quota_us": "100000"},
            4.0,
        ),  # version 2 has the word
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000\n"}, None),
        ({"cpu.max": "0 0\n"}, None),
        ({"cpu.max": "garbage\n"}, None),
        ({"cpu.max": "what is this\n"}, None),
    ],
)
def test_cgroup_quota(tmp_path, files, quota):
    assert threads._cgroup_quota(cgroup(tmp_path, files)) == quota


@pytest.mark.parametrize(
    ("cpus", "quota", "expected"),
    [
        (8, None, 8),
        (8, 2.0, 2),
        (8, 1.5, 2),
        (8, 0.1, 1),
        (2, 16.0, 2),
        (1, None, 1),
        (1000, None, 256),
    ],
)
def test_available_threads(monkeypatch, cpus, quota, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cpus)), raising=False)
    monkeypatch.setattr(threads, "_cgroup_quota", lambda: quota)
    assert threads.available_threads() == expected


def test_available_threads_where_there_is_no_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(threads, "_cgroup_quota", lambda: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert threads.available_threads() == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.available_threads() == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_available_threads_follow_the_affinity():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert threads.available_threads() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_run_on_so_many_threads_at_once(n_threads):
    """All at once: none passes the barrier before the last one has come."""
    barrier, seen = threading.Barrier(n_threads), []

    def work():
        barrier.wait(timeout=60)
        seen.append(threading.get_ident())

    threads.run_on(n_threads, work)
    assert len(set(seen)) == len(seen) == n_threads
    assert threading.get_ident() in seen


def test_a_helper_that_comes_too_late_is_dropped_and_none_is_left_running(monkeypatch):
    """The one helper is busy: what has not started when the caller is done never does."""
    helper, busy, count = threads._Helper(), threading.Event(), []
    blocked = threads._Job(lambda: busy.wait(60))
    helper.jobs.put(blocked)
    monkeypatch.setattr(threads, "_some_helpers", lambda n: [helper] * n)
    threads.run_on(4, lambda: count.append(threading.get_ident()))
    assert count == [threading.get_ident()]
    busy.set()
    blocked.wait()
    threads.run_on(
        2, threading.Barrier(2).wait
    )  # the helper serves on, past the three that were dropped
    assert len(count) == 1


@pytest.mark.skipif(threads.available_threads() < 2, reason="with one CPU there is no other one")
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU affinity on this system")
def test_helpers_run_on_another_cpu_and_the_callers_affinity_stays():
    before, both, seen = os.sched_getaffinity(0), threading.Barrier(2), {}

    def work():
        both.wait(timeout=60)
        seen[threading.get_ident()] = os.sched_getaffinity(0)

    threads.run_on(2, work)
    assert seen.pop(threading.get_ident()) == before == os.sched_getaffinity(0)
    [[*helper]] = seen.values()
    assert len(helper) == len(before) - 1
    assert set(helper) < before


def test_without_knowing_the_cpu(monkeypatch):
    monkeypatch.setattr(threads, "_current_cpu", lambda: None)
    count = []
    threads.run_on(2, lambda: count.append(1))
    assert count


@pytest.mark.parametrize("in_caller", [True, False])
def test_an_error_comes_through(in_caller):
    both = threading.Barrier(2)

    def work():
        both.wait(timeout=60)
        if (threading.current_thread() is caller) == in_caller:
            raise KeyError("mine")

    caller = threading.current_thread()
    with pytest.raises(KeyError, match="mine"):
        threads.run_on(2, work)


def test_from_within_a_helper():
    """Nested calls end, and so do many callers at once."""
    done = []
    callers = [
        threading.Thread(
            target=lambda: threads.run_on(3, lambda: threads.run_on(2, lambda: done.append(1)))
        )
        for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert not any(caller.is_alive() for caller in callers)
    assert len(done) >= 8


# ---------------------------------------------------------------- helpers at hand


@pytest.fixture
def cpus(monkeypatch):
    """As many CPUs as the test needs, helpers of its own, and what each of them was told to do."""
    monkeypatch.setattr(threads, "available_threads", lambda: 4)
    monkeypatch.setattr(threads, "_helpers", [])
    monkeypatch.setattr(threads, "_lines", functools.cache(threads._lines.__wrapped__))
    monkeypatch.setattr(threads, "_fits", 0)
    return SimpleQueue()


def test_helpers_may_wait_within_a_fit_that_leaves_a_cpu_for_every_thread(cpus):
    assert [threads.most_fits(n) for n in (1, 2, 3, 4, 5)] == [4, 2, 1, 1, 0]
    assert not threads.may_wait(4)
    with threads.at_hand():
        assert threads.may_wait(1)
        assert not threads.may_wait(0)
        with threads.at_hand():
            assert threads.may_wait(2)
            assert not threads.may_wait(1)
        assert threads.may_wait(1)
        threads._after_fork()
        assert not threads.may_wait(4)  # the child is in no fit, also when it leaves this one
    assert threads._fits == 0


def test_a_helper_waits_after_its_job(cpus):
    def after(most):
        return threads.After(lambda line, most: bool(cpus.put((line, most))), most)

    threads.run_on(2, threading.Barrier(2).wait, after=after(1))  # in no fit: nobody waits
    with threads.at_hand():
        threads.run_on(2, threading.Barrier(2).wait, after=after(0))  # nor without enough CPUs
        assert cpus.empty()
        threads.run_on(2, threading.Barrier(2).wait, after=after(1))
        [helper] = threads._helpers
        assert cpus.get(timeout=60) == (helper.line.ctypes.data, threads.MOST_NANOSECONDS)
        assert helper.line[threads.CALLED] == 0
    assert helper.line[threads.CALLED] == 1  # the end of a fit calls it
    assert helper.line.ctypes.data % 64 == 0


def test_a_job_calls_a_helper_that_waits(cpus):
    waits, go_on = threading.Event(), threading.Event()

    def wait(line, most):
        waits.set()
        return not go_on.wait(60)

    with threads.at_hand():
        threads.run_on(2, threading.Barrier(2).wait, after=threads.After(wait, 2))
        assert waits.wait(60)
        [helper] = threads._helpers
        job = threads._Job(lambda: None)
        helper.give(job)
        assert helper.line[threads.CALLED] == 1
        go_on.set()
        job.finished.acquire()


def test_what_waits_gets_its_work_from_the_kernel(cpus):
    """run_on says where the lines are, and gives jobs to those alone that do not wait."""
    counters, count = np.zeros(threads.LINE_NUMBERS, np.int64), []
    after = threads.After(lambda line, most: False, 3)
    both = threading.Barrier(2)
    helpers = threads._some_helpers(2)
    helpers[0].line[threads.STATE] = threads.WAITING
    threads.run_on(3, lambda: count.append(both.wait(timeout=60)), counters, after)
    assert len(count) == 2
    assert counters[threads.FIRST_LINE] == helpers[0].line.ctypes.data
    assert counters[threads.LINES] == 2
    helpers[1].line[threads.STATE] = threads.AT_WORK
    threads.run_on(3, lambda: count.append(threading.get_ident()), counters, after)
    assert count[2:] == [threading.get_ident()]


def test_a_helper_whose_cpu_others_want_pauses(cpus, monkeypatch):
    """The clock is read before a wait, and after one that others ended."""
    pause, read = threads.PAUSE_SECONDS, SimpleQueue()
    clock = iter([1.0, 2.0, 2.0 + 0.9 * pause, 2.0 + 1.1 * pause, 4.0])

    def monotonic():
        now = next(clock)
        read.put(now)
        return now

    monkeypatch.setattr(threads, "time", SimpleNamespace(monotonic=monotonic))
    after = threads.After(lambda line, most: not cpus.put(most), 1)
    with threads.at_hand():
        for readings in (2, 1, 2):
            threads.run_on(2, threading.Barrier(2).wait, after=after)
            for _ in range(readings):
                read.get(timeout=60)
        served = threads._Job(lambda: None)
        threads._helpers[0].give(served)
        served.finished.acquire()
    assert cpus.qsize() == 2
