"""Reading a mapped file ahead of a pass: what is asked for, when not, and that nothing is left."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.machine import file_ahead
from fastlogreg.machine.file_ahead import LEVELS, Distance, reading_ahead, spans_of_runs
from fastlogreg.machine.mapped_files import MappedFile
from tests.helpers.limits import HANG

pytestmark = pytest.mark.skipif(not file_ahead.is_possible(), reason="no posix_fadvise")

PIECE = 4096


@pytest.fixture
def asked(monkeypatch):
    """Small requests on any disk, of a file that never seems cached: where each begins."""
    found = []
    monkeypatch.setattr(file_ahead, "LEAST_BYTES", 1)
    monkeypatch.setattr(file_ahead, "FAR", 1 << 60)
    monkeypatch.setattr(file_ahead, "PIECE", PIECE)
    monkeypatch.setattr(file_ahead, "PROBE", PIECE)
    monkeypatch.setattr(file_ahead, "is_cached", lambda fd, at: False)
    monkeypatch.setattr(file_ahead, "_distances", {})
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, at, size, advice: found.append((at, size)))
    return found


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "X.bin"
    path.write_bytes(bytes(20 * PIECE))
    return MappedFile.at(str(path), 0, 20 * PIECE)


@pytest.fixture
def asked_before_the_pass(asked, monkeypatch):
    """A pass that has readers begins when these have asked for something."""
    begin = file_ahead.Readers.__init__

    def waiting(readers, *args):
        begin(readers, *args)
        wait_for(lambda: asked)

    monkeypatch.setattr(file_ahead.Readers, "__init__", waiting)


def wait_for(condition):
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "fastlogreg file reader"]


def test_everything_is_asked_for_once(asked, file):
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    spans = [(0, 7 * PIECE + 5, lambda: 0), (7 * PIECE + 5, 20 * PIECE, lambda: 7 * PIECE + 5)]
    with reading_ahead(file, spans):
        wait_for(lambda: not readers())
    ends = sorted((at, at + size) for at, size in asked)
    assert ends[0][0] == 0
    assert ends[-1][1] == 20 * PIECE
    assert all(end == at for (_, end), (at, _) in itertools.pairwise(ends))
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_no_further_than_the_share_of_memory(asked, file, monkeypatch):
    """The reader waits for the pass, goes on with it, and ends with the block, also by Ctrl-C."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(file_ahead, "SHARE_OF_MEMORY", physical // (7 * PIECE // 2))
    reached = [0]

    def interrupted():
        with reading_ahead(file, [(0, 20 * PIECE, lambda: reached[0])]):
            wait_for(lambda: len(asked) == 4)
            time.sleep(0.02)
            assert len(asked) == 4
            reached[0] = 10 * PIECE  # the pass has overtaken the reader
            wait_for(lambda: len(asked) == 8)
            assert asked[4] == (10 * PIECE, PIECE)
            assert len(readers()) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not readers()


