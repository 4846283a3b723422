"""Ask the system for the pages of a mapped file ahead of the threads of a pass.

A page of a map that is not in the page cache stops the thread that touches it. The system reads
some bytes ahead of it by itself: on some machines 8 MiB, on most 128 KiB, too few to keep a disk
busy. There two threads ask for what comes next, no copy is made, and the pass finds the pages in
the cache (docs/performance, two-readers).

How many bytes are under way at a time is fitted to the disk while it reads: see `Distance`. Nothing
is done where the pages are in the cache already, where the system reads FAR ahead, for a short
read, and on a system without these calls. Then a pass costs a few microseconds more.

No bit of a result depends on any of this. Whatever fails here ends the readers alone: the pass
reads the same pages, and meets the error itself where there is one.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any

from .mapped_files import MappedFile

LEAST_BYTES = 128 << 20  # of a read that gets readers
# Bytes that the system reads ahead by itself, from which on it needs no help: it puts them in large
# pages, and what is asked for comes in small ones.
FAR = 4 << 20
PIECE = 1 << 20  # bytes that are asked for at once
READERS = 2
MEASURED = 64 << 20  # bytes that must have come before their rate counts
LEVELS = tuple(PIECE << k for k in range(1, 7))  # bytes under way, of both readers
PROBE = 16 << 20  # bytes of the file for which one page is looked at, whether it is in the cache
PAUSE = 0.001  # seconds that a reader waits for the pass to come nearer
# What a reader may have read ahead of the pass, of all memory.
SHARE_OF_MEMORY = 8

# The first byte, one past the last, and what tells a byte that the pass has reached for sure.
Span = tuple[int, int, Callable[[], int]]


class Distance:
    """Choose how many bytes are under way at a time, by the rate at which they came.

    Each of LEVELS beside the best one is tried once; then the best is kept. Its rate goes on being
    measured, so that it loses its place where the disk has become slower.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rates: dict[int, float] = {}
        self._level, self._came, self._since = 2, 0, perf_counter()

    @property
    def bytes(self) -> int:
        """Return how many bytes should be under way."""
        return LEVELS[self._level]

    def begin(self) -> None:
        """Begin to measure anew: the readers have had to wait for the pass, not for the disk."""
        with self._lock:
            self._came, self._since = 0, perf_counter()

    def add(self, size: int) -> None:
        """Count bytes that have come."""
        with self._lock:
            self._came += size
            now = perf_counter()
            if self._came < MEASURED:
                return
            self.judge(self._came / max(now - self._since, 1e-9))
            self._came, self._since = 0, now

    def judge(self, rate: float) -> None:
        """Take the rate of the present level, in bytes a second, and choose the next one."""
        before = self._rates.get(self._level, rate)
        self._rates[self._level] = (before + rate) / 2.0
        best = max(self._rates, key=self._rates.__getitem__)
        untried = [
            level
            for level in (best + 1, best - 1)
            if 0 <= level < len(LEVELS) and level not in self._rates
        ]
        self._level = untried[0] if untried else best


_distances: dict[int, Distance] = {}  # of each device: what was learnt serves the next pass


def is_possible() -> bool:
    """Tell whether the system can be asked for pages, and whether they are there."""
    return hasattr(os, "posix_fadvise") and hasattr(os, "preadv") and hasattr(os, "RWF_NOWAIT")


def system_reads_ahead(device: int) -> int:
    """Return how many bytes the system reads ahead of a thread on this device; 0 if unknown."""
    path = f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb"
    try:
        return int(Path(path).read_text()) << 10
    except (OSError, ValueError):
        return 0


