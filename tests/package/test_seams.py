"""The seams of the package: who may know of which backend and which form of X there is; that no
object looks into another; that files stay short; that an attribute computed once locks nothing."""

from __future__ import annotations

import ast
import threading
from pathlib import Path

import pytest

import fastlogreg as flr
from fastlogreg.backends.choice import BY_NAME, backend_of
from fastlogreg.checks.arguments import BACKENDS
from fastlogreg.machine.once import once

PACKAGE = Path(flr.__file__).parent
FACTORIES = ("data/inputs.py", "backends/choice.py")
DESIGNS = {"Design", "DesignMatrix", "SparseMatrix", "BlockedMatrix", "DistributedDesign"}
KINDS = DESIGNS | {"Backend", "Fused", "Loops", "Interpreted", "Vectorized"}
MOST_LINES = 400
# Files that are still longer, until they are parted; one that is short comes off the list.


def sources():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def names_in(node):
    """Every name and attribute in an expression."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def kind_tests(text):
    """Lines that ask of which class a backend or a design is."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("isinstance", "type"):
            continue
        asked = node.args[1:] if ast.unparse(node.func) == "isinstance" else ()
        if any(name in KINDS for argument in asked for name in names_in(argument)):
            yield node.lineno


def string_tests(text):
    """Lines that compare a backend or a design, or something of it, with a string."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        asked = any({"backend", "design"} & set(names_in(side)) for side in sides)
        constants = [c for side in sides for c in getattr(side, "elts", [side])]
        strings = any(isinstance(c, ast.Constant) and isinstance(c.value, str) for c in constants)
        if asked and strings:
            yield node.lineno


def looks_inside(text):
    """Lines with the __dict__ of another object than self, or vars of one."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            owner = node.value
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "vars" and node.args:
            owner = node.args[0]
        else:
            continue
        if ast.unparse(owner) != "self":
            yield node.lineno


def cached_properties(text):
    """Lines that name functools.cached_property."""
    for node in ast.walk(ast.parse(text)):
        imported = isinstance(node, ast.ImportFrom) and any(
            alias.name == "cached_property" for alias in node.names
        )
        if imported or (isinstance(node, ast.Attribute) and node.attr == "cached_property"):
            yield node.lineno


def too_long(text):
    lines = text.count("\n")
    return [lines] if lines > MOST_LINES else []


CHECKS = {
    "kind": kind_tests,
    "string": string_tests,
    "inside": looks_inside,
    "cached": cached_properties,
}


def found(check, but=()):
    return [f"{name}:{line}" for name, text in sources() if name not in but for line in check(text)]


@pytest.mark.parametrize("check", ["kind", "string"])
def test_only_the_factories_know_backends_and_forms_by_name(check):
    assert found(CHECKS[check], FACTORIES) == []


def test_no_object_looks_into_another():
    assert found(looks_inside) == []


def test_no_cached_property_whose_lock_is_one_for_all():
    assert found(cached_properties) == []


def test_no_file_is_long():
    assert {name for name, text in sources() if too_long(text)} == set()


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        ("kind", "isinstance(x, DesignMatrix)", "isinstance(x, RowBlocks)"),
        ("kind", "isinstance(a.b, (int, sparse.SparseMatrix))", "isinstance(design, str)"),
        ("kind", "x = not isinstance(o.backend, Fused)", "type(x).__name__"),
        ("string", "o.backend == 'fused'", "o.backend == DEFAULT"),
        ("string", "if 'numpy' != backend: pass", "if 'numpy' != name: pass"),
        ("string", "backend in ('loops', 'python')", "design in found"),
        ("string", "o.backend.name == 'numpy'", "o.backend.whole_runs"),
        ("string", "design.form.endswith('x') or 'sparse' in design.form", "design.dense is None"),
        ("inside", "'radius' in vars(objective)", "vars(self)"),
        ("inside", "new.__dict__['a'] = 1", "self.__dict__.pop('a', None)"),
        ("inside", "self.other.__dict__", "vars()"),
        ("cached", "from functools import cached_property, partial", "from functools import cache"),
        ("cached", "x = functools.cached_property(f)", "x = once(f)"),
    ],
)
def test_each_of_these_checks_can_fail(check, bad, good):
    assert list(CHECKS[check](f"\n{bad}\n")) == [2]
    assert list(CHECKS[check](f"\n{good}\n")) == []


def test_a_long_file_is_found():
    assert too_long("x = 1\n" * 401) == [401]
    assert too_long("x = 1\n" * 400) == []


def test_every_backend_is_known_by_its_name():
    assert tuple(sorted(BY_NAME)) == tuple(sorted(BACKENDS))
    for name in BACKENDS:
        backend = backend_of(name, 3)
        assert (backend.name, backend.n_threads) == (name, 3)
        assert backend_of(backend, 1) is backend
        other = backend.with_threads(2)
        assert (type(other), other.n_threads) == (type(backend), 2)


# ---------------------------------------------------------------- attributes that are computed once


def locked(compute):
    """Such an attribute as Python 3.10 and 3.11 make it: one lock for the class."""
    lock = threading.RLock()

    def get(self):
        with lock:
            return compute(self)

    return property(get)


def another_goes_on(decorator, patience):
    """Whether a thread gets an attribute of its own object while another thread computes the same
    attribute of another object."""
    begun, go, done = threading.Event(), threading.Event(), threading.Event()

    class Thing:
        def __init__(self, slow):
            self.slow = slow

        def value(self):
            if self.slow:
                begun.set()
                go.wait()
            return 1

    Thing.value = decorator(Thing.value)

    def quick():
        assert Thing(False).value == 1
        done.set()

    threads = [threading.Thread(target=lambda: Thing(True).value), threading.Thread(target=quick)]
    threads[0].start()
    begun.wait()
    threads[1].start()
    went_on = done.wait(patience)
    go.set()
    for thread in threads:
        thread.join()
    return went_on


def test_a_slow_attribute_stops_no_other_thread():
    assert another_goes_on(once, patience=60.0)
    assert not another_goes_on(locked, patience=0.2)


def test_once_computes_once_and_can_be_set_before():
    class Thing:
        computed = 0

        @once
        def value(self):
            """What it is."""
            self.computed += 1
            return [self.computed]

    thing = Thing()
    assert thing.value is thing.value
    assert thing.computed == 1
    other = Thing()
    other.value = [7]
    assert other.value == [7]
    assert other.computed == 0
    assert Thing.value.__doc__ == "What it is."
