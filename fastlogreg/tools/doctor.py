"""What is wrong with this installation, if anything: the checks behind `fastlogreg doctor`.

Each check is a function that returns a `Check`; what it judges comes in by its arguments, so that
each can be shown to fail. `examine` runs them in order, and one that raises has failed. Numba is
imported inside: that it cannot be imported is one of the findings.
"""

from __future__ import annotations

import os
import platform
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..api.passes import propagate
from ..cuda import device
from ..data.tuning import tuning
from ..kernels.decorators import cache_folder as kernel_folder
from ..kernels.dense import chunks
from ..machine.cpu import cpu_name
from ..machine.threads import available_threads, run_on

REQUIRED = {"numpy": (1, 26), "numba": (0, 61)}  # as in the package's metadata
LEAST_FRACTION = (
    0.3  # of the read bandwidth, for the kernel at n_x = 500: a quiet machine gives twice as much
)
THREADS = (1, 2, 3, 7)  # compared bit for bit
_LIBM = r"(?<![\w.])_?(?:exp|exp2|expm1|log|log1p|log2|log10|pow|tanh)f?(?![\w.(])"
_WIDTHS = {"avx512f": 512, "avx": 256, "sse2": 128, "neon": 128}  # bits of a register
_PACKED_X86 = r"\bv?(?:f?n?m(?:add|sub)\d*|mul|add)pd\b.*%?([xyz])mm"
_PACKED_ARM = r"\bf(?:mla|mul|add)\b.*\bv\d+\.2d"
_DIVISION = r"\bv?divpd\b|\bfdiv\b.*\.2d"


class Check(NamedTuple):
    """One finding: what was looked at, whether it is well, what was found, and where it is not,
    what helps."""

    name: str
    healthy: bool
    found: str
    remedy: str = ""


def examine() -> Iterator[Check]:
    """Run every check, in order; those that need compiled kernels only where kernels can be
    compiled."""
    first = [_run(check) for check in (versions, compiler)]
    yield from first
    yield _run(cpu)
    yield _run(threads)
    yield _run(gpu)
    if not all(check.healthy for check in first):
        return
    kernels = (vector_code, same_bits, agreement, several_classes, bandwidth)
    for check in (cache_folder, tuner, *kernels):
        yield _run(check)


