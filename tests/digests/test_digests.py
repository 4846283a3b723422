"""The table of digests: a changed bit, a missing and a new name are found and named.

No digest is stored here: they depend on the CPU.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.digests.__main__ import digest_of, main, measured
from tests.digests.cases import (
    Case,
    all_cases,
    backend_cases,
    estimator_cases,
    pass_cases,
    training_cases,
)


def case(name, value, bound=None, group=""):
    """A configuration that gives a value, without any work."""
    return Case(name, lambda: ({"w": value}, {} if bound is None else {"bound": bound}), group)


THREE = [case("a", np.ones(3), 0.5), case("b", 1.0), case("c", "converged")]


@pytest.fixture
def table(tmp_path):
    """The file in which THREE are recorded."""
    path = tmp_path / "table.json"
    assert main(["record", str(path)], THREE) == 0
    return path


def compared(path, cases, capsys, *more):
    capsys.readouterr()
    status = main(["compare", str(path), *more], cases)
    return status, capsys.readouterr().out.splitlines()


def test_the_table_is_text_with_a_configuration_a_line(table):
    lines = table.read_text().splitlines()
    assert list(json.loads(table.read_text())["digests"]) == ["a", "a (bound)", "b", "c"]
    assert sum(line.startswith(('"a', '"b":', '"c":')) for line in lines) == 4
    assert any(line.startswith('"numba"') for line in lines)


def test_no_change_is_no_difference(table, capsys):
    assert compared(table, THREE, capsys) == (0, ["no difference"])


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        (case("a", np.nextafter(np.ones(3), 2.0), 0.5), ["differs: a"]),
        (case("a", np.ones((3, 1)), 0.5), ["differs: a"]),
        (case("a", np.ones(3, np.float32), 0.5), ["differs: a"]),
        (case("a", np.ones(3), np.nextafter(0.5, 1.0)), ["differs: a (bound)"]),
        (case("a", np.ones(3)), ["missing: a (bound)"]),
        (case("d", np.ones(3)), ["missing: a", "missing: a (bound)", "new: d"]),
    ],
)
def test_what_differs_is_named(table, capsys, changed, lines):
    assert compared(table, [changed, *THREE[1:]], capsys) == (1, lines)


def test_a_part_of_the_table(table, capsys):
    assert compared(table, [case("a", 2.0), *THREE[1:]], capsys, "--only", "b") == (
        0,
        ["no difference"],
    )
    assert compared(table, [case("b", 2.0)], capsys, "--only", "b") == (1, ["differs: b"])


def test_another_machine_is_noted(table, capsys):
    text = json.loads(table.read_text())
    text["header"]["numba"] = "0.0"
    table.write_text(json.dumps(text))
    assert main(["compare", str(table)], THREE) == 0
    assert "another numba" in capsys.readouterr().err


def test_a_group_must_agree(tmp_path, capsys):
    cases = [case("1 thread", 1.0, group="g"), case("2 threads", 1.0 + 2.0**-52, group="g")]
    assert main(["record", str(tmp_path / "table")], cases) == 1
    assert "not the same bits: 2 threads and 1 thread" in capsys.readouterr().out


def test_an_error_is_no_result(tmp_path, capsys):
    assert main(["record", str(tmp_path / "table")], [Case("broken", lambda: 1 / 0)]) == 1
    assert "error in broken: ZeroDivisionError" in capsys.readouterr().out


def test_signs_of_zero_and_words_count():
    assert digest_of({"w": 0.0}) != digest_of({"w": -0.0})
    assert digest_of({"w": "converged"}) != digest_of({"w": "iterations"})
    assert digest_of({"w": 1.0}) != digest_of({"b": 1.0})
    assert digest_of({"k": 3}) == digest_of({"k": np.int64(3)})


CHOSEN = {
    "propagate fused float64 example-major 7x10 ": pass_cases,
    "propagate numpy uint8 example-major 45x7": backend_cases,
    "train newton small 400x7 lambda 1": training_cases,
    "fit balanced csr 900x12": estimator_cases,
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_configuration_gives_the_same_digest_twice(name):
    pytest.importorskip("sklearn", reason="the estimator needs the sklearn extra")
    [chosen] = [each for each in CHOSEN[name]() if each.name.startswith(name)]
    found, complaints = measured([chosen], lambda text: None)
    assert not complaints
    assert (found, []) == measured([chosen], lambda text: None)
    assert all(len(digest) == 32 for digest in found.values())


def test_there_are_enough_and_no_name_comes_twice():
    names = [each.name for each in all_cases()]
    assert len(names) == len(set(names)) >= 350
