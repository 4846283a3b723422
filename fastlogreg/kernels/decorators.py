"""Which compiler flags a function gets, and why; and a disk cache that notices every change.

Flags. The whole of fastmath would assume that there is no NaN and no infinity, and `isnan` would
answer False: it is never used.

    FAST    all else that vectorization needs: "reassoc" (sums in lanes), "contract" (fused
            multiply-add), "arcp", "afn" (approximate functions) and "nsz"
    EXACT   "contract" alone. Reassociation would fold the two-part ln 2 of `loss` and cost 100
            times its error; a function written in lanes needs no more

`error_model="numpy"` everywhere: Python's test for division by zero keeps a loop from being
vectorized. `nogil=True`: the threads of `fastlogreg.machine.threads` run kernels side by side.

Cache. Numba's disk cache looks at the function's own file alone, so a cached kernel whose helper
lives in another file would go stale. `KernelCache` adds to the key a digest of every file in this
room and in maths, sub-folders included. It treats a damaged cache file as a miss.

A folder that the user names in NUMBA_CACHE_DIR is read where it cannot be written too, so that an
image of a container can bring it along. Freshness goes by what a file holds, not by its time, which
such images change. Where no folder is writable (a read-only install without HOME) or it is full,
code is compiled anew in each process, and the first time that happens is a `NoCacheWarning`.

Several processes may compile the same function at the same time, each for types of its own. Numba
counts the files of a function, and two processes can take the same number: the one's types would
then find the other's code. Here a file is named after what it holds.

The lectures' loops, in `backends.literal_loops` and `lectures.loops`, use nothing of another file:
Numba's own key sees their changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import config, njit, prange
from numba.core import caching, event
from numba.core.registry import cpu_target

from ..machine import compiling
from ..machine.compiled_code import warn_of_no_cache
from .linking import ByName, bring, needed_by

FAST = {"reassoc", "contract", "arcp", "nsz", "afn"}
EXACT = {"contract"}

Function = TypeVar("Function", bound=Callable[..., Any])
__all__ = [
    "EXACT",
    "FAST",
    "by_name",
    "cpu_features",
    "exact",
    "inlined",
    "inner",
    "kernel",
    "lecture",
    "prange",
]


class _Watch(event.Listener):  # type: ignore[misc]
    """Tells `machine.compiling` when Numba compiles."""

    def on_start(self, event: Any) -> None:
        compiling.begin()

    def on_end(self, event: Any) -> None:
        compiling.end()


event.register("numba:compile", _Watch())


@cache
def sources_digest() -> str:
    """Return SHA-256 over the text of every file that kernels are compiled from."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(p for room in ("kernels", "maths") for p in (package / room).rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def cpu_features() -> set[str]:
    """Tell what the CPU that Numba compiles for has and has not, in LLVM's words: "+avx2"."""
    return set(cpu_target.target_context.codegen().magic_tuple()[2].split(","))


@cache
def _content_digest(path: str) -> bytes:
    """Return SHA-256 over a file: the stamp that says whether the code of the cache is its own."""
    return hashlib.sha256(Path(path).read_bytes()).digest()


def _named_by_the_user() -> type[Any]:
    """Return Numba's way to NUMBA_CACHE_DIR, whose name is not the same in all of its versions."""
    ways = caching.CompileResultCacheImpl._locator_classes
    return next(way for way in ways if way.__name__.endswith("UserProvidedCacheLocator"))


class _ReadOnlyFolder(_named_by_the_user()):  # type: ignore[misc]
    """The folder of NUMBA_CACHE_DIR where it is there, and cannot be written."""

    def ensure_cache_path(self) -> None:
        path = self.get_cache_path()
        if not os.access(path, os.R_OK | os.X_OK):
            raise FileNotFoundError(path)


class _Impl(caching.CompileResultCacheImpl):  # type: ignore[misc]
    """How compiled code is stored, with one more place to look, and the names that it needs."""

    @property
    def _locator_classes(self) -> list[Any]:
        first, *others = caching.CompileResultCacheImpl._locator_classes or [None]
        return [] if first is None else [first, _ReadOnlyFolder, *others]

    def reduce(self, compiled: Any) -> Any:
        return needed_by(compiled.library), super().reduce(compiled)

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        needed, reduced = payload
        bring(needed, target_context)
        return super().rebuild(target_context, reduced)


