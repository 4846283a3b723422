"""`python -m benchmarks cuda`: passes and fits on a GPU, against torch, scikit-learn and the CPU.

A pass of cost and gradient is compared with torch's two products, and with what the GPU copies in
its own memory. Fits go to 1e-6 of J*, with X there already; what its copy takes is told apart.
`--check` first runs the checks of the kernels on the GPU, and compute-sanitizer where it is
installed. It needs the extra `cuda`; where torch is not installed its rows are left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastlogreg as flr
from fastlogreg.backends.on_gpu import Cuda
from fastlogreg.cuda import device
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.data.on_gpu import device_design
from fastlogreg.tools import bench

from ..contenders import on_gpu as contenders
from ..report.environment import describe
from ..report.results import Keep, keep_nothing, outcome, target, timed_row
from ..report.tables import markdown, targets_table

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ("check_passes.py", "check_sums.py", "check_models.py")
CHECK_SECONDS = 240  # of the checks of kernels, all files side by side
NEAR = 1e-6  # of J*
Say = Callable[[str], None]


class PassCase(NamedTuple):
    """Hold the sizes of X, and what the issue of a pass asks for."""

    m: int
    n_x: int
    dtype: str
    against_torch: float
    of_copy: float

    @property
    def name(self) -> str:
        return f"{self.m:,} x {self.n_x} {self.dtype}"


class FitCase(NamedTuple):
    """Hold the sizes of a fit, and how many times faster than torch it should be."""

    m: int
    n_x: int
    dtype: str
    classes: int
    against_torch: float

    @property
    def name(self) -> str:
        of = "" if self.classes == 2 else f", {self.classes} classes"
        return f"{self.m:,} x {self.n_x} {self.dtype}{of}"


PASSES = (
    PassCase(2_000_000, 500, "float64", 1.7, 0.75),
    PassCase(4_000_000, 500, "float32", 1.6, 0.65),
    PassCase(20_000_000, 30, "float32", 1.3, 0.5),
    PassCase(8_000_000, 784, "uint8", 2.5, 0.5),
)
FITS = (
    FitCase(4_000_000, 100, "float32", 2, 3.0),
    FitCase(1_000_000, 500, "float32", 2, 3.0),
    FitCase(1_000_000, 784, "uint8", 10, 3.0),
)
QUICK_PASSES = (PassCase(60, 4, "float32", 1.6, 0.65), PassCase(60, 4, "uint8", 2.5, 0.5))
QUICK_FITS = (FitCase(30, 2, "float32", 2, 3.0), FitCase(20, 1, "uint8", 3, 3.0))


def copy_bandwidth(quick: bool) -> float:
    """Measure the bytes a second that the GPU copies in its memory, read and written both."""
    from numba import cuda

    count = 1 << (12 if quick else 27)
    one, other = (cuda.device_array(count, np.float64) for _ in range(2))

    def copied() -> None:
        other.copy_to_device(one)
        cuda.synchronize()

    return 2.0 * one.nbytes / bench.interleaved({"copy": copied}, rounds=9)["copy"].median


def of_passes(case: PassCase, bandwidth: float, rounds: int) -> list[dict[str, Any]]:
    """Time a pass of each contender over one X on the GPU."""
    from ..cases.on_gpu import numbers

    X = numbers(case.m, case.n_x, case.dtype)
    design, backend = device_design(X, 1.0 / 256.0, 0.0, examples_in_rows=True), Cuda(1)
    y = (np.arange(case.m) % 3 == 0).astype(np.uint8)
    w, z = np.random.default_rng(1).standard_normal(case.n_x) / case.n_x, backend.room(case.m)
    ways: dict[str, Callable[[], Any]] = {
        "fastlogreg": lambda: backend.sums(design, y, w, 0.1, zs=z)
    }
    ways |= contenders.passes(X, y, w / 256.0, 0.1)
    times = bench.interleaved(ways, rounds=rounds)
    bytes_of_x = float(design.nbytes)
    return [
        timed_row(
            case.name, name, one, "example-major",
            bandwidth=bytes_of_x / one.median, of_copy=bytes_of_x / one.median / bandwidth,
        )
        for name, one in times.items()
    ]  # fmt: skip


def of_fits(case: FitCase, rounds: int) -> list[dict[str, Any]]:
    """Time fits to 1e-6 of J*, X on the GPU; and what its copy there takes."""
    from ..cases.on_gpu import labelled, numbers

    X, y = labelled(numbers(case.m, case.n_x, case.dtype), case.classes)
    scale = 1.0 / 256.0 if case.dtype == "uint8" else 1.0
    labels = y[None].astype(np.uint8 if case.classes == 2 else np.int32)
    of_gpu = contenders.turned(X)
    how: dict[str, Any] = {"solver": "auto", "lambda_": 1.0, "iterations": 500, "scale": scale}
    how["classes"] = None if case.classes == 2 else case.classes
    best = flr.train(of_gpu, labels, backend="cuda", tol=1e-10, **how).cost
    how["tol"] = NEAR * best
    on_cpu = np.asarray(X.reshape(case.m * case.n_x).copy_to_host()).reshape(X.shape).T
    ways: dict[str, Callable[[], Any]] = {
        "fastlogreg": lambda: flr.train(of_gpu, labels, backend="cuda", **how),
        "fastlogreg on the CPU": lambda: flr.train(on_cpu, labels, **how),
        "the copy of X": lambda: _copied(on_cpu),
    }
    ways |= contenders.fits(X, y, case.classes, scale, 1.0 / case.m, best * (1.0 + NEAR))
    times = bench.interleaved(ways, rounds=rounds)
    return [timed_row(case.name, name, one, "example-major") for name, one in times.items()]


def _copied(X: Any) -> None:
    """Copy X (n_x, m) to the GPU as a fit does."""
    backend, n_x = Cuda(1), len(X)
    design = DesignMatrix(X, np.ones(n_x), np.zeros(n_x))
    backend.there.blocks(design, backend.engine)


def checks(say: Say) -> dict[str, bool]:
    """Run the checks of the kernels where the GPU is, and compute-sanitizer's; which went well."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    commands = {
        name: [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
            *("-o", "python_files=check_*.py", f"tests/cuda/simulated/{name}"),
        ]
        for name in CHECKS
    }
    found = _side_by_side(commands, environ, say)
    sanitizer = shutil.which("compute-sanitizer")
    if sanitizer is None or device.is_simulated():
        say("compute-sanitizer is not here")
        return found
    touch = [sys.executable, "-m", "tests.cuda.touch"]
    tools = {
        tool: [sanitizer, "--tool", tool, "--error-exitcode", "9", *touch]
        for tool in ("memcheck", "racecheck")
    }
    return found | _side_by_side(tools, environ, say)


