"""The page about a model: what is on it, what is not, and that texts cannot become markup."""

from __future__ import annotations

import base64
import re
import struct
import subprocess
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.cli import app
from fastlogreg.inference.calibration import roc
from fastlogreg.inference.scores import slope_of
from fastlogreg.reports import charts, content, figures, markup, origin, pictures, style
from fastlogreg.reports.measures import Curve, measured, precision_interval, thinned
from tests.helpers.pages import Page, faults

EVIL = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x00\ud800&amp;"


def test_what_is_no_markup_is_escaped():
    assert markup.tag("p", "<b>", class_='a"b', hidden=True, id=None) == (
        '<p class="a&quot;b" hidden>&lt;b&gt;</p>'
    )
    assert markup.tag("p", markup.tag("b", "&")) == "<p><b>&amp;</b></p>"
    assert "\x00" not in markup.escaped(EVIL)
    markup.escaped(EVIL).encode("utf-8")


@given(st.text())
def test_any_text_comes_back_as_it_is(text):
    found = Page(markup.tag("p", text))
    assert [name for name, _ in found.elements] == ["p"]
    shown = "".join(found.texts).replace("\r\n", "\n").replace("\r", "\n")
    expected = "".join("\ufffd" if markup._CONTROLS.match(c) else c for c in text)
    assert shown == expected.replace("\r\n", "\n").replace("\r", "\n")


def test_numbers():
    assert [markup.number(v) for v in (None, np.nan, np.inf, 12345.0, 0.00012345)] == [
        "-",
        "-",
        "infinite",
        "12,345",
        "0.0001234",
    ]
    assert markup.percent(0.12345) == "12.35 %"
    assert len(markup.cut("x" * 1000)) == markup.LONGEST