def _run(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:
        name = getattr(check, "__name__", "check").replace("_", " ")
        return Check(
            name,
            False,
            f"{type(error).__name__}: {error}",
            "report this with the output of this command",
        )


def versions(load: Callable[[str], Any] = import_module) -> Check:
    """NumPy and Numba are there, and recent enough."""
    from .._version import __version__

    found, old = [f"fastlogreg {__version__}", f"Python {platform.python_version()}"], []
    for name, least in REQUIRED.items():
        try:
            version = str(load(name).__version__)
        except ImportError as error:
            return Check(
                "versions",
                False,
                f"{name} cannot be imported: {error}",
                f"pip install --upgrade {name}",
            )
        found.append(f"{name} {version}")
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < least:
            old.append(f"{name} must be at least {'.'.join(map(str, least))}")
    return Check("versions", not old, ", ".join(found), "; ".join(old))


def compiler(disabled: bool | None = None) -> Check:
    """Numba compiles, rather than running everything interpreted."""
    if disabled is None:
        import numba

        disabled = bool(numba.config.DISABLE_JIT)
    remedy = "unset NUMBA_DISABLE_JIT: the kernels are run interpreted, thousands of times slower"
    return Check("compiler", not disabled, "off" if disabled else "on", remedy if disabled else "")


def vector_width(features: str) -> int:
    """Bits of the widest vector register among LLVM features such as "+sse2,+avx2,-avx512f"."""
    named = {feature[1:] for feature in features.split(",") if feature.startswith("+")}
    every = 128 if platform.machine().lower() in ("x86_64", "amd64", "aarch64", "arm64") else 64
    return max(every, *(width if feature in named else 0 for feature, width in _WIDTHS.items()))


def cpu(host: str | None = None, target: str | None = None) -> Check:
    """Numba compiles for the whole vector width of this CPU. host, target: LLVM features of the CPU
    and of the code."""
    import llvmlite.binding
    from numba.core.registry import cpu_target

    from ..kernels.uint8.choice import byte_products

    if host is None:
        host = llvmlite.binding.get_host_cpu_features().flatten()
    if target is None:
        target = cpu_target.target_context.codegen().magic_tuple()[2]
    has, used = vector_width(host), vector_width(target)
    found = (
        f"{cpu_name()}, {llvmlite.binding.get_host_cpu_name()}, vectors of {has} bits "
        f"({has // 64} float64)"
    )
    found += (
        ", X of bytes multiplied as integers"
        if byte_products(target)
        else ", X of bytes widened to float64"
    )
    if used >= has:
        return Check("cpu", True, found)
    remedy = "unset NUMBA_CPU_NAME, NUMBA_CPU_FEATURES and NUMBA_ENABLE_AVX"
    return Check("cpu", False, f"{found}, but code is compiled for {used} bits", remedy)


def threads(n_threads: int | None = None, seconds: float = 5.0) -> Check:
    """The pool has that many threads at work at the same time (by default one for each usable CPU,
    at least two)."""
    usable, cpus = available_threads(), os.cpu_count() or 1
    n_threads = max(2, usable) if n_threads is None else n_threads
    meeting = threading.Barrier(n_threads)
    found = f"{usable} of {cpus} CPUs may be used"
    try:
        run_on(n_threads, lambda: (meeting.wait(seconds), None)[1])
    except threading.BrokenBarrierError:
        remedy = "raise the limit on threads of this user or container (ulimit -u, pids.max)"
        return Check(
            "threads", False, f"{found}; {n_threads} threads did not start in {seconds:g} s", remedy
        )
    return Check("threads", True, found)


def gpu(describe: Callable[[], Any] = device.found) -> Check:
    """A GPU, if there is one, gives the sums that the CPU gives; none is no fault."""
    try:
        found = describe()
    except (ImportError, RuntimeError) as error:
        return Check("gpu", True, f"none: {str(error).split('. ')[0]}")
    name, (major, minor), (free, total) = found
    text = f"{name}, compute capability {major}.{minor}, {free / 1e9:.3g} of {total / 1e9:.3g} GB"
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((3, 40)), (rng.random((1, 40)) < 0.5).astype(np.uint8)
    one, other = (propagate(np.ones((3, 1)), 0.5, X, Y, backend=b) for b in ("cuda", "numpy"))
    wrong = float(max(abs(one.cost - other.cost), np.abs(one.dw - other.dw).max()))
    remedy = "update the driver and numba-cuda; compute on the CPU until then"
    found_text = f"{text} free; sums differ from NumPy's by {wrong:.1e}"
    return Check("gpu", wrong < 1e-12, found_text, "" if wrong < 1e-12 else remedy)


def cache_folder(folder: str | None = None) -> Check:
    """Compiled kernels can be kept from one process to the next. folder: where, by default where
    the kernels say."""
    if folder is None:
        folder = kernel_folder(chunks.run_chunks)
    remedy = (
        "set NUMBA_CACHE_DIR to a folder that can be written; until then each process "
        "compiles for seconds"
    )
    if not folder:
        return Check("cache folder", False, "none that can be written", remedy)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check("cache folder", False, f"{folder} cannot be written: {error.strerror}", remedy)
    return Check("cache folder", True, f"{folder}, writable")


def tuner() -> Check:
    """There is a table of how far ahead X is asked for; says which one, and what it has."""
    table, origin = tuning()
    asked = [
        f"{name} X level {asking.level}, {asking.least >> 10} to {asking.most >> 10} KiB ahead"
        for name, asking in table._asdict().items()
        if name != "short"
    ]
    return Check("tuner", True, f"{origin}: short X level {table.short}; {'; '.join(asked)}")


def kernel_assembly() -> str:
    """Return the machine code of the production kernels for float64, of every form of X."""
    from .machine_code import listing
    from .warming import warmup

    run_chunks: Any = chunks.run_chunks
    warmup("float64")
    # The second argument is a `kernels.bundles.Examples`, of which X is the first field.
    forms = [types for types in run_chunks.signatures if str(types[1][0].dtype) == "float64"]
    return listing(run_chunks, forms)


def vector_code(assembly: str | None = None) -> Check:
    """The kernels multiply and add in vector registers, the link divides in them, and nothing calls
    libm's exp or log.

    Only the package's own functions are read: Numba's error messages in the same listing call
    log10.
    """
    assembly = kernel_assembly() if assembly is None else assembly
    own = [
        part
        for part in re.split(r"^(?=[^\s.#][^\n]*:)", assembly, flags=re.MULTILINE)
        if _is_own(part)
    ]
    code = "\n".join(own)
    registers = set(re.findall(_PACKED_X86, code))
    widest = max(
        [{"x": 128, "y": 256, "z": 512}[r] for r in registers]
        + [128 * bool(re.search(_PACKED_ARM, code))]
    )
    libm = sorted({call.strip("_") for call in re.findall(_LIBM, code)})
    wrong = []
    if not own:
        wrong.append("no kernel in the listing")
    if not widest:
        wrong.append("no vector multiplication or addition")
    if not re.search(_DIVISION, code):
        wrong.append("the link is not vectorized")
    if libm:
        wrong.append(f"libm is called: {', '.join(libm)}")
    if wrong:
        remedy = (
            "unset NUMBA_OPT, NUMBA_LOOP_VECTORIZE, NUMBA_BOUNDSCHECK and NUMBA_DEBUGINFO; "
            "report it if this stays"
        )
        return Check("vector code", False, "; ".join(wrong), remedy)
    return Check("vector code", True, f"vectors of up to {widest} bits, no call of libm")


def _is_own(part: str) -> bool:
    return "fastlogreg" in part.split("\n", 1)[0]


def _problem(m: int, n_x: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    return (
        rng.standard_normal((n_x, 1)) / n_x,
        rng.random((m, n_x)).T,
        (rng.random((1, m)) < 0.5).astype(np.uint8),
    )


def same_bits(
    propagate: Callable[..., Any] | None = None, m: int = 20_000, n_x: int = 100, repeats: int = 5
) -> Check:
    """Cost and gradient are the same to the last bit on 1, 2, 3 and 7 threads, again and again."""
    if propagate is None:
        propagate = import_module("fastlogreg").propagate
    w, X, Y = _problem(m, n_x)
    results = {
        n: {
            (cost, dw.tobytes(), db)
            for cost, dw, db in (propagate(w, 0.1, X, Y, n_threads=n) for _ in range(repeats))
        }
        for n in THREADS
    }
    if len(set().union(*results.values())) == 1:
        return Check(
            "same bits", True, f"on {', '.join(map(str, THREADS))} threads, {repeats} times each"
        )
    odd = [str(n) for n, found in results.items() if found != results[THREADS[0]] or len(found) > 1]
    return Check(
        "same bits",
        False,
        f"other bits on {', '.join(odd)} threads",
        "report this: it must not happen",
    )


def agreement(
    propagate: Callable[..., Any] | None = None, m: int = 20_000, n_x: int = 100
) -> Check:
    """The fused kernel and Numba's parallel loops compute what NumPy does; names the threading
    layer of the loops."""
    import numba

    if propagate is None:
        propagate = import_module("fastlogreg").propagate
    w, X, Y = _problem(m, n_x)
    expected = propagate(w, 0.1, X, Y, backend="numpy")
    size = float(np.abs(expected.dw).max())
    off = {}
    for backend in ("fused", "loops"):
        cost, dw, db = propagate(w, 0.1, X, Y, backend=backend, n_threads=2)
        parts = (
            abs(cost / expected.cost - 1),
            np.abs(dw - expected.dw).max() / size,
            abs(db - expected.db) / size,
        )
        off[backend] = float(np.max(parts))  # NaN where any of them is
    try:
        layer = f"threading layer of the loops: {numba.threading_layer()}"
    except ValueError:  # nothing ran in parallel
        layer = "the loops ran on one thread"
    found = ", ".join(f"{backend} {error:.0e}" for backend, error in off.items())
    if all(error < 1e-11 for error in off.values()):
        return Check("agreement", True, f"differences from NumPy: {found}; {layer}")
    return Check(
        "agreement", False, f"differences from NumPy: {found}", "report this: it must not happen"
    )


def several_classes(
    propagate: Callable[..., Any] | None = None, m: int = 20_000, n_x: int = 100, K: int = 7
) -> Check:
    """By softmax too the fused kernel computes what NumPy does, to the same bits on all threads."""
    if propagate is None:
        propagate = import_module("fastlogreg").propagate
    rng = np.random.default_rng(0)
    w, b = rng.standard_normal((n_x, K)) / n_x, rng.standard_normal((K, 1))
    X, Y = rng.random((m, n_x)).T, rng.integers(0, K, (1, m))
    cost, dw, db = propagate(w, b, X, Y, backend="numpy")
    found = {n: propagate(w, b, X, Y, n_threads=n) for n in THREADS}
    same = {(J, grad.tobytes(), own.tobytes()) for J, grad, own in found.values()}
    J, grad, own = found[THREADS[0]]
    size = float(np.abs(dw).max())
    parts = (abs(J / cost - 1), np.abs(grad - dw).max() / size, np.abs(own - db).max() / size)
    error = float(np.max(parts))  # NaN where any of them is
    text = f"{K} classes: difference from NumPy {error:.0e}"
    if error < 1e-11 and len(same) == 1:
        return Check("several classes", True, f"{text}, the same bits on all threads")
    text += "" if len(same) == 1 else ", other bits on other threads"
    return Check("several classes", False, text, "report this: it must not happen")


def bandwidth(measure: Callable[[], tuple[float, float]] | None = None) -> Check:
    """The kernel reads X at a fair share of the rate at which memory can be read. measure: both, in
    bytes/second."""
    readable, reached = (measure or measure_bandwidth)()
    fraction = reached / readable
    found = (
        f"{readable / 1e9:.1f} GB/s can be read, the kernel reads X at {reached / 1e9:.1f}: "
        f"{100 * fraction:.0f} %"
    )
    if fraction >= LEAST_FRACTION:
        return Check("bandwidth", True, found)
    remedy = "run again while nothing else is running; report it if it stays below 30 %"
    return Check("bandwidth", False, found, remedy)


def measure_bandwidth(m: int | None = None, n_x: int = 500, rounds: int = 9) -> tuple[float, float]:
    """Bytes per second of reading memory, and of X read by the fused kernel on a float64 X beyond
    the cache: the best of some rounds each, since a busy machine is not a fault of the
    installation."""
    from . import bench
    from .bandwidth import beyond_cache, read_probe

    n_threads = available_threads()
    m = beyond_cache() // (8 * n_x) if m is None else m
    w, X, Y = _problem(m, n_x)
    objective = bench.objective(X, Y[0], "fused", n_threads)
    read, probe_bytes = read_probe(n_threads, None if m * n_x > 1 << 20 else 1 << 20)
    vector = np.ascontiguousarray(w[:, 0])
    times = bench.interleaved(
        {"read": read, "fused": lambda: objective.cost_and_gradient(vector, 0.1)}, rounds
    )
    return probe_bytes / times["read"].best, X.nbytes / times["fused"].best
