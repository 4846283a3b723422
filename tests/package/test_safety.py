"""In a forked child, from many threads at once, inside joblib, where nothing can be written, with a
damaged cache and after an edit: no crash, no hang, right answers. Each in a process of its own."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import fastlogreg
from fastlogreg.kernels import partials
from fastlogreg.kernels.decorators import kernel
from tests.helpers.comparison import WITHOUT_JIT
from tests.helpers.limits import HANG
from tests.helpers.rootless import bound_by_permissions

pytestmark = pytest.mark.skipif(
    WITHOUT_JIT, reason="nothing is compiled, cached or run on Numba's threads"
)
LAYERS = ("omp", "workqueue", "tbb")
PACKAGE = Path(fastlogreg.__file__).parent

COMMON = """
import os, sys
import numpy as np, fastlogreg as flr
m, n_x = 3000, 40
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(m, n_x)).T, (np.arange(m) % 2)[None]
w = rng.normal(size=(n_x, 1))
expected = flr.propagate(w, 0.0, X, Y, backend="numpy")


def right(backend, n_threads=2):
    got = flr.propagate(w, 0.0, X, Y, backend=backend, n_threads=n_threads)
    np.testing.assert_allclose(got.dw, expected.dw, rtol=1e-10, atol=1e-13)
    assert abs(got.cost - expected.cost) < 1e-12
    return True


def use_the_layer():
    "Parallel Numba code of this process's own layer; the end of the test where it is missing."
    import numba
    try:
        assert right("loops")
    except ValueError as error:
        assert "No threading layer could be loaded" in str(error), error
        print("absent")
        sys.exit()
    assert numba.threading_layer() == os.environ["NUMBA_THREADING_LAYER"]
"""


def run(code, *args, command=(), **environment):
    """Standard output of the code in a fresh interpreter. A value of None takes a variable out of
    the environment."""
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
    variables = {name: value for name, value in variables.items() if value is not None}
    done = subprocess.run(
        [*command, sys.executable, "-c", code, *args],
        capture_output=True,
        text=True,
        timeout=HANG,
        env=variables,
        cwd=os.sep,
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stderr}"
    return done.stdout.strip()


def run_under(layer, code):
    """The code after COMMON under a threading layer; the test is skipped where it is not
    installed."""
    out = run(COMMON + code, NUMBA_THREADING_LAYER=layer, NUMBA_NUM_THREADS="4")
    if out == "absent":
        pytest.skip(f"the threading layer {layer} is not installed")
    return out


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("layer", LAYERS)
def test_in_a_forked_child(layer):
    """After the parent used the kernels on several threads; and the parent goes on."""
    code = """
use_the_layer()
right("fused")
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of fork with threads, from Python 3.12 on
children = []
for backend in ("fused", "loops"):
    pid = os.fork()
    if not pid:
        os._exit(0 if right(backend) and right(backend, 1) else 1)
    children.append(os.waitpid(pid, 0)[1])
assert children == [0, 0], children
print(right("fused") and right("loops"))
"""
    assert run_under(layer, code) == "True"


@pytest.mark.parametrize("layer", LAYERS)
def test_from_eight_threads_at_once(layer):
    code = """
use_the_layer()
import threading
barrier, good = threading.Barrier(8), []

def work(k):
    barrier.wait()
    for _ in range(10):
        good.append(right(("fused", "loops")[k % 2], 1 + k % 3))

threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(good))
"""
    assert run_under(layer, code) == "80"


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_inside_joblib(backend):
    pytest.importorskip("joblib", reason="joblib comes with the sklearn extra")
    code = """
import joblib

def work(backend):
    "Self-contained: it is sent to other processes."
    import numpy as np, fastlogreg as flr
    rng = np.random.default_rng(0)
    X, Y, w = rng.normal(size=(3000, 40)).T, (np.arange(3000) % 2)[None], rng.normal(size=(40, 1))
    one = flr.propagate(w, 0.0, X, Y, backend=backend, n_threads=2)
    other = flr.propagate(w, 0.0, X, Y, backend="numpy")
    near = bool(np.allclose(one.dw, other.dw, rtol=1e-10, atol=1e-13))
    return near and abs(one.cost - other.cost) < 1e-12

right("fused"), right("loops")
with joblib.parallel_config(backend=sys.argv[1], n_jobs=2):
    results = joblib.Parallel()(joblib.delayed(work)(name) for name in ["fused", "loops"] * 4)
