"""The caches of the CPU, as the system names them: what blocks and prefetching are measured by."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = "/sys/devices/system/cpu/cpu0/cache"


def first_level_cache(folder: str = _FOLDER) -> int:
    """Bytes of the first-level data cache; 32 KiB where the system names none."""
    return max(
        (size for level, kind, size in _caches(folder) if level == 1 and kind != "Instruction"),
        default=32 << 10,
    )


def last_level_cache(folder: str = _FOLDER) -> int:
    """Bytes of the largest cache; 32 MiB where the system names none."""
    return max((size for _, _, size in _caches(folder)), default=32 << 20)


@cache  # a millisecond, which a small fit would notice
def _caches(folder: str) -> list[tuple[int, str, int]]:
    """(level, kind, bytes) of each; those that cannot be read are left out."""
    found = []
    for path in Path(folder).glob("index*"):
        try:
            level, kind, size = (
                Path(path, name).read_text().strip() for name in ("level", "type", "size")
            )
            unit = {"K": 10, "M": 20, "G": 30}.get(size[-1:])
            found.append((int(level), kind, int(size) if unit is None else int(size[:-1]) << unit))
        except (OSError, ValueError):
            continue
    return found
