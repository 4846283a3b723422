"""Kernels that other kernels call by name: their code is no part of the caller's.

Numba links the code of whatever a function calls into the function; LLVM then optimises and
translates all of it once more. Most of what a whole run would have to compile is code that is there
already. So a caller holds no more than a name, as it would of a function of C:

    caller     call @fastlogreg.kernels.dense.groups.sixteen_chunk.<digest of the types>
    process    that name -> address, told to LLVM as soon as the kernel is compiled or loaded

Both sides follow one convention, for Numba writes the call as it writes any other. They agree on
the types, which are in the name, and on the sources, which are in the key of the disk cache.

LLVM ends the process where it does not know a name. So Numba keeps with the caller what comes
before it is loaded from the disk cache (`reload_init`): here `bring`, which loads the kernel or
compiles it anew. What else a caller names is looked up too. Numba's tables of functions, which take
longer than all the loading, are made only where a name is missing, or something is compiled.

A helper that a caller should inline for speed is not called in this way.
"""

from __future__ import annotations

import hashlib
import sys
from copy import copy
from functools import cache, partial
from importlib import import_module
from typing import Any

from llvmlite import binding
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys


class ByName(CPUDispatcher):  # type: ignore[misc]
    """A compiled function that others call by name, where it stands in its module as such."""

    def add_overload(self, compiled: Any) -> None:
        super().add_overload(compiled)
        module, name = self.py_func.__module__, self.py_func.__qualname__
        if getattr(sys.modules.get(module), name, None) is not self:
            return  # `bring` would not find it: it is linked, as Numba does
        digest = hashlib.sha256(repr(compiled.signature).encode()).hexdigest()[:32]
        described, entry = copy(compiled.fndesc), compiled.entry_point
        described.mangled_name = f"{module}.{name}.{digest}"
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        binding.add_symbol(described.mangled_name, address)
        first = partial(bring, module, name, compiled.signature.args)
        self.targetctx.remove_user_function(entry)
        self.targetctx.insert_user_function(entry, described, [_Nothing(first)])


def bring(module: str, name: str, types: tuple[Any, ...]) -> None:
    """Load a kernel for these types or compile it, so that its name is known."""
    getattr(import_module(module), name).compile(types)


class _Nothing:
    """The library that a caller links of a kernel: no code, but what comes before loading."""

    def __init__(self, first: Any) -> None:
        self._reload_init = {first}

    def _ensure_finalized(self) -> None:
        pass

    def _get_module_for_linking(self) -> Any:
        return _empty_module()


@cache
def _empty_module() -> Any:
    return binding.parse_assembly("")


def names_outside(library: Any) -> list[str]:
    """List what the code of a library names that is neither in it nor a kernel."""
    module = library._final_module
    declared = [v.name for v in (*module.functions, *module.global_variables) if v.is_declaration]
    own = __name__.partition(".")[0] + "."
    return [name for name in declared if not name.startswith(("llvm.", own))]


def prepare_to_load(names: list[str], target_context: Any) -> None:
    """Make all of these names known to LLVM, before code that needs them is loaded."""
    rtsys.initialize(target_context)
    if not all(map(binding.address_of_symbol, names)):
        target_context.refresh()
