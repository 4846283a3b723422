"""The benchmarks measure what they say: contenders are checked before they are timed, checks can
fail, tables say what was found. Nothing here looks at how long anything took."""

from __future__ import annotations

import json
import math
import os
import re
import sys

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks.cases.expected import Disagreement, check_pass, expected_pass
from benchmarks.contenders import base, fastlogreg, numpy, scikit_learn, torch
from benchmarks.report import environment, regression, results, roofline, tables
from benchmarks.runs import compile as cold_start
from benchmarks.runs import kernels, memory, train
from fastlogreg.cli import app
from fastlogreg.tools import bandwidth, bench

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
needs_jit = pytest.mark.skipif(WITHOUT_JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(bandwidth, "beyond_cache", lambda: 1 << 17)
    monkeypatch.setattr(bench, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(bench, "_SAMPLE_SECONDS", 0.0)


# --- fastlogreg.tools.bench and its command


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


# --- contenders


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


# --- the kernel benchmark


@pytest.fixture(scope="module")
def result():
    """A tiny run of the kernel benchmark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bandwidth, "beyond_cache", lambda: 1 << 17)
        patch.setattr(bench, "_PAUSE_SECONDS", 0.0)
        patch.setattr(kernels, "QUICK", (kernels.Case(40, 3, "float64"),))
        patch.setattr(kernels, "QUICK_MEMMAP", kernels.Case(40, 5, "uint8"))
        patch.setattr(kernels, "DESCENT", (20, 2))
        patch.setitem(sys.modules, "torch", None)  # slow to import, and seen above
        said = []
        found = kernels.run(quick=True, say=said.append)
    assert said == ["40 x 3 float64", "40 x 5 uint8 memmap", "569 x 30, gradient descent"]
    return json.loads(json.dumps(found))  # as it comes back from a file


def test_kernels(result):
    rows = {(r["case"], r["order"], r["contender"]): r for r in result["rows"]}
    for order in bench.ORDERS:
        for name in ("fused", "loops", "numpy"):
            assert rows["40 x 3 float64", order, name]["ratio"] > 0
    fused = rows["40 x 3 float64", "example-major", "fused"]
    probe = rows["40 x 3 float64", "", "read probe"]
    assert fused["rate"] == pytest.approx(40 * 3 * 8 / fused["seconds"])
    assert fused["fraction"] == pytest.approx(fused["rate"] / probe["rate"])
    numpy_rows = [
        r for key, r in rows.items() if key[0] == "40 x 3 float64" and key[2].startswith("numpy")
    ]
    assert len(numpy_rows) == 4
    assert max(r["ratio"] for r in numpy_rows) == 1.0
    assert {"cpu", "threads", "blas", "versions"} <= set(result["environment"])


def test_kernels_report(result):
    blocks = kernels.report(result)
    assert set(blocks) == {"kernels"}
    assert len(re.findall(r"^\| 40 x 3 float64", blocks["kernels"], re.MULTILINE)) >= 6
    assert "Read bandwidth, probed beside each case" in blocks["kernels"]
    assert "read probe" not in blocks["kernels"]


def test_only_some_cases(monkeypatch):
    monkeypatch.setattr(kernels, "DESCENT", (20, 2))
    found = kernels.run(quick=True, only="descent", say=lambda text: None)
    assert {row["contender"] for row in found["rows"]} == {
        "fused",
        "loops",
        "numpy",
        numpy.LECTURES,
    }
    assert "Read bandwidth, probed" not in kernels.report(found)["kernels"]


def ideal_rows():
    """Rows of a full run in which every target is met."""
    rows = []
    for case in [c.name for c in kernels.CASES] + [f"{kernels.MEMMAP.name} memmap"]:
        for order in bench.ORDERS:
            rows.append(
                {
                    "case": case,
                    "order": order,
                    "contender": "fused",
                    "seconds": 1e-3,
                    "ratio": 9,
                    "fraction": 1,
                }
            )
            for name in ("numpy", numpy.LECTURES):
                rows.append(
                    {
                        "case": case,
                        "order": order,
                        "contender": name,
                        "seconds": 9e-3,
                        "ratio": 1,
                        "fraction": 0,
                    }
                )
    case, order = "569 x 30 float64, one iteration of descent", "example-major"
    rows.append(
        {
            "case": case,
            "order": order,
            "contender": numpy.LECTURES,
            "seconds": 35e-6,
            "ratio": 1,
        }
    )
    return [
        *rows,
        {"case": case, "order": order, "contender": "fused", "seconds": 7e-6, "ratio": 5},
    ]


def test_targets():
    rows = ideal_rows()
    assert all(t["met"] for t in kernels.judge(rows))
    for row in rows:
        row.update(seconds=1e-2, ratio=1, fraction=0.1)
        if row["order"] == "feature-major" and row["contender"] == "fused":
            row["seconds"] = 2e-2
    assert not any(t["met"] for t in kernels.judge(rows))
    assert not any(t["met"] for t in kernels.judge([]))  # nothing measured
    table = tables.targets_table([*kernels.judge([])[:1], *kernels.judge(ideal_rows())[-3:]])
    assert re.search(
        r"1,000,000 x 10 float64: NumPy, lectures' formula / fused +\| at least 6 "
        r"\| not measured \| no",
        table,
    )
    assert re.search(r"microseconds +\| at most 8 +\| 7.00 +\| yes", table)


def test_figure(result, tmp_path):
    roofline.figure(result).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="rows with a rate"):
        roofline.figure({"rows": []})


# --- the other benchmarks


def task(iterations=3, known=()):
    X = np.random.default_rng(0).integers(0, 255, (20, 6), np.uint8).T
    return train.Task("images", X, (np.arange(20) % 2).astype(np.uint8), 0.01, iterations, known)


def test_train_task():
    rows = {row["contender"]: row for row in train.run_task(task(), 1, 1)}
    assert set(rows) == {
        "fused",
        "loops",
        "numpy float64",
        "numpy float32",
        "python (extrapolated)",
    }
    assert max(r["ratio"] for name, r in rows.items() if "numpy" in name) == 1.0
    assert rows["fused"]["cost"] == pytest.approx(rows["numpy float64"]["cost"], rel=1e-9)


def test_train_checks_costs():
    costs = np.array([math.log(2), 0.6, 0.5])
    train.check_costs(task(known=(0.693147, 0.6)), "fused", costs, costs, 1e-9)
    with pytest.raises(Disagreement, match="not those of NumPy"):
        train.check_costs(task(), "fused", costs, costs + 1e-6, 1e-9)
    with pytest.raises(Disagreement, match="not those of NumPy"):
        train.check_costs(task(), "fused", costs[:2], costs, 1e-9)
    with pytest.raises(Disagreement, match="not the published ones"):
        train.check_costs(task(known=(0.693149,)), "fused", costs, costs, 1e-9)


def test_train_without_data(tmp_path):
    said = []
    with pytest.raises(ValueError, match="name another with --data"):
        train.run(data=tmp_path, say=said.append)
    assert [line.split(":")[0] for line in said] == ["cat images", "MNIST"]
    assert command.main(["train", "--data", str(tmp_path)]) == 2


def test_train_data(shared_data):
    cats, mnist = train.cats(shared_data, 2000), train.mnist(shared_data, 100)
    assert cats is not None
    assert mnist is not None
    assert (cats.X.shape, int(cats.y.sum())) == ((12288, 209), 72)
    assert (mnist.X.shape, int(mnist.y.sum())) == ((784, 60000), 5923)


def test_train_report():
    rows = train.run_task(task(), 1, 1)
    targets = [results.target("ratio", 30.0, least=25.0)]
    found = {"rows": rows, "environment": environment.environment(1), "targets": targets}
    blocks = train.report(found)
    assert "| images, 3 iterations | " in blocks["train"]
    assert "30.0" in blocks["train-targets"]


def test_compile(monkeypatch):
    seconds = iter((9.0, 0.5))
    monkeypatch.setattr(
        cold_start, "first_train", lambda m, n_x, dtype, cache: (0.01, next(seconds))
    )
    found = cold_start.run(quick=True, say=lambda text: None)
    assert [(row["contender"], row["seconds"]) for row in found["rows"]] == [
        ("cold", 9.0),
        ("disk cache", 0.5),
    ]
    assert [target["met"] for target in found["targets"]] == [False, True]
    assert re.search(
        r"float64, small \(569 x 30\) \| +9.00 \| +0.50", cold_start.report(found)["compile"]
    )


@needs_jit
def test_compile_leaves_a_cache(tmp_path):
    imported, trained = cold_start.first_train(40, 3, "float64", str(tmp_path))
    assert 0.0 < imported < trained
    assert list(tmp_path.rglob("*.nbc"))


def test_compile_says_what_failed(tmp_path):
    with pytest.raises(RuntimeError, match="training on complex128 failed in a fresh process"):
        cold_start.first_train(4, 2, "complex128", str(tmp_path))


@needs_jit
def test_memory(monkeypatch):
    monkeypatch.setattr(memory, "measure", lambda dtype, kind, size: (size, size // 100))
    found = memory.run(quick=True, say=lambda text: None)
    assert found["targets"][0]["met"]
    assert "uint8, memmap" in memory.report(found)["memory"]


@needs_jit
def test_memory_sees_a_copy():
    """NumPy's float64 copies of a uint8 X are eight times X each; the kernel makes none."""
    x_bytes, above = memory.measure("uint8", "example-major", 32 << 20, backend="numpy")
    assert above > 8 * x_bytes
    x_bytes, above = memory.measure("uint8", "example-major", 32 << 20)
    assert above < 0.5 * x_bytes


def test_memory_says_what_failed():
    with pytest.raises(RuntimeError, match="complex128, example-major failed in a fresh process"):
        memory.measure("complex128", "example-major", 1 << 16)


# --- tables, files and the regression check


def test_markdown():
    assert tables.markdown(("name", "ms"), [("a", "1.5"), ("bcdef", "1,000")]) == (
        "| name  |    ms |\n|-------|------:|\n| a     |   1.5 |\n| bcdef | 1,000 |"
    )


def test_write_block(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(
        "before\n<!-- benchmark: kernels -->\nold\n<!-- end benchmark -->\nbetween\n"
        "<!-- benchmark: train -->\n<!-- end benchmark -->\nafter\n"
    )
    tables.write_block(page, "kernels", "\\1 new\n")
    assert page.read_text() == (
        "before\n<!-- benchmark: kernels -->\n\\1 new\n<!-- end benchmark -->\nbetween\n"
        "<!-- benchmark: train -->\n<!-- end benchmark -->\nafter\n"
    )
    with pytest.raises(ValueError, match="must have the lines <!-- benchmark: memory -->"):
        tables.write_block(page, "memory", "new")


def test_files(tmp_path, result):
    results.save(tmp_path / "a.json", result)
    assert results.load(tmp_path / "a.json") == result
    for text, said in (
        ("{", "is not JSON"),
        ("{}", "is not a result of these benchmarks"),
        ("[]", "is not a result"),
    ):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(ValueError, match=said):
            results.load(tmp_path / "b.json")


def test_a_busy_machine_is_told_of():
    where = environment.environment(1)
    assert "Not a quiet machine" in environment.describe({**where, "load": 1.5})
    assert "Not a quiet machine" not in environment.describe({**where, "load": 0.1})


def test_blas_without_threadpoolctl(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert "threadpoolctl is not installed" in environment.blas()


def outcome(seconds, contender="fused", benchmark="kernels", case="some case", **more):
    rows = [{"case": case, "order": "example-major", "contender": contender, "seconds": seconds}]
    where = {"cpu": "some CPU", "threads": 2}
    return {"benchmark": benchmark, "quick": False, "environment": where, "rows": rows, **more}


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        (10e-3, 11.4e-3, False),  # within 15 %
        (10e-3, 11.6e-3, True),
        (10e-3, 5e-3, False),
        (100e-6, 149e-6, False),  # below the absolute floor
        (100e-6, 151e-6, True),
    ],
)
def test_regression(old, new, worse):
    lines = regression.check(outcome(old), outcome(new))
    assert bool(lines) is worse
    if worse:
        assert lines[0].startswith("some case, example-major, fused: ")
    assert regression.check(outcome(old, "numpy"), outcome(new, "numpy")) == []  # not ours


def test_regression_floors():
    descent = "569 x 30 float64, one iteration of descent"
    assert regression.check(outcome(7e-6, case=descent), outcome(9e-6, case=descent))
    assert not regression.check(outcome(0.3, "cold", "compile"), outcome(0.39, "cold", "compile"))
    assert regression.check(outcome(0.3, "cold", "compile"), outcome(0.5, "cold", "compile"))
    old, new = outcome(0.0, benchmark="memory"), outcome(0.0, benchmark="memory")
    for found, size in ((old, 0), (new, 9 << 20)):
        del found["rows"][0]["seconds"]
        found["rows"][0]["bytes"] = size
    assert "from nothing" in regression.check(old, new)[0]


def test_regression_compares_like_with_like():
    assert regression.check(outcome(1.0), {**outcome(1.0), "rows": []}) == [
        "some case, example-major, fused: missing in the new file"
    ]
    with pytest.raises(ValueError, match="same machine: cpu"):
        regression.check(outcome(1.0), outcome(1.0, environment={"cpu": "another", "threads": 2}))
    with pytest.raises(ValueError, match="same benchmark"):
        regression.check(outcome(1.0), outcome(1.0, benchmark="train"))


def test_commands(tmp_path, capsys, monkeypatch, result):
    monkeypatch.setattr(kernels, "run", lambda quick, say, only: result)
    page, made, drawn = tmp_path / "README.md", tmp_path / "new.json", tmp_path / "new.png"
    page.write_text("<!-- benchmark: kernels -->\n<!-- end benchmark -->\n")
    options = ["--json", str(made), "--readme", str(page), "--plot", str(drawn)]
    assert command.main(["kernels", "--quick", *options]) == 0
    assert "40 x 3 float64" in page.read_text()
    assert drawn.is_file()
    assert command.main(["check", str(made), str(made)]) == 0
    assert "no regression" in capsys.readouterr().out
    slower = json.loads(made.read_text())
    for row in slower["rows"]:
        row["seconds"] += 1.0
    results.save(tmp_path / "slower.json", slower)
    assert command.main(["check", str(made), str(tmp_path / "slower.json")]) == 1
    assert "some" not in capsys.readouterr().err
    assert command.main(["check", str(made), str(tmp_path / "missing.json")]) == 2
