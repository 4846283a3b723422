"""Rules that a reader of the package may count on, each a check that can fail."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fastlogreg

PACKAGE = Path(fastlogreg.__file__).parent
MOST_PARAMETERS = 10

# What users call: each option is an argument, and scikit-learn wants them so.
PUBLIC = {
    "api.inference.summary",
    "api.passes.propagate",
    "api.report.report",
    "api.training.train",
    "cli.cv.cv",
    "cli.inspect.inspect",
    "cli.predict.predict",
    "cli.summary.summary",
    "cli.train.train",
    "dask.__init__.train",
    "estimators.cv.LogisticRegressionCV.__init__",
    "estimators.logistic.LogisticRegression.__init__",
    "training.paths.path",
}


def functions(tree, prefix=""):
    """Name with its classes and functions, and node, of every function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{prefix}{node.name}", node
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            inside = f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix
            yield from functions(node, inside)


def parameters(node):
    """How many a caller sees: all of them, but for self and cls, and Numba's typing context."""
    given = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    hidden = given[:1] in (["self"], ["cls"], ["typingctx"])
    return len(given) - hidden + (node.args.vararg is not None) + (node.args.kwarg is not None)


def with_many_parameters(text):
    return {name for name, f in functions(ast.parse(text)) if parameters(f) > MOST_PARAMETERS}


def sources():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts), path.read_text()


def test_no_function_has_more_than_ten_parameters():
    found = {
        f"{module}.{name}" for module, text in sources() for name in with_many_parameters(text)
    }
    assert found - PUBLIC == set(), "bundle what travels together"
    assert found >= PUBLIC, "public, and with few parameters: take it off the list"


def test_no_kernel_has_more_than_ten_parameters():
    """Intrinsics are counted with their typing context here."""
    for module, text in sources():
        if module.startswith("kernels."):
            for name, node in functions(ast.parse(text)):
                assert len(node.args.args) <= MOST_PARAMETERS, f"{module}.{name}"


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("def f(a, b, c, d, e, f, g, h, i, j): pass", False),
        ("def f(a, b, c, d, e, f, g, h, i, j, k): pass", True),
        ("def f(a, b, c, d, e, *, f, g, h, i, j, k): pass", True),
        ("def f(a, b, c, d, e, f, g, h, i, j, **k): pass", True),
        ("class A:\n    def f(self, a, b, c, d, e, f, g, h, i, j): pass", False),
        ("def g():\n    def f(a, b, c, d, e, f, g, h, i, j, k): pass", True),
        ("if x:\n    async def f(a, b, c, d, e, f, g, h, i, j, k): pass", True),
    ],
)
def test_what_is_counted(text, many):
    assert bool(with_many_parameters(text)) == many
