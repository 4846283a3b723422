"""Results, tables, the comparison with an older one, and the command around them.

Nothing here looks at how long anything took.
"""

from __future__ import annotations

import inspect
import json
import re
import sys

import pytest

from benchmarks import __main__ as command
from benchmarks.report import cpu, environment, regression, results, tables
from benchmarks.runs import kernels, sparse


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


def test_commands(tmp_path, capsys, monkeypatch, result):
    monkeypatch.setattr(kernels, "run", lambda quick, say, only, keep: result)
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


def result_of(cpu_name, **more):
    machine = environment.environment(1) | {"cpu": cpu_name}
    rows = [
        {"case": "small", "order": "F", "contender": "fused", "seconds": 0.001, "fraction": 0.75},
        {"case": "small", "order": "F", "contender": "numpy", "seconds": 0.004},
        {"case": "small", "order": "", "contender": "torch", "seconds": 0.002},
        {"case": "small", "order": "F", "contender": "read probe", "seconds": 0.0001},
    ]
    found = results.outcome("kernels", False, 1, rows, [results.target("ratio", 2.0, least=3.0)])
    return found | {"environment": machine} | more


@pytest.mark.parametrize("name", [None, *command.BENCHMARKS])
def test_help(capsys, name):
    with pytest.raises(SystemExit) as ended:
        command.main([*([name] if name else []), "--help"])
    assert not ended.value.code
    shown = " ".join(capsys.readouterr().out.split())
    assert "%%" not in shown
    if name is None:
        assert "intervals of 95 % hold the true coefficient" in shown


def test_page_of_a_cpu():
    text = cpu.page([result_of("Some CPU"), result_of("Some CPU", complete=False)])
    assert text.startswith("# Some CPU\n")
    assert text.count("The run was cut off before its end.") == 1
    cells = [cell.strip() for cell in re.search(r"\| small.*", text).group().split("|")[1:-1]]
    assert cells == ["small", "F", "1.00", "0.75", "torch", "2.00", "2.00"]
    assert "| ratio | at least 3 |  2.00 | no  |" in text
    with pytest.raises(ValueError, match=r"results are of: One, .*; Two, "):
        cpu.page([result_of("One"), result_of("Two")])


def test_a_run_that_is_cut_off_has_lost_nothing(tmp_path, monkeypatch):
    path = tmp_path / "kept.json"
    measured = []

    def run_case(case, n_threads, rounds):
        if measured:
            raise KeyboardInterrupt
        measured.append(case.name)
        return [{"case": case.name, "order": "", "contender": "scipy", "seconds": 1.0}]

    monkeypatch.setattr(sparse, "run_case", run_case)
    with pytest.raises(KeyboardInterrupt):
        command.main(["sparse", "--quick", "--json", str(path)])
    kept = results.load(path)
    assert [row["case"] for row in kept["rows"]] == measured
    assert kept["complete"] is False
    assert list(tmp_path.iterdir()) == [path]


def test_report_of_kept_results(tmp_path, capsys):
    path, page = tmp_path / "kept.json", tmp_path / "cpu.md"
    rows = [{"case": "uint8", "order": "", "contender": "fused", "bytes": 2, "x_bytes": 8}]
    results.save(path, results.outcome("memory", True, 1, rows, []))
    assert command.main(["report", str(path), "--cpu-report", str(page)]) == 0
    assert "uint8" in capsys.readouterr().out
    assert "No row has a time." in page.read_text(encoding="utf-8")
    path.write_text("[]", encoding="utf-8")
    assert command.main(["report", str(path)]) == 2


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_benchmark_keeps_what_it_has(name):
    assert "keep" in inspect.signature(command.BENCHMARKS[name].run).parameters
    assert "keep(rows)" in inspect.getsource(command.BENCHMARKS[name])