print(results == [True] * 8)
"""
    assert run(COMMON + code, backend) == "True"


# ---------------------------------------------------------------- the disk cache


def copy_of_the_package(folder):
    shutil.copytree(PACKAGE, folder / "fastlogreg", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "fastlogreg"


READ_ONLY = """
from fastlogreg.kernels.dense import chunks
import numpy as np, fastlogreg as flr
assert flr.__file__.startswith(sys.argv[1]), flr.__file__
import warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    assert right("fused") and right("loops", 1)
[warning] = told
assert warning.category is flr.NoCacheWarning, warning
assert "NUMBA_CACHE_DIR" in str(warning.message) and warning.filename == "<string>", warning
print(type(chunks.run_chunks._cache).__name__)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_read_only_install_without_HOME(tmp_path):
    """Nothing can be written anywhere that Numba looks for a cache: it is done without."""
    command = bound_by_permissions()
    if command is None:
        pytest.skip("root can write everywhere, and setpriv is not here to change that")
    package = copy_of_the_package(tmp_path)
    for path in [*tmp_path.rglob("*"), tmp_path]:
        path.chmod(stat.S_IREAD | (stat.S_IEXEC if path.is_dir() else 0))
    no_home = str(tmp_path / "home")
    try:
        out = run(
            COMMON + READ_ONLY,
            str(tmp_path),
            command=command,
            PYTHONPATH=str(tmp_path),
            HOME=no_home,
            XDG_CACHE_HOME=no_home,
            NUMBA_CACHE_DIR=None,
            PYTHONDONTWRITEBYTECODE="1",
        )
    finally:
        for path in [tmp_path, *tmp_path.rglob("*")]:
            path.chmod(stat.S_IRWXU)
    assert out == "Uncached"
    assert not list(package.rglob("*.nb?"))


def test_no_place_for_a_cache_at_all():
    code = """
from fastlogreg.kernels import decorators
decorators._Impl._locator_classes = []
"""
    out = run(code + COMMON + READ_ONLY, str(PACKAGE.parent))
    assert out == "Uncached"


def add_partials_anew():
    """A kernel as a fresh process has it: (from the cache, compiled), each 0 or 1, after a call
    with a right answer."""
    compiled, total = kernel(partials.add_partials.py_func), np.empty(8)
    compiled(np.arange(24.0).reshape(3, 8), total)
    assert total.tolist() == [24.0 + 3 * k for k in range(8)]
    return sum(compiled.stats.cache_hits.values()), sum(compiled.stats.cache_misses.values())


HIT, MISS = (1, 0), (0, 1)


@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "not ours"])
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_a_damaged_cache(tmp_path, monkeypatch, ending, damage):
    """Right answers, and after at most two more runs a cache that works again."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert [add_partials_anew(), add_partials_anew()] == [MISS, HIT]
    files = list(tmp_path.rglob(f"*{ending}"))
    assert files
    for path in files:
        content = path.read_bytes()
        damaged = {
            "truncated": content[: len(content) // 2],
            "empty": b"",
            "garbage": os.urandom(999),
        }
        path.write_bytes(
            damaged.get(damage, b"\x80\x04K\x01.")
        )  # a pickle, though not of what belongs here
    assert add_partials_anew() == MISS
    add_partials_anew()
    assert add_partials_anew() == HIT


def test_an_edited_helper_leaves_no_stale_kernel(tmp_path):
    """`run_chunks` is in chunks.py; the loss has its polynomial from maths, where Numba's own cache
    does not look."""
    package = copy_of_the_package(tmp_path)
    code = """
