"""What importing the package brings in, what works without Numba, and that imports only go down the floors."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastlogreg as flr

PACKAGE = Path(flr.__file__).parent

# From the ground up. A module imports from lower floors and from its own folder, `fastlogreg` itself (its version) is
# the ground, and what is imported for type checkers alone does not count.
FLOORS = (
    ("reference", "validation", "threads", "plots", "vectors", "caches"),
    ("kernels", "nudging", "notation", "class_labels", "mapped_files"),
    ("design_matrix", "files", "bandwidth", "sampling"),
    ("row_sources", "sparse_matrix"),
    ("parquet_rows",),
    ("row_blocks",),
    ("passes", "inputs", "estimator_input"),
    ("hessians",),
    ("objective",),
    ("descent",),
    ("solvers",),
    ("diagnosis", "streams", "checkpoint"),
    ("training", "estimator_stream"),
    ("api", "model"),
    ("lectures", "warming", "bench", "estimator"),
    ("doctor", "dask"),
    ("cli",),
    ("__main__",),
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
OPTIONAL = (
    "dask",
    "distributed",
    "h5py",
    "joblib",
    "matplotlib",
    "mpmath",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "scipy",
    "sklearn",
    "typer",
)


def python(code, *args):
    """The code run by a fresh interpreter; its standard output."""
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_no_library():
    code = "import sys, fastlogreg; print(*sorted(name.split('.')[0] for name in sys.modules))"
    loaded = set(python(code).split())
    assert "fastlogreg" in loaded
    assert not loaded & {"numba", "llvmlite", *OPTIONAL}


def test_the_numpy_backend_needs_no_numba():
    """sigmoid, cost, propagate, train, predict, check_gradient with backend numpy, the loops with backend python."""
    code = """
import sys, warnings
warnings.simplefilter("error")
for name in ("numba", "llvmlite", "scipy", "sklearn"):
    sys.modules[name] = None
import numpy as np, fastlogreg as flr
X, Y = np.array([[1.0, 2.0, -1.0], [0.5, -0.25, 3.0]]), np.array([[1, 0, 1]])
w = np.zeros((2, 1))
assert flr.sigmoid(0.0) == 0.5
for backend in ("numpy", "python"):
    assert abs(flr.propagate(w, 0.0, X, Y, backend=backend).cost - np.log(2)) < 1e-15
for options in ({}, {"alpha": 0.1}, {"lambda_": 1.0, "tol": 1e-6}):
    result = flr.train(X.astype(np.float32), Y, backend="numpy", iterations=200, **options)
    assert result.cost < np.log(2), result
