"""`python -m benchmarks outofcore`: a file of 4 GiB, trained on by a process that may have 1 GiB of
memory of its own.

The file is uint8, 12,288 features (the lectures' images), made in the temporary folder (TMPDIR,
which must be on a disk) and removed at the end. Each figure is from a fresh process under
RLIMIT_DATA: a plain sequential read of the file into one buffer, and passes of cost and gradient,
from a page cache without the file (POSIX_FADV_DONTNEED just before, by the process itself) and from
one with it. In turn, several rounds, medians. The targets are against the faster of the two reads.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastlogreg.machine.threads import available_threads

from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target
from ..report.tables import markdown, targets_table
from .fresh import in_a_fresh_process

N_X = 12_288
N_BYTES, QUICK_BYTES = 4 << 30, 96 << 20
LIMIT = 1 << 30
MOST = 1.3
READS = {"read, 8 MiB at a time": 8 << 20, "read, 1 MiB at a time": 1 << 20}
PASSES = ("RowBlocks", "RowBlocks, copied and read ahead")
CHILD = """
import json, os, resource, sys, time
limit, what, path, count, cold = (kind(arg) for kind, arg in
                                  zip((int, str, str, int, int), sys.argv[1:]))
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
import numpy as np
import fastlogreg as flr

def timed(work):
    seconds = []
    if cold:  # here, so that whoever reads takes memory that was given back just before
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    for _ in range(count):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds

def read():
    buffer = np.empty(int(what), np.uint8)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass

class Dataset:
    "As h5py has it: blocks are read into buffers, the next one while the present one is computed."
    mapped = np.load(path, mmap_mode="r") if not what.isdigit() else np.empty((0, 0), np.uint8)
    shape, dtype, name, offset = mapped.shape, mapped.dtype, "copied", getattr(mapped, "offset", 0)
    del mapped

    def __getitem__(self, rows):
        return np.fromfile(path, self.dtype, (rows.stop - rows.start) * self.shape[1],
                           offset=self.offset + rows.start * self.shape[1]
                           ).reshape(-1, self.shape[1])

    def read_direct(self, block, rows):
        with open(path, "rb", buffering=0) as file:
            file.seek(self.offset + rows.start * self.shape[1])
            if file.readinto(block) != block.nbytes:
                raise OSError("short read")

def source():
    return flr.RowBlocks(Dataset() if "copied" in what else path)

if what.isdigit():
    print(json.dumps(timed(read)))
    sys.exit()
small = (np.arange(3000 * 16) % 251).astype(np.uint8).reshape(3000, 16)
labels = np.arange(3000)[None] % 2
flr.propagate(np.zeros((16, 1)), 0.0, flr.RowBlocks(small), labels, n_threads=1)
flr.train(flr.RowBlocks(small), labels, solver="lbfgs", lambda_=1.0, iterations=2)
X, Y = source(), np.load(path + ".labels.npy")
w = np.full((X.shape[0], 1), 1e-5)
if what == "train":
    start = time.perf_counter()
    result = flr.train(
        X, Y, solver="auto", scale=1 / 255, lambda_=count * 1.0, tol=1e-6, iterations=200
    )
    seconds = time.perf_counter() - start
    found = [seconds, result.passes, result.iterations]
    print(json.dumps([*found, result.suboptimality_bound, result.stop_reason]))
else:
    print(json.dumps(timed(lambda: flr.propagate(w, 0.0, X, Y))))
"""


def make(path: Path, n_bytes: int, n_x: int) -> int:
    """Write random uint8 rows, and labels that the first 64 features tell, with noise.

    The labels lie in PATH.labels.npy. Returns m.
    """
    free = shutil.disk_usage(path.parent).free
    if free < 2 * n_bytes:
        raise ValueError(
            f"{path.parent} must have {2 * n_bytes} bytes free; it has {free}. Name another "
            "folder with TMPDIR"
        )
    m, rng = n_bytes // n_x, np.random.default_rng(0)
    labels = np.empty(m, np.uint8)
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (m, n_x)}
        np.lib.format.write_array_header_1_0(file, header)
        for lo in range(0, m, 1024):
            block = np.frombuffer(rng.bytes(min(1024, m - lo) * n_x), np.uint8).reshape(-1, n_x)
            file.write(block)
            signal = block[:, :64].mean(axis=1) - 127.5
            labels[lo : lo + len(block)] = signal + rng.normal(0.0, 5.0, len(block)) > 0.0
        file.flush()
        os.fsync(file.fileno())
    np.save(f"{path}.labels.npy", labels[None])
    return m


def forget(path: Path) -> None:
    """Take the file out of the page cache."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def child(what: str, path: Path, count: int = 1, cold: bool = False) -> list[Any]:
    """Return what a fresh process under the limit measured.

    cold: it takes the file out of the page cache before it starts the clock.
    """
    failed = f"{what} failed in a process of {LIMIT >> 20} MiB"
    found: list[Any] = in_a_fresh_process(CHILD, (LIMIT, what, path, count, int(cold)), failed)
    return found


