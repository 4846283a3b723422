"""Kernels that others call by name: what a caller holds, and what comes before it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from llvmlite import binding
from numba.core.caching import NullCache
from numba.core.registry import cpu_target

from fastlogreg.kernels import linking
from fastlogreg.kernels.decorators import by_name, inner, kernel
from tests.helpers.comparison import WITHOUT_JIT
from tests.helpers.limits import HANG

pytestmark = pytest.mark.skipif(WITHOUT_JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")


@by_name(kernel)
def halved(x):
    if x < 0.0:
        raise ValueError("x must be at least 0")
    return 0.5 * x


@inner(kernel)
def both(pair, out):
    out[0], out[1] = halved(pair[0]), halved(pair[1])


@kernel
def twice(x, out):
    both((x, 3.0 * x), out)
    return out[0] + out[1]


if not WITHOUT_JIT:
    for _function in (halved, both, twice):
        _function._cache = NullCache()  # code from the disk cache cannot be looked at


def test_it_gives_what_the_function_gives_and_can_be_called_from_python_too():
    out = np.empty(2)
    assert twice(3.0, out) == 6.0
    assert out.tolist() == [1.5, 4.5]
    assert halved(5.0) == 2.5


def test_what_is_raised_arrives():
    with pytest.raises(ValueError, match=r"x must be at least 0"):
        twice(-1.0, np.empty(2))


def test_the_caller_holds_a_name_and_no_code():
    twice(1.0, np.empty(2))
    text, *_ = twice.inspect_llvm().values()
    compiled, *_ = both.overloads.values()
    name = f"{__name__}.both."
    assert name in text
    assert compiled.fndesc.mangled_name not in text
    assert "halved" not in text  # nor what `both` calls
    [declared] = [line for line in text.splitlines() if line.startswith("declare") and name in line]
    symbol = declared.partition("@")[2].partition("(")[0].strip('"')
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    assert binding.address_of_symbol(symbol) == address


def test_other_types_have_another_name():
    out = np.empty(2, np.float32)
    twice(1.0, out)
    twice(1.0, out.astype(np.float64))
    assert len({text.partition(".both.")[2][:32] for text in twice.inspect_llvm().values()}) == 2


def test_one_that_is_not_to_be_found_in_its_module_is_linked():
    local = inner(kernel)(lambda x: 0.25 * x)
    caller = kernel(lambda x: local(x))
    assert caller(8.0) == 2.0
    [text] = caller.inspect_llvm().values()
    assert "fastlogreg" not in text.partition("declare")[2]


class Tables:
    """In the place of Numba's context: counts how often its tables are made."""

    made = 0

    def refresh(self):
        self.made += 1


def test_tables_are_made_for_a_name_that_is_missing_alone(monkeypatch):
    monkeypatch.setattr(linking.rtsys, "initialize", lambda context: None)
    tables = Tables()
    linking.bring(linking.Needed([], ["NRT_MemInfo_alloc_aligned", "PyExc_ValueError"]), tables)
    assert tables.made == 0
    linking.bring(linking.Needed([], ["no_such_name"]), tables)
    assert tables.made == 1


def test_what_a_library_needs():
    """Other kernels, and names that LLVM knows once Numba's tables are made."""
    twice(1.0, np.empty(2))
    compiled, *_ = twice.overloads.values()
    needed = linking.needed_by(compiled.library)
    pair, *_ = both.signatures
    assert needed.kernels == [linking.Kernel(__name__, "both", pair)]
    assert not [name for name in needed.others if name.startswith(("llvm.", __name__))]
    cpu_target.target_context.refresh()
    assert all(map(binding.address_of_symbol, needed.others))


FIT = """
import sys
import numpy as np, fastlogreg as flr
from numba.core import event

class Count(event.Listener):
    compiled = []

    def on_start(self, event):
        Count.compiled.append(event.data["dispatcher"].py_func.__name__)

    def on_end(self, event):
        pass

X, Y = np.arange(600.0).reshape(60, 10).T % 7, (np.arange(60) % 2)[None]
with event.install_listener("numba:compile", Count()):
    w = flr.train(X, Y, lambda_=1.0, iterations=5).w
tables = "numba.np.arraymath" in sys.modules
print(w.tobytes().hex(), tables, *sorted(set(Count.compiled) & {"sixteen_chunk", "descend"}))
"""


def run(code, folder):
    """The words that a process prints that has this folder for its cache."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=HANG,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def fit(folder):
    """The bytes of w, whether Numba's tables were made, and the kernels that were compiled."""
    w, tables, *compiled = run(FIT, folder)
    return w, tables == "True", compiled


def test_a_caller_from_the_disk_cache_finds_its_kernel(tmp_path):
    """Loaded like the caller, and without Numba's tables; or compiled anew, where it is gone."""
    w, tables, compiled = fit(tmp_path)
    assert (tables, compiled) == (True, ["descend", "sixteen_chunk"])
    assert fit(tmp_path) == (w, False, [])
    [code] = tmp_path.rglob("groups.sixteen_chunk-*.nbc")
    code.unlink()
    assert fit(tmp_path) == (w, True, ["sixteen_chunk"])
    assert fit(tmp_path) == (w, False, [])
    [code] = tmp_path.rglob("groups.sixteen_chunk-*.nbc")
    code.write_bytes(code.read_bytes()[:999])
    assert fit(tmp_path)[::2] == (w, ["sixteen_chunk"])


SEVERAL = """
import numpy as np, fastlogreg as flr
X, Y = np.arange(600.0).reshape(60, 10).T % 7, (np.arange(60) % 3 > 1)[None]
for how in ({"l1_ratio": 0.5, "lambda_": 1.0, "tol": 1e-9}, {"bias_reduction": "firth"}):
    print(flr.train(X[:6], Y, solver="auto", **how).w.tobytes().hex())
"""


def test_whole_runs_from_the_disk_cache_give_the_same_bits(tmp_path):
    """Code that is linked is optimised again: a process that compiles takes the one or the other,
    a process that loads takes the second. With FAST flags they may round otherwise."""
    assert run(SEVERAL, tmp_path) == run(SEVERAL, tmp_path)
