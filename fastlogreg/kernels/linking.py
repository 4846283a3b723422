"""Kernels that other kernels call by name: their code is no part of the caller's.

Numba links the code of whatever a function calls into the function; LLVM then optimises and
translates all of it once more. Most of what a whole run would have to compile is code that is there
already. So a caller holds no more than a name, as it would of a function of C:

    caller     call @fastlogreg.kernels.dense.groups.sixteen_chunk.<digest of the types>
    process    that name -> address, told to LLVM as soon as the kernel is compiled or loaded

Both sides follow one convention, for Numba writes the call as it writes any other. They agree on
the types, which are in the name, and on the sources, which are in the key of the disk cache.

A process does not survive a name that LLVM does not know. So the disk cache keeps with a caller
which kernels it names. Before the caller is loaded, each of them is loaded, or compiled anew. What
else the caller names is looked up too. Numba's tables of functions, which take longer than all the
loading, are made only where a name is missing, or something is compiled.

A helper that a caller should inline for speed is not called in this way.
"""

from __future__ import annotations

import hashlib
import sys
from copy import copy
from importlib import import_module
from typing import Any, NamedTuple

from llvmlite import binding
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys


class Kernel(NamedTuple):
    """Where a kernel stands, and the types for which it is compiled."""

    module: str
    name: str
    types: tuple[Any, ...]


class Needed(NamedTuple):
    """What the code of a caller names: other kernels, and the rest."""

    kernels: list[Kernel]
    others: list[str]


_named: dict[str, Kernel] = {}  # the kernels that LLVM was told of


class ByName(CPUDispatcher):  # type: ignore[misc]
    """A compiled function that others call by name, where it stands in its module as such."""

    def add_overload(self, compiled: Any) -> None:
        super().add_overload(compiled)
        module, name = self.py_func.__module__, self.py_func.__qualname__
        if getattr(sys.modules.get(module), name, None) is not self:
            return  # `bring` would not find it: it is linked, as Numba does
        digest = hashlib.sha256(repr(compiled.signature).encode()).hexdigest()[:32]
        described, entry = copy(compiled.fndesc), compiled.entry_point
        described.mangled_name = symbol = f"{module}.{name}.{digest}"
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        binding.add_symbol(symbol, address)
        _named[symbol] = Kernel(module, name, compiled.signature.args)
        self.targetctx.remove_user_function(entry)
        self.targetctx.insert_user_function(entry, described)


def needed_by(library: Any) -> Needed:
    """Tell what the code of a library names that is not in it; no instruction of LLVM."""
    module = library._final_module
    names = [v.name for v in (*module.functions, *module.global_variables) if v.is_declaration]
    kernels = [name for name in names if name in _named]
    others = [name for name in names if not name.startswith("llvm.") and name not in _named]
    return Needed([_named[name] for name in kernels], others)


def bring(needed: Needed, target_context: Any) -> None:
    """Make all of these names known to LLVM, before code that needs them is loaded."""
    rtsys.initialize(target_context)
    for module, name, types in needed.kernels:
        getattr(import_module(module), name).compile(types)
    if not all(map(binding.address_of_symbol, needed.others)):
        target_context.refresh()
