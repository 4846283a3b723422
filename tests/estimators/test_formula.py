"""A fit by a formula: golden coefficients, levels, and what is refused. It needs formulaic."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import fastlogreg as flr

pytest.importorskip("sklearn")
TABLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "tables"


def read(name):
    pytest.importorskip("formulaic", reason="the extra formula is not installed")
    pandas = pytest.importorskip("pandas")
    if not (TABLES / name).is_file():
        pytest.skip("the table is not there")
    return pandas.read_csv(TABLES / name)


def frame():
    pytest.importorskip("formulaic", reason="the extra formula is not installed")
    pandas = pytest.importorskip("pandas")
    columns = {"y": [0, 1, 0, 1, 1, 0], "x": np.arange(6.0), "g": list("aabbcc")}
    return pandas.DataFrame({**columns, "said": ["no", "yes", "no", "yes", "yes", "no"]})


def test_admissions_and_birth_weights_have_their_golden_coefficients():
    model = flr.fit_formula("admit ~ gre + gpa + C(rank)", read("admit.csv"))
    golden = [0.002264425786, 0.804037549280, -0.675442927964, -1.340203916468, -1.551463676918]
    np.testing.assert_allclose(model.coef_[0], golden, rtol=1e-8)
    assert model.intercept_[0] == pytest.approx(-3.989979073331, rel=1e-8)
    assert model.feature_names_in_[2] == "C(rank)[T.2]"
    text = "low ~ age + lwt + C(race) + smoke + ptl + ht + ui"
    model = flr.fit_formula(text, read("MASS_birthwt.csv"))
    golden = [-0.027069779299, -0.015182562863, 1.263219375548, 0.861635107534, 0.923349157229]
    golden += [0.541755119489, 1.833695609913, 0.758596504211]
    np.testing.assert_allclose(model.coef_[0], golden, rtol=1e-8)
    assert model.formula_ == text


def test_new_frames_go_through_the_formula():
    table = frame()
    model = flr.fit_formula("said ~ x + C(g)", table, C=1.0)
    assert model.classes_.tolist() == ["no", "yes"]
    new = table.drop(columns=["y", "said"]).iloc[[4, 1]]
    one = model.predict_proba(new)
    np.testing.assert_array_equal(one, model.predict_proba(table)[[4, 1]])
    assert set(model.predict(new)) <= {"no", "yes"}
    np.testing.assert_array_equal(model.predict_proba(model.design_frame(new)), one)
    with pytest.raises(ValueError, match="g must have levels of the fit: a, b, c; got z"):
        model.predict(table.assign(g="z"))
    with pytest.raises(ValueError, match="x not in"):
        model.predict(table[["g"]])


@pytest.mark.parametrize("formula", ["y ~ x - 1", "y ~ 0 + x"])
def test_the_formula_says_whether_there_is_an_intercept(formula):
    model = flr.fit_formula(formula, frame(), C=1.0)
    assert model.intercept_[0] == 0.0
    assert model.feature_names_in_.tolist() == ["x"]


@pytest.mark.parametrize(
    ("formula", "more", "match"),
    [
        ("x + g", {}, "a label before ~"),
        ("y ~ x + age", {}, "age not in"),
        ("y ~ 1", {}, "a feature after ~"),
        ("y ~ x", {"fit_intercept": False}, "said by the formula"),
    ],
)
def test_bad_formulas_are_refused(formula, more, match):
    with pytest.raises(ValueError, match=match):
        flr.fit_formula(formula, frame(), **more)


def test_missing_values_and_other_tables_are_refused():
    table = frame()
    with pytest.raises(ValueError, match="missing values"):
        flr.fit_formula("y ~ x", table.assign(x=[np.nan, 1.0, 2.0, 3.0, 4.0, 5.0]))
    with pytest.raises(TypeError, match="data frame"):
        flr.fit_formula("y ~ x", np.eye(2))


def test_without_formulaic_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "formulaic", None)
    with pytest.raises(ModuleNotFoundError, match=r"fastlogreg\[formula\]"):
        flr.fit_formula("y ~ x", None)
