"""How much memory this process can still get."""

from __future__ import annotations

import os


def available_memory() -> int:
    """Bytes that this process can still get: what the machine has free or can free, its own limits
    counted in.

    Linux is asked for MemAvailable, RLIMIT_DATA and RLIMIT_AS; elsewhere it is the physical memory.
    A container's limit (cgroup) is not looked up.
    """
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            free = next(
                int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable")
            )
        with open("/proc/self/statm", encoding="ascii") as file:
            used = [int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in file.read().split()]
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    import resource

    for which, held in ((resource.RLIMIT_DATA, used[5]), (resource.RLIMIT_AS, used[0])):
        soft, _ = resource.getrlimit(which)
        if soft != resource.RLIM_INFINITY:
            free = min(free, max(0, soft - held))
    return free