def _side_by_side(
    commands: dict[str, list[str]], environ: dict[str, str], say: Say
) -> dict[str, bool]:
    given: Any = {"cwd": ROOT, "env": environ, "stderr": subprocess.STDOUT, "text": True}
    begun = {
        name: subprocess.Popen(command, stdout=subprocess.PIPE, **given)
        for name, command in commands.items()
    }
    found, deadline = {}, time.monotonic() + CHECK_SECONDS
    for name, process in begun.items():
        try:
            text, _ = process.communicate(timeout=max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            text = f"no end after {CHECK_SECONDS} s"
        found[name] = process.returncode == 0
        say(f"{name}: {'well' if found[name] else text[-3000:]}")
    return found


def run(
    quick: bool = False, say: Say = print, check: bool = False, keep: Keep = keep_nothing
) -> dict[str, Any]:
    """Check the kernels if asked to, then measure passes and fits."""
    about = device.found()
    say(f"{about.name}, {about.memory.free / 1e9:.3g} GB free")
    checked = checks(say) if check else {}
    bandwidth, rows, targets = copy_bandwidth(quick), [], []
    say(f"copies {bandwidth / 1e9:.0f} GB/s, read and written")
    for case in QUICK_PASSES if quick else PASSES:
        say(f"a pass over {case.name}")
        rows += (found := of_passes(case, bandwidth, 1 if quick else 9))
        keep(rows)
        own = found[0]
        text = f"a pass over {case.name}"
        ratio = found[1]["seconds"] / own["seconds"] if len(found) > 1 else np.nan
        targets.append(target(f"{text}: torch / fastlogreg", ratio, least=case.against_torch))
        targets.append(target(f"{text}: of the copy", own["of_copy"], least=case.of_copy))
    for fit in QUICK_FITS if quick else FITS:
        say(f"a fit of {fit.name}")
        rows += (found := of_fits(fit, 1 if quick else 3))
        keep(rows)
        seconds = {row["contender"]: row["seconds"] for row in found}
        ratio = seconds.get("torch", np.nan) / seconds["fastlogreg"]
        targets.append(
            target(f"a fit of {fit.name}: torch / fastlogreg", ratio, least=fit.against_torch)
        )
    return outcome(
        "cuda", quick, 1, rows, targets,
        gpu=about.name, copy_bandwidth=bandwidth, checked=checked,
    )  # fmt: skip


def report(result: dict[str, Any]) -> dict[str, str]:
    """Write the tables for docs/benchmarks/gpu.md."""
    rows = result["rows"]
    passes = [
        (
            row["case"], row["contender"], f"{1e3 * row['seconds']:.2f}",
            f"{row['bandwidth'] / 1e9:.0f}", f"{row['of_copy']:.2f}",
        )
        for row in rows
        if "bandwidth" in row
    ]  # fmt: skip
    fits = [
        (row["case"], row["contender"], f"{row['seconds']:.3f}")
        for row in rows
        if "bandwidth" not in row
    ]
    copies = f"{result['gpu']}, which copies {result['copy_bandwidth'] / 1e9:.0f} GB/s."
    text = [
        markdown(("a pass over X", "by", "ms", "GB/s of X", "of the copy"), passes),
        markdown(("a fit to 1e-6", "by", "seconds"), fits),
        targets_table(result["targets"]),
        *(f"{name}: {'well' if well else 'not well'}." for name, well in result["checked"].items()),
        f"{copies} {describe(result['environment'])}",
    ]
    return {"cuda": "\n\n".join(text)}
