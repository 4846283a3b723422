"""Where a report comes from: versions, the commit of the folder, the digest of a data file."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from .._version import __version__

LARGEST_BYTES = 1 << 32  # of a file whose digest is worth its time
SECONDS = 5.0  # for git to answer
PACKAGES = ("numpy", "numba", "pyarrow", "scikit-learn", "pandas")


def versions() -> list[tuple[str, str]]:
    """Return the versions of this package, of Python, and of what it may have used."""
    found = [("fastlogreg", __version__), ("Python", platform.python_version())]
    for name in PACKAGES:
        if name.replace("scikit-learn", "sklearn") in sys.modules:
            try:
                found.append((name, metadata.version(name)))
            except metadata.PackageNotFoundError:
                continue
    return found


def now() -> str:
    """Return the date and the time, of UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def commit() -> str | None:
    """Return the commit of the present folder, and whether files differ from it; None for none."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return head[:12] + (" with changes that are not committed" if changed else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def digest(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where it is no file, or a very large one."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
            return None
        found = hashlib.sha256()
        with open(path, "rb") as file:
            while part := file.read(1 << 20):
                found.update(part)
    except OSError:
        return None
    return found.hexdigest()