class Uncached(caching.NullCache):  # type: ignore[misc]
    """The cache of a function where there is no folder for one."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        _warn("compiled code can be kept nowhere: no folder for it can be written")


class _Files(caching.IndexDataCacheFile):  # type: ignore[misc]
    """The files of a function's code, a name of its own for each key, and their index.

    A name never stands for other code, so an index that was read before is no danger. Files of
    other sources go. An entry that another process wrote in the meantime may be lost, and is then
    compiled again.
    """

    def save(self, key: Any, data: Any) -> None:
        stem = self._index_name.removesuffix("nbi")
        name = f"{stem}{hashlib.sha256(self._dump(key)).hexdigest()[:32]}.nbc"
        self._save_data(name, data)
        overloads = self._load_index()
        kept = {old: file for old, file in overloads.items() if old[-1] == key[-1]}
        if not kept:  # all that is there is of other sources
            for path in Path(self._cache_path).iterdir():
                own = path.name.startswith(stem) and path.suffix == ".nbc"
                if own and path.name != name:
                    with contextlib.suppress(OSError):
                        path.unlink()
        self._save_index({**kept, key: name})


class KernelCache(caching.FunctionCache):  # type: ignore[misc]
    """Numba's disk cache of a function, with the digest of the sources in its key."""

    _impl_class = _Impl

    def __init__(self, py_func: Any) -> None:
        super().__init__(py_func)
        with contextlib.suppress(OSError):  # without sources Numba's own stamp stands
            stamp = _content_digest(inspect.getfile(py_func))
            self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

    # Numba's own key knows nothing of them: parallel and serial twins would share an entry.
    flags: str = ""

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), self.flags, sources_digest())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            with compiling.stretch():  # Numba would make its tables of functions first
                return self._load_overload(sig, target_context)
        except Exception:  # damaged files raise whatever unpickling their bytes raises
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:  # a full disk, a damaged index: compile again next time
            with contextlib.suppress(OSError):
                self.flush()
            if isinstance(error, OSError):
                _warn(f"compiled code cannot be kept in {self._cache_path}: {error.strerror}")


def _warn(cause: str) -> None:
    warn_of_no_cache(cause, str(Path(numba.__file__).parent))


def _cached(function: Any) -> Any:
    if not config.DISABLE_JIT:
        try:
            function._cache = KernelCache(function.py_func)
        except RuntimeError:  # no writable folder: compiled anew in each process
            function._cache = Uncached()
            return function
        options = function.targetoptions.items()
        function._cache.flags = repr(
            sorted((k, str(sorted(v) if isinstance(v, set) else v)) for k, v in options)
        )
    return function


def cache_folder(function: Any) -> str | None:
    """Return the folder where a kernel is kept on disk, None where there is none.

    With NUMBA_DISABLE_JIT=1 a kernel is a plain function, which is kept nowhere.
    """
    stats = getattr(function, "stats", None)
    folder = stats.cache_path if stats else None
    return str(folder) if folder else None


def kernel(function: Function, **options: bool) -> Function:
    """Compile a serial kernel: FAST flags, without the GIL, cached on disk."""
    return _kernel(function, FAST, options)


def exact(function: Function, **options: bool) -> Function:
    """Compile a serial kernel with EXACT flags, whatever its caller's."""
    return _kernel(function, EXACT, options)


def _kernel(function: Function, flags: set[str], options: dict[str, bool]) -> Function:
    # Nothing here is called from C: what Numba would wrap around it for that is left out.
    settings: Any = {"nogil": True, "no_cfunc_wrapper": True, **options}
    compiled: Function = _cached(njit(fastmath=flags, error_model="numpy", **settings)(function))
    return compiled


def by_name(decorator: Callable[..., Any]) -> Callable[[Function], Function]:
    """Return `kernel` or `exact` for a function that kernels call by name: see `linking`."""
    return _of_kind(ByName, decorator, {})


def inner(decorator: Callable[..., Any]) -> Callable[[Function], Function]:
    """Return `kernel` or `exact` for a function that kernels alone call, by name.

    What Numba wraps around a function for calls from Python takes a tenth of the time of compiling.
    """
    return _of_kind(_Inner, decorator, {"no_cpython_wrapper": True})


def _of_kind(
    kind: type[Any], decorator: Callable[..., Any], options: dict[str, bool]
) -> Callable[[Function], Function]:
    def decorated(function: Function) -> Function:
        compiled: Function = decorator(function, **options)
        if not config.DISABLE_JIT:
            compiled.__class__ = kind
        return compiled

    return decorated


class _Inner(ByName):
    """A compiled function without what Python needs to call it: to try would end the process."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self.py_func.__name__} is compiled for calls from other kernels alone")


def inlined(function: Function) -> Function:
    """Merge a helper of kernels, without float arithmetic of its own, into its callers."""
    compiled: Function = njit(error_model="numpy", nogil=True, inline="always")(function)
    return compiled


def lecture(function: Function, parallel: bool = False) -> Function:
    """Compile a loop of the lectures as it stands, with FAST flags; prange in parallel if asked."""
    compiled: Function = _cached(
        njit(fastmath=FAST, error_model="numpy", nogil=True, parallel=parallel)(function)
    )
    return compiled
