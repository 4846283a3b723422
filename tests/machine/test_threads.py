"""How many threads, and work shared among them."""

from __future__ import annotations

import os
import threading

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
