"""Coverage by simulation: what is drawn, and how it is counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks.report.environment import environment
from benchmarks.runs import coverage


def test_samples_have_both_classes_and_come_again():
    design = coverage.Design(8, 2, -3.0, "rare")
    samples = [coverage.draw(design, number) for number in range(5)]
    for number, (X, y, _) in enumerate(samples):
        assert 0 < y.sum() < 8
        assert np.array_equal(coverage.draw(design, number).X, X)
        assert set(np.unique(X[:, 1])) <= {0.0, 1.0}
    assert sum(sample.again for sample in samples) > 0
    with pytest.raises(ValueError, match="both classes now and then"):
        coverage.draw(coverage.Design(5, 2, -200.0, "never"), 0)


def test_intervals_that_are_not_there_or_have_no_end():
    X = np.column_stack([np.linspace(-1.0, 1.0, 20), np.arange(20) % 4 == 0]).astype(float)
    y = (np.arange(20) % 3 == 0).astype(int)
    found = coverage.intervals(coverage.Sample(X, y, 0))
    assert found.shape == (4, 2, 2)
    assert np.isfinite(found).all()
    assert (found[..., 0] < found[..., 1]).all()
    y[X[:, 1] == 1] = 1
    wald, profile, *firth = coverage.intervals(coverage.Sample(X, y, 0))
    assert np.isnan(wald[1]).all()
    assert profile[1, 1] == np.inf
    assert np.isfinite(firth).all()


def test_what_is_counted():
    ends = np.array([[[0.0, 2.0]], [[1.5, 3.0]], [[-2.0, 0.5]], [[np.nan, np.nan]]])
    ends = np.concatenate([ends, [[[0.0, np.inf]]]])
    found = coverage.counted(ends, np.array([1.0]))
    assert found["covered"] == 0.6
    assert found["covered_given"] == 0.5
    assert (found["none"], found["infinite"]) == (pytest.approx(0.2), pytest.approx(0.2))
    assert (found["below"], found["above"]) == (0.2, 0.2)
    assert found["error"] == pytest.approx(math.sqrt(0.3 / 5))
    assert found["width"] == 2.5
    nothing = coverage.counted(np.full((3, 1, 2), np.nan), np.array([1.0]))
    assert math.isnan(nothing["covered_given"])
    assert nothing["width"] == np.inf


def test_run_and_report(monkeypatch, capsys):
    monkeypatch.setattr(coverage, "QUICK_SAMPLES", 3)
    assert command.main(["coverage", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "3 samples of each design" in out
    assert all(f"| {kind}" in out for kind in coverage.KINDS)
    design = coverage.DESIGNS[0]
    rows = [
        {"case": design.name, "contender": "Wald", "again": 2, **counted}
        for counted in [coverage.counted(np.full((3, 2, 2), np.nan), coverage.SLOPES[:2])]
    ]
    found = coverage.report({"rows": rows, "samples": 3, "environment": environment(1)})
    assert f"drawn again: {design.name}: 2." in found["coverage"]
    assert "infinite" in found["coverage"]