def test_when_nothing_is_asked_for(asked, file, monkeypatch, tmp_path):
    span = [(0, 20 * PIECE, lambda: 0)]

    def none_is_made(file=file, spans=span):
        with reading_ahead(file, spans):
            assert not readers()

    none_is_made(file=None)
    none_is_made(spans=[])
    none_is_made(file=replace(file, identity=(file.identity[0], -1)))  # another file by now
    none_is_made(file=replace(file, path=str(tmp_path / "gone")))
    for name, value in (
        ("LEAST_BYTES", 1 << 40),
        ("FAR", 0),
        ("is_possible", lambda: False),
        ("is_cached", lambda fd, at: True),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(file_ahead, name, value)
            none_is_made()

    def cannot_tell(fd, at):
        raise OSError("not supported")

    monkeypatch.setattr(file_ahead, "is_cached", cannot_tell)
    none_is_made()
    assert not asked


def test_a_file_that_goes_ends_the_readers_alone(asked, file, monkeypatch):
    opened = []

    def once(file, opener=file_ahead._open):
        opened.append(file)
        if len(opened) > 1:
            raise OSError("gone")
        return opener(file)

    monkeypatch.setattr(file_ahead, "_open", once)
    with reading_ahead(file, [(0, 20 * PIECE, lambda: 0)]):
        wait_for(lambda: not readers())
    assert len(opened) == 2
    assert not asked


def test_is_cached(file):
    with open(file.path, "rb") as opened:
        try:
            assert opened.read()
            assert file_ahead.is_cached(opened.fileno(), 0)
            assert not file_ahead.is_cached(opened.fileno(), 21 * PIECE)  # behind the end
        except OSError:
            pytest.skip("this file system cannot tell")


def test_the_system_reads_ahead(tmp_path):
    assert file_ahead.system_reads_ahead(os.stat(tmp_path).st_dev) >= 0
    assert file_ahead.system_reads_ahead(os.makedev(4095, 255)) == 0


def test_the_distance_goes_to_the_fastest():
    """Each neighbour of the best is tried once; a disk that becomes slower is left."""
    rates = {LEVELS[0]: 1.0, LEVELS[1]: 2.0, LEVELS[2]: 3.0, LEVELS[3]: 4.0, LEVELS[4]: 3.5}
    distance, seen = Distance(), []
    for _ in range(6):
        seen.append(distance.bytes)
        distance.judge(rates.get(distance.bytes, 0.0))
    assert seen == [LEVELS[k] for k in (2, 3, 4, 3, 3, 3)]
    rates[LEVELS[3]] = 0.5
    for _ in range(6):
        distance.judge(rates.get(distance.bytes, 0.0))
    assert distance.bytes == LEVELS[4] or distance.bytes == LEVELS[2]


def test_the_distance_counts_what_came(monkeypatch):
    monkeypatch.setattr(file_ahead, "MEASURED", 100)
    distance, judged = Distance(), []
    monkeypatch.setattr(distance, "judge", judged.append)
    distance.add(99)
    distance.begin()  # forgets them
    distance.add(99)
    assert not judged
    distance.add(1)
    assert len(judged) == 1
    assert judged[0] > 0.0


def test_spans_of_runs():
    counters = np.array([0, 3])
    spans = spans_of_runs(counters, 10, [(0, 3), (3, 7)], 100, 165)
    assert [span[:2] for span in spans] == [(100, 130), (130, 165)]
    assert [reached() for _, _, reached in spans] == [100, 150]
    counters[:] = 9, 9  # more than there are: those who help count on
    assert [reached() for _, _, reached in spans] == [130, 170]


def child_pass(path, queue):
    rows = np.load(path, mmap_mode="r")
    y = np.arange(len(rows))[None] % 2
    queue.put(float(flr.propagate(np.zeros((rows.shape[1], 1)), 0.0, rows.T, y).cost))


def test_passes_have_the_same_bits(asked, asked_before_the_pass, tmp_path):
    """One class and several, from a map and from blocks of a map."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (700, 130), np.uint8)
    y, w = rng.integers(0, 2, (1, 700)), rng.normal(size=(130, 1))
    path = tmp_path / "X.npy"
    np.save(path, rows)
    mapped = np.load(path, mmap_mode="r")
    given = {"scale": 1 / 255, "lambda_": 1.0, "iterations": 3, "solver": "lbfgs"}
    expected = flr.propagate(w, 0.1, flr.RowBlocks(rows), y)
    classes = flr.train(rows.T, y, classes=2, **given)
    for X in (mapped.T, flr.RowBlocks(path)):
        asked.clear()
        found = flr.propagate(w, 0.1, X, y)
        np.testing.assert_array_equal(found.dw, expected.dw)
        assert found.cost == expected.cost
        assert asked
        asked.clear()
        np.testing.assert_array_equal(flr.train(X, y, classes=2, **given).w, classes.w)
        assert asked
    assert not readers()


def test_a_contiguous_dataset_is_read_ahead(asked, asked_before_the_pass, tmp_path):
    h5py = pytest.importorskip("h5py")
    rows = np.random.default_rng(0).integers(0, 256, (700, 130), np.uint8)
    with h5py.File(tmp_path / "X.h5", "w") as file:
        file["plain"] = rows
        file.create_dataset("chunked", data=rows, chunks=(100, 130))
    y = np.arange(700)[None] % 2
    expected = flr.propagate(np.ones((130, 1)), 0.1, flr.RowBlocks(rows), y)
    for name, is_asked in (("plain", True), ("chunked", False)):
        asked.clear()
        found = flr.propagate(
            np.ones((130, 1)), 0.1, flr.RowBlocks(f"{tmp_path / 'X.h5'}:{name}"), y
        )
        np.testing.assert_allclose(found.dw, expected.dw, rtol=1e-13)
        assert bool(asked) == is_asked
    assert not readers()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_has_readers_of_its_own(asked, tmp_path):
    """A lock that the parent's readers held at the fork is not waited for."""
    rows = np.random.default_rng(0).integers(0, 256, (700, 130), np.uint8)
    path = tmp_path / "X.npy"
    np.save(path, rows)
    distance = file_ahead._distances.setdefault(os.stat(path).st_dev, Distance())
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    with distance._lock:
        child = context.Process(target=child_pass, args=(path, queue))
        child.start()
    child.join(HANG)
    assert child.exitcode == 0
    assert queue.get() == pytest.approx(np.log(2))
