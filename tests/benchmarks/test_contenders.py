"""Contenders agree before they are timed, and timing takes turns.

Nothing here looks at how long anything took.
"""

from __future__ import annotations

import math
import re
import sys

import numpy as np
import pytest

from benchmarks.cases.expected import (
    Disagreement,
    check_pass,
    expected_class_pass,
    expected_pass,
)
from benchmarks.contenders import base, fastlogreg, numpy, scikit_learn, torch
from benchmarks.runs import columns
from fastlogreg.cli import app
from fastlogreg.tools import bench


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "0.0123"), (1.2, "1.20"), (123.4, "123"), (4567, "4,567")]
)
def test_digits(value, text):
    assert bench.digits(value) == text


def test_digits_of_nothing():
    assert bench.digits(0.0) == "0.00"


def test_interleaved(monkeypatch):
    calls = []
    times = bench.interleaved(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=4
    )
    assert (
        calls == ["a"] * 2 + ["b"] * 2 + ["a", "a", "b", "b"] * 4
    )  # first, warm-up; then in turn, one untimed each
    assert times["a"].rounds == 4
    assert times["a"].best <= times["a"].low <= times["a"].median <= times["a"].high
    slow = bench.interleaved({"a": lambda: None}, rounds=9, most_seconds=-1.0)
    assert slow["a"].rounds == 3


@pytest.mark.parametrize("dtype", bench.DTYPES)
@pytest.mark.parametrize("order", bench.ORDERS)
def test_random_problem(dtype, order):
    X, y, w = bench.random_problem(8, 3, dtype, order)
    assert X.shape == (3, 8)
    assert X.dtype == dtype
    assert X.flags.f_contiguous is (order == "example-major")
    assert y.shape == (8,)
    assert w.shape == (3,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", bench.ORDERS)
def test_numpy_pass(dtype, order):
    X, y, w = bench.random_problem(200, 5, dtype, order)
    w *= 20.0  # z far out too
    expected = expected_pass(X, y, w, 0.1)
    found = bench.NumPyPass(X, y)(w, 0.1)
    assert check_pass("numpy", found, expected, base.tolerance(dtype)) >= 0.0


def test_bench_command(capsys):
    assert (
        app.run(
            [
                "bench",
                "-m",
                "40",
                "-n",
                "3",
                "--order",
                "feature-major",
                "--rounds",
                "1",
                "--threads",
                "1",
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert "40 x 3 float64, feature-major, 1 thread" in out
    assert [name for name in ("loops", "numpy", "fused") if re.search(rf"{name} .* x ", out)] == [
        *("loops", "numpy", "fused")
    ]
    for wrong in (["--dtype", "complex"], ["--order", "random"], ["-m", "0"], ["--rounds", "0"]):
        assert app.run(["bench", *wrong]) == 2
    assert "order must be one of" in capsys.readouterr().err


def all_contenders(dtype="float64"):
    X, y, w = bench.random_problem(50, 4, dtype)
    numpy_X = X.astype(bench.numpy_dtype(dtype), copy=False)
    field = [fastlogreg.one_pass(name, "example-major", X, y, 1) for name in ("fused", "loops")]
    field += [numpy.one_pass("example-major", numpy_X, y)]
    field += [numpy.blocks_pass(X, y, block) for block in (7, 64)]
    field += [build(numpy_X, y, 1) for build in (scikit_learn.one_pass, torch.one_pass)]
    return field, expected_pass(X, y, w, 0.1), w


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, at its import
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
def test_contenders_agree(dtype):
    field, expected, w = all_contenders(dtype)
    for contender in filter(None, field):
        tolerance = 1e-3 if "blocks" in contender.name else contender.tolerance
        check_pass(contender.name, contender.run(w, 0.1), expected, tolerance)


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("by", [1e-6, math.nan])
def test_a_wrong_contender_is_not_timed(part, by):
    found = [0.5, np.ones(3), 0.25]
    expected = tuple(found)
    found[part] = found[part] + by
    with pytest.raises(Disagreement, match="some name differs from the reference"):
        check_pass("some name", tuple(found), expected, 1e-9)


@pytest.mark.parametrize("build", [scikit_learn.one_pass, torch.one_pass])
def test_missing_libraries_are_left_out(build, monkeypatch):
    for name in ("torch", "sklearn._loss.loss", "sklearn.linear_model._linear_loss"):
        monkeypatch.setitem(sys.modules, name, None)
    assert build(np.ones((2, 3)), np.ones(3, np.uint8), 1) is None


@pytest.mark.parametrize("order", bench.ORDERS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_passes_of_several_classes_agree(dtype, order):
    case = columns.ClassCase(50, 6, 4, dtype)
    X, labels, (W, b) = columns.random_classes(case)
    W = 10.0 * W  # z far out too
    expected = expected_class_pass(X, labels, W, b)
    own = np.asarray(X, order="F" if order == "example-major" else "C")
    floats = own.astype(bench.numpy_dtype(dtype))
    field = [
        fastlogreg.class_pass(order, own, labels, 4, 1),
        numpy.class_pass(order, floats, labels, 4),
        numpy.class_blocks_pass(order, floats, labels, 4, 16),
        scikit_learn.class_pass(floats, labels, 4, 1),
        torch.class_pass(floats, labels, 4, 1),
    ]
    for contender in filter(None, field):
        found = contender.run(W, b)
        assert check_pass(contender.name, found, expected, contender.tolerance) >= 0.0
    with pytest.raises(Disagreement, match="half differs"):
        check_pass("half", (expected[0], 0.5 * expected[1], expected[2]), expected, 1e-3)