def measure(path: Path, rounds: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Time each read and each pass, cold and warm."""
    contenders = {
        **{name: str(size) for name, size in READS.items()},
        **{name: name for name in PASSES},
    }
    times: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        say(f"cold, round {number + 1} of {rounds}")
        for name, what in contenders.items():
            times.setdefault(("cold", name), []).extend(child(what, path, cold=True))
    for number in range(rounds):
        say(f"warm, round {number + 1} of {rounds}")
        for name, what in contenders.items():
            times.setdefault(("warm", name), []).extend(child(what, path, 4)[1:])
    return [
        {
            "case": case,
            "order": "",
            "contender": name,
            "seconds": statistics.median(seconds),
            "low": min(seconds),
            "high": max(seconds),
            "rounds": len(seconds),
        }
        for (case, name), seconds in times.items()
    ]


def run(
    quick: bool = False, say: Callable[[str], None] = print, keep: Keep = keep_nothing
) -> dict[str, Any]:
    """Measure 4 GiB, four rounds, and a training run; quick: 96 MiB, one round."""
    n_bytes, rounds = (QUICK_BYTES, 1) if quick else (N_BYTES, 4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "X.npy")
        say(f"making {n_bytes >> 20} MiB in {folder}")
        m = make(path, n_bytes, N_X)
        rows = measure(path, rounds, say)
        keep(rows)
        say("training")
        forget(path)
        seconds, passes, iterations, bound, reason = child("train", path, max(1, m // 1000))
    rows.append(
        {
            "case": "training to 1e-6, from cold",
            "order": "",
            "contender": "RowBlocks",
            "seconds": seconds / passes,
            "passes": passes,
            "iterations": iterations,
            "bound": bound,
            "reason": reason,
            "total": seconds,
        }
    )
    targets = judge(rows)
    return outcome("outofcore", quick, available_threads(), rows, targets, m=m, bytes=n_bytes)


def judge(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Judge the seconds per pass over those of the faster read."""
    targets = []
    for case in ("cold", "warm"):
        seconds = {row["contender"]: row["seconds"] for row in rows if row["case"] == case}
        found = seconds["RowBlocks"] / min(seconds[name] for name in READS)
        targets.append(
            target(f"{case} page cache: seconds per pass / sequential read", found, most=MOST)
        )
    return targets


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the table, as a block for the README."""
    lines = []
    for row in result["rows"]:
        seconds = f"{row['low']:.2f} to {row['high']:.2f}" if "low" in row else ""
        rate = result["bytes"] / row["seconds"] / 1e9
        lines.append(
            (row["case"], row["contender"], f"{row['seconds']:.3f}", seconds, f"{rate:.2f}")
        )
    table = markdown(("page cache", "what", "seconds a pass", "least to most", "GB/s"), lines)
    run = result["rows"][-1]
    notes = (
        f"{result['m']:,} x {N_X:,} uint8, {result['bytes'] / 2**30:.2f} GiB, each process "
        f"limited to {LIMIT / 2**30:g} GiB "
        f"(RLIMIT_DATA). Training: {run['passes']} passes in {run['total']:.1f} s, "
        f"{run['iterations']} iterations of solver "
        f"auto, ended {run['reason']} with a bound of {run['bound']:.1e} on cost - optimum. "
    )
    text = f"{table}\n\n{notes}{describe(result['environment'])}"
    return {"outofcore": text, "outofcore-targets": targets_table(result["targets"])}
