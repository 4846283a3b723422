"""Which CPU this is, as the system names it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

INFO = "/proc/cpuinfo"


def cpu_name(path: str = INFO) -> str:
    """Return the CPU's name."""
    return _field("model name", path) or platform.processor() or platform.machine()


def vendor(path: str = INFO) -> str:
    """Return the vendor as the CPU spells it, such as "GenuineIntel"; "" where none is named."""
    return _field("vendor_id", path)


def _field(name: str, path: str) -> str:
    try:
        text = Path(path).read_text()
    except OSError:
        return ""
    found = re.search(rf"^{name}\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else ""
