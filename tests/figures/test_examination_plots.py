"""Figures of an examination show its numbers: reliability, ROC curves, influence."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.figures import examination

pytest.importorskip("matplotlib")


def svg(figure):
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    return file.getvalue()


def outcomes(m=80):
    rng = np.random.default_rng(0)
    z = 2.0 * rng.normal(size=m)
    a = 1.0 / (1.0 + np.exp(-z))
    return (rng.random(m) < a).astype(int), a


def texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_wilson_has_its_textbook_values():
    low, high = examination.wilson(np.array([0.0, 8.0, 10.0]), np.array([10.0, 10.0, 10.0]))
    np.testing.assert_allclose(low, [0.0, 0.4901625, 0.7224672], atol=5e-8)
    np.testing.assert_allclose(high, [0.2775328, 0.9433178, 1.0], atol=5e-8)
    # Its ends solve (share - q)^2 = z^2 q (1 - q) / n.
    for end in (low[1], high[1]):
        square = 1.959963984540054**2
        assert (0.8 - end) ** 2 == pytest.approx(square * end * (1.0 - end) / 10.0, rel=1e-12)


def test_reliability_has_the_groups_and_their_intervals():
    found = flr.hosmer_lemeshow(*outcomes(), groups=5)
    figure = examination.calibration(found, level=0.9)
    (axes,) = figure.get_axes()
    (bars,) = axes.containers
    x, y = bars[0].get_xydata().T
    np.testing.assert_allclose(x, found.expected / found.counts)
    np.testing.assert_allclose(y, found.observed / found.counts)
    ends = np.array([segment[:, 1] for segment in bars[2][0].get_segments()]).T
    np.testing.assert_allclose(ends, examination.wilson(found.observed, found.counts, 0.9))
    assert texts(axes) == ["calibrated", "groups, with 90 % intervals"]
    assert "df 3" in axes.get_title()
    assert svg(figure).startswith(b"<?xml")
    with pytest.raises(ValueError, match="level must be above 0"):
        examination.calibration(found, level=95)
    with pytest.raises(ValueError, match=r"found must be what fastlogreg\.hosmer_lemeshow"):
        examination.calibration(flr.roc(*outcomes()))


def test_a_curve_has_its_area_and_several_have_their_names():
    y, a = outcomes()
    found = flr.roc(y, a)
    (axes,) = examination.roc(found).get_axes()
    _, curve = axes.get_lines()
    np.testing.assert_array_equal(curve.get_xdata(), found.false_positive_rate)
    np.testing.assert_array_equal(curve.get_ydata(), found.true_positive_rate)
    assert texts(axes)[0].startswith(f"area {found.area:.3f} (0.")
    one = flr.roc([0, 0, 1], [1, 3, 2])
    figure = examination.roc({"all": found, "three": one})
    assert texts(figure.get_axes()[0])[1] == "three: area 0.500"
    styles = {(line.get_color(), line.get_linestyle()) for line in figure.get_axes()[0].get_lines()}
    assert len(styles) == 3
    assert svg(figure).startswith(b"<?xml")
    with pytest.raises(ValueError, match="one curve at least"):
        examination.roc({})
    with pytest.raises(ValueError, match=r"found\['a'\] must be what fastlogreg\.roc returned"):
        examination.roc({"a": 1})


def fitted(m=40):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2, m))
    Y = (rng.random((1, m)) < 0.5).astype(np.uint8)
    X[:, 3], Y[0, 3] = [6.0, 0.0], 0
    result = flr.train(X, Y, solver="newton", tol=1e-12)
    return flr.influence(result, X, Y)


def test_influence_names_the_largest_and_its_contours_have_their_level():
    found = fitted()
    figure = examination.influence(found, named=3)
    (axes,) = figure.get_axes()
    largest = np.argsort(-found.cooks_distance)[:3]
    assert [text.get_text() for text in axes.texts] == [str(i) for i in largest]
    points = axes.get_lines()[0].get_xydata().T
    np.testing.assert_array_equal(points, [found.leverage, found.standardised_pearson])
    contours = {line.get_label(): line.get_xydata().T for line in axes.get_lines()}
    assert texts(axes)[0] == "0.1"
    for label in texts(axes):
        h, r = contours[label]
        there = np.isfinite(r)
        np.testing.assert_allclose((r**2 * h / (3.0 * (1.0 - h)))[there], float(label), rtol=1e-9)
    assert svg(figure).startswith(b"<?xml")
    words = examination.influence(found, [f"row {i}" for i in range(40)], named=1)
    assert words.get_axes()[0].texts[0].get_text() == f"row {largest[0]}"
    with pytest.raises(ValueError, match="names must be 40, one for each example; got 2"):
        examination.influence(found, ["a", "b"])
    with pytest.raises(ValueError, match=r"must be what fastlogreg\.influence returned; got str"):
        examination.influence("found")


def test_influence_without_residuals_has_no_contours_and_leverage_one_is_left_out():
    zero = np.zeros(3)
    flat = SimpleNamespace(
        leverage=np.array([0.2, 0.5, 1.0]), standardised_pearson=zero, cooks_distance=zero
    )
    (axes,) = examination.influence(flat).get_axes()
    assert axes.get_legend() is None
    assert axes.get_lines()[0].get_xdata().tolist() == [0.2, 0.5]
    flat.leverage = np.ones(3)
    with pytest.raises(ValueError, match="leverage below 1; it holds none"):
        examination.influence(flat)
