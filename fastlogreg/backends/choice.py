"""The one place that knows the backends by name.

fused    the production kernel, on as many threads as the work is worth; every form of X
loops    the lectures' loops, compiled
numpy    the vectorized form, NumPy alone
python   the source of "loops", interpreted
cuda     the kernels of a GPU; every form of X, and arrays that lie on a GPU
"""

from __future__ import annotations

from ..data.design import Design
from .base import Backend
from .fused_backend import Fused
from .loops import Interpreted, Loops
from .on_gpu import Cuda
from .vectorized import Vectorized

BY_NAME: dict[str, type[Fused | Vectorized | Cuda]] = {
    kind.name: kind for kind in (Fused, Loops, Vectorized, Interpreted, Cuda)
}


def name_for(design: Design) -> str:
    """Return the backend that computes where X lies."""
    return Fused.name if design.on_gpu is None else Cuda.name


def backend_of(given: str | Backend, n_threads: int) -> Backend:
    """Return the backend of that name for so many threads; one that is given as such stays."""
    return BY_NAME[given](n_threads) if isinstance(given, str) else given
