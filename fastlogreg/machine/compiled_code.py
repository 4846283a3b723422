"""Where compiled code is kept between processes, and the warning where it cannot be."""

from __future__ import annotations

import os
import warnings
from threading import Lock

from .callers import stack_level

_lock = Lock()
_warned_in = 0  # the process that has been told


class NoCacheWarning(UserWarning):
    """Say that compiled code cannot be kept, so that every process compiles anew.

    It is given once in a process, when something is compiled, and never when the package is
    imported. The text names the cause. The remedy is to set NUMBA_CACHE_DIR to a folder that can be
    written.

    Examples
    --------
    >>> import warnings
    >>> import fastlogreg as flr
    >>> warnings.filterwarnings("ignore", category=flr.NoCacheWarning)
    """


def warn_of_no_cache(cause: str, *through: str) -> None:
    """Warn, once in this process; through: as in `stack_level`."""
    global _warned_in
    with _lock:
        told, _warned_in = _warned_in == os.getpid(), os.getpid()
    if not told:
        warnings.warn(
            f"{cause}: every process compiles anew, for seconds. Set NUMBA_CACHE_DIR to a folder "
            "that can be written, or to one that `fastlogreg warmup` has filled",
            NoCacheWarning,
            stacklevel=stack_level(*through),
        )