import sys, numpy as np
import fastlogreg as flr
from fastlogreg.kernels.dense import chunks
assert chunks.__file__.startswith(sys.argv[1]), chunks.__file__
J = flr.cost(np.zeros((8, 1)), 0.0, np.ones((16, 8)).T, np.zeros((1, 16), np.uint8))
print(round(J, 6), sum(chunks.run_chunks.stats.cache_hits.values()))
"""
    environment = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": None}
    assert run(code, str(tmp_path), **environment) == "0.693147 0"
    assert run(code, str(tmp_path), **environment) == "0.693147 1"
    assert list(package.rglob("*.nbi"))  # beside the copy
    loss = package / "maths" / "polynomials.py"
    text = loss.read_text()
    assert text.count("0.3333333333333839") == 1
    loss.write_text(text.replace("0.3333333333333839", "0.5"))
    kept = sorted(path.stem for path in package.rglob("chunks.run_chunks-*.nb?"))
    changed = run(code, str(tmp_path), **environment)
    assert changed.split()[0] != "0.693147"
    assert changed.split()[1] == "0"
    now = sorted(path.stem for path in package.rglob("chunks.run_chunks-*.nb?"))
    assert len(now) == len(kept)  # what was compiled of other sources is gone
    assert now != kept
    loss.write_text(text)
    assert run(code, str(tmp_path), **environment).split()[0] == "0.693147"


DIGEST = """
import sys
from fastlogreg.kernels import decorators
assert decorators.__file__.startswith(sys.argv[1]), decorators.__file__
print(decorators.sources_digest())
"""


def test_a_change_in_any_room_of_the_kernels_changes_their_digest(tmp_path):
    """A file of kernels, one in a sub-folder, one of maths; a new file; not one of another room."""
    package = copy_of_the_package(tmp_path)

    def digest():
        return run(DIGEST, str(tmp_path), PYTHONPATH=str(tmp_path))

    seen = {digest()}
    for name in ("kernels/loss.py", "kernels/dense/groups.py", "maths/certificate.py"):
        path = package / name
        path.write_text(path.read_text() + "# changed\n")
        seen.add(digest())
    (package / "kernels" / "dense" / "another.py").write_text("")
    seen.add(digest())
    assert len(seen) == 5
    path = package / "solvers" / "gd.py"
    path.write_text(path.read_text() + "# changed\n")
    assert digest() in seen


CACHED = """
import sys
import numpy as np
from fastlogreg.kernels import bundles
from fastlogreg.kernels.dense import chunks
from fastlogreg.kernels.layout import LINE_NUMBERS
x, y, none = np.arange(64.0), np.arange(16, dtype=np.uint8) % 2, np.empty(0)
x.flags.writeable = False
way = bundles.Way(None, None, None, None, True, None)
partials = np.empty((1, 16))
chunks.run_chunks(
    way,
    bundles.Examples(x, 4, y, none, False),
    bundles.Point(np.zeros(8), 0.0),
    none,
    bundles.Work(16, 16, partials, np.zeros(LINE_NUMBERS, np.int64)),
)
assert abs(partials[0, 0] - 16 * np.log(2.0)) < 1e-12
stats = chunks.run_chunks.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_a_kernel_that_takes_bundles_is_found_in_the_disk_cache(tmp_path):
    """The types of NamedTuples are part of its signature."""
    cache = str(tmp_path)
    assert run(CACHED, NUMBA_CACHE_DIR=cache) == "0 1"
    assert run(CACHED, NUMBA_CACHE_DIR=cache) == "1 0"


EDITED_LOOPS = """
import sys
import numpy as np, fastlogreg as flr
from fastlogreg.backends import literal_loops, literal_softmax
from fastlogreg.lectures import pairs
assert literal_loops.__file__.startswith(sys.argv[1]), literal_loops.__file__
X, Y = np.ones((16, 8)).T, np.zeros((1, 16), np.uint8)
J = flr.propagate(np.zeros((8, 1)), 0.0, X, Y, backend="loops", n_threads=1).cost
several = flr.propagate(np.zeros((8, 3)), np.zeros((3, 1)), X, Y, backend="loops", n_threads=1).cost
loops = literal_loops.compiled(parallel=False)
softmax = literal_softmax.compiled(parallel=False)
dot = pairs.find("dot").compiled
z = dot(np.ones((2, 1)), np.ones((2, 1)), 0.5)
hits = [sum(f.stats.cache_hits.values()) for f in (loops, softmax, dot)]
print(round(J, 6), round(several, 6), float(np.asarray(z).item()), *hits)
"""


def test_an_edited_loop_of_the_lectures_leaves_no_stale_code(tmp_path):
    """They are in three files of their own, none of them in the digest: Numba looks at these."""
    package = copy_of_the_package(tmp_path)
    environment = {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": None}

    def found():
        return run(EDITED_LOOPS, str(tmp_path), **environment)

    assert found() == "0.693147 1.098612 2.5 0 0 0"
    assert found() == "0.693147 1.098612 2.5 1 1 1"
    for path, old, new in (
        (package / "backends" / "literal_loops.py", "J[0] /= m", "J[0] /= 2 * m"),
        (package / "backends" / "literal_softmax.py", "J[0] /= m", "J[0] /= 2 * m"),
        (package / "lectures" / "loops.py", "z += w[j, 0] * x[j, 0]", "z += w[j, 0] - x[j, 0]"),
    ):
        text = path.read_text()
        assert text.count(old) >= 1
        path.write_text(text.replace(old, new, 1))
    assert found() == "0.346574 0.549306 0.5 0 0 0"


def test_the_loops_of_the_lectures_use_nothing_of_another_file():
    """So that Numba's own key, which knows the file of the loop alone, sees all that they are
    compiled from."""
    from fastlogreg.backends import literal_loops, literal_softmax
    from fastlogreg.lectures.pairs import PAIRS

    literal = (literal_loops.cost_and_gradient, literal_softmax.cost_and_gradient)
    for loop in (*literal, *(pair.loop for pair in PAIRS)):
        own = Path(loop.__code__.co_filename).read_text()
        for name in loop.__code__.co_names:
            value = loop.__globals__.get(name)
            home = getattr(value, "__module__", None) or getattr(value, "__name__", "")
            assert home == loop.__module__ or not str(home).startswith("fastlogreg"), name
            if isinstance(value, (int, float)):
                assert f"{name}" in own.split("def ")[0], f"{name} comes from another file"
