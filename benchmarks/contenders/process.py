"""The other end of a worker: start it, ask it for fits, end it when it takes too long."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Offer(NamedTuple):
    """Holds a contender that a worker has, its tolerances, and whether it penalises b."""

    name: str
    tols: list[float]
    penalised: bool


class Worker:
    """Runs a package in its own process; see `benchmarks.contenders.worker`."""

    def __init__(self, folder: Path, package: str) -> None:
        self.folder, self.package, self.file = folder, package, folder / f"{package}.npy"
        found = self._start()
        self.offers = [Offer(name, *more) for name, more in found.get("contenders", {}).items()]
        self.error = found.get("error", "")
        if self.error and self.alive:
            self.close()

    def _start(self) -> dict[str, Any]:
        """Begin a process, and return what it says of itself."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contenders.worker", str(self.folder), self.package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )
        self.alive = True
        return self._answer(60.0)

    def fit(self, contender: str, tol: float, most_seconds: float) -> tuple[float, Any] | None:
        """Ask for one fit: its seconds, and [w, b], (n_x + 1,) or (K, n_x + 1).

        None where it failed or took too long. That ends the process: the package's next contender
        gets a new one.
        """
        if self.error or (not self.alive and not self._start().get("contenders")):
            return None
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"contender": contender, "tol": tol}) + "\n")
        self.process.stdin.flush()
        found = self._answer(most_seconds)
        return (found["seconds"], np.load(self.file)) if "seconds" in found else None

    def _answer(self, most_seconds: float) -> dict[str, Any]:
        ready = select.select([self.process.stdout], [], [], most_seconds)[0]
        line = self.process.stdout.readline() if ready and self.process.stdout else ""
        if not line:
            self.close()
            return {"error": "no answer" if ready else f"no answer within {most_seconds:.0f} s"}
        return dict(json.loads(line))

    def close(self) -> None:
        """End the process."""
        self.alive = False
        self.process.kill()
        with self.process:  # closes the pipes and waits
            pass
