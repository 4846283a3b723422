"""The one place that knows the backends by name.

fused    the production kernel, on as many threads as the work is worth; every form of X
loops    the lectures' loops, compiled
numpy    the vectorized form, NumPy alone
python   the source of "loops", interpreted
"""

from __future__ import annotations

from .base import Backend
from .fused_backend import Fused
from .loops import Interpreted, Loops
from .vectorized import Vectorized

BY_NAME: dict[str, type[Fused | Vectorized]] = {
    kind.name: kind for kind in (Fused, Loops, Vectorized, Interpreted)
}


def backend_of(given: str | Backend, n_threads: int) -> Backend:
    """Return the backend of that name for so many threads; one that is given as such stays."""
    return BY_NAME[given](n_threads) if isinstance(given, str) else given
