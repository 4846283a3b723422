"""The kernel benchmark: its rows, tables, targets and figure.

Nothing here looks at how long anything took.
"""

from __future__ import annotations

import re

import pytest

from benchmarks.contenders import numpy
from benchmarks.report import roofline, tables
from benchmarks.runs import columns, kernels
from fastlogreg.tools import bench


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


def test_several_classes(result):
    rows = {(r["order"], r["contender"]): r for r in result["rows"] if "3 classes" in r["case"]}
    names = {"fused", "numpy", "numpy, blocks of 2048"}
    for order in bench.ORDERS:
        assert names <= {name for own, name in rows if own == order}
        assert all(rows[order, name]["ratio"] > 0 for name in names)
        assert rows[order, "fused"]["error"] <= 1e-10
    assert rows["example-major", "scikit-learn"]["error"] <= 1e-3


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
    cases = [c.name for c in (*kernels.CASES, *kernels.IN_CACHE, *columns.CASES)]
    for case in [*cases, f"{kernels.MEMMAP.name} memmap"]:
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
    descent = [t for t in kernels.judge(ideal_rows()) if "descent" in t["what"]]
    table = tables.targets_table([*kernels.judge([])[:1], *descent])
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
