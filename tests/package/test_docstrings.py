"""Every public name says what it takes, gives and raises, and its example runs."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import io
import pydoc
import sys
from itertools import pairwise

import pytest

import fastlogreg as flr

# The version is a text, MatrixLike a type: neither can have a docstring.
NAMES = [name for name in flr.__all__ if name not in ("__version__", "MatrixLike")]
ESTIMATORS = ("fit_formula", "LogisticRegression", "LogisticRegressionCV")  # not of `import *`
DASK = ("LogisticRegression", "train")
SECTIONS = ("Parameters", "Attributes", "Returns", "Raises", "References", "Examples")


def public():
    for name in [*NAMES, *ESTIMATORS]:
        yield pytest.param("fastlogreg", name, id=name)
    for name in DASK:
        yield pytest.param("fastlogreg.dask", name, id=f"dask.{name}")


def found(module, name):
    if name in ESTIMATORS:
        pytest.importorskip("sklearn")
    if module == "fastlogreg.dask":
        pytest.importorskip("dask.array")
    return getattr(importlib.import_module(module), name)


def sections(text):
    """The underlined headings of a docstring."""
    lines = text.splitlines()
    return [head for head, line in pairwise(lines) if head and line == "-" * len(head)]


def faults(thing):
    """What the docstring of a public function or class lacks."""
    text = inspect.getdoc(thing) or ""
    first = text.splitlines()[0] if text else ""
    if not first.endswith("."):
        yield f"the first line is no sentence: {first!r}"
    there = sections(text)
    if ">>>" not in text or "Examples" not in there:
        yield "no example"
    if inspect.isclass(thing):
        wanted = () if issubclass(thing, Warning) else ("Attributes",)
    else:
        wanted = ("Parameters", "Returns", "References")
        if not ("Raises" in there or "Raises as" in text or thing.__name__ == "sigmoid"):
            yield "nothing of what it raises"
        takes = text.partition("Parameters\n")[2].partition("\n\nReturns")[0]
        named = {
            word.strip(" ,*")
            for line in takes.splitlines()
            if line[:1] != " "
            for word in line.partition(":")[0].split()
        }
        for name in inspect.signature(thing).parameters:
            if name not in named:
                yield f"nothing of the parameter {name}"
    yield from (f"no section {head}" for head in wanted if head not in there)


@pytest.mark.parametrize(("module", "name"), list(public()))
def test_every_public_name_is_described(module, name):
    assert list(faults(found(module, name))) == []


def test_a_poor_description_is_found():
    def poor(x):
        """Likewise"""

    assert len(list(faults(poor))) == 7


@pytest.mark.parametrize(("module", "name"), list(public()))
def test_every_example_runs(module, name):
    thing, said = found(module, name), io.StringIO()
    tests = [
        test for test in doctest.DocTestFinder(recurse=False).find(thing, name) if test.examples
    ]
    assert tests
    for test in tests:
        doctest.DocTestRunner().run(test, out=said.write)
    assert said.getvalue() == ""


# ---------------------------------------------------------------- help


def test_help_opens_with_the_public_names():
    text = pydoc.render_doc(flr, renderer=pydoc.plaintext)
    opening = text.partition("PACKAGE CONTENTS")[0]
    for name in {*flr._HOME, "fastlogreg.dask"}:
        assert name in opening, name
    for heading in ("CLASSES", "FUNCTIONS"):
        assert heading in text


def test_help_lists_rooms_and_no_modules():
    """Every module of the package but one, and its number, lies in a room."""
    text = pydoc.render_doc(flr, renderer=pydoc.plaintext)
    listed = text.partition("PACKAGE CONTENTS")[2].partition("\n\n")[0].split("\n")
    modules = {line.strip() for line in listed if line.strip() and "(package)" not in line}
    assert modules == {"__main__", "_version"}


def test_the_names_for_type_checkers_are_the_public_names():
    assert set(flr.__all__) == {*flr._HOME, "__version__"} - set(ESTIMATORS)
    assert flr.__all__ == sorted(flr.__all__)
    tree = ast.parse(inspect.getsource(sys.modules["fastlogreg"]))
    imported = {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name, home in flr._HOME.items():
        assert (home, name) in imported, name
