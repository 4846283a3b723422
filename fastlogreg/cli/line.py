"""The command line of this process, to be shown where a result says how it was made; and the exit
status of one that was interrupted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextvars import ContextVar

INTERRUPTED = 130  # what a shell reports of a program ended by Ctrl-C
_GIVEN: ContextVar[tuple[str, ...]] = ContextVar("given", default=())


def remember(arguments: Sequence[str]) -> None:
    """Keep the arguments of a command."""
    _GIVEN.set(tuple(arguments))


def given() -> str:
    """Return the command as a shell takes it."""
    return shlex.join(("fastlogreg", *_GIVEN.get()))
