"""The benchmark of single answers, on one shape."""

from __future__ import annotations

import pytest

from benchmarks.report.tables import write_block
from benchmarks.runs import serving

pytest.importorskip("sklearn", reason="the estimator needs the sklearn extra")


def test_run_and_report(monkeypatch, tmp_path):
    monkeypatch.setattr(serving, "SHAPES", ((4, 3),))
    kept: list[int] = []
    result = serving.run(True, lambda text: None, lambda rows: kept.append(len(rows)))
    assert kept == [4, 5, 6]
    assert {row["contender"] for row in result["rows"]} == {
        *(serving.NUMPY, serving.ESTIMATOR, serving.MODEL, serving.PEER, serving.FIRST)
    }
    assert len(result["targets"]) == 3
    blocks = serving.report(result)
    assert "4 features, 3 classes" in blocks["serving"]
    page = tmp_path / "page.md"
    page.write_text("<!-- benchmark: serving -->\n<!-- end benchmark -->\n")
    write_block(page, "serving", blocks["serving"])
    assert "of a table's columns" in page.read_text()


def test_a_wrong_answer_is_no_contender(monkeypatch):
    monkeypatch.setattr(serving.fastlogreg.Model, "predict_proba", lambda self, X: X)
    with pytest.raises(ValueError, match="Model must answer"):
        serving.one_row(4, 2)


def test_a_model_that_does_not_answer_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="gave no answer in a fresh process"):
        serving._first_answer(tmp_path / "none.npz", [1.0])
