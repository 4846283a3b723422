"""What importing the package brings in, what works without Numba, and that imports only go down."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastlogreg as flr
from tests.helpers.limits import HANG

PACKAGE = Path(flr.__file__).parent

# The house, from the ground up. A module imports from lower floors and from its own room. What is
# imported for type checkers alone does not count.
FLOORS = (
    ("_version", "machine", "checks", "figures"),
    ("maths",),  # takes its inner products from machine, which keeps the threads of BLAS out
    ("kernels", "files", "cuda"),
    ("data", "lectures", "tables"),  # tables: real ones, made into numbers; above their readers
    ("backends",),
    ("objective",),
    ("solvers",),
    ("training",),
    ("inference",),
    ("reports",),
    ("api", "models"),  # models: the file, and what it answers, without the kernels
    ("estimators", "tools"),
    ("fastlogreg", "dask"),
    ("cli",),
    ("__main__",),
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
LOOSE = {"__init__", "__main__", "_version"}
OPTIONAL = (
    "dask",
    "distributed",
    "h5py",
    "joblib",
    "matplotlib",
    "mpmath",
    "onnx",
    "onnxruntime",
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
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=HANG
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_no_library():
    code = "import sys, fastlogreg; print(*sorted(name.split('.')[0] for name in sys.modules))"
    loaded = set(python(code).split())
    assert "fastlogreg" in loaded
    assert not loaded & {"numba", "llvmlite", *OPTIONAL}


def test_the_numpy_backend_needs_no_numba():
    """sigmoid, cost, propagate, train, predict, check_gradient with backend numpy, the loops with
    backend python."""
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
    with pytest.raises(
        AttributeError, match=r"module 'fastlogreg' has no attribute 'fit'; it has .*train"
    ):
        _ = flr.fit


# ---------------------------------------------------------------- the floors


def modules(package=PACKAGE):
    """Name, whether it is a package, and text of every module; the package itself is one."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        yield ".".join(parts[:-1] if is_package else parts), is_package, path.read_text()


def imports(tree, module, is_package, known):
    """Modules of this package that a module imports, without those for type checkers. `known` tells
    a module in a room from a name in a module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield from imports(node, module, is_package, known)
        if isinstance(node, ast.ImportFrom) and (
            node.level or node.module.startswith("fastlogreg")
        ):
            base = node.module.split(".") if node.module else []
            if node.level:
                parts = module.split(".")
                base = parts[: len(parts) - node.level + is_package] + base
            for alias in node.names:
                inside = ".".join([*base, alias.name])
                yield inside if inside in known else ".".join(base)
        elif isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            yield from (name for name in names if name.split(".")[0] == "fastlogreg")


def room(module):
    return [*module.split("."), "fastlogreg"][1] if "." in module else "fastlogreg"


def graph(sources):
    """Which modules each module imports."""
    known = {name for name, _, _ in sources}
    return {
        name: set(imports(ast.parse(text), name, is_package, known)) - {name}
        for name, is_package, text in sources
    }


def upward(arrows):
    """What these modules should not import: something on their own floor or above it."""
    for module, targets in arrows.items():
        for target in sorted(targets):
            own, other = room(module), room(target)
            if own not in (other, "fastlogreg") and FLOOR[other] >= FLOOR[own]:
                yield f"{module} imports {target}"


def circles(arrows):
    """Modules that import each other, in the order in which they do."""
    state, path = {}, []

    def visit(module):
        state[module] = "open"
        path.append(module)
        for target in sorted(arrows.get(module, ())):
            if state.get(target) == "open":
                yield " > ".join([*path[path.index(target) :], target])
            elif target not in state:
                yield from visit(target)
        path.pop()
        state[module] = "done"

    for module in sorted(arrows):
        if module not in state:
            yield from visit(module)


def loose(package):
    """Modules at the top of the package that belong into a room."""
    return sorted(path.stem for path in package.glob("*.py") if path.stem not in LOOSE)


def test_every_room_has_a_floor_and_every_floor_a_room():
    assert {room(name) for name, _, _ in modules()} == set(FLOOR)


def test_imports_only_go_down():
    assert list(upward(graph(list(modules())))) == []


def test_no_module_is_in_a_circle():
    assert list(circles(graph(list(modules())))) == []


def test_no_module_lies_loose():
    assert loose(PACKAGE) == []


@pytest.mark.parametrize(
    ("source", "module", "is_package", "expected"),
    [
        ("from ..objective.point import x", "fastlogreg.maths.logistic", False, "objective.point"),
        ("from .. import api", "fastlogreg.training.run", False, "api"),
        ("from ...api import x", "fastlogreg.kernels.dense.blocks", False, "api"),
        ("from ..api import x", "fastlogreg.kernels", True, "api"),
        ("def f():\n import fastlogreg.cli", "fastlogreg.models.model", False, "cli"),
        ("from ..api import x", "fastlogreg.models.model", False, "api"),
        ("from ..checks.labels import x", "fastlogreg.machine.blas", False, "checks.labels"),
        (
            "from ..kernels.loss import x\nfrom .._version import y",
            "fastlogreg.data.dense",
            False,
            "",
        ),
        ("from .decorators import x\nfrom ..maths import y", "fastlogreg.kernels.loss", False, ""),
        ("from .common import x", "fastlogreg.files", True, ""),
        ("if TYPE_CHECKING:\n from ..cli import x", "fastlogreg.api", True, ""),
    ],
)
def test_an_upward_import_is_found(source, module, is_package, expected):
    known = [(f"fastlogreg.{name}", True, "") for name in ("api", "maths", "cli")]
    arrows = graph([*known, (module, is_package, source)])
    wanted = [f"{module} imports fastlogreg.{expected}"] if expected else []
    assert list(upward(arrows)) == wanted


def test_a_circle_is_found():
    def sources(last):
        one = ("fastlogreg.data.one", False, "from .two import x")
        two = ("fastlogreg.data.two", False, "def f():\n    from . import three")
        return [one, two, ("fastlogreg.data.three", False, last)]

    assert list(circles(graph(sources("from .one import x")))) == [
        "fastlogreg.data.one > fastlogreg.data.two > fastlogreg.data.three > fastlogreg.data.one"
    ]
    assert list(circles(graph(sources("import numpy")))) == []


def test_a_loose_module_is_found(tmp_path):
    for name in ("__init__", "_version", "descent"):
        (tmp_path / f"{name}.py").touch()
    assert loose(tmp_path) == ["descent"]


def top_level_libraries(source):
    """Libraries that are imported when the module is: not in a function, not for type checkers, not
    where a missing one is caught."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_optional_libraries_are_imported_where_they_are_used():
    """Nowhere when a module is imported, but in the command line's, which are loaded after a check;
    and Numba only in the kernels and what is about them."""
    for name, _, text in modules():
        libraries = top_level_libraries(text)
        if room(name) != "cli":
            assert not libraries & set(OPTIONAL), name
        if room(name) not in ("kernels", "tools", "cuda"):
            assert not libraries & {"numba", "llvmlite"}, name