def luminance(colour):
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [style.DAY, style.NIGHT], ids=["day", "night"])
def test_colours_can_be_read(colours):
    """The rule of WCAG AA: 4.5 for texts."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    for name in set(colours) - {"ground", "panel", "rule"}:
        assert contrast(colours[name], colours["ground"]) >= 4.5, name
        assert contrast(colours[name], colours["panel"]) >= 4.5, name


def two_classes(m=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 3))
    y = (X @ [2.0, -1.0, 0.0] + rng.normal(size=m) > 0).astype(int)
    return X, y


def test_metrics_are_those_of_their_functions():
    X, y = two_classes()
    model = flr.LogisticRegression().fit(X, y)
    a = model.predict_proba(X)[:, 1]
    found = measured(content.Examples("x", y[None], a[None]), (0, 1), 0.5)
    by_name = {each.name: each for each in found.metrics}
    curve, fit = roc(y, a), flr.calibration(y, a)
    assert by_name["accuracy"].value == pytest.approx(model.score(X, y))
    p, n, z = model.score(X, y), len(y), 1.959963984540054
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert by_name["accuracy"].low == pytest.approx(middle - reach)
    assert by_name["accuracy"].high == pytest.approx(middle + reach)
    assert by_name["accuracy"].guess == max(y.mean(), 1 - y.mean())
    assert by_name["AUC"][1:4] == pytest.approx((curve.area, *curve.interval))
    losses = -np.where(y == 1, np.log(a), np.log1p(-a))
    assert by_name["log-loss"].value == pytest.approx(losses.mean())
    half = z * losses.std(ddof=1) / np.sqrt(n)
    assert by_name["log-loss"].high == pytest.approx(losses.mean() + half)
    assert by_name["Brier score"].value == pytest.approx(np.mean((a - y) ** 2))
    slope = by_name["calibration slope (1 is right)"]
    assert slope.value == pytest.approx(fit.slope)
    assert slope.high - slope.value == pytest.approx(z * fit.slope_error)
    assert slope.value == pytest.approx(slope_of(y * 1.0, a))
    of_one = found.classes[1]
    assert of_one.precision.value == pytest.approx(y[a > 0.5].mean())
    assert of_one.recall.value == pytest.approx((a > 0.5)[y == 1].mean())
    assert of_one.average_precision == pytest.approx(by_name["average precision"].value)
    assert found.groups.counts.sum() == n


def test_the_interval_of_an_average_precision():
    low, high = precision_interval(0.8, 100)
    z = np.log(0.8 / 0.2)
    half = 1.959963984540054 / np.sqrt(100 * 0.8 * 0.2)
    assert (low, high) == pytest.approx((1 / (1 + np.exp(half - z)), 1 / (1 + np.exp(-half - z))))
    assert np.isnan(precision_interval(1.0, 5)).all()


def test_several_classes_against_each_of_the_rest():
    rng = np.random.default_rng(1)
    A = rng.dirichlet(np.ones(4), size=300).T
    Y = np.array([rng.choice(4, p=a) for a in A.T])[None]
    found = measured(content.Examples("x", Y, A), tuple("abcd"), 0.5)
    areas = [roc(Y[0] == k, A[k]).area for k in range(4)]
    assert found.scores.auc == pytest.approx(np.mean(areas))
    assert [each.curve.area for each in found.classes] == pytest.approx(areas)
    worst = figures.shown_classes(found, True)
    assert worst[0].curve.area == min(areas)
    assert found.scores.counts.sum() == 300


def test_degenerate_data_sets_are_measured_too():
    one_class = content.Examples("x", np.ones((1, 5), int), np.full((1, 5), 0.9))
    found = measured(one_class, (0, 1), 0.5)
    assert np.isnan(found.scores.auc)
    assert found.classes[1].curve is None
    assert figures.roc_figure(found, False, "x") is None
    assert figures.calibration_figure(found, False, 1) is None
    sure = content.Examples("x", np.array([[0, 1]]), np.array([[0.0, 1.0]]))
    assert measured(sure, (0, 1), 0.5).metrics[0].value == 1.0
    assert np.isfinite(measured(sure._replace(A=1 - sure.A), (0, 1), 0.5).scores.log_loss)


def test_a_thinned_curve_is_the_same_to_the_eye():
    rng = np.random.default_rng(2)
    a = rng.normal(size=20_000)
    curve = roc(a + rng.normal(size=a.size) > 0, a)
    whole = Curve(curve.false_positive_rate, curve.true_positive_rate)
    found = thinned(whole)
    assert len(found.x) <= 242
    assert (found.x[0], found.y[0], found.x[-1], found.y[-1]) == (0, 0, 1, 1)
    way, kept = whole.x + whole.y, found.x + found.y
    assert np.abs(np.interp(way, kept, found.x) - whole.x).max() < 0.005


def test_axes():
    axis = charts.counts("reads", 7.0)
    assert (axis.low, axis.ticks[-1] >= 7, axis.texts[0]) == (0.0, True, "0")
    assert charts.decades("cost", np.array([-3.2, 0.5])).ticks == [-4, -3, -2, -1, 0, 1]
    assert charts.decades("cost", np.zeros(2)).high == 1.0


def test_pictures_are_png():
    for shape in ((5, 4), (5, 4, 1), (5, 4, 3)):
        pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape) * 4
        found = pictures.as_bytes(pixels)
        data = pictures.png(found)
        wide, high, bits, kind = struct.unpack(">IIBB", data[16:26])
        assert (wide, high, bits, kind) == (4, 5, 8, 2 if shape[-1] == 3 else 0)
        at = data.index(b"IDAT")
        (length,) = struct.unpack(">I", data[at - 4 : at])
        rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), np.uint8)
        assert (rows.reshape(5, -1)[:, 1:].reshape(found.shape) == found).all()
    grey = pictures.as_bytes(np.array([[0.0, 8.0], [16.0, 4.0]]))
    assert grey.tolist() == [[0, 128], [255, 64]]
    assert pictures.as_bytes(np.full((2, 2), 7.0)).max() == 0
    large = pictures.picture(np.zeros((2000, 1000), np.uint8), "a <large> one")
    assert 'alt="a &lt;large&gt; one"' in large
    assert 'width="250" height="500"' in large


def test_origin(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"abc")
    assert origin.digest(tmp_path / "a").startswith("ba7816bf8f01cfea")
    assert origin.digest(tmp_path) is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert origin.commit() is None
    who = ("-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "a"), (*who, "commit", "-qm", "m")):
        subprocess.run(["git", *command], check=True)
    assert re.fullmatch("[0-9a-f]{12}", origin.commit())
    (tmp_path / "a").write_bytes(b"abcd")
    assert "not committed" in origin.commit()
    monkeypatch.setenv("PATH", "")
    assert origin.commit() is None
    assert dict(origin.versions())["fastlogreg"] == flr.__version__


# ---------------------------------------------------------------- the estimator


def test_a_page_of_the_estimator_is_well_made(tmp_path):
    X, y = two_classes()
    model = flr.LogisticRegression(C=np.inf, tol=1e-10).fit(X[:300], y[:300])
    text = model.report(X[300:], y[300:], tmp_path / "r.html", title="A <title>")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == text
    assert list(faults(text)) == []
    shown = Page(text).text
    assert "A <title>" in shown
    assert "On 100 test examples" in shown
    assert "These are the examples that it was trained on" not in shown
    assert "This is proved" in shown
    assert "LogisticRegression(C=inf, tol=1e-10)" in shown
    summary = model.summary()
    for k in (1, 2, 3):
        ends = f"{markup.number(summary.lower[k])} to {markup.number(summary.upper[k])}"
        assert ends in shown
    own = Page(model.report(X[:300], y[:300])).text  # another view of the same rows
    assert "On 300 test examples" in own or "On 300 training examples" in own


def test_rows_of_the_fit_are_told_as_such():
    X, y = two_classes(90)
    model = flr.LogisticRegression().fit(X, y)
    assert "On 90 training examples" in Page(model.report(X, y)).text
    assert "it was trained on" in Page(model.report(X, y)).text
    del model._data_of_fit
    assert "On 90 training examples" in Page(model.report(X, y)).text  # the cost is that of the fit
    text = Page(model.report(X[:40], y[:40])).text
    assert "On 40 test examples" in text
    assert "it is not known whether these took part" in text
    assert "There are no intervals" in text


def test_penalties_with_corners_have_no_intervals():
    X, y = two_classes(80)
    model = flr.LogisticRegression(l1_ratio=1.0).fit(X, y)
    assert "summary needs l1_ratio=0.0" in Page(model.report(X, y)).text
    chosen = flr.LogisticRegressionCV(Cs=3, cv=3).fit(X, y)
    text = chosen.report(X, y)
    assert "chosen by cross-validation" in Page(text).text
    assert list(faults(text)) == []
    firth = flr.LogisticRegression(C=np.inf, bias_reduction="firth").fit(X, y)
    assert "have a summary of their own" in Page(firth.report(X, y)).text


def test_three_classes_of_a_data_frame():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(150, 2)), columns=["<b>", EVIL[:-10]])
    y = np.array(["ant", "bee", "<fly>"])[
        (frame.to_numpy() @ rng.normal(size=(2, 3)) + rng.gumbel(size=(150, 3))).argmax(axis=1)
    ]
    model = flr.LogisticRegression().fit(frame, y)
    text = model.report(frame, y)
    assert list(faults(text)) == []
    shown = Page(text).text
    assert "Against <fly>, with intervals" in shown
    assert "bee against the rest: area" in shown
    assert "said <fly>" in shown
    assert "row " in shown
    assert "as it is" in shown
    assert "standardised" not in shown
    model.set_params(standardize=True).fit(frame, y)
    assert "standardised" in Page(model.report(frame, y)).text


def test_counts_of_a_grouped_fit_are_no_rows_to_show():
    X, y = two_classes(60)
    trials = np.full(60, 3)
    model = flr.LogisticRegression(C=np.inf).fit_grouped(X, y + 1, trials)
    text = Page(model.report(X, y)).text
    assert "On 60 test examples" in text
    ends = model.summary()
    assert f"{markup.number(ends.lower[1])} to {markup.number(ends.upper[1])}" in text


def test_other_kinds_of_rows(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    X, y = two_classes(120)
    model = flr.LogisticRegression().fit(sparse.csr_array(X), y)
    assert "what spoke for it most" in model.report(sparse.csr_array(X), y)
    np.save(tmp_path / "x.npy", X)
    blocks = flr.RowBlocks(tmp_path / "x.npy")
    text = flr.LogisticRegression().fit(blocks, y).report(blocks, y)
    assert "the spreads of the features are not known here" in text
    assert list(faults(text)) == []
    images = model.report(X, y, image_shape=(1, 3))
    assert "data:image/png;base64," in images
    with pytest.raises(ValueError, match="a label for each of the 120 rows"):
        model.report(X, y[:-1])

    class Lazy:
        dask = None

    with pytest.raises(ValueError, match="rows in memory"):
        model.report(Lazy(), y)


def test_many_features_and_classes_are_cut():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(90, 1200))
    y = np.arange(90) % 45
    model = flr.LogisticRegression(C=0.01, tol=1e-4).fit(X, y)
    text = model.report(X[::2], y[::2])
    assert list(faults(text)) == []
    assert "The 30 largest of 1200" in Page(text).text
    assert "computed for up to 1000 coefficients" in Page(text).text
    assert "The most frequent mistakes" in text
    assert len(text) < 400_000


# ---------------------------------------------------------------- the function


def test_the_function(tmp_path):
    X, y = two_classes(200)
    X, Y = X.T, y[None]
    result = flr.train(X, Y, solver="auto", lambda_=1.0, tol=1e-10, scale=2.0, shift=-1.0)
    how = {"lambda_": 1.0, "scale": 2.0, "shift": -1.0, "names": ["a", "b", "c"]}
    text = flr.report(result, X, Y, tmp_path / "f.html", labels=("no", "yes"), **how)
    assert list(faults(text)) == []
    shown = Page(text).text
    summary = flr.summary(result, X, Y, **how)
    ends = f"{markup.number(summary.lower[1])} to {markup.number(summary.upper[1])}"
    assert ends in shown
    test = flr.report(result, X, Y, X_test=X[:, :50], Y_test=Y[:, :50], **how)
    assert "On 50 test examples" in Page(test).text
    several = flr.train(X, np.arange(200)[None] % 3, classes=3, solver="auto", lambda_=1.0)
    assert "3 classes" in flr.report(several, X, np.arange(200)[None] % 3, title="3 classes")
    for wrong, match in (
        ({"labels": ("a",)}, "labels must be 2"),
        ({"X_test": X}, "must be given together"),
    ):
        with pytest.raises(ValueError, match=match):
            flr.report(result, X, Y, **{**how, **wrong})
    with pytest.raises(ValueError, match="3 features of the fit"):
        flr.report(result, X[:2], Y)


# ---------------------------------------------------------------- the command


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = app.run([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


def hostile_table(path, m=80):
    rng = np.random.default_rng(5)
    with open(path, "w", encoding="utf-8") as file:
        file.write('"<script>alert(1)</script>","a""onload=""x",price,kind\n')
        for k in range(m):
            word = rng.choice(["<img src=x onerror=alert(1)>", "two", "three"])
            gap = "" if k % 9 == 0 else f"{rng.normal():.3f}"
            kind = "yes" if rng.random() < 0.3 + 0.4 * (word == "two") else "</main>no"
            file.write(f'{gap},"{word}",{rng.lognormal(3, 1.5):.2f},{kind}\n')


def test_a_hostile_table(run):
    hostile_table("t.csv")
    how = ("train", "t.csv", "--target", "kind", "--backend", "numpy", "--test-split", "0.25")
    status, out, err = run(*how, "--report", "r.html")
    assert (status, err) == (0, "")
    assert "report written to r.html" in out
    with open("r.html", encoding="utf-8") as file:
        text = file.read()
    assert list(faults(text)) == []
    page = Page(text)
    assert "<script>alert(1)</script>" in page.text
    assert "kind in t.csv" in page.text
    assert "--test-split 0.25 --report r.html" in page.text
    assert "0.25 of each class, seed 0" in page.text
    assert "SHA-256 of the data" in page.text
    assert re.search(r"line \d+", page.text)
    assert "and log(1 + x /" in page.text
    assert "without a model" in page.text
    again = run(*how, "--report", "r.html", "--json")[1]
    assert '"report": "r.html"' in again


def test_images_are_shown(run):
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(6)
    with h5py.File("x.h5", "w") as file:
        file["set_x"] = rng.integers(0, 255, size=(40, 4, 4, 3), dtype=np.uint8)
        file["set_y"] = rng.integers(0, 2, size=40)
    status, _, err = run("train", "x.h5", "--lambda", "1e6", "--report", "r.html")
    assert (status, err) == (0, "")
    with open("r.html", encoding="utf-8") as file:
        text = file.read()
    assert list(faults(text)) == []
    sources = [each["src"] for each in Page(text).all("img")]
    assert sources
    assert base64.b64decode(sources[0].partition(",")[2]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (("--report", "r.txt"), "Give it the ending .html"),
        (("--report", "nowhere/r.html"), "its folder does not exist"),
        (("--report", "r.html", "--path", "5"), "--report"),
        (("--report", "r.html", "--dask", "threads"), "--report"),
    ],
)
def test_reports_that_cannot_be(wrong, match, run):
    hostile_table("t.csv", 20)
    status, _, err = run("train", "t.csv", "--target", "kind", *wrong)
    assert status == 2
    assert match in err


def test_a_report_of_l1_and_of_a_penalty_that_is_none(run):
    hostile_table("t.csv")
    how = ("train", "t.csv", "--target", "kind", "--report", "r.html")
    assert run(*how, "--l1-ratio", "1", "--lambda", "1")[0] == 0
    with open("r.html", encoding="utf-8") as file:
        assert "has no standard error of its own" in file.read()
    assert run(*how, "--solver", "auto", "--tol", "1e-9", "--class-weight", "balanced")[0] == 0
    with open("r.html", encoding="utf-8") as file:
        text = file.read()
    assert list(faults(text)) == []
    assert ">p</th>" in text
