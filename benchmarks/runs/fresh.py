"""A measurement in a fresh Python process, which imports the same copy of this package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fastlogreg


def in_a_fresh_process(
    code: str, arguments: Sequence[Any], failed: str, environ: Mapping[str, str] | None = None
) -> Any:
    """Run Python code with these arguments, and return the JSON that it prints.

    `environ` adds to the environment of this process. Raises RuntimeError, which begins with
    `failed` and ends with the end of what the process said.
    """
    home = str(Path(fastlogreg.__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **(environ or {}), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{failed}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)