# ---------------------------------------------------------------- compiler flags


def careless_compilations(source):
    """njit or jit without stated flags, or with fastmath=True, which makes isnan answer False."""
    tree = ast.parse(source)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        name = (
            node.attr
            if isinstance(node, ast.Attribute)
            else node.id
            if isinstance(node, ast.Name)
            else ""
        )
        if name not in ("jit", "njit", "vectorize", "guvectorize", "stencil"):
            continue
        options = (
            {word.arg: ast.unparse(word.value) for word in calls[id(node)].keywords}
            if id(node) in calls
            else {}
        )
        if ast.unparse(node).startswith(
            "cuda."
        ):  # no error model to choose, fastmath off unless asked
            if options.get("fastmath", "False") != "False":
                yield f"line {node.lineno}: {ast.unparse(calls[id(node)])}"
            continue
        inherited = (
            "None" if options.get("inline") == "'always'" else "True"
        )  # inlined, it has its caller's flags
        if options.get("fastmath", inherited) == "True" or options.get("error_model") != "'numpy'":
            yield f"line {node.lineno}: {ast.unparse(calls.get(id(node), node))}"


def test_no_careless_compilations():
    for name, _, text in modules():
        assert list(careless_compilations(text)) == [], name
    assert list(careless_compilations((PACKAGE / "kernels" / "decorators.py").read_text())) == []
    assert "njit(" in (PACKAGE / "kernels" / "decorators.py").read_text()


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
        "g = cuda.jit(fastmath=True)(f)",
    ],
)
def test_careless_compilations_are_found(source):
    assert len(list(careless_compilations(source))) == 1


def test_careful_compilations_are_not():
    assert list(careless_compilations("g = njit(error_model='numpy', inline='always')(f)")) == []
    assert (
        list(careless_compilations("@njit(fastmath=FAST, error_model='numpy')\ndef f(): pass"))
        == []
    )
    assert list(careless_compilations("from numba import njit")) == []
    assert (
        list(careless_compilations("@cuda.jit\ndef f(): pass\ng = cuda.jit(device=True)(f)")) == []
    )
