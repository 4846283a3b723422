"""The machine code of a kernel, with that of all kernels that it calls by name."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from ..kernels.linking import needed_by


def listing(kernel: Any, forms: Iterable[Any]) -> str:
    """Return the machine code of a kernel for each of these tuples of types.

    What came from the disk cache cannot be read, so twins with the same sources, flags and types
    are compiled anew.
    """
    parts: dict[Any, str] = {}
    waiting = [(kernel, tuple(types)) for types in forms]
    while waiting:
        of, types = waiting.pop()
        if (of.py_func, types) in parts:
            continue
        twin = type(of)(of.py_func, targetoptions=of.targetoptions)
        twin.compile(types)
        parts[of.py_func, types] = str(twin.inspect_asm(types))
        waiting += [
            (getattr(import_module(needed.module), needed.name), needed.types)
            for needed in needed_by(twin.overloads[types].library).kernels
        ]
    return "\n".join(parts.values())
