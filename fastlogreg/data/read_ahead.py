"""A background thread that reads the next items while this one is in use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from numpy.typing import NDArray

Block = NDArray[Any]
_KINDS = (MemoryError, OSError, TypeError, ValueError)


def read_ahead(
    make: Callable[[], Generator[Block, None, None]], where: Sequence[str], in_flight: int
) -> Generator[Block, None, None]:
    """Return the items of make(), as many as `where` names, each taken by one background thread
    while the items before are in use; at most in_flight of them are alive. An exception there is
    raised here, with the name of its item."""
    requests: SimpleQueue[bool] = SimpleQueue()
    results: SimpleQueue[Any] = SimpleQueue()

    def work() -> None:
        items = make()
        try:
            for name in where:
                if not requests.get():
                    return
                try:
                    results.put((next(items), None))
                except BaseException as error:
                    results.put((None, _named(error, name)))
                    return
        finally:
            items.close()

    # A daemon: a source that never answers must not keep the process from ending.
    thread = threading.Thread(target=work, name="fastlogreg reader", daemon=True)
    for _ in range(in_flight - 1):
        requests.put(True)
    thread.start()
    try:
        for _ in where:
            item, error = results.get()
            if error is not None:
                raise error
            requests.put(True)
            yield item
            del item
    finally:
        with suppress(Empty):  # what has not begun is not begun
            while True:
                requests.get_nowait()
        requests.put(False)
        if threading.current_thread() is not thread:  # the garbage collector runs anywhere
            thread.join(1.0)


def _named(error: BaseException, where: str) -> Exception:
    """Return the same error with the name of its block, of a class that can be made from a text."""
    kind = next((kind for kind in _KINDS if isinstance(error, kind)), RuntimeError)
    text = (
        str(error)
        if isinstance(error, kind) and type(error) in _KINDS
        else f"{type(error).__name__}: {error}"
    )
    named = kind(f"{where} could not be read: {text}")
    named.__cause__ = error
    return named
