"""The GPU: whether there is one, how much memory it has free, and what is said where there is none.

numba.cuda comes with the extra `cuda`. Its simulator (NUMBA_ENABLE_CUDASIM=1) counts as a GPU: it
runs kernels thread by thread in Python, for tests.
"""

from __future__ import annotations

import importlib.util
from typing import Any, NamedTuple

WITHOUT = 'backend="fused", or device="cpu" of an estimator, computes the same on the CPU'
SPARED = 0.9  # of the free memory: what others and the driver take meanwhile stays free


class Memory(NamedTuple):
    """Hold the bytes that are free on the GPU, and all it has; infinite in the simulator."""

    free: float
    total: float


def is_simulated() -> bool:
    """Return whether kernels run in numba's simulator."""
    from numba import config

    return bool(config.ENABLE_CUDASIM)


def require() -> None:
    """Do nothing where a GPU can be had.

    Raises
    ------
    ImportError
        Without numba-cuda.
    RuntimeError
        Without a GPU, or a driver for it.
    """
    if is_simulated():
        return
    from numba import cuda

    if cuda.is_available():
        return
    if importlib.util.find_spec("numba_cuda") is None:
        raise ImportError(
            "a GPU needs numba-cuda, which is not installed: "
            f'pip install "fastlogreg[cuda]". {WITHOUT}'
        )
    raise RuntimeError(
        "a GPU of NVIDIA and its driver are needed; numba.cuda finds none"
        f"{_reason(cuda)}. Look at the output of nvidia-smi. {WITHOUT}"
    )


def _reason(cuda: Any) -> str:
    error = getattr(cuda, "cuda_error", lambda: None)()
    return f" ({' '.join(str(error).split())})" if error else ""


def memory() -> Memory:
    """Return what the GPU has."""
    from numba import cuda

    context = cuda.current_context()
    waiting = getattr(getattr(context, "memory_manager", None), "deallocations", None)
    if waiting is not None:
        waiting.clear()  # what was given up is free from now on
    free, total = context.get_memory_info()
    return Memory(float(free), float(total))


def require_memory(needed: float, what: str, remedy: str) -> None:
    """MemoryError where so many bytes, for what is named, are not free."""
    free, total = memory()
    if needed > SPARED * free:
        raise MemoryError(
            f"{what} needs {gigabytes(needed)} of the GPU's memory; {gigabytes(free)} of "
            f"{gigabytes(total)} are free. {remedy}. {WITHOUT}"
        )


def gigabytes(size: float) -> str:
    """Write bytes as GB."""
    return f"{size / 1e9:.3g} GB"


class Found(NamedTuple):
    """Hold what there is to say of a GPU: its name, compute capability and memory."""

    name: str
    capability: tuple[int, int]
    memory: Memory


def found() -> Found:
    """Describe the GPU in use; raises as `require` does."""
    require()
    from numba import cuda

    if is_simulated():
        return Found("numba's simulator", (0, 0), memory())
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    major, minor = device.compute_capability
    return Found(name, (int(major), int(minor)), memory())


def multiprocessors() -> int:
    """Return how many the GPU has; the bits of a result do not depend on it."""
    if is_simulated():
        return 1
    from numba import cuda

    return int(cuda.get_current_device().MULTIPROCESSOR_COUNT)