def is_cached(fd: int, at: int) -> bool:
    """Tell whether the page of this byte is in the page cache; nothing is read for it.

    OSError on a file system that cannot tell.
    """
    try:
        return os.preadv(fd, [bytearray(1)], at, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False


@contextmanager
def reading_ahead(file: MappedFile | None, spans: Sequence[Span]) -> Iterator[None]:
    """Have the spans of a file read ahead of the threads of a pass, until the block ends."""
    readers = _readers(file, spans)
    try:
        yield
    finally:
        if readers is not None:
            readers.end()


def _readers(file: MappedFile | None, spans: Sequence[Span]) -> Readers | None:
    """Return readers that have begun, where they are of use."""
    size = sum(end - first for first, end, _ in spans)
    if file is None or size < LEAST_BYTES or not is_possible():
        return None
    device = file.identity[0]
    if system_reads_ahead(device) >= FAR:
        return None
    try:
        fd = _open(file)
        try:
            if all(is_cached(fd, at) for first, end, _ in spans for at in range(first, end, PROBE)):
                return None
        finally:
            os.close(fd)
    except OSError:
        return None
    return Readers(file, spans, _distances.setdefault(device, Distance()))


def _open(file: MappedFile) -> int:
    """Open the file that is mapped; OSError where its path leads elsewhere by now."""
    fd = os.open(file.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    status = os.fstat(fd)
    if (status.st_dev, status.st_ino) != file.identity:
        os.close(fd)
        raise OSError(f"{file.path} is another file now")
    return fd


class Readers:
    """Two threads, each with every other span; they have begun once this is made."""

    def __init__(self, file: MappedFile, spans: Sequence[Span], distance: Distance) -> None:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self.file, self.distance, self.over = file, distance, threading.Event()
        self.most = max(PIECE, memory // SHARE_OF_MEMORY // len(spans))
        shares = [share for k in range(READERS) if (share := spans[k::READERS])]
        self.count = len(shares)
        # Daemons: a disk that never answers must not keep the process from ending.
        self.threads = [
            threading.Thread(
                target=self._read, args=(share,), name="fastlogreg file reader", daemon=True
            )
            for share in shares
        ]
        distance.begin()
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """End the threads, at once where the disk answers."""
        self.over.set()
        for thread in self.threads:
            thread.join(1.0)

    def _read(self, spans: Sequence[Span]) -> None:
        with suppress(OSError):  # the pass meets it too
            fd = _open(self.file)
            try:
                self._ask(fd, [_Place(span, self.most) for span in spans])
            finally:
                os.close(fd)

    def _ask(self, fd: int, places: list[_Place]) -> None:
        under_way: deque[tuple[int, int]] = deque()  # last byte and size of each request
        while not self.over.is_set():
            place = min(places, key=_Place.lead)
            ready = place.is_ready()
            if under_way and (
                not ready or len(under_way) * PIECE * self.count >= self.distance.bytes
            ):
                last, size = under_way.popleft()
                os.preadv(fd, [bytearray(1)], last)  # waits until it has come
                self.distance.add(size)
            elif ready:
                at, size = place.take()
                if not is_cached(fd, at + size - 1):
                    os.posix_fadvise(fd, at, size, os.POSIX_FADV_WILLNEED)
                    under_way.append((at + size - 1, size))
            elif all(place.at >= place.end for place in places):
                return
            else:
                self.over.wait(PAUSE)
                self.distance.begin()


class _Place:
    """Where a reader is in a span."""

    def __init__(self, span: Span, most: int) -> None:
        self.at, self.end, self.reached = span
        self.most = most

    def lead(self) -> float:
        """Return by how many bytes the reader is ahead of the pass; infinite at the end."""
        reached = self.reached()
        self.at = max(self.at, reached)
        return self.at - reached if self.at < self.end else float("inf")

    def is_ready(self) -> bool:
        """Tell whether there is more to be asked for, and not too far ahead."""
        return self.lead() < self.most

    def take(self) -> tuple[int, int]:
        """Return where the next request begins, and its size."""
        at, size = self.at, min(PIECE, self.end - self.at)
        self.at += size
        return at, size


def spans_of_runs(
    counters: Any, step: int, runs: Sequence[tuple[int, int]], first: int, end: int
) -> list[Span]:
    """Return the spans of the runs of chunks that threads take by their counters.

    counters: of each run, how many chunks have been taken; step: bytes of a chunk; runs: first
    chunk and one past the last; first and end: bytes of the file.
    """

    def reached(run: int, low: int, high: int) -> Callable[[], int]:
        # A chunk that has been taken is being read; what comes before it has been.
        return lambda: first + step * min(high, low + max(0, int(counters[run]) - 1))

    return [
        (first + low * step, min(end, first + high * step), reached(run, low, high))
        for run, (low, high) in enumerate(runs)
    ]


def _after_fork() -> None:
    _distances.clear()  # the parent's readers may have held their locks


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
