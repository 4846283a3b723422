"""The seconds that a command spends on compiling, which it does once: later runs load the code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Compiling:
    """Count the seconds, while `compiling` is open."""

    def __init__(self) -> None:
        self.seconds = 0.0


@contextmanager
def compiling() -> Iterator[Compiling]:
    """Watch Numba compile; where it is not used or not installed, nothing is counted."""
    found = Compiling()
    try:
        from numba.core import event
    except ImportError:  # the numpy backend needs no Numba
        yield found
        return

    class Watch(event.Listener):  # type: ignore[misc]
        def __init__(self) -> None:
            self.depth, self.begun = 0, 0.0

        def on_start(self, event: Any) -> None:
            if self.depth == 0:
                self.begun = time.perf_counter()
            self.depth += 1

        def on_end(self, event: Any) -> None:
            self.depth -= 1
            if self.depth == 0:
                found.seconds += time.perf_counter() - self.begun

    with event.install_listener("numba:compile", Watch()):
        yield found
