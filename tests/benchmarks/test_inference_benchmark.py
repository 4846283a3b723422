"""The benchmark of inference: the reference by NumPy, who is timed, and what the tables say.

Nothing here looks at how long anything took, and no other package is needed.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks.cases import maxima, studies
from benchmarks.cases.expected import Disagreement
from benchmarks.contenders import inference as contenders
from benchmarks.contenders import r
from benchmarks.report.environment import environment
from benchmarks.runs import inference
from fastlogreg.maths.distributions import chi2_tail
from tests.helpers.comparison import WITHOUT_JIT


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    for name in ("PAUSE_SECONDS", "SAMPLE_SECONDS"):
        monkeypatch.setattr(inference, name, 0.0)


def task(kind, least=()):
    return inference.Task("few rows", kind, 80, 2, 0.5, least)


@pytest.fixture
def alone(monkeypatch):
    """No other package is there, and no R."""
    monkeypatch.setattr(contenders.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(r.shutil, "which", lambda name: None)


def test_the_reference_is_a_maximum_and_its_profile_falls_as_it_should():
    X, y = studies.study(60, 2, 1.0)
    for firth in (False, True):
        curve = maxima.curve_of(X, y, firth)
        top = maxima.maximum(curve)
        assert np.abs(curve.at(top.theta)[1]).max() < 1e-8
        for side in (-1.0, 1.0):
            end = maxima.profile_end(curve, top, 1, side, 1.5)
            held = maxima.climb(curve, np.array([0.0, end, 0.0]), 1)
            assert top.value - held[1] == pytest.approx(1.5, abs=1e-8)
            assert side * (end - top.theta[1]) > 0.0
        ratio = maxima.likelihood_ratio(curve, top, 2)
        assert ratio == pytest.approx(
            2.0 * (top.value - maxima.climb(curve, np.zeros(3), 2)[1]), abs=1e-9
        )
        assert inference._chi2_tail(ratio) == pytest.approx(chi2_tail(ratio, 1.0), rel=1e-12)


@pytest.mark.parametrize("kind", list(r.NAMES))
def test_this_package_agrees_with_the_reference(kind, alone):
    said = []
    rows = inference.run_task(task(kind, (("fastlogreg", 1.0),)), 1, said.append)
    assert rows[0]["contender"] == "fastlogreg"
    assert rows[0]["ratio"] == 1.0
    assert rows[0]["cpu"] > 0.0
    assert max(rows[0]["off"]) < 1e-5
    assert len(rows[0]["off"]) == (1 if kind == "firth" else 3 if "profile" in kind else 2)
    others = [row["contender"] for row in rows if row["note"] == "not installed"]
    assert others == [*contenders.PEERS[kind], r.NAMES[kind]]
    assert "  fastlogreg: tol" in said[1]
    (found,) = inference._targets(task(kind, (("fastlogreg", 1.0),)), rows)
    assert found["met"]
    more = {"targets": [found], "figures": [], "left_out": ["this: that"]}
    blocks = inference.report({"rows": rows, "environment": environment(1), **more})
    assert blocks["inference"].count("not installed") == len(others)
    assert "Left out: this: that." in blocks["inference-reads"]
    assert "few rows: fastlogreg / fastlogreg" in blocks["inference-targets"]


def test_who_is_wrong_is_not_timed():
    expected = contenders.Inference(np.zeros(2), np.ones(2))

    def fit(tol):
        return contenders.Inference(np.full(2, tol), np.ones(2))

    one = contenders.InferenceContender(fit, (1e-3, 1e-5, 1e-7, 1e-9))
    assert inference.loosest(one, expected) == (1e-7, [1e-7, 0.0])
    assert inference.loosest(one._replace(tols=(1e-3,)), expected) is None
    assert inference.loosest(one._replace(fit=lambda tol: 1 / 0), expected) is None
    wrong = contenders.Inference(np.zeros(2), np.full(2, np.nan))
    assert not inference.differences(wrong, expected)[1] <= 1.0


def test_nothing_is_timed_where_this_package_is_wrong(monkeypatch, alone):
    monkeypatch.setattr(inference, "loosest", lambda one, expected: None)
    with pytest.raises(Disagreement, match="does not agree with NumPy"):
        inference.run_task(task("firth"), 1, lambda text: None)


FAKE = """#!{python}
import sys
assert sys.argv[5:] == ["2", "3"] and sys.argv[3] == "{kind}"
{body}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a script that says what runs it")
def test_what_r_says_is_read(tmp_path, monkeypatch):
    X, y = np.ones((4, 2)), np.array([0, 1, 0, 1])

    def answer(body, kind="summary"):
        program = tmp_path / "Rscript"
        program.write_text(FAKE.format(python=sys.executable, kind=kind, body=body))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return r.infer(kind, X, y, 3)

    found = answer("print('seconds 3 1 2')\nprint('theta 1 2 3')\nprint('errors 4 5 6')")
    assert found.median == 2.0
    assert found.found.theta.tolist() == [1.0, 2.0, 3.0]
    assert found.found.errors.tolist() == [4.0, 5.0, 6.0]
    row = inference._of_r(task("summary"), X, y, found.found, 3, 0.5)
    assert row["ratio"] == 4.0
    assert row["off"] == [0.0, 0.0]
    missing = "sys.exit('there is no package called logistf')"
    assert answer(missing, "firth") == "not installed"
    assert answer("sys.exit('evil')", "firth") == "failed: evil"
    monkeypatch.setattr(r, "MOST_SECONDS", 0.2)
    assert answer("import time\ntime.sleep(60)", "firth") == "no answer within 0 s"


def test_run(monkeypatch, alone, tmp_path, capsys):
    monkeypatch.setattr(inference, "TASKS", (task("firth"),))
    study = studies.study
    monkeypatch.setattr(studies, "study", lambda m, *more: study(min(m, 60), *more))
    found = inference.run(True, lambda text: None, data=tmp_path)
    assert [figure["what"] for figure in found["figures"]] == [inference.FIRTH_READS[0]]
    assert len(found["left_out"]) == 2
    (tmp_path / "tables").mkdir()
    rng = np.random.default_rng(0)
    lines = [f"{rng.integers(0, 2)},{400 + i},{rng.normal():.3f},{1 + i % 4}\n" for i in range(100)]
    (tmp_path / "tables" / "admit.csv").write_text("admit,gre,gpa,rank\n" + "".join(lines))
    assert command.main(["inference", "--quick", "--data", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "admit, profile intervals: shared reads of X" in out
    assert "only with --large" in out


@pytest.mark.skipif(WITHOUT_JIT, reason="slow")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_a_summary_of_a_file_takes_one_read():
    figures = inference.measure_large(1 << 17, 8)
    reads = {figure["what"].split(": ")[1]: figure["found"] for figure in figures}
    assert reads["reads beyond the fit"] == 1
    assert reads["reads of the fit"] >= 2
