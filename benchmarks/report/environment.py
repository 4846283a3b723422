"""Where a measurement was made: the CPU, its caches, the threads, and the versions of packages."""

from __future__ import annotations

import importlib
import os
import platform
from importlib import metadata
from typing import Any

from fastlogreg.machine.caches import last_level_cache
from fastlogreg.machine.cpu import cpu_name

PACKAGES = (
    *("numpy", "numba", "llvmlite", "scipy", "scikit-learn", "torch"),
    *("statsmodels", "glum", "firthmodels", "fastlogreg"),
)
# The load average before this run has added to it, and up to where the machine is called quiet.
LOAD = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0
QUIET = 0.5
_MODULES = {"scikit-learn": "sklearn"}


def environment(n_threads: int) -> dict[str, Any]:
    """Find CPU, caches, threads, versions and the BLAS kernel that NumPy uses."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            module = importlib.import_module(_MODULES.get(name, name))
        except ImportError:
            continue
        versions[name] = getattr(module, "__version__", None) or metadata.version(name)
    return {
        "load": LOAD,
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "threads": n_threads,
        "last_level_cache": last_level_cache(),
        "system": f"{platform.system()} {platform.machine()}",
        "blas": blas(),
        "versions": versions,
    }


def blas() -> str:
    """Name NumPy's BLAS, the CPU it has chosen its kernels for, and its threads."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown (threadpoolctl is not installed)"
    found = [
        pool
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and "numpy" in pool["filepath"]
    ]
    return (
        ", ".join(
            f"{pool['internal_api']} {pool['version']}, kernels for "
            f"{pool.get('architecture', 'unknown')}, "
            f"{pool['num_threads']} threads"
            for pool in found
        )
        or "unknown"
    )


def describe(where: dict[str, Any]) -> str:
    """Tell the environment in one paragraph."""
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    load = where["load"]
    busy = (
        f"Not a quiet machine: its load average was {load} before the run. " if load > QUIET else ""
    )
    return busy + (
        f"{where['cpu']}, {where['cpus']} CPUs, {where['threads']} threads used, last-level cache "
        f"{where['last_level_cache'] >> 20} MiB, {where['system']}; NumPy's BLAS: "
        f"{where['blas']}; {versions}."
    )
