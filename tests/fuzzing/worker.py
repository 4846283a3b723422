"""One process that reads hostile files, and the one that watches it.

The worker reads each file that it is told of under a budget: before each, RLIMIT_DATA is set to
what the process has plus the budget, so that an allocation beyond it fails instead of filling the
machine. The watcher kills a worker that does not answer in time and starts another where one died.
The outcomes:

    read          a result came back
    documented    an error of `DOCUMENTED` whose one line names the file
    over budget   the same, but only because an allocation had failed: the file was not refused
                  before allocating
    undocumented  any other exception
    crash         the process died
    hang          no answer within `SECONDS`, twice, the second time in a fresh process

`python -m tests.fuzzing.worker MODULE NAME BUDGET` is the worker: paths come in on stdin, answers
go out on stdout.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import fastlogreg

SECONDS = 5.0
START_SECONDS = 120.0  # importing on a busy machine
BUDGET = 256 << 20
DOCUMENTED = (
    FileNotFoundError,
    ValueError,
    TypeError,
    ModuleNotFoundError,
)  # fastlogreg/files/__init__.py
FINE = ("read", "documented")


class Answer(NamedTuple):
    """What became of one file, and the error's text or the way the process died; what it took,
    where the process lived."""

    outcome: str
    text: str
    seconds: float = (
        0.0  # of the processor: on a busy machine those of the clock measure the others
    )
    memory: int = 0  # bytes: how much the resident memory grew meanwhile


def judge(read: Callable[[Path], Any], path: Path) -> Answer:
    """Read one file; the outcome as far as the process itself can tell."""
    try:
        read(path)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        if isinstance(error, DOCUMENTED) and str(path) in str(error) and "\n" not in str(error):
            return Answer("over budget" if _lacked_memory(error) else "documented", said)
        return Answer("undocumented", said)
    return Answer("read", "")


def measured(read: Callable[[Path], Any], path: Path) -> Answer:
    """The same, with what it took."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the highest resident memory is the present one from here on
    before, start = _kilobytes("VmRSS:"), time.process_time()
    answer = judge(read, path)
    seconds = time.process_time() - start
    return answer._replace(seconds=seconds, memory=1024 * (_kilobytes("VmHWM:") - before))


def _kilobytes(field: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field))


def _lacked_memory(error: BaseException | None) -> bool:
    """Whether a MemoryError is where this one comes from."""
    while error is not None and not isinstance(error, MemoryError):
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return error is not None


def limit(budget: int) -> None:
    """From here on this process can have `budget` bytes more of private memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[5])
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + budget, hard))


def work(module: str, name: str, budget: int) -> None:
    """The worker's loop. What libraries print goes nowhere."""
    answers = os.fdopen(os.dup(1), "w")
    silence = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(silence, descriptor)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    read = import_module(module).READERS[name].read
    limited = False
    for line in sys.stdin:
        path = line.rstrip("\n")
        if (
            path == ""
        ):  # the valid files, which load the libraries and start their threads, have been read
            limited = True
            continue
        if limited:
            limit(budget)
        answer = measured(read, Path(path))
        print(json.dumps(answer), file=answers, flush=True)


class Watcher:
    """Answers for files, from a worker that may die of them. `with Watcher(...) as watch:
    watch.answer(path)`."""

    def __init__(
        self,
        module: str,
        name: str,
        valid: Sequence[Path],
        *,
        budget: int = BUDGET,
        seconds: float = SECONDS,
    ) -> None:
        self.command = [sys.executable, "-m", "tests.fuzzing.worker", module, name, str(budget)]
        self.valid, self.seconds = valid, seconds
        self.worker: subprocess.Popen[str] | None = None

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end()

    def answer(self, path: Path) -> Answer:
        """Never raises for what the file does; RuntimeError where a valid file cannot be read."""
        for attempt in (1, 2):
            if self.worker is None:
                self._start()
            found = self._ask(path, self.seconds)
            if found.outcome != "hang" or attempt == 2:
                break
        return found

    def _start(self) -> None:
        home = Path(fastlogreg.__file__).resolve().parents[1]
        here = Path(__file__).resolve().parents[2]
        paths = os.pathsep.join([str(home), str(here), os.environ.get("PYTHONPATH", "")]).rstrip(
            os.pathsep
        )
        environ = {
            **os.environ,
            "PYTHONPATH": paths,
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "OMP_NUM_THREADS": "1",
        }
        self.worker = subprocess.Popen(
            self.command,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        for path in self.valid:
            found = self._ask(path, START_SECONDS)
            if found.outcome != "read":
                self._end()
                raise RuntimeError(f"the valid file {path} gave {found.outcome}: {found.text}")
        self._tell("")

    def _tell(self, text: str) -> None:
        assert self.worker is not None
        assert self.worker.stdin is not None
        self.worker.stdin.write(text + "\n")

    def _ask(self, path: Path, seconds: float) -> Answer:
        assert self.worker is not None
        assert self.worker.stdout is not None
        try:
            self._tell(str(path))
        except BrokenPipeError:
            return self._death()
        if not select.select([self.worker.stdout], [], [], seconds)[0]:
            self._end()
            return Answer("hang", f"no answer in {seconds} s")
        line = self.worker.stdout.readline()
        return Answer(*json.loads(line)) if line else self._death()

    def _death(self) -> Answer:
        assert self.worker is not None
        status = self.worker.wait()
        self._end()
        return Answer(
            "crash", signal.Signals(-status).name if status < 0 else f"exit status {status}"
        )

    def _end(self) -> None:
        if self.worker is not None:
            self.worker.kill()
            self.worker.wait()
            for pipe in (self.worker.stdin, self.worker.stdout):
                assert pipe is not None
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
            self.worker = None


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]))
