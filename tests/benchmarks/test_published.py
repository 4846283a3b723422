"""Rows read back from the tables of a page are what was measured, and its figure is drawn from
them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.report import published, roofline
from benchmarks.runs import solvers
from fastlogreg.lectures.compare import markdown
from fastlogreg.lectures.comparison import Comparison
from tests.helpers.documents import DOCS

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the docs are not beside the tests")
KERNELS = """
<!-- benchmark: kernels -->
| case | order | contender | ms | quartiles | GB/s of X | of read bandwidth | NumPy / it | first |
|------|-------|-----------|---:|----------:|----------:|------------------:|-----------:|------:|
| 10 x 3 | example-major | fused | 1.0 | 1 to 2 | 40.0 | 0.80 | 4.3 | 0.3 |
| 10 x 3 | example-major | numpy, fast | 1.0 | 1 to 2 | 1,000.0 | 0.02 | 1.0 | 0.3 |
| 10 x 3 | example-major | not a pass | 1.0 | 1 to 2 | - | - | 1.0 | 0.3 |

<!-- end benchmark -->
"""
SOLVERS = """
<!-- benchmark: solvers -->
| problem | s, 0.001 | peer | ratio | s, 1e-06 | peer | ratio | s, 1e-09 | peer | ratio |
|---------|---------:|------|------:|---------:|------|------:|---------:|------|------:|
| easy | 1 | torch L-BFGS 0.2 | 2 | 0.2 | snapml, 1 thread 1.50e-1 | 0.75 | 1 | skglm 3 | 3 |
| hard | 0.1 | none arrives | - | 0.4 | none arrives | - | - | none arrives | - |

<!-- end benchmark -->
"""


def test_rows_of_kernels():
    rows = published.kernel_rows(KERNELS)["rows"]
    assert [(row["contender"], row["rate"]) for row in rows] == [
        ("fused", 40e9),
        ("numpy, fast", 1e12),
        ("read probe", 50e9),
    ]
    assert roofline.figure({"rows": rows}).axes


def test_rows_of_solvers():
    rows = published.solver_rows(SOLVERS)["rows"]
    assert [(r["problem"], r["contender"], r["seconds"]) for r in rows] == [
        ("easy", "fastlogreg", 0.2),
        ("easy", "snapml, 1 thread", 0.15),
        ("hard", "fastlogreg", 0.4),
    ]
    assert len(published.solver_rows(SOLVERS, 1e-9)["rows"]) == 2
    (axes,) = solvers.figure({"rows": rows}).axes
    names = [text.get_text() for text in axes.texts]
    assert names == ["snapml, 1 thread, 0.75 x", "no other package gets there"]


def test_rows_of_lectures():
    rows = [
        Comparison("dot", "z = w.T x + b", 2000, 2000, 0.5, 0.001, 0.002, np.nan, 1e-16),
        Comparison("exp", "u = exp(v)", 2000, 1000, 0.5, 0.001, 0.002, np.nan, 1e-16, 0.004),
    ]
    page = f"<!-- benchmark: lectures -->\n{markdown(rows)}\n<!-- end benchmark -->\n"
    found = published.lecture_rows(page)
    assert [row.name for row in found] == ["dot", "exp"]
    for row, wanted in zip(found, rows):
        assert (row.formula, row.elements) == (wanted.formula, 2000)
        assert row.extrapolated is wanted.extrapolated
        assert row[4:7] == pytest.approx(wanted[4:7], rel=1e-3)
        assert row.lanes == pytest.approx(wanted.lanes, nan_ok=True)


def test_a_page_without_the_table_is_refused():
    with pytest.raises(ValueError, match="block 'benchmark: kernels'"):
        published.kernel_rows("# nothing\n")


def test_what_is_published_gives_the_table_that_is_published():
    """The page's own numbers, through the rows, the ratio of the table beside."""
    page = (DOCS / "benchmarks" / "solvers.md").read_text(encoding="utf-8")
    rows = published.solver_rows(page)["rows"]
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 10 and cells[6] not in ("-", "peer / ours, 1e-06") and cells[0][0] != "-":
            assert solvers.ratio(rows, cells[0], 1e-6)[0] == pytest.approx(
                float(cells[6]), rel=0.01
            )
    kernels = (DOCS / "benchmarks" / "kernels.md").read_text(encoding="utf-8")
    assert len(published.kernel_rows(kernels)["rows"]) > 50