assert flr.predict(result.w, result.b, X).shape == (1, 3)
assert flr.check_gradient(w, 0.0, X, Y, backend="numpy").error < 1e-9
assert sys.modules["numba"] is None
"""
    python(code)


def test_every_public_name_can_be_had():
    for name in flr.__all__:
        assert getattr(flr, name) is not None
    assert set(flr.__all__) <= set(dir(flr))
    with pytest.raises(AttributeError, match=r"module 'fastlogreg' has no attribute 'fit'; it has .*train"):
        _ = flr.fit


# ---------------------------------------------------------------- the floors


def imports(tree, module, is_package):
    """Names of the modules of this package that a module imports, without those for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield from imports(node, module, is_package)
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = module.split(".")
            base = parts[: len(parts) - node.level + is_package]
            if node.module:
                yield ".".join(base + node.module.split("."))
            else:
                yield from (".".join([*base, alias.name]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "fastlogreg":
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "fastlogreg")


def upward(source, module, is_package=False):
    """What this module should not import."""
    own = module.split(".")[1]
    for name in imports(ast.parse(source), module, is_package):
        room = [*name.split("."), "__version__"][1]
        if room not in ("__version__", own) and FLOOR[room] >= FLOOR[own]:
            yield f"{module} imports {name}"


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        if name != "fastlogreg":
            yield name, is_package, path.read_text()


def test_every_module_has_a_floor():
    rooms = {name.split(".")[1] for name, _, _ in modules()}
    assert rooms <= set(FLOOR)


def test_imports_only_go_down():
    assert [line for name, is_package, text in modules() for line in upward(text, name, is_package)] == []


@pytest.mark.parametrize(
    ("source", "module", "is_package", "expected"),
    [
        (
            "from .objective import x",
            "fastlogreg.reference",
            False,
            ["fastlogreg.reference imports fastlogreg.objective"],
        ),
        ("from . import api", "fastlogreg.training", False, ["fastlogreg.training imports fastlogreg.api"]),
        ("from ..api import x", "fastlogreg.kernels.dense", False, ["fastlogreg.kernels.dense imports fastlogreg.api"]),
        ("from ..api import x", "fastlogreg.kernels", True, ["fastlogreg.kernels imports fastlogreg.api"]),
        ("def f():\n import fastlogreg.cli", "fastlogreg.model", False, ["fastlogreg.model imports fastlogreg.cli"]),
        ("from .api import x", "fastlogreg.model", False, ["fastlogreg.model imports fastlogreg.api"]),
        ("from .reference import x\nfrom . import __version__", "fastlogreg.model", False, []),
        ("from .flags import x\nfrom ..reference import y", "fastlogreg.kernels.dense", False, []),
        ("from .common import x", "fastlogreg.files", True, []),
        ("if TYPE_CHECKING:\n from .cli import x", "fastlogreg.api", False, []),
    ],
)
def test_an_upward_import_is_found(source, module, is_package, expected):
    assert list(upward(source, module, is_package)) == expected


def top_level_libraries(source):
    """Libraries that are imported when the module is: not in a function, not for type checkers, not where a missing
    one is caught."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_optional_libraries_are_imported_where_they_are_used():
    """Nowhere when a module is imported, but in the command line's, which are loaded after a check; and Numba only in
    the kernels and what is about them."""
    for name, _, text in modules():
        libraries = top_level_libraries(text)
        if name.split(".")[1] != "cli":
            assert not libraries & set(OPTIONAL), name
        if name.split(".")[1] not in ("kernels", "bandwidth", "doctor"):
            assert not libraries & {"numba", "llvmlite"}, name


# ---------------------------------------------------------------- compiler flags


def careless_compilations(source):
    """njit or jit without stated flags, or with fastmath=True, which makes isnan answer False."""
    tree = ast.parse(source)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name not in ("jit", "njit", "vectorize", "guvectorize", "stencil"):
            continue
        options = {word.arg: ast.unparse(word.value) for word in calls[id(node)].keywords} if id(node) in calls else {}
        inherited = "None" if options.get("inline") == "'always'" else "True"  # inlined, it has its caller's flags
        if options.get("fastmath", inherited) == "True" or options.get("error_model") != "'numpy'":
            yield f"line {node.lineno}: {ast.unparse(calls.get(id(node), node))}"


def test_no_careless_compilations():
    for name, _, text in modules():
        assert list(careless_compilations(text)) == [], name
    assert list(careless_compilations((PACKAGE / "kernels" / "flags.py").read_text())) == []
    assert "njit(" in (PACKAGE / "kernels" / "flags.py").read_text()


@pytest.mark.parametrize(
    "source",
    [
        "@njit\ndef f(): pass",
        "@numba.njit\ndef f(): pass",
        "@njit(fastmath=True, error_model='numpy')\ndef f(): pass",
        "@njit(fastmath=FAST)\ndef f(): pass",
        "@nb.njit(parallel=True, error_model='numpy')\ndef f(): pass",
        "g = njit()(f)",
        "g = njit(inline='always', fastmath=True, error_model='numpy')(f)",
    ],
)
def test_careless_compilations_are_found(source):
    assert len(list(careless_compilations(source))) == 1


def test_careful_compilations_are_not():
    assert list(careless_compilations("g = njit(error_model='numpy', inline='always')(f)")) == []
    assert list(careless_compilations("@njit(fastmath=FAST, error_model='numpy')\ndef f(): pass")) == []
    assert list(careless_compilations("from numba import njit")) == []
