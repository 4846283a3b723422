"""The table of `fastlogreg compare` on a terminal of 80 columns."""

from __future__ import annotations

import io
import math

import pytest

pytest.importorskip("typer")

from rich.console import Console

from fastlogreg.cli.compare import table
from fastlogreg.lectures.comparison import Comparison
from fastlogreg.lectures.pairs import PAIRS


@pytest.mark.parametrize("width", [80, 120])
def test_no_name_and_no_number_is_cut(width):
    results = [
        Comparison(p.name, p.formula, p.size, 1000, 1.234, 1.234e-4, 0.0234, 1.0, 1.2e-17, own)
        for p, own in zip(PAIRS, [2.34e-3, *[math.nan] * len(PAIRS)])
    ]
    console = Console(width=width, file=io.StringIO())
    console.print(table(results, narrow=width < 120))
    shown = console.file.getvalue()
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    for result in results:
        assert result.name in shown
        assert f"{result.elements:,}" in shown
    assert shown.count("~10,000 x") == len(PAIRS)
    (own,) = [line for line in shown.splitlines() if "in lanes" in line]
    assert "2.34" in own
    assert "10 x faster" in own
